"""A clone that draws its mouth, and an engine that runs in a thread, with real sockets and real memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.device import Device
from avatar_engine.engine import client
from avatar_engine.engine.process import Engine
from avatar_engine.engine.sessions import Sessions
from avatar_engine.errors import AvatarError
from avatar_engine.face import crop
from avatar_engine.lips.grain import Grain
from avatar_engine.lips.model import LipsModel
from tests.lips import drawn

DEVICE = Device("cpu", "test", 1, False, False, 1)
SHAPES = drawn.mouths(np.linspace(0, 0.16, 40).astype(np.float32))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is late because the machine that tests is busy."""
    monkeypatch.setattr(client, "LIMIT", 60.0)


@pytest.fixture(scope="session")
def model() -> LipsModel:
    """Lips with a little grain."""
    grain = Grain(
        np.full((drawn.SIZE,) * 2, 1.5, np.float32), np.ones((drawn.SIZE, drawn.SIZE // 2 + 1), np.float32)
    )
    return replace(drawn.model(SHAPES), grain=grain)


@pytest.fixture
def bundle(home: Path, model: LipsModel) -> Bundle:
    with BundleWriter(home / "drawn.avatar", "Drawn", {}, {}) as writer:
        model.save(writer)
    return Bundle.open(home / "drawn.avatar")


@pytest.fixture
def face() -> tuple[np.ndarray, np.ndarray]:
    """A picture with a closed mouth, and the matrix to its crop."""
    track = drawn.still_track(1)
    drawn.put(track, np.zeros(1, np.float32))
    return drawn.picture(track.points[0]), crop.transforms(track, drawn.SIZE)[0]


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., Engine]]:
    """Starts an engine, with a backend if one is given; all are ended with the test."""

    def serve(engine: Engine, stop: threading.Event) -> None:
        with suppress(AvatarError):  # of a device that fails, as some tests want
            engine.serve(stop)

    running: list[tuple[threading.Event, threading.Thread]] = []

    def run(backend: object = None) -> Engine:
        engine = Engine(backend or Sessions(DEVICE, 2))  # type: ignore[arg-type]
        stop = threading.Event()
        thread = threading.Thread(target=serve, args=(engine, stop))
        thread.start()
        running.append((stop, thread))
        return engine

    yield run
    for stop, thread in running:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()
