"""The chat of a hosted show as a technician sees it: what was asked, what was answered, and why not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PSEUDONYM = re.compile(r"⟨[^⟩]{1,80}⟩")

TAIL = 512 << 10
"""Bytes at a journal's end that are looked at."""


@dataclass(slots=True)
class Asked:
    """A question, or what became of a message.

    Attributes:
        at: Seconds of the show.
        text: What was asked, or the message that was left out.
        count: How many asked it.
        answer: What was said.
        state: ``answering``, ``answered``, ``unanswered`` or ``left out``.
        why: Why it was not answered.
        by: Who answered: the catalogue (``embedded``), a language model, the law.
    """

    at: float
    text: str
    count: int = 1
    answer: list[str] = field(default_factory=list)
    state: str = "answering"
    why: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was said: when, what, and whose words they were."""

    at: float
    text: str
    source: str


def read(journal: Path, most: int = 40) -> tuple[list[Asked], list[Line]]:
    """The newest questions and the newest lines of a show, the newest first."""
    questions: dict[int, Asked] = {}
    listed: list[Asked] = []
    lines: list[Line] = []
    now: Asked | None = None
    at = 0.0
    for entry in _entries(journal):
        event, at = entry.get("event"), float(entry.get("at", at) or at)
        if event == "ask" and entry.get("kind") == "answer":
            now = questions[entry["number"]] = Asked(at, _plain(entry["text"]), int(entry.get("count", 1)))
            listed.append(now)
        elif event == "say":
            source = str(entry.get("source", ""))
            lines.append(Line(at, _plain(entry["text"]), source))
            if now and source.startswith("answer:"):
                now.answer.append(_plain(entry["text"]))
                now.by = source.partition(":")[2]
        elif event in ("answered", "unanswered") and (found := questions.get(entry.get("number", -1))):
            found.state, found.why = str(event), str(entry.get("why", ""))
        elif event == "moderated" or event == "attack":
            listed.append(
                Asked(at, _plain(entry.get("text", "")), 1, [], "left out", str(entry.get("why", "")))
            )
    return listed[::-1][:most], lines[::-1][:most]


def _plain(text: object) -> str:
    """A text without the pseudonyms that stand in it for names."""
    return _PSEUDONYM.sub("…", str(text))


def _entries(journal: Path) -> Iterator[dict[str, Any]]:
    try:
        with journal.open("rb") as file:
            size = journal.stat().st_size
            if size > TAIL:
                file.seek(size - TAIL)
                file.readline()
            for line in file:
                try:
                    read = json.loads(line)
                except ValueError:
                    continue
                if isinstance(read, dict):
                    yield read
    except OSError:
        return
