"""The presenter's own sentences in synthetic voices, so that the lips learn to follow one.

The cloned voice, and then the stock voice that sounds most like the presenter, say the minute's words again at the
presenter's pace, and the phones of both are laid on one another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from avatar_engine.contracts import (
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    SILENCE,
    Controls,
    FloatArray,
    Phone,
    Progress,
    Speech,
    Utterance,
    silent,
)
from avatar_engine.errors import AvatarError
from avatar_engine.lips.echo import Echo, Said, echo
from avatar_engine.voice import recorded
from avatar_engine.voice.align import Stretch
from avatar_engine.voice.pack import VoicePack, stock_fit
from avatar_engine.voice.speak import Voice, say
from avatar_engine.voice.speaker import encoder

EVEN = 0.05
"""A difference in pace that is left as it is."""

WORST = 1.35
"""A stretch whose words cost so much more than the others' to align was heard wrongly, and is left out."""

STAGE = "lips echoes"


def echoes(
    samples: FloatArray,
    pieces: Sequence[Stretch],
    packs: Sequence[VoicePack],
    language: str,
    work: Path,
    progress: Progress = silent,
    *,
    budget: float,
    clock: Callable[[], float] = time.monotonic,
) -> list[Echo]:
    """The minute in other voices; what an earlier run made in ``work`` is taken again.

    Args:
        samples: float32 (n * 960,), the sound of the fitted pictures at 24 kHz.
        pieces: What is said in it.
        packs: Who says it again, the most important first: the others have what it leaves of the budget.
        language: BCP 47 tag.
        work: A folder.
        progress: Told of stage ``lips echoes``.
        budget: Seconds; where they are over, the voices say no more.
        clock: What the budget is counted in.

    Returns:
        One for each voice that had time for a stretch that can be aligned.

    Raises:
        AvatarError: Weights are missing, or the language can't be spoken.
    """
    kept = work / "echoes.safetensors"
    if kept.exists():
        stored = load_file(kept)
        names = sorted({name.partition(".")[0] for name in stored})
        return [Echo(stored[f"{name}.samples"], stored[f"{name}.pictures"]) for name in names]
    until = clock() + budget
    made = {}
    for number, pack in enumerate(packs):

        def told(stage: str, done: float, note: str = "", number: int = number) -> None:
            progress(STAGE, (number + done) / len(packs), note)

        voice = Voice(pack, language)
        try:
            stretches = said(samples, pieces, voice, language, told, lambda: clock() > until)
        finally:
            voice.close()
        if stretches:
            made[str(number)] = echo(stretches, len(samples) // SAMPLES_PER_FRAME)
    if not made:
        return []
    work.mkdir(parents=True, exist_ok=True)
    parts = {f"{name}.samples": one.samples for name, one in made.items()}
    unfinished = kept.with_suffix(".part")
    save_file(parts | {f"{name}.pictures": one.pictures for name, one in made.items()}, unfinished)
    unfinished.replace(kept)
    progress(STAGE, 1.0, f"{len(pieces)} stretches")
    return list(made.values())


def nearest(samples: FloatArray, language: str) -> list[VoicePack]:
    """The stock voices of the language, those that sound most like the person first."""
    person, known = encoder().voice(samples), stock_fit()
    own = [name for name in known if VoicePack.stock(name).language[:2] == language[:2]]
    if not own:
        return [VoicePack.default(language)]
    own.sort(key=lambda name: -float(known[name].speaker @ person))
    return [VoicePack.stock(name) for name in own]


def said(
    samples: FloatArray,
    pieces: Sequence[Stretch],
    voice: Voice,
    language: str,
    progress: Progress,
    enough: Callable[[], bool] = lambda: False,
) -> list[Said]:
    """Every stretch in the voice, until it is ``enough``, with the phones of both; those whose words don't fit are
    left out."""
    out, costs = [], []
    for done, piece in enumerate(pieces):
        if enough():
            break
        progress("words", done / len(pieces), piece.words[:40])
        speech = paced(voice, piece, language)
        try:
            real, cost = recorded.phones(speech, samples[piece.start : piece.stop])
        except AvatarError:
            continue  # too short to hold its words: heard wrongly
        start = piece.start / SAMPLE_RATE
        costs.append(cost)
        out.append(Said(speech, tuple(Phone(p.symbol, p.start + start, p.end + start) for p in real)))
    progress("words", 1.0, f"{len(out)} stretches")
    known = [cost for cost in costs if np.isfinite(cost)]
    limit = WORST * float(np.median(known)) if known else 0.0
    return [piece for piece, cost in zip(out, costs, strict=True) if cost <= limit]


def paced(voice: Voice, piece: Stretch, language: str) -> Speech:
    """The words of a stretch about as fast as the person says them."""
    speech = say(voice, Utterance(piece.words, language))
    sounding = [phone for phone in speech.phones if phone.symbol != SILENCE]
    wanted = (piece.stop - piece.start) / SAMPLE_RATE - 2 * recorded.RIM
    pace = (sounding[-1].end - sounding[0].start) / max(wanted, 0.1) if sounding else 1.0
    if abs(pace - 1) < EVEN:
        return speech
    return say(voice, Utterance(piece.words, language, Controls(float(np.clip(pace, 0.5, 2.0)))))
