from __future__ import annotations

from types import SimpleNamespace

import pytest

from avatar_engine.figures.cards import Cards, CardUse


class NVMLError(Exception):
    pass


def library(processes, energy=None, count=1):
    """NVML with ``count`` cards, on each of which ``processes`` run."""

    def counted(handle):
        if energy is None:
            raise NVMLError("not supported")
        return energy

    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: count,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: processes[handle],
        nvmlDeviceGetName=lambda handle: b"Card",
        nvmlDeviceGetTotalEnergyConsumption=counted,
    )


def test_only_what_our_processes_hold_counts():
    one, other = (
        SimpleNamespace(pid=7, usedGpuMemory=300_000_000),
        SimpleNamespace(pid=8, usedGpuMemory=10**9),
    )
    found = Cards(library([[one, other], [other]], 5000, count=2)).look({7, 9})
    assert found == {0: CardUse("Card", pytest.approx(300), 5.0)}


def test_what_a_driver_does_not_say_is_not_invented():
    hidden = SimpleNamespace(pid=7, usedGpuMemory=None)
    assert Cards(library([[hidden]])).look({7}) == {0: CardUse("Card", None, None)}


def test_without_a_driver_there_are_no_cards():
    absent = library([])

    def fail():
        raise NVMLError("no driver")

    absent.nvmlInit = fail
    assert Cards(absent).look({1}) == {}
