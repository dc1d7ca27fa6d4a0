"""Named action clips (a wave, a hand that points): filmed on their own, and entered from the body and left again.

A clip of the same session begins and ends about as the presenter sits in the minute. Where it does so best is searched
as for joins; short blends lead into it from moments all over the body's round, and out of it again. One film holds all
of an action: the blends into it, its middle, the blends out of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import FRAME_RATE, ByteArray, FloatArray, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.read import frames
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import joins, seams
from avatar_engine.stage.blend import Blender, mixed_head, weight
from avatar_engine.stage.seams import TURNED, Footage

LEAST, MOST = 1.5, 20.0
"""Seconds that a clip may last."""

INTO, OUT_OF = 24, 12
"""Moments of the round at most from which one may go into an action, and to which out of it: words don't wait."""

FEWEST = 3
"""Such moments below which a clip does not fit: one would wait for it too long."""

ENDS = 15
"""Pictures at either end of a clip among which the blend may begin, or end."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Where an action may be entered and left.

    Attributes:
        start, stop: The clip's first picture that is used, and the one after the last.
        leave, into: See `Action`.
        blend: Pictures of the blends.
    """

    start: int
    stop: int
    leave: list[int]
    into: list[int]
    blend: int


def refuse(track: FaceTrack, of_round: FaceTrack) -> None:
    """Refuse a clip in which the mouth can't be painted all through, or that was filmed in another way.

    Raises:
        AvatarError: With what is wrong, when, and by how much.
    """
    size, wanted = (track.width, track.height), (of_round.width, of_round.height)
    if size != wanted:
        raise AvatarError(
            f"The action is {size[0]}x{size[1]}, the clone {wanted[0]}x{wanted[1]}.",
            "Film it with the same camera and settings.",
        )
    seconds = len(track) / FRAME_RATE
    if not LEAST <= seconds <= MOST:
        raise AvatarError(
            f"The action lasts {seconds:.1f} s.",
            f"Cut it to between {LEAST:g} and {MOST:g} s, rest at either end.",
        )
    gone = np.flatnonzero(~track.found | (track.faces != 1))
    if len(gone):
        raise AvatarError(
            f"At {gone[0] / FRAME_RATE:.2f} s the one face is not seen ({len(gone)} pictures of {len(track)}).",
            "Keep the hands off the face and everybody else out of the picture.",
        )
    turned = np.abs(track.pose[:, :2]).max(1)
    worst = int(np.argmax(turned))
    if turned[worst] >= TURNED:
        raise AvatarError(
            f"At {worst / FRAME_RATE:.2f} s the head is turned by {turned[worst]:.0f} degrees.",
            f"The mouth can be painted up to {TURNED:.0f}: film it again, facing the camera.",
        )


def search(ground: joins.Round, pictures: int) -> Ends:
    """The ends of a clip that is the part of ``ground`` after its first ``pictures``, which are the round.

    Raises:
        AvatarError: It begins or ends unlike anything in the round, told in numbers.
    """
    usable = np.flatnonzero(ground.runs(joins.LONGEST))
    own, clip = usable[usable < pictures], usable[usable >= pictures]
    stop = len(ground.source) - 1
    starts = clip[clip < clip[0] + ENDS] if len(clip) else clip
    lasts = clip[clip >= stop - joins.LONGEST - ENDS - 1]
    if not len(own) or not len(starts) or not len(lasts):
        raise AvatarError(
            "The action is too short to be entered and left.", "Rest half a second at either end."
        )
    costs = joins.costs(ground, usable)
    rows = np.searchsorted(usable, own)
    into_it = costs[np.ix_(rows, np.searchsorted(usable, starts))]
    out_of_it = costs[np.ix_(np.searchsorted(usable, lasts), rows)].T
    start, leave, entered = _best(into_it, own, pictures, INTO)
    last, enter, left = _best(out_of_it, own, pictures, OUT_OF)
    if min(len(leave), len(enter)) < FEWEST:
        at, end = (starts[start], "begins") if len(leave) < FEWEST else (lasts[last], "ends")
        raise _unlike(ground, own, int(at), end)
    cost = max(entered, left)
    blend = min(joins.LONGEST, max(joins.BLEND, math.ceil(joins.BLEND * joins.QUICKEST * cost)))
    into = [place + blend for place in enter if place + blend < pictures]
    return Ends(int(starts[start]) - pictures, int(lasts[last]) + blend - pictures, leave, into, blend)


def _best(
    costs: joins.Matrix, own: npt.NDArray[np.intp], pictures: int, ways: int
) -> tuple[int, list[int], float]:
    """The clip's picture that most moments of the round go with, these (one a stretch of it), and the worst cost."""
    stretch = own * ways // pictures
    best = np.array([costs[stretch == part].min(0, initial=np.inf) for part in range(ways)])  # (ways, ends)
    fits = best <= joins.LIMIT
    at = int(np.lexsort((np.where(fits, best, 0).sum(0), -fits.sum(0)))[0])
    chosen = []
    for part in np.flatnonzero(fits[:, at]):
        inside = np.flatnonzero(stretch == part)
        chosen.append(int(own[inside[np.argmin(costs[inside, at])]]))
    return at, chosen, float(best[fits[:, at], at].max(initial=0.0))


def _unlike(ground: joins.Round, own: npt.NDArray[np.intp], at: int, end: str) -> AvatarError:
    """What an end of a clip lacks, in numbers, beside the moment of the round that it is most like."""
    footage = ground.footage
    thumbs = footage.thumbs.astype(np.float32)
    light = np.abs(thumbs[own].mean(1) - thumbs[at].mean())
    away = np.linalg.norm(footage.heads[own, 2:] - footage.heads[at, 2:], axis=1) / footage.face
    turn = np.abs(ground.pose[own] - ground.pose[at]).max(1)
    return AvatarError(
        f"The action {end} unlike every moment of the minute: the head is {away.min():.0%} of a face away, turned "
        f"{turn.min():.0f} degrees from the nearest, the light {light.min():.0f} grey levels.",
        "Film it in the same session, from the same seat, and begin and end as you sit when you rest.",
    )


@dataclass(frozen=True, slots=True)
class Clip:
    """An action's clip beside the round that it belongs to: films, and what is known of both, the round first.

    Attributes:
        round, clip: The films.
        size: Width and height.
        pictures: Of the round.
        footage: See `joint`.
    """

    round: Path
    clip: Path
    size: tuple[int, int]
    pictures: int
    footage: Footage


def joint(one: Footage, other: Footage) -> Footage:
    """Two footages as one, one after the other; its scale is the first one's."""
    parts = (
        np.concatenate([getattr(each, name) for each in (one, other)])
        for name in ("thumbs", "steps", "heads")
    )
    lids, good = (np.concatenate([getattr(each, name) for each in (one, other)]) for name in ("lids", "good"))
    thumbs, steps, heads = parts
    return Footage(thumbs, steps, heads, one.face, lids, good, one.size)


def bake(both: Clip, ends: Ends, film: Path, crop: int, progress: Progress = silent) -> FloatArray:
    """Write the film of an action; the transforms of its pictures to crops of ``crop`` pixels."""
    blender = Blender(*both.size, crop)
    heads, own = both.footage.heads, both.pictures
    begin = list(frames(both.clip, ends.start, ends.start + ends.blend, format="yuv420p"))
    end = list(frames(both.clip, ends.stop - ends.blend, ends.stop, format="yuv420p"))
    made: list[npt.NDArray[np.float64]] = []
    with VideoWriter(
        film, *both.size, sound=False, crf=14, preset="fast", gop=25, fast_decode=True
    ) as writer:

        def blended(left: list[ByteArray], entered: list[ByteArray], places: tuple[int, int]) -> None:
            for step, pair in enumerate(zip(left, entered, strict=True)):
                share = weight(step, ends.blend)
                sides = heads[places[0] + step], heads[places[1] + step]
                writer.picture(blender.blend(*pair, sides, share), key=step == 0)
                made.append(mixed_head(*sides, share))

        for done, leave in enumerate(ends.leave, 1):
            side = list(frames(both.round, leave, leave + ends.blend, format="yuv420p"))
            blended(side, begin, (leave, own + ends.start))
            progress("action", 0.5 * done / len(ends.leave), "ways into it")
        middle = range(ends.start + ends.blend, ends.stop - ends.blend)
        for number, picture in enumerate(frames(both.clip, middle.start, middle.stop, format="yuv420p")):
            writer.picture(picture, key=number == 0)
            made.append(heads[own + middle.start + number])
        for done, into in enumerate(ends.into, 1):
            side = list(frames(both.round, into - ends.blend, into, format="yuv420p"))
            blended(end, side, (own + ends.stop - ends.blend, into - ends.blend))
            progress("action", 0.5 + 0.5 * done / len(ends.into), "ways out of it")
    return seams.matrices_of(np.array(made), crop).astype(np.float32)


def mixed(values: FloatArray, pictures: int, ends: Ends) -> FloatArray:
    """What every picture of the film has, where those of the round and the clip after it have ``values`` (n, c)."""
    share = np.array([weight(step, ends.blend) for step in range(ends.blend)], np.float32)[:, None]
    steps = np.arange(ends.blend)
    begin, end = values[pictures + ends.start + steps], values[pictures + ends.stop - ends.blend + steps]
    middle = values[pictures + ends.start + ends.blend : pictures + ends.stop - ends.blend]
    entries = [(1 - share) * values[leave + steps] + share * begin for leave in ends.leave]
    exits = [(1 - share) * end + share * values[into - ends.blend + steps] for into in ends.into]
    return np.asarray(np.concatenate([*entries, middle, *exits]), np.float32)
