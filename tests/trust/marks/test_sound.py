"""The sound's mark lies under the sound, waits for nothing, and is found after AAC and at other rates."""

from __future__ import annotations

import io
import tracemalloc

import av
import numpy as np
import pytest
import soxr

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray
from avatar_engine.trust.marks.sound import (
    EDGES,
    PERIOD,
    STEP,
    FrameMark,
    SoundMark,
    SoundSearch,
    SoundState,
)

NUMBER = 0x3F2A90C1


def speech(seconds: float, seed: int = 0) -> FloatArray:
    """Something like it: syllables of a voice with vowels' bands and hisses, and pauses of room tone."""
    draw = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * time)) / SAMPLE_RATE
    voice = sum(np.sin(n * pitch) / n**1.2 for n in range(1, 60))
    hiss = draw.normal(0, 1, len(time))
    hiss = np.diff(hiss, prepend=0.0)
    syllables = np.maximum(0, np.sin(2 * np.pi * 3.1 * time)) * (np.sin(2 * np.pi * 0.23 * time) > -0.6)
    hisses = np.maximum(0, np.sin(2 * np.pi * 3.1 * time + 2)) ** 4 * (np.sin(2 * np.pi * 0.23 * time) > -0.6)
    sound = 0.08 * voice * syllables + 0.05 * hiss * hisses + draw.normal(0, 2e-4, len(time))
    return np.asarray(sound, np.float32)


def marked(sound: FloatArray, first: int = 0) -> FloatArray:
    """It as a programme's frames from number ``first`` on."""
    out, hide = sound.copy(), FrameMark(NUMBER)
    for place in range(len(sound) // SAMPLES_PER_FRAME):
        hide(first + place, out[place * SAMPLES_PER_FRAME :][:SAMPLES_PER_FRAME])
    return out


@pytest.fixture(scope="module")
def plain() -> FloatArray:
    return speech(12)


@pytest.fixture(scope="module")
def hidden(plain: FloatArray) -> FloatArray:
    return marked(plain)


def search(sound: FloatArray) -> SoundSearch:
    looking = SoundSearch()
    for start in range(0, len(sound), 7001):
        looking.push(sound[start : start + 7001])
    return looking


def test_it_is_found_and_read_wherever_the_sound_is_cut(hidden: FloatArray) -> None:
    for start in (0, 12_345):
        found = search(hidden[start:]).found()
        assert found.there and found.number == NUMBER


def test_it_is_not_found_where_it_is_not(plain: FloatArray) -> None:
    assert not search(plain).found().there
    assert not search(np.zeros(5 * SAMPLE_RATE, np.float32)).found().there
    assert not SoundSearch().found().there


def test_it_lies_thirty_decibels_under_the_sound_and_is_silent_where_that_is(
    plain: FloatArray, hidden: FloatArray
) -> None:
    noise = hidden - plain
    assert 28 < 10 * np.log10(np.sum(plain**2) / np.sum(noise**2)) < 45
    spectra = [np.abs(np.fft.rfft(part.reshape(-1, 2400) * np.hanning(2400))) ** 2 for part in (plain, noise)]
    low, high = (np.sum(spectra[1][:, band]) for band in (slice(30, 100), slice(400, 770)))
    tone, hiss = (np.sum(spectra[0][:, band]) for band in (slice(30, 100), slice(400, 770)))
    assert (
        tone / low > hiss / high > 50
    )  # it has the sound's own colour, and is further under where that is loud
    assert np.sum(spectra[1][:, :25]) < 1e-3 * np.sum(spectra[1])  # nothing under the lowest band
    quiet = np.zeros(4 * SAMPLES_PER_FRAME, np.float32)
    assert not marked(quiet).any()


def test_it_looks_at_nothing_that_is_to_come(plain: FloatArray, hidden: FloatArray) -> None:
    half = len(plain) // 2 // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
    assert np.array_equal(marked(plain[:half]), hidden[:half])


def test_pieces_of_any_length_give_the_same(plain: FloatArray, hidden: FloatArray) -> None:
    mark, state, out = SoundMark(NUMBER), SoundState(), plain.copy()
    for start, stop in ((0, 240), (240, 9600), (9600, len(out))):
        state = mark.mark(state, start, out[start:stop])
    np.testing.assert_allclose(out, hidden, atol=1e-6)


def plainly_marked(mark: SoundMark, sound: FloatArray, first: int) -> FloatArray:
    """The same by the formula, every step a new array."""
    out, before = sound.copy(), np.zeros(len(EDGES) - 1, np.float32)
    for frame in range(len(sound) // SAMPLES_PER_FRAME):
        pieces = out[frame * SAMPLES_PER_FRAME :][:SAMPLES_PER_FRAME].reshape(-1, STEP)
        power = np.abs(np.fft.rfft(pieces * np.hanning(STEP).astype(np.float32))) ** 2
        amplitudes = np.sqrt(np.maximum(power.astype(np.float32) @ mark._power - 1e-9, 0))
        for place, (piece, now) in enumerate(zip(pieces, amplitudes, strict=True)):
            at = ((first + frame) * SAMPLES_PER_FRAME + place * STEP) % PERIOD
            noise = mark._bands[:, at : at + STEP]
            piece += before @ noise + ((now - before) @ noise) * mark._rise
            before = now
    return out


def test_what_goes_out_is_to_the_byte_what_the_formula_says(plain: FloatArray, hidden: FloatArray) -> None:
    assert plainly_marked(SoundMark(NUMBER), plain, 0).tobytes() == hidden.tobytes()
    elsewhere = marked(plain[:SAMPLE_RATE], first=12_345)
    assert plainly_marked(SoundMark(NUMBER), plain[:SAMPLE_RATE], 12_345).tobytes() == elsewhere.tobytes()


def test_a_frame_is_marked_without_making_an_array(
    plain: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = plain[: 2 * SAMPLE_RATE].copy().reshape(-1, SAMPLES_PER_FRAME)
    flat = np.ones((SAMPLES_PER_FRAME // STEP, STEP // 2 + 1), np.complex64)
    hide, most = FrameMark(NUMBER), 0
    hide(0, frames[0])
    # NumPy's own scratch is not ours: where it would put the spectra has to be given to it.
    monkeypatch.setattr(np.fft, "rfft", lambda sound, *, out: np.copyto(out, flat))
    tracemalloc.start()
    try:
        for index, sound in enumerate(frames[1:], 1):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            hide(index, sound)
            most = max(most, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert most < 2000, (
        "views and numbers are 1.4 kB; the smallest array, a step of float32, would be 960 bytes more"
    )


def test_a_programme_that_goes_on_elsewhere_keeps_its_place(plain: FloatArray) -> None:
    first, second = marked(plain[: 6 * SAMPLE_RATE], 0), marked(plain[6 * SAMPLE_RATE :], 150)
    found = search(np.concatenate([first, second])).found()
    assert found.there and found.number == NUMBER
    # the same pieces out of step with each other say less
    astray = search(np.concatenate([first, marked(plain[6 * SAMPLE_RATE :], 163)])).found()
    assert astray.strength < 0.9 * found.strength


def encoded(sound: FloatArray, rate: int, bits: int) -> FloatArray:
    """Through AAC at another rate, and back to 24 kHz."""
    fast = soxr.resample(sound, SAMPLE_RATE, rate).astype(np.float32)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono", format="fltp")
        stream.codec_context.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(np.clip(fast, -1, 1)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        blocks = av.AudioResampler(format="fltp", layout="mono", rate=rate, frame_size=1024)
        for block in [*blocks.resample(frame), *blocks.resample(None)]:
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        pieces = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.asarray(soxr.resample(np.concatenate(pieces), rate, SAMPLE_RATE), np.float32)


def test_what_a_sound_begins_with_hides_nothing_of_what_follows() -> None:
    """A show begins with room tone, which carries no mark once it was encoded."""
    tone = np.random.default_rng(3).normal(0, 2e-4, 10 * SAMPLE_RATE).astype(np.float32)
    words = speech(3)
    sound = encoded(marked(np.concatenate([tone, words, tone, words])), 44_100, 96_000)
    whole = SoundSearch()
    whole.push(sound)
    for size in (1024, 7001, 100_000):
        pieces, parts = SoundSearch(), SoundSearch()
        for start in range(0, len(sound), size):
            pieces.push(sound[start : start + size])
        assert pieces.found().strength == pytest.approx(whole.found().strength, rel=1e-6), size
        assert pieces.found().there and pieces.found().number == NUMBER
        for start in range(0, len(sound), 5 * SAMPLE_RATE):
            part = SoundSearch()
            part.push(sound[start : start + 5 * SAMPLE_RATE])
            parts.add(part)
        assert parts.found().strength > 0.9 * whole.found().strength, "but for windows across two parts"


def test_aac_other_rates_gain_and_noise_leave_it(hidden: FloatArray) -> None:
    twice = encoded(encoded(hidden, 48_000, 128_000), 44_100, 96_000)
    noise = np.random.default_rng(0).normal(0, 2e-4, len(twice)).astype(np.float32)
    for changed in (twice, encoded(hidden, 44_100, 64_000), 0.3 * twice + noise):
        found = search(changed).found()
        assert found.there and found.number == NUMBER
