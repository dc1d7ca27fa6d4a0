"""A chat out of a file comes in the show's own time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat.message import Count, Link, Message
from avatar_engine.show.chat.replay import Replay


def nowhere() -> float:
    return 0.0


def test_a_replay_brings_what_is_due_in_the_shows_time(tmp_path: Path) -> None:
    lines = [
        {"at": 5, "author": "B", "text": "two"},
        {"at": 1, "author": "A", "text": " one\u200b  "},
        {"at": 3, "viewers": 70},
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    now, got = [0.0], list[Message | Count | Link]()
    replay = Replay(tmp_path / "c.jsonl", lambda: now[0])
    for second, count in ((0.5, 0), (1.0, 1), (4.0, 2), (9.0, 3), (99.0, 3)):
        now[0] = second
        replay.bring(got.append)
        assert len(got) == count
    assert got[0] == Message("replay", "", "A", "one") and got[1] == Count("viewers", 70.0)


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "[]",
        '{"at": "soon", "text": "a"}',
        '{"at": 1}',
        '{"at": -1, "text": "a"}',
        '{"at": 1, "viewers": "many"}',
        '{"at": 1, "text": "a", "kind": "shout"}',
        '{"at": 1, "viewers": NaN}',
        "[" * 100_000,
    ],
)
def test_a_wrong_line_of_a_replay_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "c.jsonl").write_text('{"at": 1, "text": "fine"}\n' + line)
    with pytest.raises(AvatarError, match="line 2"):
        Replay(tmp_path / "c.jsonl", nowhere)
