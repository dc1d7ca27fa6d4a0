"""Rules that fit a show to its audience: ``when viewers > 1000 for 60s: flash_offer``.

A rule names figures of the audience and what is to happen while, or as soon as, they hold::

    when viewers > 1000: flash_offer                     # a segment of the script, by its name or {#id}
    when viewers < 20 and chat < 5 for 2min: slow down   # while it holds
    when arrivals > 50: greet                            # newcomers are welcomed
    every 10min: repeat offer                            # by the clock of the show
    when sales > 3 for 30s: flash_offer at most every 20min    # and again after 20 min, if it still holds

Figures: ``viewers``, ``viewers_trend`` (a minute), ``arrivals`` (new viewers a minute), ``chat`` (messages a minute),
``chat_trend``, ``questions`` (that wait), ``sales`` and ``clicks`` (a minute).

A figure that hovers about its limit does not switch a rule on and off: what holds goes on until the figure has fallen
a tenth below the limit (or risen above it), and nothing happens twice within `COOL` seconds unless the rule says so.
Every decision is explained: ``flash_offer because viewers 1240 > 1000 for 60 s``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

FIGURES = (
    "viewers", "viewers_trend", "arrivals", "chat", "chat_trend", "questions", "sales", "clicks",
)  # fmt: skip
"""What a rule may ask for."""

WHILE = ("slow down", "speed up", "go deeper")
"""What goes on as long as a rule holds."""

ONCE = ("greet", "repeat offer")
"""What happens when a rule begins to hold, besides segments."""

HELD, COOL = 10.0, 300.0
"""Seconds for which a rule must hold at first, and between two times that the same thing happens."""

SLACK = 0.1
"""Share of its limit by which a figure must come back before a rule that held no longer does."""

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
_TIME = r"(?P<{0}>\d+(?:\.\d+)?)\s*(?P<{0}_unit>s|min|h)"
_RULE = re.compile(
    rf"(?:when\s+(?P<conditions>.+?)(?:\s+for\s+{_TIME.format('held')})?|every\s+{_TIME.format('period')})"
    rf"\s*:\s*(?P<action>.+?)(?:\s+at\s+most\s+every\s+{_TIME.format('cool')})?",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"(?P<figure>\w+)\s*(?P<sign>[<>]=?)\s*(?P<limit>-?\d+(?:\.\d+)?)")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Condition:
    """One figure against its limit."""

    figure: str
    sign: str
    limit: float

    def holds(self, value: float, held: bool) -> bool:
        """Whether it holds; one that ``held`` until now is given up later than it began."""
        slack = abs(self.limit) * SLACK if held else 0.0
        limit = self.limit - slack if self.sign.startswith(">") else self.limit + slack
        return _OPERATORS[self.sign](value, limit)

    def told(self, value: float, began: float) -> str:
        """``viewers 1240 > 1000``; of a value that has come back a little, what it ``began`` with, too."""
        if self.holds(value, held=False):
            return f"{self.figure} {value:g} {self.sign} {self.limit:g}"
        return f"{self.figure} {began:g} {self.sign} {self.limit:g} (now {value:g})"


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens when.

    Attributes:
        action: One of `WHILE` or `ONCE`, or a segment.
        conditions: All of them must hold; empty for a rule by the clock.
        held: Seconds for which they must.
        period: Seconds between two times of a rule by the clock; 0 for the others.
        cool: Seconds between two times at least.
        again: Whether it happens again after so many seconds if it still holds.
    """

    action: str
    conditions: tuple[Condition, ...] = ()
    held: float = HELD
    period: float = 0.0
    cool: float = COOL
    again: bool = False


def read_rule(text: str) -> Rule:
    """A rule as it is written.

    Raises:
        ValueError: It is none; the message says what is wrong.
    """
    found = _RULE.fullmatch(" ".join(text.split()))
    if not found:
        raise ValueError(
            "is no rule such as 'when viewers > 1000 for 60s: flash_offer' or 'every 10min: greet'"
        )
    action = found["action"].strip()
    cool = _seconds(found, "cool")
    if period := _seconds(found, "period"):
        if period < 10:
            raise ValueError("would come too often: every 10s at least")
        return Rule(action, period=period, cool=cool or 0.0)
    held = _seconds(found, "held")
    conditions = tuple(_condition(part) for part in re.split(r"\s+and\s+", found["conditions"], flags=re.I))
    held = HELD if held is None else held
    return Rule(action, conditions, held, cool=COOL if cool is None else cool, again=cool is not None)


def _seconds(found: re.Match[str], name: str) -> float | None:
    return float(found[name]) * _SECONDS[found[f"{name}_unit"].lower()] if found[name] else None


def _condition(text: str) -> Condition:
    found = _CONDITION.fullmatch(text.strip())
    if not found:
        raise ValueError(f"has no condition such as 'viewers > 1000' in {text!r}")
    if found["figure"].lower() not in FIGURES:
        raise ValueError(f"asks for {found['figure']!r}; there are {', '.join(FIGURES)}")
    return Condition(found["figure"].lower(), found["sign"], float(found["limit"]))


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that is to happen now, or (``ends``) no longer, and why."""

    action: str
    why: str
    ends: bool = False


class RuleBook:
    """Looks at the audience now and then, and says what follows from the rules.

    Args:
        rules: In the order in which they are asked.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [_Kept(rule) for rule in rules]
        self._last: dict[str, float] = {}  # when an action happened

    @property
    def active(self) -> tuple[str, ...]:
        """Which of `WHILE` hold now."""
        return tuple(kept.rule.action for kept in self._rules if kept.on and kept.rule.action in WHILE)

    def look(self, figures: Mapping[str, float], now: float) -> list[Decision]:
        """What follows at ``now`` (seconds of the show); a figure that is not known makes no rule hold."""
        decisions = []
        for kept in self._rules:
            decision = kept.look(figures, now)
            if decision is None or (not decision.ends and self._too_soon(kept.rule, now)):
                continue
            if not decision.ends:
                self._last[decision.action] = now
            decisions.append(decision)
        return decisions

    def _too_soon(self, rule: Rule, now: float) -> bool:
        last = self._last.get(rule.action)
        return rule.action not in WHILE and last is not None and now - last < rule.cool


class _Kept:
    """A rule, and since when it holds."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.on = False
        self._since: float | None = None
        self._began: Mapping[str, float] = {}  # the figures then
        self._next = rule.period

    def look(self, figures: Mapping[str, float], now: float) -> Decision | None:
        rule = self.rule
        if rule.period:
            if now < self._next:
                return None
            self._next = now + rule.period
            return Decision(rule.action, f"{rule.action} because {_spell(rule.period)} have passed")
        held = self._since is not None
        if not all(
            condition.figure in figures and condition.holds(figures[condition.figure], held)
            for condition in rule.conditions
        ):
            ended, self.on, self._since = self.on, False, None
            over = ended and rule.action in WHILE
            return Decision(rule.action, f"{rule.action} is over", ends=True) if over else None
        if self._since is None:
            self._since, self._began = now, dict(figures)
        again = rule.again and rule.action not in WHILE
        if (self.on and not again) or now - self._since < rule.held:
            return None
        self.on = True
        told = " and ".join(
            condition.told(figures[condition.figure], self._began[condition.figure])
            for condition in rule.conditions
        )
        return Decision(rule.action, f"{rule.action} because {told} for {_spell(now - self._since)}")


def _spell(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
