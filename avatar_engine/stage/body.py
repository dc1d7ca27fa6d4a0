"""The body in the show: baked footage, decoded a little ahead, along a way that never ends."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import FRAME_RATE, ByteArray, FloatArray, Outlook
from avatar_engine.errors import AvatarError
from avatar_engine.media.read import frames
from avatar_engine.stage.action import FOLDER, Action, names
from avatar_engine.stage.cutout import FIGURES_PART, PARTS, parted
from avatar_engine.stage.cutout import VIDEO_PART as CUTOUT_PART
from avatar_engine.stage.graph import Graph
from avatar_engine.stage.seams import heads_of, matrices_of
from avatar_engine.stage.walk import Walk

VIDEO_PART = "body/body.mp4"
TRACK_PART = "body/body.safetensors"
JOINS_PART = "body/joins.mp4"
GRAPH_PART = "body/graph.safetensors"

AHEAD = FRAME_RATE // 2
"""Pictures that are settled and decoded ahead of need: enough to find a join without a stall."""


RESTLESS = 0.02
"""Crop sides by which a head may sit worse where somebody talks than where nobody does, to be gone on from."""


class BodyFrame(NamedTuple):
    """One picture of the body.

    Attributes:
        picture: uint8 I420 (height * 3 // 2, width), the caller's to paint on.
        matrix: float32 (2, 3), from it to its crop.
        place: Its number in the body (`avatar_engine.stage.graph.Graph`): what is known of it is found under this.
        alpha: uint8 (height, width), the presenter's share of every pixel, where the picture comes cut out: then it has
            the presenter's colours alone. None where it is as filmed.
    """

    picture: ByteArray
    matrix: FloatArray
    place: int
    alpha: ByteArray | None = None


class Body:
    """Body pictures in order, for ever. A thread decodes `AHEAD` pictures ahead of need.

    Args:
        reels: The films whose pictures, one film after the other, are the places of ``graph``: the round, and the
            joins where there are any, and the films of ``actions``.
        graph: What may follow what.
        transforms: float32 (n, 2, 3), one matrix for every picture of the round from it to a crop of ``baked_size``.
        baked_size: Side of the crop that the transforms were made for, in pixels.
        crop_size: Side of the crop that the matrices handed out are for.
        seed: Of the way (see `Walk`).
        actions: Action clips that may be called for.
        cutout: The film of all places cut out (`avatar_engine.stage.cutout`); None where there is none.
        cut_out: See the attribute.

    Attributes:
        cut_out: Whether pictures are wanted cut out, from those on that are not decoded yet.
    """

    def __init__(
        self,
        reels: Sequence[Path],
        graph: Graph,
        transforms: FloatArray,
        baked_size: int,
        crop_size: int,
        seed: int = 0,
        actions: Sequence[Action] = (),
        cutout: Path | None = None,
        cut_out: bool = False,
    ) -> None:
        self._cutout, self.cut_out = cutout, cut_out
        own = [graph.round, *([graph.joined] if len(graph.leave) else []), *(one.pictures for one in actions)]
        begins = np.cumsum([0, *own]).tolist()
        self._reels = list(zip(reels, begins, own, strict=False))
        self.graph, self.actions = graph, tuple(actions)
        self._films = {
            one.name: (one, begin)
            for one, begin in zip(actions, begins[len(own) - len(actions) :], strict=False)
        }
        mixed = graph.mixed(heads_of(transforms, baked_size))[graph.round :]
        joins = matrices_of(mixed, baked_size).astype(np.float32).reshape(-1, 2, 3)
        whole = [transforms, joins, *(one.transforms for one in actions)]
        self._transforms, self._crop_size = rescaled(np.concatenate(whole), baked_size, crop_size), crop_size
        homes = [graph.homes(), *(np.full(one.pictures, one.into[0], np.int32) for one in actions)]
        self._homes = np.concatenate(homes)
        self._walk = Walk(graph, seed=seed, actions=self._films)
        self._next = 0
        self._fresh: tuple[int, int] | None = None  # where it was begun and nothing was taken yet
        self._begin(0, 0)

    @classmethod
    def load(cls, bundle: Bundle, crop_size: int, cut_out: bool = False) -> Self:
        """The body of a bundle, for a painter that works on crops of ``crop_size`` pixels; ``cut_out`` from the first
        picture on or as filmed.

        Raises:
            AvatarError: The bundle has no body or a damaged one.
        """
        tensors = bundle.tensors(TRACK_PART)
        transforms, size = tensors["transforms"], int(tensors["crop_size"].reshape(-1)[0])
        graph = Graph.ring(len(transforms))
        if GRAPH_PART in bundle.parts:
            graph = _graph(bundle, len(transforms))
        actions = [
            Action.of(name, bundle.tensors(f"{FOLDER}/{name}.safetensors"), len(transforms))
            for name in names(bundle)
        ]
        reels = [bundle.extract(part) for part in reels_of(bundle)]
        cutout = bundle.extract(CUTOUT_PART) if matted(bundle) else None
        return cls(reels, graph, transforms, size, crop_size, actions=actions, cutout=cutout, cut_out=cut_out)

    def __len__(self) -> int:
        """Pictures of the round."""
        return self.graph.round

    @property
    def transforms(self) -> FloatArray:
        """The crop's matrix of every place, float32 (places, 2, 3)."""
        return self._transforms

    def foresee(self, at: int, outlook: Outlook) -> None:
        """What is known of the pictures from ``at`` on; it counts for those more than `AHEAD` from now."""
        self._walk.foresee(at, outlook)

    def placed(self, offsets: FloatArray) -> FloatArray:
        """Where the mouth sits in every place, float32 (places, coefficients), by ``offsets`` in those of the round."""
        whole = [self.graph.mixed(offsets), *(one.placement for one in self.actions)]
        return np.concatenate(whole).astype(np.float32)

    def home(self, place: int) -> int:
        """The place of the round that a body which only runs forwards would be at."""
        return int(self._homes[place])

    def go_round(self) -> None:
        """From picture 0 on take no joins, only go round and round."""
        self.close()
        self._walk = Walk(self.graph, free=False)
        self._begin(0, 0)

    def begin(self, index: int, home: int) -> None:
        """Picture ``index`` comes next and is place ``home`` of the round."""
        if (index, home % self.graph.round) != self._fresh:
            self.close()
            self._begin(index, home)

    def enter(self, index: int) -> None:
        """The pictures that are ready come from picture ``index`` on: of a body that was begun before it was known when
        it would be wanted, and of which nothing was taken yet."""
        self._walk.shift(index - self._next)
        self._next, self._fresh = index, None

    def nearest(self, matrix: FloatArray) -> int:
        """The place of the round at which the head sits most as it does in a picture with this crop, and rests.

        Args:
            matrix: float32 (2, 3), from that picture to its crop of this body's size.
        """
        away = self._away(matrix, self._transforms[: self.graph.round])
        return int(np.argmin(away + RESTLESS * self.graph.talk))

    def away(self, place: int, matrix: FloatArray) -> float:
        """How far the head moves from a picture with this crop to a place of the body, in sides of the crop."""
        return float(self._away(matrix, self._transforms[place : place + 1])[0])

    def frame(self, index: int) -> BodyFrame:
        """Picture ``index`` of the endless body.

        Args:
            index: One more than at the last call, 0 at the first; a few more skip what lies between. Any other one
                begins anew at that place of the round, which takes a while.

        Raises:
            AvatarError: The footage can't be read.
        """
        if not 0 <= index - self._next <= AHEAD:
            self.close()
            self._begin(index, index)
        self._fresh = None
        while True:
            self._next += 1
            self._settle(self._next + AHEAD)
            picture = self._ready.get()
            if isinstance(picture, BaseException):
                raise picture
            place = self._places.popleft()
            if self._next > index:
                return BodyFrame(picture[0], self._transforms[place], place, picture[1])

    def _away(self, matrix: FloatArray, transforms: FloatArray) -> FloatArray:
        corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]) * self._crop_size
        here, there = (_back(one, corners) for one in (matrix[None], transforms))
        side = np.linalg.norm(here[0, 1] - here[0, 0])
        return np.asarray(np.linalg.norm(there - here, axis=2).max(1) / side, np.float32)

    def _begin(self, index: int, home: int) -> None:
        self._walk.begin(home, index)
        self._next, self._fresh = index, (index, home % self.graph.round)
        self._places: deque[int] = deque()  # of the pictures that were settled and not handed out
        self._wanted: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._ready: queue.Queue[tuple[ByteArray, ByteArray | None] | BaseException] = queue.Queue(AHEAD)
        self._closing = threading.Event()
        self._settle(index + AHEAD)
        self._thread = threading.Thread(target=self._decode, name="body", daemon=True)
        self._thread.start()

    def _settle(self, until: int) -> None:
        for place in self._walk.take(until):
            self._places.append(place)
            self._wanted.put(place)

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self._wanted.put(None)
        while self._thread.is_alive():
            with_room = self._ready.qsize() < AHEAD
            if not with_room:
                self._ready.get_nowait()
            self._thread.join(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decode(self) -> None:
        reading: Iterator[ByteArray] = iter(())
        last, before = -2, False
        try:
            while (place := self._wanted.get()) is not None and not self._closing.is_set():
                video, first, count = next(reel for reel in reversed(self._reels) if reel[1] <= place)
                cut = self.cut_out and self._cutout is not None
                if cut and self._cutout is not None:
                    video, first, count = self._cutout, 0, len(self._transforms)
                if place != last + 1 or place == first or cut != before:
                    reading = frames(video, place - first, count, format="yuv420p")
                last, before, picture = place, cut, next(reading, None)
                if picture is None:
                    raise AvatarError(
                        f"The body has {place - first} pictures, its track has {count}.",
                        "The bundle is damaged: clone again.",
                    )
                self._ready.put(parted(picture) if cut else (picture, None))
        except BaseException as error:
            self._ready.put(error)


def reels_of(bundle: Bundle) -> list[str]:
    """The parts that are a bundle's reels, in the order of their places."""
    joins = [JOINS_PART] if JOINS_PART in bundle.parts else []
    return [VIDEO_PART, *joins, *(f"{FOLDER}/{name}.mp4" for name in names(bundle))]


def matted(bundle: Bundle) -> bool:
    """Whether a bundle's presenter is cut out of all that is in it now."""
    if not set(PARTS) <= set(bundle.parts):
        return False
    made = bundle.json(FIGURES_PART)
    now = [bundle.parts[part].sha256 for part in reels_of(bundle)]
    return isinstance(made, dict) and made.get("of") == now


def _graph(bundle: Bundle, pictures: int) -> Graph:
    advice = "The bundle is damaged: clone again."
    try:
        graph = Graph.of(bundle.tensors(GRAPH_PART))
    except (KeyError, TypeError, ValueError) as error:
        raise AvatarError(f"The joins of the body can't be read ({error}).", advice) from error
    if graph.round != pictures:
        raise AvatarError(f"The body has {pictures} pictures, its graph has {graph.round}.", advice)
    return graph


def _back(matrices: FloatArray, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Points (k, 2) of crops where they lie in the pictures (n, k, 2)."""
    whole = matrices.astype(np.float64)
    return np.asarray(
        np.linalg.solve(whole[:, None, :, :2], (points[None] - whole[:, None, :, 2])[..., None])[..., 0]
    )


def rescaled(transforms: FloatArray, baked_size: int, crop_size: int) -> FloatArray:
    """Transforms to crops of ``baked_size`` pixels, made into ones to ``crop_size``, as `face.crop` makes them."""
    return (transforms * np.float64(crop_size / baked_size)).astype(np.float32)
