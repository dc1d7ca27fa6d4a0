"""Which card is on the picture, frame by frame."""

from __future__ import annotations

import time
from typing import Any

import pytest

from avatar_engine.contracts import Card
from avatar_engine.errors import AvatarError
from avatar_engine.show.scenes import Scenes, by_frames
from avatar_engine.show.showcase import Showcase


class Shop:
    def __init__(self) -> None:
        self.price = "1"
        self.asked: list[tuple[str, float]] = []
        self.notes: list[dict[str, Any]] = []

    def card(self, product: str, at: float) -> Card | None:
        self.asked.append((product, at))
        return Card(product, product.upper(), self.price) if product in ("a", "b") else None

    def told(self) -> list[tuple[str, str]]:
        return [(str(entry["event"]), str(entry.get("product", ""))) for entry in self.notes]

    def showcase(self, **how: Any) -> Showcase:
        return Showcase(self.card, lambda entry: self.notes.append(dict(entry)), **how)


def name(card: Card | None) -> str:
    return card.product if card else ""


def test_the_card_follows_what_is_heard_and_is_written_down() -> None:
    shop = Shop()
    case = shop.showcase()
    heard = ["", "a", "a", "b", "x", "a", ""]
    assert [name(case.seen(one, at / 25)) for at, one in enumerate(heard)] == ["", "a", "a", "b", "", "a", ""]
    assert shop.told() == [("card", "a"), ("card", "b"), ("card gone", ""), ("card", "a"), ("card gone", "")]
    assert shop.notes[0] == {
        "event": "card", "at": 0.04, "heard": "a", "product": "a",
        "card": {"product": "a", "name": "A", "price": "1", "was": "", "saving": "", "left": None,
                 "language": "en", "picture": "", "state": 0, "link": "", "ends": 0.0},
    }  # fmt: skip


def test_a_rehearsal_looks_twice_a_second_of_the_show() -> None:
    shop = Shop()
    ask = by_frames(Scenes(shop.showcase()))
    prices = []
    for frame in range(50):
        shop.price = "1" if frame < 20 else "2"
        card = ask("a").card
        prices.append(card.price if card else "")
    assert prices == ["1"] * 26 + ["2"] * 24
    assert len(shop.asked) == 4 and shop.told() == [("card", "a"), ("card changed", "a")]


def test_a_technicians_order_holds_until_another_product_is_heard() -> None:
    shop = Shop()
    case = shop.showcase()
    case.seen("a", 0.0)
    case.order("b")
    assert [name(case.seen(heard, 1.0)) for heard in ("a", "a", "", "a")] == ["b", "b", "", "a"]
    with pytest.raises(AvatarError, match="'x'"):
        case.order("x")
    assert name(case.seen("a", 2.0)) == "a"
    case.order("")
    assert case.seen("a", 2.0) is None


def test_cards_can_be_switched_off_and_on() -> None:
    case = Shop().showcase(on=False)
    assert case.seen("a", 0.0) is None
    case.switch(True)
    assert name(case.seen("a", 0.1)) == "a"
    case.switch(False)
    assert case.seen("a", 0.2) is None


def test_on_air_nobody_waits_for_the_catalogue_and_a_new_price_is_there_within_a_second() -> None:
    shop = Shop()
    case = shop.showcase(on_air=True)
    try:
        case.plan("a")
        assert shop.asked, "it was looked up before it was heard"
        case.seen("a", 0.0)
        shop.price = "2"
        given_up = time.monotonic() + 10
        while case.seen("a", 1.0).price != "2" and time.monotonic() < given_up:  # type: ignore[union-attr]
            time.sleep(0.02)
        assert case.seen("a", 1.0) == Card("a", "A", "2")
        assert case.seen("unplanned", 1.0) is None
        for number in range(50):
            case.plan(f"{number}")
        assert len(case._known) <= 8
    finally:
        case.close()
    assert not case._thread or not case._thread.is_alive()


def test_the_card_that_a_technician_asked_for_stays_whatever_is_planned() -> None:
    case = Shop().showcase(on_air=True)
    try:
        case.plan("b")
        case.seen("b", 0.0)
        case.order("a")
        for number in range(20):
            case.plan(f"{number}")
        assert name(case.seen("b", 0.1)) == "a"
        case.order("b")
        assert name(case.seen("b", 0.2)) == "b"
    finally:
        case.close()
