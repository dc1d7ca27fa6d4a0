"""How a fitted voice speaks a language that its minute did not hold: in the person's timbre, articulated by a native.

A voice times and intones (the style's second half), articulates (the gains of the decoder's body) and sounds (those of
its generator). Fitted to English, all of it is English: French in such a voice is not understood, nor is it in an
English stock voice. So what times, intones and articulates is a stock voice's whose language it is, of a pitch near
the person's and brought to the person's register; what sounds is the person's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from avatar_engine.voice import text
from avatar_engine.voice.melody import Melody, melody, towards
from avatar_engine.voice.network import LOWEST_PITCH, Planner, gains, tuned
from avatar_engine.voice.pack import VoicePack, stock_fit
from avatar_engine.voice.phonemes import tokens
from avatar_engine.voice.sentences import FREE

PACES = (0.92, 1.0)
"""Rate against a native's, of somebody who is slow or fast in the own language: nobody is faster than a native."""

ARTICULATION = 0.7
"""How far the body's gains go from the person's to the native's: at 0 nothing is understood, at 1 likeness is lost."""

WIDEST = 1.15
"""Most that a native's melody is widened: wider, its words are understood less well."""

_SENTENCES = 3

Spell = Callable[[str, str], str]
"""Phonemes of a normalised sentence in a language."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """How a language is timed and intoned.

    Attributes:
        planner: The network up to its generator.
        register: Shift and factor of the spread of its log pitch.
        pace: Factor of its rate.
    """

    planner: Planner
    register: tuple[float, float]
    pace: float


def own(pack: VoicePack, planner: Planner) -> Tongue:
    """The language of the pack, and all of a stock voice's; ``planner`` is the network in the pack's style."""
    return Tongue(planner, _register(pack), float(pack.meta.get("pace", 1.0)))


def tongue(pack: VoicePack, language: str, planner: Planner, spell: Spell) -> Tongue:
    """How the voice of ``pack`` speaks ``language`` (BCP 47).

    Args:
        pack: The voice.
        language: What is to be said.
        planner: The network in the pack's style.
        spell: The phonemes of a sentence.
    """
    mother, native = own(pack, planner), _native(pack, language)
    if native is None:
        return mother
    style = np.concatenate([pack.style[:128], native.style[128:]]).astype(np.float32)
    theirs = gains(native.style)
    folded = {name: mine + ARTICULATION * (theirs[name] - mine) for name, mine in pack.folded.items()}
    pace = float(np.clip(mother.pace, *PACES))
    there = Tongue(planner.beside(style, folded), (0.0, 1.0), pace)
    here, foreign = (
        _planned(one, spoken, spell) for one, spoken in ((mother, pack.language), (there, language))
    )
    if here is None or foreign is None:
        return mother
    shift, spread = towards((0.0, 1.0), foreign, here)
    return replace(there, register=(shift, min(spread, WIDEST)))


def _register(pack: VoicePack) -> tuple[float, float]:
    shift, spread = pack.meta.get("pitch", (0.0, 1.0))
    return float(shift), float(spread)


def _native(pack: VoicePack, language: str) -> VoicePack | None:
    """The stock voice of the language whose pitch is nearest to the pack's; None for the pack's own language, for a
    stock voice, and where there is no native."""
    known = stock_fit()
    base = known.get(str(pack.meta.get("prosody", pack.base)))
    if not pack.folded or base is None or language[:2] == pack.language[:2]:
        return None
    pitch = base.pitch[0] + _register(pack)[0]
    natives = [name for name in known if VoicePack.stock(name).language[:2] == language[:2]]
    nearest = min(natives, key=lambda name: abs(known[name].pitch[0] - pitch), default=None)
    return VoicePack.stock(nearest) if nearest else None


def _planned(spoken: Tongue, language: str, spell: Spell) -> Melody | None:
    """The melody that the network plans for a few sentences."""
    curves = []
    for sentence in FREE.get(language[:2], ())[:_SENTENCES]:
        words = " ".join(text.say(sentence, language))
        plan = spoken.planner.plan(tokens(spell(words, language)), spoken.pace)
        curves.append(tuned(plan, spoken.register).pitch[0])
    whole = np.concatenate(curves) if curves else np.zeros(0, np.float32)
    return melody(np.where(whole > LOWEST_PITCH, whole, 0).astype(np.float32))
