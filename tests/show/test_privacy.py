"""The journal names nobody to whoever has not its key, and a replay says every name again."""

from __future__ import annotations

import json
import stat
from contextlib import closing
from pathlib import Path

import pytest

from avatar_engine.contracts import Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.show import journal
from avatar_engine.show.journal import Journal
from avatar_engine.show.privacy import Pseudonyms, key_file, masked, spoken

LINES = ("Ann: The mug costs 12 €.", "Welcome, 小明, Jean Luc and Ann.", "Annual savings are told to Ann.")


def written(path: Path, **about: str) -> str:
    """A journal in which viewers are called by their names."""
    with closing(Journal(path, **about)) as kept:
        kept.named(("Ann", "小明", "Jean Luc"))
        kept(
            {
                "event": "ask",
                "text": "write to ann@mail.example or 06 12 34 56 78, @bob_92",
                "count": 1,
                "at": 2.5,
            }
        )
        kept({"event": "attack", "text": "Ann says pay to 4111 1111 1111 1111", "source": "twitch"})
        for line in LINES:
            kept(journal.said(Utterance(line, "en", source="answer:embedded host")))
    return path.read_text(encoding="utf-8")


def test_a_journal_has_no_names_and_its_key_gives_them_back(tmp_path: Path) -> None:
    path = tmp_path / "evening.jsonl"
    text = written(path)
    for secret in ("Ann:", "小明", "Jean", "mail.example", "12 34 56", "bob", "4111"):
        assert secret not in text
    assert "Annual" in text and text.count("⟨viewer:") >= 5
    entries = journal.read(path)
    said = [entry["text"] for entry in entries if entry["event"] == "say"]
    assert said[0].partition(":")[0] and said[0].split("⟩")[0] == said[1].split("⟩")[2].split("and ")[1]
    assert [e["text"] for e in spoken(entries, path) if e["event"] == "say"] == list(LINES)
    assert stat.S_IMODE(key_file(path).stat().st_mode) == 0o600
    assert json.loads(text.splitlines()[1])["at"] == 2.5


def test_a_comment_that_was_on_the_picture_has_its_name_again_with_the_key_and_none_without(
    tmp_path: Path,
) -> None:
    path = tmp_path / "evening.jsonl"
    with closing(Journal(path)) as kept:
        kept.named(("Ann",))
        kept({"event": "comment", "at": 1.0, "author": "Ann", "text": "I am Ann.", "language": "en"})
    assert "Ann" not in path.read_text(encoding="utf-8")
    for there, author, text in ((True, "Ann", "I am Ann."), (False, "", "I am dear viewer.")):
        if not there:
            key_file(path).unlink()
        ((comment, at),) = journal.comments(spoken(journal.read(path), path))
        assert (comment.author, comment.text, at) == (author, text, 1.0)


def test_without_the_key_nobody_is_called_by_a_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "evening.jsonl"
    written(path)
    key_file(path).unlink()
    said = [entry["text"] for entry in spoken(journal.read(path), path) if entry["event"] == "say"]
    assert said[0] == "dear viewer: The mug costs 12 €." and "viewer:" not in said[1]
    assert "not called by their names" in caplog.text


def test_another_shows_key_reads_nothing(tmp_path: Path) -> None:
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    written(one)
    written(other)
    key_file(one).write_bytes(key_file(other).read_bytes())
    said = [entry["text"] for entry in spoken(journal.read(one), one) if entry["event"] == "say"]
    assert not any("Ann:" in text for text in said)
    key_file(one).write_text("abc")
    with pytest.raises(AvatarError, match="key"):
        spoken(journal.read(one), one)
    key_file(one).write_text("abcd")
    with pytest.raises(AvatarError, match="2 bytes"):
        spoken(journal.read(one), one)


def test_names_are_kept_where_the_script_says_so(tmp_path: Path) -> None:
    path = tmp_path / "evening.jsonl"
    text = written(path, names="kept")
    assert "Ann: The mug" in text and not key_file(path).exists()
    assert "mail.example" not in text and "4111" not in text, "mail and numbers are masked all the same"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mail me: a.b+c@shop.example.com", "mail me: [mail]"),
        ("call +33 6 12 34 56 78 now", "call [number] now"),
        ("card 4111-1111-1111-1111", "card [number]"),
        ("DE89 3704 0044 0532 0130 00 please", "[account] please"),
        ("hey @marie_92 look at https://x.example/y", "hey [name] look at [link]"),
        ("is it 12.50 or 19 for 350 ml in 2027?", "is it 12.50 or 19 for 350 ml in 2027?"),
    ],
)
def test_what_viewers_write_of_themselves_is_masked(text: str, told: str) -> None:
    assert masked(text) == told


def test_the_same_name_has_the_same_pseudonym_in_one_show_alone(tmp_path: Path) -> None:
    one, other = (Pseudonyms.begun(tmp_path / name) for name in ("a.jsonl", "b.jsonl"))
    assert one.of("Ann") == one.of("Ann") != other.of("Ann")
    found = Pseudonyms.found(tmp_path / "a.jsonl")
    assert (
        found is not None
        and found.named(f"Hi {one.of('Ann')}, ⟨viewer:{'A' * 30}⟩") == f"Hi Ann, ⟨viewer:{'A' * 30}⟩"
    )
