from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.media.probe import Orientation, probe
from tests.media.clips import Clip, make


def test_an_ordinary_clip_is_described(plain_clip: Path) -> None:
    info = probe(plain_clip)
    assert (info.width, info.height, info.rotation, info.mirrored) == (160, 120, 0, False)
    assert info.frame_rate == 25
    assert (info.variable, info.hdr) == (False, False)
    assert (info.sample_rate, info.channels, info.video_codec, info.audio_codec) == (48_000, 1, "h264", "aac")
    assert info.frames == 75
    assert info.duration == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize(("counter_clockwise", "clockwise"), [(-90, 90), (90, 270), (180, 180)])
def test_a_turned_clip_is_described_upright(tmp_path: Path, counter_clockwise: int, clockwise: int) -> None:
    info = probe(make(tmp_path / "turned.mp4", Clip(rotation=counter_clockwise, seconds=1)))
    assert info.rotation == clockwise
    assert (info.width, info.height) == ((120, 160) if clockwise % 180 else (160, 120))


def test_uneven_pictures_are_seen(tmp_path: Path) -> None:
    times, now = [], 0.0
    for k in range(60):
        times.append(now)
        now += (1 / 60, 1 / 30, 0.08)[k % 3]
    assert probe(make(tmp_path / "uneven.mkv", Clip(times=tuple(times)))).variable


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24), Fraction(60)])
def test_even_pictures_rounded_to_milliseconds_are_not_called_uneven(tmp_path: Path, rate: Fraction) -> None:
    info = probe(make(tmp_path / "even.mkv", Clip(rate=rate, seconds=2)))
    assert not info.variable
    assert info.frame_rate == pytest.approx(float(rate), abs=0.1)


def test_wide_pixels_are_shown_square(tmp_path: Path) -> None:
    path = tmp_path / "wide.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((180, 160), np.uint8), format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert (probe(path).width, probe(path).height) == (213, 120)


def test_hlg_is_seen(tmp_path: Path) -> None:
    clip = Clip(
        codec="libx265", pixel_format="yuv420p10le", matrix="2020", transfer=18, primaries=9, seconds=0.5
    )
    clip = Clip(
        codec=clip.codec,
        pixel_format=clip.pixel_format,
        matrix="2020",
        transfer=18,
        primaries=9,
        seconds=0.5,
        options={"x265-params": "log-level=none", "preset": "ultrafast"},
    )
    info = probe(make(tmp_path / "hlg.mp4", clip))
    assert info.hdr
    assert info.pixel_format == "yuv420p10le"


def test_silent_film_has_no_sample_rate(tmp_path: Path) -> None:
    assert probe(make(tmp_path / "film.mp4", Clip(sound=False, seconds=0.5))).sample_rate == 0


def test_what_is_no_clip_is_refused(tmp_path: Path, plain_clip: Path) -> None:
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(AvatarError, match="not a media file"):
        probe(garbage)
    with pytest.raises(AvatarError, match="There is no file"):
        probe(tmp_path / "nothing.mp4")
    with pytest.raises(AvatarError, match="There is no file"):
        probe(tmp_path)
    empty = tmp_path / "empty.mov"
    empty.touch()
    with pytest.raises(AvatarError, match="not a media file"):
        probe(empty)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(plain_clip.read_bytes()[:6000])  # the index of this file is at its end
    with pytest.raises(AvatarError, match="cut off before its end"):
        probe(cut)


def test_sound_alone_has_no_picture(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="no picture"):
        probe(make(tmp_path / "sound.m4a", Clip(picture=False)))


def test_orientation_is_comparable() -> None:
    assert Orientation() == Orientation(0, False)
