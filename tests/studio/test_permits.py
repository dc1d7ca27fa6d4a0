"""Permits in the studio: a show is sent with the one that lets it go where it goes, and goes on with one, too."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from avatar_engine.studio import deeds, permits
from avatar_engine.studio import shows as rooms
from avatar_engine.studio.clones import Agreed, Clone
from avatar_engine.studio.gate import Caller
from avatar_engine.studio.house import House
from avatar_engine.studio.shows import Wish
from avatar_engine.trust import presenter
from tests.studio.conftest import PASSWORD, clone_of, until

SCRIPT = "---\nlanguage: en\n---\n\nHello.\n"


@pytest.fixture
def one(house: House, plain_clip: Path) -> Clone:
    """A clone whose presenter permits each show, with one permit for YouTube and a newer one for Twitch."""
    copy = house.folder / "uploads" / "came.mp4"
    copy.write_bytes(plain_clip.read_bytes())
    ident = house.clones.add("小美", copy, "minute.mp4", "test")
    until(lambda: house.clones.one(ident).checked)
    last, code = date.today() + timedelta(days=2), presenter.new_code()
    agreed = Agreed("Marie Test", ["live-shopping"], ["en"], last, "A. Tester", code=code, permit=True)
    house.clones.agree(ident, agreed)
    house.clones.fit(ident, 600, "en", "test")
    until(lambda: house.clones.one(ident).fitted and not house.clones.one(ident).jobs["fit"].open)
    made = house.clones.one(ident)
    for where in ("youtube", "twitch"):
        permits.make(made, code, datetime.now(UTC) - timedelta(minutes=1), 2.0, [where])
    return made


@pytest.fixture
def accepted(house: House, plain_clip: Path) -> int:
    """A clone that needs no permit."""
    return clone_of(house, plain_clip)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The words with which shows are started; none is."""
    words: list[list[str]] = []

    def begin(command: Any, place: Path, log: Path, told: str) -> tuple[int, float]:
        words.append(json.loads(told))
        return 2**22, 0.0

    monkeypatch.setattr(rooms.processes, "begin", begin)
    return words


def test_every_wish_reaches_the_show(
    house: House, accepted: int, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        rooms.looks, "see", lambda who, look: None
    )  # the stand-in avatar has the clone's own alone
    script = house.scripts.add("Friday", SCRIPT, "test")
    output = house.outputs.add("there", "rtmp://live.twitch.tv/app/key", "test")
    wish = Wish(
        (output.id,), True, True, "vertical", "#18a040", "evening", "720x1280", 90.0, "a permit", 7, True
    )
    house.shows.start(accepted, script, wish, "test")
    words = started[0]
    given = {option: words[words.index(option) + 1] for option in words if option.startswith("--")
             if option not in ("--loop", "--resume") and words[-1] != option}  # fmt: skip
    asked = {"--to": "rtmp://live.twitch.tv/app/key", "--layout": "vertical", "--background": "#18a040",
             "--look": "evening", "--size": "720x1280", "--for": "90m", "--seed": "7", "--seat": "force"}  # fmt: skip
    assert {option: given.get(option) for option in asked} == asked
    assert "--loop" in words and "--resume" not in words and permit_in(words) == "a permit"
    assert Path(given["--record"]).parent == Path(given["--script"]).parent.parent
    house.shows.start(accepted, script, Wish((output.id,), False), "test")
    assert not {*started[1]} & ({*asked, "--record", "--loop", "--permit"} - {"--to"})


def permit_in(words: list[str]) -> str:
    return Path(words[words.index("--permit") + 1]).read_text() if "--permit" in words else ""


@pytest.mark.parametrize(
    ("host", "named"), [("a.rtmp.youtube.com", "youtube"), ("live.twitch.tv", "twitch"), ("tiktok.com", "")]
)
def test_the_permit_that_covers_the_output_goes_with_the_show_and_when_it_goes_on(
    house: House, one: Clone, started: list[list[str]], host: str, named: str
) -> None:
    admin = house.people.accept(house.people.invite("admin", "t"), "Ada", PASSWORD)
    output = house.outputs.add("there", f"rtmp://{host}/live/key", "test")
    house.clones.decide(one.id, "accepted", "")
    script = house.scripts.add("Friday", SCRIPT, "test")
    caller = Caller(house, admin, None)
    ident = deeds.start(caller, one.id, script, Wish(outputs=(output.id,)))
    assert named in permit_in(started[0]) and bool(permit_in(started[0])) == bool(named)
    house.database.do("UPDATE shows SET state = 'cut off' WHERE id = ?", ident)
    deeds.resume(caller, ident)
    assert permit_in(started[1]) == permit_in(started[0]) and "--resume" in started[1]


def test_a_permit_of_a_name_in_another_alphabet_can_be_taken(house: House, one: Clone) -> None:
    admin = house.people.accept(house.people.invite("admin", "t"), "Ada", PASSWORD)
    name = permits.listed(one)[0].name
    answer = deeds.permit_file(Caller(house, admin, None), one.id, name)
    assert answer.status_code == 200 and b"twitch" in answer.body
    assert replace(permits.listed(one)[0], state="valid").platforms == ("twitch",)
