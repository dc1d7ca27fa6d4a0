"""When an output tries again: how long it waits, and that it hears at once that an endpoint is back."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from avatar_engine.broadcast import reconnect
from avatar_engine.broadcast.reconnect import Wait, answers, backoff
from avatar_engine.broadcast.spec import OutputSpec
from tests.servers import SilentServer, free_port


def test_backoff_grows_to_a_limit_and_spreads() -> None:
    assert [round(backoff(n, 0.0), 2) for n in range(8)] == [2.0, 3.0, 4.5, 6.75, 10.12, 15.19, 22.78, 30.0]
    assert backoff(10_000, 0.0) == 30.0
    assert backoff(0, 0.999) == pytest.approx(1.5, abs=0.01)


class Greeting(SilentServer):
    """Says the first byte of RTMP's handshake."""

    def converse(self, connection: socket.socket) -> None:
        connection.sendall(b"\3")


def spec(port: int, scheme: str = "rtmp") -> OutputSpec:
    return OutputSpec.parse(f"{scheme}://127.0.0.1:{port}/live/SECRETKEY")


def test_only_a_server_that_speaks_answers() -> None:
    with Greeting() as speaking, SilentServer() as hung:
        assert answers(spec(speaking.port))
        assert not answers(spec(hung.port), limit=0.2)
        assert not answers(spec(hung.port, "rtmps"), limit=0.2)
    assert not answers(spec(free_port()))


def test_tls_answers_whatever_its_certificate() -> None:
    class Alert(SilentServer):
        def converse(self, connection: socket.socket) -> None:
            connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # handshake failure

    with Alert() as server:
        assert answers(spec(server.port, "rtmps"))


def test_a_name_is_looked_up_at_every_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint has moved: the second try finds it at its new address."""
    with Greeting() as server:
        ports = iter([free_port(), server.port])
        real = socket.getaddrinfo

        def moved(host: str, port: int, *rest: int) -> object:
            assert host == "live.example"
            return real("127.0.0.1", next(ports), *rest)

        monkeypatch.setattr(socket, "getaddrinfo", moved)
        goal = OutputSpec.parse("rtmp://live.example/live/key")
        assert [answers(goal), answers(goal)] == [False, True]


@pytest.mark.parametrize(
    ("away", "said", "early"),
    [
        (True, [True], True),  # it could not be reached a moment ago, and is back
        (False, [False, True], True),  # it refused us, went away, and is back
        (False, [True] * 99, False),  # it was there all the time and refused us: it is left in peace
        (True, [False] * 99, False),  # it never came back
    ],
)
def test_a_wait_ends_early_when_the_endpoint_is_back(
    away: bool, said: list[bool], early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnect, "_PROBE_EVERY", 0.02)
    answers_ = iter(said)
    began = time.monotonic()
    Wait(lambda: next(answers_), threading.Event())(0.4, away)
    assert (time.monotonic() - began < 0.35) is early


def test_an_endpoint_that_may_not_be_asked_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes a single connection would spend it on the question."""
    monkeypatch.setattr(reconnect, "_PROBE_EVERY", 0.02)
    asked: list[int] = []
    wait = Wait(lambda: bool(asked.append(1)), threading.Event())
    wait(0.2, away=True, ask=False)
    wait(0.2, away=False, ask=False)
    assert not asked


def test_an_endpoint_that_answers_but_fails_us_is_hurried_to_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "_PROBE_EVERY", 0.02)
    wait = Wait(lambda: True, threading.Event())
    times = []
    for _ in range(3):
        began = time.monotonic()
        wait(0.4, away=True)
        times.append(time.monotonic() - began < 0.35)
    assert times == [True, False, True]


def test_the_end_of_the_show_ends_the_wait() -> None:
    ending = threading.Event()
    threading.Timer(0.1, ending.set).start()
    began = time.monotonic()
    Wait(lambda: False, ending)(20.0, away=False)
    assert time.monotonic() - began < 5.0
