"""What the audience does is written down: seldom, and nothing that is nobody's business."""

from __future__ import annotations

from typing import Any

from avatar_engine.show.attendance import SINGLE, Attendance
from avatar_engine.show.chat.message import Count, Message


class Kept:
    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.attendance = Attendance(lambda entry: self.entries.append(dict(entry)))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["event"] == event]


def test_figures_come_every_ten_seconds_and_at_the_end() -> None:
    kept = Kept()
    for second in range(35):
        kept.attendance.came(Message("x", str(second), "Ann", "hi?"), "question", float(second))
        figures = kept.attendance.looked({"viewers": 7.0, "chat": 3.0}, 2, float(second))
    assert figures["messages"] == 35 and figures["asked"] == 35 and figures["viewers"] == 7
    kept.attendance.close()
    told = kept.of("audience")
    assert [entry["at"] for entry in told] == [0, 10, 20, 30, 34]
    assert [entry["messages"] for entry in told] == [1, 11, 21, 31, 35]
    assert told[-1]["sorts"] == {"question": 35} and told[-1]["lost"] == 2 and told[-1]["viewers"] == 7


def test_who_comes_in_or_buys_writes_no_message_and_is_not_left_out() -> None:
    kept = Kept()
    kept.attendance.came(Message("x", "", "Ann", "", "join"), "join", 1.0)
    kept.attendance.came(Message("x", "", "Ann", "", "gift"), "gift", 1.0)
    kept.attendance.came(Message("x", "", "Ann", "2 mugs", "purchase"), "purchase", 1.0)
    assert kept.attendance.looked({}, 0, 1.0)["messages"] == 1 and not kept.of("moderated")


def test_sales_and_clicks_are_summed_up_by_the_second_and_the_product() -> None:
    kept = Kept()
    for at, count in (
        (5.0, Count("sales", 1, "M", 12.5, "EUR")),
        (5.2, Count("sales", 2, "M", 25.0, "EUR")),
        (5.3, Count("sales", 1)),
        (5.4, Count("clicks", 3, "M")),
        (5.5, Count("viewers", 100)),
        (9.0, Count("clicks", 1, "M")),
    ):
        kept.attendance.came(count, "", at)
    assert kept.entries == [
        {"event": "sales", "at": 5.0, "count": 3, "product": "M", "revenue": 37.5, "currency": "EUR"},
        {"event": "sales", "at": 5.0, "count": 1},
        {"event": "clicks", "at": 5.0, "count": 3, "product": "M"},
    ]
    figures = kept.attendance.looked({}, 0, 9.5)
    assert len(kept.of("clicks")) == 1 and figures["all_clicks"] == 4 and figures["all_sales"] == 4
    kept.attendance.close()
    assert len(kept.of("clicks")) == 2


def test_a_thousand_products_in_a_second_are_few_lines() -> None:
    kept = Kept()
    for number in range(1000):
        kept.attendance.came(Count("sales", 1, f"P{number}"), "", 1.0)
    kept.attendance.close()
    assert len(kept.of("sales")) <= 51 and sum(entry["count"] for entry in kept.of("sales")) == 1000


def test_moderation_is_told_one_by_one_until_there_is_too_much_of_it() -> None:
    kept = Kept()
    kept.attendance.came(Message("twitch", "17", "Ann", "you idiot"), "rude", 1.0)
    kept.attendance.came(Message("twitch", "18", "Bob", "call +33 6 12 34 56 78"), "private", 1.0)
    kept.attendance.came(Message("twitch", "19", "Bob", "hello"), "talk", 1.0)
    assert kept.of("moderated") == [
        {"event": "moderated", "at": 1.0, "why": "rude", "source": "twitch", "id": "17", "text": "you idiot"},
        {"event": "moderated", "at": 1.0, "why": "private", "source": "twitch", "id": "18"},
    ]
    for _ in range(5000):
        kept.attendance.came(Message("twitch", "", "Eve", "spam"), "spam", 2.0)
    assert len(kept.of("moderated")) <= 2 + SINGLE[0] + 2 * SINGLE[1]
    kept.attendance.close()
    assert kept.of("audience")[-1]["sorts"]["spam"] == 5000
    assert "Ann" not in str(kept.entries) and "Bob" not in str(kept.entries)
