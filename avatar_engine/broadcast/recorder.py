"""Recordings: files that survive a crash, in one piece or in many."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from avatar_engine.broadcast.outputs import Output
from avatar_engine.broadcast.packets import Packet, PacketQueue
from avatar_engine.broadcast.spec import TIME_BASE, OutputSpec, ProgrammeFormat

log = logging.getLogger(__name__)

_LIMIT = 30 * TIME_BASE
"""Ticks that wait for a disk, which stalls for seconds at times and then catches up."""


class FileOutput(Output):
    """Records into an .mp4 or .flv file, or into one after another.

    MP4 is written in fragments, one a GOP, so that everything up to the last two seconds can be played after
    a crash or a power cut, and turned into an ordinary MP4 with one index when it is closed (FFmpeg's
    ``hybrid_fragmented``): no second copy, no remux. FLV needs no index.

    Times in a file begin at 0 with its first picture. An earlier recording is never overwritten by a
    restarted process: it goes on in ``name-2.mp4``. Where the recording is cut, its pieces are ``name-001.mp4`` and
    so on, from the first number that is free; each begins with a keyframe, and none is lost between them.

    Args:
        spec: Which file, and after how many seconds it is cut.
        streams: The encoders' streams, for their descriptions.
        programme: For its metadata.
        restart: How often the process was started before; over 0 the file gets a new name.
    """

    goodbye = 60.0  # a long recording's index takes a while on a slow disk

    def __init__(
        self, spec: OutputSpec, streams: tuple[Any, Any], programme: ProgrammeFormat, restart: int
    ) -> None:
        super().__init__(spec, PacketQueue(_LIMIT, open_=True))
        self._path = spec.path or Path("recording.mp4")
        self._templates, self._metadata = streams, dict(programme.metadata)
        self._cut, self._pieces = round(spec.cut * TIME_BASE), 0
        self._renamed = restart > 0
        self._origin: int | None = None
        self._begin()

    def put(self, packet: Packet, patient: bool) -> None:
        self._queue.put(packet, patient)

    def run(self) -> None:
        try:
            while not self._stop.is_set():
                packet = self._queue.get(timeout=0.5)
                if packet is not None:
                    self._write(packet)
                elif self._queue.finished:
                    break
            self._container.close()
        except (OSError, av.FFmpegError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            log.error("%s: %s", self._file, reason)
            self._set(state="failed", error=str(reason))
            return
        self._set(state="ended")

    def _begin(self) -> None:
        self._pieces += 1
        self._file = self._path
        if self._cut:
            self._file = _numbered(self._path)
        elif self._renamed:
            self._file = _free_name(self._path)
        self._set(name=str(self._file))
        self._container = _open_file(self._file, self._metadata)
        self._streams = [self._container.add_stream_from_template(s) for s in self._templates]

    def _write(self, packet: Packet) -> None:
        if self._origin is None:
            self._origin = packet.pts
            self._set(state="on air")
        elif self._cut and packet.video and packet.keyframe and packet.pts - self._origin >= self._cut:
            self._container.close()
            log.info("%s: whole", self._file)
            self._begin()
            self._origin = packet.pts
        copy = av.Packet(packet.data)
        copy.pts = copy.dts = packet.pts - self._origin
        copy.duration, copy.time_base = packet.duration, Fraction(1, TIME_BASE)
        copy.is_keyframe = packet.keyframe
        copy.stream = self._streams[0 if packet.video else 1]
        self._container.mux_one(copy)
        self._count([packet])


def _open_file(path: Path, metadata: dict[str, str]) -> Any:
    if path.suffix.lower() == ".flv":
        container = av.open(str(path), "w", format="flv")
    else:
        flags = "hybrid_fragmented+frag_keyframe+default_base_moof+negative_cts_offsets+delay_moov"
        # flush_packets: a fragment is handed to the system when it is whole, not when the next fills a buffer.
        options = {"movflags": flags, "flush_packets": "1"}
        container = av.open(str(path), "w", format="mp4", options=options)
    container.metadata.update(metadata)
    return container


def _free_name(path: Path) -> Path:
    """``name-2.mp4`` and so on: the first that does not exist."""
    number = 2
    while (candidate := path.with_stem(f"{path.stem}-{number}")).exists():
        number += 1
    return candidate


def _numbered(path: Path) -> Path:
    """``name-001.mp4`` and so on: the first that does not exist, so that no piece is ever written over."""
    number = 1
    while (candidate := path.with_stem(f"{path.stem}-{number:03}")).exists():
        number += 1
    return candidate
