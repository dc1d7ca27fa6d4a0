"""Where shows may go: endpoints with their sealed keys, and the hosts that an admin allows.

No address that a technician types is ever connected to unless its host is on that list: so the studio can't be made to
knock at doors of its own network.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from avatar_engine.broadcast import reconnect
from avatar_engine.broadcast.spec import OutputSpec, redact_url
from avatar_engine.studio.database import Database, Row
from avatar_engine.studio.people import check_name
from avatar_engine.studio.refusals import Conflict, Forbidden, Missing, Refusal
from avatar_engine.studio.vault import Vault
from avatar_engine.trust import platforms

_HOSTS = "allowed hosts"
PATIENCE = 4.0
"""Seconds that an endpoint has to answer a test."""


@dataclass(frozen=True, slots=True)
class Output:
    """An endpoint as people may see it: never with its key.

    Attributes:
        id: Its number.
        name: What it is called.
        shown: Its address without the key.
        host: Where it is.
        platform: Which platform that is; "" for an unknown one.
        by: Who entered it.
    """

    id: int
    name: str
    shown: str
    host: str
    platform: str
    by: str


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of a test: whether the endpoint begins to speak, in which time, and words for it."""

    good: bool
    milliseconds: float
    said: str


class Outputs:
    """Keeps them."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def hosts(self) -> tuple[str, ...]:
        """What may be sent to: platforms, and hosts (which allow all below them). The known platforms at first."""
        kept = self._database.setting(_HOSTS)
        return tuple(json.loads(kept)) if kept else tuple(platforms.PLATFORMS)

    def allow(self, names: list[str]) -> tuple[str, ...]:
        """Allow these platforms and hosts, and no other.

        Raises:
            Refusal: One of them is neither.
        """
        try:
            checked = tuple(dict.fromkeys(platforms.checked(name) for name in names if name.strip()))
        except ValueError as error:
            raise Refusal(f"{error}.", "Write such as twitch, live.example.com, or 127.0.0.1.") from None
        if platforms.ANY in checked:
            raise Refusal("Every host at once can't be allowed.", "Name the hosts that you send to.")
        self._database.set(_HOSTS, json.dumps(checked))
        return checked

    def add(self, name: str, address: str, by: str, key: str = "") -> Output:
        """Keep an endpoint.

        Args:
            name: What it is called.
            address: ``rtmp://``, ``rtmps://`` or ``srt://``, with the key or without.
            by: Who enters it.
            key: The stream key, where the address has none.

        Raises:
            Refusal: It is no such address.
            Forbidden: Its host is not allowed.
        """
        check_name(name)
        whole = f"{address.strip().rstrip('/')}/{key.strip()}" if key.strip() else address.strip()
        if "://" not in whole or whole.startswith("@"):
            raise Refusal("This is no address of a server.", "Write it as rtmp://host/app/key.")
        spec = OutputSpec.parse(whole)
        self._see(spec)
        if self._database.row("SELECT 1 FROM outputs WHERE name = ?", name.strip()):
            raise Conflict(f"There is an output {name.strip()!r} already.", "Choose another name.")
        ident = self._database.do(
            "INSERT INTO outputs (name, shown, host, sealed, by, created) VALUES (?, ?, ?, ?, ?, ?)",
            name.strip(), spec.display, spec.host, self._vault.seal(spec.url), by, time.time(),
        )  # fmt: skip
        return self.one(ident)

    def drop(self, ident: int) -> None:
        """Forget an endpoint and its key.

        Raises:
            Missing: There is none of this number.
        """
        if not self._database.do("DELETE FROM outputs WHERE id = ?", ident):
            raise Missing(f"There is no output {ident}.", "Look at the list of outputs.")

    def one(self, ident: int) -> Output:
        """An endpoint.

        Raises:
            Missing: There is none of this number.
        """
        return _output(self._row(ident))

    def listed(self) -> list[Output]:
        """All of them, by name."""
        return [_output(row) for row in self._database.rows("SELECT * FROM outputs ORDER BY name")]

    def address(self, ident: int) -> str:
        """The whole address with its key: for a show's process alone.

        Raises:
            Forbidden: Its host is allowed no more.
            AvatarError: The key can't be opened.
        """
        address = self._vault.open(self._row(ident)["sealed"])
        self._see(OutputSpec.parse(address))
        return address

    def test(self, ident: int) -> Tested:
        """Whether the endpoint answers: the first byte of its handshake is awaited; no key is said.

        Raises:
            Forbidden: Its host is not allowed.
        """
        spec = OutputSpec.parse(self.address(ident))
        began = time.monotonic()
        try:
            socket.getaddrinfo(spec.host, spec.port)
        except OSError:
            return Tested(False, 0.0, f"There is no host {spec.host}.")
        if spec.kind != "rtmp":
            return Tested(True, 0.0, "The host is known; SRT tells no more before it is sent to.")
        good = reconnect.answers(spec, PATIENCE)
        took = (time.monotonic() - began) * 1e3
        said = "It answers. Whether the key is right is seen on air." if good else "It does not answer."
        return Tested(good, took, said)

    def check_source(self, address: str) -> None:
        """See that a show's sound comes from an allowed host.

        Raises:
            Forbidden: It does not.
        """
        host = urlsplit(address).hostname or ""
        if not platforms.covered(self.hosts(), host):
            raise Forbidden(
                f"{redact_url(address)} is on no allowed host.", "An admin may allow it, in the settings."
            )

    def _see(self, spec: OutputSpec) -> None:
        if not platforms.covered(self.hosts(), spec.host):
            raise Forbidden(
                f"Nothing may be sent to {spec.host}: it is no allowed host.",
                "An admin may allow it, in the settings.",
            )

    def _row(self, ident: int) -> Row:
        row = self._database.row("SELECT * FROM outputs WHERE id = ?", ident)
        if row is None:
            raise Missing(f"There is no output {ident}.", "Look at the list of outputs.")
        return row


def _output(row: Row) -> Output:
    known = (name for name in platforms.PLATFORMS if platforms.covered((name,), row["host"]))
    return Output(row["id"], row["name"], row["shown"], row["host"], next(known, ""), row["by"])
