"""What a figure is of: money, what was paid before, a share, an hour, or a number of something."""

from __future__ import annotations

from decimal import Decimal

import pytest

from avatar_engine.show.guard.amounts import bound_of, kind_of, words_of
from avatar_engine.show.guard.figures import figures


def kinds(text: str, tag: str = "en") -> list[tuple[str, Decimal, str]]:
    told = (kind_of(one, text, words_of(tag)) for one in figures(text, tag))
    return [(kind, value, text[begin:end]) for kind, value, (begin, end) in told]


@pytest.mark.parametrize(
    ("text", "tag", "told"),
    [
        ("It costs 39 euros.", "en", ("money", 39, "39 euros")),
        ("Instead of €49.", "en", ("was", 49, "€49")),
        ("Only 19.", "en", ("money", 19, "19")),
        ("20 % off.", "en", ("per cent", 20, "20 %")),
        ("50 centimes.", "fr", ("money", Decimal("0.5"), "50 centimes")),
        ("At 8 o'clock.", "en", ("harmless", 8, "8")),
        ("À 20 heures.", "fr", ("harmless", 20, "20")),
        ("See you at 8.", "en", ("perhaps a price", 8, "8")),
        ("It holds 350 ml.", "en", ("number", 350, "350")),
    ],
)
def test_kinds(text: str, tag: str, told: tuple[str, Decimal, str]) -> None:
    assert kinds(text, tag) == [told]


def test_after_a_comma_without_a_gap_a_figure_is_one() -> None:
    assert kinds("不,12.50欧元。", "zh") == [("money", Decimal("12.50"), "12.50欧元")]


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("under 40 euros", "under"),
        ("over 40 euros", "over"),
        ("not under 40 euros", "over"),
        ("for 40 euros", ""),
    ],
)
def test_bounds(text: str, bound: str) -> None:
    words = words_of("en")
    (figure,) = figures(text, "en")
    assert bound_of(text, kind_of(figure, text, words)[2], words) == bound
