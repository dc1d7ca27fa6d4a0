"""Key figures of shows: of a whole night, of every segment and of every product.

Clicks and sales belong to the segment that was on air when they came, or, where the product is told and its segment
ended less than `Window.seconds` ago, to that segment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from avatar_engine.kpis.night import Bought, Night, Question, Spoken, Stay

MOST_PRODUCTS = 200
"""Products that were bought and are told apart, besides those of the script."""


@dataclass(frozen=True, slots=True)
class Window:
    """How clicks and sales are laid at something's door.

    Attributes:
        seconds: How long after its end something is still held to have brought them.
        delay: Seconds from the moment something goes out to that at which viewers see it.
    """

    seconds: float = 60.0
    delay: float = 0.0


@dataclass(slots=True)
class Figures:
    """What was counted of something; of viewers None where no source told them.

    Attributes:
        name: Of what: a night, a segment, a product.
        times: How often it was on air.
        cards: How often its card came on the picture; told of products alone.
        lines: Things said.
        speech: Seconds of speech.
        voices: Seconds in which somebody else spoke in the show's place (`avatar_engine.live.microphone`).
        seconds: Seconds on air.
        start, end: Viewers when it began and ended, the mean of all times.
        mean, peak: Viewers while it was on air.
        viewer_minutes: Viewers times minutes.
        messages: Of the chat.
        asking: Messages that asked something.
        answered: Questions that were answered; one that many asked is one.
        unanswered: The others by their reasons.
        responses: Seconds from each question to the first sample of its answer.
        clicks, sales: How many.
        revenue: By currency, where it is told.
    """

    name: str
    times: int = 0
    cards: int = 0
    lines: int = 0
    speech: float = 0.0
    voices: float = 0.0
    seconds: float = 0.0
    start: float | None = None
    end: float | None = None
    mean: float | None = None
    peak: float | None = None
    viewer_minutes: float | None = None
    messages: float = 0.0
    asking: float = 0.0
    answered: int = 0
    unanswered: Counter[str] = field(default_factory=Counter)
    responses: list[float] = field(default_factory=list)
    clicks: float = 0.0
    sales: float = 0.0
    revenue: Counter[str] = field(default_factory=Counter)

    @property
    def chosen(self) -> int:
        """Questions that were chosen, or waited too long."""
        return self.answered + self.unanswered.total()

    @property
    def shown(self) -> bool:
        """Whether it was on air, spoken of or on the picture."""
        return bool(self.times or self.lines or self.cards)

    def response(self, share: float) -> float | None:
        """The response time that so many per cent of all keep to; None where nothing was answered."""
        return float(np.percentile(self.responses, share)) if self.responses else None

    def rate(self, figure: float) -> float | None:
        """So many for a thousand viewer-minutes."""
        return 1000.0 * figure / self.viewer_minutes if self.viewer_minutes else None


@dataclass(frozen=True, slots=True)
class Counted:
    """One night, or all of them, counted.

    Attributes:
        night: The whole.
        segments, products: Its parts.
        greets: How often newcomers were welcomed.
        sorts: Messages by what became of them.
        waiting: Questions that still waited at the end.
    """

    night: Figures
    segments: tuple[Figures, ...]
    products: tuple[Figures, ...]
    greets: int
    sorts: Counter[str]
    waiting: int


def counted(night: Night, window: Window = Window()) -> Counted:
    """The key figures of one night."""
    owners = [owner(night, one, window) for one in night.bought]
    sold = Counter(one.product for one in night.bought).most_common(MOST_PRODUCTS)
    named = [*(stay.product for stay in night.stays), *night.cards, *(product for product, _ in sold)]
    products = dict.fromkeys(named)
    products.pop("", None)
    whole = _figures(night.name, night, [Stay("", "", night.start, night.end)])
    _say(whole, night.spoken)
    _ask(whole, night.questions)
    if night.lost:
        whole.unanswered["waited too long"] += night.lost
    _sell(whole, night.bought)
    return Counted(
        whole,
        tuple(_segment(name, night, owners) for name in dict.fromkeys(one.segment for one in night.stays)),
        tuple(_product(name, night, owners) for name in products),
        night.greets,
        Counter(night.sorts),
        night.waiting,
    )


def pooled(nights: Sequence[Counted], name: str) -> Counted:
    """Several nights as one; viewers are those of all nights, weighed by time."""
    return Counted(
        _sum(name, [one.night for one in nights]),
        _by_name([part for one in nights for part in one.segments]),
        _by_name([part for one in nights for part in one.products]),
        sum(one.greets for one in nights),
        sum((one.sorts for one in nights), Counter()),
        sum(one.waiting for one in nights),
    )


def owner(night: Night, bought: Bought, window: Window) -> int | None:
    """Number of the stay to which clicks or sales belong; None before the first."""
    at = bought.at - window.delay
    last = bisect_right(night.stays, at, key=lambda stay: stay.start) - 1
    if last < 0:
        return None
    number = last
    while bought.product and number >= 0 and night.stays[number].end + window.seconds >= at:
        if night.stays[number].product == bought.product:
            return number
        number -= 1
    return last


def _segment(name: str, night: Night, owners: Sequence[int | None]) -> Figures:
    numbers = {number for number, stay in enumerate(night.stays) if stay.segment == name}
    figures = _figures(name, night, [night.stays[number] for number in sorted(numbers)])
    _say(figures, [one for one in night.spoken if one.stay in numbers])
    _ask(figures, [one for one in night.questions if one.stay in numbers])
    _sell(figures, [one for one, at in zip(night.bought, owners, strict=True) if at in numbers])
    return figures


def _product(name: str, night: Night, owners: Sequence[int | None]) -> Figures:
    figures = _figures(name, night, [stay for stay in night.stays if stay.product == name])
    figures.cards = night.cards.get(name, 0)
    _say(figures, [one for one in night.spoken if one.product == name])
    _ask(figures, [one for one in night.questions if one.product == name])
    about = (
        one.product or (night.stays[at].product if at is not None else "")
        for one, at in zip(night.bought, owners, strict=True)
    )
    _sell(figures, [one for one, product in zip(night.bought, about, strict=True) if product == name])
    return figures


def _figures(name: str, night: Night, stays: Sequence[Stay]) -> Figures:
    """Time, viewers and messages."""
    figures = Figures(name, len(stays), seconds=sum(stay.end - stay.start for stay in stays))
    figures.voices = sum(
        max(0.0, min(end, stay.end) - max(start, stay.start)) for start, end in night.voices for stay in stays
    )
    figures.messages = sum(night.messages.gained(stay.start, stay.end) for stay in stays)
    figures.asking = sum(night.asking.gained(stay.start, stay.end) for stay in stays)
    viewers = night.viewers
    if len(viewers.times) and stays:
        figures.viewer_minutes = sum(viewers.area(stay.start, stay.end) for stay in stays) / 60.0
        figures.start = sum(viewers.at(stay.start) for stay in stays) / len(stays)
        figures.end = sum(viewers.at(stay.end) for stay in stays) / len(stays)
        figures.mean = 60.0 * figures.viewer_minutes / figures.seconds if figures.seconds else figures.start
        figures.peak = max(viewers.peak(stay.start, stay.end) for stay in stays)
    return figures


def _say(figures: Figures, spoken: Sequence[Spoken]) -> None:
    figures.lines, figures.speech = len(spoken), sum(one.seconds for one in spoken)


def _ask(figures: Figures, questions: Iterable[Question]) -> None:
    for one in questions:
        if one.how == "answered":
            figures.answered += 1
        else:
            figures.unanswered[one.how] += 1
        if one.response is not None and one.response >= 0:
            figures.responses.append(one.response)


def _sell(figures: Figures, bought: Iterable[Bought]) -> None:
    for one in bought:
        if one.figure == "clicks":
            figures.clicks += one.count
        else:
            figures.sales += one.count
        if one.revenue is not None:
            figures.revenue[one.currency or "?"] += one.revenue  # type: ignore[assignment]


def _by_name(parts: Sequence[Figures]) -> tuple[Figures, ...]:
    names = dict.fromkeys(part.name for part in parts)
    return tuple(_sum(name, [part for part in parts if part.name == name]) for name in names)


def _sum(name: str, parts: Sequence[Figures]) -> Figures:
    whole = Figures(name)
    for part in parts:
        for figure in (
            "times",
            "cards",
            "lines",
            "speech",
            "voices",
            "seconds",
            "messages",
            "asking",
            "answered",
            "clicks",
            "sales",
        ):
            setattr(whole, figure, getattr(whole, figure) + getattr(part, figure))
        whole.unanswered.update(part.unanswered)
        whole.revenue.update(part.revenue)
        whole.responses += part.responses
    watched = [part for part in parts if part.viewer_minutes is not None and part.times]
    if watched:
        times = sum(part.times for part in watched)
        seconds = sum(part.seconds for part in watched)
        whole.viewer_minutes = sum(part.viewer_minutes or 0.0 for part in watched)
        whole.start = sum((part.start or 0.0) * part.times for part in watched) / times
        whole.end = sum((part.end or 0.0) * part.times for part in watched) / times
        whole.mean = 60.0 * whole.viewer_minutes / seconds if seconds else whole.start
        whole.peak = max(part.peak or 0.0 for part in watched)
    return whole
