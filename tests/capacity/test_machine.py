"""What a container leaves of its machine."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from avatar_engine.capacity import machine

V2, V1 = ("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")


def written(root: Path, names: tuple[str, str], limit: str, used: str) -> None:
    for name, text in zip(names, (limit, used), strict=True):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")


@pytest.mark.parametrize("names", [V2, V1])
def test_a_containers_memory_is_its_limit(tmp_path: Path, names: tuple[str, str]) -> None:
    written(tmp_path, names, "64000000", "60000000")
    assert machine.memory_limit(tmp_path) == 64_000_000 and machine.memory_free(tmp_path) == 4_000_000


def test_without_a_limit_it_is_the_machines(tmp_path: Path) -> None:
    total = psutil.virtual_memory().total
    assert machine.memory_limit(tmp_path) == total
    written(tmp_path, V2, "max", "60000000")
    assert machine.memory_limit(tmp_path) == total
    written(tmp_path, V1, str(1 << 62), "60000000")
    assert machine.memory_limit(tmp_path) == total
