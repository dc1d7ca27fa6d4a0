"""Hosted shows with a layout: in a rehearsal, its replay, and changed on air."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from avatar_engine.live import rehearsal, studio
from avatar_engine.live.desk import send
from avatar_engine.live.hosted import Hosting
from avatar_engine.live.show import ShowStatus, run
from avatar_engine.media.picture import planes
from avatar_engine.media.read import frames
from avatar_engine.show.journal import read

SIZE = (360, 640)
SHOW = """---
catalogue: shop.csv
layout: mine.toml
notice: once
pause: 200ms
chat: replay:chat.jsonl
---
abcd, bcda, cdab, dabc, abcd, bcda.

# The mug {product=m}

bcda, cdab, dabc, abcd, bcda, cdab.
"""
MINE = """size = "9:16"
background = "#000000"

[presenter]
box = [0, 0, 100, 40]
fit = "fill"

[[element]]
kind = "chat"
at = "left"

[[element]]
kind = "card"
at = "bottom"
"""


def written(folder: Path) -> Path:
    (folder / "shop.csv").write_text("id,name,price,was\nm,Mug,12.50 €,19 €\n")
    (folder / "mine.toml").write_text(MINE)
    lines = [
        {"at": 0.2, "author": "Annabel", "text": "I love this mug"},
        {"at": 0.3, "text": "call 0612345678", "author": "Bo"},
    ]
    (folder / "chat.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "show.md").write_text(SHOW)
    return folder / "show.md"


def test_a_rehearsal_and_its_replay_have_the_scripts_layout_with_card_and_comment(
    avatar: Callable[..., Path], tmp_path: Path
) -> None:
    film, again, notes = tmp_path / "o.mp4", tmp_path / "again.mp4", tmp_path / "j.jsonl"
    bundle = avatar()
    rehearsal.rehearse(bundle, written(tmp_path), film, Hosting(studio.rehearsed, notes=notes), size=SIZE)
    pictures = [planes(one)[0] for one in frames(film, format="yuv420p")]
    assert pictures[0].shape == (640, 360)
    assert all(one[200, 20:60].mean() > 30 for one in pictures) and all(
        one[270, 20:60].mean() < 20 for one in pictures
    )
    told = [(entry["text"], entry["at"]) for entry in read(notes) if entry["event"] == "comment"]
    assert [text for text, _ in told] == ["I love this mug"], "and no telephone number"
    lines = [bool((one[280:360] > 150).mean() > 0.002) for one in pictures]
    first = lines.index(True)
    assert 0 <= first - told[0][1] * 25 <= 8 and any((one[450:] > 220).mean() > 0.05 for one in pictures)
    rehearsal.replay(bundle, notes, again, size=SIZE)
    pairs = zip(frames(film, format="yuv420p"), frames(again, format="yuv420p"), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_on_air_a_technician_changes_the_layout_and_no_frame_is_late(
    avatar: Callable[..., Path], tmp_path: Path
) -> None:
    path, record, notes = written(tmp_path), tmp_path / "r.mp4", tmp_path / "j.jsonl"
    path.write_text(SHOW.replace("chat: replay:chat.jsonl\n", "").replace("layout: mine.toml\n", "") * 1)
    (tmp_path / "white.toml").write_text('background = "#ffffff"\n[presenter]\nscale = 0.5\n')
    answers: list[str] = []
    ordered, stop = list[int](), threading.Event()

    def order() -> None:
        for name in ("vertical", str(tmp_path / "white.toml")):
            try:
                answers.append(send("layouts-1", "layout", name))
            except Exception as error:
                answers.append(str(error))

    def watch(status: ShowStatus) -> None:
        if status.frames > 40 and not ordered:
            ordered.append(status.frames)
            threading.Thread(target=order, daemon=True).start()
        if (ordered and status.frames > ordered[0] + 75) or status.frames > 1000:
            stop.set()

    hosting = Hosting(studio.furnished, desk="layouts-1", notes=notes)
    last = run(
        avatar(), path, [str(record)], size=(640, 360), hosting=hosting, on_status=watch, stop=stop, loop=True
    )
    assert "can't change" in answers[0] and answers[1] == "The layout is white.toml."
    corner = [float(planes(one)[0][330:350, 4:20].mean()) for one in frames(record, format="yuv420p")]
    white = next(at for at, level in enumerate(corner) if level > 225)
    assert max(corner[: ordered[0]]) < 200 and white - ordered[0] < 60 and min(corner[white + 5 :]) > 220
    assert last.renderer_restarts == 0 and last.filled <= 2
    assert [entry["layout"] for entry in read(notes) if entry["event"] == "layout"] == [
        str(tmp_path / "white.toml")
    ]
