"""Memory shared by name: seen by all, there until the last has let go, and swept up after those who were killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from avatar_engine.broadcast import memory
from avatar_engine.broadcast.memory import SharedMemory

SIZE = 4096


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(memory, "_folder", lambda: tmp_path)
    return tmp_path


def test_what_one_writes_the_other_reads(folder: Path) -> None:
    mine = SharedMemory.create(SIZE)
    other = SharedMemory.open(mine.name)
    assert len(other.buffer) == SIZE and not any(other.buffer[:])
    mine.buffer[7] = 42
    assert other.buffer[7] == 42
    assert (folder / mine.name).stat().st_mode & 0o077 == 0, "pictures of a show are nobody else's"
    mine.close()
    mine.unlink()
    mine.unlink()
    assert other.buffer[7] == 42, "it is there until the last has let go"
    other.close()
    other.close()
    assert not list(folder.iterdir())


def test_memory_that_is_gone_cant_be_opened() -> None:
    with pytest.raises(FileNotFoundError):
        SharedMemory.open("avatar-engine-none")


def test_the_memory_of_a_show_that_was_killed_is_swept_up_and_that_of_a_running_one_is_not(
    folder: Path,
) -> None:
    other = folder / "somebody-elses"
    other.write_bytes(b"data")
    dies = (
        "import os, sys; from pathlib import Path; from avatar_engine.broadcast import memory;"
        "memory._folder = lambda: Path(sys.argv[1]); memory.SharedMemory.create(4096); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", dies, str(folder)], check=False)
    (left,) = folder.glob("avatar-engine-*")
    mine = SharedMemory.create(SIZE)
    assert not left.exists()
    SharedMemory.create(SIZE).close()
    assert (folder / mine.name).exists() and other.exists()
    mine.close()


def test_two_shows_that_begin_at_once_leave_each_other_their_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, times = os.open, []

    def open_and_let_the_other_sweep(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = make(path, flags, mode)
        if flags & os.O_CREAT and not times:
            times.append(1)
            memory._sweep()
        return descriptor

    def allocate(descriptor: int, start: int, size: int) -> None:
        memory._sweep()
        os.ftruncate(descriptor, size)

    monkeypatch.setattr(memory.os, "open", open_and_let_the_other_sweep)
    monkeypatch.setattr(memory.os, "posix_fallocate", allocate, raising=False)
    mine = SharedMemory.create(SIZE)
    assert times and (folder / mine.name).stat().st_size == SIZE
    mine.close()


def test_no_room_leaves_nothing_behind(folder: Path) -> None:
    with pytest.raises(OSError):
        SharedMemory.create(1 << 60)
    assert not list(folder.iterdir())
