from pathlib import Path

import numpy as np
import pytest

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.contracts import FRAME_RATE
from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import planes
from avatar_engine.media.read import frame_count, frames
from avatar_engine.stage import fit as stage_fit
from avatar_engine.stage import nods, outline
from avatar_engine.stage.fit import CROP, fit
from tests.stage.clips import FACE, LAYOUT, Take, film, motion, spoilt

TAKES = [Take(60, 90, 75), Take(60, 97, 70), Take(60, 92, 78), Take(60, 99, 74)]


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    work = tmp_path_factory.mktemp("body")
    track = film(work / "footage.mp4", TAKES)
    said: list[float] = []
    body = fit(work / "footage.mp4", track, work / "baked", lambda stage, done, note="": said.append(done))
    return body, track, said


def lumas(path: Path):
    return [planes(picture)[0].astype(np.int16) for picture in frames(path, format="yuv420p")]


def test_every_frame_of_the_film_has_its_transform_and_source(baked):
    body, _, _ = baked
    assert frame_count(body.video) == len(body) == len(body.source)
    assert body.transforms.shape == (len(body), 2, 3) and body.transforms.dtype == np.float32
    assert len(body) > 0.5 * sum(take.frames for take in TAKES)


def test_it_only_ever_runs_forwards(baked):
    body, _, _ = baked
    steps = np.diff(body.source)
    jumps = np.flatnonzero(steps != 1) + 1
    assert set(jumps) == {seam.frame for seam in body.seams} - {0}
    for seam in body.seams:
        assert body.source[seam.frame] == seam.source_entered
        assert seam.source_left == body.source[seam.frame - 1] + 1


def test_blends_never_cross_a_cut(baked):
    body, _, _ = baked
    for seam in body.seams:
        for start in (seam.source_left, seam.source_entered):
            assert start // 60 == (start + seam.length - 1) // 60
        assert 6 <= seam.length <= 20


def test_joints_are_far_softer_than_cuts_and_the_loop_closes(baked):
    body, _, _ = baked
    pictures = lumas(body.video)
    steps = [np.abs(b - a).mean() for a, b in zip(pictures, [*pictures[1:], pictures[0]], strict=True)]
    cuts = [
        np.abs(a - b).mean()
        for a, b in [
            (pictures[seam.frame - 1], pictures[(seam.frame + seam.length) % len(pictures)])
            for seam in body.seams
        ]
    ]
    assert max(steps) < 0.5 * max(cuts)
    assert body.worst_jump < 2.0
    assert body.worst_jump < 0.6 * max(seam.hard_jump for seam in body.seams)


def test_transforms_follow_the_head_through_the_blends(baked):
    body, _, _ = baked
    nose = LAYOUT[195, :2] * FACE
    heads = motion(TAKES)
    in_blend = np.zeros(len(body), bool)
    for seam in body.seams:
        in_blend[seam.frame : seam.frame + seam.length] = True
    shape = np.array(
        [
            matrix @ [*(head + nose), 1]
            for matrix, head in zip(body.transforms, heads[body.source], strict=True)
        ]
    )
    plain = shape[~in_blend]
    assert np.abs(plain - plain.mean(0)).max() < 0.03 * CROP
    # in blends the head itself, found in the picture, stays where the transform puts it
    for frame, picture in enumerate(lumas(body.video)):
        bright = picture > 150
        rows, columns = np.nonzero(bright)
        middle = body.transforms[frame] @ [columns.mean(), rows.mean(), 1]
        assert abs(middle[0] - CROP / 2) < 0.05 * CROP, frame


def test_the_background_stands_still_in_the_blends(baked):
    body, _, _ = baked
    pictures = np.stack(lumas(body.video))[:, :20, :40]
    assert pictures.std(0).mean() < 3


def test_progress_reaches_the_end_and_never_falls(baked):
    said = baked[2]
    assert said[-1] == 1.0
    assert said == sorted(said)


def test_the_report_is_json_with_the_worst_joint(baked):
    body, _, _ = baked
    report = body.report()
    assert report["frames"] == len(body) and report["seams"] == len(body.seams) == len(report["joints"])
    assert report["worst_jump"] == max(joint["jump"] for joint in report["joints"])


def test_a_take_from_another_place_is_left_out(tmp_path):
    takes = [*TAKES[:2], Take(60, 60, 70, light=30), *TAKES[2:]]
    track = film(tmp_path / "footage.mp4", takes)
    body = fit(tmp_path / "footage.mp4", track, tmp_path)
    assert not set(body.source.tolist()) & set(range(120, 180))
    assert len(body.seams) == 4


def test_frames_without_a_face_are_left_out_and_one_take_closes_on_itself(tmp_path):
    track = spoilt(film(tmp_path / "footage.mp4", [Take(100, 90, 75)]), range(40, 44))
    body = fit(tmp_path / "footage.mp4", track, tmp_path)
    assert not set(body.source.tolist()) & set(range(40, 44))
    assert {0, 1} == {int(frame > 42) for frame in body.source}
    whole = film(tmp_path / "one.mp4", [Take(100, 90, 75)])
    single = fit(tmp_path / "one.mp4", whole, tmp_path)
    assert len(single.seams) == 1
    assert len(single) > 40
    first, *_, last = lumas(single.video)
    assert np.abs(first - last).mean() < 3


def test_a_presenter_who_is_never_seen_for_a_second_is_refused(tmp_path):
    track = film(tmp_path / "footage.mp4", [Take(30, 90, 75)])
    track.found[::10] = False
    with pytest.raises(AvatarError, match="never seen for a whole second"):
        fit(tmp_path / "footage.mp4", track, tmp_path)


def test_a_track_of_other_footage_is_refused(tmp_path):
    film(tmp_path / "footage.mp4", [Take(30, 90, 75)])
    other = film(tmp_path / "other.mp4", [Take(2 * FRAME_RATE, 90, 75)])
    with pytest.raises(AvatarError, match="30 frames, its face track 50"):
        fit(tmp_path / "footage.mp4", other, tmp_path)


class Nobody:
    """A segmenter that sees nobody: only the face itself goes with the head."""

    closed = 0

    def mask(self, picture):
        return np.zeros((8, 8), np.float32)

    def close(self):
        Nobody.closed += 1


@pytest.mark.parametrize(
    ("plain", "weights", "there"), [(50.0, True, False), (0.3, True, True), (0.3, False, False)]
)
def test_outlines_are_made_before_walls_that_would_show_a_nod(
    plain, weights, there, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(nods, "PLAIN", plain)
    monkeypatch.setattr(stage_fit, "SelfieSegmenter", Nobody)
    monkeypatch.setattr(stage_fit.models, "is_present", lambda name: weights)
    monkeypatch.setattr(Nobody, "closed", 0)
    track = film(tmp_path / "footage.mp4", TAKES)
    body = fit(tmp_path / "footage.mp4", track, tmp_path / "baked")
    assert Nobody.closed == there and ("no nods" in caplog.text) == (not weights)
    with BundleWriter(tmp_path / "it.avatar", name="it", made={}, consent={}) as writer:
        body.save(writer)
    found = outline.load(Bundle.open(tmp_path / "it.avatar"))
    assert (found is not None) == there
    if found is not None:
        assert len(found) == -(-sum(map(frame_count, body.reels)) // nods.STEP)
        assert found.any(axis=(1, 2)).all()
