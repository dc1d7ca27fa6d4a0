"""Wordings compared over the rounds of a show, or of several nights.

Every time that a line is said is one exposure of one wording: the viewer-minutes from its start until `Window.seconds`
after its end (or until the line comes again), and the clicks, sales and questions that came in that time. Wordings take
turns, so what changes over an evening strikes all of them alike.

How sure a rate is: events are counted in clusters (a lively round brings many), so their spread is measured between
exposures of the same wording, and the count is taken for as many fewer as they are clustered (quasi-Poisson). With
Jeffreys' prior the rate then follows a gamma distribution, and the ratio of two rates a beta distribution of the second
kind: intervals and probabilities are exact, and nothing is drawn by lot.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scipy import stats

from avatar_engine.kpis.count import Window
from avatar_engine.kpis.night import Night, Spoken
from avatar_engine.show.wording import choices_of

METRICS = ("clicks", "sales", "questions")

SURE = 0.95
"""Probability that an interval holds the true rate; a difference is told from the same on."""

LEAST = 3
"""Times that every wording must have been heard before anything is said of a difference."""

POWER = 0.8
"""Chance that a difference which is as large as it looks is found in the loops that are said to be needed."""

SMALL = 1.1
"""The least difference, as a ratio, for which loops are counted."""

MOST_LOOPS = 10_000
MOST_ARMS = 12
"""Combinations of a segment that are compared at most: with more, none comes often enough."""

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Exposure:
    """One time that something was said: viewer-minutes (minutes where viewers are not known), and what they brought."""

    minutes: float
    counts: Mapping[str, float]


@dataclass(slots=True)
class Arm:
    """One wording, and all its exposures."""

    label: str
    exposures: list[Exposure] = field(default_factory=list)

    @property
    def minutes(self) -> float:
        """Viewer-minutes of all of them."""
        return sum(one.minutes for one in self.exposures)

    def count(self, metric: str) -> float:
        """What all of them brought."""
        return sum(one.counts[metric] for one in self.exposures)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many for a thousand viewer-minutes, and the interval that holds the true rate with `SURE`."""

    label: str
    times: int
    minutes: float
    count: float
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Compared:
    """Wordings by one figure.

    Attributes:
        metric: One of `METRICS`.
        rates: Of every wording.
        told: Whether a difference can be told.
        sentence: What can be said, in words.
        best: Probability that the first one is better than the second; the best two.
        loops: How many more would be needed; None where a difference is told or nothing can be foreseen.
    """

    metric: str
    rates: tuple[Rate, ...]
    told: bool
    sentence: str
    best: float
    loops: int | None = None


@dataclass(slots=True)
class Trial:
    """What is compared.

    Attributes:
        title: The line or segment.
        kind: ``line`` (wordings), ``choice`` (within one) or ``segment`` (all that were taken in it together).
        arms: By number of the wording.
        known: Whether viewers are known: else rates are for a thousand minutes.
        taken: Which arm was heard in which stay (night, number), to see what always came together.
        notes: What has to be known of it.
    """

    title: str
    kind: str
    arms: dict[object, Arm] = field(default_factory=dict)
    known: bool = True
    taken: dict[tuple[int, int], object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def compared(self) -> list[Compared]:
        """By every figure of which anything is known."""
        arms = [arm for arm in self.arms.values() if arm.exposures]
        unit = "viewer-minutes" if self.known else "minutes"
        metrics = [metric for metric in METRICS if any(arm.count(metric) for arm in arms)]
        return [compare(arms, metric, unit, len(metrics)) for metric in metrics]


def trials(nights: Sequence[Night], window: Window = Window()) -> list[Trial]:  # noqa: B008 - it can't change
    """Everything that chose between wordings, those of several nights with the same words as one."""
    found: dict[object, Trial] = {}
    for number, night in enumerate(nights):
        for line, texts in night.wordings.items():
            said = [one for one in night.spoken if one.line == line]
            _lines(found, number, night, line, texts, said, window)
        _segments(found, number, night, window)
    kept = [trial for trial in found.values() if any(arm.exposures for arm in trial.arms.values())]
    _note_together([trial for trial in kept if trial.kind == "line"])
    return kept


def _lines(
    found: dict[object, Trial], number: int, night: Night, line: int, texts: Sequence[str],
    said: Sequence[Spoken], window: Window,
) -> None:  # fmt: skip
    """The wordings of a line, and the choices within each."""
    for at, one in enumerate(said):
        later = said[at + 1].start if at + 1 < len(said) else math.inf
        exposure = _exposure(night, one.start, min(one.end + window.seconds, later), window, one.product)
        if len(texts) > 1 and one.wording < len(texts):
            trial = found.setdefault(("line", texts), Trial(f"line {line}", "line", _arms(texts)))
            _expose(trial, one.wording, exposure, night, (number, one.stay))
        if one.wording >= len(texts):
            continue
        for place, options in enumerate(choices_of(texts[one.wording])):
            if len(options) < 2 or place >= len(one.choices) or one.choices[place] >= len(options):
                continue
            key = ("choice", texts[one.wording], place)
            title = f"line {line}, {{{'|'.join(options)}}}"
            trial = found.setdefault(key, Trial(title, "choice", _arms(options)))
            _expose(trial, one.choices[place], exposure, night, (number, one.stay))


def _segments(found: dict[object, Trial], number: int, night: Night, window: Window) -> None:
    """All wordings of a segment taken together, where more than one of its lines chooses."""
    taken: dict[int, dict[int, int]] = defaultdict(dict)
    for one in night.spoken:
        if len(night.wordings.get(one.line, ())) > 1:
            taken[one.stay].setdefault(one.line, one.wording)
    last: dict[str, int] = {}
    later: dict[int, float] = {}
    for at, stay in enumerate(night.stays):
        if stay.segment in last:
            later[last[stay.segment]] = stay.start
        last[stay.segment] = at
    for at, lines in sorted(taken.items()):
        stay = night.stays[at]
        if len(lines) < 2:
            continue
        texts = tuple(night.wordings[line] for line in sorted(lines))
        combination = tuple(lines[line] for line in sorted(lines))
        trial = found.setdefault(
            ("segment", stay.segment, texts), Trial(f"segment {stay.segment}", "segment")
        )
        label = ", ".join(
            f"line {line}: {'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[lines[line] % 26]}" for line in sorted(lines)
        )
        if combination not in trial.arms and len(trial.arms) >= MOST_ARMS:
            if len(trial.notes) < 1:
                trial.notes.append(
                    f"There are more than {MOST_ARMS} combinations; the later ones are left out."
                )
            continue
        trial.arms.setdefault(combination, Arm(label))
        end = min(stay.end + window.seconds, later.get(at, math.inf))
        exposure = _exposure(night, stay.start, end, window, stay.product)
        _expose(trial, combination, exposure, night, (number, at))


def _arms(texts: Iterable[str]) -> dict[object, Arm]:
    return {which: Arm(_short(text)) for which, text in enumerate(texts)}


def _short(text: str) -> str:
    plain = " ".join(text.split()) or "(nothing)"
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"


def _expose(trial: Trial, which: object, exposure: Exposure, night: Night, stay: tuple[int, int]) -> None:
    trial.arms[which].exposures.append(exposure)
    trial.taken[stay] = which
    trial.known = trial.known and bool(len(night.viewers.times))


def _exposure(night: Night, start: float, end: float, window: Window, product: str) -> Exposure:
    """What was seen and done from ``start`` on; sales and clicks of another product do not count."""
    end = min(end, max(start, night.end))
    known = len(night.viewers.times)
    minutes = (night.viewers.area(start, end) if known else end - start) / 60.0
    counts = {"clicks": 0.0, "sales": 0.0}
    for one in night.bought_within(start + window.delay, end + window.delay):
        if not (product and one.product) or one.product == product:
            counts[one.figure] += one.count
    asked = night.asking.gained(start + window.delay, end + window.delay)
    return Exposure(minutes, {**counts, "questions": asked})


def _note_together(lines: Sequence[Trial]) -> None:
    """Two lines that always took the same turns are one comparison: which of them did it, nobody can say."""
    for number, one in enumerate(lines):
        for other in lines[number + 1 :]:
            pairs = [(one.taken[stay], other.taken[stay]) for stay in one.taken.keys() & other.taken.keys()]
            kinds = set(pairs)
            alone = len(kinds) == len({a for a, _ in kinds}) == len({b for _, b in kinds})
            if len(pairs) >= 4 and alone and len(kinds) > 1:
                told = "their wordings always came together, so which of the two makes a difference can't be told."
                one.notes.append(f"With {other.title}: {told}")
                other.notes.append(f"With {one.title}: {told}")


def compare(arms: Sequence[Arm], metric: str, unit: str = "viewer-minutes", figures: int = 1) -> Compared:
    """Wordings by one figure, of so many ``figures`` by which they are compared: who looks at three finds something
    in one of them three times as often (Bonferroni's correction, as for more than two wordings)."""
    clustered = dispersion(arms, metric)
    rates = [_rate(arm, metric, clustered) for arm in arms]
    order = sorted(range(len(arms)), key=lambda n: -rates[n].rate)
    if len(arms) < 2 or min(len(arm.exposures) for arm in arms) < LEAST or math.isinf(clustered):
        heard = ", ".join(f"“{arm.label}” {len(arm.exposures)}" for arm in arms)
        least = f"every wording must have been heard {LEAST} times ({heard})"
        return Compared(metric, tuple(rates), False, f"No difference can be told yet: {least}.", 0.5)
    lead, others = rates[order[0]], [rates[n] for n in order[1:]]
    chances = [chance(lead, other, clustered) for other in others]
    needed = 1.0 - (1.0 - SURE) / 2 / (len(others) * figures)
    if min(chances) >= needed:
        return Compared(
            metric, tuple(rates), True, _difference(lead, others[0], metric, clustered, chances), min(chances)
        )
    loops = more_loops(lead, others[0], clustered, sum(len(arm.exposures) for arm in arms), needed)
    sentence = _no_difference(lead, others[0], metric, unit, loops)
    return Compared(metric, tuple(rates), False, sentence, chances[0], loops)


def dispersion(arms: Sequence[Arm], metric: str) -> float:
    """How many times the variance of the counts is that of events that come one by one; at least 1.

    It is measured between exposures of the same wording, and made larger where there are few of them, as Student's t
    is wider than the normal distribution; infinite with none to spare.
    """
    whole, free = 0.0, -len(arms)
    for arm in arms:
        rate = arm.count(metric) / arm.minutes if arm.minutes else 0.0
        for one in arm.exposures:
            if (expected := rate * one.minutes) > 0:
                whole += (one.counts[metric] - expected) ** 2 / expected
        free += len(arm.exposures)
    if free < 1:
        return math.inf
    wider = stats.t.ppf(0.5 + SURE / 2, free) / stats.norm.ppf(0.5 + SURE / 2)
    return float(max(1.0, whole / free) * wider**2)


def chance(one: Rate, other: Rate, clustered: float) -> float:
    """The probability that ``one`` has the higher true rate."""
    if not (one.minutes and other.minutes):
        return 0.5
    a, b = _shape(one.count, clustered), _shape(other.count, clustered)
    return float(stats.beta.sf(one.minutes / (one.minutes + other.minutes), a, b))


def ratio(one: Rate, other: Rate, clustered: float) -> tuple[float, float]:
    """The interval that holds how many times the rate of ``other`` that of ``one`` is."""
    a, b = _shape(one.count, clustered), _shape(other.count, clustered)
    edges = stats.beta.ppf([(1 - SURE) / 2, (1 + SURE) / 2], a, b)
    low, high = (float(edge / max(1e-300, 1 - edge)) * other.minutes / one.minutes for edge in edges)
    return low, high


def more_loops(
    lead: Rate, other: Rate, clustered: float, loops: int, needed: float = 0.5 + SURE / 2
) -> int | None:
    """How many more would show the difference, if it is as large as it looks (or `SMALL`, where it looks smaller)."""
    if not (lead.count and lead.minutes and other.minutes):
        return None
    second = max(0.5, other.count)
    looks = math.log(max(SMALL, lead.rate / max(1e-12, 1000 * second / other.minutes)))
    goal = (looks / (stats.norm.ppf(needed) + stats.norm.ppf(POWER))) ** 2
    now = clustered * (1 / lead.count + 1 / second)
    return int(max(1, math.ceil(loops * (now / goal - 1))))


def _shape(count: float, clustered: float) -> float:
    return 0.5 + count / clustered


def _rate(arm: Arm, metric: str, clustered: float) -> Rate:
    count, minutes = arm.count(metric), arm.minutes
    if not minutes:
        return Rate(arm.label, len(arm.exposures), minutes, count, 0.0, 0.0, 0.0)
    spread = clustered if math.isfinite(clustered) else 1.0
    shape = _shape(count, spread)
    low, high = (
        1000 * float(edge) * spread / minutes
        for edge in stats.gamma.ppf([(1 - SURE) / 2, (1 + SURE) / 2], shape)
    )
    return Rate(arm.label, len(arm.exposures), minutes, count, 1000 * count / minutes, low, high)


def _difference(lead: Rate, other: Rate, metric: str, clustered: float, chances: Sequence[float]) -> str:
    low, high = ratio(lead, other, clustered)
    many = f"{low:.2f} to {high:.2f} times as many" if high < 100 else f"at least {low:.1f} times as many"
    than = f"any other; than the next, “{other.label}”" if len(chances) > 1 else f"“{other.label}”"
    sure = min(99.9, math.floor(1000 * min(chances)) / 10)
    return (
        f"“{lead.label}” brings more {metric} than {than}: {many} ({SURE:.0%} interval; sure to {sure:g} %)."
    )


def _no_difference(lead: Rate, other: Rate, metric: str, unit: str, loops: int | None) -> str:
    seen = (
        f"“{lead.label}” brought {lead.rate:.2g} {metric} for 1000 {unit} ({lead.low:.2g} to {lead.high:.2g}), "
        f"“{other.label}” {other.rate:.2g} ({other.low:.2g} to {other.high:.2g})"
    )
    if loops is None:
        return f"No difference can be told yet: {seen}."
    small = lead.rate < SMALL * other.rate
    size = f"even a difference of {SMALL - 1:.0%}" if small else "a difference as large as it looks"
    many = f"more than {MOST_LOOPS}" if loops > MOST_LOOPS else f"about {loops}"
    return f"No difference can be told yet: {seen}. To show {size}, {many} more loops are needed."
