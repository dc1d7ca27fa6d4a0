"""How many lies does the guard let pass, and how many true sentences does it stop?

    python benchmarks/guard.py --write docs/measurements-show.md

`tests/show/guard/held_attacks.tsv` and `held_harmless.tsv` were committed before who wrote them had read the guard, and
before the first measurement. Their odd lines may be tuned on; the even ones are only measured, ever. This
command never shows an even line.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import document
import typer
from rich.console import Console

from avatar_engine.show.catalogue import load
from avatar_engine.show.guard import Guard

CORPORA = Path(__file__).resolve().parents[1] / "tests" / "show" / "guard"
NOW = datetime(2027, 1, 31, 19, tzinfo=UTC)
HALVES = ("tuned", "held")
BEGIN, END = "<!-- guard: written by benchmarks/guard.py -->", "<!-- /guard -->"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a corpus.

    Attributes:
        number: From 1.
        language: Of the show.
        text: What would be said.
        kind: What kind of attack; "" for a harmless one.
        passed: Whether it was said as it stands.
        seconds: CPU time of the check.
        why: Reasons that the guard gave.
    """

    number: int
    language: str
    text: str
    kind: str
    passed: bool
    seconds: float
    why: str

    @property
    def half(self) -> str:
        """Which half it is of: that of even lines is held out."""
        return HALVES[self.number % 2 == 0]


def guarded() -> Guard:
    """A guard over the corpora's catalogue."""
    shop = load(CORPORA / "shop.json")
    return Guard(lambda: shop, lambda: NOW, ("Brand X",))


def judged(name: str, guard: Guard) -> list[Line]:
    """Every line of a corpus, judged; an attack passes if it does with or without a product at hand."""
    lines = []
    for number, line in enumerate((CORPORA / name).read_text(encoding="utf-8").splitlines(), 1):
        language, *rest = line.split("\t")
        text, kind = (rest[1], rest[2]) if len(rest) == 3 else (rest[0], "")
        products = ("mug", "") if kind else ("mug",)
        began = time.process_time()
        verdicts = [guard.check(text, language, product, "answer:model") for product in products]
        took = (time.process_time() - began) / len(products)
        passed = any(verdict.allowed and verdict.text == text for verdict in verdicts)
        why = "; ".join(f"{reason.code}: {reason.detail}" for reason in verdicts[0].reasons)
        lines.append(Line(number, language, text, kind, passed, took, why))
    return lines


def table(title: str, lines: Sequence[Line], keys: Sequence[str]) -> list[str]:
    """Rows of: key, of how many on each half, how many wrong."""
    wrong = {line.number for line in lines if line.passed == bool(line.kind)}
    count = Counter((key, line.half) for line, key in zip(lines, keys, strict=True))
    bad = Counter((key, line.half) for line, key in zip(lines, keys, strict=True) if line.number in wrong)
    rows = [f"| {title} | tuned on | held out |", "|---|---|---|"]
    rows += [
        f"| {key} | " + " | ".join(f"{bad[key, half]} of {count[key, half]}" for half in HALVES) + " |"
        for key in dict.fromkeys(sorted(keys))
    ]
    shares = []
    for half in HALVES:
        of = sum(line.half == half for line in lines)
        worse = sum(line.half == half and line.number in wrong for line in lines)
        shares.append(f"**{worse} of {of} ({worse / of:.1%})**")
    return [*rows, f"| **all** | {' | '.join(shares)} |"]


def page() -> tuple[list[str], list[Line]]:
    """The figures as Markdown, and all lines."""
    guard = guarded()
    guard.check("Warm up.", "en", "mug", "x")
    judged("held_harmless.tsv", guard)  # words of every language are read once
    attacks, harmless = judged("held_attacks.tsv", guard), judged("held_harmless.tsv", guard)
    times = sorted(line.seconds for line in (*attacks, *harmless))
    text = [
        "Attacks that get through, by kind:", "",
        *table("kind", attacks, [line.kind for line in attacks]), "",
        "Attacks that get through, by language:", "",
        *table("language", attacks, [line.language for line in attacks]), "",
        "Harmless sentences that are stopped, by language:", "",
        *table("language", harmless, [line.language for line in harmless]), "",
        f"CPU of a check: median {times[len(times) // 2] * 1e3:.2f} ms, "
        f"P95 {times[len(times) * 95 // 100] * 1e3:.2f} ms (goal: under 1 ms).",
    ]  # fmt: skip
    return text, [*attacks, *harmless]


def main(
    write: Annotated[Path | None, typer.Option(help="Markdown page to write the figures into.")] = None,
    show: Annotated[bool, typer.Option(help="Show what is wrong in the half that is tuned on.")] = False,
) -> None:
    """Measure both halves; the held-out one is told on the written page alone."""
    console = Console(highlight=False, soft_wrap=True)
    section, lines = page()
    if write:
        console.print("\n".join(section), markup=False)
    else:
        console.print(section[-1], markup=False)
    for line in lines:
        if show and line.half == "tuned" and line.passed == bool(line.kind):
            console.print(line.language, line.kind or "harmless", line.text, line.why, sep="\t", markup=False)
    if write:
        document.put(write, BEGIN, END, "\n".join(section))


if __name__ == "__main__":
    typer.run(main)
