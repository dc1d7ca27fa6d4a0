"""What was said is written down, and can be handed out again word for word."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from avatar_engine.contracts import Card, Controls, Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.show import journal
from avatar_engine.show.journal import Journal, Replayed, cards, languages, read, script_of
from avatar_engine.show.producer import Producer, Studio
from avatar_engine.show.script import Pause, parse
from avatar_engine.show.showcase import Showcase

SCRIPT = parse(
    "---\nlanguage: fr\nspeed: 1.1\nrules:\n- every 10s: greet\n---\n"
    "# A\n\n{Un|Deux|Trois}.\n\n<!-- chat 2s -->\n\n> Loi.\n"
)


def test_a_journal_plays_again_what_was_said(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j.jsonl", language="fr", label="top-left", seed=3)) as kept:
        producer = Producer(SCRIPT, Studio(journal=kept), seed=3)
        said = list(iter(producer.next, None))
        assert kept.counts["say"] == 2 and kept.counts["segment"] == 1
    entries = read(tmp_path / "j.jsonl")
    again = list(iter(Replayed(iter(entries)).next, None))
    assert [
        replace(item, then=0) if isinstance(item, Utterance) else Pause(item.seconds) for item in said
    ] == again
    assert isinstance(again[0], Utterance) and again[0].controls == Controls(1.1)
    assert (script_of(entries).label, languages(entries)) == ("top-left", ("fr",))
    assert script_of(entries).nods and not script_of([{**entries[0], "nods": False}]).nods


def test_a_full_disk_ends_the_journal_and_not_the_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal, "MOST", 200)
    with closing(Journal(tmp_path / "j.jsonl")) as kept:
        for _ in range(50):
            kept({"event": "rest", "seconds": 1.0})
        assert kept.counts["rest"] == 50
    assert caplog.text.count("ends here") == 1 and len(read(tmp_path / "j.jsonl")) < 10
    with pytest.raises(AvatarError, match="can't be written"):
        Journal(tmp_path / "none" / "j.jsonl")


@pytest.mark.parametrize(
    "text",
    ["", "{}\n", "no json\n", '{"event": "show"}\n{"event": "say"}\n', '{"event": "show"}\n[]\n',
     '{"event": "show"}\n{"event": "say", "text": "a", "language": "en", "source": "", "controls": {"speed": 99}}\n',
     '{"event": "show"}\n{"event": "rest", "seconds": "long"}\n', "\xff\n",
     '{"event": "show"}\n{"event": "action", "action": "wave", "number": 1}\n',
     '{"event": "show"}\n{"event": "card", "at": 1, "card": {"colour": "red"}}\n'],
)  # fmt: skip
def test_what_is_no_journal_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(AvatarError):
        read(path)
    with pytest.raises(AvatarError):
        read(tmp_path / "none.jsonl")


def test_the_cards_of_a_journal_are_those_of_their_time(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j.jsonl", card=["left", "/x/card.svg"])) as kept:
        case = Showcase(
            lambda product, at: Card(product, product, "1" if at < 3 else "2") if product else None, kept
        )
        for at, heard in enumerate(("", "a", "b", "a", "a", "")):
            case.seen(heard, float(at))
    entries = read(tmp_path / "j.jsonl")
    assert script_of(entries).card == ("left", "/x/card.svg")
    again = cards(entries)
    told = [again(heard, float(at)) for at, heard in enumerate(("", "a", "b", "a", "a", ""))]
    assert [(card.product, card.price) if card else None for card in told] == [
        None, ("a", "1"), ("b", "1"), ("a", "2"), ("a", "2"), None,
    ]  # fmt: skip
    assert again("a", 0.0) == Card("a", "a", "1"), "a show that drifts has the first one early"
    assert again("x", 9.0) is None


def test_a_journal_from_before_there_were_cards_has_none(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j.jsonl")):
        pass
    assert script_of(read(tmp_path / "j.jsonl")).card == ("off",)


def test_an_old_journal_and_one_that_was_cut_off_play_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "j.jsonl"
    controls = '{"speed": 1.0, "pitch": 0.0, "range": 1.0, "energy": 0.0, "emotion": "neutral"}'
    path.write_text(
        '{"event": "show", "script": "s.md", "seed": 0, "language": "fr"}\n{"event": "new one", "at": "?"}\n'
        f'{{"event": "say", "text": "A.", "language": "fr", "source": "script:1", "then": 1, "controls": {controls}}}\n'
        '{"event": "rest", "seconds": 1.5}\n{"event": "say", "te'
    )
    again = list(iter(Replayed(iter(read(path))).next, None))
    assert again == [Utterance("A.", "fr", Controls(), "script:1"), Pause(1.5)]
    assert "line 5 was cut off" in caplog.text


def test_the_audit_log_gets_every_decision_and_no_silence(tmp_path: Path) -> None:
    told: list[journal.Entry] = []
    with closing(Journal(tmp_path / "j.jsonl", told.append, seed=3)) as kept:
        list(iter(Producer(SCRIPT, Studio(journal=kept), seed=3).next, None))
    events = [entry["event"] for entry in told]
    assert events[0] == "show" and events.count("say") == 2 and not {"rest", "spoke"} & set(events)


def test_what_others_are_told_has_no_names_either_where_no_file_is_written():
    told: list[dict] = []
    with closing(Journal(None, told.append)) as kept:
        kept.named(["Ann"])
        kept({"event": "say", "text": "Hello Ann!", "language": "en", "source": "host", "controls": {}})
    assert "Ann" not in told[-1]["text"] and "⟨viewer:" in told[-1]["text"]


def test_actions_come_with_the_sentences_that_are_heard() -> None:
    def said(number: int, **notes: int) -> journal.Entry:
        return journal.said(Utterance(f"This is {number}.", number=number)) | notes

    def called(name: str, number: int, frame: int) -> journal.Entry:
        return {"event": "action", "action": name, "number": number, "frame": frame}

    entries = [
        {"event": "show"}, called("bow", 0, 5), said(1), said(2), {"event": "rest", "seconds": 1.0}, said(3),
        called("wave", 2, 40), called("point", 3, 7), {"event": "taken back", "count": 1, "numbers": [3]},
        said(4), said(5, again=3), said(6), called("nod", 6, 2), {"event": "taken back", "count": 1, "numbers": [6]},
    ]  # fmt: skip
    items = list(iter(Replayed(entries).next, None))
    heard = [(item.number, item.text) for item in items if isinstance(item, Utterance)]
    assert heard == [(1, "This is 1."), (2, "This is 2."), (3, "This is 4."), (4, "This is 5.")]
    assert journal.actions(entries) == [("bow", 0, 5), ("wave", 2, 40), ("nod", 4, 2), ("point", 4, 7)]


def test_the_looks_of_a_show_are_written_down_and_come_again() -> None:
    said = Utterance("Hello.", look="blue-dress", number=4)
    entries = [
        {"event": "show", "language": "en", "look": "red-blazer"},
        json.loads(json.dumps(journal.said(said))),
        {"event": "look", "look": "evening", "number": 4, "frame": 30},
    ]
    assert journal.script_of(entries).look == "red-blazer"
    assert [item.look for item in journal.heard(entries) if isinstance(item, Utterance)] == ["blue-dress"]
    assert journal.looks(entries) == [("evening", 1, 30)] and not journal.actions(entries)
    assert "look" not in journal.said(Utterance("Hello."))
