"""Recordings: files that survive a crash, cut or whole."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from avatar_engine.broadcast.encoder import Encoder
from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.recorder import FileOutput
from avatar_engine.broadcast.spec import OutputSpec, ProgrammeFormat
from tests.servers import COLOURS, programme, receive

SIZE = ProgrammeFormat(320, 180, metadata={"title": "A show"})


def record(path: Path, frames: range, output: FileOutput | None = None) -> FileOutput:
    encoder = Encoder(SIZE, "libx264")
    made = output or FileOutput(OutputSpec.parse(path), encoder.streams, SIZE, restart=0)
    made.start()
    packets: list[Packet] = []
    for index in frames:
        packets += encoder.encode(index, programme(index).picture, programme(index).sound)
    for packet in packets + encoder.flush():
        made.put(packet, patient=True)
    made.finish()
    assert made.join(20)
    return made


@pytest.mark.parametrize("suffix", ["mp4", "flv"])
@pytest.mark.parametrize("start", [0, 419_420])
def test_a_recording_is_whole_and_in_step(tmp_path: Path, suffix: str, start: int) -> None:
    path = tmp_path / f"show.{suffix}"
    output = record(path, range(start, start + 75))
    assert output.status().state == "ended"
    got = receive(path)
    assert got.video == pytest.approx([i / 25 for i in range(75)], abs=0.001)
    assert got.colours == {COLOURS}
    assert len(got.sound) / 48_000 == pytest.approx(3.0, abs=0.05)
    # The very first beep is cut: AAC fades in over its first packet.
    offsets = got.offsets_ms()[-2:]
    assert len(offsets) == 2
    assert max(map(abs, offsets)) < 5
    with av.open(str(path)) as container:
        assert "AI-generated" in container.metadata["comment"]


def test_an_mp4_cut_off_by_a_crash_can_be_played(tmp_path: Path) -> None:
    encoder = Encoder(SIZE, "libx264")
    output = FileOutput(OutputSpec.parse(tmp_path / "show.mp4"), encoder.streams, SIZE, restart=0)
    for index in range(175):
        for packet in encoder.encode(index, programme(index).picture, programme(index).sound):
            output._write(packet)
    # What is on the disk at this moment is all that a crash would leave.
    copy = tmp_path / "crashed.mp4"
    copy.write_bytes((tmp_path / "show.mp4").read_bytes())
    got = receive(copy)
    assert len(got.video) >= 100
    assert got.video[:100] == pytest.approx([i / 25 for i in range(100)], abs=0.001)
    output._container.close()


def test_a_restarted_process_does_not_overwrite_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "show.mp4"
    record(path, range(10))
    before = path.read_bytes()
    encoder = Encoder(SIZE, "libx264")
    again = FileOutput(OutputSpec.parse(path), encoder.streams, SIZE, restart=1)
    assert again.status().name == str(tmp_path / "show-2.mp4")
    again.start()
    for packet in [*encoder.encode(40, programme(40).picture, programme(40).sound), *encoder.flush()]:
        again.put(packet, patient=True)
    again.finish()
    assert again.join(20)
    assert path.read_bytes() == before
    assert receive(tmp_path / "show-2.mp4").video == [0.0]


def test_a_full_disk_fails_the_file_and_says_why(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    path = tmp_path / "show.mp4"
    path.symlink_to("/dev/full")
    status = record(path, range(120)).status()
    assert status.state == "failed"
    assert "space" in status.error
