"""Permits: the presenter's leave to go on air, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys, presenter
from avatar_engine.trust.permit import Permit, check, load, new
from tests.trust.signing import CODE, OTHER_CODE, sign

NOW = datetime(2027, 5, 7, 20, 0, tzinfo=UTC)
AWAY = ("live.twitch.tv",)


@pytest.fixture
def signed(tmp_path: Path):
    return sign(tmp_path, code=CODE, publish_with="permit")


def make(signed, folder: Path, code: str = CODE, **more) -> Permit:
    given = {"begins": NOW, "seconds": 3600.0, "overwrite": True, **more}
    new(signed, presenter.key_of(code), folder / "permit.toml", **given)
    return load(folder / "permit.toml")


def test_a_permit_lets_a_show_go_on_air_for_its_time(signed, tmp_path: Path) -> None:
    permit = make(signed, tmp_path)
    check(signed, permit, AWAY, NOW)
    check(signed, permit, AWAY, NOW + timedelta(minutes=59))
    for moment in (NOW - timedelta(seconds=1), NOW + timedelta(hours=1)):
        with pytest.raises(AvatarError, match=r"permit is for the time from .* to .*; it is"):
            check(signed, permit, AWAY, moment)
    assert "Marie" not in (tmp_path / "permit.toml").read_text(), "it names no person"


def test_without_one_a_show_is_refused_and_a_rehearsal_is_not(signed, tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match=r"asks for a permit.*consent permit"):
        check(signed, None, AWAY, NOW)
    check(signed, None, ("127.0.0.1", "localhost"), NOW)
    check(sign(tmp_path), None, AWAY, NOW)


def test_a_permit_may_be_for_one_platform(signed, tmp_path: Path) -> None:
    permit = make(signed, tmp_path, where=("twitch",))
    check(signed, permit, AWAY, NOW)
    with pytest.raises(AvatarError, match=r"not for a\.rtmp\.youtube\.com \(youtube\), only for: twitch"):
        check(signed, permit, ("a.rtmp.youtube.com",), NOW)


@pytest.mark.parametrize(
    "change", [{"ends": NOW + timedelta(hours=9)}, {"begins": NOW - timedelta(1)}, {"platforms": ("x",)}]
)
def test_a_permit_that_was_changed_is_none(signed, tmp_path: Path, change) -> None:
    wider = make(signed, tmp_path).model_copy(update=change)
    with pytest.raises(AvatarError, match="was changed afterwards"):
        check(signed, wider, AWAY, NOW)


def test_a_permit_of_the_technicians_key_is_none(signed, tmp_path: Path) -> None:
    bare = make(signed, tmp_path).model_copy(update={"signature": ""})
    forged = bare.model_copy(update={"signature": keys.sign(keys.technician_key(), bare.canonical())})
    with pytest.raises(AvatarError, match="not signed by Marie Dupont"):
        check(signed, forged, AWAY, NOW)
    with pytest.raises(AvatarError, match="not the one with which the consent was signed"):
        make(signed, tmp_path, code=OTHER_CODE)


def test_a_permit_of_another_consent_is_none(signed, tmp_path: Path) -> None:
    other = sign(tmp_path, "other.toml", clip=b"another minute", code=CODE, publish_with="permit")
    with pytest.raises(AvatarError, match="for another consent"):
        check(signed, make(other, tmp_path), AWAY, NOW)


def test_a_permit_has_an_end(signed, tmp_path: Path) -> None:
    for span in (32 * 86400.0, 0.0):
        with pytest.raises(AvatarError, match="at most 31 days"):
            make(signed, tmp_path, seconds=span)


def test_a_consent_without_the_presenters_key_has_no_permits(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="no key of the presenter's own"):
        make(sign(tmp_path), tmp_path)


def test_what_is_no_permit_is_told_and_a_file_is_kept(signed, tmp_path: Path) -> None:
    make(signed, tmp_path)
    with pytest.raises(AvatarError, match="exists already"):
        make(signed, tmp_path, overwrite=False)
    for text in ("", "permit = 3", "[permit]\nconsent = 'x'", "= ="):
        (tmp_path / "odd.toml").write_text(text)
        with pytest.raises(AvatarError, match="is no permit"):
            load(tmp_path / "odd.toml")
    with pytest.raises(AvatarError, match="can't be read"):
        load(tmp_path / "none.toml")
