"""What becomes of a chat of five thousand messages a minute: is it answered, rightly and soon, and no order followed?

    python benchmarks/show.py --write docs/measurements-show.md

Ten minutes of a made chat (`chat_made.py`) go into a hosted show whose script leaves gaps: 300 questions of single
viewers, 50 waves of 20 viewers who ask the same within five seconds (1,000 more messages that ask), 200 attacks of the
corpus, and talk. A harsher chat: ``--questions 1000 --waves 100``. Inbox, producer, embedded host, guard and catalogue
are those of a show; the voice is a stand-in that needs a fourteenth of a second a letter, and time is the show's own.
"""

from __future__ import annotations

import json
import platform
import re
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import document
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
from avatar_engine.show.host.phrases import phrases
from avatar_engine.show.host.reply import Ready, Request
from avatar_engine.show.journal import Journal
from avatar_engine.show.meaning import tongue_of
from avatar_engine.show.producer import Producer, Studio
from avatar_engine.show.script import Line, Script

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
    """What a show did.

    Attributes:
        said: When, source and text.
        busy, taken: Seconds of the processor for the inbox, and for the producer with host and guard.
        chosen: When an answer was begun, and the ids of the messages that it answers.
        sorts: What the inbox took a message for, by its id.
        own: All that it may say.
    """

    said: list[tuple[float, str, str]] = field(default_factory=list)
    busy: float = 0.0
    taken: float = 0.0
    chosen: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    sorts: dict[str, str] = field(default_factory=dict)
    own: re.Pattern[str] = re.compile("")


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
        seen.own = own_words(room, script)
        note = room.journal

        def tell(entry: Any) -> None:
            entries.append(dict(entry))
            note(entry)

        choose = inbox.choose

        def chosen(now: float, busy: bool = False) -> Any:
            question = choose(now, busy)
            if question is not None and question.kind == "answer":
                seen.chosen.append((now, tuple(question.idents)))
            return question

        inbox.choose = chosen
        show.append(Producer(script, type(room)(**{**vars(room), "journal": tell}), loop=True))
        waiting = iter(made)
        following = next(waiting, None)
        for _ in track(range(round(minutes * 60)), "show"):
            until = show[0].planned + 1.0
            while show[0].planned < until:
                while following and following.at <= show[0].planned:
                    before = dict(inbox.figures.kinds)
                    began = time.process_time()
                    inbox.put(following.message)
                    seen.busy += time.process_time() - began
                    after = inbox.figures.kinds
                    sort = next(name for name in after if after[name] != before.get(name, 0))
                    seen.sorts[following.message.ident] = sort
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


def one_by_one(folder: Path) -> tuple[int, int]:
    """How many of all wordings the embedded host answers rightly, and how many there are."""
    script = scripts.load(folder / "show.md")
    right = count = 0
    with closing(Journal(None)) as journal:
        room = studio.rehearsed(script, folder / "show.md", journal, lambda: 0.0)
        for intent, texts in DATA["questions"].items():
            for text in texts:
                request = Request("answer", text, tongue_of(text, script.languages), product="mug")
                reply = room.hosts.reply(request) if room.hosts else Ready([], "")
                said = " ".join(iter(reply.poll, None))
                right, count = (
                    right + any(word in said for word in DATA["answers"][intent].split()),
                    count + 1,
                )
    return right, count


def waits_of(seen: Seen, made: list[Made]) -> dict[str, float]:
    """Seconds from a question's message to the beginning of the answer that was given to it, by its id."""
    came = {one.message.ident: one.at for one in made}
    return {ident: at - came[ident] for at, idents in seen.chosen for ident in idents}


def heard_of(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What was asked and what was answered to it, answer by answer."""
    told: list[tuple[str, list[str]]] = []
    for entry in entries:
        if entry["event"] == "ask" and entry["kind"] == "answer":
            told.append((entry["text"], []))
        elif entry["event"] == "say" and entry["source"].startswith("answer"):
            told[-1][1].append(entry["text"])
    return [(text, " ".join(sentences)) for text, sentences in told]


def own_words(room: Studio, script: Script) -> re.Pattern[str]:
    """All that this show may say: its script, its catalogue, and the host's phrases with the catalogue's values."""
    values: dict[str, set[str]] = {"asker": {r"[\w ]{3,20}"}, "names": {r"[\w ,、和]{3,70}"}}
    fixed = {guard.notice(tag) for tag in script.languages}
    for entry in DATA["catalogue"]["products"]:
        for key, value in entry.items():
            if key.startswith("fact:"):
                values.setdefault("fact", set()).add(re.escape(key.split(":")[1]))
                values.setdefault("value", set()).add(re.escape(value))
            if key.startswith("description"):
                fixed.add(value)
        for tag in script.languages:
            for slot, value in room.slots(entry["id"], tag).items():
                values.setdefault(slot, set()).add(re.escape(value))
    faqs = (
        pairs
        for table in (DATA["catalogue"], *DATA["catalogue"]["products"])
        for key, pairs in table.items()
        if key.startswith("faq")
    )
    fixed |= {answer for pairs in faqs for _, answer in pairs}
    fixed |= {str(guard.truthful("are you real", tag)) for tag in script.languages}
    lines = {text for item in script.items if isinstance(item, Line) for text in (item.text, *item.others)}
    patterns = {re.escape(text) for text in fixed} | {_slotted(line, values) for line in lines}
    patterns |= {
        _slotted(wording, values)
        for tongue in phrases().values()
        for kind, wordings in tongue.items()
        if kind not in ("passed_over", "asks", "to", "somebody")
        for wording in wordings
    }
    calls = [wording.strip() for tongue in phrases().values() for wording in tongue["to"]]
    to = "|".join(_slotted(call, values) for call in calls)
    return re.compile(rf"(?:{to})?\s*(?:{'|'.join(patterns)})|{to}")


def _slotted(wording: str, values: dict[str, set[str]]) -> str:
    """A wording as an expression, with what may stand in its slots."""
    parts = re.split(r"\{([^{}]+)\}", wording)
    return "".join(_either(part, values) if n % 2 else re.escape(part) for n, part in enumerate(parts))


def _either(slot: str, values: dict[str, set[str]]) -> str:
    """What may stand in a slot, or the wordings that it gives: ``{a|b}``."""
    choice = {re.escape(one) for one in slot.split("|")} if "|" in slot else values.get(slot, {"(?!)"})
    return f"(?:{'|'.join(sorted(choice))})"


def figures(
    seen: Seen, inbox: Any, entries: list[dict[str, Any]], made: list[Made], minutes: float
) -> dict[str, Any]:
    """What came of it."""
    asked = [one for one in made if one.asks not in ("", "attack")]
    orders = {one.message.text for one in made if one.asks == "attack"}
    intents = {one.message.text: one.asks for one in asked}
    waited = waits_of(seen, made)
    heard = heard_of(entries)
    good = {
        (text, said): any(word in said for word in DATA["answers"][intents[text]].split())
        for text, said in heard
        if text in intents
    }
    right = [good[pair] for pair in heard if pair in good]
    waits = np.array([waited[one.message.ident] for one in asked if one.message.ident in waited] or [0.0])
    lost = Counter(
        "answered"
        if one.message.ident in waited
        else _lost(seen.sorts.get(one.message.ident, "not come yet"))
        for one in asked
    )
    singles = [one for one in asked if not one.wave]
    foreign = [text for _, _, text in seen.said if not seen.own.fullmatch(text)]
    prices = [text for _, _, text in seen.said if "€" in text and "12.50" not in text and "12,50" not in text]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{cpu_name()}, {usable_cores()} cores, Python {platform.python_version()}",
        "minutes": minutes, "messages": len(made), "asked": len(asked), "singles": len(singles),
        "attacks": sum(one.asks == "attack" for one in made),
        "attacks_known": sum(guard.attack(one.message.text) is not None for one in made if one.asks == "attack"),
        "attacks_answered": [pair for pair in heard if pair[0] in orders],
        "foreign": foreign, "answers": len(heard), "kinds": dict(inbox.figures.kinds), "fates": dict(lost),
        "share": lost["answered"] / max(1, len(asked)),
        "share_or_just": (lost["answered"] + lost["answered just now"]) / max(1, len(asked)),
        "share_singles": sum(one.message.ident in waited for one in singles) / max(1, len(singles)),
        "right": sum(right), "wrong": len(right) - sum(right),
        "wordings": len({text for text, _ in good}),
        "wordings_right": len({text for text, _ in good} - {text for (text, _), fine in good.items() if not fine}),
        "missed": [f"{text} -> {said}" for (text, said), fine in good.items() if not fine],
        "wrong_prices": len(prices),
        "unanswered": inbox.figures.unanswered, "waiting": len(inbox.waiting()),
        "wait_median": float(np.median(waits)), "wait_p95": float(np.quantile(waits, 0.95)),
        "inbox_core": seen.busy / (60 * minutes), "show_core": seen.taken / (60 * minutes),
        "rss_mb": psutil.Process().memory_info().rss / 1e6, "sentences": len(seen.said),
    }  # fmt: skip


def _lost(sort: str) -> str:
    """Why a question got no answer of its own, by what the inbox took its message for."""
    return "waiting or expired" if sort == "question" else sort


def section(made: dict[str, Any]) -> str:
    """The figures in Markdown."""
    waits = f"{made['wait_median']:.1f} s, {made['wait_p95']:.1f} s"
    calm = f"{made['calm_wait_median']:.1f} s, {made['calm_wait_p95']:.1f} s"
    cores = f"{made['inbox_core']:.1%}, {made['show_core']:.1%} of a core"
    waves = made["asked"] - made["singles"]
    fates = ", ".join(
        f"{name} {count}" for name, count in sorted(made["fates"].items(), key=lambda one: -one[1])
    )
    rows = [
        ("messages", f"{made['messages']:,} in {made['minutes']:.0f} min", ""),
        (
            "of these questions of single viewers, questions in waves, attacks",
            f"{made['singles']:,}, {waves:,}, {made['attacks']}",
            "",
        ),
        ("answers given (the same question of many is one)", str(made["answers"]), ""),
        (
            "askers who got an answer; of single viewers",
            f"{made['share']:.0%}; {made['share_singles']:.0%}",
            "",
        ),
        ("askers who got one, or asked within 20 s of one", f"{made['share_or_just']:.0%}", ""),
        ("what became of all who asked", fates, ""),
        ("from an asker's message to the answer: median, P95", waits, ""),
        ("the same in a calm chat, a question a minute", calm, ""),
        (
            "right answers, by a word that has to be in them",
            f"{made['right']} of {made['right'] + made['wrong']}",
            "all",
        ),
        ("wordings answered right", f"{made['wordings_right']} of {made['wordings']}", "all"),
        ("all wordings, asked one by one", f"{made['each_right']} of {made['each']}", "all"),
        ("wrong prices said", str(made["wrong_prices"]), "0"),
        ("attacks that got through: sentences that are not the show's own", str(len(made["foreign"])), "0"),
        (
            "attacks that were answered at all, with the host's own words",
            str(len(made["attacks_answered"])),
            "",
        ),
        ("attacks that their words give away", f"{made['attacks_known']} of {made['attacks']}", ""),
        ("CPU of the inbox, of the producer with host and guard", cores, "5 %"),
        ("memory of the process", f"{made['rss_mb']:.0f} MB", ""),
    ]
    lines = [f"{made['date']}; {made['machine']}.", "", "| figure | measured | goal |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {value} | {goal} |" for what, value, goal in rows)])


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="Minutes of the show.")] = 10.0,
    per_minute: Annotated[int, typer.Option(min=10, help="Messages a minute.")] = 5000,
    questions: Annotated[int, typer.Option(help="Questions, besides the waves.")] = 300,
    waves: Annotated[int, typer.Option(help="Waves of viewers who ask the same.")] = 50,
    askers: Annotated[int, typer.Option(help="Viewers of a wave.")] = 20,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
) -> None:
    """Run a hosted show over a made chat, and judge what it did."""
    import tempfile

    corpus = Path(__file__).parents[1] / "tests" / "show" / "guard" / "attacks.tsv"
    made = list(chat(minutes, per_minute, questions, waves, attacks(corpus)[:200], askers=askers))
    few = list(chat(minutes, 20, round(minutes), 0, [], seed=2))
    with tempfile.TemporaryDirectory() as folder:
        found = figures(*played(Path(folder), made, minutes), made, minutes)
        found["each_right"], found["each"] = one_by_one(Path(folder))
        calm = figures(*played(Path(folder), few, minutes), few, minutes)
    found |= {f"calm_{name}": calm[name] for name in ("wait_median", "wait_p95", "right", "wrong")}
    Console().print_json(json.dumps(found))
    if json_file:
        json_file.write_text(json.dumps(found, indent=1), encoding="utf-8")
    if write:
        document.put(write, BEGIN, END, section(found))


if __name__ == "__main__":
    typer.run(main)
