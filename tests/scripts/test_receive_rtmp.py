"""The local receiver, fed by a real publisher on the loopback."""

import multiprocessing
import socket
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from receive_rtmp import receive


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def publish(url: str, frames: int, patience: float = 10.0) -> None:
    give_up = time.monotonic() + patience
    while True:
        try:
            _publish(url, frames)
            return
        except (ConnectionRefusedError, BrokenPipeError):
            if time.monotonic() > give_up:
                raise


def _publish(url: str, frames: int) -> None:
    with av.open(url, "w", format="flv") as out:
        video = out.add_stream("libx264", 25, options={"preset": "ultrafast", "tune": "zerolatency"})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        video.codec_context.flags |= 1 << 22
        audio = out.add_stream("aac", 48000)
        audio.layout = "stereo"
        for index in range(frames):
            picture = av.VideoFrame.from_ndarray(np.full((180, 160), 16 + index, np.uint8), "yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            out.mux(video.encode(picture))
            sound = av.AudioFrame.from_ndarray(np.zeros((2, 1920), np.float32), "fltp", "stereo")
            sound.sample_rate, sound.pts, sound.time_base = 48000, index * 1920, Fraction(1, 48000)
            out.mux(audio.encode(sound))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))


def test_every_picture_arrives_in_the_recording(tmp_path: Path) -> None:
    url, out = f"rtmp://127.0.0.1:{free_port()}/live/test", tmp_path / "received.mp4"
    # A process, not a thread: PyAV opens an output inside Python's lock, which the receiver needs to answer it.
    publisher = multiprocessing.get_context("spawn").Process(target=publish, args=(url, 50), daemon=True)
    received = receive(url, out, publisher.start, 20)
    publisher.join(10)
    assert publisher.exitcode == 0
    assert received.pictures == 50
    assert received.audio_seconds == pytest.approx(2.0, abs=0.1)
    assert abs(received.offset_start_ms) < 60
    with av.open(str(out)) as recording:
        shades = [frame.to_ndarray()[60, 80] for frame in recording.decode(video=0)]
        assert recording.streams.video[0].codec_context.name == "h264"
    assert len(shades) == 50
    assert np.all(np.abs(np.array(shades, int) - (16 + np.arange(50))) <= 2)
    assert [p.name for p in tmp_path.iterdir()] == ["received.mp4"]


def test_nobody_comes(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        receive(f"rtmp://127.0.0.1:{free_port()}/live/test", tmp_path / "none.mp4", lambda: None, 1)
    assert not (tmp_path / "none.mp4").exists()
