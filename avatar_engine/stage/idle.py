"""The idle presenter: the whole body with the mouth at rest, as the show's finished pictures, in one small file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from avatar_engine.contracts import ByteArray
from avatar_engine.errors import AvatarError
from avatar_engine.media.read import frame_count, frames

log = logging.getLogger(__name__)

GOP = 6
"""Pictures from keyframe to keyframe: the most that are decoded in vain when the idle face is wanted at once."""


class IdleFootage:
    """Idle pictures by frame index, at once: a `avatar_engine.broadcast.air.Filler`.

    Args:
        video: Footage whose picture ``k`` belongs to frame ``k`` and every round after; it may come into being later.
    """

    def __init__(self, video: Path) -> None:
        self._video = video
        self._length = 0
        self._broken = False
        self._next = -1
        self._pictures: Iterator[ByteArray] = iter(())

    @property
    def ready(self) -> bool:
        """Whether the footage is there and can be read."""
        if not self._length and not self._broken and self._video.is_file():
            try:
                next(frames(self._video, format="yuv420p"))  # the first time takes longest
                self._length = frame_count(self._video)
            except (AvatarError, StopIteration) as error:
                self._broken = True
                log.warning("no idle pictures: %s", error)
        return self._length > 0

    def picture(self, index: int) -> ByteArray:
        """Picture ``index`` of the endless idle presenter, uint8 I420 (height * 3 // 2, width); it may be negative.

        Raises:
            AvatarError: The footage is damaged or gone.
        """
        if index != self._next or not index % self._length:
            self._pictures = frames(self._video, index % self._length, format="yuv420p")
        self._next = index + 1
        picture = next(self._pictures, None)
        if picture is None:
            raise AvatarError(f"{self._video} has no picture {index % self._length}.", "Delete it.")
        return picture
