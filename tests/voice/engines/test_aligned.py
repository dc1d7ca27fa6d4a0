import threading
from functools import partial

import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, SILENCE, Phone, Speech, Utterance, join
from avatar_engine.errors import AvatarError
from avatar_engine.live.programme import Spoken
from avatar_engine.live.sentences import Sentences
from avatar_engine.live.voice_process import VoiceProcess, load_engine
from avatar_engine.voice.engines import aligned
from avatar_engine.voice.engines.aligned import AlignedVoice
from avatar_engine.voice.engines.server import EngineError
from avatar_engine.voice.engines.settings import EngineSettings
from avatar_engine.voice.outlines import Outline, heard
from tests.live.voices import ListedDirector
from tests.voice.engines.servers import Server
from tests.voice.test_recorded import OWN, REAL, tones

WORDS = Utterance("abcde.", "en")
PIECE = 4800
REST = np.zeros(6000, np.float32)


class Engine:
    """Says tones, piece by piece; waits for leave before the third; fails at the fourth if it is told to."""

    def __init__(self, fails=False, phones=()):
        self.leave = threading.Event()
        self.leave.set()
        self.closed = threading.Event()
        self._fails, self._phones = fails, phones
        self.sound = np.concatenate([REST[:2400], tones(REAL, pitch=1.03), REST])

    def speak(self, utterance):
        try:
            for at in range(0, len(self.sound), PIECE):
                if at == 2 * PIECE:
                    assert self.leave.wait(20)
                if at == 3 * PIECE and self._fails:
                    raise EngineError("The server broke off.", "Look at it.")
                yield Speech(self.sound[at : at + PIECE], self._phones)
        finally:
            self.closed.set()


class Outlines:
    """Knows the same tones at other lengths."""

    def __init__(self, sound=None, error=None):
        self._sound, self._error = tones(OWN) if sound is None else sound, error

    def outline(self, utterance):
        if self._error:
            raise self._error
        edges = np.concatenate([[0], np.cumsum(OWN)])
        phones = [Phone(s, float(a), float(b)) for s, a, b in zip("abcde", edges, edges[1:], strict=False)]
        return Outline(heard(self._sound), tuple(phones))


def check(said, at=0.1):
    """The phones of ``said`` are where the tones are."""
    phones = [phone for phone in said.phones if phone.symbol != SILENCE]
    assert [phone.symbol for phone in phones] == list("abcde")
    assert [phone.end for phone in phones[:-1]] == pytest.approx(np.cumsum(REAL)[:-1] + at, abs=0.05)
    assert said.phones[0] == Phone(SILENCE, 0.0, phones[0].start)
    assert said.phones[-1].end == pytest.approx(said.seconds)


def test_a_listener_who_can_wait_gets_every_phone_and_the_same_sound():
    engine = Engine()
    pieces = list(AlignedVoice(engine, Outlines(), patient=True).speak(WORDS))
    assert [len(piece.samples) for piece in pieces[:-1]] == [PIECE] * (len(pieces) - 1)
    assert all(piece.phones for piece in pieces)
    said = join(pieces)
    np.testing.assert_array_equal(said.samples, engine.sound)
    check(said)


def test_on_air_a_slow_sentence_is_not_waited_for_and_its_end_has_phones(monkeypatch):
    monkeypatch.setattr(aligned, "GRACE", 0.05)
    engine = Engine()
    engine.leave.clear()
    speech = AlignedVoice(engine, Outlines()).speak(WORDS)
    first = [next(speech), next(speech)]  # the engine gives no third piece yet
    assert [piece.phones for piece in first] == [(), ()]
    engine.leave.set()
    rest = join(speech)
    np.testing.assert_array_equal(np.concatenate([join(first).samples, rest.samples]), engine.sound)
    phones = [phone for phone in rest.phones if phone.symbol != SILENCE]
    assert phones[-1].symbol == "e"
    assert phones[-1].start == pytest.approx(sum(REAL[:4]) + 0.1 - 2 * PIECE / SAMPLE_RATE, abs=0.05)


def test_even_a_listener_who_can_wait_hears_something_in_time(monkeypatch):
    monkeypatch.setattr(aligned, "PATIENCE", 0.05)
    engine = Engine()
    engine.leave.clear()
    speech = AlignedVoice(engine, Outlines(), patient=True).speak(WORDS)
    first = next(speech)
    engine.leave.set()
    np.testing.assert_array_equal(join([first, *speech]).samples, engine.sound)


def test_with_speech_in_hand_a_slow_sentence_is_whole_before_it_is_heard(monkeypatch):
    monkeypatch.setattr(aligned, "GRACE", 0.05)
    engine = Engine()
    voice = AlignedVoice(engine, Outlines(), clock=lambda: 100.0)  # no time passes
    list(voice.speak(WORDS))
    engine.leave.clear()
    threading.Timer(0.3, engine.leave.set).start()
    check(join(voice.speak(WORDS)))


def test_what_was_in_hand_before_an_interruption_is_not_counted_on(monkeypatch):
    monkeypatch.setattr(aligned, "GRACE", 0.0)
    engine = Engine()
    voice = AlignedVoice(engine, Outlines(), clock=lambda: 100.0)
    list(voice.speak(WORDS))
    engine.leave.clear()
    speech = voice.speak(Utterance(WORDS.text, "en", generation=1))
    assert next(speech).phones == ()
    engine.leave.set()
    speech.close()
    assert engine.closed.wait(20), "nobody told the engine to stop"


@pytest.mark.parametrize("patient", [True, False])
@pytest.mark.parametrize(
    "outlines",
    [
        Outlines(error=AvatarError("Klingon is unknown.", "Choose en.")),
        Outlines(error=RuntimeError("out of memory")),
        Outlines(sound=tones([0.2])[:1000]),
        Outlines(sound=np.random.default_rng(0).normal(0, 0.1, 30_000).astype(np.float32)),
    ],
    ids=["language", "bug", "short", "other words"],
)
def test_no_failure_of_the_aligner_costs_a_word(outlines, patient):
    engine = Engine()
    said = join(AlignedVoice(engine, outlines, patient).speak(WORDS))
    np.testing.assert_array_equal(said.samples, engine.sound)
    assert said.phones == ()


def test_an_engine_that_knows_its_phones_is_believed():
    known = (Phone("m", 0.0, 0.2),)
    pieces = list(AlignedVoice(Engine(phones=known), Outlines()).speak(WORDS))
    assert all(piece.phones == known for piece in pieces)


def test_of_a_sentence_that_breaks_off_nothing_that_was_held_is_heard():
    speech = AlignedVoice(Engine(fails=True), Outlines(), patient=True).speak(WORDS)
    with pytest.raises(EngineError, match="broke off"):
        next(speech)


def test_silence_has_no_phones():
    engine = Engine()
    engine.sound = np.zeros(50_000, np.float32)
    assert join(AlignedVoice(engine, Outlines(), patient=True).speak(WORDS)).phones == ()


def test_an_outline_that_takes_too_long_is_done_without_for_a_while():
    now = [0.0]

    class Slow(Outlines):
        asked = 0

        def outline(self, utterance):
            Slow.asked += 1
            now[0] += 2.0
            return super().outline(utterance)

    voice = AlignedVoice(Engine(), Slow(), clock=lambda: now[0])
    for _ in range(4):
        now[0] += 10.0
        list(voice.speak(WORDS))
    assert Slow.asked == 2


@pytest.mark.weights
def test_phones_of_a_server_arrive_through_the_voices_own_process(tmp_path, monkeypatch):
    from avatar_engine.voice.pack import VoicePack
    from avatar_engine.voice.speak import Voice, say

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    speaker = Voice(VoicePack.stock("am_adam"), "en")
    words = "My baby brother bumped into a big apple tree."
    real = say(speaker, Utterance(words))
    speaker.close()

    def recorded(text, rate):
        return (np.clip(real.samples, -1, 1) * 32767).astype("<i2").tobytes()

    with Server("xtts", sound=recorded) as server:
        settings = EngineSettings(protocol="xtts", url=server.url, voice="marie")
        voice = VoiceProcess(
            Sentences(ListedDirector([Utterance(words)])),
            partial(load_engine, settings, None, "en", patient=True),
            Utterance("", source="rehearsal"),
        )
        try:
            voice.launch()
            voice.wait_ready()
            voice.go()
            pieces = []
            while not voice.ended:
                if piece := voice.poll():
                    assert isinstance(piece, Spoken)
                    pieces.append(Speech(piece.samples, piece.phones))
                voice.wait()
        finally:
            voice.close()
    said, true = (
        [phone for phone in speech.phones if phone.symbol != SILENCE] for speech in (join(pieces), real)
    )
    assert [phone.symbol for phone in said] == [phone.symbol for phone in true]
    errors = np.array([abs(a.start - b.start) for a, b in zip(said, true, strict=True)])
    assert np.median(errors) < 0.03 and np.quantile(errors, 0.9) < 0.1
