"""Real shows at once, with stand-ins for presenters, and what is told of them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from avatar_engine import capacity
from avatar_engine.errors import AvatarError
from avatar_engine.gauge import measure, onair
from avatar_engine.gauge import receiver as receivers_room
from avatar_engine.gauge.receiver import Receiver
from tests.gauge import stand_in
from tests.gauge.stand_in import look
from tests.live.conftest import avatar as avatar

SIZE = (320, 180)


LATER = {
    "on_air": 20.0,
    "renderer": {"motion": 1.2, "body": 1.1, "paint": 4.0, "stage": 1.0},
    "parts": {"show": 1.5, "voice": 8.0, "renderer": 9.0, "broadcast": 4.5, "sender": 0.4, "other": 3.1},
}


def test_processor_time_goes_to_the_stage_that_took_it():
    stages = onair.stages_of(look(), look(**LATER), 0.2)
    expected = {
        "voice": 0.4, "lips": 0.02, "paint": 0.2, "stage": 0.05, "body": 0.13, "encode": 0.2, "send": 0.07,
        "show": 0.06,
    }  # fmt: skip
    assert stages == pytest.approx(expected)
    assert onair.stages_of(look(), look(**LATER), 0.0)["encode"] == pytest.approx(0.25)


def test_a_trial_counts_what_was_lost_while_it_was_watched():
    later = look(**LATER, late=3, held=4, step_ms=30.0, lead=0.0)
    trial = onair.summary([look(), look()], [look(**LATER), later], [look(), later], 0.2, 0)
    assert (trial.late, trial.filled, trial.held, trial.dropped, trial.lost) == (2, 0, 1, 0, 3)
    assert trial.hosts == 2 and trial.step_ms == 30 and trial.starved == 0.5 and trial.memory_mb == 900
    assert trial.stages["voice"] == pytest.approx(0.4), "the mean show's"
    assert onair.summary([look()], [look(**LATER)], [look()], 0.2, 0).lost == 0
    assert onair.summary([look()], [look(**LATER)], [look()], 0.2, 1).lost == 1


def running(address: str) -> list[str]:
    """Processes of measured shows and receivers that are left: begun by `multiprocessing`, or with the address."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            words = " ".join(one.cmdline())
            ended = one.status() == psutil.STATUS_ZOMBIE or "resource_tracker" in words
            if not ended and ("multiprocessing" in words or address in words):
                found.append(words)
    return found


def test_what_is_looked_for_is_seen_while_it_is_there():
    receiver = Receiver()
    try:
        assert running(receiver.address)
    finally:
        receiver.close()
    assert not running(receiver.address)


def test_a_show_of_which_nothing_arrives_misses_every_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(receivers_room, "PATIENCE", 0.2)
    trial, _ = onair.on_air(tmp_path / "no.avatar", tmp_path / "no.md", SIZE, 2, 2.0, show=stand_in.silent)
    assert 2 * 40 <= trial.missing <= 2 * 75 and trial.lost == trial.missing and not measure.whole(trial)


def test_a_show_is_on_air_watched_and_leaves_nothing_behind(avatar, tmp_path, monkeypatch):
    script = tmp_path / "show.md"
    script.write_text("abc\n\ndef\n")
    seen, receivers = [], []
    monkeypatch.setattr(onair, "Receiver", lambda: receivers.append(Receiver()) or receivers[-1])

    def progress(stage: str, done: float, note: str = "") -> None:
        seen.append((done, len(capacity.taken())))

    trial, looks = onair.on_air(avatar(), script, SIZE, 1, 1.0, progress=progress, show=stand_in.perform)
    assert trial.hosts == 1 and trial.missing == 0 and trial.seconds >= 1
    assert receivers[0].pictures >= 25, "they came through"
    assert set(trial.stages) >= {"voice", "paint", "encode", "body"} and trial.memory_mb > 50
    assert [one.encoder for one in looks] == ["libx264"]
    assert max(seats for _, seats in seen) == 1 and seen[-1][0] == 1.0
    assert capacity.taken() == []
    assert not running(receivers[0].address)


def test_a_show_that_can_not_begin_says_why(avatar, tmp_path):
    with pytest.raises(AvatarError, match="It can't"):
        onair.on_air(tmp_path / "no.avatar", tmp_path / "no.md", SIZE, 1, 1.0, show=stand_in.refused)
    with pytest.raises(AvatarError, match="no script"):
        onair.on_air(Path("no.avatar"), tmp_path / "no.md", SIZE, 1, 1.0)
