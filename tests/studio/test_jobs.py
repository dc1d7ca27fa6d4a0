"""Jobs: in processes of their own, which outlive the studio and are begun again when they die."""

from __future__ import annotations

import os
import signal
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest

from avatar_engine.studio import jobs as room
from avatar_engine.studio import processes
from avatar_engine.studio.clones import Agreed
from avatar_engine.studio.house import House
from avatar_engine.studio.refusals import Conflict, Missing, Refusal
from tests.studio.conftest import opened, take_steps, until


def agreed_clone(house: House, clip: Path) -> int:
    copy = house.folder / "uploads" / "c.mp4"
    copy.write_bytes(clip.read_bytes())
    ident = house.clones.add("marie", copy, "minute.mp4", "test")
    until(lambda: house.clones.one(ident).checked)
    who = Agreed("Marie Test", ["live-shopping"], ["en"], date.today() + timedelta(days=2), "A. Tester")
    house.clones.agree(ident, who)
    return ident


def running(house: House, job: int) -> int:
    """The process of a job that has said how far it is."""
    until(lambda: house.jobs.one(job).stages)
    row = house.database.row("SELECT pid FROM jobs WHERE id = ?", job)
    assert row is not None
    return int(row["pid"])


def test_a_fit_goes_on_while_the_studio_is_killed_and_is_found_again(place: Path, plain_clip: Path) -> None:
    house = opened(place)
    take_steps(house.folder, "25")
    ident = agreed_clone(house, plain_clip)
    job = house.clones.fit(ident, 600, "en", "test")
    pid = running(house, job)
    house.close()  # a kill leaves no less: every change is on the disk before it is answered
    again = opened(house.folder)
    try:
        now = again.jobs.one(job)
        assert now.state == "running" and now.left is not None and now.left <= 600
        until(lambda: again.jobs.one(job).state == "done")
        assert again.jobs.one(job).again == 0, "its process was never lost"
        assert again.clones.one(ident).fitted and not processes.alive(pid, 0.0)
    finally:
        again.close()


def test_a_process_that_is_killed_is_begun_again_where_it_was(house: House, plain_clip: Path) -> None:
    take_steps(house.folder, "20")
    ident = agreed_clone(house, plain_clip)
    job = house.clones.fit(ident, 600, "en", "test")
    pid = running(house, job)
    kept = house.jobs.folder(job) / "kept.txt"
    until(lambda: kept.exists() and int(kept.read_text() or 0) >= 5)
    os.kill(pid, signal.SIGKILL)
    until(lambda: house.jobs.one(job).state == "done")
    now = house.jobs.one(job)
    assert now.again == 1 and house.clones.one(ident).fitted


def test_one_that_dies_again_and_again_has_failed(
    house: House, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.jobs, "_command", ("/bin/false",))
    job = house.jobs.ask("check", "x", {"clip": str(plain_clip)}, "test")
    until(lambda: house.jobs.one(job).state == "failed")
    assert house.jobs.one(job).again == room.TRIES - 1


def test_a_refusal_of_the_engine_is_told_in_its_words(house: House, plain_clip: Path) -> None:
    take_steps(house.folder, "fail")
    ident = agreed_clone(house, plain_clip)
    job = house.clones.fit(ident, 600, "en", "test")
    until(lambda: not house.jobs.one(job).open)
    now = house.jobs.one(job)
    assert (now.state, now.error, now.advice) == ("failed", "There is no face in the clip.", "Film one.")
    take_steps(house.folder, "1")
    again = house.jobs.again(job, "test")
    until(lambda: house.jobs.one(again).state == "done")


def test_a_job_is_stopped_with_all_that_it_began(house: House, plain_clip: Path) -> None:
    take_steps(house.folder, "500")
    ident = agreed_clone(house, plain_clip)
    job = house.clones.fit(ident, 600, "en", "test")
    pid = running(house, job)
    with pytest.raises(Conflict, match="already"):
        house.clones.fit(ident, 600, "en", "test")
    house.jobs.stop(job)
    assert house.jobs.one(job).state == "stopped"
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    with pytest.raises(Conflict, match="over"):
        house.jobs.stop(job)
    with pytest.raises(Missing):
        house.jobs.one(999)


def test_heavy_work_waits_its_turn(house: House, plain_clip: Path) -> None:
    take_steps(house.folder, "500")
    house.jobs.room = 1
    ident = agreed_clone(house, plain_clip)
    first = house.clones.fit(ident, 600, "en", "test")
    second = house.jobs.ask("rehearse", "a show", {"avatar": "none", "script": "none"}, "test")
    assert (house.jobs.one(first).state, house.jobs.one(second).state) == ("running", "queued")
    house.jobs.stop(first)
    until(lambda: house.jobs.one(second).state != "queued")


def test_too_much_work_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_WAITING", 0)
    with pytest.raises(Refusal, match="wait already"):
        house.jobs.ask("say", "x", {}, "test")
