"""Messages come in from IRC, whatever the server does."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.show.chat import source
from avatar_engine.show.chat.irc import Irc, parsed, twitch
from avatar_engine.show.chat.message import Link
from avatar_engine.show.chat.standing import Watched
from tests.show.chat.listening import listening


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("PING :tmi.twitch.tv", ({}, "", "PING", ["tmi.twitch.tv"])),
        (":ann!a@b PRIVMSG #shop :how much :) ?", ({}, "ann", "PRIVMSG", ["#shop", "how much :) ?"])),
        (
            "@id=7;display-name=A\\sB;x= :ann!a@b PRIVMSG #shop hi",
            ({"id": "7", "display-name": "A B", "x": ""}, "ann", "PRIVMSG", ["#shop", "hi"]),
        ),
        ("@a=\\\\s;b=x\\:\\;c=\\q PING", ({"a": "\\s", "b": "x;", "c": "q"}, "", "PING", [])),
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
    monkeypatch.setattr(source, "FIRST", 0.05)
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

    server = Server(first, second)
    with listening(Irc("127.0.0.1", server.port, "#shop", tls=False)) as got:
        came = [got.get(timeout=20) for _ in range(8)]
        done.set()
    assert came.pop(0) == came.pop(5) == Link(True)
    assert (came[-1].worth, came[-1].currency) == (100.0, "bits")
    assert [(one.kind, one.author, one.text, one.ident) for one in came] == [
        ("text", "Ann", "how much?", "1"),
        ("text", "b", "waves", ""),
        ("retracted", "", "", "1"),
        ("retracted", "troll", "", ""),
        ("gift", "Zoe", "", ""),
        ("gift", "c", "take it", "2"),
    ]
    server.close()


def test_twitch_is_asked_for_tags_and_the_token_is_in_no_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TWITCH_TOKEN", "oauth:SECRET\n")
    made = twitch("#Marie")
    assert (made.host, made.port, made.tls, made.channel) == ("irc.chat.twitch.tv", 6697, True, "#marie")
    assert made.token == "oauth:SECRET" and "SECRET" not in repr(made)
    server = Server(lambda server: (server.hear("USER"), None)[1])
    made.host, made.port, made.tls = "127.0.0.1", server.port, False
    with listening(made):
        heard = [server.heard.get(timeout=10) for _ in range(4)]
    server.close()
    assert heard[0].startswith("CAP REQ") and heard[1] == "PASS oauth:SECRET"
    assert "SECRET" not in caplog.text


def test_a_line_without_end_and_a_dead_server_are_survived(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(source, "FIRST", 0.05)
    server = Server(lambda server: (server.file.write("x" * 200_000), server.file.flush(), None)[2])
    stop = threading.Event()
    thread = threading.Thread(
        target=Irc("127.0.0.1", server.port, "#a", tls=False).run,
        args=(Watched("irc", print).put, stop),
        daemon=True,
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
