"""Comments on the picture: what the guard lets pass, for so long, not too many, and none that was taken back."""

from __future__ import annotations

from avatar_engine.contracts import Comment
from avatar_engine.show.chat.message import Message
from avatar_engine.show.remarks import APART, LONGEST, STAYS, Remarks


def message(text: str, author: str = "Ann", ident: str = "1", kind: str = "text") -> Message:
    return Message("twitch", ident, author, text, kind)


def allowed(came: Message) -> Comment | None:
    return None if "bad" in came.text else Comment(came.author, came.text)


def test_a_comment_stays_for_a_while_from_its_second_on() -> None:
    told: list[tuple[str, float]] = []
    remarks = Remarks(allowed, lambda comment, since: told.append((comment.text, since)))
    remarks.came(message("hello"), "talk", 10.0)
    seen = [(remarks.seen(at) or Comment("", "")).text for at in (9.9, 10.0, 10 + STAYS - 0.1, 10 + STAYS)]
    assert seen == ["", "hello", "hello", ""] and told == [("hello", 10.0)]


def test_only_questions_and_talk_that_may_be_said_are_shown() -> None:
    remarks = Remarks(allowed)
    for sort in ("spam", "flood", "link", "rude", "private", "twice", "gift"):
        remarks.came(message("hello"), sort, 1.0)
    remarks.came(message("bad"), "question", 1.0)
    remarks.came(message("x" * (LONGEST + 1)), "question", 1.0)
    assert remarks.seen(1.0) is None
    remarks.came(message("how?"), "question", 1.0)
    assert remarks.seen(1.0) == Comment("Ann", "how?")


def test_a_flood_changes_the_line_every_few_seconds_and_asks_the_guard_as_seldom() -> None:
    asked: list[str] = []

    def guard(came: Message) -> Comment | None:
        asked.append(came.text)
        return Comment("", came.text)

    remarks = Remarks(guard)
    for number in range(2000):
        remarks.came(message(f"m{number}"), "talk", number / 100)
    assert len(asked) == 20 / APART
    seen = [remarks.seen(at / 10) for at in range(200)]
    assert len(dict.fromkeys(seen)) == len(asked)


def test_what_is_taken_back_goes_at_once() -> None:
    remarks = Remarks(allowed)
    remarks.came(message("hello", ident="7"), "talk", 0.0)
    remarks.came(message("", "Bob", "8", "retracted"), "retracted", 0.1)
    assert remarks.seen(0.2) is not None
    remarks.came(message("", "", "7", "retracted"), "retracted", 0.1)
    assert remarks.seen(0.2) is None
    remarks.came(message("again", ident="9"), "talk", 5.0)
    remarks.came(message("", "Ann", "", "retracted"), "retracted", 5.1)
    assert remarks.seen(5.2) is None
