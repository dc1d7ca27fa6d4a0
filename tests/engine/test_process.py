"""An engine and its shows: real sockets and memory, faults included."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

from avatar_engine.bundle import Bundle
from avatar_engine.engine import client as clients
from avatar_engine.engine import process as processes
from avatar_engine.engine import sessions, wanted, wire
from avatar_engine.engine.backend import Job
from avatar_engine.engine.client import Link, RemoteRenderer, painter_of
from avatar_engine.engine.parts import parts
from avatar_engine.engine.process import Engine
from avatar_engine.engine.sessions import Sessions
from avatar_engine.engine.wanted import settled
from avatar_engine.engine.wire import Arena, Hello
from avatar_engine.errors import AvatarError
from avatar_engine.lips.grain import Grain
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.render import Renderer
from tests.engine.conftest import DEVICE
from tests.lips import drawn

Face = tuple[np.ndarray, np.ndarray]
Start = Callable[..., Engine]


def hello_of(bundle: Bundle, name: str = "show") -> Hello:
    return Hello(name, 1, str(bundle.path), bundle.look, *parts(bundle), 192, 192)


def until(true: Callable[[], bool]) -> None:
    """Wait for something that must come."""
    give_up = time.monotonic() + 100
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


class Slow(Sessions):
    """Takes its time while it is told to."""

    def __init__(self) -> None:
        super().__init__(DEVICE, 2)
        self.free = threading.Event()
        self.free.set()
        self.fails = False

    def paint(self, lane: int, jobs: Sequence[Job]) -> None:
        self.free.wait(100)
        if self.fails:
            raise RuntimeError("the card has fallen off the bus")
        super().paint(lane, jobs)


def test_an_engine_paints_what_a_renderer_does(
    start: Start, bundle: Bundle, model: LipsModel, face: Face
) -> None:
    start()
    picture, matrix = face
    remote, own = RemoteRenderer(bundle, model, DEVICE), Renderer(model, DEVICE)
    own.paint(picture.copy(), matrix, model.neutral)  # a seat has painted once, too
    for step in range(5):
        theirs, ours = picture.copy(), picture.copy()
        remote.paint(theirs, matrix, model.neutral + step / 4)
        own.paint(ours, matrix, model.neutral + step / 4)
        assert (ours != picture).any()
        assert (theirs != ours).mean() < 1e-4
    assert remote.by_itself == 0
    told = wire.status()
    assert told["persons"] == 1 and told["batches"] == {"1": 5} and told["late"] >= 0
    assert [show["asked"] for show in told["shows"]] == [5]
    assert told["times"]["step"]["p50"] > 0
    remote.close()
    until(lambda: wire.status()["persons"] == 0)


def test_shows_of_one_person_share_its_weights(
    start: Start, bundle: Bundle, model: LipsModel, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, loaded = Sessions(DEVICE, 2), []
    load = backend.load
    monkeypatch.setattr(backend, "load", lambda person, model: (loaded.append(person), load(person, model)))
    start(backend)
    shows = [RemoteRenderer(bundle, model, DEVICE, f"show {number}") for number in range(4)]

    def play(show: RemoteRenderer) -> None:
        for _ in range(20):
            show.paint(face[0].copy(), face[1], model.neutral)

    threads = [threading.Thread(target=play, args=(show,)) for show in shows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    assert loaded == list(backend._persons) and len(loaded) == 1, "every show had the person loaded"
    assert [show["asked"] for show in wire.status()["shows"]] == [20] * 4
    assert sum(show.by_itself for show in shows) == 0
    for show in shows:
        show.close()
    until(lambda: not backend._persons)


def test_sessions_on_tensorrt_share_what_it_has_timed(
    home: Path, model: LipsModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path | None] = []
    monkeypatch.setattr(
        sessions, "ready", lambda painter, device, threads, callers, tensorrt: asked.append(tensorrt)
    )
    for tensorrt in (True, False):
        Sessions(DEVICE, 1, tensorrt).load("person", model)
    assert asked == [home / "cache" / "tensorrt", None] and (home / "cache" / "tensorrt").is_dir()
    monkeypatch.setenv("AVATAR_ENGINE_HOME", "/dev/null")
    with pytest.raises(AvatarError, match="can keep nothing"):
        Sessions(DEVICE, 1, tensorrt=True)


def _free() -> bool:
    """Whether another engine may begin."""
    try:
        Engine(Sessions(DEVICE, 1))._close([])
    except AvatarError:
        return False
    return True


def test_an_engine_that_dies_costs_no_picture_and_is_found_again(
    start: Start, bundle: Bundle, model: LipsModel, face: Face, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(clients, "SOONEST", 0.05)
    monkeypatch.setattr(clients, "LATEST", 0.05)
    backend = Slow()
    start(backend)
    remote = RemoteRenderer(bundle, model, DEVICE)
    remote.paint(face[0].copy(), face[1], model.neutral)
    before = remote._link
    monkeypatch.setattr(clients, "LIMIT", 0.05)
    monkeypatch.setattr(clients, "LOST", 0.0)
    backend.fails = True
    for _ in range(3):
        canvas = face[0].copy()
        remote.paint(canvas, face[1], model.neutral + 1)
        assert (canvas != face[0]).any()
    assert remote.by_itself == 3
    until(lambda: remote._link is None or bool(remote.paint(face[0].copy(), face[1], model.neutral)))
    told = [record.message for record in caplog.records if record.name == clients.__name__]
    assert (
        sum("has gone" in message for message in told) == 1
        and sum("is late" in message for message in told) <= 1
    )
    until(_free)
    start()
    monkeypatch.setattr(clients, "LIMIT", 60.0)
    while remote._link in (before, None):
        remote.paint(face[0].copy(), face[1], model.neutral)
    alone = remote.by_itself
    remote.paint(face[0].copy(), face[1], model.neutral)
    assert remote.by_itself == alone
    remote.close()


def test_a_late_answer_is_painted_by_the_show_and_thrown_away(
    start: Start, bundle: Bundle, model: LipsModel, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "LOST", 60.0)
    backend = Slow()
    start(backend)
    remote = RemoteRenderer(bundle, model, DEVICE)
    remote.paint(face[0].copy(), face[1], model.neutral)
    monkeypatch.setattr(clients, "LIMIT", 0.05)
    backend.free.clear()
    link = remote._link
    for _ in range(2):
        canvas = face[0].copy()
        remote.paint(canvas, face[1], model.neutral + 1)
        assert (canvas != face[0]).any()
    assert remote.by_itself == 2 and remote._link is link
    backend.free.set()
    until(lambda: wire.status()["batches"]["1"] == 2)
    monkeypatch.setattr(clients, "LIMIT", 60.0)
    canvas, own = face[0].copy(), face[0].copy()
    remote.paint(canvas, face[1], model.neutral + 2)
    assert remote.by_itself == 2
    renderer = Renderer(replace(model, grain=Grain.none(drawn.SIZE)), DEVICE)
    renderer.paint(own, face[1], model.neutral + 2)
    assert (
        np.abs(canvas.astype(int) - own).max() < 16
    )  # this mouth, not the one asked for before: but for grain
    remote.close()


def test_a_hanging_engine_is_given_up(
    start: Start, bundle: Bundle, model: LipsModel, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "LOST", 0.0)
    backend = Slow()
    start(backend)
    remote = RemoteRenderer(bundle, model, DEVICE)
    remote.paint(face[0].copy(), face[1], model.neutral)
    link = remote._link
    monkeypatch.setattr(clients, "LIMIT", 0.05)
    backend.free.clear()
    for _ in range(2):
        remote.paint(face[0].copy(), face[1], model.neutral)
    assert remote._link is not link and remote.by_itself == 2
    remote.close()
    backend.free.set()


RUBBISH = [
    b"hello",
    b"{}",
    b'{"kind": "show"}',
    b"[]",
    b"\xff" * 1000,
    b'{"a":' * 9000,
]


@pytest.mark.parametrize("message", RUBBISH)
def test_who_sends_rubbish_is_dropped_alone(
    start: Start, bundle: Bundle, model: LipsModel, face: Face, message: bytes
) -> None:
    start()
    good = RemoteRenderer(bundle, model, DEVICE)
    good.paint(face[0].copy(), face[1], model.neutral)
    bad = wire.connect(60.0)
    assert bad is not None
    bad.send(message)
    assert bad.recv(10) == b""
    good.paint(face[0].copy(), face[1], model.neutral)
    assert good.by_itself == 0 and wire.status()["dropped"] == 1
    good.close()


def joined(bundle: Bundle, hello: Hello | None = None, descriptor: int | None = None) -> socket.socket:
    """A show that was taken in, to misbehave with."""
    line = wire.connect(60.0)
    assert line is not None
    arena = Arena.make(192, 192)
    given = arena.descriptor if descriptor is None else descriptor
    socket.send_fds(line, [(hello or hello_of(bundle)).encode()], [given])
    arena.hand_over()
    return line


def test_a_show_that_asks_twice_or_wrongly_is_dropped(start: Start, bundle: Bundle, model: LipsModel) -> None:
    backend = Slow()
    start(backend)
    ask = wire.Ask(1, time.monotonic(), np.eye(2, 3), model.neutral).encode()
    impatient = joined(bundle)
    assert wire.read_json(impatient.recv(1000)) == {"ready": True}
    backend.free.clear()
    impatient.send(ask)
    impatient.send(ask)
    assert impatient.recv(1000) == b""
    backend.free.set()
    wrong = joined(bundle)
    assert wire.read_json(wrong.recv(1000)) == {"ready": True}
    wrong.send(ask[:30])
    assert wrong.recv(1000) == b""
    assert wire.status()["dropped"] == 2


def test_a_show_whose_coefficients_are_too_few_is_dropped_alone(
    start: Start, bundle: Bundle, model: LipsModel, face: Face
) -> None:
    start()
    good = RemoteRenderer(bundle, model, DEVICE)
    good.paint(face[0].copy(), face[1], model.neutral)
    short = joined(bundle)
    assert wire.read_json(short.recv(1000)) == {"ready": True}
    short.send(wire.Ask(1, time.monotonic(), np.eye(2, 3), model.neutral[:1]).encode())
    assert short.recv(1000) == b""
    good.paint(face[0].copy(), face[1], model.neutral)
    assert good.by_itself == 0
    good.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"bundle": "/nowhere.avatar"}, "no avatar file"),
        ({"painter": "0" * 64}, "not the clone"),
        ({"look": "summer"}, "no look"),
        ({"version": "0.0.1"}, "version"),
    ],
)
def test_a_show_that_can_not_be_painted_is_told_why(
    start: Start, bundle: Bundle, change: dict[str, str], why: str
) -> None:
    start()
    line = joined(bundle, replace(hello_of(bundle), **change))  # type: ignore[arg-type]
    assert why in wire.read_json(line.recv(1000))["refused"]
    with pytest.raises(AvatarError, match=why):
        Link(replace(hello_of(bundle), **change), drawn.SIZE)  # type: ignore[arg-type]


@pytest.mark.parametrize("hangs_up", ["before the show is heard", "before it is answered"])
def test_an_engine_that_ends_while_a_show_joins_is_looked_for_again(
    start: Start, bundle: Bundle, model: LipsModel, face: Face, monkeypatch: pytest.MonkeyPatch, hangs_up: str
) -> None:
    monkeypatch.setattr(clients, "SOONEST", 0.05)
    monkeypatch.setattr(clients, "LATEST", 0.05)
    wire.path().parent.mkdir(parents=True)
    remote = RemoteRenderer(bundle, model, DEVICE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dying:
        dying.bind(str(wire.path()))
        dying.listen()

        def die() -> None:
            line, _ = dying.accept()
            if hangs_up == "before it is answered":
                line.recv(wire.LARGEST)
            line.close()

        thread = threading.Thread(target=die)
        thread.start()
        remote.paint(face[0].copy(), face[1], model.neutral)
        thread.join(60)
    assert remote.by_itself == 1
    start()
    until(lambda: remote._link is not None)
    remote.paint(face[0].copy(), face[1], model.neutral)
    assert remote.by_itself == 1
    remote.close()


def test_a_show_that_is_not_taken_in_leaves_no_memory_open(bundle: Bundle) -> None:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ends[1].close()
    before = psutil.Process().num_fds()
    with ends[0], pytest.raises(OSError):
        clients._taken_in(ends[0], hello_of(bundle))
    assert psutil.Process().num_fds() == before - 1  # that of the line itself


def test_lines_are_looked_through_now_and_then_and_not_with_every_picture(
    start: Start, bundle: Bundle, model: LipsModel, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    monkeypatch.setattr(Engine, "_expire", lambda engine: looks.append(time.monotonic()))
    start()
    show = RemoteRenderer(bundle, model, DEVICE)
    for _ in range(40):
        show.paint(face[0].copy(), face[1], model.neutral)
    until(lambda: len(looks) >= 2)
    assert min(b - a for a, b in pairwise(looks)) >= processes.LOOK
    assert show.by_itself == 0
    show.close()


def test_who_never_says_who_it_is_is_dropped_even_while_another_show_keeps_the_engine_busy(
    start: Start, bundle: Bundle, model: LipsModel, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "INTRODUCTION", 0.2)
    monkeypatch.setattr(processes, "LOOK", 0.1)
    start()
    show = RemoteRenderer(bundle, model, DEVICE)
    show.paint(face[0].copy(), face[1], model.neutral)
    silent = wire.connect(60.0)
    assert silent is not None
    silent.setblocking(False)

    def dropped() -> bool:
        show.paint(face[0].copy(), face[1], model.neutral)
        try:
            return silent.recv(10) == b""
        except BlockingIOError:
            return False

    until(dropped)
    assert show.by_itself == 0 and wire.status()["dropped"] == 1
    show.close()


def test_a_memory_that_is_none_is_refused(start: Start, bundle: Bundle) -> None:
    start()
    with open("/dev/zero", "rb") as none:  # noqa: PTH123
        line = joined(bundle, descriptor=none.fileno())
        assert line.recv(1000) == b""
    assert wire.status()["dropped"] == 1


def test_a_second_engine_is_refused_and_a_dead_ones_socket_is_taken(start: Start, home: object) -> None:
    start()
    with pytest.raises(AvatarError, match="already"):
        Engine(Sessions(DEVICE, 1))
    assert wire.status()["pid"] > 0


def test_auto_uses_an_engine_that_runs_and_on_needs_one(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert settled("auto", "cpu") == settled("off") == "off" and not caplog.text
    with pytest.raises(AvatarError, match="No render engine runs") as refused:
        settled("on")
    assert "engine serve" in refused.value.advice and "--engine auto" in refused.value.advice
    with pytest.raises(AvatarError, match="auto, off, on"):
        settled("perhaps")  # type: ignore[arg-type]
    start()
    assert settled("auto") == settled("on") == "on" and settled("off") == "off"
    monkeypatch.setattr(wanted, "__version__", "0.0.1")
    with pytest.raises(AvatarError, match="version"):
        settled("on")


def test_a_show_that_is_on_air_needs_no_engine() -> None:
    assert settled("on", on_air=True) == "on" and settled("auto", on_air=True) == "off"


def test_shows_that_share_a_card_are_told_of_the_engine(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wanted, "cards", lambda: (object(),))
    assert settled("off") == settled("auto", "cpu") == "off" and not caplog.text
    assert settled("auto") == "off" and "engine serve" in caplog.text


def test_a_renderer_that_begins_when_the_engine_has_died_paints_by_itself_and_comes_to_the_next_one(
    start: Start, bundle: Bundle, model: LipsModel, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "SOONEST", 0.05)
    monkeypatch.setattr(clients, "LATEST", 0.05)
    assert isinstance(painter_of(bundle, model, DEVICE, "off"), Renderer)
    lonely = painter_of(bundle, model, DEVICE, "on")
    assert isinstance(lonely, RemoteRenderer)
    canvas = face[0].copy()
    lonely.paint(canvas, face[1], model.neutral + 1)
    assert (canvas != face[0]).any() and lonely.by_itself == 1
    start()
    until(lambda: lonely._link is not None)
    lonely.paint(face[0].copy(), face[1], model.neutral)
    assert lonely.by_itself == 1
    lonely.close()


def test_who_is_closed_while_it_comes_back_does_not_stay(
    start: Start, bundle: Bundle, model: LipsModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    remote = RemoteRenderer(bundle, model, DEVICE)
    join = remote._join

    def joined_late(width: int, height: int) -> Link:
        link = join(width, height)
        remote.close()
        return link

    monkeypatch.setattr(remote, "_join", joined_late)
    remote._try(192, 192)
    until(lambda: not wire.status()["shows"])


def test_a_face_that_grows_joins_anew_with_a_larger_patch(
    start: Start, bundle: Bundle, model: LipsModel, face: Face
) -> None:
    start()
    picture = np.zeros((720 * 3 // 2, 1280), np.uint8)
    remote = RemoteRenderer(bundle, model, DEVICE)
    near = np.array([[0.3, 0, -100], [0, 0.3, -30]], np.float32)
    remote.paint(picture, np.array([[1, 0, -100], [0, 1, -30]], np.float32), model.neutral)
    remote.paint(picture, near, model.neutral)
    assert remote.by_itself == 1
    until(lambda: remote._link is not None)
    remote.paint(picture, near, model.neutral)
    assert remote.by_itself == 1
    remote.close()
