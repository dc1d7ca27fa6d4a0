"""Shows that the studio starts: on air in processes of their own, found again, ordered, and ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from avatar_engine import capacity
from avatar_engine.capacity import Limits, machine
from avatar_engine.errors import AvatarError
from avatar_engine.media.read import frame_count
from avatar_engine.studio import room, words
from avatar_engine.studio.client import Client
from avatar_engine.studio.house import House
from avatar_engine.studio.refusals import Conflict, Forbidden, Refusal
from avatar_engine.studio.shows import Wish
from tests.capacity import machines
from tests.studio.conftest import clone_of, opened, until

SCRIPT = """---
language: en
---

# One

Aaa bbb.

<!-- chat 60s -->

# Two

Ccc ddd.
"""
KEY = "the-secret-key"


def on_air(house: House, ident: int) -> None:
    until(lambda: house.shows.one(ident).state != "starting", 90)
    one = house.shows.one(ident)
    assert one.state == "on air", one.error


def test_a_show_outlives_the_studio_and_is_found_ordered_and_ended_by_the_next(
    place: Path, plain_clip: Path
) -> None:
    house = opened(place)
    house.outputs.allow(["127.0.0.1"])
    goal = house.outputs.add("here", f"rtmp://127.0.0.1:9/live/{KEY}", "test")
    script = house.scripts.add("Friday", SCRIPT, "test")
    clone = clone_of(house, plain_clip)
    ident = house.shows.start(clone, script, Wish(outputs=(goal.id,), size="320x180"), "test")
    on_air(house, ident)
    one = house.shows.one(ident)
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not any(KEY in line for line in lines), "the key is in the list of processes"
    kept = [path for path in [*place.rglob("*"), *place.parent.joinpath("home").rglob("*")] if path.is_file()]
    assert not [path for path in kept if KEY.encode() in path.read_bytes()], "the key is on the disk"
    assert [goal.shown] == list(one.outputs)
    house.close()

    again = opened(place)
    try:
        one = again.shows.one(ident)
        assert one.state == "on air"
        until(lambda: again.shows.one(ident).status["frames"] > 60)  # of which the recording is to have most
        assert again.shows.order(ident, "say", "Eee.") == "It is said now."
        journal = again.shows.journal(one)
        assert journal is not None
        until(lambda: "Eee." in journal.read_text())
        assert again.shows.order(ident, "jump", "Two").startswith("On with")
        with pytest.raises(AvatarError, match="no segment"):
            again.shows.order(ident, "jump", "Nine")
        for order, text in (("mic", "alsa:default"), ("layout", "/etc/x.toml"), ("layout", "mine.toml")):
            with pytest.raises(Refusal):
                again.shows.order(ident, order, text)
        again.shows.stop(ident)
        until(lambda: again.shows.one(ident).state == "ended", 60)
        assert frame_count(again.shows.folder(ident) / "recording.mp4") > 25
        with pytest.raises(Conflict, match="over"):
            again.shows.stop(ident)
    finally:
        again.close()


def test_a_show_that_is_killed_whole_is_told_and_goes_on_where_it_was(house: House, plain_clip: Path) -> None:
    script = house.scripts.add("Friday", SCRIPT, "test")
    ident = house.shows.start(clone_of(house, plain_clip), script, Wish(size="320x180"), "test")
    on_air(house, ident)
    pid = int(house.shows.one(ident).snapshot["pid"])
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    house.shows._gone[ident] = time.monotonic() - 60  # nobody takes its place any more
    until(lambda: house.shows.one(ident).state == "cut off")
    house.shows.resume(ident, "test")
    on_air(house, ident)
    house.shows.stop(ident)
    until(lambda: not house.shows.one(ident).open, 60)
    names = sorted(path.name for path in house.shows.folder(ident).glob("*.mp4"))
    assert names == ["recording-2.mp4", "recording.mp4"], "nothing was overwritten"


def test_a_show_that_can_not_begin_says_why(house: House, plain_clip: Path) -> None:
    script = house.scripts.add("Friday", "---\nlanguage: fr\n---\n\nBonjour.\n", "test")
    ident = house.shows.start(clone_of(house, plain_clip), script, Wish(size="320x180"), "test")
    until(lambda: not house.shows.one(ident).open, 60)
    one = house.shows.one(ident)
    assert one.state == "failed" and "fr" in one.error and "Traceback" not in one.error


def test_a_show_that_the_machine_does_not_carry_says_so_and_is_let_in_by_force(
    house: House, plain_clip: Path
) -> None:
    assert "Nobody has measured" in room.left()["advice"]
    limits = Limits(cores=0.1, memory_mb=6000)
    capacity.keep(machines.capacity(machine=machine.fingerprint(), limits=limits))
    assert [(one["left"], one["carries"]) for one in room.left()["sizes"]] == [(0, 2)]
    script = house.scripts.add("Friday", SCRIPT, "test")
    ident = house.shows.start(clone_of(house, plain_clip), script, Wish(size="320x180"), "test")
    until(lambda: not house.shows.one(ident).open, 90)
    one = house.shows.one(ident)
    assert one.crowded and "cores" in one.error
    assert words.theirs("fr", one.error), "it is told in French, too"
    house.shows.resume(ident, "test", force=True)
    on_air(house, ident)
    (seat,) = room.left()["seats"]
    assert seat["forced"] and seat["size"] == [320, 180] and one.name in seat["show"]
    house.shows.stop(ident)
    until(lambda: not house.shows.one(ident).open, 60)


def test_what_may_not_go_on_air_is_refused(house: House, plain_clip: Path) -> None:
    script = house.scripts.add("Friday", SCRIPT, "test")
    outward = house.scripts.add(
        "Outward", "---\nlanguage: en\ncatalogue: /etc/passwd\n---\n\nHello.\n", "test"
    )
    clone = clone_of(house, plain_clip)
    with pytest.raises(Refusal, match="nowhere"):
        house.shows.start(clone, script, Wish(record=False), "test")
    with pytest.raises(Forbidden, match="beside"):
        house.shows.start(clone, outward, Wish(), "test")
    with pytest.raises(Refusal, match="layout"):
        house.shows.start(clone, script, Wish(layout="../x.toml"), "test")
    house.clones.decide(clone, "returned", "blurred")
    with pytest.raises(Conflict, match="no clone"):
        house.shows.start(clone, script, Wish(), "test")
    assert not house.shows.listed()


def test_the_client_takes_a_clip_on_air_and_sees_it(
    client: Client, house: House, plain_clip: Path, served: str, token: Callable[[str], str]
) -> None:
    begun = client.upload_clip("marie", plain_clip)
    assert client.wait(begun["jobs"]["check"]["id"], 0.1)["result"]["verdict"] == "could be better"
    where = f"clones/{begun['id']}"
    agreed = {
        "presenter": "Marie Test",
        "uses": ["live-shopping"],
        "languages": ["en"],
        "valid_until": "2099-01-01",
    }
    assert client.post(f"{where}/consent", technician="A. Tester", **agreed)["step"] == "fit"
    job = client.post(f"{where}/fit", budget=600)
    assert [told["state"] for told in client.events(f"jobs/{job['id']}")][-1] == "done"
    assert client.post(f"{where}/decision", decision="accepted")["ready"]
    room = client.post("rooms", clone=begun["id"])
    until(lambda: client.get(f"shows/{room['id']}")["state"] == "on air", 90)
    assert client.order(room["id"], "say", "Good evening.") == "It is said now."
    address = f"{served.replace('http', 'ws')}/api/v1/shows/{room['id']}/live.ws"
    bearer = {"Authorization": f"Bearer {token('viewer')}"}
    with connect(address, additional_headers=bearer, max_size=None) as line:
        assert line.recv(timeout=20)[:3] == b"FLV"
    with pytest.raises(InvalidStatus):
        connect(address)
    with pytest.raises(InvalidStatus):
        connect(address, additional_headers=bearer | {"Origin": "http://evil.example"})
    client.post(f"shows/{room['id']}/stop")
    last = [told["state"] for told in client.events(f"shows/{room['id']}")][-1]
    assert last == "ended"
    with pytest.raises(AvatarError, match="no show 99"):
        client.get("shows/99")
    assert client.get("me")["role"] == "technician"
