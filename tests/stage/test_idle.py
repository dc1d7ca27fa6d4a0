"""Idle pictures by index, at once, whether the footage is there yet or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage.idle import GOP, LOOKS_APART, IdleFootage

COUNT = 20


def write(path: Path) -> None:
    with VideoWriter(path, 64, 48, sound=False, crf=10, preset="veryfast", gop=GOP) as writer:
        for index in range(COUNT):
            writer.picture(np.full((72, 64), 40 + 8 * index, np.uint8))


def shade(footage: IdleFootage, index: int) -> int:
    return round((float(footage.picture(index)[:48].mean()) - 40) / 8)


def test_any_index_and_those_that_follow_round_after_round(tmp_path: Path) -> None:
    write(tmp_path / "idle.mp4")
    footage = IdleFootage(tmp_path / "idle.mp4")
    assert footage.ready
    for start in (0, 7, 3, 5 * COUNT + 18, 1_000_003):
        assert [shade(footage, start + k) for k in range(6)] == [(start + k) % COUNT for k in range(6)]


def test_it_is_ready_when_the_file_comes(tmp_path: Path) -> None:
    footage = IdleFootage(tmp_path / "idle.mp4")
    assert not footage.ready
    write(tmp_path / "idle.mp4")
    assert footage.ready and shade(footage, 4) == 4


def test_damaged_footage_is_never_ready(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "idle.mp4").write_bytes(b"no video")
    footage = IdleFootage(tmp_path / "idle.mp4")
    assert not footage.ready and not footage.ready
    assert caplog.text.count("no idle pictures") == 1


def test_footage_that_goes_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "idle.mp4")
    footage = IdleFootage(tmp_path / "idle.mp4")
    assert footage.ready
    (tmp_path / "idle.mp4").unlink()
    with pytest.raises(AvatarError):
        footage.picture(3)


def test_every_look_has_pictures_of_its_own_as_soon_as_its_film_is_there(tmp_path: Path) -> None:
    write(tmp_path / "one.mp4")
    footage = IdleFootage(tmp_path / "one.mp4", tmp_path / "other.mp4")
    other = LOOKS_APART + 5
    assert footage.has(7) and footage.has(-3) and not footage.has(other)
    with VideoWriter(tmp_path / "other.mp4", 64, 48, sound=False, crf=10, gop=GOP) as writer:
        for index in range(8):
            writer.picture(np.full((72, 64), 200 - 8 * index, np.uint8))
    assert footage.has(other)
    assert [shade(footage, other + k) for k in range(5)] == [15, 14, 13, 20, 19]  # 200 is shade 20
    assert shade(footage, 3 * COUNT + 4) == 4 and shade(footage, -1) == COUNT - 1
    assert footage.has(9 * LOOKS_APART)  # a look that nobody knows has the first one's
