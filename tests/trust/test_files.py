"""Writing keys and consents: in one step, over nothing unasked, also where there are no links."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from avatar_engine.trust import files


@pytest.fixture(params=["links", "no links"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param == "no links":
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    return tmp_path


def test_a_new_file_is_its_owners_alone(folder: Path) -> None:
    files.write(folder / "a", b"mine", replace=False)
    assert (folder / "a").read_bytes() == b"mine"
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o600
    assert [entry.name for entry in folder.iterdir()] == ["a"]


def test_what_is_there_is_kept_unless_asked(folder: Path) -> None:
    (folder / "a").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        files.write(folder / "a", b"mine", replace=False)
    assert (folder / "a").read_bytes() == b"theirs"
    files.write(folder / "a", b"mine", replace=True)
    assert (folder / "a").read_bytes() == b"mine"
    assert [entry.name for entry in folder.iterdir()] == ["a"]


def test_a_full_disk_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a").write_bytes(b"theirs")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for replace in (True, False):
        with pytest.raises(OSError, match="No space left"):
            files.write(folder / "a", b"mine", replace=replace)
    assert (folder / "a").read_bytes() == b"theirs"
    assert [entry.name for entry in folder.iterdir()] == ["a"]


def test_another_fault_of_the_link_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Path, target: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "hardlink_to", broken)
    with pytest.raises(OSError, match="Input/output"):
        files.write(tmp_path / "a", b"mine", replace=False)
    assert list(tmp_path.iterdir()) == []
