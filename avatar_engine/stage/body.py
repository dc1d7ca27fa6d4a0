"""The body in the show: the baked footage, decoded a little ahead, from its start again for ever."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import FRAME_RATE, ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.media.read import frames

VIDEO_PART = "body/body.mp4"
TRACK_PART = "body/body.safetensors"

AHEAD = FRAME_RATE // 2
"""Pictures decoded ahead of need: enough to open the file again at the wrap without a stall."""


class Body:
    """Body pictures in order, for ever. A thread decodes `AHEAD` pictures ahead of need.

    Args:
        video: The baked body (see `avatar_engine.stage.fit`).
        transforms: float32 (n, 2, 3), one matrix for every picture from it to a crop of ``baked_size``.
        baked_size: Side of the crop that the transforms were made for, in pixels.
        crop_size: Side of the crop that the matrices handed out are for.
    """

    def __init__(self, video: Path, transforms: FloatArray, baked_size: int, crop_size: int) -> None:
        self._video = video
        self._transforms = rescaled(transforms, baked_size, crop_size)
        self._begin(0)

    @classmethod
    def load(cls, bundle: Bundle, crop_size: int) -> Self:
        """The body of a bundle, for a painter that works on crops of ``crop_size`` pixels.

        Raises:
            AvatarError: The bundle has no body or a damaged one.
        """
        tensors = bundle.tensors(TRACK_PART)
        video = bundle.extract(VIDEO_PART)
        return cls(video, tensors["transforms"], int(tensors["crop_size"].reshape(-1)[0]), crop_size)

    def __len__(self) -> int:
        return len(self._transforms)

    @property
    def transforms(self) -> FloatArray:
        """The crop's matrix of every picture, float32 (n, 2, 3)."""
        return self._transforms

    def frame(self, index: int) -> tuple[ByteArray, FloatArray]:
        """Picture ``index`` of the endless body, and its crop's matrix.

        Args:
            index: One more than at the last call, 0 at the first; any other one takes a while to find.

        Returns:
            uint8 I420 (height * 3 // 2, width), the caller's to paint on, and float32 (2, 3).

        Raises:
            AvatarError: The footage can't be read.
        """
        if not 0 <= index - self._next <= AHEAD:
            self.close()
            self._begin(index)
        while True:
            self._next += 1
            picture = self._ready.get()
            if isinstance(picture, BaseException):
                raise picture
            if self._next > index:
                return picture, self._transforms[index % len(self._transforms)]

    def _begin(self, index: int) -> None:
        self._ready: queue.Queue[ByteArray | BaseException] = queue.Queue(AHEAD)
        self._closing = threading.Event()
        self._next = index
        self._thread = threading.Thread(target=self._decode, args=(index,), name="body", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
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

    def _decode(self, start: int) -> None:
        try:
            for picture in self._endless(start % len(self._transforms)):
                self._ready.put(picture)
                if self._closing.is_set():
                    return
        except BaseException as error:
            self._ready.put(error)

    def _endless(self, start: int) -> Iterator[ByteArray]:
        while True:
            count = start
            for picture in frames(self._video, start, len(self._transforms), format="yuv420p"):
                count += 1
                yield picture
            start = 0
            if count != len(self._transforms):
                raise AvatarError(
                    f"The body has {count} pictures, its track has {len(self._transforms)}.",
                    "The bundle is damaged: clone again.",
                )


def rescaled(transforms: FloatArray, baked_size: int, crop_size: int) -> FloatArray:
    """Transforms to crops of ``baked_size`` pixels, made into ones to ``crop_size``, as `face.crop` makes them."""
    return (transforms * np.float64(crop_size / baked_size)).astype(np.float32)
