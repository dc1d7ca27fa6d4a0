"""Who works in the studio: people with roles, one-time links, sessions and tokens.

Of passwords an Argon2 hash is kept; of links, sessions and tokens a SHA-256, for they are random themselves.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import argon2

from avatar_engine.studio.database import Database, Row
from avatar_engine.studio.refusals import Conflict, Forbidden, Missing, Refusal, SignIn

ROLES = ("viewer", "presenter", "technician", "admin")
"""Each may what those before it may."""

LINK_HOURS = 24.0
IDLE, LONGEST = 12 * 3600.0, 7 * 86400.0
"""Seconds after which a session ends: without a request, and in any case."""

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200
TOKEN = "avs_"  # noqa: S105 - how tokens begin, so that scanners for leaked keys find them
_SEEN_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has signed in.

    Attributes:
        id: Number in the database.
        name: As it stands in the audit log.
        role: One of `ROLES`.
        language: Of the pages; "" for the browser's.
        theme: ``light``, ``dark`` or "" for the machine's.
        factor: Whether they have a second factor (`avatar_engine.studio.factors`).
    """

    id: int
    name: str
    role: str
    language: str = ""
    theme: str = ""
    factor: bool = False

    def may(self, role: str) -> bool:
        """Whether this role, or more, is theirs."""
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which somebody has signed in; ``csrf`` stands in every form of it."""

    person: Person
    csrf: str
    hash: str


class People:
    """Keeps them.

    Args:
        database: Where.
        clock: Seconds since 1970.
        hasher: Of passwords.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float] = time.time,
        hasher: argon2.PasswordHasher | None = None,
    ) -> None:
        self._database, self._clock = database, clock
        self._hasher = hasher or argon2.PasswordHasher()
        self._nobody = self._hasher.hash(
            secrets.token_hex()
        )  # so that an unknown name takes as long as a known one

    def invite(self, role: str, by: str, person: int | None = None) -> str:
        """A one-time link's secret, for somebody new of this role, or for a new password of ``person``.

        Raises:
            Refusal: There is no such role.
        """
        if role not in ROLES:
            raise Refusal(f"There is no role {role!r}.", f"Roles: {', '.join(ROLES)}.")
        secret, now = secrets.token_urlsafe(32), self._clock()
        self._database.do("DELETE FROM invitations WHERE expires < ?", now)
        self._database.do(
            "INSERT INTO invitations VALUES (?, ?, ?, ?, ?)",
            digest(secret), role, person, by, now + LINK_HOURS * 3600,
        )  # fmt: skip
        return secret

    def invitation(self, secret: str) -> Row:
        """What a link is for: ``role``, ``person`` and ``name``.

        Raises:
            Missing: It was used, is too old, or never was.
        """
        found = self._database.row(
            "SELECT i.*, p.name FROM invitations i LEFT JOIN people p ON p.id = i.person "
            "WHERE hash = ? AND expires > ?",
            digest(secret), self._clock(),
        )  # fmt: skip
        if found is None:
            raise Missing(
                "This link was used already, or is too old.",
                "Ask an admin for another, or run: avatar-engine studio link",
            )
        return found

    def accept(self, secret: str, name: str, password: str) -> Person:
        """Use a link up: somebody new, or a new password.

        Raises:
            Refusal: The link, the name or the password is no good.
        """
        found = self.invitation(secret)
        name = str(found["name"] or name).strip()
        check_name(name)
        _check_password(password, name)
        hashed = self._hasher.hash(password)
        with self._database.together():
            if not self._database.do("DELETE FROM invitations WHERE hash = ?", digest(secret)):
                raise Missing("This link was used already.", "Ask an admin for another.")
            if found["person"]:
                self._database.do(
                    "UPDATE people SET password = ?, active = 1 WHERE id = ?", hashed, found["person"]
                )
                self._database.do("DELETE FROM sessions WHERE person = ?", found["person"])
                ident = int(found["person"])
            elif self._database.row("SELECT 1 FROM people WHERE name = ?", name):
                raise Conflict(f"Somebody is called {name!r} already.", "Choose another name.")
            else:
                ident = self._database.do(
                    "INSERT INTO people (name, role, password, created) VALUES (?, ?, ?, ?)",
                    name, found["role"], hashed, self._clock(),
                )  # fmt: skip
        return self.person(ident)

    def check_password(self, name: str, password: str) -> Person:
        """Who this is.

        Raises:
            SignIn: Name or password is wrong; which of them is not told.
        """
        found = self._database.row("SELECT * FROM people WHERE name = ? AND active = 1", name.strip())
        try:
            self._hasher.verify(found["password"] if found else self._nobody, password[:LONGEST_PASSWORD])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            found = None
        if found is None:
            raise SignIn("Name or password is wrong.", "Try again, or ask an admin for a new link.")
        if self._hasher.check_needs_rehash(found["password"]):
            self._database.do(
                "UPDATE people SET password = ? WHERE id = ?", self._hasher.hash(password), found["id"]
            )
        return _person(found)

    def begin(self, person: Person) -> tuple[str, Session]:
        """A new session, and the secret that goes into the browser's cookie."""
        secret, now = secrets.token_urlsafe(32), self._clock()
        session = Session(person, secrets.token_urlsafe(24), digest(secret))
        self._database.do("DELETE FROM sessions WHERE seen < ? OR created < ?", now - IDLE, now - LONGEST)
        self._database.do(
            "INSERT INTO sessions (hash, person, csrf, created, seen) VALUES (?, ?, ?, ?, ?)",
            session.hash, person.id, session.csrf, now, now,
        )  # fmt: skip
        return secret, session

    def session(self, secret: str) -> Session | None:
        """The session of a cookie; None where there is none (any more)."""
        now = self._clock()
        found = self._database.row(
            "SELECT s.csrf, s.hash, s.seen, p.* FROM sessions s JOIN people p ON p.id = s.person "
            "WHERE s.hash = ? AND s.seen > ? AND s.created > ? AND p.active = 1",
            digest(secret), now - IDLE, now - LONGEST,
        )  # fmt: skip
        if found is None:
            return None
        if now - found["seen"] > _SEEN_EVERY:
            self._database.do("UPDATE sessions SET seen = ? WHERE hash = ?", now, found["hash"])
        return Session(_person(found), found["csrf"], found["hash"])

    def end(self, session: Session) -> None:
        """Sign out."""
        self._database.do("DELETE FROM sessions WHERE hash = ?", session.hash)

    def new_token(self, person: Person, name: str) -> str:
        """A token of the API, with the person's own role; it is told once.

        Raises:
            Refusal: Its name is no good.
        """
        check_name(name)
        token = TOKEN + secrets.token_urlsafe(32)
        self._database.do(
            "INSERT INTO tokens (hash, name, person, created) VALUES (?, ?, ?, ?)",
            digest(token), name.strip(), person.id, self._clock(),
        )  # fmt: skip
        return token

    def bearer(self, token: str) -> Person | None:
        """Whose token this is."""
        found = self._database.row(
            "SELECT t.id AS token, t.used, p.* FROM tokens t JOIN people p ON p.id = t.person "
            "WHERE t.hash = ? AND p.active",
            digest(token),
        )
        if found is None:
            return None
        if self._clock() - (found["used"] or 0) > _SEEN_EVERY:
            self._database.do("UPDATE tokens SET used = ? WHERE id = ?", self._clock(), found["token"])
        return _person(found)

    def tokens(self, person: Person) -> list[Row]:
        """A person's tokens, without their secrets."""
        return self._database.rows(
            "SELECT id, name, created, used FROM tokens WHERE person = ? ORDER BY id", person.id
        )

    def drop_token(self, person: Person, ident: int) -> None:
        """Let a token hold no more.

        Raises:
            Missing: They have none of this number.
        """
        if not self._database.do("DELETE FROM tokens WHERE id = ? AND person = ?", ident, person.id):
            raise Missing(f"You have no token {ident}.", "Look at the list.")

    def everybody(self) -> list[Row]:
        """All people, without their passwords."""
        return self._database.rows(
            "SELECT p.id, p.name, p.role, p.active, p.created, p.factor IS NOT NULL AS factor, max(s.seen) AS seen "
            "FROM people p "
            "LEFT JOIN sessions s ON s.person = p.id GROUP BY p.id ORDER BY p.name"
        )

    def person(self, ident: int) -> Person:
        """Somebody by number.

        Raises:
            Missing: There is nobody.
        """
        found = self._database.row("SELECT * FROM people WHERE id = ?", ident)
        if found is None:
            raise Missing(f"There is nobody with number {ident}.", "Look at the list of people.")
        return _person(found)

    def change(self, ident: int, role: str, active: bool) -> Person:
        """Give somebody another role, or shut them out; the last admin stays one.

        Raises:
            Refusal: There is no such role or person, or nobody would be admin.
        """
        if role not in ROLES:
            raise Refusal(f"There is no role {role!r}.", f"Roles: {', '.join(ROLES)}.")
        with self._database.together():
            before = self.person(ident)
            others = self._database.row(
                "SELECT 1 FROM people WHERE role = 'admin' AND active = 1 AND id != ?", ident
            )
            if before.role == "admin" and not others and not (role == "admin" and active):
                raise Forbidden(f"{before.name} is the last admin.", "Make somebody else admin first.")
            self._database.do("UPDATE people SET role = ?, active = ? WHERE id = ?", role, int(active), ident)
            if not active:
                self._database.do("DELETE FROM sessions WHERE person = ?", ident)
        return self.person(ident)

    def prefer(self, person: Person, language: str, theme: str) -> None:
        """Keep a person's language and theme."""
        self._database.do(
            "UPDATE people SET language = ?, theme = ? WHERE id = ?", language, theme, person.id
        )

    def check_own(self, person: Person, password: str) -> None:
        """See that it is really somebody who has signed in.

        Raises:
            Forbidden: The password is wrong.
        """
        try:
            self.check_password(person.name, password)
        except SignIn:
            raise Forbidden("The password is wrong.", "Ask an admin for a new link if it is lost.") from None

    def repassword(self, person: Person, old: str, new: str) -> None:
        """Change one's own password; all other sessions end.

        Raises:
            Refusal: The old one is wrong, or the new one no good.
        """
        self.check_own(person, old)
        _check_password(new, person.name)
        self._database.do("UPDATE people SET password = ? WHERE id = ?", self._hasher.hash(new), person.id)
        self._database.do("DELETE FROM sessions WHERE person = ?", person.id)


def check_name(name: str) -> None:
    """See that something may be called so: 1 to 60 letters, digits, spaces and common signs.

    Raises:
        Refusal: It may not.
    """
    if not re.fullmatch(r"[\w][\w .,'’&()@+-]{0,59}", name.strip()):
        raise Refusal(
            f"{name[:80]!r} is no name here.",
            "Use up to 60 letters, digits and spaces, a letter or digit first.",
        )


def _check_password(password: str, name: str) -> None:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Refusal(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.",
            "Three or four words do well.",
        )
    if len(set(password)) < 5 or password.casefold() in name.casefold() * 5:
        raise Refusal("This password is too easy to guess.", "Three or four words do well.")


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _person(row: Row) -> Person:
    return Person(row["id"], row["name"], row["role"], row["language"], row["theme"], bool(row["factor"]))
