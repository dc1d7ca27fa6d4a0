import numpy as np
import pytest

from avatar_engine.contracts import EMOTIONS, SAMPLE_RATE, Controls
from avatar_engine.markup import EMPHASES, Manner
from avatar_engine.voice.controls import (
    EARLY,
    PRESETS,
    STRESSES,
    Level,
    limited,
    resolved,
    shape,
    shaped,
    stretched,
)
from avatar_engine.voice.network import Plan

SAID = "ab cd, ef."
FRAMES = np.array([4, 6, 8, 2, 5, 7, 3, 2, 6, 9, 3, 4])


def plan() -> Plan:
    """Tokens that can be told apart, and a melody of five semitones up and down, silent at both ends."""
    total = int(FRAMES.sum())
    text = np.repeat(np.arange(len(FRAMES), dtype=np.float32), FRAMES)[None, None].repeat(512, 1)
    pitch = (180 * 2 ** (np.sin(np.arange(2 * total) / 6) * 2.5 / 12)).astype(np.float32)
    pitch[:8] = pitch[-14:] = 0
    return Plan(text, pitch[None], np.ones((1, 2 * total), np.float32), FRAMES.astype(np.int64))


def said(controls: Controls = Controls()) -> Plan:  # noqa: B008
    return shaped(plan(), shape(SAID, [Manner(controls)] * len(SAID)))


def tones(plan: Plan) -> np.ndarray:
    return 12 * np.log2(plan.pitch[plan.pitch > 40])


def test_neutral_controls_leave_a_plan_as_it_is() -> None:
    before, after = plan(), said()
    assert np.array_equal(before.pitch, after.pitch) and np.array_equal(before.frames, after.frames)
    plain = shape(SAID, [Manner()] * len(SAID))
    assert (plain.speed, plain.pause, Level.of(plain, after)) == (1, 1, None)


def test_pitch_and_range_are_as_asked() -> None:
    before, higher, wider = tones(plan()), tones(said(Controls(pitch=3))), tones(said(Controls(range=1.5)))
    assert np.allclose(higher - before, 3, atol=1e-3)
    assert wider.mean() == pytest.approx(before.mean(), abs=1e-3)
    assert wider.std() == pytest.approx(1.5 * before.std(), rel=1e-3)
    unvoiced = plan().pitch <= 40
    assert np.all(said(Controls(pitch=3)).pitch[unvoiced] == 0)


def test_emotions_move_a_plan_as_asked() -> None:
    plain, plain_tones = resolved(Controls()), tones(said())
    for emotion, (pitch, spread, energy, speed) in {
        "excited": (1, 1, 1, 1),
        "warm": (-1, 0, -1, -1),
        "calm": (-1, -1, -1, -1),
        "serious": (-1, -1, 1, -1),
    }.items():
        made, got = resolved(Controls(emotion=emotion)), tones(said(Controls(emotion=emotion)))
        assert np.sign(np.round(got.mean() - plain_tones.mean(), 2)) == pitch, emotion
        assert np.sign(np.round(got.std() - plain_tones.std(), 2)) == spread, emotion
        assert np.sign(made.energy - plain.energy) == energy, emotion
        assert np.sign(made.speed - plain.speed) == speed, emotion


def test_an_emotion_comes_on_top_of_the_controls_and_stays_where_words_stay() -> None:
    asked = resolved(Controls(speed=0.9, pitch=1, energy=-2, emotion="excited"))
    only = PRESETS["excited"]
    assert (asked.speed, asked.pitch) == pytest.approx((0.9 * only.speed, 1 + only.pitch))
    most = resolved(Controls(2.0, 4, 1.6, 6, "excited"))
    assert most.speed == 2 and most.pitch <= 5 and most.range <= 1.8


def test_stretching_keeps_every_token_its_text_and_the_whole_length() -> None:
    factors = np.linspace(0.6, 1.7, len(FRAMES))
    before, after = plan(), stretched(plan(), factors)
    assert after.frames.sum() == pytest.approx((FRAMES * factors).sum(), abs=1)
    assert np.all(np.abs(after.frames - FRAMES * factors) <= 1)
    assert after.text.shape[2] == after.frames.sum()
    assert after.pitch.shape == after.energy.shape == (1, 2 * after.frames.sum())
    assert np.array_equal(after.text[0, 0], np.repeat(np.arange(len(FRAMES)), after.frames))
    assert (after.pitch > 40).mean() == pytest.approx((before.pitch > 40).mean(), abs=0.05)
    assert after.pitch[after.pitch > 0].min() > 150, "nothing half way between a voice and none"


def test_no_token_is_lost_when_all_are_short() -> None:
    assert np.all(stretched(plan(), np.full(len(FRAMES), 0.05)).frames >= 1)


def test_emphasis_is_slower_higher_and_louder_on_its_word_alone() -> None:
    manners = [Manner(emphasis="strong" if 3 <= place < 5 else "none") for place in range(len(SAID))]
    stressed = shape(SAID, manners)
    before, after = plan(), shaped(plan(), stressed)
    longer = after.frames - before.frames
    assert longer[4] > 0 and longer[5] > 0 and abs(longer[[1, 2, 3, 7, 8, 9]]).max() <= 1
    level = Level.of(stressed, after)
    assert level is not None
    first = 2 * after.frames[:4].sum() - EARLY
    last = 2 * after.frames[:6].sum() - EARLY
    middle = (first + last) // 2
    assert level.energy[middle] == pytest.approx(3.5)
    assert not level.energy[: first - 5].any() and not level.energy[last + 5 :].any()
    lengths = stretched(plan(), stressed.length)
    rise = 12 * np.log2(np.maximum(after.pitch[0], 1) / np.maximum(lengths.pitch[0], 1))
    assert rise[middle] == pytest.approx(3, abs=0.01) and abs(rise[: first - 5]).max() < 0.01
    assert np.abs(np.diff(rise[(lengths.pitch[0] > 40)])).max() < 0.5, "the pitch does not step"


def test_a_change_of_rate_within_a_sentence_changes_its_part_alone() -> None:
    slow = Manner(Controls(speed=0.5))
    half = shape(SAID, [Manner()] * 6 + [slow] * 4)
    assert half.speed == 1
    frames = stretched(plan(), half.length).frames
    assert np.array_equal(frames[:7], FRAMES[:7]) and frames[7:11].sum() == 2 * FRAMES[7:11].sum()


def test_calm_waits_longer_and_excited_less() -> None:
    pauses = {name: shape(SAID, [Manner(Controls(emotion=name))] * len(SAID)).pause for name in EMOTIONS}
    assert pauses["excited"] < pauses["neutral"] < pauses["calm"]
    calm = shape(SAID, [Manner(Controls(emotion="calm"))] * len(SAID))
    assert calm.length[6] == pytest.approx(1.4) and calm.length[1] == 1, "the comma"


def test_level_is_a_gain_that_pieces_share() -> None:
    shape_ = shape(SAID, [Manner(Controls(energy=-6))] * 5 + [Manner(Controls(energy=3, emotion="warm"))] * 5)
    level = Level.of(shape_, plan())
    assert level is not None
    length = 300 * int(2 * FRAMES.sum())
    sound = (0.3 * np.sin(2 * np.pi * 300 * np.arange(length) / SAMPLE_RATE)).astype(np.float32)
    whole, _ = level.apply(sound, 0, 0.0)
    state, pieces = 0.0, []
    for start in range(0, length, 7777):
        piece, state = level.apply(sound[start : start + 7777], start, state)
        pieces.append(piece)
    assert np.allclose(np.concatenate(pieces), whole, atol=1e-6)
    assert np.abs(whole[500:3000]).max() == pytest.approx(0.3 * 10 ** (-6 / 20), rel=0.01)
    assert np.abs(np.diff(whole)).max() < 1.6 * np.abs(np.diff(sound)).max(), (
        "no step where the level changes"
    )


def test_a_warm_level_takes_from_the_bright_alone() -> None:
    level = Level.of(shape(SAID, [Manner(Controls(energy=1.5, emotion="warm"))] * 10), plan())
    assert level is not None
    time = np.arange(9000) / SAMPLE_RATE
    for hertz, gain in ((150, 0.0), (9000, -2.1)):
        tone = (0.2 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
        made, _ = level.apply(tone, 0, 0.0)
        assert 20 * np.log10(made[500:].std() / tone[500:].std()) == pytest.approx(gain, abs=0.3)


def test_loud_sound_bends_and_never_breaks_off() -> None:
    made = limited(np.linspace(-3, 3, 601))
    assert np.abs(made).max() <= 1 and np.all(np.diff(made) >= 0)
    assert np.allclose(made[np.abs(made) < 0.8], np.linspace(-3, 3, 601)[np.abs(made) < 0.8], atol=1e-6)


def test_every_emotion_and_emphasis_has_its_preset() -> None:
    assert set(PRESETS) == set(EMOTIONS) and set(STRESSES) == set(EMPHASES)
