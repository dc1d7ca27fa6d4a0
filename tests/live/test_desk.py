"""Orders reach a show, take effect, and say what was wrong."""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress

import pytest

from avatar_engine.contracts import Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.live import desk as desks
from avatar_engine.live import local_server
from avatar_engine.live.desk import Desk, orders, send
from avatar_engine.show.producer import Producer, Studio
from avatar_engine.show.script import parse

SCRIPT = parse("---\npause: 0s\n---\n# One\n\nA.\n\nB.\n\n# Two\n\nC.\n")


class Show:
    def __init__(self) -> None:
        self.heard = 0
        self.producer = Producer(SCRIPT, Studio(), heard=lambda: self.heard)
        self.breaks = 0
        self.told: list[dict[str, object]] = []
        self.desk = Desk(
            "marie-1", orders(self.producer, self.interrupt), lambda what: self.told.append(dict(what))
        )

    def interrupt(self) -> None:
        self.breaks += 1
        self.producer.interrupt()

    def next(self) -> str:
        item = self.producer.next()
        return item.text if isinstance(item, Utterance) else type(item).__name__


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    with tempfile.TemporaryDirectory(prefix="ae") as home:
        monkeypatch.setenv("AVATAR_ENGINE_HOME", home)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        made = Show()
        made.desk.open()
        yield made
        made.desk.close()


def test_what_a_technician_says_is_next_and_the_line_that_was_cut_comes_again(show: Show) -> None:
    assert [show.next(), show.next()] == ["A.", "B."]
    show.heard = 2
    assert send("marie-1", "say", "One moment.") == "It is said now."
    assert show.breaks == 1
    assert [show.next() for _ in range(3)] == ["One moment.", "B.", "C."]


def test_who_gave_which_order_is_told_also_of_those_that_are_refused(show: Show) -> None:
    send("marie-1", "say", "One moment.")
    with pytest.raises(AvatarError):
        send("marie-1", "jump", "three")
    done, refused = show.told
    assert (done["order"], done["text"], done["done"]) == ("say", "One moment.", "It is said now.")
    assert done["by"] == f"{pwd.getpwuid(os.getuid()).pw_name} (uid {os.getuid()}, process {os.getpid()})"
    assert refused["order"] == "jump" and "no segment 'three'" in str(refused["error"])


def test_what_is_said_after_the_line_breaks_nothing_off(show: Show) -> None:
    show.next()
    send("marie-1", "after", "By the way.")
    assert show.breaks == 0 and [show.next() for _ in range(2)] == ["By the way.", "B."]


def test_pause_resume_skip_and_jump(show: Show) -> None:
    send("marie-1", "pause")
    assert show.next() == "Beat"
    assert send("marie-1", "resume") == "On again." and show.next() == "A."
    show.heard = 2
    assert send("marie-1", "skip") == "Skipped." and show.next() == "C."
    assert send("marie-1", "jump", "one") == "On with 'One'." and show.next() == "A."
    assert "M-17" in send("marie-1", "product", "M-17") and show.producer.product == "M-17"
    send("marie-1", "mute"), send("marie-1", "unmute")


@pytest.mark.parametrize(
    ("order", "text", "said"),
    [
        ("dance", "", "no order 'dance'"),
        ("jump", "three", "no segment 'three'"),
        ("say", " ", "may not be said"),
        ("say", "<look red> Hello.", "not changed by what is said"),
        ("after", "Hello. <look red>", "not changed by what is said"),
        ("card", "off", "no cards"),
        ("card", "green", "'green' is neither on nor off"),
    ],
)
def test_what_can_not_be_done_is_told(show: Show, order: str, text: str, said: str) -> None:
    with pytest.raises(AvatarError, match=said):
        send("marie-1", order, text)


@pytest.mark.parametrize(
    "data", [b"\n", b"[]\n", b'{"order": 3}\n', b"{" * 50_000, b'{"order": "say", "text": []}\n', b"\xff\n"]
)
def test_nonsense_is_answered_and_the_desk_goes_on(show: Show, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(show.desk.path))
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        assert "error" in json.loads(b"".join(iter(lambda: line.recv(4096), b"")))
    assert send("marie-1", "pause") == "Paused."


def test_while_the_microphone_is_on_words_wait_or_are_refused_and_the_desk_tells_of_it(show: Show) -> None:
    assert send("marie-1", "status") == "No segment: the microphone is off, the chat is answered."
    send("marie-1", "mute")
    show.producer.take_over("alsa:default")
    with pytest.raises(AvatarError, match=r"The microphone is on \(alsa:default\)") as refused:
        send("marie-1", "say", "One moment.")
    assert show.breaks == 0 and "mic off" in refused.value.advice
    send("marie-1", "after", "By the way.")
    assert send("marie-1", "status") == "No segment: the microphone is on (alsa:default), the chat is muted."
    assert show.next() == "Beat"
    show.producer.give_back(3.0, "it ended")
    assert [show.next(), show.next()] == ["By the way.", "A."]


def test_a_show_without_a_microphone_says_so(show: Show) -> None:
    with pytest.raises(AvatarError, match="has no microphone"):
        send("marie-1", "mic", "-")


def test_keys_in_a_microphones_address_are_not_logged(show: Show, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with suppress(AvatarError):
        send("marie-1", "mic", "rtmp://host/live/secret")
    send("marie-1", "pause")
    assert "secret" not in caplog.text and "pause" in caplog.text
    with suppress(AvatarError):
        send("marie-1", "mic", "dvb:secret")
    assert "secret" not in json.dumps(show.told)
    assert [(one["order"], one["text"]) for one in show.told[:2]] == [
        ("mic", "rtmp://host/live/****"),
        ("pause", ""),
    ]


def test_who_only_asks_how_it_stands_leaves_no_trace(show: Show) -> None:
    send("marie-1", "status")
    with suppress(AvatarError):
        send("marie-1", "mic")
    assert not show.told


def test_one_who_says_nothing_does_not_block_the_next(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "PATIENCE", 0.3)
    monkeypatch.setattr(desks, "PATIENCE", 3.0)
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(str(show.desk.path))
        assert send("marie-1", "pause") == "Paused."


def test_nobody_else_may_reach_it_and_it_leaves_nothing(show: Show) -> None:
    assert stat.S_IMODE(show.desk.path.stat().st_mode) == 0o600
    show.desk.close()
    assert not show.desk.path.exists()
    with pytest.raises(AvatarError, match="takes no orders"):
        send("marie-1", "pause")


def test_an_order_that_fails_is_no_traceback_to_the_technician(show: Show) -> None:
    def broken(text: str) -> str:
        raise RuntimeError("a bug")

    other = Desk("other", {"say": broken})
    other.open()
    try:
        with pytest.raises(AvatarError, match="The order failed"):
            send("other", "say")
    finally:
        other.close()


def test_an_action_is_called_for_by_its_name_and_only_one_that_the_clone_has() -> None:
    called: list[str] = []
    producer = Producer(SCRIPT, Studio(), heard=lambda: 0)
    do = orders(producer, lambda: None, acting=desks.Acting(["wave"], called.append))["do"]
    assert "'wave' begins" in do("wave") and called == ["wave"]
    with pytest.raises(AvatarError, match="no action 'dance'") as refused:
        do("dance")
    assert refused.value.advice == "Actions: wave."
    with pytest.raises(AvatarError, match="no action") as refused:
        orders(producer, lambda: None)["do"]("wave")
    assert "action add" in refused.value.advice


def test_the_background_is_changed_without_breaking_anything_off() -> None:
    producer, broke, stood = Producer(SCRIPT, Studio()), [], []

    def stand(text: str) -> str:
        stood.append(text)
        return f"The background is {text}."

    known = orders(producer, lambda: broke.append(1), stand=stand)
    assert known["background"]("blur") == "The background is blur."
    assert stood == ["blur"]
    assert not broke
    with pytest.raises(AvatarError, match="no background"):
        orders(producer, lambda: None)["background"]("blur")
