"""Shows and the card's process, whole, with the processor in the card's place."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from avatar_engine import device, folders
from avatar_engine.contracts import Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.voice.card import keeper, line, wire
from avatar_engine.voice.card.line import CardNetwork, Line
from avatar_engine.voice.card.process import Kept, Server
from avatar_engine.voice.card.rows import Rows
from avatar_engine.voice.card.wire import Message
from avatar_engine.voice.network import FloatArray, Network
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.phonemes import tokens
from avatar_engine.voice.pitch import mel_power
from avatar_engine.voice.speak import Voice, say

IDS = tokens("ðə pˈɑɹsəl.")


@pytest.fixture(scope="module")
def rows() -> Rows:
    torch.set_num_threads(1)
    return Rows(torch.device("cpu"))


@contextmanager
def served(rows: Rows, door: Path) -> Iterator[Server]:
    server = Server(rows, door)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def on_card(name: str, phone: Line) -> CardNetwork:
    pack = VoicePack.stock(name)
    return CardNetwork(pack.style, None, pack.statistics, 1, phone)


def alike(a: FloatArray, b: FloatArray) -> float:
    return float(np.corrcoef(*[np.log(mel_power(sound) + 1e-4).ravel() for sound in (a, b)])[0, 1])


@pytest.mark.weights
def test_two_shows_speak_at_once_each_in_its_own_voice(rows: Rows, tmp_path: Path) -> None:
    with served(rows, tmp_path / "door"):

        def spoken(name: str) -> FloatArray:
            network = on_card(name, Line(tmp_path / "door", 60))
            body = network.body(network.plan(IDS))
            assert "_body" not in vars(network) and "_generator" not in vars(network)  # no memory for them
            return np.concatenate([network.window(body, 20, 40), network.window(body, 40, 70)])

        names = ("am_adam", "af_heart")
        with ThreadPoolExecutor(2) as pool:
            made = list(pool.map(spoken, names))
        about = Line(tmp_path / "door", 60).about()
    assert about["windows"] == 4 and about["device"] == "cpu" and about["shows"] >= 1
    for name, sound in zip(names, made, strict=True):
        pack = VoicePack.stock(name)
        own = Network(pack.style, None, pack.statistics)
        body = own.features(own.plan(IDS))
        assert alike(sound, own.window(body, 20, 70)) > 0.97


@pytest.mark.weights
def test_a_show_goes_on_by_itself_when_the_card_goes_away_and_comes_back_to_it(
    rows: Rows, tmp_path: Path
) -> None:
    now = [0.0]
    phone = Line(tmp_path / "door", 60, clock=lambda: now[0])
    network = on_card("af_heart", phone)
    with served(rows, tmp_path / "door"):
        body = network.body(network.plan(IDS))
        first = network.window(body, 30, 60)
    own = network.window(body, 30, 60)
    assert phone.failures == 1 and "_generator" in vars(network)
    assert alike(own, first) > 0.95
    with served(rows, tmp_path / "door"):
        network.window(body, 30, 60)
        assert phone.windows == 1  # not asked again so soon
        now[0] = line.AGAIN + 1
        again = network.window(body, 30, 60)  # a new process knows neither the person nor the sentence
        assert phone.windows == 2 and phone.failures == 1
    assert np.allclose(again, first, atol=1e-5)


@pytest.mark.weights
def test_another_language_is_laid_out_on_the_card_too(rows: Rows, tmp_path: Path) -> None:
    phone = Line(tmp_path / "door", 60)
    network = on_card("af_heart", phone)
    beside = network.beside(VoicePack.stock("ff_siwis").style, None)
    with served(rows, tmp_path / "door"):
        body = beside.body(beside.plan(IDS))
        sound = network.window(body, 20, 36)
    assert phone.windows == 1 and len(sound) == 4_800
    assert "_body" not in vars(beside)


@pytest.mark.weights
@pytest.mark.parametrize(
    "asked",
    [
        {"do": "dance"},
        {},
        {"do": "window", "sentence": 1},
        {"do": "window", "sentence": "one", "body": "", "generator": "", "seconds": 1},
    ],
)
def test_who_asks_for_nonsense_is_told_so_and_nobody_else_notices(
    asked: dict[str, object], rows: Rows, tmp_path: Path
) -> None:
    with served(rows, tmp_path / "door"), socket.socket(socket.AF_UNIX) as other:
        other.settimeout(5)
        other.connect(str(tmp_path / "door"))
        wire.send(other, Message(asked))
        assert wire.receive(other).facts["fault"]
        wide = {"body": np.zeros(7, np.float32)}
        facts = {"do": "window", "sentence": 1, "body": "a", "generator": "b", "start": 0, "stop": 1, "margin": 0,
                 "seconds": 1.0}  # fmt: skip
        wire.send(other, Message(facts, wide))
        assert "shape" in wire.receive(other).facts["fault"]
        other.sendall(b"\xff" * 8)
        assert Line(tmp_path / "door", 60).about()["device"] == "cpu"


@pytest.mark.weights
def test_a_process_of_another_release_is_not_asked(
    rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "__version__", "0.0.0")
    with served(rows, tmp_path / "door"):
        phone = Line(tmp_path / "door", 60)
        network = on_card("af_heart", phone)
        network.window(network.body(network.plan(IDS)), 20, 30)
        assert phone.about() == {} and (phone.windows, phone.failures) == (0, 1)


def test_who_only_asks_whether_it_runs_is_not_warned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    phone = Line(tmp_path / "door")
    assert phone.about() == {}
    assert phone.failures == 0 and not caplog.records


@pytest.mark.weights
def test_the_first_show_starts_the_process_and_a_voice_speaks_through_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv(line.CHOICE, "card")
    monkeypatch.setattr(device, "cards", lambda: ())
    voice = Voice(VoicePack.stock("af_heart"))
    try:
        assert isinstance(voice.network, CardNetwork)
        spoken = say(voice, Utterance("Hello."))
        about = Line(folders.door_of("voices", "card")).about()
        assert isinstance(about["windows"], int) and about["windows"] > 0
        assert line.start(line.door(), "cpu")  # it runs already
        monkeypatch.setenv(line.CHOICE, "cpu")
        own = Voice(VoicePack.stock("af_heart"))
        assert type(own.network) is Network
        alone = say(own, Utterance("Hello."))
        assert [p.symbol for p in spoken.phones] == [p.symbol for p in alone.phones]
        assert abs(len(spoken.samples) - len(alone.samples)) < 1200
        own.close()
    finally:
        voice.close()
        process = Line(line.door()).about()["process"]
        assert isinstance(process, int)
        os.kill(process, signal.SIGTERM)


def test_a_process_that_runs_is_joined_and_none_is_started_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv(line.CHOICE, raising=False)
    monkeypatch.setattr(line, "launch", lambda *_: pytest.fail("nobody asked for it"))
    monkeypatch.setattr(line, "CardNetwork", lambda *given: given[3:])
    assert line.network(np.zeros(256, np.float32), None, {}, 2) is None
    with socket.socket(socket.AF_UNIX) as door:
        line.door().parent.mkdir(parents=True)
        door.bind(str(line.door()))
        door.listen()
        assert line.network(np.zeros(256, np.float32), None, {}, 2) is not None
        assert line.network(np.zeros(256, np.float32), None, None, 2) is None
        monkeypatch.setenv(line.CHOICE, "cpu")
        assert line.network(np.zeros(256, np.float32), None, {}, 2) is None
    monkeypatch.setenv(line.CHOICE, "gpu")
    with pytest.raises(AvatarError, match="AVATAR_ENGINE_VOICE is 'gpu'"):
        line.wanted()


@pytest.mark.weights
def test_a_process_that_dies_is_started_again_and_ends_with_its_keeper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    monkeypatch.setattr(keeper, "PAUSE", 0.1)
    door = tmp_path / "door"

    def process(other_than: object) -> int:
        for _ in range(600):
            found = Line(door, 5).about().get("process", other_than)
            if found != other_than:
                assert isinstance(found, int)
                return found
            time.sleep(0.1)
        raise AssertionError(line.records().read_text())

    with keeper.kept("cpu", door):
        first = process(None)
        os.kill(first, signal.SIGKILL)
        second = process(first)
    assert not psutil.pid_exists(second) and not door.exists()


def test_none_is_started_beside_one_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched = threading.Event()

    def launch(path: Path, kind: str, keep: bool) -> subprocess.Popen[bytes]:
        launched.set()
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])

    monkeypatch.setattr(keeper, "PAUSE", 0.02)
    monkeypatch.setattr(line, "launch", launch)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "door"))
        other.listen(1000)
        with keeper.kept("cpu", tmp_path / "door"):
            assert not launched.wait(0.5)
            other.close()
            assert launched.wait(60)


def test_a_process_that_can_not_start_costs_its_show_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not line.start(tmp_path / "door", "cuda")
    assert "can't use the card" in (tmp_path / "state/voices.log").read_text()


def test_what_was_used_last_is_kept() -> None:
    kept: Kept[int, str] = Kept(2)
    kept.keep(1, "a")
    kept.keep(2, "b")
    assert kept.of(1) == "a"
    kept.keep(3, "c")
    assert kept.of(2) is None and kept.of(1) == "a" and kept.of(3) == "c"
