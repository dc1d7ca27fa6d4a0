"""Small clips made by code, one oddity each: what the tests of intake and media are fed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

PATCH = (200, 60, 30)
"""RGB of the patch in the middle of every clip's picture."""


def click_times(seconds: float) -> list[float]:
    """When a clip's sound clicks and its bar flashes: once a second, from 0.4 s on."""
    return [0.4 + k for k in range(int(seconds) + 1) if 0.4 + k < seconds - 0.1]


@dataclass(frozen=True, slots=True)
class Clip:
    """What clip to make; the defaults are an ordinary one.

    In its picture: grey, a patch of `PATCH` in the middle, a white band along the top that is lit for 100 ms at
    each of `click_times`, and a white square in the upper left corner only, so that turning it can be seen.
    In its sound: a 1 kHz burst of 100 ms at each of `click_times`.
    """

    width: int = 160
    height: int = 120
    rate: Fraction = Fraction(25)
    seconds: float = 3.0
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    times: tuple[float, ...] = ()
    sample_rate: int = 48_000
    layout: str = "mono"
    audio_codec: str = "aac"
    sound: bool = True
    picture: bool = True
    sound_start: float = 0.0
    picture_start: float = 0.0
    rotation: int | None = None
    matrix: str = "601"
    full_range: bool = False
    transfer: int | None = None
    primaries: int | None = None
    options: dict[str, str] = field(default_factory=lambda: {"crf": "10", "preset": "ultrafast"})


def make(path: Path, clip: Clip = Clip()) -> Path:
    """Write ``clip`` to ``path``; the container follows from its suffix."""
    with av.open(str(path), "w") as container:
        video = _video(container, clip) if clip.picture else None
        audio = (
            container.add_stream(clip.audio_codec, rate=clip.sample_rate, layout=clip.layout)
            if clip.sound
            else None
        )
        if video is not None:
            for time, picture in _pictures(clip):
                frame = _frame(picture, clip)
                frame.pts = round((time + clip.picture_start) / video.codec_context.time_base)
                frame.time_base = video.codec_context.time_base
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        if audio is not None:
            for frame in _sounds(clip):
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def _video(container: av.container.OutputContainer, clip: Clip) -> av.VideoStream:
    stream = container.add_stream(clip.codec, rate=clip.rate, options=clip.options)
    stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, clip.pixel_format
    context = stream.codec_context
    context.time_base = Fraction(1, 90_000) if clip.times or clip.picture_start else 1 / clip.rate
    context.colorspace = {"601": 6, "709": 1, "2020": 9, "": 2}[clip.matrix]
    context.color_range = 2 if clip.full_range else 1
    if clip.pixel_format.startswith("rgb"):
        context.colorspace, context.color_range = 0, 2
    if clip.transfer is not None:
        context.color_trc = clip.transfer
    if clip.primaries is not None:
        context.color_primaries = clip.primaries
    if clip.rotation is not None:
        stream.set_display_rotation(clip.rotation)
    return stream


def _pictures(clip: Clip) -> Iterable[tuple[float, npt.NDArray[np.uint8]]]:
    times = clip.times or tuple(float(k / clip.rate) for k in range(round(clip.seconds * clip.rate)))
    clicks = click_times(clip.seconds)
    for time in times:
        yield time, picture(clip, lit=any(-1e-6 <= time - click < 0.1 - 1e-6 for click in clicks))


def picture(clip: Clip, lit: bool) -> npt.NDArray[np.uint8]:
    """One picture of the clip, rgb24."""
    rgb = np.full((clip.height, clip.width, 3), 90, np.uint8)
    if lit:
        rgb[: clip.height // 5] = 255
    rgb[: clip.height // 3, : clip.width // 8] = 255
    top, left = clip.height // 3, clip.width // 3
    rgb[top : 2 * top, left : 2 * left] = PATCH
    return rgb


def _frame(rgb: npt.NDArray[np.uint8], clip: Clip) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    space = {"601": 5, "709": 1, "2020": 9, "": 5}[clip.matrix]
    if clip.pixel_format.startswith("rgb") or clip.pixel_format.startswith("gbr"):
        return frame.reformat(format=clip.pixel_format)
    return frame.reformat(
        format=clip.pixel_format, dst_colorspace=space, dst_color_range=2 if clip.full_range else 1
    )


def burst_sound(rate: int, seconds: float) -> npt.NDArray[np.float32]:
    """The clip's sound, mono."""
    samples = np.zeros(round(rate * seconds), np.float32)
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate // 10) / rate).astype(np.float32)
    for click in click_times(seconds):
        start = round(click * rate)
        samples[start : start + len(tone)] = tone
    return samples


def _sounds(clip: Clip) -> Iterable[av.AudioFrame]:
    mono = burst_sound(clip.sample_rate, clip.seconds)[round(clip.sound_start * clip.sample_rate) :]
    channels = av.AudioLayout(clip.layout).nb_channels
    size = 1024
    for start in range(0, len(mono), size):
        piece = np.ascontiguousarray(
            np.broadcast_to(mono[start : start + size], (channels, len(mono[start : start + size])))
        )
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=clip.layout)
        frame.sample_rate = clip.sample_rate
        frame.pts = start + round(clip.sound_start * clip.sample_rate)
        frame.time_base = Fraction(1, clip.sample_rate)
        yield frame


def lit_frames(pictures: Iterable[npt.NDArray[np.uint8]]) -> list[int]:
    """Indices of the pictures (rgb24) whose upper band, right of the corner square, has just been lit."""
    lit = [float(p[: p.shape[0] // 8, p.shape[1] // 4 :].mean()) > 170 for p in pictures]
    return [k for k, now in enumerate(lit) if now and (k == 0 or not lit[k - 1])]


def bursts(samples: npt.NDArray[np.float32], rate: int) -> list[float]:
    """Seconds at which the sound's bursts begin."""
    loud = np.abs(samples) > 0.1
    edges = np.flatnonzero(loud)
    return [float(e) / rate for k, e in enumerate(edges) if k == 0 or e - edges[k - 1] > rate // 4]
