"""NVIDIA cards through NVML: what a show's processes hold of their memory, and the energy that they used."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pynvml

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CardUse:
    """A card on which a show's processes run.

    Attributes:
        name: The card's.
        memory_mb: What these processes hold of it, in MB; None where the driver does not say.
        joules: Energy of the whole card since the driver was loaded; None where it has no counter.
    """

    name: str
    memory_mb: float | None
    joules: float | None


class Cards:
    """The machine's cards; none where there is no driver. A card without our processes is never counted.

    Args:
        library: NVML.
    """

    def __init__(self, library: Any = pynvml) -> None:
        self._library = library
        self._handles: list[Any] = []
        try:
            library.nvmlInit()
            count = library.nvmlDeviceGetCount()
            self._handles = [library.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
        except library.NVMLError as error:
            log.debug("no NVML: %s", error)

    def look(self, pids: Collection[int]) -> dict[int, CardUse]:
        """Use by card's number, of the cards on which one of ``pids`` runs."""
        found = {}
        for index, handle in enumerate(self._handles):
            with suppress(self._library.NVMLError):
                running = self._library.nvmlDeviceGetComputeRunningProcesses(handle)
                if ours := [one.usedGpuMemory for one in running if one.pid in pids]:
                    told = [memory for memory in ours if memory is not None]
                    memory = sum(told) / 1e6 if told else None
                    found[index] = CardUse(self._name(handle), memory, self._joules(handle))
        return found

    def _name(self, handle: Any) -> str:
        name = self._library.nvmlDeviceGetName(handle)
        return name.decode() if isinstance(name, bytes) else str(name)

    def _joules(self, handle: Any) -> float | None:
        try:
            return float(self._library.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
        except self._library.NVMLError:
            return None
