"""What a child process logs, told by the parent's own loggers."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from typing import Any

EXTRAS = ("event", "text")
"""What a record may carry besides its message, see `avatar_engine.figures.log`."""


class ChildLog:
    """A pipe for log records, and the thread that hands them to the parent's loggers.

    Args:
        context: What starts the process.

    Attributes:
        end: To be given to the process, which calls `log_to` with it.
    """

    def __init__(self, context: SpawnContext) -> None:
        self._ours, self.end = context.Pipe(duplex=False)

    def listen(self) -> None:
        """Begin, once the process has started; it ends with the process."""
        self.end.close()
        threading.Thread(target=self._run, name="child's log", daemon=True).start()

    def _run(self) -> None:
        with self._ours, suppress(EOFError, OSError):
            while True:
                record = json.loads(self._ours.recv_bytes())
                extra = {name: record[name] for name in EXTRAS if name in record}
                logging.getLogger(record["name"]).log(record["level"], "%s", record["message"], extra=extra)


class _Sender(logging.Handler):
    def __init__(self, end: Connection[Any, Any]) -> None:
        super().__init__()
        self._end = end

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + logging.Formatter().formatException(record.exc_info)
        told = {"name": record.name, "level": record.levelno, "message": message}
        told |= {name: getattr(record, name) for name in EXTRAS if hasattr(record, name)}
        with suppress(OSError):  # a parent that has gone is no error here
            self._end.send_bytes(json.dumps(told).encode())


def log_to(end: Connection[Any, Any]) -> None:
    """In the child: send what the engine logs from INFO on, and what others log from WARNING on."""
    logging.basicConfig(level=logging.WARNING, handlers=[_Sender(end)], force=True)
    logging.getLogger("avatar_engine").setLevel(logging.INFO)
