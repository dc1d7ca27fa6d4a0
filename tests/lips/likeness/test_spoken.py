from typing import Any

import numpy as np
import pytest

from avatar_engine.contracts import FloatArray, MouthMotion, Phone, Speech
from avatar_engine.lips.echo import Said
from avatar_engine.lips.likeness import spoken


class Follower:
    """A mouth whose only coefficient is the mean of its picture's samples."""

    def whole(self, samples: FloatArray, phones: tuple[Phone, ...]) -> MouthMotion:
        del phones
        count = -(-len(samples) // 960)
        padded = np.pad(samples, (0, count * 960 - len(samples)))
        return MouthMotion(padded.reshape(count, 960).mean(1, keepdims=True))


def stretch(edges: list[float], start: float = 0.0) -> tuple[Phone, ...]:
    """Phones between silences."""
    symbols = ["_", *"abcdefgh"[: len(edges) - 3], "_"]
    return tuple(Phone(s, a + start, b + start) for s, a, b in zip(symbols, edges, edges[1:], strict=False))


def speech(edges: list[float]) -> Speech:
    """A sound that is as high as its own time in seconds."""
    return Speech((np.arange(int(edges[-1] * 24000)) / 24000).astype(np.float32), stretch(edges))


def test_the_mouth_is_where_the_real_phones_are() -> None:
    """Half as fast in the clip as in the clone's own time."""
    own, real = [0, 0.2, 0.6, 1.0, 1.2], [0, 0.2, 1.0, 1.8, 2.0]
    said = Said(speech(own), stretch(real, start=4))
    stream: Any = Follower()
    rows = spoken.coefficients(stream, [said], np.zeros(1, np.float32), range(100, 150))
    seconds = (np.arange(50) + 0.5) / 25
    inside = (seconds > 0.25) & (seconds < 1.75)
    assert rows[inside, 0] == pytest.approx(0.2 + (seconds[inside] - 0.2) / 2, abs=0.003)


def test_between_stretches_each_keeps_what_is_nearer() -> None:
    edges = [0, 0.1, 0.3, 0.5, 0.6]
    pieces = [Said(speech(edges), stretch(edges, start=s)) for s in (1.0, 3.0)]
    stream: Any = Follower()
    rows = spoken.coefficients(stream, pieces, np.zeros(1, np.float32), range(120))[:, 0]
    assert rows.shape == (120,)
    assert rows[30] == pytest.approx(30.5 / 25 - 1, abs=0.003)
    assert rows[80] == pytest.approx(80.5 / 25 - 3, abs=0.003)
    assert np.abs(rows[[2, 55, 117]]).max() < 1e-6  # long before, between and after: silence


def test_nothing_said_is_a_mouth_at_rest() -> None:
    stream: Any = Follower()
    rows = spoken.coefficients(stream, [], np.array([3, 4], np.float32), range(5))
    assert (rows == [3, 4]).all()


class Mumble:
    """A mouth whose only coefficient is 1 while "b" is said."""

    def whole(self, samples: FloatArray, phones: tuple[Phone, ...]) -> MouthMotion:
        middles = (np.arange(-(-len(samples) // 960)) + 0.5) / 25
        said = [(middles >= p.start) & (middles < p.end) for p in phones if p.symbol == "b"]
        return MouthMotion(np.any(said, 0).astype(np.float32)[:, None])


def test_the_lips_are_told_the_clones_phones() -> None:
    said = Said(speech([0, 0.2, 0.6, 1.0, 1.2]), stretch([0, 0.2, 1.0, 1.8, 2.0], start=4))
    stream: Any = Mumble()
    rows = spoken.coefficients(stream, [said], np.zeros(1, np.float32), range(100, 150))[:, 0]
    seconds = (np.arange(50) + 0.5) / 25
    assert rows == pytest.approx(((seconds > 1.0) & (seconds < 1.8)).astype(float), abs=0.01)
