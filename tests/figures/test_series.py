from __future__ import annotations

import itertools

import pytest

from avatar_engine.figures.series import Series, snapshots


def test_a_line_comes_when_it_is_time(tmp_path):
    series = Series(tmp_path / "s.jsonl", every=10)
    for now in range(100, 151, 2):
        series.offer(now, {"at": now})
    assert [one["at"] for one in snapshots(tmp_path / "s.jsonl")] == [100, 110, 120, 130, 140, 150]


def test_a_long_show_is_thinned_out_evenly_and_stays_in_its_bound(tmp_path):
    file = tmp_path / "s.jsonl"
    series = Series(file, every=10, most=20)
    for now in range(2000):
        series.offer(now, {"at": now})
    at = [one["at"] for one in snapshots(file)]
    assert len(at) <= 20 and at[0] == 0 and at[-1] > 1800
    steps = {b - a for a, b in itertools.pairwise(at)}
    assert max(steps) <= series.every == 160
    assert list(tmp_path.iterdir()) == [file]


def test_what_a_kill_cut_off_is_left_out(tmp_path):
    file = tmp_path / "s.jsonl"
    Series(file).add({"at": 1})
    with file.open("a") as out:
        out.write('{"at": 2, "sta')
    assert list(snapshots(file)) == [{"at": 1}]
    assert list(snapshots(tmp_path / "none.jsonl")) == []


def test_a_disk_that_is_gone_is_told(tmp_path):
    with pytest.raises(OSError):
        Series(tmp_path / "none" / "s.jsonl")
