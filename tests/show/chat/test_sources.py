"""Messages come in from files, IRC and the inlet, whatever the other side does."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat import sources
from avatar_engine.show.chat.inlet import Inlet
from avatar_engine.show.chat.message import Count, Message
from avatar_engine.show.chat.sources import Irc, Replay, parsed, source_of
from tests.servers import await_port, free_port


def nowhere() -> float:
    return 0.0


def test_sources_are_named_and_unknown_ones_list_the_known(tmp_path: Path) -> None:
    (tmp_path / "chat.jsonl").write_text("")
    named = ("twitch:Marie", "irc:irc.example:6697/#shop", "inlet:8787", "replay:chat.jsonl")
    assert [source_of(text, tmp_path, nowhere).name for text in named] == [
        "twitch",
        "irc",
        "inlet:8787",
        "replay:chat.jsonl",
    ]
    for text, said in (
        ("tiktok:marie", "Known are twitch, irc, inlet, replay"),
        ("twitch:", "names no place"),
        ("irc:nowhere", "no IRC channel"),
        ("inlet:http", "no port"),
        ("inlet:99999", "no port"),
        ("replay:none.jsonl", "can't be read"),
    ):
        with pytest.raises(AvatarError) as caught:
            source_of(text, tmp_path, nowhere)
        assert said in f"{caught.value.what} {caught.value.advice}"


def test_a_replay_brings_what_is_due_in_the_shows_time(tmp_path: Path) -> None:
    lines = [
        {"at": 5, "author": "B", "text": "two"},
        {"at": 1, "author": "A", "text": " one\u200b  "},
        {"at": 3, "viewers": 70},
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    now, got = [0.0], list[Message | Count]()
    replay = Replay(tmp_path / "c.jsonl", lambda: now[0])
    for second, count in ((0.5, 0), (1.0, 1), (4.0, 2), (9.0, 3), (99.0, 3)):
        now[0] = second
        replay.bring(got.append)
        assert len(got) == count
    assert got[0] == Message("replay", "", "A", "one") and got[1] == Count("viewers", 70.0)


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "[]",
        '{"at": "soon", "text": "a"}',
        '{"at": 1}',
        '{"at": -1, "text": "a"}',
        '{"at": 1, "viewers": "many"}',
        '{"at": 1, "text": "a", "kind": "shout"}',
        '{"at": 1, "viewers": NaN}',
        "[" * 100_000,
    ],
)
def test_a_wrong_line_of_a_replay_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "c.jsonl").write_text('{"at": 1, "text": "fine"}\n' + line)
    with pytest.raises(AvatarError, match="line 2"):
        Replay(tmp_path / "c.jsonl", nowhere)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("PING :tmi.twitch.tv", ({}, "", "PING", ["tmi.twitch.tv"])),
        (":ann!a@b PRIVMSG #shop :how much :) ?", ({}, "ann", "PRIVMSG", ["#shop", "how much :) ?"])),
        (
            "@id=7;display-name=A\\sB;x= :ann!a@b PRIVMSG #shop hi",
            ({"id": "7", "display-name": "A B", "x": ""}, "ann", "PRIVMSG", ["#shop", "hi"]),
        ),
        ("", ({}, "", "", [])),
        ("@", ({}, "", "", [])),
        (":", ({}, "", "", [])),
    ],
)
def test_lines_of_irc(line: str, found: Any) -> None:
    assert parsed(line) == found


@given(st.text(max_size=200))
def test_no_line_breaks_the_reading(line: str) -> None:
    assert isinstance(parsed(line)[2], str)


class Server:
    """Speaks IRC as it is told, to one client after the other."""

    def __init__(self, *scripts: Callable[[Any], None]) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.heard: queue.Queue[str] = queue.Queue()
        self._scripts = scripts
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for script in self._scripts:
            with suppress(OSError):
                line, _ = self._socket.accept()
                with line, line.makefile("rw", encoding="utf-8", newline="\r\n") as file:
                    self.file = file
                    script(self)

    def hear(self, start: str) -> str:
        while not (line := self.file.readline()).startswith(start):
            if not line:
                raise OSError("gone")
            self.heard.put(line.strip())
        self.heard.put(line.strip())
        return line

    def say(self, *lines: str) -> None:
        self.file.write("".join(f"{line}\r\n" for line in lines))
        self.file.flush()

    def close(self) -> None:
        self._socket.close()


def test_a_channel_is_listened_to_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_FIRST", 0.05)
    done = threading.Event()

    def first(server: Server) -> None:
        server.hear("USER")
        server.say(":s 433 * viewer :taken")
        server.hear("NICK")
        server.say(":s 001 v :welcome")
        server.hear("JOIN #shop")
        server.say(
            "PING :x",
            "@id=1;display-name=Ann :ann!a@b PRIVMSG #shop :how much?",
            ":b!b@b PRIVMSG #shop :\x01ACTION waves\x01",
        )
        server.hear("PONG :x")
        server.say(
            "@target-msg-id=1 CLEARMSG #shop :how much?",
            ":s CLEARCHAT #shop :troll",
            "@display-name=Zoe USERNOTICE #shop",
            "RECONNECT",
        )
        server.file.readline()

    def second(server: Server) -> None:
        server.hear("USER")
        server.say(":s 001 v :welcome", "@id=2;bits=100 :c!c@c PRIVMSG #shop :take it")
        done.wait(10)

    server, stop, got = Server(first, second), threading.Event(), queue.Queue[Any]()
    irc = Irc("127.0.0.1", server.port, "#shop", tls=False)
    thread = threading.Thread(target=irc.run, args=(got.put, stop), daemon=True)
    thread.start()
    came = [got.get(timeout=20) for _ in range(6)]
    assert [(one.kind, one.author, one.text, one.ident) for one in came] == [
        ("text", "Ann", "how much?", "1"),
        ("text", "b", "waves", ""),
        ("retracted", "", "", "1"),
        ("retracted", "troll", "", ""),
        ("gift", "Zoe", "", ""),
        ("gift", "c", "take it", "2"),
    ]
    stop.set()
    done.set()
    thread.join(10)
    server.close()
    assert not thread.is_alive()


def test_twitch_is_asked_for_tags_and_the_token_is_in_no_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TWITCH_TOKEN", "oauth:SECRET")
    made = sources.twitch("#Marie")
    assert (made.host, made.port, made.tls, made.channel) == ("irc.chat.twitch.tv", 6697, True, "#marie")
    assert "SECRET" not in repr(made)
    server = Server(lambda server: (server.hear("USER"), None)[1])
    made.host, made.port, made.tls = "127.0.0.1", server.port, False
    stop = threading.Event()
    thread = threading.Thread(target=made.run, args=(lambda came: None, stop), daemon=True)
    thread.start()
    heard = [server.heard.get(timeout=10) for _ in range(4)]
    stop.set()
    thread.join(10)
    server.close()
    assert heard[0].startswith("CAP REQ") and heard[1] == "PASS oauth:SECRET"
    assert "SECRET" not in caplog.text


def test_a_line_without_end_and_a_dead_server_are_survived(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sources, "_FIRST", 0.05)
    server = Server(lambda server: (server.file.write("x" * 200_000), server.file.flush(), None)[2])
    stop = threading.Event()
    thread = threading.Thread(
        target=Irc("127.0.0.1", server.port, "#a", tls=False).run, args=(print, stop), daemon=True
    )
    thread.start()
    limit = time.monotonic() + 10
    while "does not end" not in caplog.text and time.monotonic() < limit:
        time.sleep(0.02)
    server.close()
    time.sleep(0.3)
    assert thread.is_alive(), "it tries again"
    stop.set()
    thread.join(10)
    assert not thread.is_alive() and "does not end" in caplog.text


@pytest.fixture
def inlet(monkeypatch: pytest.MonkeyPatch) -> tuple[TestClient, list[Message | Count]]:
    monkeypatch.delenv("AVATAR_ENGINE_INLET_TOKEN", raising=False)
    made, got = Inlet("8787"), list[Message | Count]()
    made._put = got.append
    return TestClient(made.app, base_url="http://127.0.0.1:8787"), got


def test_the_inlet_takes_one_or_many(inlet: tuple[TestClient, list[Message | Count]]) -> None:
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
def test_the_inlet_says_what_is_wrong(inlet: tuple[TestClient, list[Message | Count]], body: bytes) -> None:
    answer = inlet[0].post("/", content=body)
    assert answer.status_code == 422 and answer.json()["error"] and not inlet[1]


def test_the_inlet_is_for_programs_of_this_machine(
    inlet: tuple[TestClient, list[Message | Count]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, got = inlet
    assert client.post("/", json={"text": "a"}, headers={"origin": "http://evil.example"}).status_code == 403
    assert client.post("/", json={"text": "a"}, headers={"host": "evil.example"}).status_code == 403
    assert client.post("/", content=b"x" * (2 << 20)).status_code == 413
    monkeypatch.setenv("AVATAR_ENGINE_INLET_TOKEN", "T")
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


def test_the_inlet_listens_until_the_show_ends() -> None:
    inlet, got, stop = Inlet(str(free_port())), queue.Queue[Any](), threading.Event()
    inlet.reserve()
    thread = threading.Thread(target=inlet.run, args=(got.put, stop), daemon=True)
    thread.start()
    await_port(inlet.settings.port)
    answer = httpx2.post(f"http://127.0.0.1:{inlet.settings.port}/", json={"text": "hello"})
    assert answer.json() == {"taken": 1} and got.get(timeout=5).text == "hello"
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_sales_may_tell_their_product_and_what_they_brought() -> None:
    told = {"sales": 2, "clicks": 5, "product": " M-17\n", "revenue": "25.00", "currency": "eur"}
    assert sources.read(told, "x") == [Count("sales", 2.0, "M-17", 25.0, "EUR"), Count("clicks", 5.0, "M-17")]
    assert sources.read({"viewers": 3, "product": "M", "revenue": 1}, "x") == [Count("viewers", 3.0)]
    assert sources.read({"sales": 1, "currency": 7, "revenue": 1}, "x") == [Count("sales", 1.0, "", 1.0)]
    for revenue in (-1, "much", float("nan"), float("inf"), [1]):
        with pytest.raises((ValueError, TypeError)):
            sources.read({"sales": 1, "revenue": revenue}, "x")
