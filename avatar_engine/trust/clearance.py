"""Whether an avatar may be used now, for this, there: asked before anything starts, and again while a show runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from avatar_engine.trust import consent, permit, register, revocation
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.permit import Permit


class Widening:
    """A clearance that comes to cover more clips while a show runs.

    Args:
        clearance: What is to be done at first.
    """

    def __init__(self, clearance: Clearance) -> None:
        self._clearance = clearance

    def check(self) -> None:
        """Refuse what is not allowed at this moment; see `Clearance.check`."""
        self._clearance.check()

    def include(self, signed: SignedConsent) -> None:
        """From now on the clip of this consent is seen, too.

        Raises:
            AvatarError: The consent does not allow it; nothing is changed.
        """
        if signed not in self._clearance.also:
            wider = replace(self._clearance, also=(*self._clearance.also, signed))
            wider.check()
            self._clearance = wider


@dataclass(frozen=True, slots=True)
class Clearance:
    """What is to be done with an avatar.

    Attributes:
        signed: The presenter's consent.
        use: What for, one of `avatar_engine.trust.statement.USES`; None where nobody says (a file).
        hosts: Servers that it is sent to; none for files.
        permit: The presenter's leave to go on air; None for none.
        also: The presenter's consents for other clips that are seen in it: they have to cover it, too, and the permit
            for the first one is enough.
    """

    signed: SignedConsent
    use: str | None = None
    hosts: tuple[str, ...] = ()
    permit: Permit | None = None
    also: tuple[SignedConsent, ...] = ()

    def check(self, now: datetime | None = None) -> None:
        """Refuse what is not allowed at this moment.

        Raises:
            AvatarError: The consent does not cover it, is or may be revoked, or asks for a permit that is not there.
        """
        moment = now or datetime.now(UTC)
        for signed in (self.signed, *self.also):
            consent.check(signed, use=self.use, on=moment.astimezone().date(), hosts=self.hosts)
            register.check(signed)
            revocation.check(signed, moment)
        permit.check(self.signed, self.permit, self.hosts, moment)
