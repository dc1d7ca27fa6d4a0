import numpy as np
import pytest
import torch

from avatar_engine.voice.speaker import encoder, mel_bank, spoken


def test_filters_have_unit_area_and_rise_in_frequency() -> None:
    bank = mel_bank(40, 2001, 4.0, 8000.0)
    assert np.allclose(bank.sum(1) * 4.0, 1, atol=0.02)
    assert np.all(np.diff(bank.argmax(1)) > 0)


def test_silence_is_left_out_and_short_gaps_stay() -> None:
    tone = np.sin(np.arange(24000) * 0.1).astype(np.float32)
    kept = spoken(np.concatenate([tone, np.zeros(48000, np.float32), tone]))
    assert 48000 <= len(kept) < 60000
    gap = np.concatenate([tone, np.zeros(2400, np.float32), tone])
    assert len(spoken(gap)) > len(gap) - 800


def test_embedding_is_a_unit_vector_that_loudness_hardly_moves() -> None:
    random = np.random.default_rng(2)
    sound = np.convolve(random.normal(size=60000), np.ones(8) / 8, "same").astype(np.float32) * 0.05
    one, other = encoder().voice(sound), encoder().voice(sound * 0.1)
    assert one.shape == (256,) and np.linalg.norm(one) == pytest.approx(1, abs=1e-4)
    assert float(one @ other) > 0.999


def test_gradient_reaches_the_sound() -> None:
    sound = (torch.randn(1, 40000) * 0.05).requires_grad_()
    encoder().embed(encoder().mel(sound)[:, :160])[0, :8].sum().backward()
    assert sound.grad is not None and float(sound.grad.abs().max()) > 0
