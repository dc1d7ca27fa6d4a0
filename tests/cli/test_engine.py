"""The verbs of the render engine, in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from avatar_engine import device, inference
from avatar_engine.cli.main import app
from avatar_engine.device import Device
from avatar_engine.engine import process, start, wire
from avatar_engine.errors import AvatarError
from avatar_engine.voice.card import keeper


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))


def test_an_engine_serves_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-c", "from avatar_engine.cli.main import main; main()"]
    engine = subprocess.Popen(
        [*command, "engine", "serve", "--device", "cpu", "--threads", "1", "--no-voices"]
    )
    try:
        for _ in range(2000):
            if wire.path().exists():
                break
            assert engine.poll() is None
            time.sleep(0.1)
        shown = CliRunner().invoke(app, ["engine", "status", "--json"])
        told = json.loads(shown.stdout)
        assert told["pid"] == engine.pid and told["threads"] == 1 and told["shows"] == []
        shown = CliRunner().invoke(app, ["engine", "status"])
        assert f"({inference.computes(device.choose('cpu'))})" in shown.stdout and shown.exit_code == 0
        again = subprocess.run([*command, "engine", "serve"], capture_output=True, text=True, check=False)
        assert again.returncode == 2 and "already" in again.stderr and "Traceback" not in again.stderr
        engine.send_signal(signal.SIGINT)
        assert engine.wait(60) == 0
        assert not wire.path().exists()
    finally:
        engine.kill()
        engine.wait()


@pytest.mark.parametrize(
    ("kind", "torch", "amx", "asked", "spoken_on"),
    [
        ("cuda", "cuda", False, [], ["cuda"]),
        ("cuda", "cpu", False, [], []),
        ("cuda", "cpu", True, [], []),
        ("cpu", "cpu", True, [], []),
        ("cpu", "cpu", True, ["--voices"], ["cpu"]),
        ("cpu", "cpu", False, [], []),
        ("cpu", "cpu", False, ["--voices"], ["cpu"]),
        ("cuda", "cpu", False, ["--voices"], ["cpu"]),
        ("cuda", "cuda", False, ["--no-voices"], []),
    ],
)
def test_voices_are_made_where_pytorch_can(
    kind: Any, torch: str, amx: bool, asked: list[str], spoken_on: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []

    def keep(where: str) -> nullcontext[None]:
        kept.append(where)
        return nullcontext()

    engine = SimpleNamespace(path="door", serve=lambda stop: None)
    kinds = {"auto": kind, "cpu": "cpu"}
    monkeypatch.setattr(device, "choose", lambda name: Device(kinds[name], "test", 1, amx, amx, 1))
    monkeypatch.setattr(device, "torch_device", lambda chosen: torch)
    monkeypatch.setattr(
        start, "backend", lambda *_: SimpleNamespace(facts=lambda: {"backend": "", "device": ""})
    )
    monkeypatch.setattr(process, "Engine", lambda paints: engine)
    monkeypatch.setattr(keeper, "kept", keep)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert CliRunner().invoke(app, ["engine", "serve", *asked]).exit_code == 0
    assert kept == spoken_on
    kept.clear()
    monkeypatch.setenv(inference.SWITCH, "off")
    assert CliRunner().invoke(app, ["engine", "serve", *asked]).exit_code == 0
    assert kept == (["cpu"] if amx and torch == "cpu" else spoken_on), "then tiles are worth a process"


def test_no_engine_is_said_with_advice() -> None:
    failed = CliRunner().invoke(app, ["engine", "status"])
    assert isinstance(failed.exception, AvatarError) and "engine serve" in failed.exception.advice


def test_another_word_is_no_way_to_use_one(tmp_path: Path) -> None:
    refused = CliRunner().invoke(
        app, ["say", str(tmp_path / "x.avatar"), "Hello", "-o", "x.mp4", "--engine", "yes"]
    )
    assert refused.exit_code == 2
    refused = CliRunner().invoke(app, ["engine", "serve", "--backend", "magic"])
    assert isinstance(refused.exception, AvatarError) and "tensorrt" in refused.exception.advice
