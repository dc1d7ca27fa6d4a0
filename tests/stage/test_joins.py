"""Which places may be joined, and what a baked join looks like."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.face import crop
from avatar_engine.media.read import frame_count, frames
from avatar_engine.stage import joins, seams
from avatar_engine.stage.body import Body
from avatar_engine.stage.fit import CROP, BakedBody, fit
from tests.stage.clips import Take, film

TAKE = Take(260, 90, 75)
"""Ten seconds: the head sways every two seconds, so that there is much to join."""


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> tuple[BakedBody, joins.Round]:
    work = tmp_path_factory.mktemp("joins")
    track = film(work / "footage.mp4", [TAKE])
    body = fit(work / "footage.mp4", track, work / "baked")
    studied = seams.study(
        work / "footage.mp4", track, crop.transforms(track, CROP), CROP, lambda *told, **more: None
    )
    plain = np.arange(len(body)) >= body.seams[0].length
    return body, joins.Round(studied, track.pose, body.source, plain)


def test_every_join_leads_far_away_and_jumps_less_than_the_footage_moves(
    baked: tuple[BakedBody, joins.Round],
) -> None:
    body, _ = baked
    graph = body.graph
    assert 5 <= len(graph.leave) <= len(body) / joins.EVERY + 1
    way = np.mod(graph.into - graph.leave, len(body))
    assert ((way >= joins.FAR) & (way <= len(body) - joins.FAR + graph.length)).all()
    assert (graph.jump <= joins.STRANGE).all() and (graph.jump > 0).all()
    assert ((graph.length >= joins.BLEND) & (graph.length <= joins.LONGEST)).all()


def test_their_film_holds_them_one_after_the_other_and_they_fit_at_both_ends(
    baked: tuple[BakedBody, joins.Round],
) -> None:
    body, _ = baked
    assert body.joins is not None and frame_count(body.joins) == body.graph.joined
    round_ = list(frames(body.video, format="yuv420p"))
    film_ = list(frames(body.joins, format="yuv420p"))
    own = np.percentile([joins.step_between(a, b)[0] for a, b in pairwise(round_)], 99)
    first = body.graph.first - body.graph.round
    for at, leave, into, length in zip(
        first, body.graph.leave, body.graph.into, body.graph.length, strict=True
    ):
        shown = [round_[leave - 1], *film_[at : at + length], round_[into]]
        steps = [joins.step_between(a, b)[0] for a, b in pairwise(shown)]
        assert max(steps) < 1.3 * own  # what coding adds


def test_a_hand_that_is_up_on_one_side_alone_is_no_join(baked: tuple[BakedBody, joins.Round]) -> None:
    _, ground = baked
    thumbs = ground.footage.thumbs.copy().reshape(-1, 48, 64)
    thumbs[130:, 36:, :12] = 250  # a corner of the picture, far from the mouth
    raised = joins.Round(
        seams.Footage(
            thumbs.reshape(-1, 48 * 64), ground.footage.steps, ground.footage.heads, ground.footage.face,
            ground.footage.lids, ground.footage.good, ground.footage.size,
        ),
        ground.pose, ground.source, ground.plain,
    )  # fmt: skip
    up = ground.source >= 130
    found = joins.search(raised)
    assert found
    for join in found:
        steps = np.arange(join.length)
        assert np.array_equal(up[join.leave + steps], up[join.into - join.length + steps])


def test_a_head_that_is_turned_another_way_is_no_join(baked: tuple[BakedBody, joins.Round]) -> None:
    _, ground = baked
    pose = ground.pose.copy()
    pose[120:, 0] = 20
    turned = joins.Round(ground.footage, pose, ground.source, ground.plain)
    for join in joins.search(turned):
        assert pose[ground.source[join.leave], 0] == pose[ground.source[join.into - join.length], 0]


def test_a_footage_too_short_for_joins_has_none(tmp_path: Path) -> None:
    track = film(tmp_path / "footage.mp4", [Take(90, 90, 75)])
    body = fit(tmp_path / "footage.mp4", track, tmp_path / "baked")
    assert len(body.graph.leave) == 0 and body.joins is None and body.graph.round == len(body)


def test_a_bundle_gives_back_the_body_with_its_joins(
    baked: tuple[BakedBody, joins.Round], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    body, _ = baked
    with BundleWriter(tmp_path / "a.avatar", "A", {}, {}) as writer:
        body.save(writer)
    films = [picture for reel in body.reels for picture in frames(reel, format="yuv420p")]
    with Body.load(Bundle.open(tmp_path / "a.avatar"), CROP) as shown:
        assert len(shown.transforms) == len(films) == len(body) + body.graph.joined
        places = set()
        for index in range(400):
            frame = shown.frame(index)
            np.testing.assert_array_equal(frame.picture, films[frame.place])
            places.add(frame.place)
        offsets = np.arange(len(body), dtype=np.float32)[:, None]
        np.testing.assert_array_equal(shown.placed(offsets), body.graph.mixed(offsets))
    assert max(places) >= len(body), "it took a join"
