"""Every fault is found with the value that broke its limit, and speech is none."""

import itertools

import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, SILENCE, Phone
from avatar_engine.voice import checks
from avatar_engine.voice.checks import COLUMN, Fault, FaultError

RNG = np.random.default_rng(3)


def vowel(seconds: float = 1.0, level: float = 0.1, pitch: float = 140.0) -> np.ndarray:
    """A buzz of harmonics that fall by 12 dB an octave, with a little breath, as a vowel is."""
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * pitch * n * at) / n**2 for n in range(1, 25))
    breath = RNG.normal(0, 0.003, len(at))
    return (level * (tone / np.sqrt(np.mean(tone**2)) + breath)).astype(np.float32)


def said(samples: np.ndarray) -> np.ndarray:
    return np.ones(len(samples) // COLUMN, np.bool_)


def phones(*lengths: float) -> tuple[Phone, ...]:
    ends = np.cumsum((0.3, *lengths))
    spoken = [Phone("a", start, end) for start, end in itertools.pairwise(ends)]
    return (Phone(SILENCE, 0, 0.3), *spoken, Phone(SILENCE, ends[-1], ends[-1] + 0.3))


def kind(fault: Fault | None) -> str:
    return fault.kind if fault else ""


def test_speech_is_no_fault() -> None:
    for level in (0.01, 0.1, 0.2):
        sound = vowel(level=level)
        assert checks.sound(sound, said(sound)) is None
        assert checks.sound(sound) is None
    assert checks.sound(np.zeros(0, np.float32)) is None
    assert checks.sound(vowel(0.003), np.zeros(0, np.bool_)) is None


def test_one_sample_that_is_no_number_is_found() -> None:
    sound = vowel()
    sound[7] = np.inf
    sound[9] = np.nan
    assert checks.sound(sound) == Fault("numbers", 2, 0)


def test_overdriven_sound_is_clipped_and_one_high_peak_is_not() -> None:
    loud = np.clip(vowel(level=0.8), -1, 1)
    assert np.mean(np.abs(loud) >= 0.985) > 0.02
    assert kind(checks.sound(loud)) == "clipping" == kind(checks.sound(loud, said(loud)))
    peak = vowel()
    peak[5000:5004] = 1.0
    assert checks.sound(peak) is None
    few = np.ones(8, np.float32)  # of a stream that comes in crumbs
    assert checks.sound(few) is None


def test_silence_where_a_vowel_is_said_is_found_and_silence_elsewhere_is_not() -> None:
    quiet = vowel(level=0.001)
    assert kind(checks.sound(quiet, said(quiet))) == "silence"
    assert checks.sound(quiet, np.zeros(80, np.bool_)) is None
    assert checks.sound(quiet) is None, "what is said is not known"


def test_noise_where_a_vowel_is_said_is_found_and_a_hiss_elsewhere_is_not() -> None:
    noise = RNG.normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    assert kind(checks.sound(noise, said(noise))) == "noise" == kind(checks.sound(noise))
    breath = noise * np.float32(0.08)
    assert checks.sound(breath, said(breath)) is None, "a vowel that dies away"
    beside_an_f = np.concatenate([noise[: SAMPLE_RATE // 5], vowel(0.1)])
    assert checks.sound(beside_an_f, said(beside_an_f)) is None, "a short vowel that is timed a little early"
    hiss = np.concatenate([vowel(0.6), noise[: SAMPLE_RATE // 4], vowel(0.6)])
    assert checks.sound(hiss) is None
    columns = said(hiss)
    columns[48:68] = False
    assert checks.sound(hiss, columns) is None


def test_vowels_are_known_by_their_phones() -> None:
    spoken = (Phone("s", 0, 0.1), Phone("eɪ", 0.1, 0.3), Phone(SILENCE, 0.3, 0.4), Phone("ʁ", 0.4, 0.5))
    found = checks.vowels(spoken, 40)
    assert found[9:23].all() and found.sum() == 14


def test_a_plan_as_long_as_its_phones_take_is_good_at_any_speed() -> None:
    for speed in (0.5, 1.0, 2.0):
        assert checks.length(phones(*[0.1 / speed] * 12), 0.1, speed) is None
    assert checks.length(phones(0.35), 0.1, 1.0) is None, "one phone alone is held"
    assert checks.length((Phone(SILENCE, 0, 1),), 0.1, 1.0) is None


@pytest.mark.parametrize(
    ("lengths", "value"), [([0.23] * 30, 6.9), ([0.02] * 30, 0.6), ([0.1] * 20 + [1.45] + [0.1] * 20, 1.45)]
)
def test_a_plan_too_long_too_short_or_with_one_endless_phone_is_found(lengths, value) -> None:
    fault = checks.length(phones(*lengths), 0.1, 1.0)
    assert fault is not None and fault.kind == "length" and fault.value == pytest.approx(value)
    at_half_speed = checks.length(phones(*[2 * length for length in lengths]), 0.1, 0.5)
    assert at_half_speed is not None and at_half_speed.value == pytest.approx(value)


def test_a_pitch_that_no_voice_has_is_found() -> None:
    def curve(hertz: float) -> np.ndarray:
        return np.array([0, 0, *[hertz] * 9, -3], np.float32)

    assert checks.pitch(curve(120)) is None and checks.pitch(curve(0)) is None
    assert checks.pitch(curve(45)) == Fault("pitch", 45, 50)
    assert checks.pitch(curve(600)) == Fault("pitch", 600, 480)
    assert kind(checks.pitch(curve(float("nan")))) == "numbers"


def test_a_step_between_two_pieces_is_found_and_a_loud_wave_is_not() -> None:
    wave = vowel(0.2, 0.2)
    assert checks.step(wave[:2000], wave[2000:]) is None
    fault = checks.step(wave[:2000] * 0, wave[2000:] * 0 + 0.7)
    assert fault is not None and fault.kind == "step" and fault.value == pytest.approx(0.7)
    assert checks.step(wave[:0], wave) is None is checks.step(wave, wave[:0])


def test_the_whole_of_a_sentence_is_as_long_as_it_was_to_be() -> None:
    assert checks.whole(vowel(2.0), 2.0) is None
    bent = np.tanh(vowel(2.0, 0.5) * 9)
    assert checks.whole(bent, 2.0) is None and kind(checks.sound(bent)) == "clipping"
    assert kind(checks.whole(RNG.normal(0, 0.1, 48_000).astype(np.float32), 2.0)) == "noise"
    assert kind(checks.whole(np.append(vowel(2.0), np.float32(np.nan)), 2.0)) == "numbers"
    assert checks.whole(np.pad(vowel(1.0), 12_000), 1.5) is None
    assert checks.whole(np.pad(vowel(0.3), 48_000), 3.0) == Fault("silence", 0.3, pytest.approx(0.9))


def test_a_text_without_known_phones_has_its_length_too() -> None:
    letters = checks.letters("Welcome to the show.")
    assert letters == 20 and checks.letters("25 元") == 2 * 4 + 1 + 4
    assert checks.too_long(5.0, letters, 1.0) is None is checks.too_short(0.9, letters, 1.0)
    assert kind(checks.too_long(13.0, letters, 1.0)) == "length" == kind(checks.too_short(0.1, letters, 1.0))
    assert checks.too_long(13.0, letters, 0.5) is None, "said at half the speed"
    assert checks.too_short(0.0, checks.letters("Hm."), 1.0) is None


def test_a_fault_says_what_was_wrong_with_which_value() -> None:
    with pytest.raises(FaultError, match=r"noise 0\.512 \(limit 0\.4\)"):
        checks.refuse(Fault("noise", 0.5123, 0.4))
    checks.refuse(None)
    assert Fault("noise", 1, 1).kind in checks.KINDS
