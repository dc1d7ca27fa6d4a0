"""Looks from the studio: agreed to by whose code it is, and never beside other work on the same avatar."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.studio import looks
from avatar_engine.studio.clones import Agreed, Clone
from avatar_engine.studio.house import House
from avatar_engine.studio.refusals import Conflict, Refusal
from avatar_engine.trust import consent as consents
from avatar_engine.trust import presenter
from tests.studio.conftest import until


@pytest.fixture
def code() -> str:
    return presenter.new_code()


@pytest.fixture
def one(house: House, plain_clip: Path, code: str) -> Clone:
    """A clone whose presenter signs with a code of their own."""
    ident = house.clones.add("marie", brought(house, plain_clip), "minute.mp4", "test")
    until(lambda: house.clones.one(ident).checked)
    last = date.today() + timedelta(days=2)
    agreed = Agreed("Marie Test", ["live-shopping"], ["en"], last, "A. Tester", code=code, permit=True)
    house.clones.agree(ident, agreed)
    house.clones.fit(ident, 600, "en", "test")
    done(house, ident)
    return house.clones.one(ident)


def brought(house: House, clip: Path) -> Path:
    return Path(shutil.copy(clip, house.folder / "uploads" / "came.mp4"))


def done(house: House, ident: int) -> None:
    until(lambda: house.clones.one(ident).fitted and not house.clones.one(ident).jobs["fit"].open)


def add(house: House, one: Clone, clip: Path, code: str) -> int:
    return looks.add(house.jobs, one, "evening", brought(house, clip), "e.mp4", 0.0, code, "test")


def test_a_look_is_agreed_to_as_the_clone_was(house: House, one: Clone, plain_clip: Path, code: str) -> None:
    job = add(house, one, plain_clip, code)
    assert one.signed
    signed, own = consents.load(one.folder / "looks" / "evening" / "consent.toml").consent, one.signed.consent
    for name in ("presenter", "presenter_key", "uses", "languages", "platforms", "valid_until", "publish_with",
                 "revocation_list", "grace_hours"):  # fmt: skip
        assert getattr(signed, name) == getattr(own, name), name
    assert house.jobs.one(job).kind == "look"


@pytest.mark.parametrize("other", ["", "a fresh one"])
def test_nobody_elses_code_signs_and_what_was_there_stays(
    house: House, one: Clone, plain_clip: Path, code: str, other: str
) -> None:
    job = add(house, one, plain_clip, code)
    until(lambda: not house.jobs.one(job).open)
    place = one.folder / "looks" / "evening"
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    with pytest.raises(AvatarError, match="code"):
        add(house, one, plain_clip, other and presenter.new_code())
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_two_jobs_never_write_one_avatar(house: House, one: Clone, plain_clip: Path, code: str) -> None:
    house.database.do("UPDATE jobs SET state = 'running' WHERE kind = 'fit'")
    for ask in (
        lambda: add(house, one, plain_clip, code),
        lambda: house.clones.matte(one.id, "test"),
        lambda: house.jobs.ask("look", "marie: x", {}, "test", one.id),
    ):
        with pytest.raises(Conflict):
            ask()
    assert not (one.folder / "looks" / "evening").exists()
    with pytest.raises(Refusal):
        looks.drop(house.jobs, one, "evening")
