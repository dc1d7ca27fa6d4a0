"""What the committee hears: the minute's own background is the quietest thing there is."""

from __future__ import annotations

import numpy as np
import torch

from avatar_engine.lips import sound
from avatar_engine.lips.fit_motion import Committee, Net


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
