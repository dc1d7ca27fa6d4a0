"""What shows say while they are measured: everyday sentences, one paragraph after the other, hardly a rest between."""

from __future__ import annotations

from pathlib import Path

from avatar_engine.bundle import Bundle
from avatar_engine.errors import AvatarError
from avatar_engine.trust import consent as consents
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.voice import languages
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.sentences import SENTENCES, sentences

PARAGRAPH = 2
"""Sentences of a paragraph."""


def spoken_in(bundle: Bundle, signed: SignedConsent) -> str:
    """The language in which a clone is measured: its own, or the first that its presenter agreed to.

    Raises:
        AvatarError: None of them can be spoken here.
    """
    agreed = signed.consent.languages
    own = VoicePack.load(bundle).language
    known = [tag for tag in languages.languages() if tag.split("-")[0] in SENTENCES]
    wanted = [own, *agreed]
    for tag in wanted:
        if tag in known and any(consents.covers(one, tag) for one in agreed):
            return tag
    raise AvatarError(
        f"{bundle.name} speaks {', '.join(agreed)}; there are sentences to measure with in {', '.join(known)}.",
        "Measure with another clone: avatar-engine capacity NAME.avatar",
    )


def write(path: Path, bundle: Bundle) -> None:
    """Write the script of a show that is measured.

    Raises:
        AvatarError: The clone's consent can't be read, or its languages can't be spoken here.
    """
    signed = consents.from_record(bundle.consent, bundle.made)
    language = spoken_in(bundle, signed)
    said = sentences(language)
    parts = [" ".join(said[at : at + PARAGRAPH]) for at in range(0, len(said), PARAGRAPH)]
    head = f"---\nlanguage: {language}\nuse: {signed.consent.uses[0]}\n---\n\n# Measured\n\n"
    path.write_text(head + "\n\n".join(parts) + "\n", encoding="utf-8")
