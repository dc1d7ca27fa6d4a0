import re
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.contracts import Controls
from avatar_engine.errors import AvatarError
from avatar_engine.markup import read, unmarked
from avatar_engine.show.script import LOOK_REST, Gap, Line, Pause, Segment, lines, load, parse
from avatar_engine.show.wording import slots_of

WHOLE = """---
language: fr
speed: 1.2
label: bottom-left
pause: 250ms
use: education
expression: happy
---
# Bonjour *à tous*

Un **beau** [sac](https://example.com) à 12 €,
vraiment `neuf`. <!-- pause 2s --> La suite
et la fin.

<!-- pause 500ms -->

<!-- a note to myself -->

- un
- deux

1. premier

> Une citation.

Fin ![un sac rouge](sac.png).
"""


def test_a_whole_script_gives_its_items_in_order_with_their_lines():
    script = parse(WHOLE)
    assert script.items == (
        Segment("Bonjour à tous", 9),
        Line('Un <emphasis level="strong">beau</emphasis> sac à 12 €, vraiment neuf.', 11),
        Pause(2.0, 12),
        Line("La suite et la fin.", 12),
        Pause(0.5, 15),
        Line("un", 19),
        Line("deux", 20),
        Line("premier", 22),
        Line("Une citation.", 24, hard=True),
        Line("Fin un sac rouge.", 26),
    )
    assert (script.language, script.controls, script.label) == ("fr", Controls(1.2), "bottom-left")
    assert (script.pause, script.use, script.expression) == (0.25, "education", "happy")
    assert script.nods and not parse("---\nnods: off\n---\nabc").nods


def test_without_front_matter_defaults_hold():
    script = parse("Hello.")
    assert (script.language, script.controls, script.label) == ("en", Controls(), "top-right")
    assert script.items == (Line("Hello.", 1),)


def said(text: str) -> list[str]:
    return [item.text for item in parse(text).items if isinstance(item, Line)]


def test_the_front_matter_sets_how_all_of_it_is_said():
    script = parse("---\nspeed: 0.9\npitch: -1.5st\nrange: 1.2\nenergy: +2dB\nemotion: warm\n---\nHi.")
    assert script.controls == Controls(0.9, -1.5, 1.2, 2.0, "warm")


def test_marks_stay_in_what_is_said():
    assert said('[excited] We *won*!\n[calm] Now <break time="1s"/> **rest**.') == [
        '[excited] We <emphasis>won</emphasis>! [calm] Now <break time="1s"/> <emphasis level="strong">rest</emphasis>.'
    ]
    assert said("<p>One.</p>\n<p>Two.</p>\n\nThree.") == ["<p>One.</p> <p>Two.</p>", "Three."]


def test_what_is_escaped_or_code_is_said_as_it_stands():
    (text,) = said("\\[excited] and `[calm]`, \\*not this\\*, 3 &lt; 5, a 5* hotel, [see below]")
    marked = read(text)
    assert unmarked(text) == "[excited] and [calm], *not this*, 3 < 5, a 5* hotel, [see below]"
    assert len(marked.parts) == 1 and not marked.mistakes


def test_an_emotion_goes_on_after_a_pause_in_its_paragraph_and_ends_with_it():
    script = parse("[warm] One <!-- pause 2s -->\ntwo <!-- a note --> three.\n\nFour.")
    assert script.items == (
        Line("[warm] One", 1),
        Pause(2.0, 1),
        Line("[warm]two three.", 2),
        Line("Four.", 4),
    )


def test_a_pause_alone_is_a_pause():
    script = parse("A.\n\n[pause 2s]\n\n<break time='500ms'/>\n\n[excited]\n\nB.")
    assert script.items == (Line("A.", 1), Pause(2.0, 3), Pause(0.5, 5), Line("B.", 9))


def test_the_languages_of_a_script_are_those_of_its_marks_too():
    script = parse(
        "---\nlanguage: fr\n---\nLe <lang xml:lang='en'>show</lang>, <lang xml:lang='fr'>oui</lang>."
    )
    assert script.languages == ("fr", "en")


def test_every_wrong_mark_is_a_mistake_with_its_line():
    with pytest.raises(AvatarError) as caught:
        parse(
            "---\nemotion: cross\npitch: 9\n---\nOne\n[angry] two *three*\n<blink>four</blink>\n\n"
            '- <break time="1h"/> five\n\n<p>\nsix <prosody rate="9">seven</prosody>\n</p>\n\n[pause soon]\n\n'
            "<prosody pitch='high'>eight\n\n<div x\n"
        )
    rows = caught.value.what.splitlines()
    for line, words in {
        2: "'cross'", 3: "'9'", 6: "[angry]", 7: "<blink>", 9: "'1h'", 12: "rate: '9'", 15: "'soon'", 17: "not closed",
        19: "HTML",
    }.items():  # fmt: skip
        found = [row for row in rows if row.startswith(f"  line {line}:")]
        assert found and words in found[0], (line, caught.value.what)
    assert "9 mistakes" in rows[0]


@pytest.mark.parametrize(
    ("written", "seconds"), [("2s", 2.0), ("1.5 s", 1.5), ("250ms", 0.25), ("1min", 60.0), ("0s", 0.0)]
)
def test_pauses_are_read_in_every_unit(written, seconds):
    assert parse(f"a\n\n<!-- pause {written} -->\n\nb").items[1] == Pause(seconds, 3)


def test_a_pause_may_carry_a_colon_and_capitals():
    assert parse("a\n\n<!-- Pause: 2s -->\n").items[1] == Pause(2.0, 3)


def test_words_that_follow_a_comment_on_its_line_are_said():
    assert parse("<!-- pause 1s --> then this").items == (Pause(1.0, 1), Line("then this", 1))


def test_every_mistake_is_reported_at_once_with_its_line():
    text = (
        "---\nlangage: fr\nspeed: 9\nlabel: middle\npause: soon\nlanguage: english please\n"
        "use: fun\nexpression: sly\n---\n"
        "Hi.\n\n<!-- pause two -->\n\n```\ncode\n```\n\n<div>\nx</div>\n\nmore <!-- pause --> text\n"
    )
    with pytest.raises(AvatarError) as caught:
        parse(text, "show.md")
    message = caught.value.what
    assert "show.md has 11 mistakes" in message
    expected = {
        2: "'langage'",
        3: "'9'",
        4: "'middle'",
        5: "'soon'",
        6: "'english please'",
        7: "'fun'",
        8: "'sly'",
        12: "'two'",
        14: "code block",
        18: "HTML",
        21: "pause",
    }
    for line, words in expected.items():
        found = [row for row in message.splitlines() if row.startswith(f"  line {line}:")]
        assert found and words in found[0], (line, message)
    assert caught.value.advice


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing is said"),
        ("# Only a heading\n", "nothing is said"),
        ("---\nlanguage: fr\n", "line 1: the front matter has no end"),
        ("---\nlanguage: [fr\n---\nhi", "front matter is not YAML"),
        ("---\n- fr\n---\nhi", "key: value"),
        ("---\nlanguage: fr\nlanguage: en\n---\nhi", "line 3: the key 'language' is there twice"),
        ("---\nspeed: [1, 2]\n---\nhi", "line 2: speed"),
        ("---\nspeed: nan\n---\nhi", "line 2: speed"),
        ("hi\n\n<!-- pause 2h -->", "line 3"),
        ("hi\n\n<!-- pause 9000s -->", "an hour at most"),
        ("hi\n\n<!-- never closed", "line 3: a comment has no end"),
    ],
)
def test_bad_scripts_are_refused(text, words):
    with pytest.raises(AvatarError, match=r"(?s).*") as caught:
        parse(text)
    assert words in caught.value.what


def test_load_reads_utf8_with_a_byte_order_mark(tmp_path: Path):
    path = tmp_path / "show.md"
    path.write_bytes("\ufeff---\nlanguage: fr\n---\nÇa va ?".encode())
    assert load(path).items == (Line("Ça va ?", 4),)


def test_load_refuses_what_it_cannot_read(tmp_path: Path):
    with pytest.raises(AvatarError, match="no script"):
        load(tmp_path / "none.md")
    with pytest.raises(AvatarError, match="can't be read"):
        load(tmp_path)
    (tmp_path / "latin.md").write_bytes("Ça va".encode("latin-1"))
    with pytest.raises(AvatarError, match="not UTF-8"):
        load(tmp_path / "latin.md")


@given(st.text(alphabet=st.sampled_from("ab #-*_`<>!&[](){|}\n\t-:.1"), max_size=120))
def test_no_text_ends_in_anything_but_a_script_or_a_clear_refusal(text):
    try:
        script = parse(text)
    except AvatarError:
        return
    count = len(text.splitlines())
    assert any(isinstance(item, Line) for item in script.items)
    assert all(1 <= item.line <= count for item in script.items)
    assert all(item.text == " ".join(item.text.split()) for item in script.items if isinstance(item, Line))


def test_the_scripts_in_the_readme_are_whole():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    plain, dressed, controlled, hosted = (
        parse(block) for block in re.findall(r"```markdown\n(.*?)```", readme, re.DOTALL)
    )
    assert not plain.hosted and hosted.hosted and len(hosted.rules) == 3
    assert plain.controls == Controls()
    assert dressed.looks == ("blue-dress",)
    assert controlled.controls == Controls(0.95, -0.5, 1.1, 1.0, "warm") and controlled.languages == (
        "en",
        "fr",
    )


def test_each_sentences_language_can_be_left_to_be_found() -> None:
    script = parse('---\nlanguage: auto\n---\n\nHello. <lang xml:lang="fr">Bonjour.</lang>\n')
    assert script.languages == ("auto", "fr")


def test_what_becomes_of_a_cut_sentence_is_set_and_checked():
    assert parse("abc\n").on_fault == "repeat"
    assert parse("---\non_fault: skip\n---\nabc\n").on_fault == "skip"
    with pytest.raises(AvatarError, match=r"line 3: on_fault: 'stop' is no way .* repeat, skip"):
        parse("---\nlanguage: en\non_fault: stop\n---\nabc\n")


HOSTED = """---
language: fr
catalogue: shop.csv
chat: [twitch:marie, "inlet:8787"]
host: host.toml
persona: Marie is warm.
rules:
  - "when viewers > 1000 for 60s: flash_offer"
  - every 10min: repeat offer
rivals: Brand X
notice: once
---
## The mug {#mug product=M-17 for=5min}

{Hello|Hi}, this is {name} for {price}.

<!-- or -->

Look at {name}: {price}.

> Not suitable for children.

<!-- chat 90s -->

<!-- host 2min: how it is cleaned -->

## Happy hour {at=20:05}

Now.

## Flash {#flash_offer asked product=M-17}

Only {stock} left.
"""


def test_a_hosted_show_is_read_whole():
    script = parse(HOSTED)
    assert script.items == (
        Segment("The mug", 13, "mug", "M-17", 300.0),
        Line("{Hello|Hi}, this is {name} for {price}.", 15, others=("Look at {name}: {price}.",)),
        Line("Not suitable for children.", 21, hard=True),
        Gap(90.0, 23),
        Gap(120.0, 25, host=True, about="how it is cleaned"),
        Segment("Happy hour", 27, at=time(20, 5)),
        Line("Now.", 29),
        Segment("Flash", 31, "flash_offer", "M-17", asked=True),
        Line("Only {stock} left.", 33),
    )
    assert (script.catalogue, script.chat, script.host) == (
        "shop.csv",
        ("twitch:marie", "inlet:8787"),
        "host.toml",
    )
    assert [rule.action for rule in script.rules] == ["flash_offer", "repeat offer"]
    assert (script.rivals, script.notice, script.persona) == (("Brand X",), 0.0, "Marie is warm.")


def test_mistakes_of_a_hosted_show_are_told_with_their_lines():
    with pytest.raises(AvatarError) as caught:
        parse(
            "---\nrules: [when rain > 1: x, 'when viewers > 1: gone']\nnotice: soon\nchat: [[a]]\n---\n"
            "# One {size=9 at=25:00 #}\n\nFor {price}.\n\n<!-- or -->\n\n<!-- pause 1s -->\n\n"
            "> Hard.\n\n<!-- or -->\n\nSoft.\n\n"
            "<!-- chat -->\n\n## Two {product=a}\n\n{colour}\n\n<!-- or -->\n"
        )
    message = caught.value.what
    expected = {
        1: "'gone' is neither", 2: "asks for 'rain'", 3: "notice", 4: "a list or table", 6: "'size=9'",
        8: "{price} needs", 10: "'or' stands", 16: "one wording", 20: "chat: ''", 22: "no catalogue",
        24: "{colour} is no slot", 26: "'or' stands",
    }  # fmt: skip
    for line, words in expected.items():
        found = [row for row in message.splitlines() if row.startswith(f"  line {line}:")]
        assert any(words in row for row in found), (line, words, message)


def test_braces_that_are_escaped_or_code_are_said_as_they_stand():
    assert not slots_of("".join(said("\\{price\\} and `{stock|x}`")))


def test_a_show_that_says_nothing_unless_asked_is_refused():
    with pytest.raises(AvatarError, match="nothing is said"):
        parse("# One {asked}\n\nHello.")


def test_a_hosted_show_in_auto_answers_in_the_languages_that_may_be_spoken():
    show = parse("---\nlanguage: auto\nchat: twitch:marie\n---\nHello.\n")
    assert show.answers == ("en",)
    assert replace(show, among=("fr", "de")).answers == ("fr", "de")
    assert parse("---\nlanguage: fr\n---\nBonjour.\n").answers == ("fr",)


def test_how_cards_look_is_read_and_mistakes_are_told():
    assert parse("---\ncard: off\n---\nA.\n").card == ("off",)
    assert parse("---\ncard: [right, card.svg, brand.otf]\n---\nA.\n").card == (
        "right",
        "card.svg",
        "brand.otf",
    )
    with pytest.raises(AvatarError, match="line 2: card: 'top' is none of left, right and off"):
        parse("---\ncard: top\n---\nA.\n")


def test_a_show_that_sells_is_advertising_whatever_it_says():
    plain, told = parse("A.\n"), parse("---\nadvertising: on\n---\nA.\n")
    shop = parse("---\ncatalogue: shop.csv\nadvertising: off\n---\nA.\n")
    assert (plain.sells, told.sells, shop.sells) == (False, True, True)


DRESSED = """---
look: red-blazer
---

One.

<look blue-dress> Two. Three.

<!-- pause 2s -->

<look blue-dress>

- Four.

Five.

# Offer {#offer asked}

Six.

<look evening> Seven.

# End

Eight.
"""


def test_every_line_knows_in_which_look_it_is_said() -> None:
    script = parse(DRESSED)
    assert script.look == "red-blazer"
    dressed = script.dressed("red-blazer")
    lines = [(unmarked(item.text).strip(), item.look) for item in dressed.items if isinstance(item, Line)]
    assert lines == [
        ("One.", "red-blazer"), ("Two.", "blue-dress"), ("Three.", "blue-dress"), ("Four.", "blue-dress"),
        ("Five.", "blue-dress"), ("Six.", ""), ("Seven.", "evening"), ("Eight.", "blue-dress"),
    ]  # fmt: skip
    assert dressed.looks == ("red-blazer", "blue-dress", "evening")
    assert script.dressed("original").items[0] == replace(script.items[0], look="original")
    plain = parse("Hello.").dressed("evening")
    assert plain.look == "evening" and not plain.looks  # nothing that is said asks for one


def test_there_is_a_silence_before_a_look() -> None:
    items = parse("One.\n\n<look a> Two.\n\n<!-- pause 200ms -->\n\n<look b> Three.").items
    rests = [item.seconds for item in items if isinstance(item, Pause)]
    assert rests == pytest.approx([LOOK_REST, 0.2, LOOK_REST - 0.2])
    assert not [item for item in parse("<look a> One.\n\nTwo.").items if isinstance(item, Pause)]
    assert [type(item) for item in lines(["One.", "<look a>", "Two."])] == [Line, Pause, Line]
    assert [item.look for item in lines(["One.", "<look a>", "Two."]) if isinstance(item, Line)] == ["", "a"]
    with pytest.raises(AvatarError, match=r"Paragraph 2: a look changes at a pause"):
        lines(["One.", "Two. <look a> Three."])


def test_a_script_that_does_not_say_how_it_begins_tells_in_what_its_first_line_is_said() -> None:
    for text, look in (
        ("<look a> One.\n\n<look b> Two.", "a"),
        ("# Offer {#o asked}\n\n<look a> One.\n\n# On\n\n<look b> Two.", "b"),
        ("One.\n\n<look b> Two.", ""),
    ):
        assert parse(text).said_first_in == look


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello.\n\nOne. <look a> Two.", "line 3: a look changes at a pause"),
        ("Hello.\n\n<look a>", "line 3: nothing is said in the look 'a'"),
        ("<look a> <look b> Hello.", "line 1: a look changes at a pause"),
        ("<look> Hello.", "names no look"),
        ("---\nlook: Blue dress\n---\nHello.", "line 2: look: 'Blue dress' is no name of a look"),
    ],
)
def test_a_look_where_none_can_be_put_on_is_a_mistake(text: str, said: str) -> None:
    with pytest.raises(AvatarError, match=re.escape(said)):
        parse(text)
