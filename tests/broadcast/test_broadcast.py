"""The whole broadcast, in its own process: to files, to FFmpeg's RTMP server and to nginx."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from avatar_engine.broadcast import Broadcast, BroadcastStatus, OutputSpec, ProgrammeFormat
from avatar_engine.broadcast.broadcast import restart_wait
from avatar_engine.contracts import FRAME_RATE, ProgrammeFrame
from avatar_engine.errors import AvatarError
from tests.servers import (
    Nginx,
    Received,
    Receiver,
    Relay,
    SilentServer,
    await_port,
    free_port,
    has_nginx,
    programme,
    receive,
)

SIZE = ProgrammeFormat(320, 180)
server = pytest.mark.server
needs_nginx = pytest.mark.skipif(not has_nginx(), reason="nginx with the RTMP module is not installed")


PACE = 4 * FRAME_RATE
"""Frames a second of the tests' shows: four times a real one's, for presentation times are not wall time."""

ON_AIR = FRAME_RATE
"""The same where every picture must come: at more a sender that waits for half a second drops some, and rightly."""

RING = 100
"""Frames that the ring holds: a machine may be busy, and these tests count frames."""


PATIENCE = 0.2
"""Seconds that a frame may wait while the ring is half full: where the machine is slow, so is the test's show."""


class Show:
    """A live show of the test programme: frames at a steady pace, never held up for long by the broadcast."""

    def __init__(self, broadcast: Broadcast, start: int = 0, pace: int = PACE) -> None:
        self.broadcast, self.next, self._pace = broadcast, start, pace
        self._begin = time.monotonic() - start / pace

    def until(self, done: Callable[[BroadcastStatus], bool], limit: float = 30.0) -> BroadcastStatus:
        """Send until ``done(status)``; AssertionError after ``limit`` seconds."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            time.sleep(max(0.0, self._begin + self.next / self._pace - time.monotonic()))
            self._let_it_breathe()
            self.broadcast.send(programme(self.next))
            self.next += 1
            if self.next % 5 == 0 and done(status := self.broadcast.status()):
                return status
        raise AssertionError(f"it never came to be: {self.broadcast.status()}")

    def _let_it_breathe(self) -> None:
        patience = time.monotonic() + PATIENCE
        while self.broadcast.status().queue_depth > RING // 2 and time.monotonic() < patience:
            time.sleep(0.002)

    def seconds(self, count: float) -> BroadcastStatus:
        """Send ``count`` seconds of the programme."""
        end = self.next + round(count * FRAME_RATE)
        return self.until(lambda _: self.next >= end)


def outputs(*texts: str | Path) -> list[OutputSpec]:
    return [OutputSpec.parse(text) for text in texts]


def states(status: BroadcastStatus) -> list[str]:
    return [o.state for o in status.outputs]


def on_air(status: BroadcastStatus) -> bool:
    return set(states(status)) == {"on air"}


def in_step(got: Received, limit: float) -> list[float]:
    """The offsets of all but a first, cut beep; all within ``limit`` ms."""
    offsets = got.offsets_ms()
    inside = [d for f, d in zip(got.flashes(), offsets, strict=False) if f - got.video[0] > 0.2]
    assert inside, "no flash was received with its beep"
    assert max(map(abs, inside)) <= limit
    return inside


def test_offline_every_frame_reaches_the_files(tmp_path: Path) -> None:
    paths = [tmp_path / "a.mp4", tmp_path / "b.flv"]
    with Broadcast(SIZE, outputs(*paths)) as broadcast:
        for index in range(150):
            assert broadcast.send(programme(index), wait=True)
    status = broadcast.status()
    assert (status.encoded, status.refused, status.restarts, status.alive) == (150, 0, 0, False)
    assert states(status) == ["ended", "ended"]
    assert abs(status.av_offset_ms) < 12
    for path in paths:
        got = receive(path)
        assert got.video == pytest.approx([i / 25 for i in range(150)], abs=0.001)
        assert len(in_step(got, 5)) == 5


def test_a_full_ring_refuses_at_once(tmp_path: Path) -> None:
    with Broadcast(SIZE, outputs(tmp_path / "a.mp4"), slots=4) as broadcast:
        pid = broadcast.pid
        assert pid
        os.kill(pid, signal.SIGSTOP)
        try:
            taken = [broadcast.send(programme(i)) for i in range(6)]
        finally:
            os.kill(pid, signal.SIGCONT)
        assert taken == [True] * 4 + [False] * 2
        assert broadcast.status().refused == 2
        assert broadcast.status().queue_depth <= 4
    assert len(receive(tmp_path / "a.mp4").video) == 4


def test_closing_without_draining_loses_what_waits_but_finishes_the_file(tmp_path: Path) -> None:
    broadcast = Broadcast(SIZE, outputs(tmp_path / "a.mp4"), slots=20)
    for index in range(60):
        broadcast.send(programme(index), wait=True)
    broadcast.close(drain=False)
    broadcast.close()
    assert not broadcast.send(programme(60))
    got = receive(tmp_path / "a.mp4")
    assert got.video == pytest.approx([i / 25 for i in range(len(got.video))], abs=0.001)
    assert 40 <= len(got.video) <= 60


def test_wrong_frames_are_refused(tmp_path: Path) -> None:
    with Broadcast(SIZE, outputs(tmp_path / "a.mp4")) as broadcast:
        good = programme(5)
        assert broadcast.send(good)
        for bad in (
            programme(5),
            programme(4),
            programme(6, 640, 360),
            ProgrammeFrame(6, good.picture.astype(np.int16), good.sound),  # type: ignore[arg-type]
            ProgrammeFrame(6, good.picture, good.sound[:100]),
        ):
            with pytest.raises(ValueError, match=r"picture|sound|after"):
                broadcast.send(bad)


def test_what_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="no output"):
        Broadcast(SIZE, [])
    with pytest.raises(AvatarError, match="twice"):
        Broadcast(SIZE, outputs(tmp_path / "a.mp4", tmp_path / "a.mp4"))
    with pytest.raises(AvatarError, match="magic"):
        Broadcast(SIZE, outputs(tmp_path / "a.mp4"), encoder="magic")
    spec = OutputSpec("file", path=tmp_path / "gone" / "a.mp4")
    with pytest.raises(AvatarError, match="cannot be written"):
        Broadcast(SIZE, [spec])


def test_a_hung_process_is_ended_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar_engine.broadcast.broadcast._SILENCE_LIMIT", 2.0)
    with Broadcast(SIZE, outputs(tmp_path / "a.mp4"), slots=RING) as broadcast:
        show = Show(broadcast)
        show.until(on_air)
        assert broadcast.pid
        os.kill(broadcast.pid, signal.SIGSTOP)
        show.until(lambda s: s.restarts == 1 and on_air(s))
    assert broadcast.status().alive is False


def test_the_process_dies_with_its_parent(tmp_path: Path) -> None:
    """A parent that is killed leaves no process behind, and the file is finished."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, signal\n"
        "from avatar_engine.broadcast import Broadcast, OutputSpec, ProgrammeFormat\n"
        "from tests.servers import programme\n"
        "if __name__ == '__main__':\n"
        f"    b = Broadcast(ProgrammeFormat(320, 180), [OutputSpec.parse({str(tmp_path / 'a.mp4')!r})])\n"
        "    for i in range(60): b.send(programme(i), wait=True)\n"
        "    print(b.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, str(script)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    pid = int(run.stdout)
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it outlives its parent"
        time.sleep(0.05)
    assert len(receive(tmp_path / "a.mp4").video) == 60


def test_restarts_wait_longer_each_time() -> None:
    assert [restart_wait(n) for n in range(1, 8)] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_a_killed_process_comes_back_and_the_show_goes_on(tmp_path: Path) -> None:
    with Broadcast(SIZE, outputs(tmp_path / "a.mp4"), slots=RING) as broadcast:
        show = Show(broadcast)
        show.seconds(5)
        first = broadcast.pid
        assert first
        os.kill(first, signal.SIGKILL)
        status = show.until(lambda s: s.restarts == 1 and on_air(s))
        assert broadcast.pid != first
        assert "died" in status.outputs[0].error
        assert status.outputs[0].reconnects == 1
        show.seconds(1)
    assert broadcast.status().encoded >= 140
    # Both recordings can be played: the first up to its last whole fragment.
    before, after = receive(tmp_path / "a.mp4"), receive(tmp_path / "a-2.mp4")
    assert len(before.video) >= 50
    assert len(after.video) >= 20
    in_step(after, 5)


def listening(key: str = "show") -> tuple[str, Receiver]:
    """An address, and FFmpeg's own RTMP server there, for one publisher."""
    url = f"rtmp://127.0.0.1:{free_port()}/live/{key}"
    return url, Receiver(url, listen="1")


@pytest.mark.parametrize("start", [0, 419_430 - 60, 500_000], ids=["zero", "crossing 24 bits", "beyond"])
def test_ffmpegs_server_receives_all_in_step(start: int) -> None:
    url, receiver = listening()
    with Broadcast(SIZE, outputs(url), slots=RING) as broadcast:
        assert broadcast.await_network()
        show = Show(broadcast, start, ON_AIR)
        show.seconds(4)
        status = broadcast.status()
        assert status.outputs[0].dropped == 0
        assert status.outputs[0].bitrate_kbps > 5
    got = receiver.result()
    assert len(got.video) >= 95
    assert np.diff(got.video) == pytest.approx(0.04, abs=0.0015)
    # FFmpeg's server counts from the first message; what matters is that nothing jumps at the crossing.
    assert len(in_step(got, 40)) >= 3


@pytest.mark.parametrize("trouble", ["refused", "silent"])
def test_a_dead_endpoint_holds_up_nobody(
    trouble: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    url, receiver = listening()
    with SilentServer() as silent:
        port = free_port() if trouble == "refused" else silent.port
        dead = f"rtmp://127.0.0.1:{port}/live/SECRETKEY"
        with Broadcast(SIZE, outputs(dead, url, tmp_path / "a.mp4"), slots=RING) as broadcast:
            assert not broadcast.await_network(0.5)
            show = Show(broadcast, pace=ON_AIR)
            show.until(lambda s: states(s)[1:] == ["on air", "on air"])
            status = show.until(lambda s: s.outputs[0].reconnects >= 1)
            assert status.outputs[0].state == "reconnecting"
            wanted = "refused" if trouble == "refused" else "no answer"
            assert wanted in status.outputs[0].error
            show.seconds(2)
            status = broadcast.status()
            sent = show.next
    assert status.refused == 0
    assert status.outputs[1].reconnects == 0
    assert len(receive(tmp_path / "a.mp4").video) == sent
    assert np.diff(receiver.result().video) == pytest.approx(0.04, abs=0.0015)
    assert "SECRETKEY" not in caplog.text + repr(status)
    assert "live/****" in caplog.text


def test_no_sender_outlives_the_broadcast() -> None:
    url, receiver = listening()
    with SilentServer() as silent:
        dead = f"rtmp://127.0.0.1:{silent.port}/live/key"
        with Broadcast(SIZE, outputs(dead, url), slots=RING) as broadcast:
            show = Show(broadcast)
            show.until(lambda s: s.outputs[1].state == "on air" and silent.connections > 0)
            senders = psutil.Process(broadcast.pid).children()
            assert len(senders) == 2
            show.seconds(1)
    assert not [p for p in senders if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert states(broadcast.status()) == ["ended", "ended"]
    assert broadcast.status().outputs[1].error == ""
    assert len(receiver.result().video) >= 20


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    folder = tmp_path / "nginx"
    folder.mkdir()
    with Nginx(folder) as running:
        yield running


@server
@needs_nginx
def test_nginx_relays_all_in_step(nginx: Nginx) -> None:
    with Broadcast(SIZE, outputs(nginx.url()), slots=RING) as broadcast:
        show = Show(broadcast, pace=ON_AIR)
        show.until(on_air)
        show.seconds(1)
        receiver = Receiver(nginx.url(), stop_after=3.0)
        show.until(lambda _: not receiver.is_alive(), limit=20)
    got = receiver.result()
    assert len(got.video) >= 75
    assert np.diff(got.video) == pytest.approx(0.04, abs=0.0015)
    assert len(in_step(got, 40)) >= 2
    (recording,) = nginx.recordings()
    whole = receive(recording)
    assert len(whole.video) >= 100
    in_step(whole, 40)


@server
@needs_nginx
@pytest.mark.parametrize("start", [419_430 - 50, 600_000], ids=["crossing 24 bits", "beyond"])
def test_nginx_beyond_24_bits(nginx: Nginx, start: int) -> None:
    with Broadcast(SIZE, outputs(nginx.url()), slots=RING) as broadcast:
        show = Show(broadcast, start, ON_AIR)
        show.until(on_air)
        receiver = Receiver(nginx.url(), stop_after=4.0)
        show.until(lambda _: not receiver.is_alive(), limit=20)
    got = receiver.result()
    assert len(got.video) >= 100
    assert np.diff(got.video) == pytest.approx(0.04, abs=0.0015)
    in_step(got, 40)


@server
@needs_nginx
def test_a_killed_server_is_found_again_and_others_see_nothing(nginx: Nginx, tmp_path: Path) -> None:
    url, receiver = listening()
    with Broadcast(SIZE, outputs(nginx.url(), url, tmp_path / "a.mp4"), slots=RING) as broadcast:
        show = Show(broadcast, pace=ON_AIR)
        show.until(on_air)
        show.seconds(2)
        nginx.stop()
        status = show.until(lambda s: s.outputs[0].state == "reconnecting")
        assert status.outputs[0].error
        show.seconds(1)
        nginx.start()
        show.until(on_air)
        show.seconds(3)
        status, sent = broadcast.status(), show.next
    assert status.outputs[0].reconnects >= 1
    assert status.outputs[1].reconnects == status.outputs[2].reconnects == 0
    assert status.refused == 0
    assert len(receive(tmp_path / "a.mp4").video) == sent
    assert np.diff(receiver.result().video) == pytest.approx(0.04, abs=0.0015)
    again = receive(nginx.recordings()[-1])
    assert len(again.video) >= 60
    in_step(again, 40)


@server
@needs_nginx
def test_a_link_that_goes_silent_is_given_up_and_taken_up_again(nginx: Nginx, tmp_path: Path) -> None:
    with (
        Relay(nginx.port) as relay,
        Broadcast(
            SIZE, outputs(f"rtmp://127.0.0.1:{relay.port}/live/show", tmp_path / "a.mp4"), slots=RING
        ) as broadcast,
    ):
        show = Show(broadcast)
        show.until(on_air)
        show.seconds(1)
        relay.stall()
        status = show.until(lambda s: s.outputs[0].state == "reconnecting", limit=60)
        assert "time" in status.outputs[0].error
        relay.resume()
        show.until(on_air)
        show.seconds(2)
        status, sent = broadcast.status(), show.next
        broadcast.close()
    assert status.refused == 0
    assert status.outputs[1].reconnects == 0
    assert len(receive(tmp_path / "a.mp4").video) == sent
    in_step(receive(nginx.recordings()[-1]), 40)


@server
@needs_nginx
def test_a_killed_process_goes_on_publishing(nginx: Nginx) -> None:
    with Broadcast(SIZE, outputs(nginx.url()), slots=RING) as broadcast:
        show = Show(broadcast)
        show.until(on_air)
        show.seconds(1)
        assert broadcast.pid
        os.kill(broadcast.pid, signal.SIGKILL)
        show.until(lambda s: s.restarts == 1 and on_air(s))
        receiver = Receiver(nginx.url(), stop_after=2.0)
        show.until(lambda _: not receiver.is_alive(), limit=20)
    got = receiver.result()
    # The programme's own time goes on: it is never reset.
    assert got.video[0] > 1.0
    in_step(got, 40)


def test_the_server_fixture_really_waits() -> None:
    with pytest.raises(RuntimeError, match="nothing listens"):
        await_port(free_port(), limit=0.1)
