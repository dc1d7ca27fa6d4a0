"""What makes a show on air a hosted one: its producer, its journal and the technician's desk."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from avatar_engine.broadcast.ring import FrameRing
from avatar_engine.contracts import FRAME_RATE
from avatar_engine.folders import door_of
from avatar_engine.live.desk import Acting, Desk, orders
from avatar_engine.live.layouts import changing
from avatar_engine.live.microphone import KIND, Microphone
from avatar_engine.live.voice_process import VoiceProcess
from avatar_engine.show.director import Director
from avatar_engine.show.front_matter import OFF
from avatar_engine.show.journal import Journal
from avatar_engine.show.producer import Producer, Studio
from avatar_engine.show.scenes import Scenes
from avatar_engine.show.script import Script
from avatar_engine.stage.card import Look
from avatar_engine.stage.placing import SIDES
from avatar_engine.trust.audit import Audit

Furnish: TypeAlias = Callable[[Script, Path, Journal, Callable[[], float]], Studio]
"""Makes the studio of a script: its file, the journal, and the seconds of the show."""


@dataclass(frozen=True, slots=True)
class Hosting:
    """How a hosted show is run.

    Attributes:
        furnish: Gives it its catalogue, chat and host; None for none of them.
        seed: Which wordings of the script are taken.
        desk: Id under which it takes a technician's orders; "" for none.
        notes: Where its journal goes; None for nowhere.
        audit: Where its audit log goes; None for nowhere.
        layout: Where its layout is, for the journal (`avatar_engine.live.layouts.place_of`).
    """

    furnish: Furnish | None = None
    seed: int = 0
    desk: str = ""
    notes: Path | None = None
    audit: Path | None = None
    layout: str = ""


class OnAirClock:
    """Seconds of a show on air, by the frames that went out; it stands still once the show is over.

    Args:
        ring: Where they are counted.
    """

    def __init__(self, ring: FrameRing) -> None:
        self._ring, self._now = ring, 0.0

    def __call__(self) -> float:
        """Now; whoever still asks after the end gets the last moment."""
        with suppress(AttributeError):
            self._now = self._ring.next / FRAME_RATE
        return self._now


def about(script: Script, file: Path, hosting: Hosting) -> dict[str, Any]:
    """What a journal begins with; a rehearsal has no id and no date, so that it can be repeated exactly."""
    kept = {
        field: getattr(script, field) for field in ("language", "label", "expression", "nods", "use", "names")
    }
    kept["advertising"] = script.sells
    kept["card"] = _found(script.card, file.parent)
    kept["layout"] = hosting.layout
    kept["look"] = script.look
    with suppress(OSError):  # it was read a moment ago
        kept["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    live = {"show": hosting.desk, "began": began} if hosting.desk else {}
    return {"script": file.name, "seed": hosting.seed, **live, **kept}


def look_of(script: Script, file: Path | None) -> Look | None:
    """How a show's cards look; None for one without products.

    Raises:
        AvatarError: A file that the script names for them is no good.
    """
    return Look.of(script.card, file.parent) if file and script.catalogue else None


def scenes_of(director: Director | Producer, clock: Callable[[], float]) -> Scenes:
    """What is on the picture of a show on air; ``clock`` gives its seconds."""
    if isinstance(director, Producer):
        return director.scenes
    return Scenes(began=lambda: time.time() - clock())


def directed(
    script: Script,
    file: Path | None,
    hosting: Hosting,
    stack: ExitStack,
    *,
    loop: bool,
    start: int,
    clock: Callable[[], float],
    heard: Callable[[], int],
    said: Callable[[Mapping[str, Any]], None] | None = None,
) -> Director | Producer:
    """Who says what is said: a producer for a hosted show, whose journal ``stack`` closes.

    Args:
        script: The show.
        file: Where it is written; None for a show without a script.
        hosting: How it is run.
        stack: Closes what is opened.
        loop: Start again from the top after the last line.
        start: The item to begin with.
        clock: Seconds of the show.
        heard: The item that comes after what was heard whole.
        said: Takes what the journal takes: the presenter's record (`avatar_engine.trust.said`).

    Raises:
        AvatarError: The journal can't be written, or catalogue, chat or host are no good.
    """
    if file is None or not script.hosted:
        return Director(script, loop, start, hosting.seed)
    audit = Audit.begun(hosting.audit, hosting.desk) if hosting.audit else None
    if audit:
        stack.callback(audit.close)
    also = [one for one in (audit, said) if one]
    journal = stack.enter_context(closing(Journal(hosting.notes, *also, **about(script, file, hosting))))
    studio = hosting.furnish(script, file, journal, clock) if hosting.furnish else Studio(journal=journal)
    stack.callback(studio.close)
    return Producer(script, studio, loop=loop, start=start, seed=hosting.seed, clock=clock, heard=heard)


def _found(card: tuple[str, ...], folder: Path) -> list[str]:
    """A script's ``card`` with its files as they are found from anywhere."""
    return [one if one in (*SIDES, OFF) else str((folder / one).resolve()) for one in card]


def desk_of(
    director: Director | Producer,
    voice: VoiceProcess,
    hosting: Hosting,
    allowed: bool,
    acting: Acting,
    stand: Callable[[str], str],
    wear: Callable[[str], str],
    stack: ExitStack,
    size: tuple[int, int],
) -> Microphone | None:
    """Open the desk of a hosted show; ``stack`` closes it.

    Args:
        director: Who says what is said.
        voice: Who speaks.
        hosting: How the show is run.
        allowed: Whether a technician may take the microphone.
        acting: What the presenter can do.
        stand: Lets the presenter stand before another background.
        wear: Lets the presenter wear another look.
        stack: Closes what is opened.
        size: Width and height of the picture, which a new layout has to keep.

    Returns:
        What is heard in place of the voice; None where there is no desk.
    """
    if not isinstance(director, Producer) or not hosting.desk:
        return None
    microphone = Microphone(voice, director, door_of(hosting.desk, KIND), allowed)
    microphone.launch()
    stack.callback(microphone.close)
    desk = Desk(
        hosting.desk,
        orders(director, voice.interrupt, microphone, acting, changing(director.scenes, size), stand, wear),
        director.ordered,
    )
    desk.open()
    stack.callback(desk.close)
    return microphone
