"""Which consents a name means."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.rights.whose import meant, strewn
from avatar_engine.trust.register import Register
from tests.trust.signing import bundle, sign


def test_a_person_an_avatar_an_id_and_a_file_are_known(tmp_path: Path) -> None:
    signed, second = sign(tmp_path), sign(tmp_path, "second.toml", clip=b"another minute")
    avatar = bundle(tmp_path / "marie.avatar", signed)
    Register(signed).note("avatar", avatar)
    Register(second)
    assert meant("marie  DUPONT") == sorted([signed.id, second.id]), "all that one person agreed to"
    for name in ("marie", signed.id, signed.id[:8], str(avatar), str(tmp_path / "consent.toml")):
        assert meant(name) == [signed.id]
    for name in ("Jeanne", signed.id[:7], "ma", ""):
        with pytest.raises(AvatarError, match="Nothing on this machine is known"):
            meant(name)


def test_one_name_of_two_persons_avatars_is_not_guessed(tmp_path: Path) -> None:
    for person, clip in (("Marie Dupont", b"1"), ("Marie Durand", b"2")):
        signed = sign(tmp_path, f"{clip.decode()}.toml", clip=clip, presenter=person)
        Register(signed).note("avatar", tmp_path / clip.decode() / "marie.avatar")
    with pytest.raises(AvatarError, match="2 persons: Marie Dupont, Marie Durand"):
        meant("marie")


def test_avatars_that_no_register_has_are_found_by_searching_and_links_are_not_followed(
    tmp_path: Path,
) -> None:
    signed = sign(tmp_path)
    shelf = tmp_path / "shelf" / "deep"
    shelf.mkdir(parents=True)
    avatar = bundle(shelf / "old.avatar", signed)
    (shelf / "junk.avatar").write_bytes(b"PK")
    (tmp_path / "elsewhere").mkdir()
    bundle(tmp_path / "elsewhere" / "far.avatar", signed)
    (shelf / "link.avatar").symlink_to(tmp_path / "elsewhere" / "far.avatar")
    (shelf / "away").symlink_to(tmp_path / "elsewhere")
    assert [path for path, _ in strewn([tmp_path / "shelf"])] == [avatar]
    assert meant("Marie Dupont", [tmp_path / "shelf"]) == [signed.id] == meant("old", [tmp_path / "shelf"])
    with pytest.raises(AvatarError, match="no folder"):
        meant("Marie Dupont", [tmp_path / "none"])
