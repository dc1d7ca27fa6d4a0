"""The encoders: times from indices alone, sound in step, keyframes on demand."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.broadcast.codecs import GOP
from avatar_engine.broadcast.encoder import Encoder
from avatar_engine.broadcast.marking import MARK_UUID
from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.sound import Upsampler
from avatar_engine.broadcast.spec import TICKS_PER_FRAME, Codec, ProgrammeFormat
from avatar_engine.contracts import SAMPLE_RATE
from avatar_engine.errors import AvatarError
from tests.servers import programme

SIZE = ProgrammeFormat(320, 180)


def encode(indices: list[int]) -> list[Packet]:
    encoder = Encoder(SIZE, "libx264")
    packets: list[Packet] = []
    for index in indices:
        frame = programme(index)
        packets += encoder.encode(index, frame.picture, frame.sound)
    return packets + encoder.flush()


def test_the_upsampler_is_exact_and_the_same_in_pieces() -> None:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = (0.5 * np.sin(2 * np.pi * 3000 * time)).astype(np.float32)
    whole = Upsampler()
    once = np.concatenate([whole.push(tone), whole.flush()])
    pieces = Upsampler()
    cuts = np.split(tone, [1, 5, 960, 1000, 5000])
    again = np.concatenate([*(pieces.push(c) for c in cuts), pieces.flush()])
    assert len(once) == 2 * len(tone)
    np.testing.assert_allclose(again, once, atol=1e-6)
    expected = 0.5 * np.sin(2 * np.pi * 3000 * np.arange(2 * len(tone)) / (2 * SAMPLE_RATE))
    assert np.abs(once - expected)[200:-200].max() < 1e-3


def test_times_are_the_indices() -> None:
    packets = encode(list(range(60)))
    video = [p for p in packets if p.video]
    assert [p.pts for p in video] == [i * TICKS_PER_FRAME for i in range(60)]
    assert [i for i, p in enumerate(video) if p.keyframe] == [0, GOP]
    audio = [p.pts for p in packets if not p.video]
    assert audio == list(range(0, len(audio) * 1024, 1024))
    assert 60 * TICKS_PER_FRAME <= audio[-1] + 1024 < 60 * TICKS_PER_FRAME + 2 * 1024


def test_packets_come_in_order_of_time() -> None:
    times = [p.pts for p in encode(list(range(30)))]
    assert times == sorted(times)


def test_a_programme_that_begins_late_keeps_its_times() -> None:
    start = 419_420
    packets = encode(list(range(start, start + 20)))
    assert packets[0].video
    assert packets[0].keyframe
    assert packets[0].pts == start * TICKS_PER_FRAME
    assert next(p.pts for p in packets if not p.video) == start * TICKS_PER_FRAME


def test_missing_frames_are_silence() -> None:
    packets = encode([*range(10), *range(15, 30)])
    assert [p.pts // TICKS_PER_FRAME for p in packets if p.video] == [*range(10), *range(15, 30)]
    audio = [p.pts for p in packets if not p.video]
    assert audio == list(range(0, len(audio) * 1024, 1024))
    assert audio[-1] >= 29 * TICKS_PER_FRAME


def test_a_long_gap_moves_the_sound_with_the_pictures() -> None:
    packets = encode([*range(10), *range(5000, 5030)])
    audio = np.array([p.pts for p in packets if not p.video])
    assert (np.diff(audio) > 0).all()
    jump = int(np.flatnonzero(np.diff(audio) > 2048)[0])
    assert audio[jump] < 11 * TICKS_PER_FRAME
    assert audio[jump + 1] == pytest.approx(5000 * TICKS_PER_FRAME, abs=1024)
    assert audio[-1] >= 5029 * TICKS_PER_FRAME


def test_a_keyframe_comes_when_wanted_and_carries_the_marking() -> None:
    encoder = Encoder(SIZE, "libx264")
    packets: list[Packet] = []
    for index in range(20):
        if index == 7:
            encoder.want_keyframe()
        packets += encoder.encode(index, programme(index).picture, programme(index).sound)
    video = [p for p in packets + encoder.flush() if p.video]
    keys = [i for i, p in enumerate(video) if p.keyframe]
    assert keys == [0, 7]
    kinds = [[u[0] & 31 for u in re.split(b"\0*\0\0\1", p.data) if u] for p in video]
    assert kinds[7] == [6, 5]
    assert kinds[8] == [1]
    assert b"AI-generated" in video[7].data
    assert MARK_UUID in video[0].data


def test_many_wishes_are_one_keyframe() -> None:
    encoder = Encoder(SIZE, "libx264")
    packets: list[Packet] = []
    for index in range(30):
        new = encoder.encode(index, programme(index).picture, programme(index).sound)
        packets += new
        # As an output does that was opened at frame 10: it wishes until it sees a keyframe.
        seen = any(p.video and p.keyframe and p.pts >= 10 * TICKS_PER_FRAME for p in packets)
        if index >= 10 and not seen:
            encoder.want_keyframe()
    keys = [p.pts // TICKS_PER_FRAME for p in packets + encoder.flush() if p.video and p.keyframe]
    assert keys == [0, 11]


def test_an_unknown_encoder_lists_the_known_ones() -> None:
    with pytest.raises(AvatarError, match="libx264"):
        Encoder(SIZE, "magic")


def test_another_bitrate_is_obeyed_while_the_encoder_is_open() -> None:
    """Noise, which takes all that it gets: from 1000 kbit/s to 400 and back."""
    chance = np.random.default_rng(1)
    encoder = Encoder(ProgrammeFormat(320, 180, video_bitrate=1_000_000), "libx264")
    sizes = []
    for index in range(450):
        if index in (150, 300):
            encoder.set_bitrate(400_000 if index == 150 else 1_000_000)
        picture = chance.integers(16, 235, (270, 320), dtype=np.uint8)
        packets = encoder.encode(index, picture, np.zeros(960, np.float32))
        sizes.append(sum(len(p.data) for p in packets if p.video))
    kbps = [8 * sum(sizes[n : n + 50]) / 2000 for n in range(0, 450, 50)]
    assert 850 < kbps[2] < 1200
    assert 300 < kbps[5] < 550
    assert 850 < kbps[8] < 1200


@pytest.mark.parametrize(("codec", "name"), [("hevc", "libx265"), ("av1", "libsvtav1")])
def test_other_codecs_keep_times_and_give_keyframes_when_wanted(codec: Codec, name: str) -> None:
    encoder = Encoder(ProgrammeFormat(320, 180, codec=codec), name)
    packets: list[Packet] = []
    for index in range(60):
        if index == 20:
            encoder.want_keyframe()
        packets += encoder.encode(index, programme(index).picture, programme(index).sound)
    threads = [int(thread.name) for thread in Path("/proc/self/task").iterdir()]
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_OTHER}, (
        "SVT-AV1 takes the machine"
    )
    encoder.set_bitrate(300_000)
    assert encoder.bitrate == 900_000, "it says so when it cannot"
    video = [p for p in packets + encoder.flush() if p.video]
    assert [p.pts for p in video] == [i * TICKS_PER_FRAME for i in range(60)]
    assert [i for i, p in enumerate(video) if p.keyframe] == [0, 20]
    assert (b"AI-generated" in video[0].data) is (codec == "hevc")


def test_an_encoder_of_another_codec_is_refused() -> None:
    with pytest.raises(AvatarError, match="for av1"):
        Encoder(ProgrammeFormat(320, 180, codec="av1"), "libx264")


def test_what_is_known_of_its_making_is_in_every_keyframe_below_the_words() -> None:
    encoder = Encoder(replace(SIZE, record='{"avatar":"marie"}'), "libx264")
    packets = encoder.encode(0, programme(0).picture, programme(0).sound) + encoder.flush()
    first = next(p for p in packets if p.video)
    assert SIZE.metadata["comment"].encode() + b'\n{"avatar":"marie"}' in first.data
    encoder.close()
