"""Ears that other people trained, as they ship with the engine, and what they make of a sound.

They are all but the last layer of the nets of `avatar_engine.lips.fit_motion`: every fit starts from them, and what
they hear foretells how far any mouth is open better than a spectrum does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from safetensors.torch import load_file

from avatar_engine import models
from avatar_engine.contracts import FloatArray
from avatar_engine.lips import sound
from avatar_engine.lips.fit_motion import Committee, Ears, Net

FILE = "lips-motion.safetensors"


def base() -> list[Ears]:
    """The ears that every fit starts from."""
    tensors = load_file(models.shipped(FILE))
    ears: dict[str, Ears] = {}
    for name, value in tensors.items():
        member, _, rest = name.partition(".")
        ears.setdefault(member, {})[rest] = value.float()
    return [ears[member] for member in sorted(ears)]


class Listener:
    """What ears hear in every picture of a sound, and earlier or later.

    Args:
        samples: float32 (n * 960,), 24 kHz.
        furthest: Hops of 10 ms that may be asked for, either way.
        ears: Whose; side by side where there are several.
    """

    def __init__(self, samples: FloatArray, furthest: int, ears: Sequence[Ears]) -> None:
        rim = np.zeros(furthest * sound.HOP, np.float32)
        self._furthest = furthest
        mel = sound.log_mel(sound.power(np.concatenate([rim, sound.padded(samples), rim])))
        committee = Committee([], 1)
        committee.listen([mel[furthest : len(mel) - furthest]])
        self._heard = committee.heard(torch.from_numpy(mel)).numpy()
        self._nets = []
        for weights in ears:
            net = Net(1).eval()
            net.load_state_dict(weights, strict=False)
            self._nets.append(net.hear[:-1])

    def at(self, hops: int) -> FloatArray:
        """Of every picture, what is heard so many hops later than its own place: float32 (n, features)."""
        windows = sound.windows(self._heard[self._furthest + hops :])
        count = (len(self._heard) - 2 * self._furthest - sound.CONTEXT) // sound.PER_PICTURE + 1
        given = torch.from_numpy(np.ascontiguousarray(windows[:count])).transpose(1, 2)
        with torch.no_grad():
            return np.concatenate([net(given).numpy() for net in self._nets], axis=1)
