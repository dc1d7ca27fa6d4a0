"""A line as the desk's controls want it said: the page's controls become marks (`avatar_engine.markup`)."""

from __future__ import annotations

import re

from avatar_engine.contracts import EMOTIONS
from avatar_engine.studio.refusals import Refusal

_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def marked(text: str, emotion: str, speed: float, pitch: float, language: str) -> str:
    """The line with its marks; without any where nothing is asked for.

    Args:
        text: What is said; it may have marks of its own.
        emotion: One of `EMOTIONS`, or "".
        speed: 1 is the person's own.
        pitch: Semitones.
        language: A tag, or "" for the show's.

    Raises:
        Refusal: There is nothing to say, or a control is none.
    """
    line = " ".join(text.split())
    if not line:
        raise Refusal("There is nothing to say.", "Type a line.")
    if emotion and emotion not in EMOTIONS:
        raise Refusal(f"There is no emotion {emotion[:40]!r}.", f"Emotions: {', '.join(EMOTIONS)}.")
    if language and not _TAG.fullmatch(language):
        raise Refusal(f"{language[:40]!r} is no language.", "Write such as en, or fr.")
    asked = ([f'rate="{speed:.0%}"'] if abs(speed - 1) > 0.01 else []) + (
        [f'pitch="{pitch:+g}st"'] if abs(pitch) > 0.01 else []
    )
    if asked:
        line = f"<prosody {' '.join(asked)}>{line}</prosody>"
    if language:
        line = f'<lang xml:lang="{language}">{line}</lang>'
    return f"[{emotion}] {line}" if emotion and emotion != EMOTIONS[0] else line
