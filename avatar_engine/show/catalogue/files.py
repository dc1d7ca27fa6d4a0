"""A catalogue in a file, read anew when it changes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.show.catalogue.model import Catalogue
from avatar_engine.show.catalogue.pictures import Pictures, is_address
from avatar_engine.show.catalogue.reading import load
from avatar_engine.web import Web

log = logging.getLogger(__name__)

PICTURE, AGAIN, PATIENCE, PAUSE = 15.0, 60.0, 20.0, 0.5
"""Seconds for one picture by address, between two rounds, for all that a rehearsal waits for, and between two."""


class CatalogueFile:
    """A catalogue that is read anew when its file changes; call `look` now and then.

    Args:
        path: The file, in any format that `avatar_engine.show.catalogue.load` reads.
        currency: Of prices that have none.
        language: Of texts, where the file does not say it.
        pictures: Where its pictures are; by default beside it.

    Raises:
        AvatarError: It can't be read, or has mistakes.
    """

    def __init__(
        self, path: Path, currency: str = "", language: str = "", pictures: Pictures | None = None
    ) -> None:
        self._path, self._seen = path, _stamp(path)
        self._options = (currency, language)
        self._pictures = pictures or Pictures(path.parent)
        self.now = load(path, *self._options)

    @property
    def told(self) -> tuple[str, ...]:
        """What it is, and what is wrong with it, for people."""
        lacking = [
            f"the picture {product.image!r} of {product.ident!r} is not there"
            for product in self.now.products.values()
            if product.image and not is_address(product.image) and not self._pictures.path(product.image)
        ]
        return described(self._path.name, self.now, lacking)

    def look(self) -> Catalogue:
        """The catalogue as it is now; a file that became wrong is told once and changes nothing."""
        stamp = _stamp(self._path)
        if stamp != self._seen:
            self._seen = stamp
            try:
                self.now = load(self._path, *self._options)
                log.info("the catalogue has changed: %d products", len(self.now.products))
            except AvatarError as error:
                log.error("the catalogue stays as it was: %s", error.what)
        return self.now

    def picture(self, product: str) -> Path | None:
        """The file of a product's picture; None where there is none (yet). Asks nobody."""
        found = self.now.products.get(product)
        return self._pictures.path(found.image) if found else None

    def settle(self, first: Sequence[str]) -> None:
        """Fetch pictures of the products ``first``, where they are named by addresses, and wait for them."""
        brought(self.now, self._pictures, self._web, threading.Event(), PATIENCE, first, others=False)

    def follow(self, stop: threading.Event, first: Sequence[str] = ()) -> None:
        """Fetch pictures by address in a thread until ``stop`` is set, those of ``first`` before others."""

        def run() -> None:
            while not stop.is_set():
                brought(self.now, self._pictures, lambda: self._web(stop), stop, AGAIN, first)
                stop.wait(AGAIN)

        threading.Thread(target=run, name="pictures", daemon=True).start()

    def _web(self, stop: threading.Event | None = None) -> Web:
        return Web("", PICTURE, stop)


def brought(
    catalogue: Catalogue,
    pictures: Pictures,
    web: Callable[[], Web],
    stop: threading.Event,
    seconds: float,
    first: Sequence[str],
    others: bool = True,
) -> None:
    """Fetch the pictures of a catalogue: those of the products ``first`` at once, the others little by little."""
    until = time.monotonic() + seconds
    products = catalogue.products
    pictures.fetch([products[one].image for one in first if one in products], web, stop, seconds)
    if others:
        images = (product.image for product in products.values())
        pictures.fetch(images, web, stop, until - time.monotonic(), PAUSE)


def described(name: str, catalogue: Catalogue, more: Sequence[str] = ()) -> tuple[str, ...]:
    """A catalogue's format, the number of its products and every mistake, for people."""
    wrong = [*catalogue.mistakes, *more]
    doubts = f", {len(wrong)} warnings:" if wrong else "."
    return (
        f"{name}: {catalogue.form}, {len(catalogue.products)} products{doubts}",
        *(f"  {told}" for told in wrong),
    )


def _stamp(path: Path) -> tuple[int, int]:
    try:
        told = path.stat()
    except OSError:
        return (0, 0)
    return (told.st_mtime_ns, told.st_size)
