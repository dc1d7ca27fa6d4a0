"""Memory that processes share by name, and that outlives each of them.

The standard library's shared memory is taken away by the tracker of whichever family of processes ends first; here the
show may die and its successor go on with the same memory. Each that uses it holds a shared lock on the file behind it:
what nobody holds is left over from shows that were killed as a whole, and the next show removes it.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "avatar-engine-"


class SharedMemory:
    """A piece of memory; `create` it in one process and `open` it in the others.

    Attributes:
        name: What the others open it by.
        buffer: The bytes.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        """``descriptor`` is that of the file behind it, already locked."""
        self.name, self._descriptor = name, descriptor
        self.buffer = mmap.mmap(descriptor, 0)

    @classmethod
    def create(cls, size: int) -> SharedMemory:
        """A new piece of ``size`` bytes, all zero and all there: memory that is missing is found out now.

        Raises:
            OSError: There is no room for it.
        """
        _sweep()
        path, descriptor = _begin()
        try:
            if sys.platform == "linux":
                # Taken now: a full /dev/shm would otherwise kill the process at the first write (SIGBUS).
                os.posix_fallocate(descriptor, 0, size)
            else:
                os.ftruncate(descriptor, size)
        except OSError:
            os.close(descriptor)
            path.unlink()
            raise
        return cls(path.name, descriptor)

    @classmethod
    def open(cls, name: str) -> SharedMemory:
        """The piece of another process.

        Raises:
            FileNotFoundError: It is gone.
        """
        descriptor = os.open(_folder() / name, os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return cls(name, descriptor)

    def close(self) -> None:
        """Let go of it, once nothing refers to its bytes any more."""
        with suppress(BufferError):
            self.buffer.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def unlink(self) -> None:
        """Take its name away: it is gone when the last one has let go."""
        with suppress(FileNotFoundError):
            (_folder() / self.name).unlink()


def locked(path: Path) -> int:
    """Hold a shared lock on a file as long as this process lives; the descriptor, -1 where the file is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return -1
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _folder() -> Path:
    """Where the system keeps files in memory."""
    return Path("/dev/shm") if sys.platform == "linux" else Path(tempfile.gettempdir())  # noqa: S108


def _begin() -> tuple[Path, int]:
    """An empty file that is locked, and its descriptor.

    Between its making and its lock another show that begins may take it for a leftover: then there is another try.
    """
    while True:
        path = _folder() / f"{_PREFIX}{secrets.token_hex(8)}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)


def _sweep() -> None:
    """Remove what nobody uses."""
    for path in _folder().glob(f"{_PREFIX}*"):
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)
