"""Bakes the cut-out body: every picture of a bundle's body without its background, to stand before any other.

Picture ``i`` of the cutout belongs to picture ``i`` of the body, its reels one after the other. It is an I420 picture
of twice the height: above, the presenter's colours, carried on over the edge so that nothing of the old background is
in them; below, as luma, the presenter's share of every pixel.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from avatar_engine.bundle import PartWriter
from avatar_engine.contracts import ByteArray, FloatArray, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.face.person import OnnxMatte, Segmenter, SelfieSegmenter
from avatar_engine.media.picture import NEUTRAL, planes
from avatar_engine.media.read import frame_count, frames
from avatar_engine.media.write import VideoWriter, concatenate
from avatar_engine.stage.matte import Cut, Matting
from avatar_engine.stage.plate import Plate, filled, i420, plates, rounded
from avatar_engine.stage.steady import Taken, steady

log = logging.getLogger(__name__)

VIDEO_PART, PLATE_PART, FIGURES_PART = "body/cutout.mp4", "body/plate.png", "body/cutout.json"
PARTS = VIDEO_PART, PLATE_PART, FIGURES_PART

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

LEAST_SHOWN, LEAST_KNOWN = 0.01, 0.05
"""Shares of the picture that the presenter must take, and that must be free."""


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

    def save(self, writer: PartWriter) -> None:
        """Put it into a bundle."""
        writer.add_file(VIDEO_PART, self.video)
        writer.add_file(PLATE_PART, self.plate)
        writer.add_json(FIGURES_PART, self.figures)


def bake(reels: Sequence[Path], work: Path, model: Path | None = None, progress: Progress = silent) -> Cutout:
    """Cut the presenter out of every picture of a body.

    Args:
        reels: The baked body's videos (`avatar_engine.stage.fit`).
        work: Folder of its own; what is there already is not made again.
        model: A matting network of the user's own, see `avatar_engine.face.person.CONTRACT`; None for our own matte.
        progress: Told how far it is.

    Raises:
        AvatarError: There is nobody in the pictures, nothing but the presenter, or the network is no good.
    """
    work.mkdir(parents=True, exist_ok=True)
    reel = _Reel(reels)
    masks = _coarse(reel, work / "masks.npy", progress) if model is None else None
    samples = np.unique(np.linspace(0, len(reel) - 1, SAMPLES).round().astype(int)).tolist()
    taken = [picture for index, picture in enumerate(reel.pictures(0, len(reel))) if index in samples]
    if masks is not None:
        coarse = [_mask(masks, index) for index in samples]
    else:
        coarse = list(map(_shown(OnnxMatte(model)), taken)) if model else []
    found = plates(taken, coarse)
    _refuse(found, coarse)
    picture = work / "plate.png"
    _write_picture(picture, found[0])
    pieces = []
    for start in range(0, len(reel), PIECE):
        part = range(start, min(len(reel), start + PIECE))
        pieces.append(work / f"cut{start:06}.mp4")
        if not pieces[-1].exists():
            cuts = _cuts(reel, part, masks, model, found)
            _write(cuts, part, pieces[-1], _told(progress, part, len(reel)))
    video = work / "cutout.mp4"
    concatenate(pieces, video)
    progress("matte", 1.0)
    return Cutout(video, picture, {**_figures(found, len(reel), model), "of": list(map(_sha256, reels))})


class _Reel:
    """Several videos as one.

    Args:
        videos: Their files.
    """

    def __init__(self, videos: Sequence[Path]) -> None:
        self._videos = [(video, frame_count(video)) for video in videos]

    def __len__(self) -> int:
        return sum(count for _, count in self._videos)

    def pictures(self, start: int, stop: int) -> Iterator[ByteArray]:
        """The I420 pictures ``start`` to ``stop``, not included, as far as there are any."""
        for video, count in self._videos:
            if start < count and stop > 0:
                yield from frames(video, max(0, start), min(stop, count), format="yuv420p")
            start, stop = start - count, stop - count


def _coarse(reel: _Reel, kept: Path, progress: Progress) -> ByteArray:
    """Every `SKIP`-th picture's mask, uint8 (masks, 256, 256), made or found in ``kept``."""
    if kept.exists():
        masks: ByteArray = np.load(kept)
        if len(masks) == math.ceil(len(reel) / SKIP):
            return masks
    segmenter, made = SelfieSegmenter(), []
    try:
        look = _shown(segmenter)
        for index, picture in enumerate(reel.pictures(0, len(reel))):
            if index % SKIP == 0:
                made.append(rounded(255 * look(picture)))
            if index % 50 == 0:
                progress("matte", COARSE_SHARE * index / len(reel), "where the presenter is")
    finally:
        segmenter.close()
    partial = kept.with_name(kept.name + ".part")
    with partial.open("wb") as file:
        np.save(file, np.stack(made))
    partial.replace(kept)
    return np.stack(made)


def _shown(segmenter: Segmenter) -> Callable[[ByteArray], FloatArray]:
    """A segmenter that takes I420 pictures."""
    return lambda picture: segmenter.mask(np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2RGB_I420), np.uint8))


def _mask(masks: ByteArray, index: int) -> FloatArray:
    """The mask of picture ``index``, float32 (256, 256)."""
    before = masks[min(len(masks) - 1, index // SKIP)]
    after = masks[min(len(masks) - 1, -(-index // SKIP))]
    mean: FloatArray = (before.astype(np.float32) + after) / np.float32(2 * 255)
    return mean


def _refuse(found: list[Plate], coarse: list[FloatArray]) -> None:
    if max(float((mask > 0.5).mean()) for mask in coarse) < LEAST_SHOWN:
        raise AvatarError(
            "There is nobody to cut out of the pictures.", "Clone without a matte (--no-matte)."
        )
    known = max(float(plate.known.mean()) for plate in found)
    if known < LEAST_KNOWN:
        raise AvatarError(
            f"Only {known:.0%} of the picture is background: too little to tell the presenter from it.",
            "Film with some wall round the presenter, or clone without a matte (--no-matte).",
        )


def _cuts(
    reel: _Reel, part: range, masks: ByteArray | None, model: Path | None, found: list[Plate]
) -> Iterator[tuple[int, Cut]]:
    """The pictures ``part`` cut out and steadied, each with its number."""
    first = max(0, part.start - 1)  # one more on both sides, to lean on
    reading = reel.pictures(first, part.stop + 1)
    taken: Iterator[Taken]
    if masks is not None:
        matting = Matting(found)
        taken = (
            (picture, matting.cut(picture, _mask(masks, index)))
            for index, picture in enumerate(reading, first)
        )
    elif model is not None:
        look, exact = _shown(OnnxMatte(model)), Matting(found, exact=True)
        taken = ((picture, exact.cut(picture, look(picture))) for picture in reading)
    else:
        raise ValueError("there are neither masks nor a network")
    return ((index, cut) for index, (_, cut) in enumerate(steady(taken), first) if index in part)


def _write(cuts: Iterator[tuple[int, Cut]], part: range, piece: Path, progress: Progress) -> None:
    begin, cut = next(cuts)
    height, width = cut.alpha.shape
    with VideoWriter(
        piece, width, 2 * height, sound=False, crf=CRF, preset=PRESET, gop=GOP, fast_decode=True
    ) as writer:
        for index, each in chain([(begin, cut)], cuts):
            writer.picture(stacked(each))
            if index % 10 == 0:
                progress("matte", (index - part.start) / len(part), "hair by hair")


def stacked(cut: Cut) -> ByteArray:
    """A cut-out picture as it is kept: I420 of twice the height, uint8 (height * 3, width)."""
    height, width = cut.alpha.shape
    there = np.where(cut.alpha > 0.05, cut.alpha, np.float32(0))
    small = width // AROUND, height // AROUND
    weight = np.asarray(cv2.resize(there, small, interpolation=cv2.INTER_AREA), np.float32)
    total = cv2.resize(cut.colours * there[..., None], small, interpolation=cv2.INTER_AREA)
    means = total / np.maximum(weight, np.float32(1e-3))[..., None]
    around = rounded(filled(np.asarray(means, np.float32), weight > 0.02))
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


def _told(progress: Progress, part: range, total: int) -> Progress:
    """Progress of a part as that of the whole."""

    def tell(stage: str, done: float, note: str = "") -> None:
        whole = (part.start + done * len(part)) / total
        progress(stage, min(0.99, COARSE_SHARE + (1 - COARSE_SHARE) * whole), note)

    return tell


def _write_picture(path: Path, plate: Plate) -> None:
    picture = cv2.cvtColor(i420(rounded(plate.colours)), cv2.COLOR_YUV2BGR_I420)
    ok, data = cv2.imencode(".png", picture)
    if not ok:
        raise RuntimeError("the plate can't be written")
    path.write_bytes(data.tobytes())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
