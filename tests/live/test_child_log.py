"""What a child logs reaches the parent's loggers, with what became of a text."""

from __future__ import annotations

import logging
import multiprocessing
import time

from avatar_engine.live.child_log import ChildLog, log_to


def child(end) -> None:
    log_to(end)
    logging.getLogger("avatar_engine.voice.takes").info("said %s", "it", extra={"event": "said", "text": "é"})
    logging.getLogger("some.library").info("chatter")
    try:
        raise RuntimeError("out of breath")
    except RuntimeError:
        logging.getLogger("some.library").exception("it broke")


def test_records_arrive_with_level_name_extras_and_traceback(caplog):
    caplog.set_level(logging.INFO, "avatar_engine")
    context = multiprocessing.get_context("spawn")
    told = ChildLog(context)
    process = context.Process(target=child, args=(told.end,))
    process.start()
    told.listen()
    process.join(30)
    deadline = time.monotonic() + 10
    while len(caplog.records) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    said, broke = caplog.records
    assert (said.name, said.levelname, said.getMessage()) == ("avatar_engine.voice.takes", "INFO", "said it")
    assert (said.event, said.text) == ("said", "é")  # type: ignore[attr-defined]
    assert broke.levelname == "ERROR" and "RuntimeError: out of breath" in broke.getMessage()
