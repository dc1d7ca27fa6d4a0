"""Uploads: pieces in order, limits, and files that are not what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.studio import uploads as room
from avatar_engine.studio.database import Database
from avatar_engine.studio.look_at import look_at
from avatar_engine.studio.people import People, Person
from avatar_engine.studio.refusals import Conflict, Forbidden, Missing, Refusal, TooLarge, TooMany
from avatar_engine.studio.uploads import PURPOSES, Uploads, shown
from tests.studio.conftest import PASSWORD, QUICK

MP4 = b"\0\0\0\x18ftypmp42" + bytes(100)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "s.sqlite")


@pytest.fixture
def ada(database: Database) -> Person:
    people = People(database, hasher=QUICK)
    return people.accept(people.invite("technician", "t"), "Ada", PASSWORD)


@pytest.fixture
def uploads(database: Database, tmp_path: Path) -> Uploads:
    return Uploads(database, tmp_path / "up")


def put(uploads: Uploads, person: Person, ident: str, at: int, data: bytes) -> int:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 10):
            yield data[start : start + 10]

    return asyncio.run(uploads.take(person, ident, at, pieces()))


def test_a_file_comes_in_pieces_and_goes_on_where_it_was(uploads: Uploads, ada: Person) -> None:
    ident = uploads.begin(ada, "clip", "minute.MP4", len(MP4))
    assert put(uploads, ada, ident, 0, MP4[:40]) == 40
    for wrong in (0, 39, 41):
        with pytest.raises(Conflict, match="begins at 40"):
            put(uploads, ada, ident, wrong, MP4[40:])
    with pytest.raises(Conflict, match="missing"):
        uploads.finish(ada, ident, "clip")
    assert uploads.at(ada, ident) == (40, len(MP4))
    assert put(uploads, ada, ident, 40, MP4[40:]) == len(MP4)
    file, name = uploads.finish(ada, ident, "clip")
    assert file.read_bytes() == MP4 and name == "minute.MP4"
    with pytest.raises(Missing):
        uploads.at(ada, ident)


def test_more_than_was_announced_is_not_taken(uploads: Uploads, ada: Person) -> None:
    ident = uploads.begin(ada, "clip", "a.mp4", 20)
    with pytest.raises(TooLarge):
        put(uploads, ada, ident, 0, MP4)
    assert uploads.at(ada, ident)[0] <= 20


@pytest.mark.parametrize(
    ("purpose", "name", "size", "why"),
    [
        ("clip", "a.exe", 10, Refusal), ("clip", "a.mp4", 0, TooLarge),
        ("clip", "a.mp4", PURPOSES["clip"].most + 1, TooLarge),
        ("else", "a.mp4", 10, Refusal), ("clip", "mp4", 10, Refusal), ("attachment", "a.py", 10, Refusal),
        ("background", "a.svg", 10, Refusal),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_refused_before_a_byte_comes(
    uploads: Uploads, ada: Person, purpose: str, name: str, size: int, why: type[Exception]
) -> None:
    with pytest.raises(why):
        uploads.begin(ada, purpose, name, size)


def test_a_viewer_brings_no_clip(uploads: Uploads, ada: Person) -> None:
    with pytest.raises(Forbidden):
        uploads.begin(Person(ada.id, "Ada", "viewer"), "clip", "a.mp4", 10)


def test_nobody_touches_anothers_upload(uploads: Uploads, ada: Person, database: Database) -> None:
    ident = uploads.begin(ada, "clip", "a.mp4", 20)
    people = People(database, hasher=QUICK)
    bob = people.accept(people.invite("technician", "t"), "Bob", PASSWORD)
    for touch in (
        lambda: uploads.at(bob, ident),
        lambda: uploads.drop(bob, ident),
        lambda: put(uploads, bob, ident, 0, b"x"),
    ):
        with pytest.raises(Missing):
            touch()


def test_one_person_leaves_not_many_unfinished(
    uploads: Uploads, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(room.MOST_OPEN):
        ident = uploads.begin(ada, "clip", "a.mp4", 20)
    with pytest.raises(TooMany):
        uploads.begin(ada, "clip", "a.mp4", 20)
    monkeypatch.setattr(room, "KEPT", -1.0)
    uploads.sweep()
    with pytest.raises(Missing):
        uploads.at(ada, ident)


def test_a_disk_that_is_full_is_told_of_before(
    uploads: Uploads, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "FREE", 1 << 62)
    with pytest.raises(TooLarge, match="no room"):
        uploads.begin(ada, "clip", "a.mp4", 20)


@pytest.mark.parametrize(
    "data", [b"<html><script>", b"#!/bin/sh\n", b"\x7fELF" + bytes(50), b"%PDF-1.7", bytes(64), b"a"]
)
def test_what_is_no_media_file_is_thrown_away(
    uploads: Uploads, ada: Person, data: bytes, tmp_path: Path
) -> None:
    ident = uploads.begin(ada, "clip", "a.mp4", len(data))
    put(uploads, ada, ident, 0, data)
    with pytest.raises(Refusal, match="no media file"):
        uploads.finish(ada, ident, "clip")
    assert not list((tmp_path / "up").iterdir())


@given(st.text(max_size=300))
def test_a_name_never_becomes_a_path(name: str) -> None:
    plain = shown(name)
    assert plain and "/" not in plain and "\\" not in plain and plain not in (".", "..") and len(plain) <= 90
    assert plain.isprintable()


@pytest.mark.parametrize("cut", [12, 200, 5000])
def test_a_clip_that_is_broken_or_hostile_is_refused_in_words(
    plain_clip: Path, tmp_path: Path, cut: int
) -> None:
    whole = plain_clip.read_bytes()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(whole[:cut] + bytes((byte * 7 + 13) % 256 for byte in whole[cut : cut + 9000]))
    with pytest.raises(Refusal) as caught:
        look_at(broken, tmp_path / "p.jpg")
    assert str(tmp_path) not in str(caught.value)


def test_a_clip_is_looked_at_with_a_picture_of_it(plain_clip: Path, tmp_path: Path) -> None:
    info = look_at(plain_clip, tmp_path / "p.jpg")
    assert (info["width"], info["height"]) == (160, 120)
    assert (tmp_path / "p.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
