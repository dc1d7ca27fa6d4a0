from dataclasses import replace
from itertools import islice

from avatar_engine.contracts import Controls, Utterance
from avatar_engine.show.director import Director
from avatar_engine.show.script import Pause, parse

SCRIPT = parse(
    "---\nlanguage: fr\nspeed: 1.1\npause: 300ms\n---\n# One\n\nA.\n\nB.\n\n<!-- pause 2s -->\n\n# Two\n\nC."
)


def walk(director, count):
    return list(islice(iter(director.next, None), count))


def test_says_the_script_in_order_with_a_short_pause_between_paragraphs():
    assert walk(Director(SCRIPT), 99) == [
        Utterance("A.", "fr", Controls(1.1), "script:8", then=2),
        Pause(0.3),
        Utterance("B.", "fr", Controls(1.1), "script:10", then=3),
        Pause(2.0, 12),
        Utterance("C.", "fr", Controls(1.1), "script:16", then=6),
    ]


def test_ends_and_stays_ended():
    director = Director(SCRIPT)
    walk(director, 5)
    assert director.next() is None
    assert director.next() is None


def test_loops_for_ever_and_parts_the_last_line_from_the_first():
    said = walk(Director(SCRIPT, loop=True), 18)
    once = [replace(item, then=0) if isinstance(item, Utterance) else item for item in said]
    assert once[:6] == once[6:12] == once[12:18]
    assert [item.then for item in said if isinstance(item, Utterance)] == [2, 3, 6, 8, 9, 12, 14, 15, 18]
    assert said[5] == Pause(0.3)


def test_names_the_segment():
    director = Director(SCRIPT)
    assert director.segment == ""
    seen = []
    while director.next():
        seen.append(director.segment)
    assert seen == ["One", "One", "One", "One", "Two"]


def test_an_interruption_starts_a_new_generation_that_later_utterances_carry():
    director = Director(SCRIPT)
    first = director.next()
    assert isinstance(first, Utterance) and first.generation == 0
    assert director.interrupt() == 1
    later = director.next()
    assert isinstance(later, Utterance)
    assert (later.text, later.generation) == ("B.", 1)


def test_goes_on_at_any_item_of_any_round_in_its_segment():
    director = Director(SCRIPT, start=3)
    assert director.segment == "One"
    assert [getattr(item, "text", item) for item in walk(director, 9)] == [Pause(2.0, 12), "C."]
    again = Director(SCRIPT, loop=True, start=2 * 6 + 5)
    assert again.segment == "Two"
    first, second = walk(again, 2)
    assert (first.text, first.then, second) == ("C.", 18, Pause(0.3))
    assert again.next().then == 20
    assert Director(SCRIPT, start=6).next() is None
