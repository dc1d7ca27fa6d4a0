"""A video whose mouths the render engine paints: a drawn presenter, the real performer, a real engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.device import Device
from avatar_engine.engine import client, wire
from avatar_engine.engine.backend import Job
from avatar_engine.engine.process import Engine
from avatar_engine.engine.sessions import Sessions
from avatar_engine.errors import AvatarError
from avatar_engine.face import crop
from avatar_engine.lips import fit_motion, sound
from avatar_engine.lips.painter import to_onnx
from avatar_engine.lips.placement import PLACEMENT_PART
from avatar_engine.live import performer as performers
from avatar_engine.live.say import render
from avatar_engine.media.read import frame_count, frames
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage.body import TRACK_PART, VIDEO_PART
from tests.lips import drawn

LOAD = performers.load
DEVICE = Device("cpu", "test", 1, False, False, 1)
SIZE, ROUND = (320, 180), 30


@pytest.fixture
def presenter(avatar: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A clone with a drawn face, whose mouth moves with what is said."""
    monkeypatch.setattr(performers, "load", LOAD)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(client, "LIMIT", 60.0)  # nothing is late because the machine that tests is busy
    torch.manual_seed(0)
    lips = drawn.model(drawn.mouths(np.linspace(0, 0.16, 40).astype(np.float32)))
    net = fit_motion.Committee([fit_motion.Net(4)], 4).eval()
    moves = to_onnx(net, (torch.zeros(2, sound.CONTEXT, sound.BANDS),), ["mel"], ["coefficients"])
    track = drawn.still_track(ROUND)
    drawn.put(track, np.zeros(ROUND, np.float32))
    with VideoWriter(tmp_path / "body.mp4", drawn.WIDTH, drawn.HEIGHT) as film:
        for points in track.points:
            film.picture(drawn.picture(points))
    made = Bundle.open(avatar())
    with BundleWriter(tmp_path / "drawn.avatar", made.name, made.made, made.consent) as writer:
        writer.add_parts(made)
        replace(lips, motion=moves).save(writer)
        writer.add_file(VIDEO_PART, tmp_path / "body.mp4")
        transforms = crop.transforms(track, drawn.SIZE)
        writer.add_tensors(
            TRACK_PART, {"transforms": transforms, "crop_size": np.array([drawn.SIZE], np.int32)}
        )
        writer.add_tensors(PLACEMENT_PART, {"offsets": np.zeros((ROUND, 4), np.float32)})
    return tmp_path / "drawn.avatar"


class Counting(Sessions):
    """Counts what it paints, and may be told to break after so many pictures."""

    def __init__(self, most: int = 1 << 30) -> None:
        super().__init__(DEVICE, 1)
        self.painted, self._most = 0, most

    def paint(self, lane: int, jobs: Sequence[Job]) -> None:
        if self.painted >= self._most:
            raise RuntimeError("the card has fallen off the bus")
        super().paint(lane, jobs)
        self.painted += len(jobs)


@contextmanager
def serving(backend: Counting) -> Iterator[Engine]:
    engine, stop = Engine(backend), threading.Event()

    def serve() -> None:
        try:
            engine.serve(stop)
        except AvatarError as error:
            assert "fallen off" in error.what

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield engine
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def seen(video: Path) -> np.ndarray:
    return np.stack(list(frames(video, format="gray")))


def test_the_engine_paints_every_picture_of_a_video_and_none_other_than_the_show_would(
    presenter: Path, tmp_path: Path
) -> None:
    backend = Counting()
    with serving(backend):
        made = render(presenter, "abc de", tmp_path / "on.mp4", size=SIZE, device="cpu", render_engine="on")
        assert backend.painted == frame_count(made.path) + 1  # that with which the painter was warmed up
        assert wire.status()["dropped"] == 0
        until = time.monotonic() + 60
        while wire.status()["shows"]:  # the show has left, of which the engine hears a moment later
            assert time.monotonic() < until
        auto = render(
            presenter, "abc de", tmp_path / "auto.mp4", size=SIZE, device="cpu", render_engine="auto"
        )
        assert backend.painted == 2 * (frame_count(auto.path) + 1)
        own = render(presenter, "abc de", tmp_path / "off.mp4", size=SIZE, device="cpu", render_engine="off")
        assert backend.painted == 2 * (frame_count(auto.path) + 1)
    by_engine, by_itself = seen(made.path), seen(own.path)
    assert by_engine.shape == by_itself.shape
    assert np.abs(by_engine.astype(int) - by_itself).mean() < 0.05
    mouth = by_itself[:, :, SIZE[0] // 4 : 3 * SIZE[0] // 4]
    assert np.abs(np.diff(mouth.astype(int), axis=0)).max() > 20, "the mouth moves"


def test_an_engine_that_dies_while_a_video_is_made_fails_nothing(presenter: Path, tmp_path: Path) -> None:
    backend = Counting(most=10)
    with serving(backend):
        made = render(presenter, "abc de", tmp_path / "on.mp4", size=SIZE, device="cpu", render_engine="on")
    assert backend.painted == 10
    own = render(presenter, "abc de", tmp_path / "off.mp4", size=SIZE, device="cpu", render_engine="auto")
    assert np.abs(seen(made.path).astype(int) - seen(own.path)).mean() < 0.05


def test_a_video_that_wants_an_engine_is_not_made_without(presenter: Path, tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="No render engine runs"):
        render(presenter, "abc", tmp_path / "on.mp4", size=SIZE, device="cpu", render_engine="on")
    assert not (tmp_path / "on.mp4").exists()
