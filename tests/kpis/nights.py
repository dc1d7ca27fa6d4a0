"""Journals made by hand, so small that every figure can be counted on paper."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HOOK = ("Look at {this|that}: {name}!", "Only {price} today.")

EVENING: list[dict[str, Any]] = [
    {"event": "show", "show": "marie-20270101-200000", "script": "evening.md", "seed": 1, "language": "en"},
    {"event": "audience", "at": 0, "viewers": 100, "messages": 0, "asked": 0, "lost": 0, "sorts": {}},
    {"event": "segment", "at": 0.0, "segment": "Mug", "product": "M"},
    {"event": "wordings", "at": 0.0, "line": 5, "texts": list(HOOK)},
    {"event": "say", "at": 0.0, "number": 1, "text": "Look at this: Mug!", "language": "en", "source": "script:5",
     "controls": {}, "segment": "Mug", "product": "M", "line": 5, "wording": 0, "choices": [0]},
    {"event": "spoke", "at": 0.0, "number": 1, "seconds": 10.0},
    {"event": "heard", "at": 2.0, "until": 7.0, "number": 1},
    {"event": "heard", "at": 7.0, "until": 12.0, "number": 1},
    {"event": "sales", "at": 5.0, "count": 1, "product": "M", "revenue": 12.5, "currency": "EUR"},
    {"event": "clicks", "at": 30.0, "count": 4},
    {"event": "ask", "at": 40.0, "number": 1, "kind": "answer", "text": "how much?", "count": 3, "asked": 35.0,
     "product": "M", "segment": "Mug"},
    {"event": "say", "at": 40.0, "number": 2, "text": "12.50 euros.", "language": "en", "source": "answer:embedded",
     "controls": {}, "segment": "Mug", "product": "M", "answer": 1},
    {"event": "spoke", "at": 40.0, "number": 2, "seconds": 2.0},
    {"event": "heard", "at": 42.0, "until": 44.0, "number": 2},
    {"event": "answered", "at": 43.0, "number": 1, "text": "how much?", "by": "embedded", "how": "answered"},
    {"event": "rest", "at": 44.0, "seconds": 10.0},
    {"event": "audience", "at": 60, "viewers": 200, "messages": 30, "asked": 6, "lost": 0, "sorts": {"talk": 24}},
    {"event": "segment", "at": 58.0, "segment": "Lamp", "product": "L"},
    {"event": "say", "at": 58.0, "number": 3, "text": "A lamp.", "language": "en", "source": "script:9",
     "controls": {}, "segment": "Lamp", "product": "L", "line": 9, "wording": 0},
    {"event": "spoke", "at": 58.0, "number": 3, "seconds": 4.0},
    {"event": "heard", "at": 62.0, "until": 66.0, "number": 3},
    {"event": "sales", "at": 70.0, "count": 2, "product": "M", "revenue": 25.0, "currency": "EUR"},
    {"event": "sales", "at": 71.0, "count": 1},
    {"event": "ask", "at": 75.0, "number": 2, "kind": "answer", "text": "is it lead-free?", "count": 1, "asked": 61.0,
     "product": "L", "segment": "Lamp"},
    {"event": "refused", "at": 75.0, "text": "Sure.", "source": "answer:x"},
    {"event": "unanswered", "at": 76.0, "number": 2, "text": "is it lead-free?", "by": "x", "how": "unanswered",
     "why": "refused by the guard"},
    {"event": "ask", "at": 80.0, "number": 3, "kind": "greet", "text": "", "count": 1, "product": "L", "segment": "L"},
    {"event": "segment", "at": 100.0, "segment": "Mug", "product": "M"},
    {"event": "say", "at": 100.0, "number": 4, "text": "Only 12 today.", "language": "en", "source": "script:5",
     "controls": {}, "segment": "Mug", "product": "M", "line": 5, "wording": 1},
    {"event": "heard", "at": 102.0, "until": 105.0, "number": 4},
    {"event": "say", "at": 104.0, "number": 5, "text": "Never heard.", "language": "en", "source": "script:7",
     "controls": {}, "segment": "Mug", "product": "M", "line": 7, "wording": 0},
    {"event": "something new", "at": 105.0, "whatever": 1},
    {"event": "clicks", "at": 110.0, "count": 6, "product": "M"},
    {"event": "audience", "at": 122, "viewers": 100, "messages": 90, "asked": 18, "lost": 3, "questions": 2,
     "sorts": {"talk": 70, "question": 18, "spam": 2}},
]  # fmt: skip
"""On air: Mug from 2 to 62 s, Lamp to 102 s, Mug to 122 s; viewers 100, from 60 s on 200, at the end 100."""


def write(folder: Path, entries: Sequence[dict[str, Any]], name: str = "night.jsonl") -> Path:
    """A journal of these entries; lines that say something are made whole."""
    path = folder / name
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path


def loops(
    rates: Sequence[float], count: int, viewers: float = 1000.0, seconds: float = 60.0
) -> list[dict[str, Any]]:
    """A show of one line with so many wordings, said round after round, that brings so many clicks each time."""
    made: list[dict[str, Any]] = [
        {"event": "show", "show": "loops", "script": "s.md", "seed": 0, "language": "en"},
        {"event": "audience", "at": 0, "viewers": viewers},
        {"event": "segment", "at": 0, "segment": "A", "product": ""},
        {"event": "wordings", "at": 0, "line": 3, "texts": [f"Wording {n}." for n in range(len(rates))]},
    ]
    for number in range(count):
        at, which = number * seconds, number % len(rates)
        made.append(
            {"event": "say", "at": at, "number": number + 1, "text": "x", "language": "en", "source": "script:3",
             "controls": {}, "segment": "A", "product": "", "line": 3, "wording": which}
        )  # fmt: skip
        made.append({"event": "spoke", "at": at, "number": number + 1, "seconds": 4.0})
        clicks = rates[which] + (number // len(rates) % 3 - 1)  # a little more, a little less
        if clicks > 0:
            made.append({"event": "clicks", "at": at + 10, "count": clicks})
    made.append({"event": "audience", "at": count * seconds, "viewers": viewers})
    return made
