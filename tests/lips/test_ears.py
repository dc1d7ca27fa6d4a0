"""What trained ears hear of a sound, and how much later."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from avatar_engine.lips import sound
from avatar_engine.lips.ears import Listener, base
from avatar_engine.lips.fit_motion import Committee, Net


def babble(pictures: int) -> np.ndarray:
    random = np.random.default_rng(3)
    loud = np.repeat(random.uniform(0, 0.3, pictures * 2), 480)
    return (loud * random.normal(0, 1, pictures * 960)).astype(np.float32)


def test_the_ears_that_ship_fit_the_nets_of_a_fit() -> None:
    ears = base()
    assert len(ears) == 2
    for weights in ears:
        missing, unknown = Net(12).load_state_dict(weights, strict=False)
        assert not unknown and all(name.startswith("hear.13.") for name in missing)


def test_a_picture_is_heard_as_a_fit_hears_it() -> None:
    samples = babble(30)
    heard = Listener(samples, 8, base()[:1]).at(0)
    mel = sound.log_mel(sound.power(sound.padded(samples)))
    committee = Committee([], 1)
    committee.listen([mel])
    net = Net(1).eval()
    net.load_state_dict(base()[0], strict=False)
    windows = torch.from_numpy(np.ascontiguousarray(sound.windows(mel)))
    with torch.no_grad():
        wanted = net.hear[:-1](committee.heard(windows).transpose(1, 2)).numpy()
    assert heard.shape == (30, 96)
    assert heard == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("hops", [-8, -4, 4, 8])
def test_later_is_what_the_next_pictures_hear(hops: int) -> None:
    listener = Listener(babble(40), 8, base())
    now, then = listener.at(0), listener.at(hops)
    away = hops // sound.PER_PICTURE
    inside = slice(max(0, -away), 40 - max(0, away))
    moved = slice(inside.start + away, inside.stop + away)
    assert now.shape == then.shape == (40, 192)
    assert then[inside] == pytest.approx(now[moved], abs=1e-5)
    assert np.abs(then - now).max() > 0.1
