from dataclasses import replace

import numpy as np
import pytest
import torch

from avatar_engine.contracts import SAMPLE_RATE, Phone, phones_within
from avatar_engine.lips import fit_motion, motion, sound
from avatar_engine.lips.expression import Expressions
from avatar_engine.lips.grain import Grain
from avatar_engine.lips.model import Gate, LipsModel
from avatar_engine.lips.painter import to_onnx
from avatar_engine.lips.placement import Placement
from avatar_engine.lips.shape import LANDMARKS, LOWER_MIDDLE, ShapeBasis
from avatar_engine.lips.texture import TextureBasis


@pytest.fixture(scope="module")
def model() -> LipsModel:
    torch.manual_seed(0)
    committee = fit_motion.Committee([fit_motion.Net(4), fit_motion.Net(4)], 4).eval()
    committee.mean.fill_(-8)
    net = to_onnx(committee, (torch.zeros(2, sound.CONTEXT, sound.BANDS),), ["mel"], ["coefficients"])
    axes = np.zeros((4, len(LANDMARKS), 2), np.float32)
    axes[0, LOWER_MIDDLE, 1] = -0.03
    mean = np.zeros((len(LANDMARKS), 2), np.float32)
    mean[LOWER_MIDDLE, 1] = 0.1
    basis = ShapeBasis(mean, axes)
    neutral = np.array([3, -2, 1, 5], np.float32)  # 0.01 open; the net's shapes are about 0.1
    mask = np.zeros((64, 64), np.float32)
    count = len(neutral)
    gate, nowhere, plain = Gate(-50, -40, -15), Placement.none(count), Expressions.none(count)
    bare = TextureBasis.none(64, count)
    return LipsModel(
        basis,
        bare,
        neutral,
        64,
        mask,
        gate,
        nowhere,
        plain,
        Grain.none(64),
        net,
        b"",
        np.zeros(0, np.float32),
        {},
    )


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    count = int(24000 * seconds)
    loud = 0.2 * (1 + np.sin(np.arange(count) / 2000)) * (np.sin(np.arange(count) / 24000 * 2) > 0)
    return (loud * random.normal(0, 0.5, count)).astype(np.float32)


PHONES = tuple(
    Phone(symbol, start, stop)
    for symbol, start, stop in [
        *(("m", 0, 0.05), ("a", 0.05, 0.08), ("p", 0.08, 0.09), ("f", 0.13, 0.2), ("b", 0.2, 0.2345)),
        *(("p", 0.4, 0.4125), ("v", 1.111, 1.2), ("m", 1.3, 1.7), ("b", 1.75, 1.7512), ("p", 3.9, 4.0)),
    ]
)


@pytest.mark.parametrize("phones", [(), PHONES], ids=["unknown", "known"])
@pytest.mark.parametrize("chunk", [1, 7, 960, 1234, 24000])
def test_chunks_give_the_same_as_one_go(model: LipsModel, chunk: int, phones: tuple[Phone, ...]) -> None:
    samples = speech(0.5 if chunk < 100 else 4.0)
    samples = samples[:6000] if chunk == 1 else samples
    stream = motion.MotionStream(model)
    whole, _ = stream.push(None, samples, phones)
    state, rows = stream.start(), []
    for first in range(0, len(samples), chunk):
        piece = samples[first : first + chunk]
        part, state = stream.push(state, piece, phones_within(phones, first, len(piece)))
        rows.append(part.coefficients)
    pieces = np.concatenate(rows)
    assert pieces.shape == whole.coefficients.shape == ((len(samples) - 2880) // 960, 4)
    assert pieces == pytest.approx(whole.coefficients, abs=1e-5)


@pytest.mark.parametrize("start", np.linspace(1.0, 1.04, 5))
def test_lips_close_on_a_phone_of_60_ms_and_nothing_else_changes(model: LipsModel, start: float) -> None:
    samples = speech(2.0) + 0.05
    stream = motion.MotionStream(model)
    alone = stream.whole(samples).coefficients
    driven = stream.whole(samples, [Phone("a", 0.5, start), Phone("b", start, start + 0.06)]).coefficients
    closed = float(model.basis.opening(model.neutral[None])[0])
    gaps, before = model.basis.opening(driven), model.basis.opening(alone)
    inside = [k for k in range(50) if start <= (k + 0.5) / 25 < start + 0.06]
    assert inside and before[inside].min() > closed + 0.03
    assert gaps[inside] == pytest.approx(closed, abs=1e-6)
    assert (gaps <= before + 1e-6).all()
    near = np.abs((np.arange(50) + 0.5) / 25 - start - 0.03) < 0.03 + motion.closures.REACH * 0.04
    assert (driven[~near] == alone[~near]).all()


def test_silence_is_exactly_the_closed_mouth(model: LipsModel) -> None:
    quiet = np.random.default_rng(0).normal(0, 0.0005, 24000).astype(np.float32)
    for samples in (np.zeros(24000, np.float32), quiet):
        rows = motion.MotionStream(model).whole(samples).coefficients
        assert rows.shape == (25, 4)
        assert (rows == model.neutral).all()


def sounding(first: int, last: int, pictures: int) -> np.ndarray:
    """Steady loud sound in pictures first to last, silence in the others."""
    samples = np.zeros(960 * pictures, np.float32)
    samples[960 * first : 960 * last] = 0.3 * np.resize([1, -1], 960 * (last - first))
    return samples


def test_mouth_wakes_in_time_and_falls_asleep_softly(model: LipsModel) -> None:
    rows = motion.MotionStream(model).whole(sounding(15, 30, 100)).coefficients
    away = np.abs(rows - model.neutral).max(1)
    assert (away[:12] == 0).all()
    assert (
        away[15 : 30 + motion.HOLD] > 0.5
    ).all()  # this net's mouth is open in silence: it is asked for a second
    asleep = away[30 + motion.HOLD :]
    assert (np.diff(asleep) <= 1e-6).all() and 0.1 < asleep[2] < asleep[1] < asleep[0]
    assert asleep[15:] == pytest.approx(0, abs=0.01)


def heard_bare(stream: motion.MotionStream, samples: np.ndarray) -> np.ndarray:
    """What the net says of every picture, whatever is calm."""
    windows = sound.windows(sound.log_mel(sound.power(sound.padded(samples))))
    return np.asarray(stream._session.run(None, {"mel": np.ascontiguousarray(windows)})[0])


def test_speech_moves_the_lips_at_once_and_in_a_pause_they_come_to_rest_slowly(model: LipsModel) -> None:
    samples = sounding(15, 30, 50)
    stream = motion.MotionStream(model)
    rows, asked = stream.whole(samples).coefficients, heard_bare(stream, samples)
    assert rows[16 : 30 + motion.CALM_AFTER] == pytest.approx(asked[16 : 30 + motion.CALM_AFTER], abs=1e-5)
    rest = slice(36, 50)  # the sound is in no window any more
    left = np.abs(rows[rest] - asked[rest]).max(1)
    assert left[0] > 0.01
    assert left[1:] == pytest.approx(left[:-1] * (1 - motion.SETTLE), abs=1e-4)


def wide(count: int = 36) -> tuple[motion.Stillness, float]:
    """A mouth of which the first coefficient opens all lips alike, and how far it usually is from its mean."""
    axes = np.zeros((12, len(LANDMARKS), 2), np.float32)
    axes[0, : motion.LIPS, 1] = 0.02
    return motion.Stillness(ShapeBasis(np.zeros((len(LANDMARKS), 2), np.float32), axes), count), 1.0


def test_breath_to_and_fro_is_no_reason_to_move() -> None:
    still, usual = wide()
    rows = np.zeros((100, 36), np.float32)
    rows[:, 0] = 0.4 * motion.STILL * usual * np.resize([-1, 1], 100)
    rows[:, 20] = rows[:, 0]  # a texture
    lively, calm = (still(rows, np.full(100, share, np.float32), rows[0]) for share in (0.0, 1.0))
    assert (lively == rows).all()
    assert np.abs(np.diff(calm, axis=0)).max() < 0.06 * np.abs(np.diff(rows, axis=0)).max()


def test_calm_lips_follow_a_mouth_that_opens_and_come_to_lie_where_it_is() -> None:
    still, usual = wide()
    rows = np.zeros((200, 36), np.float32)
    rows[10:, 0] = 2 * usual
    out = still(rows, np.ones(200, np.float32), rows[0])[:, 0]
    assert (out[:10] == 0).all()
    assert out[10] == pytest.approx((2 - motion.STILL) * usual), "at once, but for what holds it back"
    assert (np.diff(out[10:]) > 0).all() and out[-1] == pytest.approx(2 * usual, abs=0.01)


def test_lips_at_rest_close_whatever_they_were_held_at(model: LipsModel) -> None:
    rows = motion.MotionStream(model).whole(sounding(5, 15, 80)).coefficients
    assert (rows[15 + motion.HOLD + 8 :] == model.neutral).all()


def test_a_room_so_noisy_that_speech_hardly_rises_above_it_is_not_calmed(model: LipsModel) -> None:
    noisy = motion.MotionStream(replace(model, gate=Gate(-38, -31, -15)))
    _, state = noisy.push(None, 10 ** (-29 / 20) * np.resize(np.array([1, -1], np.float32), 960 * 40))
    assert (state.levels == 1).all()


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
    late = (Phone("m", (21 * 960 + 2880) / SAMPLE_RATE, 2.0),)
    rows = [stream.whole(x, phones).coefficients for x, phones in ((a, ()), (b, late))]
    assert (rows[0][:21] == rows[1][:21]).all()
    assert np.abs(rows[0][22:] - rows[1][22:]).max() > 0
