"""Looks of a clone: other footage of the same person, brought, agreed to and made like the clone itself."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from avatar_engine.bundle import ORIGINAL, Bundle, check_look_name
from avatar_engine.errors import AvatarError
from avatar_engine.studio.clones import Clone
from avatar_engine.studio.jobs import Jobs
from avatar_engine.studio.look_at import look_at
from avatar_engine.studio.refusals import Conflict, Missing, Refusal
from avatar_engine.trust import consent as consents
from avatar_engine.trust import presenter
from avatar_engine.trust.consent import Consent

FOLDER = "looks"
MOST_PAINTER = 6 * 3600.0
"""Seconds for a look's own painter."""


def names(one: Clone) -> tuple[str, ...]:
    """A clone's looks, the one that it was made with first; none before there is a clone."""
    with suppress(AvatarError):
        return Bundle.open(one.avatar, verify=False).looks if one.fitted else ()
    return ()


def see(one: Clone, look: str) -> None:
    """See that a clone has a look; "" is what the script says.

    Raises:
        Missing: It has none of this name.
    """
    if look and look not in names(one):
        raise Missing(f"{one.name} has no look {look[:40]!r}.", f"Looks: {', '.join(names(one))}.")


def add(
    jobs: Jobs, one: Clone, name: str, clip: Path, clip_name: str, painter: float, code: str, by: str
) -> int:
    """Have a look made of a clip that was brought, for which the presenter agrees to what the clone's consent says.

    Args:
        jobs: Makes it.
        one: The clone.
        name: What the look is called.
        clip: Where it lies; it is taken, or removed.
        clip_name: What it was called when it came.
        painter: Seconds for a painter of its own; 0 paints it as the clone does.
        code: The presenter's own, where the consent has their key; it is used, and kept nowhere.
        by: Who asks.

    Returns:
        The job.

    Raises:
        AvatarError: There is no clone, its consent holds no more, the name or the clip is no good, or the code is not
            the presenter's.
    """
    try:
        if not one.fitted or one.signed is None:
            raise Conflict(f"There is no clone of {one.name} yet.", "Fit it first.")
        if one.refused:
            raise Refusal(one.refused, "Only a new consent can allow it again.")
        check_look_name(name)
        if not 0 <= painter <= MOST_PAINTER:
            raise Refusal(f"A budget of {painter:.0f} s is none.", "Give up to six hours, or 0.")
        _see_still(jobs, one)
        look_at(clip, clip.with_suffix(".jpg"))
        key = _signs(one.signed.consent, code)
        place = one.folder / FOLDER / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, mode=0o700)
        kept = place / f"clip{Path(clip_name).suffix.lower()}"
        shutil.move(clip, kept)
        _agree(one.signed.consent, kept, key)
    finally:
        clip.unlink(missing_ok=True)
        clip.with_suffix(".jpg").unlink(missing_ok=True)
    asked = {
        "avatar": str(one.avatar), "look": name, "clip": str(kept), "consent": str(place / "consent.toml"),
        "painter": painter,
    }  # fmt: skip
    return jobs.ask("look", f"{one.name}: {name}", asked, by, one.id)


def drop(jobs: Jobs, one: Clone, name: str) -> None:
    """Take a look out of a clone.

    Raises:
        AvatarError: It has none of this name, it is the one that the clone was made with, or the clone is worked on.
    """
    from avatar_engine.clone.looks import remove_look  # which loads much

    see(one, name)
    if name == ORIGINAL:
        raise Conflict("The look that a clone was made with stays.", "Remove another.")
    _see_still(jobs, one)
    remove_look(one.avatar, name)
    shutil.rmtree(one.folder / FOLDER / name, ignore_errors=True)


def _see_still(jobs: Jobs, one: Clone) -> None:
    """See that no job is about to write the clone's avatar: it would write what it read before."""
    if jobs.busy("look", one.id):
        raise Conflict(f"{one.name} is being worked on.", "Wait for its jobs to end, or stop them.")


def _signs(agreed: Consent, code: str) -> Ed25519PrivateKey | None:
    """The presenter's key, where the clone's consent has theirs.

    Raises:
        AvatarError: It has, and no code was typed, or another's.
    """
    if not agreed.presenter_key:
        return None
    if not code:
        raise Refusal(
            f"{agreed.presenter} signs consents with a code of their own.",
            "Let them type it for this clip, too.",
        )
    key = presenter.key_of(code)
    presenter.see_own(key, agreed.presenter_key)
    return key


def _agree(agreed: Consent, clip: Path, key: Ed25519PrivateKey | None) -> None:
    """The same consent for another clip."""
    consents.new(
        clip, presenter=agreed.presenter, uses=agreed.uses, languages=agreed.languages, platforms=agreed.platforms,
        valid_until=agreed.valid_until, technician=agreed.technician, revocation_list=agreed.revocation_list,
        grace_hours=agreed.grace_hours, presenter_signs=key,
        publish_with="permit" if agreed.publish_with == "permit" else "", output=clip.parent / "consent.toml",
        overwrite=True,
    )  # fmt: skip
