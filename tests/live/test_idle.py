"""Idle pictures are baked beside the show, once for every clone and look, whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.live.idle import Baker, idle_video
from avatar_engine.live.performer import Performer
from avatar_engine.stage.idle import IdleFootage
from tests.live import fakes

SIZE, ROUND = (64, 48), 40


class Rest(fakes.Ink):
    """Takes its time, and paints no mouth but one at rest."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def paint(self, picture_i420: ByteArray, matrix: FloatArray, coefficients: FloatArray) -> None:
        assert np.array_equal(coefficients, fakes.NEUTRAL)
        time.sleep(self._seconds)


def performer(seconds: float = 0.0, fault: str = "") -> Performer[list[float]]:
    """Made in the baker's process."""
    if fault:
        raise AvatarError(fault)
    parts = (fakes.LaggingMotion(), Rest(seconds), fakes.GreyBody(), fakes.BareStage())
    return Performer(*parts, fakes.NEUTRAL, length=ROUND)


def ended(baker: Baker) -> bool:
    limit = time.monotonic() + 60
    while baker.baking and time.monotonic() < limit:
        time.sleep(0.02)
    return not baker.baking


def test_a_round_of_the_body_with_the_mouth_at_rest_is_baked_once(tmp_path: Path) -> None:
    video = tmp_path / "idle" / "v.mp4"
    baker = Baker(performer, video, SIZE)
    assert baker.baking and ended(baker)
    footage = IdleFootage(video)
    assert footage.ready
    shades = [float(footage.picture(index)[: SIZE[1]].mean()) for index in range(2 * ROUND)]
    assert np.allclose(shades[:ROUND], 60 + np.arange(ROUND), atol=1.5), "the body's pictures, in their order"
    assert np.allclose(shades[ROUND:], shades[:ROUND], atol=0.5), "the next round is the same"
    again = Baker(partial(performer, fault="it is baked again"), video, SIZE)
    assert not again.baking
    for one in (baker, again):
        one.close()


def test_a_show_that_ends_before_leaves_nothing_half_baked(tmp_path: Path) -> None:
    video = tmp_path / "v.mp4"
    baker = Baker(partial(performer, 0.5), video, SIZE)
    limit = time.monotonic() + 60
    while not any(tmp_path.iterdir()) and time.monotonic() < limit:
        time.sleep(0.02)
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    baker.close()
    assert not baker.baking and not list(tmp_path.iterdir())


def test_a_performer_that_fails_or_a_place_that_cannot_be_leave_the_show_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Baker(partial(performer, fault="no such card"), tmp_path / "v.mp4", SIZE)
    assert ended(broken) and not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    nowhere = Baker(performer, tmp_path / "file" / "v.mp4", SIZE)
    assert not nowhere.baking and "no idle pictures" in caplog.text
    for one in (broken, nowhere):
        one.close()


def test_every_look_of_a_clone_has_a_file_of_its_own(avatar: Callable[..., Path]) -> None:
    bundle = Bundle.open(avatar())
    looks = [
        (bundle, "virtual", SIZE, "neutral"),
        (bundle, "virtuel", SIZE, "neutral"),
        (bundle, "virtual", (128, 96), "neutral"),
        (bundle, "virtual", SIZE, "happy"),
    ]
    files = [idle_video(*look) for look in looks]
    assert len(set(files)) == len(files) and files[0] == idle_video(*looks[0])
