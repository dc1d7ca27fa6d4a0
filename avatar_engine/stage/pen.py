"""Draws SVG in a process of its own, at a low priority.

resvg holds Python's lock while it draws, 25 to 60 ms: in the renderer's own process a frame would wait for it,
whichever thread asked. This file is both ends of the pipe; the far one imports nothing of the engine.
"""

from __future__ import annotations

import io
import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avatar_engine.contracts import FloatArray

NICENESS = 10
"""Of the process that draws."""

LIMIT = 20.0
"""Seconds that one drawing may take: a user's SVG may ask for more than anybody wants to wait for."""

_HEAD = struct.Struct("!?I")
"""Whether it went well, and how many bytes follow: a PNG, or what was wrong."""


class Pen:
    """Draws, one picture after the other; from any thread. The process starts with the first one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def draw(
        self, svg: str, size: tuple[int, int], fonts: Sequence[str], family: str, language: str
    ) -> FloatArray:
        """An SVG as float32 RGBA (height, width, 4) in [0, 1], colours multiplied by alpha.

        Args:
            svg: The text; nothing outside it is looked for.
            size: Width and height in pixels.
            fonts: Files of all fonts that it may use.
            family: The font of a text that names none.
            language: BCP 47 tag.

        Raises:
            ValueError: It can't be drawn, or not in `LIMIT` seconds.
        """
        import numpy as np
        from PIL import Image

        order = {"svg_string": svg, "width": size[0], "height": size[1], "font_files": [*fonts],
                 "font_family": family, "sans_serif_family": family, "languages": [language]}  # fmt: skip
        with self._lock:
            try:
                good, told = self._asked(json.dumps(order).encode())
            except (OSError, struct.error) as error:
                self._end()
                raise ValueError(f"the process that draws failed: {error}") from None
        if not good:
            raise ValueError(told.decode(errors="replace"))
        drawn = np.asarray(Image.open(io.BytesIO(told)).convert("RGBA"), np.float32) / np.float32(255)
        if drawn.shape != (size[1], size[0], 4):
            raise ValueError(f"a drawing of {drawn.shape} in place of {size}")
        drawn[..., :3] *= drawn[..., 3:]
        return drawn

    def warm(self, fonts: Sequence[str], family: str) -> None:
        """Start the process and let it read these fonts, before anybody waits for a drawing."""
        words = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><text y="8" font-size="8">1</text></svg>'
        self.draw(words, (8, 8), fonts, family, "en")

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            for end in (self._process.stdin, self._process.stdout):
                if end:
                    end.close()
            self._process = None

    def _asked(self, order: bytes) -> tuple[bool, bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, "-I", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        there, back = self._process.stdin, self._process.stdout
        if there is None or back is None:
            raise OSError("it has no pipe")
        whole = struct.pack("!I", len(order)) + order
        sent = 0
        while sent < len(whole):
            sent += there.write(whole[sent:]) or 0
        end = time.monotonic() + LIMIT
        good, length = _HEAD.unpack(_read(back, _HEAD.size, end))
        return good, _read(back, length, end)


def _read(line: IO[bytes], length: int, end: float) -> bytes:
    """So many bytes, until a moment of the monotonic clock."""
    data = bytearray()
    while len(data) < length:
        if not select.select([line], [], [], max(0.0, end - time.monotonic()))[0]:
            raise OSError(f"nothing came in {LIMIT:.0f} s")
        if not (more := os.read(line.fileno(), length - len(data))):
            raise OSError("it has ended")
        data += more
    return bytes(data)


def _serve(asked: IO[bytes], told: IO[bytes]) -> None:
    """The far end: until the near one is gone."""
    import resvg_py

    while len(head := asked.read(4)) == 4:
        order: Mapping[str, Any] = json.loads(asked.read(struct.unpack("!I", head)[0]))
        try:
            good, data = True, bytes(resvg_py.svg_to_bytes(skip_system_fonts=True, **order))
        except ValueError as error:
            good, data = False, str(error).encode()
        told.write(_HEAD.pack(good, len(data)) + data)
        told.flush()


if __name__ == "__main__":
    import signal

    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C goes to the whole group; the pipe's end is the order to go
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    _serve(sys.stdin.buffer, sys.stdout.buffer)
