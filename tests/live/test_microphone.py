"""The microphone: another's voice in place of the show's, which breaks off for it and goes on behind it."""

from __future__ import annotations

import os
import signal
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray, Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.live import microphone as microphones
from avatar_engine.live import microphone_process as processes
from avatar_engine.live.microphone import CUSHION, LATE, OFF, OPENING, Microphone
from avatar_engine.live.programme import Piece, Silence, SoundTrack, Spoken
from avatar_engine.media.level import SPEECH
from avatar_engine.media.write import WaveWriter
from avatar_engine.show.producer import Producer, Studio
from avatar_engine.show.script import parse

SCRIPT = "---\npause: 0s\nmicrophone: on\n---\nA.\n\n<!-- chat 60s -->\n\nB.\n"
OWN, RATE = 0.05, 16_000


class Voice:
    """Says what is planned, a minute of a steady sound each."""

    def __init__(self, producer: Producer) -> None:
        self.producer, self.said = producer, list[str]()
        self.ended = self.speaks = False

    @property
    def generation(self) -> int:
        return self.producer.generation

    def poll(self) -> Piece | None:
        item = self.producer.next()
        if item is None:
            self.ended = True
            return None
        self.speaks = isinstance(item, Utterance)
        if not isinstance(item, Utterance):
            return Silence(round(item.seconds * SAMPLE_RATE), self.generation)
        self.said.append(item.text)
        return Spoken(np.full(SAMPLE_RATE * 60, OWN, np.float32), item.generation, True)

    def interrupt(self) -> None:
        self.producer.break_off(0, self.speaks)


class Show:
    """A show that is on air: its sound is taken frame by frame, in time."""

    def __init__(self, folder: Path, allowed: bool = True) -> None:
        self.notes: list[dict[str, Any]] = []
        studio = Studio(journal=lambda entry: self.notes.append(dict(entry)))
        self.producer = Producer(parse(SCRIPT), studio, clock=time.monotonic)
        self.voice = Voice(self.producer)
        self.door = folder / "s.mic"
        self.microphone = Microphone(self.voice, self.producer, self.door, allowed)
        self.frames: list[FloatArray] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.microphone.launch()
        self._thread.start()

    def _run(self) -> None:
        track = SoundTrack(self.microphone)
        begin = time.monotonic()
        while not self._over.wait(max(0.0, begin + len(self.frames) * 0.04 - time.monotonic())):
            self.frames.append(track.next()[0].copy())

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        self.microphone.close()

    @property
    def now(self) -> int:
        return len(self.frames)

    def loudness(self, first: int, last: int | None = None) -> float:
        return float(np.sqrt(np.mean(np.square(np.concatenate(self.frames[first:last])))))

    def on(self, event: str = "microphone") -> list[dict[str, Any]]:
        return [entry for entry in self.notes if entry["event"] == event]


@pytest.fixture
def show() -> Iterator[Show]:
    with tempfile.TemporaryDirectory(prefix="ae") as home:
        made = Show(Path(home))
        yield made
        made.close()


def until(what: Callable[[], Any], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def pcm(seconds: float, level: float = 0.2) -> bytes:
    at = np.arange(round(seconds * RATE)) / RATE
    return (level * 32767 * np.sin(2 * np.pi * 220 * at)).astype("<i2").tobytes()


def wave(data: bytes = b"", bits: int = 16, kind: int = 1) -> bytes:
    """A WAV as a recorder writes it that does not know how long it will be."""
    form = struct.pack("<HHIIHH", kind, 1, RATE, RATE * bits // 8, bits // 8, bits)
    head = b"RIFF" + struct.pack("<I", 0x7FFFFFFF) + b"WAVEfmt " + struct.pack("<I", 16) + form
    return head + b"data" + struct.pack("<I", 0x7FFFFFFF - 36) + data


class Recorder:
    """Sends a sound into the socket at its own time, or all at once."""

    def __init__(self, door: Path, begin: bytes = b"", speed: float = 1.0, level: float = 0.2) -> None:
        until(door.exists)
        self.line = socket.socket(socket.AF_UNIX)
        until(lambda: self._connected(door))
        self.line.settimeout(5.0)
        self.stop = threading.Event()
        self.broken = False
        self._begin, self._speed, self._level = begin, speed, level
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _connected(self, door: Path) -> bool:
        return self.line.connect_ex(str(door)) == 0

    def _run(self) -> None:
        sound, sent, began = pcm(1.0, self._level), 0, time.monotonic()
        step = RATE // 20 * 2
        try:
            self.line.sendall(self._begin)
            while not self.stop.wait(max(0.0, began + sent / RATE / 2 / self._speed - time.monotonic())):
                at = sent % len(sound)
                self.line.sendall(sound[at : at + step])
                sent += step
        except OSError:
            self.broken = True
        self.line.close()

    def end(self) -> None:
        self.stop.set()
        self._thread.join(5)


def taken(show: Show, source: str = "-", **how: Any) -> Recorder:
    assert show.microphone.order(source) == OPENING
    recorder = Recorder(show.door, wave() if source == "-" else b"", **how)
    until(lambda: show.microphone.name)
    return recorder


@pytest.mark.parametrize("source", ["-", f"-:{RATE}", f"-:{RATE}:1"])
def test_a_stream_of_sound_is_heard_in_place_of_the_show_which_goes_on_with_the_cut_line(
    show: Show, source: str
) -> None:
    until(lambda: show.voice.said)
    ready = time.monotonic() + 20
    until(lambda: show.microphone.pid and time.monotonic() < ready)
    ordered = show.now
    recorder = taken(show, source)
    begun = show.now
    until(lambda: show.now > begun + 60)
    assert show.loudness(begun + 35, begun + 60) == pytest.approx(SPEECH, rel=0.15), "at the show's loudness"
    assert "is on: a stream" in show.microphone.order("")
    assert show.microphone.waited < 1.0
    recorder.end()
    until(lambda: not show.microphone.name)
    until(lambda: show.voice.said == ["A.", "A."])
    first, last = show.on()
    assert (first["on"], first["source"], last["on"], last["why"]) == (True, "a stream", False, "it ended")
    assert last["seconds"] == pytest.approx(0.04 * (show.now - begun), abs=1.5) and ordered <= begun
    assert "is off: it ended" in show.microphone.order("")
    clicks = np.abs(np.diff(np.concatenate(show.frames)))
    assert clicks.max() < 0.05, "what breaks off fades"


def test_it_is_given_back_at_once(show: Show) -> None:
    recorder = taken(show)
    assert show.microphone.order("off") == OFF
    until(lambda: not show.microphone.name, 1.0)
    until(lambda: recorder.broken, 5.0)
    assert show.on()[-1]["why"] == "the technician gave it back"
    with pytest.raises(AvatarError, match="is off"):
        show.microphone.order("off")


def test_a_second_one_is_refused_with_the_reason(show: Show) -> None:
    recorder = taken(show)
    with pytest.raises(AvatarError, match="is taken"):
        show.microphone.order("-")
    assert not show.door.exists(), "nobody else can connect"
    recorder.end()
    until(lambda: not show.microphone.name)
    again = taken(show)
    again.end()
    until(lambda: show.microphone.taken == 2 and not show.microphone.name)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_hangs_gives_the_show_back(show: Show, number: signal.Signals) -> None:
    recorder = taken(show)
    pid = show.microphone.pid
    assert pid
    os.kill(pid, number)
    until(lambda: not show.microphone.name, processes.HUNG + 3.0)
    assert "process" in show.on()[-1]["why"]
    recorder.end()
    until(lambda: show.microphone.pid not in (None, pid))
    taken(show).end()


def test_one_that_died_while_it_waited_is_replaced(show: Show) -> None:
    until(lambda: show.microphone.pid)
    pid = show.microphone.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.3)
    taken(show).end()


def test_a_flood_ends_and_is_told(show: Show) -> None:
    recorder = taken(show, speed=1e6)
    until(lambda: not show.microphone.name)
    until(lambda: recorder.broken)
    assert "faster than anybody speaks" in show.on()[-1]["why"]
    assert show.microphone.dropped > 10 * SAMPLE_RATE and show.microphone._ready == 0


def test_what_is_late_is_dropped_and_the_air_does_not_fall_behind(show: Show) -> None:
    recorder = taken(show, speed=1.25)  # a quarter of a second more than its time, every second
    begun, most, ready = show.now, 0.0, 0
    while show.now < begun + 200:
        most, ready = max(most, show.microphone.waited), max(ready, show.microphone._ready)
        time.sleep(0.01)
    recorder.end()
    assert show.microphone.dropped > SAMPLE_RATE
    assert ready <= LATE + SAMPLE_RATE // 10 and most < 1.5


def test_one_that_falls_silent_ends(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphones, "SILENT", 1.0)
    recorder = taken(show, level=0.001)
    until(lambda: not show.microphone.name, 8.0)
    assert "nobody has spoken" in show.on()[-1]["why"]
    recorder.end()


def test_one_that_sends_nothing_more_ends(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphones, "STOPS", 1.0)
    recorder = taken(show)
    recorder._speed = 1e-6
    until(lambda: not show.microphone.name, 8.0)
    assert "no sound has come" in show.on()[-1]["why"]
    recorder.end()


def test_it_ends_after_its_longest_time(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphones, "LONGEST", 1.0)
    recorder = taken(show)
    until(lambda: not show.microphone.name, 8.0)
    recorder.end()
    assert "it was on for" in show.on()[-1]["why"]


@pytest.mark.parametrize(
    ("begin", "said"),
    [
        (b"no sound at all, " * 5000, "is no sound that is known"),
        (b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n" * 200, "is no sound that is known"),
        (wave(pcm(0.1), bits=64, kind=3), "a WAV of 64 bits"),
        (wave()[:30], "header is damaged"),
        (wave(), "holds no sound"),
        (b"", "no sound"),
    ],
)
def test_a_wrong_format_never_breaks_the_show_off(show: Show, begin: bytes, said: str) -> None:
    until(lambda: show.voice.said)
    assert show.microphone.order("-") == OPENING
    until(show.door.exists)
    with socket.socket(socket.AF_UNIX) as line:
        until(lambda: line.connect_ex(str(show.door)) == 0)
        line.sendall(begin)
        line.shutdown(socket.SHUT_WR)
        until(lambda: show.microphone._failed)
    with pytest.raises(AvatarError, match=said):
        show.microphone.order("")
    assert not show.on() and show.voice.said == ["A."]


def test_nobody_who_connects_is_told(show: Show) -> None:
    show.microphone.order("-")
    until(lambda: show.microphone._failed)
    with pytest.raises(AvatarError, match="Nobody has connected"):
        show.microphone.order("")


def test_a_recording_is_heard_whole(show: Show, tmp_path: Path) -> None:
    at = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    with WaveWriter(tmp_path / "said.wav") as writer:
        writer.write((0.2 * np.sin(2 * np.pi * 220 * at)).astype(np.float32))
    show.microphone.order(str(tmp_path / "said.wav"))
    until(lambda: show.microphone.name)
    begun = show.now
    until(lambda: not show.microphone.name)
    until(lambda: show.now > begun + 90)
    loud = sum(np.abs(frame).max() > OWN + 0.03 for frame in show.frames[max(0, begun - 5) :])
    spoken = loud * SAMPLES_PER_FRAME / SAMPLE_RATE
    assert spoken == pytest.approx(3.0, abs=0.2) and show.microphone.dropped == 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("none.wav", "no file none.wav"),
        ("-:1", "1 samples a second"),
        ("-:48000:99", "99 channels"),
        ("-:x", "is no source"),
        ("-:1:2:3", "is no source"),
        ("telepathy:1", "no kind of device"),
    ],
)
def test_what_is_no_source_is_told_at_once(show: Show, source: str, said: str) -> None:
    with pytest.raises(AvatarError, match=said):
        show.microphone.order(source)


def test_an_address_that_does_not_answer_breaks_nothing_off(show: Show) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    show.microphone.order(f"http://user:secret@127.0.0.1:{port}/live/key")
    until(lambda: show.microphone._failed)
    with pytest.raises(AvatarError) as refused:
        show.microphone.order("")
    assert "secret" not in refused.value.what and "key" not in refused.value.what and not show.on()


def test_a_show_that_does_not_allow_it_has_none_and_loads_none(tmp_path: Path) -> None:
    show = Show(tmp_path, allowed=False)
    try:
        with pytest.raises(AvatarError, match="has no microphone"):
            show.microphone.order("-")
        assert show.microphone.pid is None
    finally:
        show.close()
    assert not parse("Hello.\n").microphone, "which is so unless the script says otherwise"


def test_the_cushion_is_less_than_what_counts_as_late() -> None:
    assert CUSHION < LATE
