"""A fleet of this machine alone: it needs no cluster, and nothing on air notices when its supervisor dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from avatar_engine.cli import fleet as commands
from avatar_engine.cli import main, takeover
from avatar_engine.errors import AvatarError
from avatar_engine.fleet import door, ledger, run
from tests.fleet.conftest import LINES, PROGRAM, cleared, shows_of, until

FLEET = """
[show.marie]
avatar = "marie.avatar"
script = "show.md"
to = ["env:MARIE"]
cores = 0.1

[show.later]
avatar = "marie.avatar"
script = "show.md"
to = ["env:LATER"]
cores = 1000.0
"""
KEY = "the-secret-key"


@pytest.fixture
def file(house: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fleet's file; whatever was started of it has ended when the test has."""
    monkeypatch.setattr(takeover, "launch", lambda: ("python", *PROGRAM))
    monkeypatch.setenv("MARIE", f"rtmp://127.0.0.1:9/live/{KEY}")
    monkeypatch.setenv("LATER", f"rtmp://127.0.0.1:9/live/{KEY}-2")
    path = house / "fleet.toml"
    path.write_text(FLEET)
    yield path
    cleared(house / "home")


def command(*words: object) -> Any:
    return CliRunner().invoke(main.app, [str(word) for word in words])


def task(name: str = "marie") -> dict[str, Any]:
    told = door.told()
    found = [one for one in told["tasks"] if one["name"] == name] if told else []
    return found[0] if found else {"state": "", "place": 0, "told": ""}


def on_air(place: int = 0) -> bool:
    one = task()
    return bool(one["state"] == "running" and one["place"] > place)


def test_a_show_is_kept_on_air_over_the_deaths_of_its_supervisor_and_its_own(file: Path) -> None:
    started = command("fleet", "up", file)
    assert started.exit_code == 0, started.output
    assert "1000.00 cores are needed" in " ".join(started.output.split())
    with pytest.raises(AvatarError, match="runs already"):
        main.app(["fleet", "up", str(file)], standalone_mode=False)
    until(lambda: on_air(2))
    before, told = shows_of(file.parent / "home"), door.told()
    assert told is not None and before

    os.kill(told["pid"], signal.SIGKILL)
    new = until(lambda: (now := door.told()) and now["pid"] != told["pid"] and now)
    assert new["tasks"][0]["token"] == told["tasks"][0]["token"]
    place = task()["place"]
    until(lambda: on_air(place))
    assert shows_of(file.parent / "home") >= before, "the show noticed"

    for pid in shows_of(file.parent / "home"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    place = task()["place"]
    until(lambda: task()["token"] > new["tasks"][0]["token"] and on_air())
    assert place - 1 <= task()["place"] < LINES and task()["restarts"] == 1
    text = (ledger.place() / "fleet.log").read_text() + json.dumps(door.told())
    assert KEY not in text
    kept = [path for path in file.parent.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert not kept, "the key is on the disk"

    assert command("fleet", "remove", "later").exit_code == 0
    refused = command("fleet", "add", file, "later")
    assert "There is no room for later" in str(refused.exception)
    assert command("fleet", "status").exit_code == 0
    ended = command("fleet", "down")
    assert ended.exit_code == 0, ended.output
    assert not shows_of(file.parent / "home") and door.told() is None
    assert command("fleet", "status", "--json").output == "null\n"
    left = ledger.load()
    assert left is not None and left.records["marie"].state == "stopped" and left.records["marie"].place


def test_a_file_is_checked_with_all_that_it_names(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command("fleet", "check", file).output.endswith("2 shows, 0 clone jobs, mode local.\n")
    monkeypatch.delenv("MARIE")
    (file.parent / "show.md").write_text("---\nlanguage: en\ncolour: red\n---\n\nHello.\n")
    told = command("fleet", "check", file)
    assert told.exit_code == 1
    assert "The variable MARIE is not set" in told.output and "show.marie.script" in told.output


def wardens(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            ours = process.environ().get("AVATAR_ENGINE_HOME") == str(home)
            if ours and "avatar_engine.fleet.run" in process.cmdline():
                found.append(process)
    return found


@pytest.mark.parametrize("deaf", [False, True])
def test_a_fleet_that_does_not_begin_leaves_nobody_who_goes_on_trying(
    file: Path, monkeypatch: pytest.MonkeyPatch, deaf: bool
) -> None:
    monkeypatch.setattr(commands, "BEGUN", 1.0 if deaf else 3.0)
    if deaf:  # a supervisor that hears no signal, as one that hangs in a cluster's library
        monkeypatch.setattr(run, "PATIENCE", 0.5)
        (file.parent / "sitecustomize.py").write_text(
            "import signal, sys, time\n"
            "if 'supervise' in sys.orig_argv:\n"
            "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "    time.sleep(600)\n"
        )
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(file.parent), os.environ["PYTHONPATH"])))
    file.write_text('mode = "ray"\naddress = "127.0.0.1:1"\n' + FLEET)
    told = command("fleet", "up", file)
    assert isinstance(told.exception, AvatarError) and "does not begin" in told.exception.what
    assert deaf or "Ray" in told.exception.what, "the log's last line"
    assert not wardens(file.parent / "home")


def test_a_warden_that_gives_up_is_not_waited_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    monkeypatch.setattr(run, "launched", lambda program: subprocess.Popen(["false"]))
    told = command("fleet", "up", file)
    assert "does not begin" in str(told.exception) and time.monotonic() - began < commands.BEGUN / 2
    lock = ledger.Lock()
    assert lock.take(), "nobody holds it"
    lock.release()


def test_a_folder_that_can_not_be_written_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(file))
    told = command("fleet", "up", file)
    assert isinstance(told.exception, AvatarError) and "can't be kept in" in told.exception.what
    assert "AVATAR_ENGINE_HOME" in told.exception.advice


@pytest.mark.parametrize("words", [("remove", "marie"), ("drain", "here"), ("down",)])
def test_without_a_fleet_every_order_says_so(house: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(AvatarError, match="No fleet runs"):
        main.app(["fleet", *words], standalone_mode=False)
