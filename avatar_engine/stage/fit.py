"""Bakes the presenter's body: footage in, an endless body out that runs forwards and need not repeat itself.

Bad frames and source cuts are left out, the stretches between them are put in the order that joins best, and every
joint, the one from the end to the start too, is a cross-fade of aligned pictures. Beside this round lie joins from
many of its places to others (`avatar_engine.stage.joins`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from avatar_engine import models
from avatar_engine.bundle import PartWriter
from avatar_engine.contracts import ByteArray, FloatArray, Progress, silent
from avatar_engine.face import crop
from avatar_engine.face.person import WEIGHTS, SelfieSegmenter
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.picture import planes
from avatar_engine.media.read import frames
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import joins, outline, seams
from avatar_engine.stage.activity import activity
from avatar_engine.stage.blend import Blender, mixed_head, weight
from avatar_engine.stage.body import GRAPH_PART, JOINS_PART, TRACK_PART, VIDEO_PART
from avatar_engine.stage.graph import Graph
from avatar_engine.stage.joins import Join, Usual, step_between
from avatar_engine.stage.nods import Bend
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
        graph: What may follow what.
        joins: The pictures of its joins, H.264; None where there are none.
        refused: Joins that were baked and jumped more than the footage's own pictures.
        outlines: Of the head (`avatar_engine.stage.outline`); None where nothing shows the bend of a nod.
    """

    video: Path
    transforms: FloatArray
    source: np.ndarray[Any, np.dtype[np.int32]]
    seams: tuple[SeamFigure, ...]
    graph: Graph
    joins: Path | None = None
    refused: int = 0
    outlines: ByteArray | None = None

    def __len__(self) -> int:
        return len(self.transforms)

    @property
    def reels(self) -> list[Path]:
        """The films of its places, in their order."""
        return [self.video, *([self.joins] if self.joins else [])]

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
            "joins": len(self.graph.leave),
            "joins_refused": self.refused,
            "worst_join": float(self.graph.jump.max(initial=0.0)),
            "beats": len(self.graph.beats),
        }

    def save(self, writer: PartWriter) -> None:
        """Put the body into a bundle."""
        writer.add_file(VIDEO_PART, self.video)
        size = np.array([CROP], np.int32)
        tensors = {"transforms": self.transforms, "crop_size": size, "source": self.source}
        writer.add_tensors(TRACK_PART, tensors)
        writer.add_tensors(GRAPH_PART, self.graph.tensors())
        if self.joins:
            writer.add_file(JOINS_PART, self.joins)
        if self.outlines is not None:
            writer.add_tensors(outline.PART, {"outlines": self.outlines})


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
    source, plain = _order(joined)
    ground = joins.Round(studied, track.pose, source, plain)
    found = joins.search(ground)
    progress("body", 0.25, f"{len(found)} joins found")
    keys = {join.into for join in found}
    video, heads, figures, usual = _bake(footage, track, studied, joined, (work / "body.mp4", keys), progress)
    kept, film = _bake_joins(footage, track, ground, found, usual, work / "joins.mp4", progress)
    done = activity(studied, track, seams.cuts(studied))
    leave, into, length = (
        np.array([getattr(join, name) for join, _ in kept], np.int32) for name in ("leave", "into", "length")
    )
    jump = np.array([jump for _, jump in kept], np.float32)
    beats = np.flatnonzero(done.beats[source] & plain).astype(np.int32)
    graph = Graph(leave, into, length, jump, done.talk[source], done.stir[source], beats)
    mixed = seams.matrices_of(graph.mixed(heads), CROP).astype(np.float32)
    outlines = _outlines([video, *([film] if film else [])], mixed, progress)
    progress("body", 1.0)
    return BakedBody(
        video, mixed[: len(heads)], source, figures, graph, film, len(found) - len(kept), outlines
    )


def _outlines(reels: list[Path], transforms: FloatArray, progress: Progress) -> ByteArray | None:
    """The outlines of the head, where a nod's bend would be seen without them."""
    first = next(frames(reels[0], 0, 1, format="yuv420p"))
    if not Bend(first, transforms[0], CROP).seen:
        return None
    if not models.is_present(WEIGHTS):
        log.warning(
            "no nods before this wall: %s is not here (avatar-engine models fetch %s)", WEIGHTS, WEIGHTS
        )
        return None
    segmenter = SelfieSegmenter()
    try:
        return outline.bake(reels, transforms, CROP, segmenter, progress)
    finally:
        segmenter.close()


def _order(
    joined: list[tuple[Stretch, Seam]],
) -> tuple[np.ndarray[Any, np.dtype[np.int32]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """The source frame of every picture of the round, and which are no blends."""
    source, plain = [], []
    for (_, after), (_, before) in _with_previous(joined):
        own = np.arange(before.enter, after.leave, dtype=np.int32)
        source.append(own)
        plain.append(np.arange(len(own)) >= before.length)
    return np.concatenate(source), np.concatenate(plain)


def _bake(
    footage: Path,
    track: FaceTrack,
    studied: Footage,
    joined: list[tuple[Stretch, Seam]],
    target: tuple[Path, set[int]],
    progress: Progress,
) -> tuple[Path, seams.Heads, tuple[SeamFigure, ...], Usual]:
    """The round, in a file in which some pictures are keyframes; its heads, its joints, and its usual steps."""
    video, keys = target
    total = sum(seam.leave - before.enter for (_, seam), (_, before) in _with_previous(joined))
    heads = np.empty((total, 4))
    meter = _Meter()
    baked = 0
    with VideoWriter(
        video, track.width, track.height, sound=False, crf=CRF, preset=PRESET, gop=GOP, fast_decode=True
    ) as writer:
        for picture, head, _, joint in _pictures(footage, track, studied, joined):
            heads[baked] = head
            meter.see(picture, baked, joint)
            writer.picture(picture, key=baked in keys)
            baked += 1
            if baked % 50 == 0:
                progress("body", 0.25 + 0.4 * baked / total, "baking")
    if baked != total:
        raise RuntimeError(f"{baked} frames baked, {total} planned")
    return video, heads, meter.figures(), meter.usual()


def _bake_joins(
    footage: Path,
    track: FaceTrack,
    ground: joins.Round,
    found: list[Join],
    usual: Usual,
    video: Path,
    progress: Progress,
) -> tuple[list[tuple[Join, float]], Path | None]:
    """The joins whose blends jump no more than the footage itself, with their jumps, and their film."""
    kept: list[tuple[Join, float]] = []
    size = track.width, track.height
    with ExitStack() as stack:
        writer: VideoWriter | None = None
        for done, baked in enumerate(joins.bake(footage, track, ground, found, usual, CROP), 1):
            progress("body", 0.65 + 0.34 * done / len(found), "joining")
            if baked.jump > joins.STRANGE:
                continue
            kept.append((baked.join, baked.jump))
            writer = writer or stack.enter_context(
                VideoWriter(video, *size, sound=False, crf=CRF, preset=PRESET, gop=GOP, fast_decode=True)
            )
            for step, picture in enumerate(baked.pictures):
                writer.picture(picture, key=step == 0)
    return kept, video if kept else None


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
        self._steps: list[tuple[float, float]] = []
        self._whole: ByteArray | None = None
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
        if not joint and not self._inside and self._whole is not None:
            self._steps.append(step_between(self._whole, picture))
        self._whole = picture
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

    def usual(self) -> Usual:
        """The steps of the footage itself."""
        whole, worst = np.percentile(self._steps, 95, axis=0) if self._steps else (0.0, 0.0)
        return Usual(max(0.05, float(whole)), max(0.2, float(worst)))

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
