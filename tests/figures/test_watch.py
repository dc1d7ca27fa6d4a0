from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.figures import door, folder, report, watch
from avatar_engine.figures.cost import Prices
from avatar_engine.figures.series import snapshots
from avatar_engine.figures.watch import Watch, Watched
from tests.figures.shows import STATUS

WATCHED = Watched(
    "marie", "marie.avatar", "show.md", ("rtmp://a/live/****",), metrics=0, prices=Prices(hour=2.0),
    redact=lambda text: text.replace("SECRET", "****"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.05)


def until(true):
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_show_is_seen_from_outside_while_it_runs_and_leaves_a_report():
    with Watch(WATCHED) as watched:
        (told,) = door.running()
        assert told["state"] == "starting" and told["outputs"] == ["rtmp://a/live/****"]
        watched(STATUS)
        until(lambda: door.running()[0]["state"] == "on air")
        told = door.running()[0]
        assert told["status"]["frames"] == 90_000 and told["processes"]["show"]["pids"] == [os.getpid()]
        assert told["cost"]["money"] == pytest.approx(2.0)
        with urllib.request.urlopen(f"http://127.0.0.1:{watched.port}/metrics", timeout=10) as answer:
            assert b"avatar_engine_frames_total" in answer.read()
        logging.getLogger("avatar_engine.live.show").warning("SECRET is late")
    assert door.running() == []
    last = list(snapshots(watched.folder.series))[-1]
    assert last["state"] == "ended" and last["status"]["on_air"] == 3600.0
    page = watched.folder.report.read_text()
    assert "ended as it should" in page and "**** is late" in page
    assert watched.folder.about()["ended"] >= watched.folder.about()["began"]
    assert not any("SECRET" in file.read_text() for file in watched.folder.path.iterdir())


def test_a_show_that_fails_says_why_and_still_leaves_a_report():
    with pytest.raises(AvatarError), Watch(WATCHED) as watched:
        raise AvatarError("Every output has failed (SECRET: gone).", "Start again.")
    assert watched.folder.about()["state"] == "failed"
    assert "Every output has failed (****: gone)." in watched.folder.report.read_text()


def test_trouble_with_figures_never_reaches_the_show(caplog):
    with Watch(WATCHED) as watched:
        watched.folder.series.unlink()
        watched.folder.path.chmod(0o500)
        watched("no status at all")  # type: ignore[arg-type]
        until(lambda: "figures are missing" in caplog.text)
        time.sleep(0.2)
        watched.folder.path.chmod(0o700)
    assert caplog.text.count("figures are missing") == 1


def test_a_disk_without_room_stops_it_before_it_begins(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(watch, "Series", full)
    with pytest.raises(AvatarError, match="No space left"):
        Watch(WATCHED)


def test_a_report_that_fails_is_said_and_no_more(monkeypatch, caplog):
    def fail(*_):
        raise KeyError("fps")

    monkeypatch.setattr(report, "write", fail)
    with Watch(WATCHED) as watched:
        watched(STATUS)
    assert "no report" in caplog.text and watched.folder.about()["state"] == "ended"


def test_a_log_that_cannot_be_written_stops_it_before_it_begins(tmp_path):
    with (
        pytest.raises(AvatarError, match="can't be written"),
        Watch(Watched("marie", "a", "b", (), log=tmp_path / "none" / "log")),
    ):
        pytest.fail("it began")
    assert door.running() == []


SHOW = """
import os, signal, sys, time
from avatar_engine.figures import watch
from tests.figures.test_watch import WATCHED
from tests.figures.shows import STATUS
watch.LOOK_EVERY = 0.05
with watch.Watch(WATCHED) as watched:
    watched(STATUS)
    watched._series.every = 0.0
    watched._series._due = 0.0
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_show_that_was_killed_has_a_report_after_the_fact():
    root = Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", SHOW], cwd=root, check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    found = folder.find("marie")
    assert not found.report.exists() and door.running() == []
    page = report.write(found).read_text()
    assert "cut off" in page and "1:00:00" in page
    assert json.loads((found.path / "show.json").read_text())["state"] == "starting"
