"""The report's plots: valid SVG that shows what it was given."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np

from avatar_engine.clone import plots
from avatar_engine.face.track import FaceTrack


def _texts(svg: str) -> str:
    return " ".join(node.text or "" for node in ET.fromstring(svg).iter() if node.tag.endswith("text"))


def test_the_opening_has_both_lines_and_the_clips_own_time() -> None:
    real = np.linspace(0, 0.2, 50, dtype=np.float32)
    texts = _texts(plots.opening(real, real * 0.9, first=1200))
    assert "rendered from sound" in texts
    assert "48.0" in texts  # frame 1200 is second 48


def test_the_track_shades_what_has_no_face() -> None:
    rng = np.random.default_rng(0)
    track = FaceTrack(
        points=rng.uniform(0, 100, (60, 478, 3)).astype(np.float32),
        found=np.ones(60, bool),
        faces=np.ones(60, np.uint8),
        pose=rng.normal(0, 3, (60, 3)).astype(np.float32),
        width=320,
        height=240,
    )
    whole = plots.track(track)
    track.found[20:30] = False
    assert "yaw" in _texts(whole)
    assert plots.track(track).count("<path") == whole.count("<path") + 1


def test_similarity_has_three_bars_an_encoder() -> None:
    texts = _texts(plots.similarity({"one": (0.31, 0.82, 0.93), "two": (0.2, 0.7, 0.9)}))
    for figure in ("0.31", "0.82", "0.93", "0.20", "0.70", "0.90", "one", "two"):
        assert figure in texts


def test_time_has_a_bar_a_stage() -> None:
    texts = _texts(plots.time_spent({"intake": 31.0, "lips": 400.0}))
    assert "intake" in texts
    assert "400 s" in texts
