"""How good a voice is: is it this person, and is every word there?

Two independent speaker encoders judge the likeness. The first (Resemblyzer's) may have been in a fit's loss;
the second, a d-vector network of other data and training, never is: trust it more. Words are judged by letting
Whisper base read them back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import onnxruntime as ort

from avatar_engine import device, models
from avatar_engine.contracts import FloatArray, Utterance
from avatar_engine.voice import align
from avatar_engine.voice.recogniser import distance as distance
from avatar_engine.voice.recogniser import understood
from avatar_engine.voice.recogniser import words as words
from avatar_engine.voice.speak import Voice, say
from avatar_engine.voice.speaker import encoder, mel_bank, spoken

SENTENCES = {
    "en": (
        "If you order tomorrow before noon, the parcel will be at your door on Friday.",
        "Please press the button for a moment until the light turns yellow.",
        "Our new jacket keeps you warm and dry, even when the weather is rough.",
        "The first hundred customers receive a small gift with their order.",
        "We will answer all of your questions at the end of the show.",
        "This lamp uses very little power and lasts for twenty years.",
        "You can choose between three sizes, small, medium and large.",
        "My grandmother used to bake bread every Sunday morning.",
        "Nothing is better than a cup of tea after a long walk.",
        "Thank you for watching, and see you next week.",
    ),
    "fr": (
        "Si vous commandez demain avant midi, le colis sera chez vous vendredi.",
        "Appuyez sur le bouton jusqu'à ce que la lumière change de couleur.",
        "Notre nouvelle veste vous garde au chaud, même quand il fait très froid.",
        "Les cent premiers clients reçoivent un petit cadeau avec leur commande.",
        "Nous répondrons à toutes vos questions à la fin de l'émission.",
        "Cette lampe consomme très peu et dure vingt ans.",
        "Vous pouvez choisir entre trois tailles, petite, moyenne et grande.",
        "Ma grand-mère faisait du pain tous les dimanches matin.",
        "Rien n'est meilleur qu'une tasse de thé après une longue promenade.",
        "Merci de votre attention, et à la semaine prochaine.",
    ),
}
"""Ten sentences of everyday words for the read-back, by language."""

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
class ReadBack:
    """What Whisper understood: share of wrong words, and every sentence as said and as heard."""

    word_errors: float
    said: tuple[str, ...]
    heard: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VoiceScores:
    """A voice for the report.

    Attributes:
        likeness: The voice against speech of the person that was not fitted.
        own: The person's fitted speech against the same: the most that can be reached.
        strangers: Other people against the same (mean), or None where no others were given.
        share: How far from the strangers' likeness to the person's own the voice is (encoder), 0 to 1.
        judge_share: The same for the judge.
        word_errors: Share of wrong words in the read-back.
        read_back: The read-back's sentences, said and heard.
    """

    likeness: Likeness
    own: Likeness
    strangers: Likeness | None
    share: float | None
    judge_share: float | None
    word_errors: float
    read_back: tuple[tuple[str, str], ...]

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


def read_back(voice: Voice, sentences: Sequence[str], language: str = "en") -> ReadBack:
    """Let ``voice`` say the sentences, and Whisper base write down what it hears."""
    sounds = [say(voice, Utterance(sentence, language)).samples for sentence in sentences]
    return heard(sounds, sentences, language)


def heard(
    sounds: Sequence[FloatArray], sentences: Sequence[str], language: str, prompt: str | None = None
) -> ReadBack:
    """What Whisper base hears in ``sounds``, compared word by word with ``sentences``.

    ``prompt`` is a text in the script that is to be written, where a language has several.
    """
    answers = [understood(sound, language, prompt=prompt) for sound in sounds]
    wrong = total = 0
    for sentence, answer in zip(sentences, answers, strict=True):
        wanted, got = words(sentence, language), words(answer, language)
        wrong += distance(wanted, got)
        total += len(wanted)
    return ReadBack(wrong / max(1, total), tuple(sentences), tuple(answers))


def score(
    voice: Voice,
    fitted: FloatArray,
    held_out: FloatArray,
    strangers: Sequence[FloatArray] = (),
    language: str = "en",
    sentences: Sequence[str] | None = None,
) -> VoiceScores:
    """A fitted voice against its person.

    Args:
        voice: The voice.
        fitted: float32 (n,) at 24 kHz, the person's speech that it was fitted to.
        held_out: The person's speech that it was not.
        strangers: Other people's speech, to know how alike two strangers are here.
        language: Language of the read-back.
        sentences: Sentences to read back; `SENTENCES` of the language when None.
    """
    chosen = sentences or SENTENCES.get(language.split("-")[0], SENTENCES["en"])
    sounds = [say(voice, Utterance(sentence, language)).samples for sentence in chosen]
    back = heard(sounds, chosen, language)
    like, own = similarity(np.concatenate(sounds), held_out), similarity(fitted, held_out)
    other = _mean([similarity(stranger, held_out) for stranger in strangers]) if strangers else None
    share = judge_share = None
    if other is not None:
        share = (like.encoder - other.encoder) / (own.encoder - other.encoder)
        if like.judge is not None and own.judge is not None and other.judge is not None:
            judge_share = (like.judge - other.judge) / (own.judge - other.judge)
    pairs = tuple(zip(back.said, back.heard, strict=True))
    return VoiceScores(like, own, other, share, judge_share, back.word_errors, pairs)


def _mean(all_of: Sequence[Likeness]) -> Likeness:
    judges = [one.judge for one in all_of if one.judge is not None]
    return Likeness(
        float(np.mean([one.encoder for one in all_of])), float(np.mean(judges)) if judges else None
    )
