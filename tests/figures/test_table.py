from __future__ import annotations

import io

from rich.console import Console

from avatar_engine.figures import table
from tests.figures.shows import ABOUT, shown


def printed(thing) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(thing)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_one_show_is_told_whole():
    text = printed(table.shown(shown()))
    for figure in (
        "marie-20270101-200000", "1:00:00, 90000 frames", "3 (worst 12 ms)", "-4.2 ms",
        "5 frames for the encoder, 2.5 s",
        "40 said, 1 left out, 6 said again", "voice 4, renderer 0, broadcast 1", "first 0.61 s", "rtmp://a.example/live/****",
        "2600",
        "disk full", "encode", "8.30", "500 MB", "900 MB held", "50.00 Wh estimated", "1.250 an hour",
        "speaking Opening",
    ):  # fmt: skip
        assert figure in text, figure


def test_a_hosted_show_tells_of_its_audience():
    text = printed(
        table.shown(shown(audience={"viewers": 1240.0, "messages": 310.0, "all_sales": 7.0, "chat": 3.0}))
    )
    assert "1240 viewers, 310 messages, 7 sales" in text and "audience" not in printed(table.shown(shown()))


def test_how_the_chats_stand_is_told():
    known = shown()
    chat = {"source": "youtube:abc", "state": "away", "why": "YouTube answers 503", "messages": 512}
    known["status"]["chats"] = [chat | {"dropped": 7, "breaks": 2, "worth": {"EUR": 5.0}}]
    text = printed(table.shown(known))
    for figure in ("youtube:abc", "away", "512", "YouTube answers 503"):
        assert figure in text, figure
    assert (
        table.coloured("away") == "[yellow]away[/]" and table.coloured("connected") == "[green]connected[/]"
    )


def test_all_shows_are_listed_also_those_that_start():
    text = printed(table.listed([shown(), {**ABOUT, "show": "paul-1", "state": "starting"}]))
    assert "1 of 2" in text and "paul-1" in text and "starting" in text
    assert "starting" in printed(table.shown({**ABOUT, "state": "starting", "time": "now"}))
