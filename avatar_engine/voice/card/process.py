"""The process that owns the card for the voices of this machine's shows.

Kept running beside the render engine (`avatar_engine.voice.card.keeper`), or started by the first show that is told to.
A thread for every show reads what it asks; one thread computes. A show that does not take its answer blocks its
own thread and nobody else's.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from avatar_engine import __version__, folders
from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.device import cpu_features, usable_cores
from avatar_engine.voice.card import wire
from avatar_engine.voice.card.rows import Rows
from avatar_engine.voice.card.schedule import MOST_COLUMNS, Schedule, Work
from avatar_engine.voice.card.wire import Message, WireError
from avatar_engine.voice.network import SAMPLES_PER_FEATURE, SOURCE_PER_FEATURE

log = logging.getLogger(__name__)

IDLE = 120.0
"""Seconds without a show after which the process ends."""

PERSONS = 1024
"""Voices whose numbers are kept on the card: 200 kB each."""

SENTENCES = 8
"""Sentences of one show that are kept."""

LONGEST = 8192
"""Columns of a sentence at most: 100 s."""

NICENESS = 5
"""On a processor: voices have seconds to spare, painters have milliseconds."""

SILENT = 30.0
"""Seconds that a show may take to send a message that it has begun, or to take an answer."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Kept(OrderedDict[Key, Value]):
    """The last ``most`` things that were used."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def of(self, key: Key) -> Value | None:
        """What is kept under ``key``."""
        if key in self:
            self.move_to_end(key)
        return self.get(key)

    def keep(self, key: Key, value: Value) -> None:
        self[key] = value
        self.move_to_end(key)
        while len(self) > self._most:
            self.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Laid:
    """A sentence on the card: features (512, n) and harmonic source (22, 60 n + 1)."""

    features: Tensor
    source: Tensor


@dataclass(slots=True)
class Figures:
    """What was done.

    Attributes:
        shows: Connected now.
        windows: Windows of sound made.
        batches: Batches that they were made in.
        seconds: Of sound.
        busy: Seconds of work.
        late: Windows that came after they were wanted.
        since: When counting began, on the monotonic clock.
    """

    shows: int = 0
    windows: int = 0
    batches: int = 0
    seconds: float = 0.0
    busy: float = 0.0
    late: int = 0
    since: float = field(default_factory=time.monotonic)


class Engine:
    """Computes what is asked, batch by batch; `run` in one thread, `ask` from any."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.figures = Figures()
        self._schedule = Schedule(MOST_COLUMNS[rows.device.type])
        self._work: dict[str, Callable[[Sequence[Work]], None]] = {
            "body": self._bodies,
            "sound": self._sounds,
        }

    def ask(self, kind: str, columns: int, seconds: float, given: Any) -> Any:
        """Have ``given`` made, wanted in ``seconds``, and wait for it.

        Raises:
            RuntimeError: It could not be.
        """
        work = Work(kind, columns, time.monotonic() + seconds, given)
        self._schedule.put(work)
        work.done.wait()
        if work.fault:
            raise RuntimeError(work.fault)
        return work.made

    def run(self, ended: threading.Event) -> None:
        """Compute until ``ended``."""
        try:
            while not ended.is_set():
                batch = self._schedule.take(0.2)
                if batch:
                    self._do(batch)
        finally:
            self._schedule.close()

    def _do(self, batch: list[Work]) -> None:
        begun = time.monotonic()
        try:
            self._try(batch)
        except Exception as error:
            log.exception("a batch of %d failed", len(batch))
            for work in batch:
                work.fault = f"{type(error).__name__}: {error}"
            if self.rows.device.type == "cuda":
                raise  # after a fault in a kernel nothing works in this process; the next one begins anew
        finally:
            now = time.monotonic()
            self.figures.busy += now - begun
            self.figures.late += sum(now > work.due for work in batch if work.kind == "sound")
            for work in batch:
                work.done.set()

    def _try(self, batch: list[Work]) -> None:
        """Compute the batch, in halves where the card has no memory for the whole: others use it, too."""
        if self._fits(batch):
            return
        torch.cuda.empty_cache()  # not before the error is forgotten: it holds on to all that was computed so far
        if len(batch) == 1:
            batch[0].fault = "the card has no memory left"
            return
        for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
            self._try(half)

    def _fits(self, batch: list[Work]) -> bool:
        """Compute the batch; whether the card had the memory for it."""
        try:
            self._work[batch[0].kind](batch)
        except torch.OutOfMemoryError:
            return False
        return True

    def _bodies(self, batch: Sequence[Work]) -> None:
        """Plans (text, pitch, energy, person) to `Laid`."""
        frames = [int(work.given[0].shape[1]) for work in batch]
        text, pitch, energy = (
            _padded([torch.from_numpy(work.given[place]) for work in batch], rate * max(frames))
            for place, rate in ((0, 1), (1, 2), (2, 2))
        )
        people = torch.stack([work.given[3] for work in batch])
        features = self.rows.body(text, pitch, energy, frames, people)
        for row, (work, count) in enumerate(zip(batch, frames, strict=True)):
            source = self.rows.source(torch.from_numpy(work.given[1])[None])[0]
            work.made = Laid(features[row, :, : 2 * count].clone(), source.to(self.rows.dtype))

    def _sounds(self, batch: Sequence[Work]) -> None:
        """Windows (`Laid`, left, right, person) to float32 (300 * columns,)."""
        columns = [work.columns for work in batch]
        longest = max(columns)
        features = _padded([w.given[0].features[:, w.given[1] : w.given[2]] for w in batch], longest)
        source = _padded(
            [w.given[0].source[:, w.given[1] * SOURCE_PER_FEATURE : w.given[2] * SOURCE_PER_FEATURE + 1]
             for w in batch],
            longest * SOURCE_PER_FEATURE + 1,
        )  # fmt: skip
        people = torch.stack([work.given[3] for work in batch])
        sound = self.rows.sound(features, source, columns, people).cpu().numpy()
        for row, (work, count) in enumerate(zip(batch, columns, strict=True)):
            work.made = sound[row, : count * SAMPLES_PER_FEATURE]
        self.figures.windows += len(batch)
        self.figures.batches += 1
        self.figures.seconds += sum(columns) * SAMPLES_PER_FEATURE / SAMPLE_RATE


def _padded(parts: Sequence[Tensor], length: int) -> Tensor:
    """Parts (…, n) of several lengths as one tensor (rows, …, length), zero behind their ends."""
    out = parts[0].new_zeros((len(parts), *parts[0].shape[:-1], length))
    for row, part in zip(out, parts, strict=True):
        row[..., : part.shape[-1]] = part
    return out


class Server:
    """Answers the shows of this machine.

    Args:
        rows: The network on its device.
        door: The socket; its folder is private.
        idle: Seconds without a show after which `serve` returns.
        parent: The process that started this one; while it lives `serve` goes on without a show, too.
    """

    def __init__(self, rows: Rows, door: Path, idle: float = IDLE, parent: int | None = None) -> None:
        self._engine = Engine(rows)
        self._idle, self._parent = idle, parent
        self._persons: Kept[str, Tensor] = Kept(PERSONS)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        folders.private(door)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(door))
        self._listener.listen(512)
        self._listener.settimeout(0.5)

    def serve(self) -> None:
        """Answer until nobody has been there for a while, or `close`."""
        computing = threading.Thread(target=self._compute, name="card", daemon=True)
        computing.start()
        last = time.monotonic()
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                if self._parent is not None:
                    if os.getppid() != self._parent:
                        break  # whoever keeps this running has been killed
                elif self._engine.figures.shows:
                    last = time.monotonic()
                elif time.monotonic() - last > self._idle:
                    break
                continue
            last = time.monotonic()
            threading.Thread(target=self._show, args=(connection,), name="show", daemon=True).start()
        self._ended.set()
        self._listener.close()
        computing.join()

    def close(self) -> None:
        """Have `serve` return soon."""
        self._ended.set()

    def _compute(self) -> None:
        try:
            self._engine.run(self._ended)
        finally:
            self._ended.set()

    def _show(self, connection: socket.socket) -> None:
        figures = self._engine.figures
        with self._lock:
            figures.shows += 1
        sentences: Kept[int, Laid] = Kept(SENTENCES)
        try:
            with contextlib.closing(connection):
                while not self._ended.is_set():
                    connection.settimeout(None)  # between two sentences a show may say nothing for long
                    connection.recv(1, socket.MSG_PEEK)
                    connection.settimeout(SILENT)
                    wire.send(connection, self._answer(wire.receive(connection), sentences))
        except (WireError, OSError) as gone:
            log.debug("a show has gone: %s", gone)
        finally:
            with self._lock:
                figures.shows -= 1

    def _answer(self, asked: Message, sentences: Kept[int, Laid]) -> Message:
        what = asked.facts.get("do")
        try:
            if what == "window":
                return self._window(asked, sentences)
            if what == "hello":
                return Message(self._about())
            return Message({"fault": f"{what!r} is no request"})
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            return Message({"fault": f"{type(error).__name__}: {error}"})

    def _about(self) -> dict[str, Any]:
        figures, rows = self._engine.figures, self._engine.rows
        return {
            "version": __version__,
            "process": os.getpid(),
            "device": rows.device.type,
            "type": str(rows.dtype).removeprefix("torch."),
            "shows": figures.shows,
            "windows": figures.windows,
            "batches": figures.batches,
            "seconds": round(figures.seconds, 3),
            "late": figures.late,
            "busy": round(figures.busy / max(1e-9, time.monotonic() - figures.since), 4),
        }

    def _window(self, asked: Message, sentences: Kept[int, Laid]) -> Message:
        """The sound of a window; or what the card has to be told first."""
        facts, arrays = asked.facts, asked.arrays
        body, sounds = (
            self._person(str(facts[part]), arrays.get(part), part) for part in ("body", "generator")
        )
        number, seconds = int(facts["sentence"]), float(facts["seconds"])
        laid = sentences.of(number)
        if laid is None and "text" in arrays and body is not None:
            text, pitch, energy = _checked(arrays["text"], arrays["pitch"], arrays["energy"])
            laid = self._engine.ask("body", 2 * text.shape[1], seconds, (text, pitch, energy, body))
            sentences.keep(number, laid)
        missing = {
            "sentence": laid is None,
            "body": laid is None and body is None,
            "generator": sounds is None,
        }
        if laid is None or sounds is None:
            return Message({"missing": [name for name, absent in missing.items() if absent]})
        start, stop, margin = (int(facts[name]) for name in ("start", "stop", "margin"))
        if not 0 <= start < stop <= laid.features.shape[1] or margin < 0:
            raise ValueError(f"there is no window {start} to {stop} of {laid.features.shape[1]} columns")
        left, right = max(0, start - margin), min(laid.features.shape[1], stop + margin)
        sound = self._engine.ask("sound", right - left, seconds, (laid, left, right, sounds))
        begin = (start - left) * SAMPLES_PER_FEATURE
        return Message({}, {"sound": sound[begin : begin + (stop - start) * SAMPLES_PER_FEATURE]})

    def _person(self, key: str, row: FloatArray | None, part: Any) -> Tensor | None:
        """The numbers of a person, kept when they are sent; ``key`` names them and nothing else."""
        with self._lock:
            if row is not None:
                if row.shape != (self._engine.rows.width(part),) or not np.isfinite(row).all():
                    raise ValueError(f"a person's {part} of shape {row.shape}")
                self._persons.keep(f"{part} {key}", torch.from_numpy(row).to(self._engine.rows.device))
            return self._persons.of(f"{part} {key}")


def _checked(*plan: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Text features (512, n), pitch and energy (2 n,) that a network can take.

    Raises:
        ValueError: They are not.
    """
    text, pitch, energy = plan
    count = text.shape[-1]
    if text.shape != (512, count) or pitch.shape != (2 * count,) or energy.shape != pitch.shape:
        raise ValueError(f"a plan of shapes {[part.shape for part in plan]}")
    if not 0 < 2 * count <= LONGEST or not all(np.isfinite(part).all() for part in plan):
        raise ValueError("a plan of no length, of more than 100 s, or of numbers that are none")
    return text, pitch, energy


def _place(kind: str) -> tuple[torch.device, torch.dtype | None]:
    """Where to compute, and in what: a processor with tiles for bf16 is twice as fast in it as in float32."""
    if kind == "cuda":
        return torch.device("cuda"), None
    torch.set_num_threads(max(1, usable_cores() // 2))
    os.nice(NICENESS)
    return torch.device("cpu"), torch.bfloat16 if "amx_bf16" in (cpu_features() or ()) else None


def main() -> int:
    """Own the card until nobody needs it; 3 where there is none that PyTorch can use."""
    parser = argparse.ArgumentParser(description="Voices of this machine's shows on one card.")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--door", type=Path, required=True)
    parser.add_argument(
        "--until-ends", type=int, help="the process that started this, with which it stays and ends"
    )
    asked = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    if asked.device == "cuda" and not torch.cuda.is_available():
        log.error("PyTorch can't use the card")
        return 3
    place = folders.claim(asked.door)
    if place is None:
        log.info("another process owns the card already")
        return 0
    with place:
        server = Server(Rows(*_place(asked.device)), asked.door, IDLE, asked.until_ends)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.close())
        log.info("voices on %s, process %d", asked.device, os.getpid())
        server.serve()
        asked.door.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
