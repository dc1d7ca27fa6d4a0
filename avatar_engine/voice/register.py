"""A fitted voice in the register that the person speaks in: it is heard, and moved to where the person is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avatar_engine.contracts import Utterance
from avatar_engine.voice import pitch as tracks
from avatar_engine.voice.melody import Melody, melody, towards
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.speak import Voice, say


def settled(pack: VoicePack, person: Melody | None, sentences: Sequence[str]) -> VoicePack:
    """``pack`` with the register in which it is heard where the person is: it says the sentences and is measured.

    A network's own numbers do not tell: what a tracker hears of its voice is a tenth higher, and a narrower style
    than its own moves it again.
    """
    if person is None or not sentences:
        return pack
    voice = Voice(pack, pack.language)
    try:
        sounds = [say(voice, Utterance(sentence, pack.language)).samples for sentence in sentences]
    finally:
        voice.close()
    heard = melody(np.concatenate([tracks.pitch(sound) for sound in sounds]))
    if heard is None:
        return pack
    shift, spread = pack.meta["pitch"]
    return replace(pack, meta={**pack.meta, "pitch": list(towards((shift, spread), heard, person))})
