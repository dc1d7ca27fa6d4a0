"""The verbs of the render engine, in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from avatar_engine.cli.main import app
from avatar_engine.engine import wire
from avatar_engine.errors import AvatarError


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
        assert "ONNX Runtime" in shown.stdout and shown.exit_code == 0
        again = subprocess.run([*command, "engine", "serve"], capture_output=True, text=True, check=False)
        assert again.returncode == 2 and "already" in again.stderr and "Traceback" not in again.stderr
        engine.send_signal(signal.SIGINT)
        assert engine.wait(60) == 0
        assert not wire.path().exists()
    finally:
        engine.kill()
        engine.wait()


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
