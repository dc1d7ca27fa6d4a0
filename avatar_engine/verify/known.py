"""Consents that are known here: those in the register of this machine, and those in files that somebody gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from avatar_engine.bundle import Bundle
from avatar_engine.trust import consent as consents
from avatar_engine.trust import register


@dataclass(frozen=True, slots=True)
class Known:
    """One consent.

    Attributes:
        id: See `avatar_engine.trust.consent.SignedConsent`.
        presenter: Whose it is.
        avatars: Names of the avatars that were made with it, as far as known.
        source: Where it is known from.
    """

    id: str
    presenter: str
    avatars: tuple[str, ...]
    source: str


def known(files: Iterable[Path]) -> list[Known]:
    """Those in ``files`` (consents or avatars) first, then the register's.

    Raises:
        AvatarError: One of the files is no consent and no avatar, or was changed.
    """
    found = {one.id: one for one in map(_given, files)}
    for name in register.consents():
        about = register.about(name)
        avatars = [made.path.stem for made in register.derived(name) if made.kind == "avatar"]
        presenter = str(about.get("presenter", ""))
        found.setdefault(
            name, Known(name, presenter, tuple(dict.fromkeys(avatars)), "this machine's register")
        )
    return list(found.values())


def _given(path: Path) -> Known:
    if path.suffix.lower() == ".avatar":
        bundle = Bundle.open(path, verify=False)
        signed = consents.from_record(bundle.consent, bundle.made)
        return Known(signed.id, signed.consent.presenter, (bundle.name,), path.name)
    signed = consents.load(path)
    return Known(signed.id, signed.consent.presenter, (), path.name)
