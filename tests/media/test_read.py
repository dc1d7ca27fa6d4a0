from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soxr

from avatar_engine.contracts import SAMPLE_RATE
from avatar_engine.errors import AvatarError
from avatar_engine.media.read import SoundLine, frame_count, frames, mono, sound
from avatar_engine.media.write import VideoWriter
from tests.media.clips import PATCH, Clip, bursts, click_times, make


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety pictures; a white column says which is which."""
    path = tmp_path_factory.mktemp("read") / "counted.mp4"
    with VideoWriter(path, 200, 64, sound=False, crf=10, gop=12) as writer:
        for k in range(90):
            picture = np.full((64, 200, 3), 60, np.uint8)
            picture[:, 2 * k : 2 * k + 4] = 230
            writer.picture(picture, "rgb24")
    return path


def column(picture: np.ndarray) -> int:
    return int(np.argmax(picture[32, :, 1] > 150)) // 2


@pytest.mark.parametrize("start", [0, 1, 11, 12, 13, 37, 89])
def test_reading_begins_at_any_index(counted: Path, start: int) -> None:
    assert [column(p) for p in frames(counted, start)] == list(range(start, 90))


def test_a_range_is_a_slice(counted: Path) -> None:
    assert [column(p) for p in frames(counted, 20, 25)] == [20, 21, 22, 23, 24]
    assert [column(p) for p in frames(counted, 88, 200)] == [88, 89]
    assert list(frames(counted, 5, 5)) == []
    assert list(frames(counted, 95)) == []
    with pytest.raises(ValueError, match="no range"):
        list(frames(counted, 5, 4))


def test_pictures_belong_to_the_caller(counted: Path) -> None:
    first, second = frames(counted, 0, 2)
    first[:] = 0
    assert column(second) == 1
    assert first.flags.writeable


def test_formats_agree(plain_clip: Path) -> None:
    (rgb,) = frames(plain_clip, 5, 6, "rgb24")
    (bgr,) = frames(plain_clip, 5, 6, "bgr24")
    (yuv,) = frames(plain_clip, 5, 6, "yuv420p")
    assert rgb.shape == (120, 160, 3)
    assert yuv.shape == (180, 160)
    assert np.array_equal(rgb[:, :, ::-1], bgr)
    assert np.abs(rgb[60, 80].astype(int) - PATCH).max() <= 4
    # the engine's convention is the one that OpenCV computes
    other = cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB_I420)
    assert np.abs(other[60, 80].astype(int) - PATCH).max() <= 4


def test_pictures_are_counted(counted: Path, tmp_path: Path) -> None:
    assert frame_count(counted) == 90
    assert frame_count(make(tmp_path / "clip.ts", Clip(seconds=1))) == 25  # no count in its header


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_sound_of_any_rate_is_where_it_was(tmp_path: Path, rate: int, layout: str) -> None:
    path = make(tmp_path / "clip.mov", Clip(sample_rate=rate, layout=layout, audio_codec="pcm_s16le"))
    samples = sound(path)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert len(samples) == pytest.approx(3 * SAMPLE_RATE, abs=2)
    assert bursts(samples, SAMPLE_RATE) == pytest.approx(click_times(3.0), abs=0.001)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.06)


def test_six_channels_are_mixed(tmp_path: Path) -> None:
    samples = sound(make(tmp_path / "clip.mkv", Clip(layout="5.1", audio_codec="pcm_s16le")))
    assert bursts(samples, SAMPLE_RATE) == pytest.approx(click_times(3.0), abs=0.001)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.06)


def test_speech_sits_in_the_centre_of_surround_sound() -> None:
    planes = np.zeros((6, 4), np.float32)  # FL FR FC LFE BL BR
    planes[2], planes[3] = 0.5, 1.0
    frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="5.1")
    assert mono(frame) == pytest.approx(np.full(4, 0.5 * 1.0 / 2.5), abs=1e-6)
    planes[:] = 1.0
    assert np.abs(mono(av.AudioFrame.from_ndarray(planes, format="fltp", layout="5.1"))).max() <= 1.0


def test_sound_that_starts_late_waits(tmp_path: Path) -> None:
    samples = sound(make(tmp_path / "clip.mkv", Clip(sound_start=1.0)))
    assert np.abs(samples[: SAMPLE_RATE - 2400]).max() < 0.01
    assert bursts(samples, SAMPLE_RATE) == pytest.approx([1.4, 2.4], abs=0.002)


def test_sound_before_the_picture_is_left_out(tmp_path: Path) -> None:
    samples = sound(make(tmp_path / "clip.mkv", Clip(picture_start=0.7)))
    assert bursts(samples, SAMPLE_RATE) == pytest.approx([0.7, 1.7], abs=0.002)


def test_no_sound_is_said(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="has no sound"):
        sound(make(tmp_path / "film.mp4", Clip(sound=False, seconds=0.5)))


def audio_frame(samples: np.ndarray, at: int | None, rate: int = 48_000) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
    frame.sample_rate = rate
    frame.pts = at
    if at is not None:
        frame.time_base = Fraction(1, rate)
    return frame


def line_out(line: SoundLine, frames_in: list[av.AudioFrame]) -> np.ndarray:
    return np.concatenate([piece for frame in frames_in for piece in line.push(frame)] + [line.finish()])


def test_a_gap_in_time_stamps_is_silence_and_an_overlap_is_dropped() -> None:
    tone = 0.4 * np.sin(np.arange(4800) * 0.1)
    line = SoundLine(48_000, 48_000, 0.0)
    out = line_out(line, [audio_frame(tone, 0), audio_frame(tone, 9600), audio_frame(tone, 9600)])
    assert line.longest_gap == pytest.approx(0.1)
    assert len(out) == 14400
    assert np.abs(out[5000:9400]).max() < 1e-3
    assert np.abs(out[10000:14000]).max() > 0.39


def test_small_jitter_of_time_stamps_moves_nothing() -> None:
    noise = np.random.default_rng(4).normal(0, 0.1, 960 * 20).astype(np.float32)
    pieces = [audio_frame(noise[k * 960 : (k + 1) * 960], k * 960 + (37 if k % 2 else 0)) for k in range(20)]
    line = SoundLine(48_000, 48_000, 0.0)
    assert np.array_equal(
        line_out(line, pieces), line_out(SoundLine(48_000, 48_000, 0.0), [audio_frame(noise, 0)])
    )
    assert line.longest_gap == 0


def test_streamed_resampling_equals_resampling_at_once() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 48_000).astype(np.float32)
    pieces = [audio_frame(noise[k : k + 1024], k) for k in range(0, len(noise), 1024)]
    out = line_out(SoundLine(48_000, SAMPLE_RATE, 0.0), pieces)
    whole = soxr.resample(noise, 48_000, SAMPLE_RATE, quality="VHQ")
    assert len(out) == len(whole)
    assert np.abs(out - whole).max() < 1e-4
