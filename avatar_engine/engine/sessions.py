"""Sessions as a backend (`avatar_engine.inference`): one a person, which all shows of that person share.

On processors every lane is one thread and paints one picture after the other: a batch of several persons has nothing
to gain there, and two threads on one picture cost more than they bring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from avatar_engine.bundle import cache_folder
from avatar_engine.contracts import FloatArray
from avatar_engine.device import Device
from avatar_engine.engine.backend import Job
from avatar_engine.errors import AvatarError
from avatar_engine.inference import Session, computes, ready
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.render import Renderer


@dataclass(frozen=True, slots=True)
class SessionSeat:
    """One show's renderer; its person's session is shared."""

    key: str
    codes: int
    renderer: Renderer


class Sessions:
    """Paints with ONNX Runtime, or with OpenVINO where a processor has bf16.

    Args:
        device: Where sessions run.
        threads: Pictures that are painted at the same time.
        tensorrt: Whether TensorRT builds an engine of each network, where ONNX Runtime has it: minutes for the first
            one on a card, less for those after it.

    Raises:
        AvatarError: The cache folder can't be written.
    """

    def __init__(self, device: Device, threads: int, tensorrt: bool = False) -> None:
        self.most, self.lanes = 1, threads
        self._device, self._tensorrt = device, _timings() if tensorrt else None
        self._persons: dict[str, tuple[LipsModel, Session]] = {}

    def load(self, person: str, model: LipsModel) -> None:
        """See `Backend`."""
        session = ready(model.painter, self._device, 1, callers=self.lanes, tensorrt=self._tensorrt)
        self._persons[person] = model, session

    def drop(self, person: str) -> None:
        """See `Backend`."""
        self._persons.pop(person, None)

    def seat(self, person: str, width: int, height: int) -> SessionSeat:
        """See `Backend`."""
        model, session = self._persons[person]
        renderer = Renderer(model, self._device, 1, session)
        warm = np.full((height * 3 // 2, width), 128, np.uint8)
        renderer.paint(warm, np.eye(2, 3, dtype=np.float32), model.neutral)
        return SessionSeat(f"{model.size} px", len(model.neutral), renderer)

    def paint(self, lane: int, jobs: Sequence[Job]) -> None:
        """See `Backend`."""
        del lane
        for job in jobs:
            # OpenCV computes with doubles whatever it gets
            job.seat.renderer.paint(job.patch, cast(FloatArray, job.matrix), job.coefficients)

    def facts(self) -> dict[str, Any]:
        """See `Backend`."""
        providers = [session.get_providers()[0] for _, session in self._persons.values()]
        return {
            "backend": computes(self._device),
            "provider": providers[0] if providers else "",
            "device": self._device.name,
            "threads": self.lanes,
        }


def _timings() -> Path:
    """Where TensorRT keeps how fast the card's kernels are."""
    folder = cache_folder().parent / "tensorrt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AvatarError(
            f"TensorRT can keep nothing in {folder}: {error.strerror}.",
            "Set AVATAR_ENGINE_HOME to a folder of yours.",
        ) from error
    return folder
