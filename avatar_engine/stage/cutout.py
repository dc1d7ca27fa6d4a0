"""Bakes the cut-out body: every picture of a bundle's body without its background, to stand before any other.

Picture ``i`` of the cutout belongs to picture ``i`` of the body. It is an I420 picture of twice the height: above, the
presenter's colours, carried on over the edge so that nothing of the old background is in them; below, as luma, the
presenter's share of every pixel.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from avatar_engine.bundle import BundleWriter
from avatar_engine.contracts import ByteArray, FloatArray, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.face.person import OnnxMatte, Segmenter, SelfieSegmenter
from avatar_engine.media.picture import NEUTRAL, planes
from avatar_engine.media.read import frame_count, frames
from avatar_engine.media.write import VideoWriter, concatenate
from avatar_engine.stage.matte import Cut, Matting
from avatar_engine.stage.plate import Plate, filled, i420, plates, rounded
from avatar_engine.stage.steady import steady

log = logging.getLogger(__name__)

VIDEO_PART, PLATE_PART, FIGURES_PART = "body/cutout.mp4", "body/plate.png", "body/cutout.json"

CRF, PRESET, GOP = 15, "superfast", 25

SAMPLES = 48
"""Pictures from which the background is made."""

SKIP = 2
"""Only every so many pictures get a coarse mask of their own; those between take the mean of their neighbours'."""

AROUND = 8
"""Pixels to one of the grid on which colours are carried on over the edge."""

PIECE = 250
"""Pictures that are kept when the work is stopped."""

COARSE_SHARE = 0.2
"""Share of the work that the masks are."""

LEAST_KNOWN = 0.05
"""Share of the picture that must be free of the presenter."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A cutout on disk.

    Attributes:
        video: See the module.
        plate: The background without the presenter, PNG.
        figures: What was found, as JSON.
    """

    video: Path
    plate: Path
    figures: dict[str, Any]

    def save(self, writer: BundleWriter) -> None:
        """Put it into a bundle."""
        writer.add_file(VIDEO_PART, self.video)
        writer.add_file(PLATE_PART, self.plate)
        writer.add_json(FIGURES_PART, self.figures)


def bake(body: Path, work: Path, model: Path | None = None, progress: Progress = silent) -> Cutout:
    """Cut the presenter out of every picture of a body.

    Args:
        body: The baked body (`avatar_engine.stage.fit`).
        work: Folder of its own; what is there already is not made again.
        model: A matting network of the user's own, see `avatar_engine.face.person.CONTRACT`; None for our own matte.
        progress: Told how far it is.

    Raises:
        AvatarError: There is nobody in the pictures, nothing but the presenter, or the network is no good.
    """
    work.mkdir(parents=True, exist_ok=True)
    total = frame_count(body)
    masks = _coarse(body, total, work / "masks.npy", progress) if model is None else None
    samples = sorted({round(at) for at in np.linspace(0, total - 1, min(SAMPLES, total))})
    taken = [p for i, p in enumerate(frames(body, format="yuv420p")) if i in set(samples)]
    if masks is None:
        coarse = _masks_of(taken, OnnxMatte(model)) if model else []
    else:
        coarse = [_mask(masks, at) for at in samples]
    found = plates(taken, coarse)
    _refuse(found, coarse)
    picture = work / "plate.png"
    _write_picture(picture, found[0])
    pieces = []
    for start in range(0, total, PIECE):
        piece = work / f"cut{start:06}.mp4"
        if not piece.exists():
            stop = min(total, start + PIECE)
            _piece(body, range(start, stop), masks, model, found, piece, _told(progress, start, total))
        pieces.append(piece)
    video = work / "cutout.mp4"
    concatenate(pieces, video)
    progress("matte", 1.0)
    return Cutout(video, picture, _figures(found, total, model))


def _coarse(body: Path, total: int, kept: Path, progress: Progress) -> ByteArray:
    """Every `SKIP`-th picture's mask, uint8 (masks, 256, 256), made or found in ``kept``."""
    if kept.exists():
        masks: ByteArray = np.load(kept)
        if len(masks) == math.ceil(total / SKIP):
            return masks
    segmenter, made = SelfieSegmenter(), []
    try:
        for index, picture in enumerate(frames(body, format="yuv420p")):
            if index % SKIP == 0:
                mask = segmenter.mask(np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2RGB_I420), np.uint8))
                made.append(np.rint(255 * mask).astype(np.uint8))
            if index % 50 == 0:
                progress("matte", COARSE_SHARE * index / total, "where the presenter is")
    finally:
        segmenter.close()
    partial = kept.with_name(kept.name + ".part")
    with partial.open("wb") as file:
        np.save(file, np.stack(made))
    partial.replace(kept)
    return np.stack(made)


def _mask(masks: ByteArray, index: int) -> FloatArray:
    """The mask of picture ``index``, float32 (256, 256)."""
    before = masks[index // SKIP]
    after = masks[min(len(masks) - 1, -(-index // SKIP))]
    return (before.astype(np.float32) + after) / np.float32(2 * 255)


def _masks_of(pictures: list[ByteArray], segmenter: Segmenter) -> list[FloatArray]:
    return [
        segmenter.mask(np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2RGB_I420), np.uint8))
        for picture in pictures
    ]


def _refuse(found: list[Plate], coarse: list[FloatArray]) -> None:
    shown = max(float((mask > 0.5).mean()) for mask in coarse)
    if shown < 0.01:
        raise AvatarError("There is nobody to cut out of the pictures.", "Clone without a matte (--no-matte).")
    known = max(float(plate.known.mean()) for plate in found)
    if known < LEAST_KNOWN:
        raise AvatarError(
            f"Only {known:.0%} of the picture is background: too little to tell the presenter from it.",
            "Film with some wall round the presenter, or clone without a matte (--no-matte).",
        )


def _piece(
    body: Path,
    part: range,
    masks: ByteArray | None,
    model: Path | None,
    found: list[Plate],
    piece: Path,
    progress: Progress,
) -> None:
    """Cut out the pictures ``part``, led in by the one before and out by the one after."""
    first, last = max(0, part.start - 1), part.stop + 1
    reading = frames(body, first, last, format="yuv420p")
    if masks is not None:
        matting = Matting(found)
        cuts = (
            (picture, matting.cut(picture, _mask(masks, min(index, SKIP * len(masks) - 1))))
            for index, picture in enumerate(reading, first)
        )
    else:
        cuts = _by_network(reading, found, model)
    writer: VideoWriter | None = None
    try:
        for index, (picture, cut) in enumerate(steady(cuts), first):
            if index not in part:
                continue
            if writer is None:
                size = picture.shape[1], picture.shape[0] * 4 // 3
                writer = VideoWriter(piece, *size, sound=False, crf=CRF, preset=PRESET, gop=GOP)
            writer.picture(stacked(cut))
            if index % 10 == 0:
                progress("matte", (index - part.start) / len(part), "hair by hair")
        if writer is not None:
            writer.close()
            writer = None
    finally:
        if writer is not None:
            writer.discard()


def _by_network(
    reading: Iterator[ByteArray], found: list[Plate], model: Path | None
) -> Iterator[tuple[ByteArray, Cut]]:
    """Cut out by a network's own alpha; only the colours are ours."""
    if model is None:
        raise ValueError("there are neither masks nor a network")
    network, matting = OnnxMatte(model), Matting(found, exact=True)
    for picture in reading:
        alpha = network.mask(np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2RGB_I420), np.uint8))
        yield picture, matting.cut(picture, alpha)


def stacked(cut: Cut) -> ByteArray:
    """A cut-out picture as it is kept: I420 of twice the height, uint8 (height * 3, width)."""
    height, width = cut.alpha.shape
    there = np.where(cut.alpha > 0.05, cut.alpha, np.float32(0))
    small = width // AROUND, height // AROUND
    weight = np.asarray(cv2.resize(there, small, interpolation=cv2.INTER_AREA), np.float32)
    total = cv2.resize(cut.colours * there[..., None], small, interpolation=cv2.INTER_AREA)
    means = np.asarray(total, np.float32) / np.maximum(weight, 1e-3)[..., None]
    around = rounded(filled(means, weight > 0.02))
    wide = np.asarray(cv2.resize(around, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    np.copyto(wide, cut.colours, where=(there > 0)[..., None])
    colours = planes(i420(wide))
    result = np.full((height * 3, width), NEUTRAL, np.uint8)
    luma, blue, red = planes(result)
    luma[:height], luma[height:] = colours[0], np.rint(255 * cut.alpha)
    blue[: height // 2], red[: height // 2] = colours[1], colours[2]
    return result


def parted(picture: ByteArray) -> tuple[ByteArray, ByteArray]:
    """A picture of a cutout taken apart: the presenter's colours, I420 (height * 3 // 2, width), the caller's own, and
    the share of every pixel, uint8 (height, width)."""
    luma, blue, red = planes(picture)
    height, width = luma.shape[0] // 2, luma.shape[1]
    colours = np.empty((height * 3 // 2, width), np.uint8)
    for target, source in zip(planes(colours), (luma, blue, red), strict=True):
        np.copyto(target, source[: source.shape[0] // 2])
    return colours, luma[height:]


def _told(progress: Progress, start: int, total: int) -> Progress:
    """Progress of a piece as that of the whole."""

    def tell(stage: str, done: float, note: str = "") -> None:
        whole = (start + done * min(PIECE, total - start)) / total
        progress(stage, min(0.99, COARSE_SHARE + (1 - COARSE_SHARE) * whole), note)

    return tell


def _write_picture(path: Path, plate: Plate) -> None:
    picture = cv2.cvtColor(i420(rounded(plate.colours)), cv2.COLOR_YUV2BGR_I420)
    ok, data = cv2.imencode(".png", picture)
    if not ok:
        raise RuntimeError("the plate can't be written")
    path.write_bytes(data.tobytes())


def _figures(found: list[Plate], total: int, model: Path | None) -> dict[str, Any]:
    return {
        "frames": total,
        "backgrounds": len(found),
        "known": float(found[0].known.mean()),
        "noise": float(found[0].noise[..., 0].mean()),
        "light": [float(value) for value in found[0].colours.mean((0, 1))],
        "model": model.name if model else "own",
    }


def light_of(figures: Any) -> FloatArray:
    """Mean luma, Cb and Cr of the background that the presenter was filmed before, float32 (3,).

    Raises:
        AvatarError: The part is damaged.
    """
    try:
        light = np.array(figures["light"], np.float32)
        if light.shape == (3,) and np.isfinite(light).all():
            return light
    except (KeyError, TypeError, ValueError):
        pass
    raise AvatarError(
        f"The bundle's {FIGURES_PART} is damaged: {json.dumps(figures)[:80]}.", "Run: avatar-engine matte"
    )
