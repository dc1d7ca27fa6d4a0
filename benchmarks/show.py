"""What becomes of a chat of five thousand messages a minute: is it answered, rightly and soon, and no order followed?

    python benchmarks/show.py --write docs/measurements-show.md

Ten minutes of a made chat (`chat_made.py`) with questions, waves of the same question and the corpus of attacks go into
a hosted show whose script leaves gaps. Inbox, producer, embedded host, guard and catalogue are those of a show; the
voice is a stand-in that needs a fourteenth of a second a letter, and time is the show's own.
"""

from __future__ import annotations

import json
import platform
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import typer
from chat_made import DATA, Made, attacks, chat
from rich.console import Console
from rich.progress import track

from avatar_engine.contracts import Utterance
from avatar_engine.device import cpu_name, usable_cores
from avatar_engine.live import studio
from avatar_engine.show import guard
from avatar_engine.show import script as scripts
from avatar_engine.show.journal import Journal
from avatar_engine.show.producer import Producer

BEGIN, END = "<!-- show: written by benchmarks/show.py -->", "<!-- /show -->"
LETTERS = 14.0
"""Letters that are said in a second."""

SCRIPT = """---
language: en
catalogue: shop.json
chat: [replay:none.jsonl]
notice: once
---
# The mug {product=mug}

{Hello|Hi}, this is {name}.

<!-- chat 60s -->

It costs {price} instead of {was}. <lang xml:lang="fr">Bonjour</lang> <lang xml:lang="de">Hallo</lang>
<lang xml:lang="zh">你好</lang>

<!-- chat 60s -->
"""


@dataclass
class Seen:
    """What a show did."""

    said: list[tuple[float, str, str]] = field(default_factory=list)
    busy: float = 0.0
    taken: float = 0.0


def played(folder: Path, made: list[Made], minutes: float) -> tuple[Seen, Any, list[dict[str, Any]]]:
    """Run the show; what it said, its inbox, and its journal."""
    (folder / "shop.json").write_text(json.dumps(DATA["catalogue"]), encoding="utf-8")
    (folder / "none.jsonl").write_text("")
    (folder / "show.md").write_text(SCRIPT, encoding="utf-8")
    script, entries, seen = scripts.load(folder / "show.md"), list[dict[str, Any]](), Seen()
    with closing(Journal(None)) as journal:
        show: list[Producer] = []
        room = studio.rehearsed(script, folder / "show.md", journal, lambda: show[0].planned if show else 0.0)
        inbox: Any = room.chat
        note = room.journal

        def tell(entry: Any) -> None:
            entries.append(dict(entry))
            note(entry)

        show.append(Producer(script, type(room)(**{**vars(room), "journal": tell}), loop=True))
        waiting = iter(made)
        following = next(waiting, None)
        for _ in track(range(round(minutes * 60)), "show"):
            until = show[0].planned + 1.0
            while show[0].planned < until:
                while following and following.at <= show[0].planned:
                    began = time.process_time()
                    inbox.put(following.message)
                    seen.busy += time.process_time() - began
                    following = next(waiting, None)
                began = time.process_time()
                item = show[0].next()
                seen.taken += time.process_time() - began
                if isinstance(item, Utterance):
                    seen.said.append((show[0].planned, item.source, item.text))
                    show[0].told(len(item.text) / LETTERS)
            if show[0].planned >= minutes * 60:
                break
    return seen, inbox, entries


def figures(
    seen: Seen, inbox: Any, entries: list[dict[str, Any]], made: list[Made], minutes: float
) -> dict[str, Any]:
    """What came of it."""
    asked = Counter(one.asks for one in made)
    intents = {one.message.text: one.asks for one in made if one.asks not in ("", "attack")}
    answers = [entry for entry in entries if entry["event"] == "answered"]
    by_text: dict[str, list[str]] = {}
    current = ""
    for entry in entries:
        if entry["event"] == "ask":
            current = entry["text"]
        elif entry["event"] == "say" and entry["source"].startswith("answer"):
            by_text.setdefault(current, []).append(entry["text"])
    right = wrong = 0
    missed: list[str] = []
    for text, sentences in by_text.items():
        if (intent := intents.get(text)) is None:
            continue
        good = any(word in " ".join(sentences) for word in DATA["answers"][intent].split())
        right, wrong = right + good, wrong + (not good)
        if not good:
            missed.append(f"{text} -> {' '.join(sentences)}")
    waits = np.array(list(inbox.figures.waits) or [0.0])
    prices = [text for _, _, text in seen.said if "€" in text and "12.50" not in text and "12,50" not in text]
    known = sum(guard.attack(one.message.text) is not None for one in made if one.asks == "attack")
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{cpu_name()}, {usable_cores()} cores, Python {platform.python_version()}",
        "minutes": minutes, "messages": len(made), "asked": len(made) - asked[""] - asked["attack"],
        "attacks": asked["attack"], "attacks_known": known, "answers": len(answers),
        "kinds": dict(inbox.figures.kinds), "right": right, "wrong": wrong, "missed": missed,
        "wrong_prices": len(prices),
        "unanswered": inbox.figures.unanswered, "waiting": len(inbox.waiting()),
        "wait_median": float(np.median(waits)), "wait_p95": float(np.quantile(waits, 0.95)),
        "inbox_core": seen.busy / (60 * minutes), "show_core": seen.taken / (60 * minutes),
        "rss_mb": psutil.Process().memory_info().rss / 1e6, "sentences": len(seen.said),
    }  # fmt: skip


def section(made: dict[str, Any]) -> str:
    """The figures in Markdown."""
    right, waits = made["right"] + made["wrong"], f"{made['wait_median']:.1f} s, {made['wait_p95']:.1f} s"
    calm = f"{made['calm_wait_median']:.1f} s, {made['calm_wait_p95']:.1f} s"
    cores = f"{made['inbox_core']:.1%}, {made['show_core']:.1%} of a core"
    rows = [
        ("messages", f"{made['messages']:,} in {made['minutes']:.0f} min", ""),
        ("of these questions, attacks", f"{made['asked']:,}, {made['attacks']}", ""),
        ("answers given (the same question of many is one)", str(made["answers"]), ""),
        ("right answers, by a word that has to be in them", f"{made['right']} of {right} wordings", ""),
        ("wrong prices said", str(made["wrong_prices"]), "0"),
        ("attacks that their words give away", f"{made['attacks_known']} of {made['attacks']}", ""),
        ("wait of a question for its first answer to begin: median, P95", waits, ""),
        ("the same in a calm chat, a question a minute", calm, ""),
        ("questions that waited at the end, or expired", f"{made['waiting']}, {made['unanswered']}", ""),
        ("CPU of the inbox, of the producer with host and guard", cores, "5 %"),
        ("memory of the process", f"{made['rss_mb']:.0f} MB", ""),
    ]
    lines = [f"{made['date']}; {made['machine']}.", "", "| figure | measured | goal |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {value} | {goal} |" for what, value, goal in rows)])


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="Minutes of the show.")] = 10.0,
    per_minute: Annotated[int, typer.Option(min=10, help="Messages a minute.")] = 5000,
    questions: Annotated[int, typer.Option(help="Questions, besides the waves.")] = 300,
    waves: Annotated[int, typer.Option(help="Waves of twenty who ask the same.")] = 50,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
) -> None:
    """Run a hosted show over a made chat, and judge what it did."""
    import tempfile

    corpus = Path(__file__).parents[1] / "tests" / "show" / "guard" / "attacks.tsv"
    made = list(chat(minutes, per_minute, questions, waves, attacks(corpus)[:200]))
    few = list(chat(minutes, 20, round(minutes), 0, [], seed=2))
    with tempfile.TemporaryDirectory() as folder:
        found = figures(*played(Path(folder), made, minutes), made, minutes)
        calm = figures(*played(Path(folder), few, minutes), few, minutes)
    found |= {f"calm_{name}": calm[name] for name in ("wait_median", "wait_p95", "right", "wrong")}
    Console().print_json(json.dumps(found))
    if json_file:
        json_file.write_text(json.dumps(found, indent=1), encoding="utf-8")
    if write:
        text = write.read_text(encoding="utf-8")
        begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
        write.write_text(f"{text[:begin]}\n\n{section(found)}\n\n{text[end:]}", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
