"""Which product's card viewers see: that of what is heard, unless a technician has asked for another one.

On air the catalogue is looked at beside the show, twice a second, so that a changed price is on the card at once and
nobody who makes pictures ever waits for a file. A rehearsal asks it itself, by the time of the show.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from avatar_engine.contracts import Card
from avatar_engine.errors import AvatarError

LOOK = 0.5
"""Seconds between two looks at the catalogue."""

KEPT = 8
"""Products whose cards are kept at hand."""

CardOf = Callable[[str, float], "Card | None"]
"""A product's card at a second of the show; None where the catalogue has no such product."""


class Showcase:
    """The card on the picture, from frame to frame; asked by one thread, told by any.

    Args:
        card_of: What the catalogue says.
        journal: Told of every card that is shown, changed and taken away.
        on_air: Whether somebody watches now: cards are then kept up to date by a thread, until `close`.
        on: Whether cards are shown.
    """

    def __init__(
        self,
        card_of: CardOf,
        journal: Callable[[Mapping[str, Any]], None],
        on_air: bool = False,
        on: bool = True,
    ) -> None:
        self._card_of, self._journal = card_of, journal
        self._on = on
        self._lock = threading.Lock()
        self._known: dict[str, Card | None] = {}
        self._at = 0.0
        self._looked = -LOOK
        self._heard = ""
        self._order: str | None = None  # what a technician wants to be shown while `_meant` is heard
        self._meant: str | None = None
        self._shown: Card | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="showcase", daemon=True) if on_air else None
        if self._thread:
            self._thread.start()

    def plan(self, product: str) -> None:
        """Something about this product will be heard soon."""
        if product and self._thread and product not in self._known:
            self._learn(product)

    def order(self, product: str) -> None:
        """By a technician: show this product until something about another one is heard than is heard now.

        Raises:
            AvatarError: The catalogue has no such product.
        """
        if product and self._learn(product) is None:
            raise AvatarError(
                f"There is no product {product!r} in the catalogue.", "Products are named by their ids."
            )
        with self._lock:
            self._order, self._meant = product, self._heard

    def switch(self, on: bool) -> None:
        """Show cards, or none."""
        with self._lock:
            self._on = on

    def seen(self, heard: str, at: float) -> Card | None:
        """The card on the next picture, by the id of the product that is ``heard`` ("" for none) at a second of the
        show."""
        with self._lock:
            self._heard, self._at = heard, at
            if self._order is not None and heard != self._meant:
                self._order = None
            product = heard if self._order is None else self._order
            card = self._card(product, at) if product and self._on else None
            if card != self._shown:
                self._tell(card, heard, at)
                self._shown = card
            return card

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        if self._thread:
            self._thread.join(2)

    def _card(self, product: str, at: float) -> Card | None:
        if self._thread:
            return self._known.get(product)
        if product not in self._known or not 0 <= at - self._looked < LOOK:
            self._looked = at
            self._known = {product: self._card_of(product, at)}
        return self._known[product]

    def _tell(self, card: Card | None, heard: str, at: float) -> None:
        old, event = self._shown, "card"
        if card is None:
            event = "card gone"
        elif old is not None and old.product == card.product:
            event = "card changed"
        shown = {"product": card.product, "card": asdict(card)} if card else {}
        self._journal({"event": event, "at": round(at, 3), "heard": heard, **shown})

    def _watch(self) -> None:
        """Keep the cards up to date that are on the picture or may be."""
        while not self._over.wait(LOOK):
            with self._lock:
                wanted = [one for one in dict.fromkeys((*self._on_picture, *self._known)) if one]
            for product in wanted[:KEPT]:
                self._learn(product)

    @property
    def _on_picture(self) -> tuple[str, str]:
        """Products whose cards are there now, or are when nothing else is asked for."""
        return self._heard, self._order or ""

    def _learn(self, product: str) -> Card | None:
        card = self._card_of(product, self._at)
        with self._lock:
            self._known.pop(product, None)
            while len(self._known) >= KEPT:
                self._known.pop(next(one for one in self._known if one not in self._on_picture))
            self._known[product] = card
        return card
