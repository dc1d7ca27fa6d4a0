"""A hosted show to a video file, faster than real time: as it would be, or exactly as it was.

A rehearsal's only clock is what was planned so far, so that the same script, seed, catalogue and chat give the same
show.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import Progress, silent
from avatar_engine.live.accounts import of_video
from avatar_engine.live.agreed import agreed
from avatar_engine.live.hosted import Hosting, directed, look_of, showcase_of
from avatar_engine.live.programme import bare
from avatar_engine.live.say import SIGNS_PER_SECOND, Made, film, patient_voice
from avatar_engine.show import journal, privacy
from avatar_engine.show import script as scripts
from avatar_engine.show.director import Director
from avatar_engine.show.journal import Replayed
from avatar_engine.show.producer import Producer
from avatar_engine.show.script import Line, Pause, Script
from avatar_engine.show.showcase import Showcase, by_frames
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
    size: tuple[int, int] = (1280, 720),
    device: str = "auto",
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
        size: Width and height.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Told how far it is.

    Raises:
        AvatarError: The script, the consent, the bundle or the file are no good.
    """
    began = time.monotonic()
    planned = scripts.load(script)
    bundle = Bundle.open(avatar)
    own = VoicePack.load(bundle).language
    signed = consents.from_record(bundle.consent, bundle.made)
    may = agreed(signed, planned.languages, own, planned.use)
    Clearance(signed, planned.use).check()
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
        showcase = showcase_of(director)
        made = film(
            bundle, planned, may, voice, output, length=lambda: seconds or _length(planned), seconds=seconds,
            whole=False, size=size, device=device, look=look_of(planned, script) if showcase else None,
            scenes=by_frames(showcase) if showcase else bare, progress=progress,
        )  # fmt: skip
    return Made(output, made, time.monotonic() - began)


def replay(
    avatar: Path,
    notes: Path,
    output: Path,
    *,
    size: tuple[int, int] = (1280, 720),
    device: str = "auto",
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
    bundle = Bundle.open(avatar)
    own = VoicePack.load(bundle).language
    signed = consents.from_record(bundle.consent, bundle.made)
    may = agreed(signed, journal.languages(entries), own, planned.use)
    Clearance(signed, planned.use).check()
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
            look=Look.of(planned.card, notes.parent), scenes=by_frames(_quiet(entries)), progress=progress,
        )  # fmt: skip
    return Made(output, made, time.monotonic() - began)


def _quiet(entries: list[journal.Entry]) -> Showcase:
    """The cards that a journal tells of; no other one is written."""
    return Showcase(journal.cards(entries), lambda entry: None)


def _length(script: Script) -> float:
    letters = sum(len(item.text) for item in script.items if isinstance(item, Line))
    waits = sum(getattr(item, "seconds", 0.0) for item in script.items)
    return max(1.0, letters / SIGNS_PER_SECOND / script.controls.speed + waits)


def _seconds(entries: list[journal.Entry]) -> Iterator[float]:
    for item in journal.heard(entries):
        yield item.seconds if isinstance(item, Pause) else len(item.text) / SIGNS_PER_SECOND
