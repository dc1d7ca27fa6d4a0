"""A presenter who is nobody: a drawn face that speaks with the engine's stock voice, for demonstrations and tests."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))

from portrait.acting import act
from portrait.figure import Face, draw_face, lip_points
from portrait.mouth import Mouth
from portrait.studio import OUTFITS
from portrait.visemes import mouth_track, stresses

from avatar_engine.cli.progress import Bars
from avatar_engine.contracts import (
    FRAME_RATE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    FloatArray,
    Phone,
    Progress,
    Utterance,
    silent,
)
from avatar_engine.errors import AvatarError
from avatar_engine.media.write import VideoWriter
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.speak import Voice

__all__ = ["Face", "Mouth", "draw_face", "lip_points", "make_clip", "mouth_track"]

QUIET_START, QUIET_END = 0.7, 1.0
"""Seconds of silence before the first word and after the last."""

VOICES = {"en": "af_heart", "fr": "ff_siwis"}

LINES: dict[str, list[tuple[str, float]]] = {
    "en": [
        ("Hello, and welcome! It is so good to have you here with us this evening.", 1.0),
        ("My name is June, and I will be your host in our little shop.", 0.6),
        ("People often ask me what I love most about my job.", 0.5),
        ("Well, I enjoy showing you beautiful things, and giving you honest answers.", 1.3),
        ("Today we brought five new products: a blue vase, a pair of warm gloves, a fresh perfume, "
         "a chair made of oak, and a very good book.", 0.9),
        ("Which one would you choose? Think about it, there is no hurry at all.", 1.5),
        ("If you have a question, just write it in the chat, and I shall read it out loud.", 0.7),
        ("The measure, the weight, the price, the usual delivery: you can ask me anything.", 0.9),
        ("And before we go on, thank you for joining us. Make yourself a cup of tea, and enjoy the show!", 1.0),
        ("Oh, and one more thing: every Thursday we give away a small surprise, so come back and visit us.", 1.2),
        ("For now, let us have a closer look at the first of our treasures.", 1.0),
    ],
    "fr": [
        ("Bonjour, et bienvenue ! Je suis très heureuse de vous retrouver ce soir.", 1.0),
        ("Je m'appelle June, et je vous accueille dans notre petite boutique.", 0.6),
        ("On me demande souvent ce que je préfère dans mon métier.", 0.5),
        ("Eh bien, j'aime vous montrer de beaux objets, et vous répondre franchement.", 1.3),
        ("Aujourd'hui, nous avons cinq nouveautés : un vase bleu, une paire de gants, un parfum frais, "
         "une chaise en chêne, et un très bon livre.", 0.9),
        ("Lequel choisiriez-vous ? Réfléchissez, nous avons tout notre temps.", 1.5),
        ("Si vous avez une question, écrivez-la dans le chat, et je la lirai à voix haute.", 0.7),
        ("La taille, le poids, le prix, la livraison : vous pouvez tout me demander.", 0.9),
        ("Avant de continuer, merci d'être avec nous. Préparez-vous une tasse de thé, et bonne émission !", 1.0),
        ("Ah, encore une chose : chaque jeudi, nous offrons une petite surprise. Revenez nous voir.", 1.2),
        ("Pour l'instant, regardons de plus près le premier de nos trésors.", 1.0),
    ],
}  # fmt: skip


def say(
    seconds: float, language: str = "en", voice: str = "af_heart", progress: Progress = silent
) -> tuple[FloatArray, tuple[Phone, ...]]:
    """Exactly ``seconds`` of sound, float32 at `SAMPLE_RATE`, and its phones with times.

    Lines that don't fit any more are left out; what is left of the time is silence.

    Raises:
        AvatarError: The language or voice is unknown.
    """
    if language not in LINES:
        raise AvatarError(f"The presenter has no text in {language!r}.", f"Known: {', '.join(LINES)}.")
    total = round(seconds * FRAME_RATE) * SAMPLES_PER_FRAME
    samples = np.zeros(total, np.float32)
    phones: list[Phone] = []
    at = round(QUIET_START * SAMPLE_RATE)
    speaker = Voice(VoicePack.stock(voice), language=language)
    try:
        for text, pause in LINES[language]:
            pieces = list(speaker.speak(Utterance(text=text, language=language)))
            length = sum(len(piece.samples) for piece in pieces)
            if at + length > total - QUIET_END * SAMPLE_RATE:
                break
            for piece in pieces:
                samples[at : at + len(piece.samples)] = piece.samples
                start = at / SAMPLE_RATE
                phones += [Phone(p.symbol, start + p.start, start + p.end) for p in piece.phones]
                at += len(piece.samples)
            progress("voice", at / total, f"{at / SAMPLE_RATE:.0f} s")
            at += round(pause * SAMPLE_RATE)
    finally:
        speaker.close()
    progress("voice", 1.0, f"{sum(p.end - p.start for p in phones if p.symbol != '_'):.0f} s of speech")
    return samples, joined(phones)


def joined(phones: list[Phone]) -> tuple[Phone, ...]:
    """The phones in order, those that were cut where two pieces of sound meet made whole."""
    whole: list[Phone] = []
    for phone in phones:
        if phone.end <= phone.start:
            continue
        if whole and whole[-1].symbol == phone.symbol and phone.start - whole[-1].end < 1e-3:
            whole[-1] = Phone(phone.symbol, whole[-1].start, phone.end)
        else:
            whole.append(phone)
    return tuple(whole)


def make_clip(
    path: Path,
    seconds: float = 60.0,
    size: tuple[int, int] = (1280, 720),
    seed: int = 0,
    language: str = "en",
    voice: str | None = None,
    outfit: str = "navy",
    progress: Progress = silent,
) -> list[Face]:
    """Write the presenter's clip of exactly ``seconds`` to ``path``, and what was drawn beside it (``.json``).

    Args:
        path: The MP4 file.
        seconds: Length; what the text leaves is silence with the mouth closed.
        size: Width and height in pixels, both even.
        seed: Of blinks, glances and head motion; the same seed gives the same pictures.
        language: ``en`` or ``fr``.
        voice: A stock voice; by default the language's own.
        outfit: One of `OUTFITS`.
        progress: Told how far the voice and the pictures are.

    Returns:
        What was drawn in every picture.

    Raises:
        AvatarError: A size that can't be written, an unknown language, voice or outfit.
    """
    if outfit not in OUTFITS:
        raise AvatarError(f"The presenter has no outfit {outfit!r}.", f"Known: {', '.join(OUTFITS)}.")
    title = {
        "title": "Synthetic presenter",
        "comment": "A drawn face and a stock voice; AI-generated, shows nobody.",
    }
    with VideoWriter(path, *size, crf=16, preset="veryfast", gop=50, metadata=title, threads=1) as writer:
        samples, phones = say(seconds, language, voice or VOICES.get(language, "af_heart"), progress)
        faces = act(mouth_track(phones, samples), stresses(samples), seed)
        for index, face in enumerate(faces):
            writer.picture(draw_face(face, size, outfit), "rgb24")
            writer.sound(samples[index * SAMPLES_PER_FRAME : (index + 1) * SAMPLES_PER_FRAME])
            if index % 5 == 0:
                progress("pictures", index / len(faces), f"{index}/{len(faces)}")
    progress("pictures", 1.0, f"{len(faces)}/{len(faces)}")
    truth = {
        "frame_rate": FRAME_RATE,
        "size": list(size),
        "seed": seed,
        "language": language,
        "phones": [[p.symbol, round(p.start, 4), round(p.end, 4)] for p in phones],
        "frames": [{**asdict(face), "lips": lip_points(face, size)} for face in faces],
    }
    path.with_suffix(".json").write_text(json.dumps(truth), encoding="utf-8")
    return faces


def main(
    out: Annotated[Path, typer.Option("--output", "-o", help="The clip (.mp4).")] = Path(
        "out/demo/presenter.mp4"
    ),
    seconds: Annotated[float, typer.Option(min=1, max=3600)] = 60.0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT, both even.")] = "1280x720",
    language: Annotated[str, typer.Option(help="en or fr.")] = "en",
    seed: Annotated[int, typer.Option(help="The same seed gives the same pictures.")] = 0,
    outfit: Annotated[str, typer.Option(help=f"What is worn: {', '.join(OUTFITS)}.")] = "navy",
) -> None:
    """Make a minute of a drawn presenter who speaks to the camera."""
    cv2.setNumThreads(1)
    width, _, height = size.partition("x")
    try:
        if not (width.isdigit() and height.isdigit()):
            raise AvatarError(f"{size!r} is no size.", "Write it like 1280x720.")
        out.parent.mkdir(parents=True, exist_ok=True)
        with Bars(Console(stderr=True)) as bars:
            make_clip(out, seconds, (int(width), int(height)), seed, language, outfit=outfit, progress=bars)
    except AvatarError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{out}")


if __name__ == "__main__":
    typer.run(main)
