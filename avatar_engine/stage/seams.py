"""Where footage may be joined: its source cuts, its usable stretches, and the order that joins them best.

The idea is that of video textures (Schödl, Szeliski, Salesin and Essa 2000): jump from one picture to another that
looks and moves like it. Here every stretch is used once a round, forwards, and the round is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import FRAME_RATE, FloatArray, Progress
from avatar_engine.errors import AvatarError
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.picture import planes
from avatar_engine.media.read import frames

Heads = npt.NDArray[np.float64]
"""float64 (…, 4): a, b, x, y of the similarity from crop to picture (see `heads_of`)."""

Costs = npt.NDArray[np.float64]
"""float64 (k, k): what the seam from one stretch (row) into another (column) costs."""

THUMB = (64, 48)
"""Width and height of the small pictures that are compared."""

SHORTEST = FRAME_RATE
"""Frames that a stretch must have to be used."""

BLEND, LONGEST_BLEND = 8, 20
"""Frames of a cross-fade; the more the head has to travel, the longer."""

STRAY = 2.5
"""A seam that costs more than this many times the median leads into another scene: other clothes, light or place."""

KEPT = 0.5
"""Share of the usable frames that is kept whatever scenes they show."""

TURNED = 40.0
"""Degrees of yaw or pitch beyond which the presenter looks away."""

_LIDS = ((159, 145, 33, 133), (386, 374, 362, 263))  # upper, lower, outer, inner of each eye


@dataclass(frozen=True, slots=True)
class Footage:
    """What the search for seams knows of a footage of n frames.

    Attributes:
        thumbs: uint8 (n, 48 * 64), small luma.
        steps: float32 (n,), mean luma change from the frame before; 0 for the first.
        heads: float64 (n, 4): a, b, x, y of the similarity from crop to picture (see `heads_of`).
        face: Side of the crop in picture pixels, for scale.
        lids: float32 (n,), how far the eyes are open against their usual.
        good: bool (n,), one face, found, turned to the camera.
        size: Width and height of the pictures.
    """

    thumbs: npt.NDArray[np.uint8]
    steps: FloatArray
    heads: npt.NDArray[np.float64]
    face: float
    lids: FloatArray
    good: npt.NDArray[np.bool_]
    size: tuple[int, int] = THUMB


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames ``start`` to ``stop`` (exclusive) without a cut, in which the presenter can be used."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Seam:
    """Leave one stretch at ``leave`` and enter another at ``enter``: ``length`` frames of both are blended."""

    leave: int
    enter: int
    length: int
    cost: float


def study(path: Path, track: FaceTrack, matrices: FloatArray, size: int, progress: Progress) -> Footage:
    """Read the footage once and keep what the search needs (3 KB a frame)."""
    count = len(track.points)
    thumbs = np.zeros((count, THUMB[0] * THUMB[1]), np.uint8)
    seen = 0
    for seen, picture in enumerate(frames(path, 0, count, format="yuv420p"), 1):
        small = cv2.resize(planes(picture)[0], THUMB, interpolation=cv2.INTER_AREA)
        thumbs[seen - 1] = small.reshape(-1)
        if seen % 100 == 0:
            progress("body", 0.2 * seen / count, "looking for seams")
    if seen != count:
        raise AvatarError(f"The footage has {seen} frames, its face track {count}.", "Clone again.")
    steps = np.zeros(count, np.float32)
    for index in range(1, count):
        steps[index] = np.abs(thumbs[index].astype(np.int16) - thumbs[index - 1]).mean()
    heads = heads_of(matrices, size)
    face = float(np.median(np.hypot(heads[:, 0], heads[:, 1])) * size)
    looks = np.abs(track.pose[:, :2]).max(1) < TURNED
    good = np.asarray(track.found, bool) & (np.asarray(track.faces) == 1) & looks
    return Footage(thumbs, steps, heads, face, _lids(track), good, (track.width, track.height))


def heads_of(matrices: FloatArray, size: int) -> npt.NDArray[np.float64]:
    """Picture-to-crop similarities (n, 2, 3) as (a, b, x, y) of their inverses, x, y being the crop's middle.

    These four mix linearly as the face's points do: half way between two heads is their mean.
    """
    heads = np.empty((len(matrices), 4))
    for row, matrix in zip(heads, matrices.astype(np.float64), strict=True):
        back = cv2.invertAffineTransform(matrix)
        row[:2] = back[0, 0], back[1, 0]
        row[2:] = back @ (size / 2, size / 2, 1)
    return heads


def matrices_of(heads: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """The inverse of `heads_of`: float64 (n, 2, 3)."""
    matrices = np.empty((len(heads), 2, 3))
    for matrix, (a, b, x, y) in zip(matrices, heads, strict=True):
        turn = np.array([[a, -b], [b, a]])
        back = np.concatenate([turn, (np.array([x, y]) - turn @ (size / 2, size / 2))[:, None]], 1)
        matrix[:] = cv2.invertAffineTransform(back)
    return matrices


def _lids(track: FaceTrack) -> FloatArray:
    flat = track.points[:, :, :2]
    openings = []
    for upper, lower, outer, inner in _LIDS:
        height = np.linalg.norm(flat[:, upper] - flat[:, lower], axis=1)
        openings.append(height / np.maximum(1e-6, np.linalg.norm(flat[:, outer] - flat[:, inner], axis=1)))
    opening = np.mean(openings, axis=0)
    relative: FloatArray = (opening / max(1e-6, float(np.median(opening)))).astype(np.float32)
    return relative


def cuts(footage: Footage) -> list[int]:
    """First frames after a source cut: a jump of the picture or head that stands far above its neighbours'."""
    found = []
    moved = np.zeros(len(footage.steps))
    moved[1:] = np.hypot(*np.diff(footage.heads[:, 2:], axis=0).T) / footage.face
    usual = np.median(footage.steps[1:]) if len(footage.steps) > 1 else 0.0
    for index in range(1, len(footage.steps)):
        around = [i for i in (*range(index - 4, index), *range(index + 1, index + 5)) if 1 <= i < len(moved)]
        picture = footage.steps[index] > 2.5 * max(usual, footage.steps[around].max(initial=0.0)) + 0.15
        head = moved[index] > 0.04 and moved[index] > 4 * moved[around].max(initial=0.0)
        if picture or head:
            found.append(index)
    return found


def stretches(footage: Footage) -> list[Stretch]:
    """The usable stretches in order.

    Raises:
        AvatarError: There are none.
    """
    count = len(footage.good)
    breaks = {0, count, *cuts(footage)}
    breaks.update(np.flatnonzero(footage.good[1:] != footage.good[:-1]) + 1)
    edges = sorted(int(edge) for edge in breaks)
    runs = [Stretch(a, b) for a, b in pairwise(edges) if footage.good[a:b].all()]
    usable = [run for run in runs if len(run) >= SHORTEST] or [run for run in runs if len(run) >= BLEND * 3]
    if not usable:
        longest = max((len(run) for run in runs), default=0) / FRAME_RATE
        raise AvatarError(
            f"The presenter is never seen for a whole second: {longest:.1f} s at most between cuts.",
            "Film one take in which the presenter faces the camera.",
        )
    return usable


def plan(footage: Footage, parts: list[Stretch]) -> list[tuple[Stretch, Seam]]:
    """The round: stretches with the seam that leaves each, the last one leading back to the first."""
    window = [_window(part, len(parts)) for part in parts]
    table = {
        (i, j): _match(footage, parts[i], parts[j], window[i], window[j])
        for i in range(len(parts))
        for j in range(len(parts))
        if i != j or len(parts) == 1
    }
    if len(parts) == 1:
        return [(parts[0], table[0, 0])]
    costs = np.full((len(parts), len(parts)), np.inf)
    for pair, seam in table.items():
        costs[pair] = seam.cost
    order = _without_strays(costs, np.array([len(part) for part in parts]))
    return [(parts[i], table[i, j]) for i, j in zip(order, [*order[1:], order[0]], strict=True)]


def _without_strays(costs: Costs, lengths: npt.NDArray[np.int_]) -> list[int]:
    """The best round, less the runs of stretches that only seams far above the usual lead to."""
    kept = list(range(len(costs)))
    while True:
        order = [kept[i] for i in _tour(costs[np.ix_(kept, kept)])]
        run = _stray(order, costs, lengths)
        if not run:
            return order
        kept = sorted(set(order) - set(run))


def _stray(order: list[int], costs: Costs, lengths: npt.NDArray[np.int_]) -> list[int]:
    """The run whose loss saves most, if the seams to it and from it are both far above the usual."""
    count = len(order)
    prices = np.array([costs[order[i - 1], order[i]] for i in range(count)])  # of the seam into i
    limit = STRAY * float(np.median(prices))
    best, most = [], 0.0
    for start in np.flatnonzero(prices > limit).tolist():
        for length in range(1, count - 2):
            after = order[(start + length) % count]
            run = [order[(start + k) % count] for k in range(length)]
            if (
                prices[(start + length) % count] <= limit
                or lengths[order].sum() - lengths[run].sum() < KEPT * lengths.sum()
            ):
                continue
            inside = sum(prices[(start + k) % count] for k in range(length + 1))
            saved = float(inside - costs[order[start - 1], after]) - limit / STRAY * length
            if saved > most:
                best, most = run, saved
    return best


def _window(part: Stretch, count: int) -> int:
    """Frames at either end of a stretch among which a seam may lie; the blend itself fits in besides."""
    room = (len(part) - BLEND) // 4
    return max(1, min(room, max(12, 300 // count)))


def _match(footage: Footage, one: Stretch, other: Stretch, leaving: int, entering: int) -> Seam:
    """The best seam from the end of ``one`` into the start of ``other``."""
    reach = np.arange(BLEND)
    leave = one.stop - BLEND - np.arange(leaving)
    enter = other.start + np.arange(entering)
    a = leave[:, None] + reach  # (leaving, BLEND)
    b = enter[:, None] + reach
    first, last = int(a.min()), other.start
    ends = footage.thumbs[first : one.stop].astype(np.int16)
    starts = footage.thumbs[last : int(b.max()) + 1].astype(np.int16)
    pictures = np.stack([np.abs(starts - end).mean(1) for end in ends])
    gap = pictures[(a - first)[:, None, :], (b - last)[None, :, :]].mean(2)
    here, there = footage.heads[a], footage.heads[b]
    travel = np.abs(here.mean(1)[:, None] - there.mean(1)[None])
    scale = footage.face
    head = np.hypot(travel[:, :, 2], travel[:, :, 3]) / scale + np.hypot(travel[:, :, 0], travel[:, :, 1])
    speed_a, speed_b = here[:, -1, 2:] - here[:, 0, 2:], there[:, -1, 2:] - there[:, 0, 2:]
    speed = np.linalg.norm(speed_a[:, None] - speed_b[None], axis=2) / scale
    lids = np.abs(footage.lids[a][:, None] - footage.lids[b][None]).max(2)
    shut = np.maximum(0, 0.75 - footage.lids[a].min(1))[:, None] + np.maximum(
        0, 0.75 - footage.lids[b].min(1)
    )
    lost = (np.arange(leaving)[:, None] + np.arange(entering)[None]) / FRAME_RATE
    usual = max(0.1, float(np.median(footage.steps)))
    cost = gap / usual + 60 * head + 40 * speed + 4 * lids + 8 * shut + 0.15 * lost
    best = np.unravel_index(int(np.argmin(cost)), cost.shape)
    x, y = int(leave[best[0]]), int(enter[best[1]])
    wanted = BLEND + round(80 * float(head[best]))
    # A quarter of a stretch at most for the window and for the blend: its two seams never touch.
    length = min(wanted, LONGEST_BLEND, len(one) // 4, len(other) // 4)
    return Seam(min(x, one.stop - length), y, length, float(cost[best]))


def _tour(costs: Costs) -> list[int]:
    """A cheap closed round through all: the nearest neighbour from every start, then moving runs of stretches."""
    count = len(costs)

    def price(order: list[int]) -> float:
        return float(sum(costs[a, b] for a, b in zip(order, [*order[1:], order[0]], strict=True)))

    rounds = []
    for start in range(count):
        order, left = [start], set(range(count)) - {start}
        while left:
            order.append(min(left, key=lambda j: (costs[order[-1], j], j)))
            left.remove(order[-1])
        rounds.append(order)
    best = min(rounds, key=price)
    improved = True
    while improved:
        improved = False
        for length in (1, 2, 3):
            for at in range(count - length + 1):
                run, rest = best[at : at + length], best[:at] + best[at + length :]
                trials = [rest[:i] + run + rest[i:] for i in range(len(rest) + 1)]
                cheapest = min(trials, key=price)
                if price(cheapest) < price(best) - 1e-9:
                    best, improved = cheapest, True
    return best
