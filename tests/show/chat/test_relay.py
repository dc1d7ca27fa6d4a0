"""A relay is listened to over a real WebSocket, and whatever it does, the show goes on."""

from __future__ import annotations

import json
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import pytest
from websockets.sync.server import ServerConnection, serve

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat import relay as relays
from avatar_engine.show.chat import source
from avatar_engine.show.chat.message import Count, Link, Message, Put
from avatar_engine.show.chat.relay import Relay
from avatar_engine.show.chat.standing import Watched
from tests.show.chat.listening import listening, until


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "FIRST", 0.05)
    monkeypatch.setattr(relays, "OPEN", 1.0)


class Server:
    """A relay that does to one client after the other what it is told."""

    def __init__(self, *scripts: Callable[[ServerConnection], None]) -> None:
        self._scripts, self.paths = list(scripts), list[str]()
        self._server = serve(self._handle, "127.0.0.1", 0)
        self.port = self._server.socket.getsockname()[1]
        self.address = f"ws://127.0.0.1:{self.port}"

    def _handle(self, line: ServerConnection) -> None:
        self.paths.append(line.request.path if line.request else "")
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        script(line)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()


def saying(
    *frames: Any, then: Callable[[ServerConnection], None] | None = None
) -> Callable[[ServerConnection], None]:
    def script(line: ServerConnection) -> None:
        for frame in frames:
            line.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))
        if then:
            then(line)
        else:
            for _ in line:
                pass

    return script


def relay(place: str, folder: Path, put: Put | None = None) -> AbstractContextManager[queue.Queue[Any]]:
    return listening(Relay(place, folder), put)


def test_a_relay_with_a_dialect_and_one_that_speaks_as_the_inlets_clients_do(tmp_path: Path) -> None:
    chat = {"event": "chat", "data": {"nickname": "Ann", "comment": "how much?", "msgId": "1"}}
    with (
        Server(saying(chat, {"event": "roomUser", "data": {"viewerCount": 9}})) as server,
        relay(f"tikfinity@{server.address}/", tmp_path) as got,
    ):
        assert until(got, lambda one: isinstance(one, Count)) == [
            Link(True), Message("tiktok", "1", "Ann", "how much?"), Count("viewers", 9.0),
        ]  # fmt: skip
    tables = [
        [{"author": "Bob", "text": "hi", "source": "kuaishou"}, {"viewers": 5}, {"viewers": -1}, 7],
        {"text": ""},
    ]
    with Server(saying(*tables, {"sales": 2})) as server, relay(server.address, tmp_path) as got:
        assert until(got, lambda one: one == Count("sales", 2.0)) == [
            Link(True), Message("kuaishou", "", "Bob", "hi"), Count("viewers", 5.0), Count("sales", 2.0),
        ]  # fmt: skip


def test_hello_is_sent_and_the_key_stands_in_the_address_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "mine.toml").write_text('source = "m"\nhello = "marie, please"\n[[event]]\ntext = "heard"\n')
    monkeypatch.setenv("RELAY_KEY", "SECRET")

    def script(line: ServerConnection) -> None:
        line.send(json.dumps({"heard": line.recv()}))

    with Server(script, saying()) as server:
        place = f"mine.toml@{server.address}/live?key=${{RELAY_KEY}}"
        assert Relay(place, tmp_path).name == f"relay:mine.toml@{server.address}"
        with relay(place, tmp_path) as got:
            came = until(got, lambda one: isinstance(one, Link) and not one.up)
    assert came[1] == Message("m", "", "", "marie, please")
    assert server.paths[0] == "/live?key=SECRET"
    assert "SECRET" not in caplog.text + str(came)


def hung_up(line: ServerConnection) -> None:
    line.close(1001)


def cut(line: ServerConnection) -> None:
    line.socket.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (saying({"text": "a"}, then=hung_up), "the relay hung up (1001)"),
        (saying({"text": "a"}, then=cut), "the relay hung up (1006)"),
        (saying({"text": "a"}, "x" * (2 << 20)), "a message is too long (1009)"),
        (saying({"text": "a"}, b"\xff\xfe", "nonsense", "[" * 100_000, "", "null", then=hung_up), "hung up"),
    ],
)
def test_a_relay_that_goes_away_is_found_again(
    tmp_path: Path, script: Callable[[ServerConnection], None], why: str
) -> None:
    with Server(script, saying({"text": "back"})) as server, relay(server.address, tmp_path) as got:
        came = until(got, lambda one: isinstance(one, Message) and one.text == "back")
    links = [one for one in came if isinstance(one, Link)]
    assert [one.up for one in links] == [True, False, True] and why in links[1].why


def test_who_is_no_relay_is_told_as_such(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with relay(f"ws://127.0.0.1:{port}/", tmp_path) as got:
            assert "does not answer" in got.get(timeout=10).why
    with relay(f"ws://127.0.0.1:{port}/", tmp_path) as got:
        assert got.get(timeout=10).why.startswith("the relay can't be reached (Connection refused")

    def web(server: socket.socket) -> None:
        line, _ = server.accept()
        line.recv(4096)
        line.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        line.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=web, args=(server,), daemon=True).start()
        with relay(f"ws://127.0.0.1:{server.getsockname()[1]}/?key=SECRET", tmp_path) as got:
            assert got.get(timeout=10).why == "the relay answers 401"


def test_a_dialect_that_understands_nothing_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frames = [{"Type": 3, "Data": {}}] * (3 * relays.STRANGE)
    with Server(saying(*frames)) as server, relay(f"tikfinity@{server.address}", tmp_path) as got:
        until(got, lambda one: isinstance(one, Link) and one.up and "understood" in one.why)
        time.sleep(0.2)
        assert got.empty()
    assert caplog.text.count("is the dialect right") == 1


def test_a_flood_neither_fills_the_memory_nor_holds_anybody_up(tmp_path: Path) -> None:
    """Forty thousand messages as fast as they come: the show's own thread must get its turn."""
    frame, count, sent = json.dumps([{"author": "a", "text": "b"}] * 100), 400, threading.Event()

    def flood(line: ServerConnection) -> None:
        for _ in range(count):
            line.send(frame)
        sent.set()
        for _ in line:
            pass

    taken = list[Any]()
    watched = Watched("relay", taken.append)
    with Server(flood) as server, relay(server.address, tmp_path, watched.put):
        waits, limit = list[float](), time.monotonic() + 30
        while watched.standing.messages + watched.standing.dropped < 100 * count and time.monotonic() < limit:
            began = time.monotonic()
            time.sleep(0.01)
            waits.append(time.monotonic() - began)
    known = watched.standing
    assert known.messages + known.dropped == 100 * count and known.dropped > 0
    assert len(taken) == known.messages < 20_000
    assert sorted(waits)[int(0.9 * len(waits))] < 0.25


def test_a_wrong_place_and_a_missing_key_are_told_before_the_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (
        "http://127.0.0.1/", "tikfinity", "tikfinity@", "ws://", "ws://h:99999/", "ws://user:pw@h/", "ws://${HOST}/",
        "ws://a b/", "ws://[::1/",
    ):  # fmt: skip
        with pytest.raises(AvatarError, match="is no relay"):
            Relay(place, tmp_path)
    with pytest.raises(AvatarError) as caught:
        Relay("tikfinity@http://h/?key=SECRET", tmp_path)
    assert "SECRET" not in str(caught.value)
    with pytest.raises(AvatarError, match="no dialect 'weibo'"):
        Relay("weibo@ws://127.0.0.1:1/", tmp_path)
    monkeypatch.delenv("TIKTOOL_KEY", raising=False)
    made = Relay("tiktool@wss://api.example/?apiKey=${TIKTOOL_KEY}", tmp_path)
    with pytest.raises(AvatarError, match="needs the variable TIKTOOL_KEY"):
        made.ready()
    monkeypatch.setenv("TIKTOOL_KEY", "SECRET")
    made.ready()
    assert made.name == "relay:tiktool@wss://api.example"
