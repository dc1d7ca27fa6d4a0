"""A made-up body to walk through."""

from __future__ import annotations

import numpy as np

from avatar_engine.stage.graph import Graph

ROUND, JOIN = 1000, 8


def graph(joins: int = 60) -> Graph:
    """A round of forty seconds, talking and quiet by turns of four seconds, a beat every second or so."""
    random = np.random.default_rng(3)
    leave = np.sort(random.choice(np.arange(20, ROUND - 40, 3), joins, replace=False)).astype(np.int32)
    into = np.mod(leave + random.integers(100, ROUND - 100, joins), ROUND - 40).astype(np.int32) + 20
    talk = (np.arange(ROUND) // 100 % 2 == 0).astype(np.float32)
    beats = np.arange(10, ROUND, 27, dtype=np.int32)
    length = np.full(joins, JOIN, np.int32)
    return Graph(
        leave, into, length, np.full(joins, 0.5, np.float32), talk, np.ones(ROUND, np.float32), beats
    )
