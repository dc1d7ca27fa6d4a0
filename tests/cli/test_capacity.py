"""`avatar-engine capacity`: what it shows, and what it says where there is nothing to measure with."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from avatar_engine import capacity as room
from avatar_engine.capacity import machine
from avatar_engine.capacity.model import Trial
from avatar_engine.cli.main import app
from avatar_engine.errors import AvatarError
from avatar_engine.gauge import measure
from tests.capacity import machines


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def shown(*words: str) -> str:
    result = CliRunner().invoke(app, ["capacity", *words])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_what_was_never_measured_says_how_to():
    text = shown("--show")
    assert "not measured yet" in text and "avatar-engine capacity" in text and "No seat is taken" in text


def test_the_kept_result_and_the_seats_are_shown():
    trial = Trial(hosts=3, seconds=45, late=17, starved=0.23, stages=machines.STAGES, step_ms=55)
    found = machines.capacity(machine=machine.fingerprint())
    sizes = (found.sizes[0].model_copy(update={"trials": (trial,), "why": "The processor."}),)
    room.keep(found.model_copy(update={"sizes": sizes}))
    with room.take(lambda _: machines.seat("anna", forced=True)):
        text = shown("--show")
    for word in (
        "2 (reckoned 2; tried: 2 whole, 3 too many) hosts",
        "limited by the voice",
        "17",
        "23%",
        "55 ms",
        "anna",
    ):
        assert word in text
    assert "by force" in text and "1.02 of 2.00 cores are left" in text


def test_figures_of_another_machine_are_shown_as_such():
    room.keep(machines.capacity())
    assert "measured on another machine" in shown("--show")


def test_a_clone_is_needed_and_found(home: Path, monkeypatch: pytest.MonkeyPatch):
    result = CliRunner().invoke(app, ["capacity"])
    assert isinstance(result.exception, AvatarError) and "A clone is needed" in result.exception.what
    (home / "marie.avatar").write_bytes(b"")
    asked = []

    def measured(avatar: Path, sizes: object, **more: object) -> room.Capacity:
        asked.append((avatar.name, sizes, more["quick"]))
        return machines.capacity()

    monkeypatch.setattr(measure, "measure", measured)
    shown("--quick", "--size", "1920x1080", "--json", "out.json")
    assert asked == [("marie.avatar", [(1920, 1080)], True)]
    assert room.Capacity.model_validate_json((home / "out.json").read_text()) == machines.capacity()
    result = CliRunner().invoke(app, ["capacity", "--json", "no/out.json"])
    assert isinstance(result.exception, AvatarError) and len(asked) == 1
