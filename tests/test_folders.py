"""The places of running processes."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from avatar_engine import folders


def test_a_place_belongs_to_one_process_until_it_ends(tmp_path: Path) -> None:
    door = tmp_path / "run" / "engine.render"
    mine = folders.claim(door)
    assert mine is not None and door.parent.stat().st_mode & 0o777 == 0o700
    opened = psutil.Process().num_fds()
    assert folders.claim(door) is None and folders.claim(door) is None
    assert psutil.Process().num_fds() == opened, "who is refused keeps nothing open"
    assert folders.claim(door.with_name("voices.card")) is not None
    mine.close()
    again = folders.claim(door)
    assert again is not None
    again.close()


def test_a_place_that_can_not_be_had_is_not_taken_for_one_that_is_held(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        folders.claim(tmp_path / "file" / "engine.render")
