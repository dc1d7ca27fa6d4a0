"""Which languages a show speaks: what is asked for, within what the presenter agreed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from avatar_engine.errors import AvatarError
from avatar_engine.show.script import Script
from avatar_engine.trust import consent as consents
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.voice import languages


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a show may speak.

    Attributes:
        language: BCP 47 tag of the show: its label's, and where a text leaves a doubt the speech's.
        among: Where each sentence's language is found (``auto``), those to choose from; empty elsewhere.
    """

    language: str
    among: tuple[str, ...] = ()

    def settled(self, script: Script) -> Script:
        """The script with the languages in which its host may answer, where it leaves them open."""
        return (
            replace(script, among=tuple(dict.fromkeys((self.language, *self.among))))
            if self.among
            else script
        )


def agreed(signed: SignedConsent, asked: Sequence[str], own: str, use: str | None = None) -> Agreed:
    """The languages of a show that asks for ``asked``, the main one first; one of them may be ``auto``.

    Args:
        signed: The presenter's consent.
        asked: BCP 47 tags.
        own: The language of the presenter's minute.
        use: What the show is for; not asked when None.

    Raises:
        AvatarError: The consent does not cover the use or one of the languages.
    """
    named = [tag for tag in asked if tag.lower() != languages.AUTO]
    among: tuple[str, ...] = ()
    if len(named) < len(asked):
        among = tuple(tag for tag in languages.languages() if _covered(signed, tag))
        if not among:
            raise AvatarError(
                f"{signed.consent.presenter} agreed to {', '.join(signed.consent.languages)}; the voice speaks none of "
                f"these: {', '.join(languages.languages())}.",
                "Ask the presenter for a wider consent.",
            )
    main = asked[0]
    if main.lower() == languages.AUTO:
        main = own if _covered(signed, own) else among[0]
    for tag in (main, *named):
        consents.check(signed, use=use, language=tag)
    return Agreed(main, among)


def _covered(signed: SignedConsent, language: str) -> bool:
    return any(consents.covers(tag, language) for tag in signed.consent.languages)
