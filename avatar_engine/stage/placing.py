"""Where things stand on the picture: by anchors, never on the label, a card away from the face."""

from __future__ import annotations

Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels."""

SIDES = ("left", "right")

ANCHORS = {
    "top-left": (0.0, 0.0), "top": (0.5, 0.0), "top-right": (1.0, 0.0),
    "left": (0.0, 0.5), "centre": (0.5, 0.5), "right": (1.0, 0.5),
    "bottom-left": (0.0, 1.0), "bottom": (0.5, 1.0), "bottom-right": (1.0, 1.0),
}  # fmt: skip
"""Shares of the free width and height that are left and above, by name."""

SLIDE = 0.05
"""How far beside its place something appears, as a share of the picture's shorter side."""


def placed(
    wanted: tuple[int, int],
    anchor: str,
    offset: tuple[float, float],
    size: tuple[int, int],
    label: Box,
) -> tuple[int, int]:
    """Left and top, even, of something of the ``wanted`` size: within the picture and not on the label.

    Args:
        wanted: Width and height in pixels.
        anchor: One of `ANCHORS`.
        offset: Pixels inwards from the anchor, to the right and down for the middle.
        size: Width and height of the picture.
        label: Of the label.
    """
    left, top = (
        (size[axis] - wanted[axis]) * share + (-offset[axis] if share == 1 else offset[axis])
        for axis, share in enumerate(ANCHORS[anchor])
    )
    left, top = (min(max(0.0, at), size[axis] - wanted[axis]) for axis, at in enumerate((left, top)))
    return even(left), even(beside(label, (left, top, *wanted), size))


def slide(
    place: tuple[int, int], wanted: tuple[int, int], anchor: str, size: tuple[int, int]
) -> tuple[int, int]:
    """Pixels right and down, even, from its place to where something appears: towards its edge, in the picture."""
    far = SLIDE * min(size)
    across, down = ANCHORS[anchor]
    for axis, share in ((0, across), (1, down)):
        if share != 0.5:
            room = place[axis] if share == 0 else size[axis] - place[axis] - wanted[axis]
            moved = int(min(room, round(far))) // 2 * 2
            way = -moved if share == 0 else moved
            return (way, 0) if axis == 0 else (0, way)
    return 0, 0


def stand(
    card: tuple[int, int], shade: int, size: tuple[int, int], side: str, label: Box, face: Box | None
) -> tuple[int, int, str]:
    """Where cards stand that nobody has placed: left and top, even, and the side.

    Never on the label; not on the face where there is another place; on the side away from the face, low in the
    picture. In an upright picture the lowest fifth is left to what phones write there.

    Args:
        card: Width and height of a drawn card.
        shade: Pixels of its shadow on every side, which may lie in the margin.
        size: Width and height of the picture.
        side: One of `SIDES`; "" to choose it.
        label: Of the label.
        face: Of the face in all pictures; None where that is not known.
    """
    away = SIDES[1] if face and face[0] + face[2] / 2 < size[0] * 0.47 else SIDES[0]
    if not face or abs(face[0] + face[2] / 2 - size[0] / 2) < size[0] * 0.03:
        away = SIDES[1] if label[0] + label[2] < size[0] / 2 and label[1] > size[1] / 2 else SIDES[0]
    others = [side] if side else [away, *(one for one in SIDES if one != away)]
    margin = round(0.045 * min(size)) - shade
    lowest = round(size[1] * 0.8) + shade if size[1] > 1.15 * size[0] else size[1] - margin
    places = []
    for top in (lowest - card[1], margin):
        for one in others:
            left = margin if one == SIDES[0] else size[0] - margin - card[0]
            moved = beside(label, (left, top, *card), size)
            places.append((even(left), even(moved), one))
    return min(places, key=lambda place: common((place[0], place[1], *card), face) if face else 0.0)


def beside(label: Box, box: Box, size: tuple[int, int]) -> float:
    """The top of something that does not touch the label: above one that is low, below one that is high."""
    left, top, width, height = box
    if not common((left, top, width, height), label):
        return top
    gap = 0.01 * size[1]
    return label[1] - gap - height if label[1] > size[1] / 2 else label[1] + label[3] + gap


def common(one: Box, other: Box) -> float:
    """Pixels that two boxes have in common."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    tall = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, tall)


def even(at: float) -> int:
    """The even pixel at or before it, within the picture."""
    return max(0, int(at) // 2 * 2)
