from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.contracts import Controls
from avatar_engine.errors import AvatarError
from avatar_engine.show.script import Line, Pause, Segment, load, parse

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
        Line("Une citation.", 24),
        Line("Fin un sac rouge.", 26),
    )
    assert (script.language, script.controls, script.label) == ("fr", Controls(1.2), "bottom-left")
    assert (script.pause, script.use, script.expression) == (0.25, "education", "happy")


def test_without_front_matter_defaults_hold():
    script = parse("Hello.")
    assert (script.language, script.controls, script.label) == ("en", Controls(), "top-right")
    assert script.items == (Line("Hello.", 1),)


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


@given(st.text(alphabet=st.sampled_from("ab #-*_`<>!&[]()\n\t-:.1"), max_size=120))
def test_no_text_ends_in_anything_but_a_script_or_a_clear_refusal(text):
    try:
        script = parse(text)
    except AvatarError:
        return
    count = len(text.splitlines())
    assert any(isinstance(item, Line) for item in script.items)
    assert all(1 <= item.line <= count for item in script.items)
    assert all(item.text == " ".join(item.text.split()) for item in script.items if isinstance(item, Line))
