"""Whether a sentence about money is understood to its last word, and true (``prices.yaml``).

A list of wrong things to say about a price never ends, and a right figure can stand in a wrong sentence: "the second
one for 39". So what a language model says about money is said as it stands only where all of it is understood: every
amount has a part (the price, the price before, what is saved, the difference to another product, a bound, the price of
one piece or of several) and is right in it, and no word is left over that could turn it round. Much that is true is not
understood so; for that the guard has the catalogue's own sentence (`own`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

import yaml

from avatar_engine.show.guard.readings import bare, bare_pattern

Strings: TypeAlias = Mapping[str, Mapping[str, Any]]

_AMOUNT, _COUNT, _PRODUCT, _MOST = 0xE000, 0xE200, 0xE400, 0x1FF
"""First of the signs that stand for amounts, counts and products in a sentence, and how many there may be of each."""
_SIGNS = {
    name: f"[{chr(first)}-{chr(first + _MOST)}]"
    for name, first in (("m", _AMOUNT), ("n", _COUNT), ("q", _PRODUCT))
}
LONGEST = 10
"""Signs of a word, in scripts without spaces."""

_UNSPACED = ("zh", "ja")
_ROLES = (
    "asides", "over", "under", "dearer", "cheaper", "below", "above", "was", "saving", "each", "today", "together",
    "free",
)  # fmt: skip
"""Parts that words may have, in the order in which they are looked for."""
_UNSPACED_SCRIPT = re.compile("[\u0900-\u0dff\u3040-\u9fff]")
_WORD = re.compile(
    "[^\\W\\d_\u0900-\u0963\u0971-\u097f]+(?:'[^\\W\\d_]+)?|[\u0900-\u0963\u0971-\u097f]+|\\d+"
)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money, a share of it, or a count, and where it stands."""

    begin: int
    end: int
    value: Decimal
    kind: str  # "money", "share" or "count"


@dataclass(frozen=True, slots=True)
class Sale:
    """What a product costs now.

    Attributes:
        price: For one.
        was: Before; None where nothing is crossed out.
        ends: Whether that ends within a day.
        pieces: The numbers in its name: a set of four cups has four.
    """

    price: Decimal
    was: Decimal | None = None
    ends: bool = False
    pieces: frozenset[Decimal] = frozenset()

    @property
    def savings(self) -> frozenset[tuple[str, Decimal]]:
        """What is saved, as an amount and as a share."""
        if self.was is None:
            return frozenset()
        saving = self.was - self.price
        ways = (ROUND_DOWN, ROUND_HALF_UP)
        shares = {("share", (100 * saving / self.was).quantize(Decimal(1), way)) for way in ways}
        return frozenset({("money", saving)} | shares)


@dataclass(frozen=True, slots=True)
class Postage:
    """What the shop's answers say of the delivery: amounts from which on it is free, and what it costs else."""

    free_from: frozenset[Decimal] = frozenset()
    fees: frozenset[Decimal] = frozenset()


@dataclass(frozen=True, slots=True)
class Words:
    """How money is spoken of in a language.

    Attributes:
        tag: The language.
        about: What makes a sentence one about money.
        roles: The patterns of each of `_ROLES`.
        plain: Words with which a price is told, and nothing else.
    """

    tag: str
    about: re.Pattern[str]
    roles: Mapping[str, Sequence[re.Pattern[str]]]
    plain: frozenset[str]


@dataclass(slots=True)
class Sentence:
    """A sentence about money, of which what is understood is struck out little by little.

    Attributes:
        text: `bare`, with signs for amounts, counts and products.
        amounts: By their signs.
        sales: What the products that it names cost, by their signs.
        sale: What the product that it is about costs.
        postage: What the delivery costs; None where it is not about the delivery.
        with_others: What products cost that are bought together with it.
        free: Whether something is said to cost nothing.
        tells: Whether a part of it, other than a bare price, was understood.
        left: Amounts from which on the delivery is free.
    """

    text: str
    amounts: Mapping[str, Amount]
    sales: Mapping[str, Sale]
    sale: Sale
    postage: Postage | None = None
    with_others: Decimal = Decimal(0)
    free: bool = False
    tells: bool = False
    left: list[Amount] = field(default_factory=list)

    def holds(self, words: Words, known: Callable[[str], bool]) -> bool | None:
        """Whether it is true; None where it is not understood whole. ``known`` are words that the shop has of the
        product."""
        fits = True
        for role in _ROLES:
            for pattern in words.roles[role]:
                while found := pattern.search(self.text):
                    fits &= self._fits(role, found[0])
                    self.tells = self.tells or role not in ("together", "free")
                    self.text = f"{self.text[: found.start()]} {self.text[found.end() :]}"
        if not _plain(self.text, words, known):
            return None
        return fits and self._told()

    def _fits(self, role: str, said: str) -> bool:
        """Whether words that have a part are true in it."""
        amount = next((self.amounts[sign] for sign in said if sign in self.amounts), None)
        other = next((self.sales[sign] for sign in said if sign in self.sales), None)
        if role == "today":
            return self.sale.ends
        if role == "free":
            self.free = True
            return True
        if role in ("over", "under", "dearer", "cheaper") and other:
            more = self.sale.price - other.price
            more = more if role in ("over", "dearer") else -more
            return more > 0 and (amount is None or (amount.kind, amount.value) == ("money", more))
        if role == "together":
            self.with_others += other.price if other else 0
            return True
        return amount is None or self._true(role, amount)

    def _true(self, role: str, amount: Amount) -> bool:
        if role == "saving":
            return (amount.kind, amount.value) in self.sale.savings
        if amount.kind != "money":
            return False
        value, price = amount.value, self.sale.price
        if role in ("below", "above"):
            if role == "above" and self.postage and value in self.postage.free_from:
                self.left.append(amount)  # "over 50 euros": from there on the delivery is free
                return True
            return role == "below" and price < value and not self._counts()
        if role == "each":
            return value in ({price / each for each in self.sale.pieces} or {price})
        return role == "was" and value == self.sale.was

    def _counts(self) -> list[Decimal]:
        """How many pieces are counted."""
        inside = (self.amounts[sign] for sign in self.text if sign in self.amounts)
        return [one.value for one in inside if one.kind == "count" and one.value not in self.sale.pieces]

    def _told(self) -> bool:
        """Whether the amounts that have no other part are prices, of as many pieces as are counted."""
        inside = [self.amounts[sign] for sign in self.text if sign in self.amounts]
        money = [*self.left, *(one for one in inside if one.kind != "count")]
        if any(one.kind == "share" for one in money) or any(sign in self.sales for sign in self.text):
            return False
        if not money and (self.postage or not self.tells):
            return False  # "we pay the postage", "pay for one": nothing in it can be reckoned
        counts = self._counts()
        if any(count != int(count) or count < 2 for count in counts) or (counts and self.with_others):
            return False
        total = self.sale.price + self.with_others
        due = {count * total for count in counts} or {total}
        values = {one.value for one in money}
        if self.postage or self.free:
            return self._delivered(values, due)
        return values <= due and (not counts or due <= values) and (not self.with_others or bool(values))

    def _delivered(self, values: set[Decimal], due: set[Decimal]) -> bool:
        """Whether what is said of the delivery is the shop's: what it costs, or that it is free from an amount on.

        Args:
            values: Amounts in the sentence.
            due: Those that are the price.
        """
        if self.postage is None:
            return False
        if not self.free:
            return values <= self.postage.fees
        return max(values) >= min(self.postage.free_from, default=max(values) + 1) and (
            values <= self.postage.free_from | due
        )


def has_a_part(text: str, sign: str, words: Words) -> bool:
    """Whether an amount, by its sign in a text, is something else than a price or the price before."""
    roles = ("saving", "over", "under", "each", "together", "free")
    return any(
        sign in found[0] for role in roles for one in words.roles[role] for found in one.finditer(text)
    )


def _plain(text: str, words: Words, known: Callable[[str], bool]) -> bool:
    """Whether what is left of a sentence tells a price and nothing else."""
    bare_text = re.sub(f"[{chr(_AMOUNT)}-{chr(_PRODUCT + _MOST)}]", " ", text)
    if words.tag not in _UNSPACED:
        return all(word in words.plain or known(word) for word in _WORD.findall(bare_text))
    return all(_made_of(run, words.plain, known) for run in re.findall(r"\w+", bare_text))


def _made_of(run: str, plain: frozenset[str], known: Callable[[str], bool]) -> bool:
    """Whether a run of signs without spaces is made of known words."""
    reached = {0}
    for end in range(1, len(run) + 1):
        if any(
            begin in reached and (run[begin:end] in plain or known(run[begin:end]))
            for begin in range(max(0, end - 10), end)
        ):
            reached.add(end)
    return len(run) in reached


def marked(plain: str, amounts: Sequence[Amount]) -> tuple[str, dict[str, Amount]]:
    """A sentence in `bare` letters with signs for its amounts and counts, and what they stand for."""
    text, signs = plain, dict[str, Amount]()
    for number, one in reversed([*enumerate(amounts[:_MOST])]):
        sign = chr((_COUNT if one.kind == "count" else _AMOUNT) + number)
        signs[sign] = one
        text = f"{text[: one.begin]} {sign} {text[one.end :]}"
    return bare(text), signs


def named(text: str, names: Mapping[str, int]) -> str:
    """``text`` with signs for products; ``names`` (`bare`) tell which is which, long ones first."""
    for name in sorted(names, key=len, reverse=True):
        edges = "{}" if _UNSPACED_SCRIPT.search(name) else r"(?<!\w){}(?!\w)"
        text = re.sub(edges.format(re.escape(name)), chr(_PRODUCT + names[name]), text)
    return text


def sign_of(number: int) -> str:
    """What stands for a product in a sentence."""
    return chr(_PRODUCT + number)


@lru_cache(maxsize=16)
def words_about(tag: str, bounds: tuple[str, str, str, str]) -> Words:
    """How money is spoken of in a language; English where it is not known.

    Args:
        tag: The language.
        bounds: What stands before an amount, "under" and "over", and behind it.
    """
    table = _table()
    tag = tag if tag in table else "en"
    told = table[tag]
    gap = " *" if tag in _UNSPACED else " +"
    patterns: dict[str, list[str]] = {role: list(told.get(role, ())) for role in _ROLES}
    for role, before, behind in (("below", bounds[0], bounds[2]), ("above", bounds[1], bounds[3])):
        patterns[role] += [f"(?:{before}){gap}{{m}}"] if before else []
        patterns[role] += [f"{{m}}{gap.replace('+', '*')}(?:{behind})"] if behind else []
    return Words(
        tag,
        _made(told["about"], tag),
        {role: [_made(one, tag) for one in ones] for role, ones in patterns.items()},
        frozenset(bare(told["words"]).split()),
    )


def _made(pattern: str, tag: str) -> re.Pattern[str]:
    """A pattern of the table, with signs in it; spaces may be several, and in scripts without spaces none."""
    text = re.sub(r" [*?]", "\0", bare_pattern(pattern).replace(" +", " "))
    text = text.replace(" ", r"\s*" if tag in _UNSPACED else r"\s+").replace("\0", r"\s*")
    for name, sign in _SIGNS.items():
        around = r"\s*" if tag in _UNSPACED else ""
        text = text.replace(f"{{{name}}}", f"{around}{sign}{around}")
    return re.compile(text if tag in (*_UNSPACED, "hi") else rf"(?<!\w)(?:{text})(?!\w)")


@lru_cache(maxsize=1)
def _table() -> Strings:
    text = files("avatar_engine.show.guard").joinpath("prices.yaml").read_text(encoding="utf-8")
    read: Strings = yaml.safe_load(text)
    return read
