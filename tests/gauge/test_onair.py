"""Real shows at once, with stand-ins for presenters, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from avatar_engine import capacity
from avatar_engine.errors import AvatarError
from avatar_engine.gauge import onair
from avatar_engine.gauge.onair import Look
from tests.gauge import stand_in
from tests.live.conftest import avatar as avatar

SIZE = (320, 180)


def look(**changed: object) -> Look:
    given = {
        "at": 0.0, "on_air": 10.0, "settled": True, "late": 1, "filled": 2, "held": 3, "dropped": 4, "lead": 3.0,
        "step_ms": 12.0, "pace": 0.4, "renderer": {"motion": 1.0, "body": 1.0, "paint": 2.0, "stage": 0.5},
        "parts": {"show": 1.0, "voice": 4.0, "renderer": 5.0, "broadcast": 2.0, "sender": 0.2, "other": 3.0},
        "memory_mb": 900.0, "encoder": "libx264", "step_p50_ms": 8.0,
    }  # fmt: skip
    return Look(**(given | changed))


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
    assert (trial.late, trial.filled, trial.held, trial.dropped, trial.lost, trial.holds) == (
        2,
        0,
        1,
        0,
        3,
        False,
    )
    assert trial.hosts == 2 and trial.step_ms == 30 and trial.starved == 0.5 and trial.memory_mb == 900
    assert trial.stages["voice"] == pytest.approx(0.4), "the mean show's"
    assert onair.summary([look()], [look(**LATER)], [look()], 0.2, 0).holds
    assert not onair.summary([look()], [look(**LATER)], [look()], 0.2, 1).holds


def test_a_show_is_on_air_watched_and_leaves_nothing_behind(avatar, tmp_path):
    script = tmp_path / "show.md"
    script.write_text("abc\n\ndef\n")
    seen = []

    def progress(stage: str, done: float, note: str = "") -> None:
        seen.append((done, len(capacity.taken())))

    trial, looks = onair.on_air(avatar(), script, SIZE, 1, 1.0, progress=progress, show=stand_in.perform)
    assert trial.hosts == 1 and trial.missing == 0 and trial.seconds >= 1
    assert set(trial.stages) >= {"voice", "paint", "encode", "body"} and trial.memory_mb > 50
    assert [one.encoder for one in looks] == ["libx264"]
    assert max(seats for _, seats in seen) == 1 and seen[-1][0] == 1.0
    assert capacity.taken() == []
    assert not [
        one for one in psutil.Process().children(recursive=True) if "measured" in " ".join(one.cmdline())
    ]


def test_a_show_that_can_not_begin_says_why(avatar, tmp_path):
    with pytest.raises(AvatarError, match="It can't"):
        onair.on_air(tmp_path / "no.avatar", tmp_path / "no.md", SIZE, 1, 1.0, show=stand_in.refused)
    with pytest.raises(AvatarError, match="no script"):
        onair.on_air(Path("no.avatar"), tmp_path / "no.md", SIZE, 1, 1.0)
