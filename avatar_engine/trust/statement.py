"""The words in which a presenter agrees: what each use means, and the statement that is signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avatar_engine.trust import platforms

USES = {
    "live-shopping": "present and sell products in live shows",
    "advertising": "advertise products and services",
    "customer-service": "answer customers",
    "education": "teach and train",
    "corporate": "speak for a company to its staff and the public",
    "entertainment": "entertain",
    "research": "be measured and shown in research",
    "internal-test": "be tried inside the company, never shown to the public",
}
"""What a presenter can agree to, and what each means."""

USES_FR = {
    "live-shopping": "présenter et vendre des produits en direct",
    "advertising": "faire la publicité de produits et de services",
    "customer-service": "répondre aux clients",
    "education": "enseigner et former",
    "corporate": "parler au nom d'une entreprise, à son personnel et au public",
    "entertainment": "divertir",
    "research": "être mesurée et montrée dans la recherche",
    "internal-test": "être essayée dans l'entreprise, jamais montrée au public",
}

STATEMENTS = {
    "en": (
        "I, {presenter}, agree that a virtual likeness of my face and my voice is made from the video named "
        "{clip_name} and that it says words that I did not say, in order to {uses}, in these languages: "
        "{languages}, {where}, from {valid_from} to {valid_until}. {permit}Every picture says that it is AI-generated. "
        "I may withdraw my consent at any time; the likeness is then no longer used. {technician} explained this to "
        "me and signs as witness."
    ),
    "fr": (
        "Je soussigné(e), {presenter}, accepte qu'une image virtuelle de mon visage et de ma voix soit créée à "
        "partir de la vidéo {clip_name} et qu'elle dise des paroles que je n'ai pas dites, pour {uses}, dans "
        "ces langues : {languages}, {where}, du {valid_from} au {valid_until}. {permit}Chaque image indique qu'elle "
        "est générée par une intelligence artificielle. Je peux retirer mon accord à tout moment ; l'image n'est alors "
        "plus utilisée. {technician} me l'a expliqué et signe comme témoin."
    ),
}
"""What the presenter agrees to in plain words, by language."""

_WHERE = {
    "en": ("on any platform", "on these platforms: {}"),
    "fr": ("sur toute plateforme", "sur ces plateformes : {}"),
}
_PERMIT = {
    "en": "It goes on air only with a permit that I sign. ",
    "fr": "Elle ne passe à l'antenne qu'avec une autorisation que je signe. ",
}


def statement(fields: Mapping[str, Any]) -> str:
    """What the presenter agrees to, in the first of the consent's languages that has words for it, else in English.

    Args:
        fields: Those of a consent (`avatar_engine.trust.consent.Consent`).
    """
    spoken = [tag.split("-")[0].lower() for tag in fields["languages"]]
    language = next((tag for tag in spoken if tag in STATEMENTS), "en")
    meanings, last = (USES_FR, " et ") if language == "fr" else (USES, " and ")
    uses = [meanings.get(use, use) for use in fields["uses"]]
    everywhere, named = _WHERE[language]
    words = {
        **fields,
        "uses": last.join([", ".join(uses[:-1]), uses[-1]]) if len(uses) > 1 else "".join(uses),
        "languages": ", ".join(fields["languages"]),
        "where": everywhere
        if platforms.ANY in fields["platforms"]
        else named.format(", ".join(fields["platforms"])),
        "permit": _PERMIT[language] if fields["publish_with"] else "",
    }
    return STATEMENTS[language].format(**words)
