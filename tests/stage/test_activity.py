"""Talking and beats, seen in a made-up track."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avatar_engine.stage.activity import LOWER_LIP, activity, still_of
from avatar_engine.stage.seams import THUMB
from tests.stage.clips import Take, film_track
from tests.stage.test_seams import footage

COUNT = 300


def test_a_mouth_at_work_talks_and_one_that_rests_does_not() -> None:
    track = film_track([Take(COUNT, 90, 75)])
    points = track.points.copy()
    points[150:, LOWER_LIP, 1] += 6 * (1 + np.sin(np.arange(COUNT - 150)))
    done = activity(footage(COUNT), replace(track, points=points), [])
    assert done.talk[30:120].max() < 0.2 and done.talk[180:270].min() > 0.8


def test_a_nod_is_a_beat_where_it_is_quickest_and_a_cut_is_none() -> None:
    plain = footage(COUNT)
    heads = plain.heads.copy()
    heads[100:104, 3] += 8 * np.array([0.25, 0.5, 0.75, 1])
    heads[104:, 3] += 8
    heads[200:, 2] += 30  # another take
    done = activity(replace(plain, heads=heads), film_track([Take(COUNT, 90, 75)]), [200])
    beats = np.flatnonzero(done.beats)
    assert np.abs(beats - 102).min() <= 2
    assert not len(beats[np.abs(beats - 200) < 6])
    assert done.stir[102] > 3 * done.stir[50]


def test_the_mouth_counts_nothing_where_pictures_are_compared() -> None:
    weights = still_of(replace(footage(4), size=(192, 144))).reshape(THUMB[::-1])
    assert weights[:2].all() and not weights.all()
