"""Clone jobs: their result comes to where the file says, and what they had made goes with them to another machine."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from avatar_engine.bundle import Bundle
from avatar_engine.fleet import keeper, ledger, work
from avatar_engine.fleet.hand import WORK
from avatar_engine.fleet.ledger import Ledger
from avatar_engine.fleet.machines import Local
from avatar_engine.fleet.plan import ClonePlan, Fleet
from avatar_engine.fleet.supervisor import Supervisor
from avatar_engine.folders import state_folder
from tests.fleet.conftest import cleared


@pytest.fixture
def supervisor(house: Path) -> Iterator[Supervisor]:
    plan = ClonePlan(
        video=house / "clip.mp4", consent=house / "consent.toml", output=house / "paul.avatar", cores=0.1
    )
    kept = Ledger.of(Fleet(clone={"paul": plan}), house / "fleet.toml")
    one = Supervisor(kept, Local(), ("-m", "tests.fleet.fit"))
    yield one
    one.close()
    cleared(house / "home")


def passed(supervisor: Supervisor, until: object, limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while not (callable(until) and until()):
        assert time.monotonic() < deadline, supervisor.status()["tasks"]
        supervisor.tick()
        time.sleep(0.1)


def test_a_clone_comes_back_and_its_machine_keeps_nothing(supervisor: Supervisor, house: Path) -> None:
    record = supervisor.kept.records["paul"]
    passed(supervisor, lambda: record.state == "ended")
    assert Bundle.open(house / "paul.avatar").name == "paul"
    assert json.loads((house / "paul.report.json").read_text()) == {"began": 0}
    derived = next(state_folder().glob("consents/*/derived.jsonl")).read_text()
    assert str(house / "paul.avatar") in derived
    task = ledger.place() / "paul"
    passed(supervisor, lambda: not (task / "files").exists())
    assert not list((ledger.place() / "cache").iterdir())


def test_a_fit_whose_machine_is_lost_goes_on_from_what_had_come(
    supervisor: Supervisor, house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "EVERY", 0.3)
    monkeypatch.setenv("STEPS", "2000")  # it isn't done before its machine is lost, however slow that is
    record, copy = supervisor.kept.records["paul"], ledger.place() / "work" / "paul" / "lips" / "kept.txt"
    passed(supervisor, lambda: copy.is_file() and int(copy.read_text()) >= 30)
    run = ledger.place() / "paul" / str(record.token)
    keeper.end(run, "none")
    shutil.rmtree(ledger.place() / "paul")  # what was there is lost with it
    passed(supervisor, lambda: record.state == "ended")
    assert json.loads((house / "paul.report.json").read_text())["began"] >= 30
    assert not copy.exists(), WORK
