"""The broadcast process: frames in from the ring, packets out to every output."""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

from avatar_engine.broadcast.air import Air, FillerMaker, FinishMaker
from avatar_engine.broadcast.bitrate import BitrateControl, Load
from avatar_engine.broadcast.encoder import Encoder
from avatar_engine.broadcast.guard import Guard, Successor
from avatar_engine.broadcast.memory import locked
from avatar_engine.broadcast.network import NetworkOutput
from avatar_engine.broadcast.outputs import Output
from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.recorder import FileOutput
from avatar_engine.broadcast.ring import FrameRing, RingHandle
from avatar_engine.broadcast.spec import TIME_BASE, OutputSpec, ProgrammeFormat
from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.timing import StageTimes

log = logging.getLogger(__name__)

_REPORT_EVERY = 0.25
_ADAPT_EVERY = TIME_BASE // 2
"""Ticks between two looks at how fast the links are."""
_CARRIED = 2.0
"""Seconds over which what a link carries is measured."""
_HALF_SOUND = 512
_LOOK = 0.002
"""Seconds between two looks into an empty ring, offline."""


class Skew:
    """How far the pictures' times are from the sound's, where they are muxed.

    Compares each picture's time with the middle of the sound packet sent before it; pictures and sound
    are merged in order, so the mean is 0 when both timelines are one, whatever the packets' lengths.
    """

    def __init__(self) -> None:
        self._differences: deque[int] = deque(maxlen=100)
        self._sound_end: int | None = None

    def add(self, packet: Packet) -> None:
        if not packet.video:
            self._sound_end = packet.pts + packet.duration
        elif self._sound_end is not None:
            self._differences.append(packet.pts - (self._sound_end - _HALF_SOUND))

    @property
    def milliseconds(self) -> float:
        differences = list(self._differences)
        if not differences:
            return 0.0
        return round(1000 * sum(differences) / len(differences) / TIME_BASE, 1)


class _ToParent(logging.Handler):
    """Log records of this process, to the parent's loggers."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self._channel.say(kind="log", level=record.levelno, name=record.name, text=text)


class Channel:
    """Messages to the parent as JSON; a parent that has gone is no error here."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def say(self, **message: object) -> None:
        with self._lock, suppress(OSError):
            self._connection.send_bytes(json.dumps(message).encode())

    def attach(self, connection: Connection) -> None:
        """From here on to another one."""
        with self._lock:
            self._connection.close()
            self._connection = connection


class _Fanout:
    """The encoder and its outputs."""

    def __init__(
        self, programme: ProgrammeFormat, specs: Sequence[OutputSpec], encoder: str, restart: int
    ) -> None:
        self.encoder = Encoder(programme, encoder)
        self.skew = Skew()
        self.times = StageTimes("encode")
        self._programme, self._restart = programme, restart
        self._control = BitrateControl(programme.video_bitrate, programme.audio_bitrate)
        self._adapted = -_ADAPT_EVERY
        self.outputs = [self._output(spec) for spec in specs]
        for output in self.outputs:
            output.start()

    def _output(self, spec: OutputSpec) -> Output:
        programme, streams = self._programme, self.encoder.streams
        if spec.kind == "file":
            return FileOutput(spec, streams, programme, self._restart)
        if spec.kind == "preview":
            # Here, for the web server takes a while to import and most shows have none.
            from avatar_engine.broadcast.preview import PreviewOutput

            return PreviewOutput(spec, streams, programme)
        bitrate = programme.video_bitrate + programme.audio_bitrate
        return NetworkOutput(spec, self.encoder.description, self.encoder.want_keyframe, bitrate)

    def encoded(self, index: int, picture: ByteArray, sound: FloatArray) -> list[Packet]:
        """What a frame becomes; how long it takes is noted."""
        began = time.perf_counter()
        packets = self.encoder.encode(index, picture, sound)
        self.times.add("encode", time.perf_counter() - began)
        return packets

    def spread(self, packets: Sequence[Packet], patient: bool) -> None:
        for packet in packets:
            self.skew.add(packet)
            for output in self.outputs:
                output.put(packet, patient)
        if packets and packets[-1].pts - self._adapted >= _ADAPT_EVERY and not patient:
            self._adapted = packets[-1].pts
            self._adapt()

    def _adapt(self) -> None:
        """Fit the bitrate to links that are too slow for it."""
        links = [o for o in self.outputs if isinstance(o, NetworkOutput) and o.on_air]
        before = self.encoder.bitrate
        wanted = self._control.update(self._adapted, [Load(o.lag, o.delivered(_CARRIED)) for o in links])
        if wanted != before:
            self.encoder.set_bitrate(wanted)
            if self.encoder.bitrate != before:
                log.info("pictures get %d kbit/s from here on, of %d", wanted // 1000, before // 1000)

    def finish(self) -> None:
        """Flush the encoders and let every output end, each in its own time."""
        self.spread(self.encoder.flush(), patient=True)
        for output in self.outputs:
            output.finish()
        began = time.monotonic()
        for output in self.outputs:
            output.join(max(0.0, output.goodbye - (time.monotonic() - began)))
        self.encoder.close()

    def report(self) -> dict[str, object]:
        return {
            "kind": "status",
            "outputs": [asdict(output.status()) for output in self.outputs],
            "encoder": self.encoder.name,
            "encoded": self.encoder.encoded,
            "video_kbps": self.encoder.bitrate // 1000,
            "av_offset_ms": self.skew.milliseconds,
            "stage_times": self.times.lately(),
            "cpu_seconds": round(time.process_time(), 3),
        }


def main(
    handle: RingHandle,
    connection: Connection,
    programme: ProgrammeFormat,
    specs: Sequence[OutputSpec],
    encoder: str,
    restart: int,
    live: bool,
    filler: FillerMaker | None,
    successor: Successor | None,
    room: FloatArray | None,
    finish: FinishMaker | None,
    seat: Path | None = None,
) -> None:
    """The process's entry point: encode until the show says that it has finished, or has died for good.

    Args:
        handle: The ring that frames come through.
        connection: Where status and logs go.
        programme: What is encoded.
        specs: Where it goes.
        encoder: See `Encoder`.
        restart: How often this process was started before.
        live: Keep time (`avatar_engine.broadcast.air`); otherwise every frame goes out as soon as it comes.
        filler: Makes the idle pictures for frames that are not there.
        successor: Starts the next show when this one dies (live).
        room: See `Air`.
        finish: Makes what changes the sound last of all (live).
        seat: A file that is kept locked until this process ends; None for none.
    """
    if seat:
        locked(seat)
    # Ctrl-C reaches the whole terminal group; the parent decides when and how the broadcast ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    channel = Channel(connection)
    logging.basicConfig(level=logging.INFO, handlers=[_ToParent(channel)], force=True)
    ring = FrameRing.open(handle)

    def attach(line: Connection) -> None:
        channel.attach(line)
        channel.say(kind="ready", encoder=fanout.encoder.name)

    guard = Guard(ring, successor if live else None, attach)
    try:
        fanout = _Fanout(programme, specs, encoder, restart)
    except AvatarError as error:
        channel.say(kind="fatal", what=error.what, advice=error.advice)
        return
    channel.say(kind="ready", encoder=fanout.encoder.name)
    ended = threading.Event()
    reporter = threading.Thread(target=_report, args=(fanout, channel, ended), daemon=True)
    reporter.start()
    if live:
        _keep_time(ring, fanout, guard, filler, room, finish)
    else:
        _encode(ring, fanout, guard)
    fanout.finish()
    ended.set()
    reporter.join(1.0)
    channel.say(**fanout.report())
    channel.say(kind="ended")
    ring.discard() if guard.orphaned else ring.close()


def _encode(ring: FrameRing, fanout: _Fanout, guard: Guard) -> None:
    """Every frame of the ring as it comes, until its end."""
    last = -1
    while not ring.exhausted:
        frame = ring.peek()
        if frame is None:
            if not guard():
                return
            time.sleep(_LOOK)
            continue
        packets: list[Packet] = []
        try:
            if frame.index > last:
                packets = fanout.encoded(frame.index, frame.picture, frame.sound)
                last = frame.index
        finally:
            # Given back even if the encoder fails on it, or the next process would fail on it again.
            ring.release()
        fanout.spread(packets, frame.patient)


def _keep_time(
    ring: FrameRing,
    fanout: _Fanout,
    guard: Guard,
    filler: FillerMaker | None,
    room: FloatArray | None,
    finish: FinishMaker | None,
) -> None:
    """Every frame at its moment, or the idle face in its place, until the programme's end."""

    def send(index: int, picture: ByteArray, sound: FloatArray) -> None:
        fanout.spread(fanout.encoded(index, picture, sound), patient=False)

    last = finish() if finish else None
    Air(ring, filler() if filler else None, send, room=room, finish=last).play(guard)


def _report(fanout: _Fanout, channel: Channel, ended: threading.Event) -> None:
    while not ended.wait(_REPORT_EVERY):
        channel.say(**fanout.report())
