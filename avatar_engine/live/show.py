"""A live show: joins script, voice, presenter and broadcast, and keeps them in time until the end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from avatar_engine.broadcast.air import OnAir
from avatar_engine.broadcast.broadcast import Broadcast
from avatar_engine.broadcast.guard import Estate, Successor
from avatar_engine.broadcast.ring import ENDLESS, FAILED, FrameRing, slots_for
from avatar_engine.broadcast.spec import OutputSpec, ProgrammeFormat, codec_named, redact_url
from avatar_engine.broadcast.status import BroadcastStatus
from avatar_engine.bundle import ORIGINAL, Bundle
from avatar_engine.contracts import FRAME_RATE, RELIGHT
from avatar_engine.engine.wanted import Wanted, settled
from avatar_engine.errors import AvatarError
from avatar_engine.live import recordings, renderer_process
from avatar_engine.live import seat as seats
from avatar_engine.live.accounts import hosts_of, of_show
from avatar_engine.live.agreed import agreed
from avatar_engine.live.calls import Calls, Wearing
from avatar_engine.live.desk import Acting
from avatar_engine.live.hosted import Hosting, OnAirClock, desk_of, directed, look_of, scenes_of
from avatar_engine.live.idle import Baker, idle_video
from avatar_engine.live.layouts import place_of, plan_of
from avatar_engine.live.looks import abilities, agreed_for, changing, dressed, first_at, worn
from avatar_engine.live.microphone import Microphone
from avatar_engine.live.position import Position
from avatar_engine.live.renderer_process import PerformerMaker
from avatar_engine.live.renderers import Feed, Renderers
from avatar_engine.live.retold import Retold
from avatar_engine.live.sound_process import SoundProcess
from avatar_engine.live.standing import LAST_SENTENCE, Standing
from avatar_engine.live.voice_process import Teller, VoiceProcess, rehearsal, voice_of
from avatar_engine.show import script as scripts
from avatar_engine.show.chat.standing import Standing as ChatStanding
from avatar_engine.show.director import Director
from avatar_engine.show.producer import Producer
from avatar_engine.show.script import Script
from avatar_engine.stage.background import behind_of, check, chosen, refuse_on_air
from avatar_engine.stage.idle import LOOKS_APART, IdleFootage
from avatar_engine.stage.label import Label
from avatar_engine.trust import consent as consents
from avatar_engine.trust import permit as permits
from avatar_engine.trust import provenance
from avatar_engine.trust.clearance import Clearance, Widening
from avatar_engine.trust.marks.code import consent_number
from avatar_engine.trust.marks.sound import FrameMark
from avatar_engine.voice.engines import settings as engines
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.room import RoomTone
from avatar_engine.voice.takes import Tally

log = logging.getLogger(__name__)

STATUS_EVERY = FRAME_RATE // 2
"""Frames between two status snapshots."""

TICK = 0.04
"""Seconds between two looks of the supervisor."""

CUT_AFTER = 10
"""Idle frames in a row after which a sentence counts as cut, even if its renderer comes back to it."""

CONNECT = 5.0
"""Seconds that a show waits for its outputs before it begins, so that nobody misses its first words."""

COME_BACK = 5.0
"""Seconds that outputs get to come back after the broadcast's process died, before anything is said again."""


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
        dropped: Frames that were made and came too late for their moment.
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
        renderer_pid: Process id of the renderer; None while it is down.
        spare_ready: Whether a second renderer can take over at once.
        filled: Frames in whose place the idle face went out.
        held: Pictures that were shown again because the renderer had no time for new ones.
        longest_gap: Seconds of the longest run of these.
        moved: Seconds by which the programme moved because the broadcast itself was held up.
        renderer_restarts: Renderers that died or hung and were replaced.
        broadcast_restarts: Times that the broadcast's process was started anew.
        repeated: Sentences that a fault had cut and that were said again from their start.
        skipped: Sentences that a fault had cut and that were left out.
        place: Item of the script, counted over all rounds, that comes after what was heard whole.
        show_restarts: Times that the show's own process died, or hung, and another one took its place.
        microphone: What is on air in place of the show's voice; "" for nothing.
        microphone_ms: Milliseconds from its sound's coming to the air.
        microphone_pid: Process id of what listens to it, or is ready to.
        audience: What a hosted show knows of its viewers, messages, questions, clicks and sales, by name.
        chats: How the sources of a hosted show's chat stand.
        ending: Why it ends before its time: what the consent does not allow any more; "" while it may go on.
        look: The look of the presenter in the last frame on air; "" where it is not known.
        baking: Whether idle pictures are still made in the background, as in a clone's first show.
        voice_pace: Seconds of the voice's work for a second of speech, lately.
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
    renderer_pid: int | None = None
    spare_ready: bool = False
    filled: int = 0
    held: int = 0
    longest_gap: float = 0.0
    moved: float = 0.0
    renderer_restarts: int = 0
    broadcast_restarts: int = 0
    repeated: int = 0
    skipped: int = 0
    place: int = 0
    show_restarts: int = 0
    microphone: str = ""
    microphone_ms: float = 0.0
    microphone_pid: int | None = None
    audience: dict[str, float] = field(default_factory=dict)
    chats: tuple[ChatStanding, ...] = ()
    ending: str = ""
    look: str = ""
    baking: bool = False
    voice_pace: float = 0.0


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
    encoder: str = seats.AUTO,
    seat: str = seats.AUTO,
    size: tuple[int, int] | None = None,
    layout: str = "",
    loop: bool = False,
    seconds: float | None = None,
    resume: bool = False,
    device: str = "auto",
    render_engine: Wanted = "off",
    background: str = "",
    relight: float = RELIGHT,
    look: str = "",
    hosting: Hosting | None = None,
    use: str = "",
    permit: Path | None = None,
    traces: Sequence[Path] = (),
    on_status: Callable[[ShowStatus], None] | None = None,
    stop: threading.Event | None = None,
    successor: Successor | None = None,
    estate: Estate | None = None,
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
        encoder: One of `avatar_engine.broadcast.codecs.ENCODERS`; ``auto`` takes the one that has room.
        seat: ``auto`` refuses a show that this machine has no room for; ``force`` lets it in.
        size: Width and height of the show; None for what the layout is made for.
        layout: Name or file of the layout, seen from the working folder; "" for what the script says.
        loop: Start the script or recording again at its end, for ever.
        seconds: End after this time on air.
        resume: Go on with the script where its last show broke off.
        device: ``auto``, ``cpu`` or ``cuda``.
        render_engine: Whether the machine's render engine paints: ``auto`` (if one runs), ``off`` or ``on``.
        background: What the presenter stands before, as `avatar_engine.stage.background.chosen` takes it; "" for what
            the script says.
        relight: How far the presenter's light follows the background's, 0 to 1.
        look: The clone's look in which it begins; "" for what the script says.
        hosting: How a hosted show is run.
        use: What the show is for, where no script says it.
        permit: File of the presenter's permit, where the consent asks for one.
        traces: Files of the caller's in which there will be something of the show: its log, its figures.
        on_status: Called about twice a second from the show's own thread; it should return at once.
        stop: Set it, and the show ends at the frame it is at; what was made is sent and files are finished.
        successor: How the broadcast starts the next show when this one's process dies; None ends the broadcast then.
        estate: What a show left that died. This one takes its place in the broadcast, which goes on meanwhile, and
            in the script; a sound begins anew.

    Returns:
        The last status.

    Raises:
        AvatarError: The consent does not cover the show, or bundle, script, sound, size or outputs are no good, or
            the script to be resumed has changed, or this machine has no room for it.
    """
    if resume and audio:
        raise AvatarError("A sound can't be resumed.", "Only a script has a place: give --script.")
    if (script is None) == (not audio):
        raise AvatarError("A show says a script or a sound.", "Give --script FILE or --audio FILE.")
    hosting = hosting or Hosting()
    planned = scripts.load(script) if script else None
    goals = [o if isinstance(o, OutputSpec) else OutputSpec.parse(o) for o in outputs]
    if not goals:
        raise AvatarError("The show goes nowhere.", "Give --to an RTMP address, or --record a file.")
    server = engines.load(engine) if engine else None
    bundle = Bundle.open(avatar)
    own = VoicePack.load(bundle).language
    planned = _used(planned or Script((), language or own), use)
    signed = consents.from_record(bundle.consent, bundle.made)
    behind = behind_of(background, planned.background, script.parent if script else Path(), relight)
    refuse_on_air(behind.background)
    planned = dressed(bundle, planned, look, behind)
    may = agreed(signed, planned.languages, own, planned.use)
    leave = permits.load(permit) if permit else None
    also = agreed_for(bundle, worn(planned))
    clearance = Widening(Clearance(signed, planned.use, hosts_of(goals), leave, also))
    clearance.check()
    planned = may.settled(planned)
    plan = plan_of(layout, planned, script)
    size = plan.picture_size(size)
    hosting = replace(hosting, layout=place_of(layout, planned, script))
    label = Label(may.language, planned.label, size, planned.sells)
    tags = provenance.metadata(may.language, bundle.name)
    record = provenance.record(bundle.name, signed, may.language)
    format_ = ProgrammeFormat(*size, metadata=tags, codec=codec_named(codec), record=provenance.line(record))
    cards = look_of(planned, script)

    painting = settled(render_engine, device, on_air=estate is not None)

    def made(name: str) -> PerformerMaker:
        presenter = bundle.wearing(name)
        return partial(
            renderer_process.load_performer, presenter, label, size, device, planned.expression, cards, plan,
            may.language, behind=behind, engine=painting, nods=planned.nods,
        )  # fmt: skip

    seen = f"{label.words} {label.box} {plan.digest}".strip()
    idles = [
        idle_video(bundle.wearing(name), seen, size, planned.expression, behind) for name in bundle.looks
    ]
    room = None if audio else RoomTone.load(bundle).loop()  # a recorded sound has a room of its own
    began = time.time()
    with ExitStack() as stack:
        seated = seats.seated(
            hosting.desk or bundle.name, seats.demand_of(bundle, size, format_.codec, speaks=not audio), format_,
            encoder=encoder, policy=seat, ring=estate.ring.name if estate else "",
        )  # fmt: skip
        stack.enter_context(seated.hold)
        said = of_show(
            signed, bundle, goals, stack, show=hosting.desk, says=script or audio, use=planned.use,
            language=may.language, idles=idles, folders=[hosting.notes.parent] if hosting.notes else (), files=traces,
        )  # fmt: skip
        standing = Standing(clearance.check)
        stack.callback(standing.close)
        position = Position(script) if script else None
        stack.callback(position.close if position else _nothing)
        start = position.load() if position and (resume or estate) else 0
        ring = FrameRing.open(estate.ring) if estate else FrameRing.make(*size, slots_for(*size))
        stack.callback(_let_go, ring, bool(estate))
        if estate:
            ring.succeed()
        seated.hold.tell(seated.hold.seat.model_copy(update={"ring": ring.handle.name}))
        track: Retold | None = None
        feed: Feed | None = None
        clock = OnAirClock(ring)
        director = directed(
            planned, script, hosting, stack, loop=loop, start=start, clock=clock,
            heard=lambda: track.then if track else start, said=said,
        )  # fmt: skip
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
                on_fault=planned.on_fault,
            )
        )
        stack.callback(voice.close)
        voice.launch()
        scenes = scenes_of(director, clock)
        first = first_at(planned, start)
        wearing = Wearing(first, director.wears) if isinstance(director, Producer) else Wearing(first)
        microphone: Microphone | None = None
        if audio:
            said.sound(redact_url(audio) if "://" in audio else audio)
        if isinstance(voice, VoiceProcess):
            if isinstance(director, Director):
                voice.tells = said.handed
            if isinstance(director, Producer) and server is None:  # which gets its words in other pieces
                voice.give_way_to(director)
            acting = Acting(abilities(bundle), lambda name: track.act(name) if track else None)
            looks = partial(_looks, planned, wearing)
            stand = partial(_stand, bundle, lambda: feed, looks=looks)
            wear = changing(
                bundle,
                wearing.ask,
                lambda: (feed and feed.background) or behind.background,
                clearance.include,
            )
            microphone = desk_of(
                director, voice, hosting, planned.microphone, acting, stand, wear, stack, size
            )
        calls = Calls(director.acts) if isinstance(director, Producer) else Calls()
        track = Retold(
            microphone or voice,
            planned.on_fault,
            start,
            lambda heard: scenes.seen(heard, clock()),
            calls,
            wearing,
        )
        feed = Feed(track, ring)
        feed.told = director.went if isinstance(director, Producer) else said.went
        renderers = Renderers(made(first), ring, feed)
        stack.callback(renderers.close)
        renderers.launch()
        renderers.wait_ready()
        voice.wait_ready()
        broadcast = stack.enter_context(
            Broadcast(
                format_,
                goals,
                encoder=seated.encoder,
                seat=seated.hold.path,
                ring=ring,
                filler=partial(IdleFootage, *idles),
                room=room,
                finish=partial(FrameMark, consent_number(signed.id)),
                successor=successor,
                estate=estate,
            )
        )
        show = _OnAir(
            voice,
            track,
            feed,
            renderers,
            broadcast,
            ring,
            director,
            position,
            on_status or _nothing,
            microphone,
            standing,
            bundle.looks,
        )
        films = list(zip(map(made, bundle.looks), idles, strict=True))
        films.insert(0, films.pop(bundle.looks.index(first)))
        show.baker = Baker(*films[0], size, *films[1:])
        stack.callback(show.baker.close)
        broadcast.await_network(CONNECT)
        standing.begin()
        show.play(stop or threading.Event(), seconds)
        broadcast.close()
        recordings.sign(goals, began, record)
        return show.status()


def _stand(
    bundle: Bundle,
    feed: Callable[[], Feed | None],
    text: str,
    looks: Callable[[], Sequence[str]] = lambda: (ORIGINAL,),
) -> str:
    """A technician's order to stand before something else, in each of ``looks``; what is on air stays while anything is
    wrong with it."""
    background = chosen(text, Path("/"))
    refuse_on_air(background)
    for look in looks():
        check(bundle.wearing(look), background)
    if (told := feed()) is None:
        raise AvatarError("The show is not on air yet.", "Try again in a moment.")
    told.background = background
    return f"The background is {Path(text).name}."


def _looks(script: Script, wearing: Wearing) -> Sequence[str]:
    """The looks that may be seen in a show."""
    return (*worn(script), wearing.look)


def _used(script: Script, use: str) -> Script:
    return replace(script, use=use) if use else script


def _let_go(ring: FrameRing, inherited: bool) -> None:
    """Give the ring's memory back, unless the broadcast goes on and the next show is to find it."""
    if not ring.closing and (inherited or ring.tended == FAILED):
        ring.close()
    else:
        ring.discard()


def _nothing(*_: object) -> None:
    """Nobody watches the status, nothing is to be closed."""


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
    """The show's supervisor: starts what has died, has said again what was cut, and gives the figures."""

    def __init__(
        self,
        voice: Teller,
        track: Retold,
        feed: Feed,
        renderers: Renderers,
        broadcast: Broadcast,
        ring: FrameRing,
        director: Director | Producer,
        position: Position | None,
        on_status: Callable[[ShowStatus], None],
        microphone: Microphone | None,
        standing: Standing,
        looks: Sequence[str],
    ) -> None:
        self._looks = looks
        self.baker: Baker | None = None  # once outputs are about to be there
        self._microphone, self._standing = microphone, standing
        self._ending, self._ends = (
            "",
            ENDLESS,
        )  # why the show ends before its time, and at which frame at the latest
        self._voice, self._track, self._feed, self._renderers = voice, track, feed, renderers
        self._broadcast, self._ring = broadcast, ring
        self._director, self._position, self._on_status = director, position, on_status
        self._speaks = False  # the voice was told to go
        self._cut = False  # what the idle frames of this moment have cut was seen to
        self._held = 0.0  # since when nothing is said because the broadcast has died
        self._broadcasts = 0  # of its processes that died
        self._told = (-STATUS_EVERY, 0.0)  # frame and time of the last status
        self._window = [(time.monotonic(), ring.next)]

    def play(self, stop: threading.Event, seconds: float | None) -> None:
        """Stay until the programme, ``seconds`` or ``stop`` ends it."""
        ring, limit = self._ring, round(seconds * FRAME_RATE) if seconds else ENDLESS
        ring.last = self._feed.limit = limit
        while ring.next < min(ring.last, self._ends) and not stop.is_set():
            self._look()
            self._watch_standing()
            stop.wait(TICK)
        log.info("the show ends at frame %d", ring.next)
        self._feed.heard(0)  # the last sentences, too, went out
        if self._position and ring.last < limit and not stop.is_set() and not self._ending:
            self._position.finish()

    def _look(self) -> None:
        """See to everything once."""
        ring = self._ring
        ring.tended = time.monotonic_ns()
        if ring.next and not self._speaks:
            self._speaks = True
            self._voice.go()
        self._renderers.watch()
        self._watch_gap()
        place = self._feed.heard()
        if self._position:
            self._position.save(place)
        now, (frame, then) = time.monotonic(), self._told
        if ring.next >= frame + STATUS_EVERY or now > then + 1.0:
            self._told = ring.next - ring.next % STATUS_EVERY, now
            self._window = [*self._window[-9:], (now, ring.next)]
            status = self.status()
            self._watch_broadcast(status)
            self._on_status(status)
            refuse_dead(status.broadcast)

    def _watch_standing(self) -> None:
        """When the show may not go on, the sentence on air is finished and nothing else is said, not even why: those
        would be words in the presenter's name, too."""
        if self._standing.refused and not self._ending:
            self._ending = self._standing.refused
            self._ends = self._ring.next + round(LAST_SENTENCE * FRAME_RATE)
            log.error("the show ends with the sentence on air: %s", self._ending)
            self._feed.finish()

    def _watch_gap(self) -> None:
        """What went out instead of a sentence has cut it, if it was not short."""
        if not self._ring.gap:
            self._cut = False
        elif self._ring.gap >= CUT_AFTER and not self._cut:
            self._cut = True
            self._feed.cut()

    def _watch_broadcast(self, status: ShowStatus) -> None:
        """When its process has died, what it was sending is said again once the outputs are back."""
        if failure := self._broadcast.failure:
            raise failure
        if status.broadcast is None:
            return
        if status.broadcast_restarts > self._broadcasts:
            self._broadcasts = status.broadcast_restarts
            self._held = time.monotonic()
            self._feed.hold = True
            self._feed.cut(unsure=True)
        elif self._feed.hold:
            away = any(output.state in ("connecting", "reconnecting") for output in status.broadcast.outputs)
            self._feed.hold = away and time.monotonic() < self._held + COME_BACK

    def status(self) -> ShowStatus:
        """The figures of this moment."""
        air, sent = OnAir.of(self._ring), self._broadcast.status()
        figures, (then, count) = self._voice.figures, self._window[0]
        waits = list(figures.first_sound)
        return ShowStatus(
            on_air=air.frames / FRAME_RATE,
            fps=(air.frames - count) / max(1e-6, time.monotonic() - then),
            frames=air.frames,
            late=air.late,
            late_warm=air.late_warm,
            worst_delay=air.worst_delay,
            dropped=air.dropped,
            av_offset_ms=sent.av_offset_ms,
            queue=sent.queue_depth,
            speech_lead=self._voice.lead,
            bitrate_kbps=sum(output.bitrate_kbps for output in sent.outputs),
            reconnects=sum(output.reconnects for output in sent.outputs),
            segment=self._director.segment,
            speaking=air.speaking,
            said=figures.said,
            left_out=figures.left_out,
            voice_restarts=figures.restarts,
            checks=figures.checks,
            text_to_first_sound=max(0, air.first_spoken - 1) / FRAME_RATE,
            text_to_voice=sum(waits) / len(waits) if waits else 0.0,
            stage_seconds=self._renderers.seconds,
            stage_times=self._renderers.times,
            broadcast=sent,
            voice_pid=self._voice.pid,
            broadcast_pid=self._broadcast.pid,
            renderer_pid=self._renderers.pid,
            spare_ready=self._renderers.spare_ready,
            filled=air.filled,
            held=self._ring.held,
            longest_gap=air.longest_gap / FRAME_RATE,
            moved=air.given_up / FRAME_RATE,
            renderer_restarts=self._renderers.restarts,
            broadcast_restarts=sent.restarts,
            repeated=self._track.repeated + figures.repeated,
            skipped=self._track.skipped + figures.skipped,
            place=self._track.then,
            show_restarts=self._ring.successions,
            microphone=self._microphone.name if self._microphone else "",
            microphone_ms=self._behind(),
            microphone_pid=self._microphone.pid if self._microphone else None,
            audience=dict(self._director.audience) if isinstance(self._director, Producer) else {},
            chats=self._director.chats if isinstance(self._director, Producer) else (),
            ending=self._ending,
            look=self._worn(),
            baking=self.baker is not None and self.baker.baking,
            voice_pace=figures.pace,
        )

    def _worn(self) -> str:
        """The look of the last frame on air."""
        number = (self._ring.next + self._ring.shift) // LOOKS_APART
        return self._looks[number] if 0 <= number < len(self._looks) else ""

    def _behind(self) -> float:
        """Milliseconds from the microphone to the air, for what went in last; 0 where it is off."""
        mic = self._microphone
        if mic is None or not mic.name:
            return 0.0
        return 1e3 * (mic.waited + max(0, self._track.frame - self._ring.heard) / FRAME_RATE)
