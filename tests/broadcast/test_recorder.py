"""Recordings: files that survive a crash, cut or whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import pytest

from avatar_engine.broadcast.encoder import Encoder
from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.recorder import FileOutput
from avatar_engine.broadcast.spec import TIME_BASE, OutputSpec, ProgrammeFormat
from tests.servers import COLOURS, programme, receive

SIZE = ProgrammeFormat(320, 180, metadata={"title": "A show"})


def record(
    path: Path, frames: range, output: FileOutput | None = None, encoder: Encoder | None = None
) -> FileOutput:
    encoder = encoder or Encoder(SIZE, "libx264")
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


def test_a_cut_recording_loses_no_frame_and_every_piece_stands_alone(tmp_path: Path) -> None:
    """Ten seconds, cut every three: at the keyframe that follows, of which there is one every two seconds."""
    spec = OutputSpec("file", path=tmp_path / "show.mp4", cut=10.0)
    encoder = Encoder(SIZE, "libx264")
    output = FileOutput(spec, encoder.streams, SIZE, restart=0)
    output._cut = 3 * TIME_BASE  # less than a user may ask for
    record(tmp_path / "show.mp4", range(250), output, encoder)
    pieces = sorted(tmp_path.iterdir())
    assert [p.name for p in pieces] == ["show-001.mp4", "show-002.mp4", "show-003.mp4"]
    got = [receive(p) for p in pieces]
    assert [len(g.video) for g in got] == [100, 100, 50]
    for piece in got:
        assert piece.video == pytest.approx([i / 25 for i in range(len(piece.video))], abs=0.001)
        assert piece.audio == pytest.approx(0, abs=0.03)
        assert max(map(abs, piece.offsets_ms()[1:])) < 5
    assert sum(len(g.sound) for g in got) / 48_000 == pytest.approx(10.0, abs=0.15)
    # The next show goes on with the numbers.
    again = FileOutput(spec, encoder.streams, SIZE, restart=0)
    assert again.status().name.endswith("show-004.mp4")


def test_a_disk_that_fills_up_leaves_what_was_written(tmp_path: Path) -> None:
    """The recorder in a process that may write no more than 60 kB a file."""
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.broadcast.test_recorder import record\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "status = record(Path(sys.argv[1]), range(1000)).status()\n"
        "print(status.state, status.error)\n"
    )
    root = Path(__file__).parents[2]
    path = tmp_path / "show.mp4"
    words = [sys.executable, "-c", script, str(path)]
    told = subprocess.run(
        words,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert told.startswith("failed File too large")
    assert len(receive(path).video) >= 100
