"""The first good take goes on air; what is wrong is said again, counted, and never heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, SILENCE, Controls, Phone, Speech, Utterance, join
from avatar_engine.voice import takes
from avatar_engine.voice.checks import Fault, FaultError
from avatar_engine.voice.takes import EDGE, REST, Checker, Sentence, Take, Tally, sentences

SECOND = SAMPLE_RATE


def tone(hertz: float, seconds: float = 1.0, level: float = 0.2) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * SECOND)) / SECOND)).astype(
        np.float32
    )


GOOD, OTHER = tone(120), tone(200)
NOISE = np.random.default_rng(1).normal(0, 0.2, SECOND).astype(np.float32)


class Clock:
    """Time that passes only when something is made."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def take(way: str, *pieces: np.ndarray | Fault, clock: Clock | None = None, cost: float = 0.0) -> Take:
    def speak() -> Iterator[Speech]:
        for piece in pieces:
            if clock:
                clock.now += cost
            if isinstance(piece, Fault):
                raise FaultError(piece)
            yield Speech(piece.copy(), (Phone("a", 0.0, len(piece) / SECOND),))

    return Take(way, speak)


def sentence(
    *ways: Take, instead: Callable[[], Sequence[Sentence]] = tuple, seconds: float = 1.0
) -> Sentence:
    return Sentence("one two three four five six", "en", seconds, ways, instead)


BAD = Fault("noise", 0.5, 0.4)


def samples(pieces: Sequence[Speech]) -> np.ndarray:
    return join(pieces).samples


def test_a_good_take_is_given_as_it_is_made_and_not_changed() -> None:
    checker, made = Checker(), []

    def speak() -> Iterator[Speech]:
        for half in (GOOD[:12_000], GOOD[12_000:]):
            made.append(len(half))
            yield Speech(half, (Phone("a", 0.0, 0.5),))

    pieces = checker.said([sentence(Take("as asked", speak))])
    first = next(pieces)
    assert made == [12_000] and len(first.samples) == 12_000 - EDGE, "the first is not kept waiting"
    whole = join([first, *pieces])
    assert np.array_equal(whole.samples, GOOD) and whole.phones == (Phone("a", 0.0, pytest.approx(1.0)),)
    assert checker.taken() == Tally(sentences=1) and checker.taken() == Tally()


def test_a_take_that_is_wrong_before_it_is_heard_leaves_no_trace_but_in_the_count(caplog) -> None:
    checker = Checker()
    said = samples(list(checker.said([sentence(take("as asked", BAD), take("slower", OTHER))])))
    assert np.array_equal(said, OTHER)
    assert checker.tally == Tally(1, 0, {"noise": 1}, again=1)
    assert "'one two three four five six', as asked: noise 0.5 (limit 0.4)" in caplog.text


def test_what_turns_out_wrong_later_ends_softly_and_is_said_again() -> None:
    checker = Checker()
    said = samples(list(checker.said([sentence(take("as asked", GOOD, BAD), take("slower", OTHER))])))
    rest = round(REST * SECOND)
    np.testing.assert_array_equal(said[: SECOND - EDGE], GOOD[:-EDGE])
    assert abs(said[SECOND - 1]) < 1e-6 and not said[SECOND : SECOND + rest].any()
    np.testing.assert_array_equal(said[SECOND + rest :], OTHER)
    assert np.abs(np.diff(said)).max() < 0.02, "a click"


def test_when_every_take_is_wrong_parts_are_said_and_what_can_never_be_said_is_left_out() -> None:
    checker = Checker()
    parts = [sentence(take("in safe words", OTHER)), sentence(take("in safe words", BAD))]
    lines = [
        sentence(take("as asked", BAD), take("slower", BAD), instead=lambda: parts),
        sentence(take("as asked", GOOD)),
    ]
    said = samples(list(checker.said(lines)))
    assert np.array_equal(said, np.concatenate([OTHER, GOOD]))
    assert checker.tally == Tally(2, 0, {"noise": 3}, again=3, left_out=1)


def test_a_step_between_two_pieces_is_not_heard() -> None:
    checker = Checker()
    jump = np.full(SECOND, 0.9, np.float32)
    said = samples(list(checker.said([sentence(take("as asked", GOOD, jump), take("slower", OTHER))])))
    assert checker.tally.faults == {"step": 1} and np.abs(said).max() < 0.3


def test_with_time_in_hand_nothing_is_heard_before_the_whole_is_good() -> None:
    checker = Checker()
    bad_in_the_end = take("as asked", GOOD, GOOD, BAD)
    said = samples(list(checker.said([sentence(bad_in_the_end, take("slower", OTHER))], lambda: 10.0)))
    assert np.array_equal(said, OTHER)
    assert checker.tally == Tally(1, 1, {"noise": 1}, again=1)


def test_the_whole_is_checked_for_what_no_piece_shows() -> None:
    checker = Checker()
    swallowed = take("as asked", GOOD[:4800], np.zeros(3 * SECOND, np.float32))
    line = sentence(swallowed, take("slower", GOOD, GOOD), seconds=2.0)
    said = samples(list(checker.said([line], lambda: 10.0)))
    assert len(said) == 2 * SECOND and checker.tally.faults == {"silence": 1}


def test_a_sentence_waits_to_be_whole_only_where_its_making_leaves_a_reserve() -> None:
    clock = Clock()
    checker = Checker(clock=clock)
    line = sentence(take("as asked", *[GOOD] * 4, clock=clock, cost=0.5), seconds=4.0)
    list(checker.said([line]))
    assert checker.pace == pytest.approx(0.5)
    for in_hand, whole in ((2.1, 0), (2.9, 1)):  # 4 s of speech take 2 s, and 0.75 s stay
        checker.taken()
        list(checker.said([line], lambda in_hand=in_hand: in_hand))
        assert checker.tally.whole == whole


def test_nobody_waits_for_what_is_no_longer_wanted() -> None:
    checker, left, made = Checker(), iter([10.0, 10.0, 10.0, -1.0, -1.0]), []

    def speak() -> Iterator[Speech]:
        while True:
            made.append(1)
            yield Speech(GOOD)

    said = list(checker.said([sentence(Take("as asked", speak))] * 3, lambda: next(left, -1.0)))
    assert said == [] and len(made) == 2


class Listener:
    """Hears a tone's pitch; each reading takes its time."""

    def __init__(self, clock: Clock, wrong: dict[int, int]) -> None:
        self._clock, self._wrong, self.read = clock, wrong, 0

    def limit(self, language: str) -> float | None:
        return 0.5 if language == "en" else None

    def misread(self, speech: Speech, words: str, language: str) -> tuple[int, int]:
        self.read += 1
        self._clock.now += 1.0
        hertz = round(np.count_nonzero(np.diff(np.sign(speech.samples)) > 0) / speech.seconds)
        return self._wrong[min(self._wrong, key=lambda known: abs(known - hertz))], len(words.split())


def heard(wrong: dict[int, int], in_hand: float, language: str = "en") -> tuple[np.ndarray, Tally, Listener]:
    clock = Clock()
    listener = Listener(clock, wrong)
    checker = Checker(listener, clock)
    line = sentence(take("as asked", GOOD), take("slower", OTHER), take("plainly", tone(300)))
    line = Sentence(line.words, language, 0.5, line.takes)
    said = samples(list(checker.said([line], lambda: in_hand - clock.now)))
    return said, checker.tally, listener


def test_what_is_grossly_misread_is_said_again_and_the_better_is_kept() -> None:
    said, tally, _ = heard({120: 4, 200: 0, 300: 0}, 20.0)
    assert np.array_equal(said, OTHER)
    assert tally == Tally(1, 1, {"words": 1}, again=1, read=12, misread=4)
    said, tally, listener = heard({120: 4, 200: 6, 300: 0}, 20.0)
    assert np.array_equal(said, GOOD) and listener.read == 2 and tally.faults == {"words": 2}


def test_a_few_misread_words_are_the_listeners_own() -> None:
    said, tally, _ = heard({120: 3, 200: 0}, 20.0)
    assert np.array_equal(said, GOOD) and tally.misread == 3 and not tally.faults


@pytest.mark.parametrize(("in_hand", "language"), [(4.5, "en"), (20.0, "hi")])
def test_nothing_is_read_back_without_time_or_in_a_language_that_is_not_understood(in_hand, language) -> None:
    said, tally, listener = heard({120: 6, 200: 0}, in_hand, language)
    assert np.array_equal(said, GOOD) and listener.read == 0 and tally == Tally(1, 1)


def test_after_the_first_reading_its_own_time_is_known() -> None:
    clock = Clock()
    listener = Listener(clock, {120: 0})
    checker = Checker(listener, clock)
    hand = [10.0]
    for left, read in ((10.0, 1), (1.9, 1), (2.2, 2)):  # a second, a quarter more, and the reserve
        hand[0] = left
        list(checker.said([sentence(take("as asked", GOOD), seconds=0.1)], lambda: hand[0]))
        assert listener.read == read


class Server:
    """A voice that knows one way: it says what it is given next."""

    def __init__(self, *answers: np.ndarray) -> None:
        self.answers = list(answers)

    def speak(self, utterance: Utterance) -> Iterator[Speech]:
        answer = self.answers.pop(0)
        for start in range(0, len(answer), 2400):
            yield Speech(answer[start : start + 2400])


WELCOME = Utterance("Welcome to the show.")


def said_by(server: Server, utterance: Utterance = WELCOME) -> tuple[np.ndarray, Tally]:
    checker = Checker()
    return samples(list(checker.said(sentences(server, utterance)))), checker.tally


def test_a_voice_that_does_not_check_itself_is_watched_and_asked_once_more() -> None:
    said, tally = said_by(Server(GOOD))
    assert np.array_equal(said, GOOD) and tally == Tally(1)
    said, tally = said_by(Server(NOISE, GOOD))
    assert tally.faults == {"noise": 1} and np.array_equal(said[-SECOND:], GOOD)
    assert len(said) < 1.9 * SECOND, "noise was on air for more than half a second and a rest"
    endless = np.tile(GOOD, 40)
    said, tally = said_by(Server(endless, GOOD))
    assert tally.faults == {"length": 1} and len(said) < 15 * SECOND
    said, tally = said_by(Server(GOOD[:1200], GOOD[:1200]))
    assert tally.faults == {"length": 2} and tally.left_out == 1


def test_it_is_slow_at_half_the_speed() -> None:
    slow = Utterance(WELCOME.text, controls=Controls(speed=0.5))
    assert said_by(Server(np.tile(GOOD, 20)), slow)[1] == Tally(1)


def test_sentences_of_a_voice_that_knows_its_ways_are_its_own() -> None:
    own = SimpleNamespace(sentences=lambda utterance: iter([takes.hush(0.5)]), speak=None)
    (rest,) = Checker().said(sentences(own, WELCOME))
    assert rest.phones == (Phone(SILENCE, 0, 0.5),) and not rest.samples.any()
