"""Twitch and any other IRC: ``twitch:CHANNEL``, ``irc:HOST:PORT/#CHANNEL``."""

from __future__ import annotations

import os
import random
import re
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat.message import LONGEST_NAME, Link, Message, Put, cleaned
from avatar_engine.show.chat.source import kept

SILENT = 300.0
"""Seconds without a line after which a server is asked for a sign of life, and as many again after which it is dead."""

LONGEST_LINE = 16_384


def twitch(channel: str) -> Irc:
    """The chat of a Twitch channel: IRC over TLS, anonymously or with the token in ``TWITCH_TOKEN``."""
    token, name = os.environ.get("TWITCH_TOKEN", "").strip(), f"justinfan{random.randrange(10**5, 10**6)}"
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

    def ready(self) -> None:
        """Nothing is needed: Twitch is read anonymously, too."""

    def reserve(self) -> None:
        """A server that is away now may come."""

    def run(self, put: Put, stop: threading.Event) -> None:
        """See `avatar_engine.show.chat.source.Source`."""
        kept(self.name, self._session, put, stop)

    def _session(self, put: Put, stop: threading.Event) -> None:
        with closing(self._connected()) as line:
            self._listen(line, put, stop)

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
            put(Link(True))
        elif command == "433":
            self.nick = f"viewer{secrets.randbelow(10**6)}"
            _send(line, f"NICK {self.nick}")
        elif command == "RECONNECT":
            return True
        elif command == "PRIVMSG" and len(words) >= 2:
            shown = cleaned(tags.get("display-name") or author, LONGEST_NAME)
            bits = tags.get("bits", "")
            said = words[-1].removeprefix("\x01ACTION ").removesuffix("\x01")
            worth = float(bits) if bits.isdecimal() and len(bits) < 9 else 0.0
            kind, currency = ("gift", "bits") if bits else ("text", "")
            put(Message(self.name, tags.get("id", ""), shown, cleaned(said), kind, worth, currency))
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


_ESCAPED = re.compile(r"\\(.?)")
_SIGNS = {":": ";", "s": " ", "r": " ", "n": " "}
"""What IRCv3 writes behind a backslash in a tag; other signs stand for themselves, a last backslash for nothing."""


def parsed(text: str) -> tuple[dict[str, str], str, str, list[str]]:
    """A line of IRC: its tags, who sent it, the command and its words."""
    tags: dict[str, str] = {}
    if text.startswith("@"):
        written, _, text = text[1:].partition(" ")
        for pair in written.split(";"):
            key, _, value = pair.partition("=")
            if key:
                tags[key] = _ESCAPED.sub(lambda found: _SIGNS.get(found[1], found[1]), value)
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
