"""What is on the picture besides the presenter, frame by frame: the product's card, a comment, the layout, the time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from avatar_engine.contracts import FRAME_RATE, Scene
from avatar_engine.show.remarks import Remarks
from avatar_engine.show.showcase import Showcase

STRAYS = 0.5
"""Seconds by which the time of day may differ from the count of the frames before that is put right."""


class Scenes:
    """Gives the scene of every frame; asked by one thread, told by any.

    Args:
        showcase: Cards of products; None for none.
        remarks: Comments; None for none.
        began: When second 0 of the show was, in seconds since 1970 UTC, by what its clocks say now; None where there is
            no time of day.
        journal: Told of every change of the layout.
    """

    def __init__(
        self,
        showcase: Showcase | None = None,
        remarks: Remarks | None = None,
        began: Callable[[], float] | None = None,
        journal: Callable[[Mapping[str, Any]], None] = lambda entry: None,
    ) -> None:
        self._showcase, self._remarks, self._began_now, self._journal = showcase, remarks, began, journal
        self._lock = threading.Lock()
        self._layout, self._version, self._began = "", 0, 0.0
        self._looked = -1.0
        self._at = 0.0

    def change(self, layout: str, version: int) -> None:
        """Another layout from the next frame on, as `avatar_engine.contracts.Scene` names it."""
        with self._lock:
            self._layout, self._version = layout, version
        self._journal({"event": "layout", "at": round(self._at, 3), "layout": layout})

    def seen(self, heard: str, at: float) -> Scene:
        """The scene of a frame, by the id of the product that is ``heard`` ("" for none) at a second of the show."""
        self._at = at
        if self._began_now is not None and not 0 <= at - self._looked < 1:
            self._looked, began = at, self._began_now()
            self._began = began if abs(began - self._began) > STRAYS else self._began
        card = self._showcase.seen(heard, at) if self._showcase else None
        comment = self._remarks.seen(at) if self._remarks else None
        with self._lock:
            return Scene(card, comment, self._layout, self._version, self._began)


def by_frames(scenes: Scenes) -> Callable[[str], Scene]:
    """What a programme asks that is filmed and not on air: the time is the count of its frames."""
    frame = 0

    def scene(heard: str) -> Scene:
        nonlocal frame
        frame += 1
        return scenes.seen(heard, (frame - 1) / FRAME_RATE)

    return scene
