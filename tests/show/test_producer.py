"""A hosted show: who speaks when, what is put in between, and where it goes on."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from avatar_engine.contracts import Card, Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.show.host.reply import EMBEDDED, Ready, Request
from avatar_engine.show.journal import heard
from avatar_engine.show.producer import BEAT, Producer, Studio
from avatar_engine.show.script import Beat, Pause, parse
from avatar_engine.show.showcase import Showcase

SPOKEN = 2.0
"""Seconds of every utterance."""


@dataclass
class Asked:
    text: str
    language: str = "en"
    authors: tuple[str, ...] = ("Ann",)
    count: int = 1
    product: str | None = None
    again: bool = False
    first: float = 0.0
    kind: str = "answer"


@dataclass
class Chat:
    waiting: deque[Asked] = field(default_factory=deque)
    ended: list[tuple[str, str]] = field(default_factory=list)
    busy: list[bool] = field(default_factory=list)

    def choose(self, now: float, busy: bool = False) -> Asked | None:
        self.busy.append(busy)
        return self.waiting.popleft() if self.waiting else None

    def done(self, question: Asked, how: str) -> None:
        self.ended.append((question.text, how))


@dataclass
class Hosts:
    requests: list[Request] = field(default_factory=list)
    late: int = 0

    def reply(self, request: Request) -> Any:
        self.requests.append(request)
        words = [f"{request.kind} {len(self.requests)}.", "More."]
        return Late(words, self.late) if self.late else Ready(words, "test")

    def embedded(self, request: Request) -> Any:
        return Ready([f"Embedded {request.kind}."], EMBEDDED)


class Late(Ready):
    def __init__(self, words: list[str], late: int) -> None:
        super().__init__(words, "late")
        self._late = late

    def poll(self) -> str | None:
        self._late -= 1
        return None if self._late >= 0 else super().poll()


@dataclass
class Verdict:
    text: str
    allowed: bool = True


class Show:
    """A producer, asked as the voice's thread does."""

    def __init__(self, text: str, **how: Any) -> None:
        self.journal: list[dict[str, Any]] = []
        options = {name: how.pop(name) for name in ("loop", "start", "seed", "heard") if name in how}
        studio = Studio(journal=lambda entry: self.journal.append(dict(entry)), **how)
        self.producer = Producer(parse(text), studio, **options)

    def step(self) -> Utterance | Pause | None:
        item = self.producer.next()
        if isinstance(item, Utterance):
            self.producer.told(SPOKEN)
        return item

    def said(self, seconds: float = 60.0) -> list[str]:
        """What is said until so many more seconds are planned, or the end."""
        words, until = [], self.producer.planned + seconds
        while self.producer.planned < until and (item := self.step()) is not None:
            if isinstance(item, Utterance):
                words.append(item.text)
        return words

    def events(self, name: str) -> list[dict[str, Any]]:
        return [entry for entry in self.journal if entry["event"] == name]


PLAIN = "---\npause: 0s\n---\n# One\n\nA.\n\nB.\n\n# Two\n\nC.\n"


def test_a_script_alone_is_said_in_order_and_ends():
    show = Show(PLAIN)
    assert show.said() == ["A.", "B.", "C."] and show.step() is None
    assert [entry["segment"] for entry in show.events("segment")] == ["One", "Two"]
    assert [entry["then"] for entry in show.events("say")] == [2, 3, 5]


def test_wordings_change_from_round_to_round():
    show = Show(
        "---\npause: 0s\n---\nOne.\n\n<!-- or -->\n\nTwo.\n\n<!-- or -->\n\nThree {a|b}.\n", loop=True
    )
    words = show.said(80.0)
    assert len(words) == 40 and all(a != b for a, b in pairwise(words))
    assert set(words) == {"One.", "Two.", "Three a.", "Three b."}
    again = Show(
        "---\npause: 0s\n---\nOne.\n\n<!-- or -->\n\nTwo.\n\n<!-- or -->\n\nThree {a|b}.\n", loop=True
    )
    assert again.said(80.0) == words


def test_slots_are_those_of_the_segments_product_at_that_moment():
    prices = iter(["12 €", "9 €"])
    text = "---\ncatalogue: x\npause: 0s\n---\n# A {product=m}\n\n{name}: {price}.\n\n# B {product=gone}\n\n{name}.\n"
    slots = lambda product, language: {"name": "Mug", "price": next(prices)} if product == "m" else {}  # noqa: E731
    show = Show(text, slots=slots, loop=True)
    assert show.said(3.0) == ["Mug: 12 €.", "Mug: 9 €."]
    assert show.events("left out")[0]["why"] == "no 'name' of 'gone'"


def test_the_guard_has_the_last_word_on_every_sentence():
    def check(text: str, language: str, product: str, origin: str) -> Verdict:
        return Verdict(text.replace("12", "9"), "never" not in text)

    show = Show(
        "---\npause: 0s\n---\nFor 12 €.\n\nThis is never said.\n\n> For 12 € by law.\n\nEnd.\n", check=check
    )
    with pytest.raises(AvatarError, match="may not be said"):
        show.producer.say("never")
    assert show.said() == ["For 9 €.", "End."], "a hard line is left out before it is changed"
    assert [entry["text"] for entry in show.events("refused")] == ["never", "This is never said."]


def test_people_are_greeted_in_words_of_the_host_and_are_no_answers():
    chat, hosts = Chat(), Hosts()
    chat.waiting.append(Asked("purchase", authors=("Ann", "Bob"), count=2, kind="thank"))
    show = Show(PLAIN, chat=chat, hosts=hosts)
    assert show.said() == ["thank 1.", "More.", "A.", "B.", "C."]
    request = hosts.requests[0]
    assert (request.kind, request.text, request.askers) == ("thank", "purchase", ("Ann", "Bob"))
    assert chat.ended == [("purchase", "answered")] and not show.events("answered")


def test_a_gap_ends_though_questions_go_on():
    class Flood(Chat):
        def choose(self, now: float, busy: bool = False) -> Asked | None:
            return None if busy else super().choose(now, busy)

    chat, hosts = Flood(deque(Asked(f"{n}?") for n in range(90))), Hosts()
    show = Show("---\npause: 0s\n---\nA.\n\n<!-- chat 5s -->\n\nB.\n", chat=chat, hosts=hosts)
    assert show.said(30.0) == ["A.", "answer 1.", "More.", "answer 2.", "More.", "B."]


def test_a_question_is_answered_between_two_lines_and_the_script_goes_on():
    chat, hosts = Chat(deque([Asked("How much?", count=7, product="m")])), Hosts()
    show = Show(PLAIN, chat=chat, hosts=hosts)
    assert show.said() == ["answer 1.", "More.", "A.", "B.", "C."]
    request = hosts.requests[0]
    assert (request.text, request.askers, request.count, request.product) == ("How much?", ("Ann",), 7, "m")
    assert chat.ended == [("How much?", "answered")] and all(chat.busy)


def test_an_answer_that_is_on_its_way_is_waited_for_in_small_steps():
    chat, hosts = Chat(deque([Asked("Q?")])), Hosts(late=3)
    show = Show(PLAIN, chat=chat, hosts=hosts)
    assert [show.step() for _ in range(3)] == [Beat(BEAT)] * 3
    assert show.said() == ["answer 1.", "More.", "A.", "B.", "C."]


def test_an_answer_of_which_nothing_may_be_said_counts_as_unanswered():
    chat = Chat(deque([Asked("Q?")]))
    show = Show(PLAIN, chat=chat, hosts=Hosts(), check=lambda *_: Verdict("", allowed=False))
    assert show.said() == [] and chat.ended == [("Q?", "unanswered")]


def test_a_gap_lasts_its_time_and_chat_and_host_fill_it():
    chat, hosts = Chat(), Hosts()
    show = Show("---\npause: 0s\n---\nA.\n\n<!-- host 30s: its care -->\n\nB.\n", chat=chat, hosts=hosts)
    words = show.said()
    begin, end = words.index("A."), words.index("B.")
    assert end - begin >= 5
    assert {request.text for request in hosts.requests} == {"its care"} and False in chat.busy
    times = [entry["at"] for entry in show.events("say")]
    assert 30.0 <= times[-1] - times[0] - SPOKEN <= 36.0


def test_a_chat_gap_without_questions_is_silence_of_its_length():
    show = Show("---\npause: 0s\n---\nA.\n\n<!-- chat 5s -->\n\nB.\n", chat=Chat(), hosts=Hosts())
    items = []
    while item := show.step():
        items.append(item)
    beats = [item.seconds for item in items if isinstance(item, Beat)]
    assert sum(beats) == pytest.approx(5.0) and len(items) == len(beats) + 2


def test_a_segment_lasts_its_time_and_one_waits_for_its_hour():
    clock = iter([datetime(2027, 1, 1, 19, 59)] * 2 + [datetime(2027, 1, 1, 20, 0)] * 9)
    show = Show(
        "---\npause: 0s\n---\n# A {for=20s}\n\nA.\n\n# B {at=20:00}\n\nB.\n",
        today=lambda: next(clock),
        chat=Chat(),
    )
    assert show.said(600) == ["A.", "B."]
    first, second = (entry["at"] for entry in show.events("say"))
    assert second - first == pytest.approx(20 + 120, abs=0.5)


RULED = (
    "---\npause: 0s\nrules:\n- when viewers > 10 for 3s: flash\n- when viewers < 3 for 0s: slow down\n"
    "- when chat > 5 for 0s: greet\n---\n# One\n\nA.\n\nB.\n\n# Flash {#flash asked}\n\nF.\n\nG.\n\n# Two\n\nC.\n"
)


def test_a_rule_puts_its_segment_in_between_once_and_says_why():
    show = Show(RULED, audience=lambda: {"viewers": 40.0}, loop=True)
    words = show.said(30.0)
    assert words[:8] == ["A.", "B.", "F.", "G.", "C.", "A.", "B.", "C."]
    assert show.events("rule")[0]["why"].startswith("flash because viewers 40 > 10 for")


def test_a_show_slows_down_while_few_are_there_and_greets_a_lively_chat():
    figures = {"viewers": 1.0, "chat": 9.0}
    hosts = Hosts()
    show = Show(RULED, audience=lambda: figures, hosts=hosts, loop=True)
    first = show.step()
    assert isinstance(first, Utterance) and first.controls.speed < 1.0
    assert first.text == "greet 1." and hosts.requests[0].kind == "greet"
    figures["viewers"] = 5.0
    show.said(4.0)
    last = show.step()
    assert isinstance(last, Utterance) and last.controls.speed == 1.0


def test_the_announcement_comes_first_and_again_in_its_time():
    text = "---\npause: 0s\nnotice: 10s\n---\nA.\n"
    show = Show(text, notice=lambda language: f"Virtual ({language}).", loop=True)
    words = show.said(40.0)
    assert words[0] == "Virtual (en)." and 3 <= words.count("Virtual (en).") <= 4
    once = Show(text.replace("10s", "once"), notice=lambda language: "Virtual.", loop=True)
    assert once.said(90.0).count("Virtual.") == 1


def test_a_technician_speaks_first_holds_skips_and_jumps():
    show = Show(PLAIN, chat=Chat(), hosts=Hosts())
    show.producer.say("  Hold   on. ")
    show.producer.halt()
    assert show.said(1.0) == ["Hold on."] and isinstance(show.step(), Beat)
    show.producer.say("Sorry.")
    assert show.said(1.0) == ["Sorry."]
    show.producer.halt(False)
    assert show.said(1.0) == ["A."]
    show.producer.skip()
    assert show.said(1.0) == ["C."]
    assert show.producer.jump("one") == "One"
    assert show.said() == ["A.", "B.", "C."]
    with pytest.raises(AvatarError, match="no segment 'three'"):
        show.producer.jump("three")


def test_a_segment_that_must_be_asked_for_can_be_jumped_to_and_goes_on_behind():
    show = Show(RULED)
    show.producer.jump("flash")
    assert show.said() == ["F.", "G.", "C."]


def test_a_muted_chat_is_not_answered_and_a_skipped_answer_ends():
    chat = Chat(deque([Asked("One?"), Asked("Two?")]))
    show = Show(PLAIN, chat=chat, hosts=Hosts())
    assert show.said(1.0) == ["answer 1."]
    show.producer.skip()
    show.producer.mute()
    assert show.said() == ["A.", "B.", "C."] and len(chat.waiting) == 1
    assert chat.ended == [("One?", "answered")]


def test_an_interrupted_show_goes_on_where_it_was_heard():
    place = [0]
    chat = Chat(deque([Asked("Q?")]))
    show = Show(PLAIN, chat=chat, hosts=Hosts(late=2), heard=lambda: place[0])
    show.said(0.1)
    assert show.producer.interrupt() == 1
    assert chat.ended == [("Q?", "unanswered")]
    assert show.said(5.0) == ["A.", "B.", "C."]
    place[0] = 2  # A was heard
    show.producer.interrupt()
    item = show.step()
    assert isinstance(item, Utterance) and (item.text, item.generation, item.then) == ("B.", 2, 3)
    assert show.producer.segment == "One"


def test_a_show_goes_on_in_the_middle_of_a_segment_with_its_product():
    text = "---\ncatalogue: x\npause: 0s\n---\n# A {product=m}\n\nFirst.\n\n{name}.\n"
    show = Show(text, start=2, slots=lambda product, language: {"name": product.upper()})
    assert show.said() == ["M."]


def test_a_segment_that_a_rule_asks_for_does_not_wait_for_the_end_of_a_gap_which_goes_on_behind_it():
    figures = {"viewers": 0.0}
    text = RULED.replace("A.\n\nB.", "A.\n\n<!-- chat 60s -->\n\nB.")
    show = Show(text, audience=lambda: figures, chat=Chat(), hosts=Hosts())
    assert show.said(10.0) == ["A."]
    figures["viewers"] = 50.0
    assert show.said(12.0) == ["F.", "G."]
    show.said(60.0)
    at = {entry["text"]: entry["at"] for entry in show.events("say")}
    assert 60.0 <= at["B."] - at["A."] <= 64.0


PARAGRAPH = "---\npause: 400ms\nchat: [replay:none]\n---\n# One\n\nAnn. Ben. Cat.\n\n> Dan. Eve.\n\nFay.\n"


def test_a_paragraph_comes_in_sentences_with_nothing_between_them_and_a_hard_line_whole():
    show = Show(PARAGRAPH)
    items = []
    while item := show.step():
        items.append(item.text if isinstance(item, Utterance) else item.seconds)
    assert items == ["Ann.", "Ben.", "Cat.", 0.4, "Dan. Eve.", 0.4, "Fay.", 0.4]
    assert [entry["then"] for entry in show.events("say")] == [2, 3, 4, 5, 6]
    assert Show(PARAGRAPH, start=3).said() == ["Cat.", "Dan. Eve.", "Fay."], (
        "it goes on with its next sentence"
    )


def test_an_answer_that_is_ready_comes_before_what_was_not_begun_which_comes_again_once():
    chat, hosts = Chat(), Hosts()
    show = Show(PARAGRAPH, chat=chat, hosts=hosts)
    assert [show.step().text for _ in range(3)] == ["Ann.", "Ben.", "Cat."]  # type: ignore[union-attr]
    assert not show.producer.pressing()
    chat.waiting.append(Asked("how much?"))
    assert show.producer.pressing() and not show.producer.pressing(), "it is told once"
    assert show.producer.give_way(2) == 2, "A is on air"
    words = show.said()
    assert words == ["answer 1.", "More.", "Ben.", "Cat.", "Dan. Eve.", "Fay."]
    assert [entry["then"] for entry in show.events("say")][3:] == [2, 2, 3, 4, 5, 6], "none is passed over"
    assert [item.text for item in heard(show.journal) if isinstance(item, Utterance)] == ["Ann.", *words]
    assert chat.ended == [("how much?", "answered")]


def test_the_script_goes_on_while_an_answer_is_thought_of():
    chat, hosts = Chat(), Hosts(late=3)
    show = Show(PARAGRAPH, chat=chat, hosts=hosts)
    show.step()
    chat.waiting.append(Asked("how much?"))
    assert not show.producer.pressing() and hosts.requests, "the host is asked at once"
    assert show.step().text == "Ben."  # type: ignore[union-attr]
    assert not show.producer.answering
    while not show.producer.pressing():
        pass
    assert show.producer.give_way(1) == 1
    assert show.said() == ["answer 1.", "More.", "Ben.", "Cat.", "Dan. Eve.", "Fay."]


def test_an_answer_does_not_come_between_two_sentences_of_another_and_pauses_stay():
    chat = Chat(deque([Asked("one?")]))
    show = Show("---\npause: 0s\n---\nA.\n\n<!-- pause 3s -->\n\nB.\n\nC.\n", chat=chat, hosts=Hosts())
    items = [show.step() for _ in range(6)]
    assert [getattr(item, "text", None) for item in items] == ["answer 1.", "More.", None, "A.", None, "B."]
    chat.waiting.append(Asked("two?"))
    assert show.producer.pressing() and show.producer.give_way(5) == 4, "from the breath after the answer on"
    rest = [show.step() for _ in range(7)]
    told = [item.text if isinstance(item, Utterance) else item.seconds for item in rest if item]
    assert told == ["answer 2.", "More.", 0.3, "A.", 3.0, "B.", "C."]


def test_a_price_that_changed_meanwhile_is_put_right_before_it_is_said_again():
    price = ["12"]

    def check(text: str, *_: str) -> Verdict:
        return Verdict(text.replace("12", price[0]))

    show = Show("---\npause: 0s\n---\nA.\n\nIt is 12.\n\n> By law 12.\n", check=check)
    assert [show.step().text for _ in range(3)] == ["A.", "It is 12.", "By law 12."]  # type: ignore[union-attr]
    show.producer.break_off(2, cut=False)
    price[0] = "9"
    assert show.said() == ["It is 9."], "a hard line is left out before it is changed"


def test_what_is_broken_off_comes_again_from_its_start_and_a_gap_goes_on():
    show = Show("---\npause: 0s\n---\nA.\n\n<!-- chat 30s -->\n\nB.\n", chat=Chat(), hosts=Hosts())
    assert show.said(1.0) == ["A."]
    show.producer.break_off(0, cut=True)
    show.producer.say("Hold on.")
    assert show.said(3.0) == ["Hold on.", "A."]
    show.said(10.0)
    gap = show.producer.planned
    show.producer.break_off(1, cut=False)
    show.producer.say("Still here.")
    assert show.said(25.0) == ["Still here.", "B."]
    assert show.events("say")[-1]["at"] < gap + 25.0, "the gap does not begin anew"


def test_a_technicians_words_that_others_cut_are_said_after_them():
    show = Show(PLAIN)
    show.producer.say("One.")
    assert show.said(1.0) == ["One."]
    show.producer.break_off(0, cut=True)
    show.producer.say("Two.")
    assert show.said() == ["Two.", "One.", "A.", "B.", "C."]


def test_a_segment_that_is_skipped_ahead_of_its_lines_goes_no_further():
    show = Show(PLAIN)
    assert [show.step().text for _ in range(3)] == ["A.", "B.", "C."]  # type: ignore[union-attr]
    show.producer.break_off(2, cut=True)  # A is on air, C is of the next segment
    show.producer.skip()
    assert show.said() == ["C."]
    ruled = Show(RULED, audience=lambda: {"viewers": 40.0})
    ruled.said(5.0)
    while not ruled.events("say") or ruled.events("say")[-1]["text"] != "F.":
        ruled.step()
    ruled.producer.break_off(0, cut=True)
    ruled.producer.skip()
    assert ruled.said() == ["C."], "what was put in between is left out, and nothing else"


def test_whoever_has_the_microphone_is_alone_and_gaps_last_so_much_longer():
    chat = Chat()
    show = Show("---\npause: 0s\n---\nA.\n\n<!-- chat 10s -->\n\nB.\n", chat=chat, hosts=Hosts())
    show.said(4.0)
    show.producer.take_over("a stream")
    show.producer.break_off(1, cut=False)
    chat.waiting.append(Asked("how much?"))
    show.producer.say("Later.")
    assert not show.producer.pressing()
    assert {type(show.step()) for _ in range(50)} == {Beat} and not show.producer.answering
    assert "the microphone is on (a stream)" in show.producer.standing()
    show.producer.give_back(10.0, "it ended")
    assert show.said() == ["Later.", "answer 1.", "More.", "B."]
    on, off = show.events("microphone")
    assert (on["source"], off["seconds"], off["why"]) == ("a stream", 10.0, "it ended")
    at = {entry["text"]: entry["at"] for entry in show.events("say")}
    assert 20.0 <= at["B."] - at["A."] - SPOKEN <= 27.0
    assert sum(item.seconds for item in heard(show.journal) if isinstance(item, Pause)) > 20.0


def test_every_sentence_tells_which_product_it_is_about():
    text = (
        "---\ncatalogue: x\npause: 0s\n---\nWelcome.\n\n# A {product=m}\n\nFirst.\n\n<!-- chat 8s -->\n\n"
        "# B\n\nOther.\n\n# C {product=n}\n\nLast.\n"
    )
    chat = Chat(deque([Asked("How much?", product="z")]))
    show = Show(text, chat=chat, hosts=Hosts(), notice=lambda language: "Virtual.")
    show.producer.mute()
    told = []
    while (item := show.step()) is not None:
        if isinstance(item, Utterance):
            told.append((item.text, item.product))
        if item is not None and getattr(item, "text", "") == "First.":
            show.producer.mute(False)
    assert told == [
        ("Virtual.", ""), ("Welcome.", ""), ("First.", "m"), ("answer 1.", "z"), ("More.", "z"), ("Other.", ""),
        ("Last.", "n"),
    ]  # fmt: skip


def test_who_is_thanked_takes_no_card_away():
    chat = Chat()
    show = Show(
        "---\ncatalogue: x\npause: 0s\n---\n# A {product=m}\n\nFirst.\n\nLast.\n",
        chat=chat, hosts=Hosts(),
    )  # fmt: skip
    told = []
    while (item := show.step()) is not None:
        if isinstance(item, Utterance):
            told.append((item.text, item.product))
            chat.waiting.extend([Asked("", kind="thank")] if item.text == "First." else [])
    assert told == [("First.", "m"), ("thank 1.", "m"), ("More.", "m"), ("Last.", "m")]
    assert [one["product"] for one in show.events("say")] == ["m"] * 4


def test_an_order_for_a_product_is_one_for_its_card():
    notes: list[Any] = []
    case = Showcase(
        lambda product, at: Card(product, product, "1") if product in "mn" else None, notes.append
    )
    show = Show(PLAIN, showcase=case)
    case.seen("m", 0.0)
    show.producer.speak_of("n")
    assert show.producer.product == "n" and case.seen("m", 0.1) == Card("n", "n", "1")
    with pytest.raises(AvatarError, match="'gone'"):
        show.producer.speak_of("gone")
    assert show.producer.product == "n"
    show.producer.show_cards(False)
    assert case.seen("m", 0.2) is None
    with pytest.raises(AvatarError, match="no cards"):
        Show(PLAIN).producer.show_cards(True)


def test_the_journal_tells_what_figures_are_counted_from():
    chat = Chat(deque([Asked("Q?", first=-3.0, product="lamp"), Asked("P?")]))
    text = "---\npause: 0s\n---\n# One\n\nA {x|y}.\n\n<!-- or -->\n\nB.\n\nC.\n"
    show = Show(text, chat=chat, hosts=Hosts(), audience=lambda: {"viewers": 5.0}, loop=True)
    show.said(30.0)
    ask, other = show.events("ask")
    assert (ask["number"], ask["asked"], ask["product"], other["number"]) == (1, -3.0, "lamp", 2)
    says = show.events("say")
    assert [one["number"] for one in says] == [*range(1, len(says) + 1)]
    assert [one["answer"] for one in says[:2]] == [1, 1] and says[0]["product"] == "lamp"
    assert [one["number"] for one in show.events("spoke")] == [one["number"] for one in says]
    assert {one["seconds"] for one in show.events("spoke")} == {SPOKEN}
    assert [one["number"] for one in show.events("answered")] == [1, 2]
    lines = [one for one in says if one.get("line") == 6]
    assert {one["wording"] for one in lines} == {0, 1}
    assert all(one["text"] == ("B." if one["wording"] else f"A {'xy'[one['choices'][0]]}.") for one in lines)
    assert [one["texts"] for one in show.events("wordings")] == [["A {x|y}.", "B."]]
    assert all("choices" not in one for one in says if one.get("line") == 12)
    assert show.producer.audience == {"viewers": 5.0}


def test_where_nothing_of_a_model_s_may_be_said_the_embedded_host_answers():
    def check(text: str, language: str, product: str, origin: str) -> Verdict:
        return Verdict(text, allowed=not origin.endswith(":test"))

    chat = Chat(deque([Asked("Q?")]))
    show = Show(PLAIN, chat=chat, hosts=Hosts(), check=check)
    assert "Embedded answer." in show.said()
    assert show.events("embedded")[0]["by"] == "test" and chat.ended == [("Q?", "answered")]
    assert not show.events("unanswered")


def test_what_the_guard_says_for_two_sentences_of_an_answer_is_said_once():
    def check(text: str, *_: str) -> Verdict:
        return Verdict("The price is 9." if text in ("answer 1.", "More.") else text)

    chat = Chat(deque([Asked("Q?")]))
    show = Show(PLAIN, chat=chat, hosts=Hosts(), check=check)
    assert show.said().count("The price is 9.") == 1 and chat.ended == [("Q?", "answered")]


def test_a_model_that_said_something_is_not_spoken_for():
    chat = Chat(deque([Asked("Q?")]))
    show = Show(
        PLAIN, chat=chat, hosts=Hosts(), check=lambda text, *_: Verdict(text, allowed=text != "More.")
    )
    said = show.said()
    assert "answer 1." in said and "Embedded answer." not in said


def test_why_a_question_was_not_answered_is_told():
    class Silent(Hosts):
        def reply(self, request: Request) -> Any:
            return Ready([], "nobody")

    refused = Show(
        PLAIN, chat=Chat(deque([Asked("Q?")])), hosts=Hosts(), check=lambda *_: Verdict("", allowed=False)
    )
    silent = Show(PLAIN, chat=Chat(deque([Asked("Q?")])), hosts=Silent())
    cut = Show(PLAIN, chat=Chat(deque([Asked("Q?")])), hosts=Hosts(late=50))
    for show in (refused, silent):
        show.said()
    cut.step(), cut.producer.interrupt()
    ends = [show.events("unanswered")[0] for show in (refused, silent, cut)]
    assert [one.get("why", one["how"]) for one in ends] == [
        "refused by the guard",
        "no answer came",
        "interrupted",
    ]


def test_what_was_heard_is_told_without_waiting_for_anybody():
    show = Show(PLAIN)
    with show.producer.held():
        show.producer.went(3, 1.23456, 2.0)
    assert show.events("heard") == [{"event": "heard", "at": 1.235, "until": 2.0, "number": 3}]


def test_what_is_taken_back_comes_again_under_a_new_number_with_all_that_is_told_of_it():
    chat, hosts = Chat(), Hosts()
    head = "---\npause: 0s\ncatalogue: c.csv\n---\n"
    text = f"{head}# One {{product=lamp}}\n\nA.\n\nB {{x|y}}. C.\n\n# Two {{product=mug}}\n\nD.\n\nE.\n"
    show = Show(text, chat=chat, hosts=hosts)
    assert [show.step().text for _ in range(3)] == ["A.", "B y. C.", "D."]  # type: ignore[union-attr]
    assert (show.producer.segment, show.producer.product) == ("Two", "mug")
    chat.waiting.append(Asked("how much?"))
    assert show.producer.pressing() and show.producer.give_way(2) == 2
    assert (show.producer.segment, show.producer.product) == ("One", "lamp"), "that is what is on air"
    assert show.said() == ["answer 1.", "More.", "B y. C.", "D.", "E."]
    assert show.events("taken back")[0]["numbers"] == [2, 3]
    says = show.events("say")
    assert [one["number"] for one in says] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [(one["segment"], one["product"], one.get("again")) for one in says[3:]] == [
        ("One", "mug", None), ("One", "mug", None), ("One", "lamp", 2), ("Two", "mug", 3), ("Two", "mug", None),
    ]  # fmt: skip
    first, again = says[1], says[5]
    assert first["choices"] == again["choices"] and first["line"] == again["line"] == 9
    assert [one["number"] for one in show.events("spoke")] == [one["number"] for one in says]
    assert {one["segment"] for one in show.events("segment")} == {"One", "Two"}
    assert len(show.events("segment")) == 2 and len(show.events("wordings")) == 1


def test_an_answer_of_which_nothing_was_heard_is_none():
    chat = Chat(deque([Asked("one?"), Asked("two?")]))
    show = Show("---\npause: 0s\n---\nA.\n", chat=chat, hosts=Hosts())
    show.step()
    show.producer.break_off(1, cut=False)
    assert show.events("unanswered")[0]["how"] == "interrupted" and chat.ended == [("one?", "unanswered")]
    show.step()
    show.producer.break_off(0, cut=True)
    assert chat.ended[1] == ("two?", "answered"), "its beginning was on air"
