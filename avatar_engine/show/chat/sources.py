"""Where messages come from: ``twitch:CHANNEL``, ``irc:HOST:PORT/#CHANNEL``, ``inlet:PORT``, ``replay:FILE``.

A source has a thread of its own, comes back by itself and never ends a show. Others are found by the entry point group
``avatar_engine.chat``: a function that takes what stands after the colon and gives a `Source`.
"""

from __future__ import annotations

import json
import logging
import os
import random
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat.message import KINDS, LONGEST_NAME, Count, Message, Put, cleaned

log = logging.getLogger(__name__)

SILENT = 300.0
"""Seconds without a line after which a server is asked for a sign of life, and as many again after which it is dead."""

LONGEST_LINE = 16_384
_FIRST, _MOST = 2.0, 60.0  # seconds between two attempts to connect


class Source(Protocol):
    """Brings messages."""

    @property
    def name(self) -> str:
        """What logs call it."""
        ...

    def reserve(self) -> None:
        """Find out before the show what would make it fail at once.

        Raises:
            AvatarError: Something does.
        """
        ...

    def run(self, put: Put, stop: threading.Event) -> None:
        """Bring them until ``stop`` is set; never raises."""
        ...


def source_of(text: str, folder: Path, clock: Callable[[], float]) -> Source:
    """The source that a show names.

    Args:
        text: As it is written, ``twitch:marie``.
        folder: Where files that it names lie.
        clock: Seconds of the show, for a replay.

    Raises:
        AvatarError: There is none of this name, or it lacks something.
    """
    name, _, rest = text.partition(":")
    rest = rest.strip()
    if not rest:
        raise AvatarError(
            f"The chat {text!r} names no place.", "Write twitch:CHANNEL, inlet:PORT or replay:FILE."
        )
    if name == "twitch":
        return twitch(rest)
    if name == "irc":
        return irc(rest)
    if name == "replay":
        return Replay(folder / rest, clock)
    if name == "inlet":
        from avatar_engine.show.chat.inlet import Inlet  # a web server takes a while to import

        return Inlet(rest)
    found = {entry.name: entry for entry in entry_points(group="avatar_engine.chat")}
    if name in found:
        made: Source = found[name].load()(rest)
        return made
    known = ", ".join(("twitch", "irc", "inlet", "replay", *found))
    raise AvatarError(f"There is no chat {name!r}.", f"Known are {known}.")


def started(sources: list[Source], put: Put, stop: threading.Event) -> None:
    """Run every source in a thread of its own."""
    for source in sources:
        threading.Thread(target=source.run, args=(put, stop), name=f"chat {source.name}", daemon=True).start()


class Replay:
    """Messages of a file, in the show's own time: JSON lines with ``at`` (seconds), ``author`` and ``text``.

    A line may have ``kind``, ``id``, or, in place of author and text, ``viewers``, ``sales`` or ``clicks``.

    Raises:
        AvatarError: The file can't be read, or a line is none; its number is told.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.name = f"replay:{path.name}"
        self._clock = clock
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise AvatarError(f"The chat {path} can't be read: {error}.", "Check the path.") from None
        self._entries = sorted(_entries(lines, path), key=lambda entry: entry[0])
        self._next = 0

    def reserve(self) -> None:
        """Its file was read."""

    def bring(self, put: Put) -> None:
        """Bring what is due by the show's clock."""
        now = self._clock()
        while self._next < len(self._entries) and self._entries[self._next][0] <= now:
            put(self._entries[self._next][1])
            self._next += 1

    def run(self, put: Put, stop: threading.Event) -> None:
        """See `Source`."""
        while not stop.wait(0.05) and self._next < len(self._entries):
            self.bring(put)


def _entries(lines: list[str], path: Path) -> Iterator[tuple[float, Message | Count]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            at = float(entry["at"])
            if not 0 <= at < 1e7:
                raise ValueError("'at' is no time")
            yield from ((at, one) for one in read(entry, "replay"))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise AvatarError(
                f"{path}, line {number}: {error}.", "Every line is a JSON table with 'at'."
            ) from None


def read(entry: Mapping[str, Any], source: str) -> list[Message | Count]:
    """What a table says: a message, or figures of the audience.

    Raises:
        ValueError: It says neither.
    """
    counts: list[Message | Count] = []
    for figure in ("viewers", "sales", "clicks"):
        if figure in entry:
            value = float(entry[figure])
            if not 0 <= value < 1e9:
                raise ValueError(f"{figure} is no number of people or things")
            counts.append(Count(figure, value))
    if counts:
        return counts
    kind = entry.get("kind", "text")
    if kind not in KINDS:
        raise ValueError(f"kind {str(kind)[:20]!r} is none of {', '.join(KINDS)}")
    text, author = cleaned(entry.get("text", "")), cleaned(entry.get("author", ""), LONGEST_NAME)
    if kind == "text" and not text:
        raise ValueError("there is no text")
    return [Message(source, cleaned(str(entry.get("id", "")), 80), author, text, kind)]


def twitch(channel: str) -> Irc:
    """The chat of a Twitch channel: IRC over TLS, anonymously or with the token in ``TWITCH_TOKEN``."""
    token, name = os.environ.get("TWITCH_TOKEN", ""), f"justinfan{random.randrange(10**5, 10**6)}"
    return Irc("irc.chat.twitch.tv", 6697, f"#{channel.lstrip('#').lower()}", "twitch", name, token)


def irc(place: str) -> Irc:
    """An IRC channel: ``HOST:PORT/#CHANNEL``; with TLS unless the port is 6667.

    Raises:
        AvatarError: It is none.
    """
    server, _, channel = place.partition("/")
    host, _, port = server.rpartition(":")
    if not (host and port.isdigit() and 0 < int(port) < 65536 and channel.lstrip("#")):
        raise AvatarError(f"{place!r} is no IRC channel.", "Write irc:HOST:PORT/#CHANNEL.")
    name = f"viewer{secrets.randbelow(10**6)}"
    return Irc(host, int(port), f"#{channel.lstrip('#')}", "irc", name, tls=int(port) != 6667)


@dataclass
class Irc:
    """A channel on an IRC server (RFC 1459, with the tags of IRCv3 where the server has them).

    Attributes:
        host, port, channel: Where.
        name: What logs and messages call it.
        nick: Under which name it listens.
        token: Password; in no log.
        tls: Whether the line is encrypted.
        authorities: File of certificates to trust; the system's when empty.
    """

    host: str
    port: int
    channel: str
    name: str = "irc"
    nick: str = "viewer"
    token: str = field(default="", repr=False)
    tls: bool = True
    authorities: str = ""

    def reserve(self) -> None:
        """A server that is away now may come."""

    def run(self, put: Put, stop: threading.Event) -> None:
        """See `Source`."""
        wait = _FIRST
        while not stop.is_set():
            began = time.monotonic()
            try:
                with closing(self._connected()) as line:
                    self._listen(line, put, stop)
            except (OSError, EOFError) as error:
                log.warning("%s: the chat is away (%s)", self.name, error or type(error).__name__)
            except Exception:
                log.exception("%s: the chat failed", self.name)
            wait = _FIRST if time.monotonic() - began > 60 else min(_MOST, 1.5 * wait)
            stop.wait(wait * random.uniform(0.8, 1.2))

    def _connected(self) -> socket.socket:
        plain = socket.create_connection((self.host, self.port), timeout=10)
        if not self.tls:
            return plain
        context = ssl.create_default_context(cafile=self.authorities or None)
        try:
            return context.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

    def _listen(self, line: socket.socket, put: Put, stop: threading.Event) -> None:
        """Until the server hangs up, falls silent or asks to connect anew.

        Raises:
            OSError: The line failed.
            EOFError: The server hung up, or was silent too long.
        """
        hello = ["CAP REQ :twitch.tv/tags twitch.tv/commands"] if self.name == "twitch" else []
        hello += [f"PASS oauth:{self.token.removeprefix('oauth:')}"] if self.token else []
        _send(line, *hello, f"NICK {self.nick}", f"USER {self.nick} 0 * :viewer")
        heard, asked = time.monotonic(), False
        line.settimeout(1.0)
        for text in _lines(line, stop):
            now = time.monotonic()
            if text is None:
                if now - heard > 2 * SILENT:
                    raise EOFError("it has fallen silent")
                if now - heard > SILENT and not asked:
                    asked = True
                    _send(line, "PING :alive")
                continue
            heard, asked = now, False
            if self._handle(line, text, put):
                return

    def _handle(self, line: socket.socket, text: str, put: Put) -> bool:
        """Do what a line asks for; whether to connect anew."""
        tags, author, command, words = parsed(text)
        if command == "PING":
            _send(line, f"PONG :{words[-1] if words else ''}")
        elif command == "001":
            _send(line, f"JOIN {self.channel}")
            log.info("%s: listening to %s", self.name, self.channel)
        elif command == "433":
            self.nick = f"viewer{secrets.randbelow(10**6)}"
            _send(line, f"NICK {self.nick}")
        elif command == "RECONNECT":
            return True
        elif command == "PRIVMSG" and len(words) >= 2:
            shown = cleaned(tags.get("display-name") or author, LONGEST_NAME)
            kind = "gift" if tags.get("bits") else "text"
            said = words[-1].removeprefix("\x01ACTION ").removesuffix("\x01")
            put(Message(self.name, tags.get("id", ""), shown, cleaned(said), kind))
        elif command == "USERNOTICE":
            put(
                Message(
                    self.name,
                    tags.get("id", ""),
                    cleaned(tags.get("display-name", ""), LONGEST_NAME),
                    "",
                    "gift",
                )
            )
        elif command == "CLEARMSG":
            put(Message(self.name, tags.get("target-msg-id", ""), "", "", "retracted"))
        elif command == "CLEARCHAT" and len(words) >= 2:
            put(Message(self.name, "", cleaned(words[-1], LONGEST_NAME), "", "retracted"))
        return False


def parsed(text: str) -> tuple[dict[str, str], str, str, list[str]]:
    """A line of IRC: its tags, who sent it, the command and its words."""
    tags: dict[str, str] = {}
    if text.startswith("@"):
        written, _, text = text[1:].partition(" ")
        for pair in written.split(";"):
            key, _, value = pair.partition("=")
            for code, sign in ((r"\:", ";"), (r"\s", " "), (r"\r", " "), (r"\n", " "), ("\\\\", "\\")):
                value = value.replace(code, sign)
            if key:
                tags[key] = value
    prefix = ""
    text = text.lstrip()
    if text.startswith(":"):
        prefix, _, text = text[1:].partition(" ")
    head, colon, rest = text.partition(" :")
    words = head.split()
    return (
        tags,
        prefix.partition("!")[0],
        words[0].upper() if words else "",
        [*words[1:], *([rest] if colon else [])],
    )


def _send(line: socket.socket, *texts: str) -> None:
    line.sendall("".join(f"{text}\r\n" for text in texts).encode())


def _lines(line: socket.socket, stop: threading.Event) -> Iterator[str | None]:
    """Lines as they come; None about once a second while none does.

    Raises:
        EOFError: The server hung up, or sends lines without end.
    """
    data = b""
    while not stop.is_set():
        try:
            more = line.recv(65_536)
        except TimeoutError:
            yield None
            continue
        if not more:
            raise EOFError("the server hung up")
        *whole, data = (data + more).split(b"\n")
        if len(data) > LONGEST_LINE:
            raise EOFError("a line does not end")
        for one in whole:
            yield one.rstrip(b"\r").decode("utf-8", "replace")
