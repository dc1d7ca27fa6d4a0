import threading
import time
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.contracts import NOTHING_KNOWN
from avatar_engine.errors import AvatarError
from avatar_engine.face import crop
from avatar_engine.media.read import frames
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage.body import AHEAD, Body, rescaled
from avatar_engine.stage.graph import Graph
from tests.stage.clips import Take, film_track

COUNT = 20


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "body.mp4"
    with VideoWriter(path, 64, 48, sound=False, crf=10, preset="ultrafast", gop=10) as writer:
        for index in range(COUNT):
            writer.picture(np.full((72, 64), 40 + 8 * index, np.uint8))
    return path


def matrices(count=COUNT):
    made = np.tile(np.array([[2, 0, -10], [0, 2, -20]], np.float32), (count, 1, 1))
    made[:, 0, 2] += np.arange(count)
    return made


def ring(video, count=COUNT):
    return Body([video], Graph.ring(count), matrices(count), 256, 256)


def test_runs_on_past_its_end_for_ever_picture_and_matrix_in_step(video):
    wanted = list(frames(video, format="yuv420p"))
    with ring(video) as body:
        assert len(body) == COUNT
        for index in range(3 * COUNT + 5):
            picture, matrix, *_ = body.frame(index)
            np.testing.assert_array_equal(picture, wanted[index % COUNT])
            np.testing.assert_array_equal(matrix, matrices()[index % COUNT])


def test_what_is_painted_on_a_picture_is_not_there_a_round_later(video):
    with ring(video) as body:
        for index in range(2 * COUNT):
            picture, *_ = body.frame(index)
            assert picture.max() < 255
            picture[:] = 255


def test_decodes_ahead_and_no_further(video):
    with ring(video) as body:
        deadline = time.monotonic() + 20
        while body._ready.qsize() < AHEAD:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert body._ready.maxsize == AHEAD


def test_close_ends_the_thread(video):
    body = ring(video)
    body.frame(0)
    body.close()
    assert not any(thread.name == "body" for thread in threading.enumerate())


@pytest.mark.parametrize("steps", [(5, 6, 7), (2, 2 * COUNT + 13, 2 * COUNT + 14), (30, 3, 4, 5), (7, 7, 6)])
def test_any_frame_can_be_had(video, steps):
    wanted = list(frames(video, format="yuv420p"))
    with ring(video) as body:
        body.frame(0)
        for index in steps:
            picture, matrix, *_ = body.frame(index)
            np.testing.assert_array_equal(picture, wanted[index % COUNT])
            np.testing.assert_array_equal(matrix, matrices()[index % COUNT])


def test_a_track_longer_than_the_film_is_a_damaged_bundle(video):
    with ring(video, COUNT + 3) as body, pytest.raises(AvatarError, match="20 pictures"):
        for index in range(2 * COUNT):
            body.frame(index)


def test_matrices_are_those_that_the_painter_was_fitted_with():
    track = film_track([Take(40, 90, 75)])
    np.testing.assert_allclose(
        rescaled(crop.transforms(track, 256), 256, 160), crop.transforms(track, 160), atol=2e-3
    )


def joined(tmp_path, video):
    """A round of `COUNT` pictures and one join, of three lighter pictures, from place 12 to 5."""
    reel = tmp_path / "joins.mp4"
    with VideoWriter(reel, 64, 48, sound=False, crf=10, preset="ultrafast", gop=10) as writer:
        for index in range(3):
            writer.picture(np.full((72, 64), 210 + 10 * index, np.uint8))
    still = np.zeros(COUNT, np.float32)
    one = np.ones(1, np.int32)
    graph = Graph(12 * one, 5 * one, 3 * one, one.astype(np.float32), still, still, 0 * one[:0])
    return Body([video, reel], graph, matrices(), 256, 256)


def test_the_pictures_of_joins_come_from_their_own_film_with_their_own_matrices(tmp_path, video):
    with joined(tmp_path, video) as body:
        shown = [body.frame(index) for index in range(200)]
        homes = [body.home(frame.place) for frame in shown]
    places = [frame.place for frame in shown]
    at = places.index(COUNT)
    assert places[at - 1 : at + 4] == [11, COUNT, COUNT + 1, COUNT + 2, 5]
    assert homes[at - 1 : at + 4] == [11, 2, 3, 4, 5]
    for frame in shown:
        lightness = 210 + 10 * (frame.place - COUNT) if frame.place >= COUNT else 40 + 8 * frame.place
        assert abs(int(frame.picture[:48].mean()) - lightness) < 4
    shifts = [frame.matrix[0, 2] for frame in shown[at - 1 : at + 4]]
    assert shifts[0] == 1 and shifts[-1] == -5 and shifts == sorted(shifts, reverse=True)


def test_it_begins_anew_where_the_idle_presenter_is(video):
    wanted = list(frames(video, format="yuv420p"))
    with ring(video) as body:
        body.frame(0)
        body.begin(500, 7 + COUNT)
        for index in range(3):
            np.testing.assert_array_equal(body.frame(500 + index).picture, wanted[7 + index])


def test_the_idle_presenter_takes_no_joins(tmp_path, video):
    with joined(tmp_path, video) as body:
        body.go_round()
        assert [body.frame(index).place for index in range(2 * COUNT)] == [*range(COUNT)] * 2


def test_pictures_come_cut_out_from_soon_after_they_are_wanted_so(tmp_path: Path) -> None:
    pictures = 40
    clip, cut = tmp_path / "body.mp4", tmp_path / "cutout.mp4"
    with VideoWriter(clip, 64, 48, sound=False, crf=6, gop=10) as filmed:
        for index in range(pictures):
            filmed.picture(np.full((72, 64), 40 + index, np.uint8))
    with VideoWriter(cut, 64, 96, sound=False, crf=6, gop=10) as writer:
        for index in range(pictures):
            stacked = np.full((144, 64), 128, np.uint8)
            stacked[:48], stacked[48:96] = 140 + index, 2 * index
            writer.picture(stacked)
    transforms = np.tile(np.eye(2, 3, dtype=np.float32), (pictures, 1, 1))
    with Body([clip], Graph.ring(pictures), transforms, 32, 32, cutout=cut) as body:
        seen = []
        for index in range(90):
            body.cut_out = 10 <= index < 60
            seen.append(body.frame(index))
    turns = [
        index for index in range(1, 90) if (seen[index].alpha is None) != (seen[index - 1].alpha is None)
    ]
    assert len(turns) == 2
    for wanted, came in zip((10, 60), turns, strict=True):
        assert wanted < came <= wanted + AHEAD + 2
    for index, frame in enumerate(seen):  # in step with the body, whichever film they come from
        own = index % pictures
        if frame.alpha is None:
            assert abs(int(frame.picture[5, 5]) - (40 + own)) <= 2
        else:
            assert frame.picture.shape == (72, 64)
            assert abs(int(frame.picture[5, 5]) - (140 + own)) <= 2
            assert abs(int(frame.alpha[5, 5]) - 2 * own) <= 2


def test_a_body_that_was_begun_before_its_moment_is_entered_at_any_picture(video: Path) -> None:
    wanted = list(frames(video, format="yuv420p"))
    with ring(video) as body:
        body.begin(0, 7)
        body.frame(0)
        body.enter(1000)
        body.foresee(1000, NOTHING_KNOWN)
        for step in range(2 * COUNT):
            np.testing.assert_array_equal(body.frame(1000 + step).picture, wanted[(8 + step) % COUNT])


def test_the_head_goes_on_from_where_it_sits_most_as_it_did(video: Path) -> None:
    with ring(video) as body:
        for place in (0, 5, 19):
            assert body.nearest(matrices()[place]) == place
            assert body.away(place, matrices()[place]) == pytest.approx(0, abs=1e-4)
        shifted = matrices()[5].copy()
        shifted[1, 2] -= 0.25 * 256  # down by a quarter of the crop
        assert body.nearest(shifted) == 5
        assert body.away(5, shifted) == pytest.approx(0.25, abs=0.01)
        larger = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
        assert body.away(body.nearest(larger), larger) > 0.3
