import logging

import pytest

from avatar_engine.contracts import Controls
from avatar_engine.markup import Manner
from avatar_engine.voice.passage import Passage, handed, passages

PLAIN, LOUD = Manner(), Manner(emphasis="moderate")


def spell(sentence: str, language: str) -> str:
    """Stands in for the phonemizer: its letters, of which two words become one as espeak-ng does with 'of the'."""
    return sentence.lower().replace("of the", "əvðə") if language == "en" else sentence.upper()


def read(text: str, controls: Controls = Controls()) -> list[Passage]:  # noqa: B008
    return list(passages(text, controls, "en", spell))


def stressed(passage: Passage) -> str:
    return "".join(
        letter if manner.emphasis != "none" else "-"
        for letter, manner in zip(passage.said, passage.manners, strict=True)
    ).strip("-")


def test_plain_text_is_its_sentences_in_one_manner() -> None:
    controls = Controls(speed=1.1)
    assert read("Hello there. It costs $5!", controls) == [
        Passage("hello there.", (Manner(controls),) * 12, None, "Hello there.", "en"),
        Passage("it costs five dollars!", (Manner(controls),) * 22, None, "It costs five dollars!", "en"),
    ]
    assert read("… 🎉") == []


@pytest.mark.parametrize(
    ("text", "said", "stress"),
    [
        ("Take *two* of the bags.", "take two əvðə bags.", "two"),
        ("It costs only *$19.90* today!", "it costs only nineteen dollars and ninety cents today!", None),
        ("It is *the* one, not the other.", "it is the one, not the other.", "the"),
        ("un<emphasis>believ</emphasis>able.", "unbelievable.", "unbelievable."),
    ],
)
def test_emphasis_falls_on_its_word_and_changes_no_other(text: str, said: str, stress: str | None) -> None:
    (passage,) = read(text)
    assert passage.said == said
    if stress:
        assert stressed(passage).strip(" .") == stress.strip(" .")
    else:
        assert stressed(passage).strip() == "nineteen dollars and ninety cents"


def test_emphasis_on_part_of_a_merged_word_is_not_lost() -> None:
    (passage,) = read("The best of *the* bags.")
    assert passage.said == "the best əvðə bags." and len(passage.manners) == len(passage.said)


def test_an_emotion_changes_with_the_sentence_and_within_it() -> None:
    first, second = read("[excited] We won! [calm] Now, [serious] rest.")
    assert {manner.controls.emotion for manner in first.manners} == {"excited"}
    assert [second.manners[place].controls.emotion for place in (0, 1, -2)] == ["calm", "calm", "serious"]


def test_a_break_parts_a_sentence_whose_melody_stays_up() -> None:
    assert [(one.said, one.pause) for one in read("Wait [pause 500ms] for it. [pause 2s] Now")] == [
        ("wait,", 0.5),
        ("for it.", 2.0),
        ("now", None),
    ]


def test_breaks_with_nothing_before_them_are_silence() -> None:
    silence = [(one.said, one.pause) for one in read("[pause 1s] a <break time='2s'/> <break time='3s'/>")]
    assert silence == [("", 1.0), ("a,", 2.0), ("", 3.0)]


def test_two_languages_are_said_in_one_breath() -> None:
    (one,) = read('I said <lang xml:lang="fr">bonjour</lang> to you.')
    assert one.said == "i said BONJOUR to you." and len(one.manners) == len(one.said)
    assert [one.said for one in read('Hello. <lang xml:lang="fr">Bonjour</lang>.')] == ["hello.", "BONJOUR."]


def test_sentences_of_ssml_end_without_a_full_stop() -> None:
    assert [one.said for one in read("<s>one</s><s>two</s>")] == ["one", "two"]


def test_wrong_marks_are_logged_and_never_spoken(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        (one,) = read("so [angry] <blink>good</blink> <lang xml:lang='tlh'>day</lang>")
    assert one.said == "so good day"
    assert all(mark in caplog.text for mark in ("[angry]", "<blink>", "'tlh'"))


def test_labels_go_to_the_nearest_of_what_is_alike() -> None:
    assert handed("xabQcd", "abcd", [1, 1, 2, 2]) == [1, 1, 1, 2, 2, 2]
    assert handed("", "ab", [1, 2]) == []
    assert handed(["a", "b"], ["z"], [5]) == [5, 5]
