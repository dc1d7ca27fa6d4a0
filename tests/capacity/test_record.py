"""What is kept, and when it is not believed any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avatar_engine.capacity import record
from avatar_engine.capacity.machine import memory_free, memory_limit
from avatar_engine.errors import AvatarError
from tests.capacity.machines import MACHINE, capacity

NOW = datetime(2027, 1, 6, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    return tmp_path


def test_what_is_kept_comes_back_whole():
    assert record.look(MACHINE, NOW) is None and record.kept() is None
    record.keep(capacity())
    found = record.look(MACHINE, NOW)
    assert found is not None and found.capacity == capacity() and found.advice == ""


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"cpu": "Another"}, "processor"),
        ({"cores": 4}, "cores"),
        ({"quota": 1.5}, "quota"),
        ({"memory_mb": 4000}, "memory"),
        ({"card": "A Card"}, "card"),
    ],
)
def test_figures_of_another_machine_are_told_and_not_used(change, word):
    record.keep(capacity())
    found = record.look(MACHINE.model_copy(update=change), NOW)
    assert found is not None and word in found.advice and "another machine" in found.advice and found.foreign
    assert record.kept() is None, "this machine is not the measured one"


def test_an_old_one_and_one_of_another_engine_are_used_and_told():
    record.keep(capacity())
    other = record.look(MACHINE.model_copy(update={"engine": "2"}), NOW)
    late = record.look(MACHINE, NOW + timedelta(days=100))
    assert other is not None and "engine 1" in other.advice and not other.foreign
    assert late is not None and "100 days" in late.advice and "avatar-engine capacity" in late.advice


def test_a_damaged_one_is_none(home: Path):
    record.keep(capacity())
    record.place().write_text("{}")
    assert record.look(MACHINE, NOW) is None
    record.keep(capacity(version=99))
    assert record.look(MACHINE, NOW) is None


def test_a_folder_that_cannot_be_written_is_told(home: Path):
    (home / "state").write_text("a file")
    with pytest.raises(AvatarError, match="can't be kept"):
        record.keep(capacity())


def test_the_containers_memory_counts(tmp_path: Path):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert memory_limit(tmp_path) == 1_000_000 and memory_free(tmp_path) == 600_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_limit(tmp_path) > 1_000_000 and memory_free(tmp_path) > 1_000_000
