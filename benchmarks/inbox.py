"""How well does the chat's inbox know questions, their language, and which of them ask the same?

    python benchmarks/inbox.py --write docs/measurements-show.md

Thirty-two intents of live-shopping questions, six wordings each in five languages, come one after the other. The inbox
was tuned on one half (`chat_intents_tuned.yaml`); the other (`chat_intents_held.yaml`) was written before and not
looked at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console

from avatar_engine.show.chat.inbox import Inbox
from avatar_engine.show.chat.message import Message
from avatar_engine.show.meaning import tongue_of

BEGIN, END = "<!-- inbox: written by benchmarks/inbox.py -->", "<!-- /inbox -->"
LANGUAGES = ("en", "fr", "es", "de", "zh")


def wordings(half: str) -> list[tuple[str, str, str]]:
    """Intent, language and text of every question of a half."""
    text = Path(__file__).with_name(f"chat_intents_{half}.yaml").read_text(encoding="utf-8")
    return [
        (intent, language, line.strip())
        for intent, told in yaml.safe_load(text).items()
        for language, lines in told.items()
        for line in lines.splitlines()
        if line.strip()
    ]


def measured(half: str) -> dict[str, float]:
    """Shares of a half."""
    asked = wordings(half)
    now = [0.0]
    inbox = Inbox(lambda: now[0], LANGUAGES)
    for number, (_, _, text) in enumerate(asked):
        now[0] += 0.5
        inbox.put(Message("made", str(number), f"viewer {number}", text))
    clusters = [[asked[int(ident)][:2] for ident in question.idents] for question in inbox.waiting()]
    found = [Counter(intent for intent, _ in cluster).most_common(1)[0][1] for cluster in clusters]
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, cluster in enumerate(clusters):
        for one in cluster:
            places[one].append(place)
    pairs = [one == other for same in places.values() for one, other in combinations(same, 2)]
    return {
        "wordings": len(asked),
        "known as questions": inbox.figures.kinds["question"] / len(asked),
        "language right": sum(tongue_of(text, LANGUAGES) == tag for _, tag, text in asked) / len(asked),
        "of one intent, by the largest in each cluster": sum(found) / sum(map(len, clusters)),
        "pairs of one intent and language in one cluster": sum(pairs) / len(pairs),
    }


def main(
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
) -> None:
    """Measure both halves."""
    tuned, held = measured("tuned"), measured("held")
    rows = ["| share | tuned on | held out |", "|---|---|---|"]
    for name in tuned:
        form = "{:.0f}" if name == "wordings" else "{:.1%}"
        rows.append(f"| {name} | {form.format(tuned[name])} | {form.format(held[name])} |")
    Console().print("\n".join(rows), markup=False)
    if write:
        text = write.read_text(encoding="utf-8")
        begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
        write.write_text(f"{text[:begin]}\n\n" + "\n".join(rows) + f"\n\n{text[end:]}", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
