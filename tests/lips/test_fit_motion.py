"""What the committee hears, what it starts from and what it is taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from avatar_engine.device import onnx_session
from avatar_engine.lips import sound
from avatar_engine.lips.ears import base
from avatar_engine.lips.echo import Echo
from avatar_engine.lips.fit_motion import RUN, Committee, Net, fit_base, fit_motion, lips_loss
from avatar_engine.lips.motion import CPU
from avatar_engine.lips.shape import LANDMARKS, LOWER_LIP, ShapeBasis


def log_mel(samples: np.ndarray) -> np.ndarray:
    return sound.log_mel(sound.power(samples.astype(np.float32)))


def test_digital_silence_is_heard_as_the_minutes_own_background() -> None:
    """A synthetic voice pauses in digital silence, a room never; to the nets both must sound alike."""
    random = np.random.default_rng(4)
    room = random.normal(0, 5e-3, 6 * 24_000)
    loud = np.repeat(np.arange(6) % 2, 24_000) * random.normal(0, 0.2, len(room))
    minute, silence = log_mel(room + loud), log_mel(np.zeros(24_000))
    quiet = np.median(log_mel(room), axis=0)
    assert (quiet - silence.max(0)).min() > 4  # to a net that had no background, a world of its own
    torch.manual_seed(2)
    committee = Committee([Net(3), Net(3)], 3).eval()
    committee.listen([minute])

    def heard(mel: np.ndarray) -> np.ndarray:
        return committee.heard(torch.from_numpy(mel)).numpy()

    spread = heard(minute).std()
    assert np.abs(heard(silence) - heard(quiet)).max() < 0.5 * spread
    assert np.abs(heard(minute).max(0) - heard(quiet)).min() > 1.5 * spread  # speech stays what it is


def toy(seed: int, seconds: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A person whose mouth's first coefficient follows the loudness of a noise, the second its colour."""
    random = np.random.default_rng(seed)
    pictures = seconds * 25
    loud, dark = (np.repeat(random.random(pictures // 5 + 1), 5)[:pictures] for _ in range(2))
    noise = random.normal(0, 1, pictures * 960)
    low = np.convolve(noise, np.ones(24) / 5, "same")
    shares = np.repeat(dark, 960)
    samples = (low * shares + noise * (1 - shares)) * np.repeat(loud, 960) * 0.1
    coefficients = np.stack([loud, dark], 1) * 2 - 1
    return samples.astype(np.float32), coefficients.astype(np.float32), np.ones(pictures, np.bool_)


def basis_of_two() -> ShapeBasis:
    axes = np.zeros((2, len(LANDMARKS), 2), np.float32)
    axes[0, LOWER_LIP, 1] = axes[1, 0, 0] = 0.02
    return ShapeBasis(np.zeros((len(LANDMARKS), 2), np.float32), axes)


def test_ears_of_others_help_whoever_has_little_time(tmp_path: Path) -> None:
    basis = basis_of_two()
    ears = fit_base([toy(1), toy(2)], basis, epochs=12, seed=3)
    assert not any(name.startswith("hear.13.") for name in ears)  # the last layer is everybody's own
    samples, coefficients, usable = toy(5)
    scores = {}
    for name, start in (("nothing", ()), ("ears", (ears,))):
        work = tmp_path / name
        work.mkdir()
        _, figures = fit_motion(
            samples, coefficients, usable, basis, budget=1e6, work=work, members=4, epochs=4, ears=start
        )
        scores[name] = figures["motion_correlation"]
    assert scores["ears"] > scores["nothing"] + 0.05


def test_the_shipped_ears_fit_the_net() -> None:
    for ears in base():
        net = Net(7)
        kept = net.state_dict()["hear.13.bias"].clone()
        missing, unexpected = net.load_state_dict(ears, strict=False)
        assert set(missing) == {"hear.13.weight", "hear.13.bias"}
        assert not unexpected
        assert torch.equal(net.state_dict()["hear.13.bias"], kept)
        assert all(torch.isfinite(value).all() for value in ears.values())


def test_a_restless_error_costs_more_than_a_steady_one() -> None:
    """Two errors of one size: one stays, the other changes sides from picture to picture."""
    loss = lips_loss(basis_of_two())
    steady = torch.full((3, RUN, 2), 0.5)
    restless = steady * torch.tensor([1.0, -1.0]).repeat(RUN // 2)[None, :, None]
    assert float(loss(restless)) > 2 * float(loss(steady))


def test_a_texture_is_believed_as_far_as_sound_tells_it(tmp_path: Path) -> None:
    """Behind the shape stand one number that follows the sound and one of chance: that one is left at its mean."""
    samples, coefficients, usable = toy(5, seconds=24)
    chance = np.random.default_rng(3).normal(0, 1, len(coefficients))
    told = np.stack([coefficients[:, 0] * 1.5, chance], 1).astype(np.float32)
    net, _ = fit_motion(
        samples, np.concatenate([coefficients, told], 1), usable, basis_of_two(),
        budget=1e6, work=tmp_path, members=4, epochs=8,
    )  # fmt: skip
    windows = sound.windows(sound.log_mel(sound.power(sound.padded(samples))))[:600]
    said = onnx_session(net, CPU, 1).run(None, {"mel": np.ascontiguousarray(windows)})[0]
    assert said.shape == (600, 4)
    assert np.corrcoef(said[:, 2], told[:, 0])[0, 1] > 0.8
    assert said[:, 3].std() < 0.2 * said[:, 2].std()


def test_an_echo_teaches_another_voice(tmp_path: Path) -> None:
    """Another voice that is loud where the person is soft: only its echo can tell how the mouth goes with it."""
    samples, coefficients, usable = toy(5, seconds=24)
    loud = 1.0 - (coefficients[:, 0] + 1) / 2
    other = np.random.default_rng(8).normal(0, 1, len(samples)) * np.repeat(loud, 960) * 0.1
    other = np.sign(other) * 0.02 * np.repeat(loud, 960) + np.sin(np.arange(len(other)) * 0.4) * 0.02
    other = other.astype(np.float32)
    echo = Echo(other[: 400 * 960], np.arange(400.0))
    scores = []
    for number, echoes in enumerate(((), (echo,))):
        work = tmp_path / str(number)
        work.mkdir()
        onnx, _ = fit_motion(
            samples,
            coefficients,
            usable,
            basis_of_two(),
            budget=1e6,
            work=work,
            members=4,
            epochs=8,
            echoes=echoes,
        )
        windows = sound.windows(sound.log_mel(sound.power(sound.padded(other))))[400:600]
        said = onnx_session(onnx, CPU, 1).run(None, {"mel": np.ascontiguousarray(windows)})[0]
        scores.append(np.corrcoef(said[:, 0], coefficients[400:600, 0])[0, 1])
    assert scores[1] > scores[0] + 0.3
