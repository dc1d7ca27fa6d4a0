"""How the presenter's footage lies in the show's picture: which part of it, where, and how large."""

from __future__ import annotations

from dataclasses import dataclass

from avatar_engine.stage.placing import ANCHORS, Box, common, even

HEAD = 0.36
"""Height of the head, hair to chin, in a picture of head and shoulders, as a share of it."""

EYES = 0.42
"""Where the middle of the face lies from the top of a picture that shows a part of the footage."""

SAFE = 0.88
"""Of the rectangle's width, what the face may take where the footage is cropped."""

FITS = ("whole", "fill", "bust")
"""All of the footage, as much as fills the rectangle, or head and shoulders."""


Slices = tuple[tuple[slice, slice], ...]
"""Rows and columns in each of the planes of I420."""


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of a picture: all in pixels and even, so that chroma falls on its grid."""

    left: int
    top: int
    width: int
    height: int

    def planes(self) -> Slices:
        """Rows and columns in each plane of I420."""
        return tuple(
            (
                slice(self.top >> shift, (self.top + self.height) >> shift),
                slice(self.left >> shift, (self.left + self.width) >> shift),
            )
            for shift in (0, 1, 1)
        )


@dataclass(frozen=True, slots=True)
class Framing:
    """``source`` of the footage is seen in ``target`` of the show's picture."""

    source: Part
    target: Part

    def covers(self, size: tuple[int, int]) -> bool:
        """Whether nothing of a show of this size is left free."""
        return (self.target.width, self.target.height) == size

    def on_show(self, face: Box) -> Box:
        """A box in the footage as one in the show's picture, cut off where the footage is."""
        across = self.target.width / self.source.width
        down = self.target.height / self.source.height
        left = self.target.left + (face[0] - self.source.left) * across
        top = self.target.top + (face[1] - self.source.top) * down
        return left, top, face[2] * across, face[3] * down


def frame(
    body: tuple[int, int],
    show: tuple[int, int],
    *,
    box: Box = (0.0, 0.0, 100.0, 100.0),
    fit: str = FITS[0],
    scale: float = 1.0,
    anchor: str = "centre",
    face: Box | None = None,
) -> Framing:
    """Frame footage of ``body`` (width, height) in a ``show`` without stretching it.

    Args:
        body: Size of the footage.
        show: Size of the show's picture.
        box: The presenter's rectangle, in per cent of the picture.
        fit: One of `FITS`.
        scale: Larger or smaller than that.
        anchor: Where footage that is smaller than the rectangle lies in it; one of `ANCHORS`.
        face: In the footage, hair to chin: it is kept in the rectangle, in its upper half. None crops to the middle.
    """
    room = [max(2, round(show[axis] * box[2 + axis] / 200) * 2) for axis in (0, 1)]
    origin = [min(even(show[axis] * box[axis] / 100), show[axis] - room[axis]) for axis in (0, 1)]
    whole, fill = (kind(room[axis] / body[axis] for axis in (0, 1)) for kind in (min, max))
    factor = (whole if fit == "whole" else fill) * scale
    if fit == "bust" and face:
        factor = max(fill, HEAD * room[1] / max(1.0, face[3])) * scale
    if fit != "whole" and face and face[2] * factor > SAFE * room[0]:
        factor = SAFE * room[0] / face[2]
    parts = [
        _axis(body[axis], room[axis], factor, ANCHORS[anchor][axis], _wanted(face, axis, factor, room[axis]))
        for axis in (0, 1)
    ]
    (x, wide, left, across), (y, tall, top, down) = parts
    return Framing(Part(x, y, wide, tall), Part(origin[0] + left, origin[1] + top, across, down))


def _wanted(face: Box | None, axis: int, factor: float, room: int) -> float | None:
    """Where the crop begins in the footage so that the face lies well; None for the middle."""
    if face is None:
        return None
    share = (0.5, EYES)[axis]
    return face[axis] + face[2 + axis] / 2 - share * room / factor


def _axis(
    body: int, room: int, factor: float, share: float, wanted: float | None
) -> tuple[int, int, int, int]:
    """Along one side: the source's start and length, the target's start and length, all even."""
    length = min(room, round(body * factor / 2) * 2)
    if body * factor <= room + 1:
        return 0, body, int((room - length) * share) // 2 * 2, length
    used = min(body, max(2, round(room / factor / 2) * 2))
    start = (body - used) / 2 if wanted is None else min(max(0.0, wanted), body - used)
    return even(start), used, 0, room


__all__ = ["FITS", "Framing", "Part", "common", "frame"]
