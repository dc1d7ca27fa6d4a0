"""Text to sound in one person's voice, in pieces, so that the first sound comes soon."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from avatar_engine.contracts import (
    SAMPLE_RATE,
    SILENCE,
    FloatArray,
    Phone,
    Speech,
    Utterance,
    join,
    phones_within,
)
from avatar_engine.errors import AvatarError
from avatar_engine.voice import checks, controls, languages, phonemes, retakes, text
from avatar_engine.voice import tongue as tongues
from avatar_engine.voice.card import line as card
from avatar_engine.voice.lexicon import Lexicon
from avatar_engine.voice.network import (
    LOWEST_PITCH,
    MARGIN,
    MAX_TOKENS,
    SAMPLES_PER_FEATURE,
    SAMPLES_PER_TOKEN_FRAME,
    Body,
    Network,
    tuned,
)
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.passage import Passage, passages
from avatar_engine.voice.takes import Checker, Sentence, Take, hush
from avatar_engine.voice.tongue import Tongue

log = logging.getLogger(__name__)

_COLUMNS = (32, 48, 80, 128, 200)
"""Columns (12.5 ms) of the first windows; the last goes on. Each is made while the one before it plays."""

_AHEAD = 2.25
"""Token frames (25 ms) by which the sound runs ahead of the durations: measured, best correlation of loudness
with vowels against voiceless phones, the same for men and women within half a frame."""

_WIDE = 4 * MARGIN
"""Columns on either side of a window that is made again because something was wrong with it."""

_SOFTER = 0.7
"""Factor of the level of a window that is made again because it was too loud."""

_MEASURE = "wi mˈɛʒəɹ hˌW lˈɔŋ ðə sˈWndz ʌv sˈɪmpəl wˈɜɹdz ɑɹ, ænd sˈAv ðə ɹɪzˈʌlt."
"""A sentence that is planned once, to know how long a phone is in this voice."""

_LEAD = SAMPLE_RATE // 33
_FADE = SAMPLE_RATE // 200
_FALL = SAMPLE_RATE // 10
_QUIET = 0.012
_SEAM = 0.1
_PAUSES = {".": 0.38, "!": 0.38, "?": 0.42, "…": 0.55, ";": 0.28, ":": 0.25, ",": 0.18}


@dataclass(frozen=True, slots=True)
class _Spoken:
    """One sentence planned: its features, its phones with times before trimming, its bounds in columns, the
    silence after it, its level where that is not the voice's own, and the columns in which a vowel has a voice."""

    features: Body
    phones: tuple[Phone, ...]
    start: int
    stop: int
    pause: float
    level: controls.Level | None = None
    vowels: checks.Columns | None = None


class Voice:
    """Speaks in the voice of a pack.

    Args:
        pack: The voice, or the file that `VoicePack.to_file` wrote (to make a Voice in another process).
        language: BCP 47 tag of what is said unless the utterance says otherwise; ``auto``: found per sentence.
        lexicon: The user's pronunciations.
        among: With ``auto``, the languages to choose from (those that were agreed to); all when empty.
        threads: Threads of the network; 1 beside other work, 2 where two cores are free.

    Raises:
        AvatarError: The language is unknown, or the network's weights are not here.
    """

    def __init__(
        self, pack: VoicePack | Path, language: str = "en", threads: int = 1, lexicon: Lexicon | None = None,
        among: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.among = tuple(map(languages.tag, among))
        self.pack = VoicePack.from_file(pack) if isinstance(pack, Path) else pack
        self.language, self.lexicon = languages.asked(language), lexicon
        if self.language == languages.AUTO:
            languages.recognised(
                "ready", self.pack.language
            )  # Loads now what the first sentence would wait for.
        given = (self.pack.style, self.pack.folded or None, self.pack.statistics or None, threads)
        self.network = card.network(*given) or Network(*given)
        self._gain = float(self.pack.meta.get("gain", 1.0))
        self._tongues: dict[str, Tongue] = {}
        self._phonemizers: dict[str, phonemes.Phonemizer] = {}
        self._per_phone = self._measured()
        for spoken in (self.language, *self.among):
            if spoken != languages.AUTO:
                self._tongue(spoken)  # Nobody waits for it in the middle of a show.

    def speak(self, utterance: Utterance) -> Iterator[Speech]:
        """The sound of ``utterance``, in pieces that follow one another without a gap, each checked.

        The first piece is about 0.4 s long and comes after about 0.3 s of work; later ones are longer.
        A text with nothing to say gives nothing. Marks in the text are followed (`avatar_engine.markup`);
        those that are not known are logged and left out. A sentence with which something is wrong is said in another
        way (`sentences`).

        Raises:
            AvatarError: The utterance's language or emotion is unknown, or a control is out of its range.
        """
        return Checker().said(self.sentences(utterance))

    def sentences(self, utterance: Utterance) -> Iterator[Sentence | Speech]:
        """The sentences of ``utterance`` with the ways of saying each, and the silences asked for.

        Raises:
            AvatarError: As `speak`.
        """
        utterance.controls.check()
        asked = languages.asked(utterance.language or self.language)
        for passage in passages(utterance.text, utterance.controls, asked, self.phonemes, self._told):
            if not passage.said:
                yield hush(passage.pause or 0.0)
            for piece in _pieces(passage):
                yield self._sentence(piece)

    def _sentence(self, passage: Passage) -> Sentence:
        ways: dict[str, Callable[[], Iterable[Passage]]] = {
            "as asked": lambda: [passage],
            "a little slower": lambda: [retakes.slower(passage)],
            "plainly": lambda: [retakes.plain(passage)],
            "in clauses": lambda: retakes.clauses(retakes.plain(passage)),
        }
        takes = tuple(Take(way, partial(self._said, made)) for way, made in ways.items())
        return Sentence(
            passage.words,
            passage.language,
            self._seconds(passage),
            takes,
            partial(self._in_safe_words, passage),
            name=(self, passage),  # no other voice's
        )

    def _in_safe_words(self, passage: Passage) -> Iterator[Sentence]:
        """What is sure to be speech of the passage, clause by clause: one that is wrong takes no other with it."""
        for clause in retakes.clauses(retakes.safer(passage, self.phonemes)):
            take = Take("in safe words", partial(self._said, partial(list, [clause])))
            yield Sentence(clause.words, clause.language, self._seconds(clause), (take,))

    def _seconds(self, passage: Passage) -> float:
        """How long the passage takes to say, about, without its pauses."""
        phones = sum(letter not in phonemes.MARKS for letter in passage.said)
        return phones * self._per_phone / passage.manners[0].controls.speed

    def _said(self, made: Callable[[], Iterable[Passage]]) -> Iterator[Speech]:
        """The passages' sound; nothing is heard before all of them are planned well."""
        for spoken in [self._plan(passage) for passage in made()]:
            yield from self._sound(spoken)

    def _measured(self) -> float:
        """Seconds that a phone takes in this voice, at speed 1."""
        said = timed(_MEASURE, self.network.plan(phonemes.tokens(_MEASURE)).frames)
        return float(np.mean([phone.end - phone.start for phone in said if phone.symbol != SILENCE]))

    def _told(self, words: str, language: str) -> list[tuple[str, str]]:
        likely = self.pack.language if self.language == languages.AUTO else self.language
        return text.spoken(words, language, self.lexicon, likely, self.among)

    def _tongue(self, language: str) -> Tongue:
        if language not in self._tongues:
            own = language in ("", self.pack.language)
            self._tongues[language] = (
                tongues.own(self.pack, self.network)
                if own
                else tongues.tongue(self.pack, language, self.network, self.phonemes)
            )
        return self._tongues[language]

    def phonemes(self, sentence: str, language: str) -> str:
        """The network's phonemes of a normalised ``sentence``."""
        if language not in self._phonemizers:
            self._phonemizers[language] = phonemes.Phonemizer(language)
        return self._phonemizers[language].phonemes(sentence)

    def close(self) -> None:
        """End the phoneme process."""
        for phonemizer in self._phonemizers.values():
            phonemizer.close()
        self._phonemizers.clear()

    def _plan(self, passage: Passage) -> _Spoken:
        said, manners = passage.said, passage.manners
        if said[-1] not in phonemes.PUNCTUATION:  # Without a mark the network swallows the last phone.
            said, manners = said + ".", (*manners, manners[-1])
        shape = controls.shape(said, manners)
        tongue = self._tongue(passage.language)
        speed = shape.speed * tongue.pace
        plan = tongue.planner.plan(phonemes.tokens(said), speed)
        checks.refuse(checks.length(timed(said, plan.frames), self._per_phone, speed))
        plan = controls.shaped(tuned(plan, tongue.register), shape)
        checks.refuse(checks.pitch(plan.pitch[0]))
        pause = passage.pause
        if pause is None:
            pause = _PAUSES.get(said[-1], _PAUSES["."]) * shape.pause / shape.speed
        padding = int(plan.frames[0]) * SAMPLES_PER_TOKEN_FRAME // SAMPLES_PER_FEATURE
        whole = tongue.planner.body(plan)
        level = controls.Level.of(shape, plan)
        phones = timed(said, plan.frames)
        vowels = checks.vowels(phones, whole.columns)
        vowels[: -controls.EARLY] &= plan.pitch[0, controls.EARLY : whole.columns] > LOWEST_PITCH
        return _Spoken(whole, phones, max(0, padding - 10), whole.columns, pause, level, vowels)

    def _sound(self, spoken: _Spoken) -> Iterator[Speech]:
        """Windows of one sentence, joined by short cross-fades; silence at both ends is measured and cut.

        Raises:
            FaultError: A window is wrong, however it is made.
        """
        at = spoken.start * SAMPLES_PER_FEATURE
        held = np.zeros(
            0, np.float32
        )  # Sound not yet given away: the overlap, and silence that may end here.
        phones, opened, filtered = spoken.phones, False, 0.0
        silent_from = _silent_from(phones)
        for start, stop in self._windows(spoken):
            sound = self._window(spoken, start, stop, held)
            held = (
                sound[len(sound) - SAMPLES_PER_FEATURE :] if stop < spoken.stop else np.zeros(0, np.float32)
            )
            body = sound[: len(sound) - len(held)]
            if silent_from is not None:
                _fall(body, silent_from - at)
            if not opened:
                loud = np.flatnonzero(np.abs(body) > _QUIET)
                skip = max(0, int(loud[0]) - _LEAD) if len(loud) else len(body)
                body, at = body[skip:], at + skip
                if not len(body):
                    continue
                opened, phones = True, begun(phones, at)
                body[:_FADE] *= np.linspace(0, 1, len(body[:_FADE]), dtype=np.float32)
            if stop == spoken.stop:
                body = self._ended(body, spoken.pause)
            if spoken.level:
                body, filtered = spoken.level.apply(body, at, filtered)
            yield Speech(body, clipped(phones, at, len(body)))
            at += len(body)

    def _windows(self, spoken: _Spoken) -> Iterator[tuple[int, int]]:
        start = spoken.start
        sizes = list(_COLUMNS)
        while start < spoken.stop:
            size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
            stop = start + size if self.network.windowed else spoken.stop
            if spoken.stop - stop < size // 2:
                stop = spoken.stop
            yield start, stop
            start = stop

    def _window(self, spoken: _Spoken, start: int, stop: int, held: FloatArray) -> FloatArray:
        """Sound of the columns [start, stop) and, unless it is the last, one more to fade over.

        Raises:
            FaultError: Something is wrong with it, and still is when it is made with more around it and, if it was too
                loud, softer.
        """
        more = min(stop + 1, spoken.stop)
        gain, fault = self._gain, None
        vowels = None if spoken.vowels is None else spoken.vowels[start:more]
        for margin in (MARGIN, _WIDE):
            made = self.network.window(spoken.features, start, more, margin)
            sound: FloatArray = np.clip(made * np.float32(gain), -1, 1)
            fault = checks.sound(sound, vowels)
            if not fault:
                break
            log.info("a window is made again: %s", fault)
            gain = self._gain * _SOFTER if fault.kind == "clipping" else gain
        checks.refuse(fault)
        if len(held):
            rise = np.linspace(0, 1, len(held), dtype=np.float32)
            sound[: len(held)] = held * (1 - rise) + sound[: len(held)] * rise
        return sound

    def _ended(self, body: FloatArray, pause: float) -> FloatArray:
        loud = np.flatnonzero(np.abs(body) > _QUIET)
        end = min(len(body), int(loud[-1]) + _LEAD) if len(loud) else 0
        body = body[:end].copy()
        fade = min(_FADE, end)
        if fade:
            body[end - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
        return np.concatenate([body, np.zeros(max(0, int(pause * SAMPLE_RATE) - _LEAD), np.float32)])


def _silent_from(phones: Sequence[Phone]) -> int | None:
    """The sample from which a sentence that ends in a vowel is silent: some voices click there after a lone short word.

    None where a consonant ends it: that may be heard a little later than it is timed.
    """
    last = next((phone for phone in reversed(phones) if phone.symbol != SILENCE), None)
    if last is None or last.symbol[0] not in checks.VOWELS:
        return None
    return round(last.end * SAMPLE_RATE) + _FALL


def _fall(body: FloatArray, end: int) -> None:
    """Let ``body`` fall silent, in place, over the last `_FALL` samples before ``end``."""
    if end < len(body) + _FALL:
        body *= np.clip((end - np.arange(len(body), dtype=np.float32)) / _FALL, 0, 1)


def _pieces(passage: Passage) -> Iterator[Passage]:
    """The passage in pieces that the network takes; the pause follows the last."""
    while len(passage.said) > MAX_TOKENS - 10:
        seam = max(passage.said.rfind(" ", 0, MAX_TOKENS - 10), 1)
        yield Passage(passage.said[:seam], passage.manners[:seam], _SEAM, passage.words, passage.language)
        rest = passage.said[seam:].lstrip()
        passage = replace(passage, said=rest, manners=passage.manners[-len(rest) :])
    if passage.said:
        yield passage


def timed(said: str, frames: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[Phone, ...]:
    """Phones of the network's phonemes ``said`` from the frames of its tokens (padding at both ends).

    Stress marks count for the phone after them, length marks and tildes for the one before, the space
    between two words for the phone before it; punctuation and padding are silence.
    """
    at = float(frames[0]) - _AHEAD
    marks: list[tuple[str, float, float]] = [(SILENCE, 0.0, at)]
    early: float | None = None
    for letter, count in zip(said, frames[1:-1], strict=True):
        start, at = at, at + float(count)
        if letter in phonemes.STRESS:
            early = start if early is None else early
            continue
        if letter in phonemes.LENGTHENING or (letter == " " and marks[-1][0] != SILENCE):
            symbol, since, _ = marks[-1]
            tail = phonemes.ipa(letter) if letter in phonemes.LENGTHENING else ""
            marks[-1] = (symbol + tail, since, at)
            continue
        silent = letter == " " or letter in phonemes.PUNCTUATION
        marks.append((SILENCE if silent else phonemes.ipa(letter), start if early is None else early, at))
        early = None
    marks.append((SILENCE, at, float(np.sum(frames))))
    scale = SAMPLES_PER_TOKEN_FRAME / SAMPLE_RATE
    joined: list[Phone] = []
    for symbol, start, end in marks:
        if joined and symbol == SILENCE == joined[-1].symbol:
            joined[-1] = Phone(SILENCE, joined[-1].start, end * scale)
        else:
            joined.append(Phone(symbol, start * scale, end * scale))
    return tuple(joined)


def begun(phones: Sequence[Phone], start: int) -> tuple[Phone, ...]:
    """The phones of a sound that begins at sample ``start``, just before it is first heard.

    What is said before it, a closed p that nobody hears, is said in the silence that is left there.
    """
    first = start / SAMPLE_RATE
    said = [phone for phone in phones if phone.symbol != SILENCE]
    silent = [phone for phone in said if phone.end <= first]
    if not silent or len(silent) == len(said):
        return tuple(phones)
    heard = phones[phones.index(said[len(silent)]) :]
    step = min(_LEAD / SAMPLE_RATE, (heard[0].end - first) / 2) / len(silent)
    early = [Phone(p.symbol, first + n * step, first + (n + 1) * step) for n, p in enumerate(silent)]
    return (*early, Phone(heard[0].symbol, early[-1].end, heard[0].end), *heard[1:])


def clipped(phones: Sequence[Phone], start: int, length: int) -> tuple[Phone, ...]:
    """The phones within ``length`` samples from sample ``start``, timed from there, silence filling the rest."""
    inside = list(phones_within(phones, start, length))
    end = length / SAMPLE_RATE
    covered = inside[-1].end if inside else 0.0
    if covered < end - 1e-6:
        if inside and inside[-1].symbol == SILENCE:
            inside[-1] = Phone(SILENCE, inside[-1].start, end)
        else:
            inside.append(Phone(SILENCE, covered, end))
    return tuple(inside)


def say(voice: Voice, utterance: Utterance) -> Speech:
    """The whole of ``utterance`` as one piece."""
    pieces = list(voice.speak(utterance))
    if not pieces:
        raise AvatarError(f"There is nothing to say in {utterance.text[:60]!r}.", "Write some words.")
    return join(pieces)
