from pathlib import Path

import numpy as np
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.voice import fit as fitting
from avatar_engine.voice.align import Stretch
from avatar_engine.voice.network import Network, gains
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.phonemes import Phonemizer, tokens

SENTENCES = ("This lamp uses little power.", "Have a cup of tea.", "Thank you for watching.")


@pytest.fixture(scope="module")
def spoken() -> tuple[np.ndarray, list[Stretch]]:
    """Another stock voice as the person: what is said and when is known."""
    stock = VoicePack.stock("bm_lewis")
    network, phonemizer = Network(stock.style, None, stock.statistics), Phonemizer("en")
    sounds, stretches, at = [], [], 0
    for sentence in SENTENCES:
        sound = network.sound(network.plan(tokens(phonemizer.phonemes(sentence))))
        sounds.append(sound)
        stretches.append(Stretch(at, at + len(sound), sentence))
        at += len(sound)
    phonemizer.close()
    return np.concatenate(sounds), stretches


class Ticks:
    """A clock that is a second later at every look: a budget is so many steps, however slow the machine."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def score(note: str) -> float:
    spectrum, speaker = (float(part.rsplit(" ", 1)[1]) for part in note.split(", "))
    return spectrum + 1.2 * (1 - speaker)


@pytest.mark.weights
def test_a_short_fit_moves_every_gain_and_is_resumed(
    spoken: tuple[np.ndarray, list[Stretch]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, stretches = spoken
    heard: list[str] = []
    monkeypatch.setattr(fitting.align, "transcribe", lambda *_: (stretches, "en"))
    monkeypatch.setattr(fitting, "SHORTEST_SPEECH", 3.0)
    monkeypatch.setattr(fitting, "_LEAST", 4.0)
    monkeypatch.setattr("time.process_time", Ticks())
    monkeypatch.setattr(fitting, "_nearest", lambda *_: ("am_michael", "am_michael"))

    def progress(stage: str, done: float, note: str = "") -> None:
        heard.append(note)

    pack = fitting.fit(samples, language="en", budget=1, work=tmp_path, progress=progress)
    scores = [score(note) for note in heard if note.startswith("gains")]
    assert min(scores[1:]) < scores[0] + 0.02  # Few steps: not worse; how much better is for the benchmark.
    start = gains(pack.style)
    assert pack.meta["steps"]["gains"] > 0
    assert all(not np.array_equal(value, start[name]) for name, value in pack.folded.items())
    assert pack.base == "am_michael" and len(pack.folded) == 58 and len(pack.statistics) == 44
    assert pack.meta["pitch"][0] < 0  # bm_lewis speaks lower than am_michael.

    heard.clear()
    monkeypatch.setattr(fitting.align, "transcribe", lambda *_: pytest.fail("it was heard already"))
    again = fitting.fit(samples, language="en", budget=1, work=tmp_path, progress=progress)
    assert np.array_equal(again.style, pack.style)


@pytest.mark.weights
def test_silence_is_refused(tmp_path: Path) -> None:
    hiss = np.random.default_rng(1).normal(size=24000 * 6).astype(np.float32) * 1e-4
    with pytest.raises(AvatarError, match=r"clip"):
        fitting.fit(hiss, language="en", work=tmp_path)
