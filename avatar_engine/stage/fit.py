"""Bakes the presenter's body: footage in, an endless body out that only ever runs forwards.

Bad frames and source cuts are left out, the stretches between them are put in the order that joins best, and every
joint, the one from the end to the start too, is a cross-fade of aligned pictures.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from avatar_engine.bundle import BundleWriter
from avatar_engine.contracts import ByteArray, FloatArray, Progress, silent
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.picture import planes
from avatar_engine.media.read import frames
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import seams
from avatar_engine.stage.blend import Blender, mixed_head, weight
from avatar_engine.stage.body import TRACK_PART, VIDEO_PART
from avatar_engine.stage.seams import Footage, Seam, Stretch

log = logging.getLogger(__name__)

CROP = 256
"""Side of the crop that the baked transforms are for; the show scales them to its painter's."""

CRF, PRESET, GOP = 14, "fast", 25


@dataclass(frozen=True, slots=True)
class SeamFigure:
    """One joint of the body.

    Attributes:
        frame: Baked frame in which the blend begins.
        length: Frames that are blended.
        source_left: Source frame at which the blend begins in the stretch that is left.
        source_entered: Source frame at which it begins in the one that is entered.
        jump: Largest luma change between neighbouring frames across the joint, in the clip's own (99th percentile).
        hard_jump: What it would be without the blend.
    """

    frame: int
    length: int
    source_left: int
    source_entered: int
    jump: float
    hard_jump: float


@dataclass(frozen=True, slots=True)
class BakedBody:
    """A baked body on disk.

    Attributes:
        video: The footage, H.264.
        transforms: float32 (n, 2, 3), from every picture to its canonical crop of `CROP` pixels.
        source: int32 (n,), the source frame of every baked one (of the side entered, in blends).
        seams: The joints.
    """

    video: Path
    transforms: FloatArray
    source: np.ndarray[Any, np.dtype[np.int32]]
    seams: tuple[SeamFigure, ...]

    def __len__(self) -> int:
        return len(self.transforms)

    @property
    def worst_jump(self) -> float:
        """The largest jump of all joints."""
        return max(seam.jump for seam in self.seams)

    def report(self) -> dict[str, Any]:
        """The figures as JSON."""
        return {
            "frames": len(self),
            "seams": len(self.seams),
            "worst_jump": self.worst_jump,
            "joints": [asdict(seam) for seam in self.seams],
        }

    def save(self, writer: BundleWriter) -> None:
        """Put the body into a bundle."""
        writer.add_file(VIDEO_PART, self.video)
        size = np.array([CROP], np.int32)
        tensors = {"transforms": self.transforms, "crop_size": size, "source": self.source}
        writer.add_tensors(TRACK_PART, tensors)


def fit(footage: Path, track: FaceTrack, work: Path, progress: Progress = silent) -> BakedBody:
    """Bake the body.

    Args:
        footage: 25 fps footage as intake makes it.
        track: The face in each of its frames.
        work: Folder for the baked file; made if it is not there.
        progress: Told how far it is.

    Raises:
        AvatarError: The presenter can't be used for even a second.
    """
    work.mkdir(parents=True, exist_ok=True)
    matrices = crop.transforms(track, CROP)
    studied = seams.study(footage, track, matrices, CROP, progress)
    parts = seams.stretches(studied)
    joined = seams.plan(studied, parts)
    log.info("the body: %d of %d frames usable, %d stretches", sum(map(len, parts)), len(track), len(parts))
    return _bake(footage, track, studied, joined, work / "body.mp4", progress)


def _bake(
    footage: Path,
    track: FaceTrack,
    studied: Footage,
    joined: list[tuple[Stretch, Seam]],
    video: Path,
    progress: Progress,
) -> BakedBody:
    total = sum(seam.leave - before.enter for (_, seam), (_, before) in _with_previous(joined))
    heads = np.empty((total, 4))
    source = np.empty(total, np.int32)
    meter = _Meter()
    baked = 0
    with VideoWriter(
        video, track.width, track.height, sound=False, crf=CRF, preset=PRESET, gop=GOP
    ) as writer:
        for picture, head, origin, joint in _pictures(footage, track, studied, joined):
            heads[baked], source[baked] = head, origin
            meter.see(picture, baked, joint)
            writer.picture(picture)
            baked += 1
            if baked % 50 == 0:
                progress("body", 0.4 + 0.6 * baked / total, "baking")
    if baked != total:
        raise RuntimeError(f"{baked} frames baked, {total} planned")
    progress("body", 1.0)
    transforms = seams.matrices_of(heads, CROP).astype(np.float32)
    return BakedBody(video, transforms, source, meter.figures())


def _with_previous(
    joined: list[tuple[Stretch, Seam]],
) -> Iterator[tuple[tuple[Stretch, Seam], tuple[Stretch, Seam]]]:
    return zip(joined, [joined[-1], *joined[:-1]], strict=True)


Joint = tuple[int, Seam, ByteArray]
"""Which frame of a seam's blend a picture is, the seam, and the picture that is entered, not blended."""


def _pictures(
    footage: Path, track: FaceTrack, studied: Footage, joined: list[tuple[Stretch, Seam]]
) -> Iterator[tuple[ByteArray, seams.Heads, int, Joint | None]]:
    """Every baked picture with its head, its source frame and its place in a joint.

    A stretch begins with the blend that enters it and ends where the blend that leaves it begins. Only one blend's
    frames of the stretch left are held in memory.
    """
    blender = Blender(track.width, track.height, CROP)
    for (_, after), (_, before) in _with_previous(joined):
        tail = list(frames(footage, before.leave, before.leave + before.length, format="yuv420p"))
        reading = frames(footage, before.enter, after.leave, format="yuv420p")
        for step, picture in enumerate(reading):
            index = before.enter + step
            head = studied.heads[index]
            if step >= before.length:
                yield picture, head, index, None
                continue
            share = weight(step, before.length)
            left = studied.heads[before.leave + step]
            mixed = blender.blend(tail[step], picture, (left, head), share)
            yield mixed, mixed_head(left, head, share), index, (step, before, picture)


class _Meter:
    """Measures every joint while its pictures pass by: jumps in luma at half size, in the clip's own motion."""

    def __init__(self) -> None:
        self._usual: list[float] = []
        self._joints: list[tuple[int, Seam]] = []
        self._jumps: list[float] = []
        self._hard: list[float] = []
        self._first: ByteArray | None = None  # picture, blended, and its source as it was
        self._entered: ByteArray | None = None
        self._last: ByteArray | None = None
        self._inside = False

    def see(self, picture: ByteArray, frame: int, joint: Joint | None) -> None:
        """Take baked picture number ``frame``."""
        small = _half(picture)
        step = 0.0 if self._last is None else _step(self._last, small)
        if joint and joint[0] == 0:
            raw = _half(joint[2])
            if self._last is None:
                self._first, self._entered = small, raw
            self._joints.append((frame, joint[1]))
            self._jumps.append(step)
            self._hard.append(0.0 if self._last is None else _step(self._last, raw))
        elif joint or self._inside:  # the step out of the blend counts, too
            self._jumps[-1] = max(self._jumps[-1], step)
        else:
            self._usual.append(step)
        self._inside = joint is not None
        self._last = small

    def figures(self) -> tuple[SeamFigure, ...]:
        """Every joint; the first one is entered from the end."""
        if self._last is None or self._first is None or self._entered is None:
            return ()
        self._jumps[0] = max(self._jumps[0], _step(self._last, self._first))
        self._hard[0] = _step(self._last, self._entered)
        usual = max(0.05, float(np.percentile(self._usual, 99)))
        return tuple(
            SeamFigure(frame, seam.length, seam.leave, seam.enter, jump / usual, hard / usual)
            for (frame, seam), jump, hard in zip(self._joints, self._jumps, self._hard, strict=True)
        )


def _half(picture: ByteArray) -> ByteArray:
    luma = planes(picture)[0]
    size = luma.shape[1] // 2, luma.shape[0] // 2
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def _step(one: ByteArray, other: ByteArray) -> float:
    return float(np.mean(cv2.absdiff(one, other)))
