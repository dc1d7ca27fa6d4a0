"""Which places of a body may be joined, and the short blends that join them: searched and measured at clone time.

A join of K pictures is fair where the two sides differ no more than the footage itself would change in K pictures: in
the picture outside the mouth (which is painted anyway) as a whole and where it differs most (a hand, hair), in the
head's place, its turn and its speed, and in the lids. What was baked is measured again, picture by picture: what
jumps more than the footage's own pictures do is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import FRAME_RATE, ByteArray, FloatArray
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.picture import planes
from avatar_engine.media.read import frames
from avatar_engine.stage.activity import still_of
from avatar_engine.stage.blend import Blender, weight
from avatar_engine.stage.seams import THUMB, Footage

BLEND, LONGEST = 8, 20
"""Pictures of a join: the more the two sides differ, the longer, so that it never goes faster than the footage does."""

QUICKEST = 1.5
"""How much faster a blend is in its middle than in the mean (`avatar_engine.stage.blend.weight`)."""

FAR = 2 * FRAME_RATE
"""Pictures of the round at least between the two ends of a join: a shorter way would look like a hiccup."""

EVERY = 12
"""There is about one join away from so many pictures of the round ..."""

MOST = 64
"""... and no more than these in all, however long it is: each takes a second or two of baking at 1080p."""

LIMIT = LONGEST / BLEND
"""Largest difference that may be joined, in the footage's own change over `BLEND` pictures (95th percentile)."""

STRANGE = 1.0
"""Largest jump of a baked join, in the footage's own between neighbouring pictures (95th percentile)."""

TRIED = 40
"""Candidates that are looked at closely for every one that is wanted."""

TILES = (8, 6)
"""Parts in which small pictures are compared, across and down."""

FLOORS = {"head": 0.004, "turn": 0.8, "speed": 0.002, "lids": 0.12, "picture": 0.6}
"""What nobody sees: shares of the face, degrees, shares of the face a picture, of an open eye, and grey levels."""

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Join:
    """Leave the round at place ``leave`` and go on at ``into``, over ``length`` blended pictures.

    ``cost`` is the largest of its differences, see `LIMIT`.
    """

    leave: int
    into: int
    length: int
    cost: float


@dataclass(frozen=True, slots=True)
class Round:
    """The round that joins belong to: pictures of a footage in their order.

    Attributes:
        footage: What is known of the footage.
        pose: float32 (frames, 3), yaw, pitch and roll in degrees of its frames.
        source: int32 (n,), the frame of every place.
        plain: bool (n,), which are no blends of two frames.
    """

    footage: Footage
    pose: FloatArray
    source: npt.NDArray[np.int32]
    plain: npt.NDArray[np.bool_]

    def runs(self, length: int) -> npt.NDArray[np.bool_]:
        """From which places on ``length`` plain pictures and one more on either side follow in the footage itself."""
        count = len(self.source)
        follows = np.zeros(count, np.bool_)
        follows[1:] = (np.diff(self.source) == 1) & self.plain[1:] & self.plain[:-1]
        sure = np.zeros(count, np.bool_)
        whole = np.cumsum(follows)
        last = count - length - 1
        if last > 1:
            at = np.arange(1, last)
            sure[at] = whole[at + length] - whole[at - 1] == length + 1
        return sure


def search(ground: Round) -> list[Join]:
    """The joins of a round, best spread: many places to leave it, each into another moment."""
    usable = np.flatnonzero(ground.runs(LONGEST))
    if len(usable) < 2 * FAR:
        return []
    table = costs(ground, usable)
    count = len(ground.source)
    wanted = min(MOST, max(4, count // EVERY))
    order = np.argsort(table, axis=None, kind="stable")[: TRIED * wanted * 4]
    chosen: list[Join] = []
    compared = _Tiles(ground, usable)
    for leave, enter in zip(*np.unravel_index(order, table.shape), strict=True):
        cost = float(table[leave, enter])
        if cost > LIMIT or len(chosen) >= wanted:
            break
        one, other = int(usable[leave]), int(usable[enter])
        if _crowded(chosen, one, other, count):
            continue
        cost = max(cost, *(compared.between(one + step, other + step) for step in (0, BLEND - 1)))
        if cost <= LIMIT:
            length = min(LONGEST, max(BLEND, math.ceil(BLEND * QUICKEST * cost)))
            if compared.between(one + length, other + length) <= LIMIT:
                chosen.append(Join(one, other + length, length, cost))
    return sorted(chosen, key=lambda join: join.leave)


def _crowded(chosen: list[Join], leave: int, enter: int, count: int) -> bool:
    """Whether such a join is there already, or too many are that leave or enter the round about there."""
    near = [join for join in chosen if abs(join.leave - leave) < EVERY]
    if len(near) >= 3 or any(abs(join.leave - leave) < 4 for join in near):
        return True
    entering = [join for join in chosen if abs(join.into - join.length - enter) < EVERY]
    alike = [join for join in entering if abs(join.leave - leave) < FAR]
    return len(entering) >= 4 or bool(alike)


def costs(ground: Round, usable: npt.NDArray[np.intp]) -> Matrix:
    """Of every pair of usable places (left, entered) the largest of its differences, in the footage's own."""
    at = ground.source[usable]
    footage = ground.footage
    lag = usable[:, None] + BLEND == usable[None]  # where the footage itself goes on by a blend's length
    heads, scale = footage.heads, footage.face
    speed = np.zeros((len(heads), 2))
    speed[1:-1] = (heads[2:, 2:] - heads[:-2, 2:]) / 2 / scale
    found: Matrix = np.zeros((len(at), len(at)), np.float32)
    for name, values in (
        ("head", np.concatenate([heads[:, 2:] / scale, heads[:, :2] / np.hypot(*heads[:, :2].mean(0))], 1)),
        ("turn", ground.pose.astype(np.float64)),
        ("speed", speed),
        ("lids", footage.lids[:, None].astype(np.float64)),
    ):
        _take_in(found, _along(values, at), lag, FLOORS[name])
    _take_in(found, _pictures(footage, at), lag, FLOORS["picture"])
    count = len(ground.source)
    way = np.mod(usable[None] + BLEND - usable[:, None], count)
    found[(way < FAR) | (way > count - FAR)] = np.inf
    return found


def _take_in(found: Matrix, gaps: Matrix, lag: npt.NDArray[np.bool_], floor: float) -> None:
    own = float(np.percentile(gaps[lag], 95)) if lag.any() else floor
    np.maximum(found, gaps / np.float32(max(own, floor)), out=found)


def _along(values: npt.NDArray[np.float64], at: npt.NDArray[np.int32]) -> Matrix:
    """The mean distance of ``values`` over the pictures of a blend: float32 (places, places)."""
    total: Matrix = np.zeros((len(at), len(at)), np.float32)
    for step in (0, BLEND // 2, BLEND - 1):
        here = values[at + step].astype(np.float32)
        squares = (here * here).sum(1)
        total += np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * here @ here.T, 0))
    return total / np.float32(3)


def _pictures(footage: Footage, at: npt.NDArray[np.int32]) -> Matrix:
    """The same of the small pictures outside the mouth, root mean square in grey levels."""
    weights = still_of(footage)
    flat = (footage.thumbs - footage.thumbs.mean(0, keepdims=True)) * np.sqrt(weights / weights.sum())
    return _along(flat, at)


class _Tiles:
    """Compares two sides of a join where they differ most."""

    def __init__(self, ground: Round, usable: npt.NDArray[np.intp]) -> None:
        self._ground = ground
        self._weights = still_of(ground.footage).astype(np.float32)
        places = usable[:: max(1, len(usable) // 200)]
        own = [self._worst(int(place), int(place) + BLEND) for place in places]
        self._own = max(FLOORS["picture"] * 2, float(np.percentile(own, 95)))

    def between(self, leave: int, enter: int) -> float:
        """The largest difference of a part, in the footage's own over a blend's length."""
        return self._worst(leave, enter) / self._own

    def _worst(self, one: int, other: int) -> float:
        thumbs, source = self._ground.footage.thumbs, self._ground.source
        last = len(source) - 1
        gap = thumbs[source[one]].astype(np.float32) - thumbs[source[min(other, last)]]
        across, down = TILES
        parts = (gap * gap * self._weights).reshape(down, THUMB[1] // down, across, THUMB[0] // across)
        return float(np.sqrt(parts.mean((1, 3)).max()))


@dataclass(frozen=True, slots=True)
class Usual:
    """What a footage's own neighbouring pictures change, 95th percentile in luma at half size.

    Attributes:
        whole: In the mean over the picture.
        worst: In the part that changes most.
    """

    whole: float
    worst: float


def step_between(one: ByteArray, other: ByteArray) -> tuple[float, float]:
    """How much two I420 pictures differ in luma at half size: in the mean, and in the part that differs most."""
    gap = cv2.absdiff(_half(one), _half(other))
    parts = cv2.resize(gap, TILES, interpolation=cv2.INTER_AREA)
    return float(gap.mean()), float(parts.max())


def _half(picture: ByteArray) -> ByteArray:
    luma = planes(picture)[0]
    size = luma.shape[1] // 2, luma.shape[0] // 2
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True, slots=True)
class Baked:
    """A join's pictures and its jump: the largest change between neighbours across it, see `Usual`.

    ``hard`` is what the jump would be without the blend.
    """

    join: Join
    pictures: list[ByteArray]
    jump: float
    hard: float


def bake(
    footage: Path, track: FaceTrack, ground: Round, joins: list[Join], usual: Usual, crop: int
) -> Iterator[Baked]:
    """The joins' pictures, one join after the other; ``crop`` is the side of the crop that the heads refer to.

    One that jumps too far is tried again as long as a join may be.
    """
    blender = Blender(track.width, track.height, crop)
    for join in joins:
        baked = _baked(footage, blender, ground, join, usual)
        if baked.jump > STRANGE and join.length < LONGEST:
            longer = replace(join, into=join.into - join.length + LONGEST, length=LONGEST)
            baked = _baked(footage, blender, ground, longer, usual)
        yield baked


def _baked(footage: Path, blender: Blender, ground: Round, join: Join, usual: Usual) -> Baked:
    heads = ground.footage.heads
    left_at = int(ground.source[join.leave])
    entered_at = int(ground.source[join.into - join.length])
    left = list(frames(footage, left_at - 1, left_at + join.length, format="yuv420p"))
    entered = list(frames(footage, entered_at, entered_at + join.length + 1, format="yuv420p"))
    mixed = [
        blender.blend(
            left[step + 1], entered[step],
            (heads[left_at + step], heads[entered_at + step]),
            weight(step, join.length),
        )
        for step in range(join.length)
    ]  # fmt: skip
    around = [left[0], *mixed, entered[-1]]
    steps = [step_between(one, other) for one, other in pairwise(around)]
    hard = step_between(left[0], entered[0])
    return Baked(join, mixed, *(_jump(each, usual) for each in (np.max(steps, axis=0), hard)))


def _jump(step: npt.ArrayLike, usual: Usual) -> float:
    whole, worst = np.asarray(step, np.float64)
    return float(max(whole / usual.whole, worst / usual.worst))
