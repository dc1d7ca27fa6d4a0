"""The contact sheet: its size, its waveform, its refusals."""

from pathlib import Path

import numpy as np
import pytest
from contact_sheet import GAP, STRIP, WAVE, sheet

from avatar_engine.contracts import SAMPLE_RATE
from avatar_engine.errors import AvatarError
from avatar_engine.media.write import VideoWriter

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheet") / "grey.mp4"
    sound = np.zeros(2 * SAMPLE_RATE, np.float32)
    sound[SAMPLE_RATE:] = 0.3 * np.sin(np.arange(SAMPLE_RATE) * 0.1)
    with VideoWriter(path, 320, 240) as writer:
        for k in range(50):
            writer.picture(np.full((240, 320, 3), 60 + 2 * k, np.uint8), "rgb24")
        writer.sound(sound)
    return path


def test_the_grid_has_its_size_and_every_moment(video: Path) -> None:
    page = np.asarray(sheet(video, columns=4, rows=2, width=160))
    row = 120 + 80 + STRIP + GAP
    assert page.shape == (2 * row + GAP + 30, 4 * (160 + GAP) + GAP, 3)
    shades = [int(page[30 + r * row + 80, GAP + c * (160 + GAP) + 80, 0]) for r in range(2) for c in range(4)]
    assert shades == sorted(shades)
    assert shades[0] == pytest.approx(60, abs=6)
    assert shades[-1] == pytest.approx(158, abs=6)


def test_sound_is_drawn_where_it_is_heard(video: Path) -> None:
    page = np.asarray(sheet(video, columns=4, rows=2, width=160))
    row = 120 + 80 + STRIP + GAP
    heard = [int((page[30 + r * row :][: row - GAP] == WAVE).all(-1).sum()) for r in range(2)]
    assert heard[1] > 1000
    assert heard[0] < heard[1] / 4


def test_too_short_a_span_is_refused(video: Path) -> None:
    with pytest.raises(AvatarError, match="only 5 pictures"):
        sheet(video, columns=4, rows=2, start=0.0, stop=0.2)
