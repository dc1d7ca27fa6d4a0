"""The hand on a machine: files, tokens, leases, and what it says of runs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.fleet import keeper
from avatar_engine.fleet.hand import Hand, Order, Piece, StaleError
from avatar_engine.fleet.lease import clock
from avatar_engine.fleet.record import Report
from avatar_engine.live.position import Position
from tests.fleet.test_keeper import lives, until

ROOT = Path(__file__).parents[2]
SCRIPT = b"# One\n\nHello.\n"
PIECE = Piece("script/show.md", sha256(SCRIPT).hexdigest(), len(SCRIPT))


@pytest.fixture
def hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    one = Hand()
    yield one
    for token in range(1, 9):
        one.end("fleet", "marie", token)


def order(token: int, *words: str, kind: str = "clone", **more: Any) -> Order:
    more = {"pieces": (), **more}
    return Order("fleet", "marie", token, kind, ("-m", "tests.fleet.stand_in"), words, **more)


def beat(hand: Hand, token: int, until: float | None = None, kind: str = "clone") -> Report:
    return hand.beat("fleet", "marie", token, kind, until, 0)


def missing(hand: Hand, name: str = "marie", token: int = 1) -> list[str]:
    return hand.missing(name, token, [PIECE])


def family(hand: Hand) -> list[int]:
    path = hand._home / "marie" / "files" / "family.json"
    until(path.exists)
    told = list(json.loads(path.read_text()))
    path.unlink()
    return told


def test_files_come_in_parts_are_checked_and_are_sent_once(hand: Hand) -> None:
    assert missing(hand) == [PIECE.sha256]
    hand.take("marie", PIECE, 0, SCRIPT[:5])
    assert missing(hand)
    with pytest.raises(AvatarError, match="changed"):
        hand.take("marie", PIECE, 5, b"x" * (len(SCRIPT) - 5))
    hand.take("marie", PIECE, 0, SCRIPT[:5])
    hand.take("marie", PIECE, 5, SCRIPT[5:])
    assert missing(hand) == []


def test_a_newer_run_ends_the_older_and_an_older_order_is_refused(hand: Hand) -> None:
    hand.begin(order(3, "family"), (), math.inf)
    first = family(hand)
    hand.begin(order(3, "family"), (), math.inf)
    assert all(map(lives, first)), "asked twice"
    with pytest.raises(StaleError) as error:
        hand.begin(order(2, "family"), (), math.inf)
    assert error.value.newest == 3
    hand.begin(order(4, "family"), (), math.inf)
    assert not any(map(lives, first)) and all(map(lives, family(hand)))
    assert beat(hand, 3).state == "none" and beat(hand, 4).state == "running"


def test_an_order_that_comes_too_late_starts_nothing(hand: Hand) -> None:
    with pytest.raises(StaleError):
        hand.begin(order(1, "family"), (), clock() - 0.1)
    assert beat(hand, 1).state == "none"


def test_a_lease_that_was_lost_stays_lost(hand: Hand) -> None:
    hand.begin(order(1, "family"), (), clock() + 600)
    members = family(hand)
    assert beat(hand, 1, clock() + 0.1).state == "running"
    time.sleep(0.15)
    beat(hand, 1, clock() + 600)
    until(lambda: not any(map(lives, members)), 5)
    until(lambda: beat(hand, 1).state == "cut off")
    assert beat(hand, 1).error == "lost the lease"


def test_how_it_ended_is_told(hand: Hand) -> None:
    hand.begin(order(1, "refuse"), (), math.inf)
    until(lambda: beat(hand, 1).state == "failed")
    assert beat(hand, 1).error == "The consent does not cover it. Ask anew."
    hand.begin(order(2, "tell"), (), math.inf)
    until(lambda: beat(hand, 2).state == "ended")


def test_a_show_goes_on_from_the_place_that_is_known_best(hand: Hand) -> None:
    hand.take("marie", PIECE, 0, SCRIPT)
    show = {"kind": "show", "pieces": (PIECE,), "script": PIECE.target}

    def place() -> int:
        with closing(Position(hand._home / "marie" / "files" / PIECE.target)) as position:
            return position.load()

    hand.begin(order(1, "tell", **show, place=5), (), math.inf)
    assert place() == 0, "a show that begins, begins at the top"
    hand.begin(order(2, "tell", **show, place=5, resumes=True), (), math.inf)
    assert place() == 5
    with closing(Position(hand._home / "marie" / "files" / PIECE.target)) as position:
        position.save(7)
    hand.begin(order(3, "tell", **show, place=6, resumes=True), (), math.inf)
    assert place() == 7, "it was here a moment ago"
    hand.begin(order(6, "tell", **show, place=2, resumes=True), (), math.inf)
    assert place() == 2, "it was elsewhere meanwhile"


def test_addresses_reach_the_show_alone(hand: Hand) -> None:
    hand.take("marie", PIECE, 0, SCRIPT)
    show = {"kind": "show", "pieces": (PIECE,), "script": PIECE.target}
    hand.begin(order(1, "tell", **show), ("rtmp://a/live/SECRET",), math.inf)
    told = hand._home / "marie" / "files" / "told.json"
    until(told.exists)
    assert json.loads(told.read_text())["words"][-2:] == ["--to", "rtmp://a/live/SECRET"]
    told.unlink()
    kept = [path for path in hand._home.rglob("*") if path.is_file() and b"SECRET" in path.read_bytes()]
    assert not kept


def test_files_of_a_task_are_fetched_and_forgotten(hand: Hand) -> None:
    assert missing(hand)
    hand.take("marie", PIECE, 0, SCRIPT)
    hand.begin(order(1, "tell", pieces=(PIECE,)), (), math.inf)
    assert [path for path, _, _ in hand.look("marie", "script")] == [PIECE.target]
    assert hand.fetch("marie", PIECE.target, 2) == SCRIPT[2:]
    with pytest.raises(AvatarError):
        hand.fetch("marie", "../token", 0)
    until(lambda: beat(hand, 1).state == "ended")
    hand.forget("marie", 1)
    assert not list((hand._home / "cache").iterdir()) and not hand.look("marie", "script")
    with pytest.raises(StaleError):
        hand.begin(order(1, "tell"), (), math.inf)


def test_a_file_that_another_task_needs_is_kept(hand: Hand) -> None:
    assert missing(hand)
    hand.take("marie", PIECE, 0, SCRIPT)
    hand.begin(order(1, "tell", pieces=(PIECE,)), (), math.inf)
    until(lambda: beat(hand, 1).state == "ended")
    assert not missing(hand, "anna"), "it is there, and nothing is sent"
    hand.forget("marie", 1)
    assert (hand._home / "cache" / PIECE.sha256).is_file() and not hand.look("marie", "script")
    hand.forget("anna", 1)
    assert not list((hand._home / "cache").iterdir())


def test_what_a_newer_run_is_about_to_need_is_not_forgotten(hand: Hand) -> None:
    assert missing(hand)
    hand.take("marie", PIECE, 0, SCRIPT)
    hand.begin(order(1, "tell", pieces=(PIECE,)), (), math.inf)
    until(lambda: beat(hand, 1).state == "ended")
    assert not missing(hand, token=2)
    hand.forget("marie", 1)
    hand.begin(order(2, "tell", pieces=(PIECE,)), (), math.inf)
    assert hand.look("marie", "script")


def test_files_of_former_runs_are_forgotten_too(hand: Hand) -> None:
    assert missing(hand)
    hand.take("marie", PIECE, 0, SCRIPT)
    assert hand.missing("marie", 2, []) == []
    hand.take("marie", PIECE, 0, SCRIPT[:4])
    hand.forget("marie", 2)
    assert not list((hand._home / "cache").iterdir())


def test_two_tasks_take_the_same_file_at_once(hand: Hand) -> None:
    for name in ("marie", "anna"):
        assert missing(hand, name)
    hand.take("marie", PIECE, 0, SCRIPT[:5])
    hand.take("anna", PIECE, 0, SCRIPT[:9])
    hand.take("marie", PIECE, 5, SCRIPT[5:])
    hand.take("anna", PIECE, 9, SCRIPT[9:])
    assert [path.name for path in (hand._home / "cache").iterdir()] == [PIECE.sha256]


def test_a_run_whose_folder_is_there_was_begun_whatever_else_was_written(hand: Hand) -> None:
    hand.begin(order(1, "tell"), (), math.inf)
    until(lambda: beat(hand, 1).state == "ended")
    (hand._home / "marie" / "2").mkdir()  # as far as it had come when the machine's current failed
    with pytest.raises(StaleError) as error:
        hand.begin(order(2, "tell"), (), math.inf)
    assert error.value.newest == 2 and beat(hand, 1).state == "none"


def test_nothing_is_begun_or_said_to_be_over_while_a_former_run_does_not_end(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand.begin(order(1, "family"), (), math.inf)
    members = family(hand)
    with monkeypatch.context() as patch:
        patch.setattr(keeper, "kill", lambda *_: False)
        patch.setattr(keeper, "PATIENCE", 0.1)
        with pytest.raises(OSError, match="do not end"):
            hand.begin(order(2, "family"), (), math.inf)
        until(lambda: not keeper.alive(hand._home / "marie" / "1"))
        (hand._home / "marie" / "1" / keeper.OVER).unlink(missing_ok=True)
        with pytest.raises(OSError, match="do not end"):
            beat(hand, 1)
    assert not (hand._home / "marie" / "2").exists()
    hand.begin(order(2, "family"), (), math.inf)
    assert not any(map(lives, members)) and beat(hand, 2).state == "running"
