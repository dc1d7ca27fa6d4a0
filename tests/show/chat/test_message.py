"""What a table of a relay or a replay says of the audience."""

from __future__ import annotations

import pytest

from avatar_engine.show.chat.message import Count, read


def test_sales_may_tell_their_product_and_what_they_brought() -> None:
    told = {"sales": 2, "clicks": 5, "product": " M-17\n", "revenue": "25.00", "currency": "eur"}
    assert read(told, "x") == [Count("sales", 2.0, "M-17", 25.0, "EUR"), Count("clicks", 5.0, "M-17")]
    assert read({"viewers": 3, "product": "M", "revenue": 1}, "x") == [Count("viewers", 3.0)]
    assert read({"sales": 1, "currency": 7, "revenue": 1}, "x") == [Count("sales", 1.0, "", 1.0)]
    for revenue in (-1, "much", float("nan"), float("inf"), [1]):
        with pytest.raises((ValueError, TypeError)):
            read({"sales": 1, "revenue": revenue}, "x")
