"""Action clips: which fit a body, where they are entered and left, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.contracts import Outlook
from avatar_engine.errors import AvatarError
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.read import frame_count, frames
from avatar_engine.stage import actions, joins, seams
from avatar_engine.stage.action import Action
from avatar_engine.stage.body import Body
from avatar_engine.stage.fit import CROP
from avatar_engine.stage.graph import Graph
from avatar_engine.stage.walk import STEP, Walk
from tests.stage.clips import Take, film, film_track, motion, spoilt
from tests.stage.walks import ROUND, graph

OWN, CLIP = Take(200, 90, 75), Take(80, 90, 75)


@dataclass
class Joined:
    ends: actions.Ends
    both: actions.Clip
    action: Action
    film: Path


def ground(work: Path, own: Take = OWN, clip: Take = CLIP) -> tuple[joins.Round, Path, Path]:
    """A round and a clip, one after the other, each with a film of its own."""
    first, second = film(work / "round.mp4", [own]), film(work / "clip.mp4", [clip])
    whole = film_track([own, clip])
    points = whole.points.copy()
    points[own.frames :, :, :2] = second.points[:, :, :2]
    matrices = crop.transforms(replace(whole, points=points), CROP)
    told = lambda *what, **more: None  # noqa: E731
    studied = actions.joint(
        seams.study(work / "round.mp4", first, matrices[: own.frames], CROP, told),
        seams.study(work / "clip.mp4", second, matrices[own.frames :], CROP, told),
    )
    plain = np.ones(len(whole), np.bool_)
    plain[own.frames] = False
    source = np.arange(len(whole), dtype=np.int32)
    return joins.Round(studied, whole.pose, source, plain), work / "round.mp4", work / "clip.mp4"


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Joined:
    work = tmp_path_factory.mktemp("actions")
    found, round_, clip = ground(work)
    ends = actions.search(found, OWN.frames)
    both = actions.Clip(round_, clip, (192, 144), OWN.frames, found.footage)
    transforms = actions.bake(both, ends, work / "wave.mp4", CROP)
    offsets = np.arange(OWN.frames + CLIP.frames, dtype=np.float32)[:, None]
    action = Action(
        "wave", np.array(ends.leave, np.int32), np.array(ends.into, np.int32), ends.blend,
        ends.stop - ends.start - 2 * ends.blend, transforms, actions.mixed(offsets, OWN.frames, ends),
    )  # fmt: skip
    return Joined(ends, both, action, work / "wave.mp4")


def test_it_is_entered_and_left_all_over_the_round(joined: Joined) -> None:
    ends = joined.ends
    for places in (ends.leave, ends.into):
        assert len(places) >= actions.FEWEST and np.ptp(places) > OWN.frames / 3
    assert 0 <= ends.start < actions.ENDS + 2 and CLIP.frames - actions.ENDS - 22 < ends.stop <= CLIP.frames


def test_its_film_holds_every_way_and_no_step_is_larger_than_the_bodys_own(joined: Joined) -> None:
    action = joined.action
    assert frame_count(joined.film) == action.pictures == len(action.transforms) == len(action.placement)
    film_ = list(frames(joined.film, format="yuv420p"))
    round_ = list(frames(joined.both.round, format="yuv420p"))
    own = max(joins.step_between(a, b)[0] for a, b in pairwise(round_))
    for entry, leave in enumerate(action.leave):
        for leaving, into in enumerate(action.into):
            shown = [round_[leave - 1], *(film_[at] for at in action.way(entry, leaving)), round_[into]]
            steps = [joins.step_between(a, b)[0] for a, b in pairwise(shown)]
            assert max(steps) < 1.3 * own


def test_the_mouths_place_goes_over_with_the_picture(joined: Joined) -> None:
    action, ends = joined.action, joined.ends
    way = action.placement[action.way(0, 0), 0]
    assert way[0] == pytest.approx(ends.leave[0], abs=10)
    assert way[action.blend] == OWN.frames + ends.start + ends.blend
    assert way[-1] == pytest.approx(ends.into[0], abs=10)


def test_a_body_shows_it_when_it_is_called_for_and_goes_on_where_it_leads(joined: Joined) -> None:
    matrices = np.tile(np.array([[2, 0, -10], [0, 2, -20]], np.float32), (OWN.frames, 1, 1))
    still = Graph.ring(OWN.frames)
    with Body([joined.both.round, joined.film], still, matrices, CROP, CROP, actions=[joined.action]) as body:
        places = []
        for at in range(400):
            body.foresee(at, Outlook(action="wave" if at < 25 else ""))
            shown = body.frame(at)
            places.append(shown.place)
        placed = body.placed(np.zeros((OWN.frames, 1), np.float32))
    begin = next(at for at, place in enumerate(places) if place >= OWN.frames)
    length = joined.action.middle + 2 * joined.action.blend
    assert places[begin] - OWN.frames in joined.action.blend * np.arange(len(joined.action.leave))
    assert places[begin - 1] + 1 in joined.action.leave
    assert places[begin + length] in joined.action.into and max(places[begin + length :]) < OWN.frames
    np.testing.assert_array_equal(placed[OWN.frames :], joined.action.placement)


def test_it_comes_back_from_its_tensors_and_damage_is_refused(joined: Joined) -> None:
    tensors = joined.action.tensors()
    again = Action.of("wave", tensors, OWN.frames)
    assert again.way(1, 2) == joined.action.way(1, 2)
    for broken in ({"leave": tensors["leave"] + OWN.frames}, {"placement": tensors["placement"][:-1]}):
        with pytest.raises(AvatarError, match="does not belong"):
            Action.of("wave", tensors | broken, OWN.frames)
    with pytest.raises(AvatarError, match="can't be read"):
        Action.of("wave", {}, OWN.frames)


def test_one_call_is_one_action_and_an_unknown_one_none() -> None:
    ends = np.arange(50, ROUND, 80, dtype=np.int32)
    nothing = np.zeros((0, 1), np.float32)
    wave = Action("wave", ends, ends, 8, 30, nothing, nothing)
    walk, first = Walk(graph(), actions={"wave": (wave, 5000)}), 5000
    for at in range(600):
        called = {100: "wave", 101: "wave", 300: "dance", 400: "wave"}.get(at, "")
        walk.foresee(at, Outlook(action=called))
        if at == 0:
            shown: list[int] = []
        shown += walk.take(at + 12)
    begins = [at for at in range(1, len(shown)) if shown[at] >= first and shown[at - 1] < first]
    assert len(begins) == 2
    assert 100 <= begins[0] < 100 + 12 + 80 + 16 and 400 <= begins[1] < 400 + 12 + 80 + 16


def begun(seed: int, known: int, ends: list[int], words: int = 400) -> list[int]:
    """The pictures in which a wave begins whose words begin in picture ``words``, ``known`` pictures before."""
    nothing = np.zeros((0, 1), np.float32)
    wave = Action("wave", np.array(ends, np.int32), np.array(ends, np.int32), 8, 30, nothing, nothing)
    walk, shown = Walk(graph(), seed=seed, actions={"wave": (wave, 5000)}), []
    for at in range(words + 400):
        coming = ((words - at, "wave"),) if 0 < words - at <= known else ()
        walk.foresee(at, Outlook(b"\1" * 100, action="wave" if 0 <= at - words < 25 else "", calls=coming))
        shown += walk.take(at + 12)
    assert sum(place >= 5000 for place in shown) == 30 + 2 * 8, (
        "once, though it may be entered where it is left"
    )
    return [at for at in range(1, len(shown)) if shown[at] >= 5000 > shown[at - 1]]


def test_what_is_known_before_begins_with_its_words_and_once() -> None:
    ends = list(range(50, ROUND, 80))
    late = {known: [begun(seed, known, ends, 400 + 13 * seed) for seed in range(20)] for known in (0, 90)}
    assert all(len(times) == 1 for each in late.values() for times in each), "one call is one action"
    known, unknown = (np.array(late[each])[:, 0] - 400 - 13 * np.arange(20) for each in (90, 0))
    assert known.min() >= -8 - STEP, "no sooner than that its blend is over when the words begin"
    assert unknown.min() >= 0 and known.mean() < unknown.mean() - 25
    assert np.median(known) < 10


def test_a_join_is_taken_to_where_an_action_can_be_entered_sooner() -> None:
    forward = [at for seed in range(20) for at in begun(seed, 0, [500])]
    assert len(forward) == 20 and max(forward) - 400 < ROUND / 2, (
        "round and round it would be up to the whole round"
    )


def test_a_clip_from_another_place_is_refused_with_how_far_it_is(tmp_path: Path) -> None:
    found, _, _ = ground(tmp_path, clip=Take(80, 130, 60, light=60))
    with pytest.raises(AvatarError, match=r"begins unlike .* head is \d+% of a face away.* grey levels"):
        actions.search(found, OWN.frames)


def test_what_is_refused_says_when_and_by_how_much() -> None:
    own, clip = film_track([OWN]), film_track([CLIP])
    actions.refuse(clip, own)
    pose = clip.pose.copy()
    pose[50, 0] = -55
    cases: list[tuple[FaceTrack, str]] = [
        (replace(clip, pose=pose), r"At 2\.00 s the head is turned by 55 degrees"),
        (spoilt(clip, range(30, 33)), r"At 1\.20 s the one face is not seen \(3 pictures of 80\)"),
        (replace(clip, width=384), r"384x144, the clone 192x144"),
        (film_track([Take(30, 90, 75)]), r"lasts 1\.2 s"),
    ]
    for track, said in cases:
        with pytest.raises(AvatarError, match=said):
            actions.refuse(track, own)


def test_the_clips_of_these_tests_move() -> None:
    assert np.ptp(motion([CLIP]), axis=0).min() > 1
