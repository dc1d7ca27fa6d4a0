"""A show's log: one JSON line a record, in files that are bounded, and read again for the report.

A line holds ``time`` (UTC, ISO 8601), ``level``, ``logger``, ``show``, ``part`` (show, voice or broadcast) and
``message``; where something was said or left out also ``event`` and ``text``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from avatar_engine.errors import AvatarError

LARGEST, OLDER = 10_000_000, 3
"""Bytes of a log file, and how many older ones are kept beside it."""

_PARTS = (
    ("avatar_engine.broadcast", "broadcast"),
    ("avatar_engine.voice", "voice"),
    ("avatar_engine.live.voice_process", "voice"),
    ("avatar_engine.live.sound_process", "voice"),
)


class JsonLines(logging.Formatter):
    """A record as one JSON line.

    Args:
        show: The show's id.
        redact: Hides secrets in a text.
    """

    def __init__(self, show: str, redact: Callable[[str], str] = str) -> None:
        super().__init__()
        self._show, self._redact = show, redact

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "show": self._show,
            "part": part(record.name),
            "message": self._redact(message),
        }
        line |= {name: getattr(record, name) for name in ("event", "text") if hasattr(record, name)}
        return json.dumps(line, ensure_ascii=False)


def part(logger: str) -> str:
    """Which part of the show a logger belongs to: show, voice or broadcast."""
    return next((name for prefix, name in _PARTS if f"{logger}.".startswith(f"{prefix}.")), "show")


class _File(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """A disk that is full costs log lines, and never a traceback over the technician's display."""


@contextmanager
def written(file: Path, formatter: logging.Formatter) -> Iterator[None]:
    """Write what the engine logs from INFO on, and what others log from WARNING on, to ``file``.

    Raises:
        AvatarError: The file can't be written.
    """
    engine = logging.getLogger("avatar_engine")
    level = engine.level
    try:
        handler = _File(file, maxBytes=LARGEST, backupCount=OLDER, encoding="utf-8")
    except OSError as error:
        raise AvatarError(
            f"The log {file} can't be written: {error.strerror}.", "Choose another --log."
        ) from error
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)
    engine.setLevel(min(logging.INFO, engine.getEffectiveLevel()))
    try:
        yield
    finally:
        engine.setLevel(level)
        logging.getLogger().removeHandler(handler)
        with suppress(OSError):  # what a full disk did not take is flushed once more
            handler.close()


def lines(file: Path, show: str) -> Iterator[dict[str, Any]]:
    """A show's lines, the oldest first, of the file and of the older ones beside it; what does not read is left out."""
    for one in [*(Path(f"{file}.{number}") for number in range(OLDER, 0, -1)), file]:
        try:
            text = one.open(encoding="utf-8", errors="replace")
        except OSError:
            continue
        with text:
            for line in text:
                try:
                    read = json.loads(line)
                except ValueError:
                    continue  # the last one of a show that was killed
                if isinstance(read, dict) and read.get("show") == show:
                    yield read
