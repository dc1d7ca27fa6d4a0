from dataclasses import replace

import numpy as np
import pytest
import torch

from avatar_engine.lips import fit_motion, motion, sound
from avatar_engine.lips.expression import Expressions
from avatar_engine.lips.grain import Grain
from avatar_engine.lips.model import Gate, LipsModel
from avatar_engine.lips.painter import to_onnx
from avatar_engine.lips.placement import Placement
from avatar_engine.lips.shape import LANDMARKS, ShapeBasis


@pytest.fixture(scope="module")
def model() -> LipsModel:
    torch.manual_seed(0)
    committee = fit_motion.Committee([fit_motion.Net(4), fit_motion.Net(4)], 4).eval()
    committee.mean.fill_(-8)
    net = to_onnx(committee, (torch.zeros(2, sound.CONTEXT, sound.BANDS),), ["mel"], ["coefficients"])
    basis = ShapeBasis(
        np.zeros((len(LANDMARKS), 2), np.float32), np.zeros((4, len(LANDMARKS), 2), np.float32)
    )
    neutral = np.array([3, -2, 1, 5], np.float32)
    mask = np.zeros((64, 64), np.float32)
    count = len(neutral)
    gate, nowhere, plain = Gate(-50, -40, -15), Placement.none(count), Expressions.none(count)
    return LipsModel(basis, neutral, 64, mask, gate, nowhere, plain, Grain.none(64), net, b"", {})


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    count = int(24000 * seconds)
    loud = 0.2 * (1 + np.sin(np.arange(count) / 2000)) * (np.sin(np.arange(count) / 24000 * 2) > 0)
    return (loud * random.normal(0, 0.5, count)).astype(np.float32)


@pytest.mark.parametrize("chunk", [1, 7, 960, 1234, 24000])
def test_chunks_give_the_same_as_one_go(model: LipsModel, chunk: int) -> None:
    samples = speech(0.5 if chunk < 100 else 4.0)
    samples = samples[:6000] if chunk == 1 else samples
    stream = motion.MotionStream(model)
    whole, _ = stream.push(None, samples)
    state, rows = stream.start(), []
    for first in range(0, len(samples), chunk):
        part, state = stream.push(state, samples[first : first + chunk])
        rows.append(part.coefficients)
    pieces = np.concatenate(rows)
    assert pieces.shape == whole.coefficients.shape == ((len(samples) - 2880) // 960, 4)
    assert pieces == pytest.approx(whole.coefficients, abs=1e-5)


def test_silence_is_exactly_the_closed_mouth(model: LipsModel) -> None:
    quiet = np.random.default_rng(0).normal(0, 0.0005, 24000).astype(np.float32)
    for samples in (np.zeros(24000, np.float32), quiet):
        rows = motion.MotionStream(model).whole(samples).coefficients
        assert rows.shape == (25, 4)
        assert (rows == model.neutral).all()


def test_mouth_wakes_in_time_and_falls_asleep_softly(model: LipsModel) -> None:
    samples = np.zeros(48000, np.float32)
    samples[960 * 15 : 960 * 30] = speech(0.6) + 0.1
    samples[960 * 15 : 960 * 30] *= np.resize([1, -1], 960 * 15)
    rows = motion.MotionStream(model).whole(samples).coefficients
    away = np.abs(rows - model.neutral).max(1)
    assert (away[:12] == 0).all() and (away[36:] == 0).all()
    assert (away[15:30] > 0.5).all()
    assert 0 < away[33] < away[30]


def test_whole_has_a_row_for_every_picture(model: LipsModel) -> None:
    stream = motion.MotionStream(model)
    for samples in (1, 960, 961, 5000):
        assert len(stream.whole(np.zeros(samples, np.float32)).coefficients) == -(-samples // 960)


def test_a_quieter_voice_keeps_the_mouth_awake(model: LipsModel) -> None:
    stream = motion.MotionStream(replace(model, gate=Gate(-35, -30, -10)))
    gate = Gate(-35, -30, -10)
    assert motion.awakeness(-36, -10, gate) == 0
    assert motion.awakeness(-36, -25, gate) == 1  # the same level, from a voice that is 15 dB quieter
    _, state = stream.push(None, np.random.default_rng(0).normal(0, 0.04, 480000).astype(np.float32))
    assert state.peak < -20


def test_the_future_beyond_the_look_ahead_is_not_heard(model: LipsModel) -> None:
    a = speech(2.0)
    b = a.copy()
    b[960 * 21 + 2880 :] = 0
    stream = motion.MotionStream(model)
    rows = [stream.whole(x).coefficients for x in (a, b)]
    assert (rows[0][:21] == rows[1][:21]).all()
    assert np.abs(rows[0][22:] - rows[1][22:]).max() > 0
