"""Clips that are added to a clone after it was made: only those that its own presenter has agreed to."""

from __future__ import annotations

from pathlib import Path

from avatar_engine.bundle import Bundle
from avatar_engine.errors import AvatarError
from avatar_engine.trust import consent as consents
from avatar_engine.trust.clearance import Clearance
from avatar_engine.trust.consent import SignedConsent


def consented(bundle: Bundle, video: Path, consent: Path) -> tuple[SignedConsent, SignedConsent]:
    """The clone's own consent, and the one for ``video``.

    Raises:
        AvatarError: The consent is not for this clip, holds no more, or is another person's.
    """
    signed = consents.load(consent)
    consents.check(signed, clip_sha256=consents.clip_sha256(video))
    Clearance(signed).check()
    own = consents.from_record(bundle.consent, bundle.made)
    if signed.consent.presenter != own.consent.presenter:
        raise AvatarError(
            f"The clip shows {signed.consent.presenter}, the clone {own.consent.presenter}.",
            "Only the presenter's own clips can be added to a clone.",
        )
    return own, signed
