"""A hosted show to a video file, faster than real time: as it would be, or exactly as it was.

A rehearsal's only clock is what was planned so far, so that the same script, seed, catalogue and chat give the same
show.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path

from avatar_engine.bundle import ORIGINAL, Bundle
from avatar_engine.contracts import FRAME_RATE, RELIGHT, Progress, Scene, Utterance, silent
from avatar_engine.engine.wanted import Wanted
from avatar_engine.live.accounts import of_video
from avatar_engine.live.agreed import agreed
from avatar_engine.live.calls import Calls, Wearing
from avatar_engine.live.hosted import Hosting, directed, look_of
from avatar_engine.live.layouts import place_of, plan_of
from avatar_engine.live.looks import agreed_for, dressed, worn
from avatar_engine.live.programme import SceneFor, bare
from avatar_engine.live.say import SIGNS_PER_SECOND, Made, film, patient_voice, refuse_output
from avatar_engine.show import journal, privacy
from avatar_engine.show import script as scripts
from avatar_engine.show.director import Director
from avatar_engine.show.journal import Replayed
from avatar_engine.show.producer import Producer
from avatar_engine.show.remarks import Remarks
from avatar_engine.show.scenes import Scenes, by_frames
from avatar_engine.show.script import Line, Pause, Script
from avatar_engine.show.showcase import Showcase
from avatar_engine.stage.background import TRANSPARENT, behind_of
from avatar_engine.stage.card import Look
from avatar_engine.trust import consent as consents
from avatar_engine.trust.clearance import Clearance
from avatar_engine.voice.pack import VoicePack


def rehearse(
    avatar: Path,
    script: Path,
    output: Path,
    hosting: Hosting,
    *,
    seconds: float | None = None,
    loop: bool = False,
    size: tuple[int, int] | None = None,
    layout: str = "",
    device: str = "auto",
    render_engine: Wanted = "off",
    progress: Progress = silent,
) -> Made:
    """Play a script into the video file ``output``.

    Args:
        avatar: The bundle.
        script: The show.
        output: The .mp4 file; written whole or not at all.
        hosting: Its catalogue, chat and host, its seed (another one sounds otherwise) and where the journal goes.
        seconds: End after this time.
        loop: Start again from the top after the last line; needs ``seconds``.
        size: Width and height; None for what the layout is made for.
        layout: Name or file of the layout, seen from the working folder; "" for what the script says.
        device: ``auto``, ``cpu`` or ``cuda``.
        render_engine: Whether the machine's render engine paints: ``auto`` (if one runs), ``off`` or ``on``.
        progress: Told how far it is.

    Raises:
        AvatarError: The script, the consent, the bundle or the file are no good.
    """
    began = time.monotonic()
    planned = scripts.load(script)
    plan = plan_of(layout, planned, script)
    hosting = replace(hosting, layout=place_of(layout, planned, script))
    bundle = Bundle.open(avatar)
    behind = behind_of("", planned.background, script.parent, RELIGHT)
    if behind.background == TRANSPARENT:
        refuse_output(output, behind)
    planned = dressed(bundle, planned, "", behind)
    own = VoicePack.load(bundle).language
    signed = consents.from_record(bundle.consent, bundle.made)
    may = agreed(signed, planned.languages, own, planned.use)
    Clearance(signed, planned.use, also=agreed_for(bundle, worn(planned))).check()
    planned = may.settled(planned)
    with ExitStack() as stack:
        said = of_video(
            signed, bundle, "rehearse", output, stack, hosting.notes,
            says=script.name, use=planned.use, language=may.language,
        )  # fmt: skip
        now: list[Director | Producer] = []

        def clock() -> float:
            return now[0].planned if now and isinstance(now[0], Producer) else 0.0

        director = directed(
            planned, script, hosting, stack, loop=loop, start=0, clock=clock, heard=lambda: 0, said=said
        )
        now.append(director)
        voice = patient_voice(director, bundle, may)
        if isinstance(director, Director):
            voice.tells = said.handed
        showcase = director.showcase if isinstance(director, Producer) else None
        scenes = by_frames(director.scenes) if isinstance(director, Producer) else bare
        made = film(
            bundle, planned, may, voice, output, length=lambda: seconds or _length(planned), seconds=seconds,
            whole=False, size=size, device=device, look=look_of(planned, script) if showcase else None,
            layout=plan, scenes=scenes, behind=behind, render_engine=render_engine, progress=progress,
        )  # fmt: skip
    return Made(output, made, time.monotonic() - began)


def replay(
    avatar: Path,
    notes: Path,
    output: Path,
    *,
    size: tuple[int, int] | None = None,
    device: str = "auto",
    render_engine: Wanted = "off",
    progress: Progress = silent,
) -> Made:
    """Play what a journal says was said, word for word and pause for pause, into the video file ``output``.

    Raises:
        AvatarError: The journal, the consent, the bundle or the file are no good.
    """
    began = time.monotonic()
    written = journal.read(notes)
    entries = privacy.spoken(written, notes)
    planned = journal.script_of(entries)
    plan = plan_of("", planned, None)
    bundle = Bundle.open(avatar)
    orders = journal.looks(entries)
    named = [item.look for item in journal.heard(entries) if isinstance(item, Utterance) and item.look]
    looks = (planned.look or ORIGINAL, *(look for look, _, _ in orders), *named)
    own = VoicePack.load(bundle).language
    signed = consents.from_record(bundle.consent, bundle.made)
    may = agreed(signed, journal.languages(entries), own, planned.use)
    Clearance(signed, planned.use, also=agreed_for(bundle, looks)).check()
    voice = patient_voice(Replayed(entries), bundle, may)
    length = sum(_seconds(entries))
    with ExitStack() as stack:
        said = of_video(
            signed, bundle, "replay", output, stack, says=notes.name, use=planned.use, language=may.language
        )
        for entry in written:  # as the journal has it: viewers keep their pseudonyms
            said(entry)
        made = film(
            bundle, planned, may, voice, output, length=lambda: length, whole=False, size=size, device=device,
            look=Look.of(planned.card, notes.parent), layout=plan, scenes=_told(entries),
            calls=Calls(planned=journal.actions(entries)), wearing=Wearing(planned.look, planned=orders),
            render_engine=render_engine, progress=progress,
        )  # fmt: skip
    return Made(output, made, time.monotonic() - began)


def _told(entries: list[journal.Entry]) -> SceneFor:
    """The cards, comments and layouts that a journal tells of; no other one is written."""
    remarks = Remarks(lambda message: None)
    for comment, at in journal.comments(entries):
        remarks.put(comment, at)
    changes = deque(journal.layouts(entries))
    scenes = Scenes(Showcase(journal.cards(entries), lambda entry: None), remarks, _began(entries))
    ask, frame = by_frames(scenes), count()

    def scene(heard: str) -> Scene:
        at = next(frame) / FRAME_RATE
        while changes and changes[0][1] <= at:
            scenes.change(changes.popleft()[0], 0)
        return ask(heard)

    return scene


def _began(entries: list[journal.Entry]) -> Callable[[], float] | None:
    """When the show began that a journal tells of; a rehearsal has no date."""
    told = entries[0].get("began")
    if not isinstance(told, str):
        return None
    try:
        at = datetime.fromisoformat(told).timestamp()
    except ValueError:
        return None
    return lambda: at


def _length(script: Script) -> float:
    letters = sum(len(item.text) for item in script.items if isinstance(item, Line))
    waits = sum(getattr(item, "seconds", 0.0) for item in script.items)
    return max(1.0, letters / SIGNS_PER_SECOND / script.controls.speed + waits)


def _seconds(entries: list[journal.Entry]) -> Iterator[float]:
    for item in journal.heard(entries):
        yield item.seconds if isinstance(item, Pause) else len(item.text) / SIGNS_PER_SECOND
