"""Pieces of film for `watermark.py`, out of recordings and of drawn scenes under sounds, and encoders for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import soxr

from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME, ByteArray, FloatArray
from avatar_engine.media import read
from avatar_engine.stage.compose import Stage
from avatar_engine.stage.label import Label

SIZE = (1280, 720)
SOUNDS = (".wav", ".flac", ".mp3")


@dataclass(frozen=True)
class Clip:
    """A piece of film as a show would put it on air, unmarked.

    Attributes:
        name: Where it is from.
        pictures: uint8 I420 of `SIZE`.
        sound: float32, mono, 24 kHz.
    """

    name: str
    pictures: list[ByteArray]
    sound: FloatArray


Scene = Callable[[], ByteArray]
"""Gives a picture, uint8 I420, when it is needed: pieces that are left out are not drawn."""


def clips(
    sources: list[Path], seconds: float, most: int, first: int = 0, seen: bool = True
) -> Iterator[Clip]:
    """Pieces of every source that follow one another, in turns, from number ``first`` on, until there are ``most``; not
    ``seen``, they have no pictures."""
    lines = [pieces(source, seconds, seen) for source in sources]
    met = 0
    while lines and met < first + most:
        for line in list(lines):
            make = next(line, None)
            if make is None:
                lines.remove(line)
                continue
            if first <= met < first + most:
                yield make()
            met += 1


def pieces(source: Path, seconds: float, seen: bool) -> Iterator[Callable[[], Clip]]:
    """Of a film; of a folder of takes, joined; or of a sound under a drawn scene. Each is made when it is called."""
    count = round(seconds * FRAME_RATE)
    stage = Stage(SIZE, Label("en", "top-right", SIZE, False))
    held: list[Scene] = []
    heard = np.zeros(0, np.float32)
    number = 0

    def composed(name: str, scenes: list[Scene], sound: FloatArray) -> Clip:
        return Clip(name, [stage.compose(scene()).copy() for scene in scenes], sound)

    for scenes, sound in _read(source):
        held += scenes
        heard = np.concatenate([heard, sound])
        while len(held) >= count and len(heard) >= count * SAMPLES_PER_FRAME:
            name = f"{source.stem}:{number}"
            yield partial(composed, name, held[:count] if seen else [], heard[: count * SAMPLES_PER_FRAME])
            held, heard, number = held[count:], heard[count * SAMPLES_PER_FRAME :], number + 1


def _read(source: Path) -> Iterator[tuple[list[Scene], FloatArray]]:
    takes = sorted(source.iterdir()) if source.is_dir() else [source]
    for take in takes:
        sound = read.sound(take)
        if take.suffix in SOUNDS:
            seed = sum(map(ord, take.stem))
            for start in range(0, len(sound) - SAMPLE_RATE, 5 * SAMPLE_RATE):
                part = sound[start : start + 5 * SAMPLE_RATE]
                scenes = range(len(part) // SAMPLES_PER_FRAME)
                yield [partial(drawn, k, seed + start) for k in scenes], part
            continue
        done = 0
        block: list[Scene] = []
        for picture in read.frames(take, format="yuv420p"):
            block.append(partial(_kept, picture))
            if len(block) == FRAME_RATE:
                yield block, _samples(sound, done, len(block))
                done, block = done + len(block), []
        yield block, _samples(sound, done, len(block))


def _kept(picture: ByteArray) -> ByteArray:
    return picture


def _samples(sound: FloatArray, start: int, count: int) -> FloatArray:
    part = sound[start * SAMPLES_PER_FRAME : (start + count) * SAMPLES_PER_FRAME]
    return np.pad(part, (0, count * SAMPLES_PER_FRAME - len(part)))


def drawn(index: int, seed: int) -> ByteArray:
    """A room with soft light, a woven curtain, and a head that moves; 640 x 360."""
    draw = np.random.default_rng(seed)
    down, across = np.mgrid[0:360, 0:640].astype(np.float32) / 360
    light = draw.uniform(40, 150) + 50 * np.cos(across * draw.uniform(0.5, 2)) * np.sin(
        down + draw.uniform(0, 2)
    )
    weave = cv2.GaussianBlur(draw.normal(0, 40, (360, 640)).astype(np.float32), (0, 0), draw.uniform(0.6, 2))
    luma = light + np.where(across > draw.uniform(0.8, 1.5), weave, 0)
    sway = 0.06 * np.sin(index / 9 + draw.uniform(0, 6))
    head = np.hypot(across - 0.85 - sway, 0.8 * (down - 0.5)) < 0.24
    luma = np.where(head, draw.uniform(90, 190) + 18 * np.cos(8 * (across - sway)) * np.cos(6 * down), luma)
    luma += np.random.default_rng(index).normal(0, draw.uniform(0.3, 2.0), luma.shape)
    picture = np.full((540, 640), 128, np.uint8)
    picture[:360] = np.clip(luma, 16, 235)
    return picture


def encoded(
    path: Path, pictures: Iterator[ByteArray], sound: FloatArray, *, rate: int = FRAME_RATE, video: dict[str, str],
    audio: tuple[str, int, int] = ("aac", 128_000, 48_000),
) -> Path:  # fmt: skip
    """Pictures, uint8 I420, at ``rate`` and mono sound at 24 kHz into a file: x264's options; codec, bits and rate."""
    codec, bits, hertz = audio
    with av.open(str(path), "w", format="matroska") as container:
        lines: Any = None
        voice: Any = container.add_stream(codec, rate=hertz, layout="mono")
        voice.codec_context.bit_rate = bits
        for picture in pictures:
            if lines is None:
                lines = container.add_stream("libx264", rate=rate, options={"threads": "1", **video})
                lines.height, lines.width = picture.shape[0] * 2 // 3, picture.shape[1]
                lines.pix_fmt = "yuv420p"
            container.mux(lines.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(lines.encode(None))
        fast = np.clip(soxr.resample(sound, SAMPLE_RATE, hertz), -1, 1).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(fast[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = hertz, 0
        form = "flt" if codec == "libopus" else "fltp"
        size = 960 if codec == "libopus" else 1024 if codec == "aac" else 1152
        blocks = av.AudioResampler(format=form, layout="mono", rate=hertz, frame_size=size)
        for block in [*blocks.resample(frame), *blocks.resample(None)]:
            container.mux(voice.encode(block))
        container.mux(voice.encode(None))
    return path


def decoded(path: Path, size: tuple[int, int] | None = None, rate: int = FRAME_RATE) -> Iterator[ByteArray]:
    """A file's pictures, uint8 I420, of another size and rate (by the nearest picture) where asked."""
    due = 0
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            scaled = frame.reformat(width=size[0], height=size[1], interpolation="BICUBIC") if size else frame
            picture: Any = scaled.to_ndarray(format="yuv420p")
            while due * FRAME_RATE < (index + 0.5) * rate:
                due += 1
                yield picture
