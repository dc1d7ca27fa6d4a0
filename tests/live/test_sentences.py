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
