"""Is a transparent file what the engine makes, laid over whatever one likes?

    python benchmarks/transparent.py marie.avatar --write docs/measurements-stage.md

The same words are rendered before nothing, into both kinds of files, and before colours, light not followed. Files are
read back: their shares against the engine's, and their pictures laid over each colour against the engine's own pictures
before that colour, not encoded. The label is left out: its plate is opaque in the one and only dark in the other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import av
import cv2
import document
import numpy as np
import typer

from avatar_engine.contracts import FRAME_RATE, ByteArray, FloatArray
from avatar_engine.device import cpu_name, usable_cores
from avatar_engine.live.say import render
from avatar_engine.media.clear import WRITERS, ClearWriter
from avatar_engine.media.picture import planes
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage.label import Label

BEGIN, END = "<!-- transparent: written by benchmarks/transparent.py -->", "<!-- /transparent -->"
TEXT = "Good evening, everybody."
COLOURS = {
    "#101828": "night blue",
    "#ffffff": "white",
    "#808080": "grey",
    "#00a040": "green",
    "#d02030": "red",
}


@contextmanager
def kept() -> Iterator[list[tuple[ByteArray, ByteArray | None]]]:
    """The pictures that are given to writers meanwhile, and their shares."""
    pictures: list[tuple[ByteArray, ByteArray | None]] = []
    plain, clear = VideoWriter.picture, ClearWriter.picture_with

    def picture(writer: VideoWriter, given: ByteArray, *more: Any) -> None:
        pictures.append((given.copy(), None))
        plain(writer, given, *more)

    def picture_with(writer: ClearWriter, given: ByteArray, shares: ByteArray) -> None:
        pictures.append((given.copy(), shares.copy()))
        clear(writer, given, shares)

    VideoWriter.picture, ClearWriter.picture_with = picture, picture_with  # type: ignore[method-assign, assignment]
    try:
        yield pictures
    finally:
        VideoWriter.picture, ClearWriter.picture_with = plain, clear  # type: ignore[method-assign]


def read(path: Path) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Every picture of a file, BGR (height, width, 3) and its shares (height, width, 1), both from 0 to 255."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        own = stream.codec_context.name == "vp9"  # FFmpeg's own decoder leaves the shares out
        decoder: Any = av.codec.CodecContext.create("libvpx-vp9", "r") if own else stream.codec_context
        for packet in container.demux(stream):
            for frame in decoder.decode(packet):
                yield np.asarray(frame.to_ndarray(format="bgr24"), np.float32), _shares(frame)


def _shares(frame: Any) -> FloatArray:
    plane, wide = frame.planes[3], frame.format.name.endswith("le")
    whole = np.frombuffer(plane, np.uint16 if wide else np.uint8).reshape(plane.height, -1)[:, : plane.width]
    most = {"yuva420p": 255, "yuva444p10le": 1023, "yuva444p12le": 4095}[frame.format.name]
    return np.asarray(whole[..., None].astype(np.float32) * np.float32(255 / most), np.float32)


def psnr(error: Any) -> float:
    return float(10 * np.log10(255**2 / max(float(np.mean(error)), 1e-9)))


def main(
    avatar: Annotated[Path, typer.Argument(help="A clone with a matte.")],
    text: Annotated[str, typer.Option(help="What is said.")] = TEXT,
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
) -> None:
    """Measure transparent files."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        grounds = {}
        for colour in COLOURS:
            with kept() as pictures:
                render(avatar, text, folder / "on.mp4", background=colour, relight=0.0)
            grounds[colour] = [
                cv2.cvtColor(one, cv2.COLOR_YUV2BGR_I420).astype(np.float32) for one, _ in pictures
            ]
        lines = [_head(), "|---" * (len(COLOURS) + 4) + "|"]
        for suffix in WRITERS:
            with kept() as pictures:
                render(avatar, text, folder / f"clear{suffix}", background="transparent")
            lines.append(_row(folder / f"clear{suffix}", pictures, grounds))
    when = datetime.now(UTC).date().isoformat()
    found = "\n".join(
        [*lines, "", f"{len(pictures)} pictures of 1280x720. {cpu_name()}, {usable_cores()} cores, {when}."]
    )
    print(found)
    if write:
        document.put(write, BEGIN, END, found)


def _head() -> str:
    colours = " | ".join(f"over {name}, dB" for name in COLOURS.values())
    return f"| file | MB a minute | shares, dB | their largest error | {colours} |"


def _row(
    path: Path, pictures: list[tuple[ByteArray, ByteArray | None]], grounds: dict[str, list[FloatArray]]
) -> str:
    height, width = planes(pictures[0][0])[0].shape
    left, top, across, down = Label("en", "top-right", (width, height)).box
    shares, worst, laid = [], 0.0, {colour: list[float]() for colour in grounds}
    for number, (pixels, share) in enumerate(read(path)):
        true = pictures[number][1]
        assert true is not None
        error = share[..., 0] - true
        shares.append(float(np.square(error).mean()))
        worst = max(worst, float(np.abs(error).max()))
        for colour, wanted in grounds.items():
            wall = np.array([int(colour[at : at + 2], 16) for at in (5, 3, 1)], np.float32)
            made = np.square(share / 255 * pixels + (1 - share / 255) * wall - wanted[number])
            made[top : top + down, left : left + across] = 0
            laid[colour].append(float(made.mean()))
    size = path.stat().st_size / 1e6 / (len(pictures) / FRAME_RATE) * 60
    over = " | ".join(f"{psnr(errors):.1f}" for errors in laid.values())
    return f"| {path.suffix} | {size:.0f} | {psnr(shares):.1f} | {worst:.0f} | {over} |"


if __name__ == "__main__":
    typer.run(main)
