"""A live show: joins script, voice, presenter and broadcast, and keeps them in time until the end."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from avatar_engine import device as devices
from avatar_engine.broadcast.broadcast import Broadcast
from avatar_engine.broadcast.spec import OutputSpec, ProgrammeFormat, codec_named
from avatar_engine.broadcast.status import BroadcastStatus
from avatar_engine.bundle import Bundle
from avatar_engine.contracts import FRAME_RATE
from avatar_engine.errors import AvatarError
from avatar_engine.lips.motion import MotionState
from avatar_engine.live import performer as performers
from avatar_engine.live.agreed import agreed
from avatar_engine.live.pacer import Pacer
from avatar_engine.live.performer import Performer
from avatar_engine.live.programme import Programme
from avatar_engine.live.sound_process import SoundProcess
from avatar_engine.live.voice_process import Teller, rehearsal, voice_of
from avatar_engine.show import script as scripts
from avatar_engine.show.director import Director
from avatar_engine.show.script import Script
from avatar_engine.stage.label import Label
from avatar_engine.trust import consent as consents
from avatar_engine.trust import provenance
from avatar_engine.voice.engines import settings as engines
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.takes import Tally

log = logging.getLogger(__name__)

STATUS_EVERY = FRAME_RATE // 2
"""Frames between two status snapshots."""


@dataclass(frozen=True, slots=True)
class ShowStatus:
    """A show at one moment.

    Attributes:
        on_air: Seconds on air, in frames sent.
        fps: Frames sent in the last seconds, per second.
        frames: Frames made so far.
        late: Frames that went out after they were due.
        late_warm: Those after the first five seconds.
        worst_delay: The longest of these delays, in seconds.
        dropped: Frames lost: the broadcast's ring was full, or the show fell far behind.
        av_offset_ms: The sound's time minus the picture's at the muxer.
        queue: Frames waiting for the encoder.
        speech_lead: Seconds of speech ready to be said.
        bitrate_kbps: Sum over all outputs.
        reconnects: Sum over all outputs.
        segment: The script's segment that is being prepared.
        speaking: Whether something is being said.
        said: Utterances handed over whole by the voice.
        left_out: Utterances that the voice could not say.
        voice_restarts: Times that the voice's process was started anew.
        stage_times: Milliseconds of the last minutes by stage of a frame: ``p50``, ``p95``, ``p99``, ``max``.
        checks: What the checks of every sentence found before it was heard.
        text_to_first_sound: Seconds from the first text to its first sound on air; 0 before.
        text_to_voice: Seconds from a text to the voice's first piece of it, the mean of all; 0 before.
        stage_seconds: CPU seconds by stage of the thread that makes the pictures.
        broadcast: What the broadcast says of its outputs.
        voice_pid: Process id of the voice; None while it is down.
        broadcast_pid: Process id of the broadcast.
    """

    on_air: float
    fps: float
    frames: int
    late: int
    late_warm: int
    worst_delay: float
    dropped: int
    av_offset_ms: float
    queue: int
    speech_lead: float
    bitrate_kbps: float
    reconnects: int
    segment: str
    speaking: bool
    said: int
    left_out: int
    voice_restarts: int
    text_to_first_sound: float
    text_to_voice: float
    stage_seconds: dict[str, float] = field(default_factory=dict)
    stage_times: dict[str, dict[str, float]] = field(default_factory=dict)
    checks: Tally = field(default_factory=Tally)
    broadcast: BroadcastStatus | None = None
    voice_pid: int | None = None
    broadcast_pid: int | None = None


def run(
    avatar: Path,
    script: Path | None,
    outputs: Sequence[str | OutputSpec],
    *,
    audio: str = "",
    language: str = "",
    engine: Path | None = None,
    lexicon: Path | None = None,
    read_back: bool = True,
    codec: str = "h264",
    size: tuple[int, int] = (1280, 720),
    loop: bool = False,
    seconds: float | None = None,
    device: str = "auto",
    on_status: Callable[[ShowStatus], None] | None = None,
    stop: threading.Event | None = None,
) -> ShowStatus:
    """Go live and stay until the script, the time or the caller ends it.

    Args:
        avatar: The bundle.
        script: The show, in Markdown; None where there is ``audio``.
        audio: Sound that drives the lips instead: a file, an address or a device.
        language: BCP 47 tag of what ``audio`` says and of the label; the voice's own when empty.
        engine: File of a speech server that speaks in place of the clone's own voice.
        lexicon: File of the user's pronunciations.
        read_back: Whether sentences are read back before they are heard, where there is time for it.
        outputs: RTMP(S) addresses, paths of files to record to, and other outputs.
        codec: ``h264``, ``hevc`` or ``av1``.
        size: Width and height of the show.
        loop: Start the script or recording again at its end, for ever.
        seconds: End after this time on air.
        device: ``auto``, ``cpu`` or ``cuda``.
        on_status: Called about twice a second from the show's own thread; it should return at once.
        stop: Set it, and the show ends at the frame it is at; what was made is sent and files are finished.

    Returns:
        The last status.

    Raises:
        AvatarError: The consent does not cover the show, or bundle, script, sound, size or outputs are no good.
    """
    if (script is None) == (not audio):
        raise AvatarError("A show says a script or a sound.", "Give --script FILE or --audio FILE.")
    planned = scripts.load(script) if script else None
    goals = [o if isinstance(o, OutputSpec) else OutputSpec.parse(o) for o in outputs]
    if not goals:
        raise AvatarError("The show goes nowhere.", "Give --to an RTMP address, or --record a file.")
    server = engines.load(engine) if engine else None
    bundle = Bundle.open(avatar)
    own = VoicePack.load(bundle).language
    planned = planned or Script((), language or own)
    may = agreed(consents.from_record(bundle.consent, bundle.made), planned.languages, own, planned.use)
    label = Label(may.language, planned.label, size)
    cv2.setNumThreads(1)  # OpenCV's pool and the painter's thread would wait for each other
    tags = provenance.metadata(may.language, bundle.name)
    format_ = ProgrammeFormat(*size, metadata=tags, codec=codec_named(codec))
    director = Director(planned, loop)
    with ExitStack() as stack:
        voice = (
            SoundProcess(audio, loop, patient=True)
            if audio
            else voice_of(
                director,
                bundle,
                rehearsal(may.language),
                server=server,
                lexicon=lexicon,
                among=may.among,
                read_back=read_back,
            )
        )
        stack.callback(voice.close)
        voice.launch()
        performer = performers.load(bundle, label, size, devices.choose(device), planned.expression)
        stack.callback(performer.close)
        voice.wait_ready()
        broadcast = stack.enter_context(Broadcast(format_, goals))
        show = _OnAir(voice, performer, broadcast, director, on_status or _unseen)
        gc.collect()
        gc.freeze()  # the models live to the end: later collections need not walk them
        try:
            show.play(stop or threading.Event(), seconds)
        finally:
            gc.unfreeze()
    return show.status()


def _unseen(status: ShowStatus) -> None:
    """Nobody watches the status."""


def refuse_dead(broadcast: BroadcastStatus | None) -> None:
    """End a show that nobody can get any more: a network output comes back, a file that failed does not.

    Raises:
        AvatarError: Every output has failed for good.
    """
    if broadcast and broadcast.outputs and all(output.state == "failed" for output in broadcast.outputs):
        reasons = "; ".join(f"{output.name}: {output.error}" for output in broadcast.outputs)
        raise AvatarError(
            f"Every output has failed ({reasons}).", "Check the disk and the path; start again."
        )


class _OnAir:
    """The frames' way from programme to broadcast, and the figures of it."""

    def __init__(
        self,
        voice: Teller,
        performer: Performer[MotionState],
        broadcast: Broadcast,
        director: Director,
        on_status: Callable[[ShowStatus], None],
    ) -> None:
        self._voice, self._performer, self._broadcast = voice, performer, broadcast
        self._director, self._on_status = director, on_status
        self._pacer = Pacer()
        self._frames = self._refused = 0
        self._speaking = False
        self._went = self._first_sound = 0.0
        self._window = [(time.monotonic(), 0)]

    def play(self, stop: threading.Event, seconds: float | None) -> None:
        """Send frame after frame until the programme, ``seconds`` or ``stop`` ends it."""
        limit = round(seconds * FRAME_RATE) if seconds else None
        for frame in Programme(self._voice, self._performer):
            self._pacer.wait(frame.index)
            if not self._broadcast.send(frame):
                self._refused += 1
            self._note(frame.speaking)
            if frame.index == 0:
                self._went = time.monotonic()
                self._voice.go()
            if self._frames % STATUS_EVERY == 0:
                status = self.status()
                self._on_status(status)
                refuse_dead(status.broadcast)
            if stop.is_set() or self._frames == limit:
                log.info("the show ends at frame %d", frame.index)
                return

    def _note(self, speaking: bool) -> None:
        self._frames += 1
        if speaking and not self._first_sound:
            self._first_sound = time.monotonic() - self._went
        self._speaking = speaking
        if self._frames % FRAME_RATE == 0:
            self._window = [*self._window[-4:], (time.monotonic(), self._frames)]

    def status(self) -> ShowStatus:
        """The figures of this moment."""
        sent = self._broadcast.status()
        figures, (then, count) = self._voice.figures, self._window[0]
        waits = list(figures.first_sound)
        return ShowStatus(
            on_air=self._frames / FRAME_RATE,
            fps=(self._frames - count) / max(1e-6, time.monotonic() - then),
            frames=self._frames,
            late=self._pacer.late,
            late_warm=self._pacer.late_warm,
            worst_delay=self._pacer.worst,
            dropped=self._refused + self._pacer.dropped,
            av_offset_ms=sent.av_offset_ms,
            queue=sent.queue_depth,
            speech_lead=self._voice.lead,
            bitrate_kbps=sum(output.bitrate_kbps for output in sent.outputs),
            reconnects=sum(output.reconnects for output in sent.outputs),
            segment=self._director.segment,
            speaking=self._speaking,
            said=figures.said,
            left_out=figures.left_out,
            voice_restarts=figures.restarts,
            checks=figures.checks,
            text_to_first_sound=self._first_sound,
            text_to_voice=sum(waits) / len(waits) if waits else 0.0,
            stage_seconds=dict(self._performer.seconds),
            stage_times=self._performer.times.lately(),
            broadcast=sent,
            voice_pid=self._voice.pid,
            broadcast_pid=self._broadcast.pid,
        )
