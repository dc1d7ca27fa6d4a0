"""The card's process by itself: when it ends, and what it does when the card has no memory. No network is loaded."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from avatar_engine import folders
from avatar_engine.voice.card import line, process
from avatar_engine.voice.card.process import Engine, Server
from avatar_engine.voice.card.schedule import Work

ROWS: Any = SimpleNamespace(device=torch.device("cpu"))


class Layer:
    """Stands for what has been computed so far."""


def test_what_a_batch_held_is_let_go_before_its_halves_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[Layer]] = []
    free: list[bool] = []

    def compute(batch: Sequence[Work]) -> None:
        free.append(all(layer() is None for layer in held))
        so_far = Layer()
        held.append(weakref.ref(so_far))
        if len(batch) > 1 or batch[0].given == "too long":
            raise torch.OutOfMemoryError("the card is full")
        batch[0].made = batch[0].given

    emptied: list[bool] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(held[-1]() is None))
    engine = Engine(ROWS)
    engine._work["sound"] = compute
    batch = [Work("sound", 40, 0.0, given) for given in ("a", "too long", "b")]
    engine._do(batch)
    assert [work.made for work in batch] == ["a", None, "b"]
    assert [work.fault for work in batch] == ["", "the card has no memory left", ""]
    assert all(work.done.is_set() for work in batch)
    assert len(free) == 5 and all(free), "a retry found what the attempt before had computed"
    assert emptied == [True] * 3


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., threading.Thread]]:
    """Runs a server at a door; all are ended with the test."""
    running: list[tuple[Server, threading.Thread]] = []

    def run(**changed: Any) -> threading.Thread:
        server = Server(ROWS, tmp_path / "door", **changed)
        thread = threading.Thread(target=server.serve)
        thread.start()
        running.append((server, thread))
        return thread

    yield run
    for server, thread in running:
        server.close()
        thread.join(60)
        assert not thread.is_alive()


def test_it_ends_when_no_show_has_been_there_for_a_while(
    serve: Callable[..., threading.Thread], tmp_path: Path
) -> None:
    serving = serve(idle=0.1)
    with socket.socket(socket.AF_UNIX) as show:
        show.connect(str(tmp_path / "door"))
        serving.join(1.5)
        assert serving.is_alive(), "a show that says nothing is there"
    serving.join(60)
    assert not serving.is_alive()


def test_kept_running_it_stays_without_a_show_and_ends_with_its_keeper(
    serve: Callable[..., threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = [7]
    monkeypatch.setattr(os, "getppid", lambda: keeper[0])
    serving = serve(idle=0.0, parent=7)
    serving.join(1.5)
    assert serving.is_alive()
    keeper[0] = 1  # it was killed: somebody else is the parent now
    serving.join(60)
    assert not serving.is_alive()


@pytest.mark.parametrize("keep", [True, False])
def test_who_keeps_it_running_is_told_as_it_is_launched(
    keep: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    commands: list[list[str]] = []
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", lambda command, **_: commands.append(command))
        line.launch(tmp_path / "door", "cpu", keep)
    served: list[tuple[Path, float, int | None]] = []

    def server(rows: object, door: Path, idle: float, parent: int | None) -> Any:
        served.append((door, idle, parent))
        return SimpleNamespace(serve=lambda: None, close=lambda: None)

    monkeypatch.setattr(process, "Server", server)
    monkeypatch.setattr(process, "Rows", lambda *_: ROWS)
    monkeypatch.setattr(process, "_place", lambda kind: (torch.device(kind), None))
    monkeypatch.setattr(process.signal, "signal", lambda *_: None)
    monkeypatch.setattr("sys.argv", commands[0][2:])
    place = folders.claim(tmp_path / "door")
    assert place is not None
    with place:
        assert process.main() == 0 and not served, "the card has an owner"
    assert process.main() == 0
    assert served == [(tmp_path / "door", process.IDLE, os.getpid() if keep else None)]
