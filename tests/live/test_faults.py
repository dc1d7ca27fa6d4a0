"""Every part of a running show is killed and stopped: the broadcast goes on, and every sentence is heard whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.signal import correlate

from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, FloatArray
from avatar_engine.live import renderer_process, renderers
from avatar_engine.live.show import ShowStatus, run
from avatar_engine.media.read import sound
from tests.live import fakes, understudy
from tests.live.voices import tone

SIZE = (320, 180)
WORDS = tuple(
    "".join(np.random.default_rng(seed).permutation(list("abcdefghijklmnop"))) for seed in range(14)
)
"""Sentences that differ from one another; the show ends when enough was seen."""


@dataclass
class Saboteur:
    """Strikes in the middle of sentences, the next fault of the list whenever it can; then lets the show end when what
    was cut and one more paragraph were heard."""

    faults: list[tuple[str, int]]
    stop: threading.Event = field(default_factory=threading.Event)
    struck: list[int] = field(default_factory=list)
    _since: int = -1
    _enough: int = 0

    def __call__(self, status: ShowStatus) -> None:
        self._since = (status.frames if self._since < 0 else self._since) if status.speaking else -1
        if not self.faults:
            if status.place >= self._enough:
                self.stop.set()
            return
        soonest = max([75, *(at + 40 for at in self.struck[-1:])])
        if self._since != status.frames or status.frames < soonest:
            return
        if self.faults[0][0] == "renderer" and not status.spare_ready:
            return
        part, number = self.faults.pop(0)
        pid = {"renderer": status.renderer_pid, "broadcast": status.broadcast_pid}[part]
        assert pid
        os.kill(pid, number)
        self.struck.append(status.frames)
        self._enough = status.place + 2


def indexes(path: Path) -> list[int]:
    with av.open(str(path)) as file:
        (pictures,) = file.streams.video
        return sorted(
            round(packet.pts * packet.time_base * FRAME_RATE)
            for packet in file.demux(pictures)
            if packet.pts is not None
        )


WHOLE = 0.85
"""Likeness from which a sentence was heard: on a busy machine a single idle frame may stand in it, and nobody minds."""


def likeness(heard: FloatArray, words: str) -> float:
    """How much of the words was heard in their order: 1 for all, about 0.5 for half of them, whose rest is silence."""
    said = tone(words)
    at = int(np.abs(correlate(heard, said, "valid", "fft")).argmax())
    size, slack = len(said) // 4, SAMPLE_RATE // 4
    quarters = []
    for begin in range(0, 4 * size, size):
        near = heard[max(0, at + begin - slack) : at + begin + size + slack]
        quarters.append(_likeness(near, said[begin : begin + size]))
    return float(np.mean(quarters))


def _likeness(heard: FloatArray, said: FloatArray) -> float:
    at = int(np.abs(correlate(heard, said, "valid", "fft")).argmax())
    place = heard[at : at + len(said)]
    alike = place @ said / (np.linalg.norm(place) * np.linalg.norm(said) + 1e-9)
    return float(alike) * min(1.0, float(np.linalg.norm(place) / np.linalg.norm(said)))


def script(path: Path) -> Path:
    path.write_text("---\npause: 600ms\n---\n" + "\n\n".join(WORDS) + "\n")
    return path


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderers, "SPARE_AFTER", 0)


def test_a_renderer_is_killed_and_another_hangs_and_every_sentence_is_heard_whole(
    avatar: Callable[..., Path], tmp_path: Path
) -> None:
    record = tmp_path / "r.mp4"
    strike = Saboteur([("renderer", signal.SIGKILL), ("renderer", signal.SIGSTOP)])
    last = run(
        avatar(), script(tmp_path / "s.md"), [str(record)], size=SIZE, on_status=strike, stop=strike.stop
    )
    assert not strike.faults, "the show was over too soon"
    assert (last.renderer_restarts, last.broadcast_restarts, last.reconnects) == (2, 0, 0)
    assert indexes(record) == list(range(last.frames)), "frames are missing"
    assert last.repeated >= 1 and last.skipped == 0, "a strike may find the breath between two sentences"
    assert last.filled >= renderers.HUNG * FRAME_RATE - 15
    heard, whole = sound(record), WORDS[: last.place]
    assert len(whole) >= 2 and min(likeness(heard, words) for words in whole) > WHOLE


def test_the_graphics_driver_breaks_and_another_renderer_goes_on(
    avatar: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("TORN", str(tmp_path / "broke"))
    bundle = avatar()
    monkeypatch.setattr(renderer_process, "load_performer", fakes.load_torn)
    record, stop = tmp_path / "r.mp4", threading.Event()

    def enough(status: ShowStatus) -> None:
        if status.renderer_restarts and status.place >= 4:
            stop.set()

    last = run(bundle, script(tmp_path / "s.md"), [str(record)], size=SIZE, on_status=enough, stop=stop)
    assert (tmp_path / "broke").exists()
    assert (last.renderer_restarts, last.broadcast_restarts, last.skipped) == (1, 0, 0)
    assert indexes(record) == list(range(last.frames)), "frames are missing"
    heard = sound(record)
    assert min(likeness(heard, words) for words in WORDS[: last.place]) > WHOLE
    assert "illegal memory access" in caplog.text, "nobody is told why"


def test_a_broadcast_is_killed_and_goes_on_with_the_next_index_and_says_the_sentence_again(
    avatar: Callable[..., Path], tmp_path: Path
) -> None:
    record = tmp_path / "r.mp4"
    strike = Saboteur([("broadcast", signal.SIGKILL)])
    last = run(
        avatar(), script(tmp_path / "s.md"), [str(record)], size=SIZE, on_status=strike, stop=strike.stop
    )
    assert (last.broadcast_restarts, last.renderer_restarts) == (1, 0)
    assert last.repeated >= 1
    before, after = indexes(record), indexes(tmp_path / "r-2.mp4")
    assert after == list(range(len(after))), "frames are missing"
    assert strike.struck[0] - 60 <= len(before) <= last.frames - len(after), "a frame went out twice"
    heard = np.concatenate([sound(record), sound(tmp_path / "r-2.mp4")])
    assert last.place >= 2 and likeness(heard, WORDS[last.place - 1]) > WHOLE
    cut = [words for words in WORDS[: last.place] if likeness(heard, words) < WHOLE]
    assert len(cut) <= 2, "more is missing than the file's unwritten end"


@pytest.mark.parametrize("fault", ["killed", "stopped", "raised"])
@pytest.mark.timeout(180)
def test_the_shows_own_process_breaks_down_and_another_one_goes_on_in_the_same_recording(
    avatar: Callable[..., Path], tmp_path: Path, fault: str
) -> None:
    avatar()
    script(tmp_path / "s.md")
    show = subprocess.Popen(
        understudy.COMMAND, stdin=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert show.stdin is not None
    show.stdin.write(json.dumps({"arguments": [str(tmp_path), fault]}) + "\n")
    show.stdin.close()
    limit = time.monotonic() + 120
    while not (tmp_path / "after.json").exists() and time.monotonic() < limit:
        time.sleep(0.1)
    assert show.wait(1) == -signal.SIGKILL
    before, _ = json.loads((tmp_path / "before.json").read_text())
    frames, place, filled, restarts = json.loads((tmp_path / "after.json").read_text())
    assert restarts == 1 and before < frames and 0 < filled < frames - before
    assert indexes(tmp_path / "r.mp4") == list(range(frames)), "frames are missing"
    heard = sound(tmp_path / "r.mp4")
    whole = [likeness(heard, words) for words in WORDS[:place]]
    assert place >= 4 and min(whole) > WHOLE, f"{whole}, {filled} idle frames of {frames}"


def test_a_cut_sentence_is_told_from_a_whole_one() -> None:
    quiet = np.zeros(SAMPLE_RATE, np.float32)
    whole, half = tone(WORDS[0]), tone(WORDS[0])[: len(tone(WORDS[0])) // 2]
    hiccup = np.concatenate([whole[:20_000], np.zeros(960, np.float32), whole[20_000:]])
    assert likeness(np.concatenate([quiet, whole, quiet, tone(WORDS[1])]), WORDS[0]) > 0.99
    assert likeness(np.concatenate([quiet, hiccup, quiet, tone(WORDS[1])]), WORDS[0]) > WHOLE
    assert likeness(np.concatenate([quiet, half, quiet, quiet, tone(WORDS[1])]), WORDS[0]) < 0.7
    assert likeness(np.concatenate([quiet, tone(WORDS[1]), quiet, tone(WORDS[2])]), WORDS[0]) < 0.7
