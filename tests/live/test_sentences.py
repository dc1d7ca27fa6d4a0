from avatar_engine.contracts import Controls, Utterance
from avatar_engine.live.sentences import Sentences
from avatar_engine.show.script import Pause
from tests.live.voices import ListedDirector


def handed(director):
    return [item.text if isinstance(item, Utterance) else item for item in iter(director.next, None)]


def test_a_paragraph_comes_sentence_by_sentence_and_pauses_stay():
    plan = [
        Utterance("Hello! How are you? Fine.", "en", Controls(1.2), "script:3"),
        Pause(1.0),
        Utterance("Bye", "en"),
    ]
    first = Sentences(ListedDirector(plan[:1])).next()
    assert first == Utterance("Hello!", "en", Controls(1.2), "script:3")
    assert handed(Sentences(ListedDirector(plan))) == ["Hello!", "How are you?", "Fine.", Pause(1.0), "Bye"]


def test_a_text_without_a_sentence_is_handed_on():
    assert handed(Sentences(ListedDirector([Utterance(" ", "en")]))) == [" "]


def test_an_interruption_drops_the_rest_of_a_paragraph():
    director = Sentences(
        ListedDirector([Utterance("One. Two. Three.", "en"), Utterance("New.", "en", generation=1)])
    )
    assert director.next().text == "One."
    assert director.interrupt() == director.generation == 1
    assert handed(director) == ["New."]


def test_a_server_never_reads_our_marks_aloud():
    marked = 'Hello [excited] *you*! <lang xml:lang="fr">Bonjour.</lang> It is <sub alias="ten">10</sub>.'
    assert handed(Sentences(ListedDirector([Utterance(marked, "en")]))) == [
        "Hello you!",
        "Bonjour.",
        "It is ten.",
    ]


def test_marks_part_languages_and_ask_for_silence():
    marked = 'Hello. <lang xml:lang="fr">Bonjour à tous.</lang> [pause 2s] Goodbye.'
    director = Sentences(ListedDirector([Utterance(marked, "en")]))
    got = list(iter(director.next, None))
    assert [(item.text, item.language) for item in got if isinstance(item, Utterance)] == [
        ("Hello.", "en"),
        ("Bonjour à tous.", "fr"),
        ("Goodbye.", "en"),
    ]
    assert got[2] == Pause(2.0)


def test_a_sentence_whose_language_is_to_be_found_is_asked_for_in_one_that_was_agreed_to():
    text = "Bonjour à tous, voici notre nouvelle veste. It keeps you warm and dry in the rain."
    director = Sentences(ListedDirector([Utterance(text, "auto")]), "en", ("en", "fr"))
    assert [item.language for item in iter(director.next, None)] == ["fr", "en"]
    director = Sentences(ListedDirector([Utterance(text, "auto")]), "en", ("en",))
    assert [item.language for item in iter(director.next, None)] == ["en", "en"]


def test_whoever_goes_on_within_a_paragraph_begins_it_again():
    director = Sentences(ListedDirector([Utterance("One. Two. Three.", "en", then=5)]))
    assert [item.then for item in iter(director.next, None)] == [4, 4, 5]
