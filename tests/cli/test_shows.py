"""Shows that run are listed, one is followed to its end, and one that was has its page."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from avatar_engine.cli import main, shows
from avatar_engine.errors import AvatarError
from avatar_engine.figures import folder
from avatar_engine.figures.door import Door
from avatar_engine.figures.series import Series
from tests.figures.shows import shown


@pytest.fixture(autouse=True)
def home(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="ae") as path:
        monkeypatch.setenv("AVATAR_ENGINE_HOME", path)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        yield Path(path)


@pytest.fixture
def on_air():
    doors = []
    for name, began in (
        ("marie-20270101-200000", "1"),
        ("marie-20270102-200000", "2"),
        ("paul-20270101-200000", "3"),
    ):
        told = {**shown(), "show": name, "began": began}
        doors.append(Door(name, lambda told=told: told))
        doors[-1].open()
    yield doors
    for door in doors:
        door.close()


def printed(show: str, **how: bool) -> tuple[bool, str]:
    console = Console(file=io.StringIO(), width=200)
    ran = shows.print_status(console, show, **{"as_json": False, "follow": False, **how})
    return ran, console.file.getvalue()  # type: ignore[attr-defined]


def test_all_are_listed_and_of_a_name_the_newest_is_shown(on_air):
    ran, text = printed("")
    assert ran and all(Path(door.path).stem in text for door in on_air)
    ran, text = printed("marie")
    assert ran and "marie-20270102-200000" in text and "marie-20270101" not in text
    ran, text = printed("marie-20270101-200000", as_json=True)
    assert json.loads(text)["show"] == "marie-20270101-200000"
    assert len(json.loads(printed("", as_json=True)[1])) == 3


def test_none_is_said_and_is_a_status():
    assert printed("marie") == (False, "No show 'marie' runs.\n")
    assert printed("", as_json=True) == (False, "[]\n")
    assert CliRunner().invoke(main.app, ["status"]).exit_code == 1


def test_a_show_is_followed_until_it_ends(on_air, monkeypatch):
    monkeypatch.setattr(shows, "EVERY", 0.05)
    timer = threading.Timer(0.4, on_air[2].close)
    timer.start()
    ran, text = printed("paul", follow=True, as_json=True)
    timer.join()
    assert ran and len(text.splitlines()) >= 2
    assert all(json.loads(line)["show"].startswith("paul") for line in text.splitlines())


def test_a_terminal_is_drawn_anew_while_a_show_is_followed(on_air, monkeypatch):
    monkeypatch.setattr(shows, "EVERY", 0.05)
    timer = threading.Timer(0.3, on_air[2].close)
    timer.start()
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    assert shows.print_status(console, "paul", as_json=False, follow=True)
    timer.join()
    assert console.file.getvalue().count("90000 frames") >= 2  # type: ignore[attr-defined]


def test_a_report_is_made_where_it_is_wanted(tmp_path):
    made = folder.new("marie")
    Series(made.series).add(shown())
    assert CliRunner().invoke(main.app, ["report"]).exit_code == 0
    assert made.report.exists()
    answer = CliRunner().invoke(main.app, ["report", "marie", "-o", str(tmp_path / "r.html")])
    assert answer.exit_code == 0 and "1:00:00" in (tmp_path / "r.html").read_text()


def test_a_report_into_nowhere_or_of_nothing_is_refused(tmp_path, monkeypatch, capsys):
    folder.new("marie")
    for words, said in ((["-o", "/nowhere/r.html"], "no folder"), (["paul"], "'paul'")):
        monkeypatch.setattr("sys.argv", ["avatar-engine", "report", *words])
        with pytest.raises(SystemExit) as caught:
            main.main()
        assert caught.value.code == 2
        assert said in capsys.readouterr().err


def test_the_only_show_is_ended_and_of_several_one_has_to_be_named(on_air):
    with pytest.raises(AvatarError, match="3 shows run"):
        shows.stop("", wait=5)
    with pytest.raises(AvatarError, match="No show 'anna' runs"):
        shows.stop("anna", wait=5)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    told = {**shown(), "show": "anna-1", "began": "4", "pid": process.pid}
    door = Door("anna-1", lambda: told)
    door.open()
    try:
        assert shows.stop("anna", wait=20) == "anna-1"
    finally:
        door.close()
        process.kill()
    assert process.wait() in (-signal.SIGTERM, 0)


def test_a_show_that_does_not_end_in_time_is_told_of(on_air):
    ignores = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)"
    stubborn = f"import signal, time; {ignores}; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
    assert process.stdout.readline()
    told = {**shown(), "show": "anna-1", "began": "4", "pid": process.pid}
    door = Door("anna-1", lambda: told)
    door.open()
    try:
        with pytest.raises(AvatarError, match="has not ended after 1 s"):
            shows.stop("anna", wait=1)
    finally:
        door.close()
        process.kill()
        process.wait()
