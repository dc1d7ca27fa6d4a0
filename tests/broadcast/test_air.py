"""What goes out when frames are late, stale, missing or back again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from avatar_engine.broadcast.air import EDGE, PREROLL, Air, Finish, OnAir
from avatar_engine.broadcast.pacer import Pacer
from avatar_engine.broadcast.ring import FrameRing
from avatar_engine.contracts import FRAME_RATE, SAMPLES_PER_FRAME, ByteArray, FloatArray, ProgrammeFrame

WIDTH, HEIGHT, SLOTS = 160, 90, 12
FILLED = 200
"""Brightness of the idle picture; a frame's own is its content's number."""


class Idle:
    there = True

    def has(self, index: int) -> bool:
        return self.there

    def picture(self, index: int) -> ByteArray:
        return np.full((HEIGHT * 3 // 2, WIDTH), FILLED, np.uint8)


class Broken(Idle):
    def picture(self, index: int) -> ByteArray:
        raise OSError("the file is gone")


class Some(Idle):
    """Idle pictures below number 1000 alone."""

    def has(self, index: int) -> bool:
        return index < 1000


class NotYet(Idle):
    there = False


class Studio:
    """A ring, its reader with a clock of the test's own, and what went out."""

    def __init__(self, ring: FrameRing) -> None:
        self.ring, self.now, self.made = ring, 50.0, 0
        self.gone: list[tuple[int, int]] = []
        self.sounds: list[FloatArray] = []
        self.meanwhile: dict[int, Callable[[], object]] = {}

    def put(self, index: int, epoch: int = 0, level: float = 0.5, home: int = 0) -> None:
        picture = np.full((HEIGHT * 3 // 2, WIDTH), self.made % 150 + 20, np.uint8)
        sound = np.full(SAMPLES_PER_FRAME, level, np.float32)
        assert self.ring.put(
            ProgrammeFrame(index, picture, sound, True, home), epoch=epoch, content=self.made
        )
        self.made += 1

    def play(
        self,
        until: int,
        filler: Idle | None = None,
        room: FloatArray | None = None,
        finish: Finish | None = None,
    ) -> None:
        """Frames up to index ``until``; after each, what the test does meanwhile."""
        begin = self.ring.next

        def send(index: int, picture: ByteArray, sound: FloatArray) -> None:
            self.gone.append((index, int(picture[0, 0])))
            self.sounds.append(sound.copy())
            self.meanwhile.pop(index, lambda: None)()

        def sleep(seconds: float) -> None:
            self.now += seconds

        air = Air(self.ring, filler or Idle(), send, Pacer(lambda: self.now, sleep), room, finish)
        air.play(lambda: self.ring.next < until)
        assert [index for index, _ in self.gone[-(until - begin) :]] == list(range(begin, until))


@pytest.fixture
def studio() -> Iterator[Studio]:
    ring = FrameRing.make(WIDTH, HEIGHT, SLOTS)
    yield Studio(ring)
    ring.discard()


def test_every_frame_at_its_moment_and_the_idle_face_for_what_is_missing(studio: Studio) -> None:
    for index in (0, 1, 2, 3, 4, 7, 8):
        studio.put(index)
    began = studio.now
    studio.play(12)
    assert [bright for _, bright in studio.gone] == [20, 21, 22, 23, 24, FILLED, FILLED, 25, 26] + 3 * [
        FILLED
    ]
    assert studio.now - began == pytest.approx(12 / FRAME_RATE, abs=0.1)
    on_air = OnAir.of(studio.ring)
    assert (on_air.frames, on_air.filled, on_air.longest_gap, on_air.dropped) == (12, 5, 3, 0)
    assert on_air.late == 0 and on_air.first_spoken == 1 and not on_air.speaking
    assert studio.ring.heard == 7


def test_the_idle_face_goes_on_where_the_body_was(studio: Studio) -> None:
    class Numbered(Idle):
        def picture(self, index: int) -> ByteArray:
            return np.full((HEIGHT * 3 // 2, WIDTH), index, np.uint8)

    picture = np.zeros((HEIGHT * 3 // 2, WIDTH), np.uint8)
    sound = np.zeros(SAMPLES_PER_FRAME, np.float32)
    for index in range(5):
        studio.ring.put(ProgrammeFrame(index, picture, sound, home=70 + index))
    studio.play(10, Numbered())
    assert [shown for _, shown in studio.gone[5:]] == [75, 76, 77, 78, 79]


def test_late_work_is_dropped_where_it_lies(studio: Studio) -> None:
    for index in range(5):
        studio.put(index)
    studio.meanwhile[8] = lambda: [studio.put(index) for index in (6, 7, 8, 9, 10)]
    studio.play(11)
    assert [bright for _, bright in studio.gone[5:]] == [FILLED] * 4 + [28, 29]
    assert studio.ring.dropped == 3
    assert studio.ring.depth == 0


def test_frames_of_an_older_epoch_are_dropped_and_count_as_nobodys_fault(studio: Studio) -> None:
    for index in range(10):
        studio.put(index)

    def cut() -> None:
        studio.ring.epoch = 1
        studio.put(6, epoch=1)

    studio.meanwhile[3] = cut
    studio.play(7)
    assert [bright for _, bright in studio.gone] == [20, 21, 22, 23, FILLED, FILLED, 30]
    assert studio.ring.dropped == 0 and studio.ring.heard == 11


def test_a_frame_that_comes_before_it_is_due_is_no_gap(studio: Studio) -> None:
    for index in range(PREROLL):
        studio.put(index)
    reads = []

    class Slow(Pacer):
        def wait(self, index: int, ready: Callable[[], bool] = lambda: True) -> float:
            reads.append(index)
            if index == PREROLL:
                studio.put(index)
            return super().wait(index, ready)

    air = Air(studio.ring, Idle(), lambda *_: None, Slow(lambda: studio.now, lambda s: None))
    air.play(lambda: studio.ring.next < PREROLL + 1)
    assert studio.ring.filled == 0 and len(reads) == PREROLL + 1


def test_the_sound_never_steps_at_a_seam(studio: Studio) -> None:
    for index in range(5):
        studio.put(index)
    studio.put(7, level=-0.5)
    studio.put(8, level=-0.5)
    studio.play(9)
    heard = np.concatenate(studio.sounds)
    inside = heard[SAMPLES_PER_FRAME:]
    assert np.abs(np.diff(inside)).max() < 2.5 / EDGE
    gap = heard[5 * SAMPLES_PER_FRAME + EDGE : 7 * SAMPLES_PER_FRAME]
    assert not gap.any()


def test_the_rooms_tone_is_under_all_that_goes_out_and_never_breaks_off(studio: Studio) -> None:
    for index in (0, 1, 2, 5, 6):
        studio.put(index, level=0.0)
    room = np.arange(4 * SAMPLES_PER_FRAME, dtype=np.float32).reshape(4, -1) * np.float32(1e-6)
    studio.play(9, room=room)
    for index, heard in enumerate(studio.sounds):
        np.testing.assert_allclose(heard, room[index % 4], atol=1e-7)


@pytest.mark.parametrize("filler", [NotYet(), Broken()])
def test_without_idle_pictures_the_show_goes_on(studio: Studio, filler: Idle) -> None:
    for index in range(5):
        studio.put(index)
    studio.play(8, filler)
    assert len(studio.gone) == 8
    if isinstance(filler, NotYet):
        assert [bright for _, bright in studio.gone[4:]] == [24] * 4, "the last picture is held"


@pytest.mark.parametrize(("home", "filled"), [(100, FILLED), (2000, 24)])
def test_the_last_picture_is_held_where_its_look_has_no_idle_pictures_yet(
    studio: Studio, home: int, filled: int
) -> None:
    for index in range(5):
        studio.put(index, home=home + index)
    studio.play(8, Some())
    assert [bright for _, bright in studio.gone[5:]] == [filled] * 3


def test_it_ends_at_the_programmes_end_and_a_short_one_begins_without_a_full_ring(studio: Studio) -> None:
    studio.put(0)
    studio.put(1)
    studio.ring.last = 2
    studio.play(2)
    assert len(studio.gone) == 2


def test_an_heir_goes_on_with_the_next_frame_at_pace_and_nothing_waits_twice(studio: Studio) -> None:
    for index in range(10):
        studio.put(index)
    studio.play(6)
    studio.now += 3.0  # the process dies, another one starts
    before = studio.now
    studio.play(9)
    assert [bright for _, bright in studio.gone] == list(range(20, 29))
    assert studio.now - before < 3 / FRAME_RATE + 0.1
    assert studio.ring.filled == studio.ring.late == studio.ring.given_up == 0


def test_the_sound_is_finished_last_of_all_frame_by_frame_idle_ones_too(studio: Studio) -> None:
    for index in (0, 1, 2, 5):
        studio.put(index, level=0.25)
    room = np.full((1, SAMPLES_PER_FRAME), 0.125, np.float32)
    seen: list[tuple[int, float]] = []

    def finish(index: int, sound: FloatArray) -> None:
        seen.append((index, float(sound[-1])))
        sound[:] = index

    studio.play(6, room=room, finish=finish)
    assert [index for index, _ in seen] == list(range(6))
    assert [level for _, level in seen] == pytest.approx([0.375, 0.375, 0.375, 0.125, 0.125, 0.375])
    for index, heard in enumerate(studio.sounds):
        assert (heard == index).all()
