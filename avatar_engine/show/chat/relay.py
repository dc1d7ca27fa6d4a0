"""A relay that tells by WebSocket what viewers of another platform do: ``relay:DIALECT@ws://HOST:PORT/``.

The dialect is one that is here, or a file beside the script (``relay:mine.toml@ws://...``); without one the relay
speaks as the inlet's clients do. ``${NAME}`` in the address is the environment's variable of that name, so that keys
stand in no script.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException
from websockets.sync.client import ClientConnection, connect

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat import dialect as dialects
from avatar_engine.show.chat.dialect import Dialect
from avatar_engine.show.chat.message import Count, Link, Message, Put, cleaned, read
from avatar_engine.show.chat.source import AwayError, kept

log = logging.getLogger(__name__)

LARGEST = 1 << 20
"""Bytes of one message of a relay."""

OPEN, PING = 10.0, 30.0
"""Seconds for connecting; between two pings, and until one is answered."""

STRANGE = 50
"""Messages of a relay after which it is told that nothing of them is understood."""

_WRITTEN = re.compile(r"(?:(?P<dialect>[^@/]*)@)?(?P<address>wss?://\S+)")
_VARIABLE = re.compile(r"\$\{(\w+)\}", re.ASCII)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Relay:
    """Listens to a relay (see `avatar_engine.show.chat.source.Source`).

    Args:
        place: ``DIALECT@ws://HOST:PORT/PATH``, or the address alone.
        folder: Where the file of a dialect lies.

    Raises:
        AvatarError: It is no address, or the dialect is none.
    """

    def __init__(self, place: str, folder: Path) -> None:
        written = _WRITTEN.fullmatch(place)
        parts = _parts(written["address"]) if written else None
        if not written or parts is None:
            raise AvatarError(
                f"{place.partition('?')[0][:80]!r} is no relay.",
                "Write relay:DIALECT@ws://HOST:PORT/, such as relay:tikfinity@ws://127.0.0.1:21213/.",
            )
        name = written["dialect"] or ""
        self._dialect: Dialect | None = dialects.load(name, folder) if name else None
        self._address, (self._host, shown) = written["address"], parts
        self.name = f"relay:{name}@{shown}" if name else f"relay:{shown}"
        self._source = self._dialect.source if self._dialect else "relay"
        self._strange = 0

    def ready(self) -> None:
        """See `avatar_engine.show.chat.source.Source`.

        Raises:
            AvatarError: A variable in the address is not set.
        """
        for name in _VARIABLE.findall(self._address):
            if not os.environ.get(name, "").strip():
                raise AvatarError(f"{self.name} needs the variable {name}.", "Put the relay's key into it.")

    def reserve(self) -> None:
        """A relay that is away now may come."""

    def run(self, put: Put, stop: threading.Event) -> None:
        """See `avatar_engine.show.chat.source.Source`."""
        kept(self.name, self._session, put, stop)

    def _session(self, put: Put, stop: threading.Event) -> None:
        """Listen until the relay hangs up.

        Raises:
            AwayError: It can't be reached, or hung up.
        """
        address = _VARIABLE.sub(lambda found: os.environ.get(found[1], "").strip(), self._address)
        pings = PING if self._dialect is None or self._dialect.ping else None
        try:
            with connect(
                address, open_timeout=OPEN, close_timeout=1.0, max_size=LARGEST, max_queue=16,
                ping_interval=pings, ping_timeout=pings, proxy=None if self._host in _LOOPBACK else True,
            ) as line:  # fmt: skip
                put(Link(True))
                if self._dialect and self._dialect.hello:
                    line.send(self._dialect.hello)
                self._listen(line, put, stop)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else closed.sent.code if closed.sent else 1006
            why = "a message is too long" if code == 1009 else "the relay hung up"
            raise AwayError(f"{why} ({code})") from None
        except InvalidHandshake as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            answer = f"answers {status}" if status else "speaks no WebSocket"
            raise AwayError(f"the relay {answer}") from None
        except WebSocketException as error:
            raise AwayError(f"the relay speaks no WebSocket ({type(error).__name__})") from None
        except TimeoutError:
            raise AwayError("the relay does not answer") from None
        except OSError as error:
            raise AwayError(
                f"the relay can't be reached ({error.strerror or type(error).__name__})"
            ) from None

    def _listen(self, line: ClientConnection, put: Put, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                told = line.recv(timeout=0.5)
            except TimeoutError:
                continue
            came = self._understood(told)
            for one in came:
                put(one)
            if came:
                self._strange = STRANGE  # likes and the like are not understood, and no fault
            elif self._strange < STRANGE:
                self._strange += 1
                if self._strange == STRANGE:
                    log.warning("%s: nothing that it tells is understood; is the dialect right?", self.name)
                    put(Link(True, "nothing that it tells is understood"))

    def _understood(self, told: str | bytes) -> list[Message | Count]:
        try:
            table = json.loads(told)
        except (ValueError, RecursionError):
            return []
        if self._dialect:
            return self._dialect.understood(table)
        came = list[Message | Count]()
        for one in table[: dialects.MOST] if isinstance(table, list) else [table]:
            came += _read(one)
        return came


def _read(table: Any) -> list[Message | Count]:
    """A table as the inlet takes it."""
    if not isinstance(table, dict):
        return []
    try:
        return read(table, cleaned(table.get("source", ""), 20) or "relay")
    except (ValueError, TypeError, OverflowError):
        return []


def _parts(address: str) -> tuple[str, str] | None:
    """Host of an address, and what may be shown of it; None for no address."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.username or "$" in parts.netloc or parts.fragment:
        return None
    return host, f"{parts.scheme}://{host}{f':{port}' if port else ''}"
