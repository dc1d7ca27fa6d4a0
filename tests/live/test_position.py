import sqlite3
from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.live import position
from avatar_engine.live.position import Position


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    path = tmp_path / "show.md"
    path.write_text("abc\n")
    return path


def test_the_place_outlives_its_process(script):
    first = Position(script)
    assert first.load() == 0
    for item in (1, 1, 4):
        first.save(item)
    # not closed: as a process that is killed leaves it
    assert Position(script).load() == 4


def test_every_script_has_its_own_place(script, tmp_path):
    other = tmp_path / "other.md"
    other.write_text("abc\n")
    Position(script).save(3)
    assert Position(other).load() == 0
    assert Position(Path(f"{script.parent}/../{script.parent.name}/show.md")).load() == 3


def test_a_show_that_ended_begins_at_the_top(script):
    one = Position(script)
    one.save(3)
    one.finish()
    assert one.load() == 0


def test_a_script_that_was_changed_is_refused_with_advice(script):
    Position(script).save(2)
    script.write_text("abd\n")
    with pytest.raises(AvatarError, match="was changed") as refused:
        Position(script).load()
    assert "--resume" in refused.value.advice


def test_a_folder_that_cannot_be_written_is_said_before_the_show(script, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "file"))
    with pytest.raises(AvatarError, match="position can't be kept"):
        Position(script)


def test_a_store_that_fails_in_the_show_ends_nothing(script, caplog):
    one = Position(script)
    with sqlite3.connect(position.state_folder() / "shows.sqlite") as other:
        other.execute("DROP TABLE position")
    one.save(1)
    one.finish()
    assert "not kept" in caplog.text
