"""How good a cloned voice is, for people: figures, goals, what is weak, and sentences to see and hear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from avatar_engine.clone import plots
from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Utterance
from avatar_engine.media.write import mp3
from avatar_engine.pages import page as pages
from avatar_engine.voice.align import Stretch
from avatar_engine.voice.delivery import LOWEST
from avatar_engine.voice.measure import VoiceScores
from avatar_engine.voice.sentences import sentences
from avatar_engine.voice.speak import Voice, say

LEAST_SHARE, LEAST_JUDGE_SHARE = 0.93, 0.88
MOST_ERRORS, MOST_RATIO, MOST_FOREIGN_ERRORS = 0.03, 1.5, 0.08
PITCH, SPREAD, PACE = 0.10, 0.25, 0.15
"""What a voice should reach, and how far pitch, its spread and the pace may be from the person's."""

_HEARD = (1.2, 6.0)  # seconds of a stretch that is shown
_BUZZ, _HISS, _CLICKS = 3.0, 6.0, 6.0  # dB and clicks a minute more than in the recording: worth a word
_NOISY = -35.0  # dB of the pauses against speech, above which the recording itself hides harmonics
_LOUDNESS = 4.0  # LU from the show's level
_SHOW = -23.0


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence to see and hear.

    Attributes:
        words: What is said.
        language: BCP 47 tag.
        person: float32 (n,) at 24 kHz, the person saying it; None where they never said it.
        clone: The clone saying it.
    """

    words: str
    language: str
    person: FloatArray | None
    clone: FloatArray


@dataclass(frozen=True, slots=True)
class Judged:
    """One figure beside its goal.

    Attributes:
        label: What it is.
        value: It; infinite where errors are compared with none. None where it is not known.
        kind: ``least``, ``most``, or ``near`` for one that may be so far off in either direction.
        limit: The goal.
        form: How both are written.
    """

    label: str
    value: float | None
    kind: Literal["least", "most", "near"]
    limit: float
    form: str

    @property
    def shown(self) -> str:
        if self.value is None:
            return "–"
        if np.isinf(self.value):
            return "it had none"
        return ("+" if self.kind == "near" and self.value > 0 else "") + self.form.format(self.value)

    @property
    def goal(self) -> str:
        return {"least": "≥ ", "most": "≤ ", "near": "within "}[self.kind] + self.form.format(self.limit)

    @property
    def met(self) -> bool | None:
        if self.value is None:
            return None
        if self.kind == "least":
            return self.value >= self.limit
        return abs(self.value) <= self.limit + 1e-9


def examples(
    samples: FloatArray, pieces: Sequence[Stretch], voice: Voice, languages: Sequence[str], count: int = 5
) -> list[Example]:
    """Sentences of the recording in both voices, at the person's pace, and one in every further language.

    Args:
        samples: float32 (n,) at 24 kHz, the recording.
        pieces: What is said in it.
        voice: The clone's.
        languages: The languages it is judged in, the person's own first.
        count: How many of the recording's.
    """
    from avatar_engine.clone import echoes

    least, most = (seconds * SAMPLE_RATE for seconds in _HEARD)
    fit = [piece for piece in pieces if least <= piece.stop - piece.start <= most] or list(pieces)
    chosen = (
        [fit[int(place)] for place in np.unique(np.linspace(0, len(fit) - 1, count).astype(int))]
        if fit
        else []
    )
    out = []
    for piece in chosen:
        said = echoes.paced(voice, piece, languages[0]).samples
        out.append(Example(piece.words, languages[0], samples[piece.start : piece.stop], said))
    for language in languages[1:]:
        words = sentences(language)[0]
        out.append(Example(words, language, None, say(voice, Utterance(words, language)).samples))
    return out


def figures(language: str, scores: VoiceScores) -> dict[str, Any]:
    """A voice as JSON; ``share_of_way`` is how far from a stranger's likeness to the person's own it is."""
    out = {
        "language": language,
        "share_of_way": float(scores.share if scores.share is not None else 0.0),
        "judge_share_of_way": scores.judge_share,
        "word_error_rate": scores.word_errors,
        "likeness": asdict(scores.likeness),
        "dry_likeness": asdict(scores.dry),
        "own": asdict(scores.own),
        "strangers": asdict(scores.strangers) if scores.strangers else None,
        "unfitted": asdict(scores.unfitted) if scores.unfitted else None,
        "languages": [
            {
                "language": one.language,
                "sentences": len(one.lines),
                "word_errors": one.word_errors,
                "unfitted_errors": one.unfitted_errors,
                "lines": [asdict(line) for line in one.lines],
            }
            for one in scores.languages
        ],
        "delivery": {
            "clone": asdict(scores.voice), "person": asdict(scores.person), "held_out": asdict(scores.held_out),
        },
        "artefacts": {"clone": asdict(scores.artefacts), "person": asdict(scores.person_artefacts)},
    }  # fmt: skip
    return out | {"weak": weak(out)}


def judged(voice: Mapping[str, Any]) -> list[Judged]:
    """A voice's figures (`figures`) against their goals, in the order in which they are told."""
    own, *others = voice["languages"]
    clone, person = voice["delivery"]["clone"], voice["delivery"]["person"]
    rows = [
        Judged("voice, from stranger to person", voice["share_of_way"], "least", LEAST_SHARE, "{:.0%}"),
        Judged(
            "the same by a second encoder", voice["judge_share_of_way"], "least", LEAST_JUDGE_SHARE, "{:.0%}"
        ),
        Judged(f"word errors, {own['language']}", own["word_errors"], "most", MOST_ERRORS, "{:.1%}"),
    ]
    if own["unfitted_errors"] is not None:
        times = ratio(own["word_errors"], own["unfitted_errors"])
        rows.append(Judged("errors against those before the fit", times, "most", MOST_RATIO, "{:.2f} ×"))
    for one in others:
        label = f"word errors, {one['language']}"
        rows.append(Judged(label, one["word_errors"], "most", MOST_FOREIGN_ERRORS, "{:.1%}"))
    for label, key, limit in (
        ("median pitch, off the person's", "pitch", PITCH),
        ("spread of the pitch, off the person's", "spread", SPREAD),
        ("pace, off the person's", "pace", PACE),
    ):
        off = clone[key] / person[key] - 1 if clone[key] and person[key] else None
        rows.append(Judged(label, off, "near", limit, "{:.0%}"))
    return rows


def ratio(errors: float, before: float) -> float:
    """How many times the errors of the unfitted voice there are: 1 for none of either."""
    if not before:
        return float("inf") if errors else 1.0
    return errors / before


def weak(voice: Mapping[str, Any]) -> list[str]:
    """What is not good, in plain sentences; empty where every goal is met and nothing stands out."""
    out = [
        f"{one.label[0].upper()}{one.label[1:]}: {one.shown} (goal {one.goal})."
        for one in judged(voice)
        if one.met is False
    ]
    clone, person = voice["artefacts"]["clone"], voice["artefacts"]["person"]
    if clone["clicks"] > person["clicks"] + _CLICKS:
        out.append(f"{clone['clicks']:.0f} clicks a minute; the recording has {person['clicks']:.0f}.")
    if None not in (clone["harmonicity"], person["harmonicity"]):
        more = clone["harmonicity"] - person["harmonicity"]
        # A voice that did not learn a recording's noise is clearer than it, and no buzz.
        clearer = more > 0 and person["noise"] is not None and person["noise"] > _NOISY
        if abs(more) > _BUZZ and not clearer:
            out.append(
                f"It sounds {'buzzy' if more > 0 else 'hoarse'}: harmonics stand {more:+.1f} dB out of the noise."
            )
    if None not in (clone["noise"], person["noise"]) and clone["noise"] > person["noise"] + _HISS:
        out.append(f"Its pauses hiss: {clone['noise']:.0f} dB, the recording's {person['noise']:.0f} dB.")
    if clone["clipped"]:
        out.append(f"{clone['clipped']:.0f} samples a minute are clipped.")
    loud = voice["delivery"]["clone"]["loudness"]
    if abs(loud - _SHOW) > _LOUDNESS:
        out.append(f"It speaks at {loud:.1f} LUFS, a show at {_SHOW:.0f}.")
    if voice["judge_share_of_way"] is None:
        out.append("No second encoder has judged it (avatar-engine models fetch).")
    return out


def section(voice: Mapping[str, Any], shown: Sequence[Example]) -> str:
    """The voice's part of a page: table, plots, what was misheard, spectrograms and players."""
    delivery = voice["delivery"]
    speakers = {"the clone": delivery["clone"], "the person": delivery["person"]}
    return pages.page(
        "avatar_engine.clone",
        "voice.html.j2",
        voice=voice,
        judged=judged(voice),
        table=_table(voice),
        plots={
            "similarity": plots.similarity(_similarities(voice)),
            "pitch": plots.pitches({name: one["pitches"] for name, one in speakers.items()}, LOWEST),
            "pace": plots.paces({name: one["paces"] for name, one in speakers.items()}),
        },
        misheard=[(one, [line for line in one["lines"] if line["wrong"]]) for one in voice["languages"]],
        examples=[_shown(example) for example in shown],
    )


def _similarities(voice: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Stranger, clone and person by each encoder that judged."""
    far = voice["strangers"] or voice["likeness"]
    rows = {}
    for name, key in (("encoder of the fit", "encoder"), ("independent judge", "judge")):
        values = (far[key], voice["likeness"][key], voice["own"][key])
        if None not in values:
            rows[name] = values
    return rows


def _table(voice: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Rows of figure, clone, person, person at another time, unfitted voice, strangers."""
    like, own, far, start = (voice[key] or {} for key in ("likeness", "own", "strangers", "unfitted"))
    clone, person, held = (voice["delivery"][key] for key in ("clone", "person", "held_out"))
    ours, theirs = voice["artefacts"]["clone"], voice["artefacts"]["person"]
    rows: list[tuple[str, str, list[float | None]]] = [
        ("likeness, encoder of the fit", ".3f", [one.get("encoder") for one in (like, own, {}, start, far)]),
        ("likeness, independent judge", ".3f", [one.get("judge") for one in (like, own, {}, start, far)]),
        (
            "encoder, without the recording's noise",
            ".3f",
            [voice["dry_likeness"]["encoder"], None, None, None, None],
        ),
        (
            "judge, without the recording's noise",
            ".3f",
            [voice["dry_likeness"]["judge"], None, None, None, None],
        ),
    ]
    rows += [
        (f"word errors, {one['language']}, {one['sentences']} sentences", ".1%",
         [one["word_errors"], None, None, one["unfitted_errors"], None])
        for one in voice["languages"]
    ]  # fmt: skip
    rows += [
        ("median pitch (Hz)", ".0f", [clone["pitch"], person["pitch"], held["pitch"], None, None]),
        ("spread of the pitch (semitones)", ".2f", [clone["spread"], person["spread"], held["spread"], None, None]),
        ("pace (phones a second)", ".1f", [clone["pace"], person["pace"], None, None, None]),
        ("loudness (LUFS)", ".1f", [clone["loudness"], person["loudness"], held["loudness"], None, None]),
        ("harmonics over noise (dB)", ".1f", [ours["harmonicity"], theirs["harmonicity"], None, None, None]),
        ("noise in pauses against speech (dB)", ".0f", [ours["noise"], theirs["noise"], None, None, None]),
        ("clicks a minute", ".1f", [ours["clicks"], theirs["clicks"], None, None, None]),
        ("clipped samples a minute", ".0f", [ours["clipped"], theirs["clipped"], None, None, None]),
    ]  # fmt: skip
    return [
        (label, ["" if value is None else format(value, form) for value in values])
        for label, form, values in rows
        if values[0] is not None
    ]


def _shown(example: Example) -> dict[str, Any]:
    """An example as pictures and players."""
    speakers = [("the person", example.person), ("the clone", example.clone)]
    return {
        "words": example.words,
        "language": example.language,
        "speakers": [
            {
                "who": who,
                "sound": pages.sound(mp3(sound)),
                "picture": pages.jpeg(plots.spectrogram(sound), 80),
            }
            for who, sound in speakers
            if sound is not None and len(sound)
        ],
    }
