"""The container's health check."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from avatar_engine.cli import health
from avatar_engine.cli.main import app
from avatar_engine.figures.door import Door


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))


LIVE = ["/sbin/docker-init", "--", "avatar-engine", "live", "marie.avatar", "--to", "@/run/secrets/stream"]


def show(state: str = "on air", on_air: float = 60.0, fps: float = 25.0, *outputs: str) -> dict[str, Any]:
    sent = [{"name": f"rtmp://{n}", "state": one, "error": "refused"} for n, one in enumerate(outputs)]
    return {"show": "marie-1", "state": state, "error": "no voice",
            "status": {"on_air": on_air, "fps": fps, "broadcast": {"outputs": sent}}}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        (LIVE, "live"),
        (
            ["/opt/avatar-engine/bin/python", "/opt/avatar-engine/bin/avatar-engine", "engine", "serve"],
            "engine",
        ),
        (["avatar-engine", "--verbose", "studio", "--host", "0.0.0.0"], "studio"),
        (["avatar-engine live"], "live"),
        (["/sbin/init"], ""),
        (["avatar-engine"], ""),
        ([], ""),
    ],
)
def test_the_first_process_tells_what_a_container_is_for(words: list[str], verb: str) -> None:
    assert health.purpose(words) == verb


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        (show(), ""),
        (show("starting", 0.0, 0.0), ""),
        (show("on air", 3.0, 0.0, "connecting"), ""),
        (show("on air", 60.0, 25.0, "reconnecting", "on air"), ""),
        (show("on air", 60.0, 3.0), "sends 3.0 pictures a second"),
        (
            show("on air", 60.0, 25.0, "reconnecting", "failed"),
            "none of its outputs: rtmp://0 reconnecting refused",
        ),
        (show("failed"), "has failed: no voice"),
    ],
)
def test_a_show_is_well_while_it_sends_and_reaches_somebody(told: dict[str, Any], wrong: str) -> None:
    there = Door("marie-1", lambda: told)
    there.open()
    found = health.faults(LIVE)
    there.close()
    assert (wrong in found[0]) if wrong else not found


def test_a_show_an_engine_or_a_studio_that_does_not_answer_is_not_well() -> None:
    assert health.faults(LIVE) == ["the show does not answer"]
    assert "No render engine" in health.faults(["avatar-engine", "engine", "serve"])[0]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        words = ["avatar-engine", "studio", "--port", str(listener.getsockname()[1])]
        assert "does not listen" in health.faults(words)[0]
        listener.listen()
        assert health.faults(words) == []


def test_who_waits_for_work_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "first_process", lambda: ["avatar-engine", "clone", "minute.mp4"])
    shown = CliRunner().invoke(app, ["status", "--health"])
    assert (shown.exit_code, shown.stdout.strip()) == (0, "well")
    monkeypatch.setattr(health, "first_process", lambda: LIVE)
    shown = CliRunner().invoke(app, ["status", "--health"])
    assert (shown.exit_code, shown.stdout.strip()) == (1, "the show does not answer")
