"""How well does the chat's inbox know questions, their language, and which of them ask the same?

    python benchmarks/inbox.py --write docs/measurements-show.md

Thirty-two intents of live-shopping questions, six wordings each in five languages, come one after the other. The inbox
was tuned on one half (`chat_intents_tuned.yaml`) and on `tests/show/meanings.tsv`; the other half
(`chat_intents_held.yaml`) was written before and not looked at. What is no question (`chat_talk.yaml`, nine languages,
tuned on) should be left alone. Typing errors are made: in every wording of plain letters two neighbouring letters of
its longest word change places, or one is missing.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated

import document
import typer
import yaml
from rich.console import Console

from avatar_engine.show.chat.inbox import Inbox
from avatar_engine.show.chat.message import Message
from avatar_engine.show.meaning import tongue_of, understood

BEGIN, END = "<!-- inbox: written by benchmarks/inbox.py -->", "<!-- /inbox -->"
LANGUAGES = ("en", "fr", "es", "de", "zh")
A_MINUTE = 5000


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


def talk() -> list[str]:
    """What is no question."""
    text = Path(__file__).with_name("chat_talk.yaml").read_text(encoding="utf-8")
    return [line for lines in yaml.safe_load(text).values() for line in lines.splitlines()]


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
        "with a typing error: meant the same as without": _mistyped([text for _, _, text in asked]),
    }


def _mistyped(texts: Sequence[str]) -> float:
    """Share of texts whose intent is known and stays the same when a word of theirs is mistyped."""
    chance = random.Random(7)
    known = [text for text in texts if text.isascii() and understood(text).intent]
    return sum(understood(_slip(text, chance)).intent == understood(text).intent for text in known) / len(
        known
    )


def _slip(text: str, chance: random.Random) -> str:
    """A text with one typing error in its longest word."""
    words = text.split()
    at = max(range(len(words)), key=lambda n: len(words[n].strip("?,.!'")))
    word = words[at]
    place = chance.randrange(1, max(2, len(word) - 2))
    turned = word[:place] + word[place + 1 : place + 2] + word[place : place + 1] + word[place + 2 :]
    words[at] = turned if chance.random() < 0.5 else word[:place] + word[place + 1 :]
    return " ".join(words)


def cost() -> float:
    """Share of a core that 5,000 messages a minute take of which none is like another."""
    chance, texts = random.Random(3), [*talk(), *(text for _, _, text in wordings("tuned"))]
    now, number = [0.0], A_MINUTE // 2
    inbox = Inbox(lambda: now[0], LANGUAGES)
    said = [
        f"{chance.choice(texts)} {''.join(chance.choices('aeioubdfglmnprst', k=7))}" for _ in range(number)
    ]
    understood("")
    began = time.process_time()
    for n, text in enumerate(said):
        now[0] += 60 / A_MINUTE
        inbox.put(Message("made", str(n), f"viewer {n % 999}", text))
        if n % 300 == 0:
            inbox.choose(now[0])
    return (time.process_time() - began) / now[0]


def main(
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
) -> None:
    """Measure both halves."""
    tuned, held = measured("tuned"), measured("held")
    rows = ["| share | tuned on | held out |", "|---|---|---|"]
    for name in tuned:
        form = "{:.0f}" if name == "wordings" else "{:.1%}"
        rows.append(f"| {name} | {form.format(tuned[name])} | {form.format(held[name])} |")
    lines = talk()
    taken = sum(understood(line).asks for line in lines) / len(lines)
    rows.append(f"| {len(lines)} lines of talk: taken for questions | {taken:.1%} | |")
    rows.append(
        f"| of a core, for {A_MINUTE:,} messages a minute of which none is like another | {cost():.1%} | |"
    )
    Console().print("\n".join(rows), markup=False)
    if write:
        document.put(write, BEGIN, END, "\n".join(rows))


if __name__ == "__main__":
    typer.run(main)
