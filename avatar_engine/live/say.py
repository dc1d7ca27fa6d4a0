"""A text to a video file, as fast as the machine can: the same programme as on air, without the pacer."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2

from avatar_engine import device as devices
from avatar_engine.bundle import Bundle
from avatar_engine.contracts import EXPRESSIONS, FRAME_RATE, Controls, Progress, Utterance, silent
from avatar_engine.errors import AvatarError
from avatar_engine.live.programme import Piece, Programme
from avatar_engine.live.voice_process import VoiceProcess, load_voice
from avatar_engine.media.write import VideoWriter
from avatar_engine.show.director import Director
from avatar_engine.show.script import SPEEDS, Line, Script
from avatar_engine.stage.label import Label
from avatar_engine.trust import consent as consents
from avatar_engine.trust import provenance
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

    def __init__(self, voice: VoiceProcess) -> None:
        self._voice = voice

    @property
    def generation(self) -> int:
        """The voice's generation."""
        return self._voice.generation

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""
        return self._voice.ended

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
    language: str = "",
    speed: float = 1.0,
    size: tuple[int, int] = (1280, 720),
    device: str = "auto",
    label: str = "top-right",
    expression: str = EXPRESSIONS[0],
    progress: Progress = silent,
) -> Made:
    """Say ``text`` into the video file ``output``.

    Args:
        avatar: The bundle.
        text: Plain text; an empty line parts two paragraphs.
        output: The .mp4 file; written whole or not at all.
        language: BCP 47 tag of the text; the voice's own when empty.
        speed: Rate of speech, 0.5 to 2.0.
        size: Width and height of the video.
        device: ``auto``, ``cpu`` or ``cuda``.
        label: Corner of the label.
        expression: The presenter's, one of `EXPRESSIONS`.
        progress: Told how far it is.

    Raises:
        AvatarError: Nothing to say, the consent does not cover it, or bundle, size or file are no good.
    """
    started = time.monotonic()
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    if not paragraphs:
        raise AvatarError("There is nothing to say.", "Give a text.")
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise AvatarError(f"The speed {speed} is out of range.", f"Choose {SPEEDS[0]} to {SPEEDS[1]}.")
    if output.suffix.lower() != ".mp4":
        raise AvatarError(f"The output {output.name!r} does not end in .mp4.", f"Write {output.stem}.mp4.")
    bundle = Bundle.open(avatar)
    spoken = language or VoicePack.load(bundle).language
    stamp = Label(spoken, label, size)
    consents.check(consents.from_record(bundle.consent, bundle.made), language=spoken)
    cv2.setNumThreads(1)  # OpenCV's pool and the painter's thread would wait for each other
    items = tuple(Line(paragraph, number) for number, paragraph in enumerate(paragraphs, 1))
    with ExitStack() as stack:
        director = Director(Script(items, spoken, Controls(speed)))
        # nobody waits for the first word on air, so there is nothing to rehearse
        unrehearsed = Utterance("", spoken, source="rehearsal")
        voice = VoiceProcess(director, partial(load_voice, bundle, spoken), unrehearsed, niceness=0)
        stack.callback(voice.close)
        voice.launch()
        # imported here, a second's work, while the voice is loading on the other core
        from avatar_engine.live import performer as performers

        performer = performers.load(bundle, stamp, size, devices.choose(device), expression)
        stack.callback(performer.close)
        voice.wait_ready()
        voice.go()
        tags = provenance.metadata(spoken, bundle.name)
        # the faster preset: on two cores the encoder takes its time from the voice
        writer = stack.enter_context(VideoWriter(output, *size, preset="superfast", metadata=tags))
        expected = max(1.0, len(text) / SIGNS_PER_SECOND / speed) * FRAME_RATE
        for frame in Programme(Waiting(voice), performer):
            writer.picture(frame.picture)
            writer.sound(frame.sound)
            if frame.index % FRAME_RATE == 0:
                note = f"{frame.index / FRAME_RATE:.0f} s"
                progress("say", min(0.99, frame.index / expected), note)
        if voice.figures.left_out:
            raise AvatarError(
                f"The voice could not say {voice.figures.left_out} of {len(items)} paragraphs.",
                "Look at the log above; change the text.",
            )
        length = writer.frames / FRAME_RATE
    progress("say", 1.0, f"{length:.1f} s")
    return Made(output, length, time.monotonic() - started)
