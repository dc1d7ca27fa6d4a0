"""A text or a recording to a video file, as fast as the machine can: the programme as on air, without the pacer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2

from avatar_engine import device as devices
from avatar_engine.broadcast.marking import marking
from avatar_engine.broadcast.spec import redact_url
from avatar_engine.bundle import ORIGINAL, Bundle
from avatar_engine.contracts import (
    AS_FILMED,
    AS_FITTED,
    EXPRESSIONS,
    FRAME_RATE,
    RELIGHT,
    Behind,
    Controls,
    Progress,
    Utterance,
    silent,
)
from avatar_engine.engine.wanted import Wanted, settled
from avatar_engine.errors import AvatarError
from avatar_engine.live.accounts import of_video
from avatar_engine.live.agreed import Agreed, agreed
from avatar_engine.live.calls import Calls, Wearing
from avatar_engine.live.layouts import plan_of
from avatar_engine.live.looks import agreed_for, dressed, worn
from avatar_engine.live.outlook import Foresees, coming
from avatar_engine.live.programme import Piece, Programme, SceneFor, SoundTrack, bare
from avatar_engine.live.sound_process import SoundProcess
from avatar_engine.live.voice_process import Directs, Teller, VoiceProcess, voice_of
from avatar_engine.media.clear import WRITERS, ClearWriter, writes
from avatar_engine.media.write import VideoWriter
from avatar_engine.show import script as scripts
from avatar_engine.show.director import Director
from avatar_engine.show.script import Script
from avatar_engine.stage import layout_file
from avatar_engine.stage.background import TRANSPARENT, behind_of
from avatar_engine.stage.card import Look
from avatar_engine.stage.label import Label
from avatar_engine.stage.layout import PLAIN, Layout
from avatar_engine.trust import consent as consents
from avatar_engine.trust import keys, manifest, provenance
from avatar_engine.trust.clearance import Clearance
from avatar_engine.trust.marks.code import consent_number
from avatar_engine.trust.marks.sound import FrameMark
from avatar_engine.voice.engines import settings as engines
from avatar_engine.voice.engines.settings import EngineSettings
from avatar_engine.voice.pack import VoicePack

SIGNS_PER_SECOND = 14.0
"""Letters spoken in a second, about: for the progress bar alone."""


@dataclass(frozen=True, slots=True)
class Made:
    """The video that was made: its path, its length and the seconds that it took."""

    path: Path
    seconds: float
    took: float

    def summary(self) -> str:
        """One line for the console."""
        speed = self.seconds / max(self.took, 1e-6)
        return f"{self.path}: {self.seconds:.1f} s of video in {self.took:.1f} s ({speed:.1f} x real time)"


class Waiting:
    """A `SpeechSource` that waits for the voice: offline there is time, and silence would be a defect."""

    def __init__(self, voice: Teller) -> None:
        self._voice = voice

    @property
    def generation(self) -> int:
        """The voice's generation."""
        return self._voice.generation

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""
        return self._voice.ended

    def coming(self) -> Sequence[Piece]:
        """The next piece and no more, however far ahead the voice is: a replay knows no more than a rehearsal did."""
        while (
            not (ready := coming(self._voice)) and isinstance(self._voice, Foresees) and not self._voice.ended
        ):
            self._voice.wait()
        return ready[:1]

    def poll(self) -> Piece | None:
        """The next piece; None only at the end."""
        while (piece := self._voice.poll()) is None and not self._voice.ended:
            self._voice.wait()
        return piece


def render(
    avatar: Path,
    text: str,
    output: Path,
    *,
    audio: str = "",
    language: str = "",
    engine: Path | None = None,
    lexicon: Path | None = None,
    controls: Controls = AS_FITTED,
    size: tuple[int, int] | None = None,
    layout: str = "",
    device: str = "auto",
    render_engine: Wanted = "off",
    label: str = "top-right",
    expression: str = EXPRESSIONS[0],
    nods: bool = True,
    background: str = "",
    relight: float = RELIGHT,
    look: str = "",
    use: str = "",
    progress: Progress = silent,
) -> Made:
    """Say ``text``, or what is recorded in ``audio``, into the video file ``output``.

    Args:
        avatar: The bundle.
        text: Plain text; an empty line parts two paragraphs. Empty where there is ``audio``.
        output: The .mp4 file, or before nothing the .webm or .mov file; written whole or not at all.
        audio: Recorded sound that drives the lips instead: a file, or an address of one.
        language: BCP 47 tag of what is said, or ``auto`` (found per sentence among those agreed to); the voice's
            own when empty.
        engine: File of a speech server that speaks in place of the clone's own voice.
        lexicon: File of the user's pronunciations.
        controls: How it is said where no mark asks for more; a recording keeps its own.
        size: Width and height of the video; None for what the layout is made for.
        layout: Name or file of the layout; "" for the plain one.
        device: ``auto``, ``cpu`` or ``cuda``.
        render_engine: Whether the machine's render engine paints: ``auto`` (if one runs), ``off`` or ``on``.
        label: Corner of the label.
        expression: The presenter's, one of `EXPRESSIONS`.
        nods: Whether the head dips on stressed words.
        background: What the presenter stands before, as `avatar_engine.stage.background.chosen` takes it; "" for as
            filmed.
        relight: How far the presenter's light follows the background's, 0 to 1.
        look: The clone's look in which it begins; "" for the one that it was made with.
        use: What the video is for, as the consent names it; not asked when empty.
        progress: Told how far it is.

    Raises:
        AvatarError: Nothing to say, the consent does not cover it, or bundle, sound, size or file are no good.
    """
    started = time.monotonic()
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    _refuse(paragraphs, audio, controls)
    server = engines.load(engine) if engine else None
    bundle = Bundle.open(avatar)
    behind = behind_of(background, "", Path(), relight)
    refuse_output(output, behind)
    own = VoicePack.load(bundle).language
    items = scripts.lines(paragraphs)
    said = Script(items, language or own, controls, label, expression=expression, nods=nods)
    said = dressed(bundle, said, look, behind)
    plan = plan_of(layout, said, None)
    plan.picture_size(size)
    signed = consents.from_record(bundle.consent, bundle.made)
    may = agreed(signed, said.languages, own, use or None)
    Clearance(signed, use or None, also=agreed_for(bundle, worn(said))).check()
    voice: Teller = (
        SoundProcess(audio)
        if audio
        else patient_voice(Director(said), bundle, may, server=server, lexicon=lexicon)
    )

    def length() -> float:
        return _length(voice, text, controls.speed)

    with ExitStack() as stack:
        record = of_video(signed, bundle, "say", output, stack, use=use, language=may.language)
        if isinstance(voice, VoiceProcess):
            voice.tells = record.handed
        else:
            record.sound(redact_url(audio) if "://" in audio else audio)
        made = film(
            bundle,
            said,
            may,
            voice,
            output,
            length=length,
            size=size,
            device=device,
            render_engine=render_engine,
            layout=plan,
            behind=behind,
            progress=progress,
        )
    return Made(output, made, time.monotonic() - started)


def patient_voice(
    director: Directs,
    bundle: Bundle,
    may: Agreed,
    *,
    server: EngineSettings | None = None,
    lexicon: Path | None = None,
) -> VoiceProcess:
    """A voice that nobody waits for on air: there is nothing to rehearse, and every sentence may take its time."""
    unrehearsed = Utterance("", may.language, source="rehearsal")
    return voice_of(
        director, bundle, unrehearsed, server=server, lexicon=lexicon, among=may.among, niceness=0, patient=True,
        read_back=False,
    )  # fmt: skip


def film(
    bundle: Bundle,
    script: Script,
    may: Agreed,
    voice: Teller,
    output: Path,
    *,
    length: Callable[[], float],
    seconds: float | None = None,
    whole: bool = True,
    size: tuple[int, int] | None = None,
    device: str = "auto",
    render_engine: Wanted = "off",
    look: Look | None = None,
    layout: Layout | None = None,
    scenes: SceneFor = bare,
    calls: Calls | None = None,
    wearing: Wearing | None = None,
    behind: Behind = AS_FILMED,
    progress: Progress = silent,
) -> float:
    """What a voice says, in the presenter's picture, into a video file; its seconds.

    Args:
        bundle: The clone.
        script: Its label's corner, its expression, and the look that it begins in.
        may: What the clone may speak.
        voice: Not yet launched; closed in the end.
        output: The .mp4 file; written whole or not at all.
        length: Seconds that it will take, about; asked once the voice is loaded.
        seconds: End after this time.
        whole: Refuse a video in which something could not be said.
        size: Width and height; None for what the layout is made for.
        device: ``auto``, ``cpu`` or ``cuda``.
        render_engine: Whether the machine's render engine paints: ``auto`` (if one runs), ``off`` or ``on``.
        look: How products' cards look; None for no cards.
        layout: What is on the picture, and where; None for the plain one.
        scenes: What is shown.
        calls: The actions that are called for, besides those of the texts.
        wearing: The looks that are asked for, likewise; None for those alone that the texts name.
        behind: What the presenter stands before.
        progress: Told how far it is.

    Raises:
        AvatarError: Something could not be said, or bundle, size or file are no good.
    """
    painting = settled(render_engine, device)
    plan = layout or layout_file.load(PLAIN)
    size = plan.picture_size(size)
    clear = behind.background == TRANSPARENT
    stamp = Label(may.language, script.label, size, script.sells)
    cv2.setNumThreads(1)  # OpenCV's pool and the painter's thread would wait for each other
    with ExitStack() as stack:
        stack.callback(voice.close)
        voice.launch()
        # imported here, a second's work, while the voice is loading on the other core
        from avatar_engine.live import performer as performers

        performer = performers.load(
            bundle.wearing(script.look or ORIGINAL),
            stamp,
            size,
            devices.choose(device),
            script.expression,
            look,
            plan,
            may.language,
            patient=True,
            behind=behind,
            engine=painting,
            nods=script.nods,
        )
        stack.callback(performer.close)
        voice.wait_ready()
        takes = length()
        voice.go()
        tags = provenance.metadata(may.language, bundle.name)
        signed = consents.from_record(bundle.consent, bundle.made)
        record = provenance.record(bundle.name, signed, may.language)
        hide = FrameMark(consent_number(signed.id))
        seal = partial(manifest.sign, record=record, title=output.name, key=keys.technician_key())
        says = marking(f"{tags['comment']}\n{provenance.line(record)}")
        carried: dict[str, Any] = {"seal": seal if manifest.can_carry(output) else None}
        if clear:
            carried["metadata"] = tags | {provenance.TAG: provenance.line(record)}
        else:
            carried |= {"metadata": tags, "marking": says}
        # the faster preset: on two cores the encoder takes its time from the voice
        kind = WRITERS[output.suffix.lower()] if clear else VideoWriter
        writer = stack.enter_context(kind(output, *size, preset="superfast", **carried))
        most = round(seconds * FRAME_RATE) if seconds else None
        worn = wearing or Wearing(script.look)
        for frame in islice(
            Programme(SoundTrack(Waiting(voice), scenes, calls=calls, wearing=worn), performer), most
        ):
            if isinstance(writer, ClearWriter) and performer.shares is not None:
                writer.picture_with(frame.picture, performer.shares)
            else:
                writer.picture(frame.picture)
            sound = frame.sound.copy()  # the lips have heard it; what follows may still be mended by it
            hide(frame.index, sound)
            writer.sound(sound)
            if frame.index % FRAME_RATE == 0:
                at = frame.index / FRAME_RATE
                progress("say", min(0.99, at / takes), f"{at:.0f} s")
        if whole:
            _refuse_left_out(voice)
        made = writer.frames / FRAME_RATE
    progress("say", 1.0, f"{made:.1f} s")
    return made


def _refuse_left_out(voice: Teller) -> None:
    advice, checks = "Look at the log above; change the text or the recording.", voice.figures.checks
    if lost := voice.figures.left_out:
        raise AvatarError(f"{lost} of {lost + voice.figures.said} could not be said.", advice)
    if lost := checks.left_out:
        raise AvatarError(f"{lost} of {checks.sentences} sentences could not be said well.", advice)


def refuse_output(output: Path, behind: Behind) -> None:
    """Refuse a file that can't have what is asked for, known by its name.

    Raises:
        AvatarError: Only WebM and QuickTime carry alpha, and all else is MP4.
    """
    if behind.background == TRANSPARENT:
        if not writes(output):
            raise AvatarError(
                f"The output {output.name!r} can't be transparent: MP4 has no alpha.",
                f"Write {output.stem}.webm (VP9, for browsers, OBS) or {output.stem}.mov (ProRes 4444, for editing).",
            )
    elif output.suffix.lower() != ".mp4":
        more = " .webm and .mov are for --background transparent." if writes(output) else ""
        raise AvatarError(
            f"The output {output.name!r} does not end in .mp4.", f"Write {output.stem}.mp4.{more}"
        )


def _refuse(paragraphs: list[str], audio: str, controls: Controls) -> None:
    """What can be known to be no good before any work."""
    if not paragraphs and not audio:
        raise AvatarError("There is nothing to say.", "Give a text, or --audio FILE.")
    if paragraphs and audio:
        raise AvatarError(f"There is a text, and the recording {audio}.", "Give one of the two.")
    controls.check()


def _length(voice: Teller, text: str, speed: float) -> float:
    """Seconds that it will take, about.

    Raises:
        AvatarError: It would never end.
    """
    if not isinstance(voice, SoundProcess):
        return max(1.0, len(text) / SIGNS_PER_SECOND / speed)
    if voice.live:
        raise AvatarError(f"{voice.name} is live and never ends.", "Put it on air with live --audio.")
    return max(1.0, voice.seconds)
