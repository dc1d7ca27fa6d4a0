import numpy as np
import pytest

from avatar_engine.voice.align import LONGEST, _split, frames_of, speech_spans, warp
from avatar_engine.voice.network import Network
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.phonemes import Phonemizer, tokens


def features(places: np.ndarray) -> np.ndarray:
    """A curve in eight dimensions that never comes back to where it was."""
    angles = places[:, None] * np.linspace(0.02, 0.3, 4)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_warp_finds_a_known_stretch() -> None:
    model = features(np.arange(120.0))
    slow = np.interp(np.linspace(0, 119, 200), np.arange(120), np.arange(120.0))
    bounds, cost = warp(model, features(slow))
    assert bounds[0] == 0 and bounds[-1] == 200
    assert np.all(np.diff(bounds) >= 0)
    wanted = np.arange(121) * 200 / 120
    assert np.abs(bounds - wanted).max() <= 3
    assert cost < 0.15


def test_warp_follows_a_pause_that_the_model_does_not_make() -> None:
    model = features(np.arange(100.0))
    real = features(np.concatenate([np.arange(50.0), np.full(40, 49.0), np.arange(50.0, 100.0)]))
    bounds, _ = warp(model, real)
    assert abs(bounds[40] - 40) <= 2 and abs(bounds[60] - 100) <= 2


def test_other_words_cost_more() -> None:
    model, random = features(np.arange(100.0)), np.random.default_rng(1)
    _, same = warp(model, features(np.arange(100.0)))
    _, other = warp(model, random.normal(size=(100, 8)).astype(np.float32))
    assert other > same + 0.5


@pytest.mark.parametrize("count", [12, 40, 77])
def test_frames_of_gives_every_token_some_and_all_together_the_recording(count: int) -> None:
    model_frames = np.array([5, 1, 2, 8, 3, 2, 1, 6])
    bounds = np.linspace(0, 2 * count, 2 * model_frames.sum() + 1).round().astype(np.int64)
    frames = frames_of(model_frames, bounds, count)
    assert frames.sum() == count and frames.min() >= 1


def test_long_speech_is_split_at_its_pause() -> None:
    words = [(0.0, 1.0, " a"), (1.0, 3.0, " b"), (4.0, 5.0, " c"), (5.0, 7.0, " d")]
    pieces = _split(0, 7 * 24000, words)
    assert [piece.words for piece in pieces] == ["a b", "c d"]
    assert pieces[0].stop == pieces[1].start == int(3.5 * 24000)
    assert all(piece.stop - piece.start <= LONGEST * 24000 for piece in pieces)


@pytest.mark.weights
def test_speech_is_found_between_pauses_and_nothing_in_hiss() -> None:
    stock, phonemizer = VoicePack.stock("af_heart"), Phonemizer("en")
    network = Network(stock.style, None, stock.statistics)
    said = network.sound(network.plan(tokens(phonemizer.phonemes("Have a cup of tea."))))
    phonemizer.close()
    hiss = np.random.default_rng(4).normal(size=2 * 24000).astype(np.float32) * 1e-3
    spans = speech_spans(np.concatenate([hiss, said, hiss, said]), pause=0.5, margin=0.1)
    assert len(spans) == 2
    for (start, stop), begin in zip(spans, (48000, 96000 + len(said)), strict=True):
        assert begin - 4800 < start < begin + len(said) / 2 < stop <= 96000 + 2 * len(said)
    assert speech_spans(hiss, pause=0.5, margin=0.1) == []
