import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.voice.engines.wave import WaveError, WaveLine

RATE = 22_050


def wav(samples, size=None, code=1, bits=16, channels=1):
    kind = "<i2" if code == 1 else "<f4"
    scale = 32768 if code == 1 else 1
    sound = np.repeat((samples * scale).astype(kind), channels).tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, code, channels, RATE, RATE * 2, channels * bits // 8, bits)
    note = b"LIST" + struct.pack("<I", 5) + b"hello\0"
    size = len(sound) if size is None else size
    return b"RIFF" + struct.pack("<I", 0) + b"WAVE" + note + form + b"data" + struct.pack("<I", size) + sound


SOUND = np.random.default_rng(0).integers(-20_000, 20_000, 300) / np.float32(32768)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=30),
    st.sampled_from([(1, 16, 1), (1, 16, 2), (3, 32, 1), (3, 32, 2)]),
    st.sampled_from([None, 0, 0xFFFFFFFF, 0x7FFFFFFF]),
)
def test_samples_are_the_same_however_the_bytes_are_cut(cuts, kind, size):
    code, bits, channels = kind
    data, line, at = wav(SOUND, size, code, bits, channels), WaveLine(), 0
    pieces = []
    for cut in [*cuts, len(data)]:
        pieces.append(line.push(data[at : at + cut]))
        at += cut
    np.testing.assert_allclose(np.concatenate(pieces), SOUND, atol=1e-6)
    assert line.rate == RATE and line.lacks == 0


def test_what_follows_the_sound_is_no_sound():
    line = WaveLine()
    assert len(line.push(wav(SOUND) + b"LIST\x04\0\0\0INFO")) == len(SOUND)
    assert len(line.push(b"more of it")) == 0


def test_a_promise_that_is_not_kept_is_known():
    line = WaveLine()
    line.push(wav(SOUND)[:-50])
    assert line.lacks == 50


def test_bare_pcm_has_no_header():
    line = WaveLine(16_000)
    assert line.push(b"\x00\x40\x00") == pytest.approx([0.5])
    assert line.push(b"\xc0") == pytest.approx([-0.5])


@pytest.mark.parametrize(
    "data",
    [
        b'{"error": "no"}',
        b"RIFF\0\0\0\0AVI LIST",
        wav(SOUND, code=3, bits=16),
        b"RIFF\0\0\0\0WAVEdata\x10\0\0\0",
    ],
)
def test_what_is_no_wav_is_refused(data):
    with pytest.raises(WaveError):
        WaveLine().push(data)
