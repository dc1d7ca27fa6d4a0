from __future__ import annotations

import subprocess
import sys
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME
from avatar_engine.errors import AvatarError
from avatar_engine.media.normalise import normalise
from avatar_engine.media.probe import ClipInfo, probe
from avatar_engine.media.read import frames, sound
from avatar_engine.media.write import WaveWriter
from tests.media.clips import PATCH, Clip, bursts, lit_frames, make

X265 = {"x265-params": "log-level=none:crf=10", "preset": "ultrafast"}


def uneven() -> tuple[float, ...]:
    """Time stamps as a telephone writes them in bad light."""
    random = np.random.default_rng(3)
    steps = random.choice([1 / 60, 1 / 30, 1 / 24, 0.07], 200)
    times = np.concatenate([[0.0], np.cumsum(steps)])
    return tuple(float(t) for t in times[times < 3.0])


ANY_CLIP = {
    "plain.mp4": Clip(),
    "uneven.mkv": Clip(times=uneven()),
    "60.mp4": Clip(rate=Fraction(60)),
    "50.webm": Clip(
        rate=Fraction(50),
        codec="libvpx",
        audio_codec="libopus",
        options={"deadline": "realtime", "b:v": "2M"},
    ),
    "30.mov": Clip(rate=Fraction(30000, 1001), sample_rate=44_100, layout="stereo"),
    "24.mp4": Clip(rate=Fraction(24)),
    "10bit.mp4": Clip(codec="libx265", pixel_format="yuv420p10le", options=X265),
    "prores.mov": Clip(codec="prores_ks", pixel_format="yuv422p10le", options={}, audio_codec="pcm_s16le"),
    "odd.mkv": Clip(width=161, height=121, pixel_format="yuv444p"),
    "telephone.mov": Clip(sample_rate=8_000),
    "surround.mkv": Clip(layout="5.1"),
    "full.mp4": Clip(full_range=True),
    "jpeg.mkv": Clip(codec="mjpeg", pixel_format="yuvj420p", full_range=True, options={"q:v": "2"}),
    "709.mp4": Clip(matrix="709"),
    "rgb.mkv": Clip(codec="libx264rgb", pixel_format="rgb24"),
    "stream.ts": Clip(),
}


@pytest.fixture
def out(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "footage.mp4", tmp_path / "sound.wav"


def run(path: Path, out: tuple[Path, Path]) -> tuple[ClipInfo, list[np.ndarray], np.ndarray]:
    info = normalise(path, *out)
    return info, list(frames(out[0], format="rgb24")), sound(out[1])


@pytest.mark.parametrize("name", ANY_CLIP)
def test_any_clip_becomes_even_footage(clip_folder: Path, out: tuple[Path, Path], name: str) -> None:
    clip = ANY_CLIP[name]
    info, pictures, samples = run(make(clip_folder / name, clip), out)
    assert len(pictures) == pytest.approx(75, abs=1)
    assert info.frames == len(pictures)
    assert len(samples) == len(pictures) * SAMPLES_PER_FRAME
    assert pictures[0].shape == (120, 160, 3)
    # the flash is seen and the burst is heard in the same 40 ms
    assert lit_frames(pictures) == pytest.approx(
        [10, 35, 60], abs=0 if clip.rate >= 25 and not clip.times else 1
    )
    assert bursts(samples, SAMPLE_RATE) == pytest.approx([0.4, 1.4, 2.4], abs=0.002)
    assert np.abs(pictures[5][60, 80].astype(int) - PATCH).max() <= 6
    footage = probe(out[0])
    assert (footage.pixel_format, footage.frame_rate, footage.variable) == ("yuv420p", 25, False)
    assert info.warnings == ()


@pytest.mark.parametrize(
    ("counter_clockwise", "corner"), [(-90, "right top"), (90, "left bottom"), (180, "right bottom")]
)
def test_turned_clips_stand_upright(
    tmp_path: Path, out: tuple[Path, Path], counter_clockwise: int, corner: str
) -> None:
    clip = Clip(rotation=counter_clockwise, seconds=1, width=162, height=122)
    _, pictures, _ = run(make(tmp_path / "turned.mp4", clip), out)
    picture = pictures[3].astype(int)
    height, width = picture.shape[:2]
    assert (width, height) == ((122, 162) if counter_clockwise % 180 else (162, 122))
    row = 4 if "top" in corner else height - 5
    column = 4 if "left" in corner else width - 5
    assert picture[row, column].min() > 230
    assert picture[height - 1 - row, width - 1 - column].max() < 120
    assert np.abs(picture[height // 2, width // 2] - PATCH).max() <= 6


def test_mirrored_clips_are_turned_back(tmp_path: Path, out: tuple[Path, Path]) -> None:
    path = make(tmp_path / "plain.mp4", Clip(seconds=1))
    data = bytearray(path.read_bytes())
    unity = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    flipped = np.array([-(1 << 16), 0, 0, 0, 1 << 16, 0, 160 << 16, 0, 1 << 30], ">i4").tobytes()
    place = data.find(unity, data.find(b"tkhd"))  # the first track is the picture
    data[place : place + len(unity)] = flipped
    mirrored = tmp_path / "mirrored.mp4"
    mirrored.write_bytes(data)
    info, pictures, _ = run(mirrored, out)
    assert info.mirrored
    assert info.rotation == 0
    assert pictures[3][4, -5].min() > 230
    assert pictures[3][4, 4].max() < 120


def test_large_pictures_are_shrunk(tmp_path: Path, out: tuple[Path, Path]) -> None:
    clip = Clip(width=2560, height=1440, seconds=0.2, options={"preset": "ultrafast"})
    info, pictures, _ = run(make(tmp_path / "large.mp4", clip), out)
    assert pictures[0].shape == (1080, 1920, 3)
    assert (info.width, info.height) == (1920, 1080)
    assert np.abs(pictures[2][540, 960].astype(int) - PATCH).max() <= 6


def mux_silence(container: Any, audio: Any, samples: int) -> None:
    quiet = av.AudioFrame.from_ndarray(np.zeros((1, samples), np.int16), format="s16", layout="mono")
    quiet.sample_rate = 48_000
    container.mux(audio.encode(quiet))
    container.mux(audio.encode(None))


def test_untagged_hd_is_taken_as_709(tmp_path: Path, out: tuple[Path, Path]) -> None:
    path = tmp_path / "hd.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        rgb = np.zeros((720, 1280, 3), np.uint8)
        rgb[:] = PATCH
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=1, dst_color_range=1
            )
            frame.colorspace, frame.color_range = 2, 0
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        mux_silence(container, audio, 5760)
    _, pictures, _ = run(path, out)
    assert np.abs(pictures[1][360, 640].astype(int) - PATCH).max() <= 6


def test_hlg_is_mapped_to_ordinary_light(tmp_path: Path, out: tuple[Path, Path]) -> None:
    clip = Clip(
        codec="libx265",
        pixel_format="yuv420p10le",
        options=X265,
        matrix="2020",
        transfer=18,
        primaries=9,
        seconds=1,
    )
    info, pictures, _ = run(make(tmp_path / "hlg.mp4", clip), out)
    assert info.hdr
    grey = pictures[5][110, 20].astype(int)
    assert np.ptp(grey) <= 4  # grey stays grey
    red, green, blue = pictures[5][60, 80].astype(int)
    assert red > PATCH[0] + 20 and red > green > blue  # the wide gamut's red is redder
    assert probe(out[0]).hdr is False


def test_interlaced_pictures_are_woven(tmp_path: Path, out: tuple[Path, Path]) -> None:
    path = tmp_path / "fields.mkv"
    with av.open(str(path), "w") as container:
        options = {"crf": "5", "preset": "ultrafast", "x264-params": "tff=1"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for k in range(25):  # a bar that moves 6 pixels a field
            rgb = np.full((120, 160, 3), 40, np.uint8)
            rgb[0::2, (12 * k) % 140 : (12 * k) % 140 + 16] = 220
            rgb[1::2, (12 * k + 6) % 140 : (12 * k + 6) % 140 + 16] = 220
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p"))
            )
        container.mux(stream.encode(None))
        mux_silence(container, audio, 48_000)
    _, pictures, _ = run(path, out)
    assert len(pictures) == 25
    comb = [float(np.abs(np.diff(p[:, :, 1].astype(int), axis=0)).mean()) for p in pictures[3:20]]
    raw = [
        float(np.abs(np.diff(p[:, :, 1].astype(int), axis=0)).mean()) for p in frames(path, 3, 20, "rgb24")
    ]
    assert np.mean(comb) < 0.5 * np.mean(raw)


def test_sound_and_picture_that_start_apart_stay_together(tmp_path: Path, out: tuple[Path, Path]) -> None:
    _, pictures, samples = run(make(tmp_path / "late.mkv", Clip(sound_start=1.0)), out)
    assert lit_frames(pictures) == [10, 35, 60]
    assert bursts(samples, SAMPLE_RATE) == pytest.approx([1.4, 2.4], abs=0.002)
    # the picture's clock starts 0.7 s after the sound's
    _, pictures, samples = run(make(tmp_path / "early.mkv", Clip(picture_start=0.7)), out)
    assert lit_frames(pictures) == [10, 35, 60]
    assert bursts(samples, SAMPLE_RATE) == pytest.approx([0.7, 1.7], abs=0.002)
    assert len(samples) == len(pictures) * SAMPLES_PER_FRAME


def test_a_picture_without_times_is_counted(tmp_path: Path, out: tuple[Path, Path]) -> None:
    """A raw H.264 stream has no time stamps; AVI has none that say when a picture is shown."""
    path = make(tmp_path / "clip.avi", Clip(codec="mpeg4", audio_codec="pcm_s16le", options={"b": "4000000"}))
    _, pictures, samples = run(path, out)
    flashes, heard = np.array(lit_frames(pictures)) / 25, np.array(bursts(samples, SAMPLE_RATE))
    assert np.abs(flashes - heard).max() <= 0.041


def test_truncated_files_are_refused(tmp_path: Path, out: tuple[Path, Path]) -> None:
    whole = make(tmp_path / "whole.mkv", Clip(seconds=8.0))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(AvatarError, match=r"cut off: it should last 8\.\d s and ends at [2-5]\.\d s"):
        normalise(cut, *out)
    assert not any(path.exists() for path in out)
    assert {p.name for p in tmp_path.iterdir()} == {"whole.mkv", "cut.mkv"}


def test_damaged_sound_is_refused_with_its_time(tmp_path: Path, out: tuple[Path, Path]) -> None:
    clip = Clip(seconds=4.0, codec="mjpeg", pixel_format="yuvj420p", full_range=True, options={})
    whole = make(tmp_path / "whole.mkv", clip)
    data = bytearray(whole.read_bytes())
    with av.open(str(whole)) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.size and p.pts >= 1000]
    for place, size in places[:20]:
        data[place + 8 : place + size] = bytes(size - 8)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(data)
    with pytest.raises(AvatarError, match=r"the picture is damaged from 1\.\d s"):
        normalise(broken, *out)


def test_no_sound_no_picture_and_standing_still_are_refused(tmp_path: Path, out: tuple[Path, Path]) -> None:
    with pytest.raises(AvatarError, match="no sound"):
        normalise(make(tmp_path / "film.mp4", Clip(sound=False, seconds=0.5)), *out)
    with pytest.raises(AvatarError, match="no picture"):
        normalise(make(tmp_path / "sound.m4a", Clip(picture=False)), *out)
    still = (*(k / 25 for k in range(25)), *(9 + k / 25 for k in range(25)))
    with pytest.raises(AvatarError, match=r"jump from 1\.0 s to 9\.0 s"):
        normalise(make(tmp_path / "still.mkv", Clip(times=still, seconds=10)), *out)
    short = (*(k / 25 for k in range(25)), *(2.5 + k / 25 for k in range(25)))
    info = normalise(make(tmp_path / "short.mkv", Clip(times=short, seconds=3.5)), *out)
    assert any("stands still from 1.0 s to 2.5 s" in warning for warning in info.warnings)


def test_only_the_first_part_of_a_long_clip_is_taken(tmp_path: Path, out: tuple[Path, Path]) -> None:
    path = make(tmp_path / "long.mp4", Clip(seconds=6.0))
    seen: list[float] = []
    info = normalise(path, *out, progress=lambda stage, done, note="": seen.append(done), longest=3.0)
    assert info.frames == 75
    assert len(sound(out[1])) == 75 * SAMPLES_PER_FRAME
    assert any("Only the first" in warning for warning in info.warnings)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) >= 3


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    """In processes of their own: peak memory never falls again within one."""
    program = (
        "import resource, sys; from pathlib import Path; from avatar_engine.media.normalise import normalise; "
        "normalise(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])); "
        "sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
    )
    peaks = []
    for seconds in (3, 15):
        clip = Clip(width=640, height=360, seconds=seconds, options={"preset": "ultrafast", "crf": "30"})
        source = make(tmp_path / f"{seconds}.mp4", clip)
        command = [sys.executable, "-c", program, source, tmp_path / "f.mp4", tmp_path / "f.wav"]
        peaks.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    assert peaks[1] - peaks[0] < 40_000  # KB; twelve seconds of such pictures are 100 MB


def test_wave_files_are_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with WaveWriter(path) as writer:
        writer.write(np.array([0.0, 0.5, -2.0, 1.0], np.float32))
        writer.finish(6)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, SAMPLE_RATE, 2)
        assert np.frombuffer(file.readframes(9), "<i2").tolist() == [0, 16384, -32767, 32767, 0, 0]
    with WaveWriter(path) as writer:
        writer.write(np.ones(100, np.float32))
        writer.finish(3)
    assert len(sound(path)) == 3
    with pytest.raises(KeyError), WaveWriter(path) as writer:
        raise KeyError
    assert len(sound(path)) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_damage_of_any_kind_is_taken_or_refused_in_words(
    clip_folder: Path, tmp_path: Path, out: tuple[Path, Path], suffix: str
) -> None:
    source = clip_folder / f"small.{suffix}"
    whole = (source if source.exists() else make(source, Clip(seconds=1))).read_bytes()
    random = np.random.default_rng(7)
    broken = tmp_path / f"broken.{suffix}"
    for k in range(12):
        data = np.frombuffer(whole, np.uint8).copy()
        places = random.integers(0, len(data) if k % 2 else 2000, 20)
        data[places] = random.integers(0, 256, 20)
        broken.write_bytes(data[: random.integers(1, len(data))].tobytes() if k % 3 == 0 else data.tobytes())
        try:
            info = normalise(broken, *out)
        except AvatarError as error:
            assert error.what
            assert error.advice
        else:
            assert len(sound(out[1])) == info.frames * SAMPLES_PER_FRAME
