"""Descriptions in HTML become plain sentences, however broken or hostile they are."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from avatar_engine.show.catalogue.prose import MOST_HTML, address, cut, line, sentences


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Made for long days.", "Made for long days."),
        ("<p>Made for <b>long</b> days</p><ul><li>Steel</li><li>Keeps warm!</li></ul>",
         "Made for long days. Steel. Keeps warm!"),
        ("<p>One<br>two<br/>three</p>", "One. two. three."),
        ("Tom &amp; Jerry&nbsp;mug &lt;3", "Tom & Jerry mug <3."),
        ("<script>alert('x')</script><style>p{color:red}</style><p>Said</p>", "Said."),
        ("<p>Open <em>and never closed", "Open and never closed."),
        ("<table><tr><th>Size</th><td>10 cm</td></tr></table>", "Size 10 cm."),
        ("First line\nstill first.\n\nSecond", "First line still first. Second."),
        ("<p>• Steel</p><p>– Light</p><p>***</p>", "Steel. Light."),
        ("<h2>素材</h2><p>ステンレスです。</p>", "素材. ステンレスです。"),
        ("<!-- a note --><p>Said</p><!-- open", "Said."),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3."),
        ('<a title="a > b" href=\'x\'>Said</a> <img alt="un>', "Said."),
        ("<style>p</style", ""), ("<select><option>S</option></select>Said", "Said."),
        ("", ""), ("<p></p>", ""),
    ],
)  # fmt: skip
def test_markup_goes_and_blocks_become_sentences(text: str, said: str) -> None:
    assert sentences(text) == said


def test_a_long_text_ends_behind_a_sentence() -> None:
    assert sentences("One sentence. " * 1000, 40) == "One sentence. One sentence."
    assert cut("no end at all in here", 10) == "no end at" and cut("x" * 50, 10) == "x" * 10


def test_a_title_is_one_line() -> None:
    assert line(" <b>Steel</b>\n mug &amp; lid\x00 ") == "Steel mug & lid"


@pytest.mark.parametrize(
    ("text", "kept"),
    [("https://a.example/x?y=1", True), ("http://a.example", True), ("//a.example/x", True), ("ftp://a.example", False),
     ("javascript:alert(1)", False), ("https://a.example/\x1b[2J", False), ("https://a.example/a b", False),
     ("https://" + "a" * 3000, False), ("", False)],
)  # fmt: skip
def test_an_address_is_one_of_the_web(text: str, kept: bool) -> None:
    assert bool(address(text)) == kept


@example("0\x85\ud7fc\r0")
@given(st.text(alphabet="<>/!-=&;#x \n\"'ap[]CDATA?", max_size=300) | st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    said = sentences(text)
    assert said == " ".join(said.split()) and (said.isprintable() or not said)
    line(text)


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<!--", "<![CDATA[", "</", "<a b='", "&", "<p>", "<!", "<?", "<script>", '<a b="']
)
def test_hostile_markup_takes_no_time(piece: str) -> None:
    began = time.process_time()
    sentences(piece * (4 * MOST_HTML // len(piece)))
    assert time.process_time() - began < 1.0, piece
