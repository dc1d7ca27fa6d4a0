"""Whether an avatar may be used now, for this, there: asked before anything starts, and again while a show runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from avatar_engine.trust import consent, permit, register, revocation
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.permit import Permit


@dataclass(frozen=True, slots=True)
class Clearance:
    """What is to be done with an avatar.

    Attributes:
        signed: The presenter's consent.
        use: What for, one of `avatar_engine.trust.statement.USES`; None where nobody says (a file).
        hosts: Servers that it is sent to; none for files.
        permit: The presenter's leave to go on air; None for none.
    """

    signed: SignedConsent
    use: str | None = None
    hosts: tuple[str, ...] = ()
    permit: Permit | None = None

    def check(self, now: datetime | None = None) -> None:
        """Refuse what is not allowed at this moment.

        Raises:
            AvatarError: The consent does not cover it, is or may be revoked, or asks for a permit that is not there.
        """
        moment = now or datetime.now(UTC)
        consent.check(self.signed, use=self.use, on=moment.astimezone().date(), hosts=self.hosts)
        register.check(self.signed)
        revocation.check(self.signed, moment)
        permit.check(self.signed, self.permit, self.hosts, moment)
