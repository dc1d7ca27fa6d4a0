"""What paints for the engine: one small protocol, and the names of those who have it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.engine.patch import Matrix
from avatar_engine.lips.model import LipsModel


class Seat(Protocol):
    """One show's place at a backend.

    Attributes:
        key: Pictures of seats with the same key may be painted in one batch.
        codes: Coefficients of its person.
    """

    @property
    def key(self) -> Hashable: ...

    @property
    def codes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to be painted.

    Attributes:
        seat: Whose, from `Backend.seat`.
        patch: uint8 I420 (height * 3 // 2, width), painted in place.
        matrix: float64 (2, 3), patch to crop.
        coefficients: float32 (k,).
    """

    seat: Any
    patch: ByteArray
    matrix: Matrix
    coefficients: FloatArray


class Backend(Protocol):
    """Paints patches of many persons on one device.

    Attributes:
        most: Jobs in one batch at most.
        lanes: Batches that may be painted at the same time, each by a thread of its own.
    """

    most: int
    lanes: int

    def load(self, person: str, model: LipsModel) -> None:
        """Make a person ready to be painted; any thread but a lane's.

        Raises:
            AvatarError: The device can't paint this person.
        """
        ...

    def drop(self, person: str) -> None:
        """Nobody wants this person painted any more."""
        ...

    def seat(self, person: str, width: int, height: int) -> Seat:
        """A place for one more show of a person, with patches of this size, warmed up; any thread but a lane's.

        Raises:
            AvatarError: There is no room.
        """
        ...

    def paint(self, lane: int, jobs: Sequence[Job]) -> None:
        """Paint a batch, whose seats have one key; lane is 0 to `lanes` - 1."""
        ...

    def facts(self) -> dict[str, Any]:
        """What is worth telling of it: backend, device, memory."""
        ...
