"""The second factor of people of the studio: a code that changes every half minute, and spare codes for a lost phone.

TOTP (RFC 6238) with what every authenticator takes: SHA-1, six digits, 30 s. The secret is sealed like a stream key;
a code counts once, and of spare codes a SHA-256 is kept, for they are random themselves.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from avatar_engine.errors import AvatarError
from avatar_engine.studio.database import Database
from avatar_engine.studio.people import Person, digest, same
from avatar_engine.studio.rates import Rate
from avatar_engine.studio.refusals import Conflict, Forbidden, Refusal, SignIn, TooMany
from avatar_engine.studio.vault import Vault

DIGITS, STEP = 6, 30
BYTES = 20
"""Of a secret, as the standard recommends."""

SPARE = 10
"""Spare codes that somebody gets."""

AROUND = 1
"""Steps that a phone's clock may be wrong, either way."""

ENROL_SECONDS = 900.0
"""For scanning the square and typing the first code."""

HALF_SECONDS = 300.0
"""From a right password to the code."""

FRESH_SECONDS = 900.0
"""For which a code that was typed lets somebody go on air."""

_RULES = "second factor"


@dataclass(frozen=True, slots=True)
class Rules:
    """What an admin asks of everybody.

    Attributes:
        sign_in: Nobody works here without a second factor.
        publish: A show that leaves this machine wants a code that was typed lately.
    """

    sign_in: bool = False
    publish: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """A second factor that is being set up: its secret for people, its address for the square, and both sealed."""

    secret: str
    address: str
    sealed: str


class Factors:
    """Keeps them.

    Args:
        database: Where.
        vault: Seals the secrets.
        clock: Seconds since 1970.
    """

    def __init__(self, database: Database, vault: Vault, clock: Callable[[], float] = time.time) -> None:
        self._database, self._vault, self._clock = database, vault, clock
        self._tries = Rate(1 / 12, 8)  # of one person: eight at once, then five a minute

    def rules(self) -> Rules:
        """What everybody must."""
        return Rules(**json.loads(self._database.setting(_RULES) or "{}"))

    def rule(self, rules: Rules) -> None:
        """Ask this of everybody from now on."""
        self._database.set(_RULES, json.dumps({"sign_in": rules.sign_in, "publish": rules.publish}))

    def begin(self, person: Person) -> Begun:
        """A fresh secret; nothing is kept until a first code of it comes (`enrol`)."""
        secret = secrets.token_bytes(BYTES)
        until = self._clock() + ENROL_SECONDS
        text = base64.b32encode(secret).decode()
        sealed = self._vault.seal(json.dumps({"person": person.id, "secret": text, "until": until}))
        address = _totp(secret).get_provisioning_uri(person.name, "avatar-engine studio")
        return Begun(text, address, sealed.decode())

    def enrol(self, person: Person, sealed: str, code: str) -> list[str]:
        """Take a secret over whose code was typed; the spare codes, which are told once.

        Raises:
            Refusal: It took too long, is somebody else's, or the code is wrong.
            Conflict: There is one already.
        """
        try:
            begun = json.loads(self._vault.open(sealed.encode()))
        except (AvatarError, ValueError):
            begun = {}
        if begun.get("person") != person.id or begun.get("until", 0) < self._clock():
            raise Refusal("This took too long, or is not yours.", "Begin again.")
        self._slow_down(person)
        secret = base64.b32decode(begun["secret"])
        step = self._step_of(secret, code, 0)
        if step is None:
            raise Refusal(
                "This is not the code of the moment.", "Type the six digits that the phone shows now."
            )
        with self._database.together():
            taken = self._database.do(
                "UPDATE people SET factor = ?, factor_step = ? WHERE id = ? AND factor IS NULL",
                self._vault.seal(begun["secret"]), step, person.id,
            )  # fmt: skip
            if not taken:  # two were begun at once
                raise Conflict("You have a second factor already.", "Remove it with a code of it first.")
            return self._spare(person)

    def renew(self, person: Person) -> list[str]:
        """New spare codes; the old ones hold no more."""
        with self._database.together():
            return self._spare(person)

    def spare(self, person: Person) -> int:
        """How many spare codes are left."""
        found = self._database.row("SELECT count(*) AS count FROM spare_codes WHERE person = ?", person.id)
        return int(found["count"]) if found else 0

    def check(self, person: Person, code: str) -> None:
        """See that somebody has their second factor; a code is used up by it.

        Raises:
            SignIn: The code is wrong, or was used already.
            TooMany: There were too many tries.
            AvatarError: The secret can't be opened.
        """
        self._slow_down(person)
        row = self._database.row("SELECT factor, factor_step FROM people WHERE id = ?", person.id)
        if not row or not row["factor"]:
            raise SignIn("You have no second factor.", "Set one up in the settings.")
        typed = "".join(code.split())
        if len(typed) > DIGITS:
            used = self._database.do(
                "DELETE FROM spare_codes WHERE person = ? AND hash = ?", person.id, _spare_hash(typed)
            )
        else:
            secret = base64.b32decode(self._opened(row["factor"]))
            step = self._step_of(secret, typed, row["factor_step"])
            used = step is not None and self._database.do(
                "UPDATE people SET factor_step = ? WHERE id = ? AND factor_step < ?", step, person.id, step
            )
        if not used:
            raise SignIn(
                "The code is wrong, or was used already.", "Wait for the next one, or take a spare code."
            )

    def drop(self, ident: int) -> None:
        """Take somebody's second factor away."""
        with self._database.together():
            self._database.do("UPDATE people SET factor = NULL WHERE id = ?", ident)
            self._database.do("DELETE FROM spare_codes WHERE person = ?", ident)

    def halfway(self, person: Person) -> str:
        """The password was right: a secret under which the code is awaited."""
        secret, now = secrets.token_urlsafe(32), self._clock()
        self._database.do("DELETE FROM half_in WHERE expires < ?", now)
        self._database.do(
            "INSERT INTO half_in VALUES (?, ?, ?)", digest(secret), person.id, now + HALF_SECONDS
        )
        return secret

    def half(self, secret: str) -> int:
        """Whose password was right; their number.

        Raises:
            SignIn: It was too long ago, or never.
        """
        found = self._database.row(
            "SELECT person FROM half_in WHERE hash = ? AND expires > ?", digest(secret), self._clock()
        )
        if found is None:
            raise SignIn("That took too long.", "Sign in again.")
        return int(found["person"])

    def whole(self, secret: str) -> None:
        """The code was right, too: the secret holds no more."""
        self._database.do("DELETE FROM half_in WHERE hash = ?", digest(secret))

    def confirm(self, session: str) -> None:
        """A code was typed in this session just now."""
        self._database.do("UPDATE sessions SET confirmed = ? WHERE hash = ?", self._clock(), session)

    def fresh(self, session: str) -> bool:
        """Whether a code was typed in this session lately."""
        found = self._database.row("SELECT confirmed FROM sessions WHERE hash = ?", session)
        return found is not None and self._clock() - float(found["confirmed"]) < FRESH_SECONDS

    def _opened(self, sealed: bytes) -> str:
        try:
            return self._vault.open(sealed)
        except AvatarError:
            raise Forbidden(
                "The second factor was sealed with another key than this studio's.",
                "Run: avatar-engine studio link --for NAME --no-factor",
            ) from None

    def _slow_down(self, person: Person) -> None:
        if wait := self._tries.wait(str(person.id)):
            raise TooMany("Too many tries.", f"Wait {wait:.0f} s.")

    def _step_of(self, secret: bytes, code: str, after: int) -> int | None:
        """The step whose code this is, of those around now that come after ``after``; None for none."""
        now, found = int(self._clock()) // STEP, None
        for step in range(now - AROUND, now + AROUND + 1):
            right = same(_totp(secret).generate(step * STEP).decode(), "".join(code.split()))
            if right and step > after:
                found = step
        return found

    def _spare(self, person: Person) -> list[str]:
        self._database.do("DELETE FROM spare_codes WHERE person = ?", person.id)
        made = []
        for _ in range(SPARE):
            letters = base64.b32encode(secrets.token_bytes(10)).decode().lower()
            made.append("-".join(letters[at : at + 4] for at in range(0, 16, 4)))
            self._database.do("INSERT INTO spare_codes VALUES (?, ?)", _spare_hash(made[-1]), person.id)
        return made


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP)  # noqa: S303 - the standard's; nothing rests on collisions


def _spare_hash(code: str) -> str:
    """Of a spare code, however it is written."""
    return digest(code.replace("-", "").lower())
