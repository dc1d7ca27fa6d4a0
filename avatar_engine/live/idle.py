"""Bakes the idle presenter once for every clone, size and label, beside the show and in nobody's way."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import signal
from collections.abc import Sequence
from multiprocessing.context import SpawnProcess
from pathlib import Path

from avatar_engine.bundle import LOOK_PART, LOOKS, Bundle, cache_folder
from avatar_engine.contracts import AS_FILMED, Behind
from avatar_engine.errors import AvatarError
from avatar_engine.live.renderer_process import PerformerMaker
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage.idle import GOP

log = logging.getLogger(__name__)

NICENESS = 19
"""It has all the time there is: a show without it holds its last picture at a fault."""

VERSION = 2
"""Of what is in the file; a new one is baked anew."""


def idle_video(
    bundle: Bundle, label: str, size: tuple[int, int], expression: str, behind: Behind = AS_FILMED
) -> Path:
    """Where the idle pictures of a show in the look that the bundle wears lie, or will: one file for all that is seen.

    ``label`` tells one label from another.
    """
    parts = sorted(
        (name, part.sha256)
        for name, part in bundle.parts.items()
        if "voice" not in name and not name.startswith((f"{LOOKS}/", LOOK_PART))
    )
    look = (VERSION, parts, label, size, expression, bundle.consent.get("signature"), behind, _state(behind))
    key = hashlib.sha256(repr(look).encode()).hexdigest()
    return cache_folder().parent / "idle" / f"{key}.mp4"


def _state(behind: Behind) -> int:
    """Of the background's file, so that another one in its place is baked anew."""
    try:
        return Path(behind.background).stat().st_mtime_ns
    except OSError:
        return 0


Film = tuple[PerformerMaker, Path]
"""What makes the performer of idle pictures, in the baker's process, and the file in which they will lie."""


class Baker:
    """A process that makes files of idle pictures, those that are not there yet, one after the other.

    Args:
        make: Makes the performer, in that process.
        video: The file.
        size: Width and height.
        others: Those of other looks, which are made after it.
    """

    def __init__(self, make: PerformerMaker, video: Path, size: tuple[int, int], *others: Film) -> None:
        self._process: SpawnProcess | None = None
        films = [film for film in ((make, video), *others) if not film[1].is_file()]
        if not films:
            return
        try:
            video.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            log.warning("no idle pictures: %s can't be made (%s)", video.parent, error.strerror)
            return
        log.info("idle pictures are made in the background: %s", ", ".join(str(film) for _, film in films))
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_bake, args=(films, size), name="avatar-idle", daemon=True)
        self._process.start()

    @property
    def baking(self) -> bool:
        """Whether it is at work."""
        return self._process is not None and self._process.is_alive()

    def close(self) -> None:
        """End it; what is not whole is thrown away."""
        if self._process is not None:
            self._process.terminate()
            self._process.join(2)
            if self._process.is_alive():
                self._process.kill()
                self._process.join(2)


def _bake(films: Sequence[Film], size: tuple[int, int]) -> None:
    """What runs in the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the show ends us in order
    signal.signal(signal.SIGTERM, _leave)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    parent = os.getppid()
    for make, video in films:
        try:
            performer = make()
            performer.go_round()
            with VideoWriter(
                video, *size, sound=False, crf=20, preset="veryfast", gop=GOP, threads=1
            ) as writer:
                for index in range(performer.length):
                    writer.picture(performer.perform(index, performer.neutral))
                    if os.getppid() != parent:
                        raise SystemExit(1)
            performer.close()
        except AvatarError as error:
            log.warning("no idle pictures: %s", error)


def _leave(*_: object) -> None:
    raise SystemExit(0)
