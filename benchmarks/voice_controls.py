"""Is a voice's emotion heard as asked, and is every word still there?

    python benchmarks/voice_controls.py emotions
    python benchmarks/voice_controls.py extremes
    python benchmarks/voice_controls.py picture -o emotions.png

``emotions`` lets two stock voices say eight sentences in every emotion and measures the sound: median pitch, spread
of the pitch, level of what is said, phones a second, and what Whisper reads back. ``extremes`` does the same at the
ends of speed, pitch and range, and looks for clicks. ``picture`` draws one sentence in all emotions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, TypedDict

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from avatar_engine.clone.plots import spectrogram
from avatar_engine.contracts import EMOTIONS, SAMPLE_RATE, SILENCE, Controls, Speech, Utterance
from avatar_engine.voice import readback
from avatar_engine.voice.artefacts import click
from avatar_engine.voice.delivery import delivery, phones_in
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.sentences import sentences
from avatar_engine.voice.speak import Voice, say

app = typer.Typer(help=__doc__)
console = Console()

VOICES = ("am_michael", "af_heart")
SENTENCES = sentences("en", 8)


@dataclass(frozen=True)
class Heard:
    """One sentence: Hz, semitones, dB, phones a second without pauses, largest click, seconds."""

    pitch: float
    spread: float
    energy: float
    rate: float
    click: float
    seconds: float


def heard(speech: Speech) -> Heard:
    """What a sentence sounds like, measured on its sound."""
    manner = delivery([speech.samples], [phones_in(speech)])
    spoken = [phone for phone in speech.phones if phone.symbol != SILENCE]
    said = np.concatenate(
        [speech.samples[int(p.start * SAMPLE_RATE) : int(p.end * SAMPLE_RATE)] for p in spoken]
    )
    level = 10 * np.log10(np.mean(np.square(said, dtype=np.float64)))
    seconds = sum(phone.end - phone.start for phone in spoken)
    return Heard(
        manner.pitch or 0.0,
        manner.spread or 0.0,
        float(level),
        len(spoken) / seconds,
        click(speech.samples),
        speech.seconds,
    )


class Row(TypedDict):
    """One voice under one control: means of the sentences, the sentences, and the share of words read back wrongly."""

    mean: dict[str, float]
    each: list[dict[str, float]]
    word_errors: float


def measured(asked: Mapping[str, Controls], voices: tuple[str, ...] = VOICES) -> dict[str, Row]:
    """Every voice under all of ``asked``: means, the sentences themselves, and word errors."""
    found: dict[str, Row] = {}
    for name in voices:
        voice = Voice(VoicePack.stock(name))
        for label, controls in asked.items():
            said = [say(voice, Utterance(sentence, controls=controls)) for sentence in SENTENCES]
            each = [asdict(heard(speech)) for speech in said]
            mean = {key: float(np.mean([one[key] for one in each])) for key in each[0]}
            back = readback.heard([speech.samples for speech in said], SENTENCES, "en")
            found[f"{name} {label}"] = {"mean": mean, "each": each, "word_errors": back.word_errors}
            console.print(f"{name:12} {label:14} {_row(mean)}  words wrong {back.word_errors:.1%}")
        voice.close()
    return found


def _row(mean: Mapping[str, float]) -> str:
    return (
        f"{mean['pitch']:6.1f} Hz  spread {mean['spread']:.2f} st  {mean['energy']:6.1f} dB  "
        f"{mean['rate']:5.1f} phones/s  click {mean['click']:.1f}"
    )


@app.command()
def emotions(output: Path = Path("build/voice-emotions.json")) -> None:
    """Every emotion against neutral, and on how many of the sentences it moves as asked."""
    found = measured({emotion: Controls(emotion=emotion) for emotion in EMOTIONS})
    table = Table("voice", "sentences as asked", "pitch", "spread", "level", "rate")
    signs = {
        "warm": (-1, 0, -1, -1),
        "excited": (1, 1, 1, 1),
        "calm": (-1, -1, -1, -1),
        "serious": (-1, -1, 0, -1),
    }
    for name in VOICES:
        plain = found[f"{name} neutral"]["each"]
        for emotion, wanted in signs.items():
            each = found[f"{name} {emotion}"]["each"]
            keys = ("pitch", "spread", "energy", "rate")
            right = [
                f"{sum((a[key] - b[key]) * sign > 0 for a, b in zip(each, plain, strict=True))}/8"
                if sign
                else "-"
                for key, sign in zip(keys, wanted, strict=True)
            ]
            table.add_row(name, emotion, *right)
    console.print(table)
    _write(output, found)


@app.command()
def extremes(output: Path = Path("build/voice-extremes.json")) -> None:
    """The ends of what may be asked for."""
    asked = {
        "plain": Controls(),
        "speed 0.7": Controls(0.7),
        "speed 1.4": Controls(1.4),
        "pitch -4": Controls(pitch=-4),
        "pitch +4": Controls(pitch=4),
        "range 0.4": Controls(range=0.4),
        "range 1.6": Controls(range=1.6),
        "energy +6": Controls(energy=6),
    }
    _write(output, measured(asked))


@app.command()
def picture(
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("build/voice-emotions.png"),
    voice: str = "af_heart",
    sentence: str = "Nothing is better than a cup of tea after a long walk.",
) -> None:
    """Spectrograms of one sentence in all emotions, with the pitch drawn on them."""
    import cv2

    speaker = Voice(VoicePack.stock(voice))
    asked = [Utterance(sentence, controls=Controls(emotion=emotion)) for emotion in EMOTIONS]
    rows = [_spectrogram(say(speaker, one), one.controls.emotion) for one in asked]
    width = max(row.shape[1] for row in rows)
    sheet = np.vstack([np.pad(row, ((0, 6), (0, width - row.shape[1]), (0, 0))) for row in rows])
    output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(output), sheet)


def _spectrogram(speech: Speech, label: str) -> np.ndarray:
    """The sentence's spectrogram under its name."""
    import cv2

    sheet = cv2.cvtColor(spectrogram(speech.samples), cv2.COLOR_RGB2BGR)
    cv2.putText(sheet, label, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return sheet


def _write(output: Path, found: object) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    app()
