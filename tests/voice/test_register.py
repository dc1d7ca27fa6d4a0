import numpy as np
import pytest

from avatar_engine.contracts import Speech
from avatar_engine.voice import register
from avatar_engine.voice.melody import Melody
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.register import settled


def curve(middle: float, spread: float, count: int = 4000) -> np.ndarray:
    """A tracked pitch whose logarithm is normal: Hz and semitones."""
    deviations = np.random.default_rng(1).normal(size=count)
    pitch = middle * 2 ** (deviations * spread / 12)
    pitch[::3] = 0
    return pitch.astype(np.float32)


class Follows:
    """A voice whose tracked pitch is what its register makes of 150 Hz and 4 semitones."""

    def __init__(self, pack: VoicePack, language: str) -> None:
        self.pack = pack

    def close(self) -> None:
        pass


def test_a_voice_is_heard_and_brought_to_where_the_person_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(voice: Follows, utterance: object) -> Speech:
        shift, spread = voice.pack.meta["pitch"]
        return Speech(curve(150 * float(np.exp(shift)), 4 * spread))

    monkeypatch.setattr(register, "Voice", Follows)
    monkeypatch.setattr(register, "say", said)
    monkeypatch.setattr(register.tracks, "pitch", lambda samples: samples)
    before = VoicePack(
        np.zeros(256, np.float32), {}, {}, "af_heart", "en", {"pitch": [0.2, 0.8], "pace": 1.1}
    )
    after = settled(before, Melody(120, 3.0), ["One.", "Two."])
    shift, spread = after.meta["pitch"]
    assert 150 * np.exp(shift) == pytest.approx(120, rel=0.01) and 4 * spread == pytest.approx(3.0, rel=0.05)
    assert after.meta["pace"] == 1.1 and before.meta["pitch"] == [0.2, 0.8]
    assert settled(before, None, ["One."]) is before and settled(before, Melody(120, 3), ()) is before
