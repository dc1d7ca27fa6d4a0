"""The register: what was derived is found again, and a presenter's signature is not stripped by signing anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.trust import register
from avatar_engine.trust.register import Register, check, consents, derived
from tests.trust.signing import CODE, OTHER_CODE, sign


def test_what_is_noted_is_found_as_it_was_noted_last(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    book, film = Register(signed), tmp_path / "film.mp4"
    book.note("video", film)
    assert [(made.path, made.size) for made in derived(signed.id)] == [(film, -1)]
    film.write_bytes(b"12345")
    Register(signed).note("video", film, whole=True)
    book.note("recording", tmp_path / "show.mp4", pieces=True)
    found = list(derived(signed.id))
    assert [(made.kind, made.path.name, made.size, made.pieces) for made in found] == [
        ("video", "film.mp4", 5, False),
        ("recording", "show.mp4", -1, True),
    ]
    assert found[0].mtime_ns == film.stat().st_mtime_ns
    assert consents() == [signed.id] and register.about(signed.id)["presenter"] == "Marie Dupont"


def test_a_torn_line_and_an_unknown_kind_are_passed_over(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    Register(signed).note("video", tmp_path / "a.mp4")
    with (register.folder() / signed.id / "derived.jsonl").open("a") as out:
        out.write(
            '{"kind": "planet", "path": "/", "size": 0, "mtime_ns": 0, "pieces": false, "at": 0}\n{"kind": "vid'
        )
    assert [made.path.name for made in derived(signed.id)] == ["a.mp4"]


def test_nothing_is_derived_where_nothing_can_be_noted(tmp_path: Path, home: Path) -> None:
    signed = sign(tmp_path)
    (home / "state").mkdir()
    (home / "state" / "consents").write_text("in the way")
    with pytest.raises(AvatarError, match="can't be written"):
        Register(signed)


def test_a_clip_that_the_presenter_signed_for_needs_that_signature_ever_after(tmp_path: Path) -> None:
    Register(sign(tmp_path, code=CODE))
    check(sign(tmp_path, code=CODE, languages=["fr", "en"]))
    with pytest.raises(AvatarError, match=r"with a key of their own .*; this consent is without it"):
        check(sign(tmp_path))
    with pytest.raises(AvatarError, match="with another key"):
        check(sign(tmp_path, code=OTHER_CODE))
    check(sign(tmp_path, clip=b"another minute"))
