"""The main job, small: a drawn presenter's half minute becomes a clone, which speaks into a file and goes live."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import Outlook
from avatar_engine.device import choose
from avatar_engine.live import performer
from avatar_engine.media.picture import planes
from avatar_engine.media.probe import probe
from avatar_engine.media.read import frame_count, frames, sound
from avatar_engine.stage.label import Label
from avatar_engine.trust import consent
from scripts.receive_rtmp import receive
from tests.drawn import ENGINE, cloned, engine
from tests.servers import free_port

pytestmark = [pytest.mark.weights, pytest.mark.timeout(900)]

CHAT = (
    "Today we look at three things that make a small kitchen larger than it is. The first of them folds flat when "
    "nobody cooks, the second hangs on the wall beside the window, and the third is a lamp that needs no cable at all. "
    "Stay with us until the end, and tell us in the chat which of them you would take home this evening."
)
"""Sixteen seconds: a sound's hidden mark is not found in every two sentences."""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a presenter's clip, the consent and the clone; whoever tests all has it made beforehand."""
    return cloned(Path(os.environ.get("AVATAR_ENGINE_DRAWN") or tmp_path_factory.mktemp("studio")))


def test_the_clone_has_a_report_and_its_consent(studio: Path) -> None:
    bundle = Bundle.open(studio / "drawn.avatar")
    report = json.loads((studio / "drawn.report.json").read_text())
    assert bundle.json("report/report.json") == report
    assert "Drawn Person" in bundle.consent["text"]
    assert report["lips"]["opening_correlation"] > 0.5
    page = (studio / "drawn.report.html").read_text()
    assert page.count("<svg") == 6
    assert page.count("data:audio/mpeg") >= 4 and len(page) < 3e6
    read = report["voice"]["languages"][0]
    assert read["language"] == "en" and 4 <= read["sentences"] <= 20
    assert page.count("data:image/jpeg") >= 4
    assert not (studio / "drawn.avatar.work").exists()


def test_inspect_shows_whose_clone_it_is(studio: Path) -> None:
    shown = engine("inspect", studio / "drawn.avatar")
    assert shown.returncode == 0, shown.stderr
    assert "Drawn Person" in shown.stdout


def test_say_makes_a_video_that_speaks(studio: Path) -> None:
    out = studio / "said.mp4"
    said = engine("say", studio / "drawn.avatar", "Good morning, everybody.", "-o", out, "--size", "640x360")
    assert said.returncode == 0, said.stderr
    info = probe(out)
    assert (info.width, info.height) == (640, 360)
    spoken = sound(out)
    assert 1.0 < len(spoken) / 24_000 < 6.0
    assert np.abs(spoken).max() > 0.05
    assert frame_count(out) == round(len(spoken) / 960)


def test_the_head_nods_before_a_wall_with_lights_which_stays_where_it_is(studio: Path) -> None:
    words, shown = range(60, 300, 60), []
    for nods in (True, False):
        label = Label("en", "top-right", (640, 360))
        bundle = Bundle.open(studio / "drawn.avatar")
        actor = performer.load(bundle, label, (640, 360), choose("cpu"), patient=True, nods=nods)
        actor.begin(0, 0)
        pictures = []
        for index in range(320):
            known = tuple(word - index for word in words if 0 <= word - index < 100)
            actor.foresee(index, Outlook(b"\1" * 100, known))
            pictures.append(planes(actor.perform(index, actor.neutral))[0].astype(np.int16))
        actor.close()
        shown.append(np.stack(pictures))
    apart = np.abs(shown[0] - shown[1])
    face, wall = apart[:, 100:260, 260:380], apart[:, 40:180, :120]
    nodding = face.mean((1, 2)) > 1
    assert 15 < nodding.sum() < 200, "some words have one, and the head rests between them"
    assert wall.max() == 0 and face[~nodding].mean() < 0.5


def test_live_is_received_whole_and_recorded(studio: Path) -> None:
    script = studio / "show.md"
    script.write_text(
        f"---\nlanguage: en\n---\n\n# One\n\nHello there, and welcome. {CHAT}\n\n<!-- pause 1s -->\n\nSee you soon.\n"
    )
    url, received, record = (
        f"rtmp://127.0.0.1:{free_port()}/live/key",
        studio / "rx.mp4",
        studio / "record.mp4",
    )
    listening, result = threading.Event(), []
    receiver = threading.Thread(target=lambda: result.append(receive(url, received, listening.set)))
    receiver.start()
    assert listening.wait(10)
    figures = studio / "live.json"
    place = ("--to", url, "--record", record, "--size", "640x360", "--status", figures)
    on_air = engine("live", studio / "drawn.avatar", "--script", script, *place)
    receiver.join(30)
    assert on_air.returncode == 0, on_air.stderr
    status = json.loads(figures.read_text())
    assert status["said"] == 2
    assert status["left_out"] == 0
    assert abs(status["av_offset_ms"]) <= 40
    assert abs(result[0].offset_end_ms) <= 40
    assert frame_count(received) == frame_count(record) == status["frames"]
    assert np.abs(sound(received)).max() > 0.05
    label = next(iter(frames(received, format="rgb24")))
    assert label.std() > 10
    verified = engine("verify", record, "--json")
    assert verified.returncode == 0, verified.stderr
    found, agreed = json.loads(verified.stdout), consent.load(studio / "consent.toml").id
    assert (found["picture"]["consent"], found["sound"]["consent"]) == (agreed[:8], agreed[:8])
    assert [note["record"]["consent"]["id"] for note in found["stream"]] == [agreed]
    (named,) = found["consents"]
    assert named["id"] == agreed and {"the stream", "the picture", "the sound"} <= set(named["named_by"])


def test_live_in_a_language_that_was_not_agreed_to_is_refused(studio: Path) -> None:
    script = studio / "french.md"
    script.write_text("---\nlanguage: fr\n---\n\nBonjour.\n")
    refused = engine("live", studio / "drawn.avatar", "--script", script, "--record", studio / "no.mp4")
    assert refused.returncode == 2
    assert "Drawn Person" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (studio / "no.mp4").exists()


def test_ctrl_c_ends_a_loop_cleanly(studio: Path) -> None:
    script, record = studio / "loop.md", studio / "loop.mp4"
    script.write_text("---\nlanguage: en\n---\n\nAgain and again.\n")
    words = (ENGINE, "live", studio / "drawn.avatar", "--script", script, "--record", record, "--loop")
    show = subprocess.Popen([str(word) for word in words], stderr=subprocess.PIPE, text=True)
    assert show.stderr is not None
    # The first line may tell of a show that has just opened its outputs.
    lines = (line for line in show.stderr if "fps" in line)
    assert "late" in [next(lines) for _ in range(2)][-1]
    show.send_signal(signal.SIGINT)
    assert show.wait(60) == 0
    assert "On air" in show.stderr.read()
    assert frame_count(record) > 0


def test_a_show_that_is_killed_is_taken_over_and_ends_when_it_is_asked_to(studio: Path) -> None:
    script, record = studio / "long.md", studio / "long.mp4"
    script.write_text("---\nlanguage: en\n---\n\n" + "\n\n".join(f"This is number {n}." for n in range(99)))
    words = (ENGINE, "live", studio / "drawn.avatar", "--script", script, "--record", record)
    show = subprocess.Popen([str(word) for word in words], stderr=subprocess.PIPE, text=True)
    assert show.stderr is not None
    next(line for line in show.stderr if "late" in line)
    show.kill()
    assert show.wait() == -signal.SIGKILL
    limit, heir = time.monotonic() + 120, {}
    try:
        while not heir.get("status", {}).get("speaking") and time.monotonic() < limit:
            heir = json.loads(engine("status", "drawn", "--json").stdout or "null") or {}
            time.sleep(1)
        assert heir["restarts"]["show"] == 1 and heir["pid"] != show.pid
    finally:
        ended = engine("stop", "drawn")
    assert ended.returncode == 0, ended.stderr
    with av.open(str(record)) as file:
        shown = sorted(
            round(packet.pts * packet.time_base * 25)
            for packet in file.demux(video=0)
            if packet.pts is not None
        )
    assert shown == list(range(len(shown))) and len(shown) > heir["status"]["frames"]
    assert not list(studio.glob("long-*.mp4")), "it was another recording"


def test_a_damaged_clone_is_refused(studio: Path) -> None:
    whole = (studio / "drawn.avatar").read_bytes()
    broken = studio / "broken.avatar"
    broken.write_bytes(whole[: len(whole) // 2])
    refused = engine("say", broken, "Hello.", "-o", studio / "never.mp4")
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert not (studio / "never.mp4").exists()
