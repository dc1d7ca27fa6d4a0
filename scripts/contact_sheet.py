"""A contact sheet of a video: pictures in a grid with their times, the face close up, and the sound under each row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.face.track import Landmarker
from avatar_engine.media.read import frames, sound

PAPER, INK, SOFT, WAVE = (24, 28, 36), (236, 239, 244), (140, 150, 165), (246, 165, 72)
GAP, STRIP = 8, 46


def sheet(
    video: Path,
    columns: int = 6,
    rows: int = 5,
    width: int = 320,
    start: float = 0.0,
    stop: float | None = None,
) -> Image.Image:
    """The contact sheet of ``video`` between ``start`` and ``stop`` seconds.

    Every second row of the grid shows the same moments as the row above, close up on the mouth, where a face is found.

    Raises:
        AvatarError: The video can't be read or is too short.
    """
    pictures = _pick(video, columns * rows, start, stop)
    samples = sound(video)
    height = round(width * pictures[0][1].shape[0] / pictures[0][1].shape[1])
    face = width // 2
    row_height = height + face + STRIP + GAP
    page = Image.new("RGB", (columns * (width + GAP) + GAP, rows * row_height + GAP + 30), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    draw.text((GAP, 8), f"{video.name}   {len(pictures)} moments", INK, font)
    with Landmarker() as landmarker:
        for place, (index, picture) in enumerate(pictures):
            x = GAP + (place % columns) * (width + GAP)
            y = 30 + (place // columns) * row_height
            small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
            page.paste(Image.fromarray(small), (x, y))
            page.paste(Image.fromarray(_mouth(picture, landmarker, width, face)), (x, y + height))
            draw.text(
                (x + 4, y + 3), f"{index / FRAME_RATE:.2f} s", INK, font, stroke_width=2, stroke_fill=PAPER
            )
            following = pictures[place + 1][0] if place + 1 < len(pictures) else index + FRAME_RATE
            _wave(draw, samples, (index, following), (x, y + height + face, width))
    return page


def _pick(video: Path, count: int, start: float, stop: float | None) -> list[tuple[int, ByteArray]]:
    first = round(start * FRAME_RATE)
    last = (
        round(stop * FRAME_RATE) if stop else sum(1 for _ in frames(video, first, format="yuv420p")) + first
    )
    if last - first < count:
        raise AvatarError(
            f"{video} has only {last - first} pictures there.", "Ask for fewer rows or columns."
        )
    wanted = set(np.linspace(first, last - 1, count).astype(int).tolist())
    return [(i, p) for i, p in enumerate(frames(video, first, last, format="rgb24"), first) if i in wanted]


def _mouth(picture: ByteArray, landmarker: Landmarker, width: int, height: int) -> ByteArray:
    """The lower face, close up; grey where no face is found."""
    found = landmarker.detect(picture)
    if not found:
        return np.full((height, width, 3), 60, np.uint8)
    lips = found[0][0][[61, 291, 0, 17], :2]
    centre, side = lips.mean(0), 2.6 * np.ptp(lips[:, 0])
    scale = width / side
    shift = np.array([width, height]) / 2 - scale * centre
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC))


def _wave(
    draw: ImageDraw.ImageDraw, samples: FloatArray, span: tuple[int, int], place: tuple[int, int, int]
) -> None:
    """The sound from one moment to the next, as its envelope; the moment itself is the left edge."""
    x, y, width = place
    begin, end = (round(index * SAMPLE_RATE / FRAME_RATE) for index in span)
    part = np.abs(samples[begin:end])
    middle = y + STRIP // 2
    draw.line((x, middle, x + width, middle), SOFT)
    if len(part) < width:
        return
    peaks = np.maximum.reduceat(part, np.linspace(0, len(part), width, endpoint=False).astype(int))
    for column, peak in enumerate(np.minimum(1.0, peaks * 2)):
        reach = int(peak * (STRIP // 2 - 4))
        if reach:
            draw.line((x + column, middle - reach, x + column, middle + reach), WAVE)


def main(
    video: Annotated[Path, typer.Argument(help="Any video.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="The picture (.png).")],
    columns: Annotated[int, typer.Option(min=1, max=12)] = 6,
    rows: Annotated[int, typer.Option(min=1, max=40)] = 5,
    start: Annotated[float, typer.Option(min=0, help="Seconds.")] = 0.0,
    stop: Annotated[float | None, typer.Option(help="Seconds; the end by default.")] = None,
) -> None:
    """Draw a contact sheet: each moment whole and close up on the mouth, with the sound until the next moment."""
    try:
        sheet(video, columns, rows, start=start, stop=stop).save(out)
    except AvatarError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{out}")


if __name__ == "__main__":
    typer.run(main)
