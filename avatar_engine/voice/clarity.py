"""A fit that makes words worse is not kept: its voice is read back beside the one that it began from.

Gains and shifts of a fitted decoder lie on a line with those that its style alone gives. Where the recogniser
understands fewer words than in the unfitted voice, the fit is taken back along that line until it does not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from avatar_engine.contracts import Progress, Utterance, silent
from avatar_engine.voice.network import gains
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.readback import heard
from avatar_engine.voice.speak import Voice, say

log = logging.getLogger(__name__)

STRENGTHS = (0.8, 0.6, 0.4, 0.2, 0.0)
"""Shares of the fit that are tried, in order. The last fifth of a fit is hardly heard and costs words: four people's
likeness is 0.003 to 0.006 lower without it, their wrong words 1.4 % for 1.6 (docs/measurements-voice.md)."""

_RATIO, _LOST = 1.5, 0.01
"""Word errors that a fit may have: so many times the unfitted voice's, or so many more where that is more."""

Reads = Callable[[VoicePack, Sequence[str], str], float]
"""Share of the words that are misread when a voice says sentences in a language."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the read-back of a fit came to.

    Attributes:
        unfitted: Share of wrong words in the voice that the fit began from.
        fitted: The same for the voice that is kept.
        strength: Share of the fit that is kept, 0 to 1.
        sentences: How many sentences were read.
    """

    unfitted: float
    fitted: float
    strength: float
    sentences: int

    @property
    def kept(self) -> bool:
        """Whether the words are as clear as before."""
        return self.fitted <= allowed(self.unfitted)


def allowed(unfitted: float) -> float:
    """The share of wrong words that a fit may have."""
    return max(_RATIO * unfitted, unfitted + _LOST)


def weakened(pack: VoicePack, strength: float) -> VoicePack:
    """``pack`` with only a share of what was fitted beyond its style."""
    if strength == 1.0:
        return pack
    start = gains(pack.style)
    folded = {name: start[name] + strength * (value - start[name]) for name, value in pack.folded.items()}
    return replace(pack, folded=folded)


def misread(pack: VoicePack, sentences: Sequence[str], language: str) -> float:
    """The share of words that Whisper base reads back wrongly."""
    voice = Voice(pack, language)
    try:
        sounds = [say(voice, Utterance(sentence, language)).samples for sentence in sentences]
    finally:
        voice.close()
    return heard(sounds, sentences, language).word_errors


def clear(
    pack: VoicePack,
    unfitted: VoicePack,
    sentences: Sequence[str],
    language: str,
    reads: Reads,
    progress: Progress = silent,
) -> tuple[VoicePack, Words]:
    """The most of a fit whose words are as clear as those of the voice that it began from.

    Args:
        pack: The fitted voice.
        unfitted: The stock voice that it began from.
        sentences: What both say.
        language: BCP 47 tag of the sentences.
        reads: Lets a voice say sentences and counts the words that are misread.
        progress: Told which share is being read.

    Returns:
        The voice, and what was read. Where no share of the fit is clear enough, the clearest.
    """
    progress("voice", 0.0, "words of the unfitted voice")
    before = reads(unfitted, sentences, language)
    tried: list[tuple[float, float]] = []
    for strength in STRENGTHS:
        progress("voice", len(tried) / len(STRENGTHS), f"words with {strength:.0%} of the fit")
        errors = reads(weakened(pack, strength), sentences, language)
        tried.append((errors, strength))
        if errors <= allowed(before):
            break
        log.warning(
            "with %.0f %% of the fit %.1f %% of the words are misread (%.1f %% before it)",
            100 * strength, 100 * errors, 100 * before,
        )  # fmt: skip
    errors, strength = min(tried, key=lambda one: (one[0] > allowed(before), one[0], -one[1]))
    return weakened(pack, strength), Words(before, errors, strength, len(sentences))
