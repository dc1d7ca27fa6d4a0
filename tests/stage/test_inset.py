"""A video in the picture: its pictures at the show's rate, cut to its shape; what becomes of one that is no good."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import blank, planes
from avatar_engine.stage import inset
from avatar_engine.stage.inset import Inset, pictures
from avatar_engine.stage.overlay import Manner


def film(path: Path, rate: int, count: int, size: tuple[int, int] = (64, 48)) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = Fraction(1, rate)
        for index in range(count):
            shade = np.full((size[1], size[0], 3), 30 + 4 * index, np.uint8)
            shade[:, : size[0] // 4] = 255
            out.mux(stream.encode(av.VideoFrame.from_ndarray(shade, "rgb24")))
        out.mux(stream.encode())
    return path


@pytest.mark.parametrize(("rate", "count"), [(25, 20), (50, 40), (10, 8)])
def test_every_rate_becomes_the_shows(tmp_path: Path, rate: int, count: int) -> None:
    made = list(pictures(film(tmp_path / "v.mp4", rate, count), (64, 48)))
    assert len(made) == pytest.approx(20, abs=2)
    shades = [float(planes(one)[0][:, 40:].mean()) for one in made]
    assert shades == sorted(shades) and shades[-1] - shades[0] == pytest.approx(
        4 * count * 219 / 255, rel=0.15
    )


def test_another_shape_is_filled_from_its_middle(tmp_path: Path) -> None:
    (first, *_) = pictures(film(tmp_path / "v.mp4", 25, 3), (24, 48))
    assert first.shape == (72, 24) and planes(first)[0].max() < 60, "the white quarter at the left is cut off"


def test_a_long_video_is_decoded_again_and_a_short_one_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "v.mp4", 25, 16)
    for held in (1 << 20, 5 * 64 * 48):
        monkeypatch.setattr(inset, "HELD", held)
        made = Inset(path, (64, 48), (8, 8), Manner("cut", "cut"), patient=True)
        shades = []
        for _ in range(40):
            picture = blank(128, 96)
            made.show("on", 1)
            made.draw(planes(picture))
            shades.append(float(planes(picture)[0][20, 60]))
        want = [float(16 + 219 / 255 * (30 + 4 * (at % 16))) for at in range(40)]
        assert shades == pytest.approx(want, abs=4)
        assert bool(made._round) == (held > 1 << 19)
        made.close()


def test_one_that_is_no_good_is_told_and_nothing_is_seen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "v.mp4").write_bytes(b"no video")
    with pytest.raises(AvatarError):
        list(pictures(tmp_path / "v.mp4", (64, 48)))
    made = Inset(tmp_path / "v.mp4", (64, 48), (0, 0), Manner(), patient=True)
    made.settle()
    picture = blank(128, 96)
    made.show("on", 1)
    made.draw(planes(picture))
    assert not made.visible and (planes(picture)[0] == 16).all() and "goes no further" in caplog.text
