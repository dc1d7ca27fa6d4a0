"""Pictures with shares in files: both come back, with the sound, and every file says how it is to be read."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.media.clear import WRITERS, writes
from avatar_engine.media.picture import planes
from avatar_engine.media.read import sound

WIDTH, HEIGHT, COUNT = 192, 108, 12


def picture(number: int) -> tuple[ByteArray, ByteArray]:
    """A disc with a soft edge that moves, in a colour that changes over the picture."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    made = np.empty((HEIGHT * 3 // 2, WIDTH), np.uint8)
    luma, blue, red = planes(made)
    luma[:] = 120 + 60 * np.sin((x + number) / 25) * np.cos(y / 30)
    blue[:], red[:] = 100, 150
    shares = np.clip(12 * (40 - np.hypot(x - 90 - 2 * number, y - 54)), 0, 255)
    return made, shares.astype(np.uint8)


def read(path: Path) -> list[list[FloatArray]]:
    """The planes of every picture, luma to shares, each from 0 to 255."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if path.suffix == ".webm":  # FFmpeg's own decoder leaves the shares out
            decoder = av.codec.CodecContext.create("libvpx-vp9", "r")
            frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]  # type: ignore[attr-defined]
        else:
            frames = list(container.decode(stream))
    return [[_plane(frame, plane) for plane in range(4)] for frame in frames]


def _plane(frame: av.VideoFrame, number: int) -> FloatArray:
    plane, wide = frame.planes[number], frame.format.name.endswith("le")
    kind = np.uint16 if wide else np.uint8
    whole = np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width].astype(np.float32)  # type: ignore[call-overload]
    if not wide:
        return np.asarray(whole, np.float32)
    most = 4095 if "12" in frame.format.name else 1023
    return np.asarray(whole * (255 / most if number == 3 else 256 / (most + 1)), np.float32)


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_colours_shares_and_sound_come_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"hello{suffix}"
    tone = (0.3 * np.sin(np.arange(COUNT * 960) / 5)).astype(np.float32)
    tags = {"title": "June", "comment": "AI-generated"}
    with WRITERS[suffix](path, WIDTH, HEIGHT, metadata=tags) as writer:
        for number in range(COUNT):
            writer.picture_with(*picture(number))
            writer.sound(tone[number * 960 : (number + 1) * 960])
    seen = read(path)
    assert len(seen) == COUNT
    for number, (luma, blue, red, shares) in enumerate(seen):
        made, share = picture(number)
        assert np.abs(shares - share).max() < (12 if suffix == ".webm" else 0.5)
        assert np.abs(shares - share).mean() < 0.2
        assert np.abs(luma - planes(made)[0]).mean() < 1.5
        assert abs(blue.mean() - 100) < 1 and abs(red.mean() - 150) < 1
    heard = sound(path)[: len(tone)]
    assert abs(len(sound(path)) - len(tone)) < 960
    assert np.corrcoef(heard[2400:-960], tone[2400 : len(heard)][: len(heard[2400:-960])])[0, 1] > 0.99
    with av.open(str(path)) as container:
        told = {key.lower(): value for key, value in container.metadata.items()}
        context = container.streams.video[0].codec_context
        assert told["title"] == "June" and told["comment"] == "AI-generated"
        assert (context.colorspace, context.color_range) == (6, 1)


def test_only_these_two_have_room_for_shares() -> None:
    assert writes(Path("a.WEBM")) and writes(Path("a.mov")) and not writes(Path("a.mp4"))
