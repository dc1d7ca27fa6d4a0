"""PyTorch as a backend: many persons in one batch, and on a card the whole step there.

Weights of all persons lie stacked in one bank, so that a batch of any of them is the same graph with other rows. On a
card every batch size has a CUDA graph and pinned buffers of its own, made before a show is let in: between two
pictures nothing is allocated, and the processor copies patches and numbers, no more. Two lanes take turns: one copies
while the other computes.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.device import Device
from avatar_engine.engine import steps, weights
from avatar_engine.engine.backend import Job
from avatar_engine.engine.painting import WAYS, Way, type_of
from avatar_engine.engine.raster import Raster
from avatar_engine.engine.weights import Weights
from avatar_engine.errors import AvatarError
from avatar_engine.face.crop import blend_weights
from avatar_engine.lips.grain import TILES, tile_of
from avatar_engine.lips.model import LipsModel

log = logging.getLogger(__name__)

LANES = 2
"""Batches on their way through a card at the same time."""

MOST = 128
"""Pictures in a batch at most."""

FIRST_ROWS, CARD_ROWS = 8, 64
"""Persons that a bank has room for at first, on a processor and on a card; it doubles, and graphs are made anew."""

PROBES = 5
"""Runs of each way, from which the fastest is chosen."""

KINDS = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
"""Types to compute in, by name."""

Kind = tuple[tuple[str, tuple[int, ...]], ...]
"""What persons of one bank have in common: names and shapes of all weights, and of the shape's basis."""


@dataclass(frozen=True, slots=True)
class TorchSeat:
    """One show's place.

    Attributes:
        key: Its bank's number, and the sides of its patches.
        codes: Coefficients of its person.
        person: Who is painted.
        pictures: Counts those that it had, for the grain.
    """

    key: tuple[int, int, int]
    codes: int
    person: str
    pictures: Iterator[int] = field(default_factory=itertools.count)

    def tile(self) -> int:
        """The next tile of grain."""
        return tile_of(next(self.pictures))


class Bank:
    """Persons whose painters are of one shape, stacked.

    Args:
        number: Tells it from others.
        model: The first of them.
        read: Its weights.
        device: Where it lies.
        kind: The type that is computed in.
    """

    def __init__(
        self, number: int, model: LipsModel, read: Weights, device: torch.device, kind: torch.dtype
    ) -> None:
        self.number, self.size, self.codes = number, read.size, read.codes
        self.raster = Raster.make(read.size, device)
        self._device, self._type = device, kind
        room = CARD_ROWS if device.type == "cuda" else FIRST_ROWS
        self.persons: dict[str, Tensor] = {}
        for name, value in read.values.items():
            self.persons[name] = self._empty(room, value.shape, type_of(name, kind))
        size, single = read.size, torch.float32
        self.faces = steps.Faces(
            self._empty(room, model.basis.mean.shape, single),
            self._empty(room, model.basis.axes.shape, single),
            self._empty(room, (1, size, size), single),
            self._empty(room, (1, size // 2, size // 2), single),
            self._empty(room, (TILES, size, size), torch.int8),
        )
        self.rows: dict[str, int] = {}

    @property
    def room(self) -> int:
        """Persons that it can hold."""
        return len(self.faces.mean)

    @property
    def full(self) -> bool:
        return len(self.rows) == self.room

    def put(self, person: str, model: LipsModel, read: Weights) -> None:
        """Write a person into a free row; nobody looks at it yet."""
        row = min(set(range(self.room)) - set(self.rows.values()))
        for name, value in read.values.items():
            self.persons[name][row].copy_(torch.tensor(value))
        alpha, half = blend_weights(model.mask)
        parts = (model.basis.mean, model.basis.axes, alpha[None], half[None], model.grain.tiles())
        for bank, part in zip(self._faces(), parts, strict=True):
            bank[row].copy_(torch.tensor(part))
        self.rows[person] = row

    def grown(self) -> Bank:
        """The same with twice the room, at other addresses; this one stays as it is."""
        new = object.__new__(Bank)
        new.__dict__.update(self.__dict__)
        new.rows = dict(self.rows)
        new.persons = {name: self._twice(value) for name, value in self.persons.items()}
        new.faces = steps.Faces(*(self._twice(value) for value in self._faces()))
        return new

    def _faces(self) -> tuple[Tensor, ...]:
        return self.faces.mean, self.faces.axes, self.faces.alpha, self.faces.half, self.faces.grain

    def _empty(self, rows: int, shape: Sequence[int], kind: torch.dtype) -> Tensor:
        return torch.zeros((rows, *shape), dtype=kind, device=self._device)

    def _twice(self, value: Tensor) -> Tensor:
        new = self._empty(2 * len(value), value.shape[1:], value.dtype)
        new[: len(value)].copy_(value)
        return new


class Batch:
    """Buffers and graph of one batch size of one bank and patch, in one lane.

    Args:
        bank: Whose persons are painted.
        way: How.
        count: Pictures.
        width, height: Sides of the patches.
        device: Where.
        stream, making, pool: On a card, the stream that the lane computes on, the one that its graphs are made on, and
            the memory that these share.
    """

    def __init__(
        self,
        bank: Bank,
        way: Way,
        count: int,
        width: int,
        height: int,
        device: torch.device,
        stream: Any,
        making: Any,
        pool: Any,
    ) -> None:
        pinned, rows = device.type == "cuda", height * 3 // 2

        def both(*shape: int, kind: torch.dtype) -> tuple[Tensor, Tensor]:
            here = torch.zeros(shape, dtype=kind, pin_memory=pinned)
            return here, (torch.zeros(shape, dtype=kind, device=device) if pinned else here)

        self._patches = both(count, rows, width, kind=torch.uint8)
        self._numbers = both(count, steps.AFFINES + bank.codes, kind=torch.float32)
        self._places = both(2, count, kind=torch.int64)
        self._made = torch.zeros((count, rows, width), dtype=torch.uint8, pin_memory=pinned)
        self._numbers[0][:, : steps.AFFINES] = torch.from_numpy(steps.affines(np.eye(2, 3)))
        self.patches: ByteArray = self._patches[0].numpy()
        self.numbers: FloatArray = self._numbers[0].numpy()
        self.places = self._places[0].numpy()
        self.made: ByteArray = self._made.numpy()
        self._stream, self._making, self._pool = stream, making, pool
        self._way, self._bank = way, bank
        self._graph: Any = None
        self._done: Any = None
        if pinned:
            self._done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
            self._capture()
        else:
            self.run()

    def run(self) -> None:
        """Paint what lies in ``patches``, ``numbers`` and ``places`` (rows, tiles) into ``made``."""
        if self._graph is None:
            with torch.inference_mode():
                self._made.copy_(self._step())
            return
        with torch.cuda.stream(self._stream):
            self._graph.replay()
            self._done.record(self._stream)
        self._done.synchronize()  # asleep: this event does not spin

    def _step(self) -> Tensor:
        rows, tiles = self._places[1]
        bank = self._bank
        return steps.step(
            bank.persons, bank.faces, bank.raster, self._way, self._patches[1], self._numbers[1], rows, tiles
        )

    def _whole(self) -> None:
        """Copies there, the step, and the copy back."""
        for here, there in (self._patches, self._numbers, self._places):
            there.copy_(here, non_blocking=True)
        self._made.copy_(self._step(), non_blocking=True)

    def _capture(self) -> None:
        """Make the graph, never on the lane's stream: another thread may have pictures painted there meanwhile, and
        whatever is asked of a stream that is being captured fails."""
        torch.cuda.synchronize()  # weights and buffers were written on another stream
        with torch.inference_mode(), torch.cuda.stream(self._making):
            for _ in range(2):  # libraries choose their algorithms and take their workspace now
                self._whole()
            self._making.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, self._pool, self._making, "thread_local"):
                self._whole()
        self._graph = graph
        self.run()


class TorchBackend:
    """Paints with PyTorch.

    Args:
        device: Where.
        way: One of `WAYS`; ``auto`` tries them on the first person and keeps the fastest.
        kind: Type to compute in, one of `KINDS`; ``auto`` is fp16 on a card and fp32 on processors.
        most: Pictures in a batch at most, a power of two.

    Attributes:
        kind: The type's name.
        probed: Milliseconds of a full batch in each way that was tried.

    Raises:
        AvatarError: PyTorch can't use the card, or a name is unknown.
    """

    def __init__(self, device: Device, way: str = "auto", kind: str = "auto", most: int = MOST) -> None:
        if way not in ("auto", *WAYS) or kind not in ("auto", *KINDS):
            raise AvatarError(
                f"There is no way {way!r} or type {kind!r} to paint.", f"Known: {', '.join((*WAYS, *KINDS))}."
            )
        card = device.kind == "cuda"
        if card and not torch.cuda.is_available():
            raise AvatarError(
                "PyTorch can't use the card.",
                "Install PyTorch's CUDA build, or use --backend onnx; see: avatar-engine doctor",
            )
        if most & (most - 1):
            raise AvatarError(f"A batch of {most} can't be had.", "Batches are powers of two: 32, 64, 128, …")
        self.most, self.lanes = most, LANES if card else 1
        self._name, self._device = device.name, torch.device("cuda" if card else "cpu")
        self._way = way
        self.kind = ("fp16" if card else "fp32") if kind == "auto" else kind
        self._kind = KINDS[self.kind]
        self._streams: list[Any] = [None] * self.lanes
        # One a lane, too: libraries have a workspace a stream, which graphs that run at the same time can't share.
        self._making: list[Any] = [None] * self.lanes
        self._pools: list[Any] = [None] * self.lanes  # memory that a lane's graphs share: one runs at a time
        if card:
            torch.backends.cudnn.benchmark = True  # tried while a batch warms up, not between pictures
            self._streams = [torch.cuda.Stream() for _ in self._streams]  # type: ignore[no-untyped-call]
            self._making = [torch.cuda.Stream() for _ in self._making]  # type: ignore[no-untyped-call]
            self._pools = [torch.cuda.graph_pool_handle() for _ in self._pools]
        self._banks: dict[Any, Bank] = {}
        self._batches: dict[tuple[int, tuple[int, int, int], int], Batch] = {}
        self._keys: set[tuple[int, int, int]] = set()  # what there are batches for, seats or none
        self._changing = threading.Lock()
        self.probed: dict[str, float] = {}

    def load(self, person: str, model: LipsModel) -> None:
        """See `Backend`."""
        read = weights.read(model.painter)
        kind = (*read.shape, ("axes", model.basis.axes.shape), ("codes", (len(model.neutral),)))
        bank = self._banks.get(kind)
        if bank is None:
            bank = Bank(len(self._banks), model, read, self._device, self._kind)
            self._banks[kind] = bank
        if bank.full:
            bank = bank.grown()
            bank.put(person, model, read)
            made = self._made(bank, [key for key in self._keys if key[0] == bank.number])
            with self._changing:  # lanes go on with the old one until now
                self._banks[kind] = bank
                self._batches.update(made)
        else:
            bank.put(person, model, read)
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def drop(self, person: str) -> None:
        """See `Backend`."""
        for bank in self._banks.values():
            bank.rows.pop(person, None)

    def seat(self, person: str, width: int, height: int) -> TorchSeat:
        """See `Backend`."""
        bank = next(bank for bank in self._banks.values() if person in bank.rows)
        key = (bank.number, width, height)
        if key not in self._keys:
            if self._way == "auto":
                self._way = self._fastest(bank, width, height)
            made = self._made(bank, [key])
            with self._changing:
                self._batches.update(made)
            self._keys.add(key)
        return TorchSeat(key, bank.codes, person)

    def paint(self, lane: int, jobs: Sequence[Job]) -> None:
        """See `Backend`."""
        key = jobs[0].seat.key
        with self._changing:
            bank = next(bank for bank in self._banks.values() if bank.number == key[0])
            batch = self._batches[lane, key, next(n for n in self._counts() if n >= len(jobs))]
        for i, job in enumerate(jobs):
            batch.patches[i] = job.patch
            batch.numbers[i, : steps.AFFINES] = steps.affines(job.matrix)
            batch.numbers[i, steps.AFFINES :] = job.coefficients
            batch.places[:, i] = bank.rows.get(job.seat.person, 0), job.seat.tile()
        batch.run()
        for i, job in enumerate(jobs):
            job.patch[:] = batch.made[i]

    def facts(self) -> dict[str, Any]:
        """See `Backend`."""
        facts = {
            "backend": f"PyTorch {torch.__version__}", "device": self._name, "provider": self.kind,
            "way": self._way, "threads": self.lanes, "probed_ms": self.probed,
        }  # fmt: skip
        if self._device.type == "cuda":
            facts["card_memory_bytes"] = torch.cuda.memory_reserved()
        return facts

    def _counts(self) -> list[int]:
        """The sizes of batches that there are graphs of."""
        return [1 << power for power in range(self.most.bit_length())]

    def _made(
        self, bank: Bank, keys: Sequence[tuple[int, int, int]]
    ) -> dict[tuple[int, tuple[int, int, int], int], Batch]:
        """Batches of all sizes of a bank, the largest first: the smaller ones find its memory."""
        return {
            (lane, key, count): self._batch(bank, self._way, count, key[1], key[2], lane)
            for key in keys
            for lane in range(self.lanes)
            for count in reversed(self._counts())
        }

    def _batch(self, bank: Bank, way: str, count: int, width: int, height: int, lane: int) -> Batch:
        known = next(one for one in WAYS if one == way)
        own = self._streams[lane], self._making[lane], self._pools[lane]
        return Batch(bank, known, count, width, height, self._device, *own)

    def _fastest(self, bank: Bank, width: int, height: int) -> Way:
        """The way that paints a large batch in the shortest time here."""
        for way in WAYS:
            try:
                batch = self._batch(bank, way, self.most, width, height, 0)
                self.probed[way] = 1e3 * min(_seconds(batch.run) for _ in range(PROBES))
                del batch
            except RuntimeError as error:  # no memory for it, or no such kernel on this card
                log.warning("the way %s can't be used here: %s", way, str(error)[:200])
        if not self.probed:
            raise AvatarError("The card can't paint in any way.", "Use --backend onnx, or a smaller --batch.")
        best = min(WAYS, key=lambda way: self.probed.get(way, float("inf")))
        log.info("painting %s: %s", best, ", ".join(f"{way} {ms:.1f} ms" for way, ms in self.probed.items()))
        return best


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
