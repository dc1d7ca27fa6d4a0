import logging
from types import SimpleNamespace

import httpx2
import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, Speech, Utterance, join
from avatar_engine.errors import AvatarError
from avatar_engine.voice.checks import FaultError
from avatar_engine.voice.engines.server import (
    REHEARSAL,
    REST,
    EngineError,
    ServerVoice,
    SteppedInVoice,
    load_server,
)
from avatar_engine.voice.engines.settings import EngineSettings
from avatar_engine.voice.takes import Checker, sentences
from tests.voice.engines.servers import KEY, Server

WORDS = Utterance("Welcome to the show.", "en")
SECONDS = 0.05 * len(WORDS.text)
ASKED = {
    "openai": {"voice": "marie", "key_env": "SPEECH_KEY"},
    "xtts": {"voice": "marie"},
    "cosyvoice": {"voice": "marie"},
    "gpt-sovits": {"reference": "refs/marie.wav", "reference_text": "Hello.", "reference_language": "fr"},
}


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("SPEECH_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def waits():
    return []


@pytest.fixture
def voice(waits):
    made = []

    def make(server, **more):
        asked = ASKED[server.protocol] | more
        settings = EngineSettings(protocol=server.protocol, url=server.url, **asked)
        made.append(ServerVoice(settings, httpx2.Timeout(0.5), waits.append))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("protocol", ASKED)
@pytest.mark.parametrize("rate", [24_000, 22_050, 32_000])
def test_every_protocol_says_the_words_at_the_shows_rate_and_loudness(voice, protocol, rate):
    with Server(protocol, rate) as server:
        more = {"sample_rate": rate} if protocol == "cosyvoice" else {}
        speaker = voice(server, **more)
        pieces = list(speaker.speak(Utterance("1, 2, 3, 4, 5, 6, 7, 8, 9.", source="rehearsal")))
        pieces = list(speaker.speak(WORDS))
    assert len(pieces) > 2 or protocol == "xtts"
    said = join(pieces)
    assert said.phones == () and not said.samples[-REST:].any()
    samples = said.samples[:-REST]
    assert len(samples) == pytest.approx(SECONDS * SAMPLE_RATE, abs=4)
    pitch = np.count_nonzero(np.diff(np.signbit(samples))) / 2 / SECONDS
    assert pitch == pytest.approx(220, rel=0.03)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(10 ** (-23 / 20), rel=0.1)


def test_pcm_of_an_openai_server_needs_no_header(voice):
    with Server("openai") as server:
        said = join(voice(server, format="pcm").speak(WORDS))
    assert len(said.samples) - REST == pytest.approx(SECONDS * SAMPLE_RATE, abs=4)


def test_a_text_without_words_asks_nobody(voice):
    with Server("openai") as server:
        assert list(voice(server).speak(Utterance("  "))) == []
        assert not server.asked


@pytest.mark.parametrize("moods", [[429], [500, 503], ["slow"], ["empty"]])
def test_a_server_that_is_busy_is_asked_again(voice, waits, moods):
    with Server("openai", moods=list(moods)) as server:
        said = join(voice(server).speak(WORDS))
        assert len(server.asked) == len(moods) + 1
    assert len(said.samples) > SAMPLE_RATE // 2
    assert waits == {429: [3.0], 500: [0.5, 1.0]}.get(moods[0], [0.5])


@pytest.mark.parametrize(
    ("moods", "asked", "words"),
    [
        ([500, 500, 500], 3, "answered 500"),
        ([429, 429, 429], 3, "answered 429"),
        (["slow", "slow", "slow"], 3, "too slow"),
        ([403], 1, "answered 403"),
        ([400], 1, "answered 400"),
        (["words"], 1, "no WAV"),
        (["empty"] * 3, 3, "gave no sound"),
    ],
)
def test_a_server_that_does_not_speak_is_told_of_with_its_reason(voice, moods, asked, words):
    with Server("openai", moods=list(moods)) as server:
        with pytest.raises(EngineError, match=words):
            list(voice(server).speak(WORDS))
        assert len(server.asked) == asked


def test_a_server_that_is_away_is_told_of(voice):
    with Server("xtts") as server:
        speaker = voice(server)
    with pytest.raises(EngineError, match="broke off"):
        list(speaker.speak(WORDS))


@pytest.mark.parametrize("protocol", ["openai", "cosyvoice", "gpt-sovits"])
def test_an_answer_that_is_cut_is_not_asked_for_twice(voice, protocol):
    """Words that were heard are not said again by the same voice."""
    with Server(protocol, moods=["cut"]) as server:
        pieces = []
        with pytest.raises(EngineError, match="broke off"):
            pieces.extend(voice(server).speak(WORDS))
        assert len(server.asked) == 1


def test_a_stream_without_an_end_is_given_up(voice, monkeypatch):
    monkeypatch.setattr("avatar_engine.voice.engines.server._LONGEST", (0.3, 0.001))
    with Server("gpt-sovits") as server, pytest.raises(EngineError, match="does not end"):
        list(voice(server).speak(WORDS))


def test_the_key_is_sent_and_never_shown(voice, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    with Server("openai") as server:
        list(voice(server).speak(WORDS))
        assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
        assert KEY not in caplog.text
    with Server("openai", moods=[]) as server:
        monkeypatch.setenv("SPEECH_KEY", KEY[:-1])
        with pytest.raises(EngineError, match="401") as error:
            list(voice(server).speak(WORDS))
    assert KEY[:-1] not in str(error.value)
    monkeypatch.delenv("SPEECH_KEY")
    with Server("openai") as server, pytest.raises(AvatarError, match="SPEECH_KEY is not set"):
        voice(server)


class Own:
    def __init__(self):
        self.said = []

    def speak(self, utterance):
        from avatar_engine.contracts import Speech

        self.said.append(utterance.text)
        yield Speech(np.full(100, 0.5, np.float32))


def test_the_clones_own_voice_says_anew_what_the_server_cannot(voice, caplog):
    with Server("openai", moods=["cut", "well", 403]) as server:
        own = Own()
        both = SteppedInVoice(voice(server), own)
        for text in ("One two three four.", "Two.", "Three."):
            said = join(both.speak(Utterance(text)))
            assert (said.samples[-1] == 0.5) == (text != "Two.")
        assert own.said == ["One two three four.", "Three."]
    assert caplog.text.count("own voice says") == 2


class Wrong:
    """A server's voice: noise the first ``times`` times, then a tone."""

    def __init__(self, times):
        self.times, self.asked = times, 0

    def speak(self, utterance):
        self.asked += 1
        noise = np.random.default_rng(0).normal(0, 0.2, SAMPLE_RATE).astype(np.float32)
        tone = (0.3 * np.sin(np.arange(SAMPLE_RATE) / 30)).astype(np.float32)
        yield Speech(noise if self.asked <= self.times else tone)


@pytest.mark.parametrize(("times", "asked", "own"), [(0, 1, 0), (1, 2, 0), (9, 2, 1)])
def test_what_the_server_says_wrongly_it_is_asked_once_more_and_then_the_own_voice(times, asked, own):
    server, clone = Wrong(times), Wrong(0)
    checker = Checker()
    said = join(checker.said(sentences(SteppedInVoice(server, clone), WORDS)))
    assert (server.asked, clone.asked) == (asked, own) and len(said.samples) == SAMPLE_RATE
    assert checker.tally.faults == ({"noise": min(times, 2)} if times else {}) and not checker.tally.left_out
    assert np.abs(said.samples).max() <= 0.5, "noise was heard"


def test_another_persons_server_that_is_wrong_is_left_out_not_replaced():
    server, checker = Wrong(9), Checker()
    assert not list(checker.said(sentences(server, WORDS)))
    assert server.asked == 2 and checker.tally.left_out == 1


def test_overdriven_sound_is_known_before_it_is_levelled(voice, monkeypatch):
    loud = np.clip(2.0 * np.sin(np.arange(SAMPLE_RATE) / 30), -1, 1).astype(np.float32)
    server = voice(SimpleNamespace(protocol="xtts", url="http://127.0.0.1:9"))
    monkeypatch.setattr(server, "_heard", lambda *_: iter([loud]))
    with pytest.raises(FaultError, match="clipping"):
        list(server.speak(WORDS))


def test_at_the_rehearsal_a_server_that_fails_is_told_of(voice):
    with Server("openai", moods=[403]) as server:
        own = Own()
        with pytest.raises(EngineError):
            list(SteppedInVoice(voice(server), own).speak(Utterance("1, 2, 3.", source=REHEARSAL)))
        assert not own.said


@pytest.mark.parametrize("same", [True, False])
def test_another_persons_voice_never_steps_in(same):
    def own():
        assert same, "the clone's voice was loaded beside another person's"
        return Own()

    settings = EngineSettings(protocol="xtts", url="http://127.0.0.1:9", voice="marie", same_person=same)
    assert isinstance(load_server(settings, own), SteppedInVoice if same else ServerVoice)
