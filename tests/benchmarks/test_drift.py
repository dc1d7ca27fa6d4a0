"""A face that drifts is seen, one that does not is not."""

from typing import Any

import drift
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from avatar_engine.contracts import SAMPLES_PER_FRAME, MouthMotion
from avatar_engine.face.crop import Crop

SIZE = 64


@pytest.mark.parametrize(("change", "edge"), [(0.0, 0.0), (3.0, 0.0), (0.0, 12.0)])
def test_colour_and_seam_are_followed_minute_by_minute(
    change: float, edge: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Painted luma that rises by ``change`` a minute, or an edge at the mask that rises by ``edge``."""
    monkeypatch.setattr(drift, "MINUTE", 20)
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[16:48, 16:48] = 1
    mask = gaussian_filter(mask, 2).clip(0.005) - 0.005
    mask /= mask.max()
    watch, found = drift.Watch(mask), []
    random = np.random.default_rng(1)
    for index in range(80):
        own = Crop(
            *(random.integers(90, 110, shape).astype(np.uint8) for shape in ((SIZE, SIZE), (2, 32, 32)))
        )
        painted = Crop(own.luma.copy(), own.chroma.copy())
        minute = index // 20
        painted.luma[:] += np.uint8(change * minute)
        painted.luma[mask > 0.5] += np.uint8(edge * minute)
        if (figures := watch.take(painted, own, 0.1 * minute)) is not None:
            found.append(figures)
    slopes = drift.slopes(found)
    assert slopes["luma"] == pytest.approx(change + edge, abs=0.01)
    assert slopes["blue"] == slopes["red"] == pytest.approx(0, abs=1e-9)
    assert slopes["opening"] == pytest.approx(0.1)
    assert slopes["seam"] > 0.05 if edge else abs(slopes["seam"]) < 0.02
    assert drift.slopes(found[:1])["luma"] == 0


def test_speech_is_said_over_and_over() -> None:
    pushed: list[np.ndarray] = []

    class Echo:
        def push(self, state: Any, samples: np.ndarray) -> Any:
            pushed.append(samples)
            return MouthMotion(samples[:1, None].astype(np.float32)), state

    echo: Any = Echo()
    speech = np.arange(2.5 * SAMPLES_PER_FRAME, dtype=np.float32)
    given = [float(row[0]) for row in drift.rows(echo, speech, 7)]
    assert all(len(part) == SAMPLES_PER_FRAME for part in pushed)
    assert given == [(n * SAMPLES_PER_FRAME) % len(speech) for n in range(7)]
