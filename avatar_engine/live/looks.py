"""Which looks of a clone a show wears: settled before it begins, and when a technician asks for another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from avatar_engine.bundle import LOOK_PART, ORIGINAL, Bundle
from avatar_engine.contracts import Behind
from avatar_engine.errors import AvatarError
from avatar_engine.show.script import Line, Script
from avatar_engine.stage.action import names
from avatar_engine.stage.background import check
from avatar_engine.trust import consent as consents
from avatar_engine.trust.consent import SignedConsent


def dressed(bundle: Bundle, script: Script, asked: str, behind: Behind) -> Script:
    """A script whose lines know in which look they are said, and that knows in which the show begins.

    Args:
        bundle: The clone.
        script: The show.
        asked: The look that the user wants to begin in; "" for what the script says, or what is said first is said in.
        behind: What the presenter stands before: a look has to be cut out for that.

    Raises:
        AvatarError: The clone lacks a look, or the look a matte.
    """
    script = script.dressed(asked or script.look or script.said_first_in or ORIGINAL)
    for look in worn(script):
        check(bundle.wearing(look), behind.background)
    return script


def worn(script: Script) -> tuple[str, ...]:
    """The looks of a dressed script, that in which it begins first."""
    return tuple(dict.fromkeys((script.look, *script.looks)))


def first_at(script: Script, start: int) -> str:
    """The look in which a dressed script is begun at an item, counted over all rounds."""
    items = script.items[start % max(1, len(script.items)) :]
    return next((item.look for item in items if isinstance(item, Line) and item.look), script.look)


def agreed_for(bundle: Bundle, looks: Iterable[str]) -> tuple[SignedConsent, ...]:
    """The consents for the clips of looks, besides the clone's own; what the clone lacks is never seen.

    Raises:
        AvatarError: One is missing, or was changed.
    """
    seen = [look for look in dict.fromkeys(looks) if look in bundle.looks and look != ORIGINAL]
    parts = (bundle.wearing(look).json(LOOK_PART) for look in seen)
    return tuple(consents.from_record(part["consent"], part) for part in parts)


def abilities(bundle: Bundle) -> list[str]:
    """The names of the actions that a clone can do in one look or another."""
    return list(dict.fromkeys(name for look in bundle.looks for name in names(bundle.wearing(look))))


def changing(
    bundle: Bundle,
    wear: Callable[[str], None],
    background: Callable[[], str],
    allow: Callable[[SignedConsent], None],
) -> Callable[[str], str]:
    """The order of a technician to wear another look; what it says was done.

    Args:
        bundle: The clone.
        wear: Told of it.
        background: What the presenter stands before now.
        allow: Refuses a consent that does not cover this show.
    """

    def change(look: str) -> str:
        if not look:
            raise AvatarError("No look is named.", f"Looks: {', '.join(bundle.looks)}.")
        chosen = bundle.wearing(look)
        check(chosen, background())
        for signed in agreed_for(bundle, [look]):
            allow(signed)
        wear(look)
        return f"The look is {look} from the next pause on."

    return change
