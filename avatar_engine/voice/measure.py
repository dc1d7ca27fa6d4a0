"""How good a voice is: is it this person, is every word there, and is it said as the person says it?

Two independent speaker encoders judge the likeness. The first (Resemblyzer's) may have been in a fit's loss;
the second, a d-vector network of other data and training, never is: trust it more. Words are judged by letting
Whisper base read them back, in every language claimed; pitch, pace, loudness and artefacts on the sound.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import onnxruntime as ort

from avatar_engine import device, models
from avatar_engine.contracts import FloatArray, Progress, Speech, Utterance, silent
from avatar_engine.voice import align
from avatar_engine.voice.artefacts import Artefacts, artefacts
from avatar_engine.voice.clean import Place
from avatar_engine.voice.delivery import Delivery, delivery, phones_in, phones_of
from avatar_engine.voice.languages import languages as speakable
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.readback import errors, understand
from avatar_engine.voice.sentences import SENTENCES, sentences
from avatar_engine.voice.speak import Voice, say
from avatar_engine.voice.speaker import encoder, mel_bank, spoken

FEWEST = 4
"""Sentences below which a read-back says nothing."""

STAGE = "voice check"
_OWN_SHARE = 0.6  # of the seconds where there are other languages: its sentences are said twice
_JUDGE = "speaker-judge"
_LEVEL = 10 ** (-23 / 20)  # Loudness at which voices are compared: the network's own.


@dataclass(frozen=True, slots=True)
class Likeness:
    """Cosines between two voices, 1 for the same: the encoder that a fit may hear, and the judge.

    The judge is None where its weights were not fetched.
    """

    encoder: float
    judge: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence that was read back: as said, as heard, units wrong, units that it has; and what was heard where the
    unfitted network said it."""

    said: str
    heard: str
    wrong: int
    of: int
    unfitted: str | None = None


@dataclass(frozen=True, slots=True)
class LanguageScore:
    """The read-back in one language.

    Attributes:
        language: BCP 47 tag.
        word_errors: Share of wrong words (syllables in Chinese, kana in Japanese).
        unfitted_errors: The same of the network before the fit, on the same sentences; None where it was not asked.
        lines: The sentences.
    """

    language: str
    word_errors: float
    unfitted_errors: float | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class VoiceScores:
    """A voice for the report.

    Attributes:
        likeness: The voice, heard where the person was recorded (`clean.Place`), against speech of the person that
            was not fitted.
        own: The person's fitted speech against the same: the most that can be reached.
        strangers: Other people, moved there too, against the same (mean), or None where no others were given.
        unfitted: The stock voice that the fit began from, with the same melody, against the same.
        dry: The voice as it is, not moved to where the person was recorded, against the same.
        share: How far from the strangers' likeness to the person's own the voice is (encoder), 0 to 1.
        judge_share: The same for the judge.
        languages: The read-back in every language, the person's own first.
        voice: How the voice speaks, in the read-back of its own language.
        person: How the person speaks in the fitted part.
        held_out: And in the part that was not fitted: how much one person differs from one time to the next.
        artefacts: What is in the voice's sound that is no voice.
        person_artefacts: And in the recording.
    """

    likeness: Likeness
    own: Likeness
    strangers: Likeness | None
    unfitted: Likeness | None
    dry: Likeness
    share: float | None
    judge_share: float | None
    languages: tuple[LanguageScore, ...]
    voice: Delivery
    person: Delivery
    held_out: Delivery
    artefacts: Artefacts
    person_artefacts: Artefacts

    @property
    def word_errors(self) -> float:
        """Share of words read back wrongly in the person's own language."""
        return self.languages[0].word_errors

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def speech(samples: FloatArray) -> FloatArray:
    """What is said in a recording at 24 kHz, without its pauses, at one loudness.

    A pause is the sound of a room, and both encoders know a room again: two halves of one noisy recording are
    alike even where nobody speaks. Nor is loudness part of a voice. Where no speech is found, all is kept.
    """
    spans = align.speech_spans(samples, pause=0.2, margin=0.06)
    said = np.concatenate([samples[start:stop] for start, stop in spans]) if spans else samples
    level = float(np.sqrt(np.mean(np.square(said, dtype=np.float64))))
    return np.asarray(said * (_LEVEL / max(level, 1e-6)), np.float32)


def similarity(a: FloatArray, b: FloatArray) -> Likeness:
    """How alike the voices in two recordings at 24 kHz are, by what is said in them."""
    a, b = speech(a), speech(b)
    first = float(encoder().voice(a) @ encoder().voice(b))
    second = float(judged(a) @ judged(b)) if models.is_present(_JUDGE) else None
    return Likeness(first, second)


@cache
def _judge() -> ort.InferenceSession:
    return device.onnx_session(models.path(_JUDGE), device.choose("cpu"), 1)


def judged(samples: FloatArray) -> FloatArray:
    """The judge's unit vector (256,) of a recording at 24 kHz: mean over windows of 0.8 s."""
    sound = spoken(samples)
    # 768 points at 24 kHz have the bins of 512 at 16 kHz, on which the judge was trained.
    padded = np.pad(sound, (0, max(0, 768 + 79 * 240 - len(sound))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, 768)[::240]
    shape = np.pad(np.hamming(601)[:-1], 84)
    power = np.abs(np.fft.rfft(frames * shape)[:, :257]) ** 2 * (400 / 600) ** 2
    mel = np.log10(power @ mel_bank(40, 257, 31.25, 8000.0).T + 1e-6).astype(np.float32)
    windows = np.stack([mel[start : start + 80] for start in range(0, len(mel) - 79, 40)])
    (vectors,) = _judge().run(None, {"mel_window": windows})
    mean = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def unfitted(pack: VoicePack) -> VoicePack:
    """The stock voice that the pack was fitted from, with the pack's own melody, register and pace."""
    stock = VoicePack.stock(pack.base)
    style = np.concatenate([stock.style[:128], pack.style[128:]]).astype(np.float32)
    manner = {name: pack.meta[name] for name in ("prosody", "pitch", "pace") if name in pack.meta}
    return replace(stock, style=style, language=pack.language, meta=manner)


def claimed(own: str, agreed: Sequence[str] = ()) -> tuple[str, ...]:
    """The languages that a voice is judged in: its own, then those agreed to that the engine can speak."""
    known = {language.split("-")[0] for language in speakable()} & set(SENTENCES)
    out = {own.split("-")[0].lower(): own}
    for tag in agreed:
        short = tag.split("-")[0].lower()
        if short in known:
            out.setdefault(short, tag)
    return tuple(out.values())


def read_back(
    voice: Voice,
    sentences: Sequence[str],
    language: str = "en",
    beside: Voice | None = None,
    enough: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
) -> tuple[LanguageScore, list[Speech], list[Speech]]:
    """Let the voice say the sentences, and Whisper base write down what it hears.

    Args:
        voice: The voice.
        sentences: What it says.
        language: BCP 47 tag of them.
        beside: A voice that says the same, to compare: the unfitted one.
        enough: Asked before every sentence, from the fifth on, whether to stop.
        progress: Told of stage ``voice check``.

    Returns:
        The score, and what the two voices said.
    """
    lines, made, other = list[Line](), list[Speech](), list[Speech]()
    theirs = 0
    for number, sentence in enumerate(sentences):
        if number >= FEWEST and enough():
            break
        progress(STAGE, number / len(sentences), f"{language}: {sentence[:40]}")
        made.append(say(voice, Utterance(sentence, language)))
        answer = understand(made[-1].samples, language)
        unfitted_answer = None
        if beside is not None:
            other.append(say(beside, Utterance(sentence, language)))
            unfitted_answer = understand(other[-1].samples, language)
            theirs += errors(sentence, unfitted_answer, language)[0]
        lines.append(Line(sentence, answer, *errors(sentence, answer, language), unfitted_answer))
    total = max(1, sum(line.of for line in lines))
    share = sum(line.wrong for line in lines) / total
    return LanguageScore(language, share, theirs / total if beside else None, tuple(lines)), made, other


def score(
    voice: Voice,
    fitted: FloatArray,
    held_out: FloatArray,
    strangers: Sequence[FloatArray] = (),
    languages: Sequence[str] = ("en",),
    *,
    transcript: Sequence[align.Stretch] = (),
    count: int = 20,
    seconds: float = float("inf"),
    clock: Callable[[], float] = time.monotonic,
    progress: Progress = silent,
) -> VoiceScores:
    """A fitted voice against its person.

    Args:
        voice: The voice.
        fitted: float32 (n,) at 24 kHz, the person's speech that it was fitted to.
        held_out: The person's speech that it was not.
        strangers: Other people's speech, to know how alike two strangers are here.
        languages: What it is read back in, the person's own first; in that one the unfitted network reads along.
        transcript: What is said in ``fitted``, for the person's pace.
        count: Sentences of every language, at most.
        seconds: What the read-back may take: then languages have fewer sentences, or are left out but for the first.
        clock: What they are counted in.
        progress: Told of stage ``voice check``.
    """
    before = Voice(unfitted(voice.pack), languages[0]) if voice.pack.folded else None
    try:
        scores, made, other = _read_all(voice, before, languages, count, seconds, clock, progress)
    finally:
        if before is not None:
            before.close()
    sounds = [speech.samples for speech in made]
    said = np.concatenate(sounds)
    place = Place.of(held_out)  # Whoever was not recorded there is heard there, for both encoders hear noise.
    like, own = similarity(place.hears(said), held_out), similarity(fitted, held_out)
    before_it = np.concatenate([one.samples for one in other]) if other else None
    start = similarity(place.hears(before_it), held_out) if before_it is not None else None
    far = _mean([similarity(place.hears(one), held_out) for one in strangers]) if strangers else None
    pieces = [fitted[piece.start : piece.stop] for piece in transcript]
    counted = [phones_of(piece.words, languages[0], voice.phonemes) for piece in transcript]
    return VoiceScores(
        like, own, far, start, similarity(said, held_out), *_shares(like, own, far), scores,
        voice=delivery(sounds, [phones_in(speech) for speech in made]),
        person=delivery(pieces or [fitted], counted),
        held_out=delivery([held_out]),
        artefacts=artefacts(sounds),
        person_artefacts=artefacts([fitted]),
    )  # fmt: skip


def _read_all(
    voice: Voice, before: Voice | None, languages: Sequence[str], count: int, seconds: float,
    clock: Callable[[], float], progress: Progress,
) -> tuple[tuple[LanguageScore, ...], list[Speech], list[Speech]]:  # fmt: skip
    """The read-back in every language that there is time for, and what was said in the first."""
    begun = clock()
    scores, first, other = list[LanguageScore](), list[Speech](), list[Speech]()
    for place, language in enumerate(languages):
        left = begun + seconds - clock()
        slot = left * (_OWN_SHARE if place == 0 and len(languages) > 1 else 1 / (len(languages) - place))
        if scores:  # a sentence of the first was said twice where the unfitted network read along
            each = (clock() - begun) / sum(
                len(s.lines) * (2 if s.unfitted_errors is not None else 1) for s in scores
            )
            if slot < FEWEST * each:
                continue
        until = clock() + slot

        def told(stage: str, done: float, note: str = "", place: int = place) -> None:
            progress(stage, (place + done) / len(languages), note)

        def enough(until: float = until) -> bool:
            return clock() > until

        found, made, theirs = read_back(
            voice, sentences(language, count), language, before if place == 0 else None, enough, told
        )
        scores.append(found)
        if place == 0:
            first, other = made, theirs
    return tuple(scores), first, other


def _shares(like: Likeness, own: Likeness, far: Likeness | None) -> tuple[float | None, float | None]:
    """How far from the strangers to the person a voice is, by the encoder and by the judge."""
    if far is None:
        return None, None
    share = (like.encoder - far.encoder) / (own.encoder - far.encoder)
    if like.judge is None or own.judge is None or far.judge is None:
        return share, None
    return share, (like.judge - far.judge) / (own.judge - far.judge)


def _mean(all_of: Sequence[Likeness]) -> Likeness:
    judges = [one.judge for one in all_of if one.judge is not None]
    return Likeness(
        float(np.mean([one.encoder for one in all_of])), float(np.mean(judges)) if judges else None
    )
