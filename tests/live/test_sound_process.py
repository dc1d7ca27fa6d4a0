import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME
from avatar_engine.errors import AvatarError
from avatar_engine.live.programme import SoundTrack, Spoken
from avatar_engine.live.sound_process import CUSHION, LEAD, SoundProcess
from avatar_engine.media.write import WaveWriter

QUICK = (0.05, 1.5, 0.2)


def voice(seconds, pitch=200.0):
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.1 * np.sin(2 * np.pi * pitch * at)).astype(np.float32)


@pytest.fixture
def wave(tmp_path):
    def write(samples, name="said.wav"):
        with WaveWriter(tmp_path / name) as writer:
            writer.write(samples)
        return str(tmp_path / name)

    return write


@pytest.fixture
def start():
    running: list[SoundProcess] = []

    def go(address, loop=False) -> SoundProcess:
        sound = SoundProcess(address, loop, True, QUICK)
        running.append(sound)
        sound.launch()
        sound.wait_ready()
        sound.go()
        return sound

    yield go
    for sound in running:
        sound.close()


def drain(sound: SoundProcess) -> Iterator[Spoken]:
    deadline = time.monotonic() + 60
    while not sound.ended:
        assert time.monotonic() < deadline, "the sound never ended"
        if piece := sound.poll():
            assert isinstance(piece, Spoken) and not piece.phones
            yield piece
        else:
            sound.wait()


def until(what, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def crossings(samples):
    """Pitch in Hz."""
    return np.count_nonzero(np.diff(np.signbit(samples))) / 2 / (len(samples) / SAMPLE_RATE)


def test_a_recording_comes_whole_at_the_shows_loudness_and_ends(wave, start):
    sound = start(wave(voice(3.0)))
    assert (sound.live, sound.seconds) == (False, pytest.approx(3.0))
    pieces = list(drain(sound))
    samples = np.concatenate([piece.samples for piece in pieces])
    assert abs(len(samples) - 3 * SAMPLE_RATE) <= 2
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(10 ** (-23 / 20), rel=0.05)
    assert crossings(samples) == pytest.approx(200, rel=0.02)
    assert (sound.figures.said, sound.figures.left_out, sound.figures.restarts) == (1, 0, 0)


def test_a_recording_of_any_length_is_read_no_further_than_the_lead(wave, start):
    sound = start(wave(np.tile(voice(10.0), 30)))
    until(lambda: sound.lead >= LEAD / SAMPLE_RATE)
    for _ in range(50):
        sound.poll()
        assert sound.lead <= LEAD / SAMPLE_RATE + 1.0
    assert not sound.ended


def test_a_loop_goes_round_without_a_new_process(wave, start):
    sound = start(wave(voice(0.5)), loop=True)
    pid, ends, heard = sound.pid, 0, 0
    while ends < 20:
        piece = sound.poll()
        if piece is None:
            sound.wait()
            continue
        assert isinstance(piece, Spoken)
        ends, heard = ends + piece.last, heard + len(piece.samples)
    assert heard == pytest.approx(20 * 12_000, abs=60)
    assert sound.pid == pid and not sound.ended


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_listener_that_dies_is_started_again_where_it_broke_off(wave, start, number, monkeypatch):
    monkeypatch.setattr("avatar_engine.live.sound_process.QUIET", 0.5)
    ramp = (np.repeat(np.arange(1, 21), SAMPLE_RATE // 2) / 200).astype(
        np.float32
    )  # every half second louder
    ramp *= np.sign(voice(10.0))
    sound = start(wave(ramp))
    until(lambda: sound.lead >= 4.0)
    os.kill(sound.pid, number)
    samples = np.concatenate([piece.samples for piece in drain(sound)])
    assert abs(len(samples) - len(ramp)) <= 2
    steps = [np.abs(samples[at + 4000 : at + 8000]).mean() for at in range(0, 20 * 12_000, 12_000)]
    assert np.all(np.diff(steps) > 0), "something was left out or said twice"
    assert sound.figures.restarts == 1 and sound.figures.said == 1


def test_what_cannot_be_heard_is_refused_at_once(wave, tmp_path):
    with pytest.raises(AvatarError, match=r"no file .*none\.wav"):
        SoundProcess(str(tmp_path / "none.wav"))
    (tmp_path / "noise.wav").write_bytes(bytes(5000))
    for address, words in (
        (wave(voice(0.0), "empty.wav"), "0 s long"),
        (str(tmp_path / "noise.wav"), r"noise\.wav"),
        ("alsa:there is none such", "there is none such"),
        ("http://127.0.0.1:9/a.mp3", "Connection refused"),
    ):
        sound = SoundProcess(address)
        sound.launch()
        with pytest.raises(AvatarError, match=words):
            sound.wait_ready()
        sound.close()


class Station:
    """Sends a WAV without an end over HTTP, at its own time; ``mood`` says how it behaves."""

    def __init__(self) -> None:
        self.mood = "plays"
        self.listeners = 0
        self.surplus = 0.0
        self.burst = 1.5  # seconds that a new listener gets at once, as of most stations
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/radio/KEY"
        self._closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._server.accept()
                if self.mood == "refuses":
                    line.close()
                    continue
                self.listeners += 1
                threading.Thread(target=self._play, args=(line,), daemon=True).start()

    def _play(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError), line:
            line.recv(4096)
            line.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: audio/wav\r\n\r\n" + header())
            sound = (voice(0.04) * 32767).astype("<i2").tobytes()
            line.sendall(sound * round(self.burst / 0.04))
            while not self._closing and self.mood in ("plays", "stalls"):
                if self.mood == "plays":
                    line.sendall(sound)
                while self.surplus > 0:
                    line.sendall(sound)
                    self.surplus -= 0.04
                time.sleep(0.04)

    def close(self) -> None:
        self._closing = True
        self._server.close()


def header() -> bytes:
    """A WAV header of a sound without an end."""
    size, rate = 0xFFFFFFFF, SAMPLE_RATE
    fields = b"".join(
        value.to_bytes(width, "little")
        for value, width in ((16, 4), (1, 2), (1, 2), (rate, 4), (2 * rate, 4), (2, 2), (16, 2))
    )
    return b"RIFF" + size.to_bytes(4, "little") + b"WAVEfmt " + fields + b"data" + size.to_bytes(4, "little")


@pytest.fixture
def station():
    playing = Station()
    yield playing
    playing.close()


class Listener:
    """Takes a frame's sound every 40 ms, as the pacer would let it."""

    def __init__(self, sound: SoundProcess) -> None:
        self._track = SoundTrack(sound)
        self.frames: list[tuple[np.ndarray, bool]] = []

    def until(self, what, seconds=30.0):
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline
            samples, speaking, _ = self._track.next()
            assert samples.shape == (SAMPLES_PER_FRAME,)
            self.frames.append((samples, speaking))
            time.sleep(0.04)

    def speaks(self, frames=15):
        return lambda: len(self.frames) >= frames and all(said for _, said in self.frames[-frames:])

    def idles(self, frames=10):
        return lambda: len(self.frames) >= frames and not any(said for _, said in self.frames[-frames:])


def test_a_live_sound_is_heard_and_stays_near_the_moment(station, start):
    sound = start(station.url)
    assert sound.live and "KEY" not in sound.name
    listener = Listener(sound)
    listener.until(listener.speaks(50))
    listener.until(lambda: sound.lead < 1.0)
    pitches = [crossings(frame) for frame, _ in listener.frames if np.abs(frame).min() < np.abs(frame).max()]
    assert np.median(pitches) == pytest.approx(200, abs=13)  # a crossing more or less in 40 ms


def test_late_sound_is_dropped_and_not_pushed_later(station, start):
    sound = start(station.url)
    listener = Listener(sound)
    listener.until(listener.speaks())
    station.surplus = 3.0
    listener.until(lambda: sound.lead > 2.0)
    listener.until(lambda: sound.lead < 1.0)
    assert sound.dropped > SAMPLE_RATE
    assert sound.figures.restarts == 0
    loudest = np.abs(np.diff(np.concatenate([f for f, _ in listener.frames]))).max()
    assert loudest < 0.05, "the cut clicks"


@pytest.mark.parametrize("mood", ["refuses", "stalls"])
def test_a_source_that_goes_and_comes_back_is_heard_again(station, start, mood, monkeypatch):
    monkeypatch.setattr("avatar_engine.live.sound_process.QUIET", 0.5)
    sound = start(station.url)
    listener = Listener(sound)
    listener.until(listener.speaks())
    station.mood = mood
    listener.until(listener.idles())
    listener.until(lambda: sound.figures.restarts >= 1)
    assert not sound.ended
    station.mood = "plays"
    listener.until(listener.speaks())
    assert station.listeners >= 2


def test_a_source_that_is_not_there_yet_is_waited_for(station, start, caplog):
    station.mood = "refuses"
    sound = start(station.url)
    assert "idles until it does" in caplog.text and "KEY" not in caplog.text
    listener = Listener(sound)
    listener.until(listener.idles())
    station.mood = "plays"
    listener.until(listener.speaks())


def test_a_cushion_is_ready_before_a_live_sound_is_heard(station, start):
    station.burst = 0.0
    sound = start(station.url)
    until(lambda: sound.lead > 0)
    while sound.lead < 0.9 * CUSHION / SAMPLE_RATE:
        assert sound.poll() is None
        time.sleep(0.01)
    until(lambda: sound.lead * SAMPLE_RATE >= CUSHION)
    assert sound.poll() is not None


def test_close_leaves_neither_thread_nor_process(station, start):
    sound = start(station.url)
    pid = sound.pid
    sound.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not any(thread.name == "sound" for thread in threading.enumerate())
