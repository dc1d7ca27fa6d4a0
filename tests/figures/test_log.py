from __future__ import annotations

import json
import logging

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.figures import log as room

ENGINE = "avatar_engine.live.voice_process"


def test_a_line_says_when_what_who_and_which_show(tmp_path):
    file = tmp_path / "log.jsonl"
    with room.written(file, room.JsonLines("marie-1", lambda text: text.replace("KEY", "****"))):
        extra = {"event": "left out", "text": "Bonjour à tous."}
        logging.getLogger(ENGINE).info("said %d with KEY", 3, extra=extra)
        logging.getLogger("a.library").info("chatter")
        try:
            raise RuntimeError("rtmp://host/KEY is gone")
        except RuntimeError:
            logging.getLogger("avatar_engine.broadcast.link").exception("it broke")
    logging.getLogger(ENGINE).info("after the show")
    first, second = (json.loads(line) for line in file.read_text().splitlines())
    assert first.pop("time").startswith("20")
    assert first == {
        "level": "INFO",
        "logger": ENGINE,
        "show": "marie-1",
        "part": "voice",
        "message": "said 3 with ****",
        "event": "left out",
        "text": "Bonjour à tous.",
    }
    assert second["part"] == "broadcast" and "Traceback" in second["message"]
    assert "KEY" not in file.read_text()
    assert list(room.lines(file, "marie-1")) == [
        {**first, "time": next(room.lines(file, "marie-1"))["time"]},
        second,
    ]
    assert not list(room.lines(file, "another"))


@pytest.mark.parametrize(
    ("logger", "part"),
    [
        ("avatar_engine.live.show", "show"),
        ("avatar_engine.broadcast.outputs", "broadcast"),
        ("avatar_engine.voice.takes", "voice"),
        ("avatar_engine.voices", "show"),
        ("asyncio", "show"),
    ],
)
def test_every_part_is_known_by_its_logger(logger, part):
    assert room.part(logger) == part


def test_the_terminal_sees_no_more_than_before_and_levels_are_put_back(tmp_path):
    engine = logging.getLogger("avatar_engine")
    seen = []
    terminal = logging.Handler(logging.WARNING)
    terminal.emit = lambda record: seen.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(terminal)
    before = engine.level
    try:
        with room.written(tmp_path / "l", room.JsonLines("s")):
            engine.info("quiet")
            engine.warning("loud")
    finally:
        logging.getLogger().removeHandler(terminal)
    assert seen == ["loud"] and engine.level == before
    assert [one["message"] for one in room.lines(tmp_path / "l", "s")] == ["quiet", "loud"]


def test_a_log_is_bounded_and_read_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "LARGEST", 2000)
    file = tmp_path / "log.jsonl"
    with room.written(file, room.JsonLines("s")):
        for number in range(200):
            logging.getLogger(ENGINE).info("%d", number)
    numbers = [int(one["message"]) for one in room.lines(file, "s")]
    assert numbers == list(range(numbers[0], 200)) and 20 < len(numbers) < 100
    assert sum(one.stat().st_size for one in tmp_path.iterdir()) <= 2000 * (room.OLDER + 1)


def test_a_log_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(AvatarError, match="can't be written"), room.written(tmp_path, room.JsonLines("s")):
        pass


def test_a_full_disk_costs_lines_and_no_traceback(capsys):
    with room.written("/dev/full", room.JsonLines("s")):  # type: ignore[arg-type]
        logging.getLogger(ENGINE).info("lost")
    assert capsys.readouterr().err == ""
