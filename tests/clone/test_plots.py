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


def test_pitches_and_paces_are_named() -> None:
    texts = _texts(plots.pitches({"the clone": [0.0] * 20 + [1.0], "the person": [0.5] * 21}, 60.0))
    assert "the clone" in texts and "the person" in texts and "200" in texts
    texts = _texts(plots.paces({"the clone": [10.0, 12.0], "the person": []}))
    assert "phones a second" in texts and "the person" in texts


def test_a_spectrogram_is_bright_where_the_sound_is() -> None:
    time = np.arange(24_000) / 24_000
    tone = (0.1 * np.sin(2 * np.pi * 2500 * time)).astype(np.float32)
    tone[12_000:] = 0
    picture = plots.spectrogram(tone).astype(int).sum(2)
    assert picture.shape == (214, 201)
    row = 213 - round(2500 / (24_000 / 1024))
    assert abs(int(picture[:, 50].argmax()) - row) <= 1
    assert picture[row, 50] > 400 > 100 > picture[row, 150]
    assert np.array_equal(plots.spectrogram(tone), plots.spectrogram(tone * 0.1))
