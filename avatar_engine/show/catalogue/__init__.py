"""What is sold: products with prices, stock, offers, facts, claims and answers.

- `model`: what a catalogue is
- `tables`: our own form, CSV or JSON, in which one mistake is one too many
- `merchant`, `shopify`: what shops have already; what can't be used is left out and told
- `rows`: of tables that shops export
- `reading`: finds the format by what stands in a file
- `place`: file or address, as a show names it, with its options
- `files`, `polled`: keep a file or an address in step with the show; `web` is how servers are asked
- `pictures`: of products, as files of this machine
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from avatar_engine.show.catalogue.files import CatalogueFile
from avatar_engine.show.catalogue.model import (
    LARGEST,
    LONGEST,
    MOST,
    Catalogue,
    Claim,
    Offer,
    Price,
    Product,
    Texts,
    read_price,
)
from avatar_engine.show.catalogue.place import Place, read_place
from avatar_engine.show.catalogue.polled import CatalogueUrl
from avatar_engine.show.catalogue.reading import load

Source: TypeAlias = CatalogueFile | CatalogueUrl
"""Where a show's catalogue comes from."""


def opened(text: str, folder: Path, soon: bool = False) -> Source:
    """The catalogue that a show's front matter names, read once.

    Args:
        text: File or address, and options (`avatar_engine.show.catalogue.place`).
        folder: Where the show lies.
        soon: Whether what was read from an address a moment ago is good enough to begin with.

    Raises:
        AvatarError: It can't be read, or has mistakes.
    """
    place = read_place(text)
    if place.remote:
        return CatalogueUrl(place, soon=soon)
    return CatalogueFile(folder / place.location, place.currency, place.language)


__all__ = [
    "LARGEST",
    "LONGEST",
    "MOST",
    "Catalogue",
    "CatalogueFile",
    "CatalogueUrl",
    "Claim",
    "Offer",
    "Place",
    "Price",
    "Product",
    "Source",
    "Texts",
    "load",
    "opened",
    "read_place",
    "read_price",
]
