"""An action as a show has it: a named clip with ways into it and out of it (see `avatar_engine.stage.actions`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.stage.graph import Places

FOLDER = "body/actions"
"""Where a bundle's actions are: ``NAME.mp4`` and ``NAME.safetensors`` each."""


def names(bundle: Bundle) -> list[str]:
    """The actions that a clone has, in order."""
    places = [PurePosixPath(part) for part in sorted(bundle.parts)]
    return [place.stem for place in places if str(place.parent) == FOLDER and place.suffix == ".mp4"]


@dataclass(frozen=True, slots=True)
class Action:
    """A body's action: its film has a blend from each of ``leave``, the clip's middle, a blend to each of ``into``.

    Attributes:
        name: What it is called for by.
        leave: int32 (e,), the first places of the round that are not shown when one goes into it.
        into: int32 (x,), the places of the round that may follow it.
        blend: Pictures of every blend.
        middle: Pictures of the clip between the blends.
        transforms: float32 (pictures, 2, 3), from every picture of its film to its crop, as those of the round.
        placement: float32 (pictures, coefficients), where the mouth sits in each.
    """

    name: str
    leave: Places
    into: Places
    blend: int
    middle: int
    transforms: FloatArray
    placement: FloatArray

    @property
    def pictures(self) -> int:
        """Of its film."""
        return (len(self.leave) + len(self.into)) * self.blend + self.middle

    def way(self, entry: int, leaving: int) -> list[int]:
        """The pictures of its film that are shown from one entry on to one way out."""
        out = len(self.leave) * self.blend + self.middle + leaving * self.blend
        begin = len(self.leave) * self.blend
        return [
            *range(entry * self.blend, (entry + 1) * self.blend),
            *range(begin, begin + self.middle),
            *range(out, out + self.blend),
        ]

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """All of it but its name as named arrays."""
        sizes = np.array([self.blend, self.middle], np.int32)
        return {
            "leave": self.leave, "into": self.into, "sizes": sizes,
            "transforms": self.transforms, "placement": self.placement,
        }  # fmt: skip

    @classmethod
    def of(cls, name: str, tensors: Mapping[str, npt.NDArray[Any]], round_: int) -> Self:
        """The action of such arrays, in a body of which the round has so many pictures.

        Raises:
            AvatarError: They are damaged.
        """
        try:
            blend, middle = tensors["sizes"].tolist()
            fields = (tensors[key] for key in ("transforms", "placement"))
            action = cls(name, tensors["leave"], tensors["into"], blend, middle, *fields)
        except (KeyError, ValueError) as error:
            raise AvatarError(f"The action {name!r} can't be read ({error}).", "Add it again.") from error
        ends = np.concatenate([action.leave, action.into])
        lengths = {action.pictures, len(action.transforms), len(action.placement)}
        if len(lengths) > 1 or not len(action.leave) or not len(action.into) or (ends >= round_).any():
            raise AvatarError(f"The action {name!r} does not belong to this body.", "Add it again.")
        return action
