from __future__ import annotations

import socket
import stat

import pytest

from avatar_engine import folders
from avatar_engine.figures.door import Door, door_of, knock, running


@pytest.fixture
def opened():
    door = Door("marie-1", lambda: {"show": "marie-1", "frames": 7})
    door.open()
    yield door
    door.close()


def test_who_asks_gets_the_snapshot_and_only_the_user_may_ask(opened, home):
    assert opened.path == home / "state" / "run" / "marie-1.sock"
    assert knock(opened.path) == {"show": "marie-1", "frames": 7}
    assert running() == [{"show": "marie-1", "frames": 7}]
    assert stat.S_IMODE(opened.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(opened.path.parent.stat().st_mode) == 0o700


def test_who_connects_and_says_nothing_holds_nobody_up(opened, monkeypatch):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(opened.path))
        assert knock(opened.path) == {"show": "marie-1", "frames": 7}


def test_a_show_that_has_gone_is_not_listed(opened):
    opened.close()
    assert not opened.path.exists() and running() == []
    with socket.socket(socket.AF_UNIX) as dead:  # of a show that was killed
        dead.bind(str(opened.path))
    assert opened.path.exists() and running() == [] and knock(opened.path) is None


def test_the_users_runtime_folder_goes_first(home, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    assert door_of("a") == home / "avatar-engine" / "a.sock"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "gone"))
    assert door_of("a") == home / "state" / "run" / "a.sock"


def test_a_long_path_is_cut_and_one_too_long_only_costs_the_socket(home, monkeypatch, caplog):
    assert len(str(door_of("n" * 90))) <= folders.LONGEST and door_of("n" * 90) != door_of("n" * 91)
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(home / ("d" * 120)))
    door = Door("marie-1", dict)
    door.open()
    assert "no status socket" in caplog.text
    door.close()
