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
        Utterance("A.", "fr", Controls(1.1), "script:8"),
        Pause(0.3),
        Utterance("B.", "fr", Controls(1.1), "script:10"),
        Pause(2.0, 12),
        Utterance("C.", "fr", Controls(1.1), "script:16"),
    ]


def test_ends_and_stays_ended():
    director = Director(SCRIPT)
    walk(director, 5)
    assert director.next() is None
    assert director.next() is None


def test_loops_for_ever_and_parts_the_last_line_from_the_first():
    said = walk(Director(SCRIPT, loop=True), 18)
    assert said[:6] == said[6:12] == said[12:18]
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
