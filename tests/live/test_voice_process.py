import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, Speech, Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.live.programme import Silence, Spoken
from avatar_engine.live.voice_process import EDGE, NICENESS, VoiceProcess
from avatar_engine.show.journal import heard
from avatar_engine.show.producer import Producer, Studio
from avatar_engine.show.script import Beat, Pause, parse
from avatar_engine.voice.checks import Fault, FaultError
from avatar_engine.voice.takes import REST, Sentence, Take
from tests.live.voices import ListedDirector, ToneVoice, tone
from tests.show.test_producer import Asked, Chat, Hosts


class Endless(ToneVoice):
    def speak(self, utterance):
        yield from super().speak(utterance)
        while utterance.text != "12":
            yield from super().speak(utterance)


class Slow(ToneVoice):
    """Works longer than its speech lasts."""

    def speak(self, utterance):
        for speech in super().speak(utterance):
            time.sleep(1.5 * speech.seconds)
            yield speech


class FailsOn(ToneVoice):
    """Raises or dies in the middle of "bad" utterances; with ``once``, only the first time."""

    def __init__(self, mark: Path, die: bool, once: bool) -> None:
        self._mark, self._die, self._once = mark, die, once

    def speak(self, utterance):
        for at, speech in enumerate(super().speak(utterance)):
            if utterance.text.startswith("bad") and at == 3 and not (self._once and self._mark.exists()):
                self._mark.touch()
                if self._die:
                    os._exit(1)
                raise RuntimeError("out of breath")
            yield speech


def refuse() -> ToneVoice:
    raise AvatarError("There is no voice for 'xx'.", "Choose en or fr.")


def die() -> ToneVoice:
    os._exit(3)


@pytest.fixture
def start():
    running: list[VoiceProcess] = []

    def go(
        items, make: Callable[[], ToneVoice] = ToneVoice, lead: float = 100.0, on_fault="", yields=None
    ) -> VoiceProcess:
        director = items if hasattr(items, "next") else ListedDirector(items)
        voice = VoiceProcess(director, make, Utterance("12"), lead, on_fault=on_fault)
        running.append(voice)
        if yields:
            voice.give_way_to(yields)
        voice.launch()
        voice.wait_ready()
        voice.go()
        return voice

    yield go
    for voice in running:
        voice.close()


def drain(voice: VoiceProcess) -> list[Spoken | Silence]:
    pieces = []
    deadline = time.monotonic() + 60
    while not voice.ended:
        assert time.monotonic() < deadline, "the voice never ended"
        if piece := voice.poll():
            pieces.append(piece)
        else:
            voice.wait()
    return pieces


def drain_when(voice: VoiceProcess, ready: Callable[[], bool]) -> list[Spoken | Silence]:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return drain(voice)


def utterances(pieces):
    """Samples of every utterance, joined; a `Silence` stays."""
    joined, parts = [], []
    for piece in pieces:
        if isinstance(piece, Silence):
            joined.append(piece)
            continue
        parts.append(piece.samples)
        if piece.last:
            joined.append(np.concatenate(parts))
            parts = []
    assert not parts, "an utterance has no end"
    return joined


def test_speech_and_pauses_come_whole_in_order_with_soft_edges(start):
    voice = start([Utterance("abc"), Pause(1.5), Utterance("defgh")])
    first, pause, second = utterances(drain(voice))
    assert pause == Silence(round(1.5 * SAMPLE_RATE))
    for samples, text in ((first, "abc"), (second, "defgh")):
        whole = tone(text)
        assert len(samples) == len(whole)
        np.testing.assert_array_equal(samples[EDGE:-EDGE], whole[EDGE:-EDGE])
        assert samples[0] == samples[-1] == 0
        assert (np.abs(samples) <= np.abs(whole)).all()
    assert (voice.figures.said, voice.figures.left_out, voice.figures.restarts) == (2, 0, 0)
    assert len(voice.figures.first_sound) == 2


def phones(pieces):
    """Symbol, first and last sample of every phone of an utterance's pieces, parts joined."""
    found, at = [], 0
    for piece in pieces:
        for phone in piece.phones:
            start, stop = (round(time * SAMPLE_RATE) + at for time in (phone.start, phone.end))
            if found and found[-1][0] == phone.symbol and found[-1][2] == start:
                start = found.pop()[1]
            found.append((phone.symbol, start, stop))
        at += len(piece.samples)
    return found


def test_what_the_presenter_does_comes_with_the_first_piece_of_its_words(start):
    pieces = [
        piece for piece in drain(start([Utterance("<do wave> abc"), Utterance("de")])) if piece.samples.size
    ]
    assert [piece.action for piece in pieces].count("wave") == 1 and pieces[0].action == "wave"


def test_phones_lie_on_their_own_samples_even_after_a_second_try(start, tmp_path):
    voice = start([Utterance("bad luck")], partial(FailsOn, tmp_path / "failed", False, True))
    assert phones(drain(voice)) == [(letter, 2400 * n, 2400 * (n + 1)) for n, letter in enumerate("bad luck")]


def test_never_runs_further_ahead_than_its_lead(start):
    voice = start([Utterance("abcdefghij" * 30)], lead=1.0)
    deadline = time.monotonic() + 60
    while voice.lead < 1.0:
        assert time.monotonic() < deadline
        voice.wait(0.05)
    for _ in range(20):
        assert voice.lead <= 1.0 + 0.11
        voice.poll()
        time.sleep(0.01)
    assert not voice.ended


@pytest.mark.parametrize("dies", [False, True])
def test_a_failure_in_the_middle_is_mended_without_a_word_said_twice(start, tmp_path, dies):
    voice = start(
        [Utterance("good"), Utterance("bad luck"), Utterance("fine")],
        partial(FailsOn, tmp_path / "failed", dies, True),
    )
    said = utterances(drain(voice))
    assert [len(samples) for samples in said] == [len(tone(text)) for text in ("good", "bad luck", "fine")]
    np.testing.assert_array_equal(said[1][EDGE:-EDGE], tone("bad luck")[EDGE:-EDGE])
    assert voice.figures.restarts == int(dies)
    assert (voice.figures.said, voice.figures.left_out) == (3, 0)


@pytest.mark.parametrize("dies", [False, True])
def test_what_can_never_be_said_is_left_out_and_the_show_goes_on(start, tmp_path, dies, caplog):
    voice = start(
        [Utterance("bad luck", source="script:7"), Utterance("fine")],
        partial(FailsOn, tmp_path / "failed", dies, False),
    )
    broken, fine = utterances(drain(voice))
    assert len(broken) < len(tone("bad luck"))
    np.testing.assert_array_equal(fine[EDGE:-EDGE], tone("fine")[EDGE:-EDGE])
    assert (voice.figures.said, voice.figures.left_out) == (1, 1)
    assert "script:7 is left out" in caplog.text


class Long(ToneVoice):
    """Gives more at once than the line holds, so that it can only hang in the middle of a message."""

    def speak(self, utterance):
        if utterance.text == "12":
            return super().speak(utterance)
        return iter([Speech(np.tile(tone("ab"), 100))] * 3)


def test_a_voice_that_hangs_in_the_middle_of_a_message_is_started_again(start, monkeypatch):
    monkeypatch.setattr("avatar_engine.live.voice_process.STUCK", 6.0)
    voice = start([Utterance("one hundred and more letters are a minute of tones " * 3)] * 40, Long, lead=1.0)
    while voice.lead < 1.0:
        voice.wait(0.1)
    os.kill(voice.pid, signal.SIGSTOP)
    deadline = time.monotonic() + 60
    while voice.figures.restarts == 0 or voice.lead == 0:
        assert time.monotonic() < deadline, "the voice hangs and nobody notices"
        if voice.poll() is None:
            voice.wait(0.1)


def test_an_interruption_drops_the_line_and_stops_the_voice(start):
    director = ListedDirector(
        [Utterance("abcdefgh" * 50), Utterance("stale"), Utterance("new", generation=1)]
    )
    voice = start(director, Endless, lead=1.0)
    while voice.lead < 0.5:
        voice.wait(0.1)
    assert voice.poll().generation == 0
    voice.interrupt()
    deadline = time.monotonic() + 60
    while (piece := voice.poll()) is None:
        assert time.monotonic() < deadline
        voice.wait(0.1)
    assert piece.generation == 1
    np.testing.assert_array_equal(piece.samples[EDGE:], tone("n")[EDGE : len(piece.samples)])


def test_a_voice_that_cannot_keep_up_waits_until_an_utterance_is_whole(start):
    voice = start([Utterance("abcd")], Slow)
    assert voice.figures.pace >= 1.5
    deadline = time.monotonic() + 60
    while not (first := voice.poll()):
        assert time.monotonic() < deadline
        voice.wait(0.01)
    ready = len(first.samples) + round(voice.lead * SAMPLE_RATE)
    assert ready == len(tone("abcd")), "something was handed out before the utterance was whole"


class Yielding(ToneVoice):
    """Says how far what speaks yields to other processes, half a second a letter, as loud as it yields."""

    def speak(self, utterance):
        for _ in utterance.text:
            own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            level = 0.01 * (1 + own - os.getpriority(os.PRIO_PROCESS, os.getpid()))
            yield Speech(np.full(SAMPLE_RATE // 2, level, np.float32))
            time.sleep(0.05)  # so that what was said is in hand before the next letter


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all threads yield alike")
def test_a_voice_yields_to_the_painter_only_with_speech_in_hand(start):
    voice = start([Utterance("abcdefgh"), Utterance("ijkl")], Yielding)
    while voice.lead < 5.9:
        voice.wait(0.01)
    (first, second) = utterances(drain(voice))
    yields = [
        round(100 * float(np.median(part)) - 1) for part in np.split(np.concatenate([first, second]), 12)
    ]
    assert yields[:3] == [0, 0, 0] and yields[6:] == [NICENESS] * 6, "nothing in hand: nobody is waited for"
    assert sorted(yields) == yields


class Ways:
    """Knows two ways of saying each utterance: the first goes wrong at the letter x, after what is before it."""

    def sentences(self, utterance):
        def speak(good):
            for letter in utterance.text:
                if letter == "x" and not good:
                    raise FaultError(Fault("noise", 0.5, 0.4))
                yield Speech(tone(letter))
                time.sleep(0.02)

        ways = (Take("as asked", partial(speak, False)), Take("plainly", partial(speak, True)))
        yield Sentence(utterance.text, "en", 0.1 * len(utterance.text), ways)


class Never(Ways):
    """Knows one way alone."""

    def sentences(self, utterance):
        for sentence in super().sentences(utterance):
            yield replace(sentence, takes=sentence.takes[:1])


def test_what_the_checks_found_comes_from_the_process_and_adds_up(start):
    voice = start([Utterance("good"), Utterance("xbad"), Utterance("fine"), Utterance("xx")], Ways)
    said = utterances(drain(voice))
    assert [len(samples) for samples in said] == [len(tone(text)) for text in ("good", "xbad", "fine", "xx")]
    found = voice.figures.checks
    assert (found.sentences, found.again, found.left_out, found.faults) == (4, 2, 0, {"noise": 2})
    assert (voice.figures.said, voice.figures.left_out) == (4, 0)


def test_a_sentence_with_no_good_way_is_left_out_and_counted_and_the_show_goes_on(start):
    voice = start([Utterance("xbad"), Utterance("fine")], Never)
    left_out, fine = utterances(drain(voice))
    assert not len(left_out) and len(fine) == len(tone("fine"))
    assert voice.figures.checks.left_out == 1 and voice.figures.checks.faults == {"noise": 1}


def test_with_speech_in_hand_a_sentence_that_goes_wrong_is_never_heard(start):
    """The first utterance is two seconds in hand; the second goes wrong late, and only its good take is heard."""
    voice = start([Utterance("abcdefghijklmnopqrstuvw"), Utterance("lax")], Ways)
    _first, second = utterances(drain_when(voice, lambda: voice.figures.said == 2))
    assert len(second) == len(tone("lax")), "what went wrong was heard, too"
    np.testing.assert_array_equal(second[EDGE:-EDGE], tone("lax")[EDGE:-EDGE])
    found = voice.figures.checks
    assert (found.sentences, found.whole, found.again) == (2, 1, 1)


def test_with_nothing_in_hand_the_first_sound_is_not_kept_waiting(start):
    voice = start([Utterance("lax and more")], Ways)
    (said,) = utterances(drain(voice))
    assert voice.figures.checks.whole == 0
    rest = round(REST * SAMPLE_RATE)
    assert len(said) == len(tone("la")) + rest + len(tone("lax and more")), "said again after a rest"
    np.testing.assert_array_equal(said[len(tone("la")) :][:rest], 0)


def test_nothing_is_in_hand_of_what_an_interruption_dropped(start):
    """What follows an interruption is streamed at once, whatever lay in the line before it."""
    director = ListedDirector([Utterance("abcdefghijklmnopqrstuvw"), Utterance("lax and more", generation=1)])
    voice = start(director, Ways, lead=1.0)
    while voice.lead < 1.0:
        voice.wait(0.1)
    voice.interrupt()
    assert voice.lead == 0
    drain(voice)
    assert voice.figures.checks.sentences == 2 and voice.figures.checks.whole == 0


def test_a_voice_that_cannot_be_loaded_is_refused_with_its_own_words():
    voice = VoiceProcess(ListedDirector([]), refuse, Utterance("12"))
    voice.launch()
    with pytest.raises(AvatarError, match="no voice for 'xx'"):
        voice.wait_ready()
    voice.close()


def test_a_process_that_dies_while_loading_is_told():
    voice = VoiceProcess(ListedDirector([]), die, Utterance("12"))
    voice.launch()
    with pytest.raises(AvatarError, match="did not start"):
        voice.wait_ready()
    voice.close()


def test_close_ends_thread_and_process_in_the_middle_of_a_speech(start):
    voice = start([Utterance("abc")], Endless, lead=1.0)
    while voice.lead < 0.5:
        voice.wait(0.1)
    pid = voice.pid
    voice.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("on_fault", "letters"), [("repeat", ["bad", "bad luck"]), ("skip", ["bad", ""]), ("", ["bad luck"])]
)
def test_a_sentence_that_was_heard_to_break_off_is_said_again_or_left_out(start, tmp_path, on_fault, letters):
    make = partial(FailsOn, tmp_path / "failed", True, True)
    voice = start([Utterance("bad luck", then=4), Utterance("fine")], make, on_fault=on_fault)
    pieces = drain(voice)  # whatever comes is heard at once: the line is dry when the voice dies
    said = {}
    for piece in pieces:
        said[piece.sentence] = said.get(piece.sentence, 0) + len(piece.samples)
    fine = said.popitem()
    assert fine[1] == len(tone("fine"))
    for count, words in zip(said.values(), letters, strict=True):
        assert abs(count - len(tone(words))) <= 2 * EDGE
    assert (voice.figures.repeated, voice.figures.skipped) == (on_fault == "repeat", on_fault == "skip")
    assert [piece.then for piece in pieces if piece.last] == [4, 0]


def test_a_sentence_that_broke_off_unheard_goes_on_where_it_was(start, tmp_path):
    make = partial(FailsOn, tmp_path / "failed", True, True)
    voice = start([Utterance("bad luck"), Utterance("fine")], make, on_fault="repeat")
    said = utterances(drain_when(voice, lambda: voice.figures.said == 2))
    assert [len(samples) for samples in said] == [len(tone(text)) for text in ("bad luck", "fine")]
    assert voice.figures.repeated == 0


def test_a_voice_that_is_stopped_is_noticed_by_its_heart(start, monkeypatch):
    monkeypatch.setattr("avatar_engine.live.voice_process.HUNG", 1.0)
    voice = start([Utterance("x" * 20)] * 400, lead=1.0)
    while voice.lead < 0.5:
        voice.wait(0.1)
    os.kill(voice.pid, signal.SIGSTOP)
    began = time.monotonic()
    while voice.figures.restarts == 0:
        assert time.monotonic() < began + 30, "the voice hangs and nobody notices"
        if voice.poll() is None:
            voice.wait(0.05)


def test_the_director_is_told_how_long_what_it_said_is(start):
    director = ListedDirector([Utterance("abc"), Pause(1.0), Utterance("defgh")])
    voice = start(director)
    gathered = [piece for piece in drain(voice) if isinstance(piece, Spoken)]
    assert director.seconds == [
        sum(len(piece.samples) for piece in gathered if piece.sentence == number) / SAMPLE_RATE
        for number in dict.fromkeys(piece.sentence for piece in gathered)
    ]
    assert [round(seconds, 1) for seconds in director.seconds] == [0.3, 0.5]


@pytest.mark.parametrize(("kind", "least", "most"), [(Beat, 0.3, 0.8), (Pause, 3.5, 4.5)])
def test_little_silence_is_made_ahead_where_somebody_may_want_to_speak(start, kind, least, most):
    voice = start([kind(0.2) for _ in range(200)], lead=4.0)
    limit = time.monotonic() + 5
    while voice.lead < least and time.monotonic() < limit:
        time.sleep(0.01)
    time.sleep(0.2)
    assert least <= voice.lead <= most


class Listener:
    """Hears a voice as it goes out, ``pace`` times as fast as it would on air; what began, in order."""

    def __init__(self, voice: VoiceProcess, pace: float = 2.0) -> None:
        self.begun: list[int] = []
        self.pace = pace
        self.voice, self.over = voice, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        inside = False
        while not self.voice.ended:
            if self.over.wait(max(0.0, due - time.monotonic())):
                return
            if (piece := self.voice.poll()) is None:
                due = time.monotonic() + 0.01
                continue
            length = len(piece.samples) if isinstance(piece, Spoken) else piece.samples
            due += length / SAMPLE_RATE / self.pace
            if isinstance(piece, Spoken):
                self.begun += [] if inside else [round(time.monotonic() * 1000)]
                inside = not piece.last


def hosted(names, **how):
    lines = " ".join(f"{name * 6}." for name in names)
    text = f"---\npause: 200ms\nchat: [replay:none]\n---\n# One\n\n{lines}\n"
    journal = []
    studio = Studio(journal=lambda entry: journal.append(dict(entry)), **how)
    return Producer(parse(text), studio), journal


def texts(journal):
    return [item.text for item in heard(journal) if isinstance(item, Utterance)]


def test_an_answer_overtakes_what_was_made_ahead_and_nothing_is_lost_or_said_twice(start):
    names = ["Anna", "Bert", "Carl", "Dora", "Emil", "Fred"]
    chat = Chat()
    producer, journal = hosted(names, chat=chat, hosts=Hosts())
    voice = start(producer, lead=6.0, yields=producer)
    deadline = time.monotonic() + 60
    while voice.lead < 6.0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    listener = Listener(voice)
    while not listener.begun:
        time.sleep(0.01)
    chat.waiting.append(Asked("how much?"))
    listener.thread.join(60)
    words = [f"{name * 6}." for name in names]
    assert texts(journal) == [words[0], "answer 1.", "More.", *words[1:]]
    assert len(listener.begun) == len(names) + 2
    back = [entry["count"] for entry in journal if entry["event"] == "taken back"]
    assert back and chat.ended == [("how much?", "answered")]


@pytest.mark.parametrize("seed", range(4))
def test_whenever_questions_and_orders_come_every_sentence_is_said_once(start, seed):
    chance = np.random.default_rng(seed)
    names = [f"{first}{second}" for first in ("An", "Be", "Cy") for second in "abcd"]
    chat = Chat()
    producer, journal = hosted(names, chat=chat, hosts=Hosts())
    voice = start(producer, lead=5.0, yields=producer)
    listener = Listener(voice, 8.0)
    for number in range(8):
        time.sleep(float(chance.uniform(0.01, 0.3)))
        if chance.random() < 0.5:
            chat.waiting.append(Asked(f"question {number}?"))
        else:
            producer.say(f"order {number}.")
    listener.thread.join(90)
    assert not listener.thread.is_alive()
    told = texts(journal)
    script = [text for text in told if not text.startswith(("answer", "More", "order"))]
    assert script == [f"{name * 6}." for name in names]
    assert len(set(told) - {"More."}) == len([text for text in told if text != "More."])
    assert len(listener.begun) == len(told)


def test_what_is_broken_off_at_any_moment_comes_again_whole_and_what_was_heard_does_not(start):
    names = ["Anna", "Bert", "Carl", "Dora"]
    producer, journal = hosted(names)
    voice = start(producer, lead=4.0, yields=producer)
    listener = Listener(voice, 4.0)
    for number in range(5):
        time.sleep(0.25)
        with producer.held():
            voice.interrupt()
            producer.say(f"order {number}.")
    listener.thread.join(60)
    told = texts(journal)
    assert [text for text in told if not text.startswith("order")] == [f"{name * 6}." for name in names]
    assert sorted(text for text in told if text.startswith("order")) == [f"order {n}." for n in range(5)]


def test_what_is_broken_off_while_the_last_line_is_on_air_comes_again(start):
    producer, journal = hosted(["Anna"])
    voice = start(producer, lead=20.0, yields=producer)
    deadline = time.monotonic() + 60
    while voice.lead < 2.4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)  # the director has nothing more
    assert not voice.ended and voice.poll()
    with producer.held():
        voice.interrupt()
        producer.say("order.")
    Listener(voice, 8.0).thread.join(30)
    assert texts(journal) == ["order.", "AnnaAnnaAnnaAnnaAnnaAnna."] and voice.ended


def test_what_is_ordered_after_the_last_line_while_it_is_on_air_is_said(start):
    producer, journal = hosted(["Anna"])
    voice = start(producer, lead=20.0, yields=producer)
    deadline = time.monotonic() + 60
    while voice.lead < 2.4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)  # the director has nothing more
    assert not voice.ended and voice.poll()
    producer.say("order.")
    Listener(voice, 8.0).thread.join(30)
    assert texts(journal) == ["AnnaAnnaAnnaAnnaAnnaAnna.", "order."] and voice.ended
