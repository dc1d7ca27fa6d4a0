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


LOOKS_APART = 1 << 40
"""From the numbers of the idle pictures of one look to those of the next: more than any show has frames."""


class IdleFootage:
    """Idle pictures by number, at once: a `avatar_engine.broadcast.air.Filler`.

    Args:
        videos: Footage whose picture ``k`` belongs to frame ``k`` and every round after, of one look after the other;
            it may come into being later.
    """

    def __init__(self, *videos: Path) -> None:
        self._rounds = [_Round(video) for video in videos]

    @property
    def ready(self) -> bool:
        """Whether the first look's footage is there and can be read."""
        return self._rounds[0].ready

    def has(self, index: int) -> bool:
        """Whether there is a picture of this number."""
        return self._at(index)[0].ready

    def picture(self, index: int) -> ByteArray:
        """Picture ``index`` of the endless idle presenter, uint8 I420 (height * 3 // 2, width); it may be negative.

        Raises:
            AvatarError: The footage is damaged or gone.
        """
        footage, place = self._at(index)
        return footage.picture(place)

    def _at(self, index: int) -> tuple[_Round, int]:
        look, place = divmod(index, LOOKS_APART)
        return (self._rounds[look], place) if 0 < look < len(self._rounds) else (self._rounds[0], index)


class _Round:
    """The idle pictures of one look.

    Args:
        video: Its file.
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
        """See `IdleFootage.picture`."""
        if index != self._next or not index % self._length:
            self._pictures = frames(self._video, index % self._length, format="yuv420p")
        self._next = index + 1
        picture = next(self._pictures, None)
        if picture is None:
            raise AvatarError(f"{self._video} has no picture {index % self._length}.", "Delete it.")
        return picture
