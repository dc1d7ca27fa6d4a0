"""The pipeline's own decisions: early refusals, whose leftovers are used, who gets how much time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from avatar_engine.clone import pipeline
from avatar_engine.errors import AvatarError

pytestmark = pytest.mark.weights


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match=r"minute\.mp4"):
        pipeline.clone_presenter(tmp_path / "minute.mp4", tmp_path / "a.avatar", tmp_path / "consent.toml")


def test_another_suffix_is_refused_with_the_right_one(tmp_path: Path, plain_clip: Path) -> None:
    with pytest.raises(AvatarError, match=r"marie\.avatar"):
        pipeline.clone_presenter(plain_clip, tmp_path / "marie.zip", tmp_path / "consent.toml")


def test_no_consent_no_clone(tmp_path: Path, plain_clip: Path) -> None:
    with pytest.raises(AvatarError, match=r"consent\.toml"):
        pipeline.clone_presenter(plain_clip, tmp_path / "marie.avatar", tmp_path / "consent.toml")
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_the_same_clip_stay_and_of_another_go(tmp_path: Path) -> None:
    output = tmp_path / "marie.avatar"
    work = pipeline._work_folder(output, "aa")
    (work / "made").write_text("much work")
    assert (pipeline._work_folder(output, "aa") / "made").exists()
    assert not (pipeline._work_folder(output, "bb") / "made").exists()


def test_a_resumed_clone_reports_its_whole_time(tmp_path: Path) -> None:
    file = tmp_path / "seconds.json"
    file.write_text(json.dumps({"lips": 100.0}))
    watch = pipeline.Stopwatch.at(file)
    with pytest.raises(KeyboardInterrupt), watch.stage("lips"):
        raise KeyboardInterrupt
    assert pipeline.Stopwatch.at(file).seconds["lips"] >= 100.0


def test_the_fits_get_what_the_rest_leaves() -> None:
    assert pipeline._fit_share(1200, 100, 1500) == 1200 - 100 - 180
    assert pipeline._fit_share(1200, 400, 1500) == 1200 - 400 - 180
