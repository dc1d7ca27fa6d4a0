import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine import markup
from avatar_engine.contracts import Controls
from avatar_engine.markup import Break, Manner, Words, literal, read, unmarked

PLAIN = Manner()


def feeling(emotion: str) -> Manner:
    return Manner(Controls(emotion=emotion))


def told(text: str) -> list[tuple[str, Manner] | float | None]:
    """What is said and in which manner, without spaces at the ends; the seconds of breaks."""
    parts = read(text, language="en").parts
    return [
        (part.text.strip(), part.manner) if isinstance(part, Words) else part.seconds
        for part in parts
        if isinstance(part, Break) or part.text.strip()
    ]


@pytest.mark.parametrize(
    "text",
    [
        "3 < 5, and 7 > 2",
        "I <3 you",
        "if x <y and z> w",
        "a 5* hotel and a 4* one",
        "2 * 3 * 4 = 24",
        "a*b*c",
        "see the list [below, on the left]",
        "[A] or [B], as [Anna] says",
        "read [this](https://example.com/a)",
        "x[index]",
        "mail <marie@example.com> or <https://example.com>",
        "an open [ bracket, an open * star",
        "AT&T & Co.",
        "Line one.\nLine two.",
        "First.\n\nSecond.",
    ],
)
def test_what_only_looks_like_a_mark_is_text_letter_for_letter(text: str) -> None:
    marked = read(text)
    assert marked.parts == (Words(text, PLAIN),)
    assert marked.mistakes == ()


def test_an_emotion_holds_until_the_next_or_the_paragraphs_end() -> None:
    assert told("A. [excited] B. [Calm] C. [neutral] D. [warm] E.\n\nF.") == [
        ("A.", PLAIN),
        ("B.", feeling("excited")),
        ("C.", feeling("calm")),
        ("D.", PLAIN),
        ("E.", feeling("warm")),
        ("F.", PLAIN),
    ]
    assert told("[excited]A[/excited] B")[1] == ("B", PLAIN)


def test_an_emotion_outlives_the_prosody_that_it_began_in() -> None:
    (_, first), (_, second) = told('<prosody rate="fast">[calm] A</prosody> B')  # type: ignore[misc]
    assert first.controls == Controls(1.2, emotion="calm")
    assert second == feeling("calm")


@pytest.mark.parametrize(
    ("mark", "seconds"),
    [
        ("[pause 500ms]", 0.5),
        ("[pause: 2s]", 2.0),
        ("[Pause 1.5s]", 1.5),
        ("[pause]", 0.4),
        ('<break time="250ms"/>', 0.25),
        ("<break time=3s>", 3.0),
        ("<break/>", 0.4),
        ('<break strength="none"/>', 0.0),
        ('<break strength="x-strong" />', 1.2),
    ],
)
def test_breaks(mark: str, seconds: float) -> None:
    assert told(f"one {mark} two") == [("one", PLAIN), seconds, ("two", PLAIN)]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("*word*", "moderate"),
        ("**word**", "strong"),
        ("<emphasis>word</emphasis>", "moderate"),
        ('<emphasis level="reduced">word</emphasis>', "reduced"),
    ],
)
def test_emphasis(text: str, level: str) -> None:
    assert told(f"a {text}, b") == [("a", PLAIN), ("word", Manner(emphasis=level)), (", b", PLAIN)]


@pytest.mark.parametrize(
    ("attributes", "controls"),
    [
        ('rate="slow" pitch="high" range="low" volume="soft"', Controls(0.8, 2, 0.7, -5)),
        ('rate="120%"', Controls(1.2)),
        ('rate="-10%"', Controls(0.9)),
        ('rate="0.75"', Controls(0.75)),
        ("pitch='+1.5st'", Controls(pitch=1.5)),
        ('range="+30%" volume="+3dB"', Controls(range=1.3, energy=3)),
        ('volume="-50%"', Controls(energy=-6.0206)),
        ('pitch="-10%"', Controls(pitch=-1.8240)),
    ],
)
def test_prosody(attributes: str, controls: Controls) -> None:
    ((_, manner),) = told(f"<prosody {attributes}>x</prosody>")  # type: ignore[misc]
    for name in ("speed", "pitch", "range", "energy"):
        assert getattr(manner.controls, name) == pytest.approx(getattr(controls, name), abs=1e-3)


def test_prosody_within_prosody_adds_up_and_stays_within_the_limits() -> None:
    inner = '<prosody rate="x-slow" pitch="+3st">'
    parts = read(f"{inner}a {inner}b</prosody> c</prosody> d").parts
    speeds = [part.manner.controls.speed for part in parts if isinstance(part, Words)]
    pitches = [part.manner.controls.pitch for part in parts if isinstance(part, Words)]
    assert speeds == [0.6, 0.5, 0.6, 1.0] and pitches == [3, 4, 3, 0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<say-as interpret-as="characters">usb2</say-as>', "U, S, B, 2"),
        ('<say-as interpret-as="digits">2024</say-as>', "2 0 2 4"),
        ('<say-as interpret-as="date" format="dmy">3/4/2026</say-as>', "2026-04-03"),
        ('<say-as interpret-as="date" format="mdy">3/4/26</say-as>', "2026-03-04"),
        ('<say-as interpret-as="telephone">555-0123</say-as>', "5 5 5, 0 1 2 3"),
        ('<sub alias="World Wide Web">WWW</sub>', "World Wide Web"),
        ('<sub alias="seen"/> and on', "seen and on"),
        ("3 &lt; 5 &amp; 6", "3 < 5 & 6"),
        ("<!-- a note -->hello<?xml version='1.0'?>", "hello"),
    ],
)
def test_what_is_said_instead(text: str, said: str) -> None:
    marked = read(text, language="en")
    assert unmarked(text) == said
    assert marked.mistakes == ()


def test_a_french_number_is_said_by_twos() -> None:
    (part,) = read('<say-as interpret-as="telephone">01.23.45.67.89</say-as>', language="fr").parts
    assert isinstance(part, Words) and part.text == "01 23 45 67 89"


def test_languages_sentences_and_paragraphs() -> None:
    parts = read(
        '<speak version="1.1"><p><s>One</s> <s>deux <lang xml:lang="fr-FR">trois</lang></s></p></speak>'
    ).parts
    words = [
        (part.text.strip(), part.language) for part in parts if isinstance(part, Words) and part.text.strip()
    ]
    assert words == [("One", ""), ("deux", ""), ("trois", "fr-FR")]
    assert Break(None) in parts


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("a <b>bold</b> c", "HTML can't be said: '<b>'", "a bold c"),
        ("a [angry] b", "[angry] is no tag", "a  b"),
        ("a [pause soon] b", "'soon' is no time", "a  b"),
        ('a <break time="11s"/> b', "10 s at most", "a  b"),
        ('<break strength="huge"/>b', "strength: 'huge'", "b"),
        ('<prosody rate="9">b</prosody>', "rate: '9' is not within 50% and 200%", "b"),
        ('<prosody pitch="+9st">b</prosody>', "pitch: '+9st'", "b"),
        ('<prosody pitch="220Hz">b</prosody>', "pitch: '220Hz' is neither", "b"),
        ('<prosody volume="+40dB">b</prosody>', "volume: '+40dB'", "b"),
        ('<prosody contour="(0%,+2st)">b</prosody>', "knows no 'contour'", "b"),
        ('<emphasis level="much">b</emphasis>', "level: 'much'", "b"),
        ('<say-as interpret-as="song">b</say-as>', "interpret-as: 'song'", "b"),
        ("<sub>b</sub>", "wants an alias", "b"),
        ('<lang xml:lang="in French">b</lang>', "xml:lang: 'in French' is no language tag", "b"),
        ("<lang>b</lang>", "wants a language", "b"),
        ("<break 500ms/>b", "can't be read at '500ms'", "b"),
        ("b</prosody>", "closes nothing", "b"),
        ('<prosody rate="slow">b', "not closed", "b"),
    ],
)
def test_a_mark_that_is_wrong_is_a_mistake_and_never_spoken(text: str, words: str, said: str) -> None:
    marked = read(text)
    assert any(words in what for _, what in marked.mistakes), marked.mistakes
    assert unmarked(text) == said


@pytest.mark.parametrize("text", ["**a**", "<!b=*<p>>", "[warm] & *so* <p> on"])
def test_what_is_left_of_a_mark_is_no_mark_either(text: str) -> None:
    assert unmarked(literal(text)) == text


def test_a_mistake_lies_where_its_mark_is() -> None:
    assert [at for at, _ in read("one [angry] two <i>x</i>").mistakes] == [4, 16]


def test_marks_that_hold_at_the_end_can_be_taken_on() -> None:
    still = read('[warm] a <prosody rate="slow">b').open
    assert read(still + "c").parts == (Words("c", Manner(Controls(0.8, emotion="warm"))),)
    assert read("*a* [warm] b [neutral] c").open == ""


@given(
    st.lists(st.sampled_from([*"ab <>/[]*&;\"'=!-?\n", "[warm]", "<p>", "&lt;"]), max_size=60).map("".join)
)
def test_any_text_can_be_read_and_any_can_be_said_as_it_stands(text: str) -> None:
    read(text)
    assert unmarked(literal(text)) == text


@given(st.lists(st.sampled_from(
    ["[warm]", "[bad]", "[pause 1s]", "*", "**", "a", "b", "<p>", "</p>", "<prosody rate='slow'>", "</prosody>", "<b>",
     "<emphasis>", "</emphasis>", "<sub alias='x'>", "</sub>", "&lt;b>", "<", "<say-as interpret-as='digits'>", "\n\n"]
), max_size=14))  # fmt: skip
def test_no_order_of_marks_is_spoken(marks: list[str]) -> None:
    said = unmarked(" ".join(marks))
    for mark in ("[warm]", "[bad]", "prosody", "emphasis", "alias"):
        assert mark not in said


def test_an_action_is_asked_for_and_never_said() -> None:
    text = "<do wave> Hello <do hold-up/> there. 3 <do 4"
    assert markup.actions(text) == ["wave", "hold-up"]
    read = markup.read(text)
    assert not read.mistakes
    assert " ".join(markup.unmarked(text).split()) == "Hello there. 3 <do 4"


@pytest.mark.parametrize("mark", ["<do>", "<do 7>", "</do>"])
def test_an_action_without_a_name_is_a_mistake(mark: str) -> None:
    assert "names no action" in markup.read(f"Hello {mark} there.").mistakes[0][1]


def test_a_look_is_asked_for_before_anything_is_said_and_never_said() -> None:
    text = "<look blue-dress> <do wave> Hello <look/> there."
    assert markup.looks(text) == ["blue-dress"]
    assert "names no look" in markup.read(text).mistakes[0][1]
    assert " ".join(markup.unmarked("<look blue-dress/> Hello.").split()) == "Hello."
    for fine in ("Hello.", "<look a> Hello.", "[warm] <look a> Hello.", "<do wave> <look a> Hello."):
        assert markup.begins_with_look(fine)
    for late in ("Hello. <look a> You.", "<look a> Hello. <look b> You."):
        assert not markup.begins_with_look(late)
