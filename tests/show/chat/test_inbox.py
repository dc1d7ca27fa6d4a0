"""The inbox finds what is asked, by how many, and leaves the rest out."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.show.chat import inbox as inboxes
from avatar_engine.show.chat.inbox import (
    AGAIN,
    ALIKE,
    BUSY,
    CROWD,
    EXPIRES,
    GREETS,
    JUST,
    MOST,
    WAVE,
    Inbox,
    vector_of,
)
from avatar_engine.show.chat.message import Count, Message, cleaned
from avatar_engine.show.meaning import tongue_of


class Room:
    """An inbox with a clock that is set."""

    def __init__(self, **how: object) -> None:
        self.now = 0.0
        self.inbox = Inbox(lambda: self.now, **how)  # type: ignore[arg-type]

    def say(self, text: str, author: str = "Ann", ident: str = "", kind: str = "text") -> str:
        before = self.inbox.figures.kinds.copy()
        self.inbox.put(Message("test", ident, author, text, kind))
        (what,) = (self.inbox.figures.kinds - before).elements()
        return what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("how much is it?", "question"),
        ("c'est combien", "question"),
        ("多少钱", "question"),
        ("いくらですか", "question"),
        ("price pls", "question"),
        ("gibt es das in blau", "question"),
        ("hello everybody", "greeting"),
        ("Bonsoir !", "greeting"),
        ("I love it", "talk"),
        ("😀😀😀", "signs"),
        ("!!!", "signs"),
        ("you idiot, how much?", "rude"),
        ("what the f*ck", "question"),
        ("sh1t how much", "rude"),
        ("call me on 0612345678 ok?", "private"),
        ("how about www.cheap.ru ?", "link"),
        ("is brand x better?", "rival"),
        ("aaaaaaaaaaaaaaaaaaaaaa?", "spam"),
    ],
)
def test_messages_are_sorted(text: str, what: str) -> None:
    assert Room(rivals=("Brand X",)).say(text) == what


def test_the_same_question_in_other_words_has_many_askers() -> None:
    room = Room()
    for n, text in enumerate(
        [
            "does it go in the dishwasher?",
            "dishwasher safe?",
            "can I put this into the dishwasher",
            "dishwasher ok??",
        ]
    ):
        room.say(text, f"viewer {'abcd'[n]}x")
    room.say("what colours are there?", "Bob")
    first, second = room.inbox.waiting()
    assert (first.count, second.count) == (4, 1) and "dishwas" in first.text
    taken = room.inbox.choose(1.0)
    assert taken is not None and taken.count == 4 and len(taken.authors) == 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("这个多少钱", "请问多少钱？", True),
        ("有没有蓝色的", "蓝色有吗", True),
        ("这个多少钱", "什么时候发货", False),
        ("combien ça coûte ?", "ca coute combien svp", True),
        ("combien ça coûte ?", "il y a du bleu ?", False),
        ("いくらですか", "これいくら？", True),
        ("how big is it", "how much is it", False),
    ],
)
def test_likeness_of_questions(one: str, other: str, same: bool) -> None:
    assert (float(vector_of(one) @ vector_of(other)) >= ALIKE) is same


def test_what_is_worth_more_comes_first_and_no_author_twice_in_a_row() -> None:
    room = Room()
    room.say("what is your favourite song?", "Ann")
    room.now = 1.0
    room.say("what does it cost?", "Ann")
    room.say("do you ship to Spain?", "Bob")
    order = []
    while (question := room.inbox.choose(room.now)) is not None:
        order.append(question.text)
    assert order == ["what does it cost?", "do you ship to Spain?", "what is your favourite song?"]


def test_an_answered_question_rests_unless_a_wave_asks_it_and_then_it_is_short() -> None:
    room = Room()
    room.say("how much is it?", "Ann")
    first = room.inbox.choose(0.0)
    assert first is not None and not first.again
    room.inbox.done(first, "answered")
    room.now = JUST - 1
    assert room.say("whats the price", "Bob") == "answered just now" and room.inbox.choose(room.now) is None
    room.now = JUST + 1
    assert room.say("how much is it please?", "Bob") == "question"
    assert room.inbox.choose(room.now, busy=True) is None, "while the script runs one asker is not enough"
    for n in range(WAVE):
        room.say(f"how much is it{'?' * (n + 1)}", f"Viewer {chr(97 + n) * 3}")
    wave = room.inbox.choose(room.now, busy=True)
    assert wave is not None and wave.again and wave.count > WAVE
    room.now += AGAIN + 1
    room.say("how much is it now?", "Zoe")
    assert room.inbox.choose(room.now) is not None
    assert room.inbox.figures.answered == 1


def test_the_same_in_other_words_has_just_been_answered() -> None:
    room = Room(languages=("en", "fr"))
    room.say("what colours are there?", "Ann")
    first = room.inbox.choose(0.0)
    room.now = 5.0
    assert room.say("does it come in blue", "Bob") == "answered just now", (
        "the answer was that of the colours"
    )
    assert room.say("quelles couleurs ?", "Léa") == "question", "who asks in another language has heard none"
    assert room.say("how much is it", "Zoe") == "question"
    room.inbox.done(first, "unanswered")
    assert room.say("any other colours", "Max") == "question", "nobody heard an answer"


def test_many_who_wait_come_before_few_and_nobody_waits_for_ever() -> None:
    room = Room()
    room.say("is it heavy?", "Old")
    room.now = 100.0
    for n in range(8):
        room.say(f"how much is it{'?' * n}", f"Viewer {chr(97 + n) * 3}")
    order = [room.inbox.choose(room.now)]
    for n in range(2):
        room.now += 45.0
        room.say("how much is it now", f"New {chr(97 + n) * 3}")
        order.append(room.inbox.choose(room.now))
    assert [question.intent for question in order if question] == ["price", "weight", "price"]


def test_a_script_is_interrupted_now_and_then_alone() -> None:
    room = Room()
    for text in ("how much is it", "is it heavy", "is it waterproof"):
        room.say(text, text[-4:])
    assert room.inbox.choose(0.0, busy=True) is not None
    assert room.inbox.choose(1.0, busy=True) is None and room.inbox.choose(1.0) is not None
    assert room.inbox.choose(BUSY, busy=True) is not None


def test_nobody_is_called_by_name_in_a_crowd() -> None:
    texts = ["how much is it", "is it heavy", "is it waterproof", "which sizes", "what material", "warranty?",
             "where do i buy", "do you take paypal", "when does it arrive", "what colours"]  # fmt: skip
    room = Room()
    for n, text in enumerate(texts):
        room.say(text, f"Viewer {chr(97 + n) * 3}")
    named = [bool(question.authors) for _ in texts if (question := room.inbox.choose(0.0))]
    assert len(named) == len(texts) and named == [False] * (len(texts) - CROWD) + [True] * CROWD


def test_people_are_thanked_and_greeted_by_name_now_and_then() -> None:
    room = Room(languages=("de", "en"))
    room.say("how much is it", "Zoe")
    for name in ("Ann", "xX_99999", "Bob", "Jean-Luc", "Mary"):
        room.say("", name, kind="join")
    room.say("", "Tom", kind="gift")
    room.say("", "Lea", kind="purchase")
    thanks = room.inbox.choose(0.0)
    assert thanks is not None and (thanks.kind, thanks.text, thanks.authors) == (
        "thank",
        "purchase",
        ("Lea",),
    )
    assert thanks.language == "de"
    room.inbox.done(thanks, "answered")
    asked = room.inbox.choose(1.0)
    assert asked is not None and asked.kind == "answer", "who asks comes before who came in"
    assert room.inbox.choose(2.0, busy=True) is None, "nobody is greeted into the script"
    hello = room.inbox.choose(3.0)
    assert hello is not None and (hello.kind, hello.text) == ("greet", "new")
    assert hello.authors == ("Mary", "Jean Luc", "Bob"), "who came last, by names that can be said"
    room.now = 3.0 + GREETS - 1
    room.say("", "Ben", kind="join")
    assert room.inbox.choose(room.now) is None and room.inbox.choose(room.now + 2) is not None
    room.now = 20 * 60.0
    assert room.say("", "Mary", kind="join") == "join"
    back = room.inbox.choose(room.now)
    assert back is not None and (back.text, back.authors) == ("back", ("Mary",))
    assert (room.inbox.figures.thanked, room.inbox.figures.answered) == (1, 0)


def test_a_flood_of_joins_is_bounded_and_those_of_long_ago_are_let_be() -> None:
    room = Room()
    for n in range(2000):
        room.say("", f"Viewer {chr(97 + n % 26) * 3} {chr(97 + n // 26 % 26) * 3}", kind="join")
    assert max(map(len, room.inbox._people.values())) <= 50
    room.now = 200.0
    assert room.inbox.choose(room.now) is None


def test_what_nobody_asks_again_expires_and_counts_as_unanswered() -> None:
    room = Room()
    room.say("is it heavy?", "Ann")
    room.now = EXPIRES + 1
    assert room.inbox.choose(room.now) is None and not room.inbox.waiting()
    assert room.inbox.figures.unanswered == 1


def test_repeats_floods_and_known_ids_are_left_out() -> None:
    room = Room()
    assert [
        room.say("how much?", "Ann", "1"),
        room.say("how much?", "Ann", "1"),
        room.say("how much?", "Ann", "2"),
    ] == [
        "question",
        "twice",
        "twice",
    ]
    assert [room.say(f"what about number {n}?", "Bob") for n in range(8)].count("flood") == 3
    room.now = 20.0
    assert room.say("how heavy?", "Bob") == "question"


def test_a_retracted_message_is_forgotten() -> None:
    room = Room()
    room.say("how much is it?", "Ann", "7")
    room.say("", "", "7", "retracted")
    assert room.inbox.choose(0.0) is None


def test_whoever_is_shut_out_is_neither_answered_nor_called_by_name() -> None:
    room = Room()
    room.say("how big is the bag?", "Bob_92", "8")
    room.say("how much is it?", "Bob_92", "9")
    room.say("how much is it??", "Ann", "10")
    room.say("", "Bob_92", kind="gift")
    room.say("", "bob_92", "", "retracted")
    question = room.inbox.choose(0.0)
    assert question is not None and (question.intent, question.count) == ("price", 1)
    assert question.authors == ("Ann",) and room.inbox.choose(0.0) is None


def test_names_are_those_that_can_be_said() -> None:
    room = Room()
    for n, name in enumerate(["xX_99999", "marie_92", "fuckyou", "B", "Jean-Luc", "💥💥"]):
        room.say(f"how much is it{'?' * (n + 1)}", name)
    question = room.inbox.choose(0.0)
    assert question is not None and question.authors == ("marie", "Jean Luc")


def test_figures_of_the_audience_are_those_that_are_told() -> None:
    room = Room()
    assert room.inbox.audience() == {"chat": 0.0, "chat_trend": 0.0, "questions": 0.0}
    room.inbox.put(Count("viewers", 100))
    room.now = 30.0
    room.inbox.put(Count("viewers", 160))
    room.inbox.put(Count("sales", 3))
    room.say("how much is it?")
    told = room.inbox.audience()
    assert (told["viewers"], told["arrivals"], told["sales"], told["chat"], told["questions"]) == (
        160,
        60,
        3,
        1,
        1,
    )


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AUTHORS", "TEXTS"):
        monkeypatch.setattr(inboxes, name, 500)
    room, chance = Room(), random.Random(1)
    for n in range(3000):
        room.now += 0.1
        word = "".join(chance.choices("abcdefghijklmnop", k=9))
        room.say(f"what about {word} and {word[::-1]}?", f"viewer{n}", str(n))
    inbox = room.inbox
    assert len(inbox._questions) <= MOST
    assert max(len(inbox._authors), len(inbox._texts), len(inbox._idents)) <= 501


def test_five_thousand_a_minute_cost_little() -> None:
    room, texts = (
        Room(),
        ["how much is it?", "does it come in blue", "hello", "love it!!", "shipping to france?"],
    )
    began = time.process_time()
    for n in range(2500):
        room.now += 0.012
        room.say(f"{texts[n % 5]} {'?' * (n % 7)}", f"viewer{n % 900}", str(n))
    assert time.process_time() - began < 15.0, "half a minute of chat in half of a busy core"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("how much does it cost", "en"),
        ("combien est-ce que ça coûte", "fr"),
        ("wie viel kostet das", "de"),
        ("多少钱", "zh"),
        ("いくらですか", "ja"),
        ("कितने का है", "hi"),
        ("ok", "fr"),
        ("???", "fr"),
    ],
)
def test_the_language_of_a_message(text: str, language: str) -> None:
    assert tongue_of(text, ("fr", "en", "de", "zh", "ja", "hi")) == language
    assert tongue_of("多少钱", ("fr",)) == "fr"


@given(st.text(max_size=600))
def test_nothing_that_is_written_breaks_it(text: str) -> None:
    room = Room(languages=("en", "fr"))
    plain = cleaned(text)
    assert len(plain) <= 500 and "\n" not in plain and "\x00" not in plain
    room.inbox.put(Message("test", "", cleaned(text, 40), plain))
    room.inbox.choose(0.0)
    assert np.isfinite(vector_of(plain)).all()


def test_who_watches_is_told_of_everything_that_came_and_what_became_of_it() -> None:
    room, seen = Room(), list[tuple[str, str, float]]()
    room.inbox.watch = lambda came, sort, now: seen.append((type(came).__name__, sort, now))
    room.now = 4.0
    room.say("how much is it?")
    room.say("you idiot", "Bob")
    room.inbox.put(Count("sales", 3))
    assert seen == [("Message", "question", 4.0), ("Message", "rude", 4.0), ("Count", "", 4.0)]


@pytest.mark.parametrize(
    ("text", "author", "named"),
    [("how much is it?", "Zoë", ("Zoë",)), ("how much is it?", "山田太郎", ()), ("how much is it?", "Иван", ()),
     ("いくらですか", "山田太郎", ("山田太郎",)), ("いくらですか", "Ann", ("Ann",))],
)  # fmt: skip
def test_nobody_is_called_by_a_name_that_can_t_be_read_in_the_language(
    text: str, author: str, named: tuple[str, ...]
) -> None:
    room = Room(languages=("en", "ja"))
    room.say(text, author)
    question = room.inbox.choose(0.0)
    assert question is not None and question.authors == named


def test_nobody_is_thanked_by_a_name_that_can_t_be_read_in_the_show_s_language() -> None:
    room = Room(languages=("fr", "ja"))
    room.say("", "山田太郎", kind="gift")
    assert room.inbox.choose(0.0) is None
