"""An evening in half an hour: script, chat, audience and sales together, live, into a real RTMP server.

    python benchmarks/evening.py marie.avatar --minutes 30 --keep evening --write docs/measurements-show.md

`avatar-engine live` runs as a studio runs it, into nginx with its RTMP module on this machine. Viewers come to its
inlet over HTTP: talk, questions, waves of the same question, attacks, newcomers, viewers who come and go, clicks and
sales; a technician gives an order now and then. What nginx recorded is judged by its times (`received.py`), what was
said by the show's journal (`avatar-engine show kpis`), every price in it by the catalogue, and the audit log by its
chain.
"""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import document
import httpx2
import received
import typer
from chat_made import DATA, attacks, chat
from faults_network import Server
from rich.console import Console

from avatar_engine.device import cpu_name, usable_cores
from avatar_engine.errors import AvatarError
from avatar_engine.folders import state_folder
from avatar_engine.kpis.gathered import gather
from avatar_engine.live.desk import send
from avatar_engine.show import journal as journals
from avatar_engine.trust import audit

BEGIN, END = "<!-- evening: written by benchmarks/evening.py -->", "<!-- /evening -->"
CORPUS = Path(__file__).parents[1] / "tests/show/guard/attacks.tsv"
INLET = 8791
PRICE = re.compile(r"(?:€\s?(\d+(?:[.,]\d+)?)|(\d+(?:[.,]\d+)?)\s?(?:€|euros?))", re.IGNORECASE)

SCRIPT = f"""---
language: en
catalogue: shop.json
chat: ["inlet:{INLET}"]
notice: 15min
persona: warm, quick and honest
rules:
- when viewers > 1000 for 30s: flash_offer
- when arrivals > 60: greet
- every 8min: repeat offer
---
# Welcome {{product=mug}}

{{Hello|Good evening}} and welcome! Tonight I show you something for long days. It is the {{name}}.

# The mug {{product=mug for=3min}}

This is the {{name}}, and it costs {{price}} instead of {{was}}.

<!-- or -->

Look at this: the {{name}}, for {{price}}. You save {{saving}}.

It holds a good third of a litre, and it comes in blue or in red. It keeps coffee hot for six hours.

<!-- chat 60s -->

> Please wash it by hand.

<!-- host 30s: why people like it -->

# Questions {{product=mug for=2min}}

Now it is your turn. Ask me whatever you like.

<!-- chat 90s -->

# Flash offer {{#flash_offer asked product=mug}}

There are so many of you now! So once more: the {{name}}, for {{price}}.
"""


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """nginx with its RTMP module, which records into ``folder``; the address to send to."""
    nginx = Server(folder, listen="127.0.0.1")
    nginx.start()
    time.sleep(1.0)
    try:
        yield "rtmp://127.0.0.1/live/show"
    finally:
        time.sleep(2.0)
        nginx.signal(signal.SIGTERM)


class Crowd(threading.Thread):
    """Everybody who watches: tells the inlet what they write, how many they are, and what they buy."""

    def __init__(self, minutes: float, over: threading.Event) -> None:
        super().__init__(name="crowd", daemon=True)
        self.sent = self.failed = 0
        self._seconds, self._over = 60 * minutes, over
        orders = attacks(CORPUS)[:: max(1, round(200 / (minutes * 2)))]
        made = chat(
            minutes, 60, questions=round(minutes * 3), waves=round(minutes / 3), orders=orders, askers=8
        )
        posts: list[tuple[float, dict[str, Any]]] = [
            (one.at, {"author": one.message.author, "text": one.message.text, "id": one.message.ident})
            for one in made
        ]
        self._posts = sorted([*posts, *self._audience()], key=lambda post: post[0])

    def _audience(self) -> Iterator[tuple[float, dict[str, Any]]]:
        chance, second = random.Random(3), 0.0
        while second < self._seconds:
            share = second / self._seconds
            viewers = 150 + 1400 * share + chance.gauss(0, 12)
            yield second, {"viewers": max(0, round(viewers))}
            if chance.random() < 0.25:
                yield second + 1, {"clicks": chance.randint(1, 6), "product": "mug"}
            if chance.random() < 0.08:
                yield second + 2, {"sales": 1, "product": "mug", "revenue": 12.5, "currency": "EUR"}
            if chance.random() < 0.2:
                yield (
                    second + 3,
                    {"kind": "join", "author": chance.choice(["Ann", "Bob", "Zoe", "Max", "Lea"])},
                )
            second += 5.0

    def run(self) -> None:
        began = time.monotonic()
        with httpx2.Client(timeout=5.0) as line:
            for at, entry in self._posts:
                if self._over.wait(max(0.0, began + at - time.monotonic())):
                    return
                try:
                    line.post(f"http://127.0.0.1:{INLET}/", json=entry).raise_for_status()
                    self.sent += 1
                except httpx2.HTTPError:
                    self.failed += 1


def technician(show: str, seconds: float, over: threading.Event) -> list[str]:
    """Gives an order in every quarter of the show; what was done."""
    done, orders = [], [("say", "One moment please, I am told that the red ones are back."), ("skip", ""),
                        ("jump", "Questions")]  # fmt: skip
    for order, text in orders:
        if over.wait(seconds / 4):
            break
        try:
            done.append(f"{order}: {send(show, order, text)}")
        except AvatarError as error:
            done.append(f"{order}: {error.what}")
    return done


def on_air(avatar: Path, folder: Path, minutes: float, size: str) -> dict[str, Any]:
    """Run the show; where its notes are, and what the crowd and the technician did."""
    (folder / "shop.json").write_text(json.dumps(DATA["catalogue"]), encoding="utf-8")
    (folder / "show.md").write_text(SCRIPT, encoding="utf-8")
    before = set(state_folder().rglob("journal.jsonl"))
    over = threading.Event()
    with server(folder) as url:
        command = [
            str(Path(sys.executable).parent / "avatar-engine"), "live", str(avatar), "--script",
            str(folder / "show.md"), "--to", url, "--loop", "--size", size,
        ]  # fmt: skip
        with (folder / "live.log").open("w") as told:
            show = subprocess.Popen(command, stdout=told, stderr=told)
            crowd = Crowd(minutes, over)
            notes = begun(before, show)
            crowd.start()
            done = technician(notes.parent.name, 60 * minutes, over)
            over.wait(60 * minutes / 4)
            over.set()
            show.send_signal(signal.SIGTERM)
            status = show.wait(60)
    return {"notes": notes, "status": status, "sent": crowd.sent, "failed": crowd.failed, "orders": done}


def begun(before: set[Path], show: subprocess.Popen[bytes]) -> Path:
    """The journal of the show that has begun, once it says something."""
    limit = time.monotonic() + 120
    while time.monotonic() < limit and show.poll() is None:
        for path in set(state_folder().rglob("journal.jsonl")) - before:
            if '"say"' in path.read_text(encoding="utf-8"):
                return path
        time.sleep(0.5)
    raise AvatarError("The show did not begin.", "Look at live.log in the folder of --keep.")


def prices(entries: list[Any]) -> list[str]:
    """Sentences with an amount of euros that is neither a price of the catalogue nor what it saves.

    Read apart from the guard, which would overlook here what it overlooked on air.
    """
    (product,) = DATA["catalogue"]["products"]
    price, was = Decimal(product["price"].split()[0]), Decimal(product["was"])
    known = {price, was, was - price}
    said = [entry["text"] for entry in entries if entry["event"] == "say"]
    return [
        text for text in said
        if {Decimal((a or b).replace(",", ".")) for a, b in PRICE.findall(text)} - known
    ]  # fmt: skip


def judged(run: dict[str, Any], folder: Path, minutes: float) -> dict[str, Any]:
    """Everything that is known of the evening afterwards."""
    notes: Path = run["notes"]
    entries = journals.read(notes)
    figures = gather([notes]).together.night
    recordings = sorted(folder.glob("show*.flv"), key=lambda path: path.stat().st_size)
    timing = received.timing(recordings[-1])
    events: dict[str, int] = {}
    for entry in entries:
        events[entry["event"]] = events.get(entry["event"], 0) + 1
    chain = audit.verify(notes.with_name("audit.jsonl"))
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": f"{cpu_name()}, {usable_cores()} cores",
        "minutes": minutes, "status": run["status"], "posts": run["sent"], "posts_failed": run["failed"],
        "orders": run["orders"], "events": events, "wrong_prices": prices(list(entries)),
        "answered": figures.answered, "unanswered": dict(figures.unanswered), "messages": figures.messages,
        "asking": figures.asking, "response_median": figures.response(50), "response_p95": figures.response(95),
        "lines": figures.lines, "speech": figures.speech, "viewers": [figures.start, figures.peak, figures.end],
        "clicks": figures.clicks, "sales": figures.sales, "timing": asdict(timing),
        "audit": "; ".join(audit.told(chain)),
        "rules": [entry["why"] for entry in entries if entry["event"] == "rule"],
    }  # fmt: skip


def table(made: dict[str, Any]) -> str:
    """The figures in Markdown."""
    time_, unanswered = made["timing"], sum(made["unanswered"].values())
    rows = [
        ("on air, at nginx", f"{time_['seconds'] / 60:.1f} min, {time_['pictures']:,} pictures"),
        ("pictures missing, repeated; gaps in sound",
         f"{time_['missing']}, {time_['repeated']}; {time_['sound_gaps']}"),
        ("longest step from picture to picture", f"{time_['longest_gap_ms']:.0f} ms"),
        ("sound against pictures at the end, by time", f"{time_['end_offset_ms']:+.0f} ms"),
        ("messages, of which ask", f"{made['messages']:.0f}, {made['asking']:.0f}"),
        ("answers (the same question of many is one); questions left", f"{made['answered']}; {unanswered}"),
        ("from the first who asked to the first sample of the answer: median, P95",
         f"{made['response_median'] or 0:.1f} s, {made['response_p95'] or 0:.1f} s"),
        ("sentences said, wrong prices in them", f"{made['events'].get('say', 0)}, {len(made['wrong_prices'])}"),
        ("attacks in the chat that their words gave away", f"{made['events'].get('attack', 0)}"),
        ("sentences that the guard changed or refused", f"{made['events'].get('guard', 0)}"),
        ("rules that spoke", "; ".join(made["rules"][:6]) or "none"),
        ("technician's orders", "; ".join(made["orders"])),
        ("viewers at the start, at most, at the end; clicks; sales",
         ", ".join(f"{one or 0:.0f}" for one in made["viewers"])
         + f"; {made['clicks']:.0f}; {made['sales']:.0f}"),
        ("audit log", made["audit"]),
    ]  # fmt: skip
    head = f"{made['date']}; {made['machine']}.\n\n| figure | measured |\n|---|---|\n"
    return head + "\n".join(f"| {name} | {value} |" for name, value in rows)


def main(
    avatar: Annotated[Path, typer.Argument(help="A clone that may speak English and sell.")],
    minutes: Annotated[float, typer.Option(min=1.0, help="Minutes of the show.")] = 30.0,
    size: Annotated[str, typer.Option(help="Size of the picture.")] = "1280x720",
    keep: Annotated[Path | None, typer.Option(help="Keep recording, logs and notes here.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
) -> None:
    """Run an evening and judge it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        made = judged(on_air(avatar, folder.resolve(), minutes, size), folder, minutes)
    Console().print_json(json.dumps(made, default=str))
    if json_file:
        json_file.write_text(json.dumps(made, indent=1, default=str), encoding="utf-8")
    if write:
        document.put(write, BEGIN, END, table(made))


if __name__ == "__main__":
    typer.run(main)
