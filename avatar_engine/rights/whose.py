"""Which consents a name means: a presenter's, an avatar's, a consent's id, or a file."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from avatar_engine.bundle import Bundle
from avatar_engine.errors import AvatarError
from avatar_engine.trust import consent as consents
from avatar_engine.trust import register
from avatar_engine.trust.consent import SignedConsent

log = logging.getLogger(__name__)

SHORTEST = 8
"""Digits of an id that are enough."""


def meant(name: str, search: Sequence[Path] = ()) -> list[str]:
    """The ids of the consents that are meant; of one person there may be several.

    Args:
        name: The presenter's name, the avatar's, the start of a consent's id, or the path of an avatar or a consent.
        search: Folders in which avatars and consents are looked for besides the register.

    Raises:
        AvatarError: There is none, or the name is that of several persons' avatars.
    """
    if (path := Path(name)).is_file():
        return [_in_file(path).id]
    told = {one: str(register.about(one).get("presenter", "")) for one in register.consents()}
    found = {one for one, presenter in told.items() if _is(name, presenter) or _starts(one, name)}
    found |= {
        one
        for one in told
        for made in register.derived(one)
        if made.kind == "avatar" and made.path.stem == name
    }
    for path, signed in strewn(search):
        if _is(name, signed.consent.presenter) or path.stem == name or _starts(signed.id, name):
            found.add(signed.id)
            told[signed.id] = signed.consent.presenter
    people = sorted({told[one] for one in found})
    if len(people) > 1:
        raise AvatarError(
            f"{name!r} means avatars of {len(people)} persons: {', '.join(people)}.",
            "Give the presenter's full name, the avatar's file, or the consent's id (`avatar-engine consent show`).",
        )
    if not found:
        raise AvatarError(
            f"Nothing on this machine is known of {name!r}.",
            "Give the presenter's full name or the avatar's file; with --search FOLDER avatars that were made by an "
            "older engine, or copied, are found, too.",
        )
    return sorted(found)


def strewn(folders: Sequence[Path]) -> Iterator[tuple[Path, SignedConsent]]:
    """Avatars and consents in folders and all that is in them; links are not followed.

    Raises:
        AvatarError: A folder can't be read.
    """
    for folder in folders:
        if not folder.is_dir():
            raise AvatarError(f"There is no folder {folder}.", "Check --search.")
        for here, inner, names in os.walk(
            folder, onerror=lambda error: log.warning("not searched: %s", error)
        ):
            inner.sort()
            for name in sorted(names):
                path = Path(here, name)
                if path.suffix in (".avatar", ".toml") and not path.is_symlink():
                    try:
                        yield path.resolve(), _in_file(path)
                    except AvatarError as error:
                        log.debug("%s is passed over: %s", path, error)


def _in_file(path: Path) -> SignedConsent:
    """The consent of an avatar, or of a consent's file.

    Raises:
        AvatarError: There is none.
    """
    if path.suffix == ".avatar":
        return consents.from_record(Bundle.open(path, verify=False).consent)
    return consents.load(path, unsigned=True)


def _is(name: str, presenter: str) -> bool:
    return bool(presenter) and " ".join(name.casefold().split()) == " ".join(presenter.casefold().split())


def _starts(consent: str, name: str) -> bool:
    return len(name) >= SHORTEST and consent.startswith(name.lower())
