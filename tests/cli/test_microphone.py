"""The technician's end of the microphone: what is asked, and what is told when it goes wrong."""

from __future__ import annotations

import os
import pty
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from avatar_engine.cli import microphone
from avatar_engine.errors import AvatarError
from avatar_engine.folders import door_of, private
from avatar_engine.live.desk import Desk
from avatar_engine.live.microphone import KIND, OFF, OPENING


class Show:
    """A desk whose microphone does what it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.stands: list[str] = []
        self.refuses = ""
        self.desk = Desk("m-1", {"mic": self._mic})
        self.desk.open()

    def _mic(self, text: str) -> str:
        if text:
            self.asked.append(text)
            return OPENING
        if not self.stands:
            raise AvatarError(self.refuses or "It broke off.", "Try again.")
        return self.stands.pop(0) if len(self.stands) > 1 else self.stands[0]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    with tempfile.TemporaryDirectory(prefix="ae") as home:
        monkeypatch.setenv("XDG_RUNTIME_DIR", home)
        made = Show()
        yield made
        made.desk.close()


def listening(takes: Callable[[socket.socket], None]) -> threading.Thread:
    """The show's socket, for one who connects."""
    door = door_of("m-1", KIND)
    private(door)
    line = socket.socket(socket.AF_UNIX)
    line.bind(str(door))
    line.listen(1)

    def serve() -> None:
        with line, line.accept()[0] as connected:
            takes(connected)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def piped(data: bytes) -> int:
    ours, theirs = os.pipe()
    os.write(theirs, data)
    os.close(theirs)
    return ours


def test_what_comes_in_is_passed_on_whole_and_how_it_stands_is_told(show: Show) -> None:
    got: list[bytes] = []
    thread = listening(lambda line: got.extend(iter(lambda: line.recv(4096), b"")))
    show.stands, told = [OPENING, OFF], list[str]()
    data = bytes(range(256)) * 100
    microphone.speak("m-1", "-:48000:1", told.append, piped(data))
    thread.join(5)
    assert b"".join(got) == data and show.asked == ["-:48000:1"] and told[-1] == OFF


def test_a_show_that_takes_no_more_ends_it_with_the_reason(show: Show) -> None:
    listening(lambda line: None)
    show.stands, show.refuses = [OPENING], "It is no sound."
    ours, theirs = os.pipe()
    with pytest.raises(AvatarError, match="It is no sound"):
        threading.Timer(0.5, show.stands.clear).start()
        microphone.speak("m-1", "-", lambda told: None, ours)
    os.close(theirs)


def test_a_show_that_never_listens_is_told(show: Show) -> None:
    show.stands = [OPENING, OFF]
    with pytest.raises(AvatarError, match="does not listen"):
        microphone.speak("m-1", "-", lambda told: None, piped(b""))


def test_another_source_is_waited_for_and_what_is_wrong_with_it_told(show: Show, tmp_path: Path) -> None:
    show.stands, told = [OPENING, OPENING, "The microphone is on: x.wav, for 0 s."], list[str]()
    microphone.speak("m-1", "x.wav", told.append)
    assert told == ["The microphone is on: x.wav, for 0 s."]
    show.stands = []
    with pytest.raises(AvatarError, match="broke off"):
        microphone.speak("m-1", "x.wav", told.append)


def test_a_terminal_is_no_microphone(show: Show) -> None:
    ours, theirs = pty.openpty()
    with pytest.raises(AvatarError, match="is a terminal"):
        microphone.speak("m-1", "-", lambda told: None, theirs)
    os.close(ours), os.close(theirs)
    assert not show.asked


def test_only_a_stream_is_raw() -> None:
    assert microphone.source_of("-", 16_000, 2) == "-:16000:2" and microphone.source_of("-", 0, 1) == "-"
    with pytest.raises(AvatarError, match="Only standard input"):
        microphone.source_of("a.wav", 16_000, 1)
