"""Frames from the show to the broadcast process through shared memory: one copy, no waiting, no locks.

One writer, one reader, and a supervisor that watches. All that they know of one another is counters in the same
memory, each written by one side alone: whoever is killed leaves nothing locked, and its heir goes on from there.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar_engine.broadcast.memory import SharedMemory
from avatar_engine.contracts import SAMPLES_PER_FRAME, ByteArray, FloatArray, ProgrammeFrame
from avatar_engine.errors import AvatarError

_CONTROL = 256
_HEADER = 64
_LARGEST = 48 << 20
"""Bytes of the ring at most: containers often have only 64 MiB of shared memory."""

FAILED = -1
"""What `FrameRing.tended` says when the supervisor has broken down and knows it."""

_LAST_STALE = 0.2
"""Seconds after which the reader has seen a new epoch."""

ENDLESS = 1 << 62
"""Where a programme ends of which nobody knows the end."""


def slots_for(width: int, height: int) -> int:
    """How many frames a ring holds: a second, or what fits 48 MiB, at least four."""
    return max(4, min(25, _LARGEST // slot_bytes(width, height)))


def slot_bytes(width: int, height: int) -> int:
    """Bytes of one frame in the ring, a multiple of 64."""
    size = _HEADER + SAMPLES_PER_FRAME * 4 + width * height * 3 // 2
    return (size + 63) // 64 * 64


@dataclass(frozen=True)
class RingHandle:
    """What another process needs to open the ring; may be passed to another process, as JSON, too."""

    name: str
    width: int
    height: int
    slots: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A frame in the ring: views, valid until `FrameRing.release`.

    Attributes:
        index: Its frame index.
        patient: File outputs may hold the encoder up rather than drop it.
        epoch: The `FrameRing.epoch` that it was made in.
        content: How many frames of sound were given to its maker before it.
        speaking: Whether the presenter speaks in it.
        home: Picture of the idle presenter that it may be followed by the next one of.
        picture: uint8 I420.
        sound: float32 (`SAMPLES_PER_FRAME`,).
    """

    index: int
    patient: bool
    epoch: int
    content: int
    speaking: bool
    home: int
    picture: ByteArray
    sound: FloatArray


class _Counter:
    """One int64 of the shared memory, by its place there."""

    def __init__(self, place: int) -> None:
        self._place = place

    def __get__(self, ring: FrameRing, owner: type[FrameRing]) -> int:
        return int(ring._control[self._place])

    def __set__(self, ring: FrameRing, value: int) -> None:
        ring._control[self._place] = value


class FrameRing:
    """The ring, opened; `make` it in one process and `open` it in the others.

    Attributes:
        put_count: Frames put in so far (the writer's).
        taken: Frames given back so far (the reader's).
        closing, drain: That no frame follows, and whether those that wait are wanted (the supervisor's).
        last: The programme ends before this index; the writer or the supervisor lowers it.
        epoch: Frames of an older epoch are stale: the reader drops them (the supervisor's).
        beat: Monotonic nanoseconds of the writer's last sign of life.
        tended: The same of the supervisor; 0 before the first.
        successions: How many supervisors died and were succeeded (the reader's).
        held: Pictures that were shown again because the renderer had no time for new ones (the writer's).
        next: Index of the frame that goes out next (the reader's, as all that follow).
        shift: How many pictures the idle face is ahead of the frames' index, so that it goes on where the body was.
        due: Monotonic nanoseconds at which the idle face goes out in its place.
        heard: Frames of content of which all went out: one more than the last one's `Waiting.content`.
        first_spoken: One more than the first index at which somebody spoke; 0 before.
        speaking: Whether somebody speaks in the last frame.
        filled: Frames in whose place the idle face went out.
        gap: How many of them in a row, up to now; 0 while all is well.
        longest_gap: The most in a row.
        dropped: Frames that came after their moment.
        late, late_warm, worst_us, given_up: See `avatar_engine.broadcast.pacer.Pacer`; microseconds.
    """

    put_count, taken, closing, drain = (_Counter(place) for place in range(4))
    last, epoch, beat, held = (_Counter(place) for place in range(4, 8))
    next, heard, first_spoken, speaking = (_Counter(place) for place in range(8, 12))
    filled, gap, longest_gap, dropped = (_Counter(place) for place in range(12, 16))
    late, late_warm, worst_us, given_up, due = (_Counter(place) for place in range(16, 21))
    tended, successions, shift = (_Counter(place) for place in range(21, 24))

    def __init__(self, memory: SharedMemory, handle: RingHandle) -> None:
        self.handle, self.slots = handle, handle.slots
        self._memory = memory
        self._fence = threading.Lock()
        step, shape = slot_bytes(handle.width, handle.height), (handle.height * 3 // 2, handle.width)
        buffer = memory.buffer
        self._control: npt.NDArray[np.int64] = np.frombuffer(buffer, np.int64, _CONTROL // 8)
        self._headers: list[npt.NDArray[np.int64]] = []
        self._sounds: list[FloatArray] = []
        self._pictures: list[ByteArray] = []
        for start in range(_CONTROL, _CONTROL + handle.slots * step, step):
            sound = start + _HEADER
            self._headers.append(np.frombuffer(buffer, np.int64, 6, start))
            self._sounds.append(np.frombuffer(buffer, np.float32, SAMPLES_PER_FRAME, sound))
            plane = np.frombuffer(buffer, np.uint8, shape[0] * shape[1], sound + SAMPLES_PER_FRAME * 4)
            self._pictures.append(plane.reshape(shape))

    @classmethod
    def make(cls, width: int, height: int, slots: int) -> FrameRing:
        """A new ring of ``slots`` frames of ``width`` by ``height``; `discard` gives the memory back.

        Raises:
            AvatarError: The machine's shared memory is too small.
        """
        size = _CONTROL + slots * slot_bytes(width, height)
        try:
            memory = SharedMemory.create(size)
        except OSError as error:
            raise AvatarError(
                f"There is no room for {size >> 20} MiB of shared memory ({error.strerror}).",
                "Enlarge /dev/shm (docker: --shm-size=256m) or choose a smaller --size.",
            ) from error
        ring = cls(memory, RingHandle(memory.name, width, height, slots))
        ring.last = ENDLESS
        return ring

    @classmethod
    def open(cls, handle: RingHandle) -> FrameRing:
        """The ring of another process.

        Raises:
            FileNotFoundError: It is gone.
        """
        return cls(SharedMemory.open(handle.name), handle)

    @property
    def depth(self) -> int:
        """Frames that wait."""
        return self.put_count - self.taken

    @property
    def exhausted(self) -> bool:
        """Whether the writer has finished and nothing is left to encode."""
        return bool(self.closing) and (not self.drain or not self.depth)

    def put(self, frame: ProgrammeFrame, patient: bool = False, *, epoch: int = 0, content: int = 0) -> bool:
        """Copy a frame in; False when the ring is full. Never waits.

        Args:
            frame: Its picture must have the ring's size.
            patient: See `Waiting`, as for the others.
            epoch: The epoch that it was made in.
            content: Its place in what is said.
        """
        count = self.put_count
        if count - self.taken >= self.slots:
            return False
        slot = count % self.slots
        self._headers[slot][:] = (frame.index, patient, epoch, content, frame.speaking, frame.home)
        np.copyto(self._sounds[slot], frame.sound)
        np.copyto(self._pictures[slot], frame.picture)
        with self._fence:  # a barrier: on processors that reorder writes the count must be seen last
            self.put_count = count + 1
        return True

    def peek(self) -> Waiting | None:
        """The oldest frame, valid until `release`; None when none waits."""
        taken = self.taken
        if self.put_count == taken:
            return None
        with self._fence:
            slot = taken % self.slots
        index, patient, epoch, content, speaking, home = self._headers[slot].tolist()
        sound, picture = self._sounds[slot], self._pictures[slot]
        return Waiting(index, bool(patient), epoch, content, bool(speaking), home, picture, sound)

    def release(self) -> None:
        """Give the oldest frame's slot back to the writer."""
        with self._fence:
            self.taken += 1

    def succeed(self) -> None:
        """By a new supervisor: what the last one's renderer made is stale, and content is counted anew."""
        self.epoch += 1
        time.sleep(_LAST_STALE)
        self.heard = 0

    def finish(self, drain: bool) -> None:
        """Tell the reader that no frame follows; ``drain`` asks it to encode those that wait."""
        self.drain = drain
        self.closing = 1

    def close(self) -> None:
        """Let go of the memory."""
        del self._control
        for views in (self._headers, self._sounds, self._pictures):
            views.clear()
        self._memory.close()

    def discard(self) -> None:
        """Give the memory back, for all; for the last one that needs it."""
        self.close()
        self._memory.unlink()
