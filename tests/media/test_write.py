from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from avatar_engine.broadcast.marking import MARK_UUID, marking
from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, YUV_MATRIX, YUV_RANGE
from avatar_engine.errors import AvatarError
from avatar_engine.media.read import frames, sound
from avatar_engine.media.write import VideoWriter, mp3


def grey(value: int = 100) -> np.ndarray:
    return np.full((96, 64), value, np.uint8)  # I420 of 64 x 64


def test_sound_and_pictures_come_back_together(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, 50 * SAMPLES_PER_FRAME).astype(np.float32)
    noise = np.convolve(noise, np.ones(8) / 8, "same").astype(np.float32)  # what AAC keeps
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 64, 64) as writer:
        for k in range(50):
            writer.picture(grey(40 + 4 * k))
            writer.sound(noise[k * SAMPLES_PER_FRAME : (k + 1) * SAMPLES_PER_FRAME])
    back = sound(path)
    assert len(noise) <= len(back) <= len(noise) + 1024
    lag = int(np.argmax(np.correlate(back[:30_000], noise[5000:20_000], "valid"))) - 5000
    assert lag == 0  # to the sample
    assert np.corrcoef(back[: len(noise)], noise)[0, 1] > 0.98
    levels = [float(p[:64].mean()) for p in frames(path, format="yuv420p")]
    assert levels == pytest.approx([40 + 4 * k for k in range(50)], abs=3)


def test_tags_and_colours_are_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(
        path, 64, 64, sound=False, metadata={"comment": "AI-generated pictures", "title": "é"}
    ) as w:
        w.picture(grey())
    with av.open(str(path)) as container:
        assert container.metadata["comment"] == "AI-generated pictures"
        assert container.metadata["title"] == "é"
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (YUV_MATRIX, YUV_RANGE)
        assert not container.streams.audio
    assert path.read_bytes().find(b"moov") < path.read_bytes().find(b"mdat")  # plays while it loads


def test_picture_formats_give_the_same_colour(tmp_path: Path) -> None:
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[:] = (30, 140, 200)
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 64, 64, sound=False, crf=8) as writer:
        writer.picture(rgb, "rgb24")
        writer.picture(np.ascontiguousarray(rgb[:, :, ::-1]), "bgr24")
    first, second = frames(path, format="rgb24")
    assert np.abs(first.astype(int) - rgb).max() <= 5
    assert np.abs(second.astype(int) - rgb).max() <= 5


def test_keyframes_come_as_often_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 64, 64, sound=False, gop=12) as writer:
        for k in range(40):
            writer.picture(grey(60 + k))
    with av.open(str(path)) as container:
        keys = [k for k, f in enumerate(container.decode(video=0)) if f.key_frame]
    assert keys[0] == 0
    assert max(np.diff([*keys, 40])) <= 12


def test_what_is_decoded_for_hours_is_cheap_to_decode(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(100, 140, (96, 64), np.uint8)
    said = []
    for fast_decode in (False, True):
        path = tmp_path / f"{fast_decode}.mp4"
        with VideoWriter(path, 64, 64, sound=False, crf=14, fast_decode=fast_decode) as writer:
            writer.picture(noise)
        said.append(path.read_bytes())
        (picture,) = frames(path, format="yuv420p")
        assert np.abs(picture.astype(int) - noise).mean() < 3
    assert b"cabac=1 ref" in said[0] and b"deblock=1" in said[0]
    assert b"cabac=0 ref" in said[1] and b"deblock=0" in said[1], "as x264 tells of itself in the stream"


def test_nothing_is_left_after_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"before")
    with pytest.raises(KeyError), VideoWriter(path, 64, 64) as writer:
        writer.picture(grey())
        raise KeyError
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_what_can_not_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="63x64"):
        VideoWriter(tmp_path / "a.mp4", 63, 64)
    with pytest.raises(AvatarError, match="does not exist"):
        VideoWriter(tmp_path / "no" / "a.mp4", 64, 64)
    with pytest.raises(AvatarError, match="no picture"), VideoWriter(tmp_path / "a.mp4", 64, 64):
        pass
    with pytest.raises(AvatarError, match="shape"), VideoWriter(tmp_path / "a.mp4", 64, 64) as writer:
        writer.picture(np.zeros((64, 64), np.uint8))
    with (
        pytest.raises(AvatarError, match="without sound"),
        VideoWriter(tmp_path / "a.mp4", 64, 64, sound=False) as writer,
    ):
        writer.sound(np.zeros(10, np.float32))
    assert list(tmp_path.iterdir()) == []


def test_sound_in_odd_pieces_is_the_same_sound(tmp_path: Path) -> None:
    tone = (0.3 * np.sin(2 * np.pi * 300 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)
    backs = []
    for name, size in (("whole", SAMPLE_RATE), ("pieces", 317)):
        with VideoWriter(tmp_path / f"{name}.mp4", 64, 64) as writer:
            for _ in range(25):
                writer.picture(grey())
            for start in range(0, len(tone), size):
                writer.sound(tone[start : start + size])
        backs.append(sound(tmp_path / f"{name}.mp4"))
    assert np.abs(backs[0] - backs[1]).max() < 1e-3


def test_an_mp3_has_the_sound(tmp_path: Path) -> None:
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    tone = (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    path = tmp_path / "tone.mp3"
    path.write_bytes(mp3(tone))
    assert path.stat().st_size < 20_000
    back = sound(path)
    assert len(back) == pytest.approx(len(tone), abs=3000)  # whole frames
    middle = back[12_000:36_000]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 440
    assert np.abs(middle).max() == pytest.approx(0.3, rel=0.05)


def test_what_is_to_be_in_the_stream_is_in_every_keyframe_and_harms_nothing(tmp_path: Path) -> None:
    unit = marking("AI-generated\n{}")
    with VideoWriter(tmp_path / "a.mp4", 64, 64, sound=False, gop=10, marking=unit) as writer:
        for k in range(25):
            writer.picture(grey(40 + 4 * k))
    with av.open(str(tmp_path / "a.mp4")) as container:
        pictures = list(container.decode(video=0))
    said = [
        [bytes(side) for side in frame.side_data if side.type.name == "SEI_UNREGISTERED"]
        for frame in pictures
    ]
    ours = [index for index, notes in enumerate(said) if MARK_UUID + b"AI-generated\n{}" in notes]
    assert ours == [index for index, frame in enumerate(pictures) if frame.key_frame] and len(ours) >= 3
    assert [float(frame.time) for frame in pictures] == pytest.approx([k / 25 for k in range(25)])
    levels = [float(p[:64].mean()) for p in frames(tmp_path / "a.mp4", format="yuv420p")]
    assert levels == pytest.approx([40 + 4 * k for k in range(25)], abs=3)


def test_a_file_is_sealed_whole_before_it_appears_or_never_appears(tmp_path: Path) -> None:
    path, seen = tmp_path / "a.mp4", []

    def seal(part: Path) -> None:
        with av.open(str(part)) as container:
            seen.append((sum(1 for _ in container.decode(video=0)), path.exists()))
        if len(seen) > 1:
            raise AvatarError("The key is gone.", "")

    with VideoWriter(path, 64, 64, sound=False, seal=seal) as writer:
        writer.picture(grey())
    assert seen == [(1, False)]
    path.unlink()
    with (
        pytest.raises(AvatarError, match="key is gone"),
        VideoWriter(path, 64, 64, sound=False, seal=seal) as again,
    ):
        again.picture(grey())
    assert not list(tmp_path.iterdir())
