"""How many lies does the guard let pass, and how many true sentences does it stop?

    python benchmarks/guard.py --write docs/measurements-show.md

`tests/show/guard/held_attacks.tsv` and `held_harmless.tsv` were committed before who wrote them had read the guard, and
before the first measurement; `plain_lies.tsv` and `plain_true.tsv` before there were everyday words. Their odd lines
may be tuned on; the even ones are only measured, ever. `air_lies.tsv` and `air_true.tsv` are only measured, all of
them. This command never shows a line that is held out. All of it is judged as a language model's words, by both
settings of `claims`.

With grounded claims a sentence that is not certain may be put in other words: the catalogue's own sentence is said
instead. Of a lie that is right; of a true sentence it is counted by itself, neither as said nor as stopped.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import document
import typer
from rich.console import Console

from avatar_engine.show.catalogue import Product, load
from avatar_engine.show.guard import GROUNDED, LISTED, Guard, Verdict
from avatar_engine.show.guard.amounts import kind_of, words_of
from avatar_engine.show.guard.figures import figures

CORPORA = Path(__file__).resolve().parents[1] / "tests" / "show" / "guard"
NOW = datetime(2027, 1, 31, 19, tzinfo=UTC)
HALVES = ("tuned", "held")
SETS = {
    "held_attacks.tsv": "shop.json", "held_harmless.tsv": "shop.json",
    "plain_lies.tsv": "plain_shop.json", "plain_true.tsv": "plain_shop.json",
    "plain_price_lies.tsv": "plain_shop.json", "plain_price_true.tsv": "plain_shop.json",
    "air_lies.tsv": "air_shop.json", "air_true.tsv": "air_shop.json",
}  # fmt: skip
"""Corpora and their catalogues."""
SAID, REWORDED, STOPPED = "said", "in other words", "stopped"
"""What becomes of a sentence."""

BEGIN, END = "<!-- guard: written by benchmarks/guard.py -->", "<!-- /guard -->"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a corpus.

    Attributes:
        number: From 1.
        half: Which half it is of: that of even lines is held out, and all lines of a set that nobody tuned on.
        language: Of the show.
        text: What would be said.
        kind: What kind of attack; "" for a harmless one.
        became: What became of it; of an attack the worst, with and without a product at hand.
        instead: What was said in its place.
        seconds: CPU time of the check.
        why: Reasons that the guard gave.
    """

    number: int
    half: str
    language: str
    text: str
    kind: str
    became: str
    instead: str
    seconds: float
    why: str

    def wrong(self, strict: bool) -> bool:
        """Whether a lie was said as it stands, or a truth stopped; ``strict``: a truth in other words is wrong, too."""
        if self.kind:
            return self.became == SAID
        return self.became == STOPPED or (strict and self.became == REWORDED)


def became(text: str, verdict: Verdict) -> str:
    """What becomes of a sentence."""
    return STOPPED if not verdict.allowed else SAID if verdict.text == text else REWORDED


def guarded(shop: str, claims: str) -> Guard:
    """A guard over a corpus' catalogue."""
    catalogue = load(CORPORA / shop)
    return Guard(lambda: catalogue, lambda: NOW, ("Brand X",), claims=claims)


def judged(name: str, guard: Guard) -> list[Line]:
    """Every line of a corpus, judged; an attack passes if it does with or without a product at hand."""
    lines = []
    for number, line in enumerate((CORPORA / name).read_text(encoding="utf-8").splitlines(), 1):
        language, *rest = line.split("\t")
        products: tuple[str, ...]
        if name.startswith(("plain", "air")):
            text, kind, products = rest[1], (rest[2:] or [""])[0], (rest[0],)
        else:
            text, kind = (rest[1], rest[2]) if len(rest) == 3 else (rest[0], "")
            products = ("mug", "") if kind else ("mug",)
        began = time.process_time()
        verdicts = [guard.check(text, language, product, "answer:model") for product in products]
        took = (time.process_time() - began) / len(products)
        worst = min((became(text, verdict) for verdict in verdicts), key=(SAID, REWORDED, STOPPED).index)
        why = "; ".join(f"{reason.code}: {reason.detail}" for reason in verdicts[0].reasons)
        half = HALVES[number % 2 == 0 or name.startswith("air")]
        instead = " ".join(verdict.text for verdict in verdicts if became(text, verdict) == REWORDED)
        lines.append(Line(number, half, language, text, kind, worst, instead, took, why))
    return lines


def table(title: str, lines: Sequence[Line], keys: Sequence[str]) -> list[str]:
    """Rows of: key, of how many on each half, how many wrong."""
    wrong = {line.number for line in lines if line.wrong(strict=False)}
    count = Counter((key, line.half) for line, key in zip(lines, keys, strict=True))
    bad = Counter((key, line.half) for line, key in zip(lines, keys, strict=True) if line.number in wrong)
    rows = [f"| {title} | tuned on | held out |", "|---|---|---|"]
    rows += [
        f"| {key} | "
        + " | ".join(
            f"{bad[key, half]} of {count[key, half]}" if count[key, half] else "–" for half in HALVES
        )
        + " |"
        for key in dict.fromkeys(sorted(keys))
    ]
    shares = (share(lines, half, strict=False) for half in HALVES)
    return [*rows, f"| **all** | {' | '.join(f'**{one}**' for one in shares)} |"]


def share(lines: Sequence[Line], half: str, strict: bool) -> str:
    """How many lines of a half are wrong."""
    return of([line.wrong(strict) for line in lines if line.half == half])


def reworded(lines: Sequence[Line], half: str) -> str:
    """In whose place of a half the catalogue's own sentence is said."""
    return of([line.became == REWORDED for line in lines if line.half == half])


def strangers(name: str, lines: Sequence[Line]) -> int:
    """How many amounts are said in place of a corpus' lies that are not the catalogue's."""
    catalogue, count = load(CORPORA / SETS[name]), 0
    own = {value for product in catalogue.products.values() for value in _amounts(product)}
    for line in lines:
        words = words_of(line.language)
        for figure in figures(line.instead, line.language):
            kind, value, _ = kind_of(figure, line.instead, words)
            answered = any(str(value) in answer for pairs in catalogue.faq.values() for _, answer in pairs)
            count += bool(line.kind) and kind in ("money", "was") and value not in own and not answered
    return count


def _amounts(product: Product) -> tuple[Decimal, ...]:
    price, was = product.price_at(NOW), product.was_at(NOW)
    return (price.amount, *((was.amount, was.amount - price.amount) if was else ()))


def of(told: Sequence[bool]) -> str:
    """So many of so many."""
    return f"{sum(told)} of {len(told)} ({sum(told) / len(told):.1%})" if told else "–"


def page() -> tuple[list[str], list[Line]]:
    """The figures as Markdown, and all lines as they were judged with grounded claims."""
    every: dict[tuple[str, str], list[Line]] = {}
    for claims in (LISTED, GROUNDED):
        for name, shop in SETS.items():
            guard = guarded(shop, claims)
            judged(name, guard)  # words of every language are read once
            every[claims, name] = judged(name, guard)
    text = [
        "| wrong: attacks that get through, true sentences that are stopped | listed, tuned on | listed, held out | grounded, tuned on | grounded, held out | the catalogue's own sentence instead, tuned on | the same, held out |",  # noqa: E501 - a row of Markdown
        "|---|---|---|---|---|---|---|",
    ]
    for name in SETS:
        told = [share(every[LISTED, name], half, strict=True) for half in HALVES]
        told += [share(every[GROUNDED, name], half, strict=False) for half in HALVES]
        told += [reworded(every[GROUNDED, name], half) for half in HALVES]
        text.append(f"| `{name}` | {' | '.join(told)} |")
    attacks, harmless = every[GROUNDED, "held_attacks.tsv"], every[GROUNDED, "held_harmless.tsv"]
    lies, true = every[GROUNDED, "plain_lies.tsv"], every[GROUNDED, "plain_true.tsv"]
    air, said = every[GROUNDED, "air_lies.tsv"], every[GROUNDED, "air_true.tsv"]
    lines_ = [line for name in SETS for line in every[GROUNDED, name]]
    told_times = []
    for claims in (LISTED, GROUNDED):
        times = sorted(line.seconds for name in SETS for line in every[claims, name])
        told_times.append(
            f"{claims}: median {times[len(times) // 2] * 1e3:.2f} ms, P95 {times[len(times) * 95 // 100] * 1e3:.2f} ms"
        )
    text += [
        "", "With grounded claims, by kind and language:", "",
        *table("attacks that get through, by kind", attacks, [line.kind for line in attacks]), "",
        *table("attacks that get through, by language", attacks, [line.language for line in attacks]), "",
        *table("harmless sentences that are stopped", harmless, [line.language for line in harmless]), "",
        *table("plain lies that get through, by kind", lies, [line.kind for line in lies]), "",
        *table("plain lies that get through, by language", lies, [line.language for line in lies]), "",
        *table("plain truths that are stopped", true, [line.language for line in true]), "",
        *table("lies on air that get through, by kind", air, [line.kind for line in air]), "",
        *table("truths on air that are stopped", said, [line.language for line in said]), "",
        f"Said in place of {sum(bool(line.kind and line.instead) for line in lines_)} lies; amounts in it that are not "
        f"the catalogue's: {sum(strangers(name, every[GROUNDED, name]) for name in SETS)}.", "",
        f"CPU of a check: {'; '.join(told_times)} (goal: under 2 ms).",
    ]  # fmt: skip
    return text, lines_


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
        if show and line.half == "tuned" and line.wrong(strict=True):
            console.print(line.language, line.kind or "harmless", line.text, line.why, sep="\t", markup=False)
    if write:
        document.put(write, BEGIN, END, "\n".join(section))


if __name__ == "__main__":
    typer.run(main)
