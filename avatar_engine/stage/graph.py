"""A body as a graph: which pictures there are, and from which of them one may go on to which.

The pictures of a body have numbers, *places*: first the round, which runs forwards for ever
(`avatar_engine.stage.fit`), then the joins, short blends that lead from one place of the round to another. The idea
is that of video textures (Schödl, Szeliski, Salesin and Essa 2000) and of motion graphs (Kovar, Gleicher and Pighin
2002), with every transition baked and measured at clone time: a show only decodes and chooses
(`avatar_engine.stage.walk`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import FloatArray
from avatar_engine.stage.blend import weight

Places = npt.NDArray[np.int32]
"""Numbers of pictures."""

Real = TypeVar("Real", np.float32, np.float64)


@dataclass(frozen=True, slots=True)
class Graph:
    """What follows what in a body whose round has n pictures, with m joins.

    Attributes:
        leave: int32 (m,), the first place of the round that is not shown when a join is taken.
        into: int32 (m,), the place of the round that follows a join.
        length: int32 (m,), pictures of each join. Its picture ``k`` is a blend of places ``leave + k`` and
            ``into - length + k``.
        jump: float32 (m,), the largest change between neighbouring pictures across it, in the 95th percentile of the
            footage's own.
        talk: float32 (n,), how much the person talks around each picture of the round, 0 to 1.
        stir: float32 (n,), how much head and hands move there, 1 as usual.
        beats: int32 (b,), places of the round at which a nod or a gesture is at its quickest, in order.
    """

    leave: Places
    into: Places
    length: Places
    jump: FloatArray
    talk: FloatArray
    stir: FloatArray
    beats: Places

    @classmethod
    def ring(cls, pictures: int) -> Self:
        """The graph of a round alone, as bundles have it that were made before there were joins."""
        none, still = np.zeros(0, np.int32), np.zeros(pictures, np.float32)
        return cls(none, none, none, np.zeros(0, np.float32), still, still, none)

    @property
    def round(self) -> int:
        """Pictures of the round."""
        return len(self.talk)

    @property
    def joined(self) -> int:
        """Pictures of all joins."""
        return int(self.length.sum())

    @property
    def first(self) -> Places:
        """The place of each join's first picture, int32 (m,)."""
        return np.asarray(self.round + np.cumsum(self.length) - self.length, np.int32)

    def homes(self) -> Places:
        """For every place the one of the round that a body which only runs forwards is at, int32 (places,)."""
        joins = [np.arange(into - length, into) for into, length in zip(self.into, self.length, strict=True)]
        return np.concatenate([np.arange(self.round), *joins]).astype(np.int32) % self.round

    def mixed(self, values: npt.NDArray[Real]) -> npt.NDArray[Real]:
        """What every place has, (places, c), where those of the round have ``values`` (n, c) that mix linearly."""
        whole = [values]
        for leave, into, length in zip(self.leave, self.into, self.length, strict=True):
            share = np.array([weight(step, length) for step in range(length)])[:, None]
            steps = np.arange(length)
            left, entered = values[(leave + steps) % self.round], values[into - length + steps]
            whole.append(((1 - share) * left + share * entered).astype(values.dtype))
        return np.concatenate(whole)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as named arrays."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, tensors: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The graph of such arrays.

        Raises:
            ValueError: They belong to no graph.
        """
        graph = cls(**{field.name: tensors[field.name] for field in fields(cls) if field.name in tensors})
        sizes = {len(graph.leave), len(graph.into), len(graph.length), len(graph.jump)}
        if len(sizes) != 1 or len(graph.talk) != len(graph.stir):
            raise ValueError("the lengths of a graph's arrays differ")
        inside = [graph.leave, graph.into - graph.length, graph.into, graph.beats]
        if any(((at < 0) | (at >= graph.round)).any() for at in inside) or (graph.length < 1).any():
            raise ValueError("a graph leads out of its round")
        return graph
