"""Streams of bytes as sound: at once, and nothing else."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.media.listen import NotThereError
from avatar_engine.media.piped import Raw, piped

RATE = 16_000
TONE = (8000 * np.sin(2 * np.pi * 250 * np.arange(2 * RATE) / RATE)).astype("<i2")


class Dry(io.BytesIO):
    """Ends in a time limit, as a socket does from which nothing comes any more."""

    asked = 0

    def read(self, most: int | None = -1) -> bytes:
        self.asked += 1
        if data := super().read(most):
            return data
        raise TimeoutError("timed out")


def wave(kind: int = 1, bits: int = 16, channels: int = 1, extra: bytes = b"") -> bytes:
    form = struct.pack(
        "<HHIIHH", kind, channels, RATE, RATE * channels * bits // 8, channels * bits // 8, bits
    )
    form += extra
    begin = b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    return begin + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", 0xFFFFFFFF)


def heard(data: bytes, raw: Raw | None = None) -> FloatArray:
    with piped(io.BytesIO(data), "a stream", raw) as hearing:
        assert hearing.live and hearing.seconds == 0.0
        return np.concatenate([*hearing.pieces()])


SAMPLES = TONE.astype(np.float64) / 32768
GUID = bytes.fromhex("000000001000800000aa00389b71")


@pytest.mark.parametrize(
    ("head", "data", "raw"),
    [
        (wave(), TONE.tobytes(), None),
        (wave(channels=2), np.repeat(TONE, 2).tobytes(), None),
        (wave(bits=8), ((TONE >> 8) + 128).astype(np.uint8).tobytes(), None),
        (wave(bits=32), (SAMPLES * 2**31).astype("<i4").tobytes(), None),
        (wave(kind=3, bits=32), SAMPLES.astype("<f4").tobytes(), None),
        (wave(0xFFFE, extra=struct.pack("<HHIH", 22, 16, 4, 1) + GUID), TONE.tobytes(), None),
        (b"", TONE.tobytes(), Raw(RATE)),
        (b"", np.repeat(TONE, 3).tobytes(), Raw(RATE, 3)),
    ],
)
def test_a_stream_comes_as_mono_at_the_shows_rate(head: bytes, data: bytes, raw: Raw | None) -> None:
    samples = heard(head + data, raw)
    assert len(samples) / SAMPLE_RATE == pytest.approx(2.0, abs=0.01)
    assert np.abs(samples).max() == pytest.approx(8000 / 32768, rel=0.05)
    assert np.abs(np.fft.rfft(samples)).argmax() == pytest.approx(500, abs=2)


@pytest.mark.parametrize(
    ("form", "codec"), [("flac", "flac"), ("mp3", "libmp3lame"), ("matroska", "libopus")]
)
def test_common_formats_are_known_too(form: str, codec: str) -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        stream = container.add_stream(codec, rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.repeat(TONE, 3)[None].astype(np.int16), "s16", "mono")
        frame.sample_rate = 48_000
        for part in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(part)
    samples = heard(buffer.getvalue())
    assert len(samples) / SAMPLE_RATE == pytest.approx(2.0, abs=0.1)


def test_a_wav_is_heard_from_its_first_bytes_on() -> None:
    source = Dry(wave() + TONE.tobytes())
    with piped(source, "a stream") as hearing:
        opened = source.tell()
        first = next(hearing.pieces())
    assert opened < 200 and source.tell() < 10_000 and len(first)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no sound that is known"),
        (b"hello " * 9000, "no sound that is known"),
        (b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "no sound that is known"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "no sound that is known"),
        (wave()[:40], "header is damaged"),
        (b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff", "header is damaged"),
        (b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 20_000, "header is damaged"),
        (wave(bits=12), "12 bits and kind 1"),
        (wave(kind=85), "kind 85"),
        (wave(channels=99), "99 channels"),
    ],
)
def test_what_is_no_sound_is_refused_and_opens_nothing_else(data: bytes, said: str) -> None:
    with pytest.raises(AvatarError, match=said):
        heard(data)


def test_what_does_not_come_is_told_apart() -> None:
    with pytest.raises(NotThereError, match="no sound comes"), piped(Dry(b""), "a stream"):
        pass
    with (
        piped(Dry(wave() + TONE.tobytes()), "a stream") as hearing,
        pytest.raises(NotThereError, match="broke off"),
    ):
        list(hearing.pieces())
