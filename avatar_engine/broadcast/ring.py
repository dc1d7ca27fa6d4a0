"""Frames from the show to the broadcast process through shared memory: one copy, no waiting.

One writer, one reader. The frames and the two counters live in the shared memory; two semaphores wake
the other side. Because the counters survive the reader's death, a new reader goes on where the dead one
stopped: `FrameRing.renew` only rebuilds the semaphores.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import SpawnContext
from multiprocessing.shared_memory import SharedMemory
from multiprocessing.synchronize import Semaphore

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import SAMPLES_PER_FRAME, ByteArray, FloatArray, ProgrammeFrame
from avatar_engine.errors import AvatarError

_CONTROL = 64
_HEADER = 64
_LARGEST = 48 << 20
"""Bytes of the ring at most: containers often have only 64 MiB of shared memory."""

_HEAD, _TAIL, _CLOSING, _DRAIN = range(4)


def slots_for(width: int, height: int) -> int:
    """How many frames a ring holds: a second, or what fits 48 MiB, at least four."""
    return max(4, min(25, _LARGEST // slot_bytes(width, height)))


def slot_bytes(width: int, height: int) -> int:
    """Bytes of one frame in the ring, a multiple of 64."""
    size = _HEADER + SAMPLES_PER_FRAME * 4 + width * height * 3 // 2
    return (size + 63) // 64 * 64


@dataclass(frozen=True)
class RingHandle:
    """What the other process needs to open the ring; may be passed to a spawned process."""

    name: str
    width: int
    height: int
    slots: int
    filled: Semaphore
    free: Semaphore


class _Slots:
    """Views of the shared memory: the counters, and each slot's header, sound and picture."""

    def __init__(self, memory: SharedMemory, width: int, height: int, slots: int) -> None:
        step = slot_bytes(width, height)
        buffer = memory.buf
        if buffer is None:
            raise ValueError("the shared memory is closed")
        self.control: npt.NDArray[np.int64] = np.frombuffer(buffer, np.int64, _CONTROL // 8)
        self.headers: list[npt.NDArray[np.int64]] = []
        self.sounds: list[FloatArray] = []
        self.pictures: list[ByteArray] = []
        for start in range(_CONTROL, _CONTROL + slots * step, step):
            sound = start + _HEADER
            picture = sound + SAMPLES_PER_FRAME * 4
            shape = (height * 3 // 2, width)
            self.headers.append(np.frombuffer(buffer, np.int64, 2, start))
            self.sounds.append(np.frombuffer(buffer, np.float32, SAMPLES_PER_FRAME, sound))
            plane = np.frombuffer(buffer, np.uint8, shape[0] * shape[1], picture)
            self.pictures.append(plane.reshape(shape))

    def release(self) -> None:
        """Let go of every view, so that the memory can be closed."""
        del self.control
        self.headers.clear()
        self.sounds.clear()
        self.pictures.clear()


class FrameRing:
    """The writer's side; also owns the shared memory.

    Args:
        context: The spawn context that the reading process is started with.
        width: Pixels.
        height: Pixels.
        slots: Frames that it holds.

    Raises:
        AvatarError: The machine's shared memory is too small.
    """

    def __init__(self, context: SpawnContext, width: int, height: int, slots: int) -> None:
        self._context = context
        self._width, self._height, self.slots = width, height, slots
        size = _CONTROL + slots * slot_bytes(width, height)
        self._memory = SharedMemory(create=True, size=size)
        try:
            _reserve(self._memory.name, size)
        except OSError as error:
            self._memory.close()
            self._memory.unlink()
            raise AvatarError(
                f"There is no room for {size >> 20} MiB of shared memory ({error.strerror}).",
                "Enlarge /dev/shm (docker: --shm-size=256m) or choose a smaller --size.",
            ) from error
        self._slots = _Slots(self._memory, width, height, slots)
        self._slots.control[:] = 0
        self.renew()

    def renew(self) -> None:
        """Make the semaphores anew from the counters: nobody can tell what a dead reader left them at."""
        waiting = self.depth
        self._filled = self._context.Semaphore(waiting)
        self._free = self._context.Semaphore(self.slots - waiting)

    @property
    def handle(self) -> RingHandle:
        return RingHandle(self._memory.name, self._width, self._height, self.slots, self._filled, self._free)

    @property
    def depth(self) -> int:
        """Frames that wait to be read."""
        control = self._slots.control
        return int(control[_HEAD] - control[_TAIL])

    def put(self, frame: ProgrammeFrame, patient: bool) -> bool:
        """Copy a frame in; False when the ring is full. Never waits.

        Args:
            frame: Its picture must have the ring's size.
            patient: Travels with the frame: file outputs may hold the encoder up rather than drop it.
        """
        if not self._free.acquire(block=False):
            return False
        control = self._slots.control
        slot = int(control[_HEAD]) % self.slots
        self._slots.headers[slot][:] = (frame.index, patient)
        np.copyto(self._slots.sounds[slot], frame.sound)
        np.copyto(self._slots.pictures[slot], frame.picture)
        control[_HEAD] += 1
        self._filled.release()
        return True

    def finish(self, drain: bool) -> None:
        """Tell the reader that no frame follows; ``drain`` asks it to encode those that wait."""
        self._slots.control[_DRAIN] = drain
        self._slots.control[_CLOSING] = 1
        self._filled.release()

    def close(self) -> None:
        """Give the memory back."""
        self._slots.release()
        with suppress(BufferError):
            self._memory.close()
        with suppress(FileNotFoundError):
            self._memory.unlink()


class FrameRingReader:
    """The reader's side, in the broadcast process."""

    def __init__(self, handle: RingHandle) -> None:
        self._memory = SharedMemory(handle.name)
        self._slots = _Slots(self._memory, handle.width, handle.height, handle.slots)
        self._count, self._filled, self._free = handle.slots, handle.filled, handle.free

    def wait(self, timeout: float) -> bool:
        """Whether a frame came (or the end) within ``timeout`` seconds."""
        return self._filled.acquire(timeout=timeout)

    @property
    def closing(self) -> bool:
        return bool(self._slots.control[_CLOSING])

    @property
    def exhausted(self) -> bool:
        """Whether the writer has finished and nothing is left to encode."""
        control = self._slots.control
        return bool(control[_CLOSING]) and (not control[_DRAIN] or control[_HEAD] == control[_TAIL])

    @property
    def depth(self) -> int:
        control = self._slots.control
        return int(control[_HEAD] - control[_TAIL])

    def peek(self) -> tuple[int, bool, ByteArray, FloatArray] | None:
        """The oldest frame (index, patient, picture, sound) as views, valid until `release`; or None."""
        control = self._slots.control
        if control[_HEAD] == control[_TAIL]:
            return None
        slot = int(control[_TAIL]) % self._count
        index, patient = self._slots.headers[slot]
        return int(index), bool(patient), self._slots.pictures[slot], self._slots.sounds[slot]

    def release(self) -> None:
        """Give the oldest frame's slot back to the writer."""
        self._slots.control[_TAIL] += 1
        self._free.release()

    def close(self) -> None:
        self._slots.release()
        with suppress(BufferError):
            self._memory.close()


def _reserve(name: str, size: int) -> None:
    """Take the pages now: a full /dev/shm would otherwise kill the process at the first write (SIGBUS)."""
    if sys.platform != "linux":
        return
    descriptor = os.open(f"/dev/shm/{name}", os.O_RDWR)  # noqa: S108 (where Linux keeps it)
    try:
        os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)
