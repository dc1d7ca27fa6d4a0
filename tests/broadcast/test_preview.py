"""The preview: viewers begin at a keyframe, slow ones lose GOPs, strangers' pages see nothing."""

from __future__ import annotations

import asyncio
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from avatar_engine.broadcast import preview as room
from avatar_engine.broadcast.encoder import Encoder
from avatar_engine.broadcast.flv import FlvStream, Tag
from avatar_engine.broadcast.preview import PreviewOutput, Viewer
from avatar_engine.broadcast.spec import OutputSpec, ProgrammeFormat
from tests.servers import Receiver, free_port, programme

SIZE = ProgrammeFormat(320, 180)


class Served:
    """A preview of the test programme."""

    def __init__(self) -> None:
        self.port = free_port()
        self._encoder = Encoder(SIZE, "libx264")
        self.output = PreviewOutput(OutputSpec.preview(str(self.port)), self._encoder.streams, SIZE)
        self.output.start()
        self.next = 0
        deadline = time.monotonic() + 20
        while self.output.status().state != "on air":
            assert time.monotonic() < deadline, self.output.status()
            time.sleep(0.01)

    def play(self, frames: int, pace: float = 200.0, filler: bytes = b"") -> None:
        for _ in range(frames):
            frame = programme(self.next)
            for packet in self._encoder.encode(self.next, frame.picture, frame.sound):
                fat = replace(packet, data=packet.data + filler) if packet.video else packet
                self.output.put(fat, patient=False)
            self.next += 1
            time.sleep(1 / pace)

    def url(self, path: str) -> str:
        return f"127.0.0.1:{self.port}{path}"

    def viewers(self, count: int) -> None:
        """Play until so many look."""
        deadline = time.monotonic() + 20
        while len(self.output._hub) != count:
            assert time.monotonic() < deadline, len(self.output._hub)
            self.play(5)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.output.finish()
    assert made.output.join(10)
    assert made.output.status().state == "ended"


def test_a_late_viewer_begins_at_a_keyframe_with_headers(served: Served) -> None:
    served.play(70)
    receiver = Receiver(f"http://{served.url('/live.flv')}", stop_after=1.5)
    while receiver.is_alive():
        served.play(5)
    got = receiver.result()
    assert round(got.video[0] * 25) % 50 == 0
    assert got.video[0] > 2.0
    assert len(got.video) >= 38
    assert max(map(abs, got.offsets_ms()[1:])) < 5


def test_a_websocket_viewer_gets_the_same(served: Served) -> None:
    with connect(f"ws://{served.url('/live.ws')}", max_queue=None) as viewer:
        served.viewers(1)
        served.play(60)
        assert viewer.recv(timeout=5)[:3] == b"FLV"
        tag = viewer.recv(timeout=5)
        assert (tag[0], tag[11] >> 4) == (9, 1), "a keyframe"
    served.viewers(0)


def test_viewers_who_do_not_read_lose_gops_and_cost_nothing(served: Served) -> None:
    stuck = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(2)]
    for one in stuck:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(f"GET /live.flv HTTP/1.1\r\nHost: {served.url('')}\r\n\r\n".encode())
    served.viewers(2)
    viewers = list(served.output._hub._viewers)
    deadline = time.monotonic() + 30
    while not all(v.lost > 300 for v in viewers):
        assert time.monotonic() < deadline, [v.lost for v in viewers]
        # Fat pictures fill the system's buffers soon.
        served.play(25, filler=b"\0\0\1\x0c" + b"\xff" * 100_000 + b"\x80")
    assert all(len(v._waiting) < 400 for v in viewers)
    assert served.output.status().dropped == 0
    for one in stuck:
        one.close()
    served.viewers(0)


def test_a_viewer_that_falls_behind_goes_on_at_a_keyframe() -> None:
    async def look() -> list[int]:
        viewer = Viewer(b"HEAD")
        for index in range(250):
            viewer.put(Tag(index * 40, index % 50 == 0, index.to_bytes(2)))
        viewer.end()
        pieces = [piece async for piece in viewer.pieces()]
        assert pieces.pop(0) == b"HEAD"
        return [int.from_bytes(piece) for piece in pieces]

    # When more than three seconds wait (frame 76, then 176), all of it goes, and what follows up to a keyframe.
    assert asyncio.run(look()) == list(range(200, 250))


def test_there_are_at_most_so_many_viewers(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_VIEWERS", 1)
    with connect(f"ws://{served.url('/live.ws')}", max_queue=None):
        served.viewers(1)
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://{served.url('/live.flv')}", timeout=5)
    served.viewers(0)


@pytest.mark.parametrize("header", [("Origin", "http://evil.example"), ("Host", "evil.example:8081")])
def test_another_sites_page_sees_nothing(served: Served, header: tuple[str, str]) -> None:
    request = urllib.request.Request(f"http://{served.url('/live.flv')}", headers=dict([header]))
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(request, timeout=5)
    if header[0] == "Origin":
        with pytest.raises(InvalidStatus):
            connect(f"ws://{served.url('/live.ws')}", origin="http://evil.example")  # type: ignore[arg-type]


def test_the_page_says_how_to_look(served: Served) -> None:
    with urllib.request.urlopen(f"http://{served.url('/')}", timeout=5) as answer:
        page = answer.read().decode()
    assert "npm install mpegts.js" in page
    assert "ffplay" in page


def test_a_port_that_is_taken_fails_the_preview_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        encoder = Encoder(SIZE, "libx264")
        spec = OutputSpec.preview(str(taken.getsockname()[1]))
        output = PreviewOutput(spec, encoder.streams, SIZE)
        output.start()
        assert output.join(20)
    assert output.status().state == "failed"
    assert "port" in output.status().error


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_tags_are_whole_and_keyframes_are_known(codec: str) -> None:
    encoder = Encoder(ProgrammeFormat(320, 180, codec=codec))  # type: ignore[arg-type]
    stream = FlvStream(encoder.streams, {})
    tags: list[Tag] = []
    for index in range(60):
        for packet in encoder.encode(index, programme(index).picture, programme(index).sound):
            tags += stream.push(packet)
    assert stream.header[:3] == b"FLV"
    assert [t.time for t in tags if t.keyframe] == [0, 2000]
    # Enhanced FLV tells the colours once more, in a tag of its own (packet type 4).
    times = [t.time for t in tags if t.data[0] == 9 and (t.data[11] < 128 or t.data[11] & 15 != 4)]
    assert times == [40 * i for i in range(len(times))]
    assert len(times) >= 55
    assert all(int.from_bytes(t.data[-4:]) == len(t.data) - 4 for t in tags)
