"""The record of what was said: chained, one file a show, viewers as the journal has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avatar_engine.contracts import Utterance
from avatar_engine.trust import audit
from avatar_engine.trust.said import Said, records
from tests.trust.signing import sign


def told(path: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    assert audit.verify(path, lambda entry: entries.append(dict(entry))).broken is None
    return entries


def test_a_record_has_what_was_handed_over_and_what_went_out(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    record = Said(signed, "live", avatar="marie", outputs=["live.twitch.tv (twitch)"])
    record.handed(Utterance("Bonsoir !", "fr", source="script:3", product="M-17", number=1))
    record.went(1, 0.5, 1.25)
    record.sound("evening.mp3")
    record.close("revoked")
    (path,) = records(signed.id)
    assert told(path) == [
        {"event": "begun", "what": "live", "avatar": "marie", "outputs": ["live.twitch.tv (twitch)"]},
        {
            "event": "say",
            "text": "Bonsoir !",
            "language": "fr",
            "source": "script:3",
            "product": "M-17",
            "number": 1,
        },
        {"event": "heard", "number": 1, "at": 0.5, "until": 1.25},
        {"event": "sound", "source": "evening.mp3"},
        {"event": "ended", "why": "revoked"},
    ]
    assert audit.verify(path).name == f"{signed.id}/{path.stem}", (
        "it can't pass for the record of another show"
    )


def test_of_a_journal_only_what_was_said_is_taken(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    record = Said(signed, "rehearse")
    for event in ("show", "ask", "say", "heard", "taken back", "rule", "microphone"):
        record({"event": event, "controls": {"speed": 1}})
    record.close()
    entries = told(records(signed.id)[0])
    assert [entry["event"] for entry in entries[1:-1]] == ["say", "heard", "taken back", "microphone"]
    assert not any("controls" in entry for entry in entries)


def test_shows_that_begin_at_once_have_a_file_each(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    both = [Said(signed, "live"), Said(signed, "live")]
    for record in both:
        record.close()
    assert len(records(signed.id)) == 2
    for path in records(signed.id):
        told(path)
