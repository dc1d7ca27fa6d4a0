"""The status line: every figure that the technician watches is in it, and Ctrl-C asks for a clean end."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from avatar_engine.broadcast.spec import OutputSpec
from avatar_engine.broadcast.status import BroadcastStatus, OutputStatus
from avatar_engine.cli import status as room
from avatar_engine.errors import AvatarError
from avatar_engine.figures import door, folder
from avatar_engine.figures.cost import Prices
from avatar_engine.live.show import ShowStatus
from avatar_engine.show.chat.standing import Standing
from avatar_engine.voice.takes import Tally

STATUS = ShowStatus(
    on_air=3723.0,
    fps=25.0,
    frames=93075,
    late=3,
    late_warm=2,
    worst_delay=0.012,
    dropped=7,
    av_offset_ms=-4.2,
    queue=5,
    speech_lead=2.5,
    bitrate_kbps=2617.0,
    reconnects=1,
    segment="Opening",
    speaking=True,
    said=40,
    left_out=0,
    voice_restarts=0,
    text_to_first_sound=0.61,
    text_to_voice=0.4,
    checks=Tally(52, 44, {"length": 2, "words": 1}, again=6, left_out=1, read=380, misread=9),
    broadcast=BroadcastStatus((OutputStatus("rtmp://a.example/live/…", "reconnecting", error="refused"),)),
)


def _rendered(status: ShowStatus) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(room.panel(status))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_line_has_every_figure() -> None:
    text = room.line(STATUS)
    for figure in (
        "1:02:03",
        "25.0 fps",
        "late 3",
        "dropped 7",
        "-4 ms",
        "queue 5",
        "2617 kbit/s",
        "reconnects 1",
        "said again 6",
    ):
        assert figure in text


def test_the_panel_shows_outputs_with_their_errors() -> None:
    text = _rendered(STATUS)
    for figure in (
        "1:02:03",
        "25.0",
        "-4 ms",
        "6, 1 left out",
        "2617",
        "speaking, Opening",
        "reconnecting",
        "refused",
    ):
        assert figure in text


def test_brackets_in_names_are_shown_as_they_are() -> None:
    assert STATUS.broadcast
    output = replace(STATUS.broadcast.outputs[0], name="show[a].mp4", error="[tcp @ 0x1] refused [/]")
    broadcast = replace(STATUS.broadcast, outputs=(output,))
    text = _rendered(replace(STATUS, segment="[/b] [new]", broadcast=broadcast))
    for told in ("show[a].mp4", "[tcp @ 0x1] refused [/]", "speaking, [/b] [new]"):
        assert told in text, told


def test_the_panel_shows_how_the_chats_stand() -> None:
    chats = (
        Standing("twitch", "connected", messages=512),
        Standing("youtube:abc", "away", "YouTube answers 503"),
    )
    text = _rendered(replace(STATUS, chats=chats))
    for figure in ("twitch, 512 messages", "connected", "youtube:abc, 0 messages", "away", "answers 503"):
        assert figure in text


def test_the_summary_says_what_the_checks_found() -> None:
    text = room.summary(STATUS)
    assert "52 sentences checked, 44 of them whole before they were heard: length 2, words 1 wrong" in text
    assert "6 said again, 1 left out; 9 of 380 words read back otherwise." in text
    clean = room.summary(replace(STATUS, checks=Tally(3)))
    assert "3 sentences checked, 0 of them whole before they were heard: nothing wrong" in clean
    assert "read back" not in clean and "remembered" not in clean
    looped = room.summary(replace(STATUS, checks=Tally(9, recalled=4)))
    assert "0 left out; 4 came again and were remembered." in looped


def test_the_summary_says_what_was_survived() -> None:
    assert "idle in place" not in room.summary(STATUS) and "restarts" not in room.line(STATUS)
    bad = replace(
        STATUS,
        filled=31,
        held=4,
        longest_gap=1.24,
        renderer_restarts=2,
        voice_restarts=1,
        repeated=2,
        skipped=1,
    )
    text = room.summary(bad)
    assert "31 frames were idle in place of others (the longest run 1.24 s), 4 pictures shown again" in text
    assert "renderer 2, voice 1, broadcast 0, show 0; cut sentences: 2 said again, 1 left out." in text
    assert "idle-filled 31, restarts 3" in room.line(bad)


def test_the_counts_are_in_the_json() -> None:
    written = json.loads(json.dumps(asdict(STATUS)))["checks"]
    assert written["faults"] == {"length": 2, "words": 1} and written["again"] == 6


def test_the_panel_says_when_the_presenter_idles() -> None:
    assert "idle, Opening" in _rendered(replace(STATUS, speaking=False))


def test_without_a_terminal_a_line_is_printed_every_ten_seconds() -> None:
    console = Console(file=io.StringIO(), width=160)
    with room._display(console) as shown:
        for tenth in range(250):
            shown(replace(STATUS, on_air=tenth / 10))
    assert console.file.getvalue().count("fps") == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_sets_the_event_and_the_handlers_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with room._stop_on_interrupt(Console(file=io.StringIO())) as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(1)
    assert signal.getsignal(number) is before


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's own SIGINT handler, which a shell's background job does not start with."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_second_interrupt_gets_through() -> None:
    with pytest.raises(KeyboardInterrupt), room._stop_on_interrupt(Console(file=io.StringIO())) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(1)
        os.kill(os.getpid(), signal.SIGINT)
        stop.wait(1)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ae") as folder:
        monkeypatch.setenv("AVATAR_ENGINE_HOME", folder)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        yield Path(folder)


def _go(console: Console, **more: Any) -> ShowStatus:
    given: dict[str, Any] = {
        "avatar": Path("marie.avatar"), "script": Path("show.md"), "audio": "", "language": "", "engine": None,
        "lexicon": None, "read_back": True, "size": (320, 180), "layout": "", "codec": "h264", "resume": False,
        "outputs": [OutputSpec.parse("rtmp://a.example/live/SECRET?token=HUSH")],
        "loop": False, "seconds": None, "device": "cpu", "status_file": None, "name": "", "log_file": None,
        "background": "", "look": "", "relight": 0.5, "metrics": None, "seed": 0, "prices": Prices(hour=2.0),
    }  # fmt: skip
    return room.on_air(console, **{**given, **more})


def test_a_show_is_seen_from_outside_and_leaves_a_report_without_the_key(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[dict[str, Any]] = []

    def run(avatar: Path, *_: Any, on_status: Callable[[ShowStatus], None], **__: Any) -> ShowStatus:
        on_status(STATUS)
        logging.getLogger("avatar_engine.live.show").warning("SECRET?token=HUSH is late")
        seen.extend(door.running())
        return replace(STATUS, frames=93_100)

    monkeypatch.setattr(room.show, "run", run)
    console = Console(file=io.StringIO(), width=200)
    last = _go(console, status_file=tmp_path / "s.json", metrics=0)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert last.frames == 93_100 and seen[0]["show"].startswith("marie-")
    assert seen[0]["outputs"] == ["rtmp://a.example/live/****"]
    made = folder.find("marie")
    assert str(made.report) in text and "Metrics: http://127.0.0.1:" in text
    assert "1:02:03" in made.report.read_text() and "**** is late" in made.log.read_text()
    files = [file.read_text() for file in made.path.iterdir()] + [text, json.dumps(seen)]
    assert not any(secret in whole for whole in files for secret in ("SECRET", "HUSH"))


def test_a_show_that_might_not_go_on_fails_with_the_reason_and_has_a_report(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: Any, **given: Any) -> ShowStatus:
        assert given["permit"] == Path("permit.toml") and given["use"] == "education"
        return replace(STATUS, ending="Marie's consent was revoked.")

    monkeypatch.setattr(room.show, "run", run)
    with pytest.raises(AvatarError, match=r"ended before its time\. Marie's consent was revoked"):
        _go(Console(file=io.StringIO()), permit=Path("permit.toml"), use="education")
    made = folder.find("marie")
    assert made.about()["state"] == "ended" and "might not go on" in made.report.read_text()


def test_what_an_output_lost_is_told_in_the_line_the_panel_and_the_summary() -> None:
    slow = OutputStatus("rtmp://b.example/live/…", "on air", dropped=283)
    short = replace(STATUS, broadcast=BroadcastStatus((OutputStatus("show.mp4", "on air"), slow)))
    assert "lost by outputs 283" in room.line(short)
    assert "283 packets lost to a slow line" in _rendered(short)
    assert "Lost on the way to an output: rtmp://b.example/live/… 283 packets." in room.summary(short)
    assert "lost" not in (room.line(STATUS) + room.summary(STATUS)).lower()
