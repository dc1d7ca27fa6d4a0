"""The inlet takes what programs of this machine post."""

from __future__ import annotations

import queue
import socket
import threading
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat import source
from avatar_engine.show.chat.inlet import Inlet
from avatar_engine.show.chat.message import Count, Link, Message
from tests.servers import await_port, free_port


@pytest.fixture
def inlet(monkeypatch: pytest.MonkeyPatch) -> tuple[TestClient, list[Message | Count | Link]]:
    monkeypatch.delenv("AVATAR_ENGINE_INLET_TOKEN", raising=False)
    made, got = Inlet("8787"), list[Message | Count | Link]()
    made._put = got.append
    return TestClient(made.app, base_url="http://127.0.0.1:8787"), got


def test_the_inlet_takes_one_or_many(inlet: tuple[TestClient, list[Message | Count | Link]]) -> None:
    client, got = inlet
    assert client.post("/", json={"author": "Ann", "text": "blue?", "id": 17, "source": "tiktok"}).json() == {
        "taken": 1
    }
    client.post("/", json=[{"viewers": 12}, {"kind": "join", "author": "Bob"}])
    with client.websocket_connect("/", headers={"host": "127.0.0.1"}) as socket_:
        socket_.send_json({"text": "hello"})
        assert socket_.receive_json() == {"taken": 1}
        socket_.send_text("nonsense")
        assert "error" in socket_.receive_json()
    assert got == [
        Message("tiktok", "17", "Ann", "blue?"),
        Count("viewers", 12.0),
        Message("inlet", "", "Bob", "", "join"),
        Message("inlet", "", "", "hello"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"3",
        b'["a"]',
        b'{"text": ""}',
        b'{"viewers": -1}',
        b'{"viewers": {}}',
        b"[" * 50_000,
        b'{"text": "a", "kind": "b"}',
    ],
)
def test_the_inlet_says_what_is_wrong(
    inlet: tuple[TestClient, list[Message | Count | Link]], body: bytes
) -> None:
    answer = inlet[0].post("/", content=body)
    assert answer.status_code == 422 and answer.json()["error"] and not inlet[1]


def test_the_inlet_is_for_programs_of_this_machine(
    inlet: tuple[TestClient, list[Message | Count | Link]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, got = inlet
    assert client.post("/", json={"text": "a"}, headers={"origin": "http://evil.example"}).status_code == 403
    assert client.post("/", json={"text": "a"}, headers={"host": "evil.example"}).status_code == 403
    assert client.post("/", content=b"x" * (2 << 20)).status_code == 413
    monkeypatch.setenv("AVATAR_ENGINE_INLET_TOKEN", "T\n")
    keyed = Inlet("8787")
    keyed._put = got.append
    guarded = TestClient(keyed.app, base_url="http://localhost:8787")
    assert guarded.post("/", json={"text": "a"}).status_code == 403 and not got
    assert guarded.post("/", json={"text": "a"}, headers={"authorization": "Bearer T"}).status_code == 200


def test_a_port_that_is_taken_is_told_before_the_show() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(AvatarError, match="cannot listen on port"),
    ):
        Inlet(str(taken.getsockname()[1])).reserve()


def test_a_port_that_is_reserved_can_be_taken_by_nobody_else_before_the_show() -> None:
    inlet = Inlet(str(free_port()))
    port = inlet.settings.port
    inlet.reserve()
    inlet.reserve()  # asked twice it is the same port
    with pytest.raises(AvatarError, match=f"port {port}"):
        Inlet(str(port)).reserve()


def test_an_inlet_whose_port_is_taken_in_spite_of_all_comes_when_it_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source, "FIRST", 0.05)
    got, stop = queue.Queue[Any](), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        inlet = Inlet(str(taken.getsockname()[1]))
        thread = threading.Thread(target=inlet.run, args=(got.put, stop), daemon=True)
        thread.start()
        first = got.get(timeout=10)
        assert not first.up and "cannot listen on port" in first.why
    while not (came := got.get(timeout=10)).up:
        assert "cannot listen" in came.why
    assert httpx2.post(f"http://127.0.0.1:{inlet.settings.port}/", json={"text": "a"}).status_code == 200
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_the_inlet_listens_until_the_show_ends() -> None:
    inlet, got, stop = Inlet(str(free_port())), queue.Queue[Any](), threading.Event()
    inlet.reserve()
    thread = threading.Thread(target=inlet.run, args=(got.put, stop), daemon=True)
    thread.start()
    await_port(inlet.settings.port)
    answer = httpx2.post(f"http://127.0.0.1:{inlet.settings.port}/", json={"text": "hello"})
    assert answer.json() == {"taken": 1} and got.get(timeout=5) == Link(True)
    assert got.get(timeout=5).text == "hello"
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
