"""What is said again and again is made twice, and then remembered as it was."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, Controls, Phone, Speech, Utterance
from avatar_engine.voice import recall, takes
from avatar_engine.voice.checks import Fault, FaultError
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.recall import Recall
from avatar_engine.voice.speak import Voice
from avatar_engine.voice.takes import Checker, Sentence, Take, Tally


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return (0.2 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(
        np.float32
    )


class Mouth:
    """Makes a sentence of two pieces, and counts how often."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.made, self.now, self.fault = 0, 0.0, fault

    def clock(self) -> float:
        return self.now

    def speak(self) -> Iterator[Speech]:
        self.made += 1
        for half in np.split(tone(120), 2):
            self.now += 0.4
            yield Speech(half.copy(), (Phone("a", 0.0, 0.5),))
        if self.fault:
            raise FaultError(self.fault)

    def sentence(self, name: object = "one") -> Sentence:
        return Sentence("one two three four", "en", 1.0, (Take("as asked", self.speak),), name=name)


def heard(checker: Checker, sentence: Sentence, in_hand: float = 0.0) -> np.ndarray:
    return np.concatenate([piece.samples for piece in checker.said([sentence], lambda: in_hand)])


@pytest.mark.parametrize("in_hand", [0.0, 30.0])
def test_what_comes_a_third_time_is_not_made_and_sounds_the_same(in_hand: float) -> None:
    mouth = Mouth()
    checker = Checker(clock=mouth.clock)
    sounds = [heard(checker, mouth.sentence(), in_hand) for _ in range(4)]
    assert mouth.made == 2
    assert all(np.array_equal(sounds[0], sound) for sound in sounds[1:])
    assert checker.taken() == Tally(sentences=4, recalled=2, whole=4 if in_hand else 0)
    assert checker.pace == pytest.approx(0.8), "what was not made says nothing of the pace"


def test_a_sentence_in_another_manner_and_one_without_a_name_are_made() -> None:
    mouth = Mouth()
    checker = Checker()
    for name in ("one", "one", "other", None, None, None):
        heard(checker, mouth.sentence(name))
    assert mouth.made == 6


def test_what_is_remembered_needs_no_time_to_be_whole() -> None:
    mouth = Mouth()
    checker = Checker(clock=mouth.clock)
    for _ in range(2):
        heard(checker, mouth.sentence())
    checker.taken()
    heard(checker, mouth.sentence(), in_hand=1.0)
    assert checker.taken() == Tally(sentences=1, recalled=1, whole=1), "1 s in hand is enough"
    heard(checker, mouth.sentence("new"), in_hand=1.0)
    assert checker.taken() == Tally(sentences=1), "but not for one that has to be made"


def test_a_sentence_is_read_back_once() -> None:
    class Reader:
        read = 0

        def limit(self, language: str) -> float:
            return 0.5

        def misread(self, speech: Speech, words: str, language: str) -> tuple[int, int]:
            self.read += 1
            return 1, 4

    mouth, reader = Mouth(), Reader()
    checker = Checker(reader)
    for _ in range(5):
        heard(checker, mouth.sentence(), in_hand=60.0)
    assert reader.read == 2, "when it was new, and when it was kept"
    assert checker.taken().read == 8


def test_what_had_a_fault_is_not_remembered() -> None:
    bad = Mouth(fault=Fault("noise", 0.5, 0.4))
    checker = Checker()
    for _ in range(3):
        list(checker.said([bad.sentence()]))
    assert bad.made == 3 and checker.taken().recalled == 0


def test_a_sentence_that_is_found_wrong_as_a_whole_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takes.checks, "whole", lambda *_: Fault("silence", 0.1, 0.5))
    mouth = Mouth()
    checker = Checker()
    for _ in range(3):
        list(checker.said([mouth.sentence()], lambda: 60.0))
    assert mouth.made == 3 and checker.taken().recalled == 0


def test_a_first_take_that_is_never_good_still_has_to_be_paid_for() -> None:
    bad, good = Mouth(fault=Fault("noise", 0.5, 0.4)), Mouth()
    ways = (Take("as asked", bad.speak), Take("a little slower", good.speak))
    sentence = Sentence("one two three four", "en", 1.0, ways, name="one")
    checker = Checker(clock=lambda: bad.now + good.now)
    for _ in range(3):
        list(checker.said([sentence], lambda: 60.0))
    assert (bad.made, good.made) == (3, 2)
    checker.taken()
    list(checker.said([sentence], lambda: 1.0))
    assert checker.taken().whole == 0, "1 s in hand is not enough to make the first again"


def test_the_memory_is_bounded_and_what_was_said_once_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "ONCE", 3)
    memory = Recall(most=3 * SAMPLE_RATE)
    one = [Speech(tone(120))]
    memory.good("once", one)
    assert memory.get("once") is None
    for name in range(20):
        memory.good(name, one)
        memory.good(name, one)
        assert memory.get(name) is not None, "a new one has room"
    assert (
        memory.samples == 3 * SAMPLE_RATE == SAMPLE_RATE * sum(memory.get(n) is not None for n in range(20))
    )
    for name in ("a", "b", "c", "d", "a"):
        memory.good(name, one)
    assert memory.get("a") is None, "the first of so many was forgotten, so this was its first time"
    memory.good("long", [Speech(tone(120, 4.0))])
    memory.good("long", [Speech(tone(120, 4.0))])
    assert memory.get("long") is None and memory.samples == 3 * SAMPLE_RATE


def test_what_is_kept_is_its_own_and_cannot_be_changed() -> None:
    memory, sound = Recall(), tone(120)
    for _ in range(2):
        memory.good("one", [Speech(sound)])
    sound[:] = 0
    known = memory.get("one")
    assert known is not None and known.pieces[0].samples.std() > 0.1
    with pytest.raises(ValueError, match="read-only"):
        known.pieces[0].samples[0] = 1


def test_a_real_voice_says_a_sentence_alike_every_time_and_names_it_by_all_that_it_sounds_of() -> None:
    voice, other = (Voice(VoicePack.stock("af_heart")) for _ in range(2))
    try:

        def names(text: str, spoken: Voice = voice, **controls: float) -> list[object]:
            said = spoken.sentences(Utterance(text, controls=Controls(**controls)))
            return [part.name for part in said if isinstance(part, Sentence)]

        sounds = [
            np.concatenate([piece.samples for piece in voice.speak(Utterance("Yes!"))]) for _ in range(2)
        ]
        np.testing.assert_array_equal(*sounds)
        assert names("Good morning. It is here.") == names("Good morning. It is here.")
        assert names("Good morning.") != names("Good evening.")
        assert names("Good morning.") != names("Good morning.", speed=1.1)
        assert names("Good morning.") != names("Good morning.", spoken=other)
    finally:
        voice.close()
        other.close()
