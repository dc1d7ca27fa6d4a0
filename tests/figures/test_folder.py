from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.figures import folder


def test_a_show_is_found_by_id_by_name_and_as_the_latest(home):
    first, second = folder.new("marie"), folder.new("marie")
    other = folder.new("a b/../c")
    assert first.path != second.path and first.path.parent == home / "state" / "shows"
    assert "/" not in other.show and other.path.parent == first.path.parent
    assert folder.find(first.show) == first
    assert folder.find("marie") == second
    assert folder.find() in (second, other)
    assert second.path.stat().st_mode & 0o777 == 0o700


def test_an_unknown_show_is_refused_with_those_that_are_known(home):
    with pytest.raises(AvatarError, match="No show has been on air"):
        folder.find()
    made = folder.new("marie")
    with pytest.raises(AvatarError, match="'mari'") as caught:
        folder.find("mari")
    assert made.show in caught.value.advice


def test_the_oldest_shows_go(home, monkeypatch):
    monkeypatch.setattr(folder, "KEPT", 3)
    (home / "state" / "shows" / "notes").mkdir(parents=True)
    for day in range(1, 6):
        (home / "state" / "shows" / f"marie-2026010{day}-120000").mkdir()
    made = folder.new("paul")
    kept = [one.show for one in folder.everything()]
    assert kept == [made.show, "marie-20260105-120000", "marie-20260104-120000"]
    assert (home / "state" / "shows" / "notes").exists()


def test_what_a_show_is_is_read_again_and_nonsense_is_nothing(home):
    made = folder.new("marie")
    assert made.about() == {}
    made.tell({"show": made.show})
    assert made.about() == {"show": made.show}
    (made.path / "show.json").write_text("[1")
    assert made.about() == {}


def test_a_place_that_is_no_folder_is_an_error_to_read(home):
    (home / "state").write_text("")
    with pytest.raises(AvatarError, match="can't be made"):
        folder.new("marie")


def test_the_last_error_and_the_last_line_of_what_a_program_printed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert (folder.error_in(log), folder.last_line(log)) == ("", "")
    log.write_text("Error: the first\nmore\nError: The  server\n refuses.\n", encoding="utf-8")
    assert (folder.error_in(log), folder.last_line(log)) == ("The server refuses.", "refuses.")
    log.write_text("x" * 50_000 + "\nmaking pictures\n\n", encoding="utf-8")
    assert (folder.error_in(log), folder.last_line(log)) == ("", "making pictures")
