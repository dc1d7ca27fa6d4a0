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

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import FRAME_RATE, ByteArray, FloatArray, Outlook
from avatar_engine.errors import AvatarError
from avatar_engine.media.read import frames
from avatar_engine.stage.action import FOLDER, Action, names
from avatar_engine.stage.graph import Graph
from avatar_engine.stage.seams import heads_of, matrices_of
from avatar_engine.stage.walk import Walk

VIDEO_PART = "body/body.mp4"
TRACK_PART = "body/body.safetensors"
JOINS_PART = "body/joins.mp4"
GRAPH_PART = "body/graph.safetensors"

AHEAD = FRAME_RATE // 2
"""Pictures that are settled and decoded ahead of need: enough to find a join without a stall."""


class BodyFrame(NamedTuple):
    """One picture of the body.

    Attributes:
        picture: uint8 I420 (height * 3 // 2, width), the caller's to paint on.
        matrix: float32 (2, 3), from it to its crop.
        place: Its number in the body (`avatar_engine.stage.graph.Graph`): what is known of it is found under this.
    """

    picture: ByteArray
    matrix: FloatArray
    place: int


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
    ) -> None:
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
        self._transforms = rescaled(np.concatenate(whole), baked_size, crop_size)
        homes = [graph.homes(), *(np.full(one.pictures, one.into[0], np.int32) for one in actions)]
        self._homes = np.concatenate(homes)
        self._walk = Walk(graph, seed=seed, actions=self._films)
        self._next = 0
        self._fresh: tuple[int, int] | None = None  # where it was begun and nothing was taken yet
        self._begin(0, 0)

    @classmethod
    def load(cls, bundle: Bundle, crop_size: int) -> Self:
        """The body of a bundle, for a painter that works on crops of ``crop_size`` pixels.

        Raises:
            AvatarError: The bundle has no body or a damaged one.
        """
        tensors = bundle.tensors(TRACK_PART)
        transforms, size = tensors["transforms"], int(tensors["crop_size"].reshape(-1)[0])
        reels, graph = [bundle.extract(VIDEO_PART)], Graph.ring(len(transforms))
        if GRAPH_PART in bundle.parts:
            graph = _graph(bundle, len(transforms))
        if len(graph.leave):
            reels.append(bundle.extract(JOINS_PART))
        actions = [
            Action.of(name, bundle.tensors(f"{FOLDER}/{name}.safetensors"), len(transforms))
            for name in names(bundle)
        ]
        reels += [bundle.extract(f"{FOLDER}/{action.name}.mp4") for action in actions]
        return cls(reels, graph, transforms, size, crop_size, actions=actions)

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
                return BodyFrame(picture, self._transforms[place], place)

    def _begin(self, index: int, home: int) -> None:
        self._walk.begin(home, index)
        self._next, self._fresh = index, (index, home % self.graph.round)
        self._places: deque[int] = deque()  # of the pictures that were settled and not handed out
        self._wanted: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._ready: queue.Queue[ByteArray | BaseException] = queue.Queue(AHEAD)
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
        last = -2
        try:
            while (place := self._wanted.get()) is not None and not self._closing.is_set():
                video, first, count = next(reel for reel in reversed(self._reels) if reel[1] <= place)
                if place != last + 1 or place == first:
                    reading = frames(video, place - first, count, format="yuv420p")
                last, picture = place, next(reading, None)
                if picture is None:
                    raise AvatarError(
                        f"The body has {place - first} pictures, its track has {count}.",
                        "The bundle is damaged: clone again.",
                    )
                self._ready.put(picture)
        except BaseException as error:
            self._ready.put(error)


def _graph(bundle: Bundle, pictures: int) -> Graph:
    advice = "The bundle is damaged: clone again."
    try:
        graph = Graph.of(bundle.tensors(GRAPH_PART))
    except (KeyError, TypeError, ValueError) as error:
        raise AvatarError(f"The joins of the body can't be read ({error}).", advice) from error
    if graph.round != pictures:
        raise AvatarError(f"The body has {pictures} pictures, its graph has {graph.round}.", advice)
    return graph


def rescaled(transforms: FloatArray, baked_size: int, crop_size: int) -> FloatArray:
    """Transforms to crops of ``baked_size`` pixels, made into ones to ``crop_size``, as `face.crop` makes them."""
    return (transforms * np.float64(crop_size / baked_size)).astype(np.float32)
