import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from avatar_engine.contracts import EMOTIONS, SAMPLE_RATE, Controls, Phone, Utterance, join
from avatar_engine.errors import AvatarError
from avatar_engine.markup import Manner
from avatar_engine.voice import network
from avatar_engine.voice.lexicon import Lexicon
from avatar_engine.voice.network import SAMPLES_PER_FEATURE, Plan, tuned
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.passage import Passage
from avatar_engine.voice.phonemes import tokens, vocabulary
from avatar_engine.voice.pitch import pitch
from avatar_engine.voice.speak import SILENCE, Voice, begun, clipped, say, timed
from avatar_engine.voice.takes import Checker, Sentence, Tally
from avatar_engine.voice.tongue import Tongue

TEXT = "The parcel will be here on Friday. It costs $5!"


def test_phones_take_stress_before_and_length_after() -> None:
    phones = timed("ˈaː b,", np.array([10, 1, 2, 1, 2, 3, 4, 5]))
    assert [phone.symbol for phone in phones] == [SILENCE, "aː", "b", SILENCE]
    ends = [round(phone.end / 0.025, 2) for phone in phones]
    assert ends == [7.75, 13.75, 16.75, 28]  # The sound runs 2.25 frames ahead of the durations.
    assert all(a.end == b.start for a, b in itertools.pairwise(phones))


def test_clipped_phones_are_timed_from_the_cut_and_fill_it() -> None:
    phones = (Phone(SILENCE, 0, 0.5), Phone("a", 0.5, 1.0), Phone("b", 1.0, 1.5))
    inside = clipped(phones, int(0.75 * SAMPLE_RATE), SAMPLE_RATE)
    assert [(p.symbol, round(p.start, 3), round(p.end, 3)) for p in inside] == [
        ("a", 0, 0.25),
        ("b", 0.25, 0.75),
        (SILENCE, 0.75, 1.0),
    ]


def test_a_silent_first_phone_is_said_in_the_silence_before_the_sound() -> None:
    phones = (Phone(SILENCE, 0, 0.1), Phone("p", 0.1, 0.18), Phone("l", 0.18, 0.4), Phone("a", 0.4, 0.6))
    inside = clipped(begun(phones, int(0.2 * SAMPLE_RATE)), int(0.2 * SAMPLE_RATE), SAMPLE_RATE)
    assert [phone.symbol for phone in inside] == ["p", "l", "a", SILENCE]
    assert inside[0].start == pytest.approx(0, abs=1e-9) and 0.02 < inside[0].end < 0.04
    assert [phone.end for phone in inside[1:3]] == pytest.approx([0.2, 0.4])
    assert all(one.end == other.start for one, other in itertools.pairwise(inside))


def test_a_first_phone_that_is_heard_stays_where_it_is() -> None:
    phones = (Phone(SILENCE, 0, 0.1), Phone("p", 0.1, 0.25), Phone("a", 0.25, 0.6))
    assert begun(phones, int(0.2 * SAMPLE_RATE)) == phones
    assert begun(phones[:1], SAMPLE_RATE) == phones[:1]


def test_a_voice_loses_no_phone_before_its_first_sound() -> None:
    """A quarter of a second of silence, in which p is said, then a tone."""
    sound = np.concatenate([np.zeros(6000), np.sin(np.arange(12_000) / 10)]).astype(np.float32)

    class Drawn:
        windowed = False

        def window(self, features: object, start: int, stop: int, margin: int) -> np.ndarray:
            return sound[start * SAMPLES_PER_FEATURE : stop * SAMPLES_PER_FEATURE].copy()

    mute: Any = Voice.__new__(Voice)
    mute.network, mute._gain = Drawn(), 1.0
    phones = (Phone(SILENCE, 0, 0.1), Phone("p", 0.1, 0.2), Phone("l", 0.2, 0.4), Phone("a", 0.4, 0.75))
    columns = len(sound) // SAMPLES_PER_FEATURE
    plan: Any = SimpleNamespace(
        features=None, phones=phones, start=0, stop=columns, pause=0.2, level=None, vowels=None
    )
    (speech,) = mute._sound(plan)
    assert [phone.symbol for phone in speech.phones] == ["p", "l", "a", SILENCE]
    assert speech.phones[0].start == pytest.approx(0, abs=1e-9)
    loud = np.flatnonzero(np.abs(speech.samples) > 0.02)[0] / SAMPLE_RATE
    assert speech.phones[0].end == pytest.approx(loud, abs=0.002), "closed until it is heard"


def test_every_sentence_is_said_in_its_own_language_with_the_users_words() -> None:
    heard = []
    mute: Any = Voice.__new__(Voice)
    mute.among = ("en", "fr")
    mute.language, mute.pack, mute.lexicon = (
        "auto",
        SimpleNamespace(language="en"),
        Lexicon({"fr": {"TV": "télé"}}),
    )
    mute.phonemes = lambda sentence, language: heard.append((sentence, language)) or "a"
    mute._per_phone = 0.1
    mute._plan = mute._sound = lambda *_: ()
    list(mute.speak(Utterance("I like this TV very much. J'aime beaucoup cette TV.", "")))
    list(mute.speak(Utterance("TV", "fr")))
    assert heard == [
        ("I like this TV very much.", "en"),
        ("J'aime beaucoup cette télé.", "fr"),
        ("télé", "fr"),
    ]


@pytest.fixture(scope="module")
def voice() -> Iterator[Voice]:
    speaker = Voice(VoicePack.stock("af_heart"))
    yield speaker
    speaker.close()


class Planned:
    """A network whose plans and windows are drawn: a tone, unless something is wrong with what is asked for.

    ``wrong`` says what, by the phonemes, the speed, and the window's start and margin.
    """

    windowed = True

    def __init__(self, wrong: Callable[..., str]) -> None:
        self.wrong, self.asked = wrong, list[tuple[str, float]]()
        self.made = list[tuple[int, int]]()

    def plan(self, ids: Sequence[int], speed: float) -> Plan:
        letters = {number: letter for letter, number in vocabulary().items()}
        said = "".join(letters[number] for number in ids)
        self.asked.append((said, round(speed, 3)))
        each = 40 if self.wrong(said=said, speed=speed) == "long" else 4
        frames = np.array([10, *[round(each / speed)] * len(ids), 6])
        hertz = 700.0 if self.wrong(said=said, speed=speed) == "high" else 120.0
        columns = 2 * int(frames.sum())
        pitch = np.full((1, columns), hertz, np.float32)
        return Plan(np.zeros((1, 512, columns // 2), np.float32), pitch, pitch * 0, frames)

    def features(self, plan: Plan) -> SimpleNamespace:
        return SimpleNamespace(columns=plan.pitch.shape[1], said=self.asked[-1][0])

    body = features

    def window(self, features: SimpleNamespace, start: int, stop: int, margin: int) -> np.ndarray:
        self.made.append((start, margin))
        at = np.arange(start * SAMPLES_PER_FEATURE, stop * SAMPLES_PER_FEATURE)
        tone = (0.2 * np.sin(2 * np.pi * 120 * at / SAMPLE_RATE)).astype(np.float32)
        match self.wrong(said=features.said, start=start, margin=margin):
            case "nan":
                tone[40] = np.nan
            case "loud":
                tone *= 6.0
            case "quiet":
                tone *= 1e-3
            case "noise":
                tone = np.random.default_rng(0).normal(0, 0.2, len(tone)).astype(np.float32)
        return tone


LOUD = Manner(Controls(speed=1.2, emotion="excited"), "strong")


def drawn(
    wrong: Callable[..., str], words: str = "banana papaya, banana.", manner: Manner = LOUD
) -> tuple[Any, Sentence]:
    """A voice with such a network, and one sentence of it."""
    voice: Any = Voice.__new__(Voice)
    voice.network, voice._gain = Planned(wrong), 1.0
    voice._tongues = {language: Tongue(voice.network, (0.0, 1.0), 1.0) for language in ("", "en")}
    voice._per_phone = 0.1
    voice.phonemes = lambda words, language: words
    return voice, voice._sentence(Passage(words, (manner,) * len(words), 0.2, words, "en"))


def said(sentence: Sentence) -> tuple[np.ndarray, Tally]:
    checker = Checker()
    return join(checker.said([sentence])).samples, checker.tally


def never(**_: object) -> str:
    return ""


def test_a_good_sentence_is_planned_once_and_every_window_made_once() -> None:
    voice, sentence = drawn(never)
    sound, tally = said(sentence)
    assert len(voice.network.asked) == 1 and tally == Tally(sentences=1)
    assert len({start for start, _ in voice.network.made}) == len(voice.network.made)
    assert {margin for _, margin in voice.network.made} == {network.MARGIN}
    assert sentence.seconds == pytest.approx(18 * 0.1 / 1.2) and len(sound) > SAMPLE_RATE


LONG = "banana papaya, banana."
LADDER = [(LONG, 1.344), (LONG, 1.25), (LONG, 1.0), ("banana papaya,", 1.0), ("banana.", 1.0)]


@pytest.mark.parametrize("rungs", range(1, 5))
@pytest.mark.parametrize("wrong", ["long", "high"])
def test_a_sentence_planned_wrong_is_planned_slower_then_plainly_then_in_clauses(rungs, wrong) -> None:
    bad = set(LADDER[: rungs - 1])

    def how(said: str, speed: float = 0.0, **_: object) -> str:
        return wrong if (said, round(speed, 3)) in bad else ""

    voice, sentence = drawn(how)
    sound, tally = said(sentence)
    asked = LADDER[:rungs] if rungs < 4 else LADDER
    assert voice.network.asked == asked and len(sound)
    kind = {"long": "length", "high": "pitch"}[wrong]
    assert tally.faults == ({kind: rungs - 1} if rungs > 1 else {}) and tally.again == rungs - 1


def test_a_sentence_of_another_language_has_its_planner_pace_and_register() -> None:
    voice, _ = drawn(never)
    french: Any = Planned(never)
    voice._tongues["fr"] = Tongue(french, (0.1, 1.0), 0.8)
    plain = (Manner(),) * 14
    spoken = voice._plan(Passage("banana papaya.", plain, 0.2, "banana papaya.", "fr"))
    assert french.asked == [("banana papaya.", 0.8)] and not voice.network.asked
    assert spoken.features.said == "banana papaya.", "its body, too"
    own = voice._plan(Passage("banana papaya.", plain, 0.2, "banana papaya.", "en"))
    assert len(own.phones) == len(spoken.phones) and own.stop < spoken.stop
    assert len(french.asked) == len(voice.network.asked) == 1


def test_in_the_end_safe_words_are_said_and_a_wrong_clause_is_left_out_alone() -> None:
    def wrong(said: str, **_: object) -> str:
        return "" if said.startswith("papaya") else "long"

    voice, sentence = drawn(wrong, "banana krt, papaya.")
    sound, tally = said(sentence)
    assert voice.network.asked[-1][0] == "papaya." and 0.5 < len(sound) / SAMPLE_RATE < 1.2
    assert tally.left_out == 1 and tally.sentences == 1


def test_what_can_never_be_said_is_left_out_and_ends() -> None:
    voice, sentence = drawn(lambda **_: "long")
    sound, tally = said(sentence)
    assert not len(sound) and tally.left_out == 2, "each of its clauses"
    assert voice.network.made == [], "not a window was made of it"


@pytest.mark.parametrize(("wrong", "kind"), [("nan", "numbers"), ("quiet", "silence"), ("noise", "noise")])
def test_a_window_that_is_wrong_is_made_with_more_around_it_and_then_the_sentence_again(wrong, kind) -> None:
    def once(start: int = 0, margin: int = 0, **_: object) -> str:
        return wrong if start > 40 and margin == network.MARGIN else ""

    voice, sentence = drawn(once)
    plain, _ = said(drawn(never)[1])
    sound, tally = said(sentence)
    assert np.array_equal(sound, plain) and tally == Tally(sentences=1)

    def always(said: str = "", start: int = 0, margin: int = 0, speed: float = 0.0) -> str:
        return wrong if start > 40 and voice.network.asked[-1][1] > 1.3 else ""

    voice, sentence = drawn(always)
    sound, tally = said(sentence)
    assert tally.faults == {kind: 1} and tally.again == 1
    assert [speed for _, speed in voice.network.asked] == [1.344, 1.25]
    assert np.isfinite(sound).all() and np.abs(np.diff(sound)).max() < 0.02, "a click where it broke off"


@pytest.mark.parametrize(("words", "after"), [("banana papaya.", 0.1), ("banana papayak.", 0.3)])
def test_nothing_is_heard_a_tenth_of_a_second_after_a_last_vowel(words: str, after: float) -> None:
    _, sentence = drawn(never, words, Manner())  # a tone from beginning to end
    speech = join(Checker().said([sentence]))
    end = next(phone.end for phone in reversed(speech.phones) if phone.symbol != SILENCE)
    heard = np.flatnonzero(np.abs(speech.samples) > 1e-4)[-1] / SAMPLE_RATE - end
    assert heard == pytest.approx(after, abs=0.015)
    assert np.abs(speech.samples[: int(end * SAMPLE_RATE)]).max() > 0.19, "not before"


def test_a_window_that_is_too_loud_is_made_softer() -> None:
    def loud(start: int = 0, **_: object) -> str:
        return "loud" if start > 40 else ""

    voice, sentence = drawn(loud, manner=Manner())  # peaks at 1.2, and at 0.84 when softer
    sound, tally = said(sentence)
    assert tally == Tally(sentences=1) and 0.83 < np.abs(sound).max() < 0.985
    voice, sentence = drawn(loud, manner=Manner())
    voice._gain = 2.0
    sound, tally = said(sentence)
    assert tally.faults["clipping"] >= 1 and np.abs(sound).max() < 0.985


@pytest.mark.weights
def test_pieces_follow_one_another_and_phones_fill_each(voice: Voice) -> None:
    pieces = list(voice.speak(Utterance(TEXT)))
    assert len(pieces) >= 4
    assert 0.2 < pieces[0].seconds < 0.6
    for piece in pieces:
        assert piece.samples.dtype == np.float32 and np.abs(piece.samples).max() <= 1
        assert piece.phones[0].start == pytest.approx(0, abs=1e-6)
        assert piece.phones[-1].end == pytest.approx(piece.seconds, abs=1e-6)
        for one, other in itertools.pairwise(piece.phones):
            assert one.end == pytest.approx(other.start, abs=1e-6)
    symbols = {phone.symbol for piece in pieces for phone in piece.phones}
    assert {"f", "aɪ", "k"} <= symbols


@pytest.mark.weights
def test_sound_begins_soon_and_phones_lie_on_it(voice: Voice) -> None:
    whole = say(voice, Utterance("Ah. Ah."))
    loud = np.abs(whole.samples) > 0.02
    assert np.flatnonzero(loud)[0] < 0.15 * SAMPLE_RATE
    assert all(one.symbol != other.symbol for one, other in itertools.pairwise(whole.phones))
    level = {SILENCE: [0.0], "ɑ": [0.0]}
    for phone in whole.phones:
        piece = whole.samples[int(phone.start * SAMPLE_RATE) : int(phone.end * SAMPLE_RATE)]
        level[phone.symbol].append(float(np.sum(piece**2)))
    assert len(level["ɑ"]) == 3 and sum(level["ɑ"]) > 4 * sum(level[SILENCE])


@pytest.mark.weights
def test_speed_shortens(voice: Voice) -> None:
    slow, fast = (
        say(voice, Utterance("It is here on Friday.", controls=Controls(speed))).seconds
        for speed in (0.8, 1.3)
    )
    assert slow / fast == pytest.approx(1.3 / 0.8, rel=0.2)


MARKED = (
    "[excited] We *won* it! [pause 500ms] [calm] Now <prosody rate='slow' volume='-6dB'>we</prosody> rest."
)


@pytest.mark.weights
def test_the_same_text_and_controls_give_the_same_sound(voice: Voice) -> None:
    asked = Utterance(MARKED, controls=Controls(0.9, 1.0, emotion="warm"))
    one, other = say(voice, asked), say(voice, asked)
    assert np.array_equal(one.samples, other.samples) and one.phones == other.phones


@pytest.mark.weights
def test_pieces_said_in_other_ways_join_without_a_click(voice: Voice) -> None:
    pieces = list(voice.speak(Utterance(MARKED)))
    whole = np.concatenate([piece.samples for piece in pieces])
    seams = np.cumsum([len(piece.samples) for piece in pieces])[:-1]
    step = np.abs(np.diff(whole))
    assert len(seams) >= 3 and np.abs(whole).max() <= 1
    for seam in seams:
        near = np.concatenate([step[max(0, seam - 480) : seam - 2], step[seam + 1 : seam + 480]])
        assert step[seam - 1] <= max(near.max(), 0.005)


@pytest.mark.weights
def test_a_pause_is_as_long_as_asked_and_phones_stay_on_the_sound(voice: Voice) -> None:
    whole = say(voice, Utterance("We won. [pause 800ms] We rest."))
    loud = np.flatnonzero(np.abs(whole.samples) > 0.012)
    longest = np.diff(loud).max() / SAMPLE_RATE
    assert longest == pytest.approx(0.8, abs=0.08)
    gap = max(
        (p for p in whole.phones[:-1] if p.symbol == SILENCE), key=lambda phone: phone.end - phone.start
    )
    quiet = loud[np.diff(loud).argmax()] / SAMPLE_RATE
    assert gap.start == pytest.approx(quiet, abs=0.12) and gap.end == pytest.approx(quiet + longest, abs=0.12)
    assert whole.phones[-1].end == pytest.approx(whole.seconds, abs=1e-6)
    assert all(one.end == pytest.approx(other.start) for one, other in itertools.pairwise(whole.phones))


@pytest.mark.weights
def test_silence_alone_can_be_asked_for(voice: Voice) -> None:
    whole = say(voice, Utterance("[pause 2s]"))
    assert whole.seconds == 2 and not whole.samples.any() and whole.phones == (Phone(SILENCE, 0, 2),)


@pytest.mark.weights
def test_emotions_sound_as_asked(voice: Voice) -> None:
    heard = {}
    for emotion in EMOTIONS:
        sound = say(voice, Utterance("We rest here on Friday.", controls=Controls(emotion=emotion)))
        curve = pitch(sound.samples)
        level = float(np.sqrt(np.mean(np.square(sound.samples[np.abs(sound.samples) > 0.01]))))
        last = sound.phones[-1].start  # without the pause at the end
        heard[emotion] = float(np.median(curve[curve > 0])), level, last
    pitches, levels, lengths = ({name: row[n] for name, row in heard.items()} for n in range(3))
    assert max(pitches["warm"], pitches["calm"], pitches["serious"]) < pitches["neutral"] < pitches["excited"]
    assert levels["calm"] < levels["warm"] < levels["neutral"] < levels["excited"]
    assert (
        lengths["excited"] < lengths["neutral"] < min(lengths["warm"], lengths["serious"]) < lengths["calm"]
    )


@pytest.mark.weights
def test_emphasis_lengthens_its_word_and_no_other(voice: Voice) -> None:
    plain, stressed = (say(voice, Utterance(f"We won {word} games.")).phones for word in ("seven", "*seven*"))
    assert [phone.symbol for phone in plain] == [phone.symbol for phone in stressed]
    longer = [b.end - b.start - (a.end - a.start) for a, b in zip(plain, stressed, strict=True)]
    word = slice([p.symbol for p in plain].index("s"), [p.symbol for p in plain].index("ɡ"))
    assert sum(longer[word]) > 0.04
    assert max(abs(change) for change in (*longer[1 : word.start], *longer[word.stop : -1])) < 0.03


@pytest.mark.weights
def test_controls_that_cannot_be_followed_are_refused(voice: Voice) -> None:
    with pytest.raises(AvatarError, match="The pitch 9 is out of range"):
        list(voice.speak(Utterance("Hello.", controls=Controls(pitch=9))))


@pytest.mark.weights
def test_nothing_to_say(voice: Voice) -> None:
    assert list(voice.speak(Utterance("… 🎉"))) == []
    with pytest.raises(AvatarError, match="nothing to say"):
        say(voice, Utterance("🎉"))
    with pytest.raises(AvatarError, match="Languages"):
        list(voice.speak(Utterance("x", language="tlh")))


@pytest.mark.weights
def test_a_fitted_pack_changes_the_sound_and_comes_back_from_a_file(voice: Voice, tmp_path: Path) -> None:
    stock = VoicePack.stock("af_heart")
    same = VoicePack(stock.style, network.gains(stock.style), stock.statistics, "af_heart", "en")
    same.to_file(tmp_path / "voice")
    mine = Voice(tmp_path / "voice")
    ids = tokens("həlˈO.")
    plan = voice.network.plan(ids)
    wanted = voice.network.sound(plan)
    assert np.corrcoef(mine.network.sound(mine.network.plan(ids)), wanted)[0, 1] > 0.99
    folded = {name: value * 1.2 for name, value in network.gains(stock.style).items()}
    other = Voice(VoicePack(stock.style, folded, stock.statistics, "af_heart", "en"))
    assert np.corrcoef(other.network.sound(plan), wanted)[0, 1] < 0.9


@pytest.mark.weights
def test_pitch_of_the_person_is_used(voice: Voice) -> None:
    stock = VoicePack.stock("af_heart")
    low = Voice(VoicePack(stock.style, {}, stock.statistics, "af_heart", "en", {"pitch": [-0.3, 1.0]}))
    plan = voice.network.plan(tokens("həlˈO."))
    voiced = plan.pitch > 40
    assert np.allclose(
        tuned(plan, low._tongue("en").register).pitch[voiced], plan.pitch[voiced] * np.exp(-0.3), rtol=1e-4
    )
