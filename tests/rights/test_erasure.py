"""Erasure: all that was derived goes, nothing else does, and the record names nobody."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.figures import folder as shows
from avatar_engine.rights import erasure
from avatar_engine.rights.erasure import erase, find, is_record
from avatar_engine.trust import register, revocation
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.register import Register
from avatar_engine.trust.said import Said
from tests.trust.signing import bundle, sign


class Studio:
    """A folder in which an avatar was made and used, as the engine notes it."""

    def __init__(self, folder: Path, signed: SignedConsent) -> None:
        self.folder, self.signed, self.book = folder, signed, Register(signed)
        self.avatar = bundle(folder / "marie.avatar", signed)
        self.work = folder / "marie.avatar.work"
        self.work.mkdir()
        (self.work / "source.sha256").write_text(signed.consent.clip_sha256)
        (self.work / "deep").mkdir()
        (self.work / "deep" / "face.bin").write_bytes(b"1" * 1000)
        self.film, self.report = folder / "hello.mp4", folder / "marie.report.html"
        self.film.write_bytes(b"a film")
        self.report.write_text("a report")
        self.show = shows.new("marie").path
        (self.show / "journal.jsonl").write_text("{}")
        for kind, path in (
            ("avatar", self.avatar), ("work", self.work), ("video", self.film), ("report", self.report),
            ("show", self.show),
        ):  # fmt: skip
            self.book.note(kind, path, whole=True)
        record = Said(signed, "live", hosts=["live.twitch.tv"], outputs=["show.mp4"])
        record.close()


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path, sign(tmp_path))


def test_everything_that_was_derived_is_found_with_its_size_and_goes(studio: Studio, home: Path) -> None:
    plan = find([studio.signed.id])
    assert [(thing.kind, thing.path) for thing in plan.things] == [
        ("avatar", studio.avatar), ("work", studio.work), ("video", studio.film), ("show", studio.show),
        ("report", studio.report),
    ]  # fmt: skip
    assert plan.things[1].size == 1000 + 64 and not plan.left
    assert plan.went == ("live.twitch.tv (twitch)",)
    record = erase(plan)
    assert not any(thing.path.exists() for thing in plan.things)
    assert register.consents() == [] and not (register.folder() / studio.signed.id).exists()
    told = json.loads(record.read_text())
    assert told["removed"]["work"] == {"count": 1, "bytes": 1064}
    assert told["removed"]["record of what was said"]["count"] == 1
    assert is_record(record)
    for personal in ("Marie", "Dupont", "marie", str(studio.folder), studio.signed.id):
        assert personal not in record.read_text()
    record.write_text(record.read_text().replace('"bytes": 1064', '"bytes": 1'))
    assert not is_record(record)


def test_what_a_look_left_half_made_goes_though_its_clip_has_a_consent_of_its_own(
    studio: Studio, tmp_path: Path
) -> None:
    for name, noted in (("blue", True), ("red", False)):
        work = tmp_path / f"marie.avatar.look-{name}"
        work.mkdir()
        (work / "source.sha256").write_text("1" * 64)
        (work / "consent.id").write_text(studio.signed.id)
        if noted:
            studio.book.note("work", work)
    strange = tmp_path / "marie.avatar.look-strange"
    strange.mkdir()
    (strange / "consent.id").write_text("somebody else's")
    plan = find([studio.signed.id], [tmp_path])
    assert {thing.path.name: bool(thing.left) for thing in plan.things if "look" in thing.path.name} == {
        "marie.avatar.look-blue": False,
        "marie.avatar.look-red": False,
        strange.name: True,
    }


def test_what_a_matte_left_half_made_goes_and_another_presenters_stays(
    studio: Studio, tmp_path: Path
) -> None:
    noted, beside = tmp_path / "elsewhere.avatar.matte", tmp_path / "marie.avatar.matte"
    for work in (noted, beside):
        work.mkdir()
        (work / "consent.id").write_text(studio.signed.id)
    studio.book.note("work", noted)
    ways = {thing.path: thing.left for thing in find([studio.signed.id], [tmp_path]).things}
    assert (ways[noted], ways[beside]) == ("", "")
    (beside / "consent.id").write_text("somebody else's")
    erase(find([studio.signed.id], [tmp_path]))
    assert not noted.exists() and beside.exists()


def test_a_copy_that_turns_up_later_is_refused_here(studio: Studio) -> None:
    erase(find([studio.signed.id]))
    with pytest.raises(AvatarError, match="erased at the presenter's wish"):
        revocation.check(studio.signed)


def test_what_is_no_longer_what_was_noted_stays(studio: Studio, tmp_path: Path) -> None:
    other = sign(tmp_path, "other.toml", clip=b"another", presenter="Jeanne Martin")
    bundle(studio.avatar, other)
    studio.film.write_bytes(b"somebody else's film")
    (studio.work / "source.sha256").write_text("0" * 64)
    plan = find([studio.signed.id])
    assert {thing.kind: thing.left for thing in plan.left} == {
        "avatar": "it has another consent now",
        "work": "it is of another clip",
        "video": "it was changed since",
    }
    erase(plan)
    assert studio.avatar.exists() and studio.film.exists() and studio.work.exists()
    assert not studio.report.exists() and not studio.show.exists()


def test_no_link_is_followed(studio: Studio, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "photo.jpg").write_bytes(b"mine")
    (studio.work / "link").symlink_to(precious)
    studio.film.unlink()
    studio.film.symlink_to(precious / "photo.jpg")
    moved = studio.show.rename(precious / "show")
    studio.show.symlink_to(moved)
    plan = find([studio.signed.id])
    assert {thing.kind for thing in plan.left} == {"video", "show"}
    erase(plan)
    assert not studio.work.exists(), "with the link in it"
    assert (precious / "photo.jpg").read_bytes() == b"mine" and (moved / "journal.jsonl").exists()


def test_what_another_presenter_has_too_stays(studio: Studio, tmp_path: Path) -> None:
    other = sign(tmp_path, "other.toml", clip=b"another", presenter="Jeanne Martin")
    Register(other).note("video", studio.film, whole=True)
    assert [thing.left for thing in find([studio.signed.id]).left] == [
        "another presenter's register has it, too"
    ]


def test_the_clip_and_the_consent_go_only_when_asked(studio: Studio) -> None:
    clip, consent = studio.folder / "consent.toml.mp4", studio.folder / "consent.toml"
    studio.book.note("clip", clip, whole=True)
    studio.book.note("consent", consent, whole=True)
    sign(studio.folder, "wave.toml", clip=b"a wave")
    sign(studio.folder, "jeanne.toml", clip=b"another", presenter="Jeanne Martin")
    wave, jeanne = studio.folder / "wave.toml", studio.folder / "jeanne.toml"
    studio.book.note("consent", wave, whole=True)
    studio.book.note("consent", jeanne, whole=True)
    assert {thing.path for thing in find([studio.signed.id]).left} == {clip, consent, wave, jeanne}
    erase(find([studio.signed.id], sources=True))
    assert not clip.exists() and not consent.exists() and not wave.exists(), "an action's, too"
    assert jeanne.exists()


def test_a_show_that_was_killed_leaves_pieces_that_are_found(studio: Studio) -> None:
    old, piece, half = (studio.folder / name for name in ("show.mp4", "show-001.mp4", ".hello.mp4.77.part"))
    old.write_bytes(b"before")

    os.utime(old, (1e9, 1e9))
    studio.book.note("recording", old, pieces=True)
    piece.write_bytes(b"piece")
    half.write_bytes(b"half")
    found = {thing.path for thing in find([studio.signed.id]).removed}
    assert piece in found and half in found and old not in found


def test_after_a_stop_the_same_command_goes_on(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = []
    remove = erasure._remove

    def stopped(thing):
        if len(gone) == 2:
            raise KeyboardInterrupt
        gone.append(thing.kind)
        remove(thing)

    monkeypatch.setattr(erasure, "_remove", stopped)
    with pytest.raises(KeyboardInterrupt):
        erase(find([studio.signed.id]))
    monkeypatch.setattr(erasure, "_remove", remove)
    plan = find([studio.signed.id])
    assert len(plan.removed) == 3, "the others are gone already"
    told = json.loads(erase(plan).read_text())["removed"]
    assert {kind: entry["count"] for kind, entry in told.items()} == {
        "avatar": 1, "work": 1, "video": 1, "show": 1, "report": 1, "record of what was said": 1,
    }  # fmt: skip


def test_what_an_older_engine_made_is_found_in_a_folder(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    avatar = bundle(shelf / "old.avatar", signed)
    (shelf / "old.report.json").write_text("{}")
    (shelf / "notes.txt").write_text("mine")
    plan = find([signed.id], [shelf])
    assert [thing.path for thing in plan.removed] == [avatar, shelf / "old.report.json"]
    erase(plan)
    assert [path.name for path in shelf.iterdir()] == ["notes.txt"]


def test_a_show_on_air_is_ended_first(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure.door, "running", lambda: [{"show": studio.show.name}])
    with pytest.raises(AvatarError, match="is on air"):
        erasure.refuse_running(find([studio.signed.id]))
