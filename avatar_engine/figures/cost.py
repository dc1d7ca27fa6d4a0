"""What a show costs: energy from the machine's own counters, or an estimate that says so; and money.

No library that asks a server where the machine stands: prices are the user's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from avatar_engine.errors import AvatarError
from avatar_engine.figures.cards import CardUse

POWERCAP = Path("/sys/class/powercap")

CORE_WATTS = 10.0
"""Watts that a busy core is taken for where nothing can be measured: between a server's (5) and a desktop's (15)."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What energy and the machine cost, in one currency.

    Attributes:
        kwh: A kilowatt hour; None when not told.
        hour: An hour of the machine; None when not told.
        core_watts: Watts of a busy core, for the estimate.

    Raises:
        AvatarError: One is negative or no number.
    """

    kwh: float | None = None
    hour: float | None = None
    core_watts: float = CORE_WATTS

    def __post_init__(self) -> None:
        for what, value in (
            ("--price-kwh", self.kwh),
            ("--price-hour", self.hour),
            ("--core-watts", self.core_watts),
        ):
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise AvatarError(f"{what} is {value}.", "Give a number from 0.")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a show has cost so far.

    Attributes:
        energy_wh: Watt hours.
        watts: Mean power.
        measured: Whether all of it comes from counters.
        how: Where the energy comes from, for people.
        money: In the currency of the prices; None without a price.
        per_hour: Money an hour on air; None without a price.
    """

    energy_wh: float
    watts: float
    measured: bool
    how: str
    money: float | None = None
    per_hour: float | None = None


class Rapl:
    """The processor's energy counters under Linux (Intel's and AMD's RAPL), packages and memory; they wrap.

    Args:
        root: The folder of the counters.
    """

    def __init__(self, root: Path = POWERCAP) -> None:
        self._domains: list[tuple[Path, int]] = []
        self._last: dict[Path, int] = {}
        for folder in sorted(root.glob("intel-rapl:*")):
            try:
                name = (folder / "name").read_text(encoding="ascii").strip()
                if name.startswith("package") or name == "dram":
                    largest = int((folder / "max_energy_range_uj").read_text(encoding="ascii"))
                    counter = folder / "energy_uj"
                    self._last[counter] = int(counter.read_text(encoding="ascii"))
                    self._domains.append((counter, largest))
            except (OSError, ValueError):
                continue  # Linux shows them to root alone, since one can listen in on secrets by them

    @property
    def readable(self) -> bool:
        """Whether there is any."""
        return bool(self._domains)

    def joules(self) -> float:
        """What the processors used since the last call; 0 where a counter has gone."""
        used = 0
        for counter, largest in self._domains:
            try:
                now = int(counter.read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue
            used += (now - self._last[counter]) % (largest + 1)
            self._last[counter] = now
        return used / 1e6


def busy_seconds() -> float:
    """CPU seconds that all cores of the machine were busy since it started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


@dataclass(slots=True)
class Meter:
    """Adds up the energy of a show, look by look.

    Attributes:
        prices: What it costs.
        rapl: The processor's counters.
    """

    prices: Prices
    rapl: Rapl = field(default_factory=Rapl)
    _cpu: float = 0.0
    _busy: float = field(default_factory=busy_seconds)
    _processor: float = 0.0
    _card: float = 0.0
    _cards: dict[int, float] = field(default_factory=dict)

    def look(self, cpu_seconds: float, cards: Mapping[int, CardUse], on_air: float) -> Cost:
        """The cost so far.

        Args:
            cpu_seconds: Of all the show's processes since their start.
            cards: What they hold of the cards.
            on_air: Seconds on air.
        """
        more, self._cpu = max(0.0, cpu_seconds - self._cpu), cpu_seconds
        busy, before = busy_seconds(), self._busy
        self._busy = busy
        if self.rapl.readable:
            # a machine's energy is shared by who keeps its cores busy
            self._processor += self.rapl.joules() * min(1.0, more / max(busy - before, more, 1e-9))
        else:
            self._processor += more * self.prices.core_watts
        for index, card in cards.items():
            if card.joules is not None:
                self._card += max(0.0, card.joules - self._cards.get(index, card.joules))
                self._cards[index] = card.joules
        return self._cost(on_air)

    def _cost(self, on_air: float) -> Cost:
        energy, hours = (self._processor + self._card) / 3600, on_air / 3600
        prices = self.prices
        money = None
        if prices.kwh is not None or prices.hour is not None:
            money = energy / 1000 * (prices.kwh or 0.0) + hours * (prices.hour or 0.0)
        return Cost(
            energy_wh=energy,
            watts=energy / hours if hours else 0.0,
            measured=self.rapl.readable,
            how=self._how(),
            money=money,
            per_hour=money / hours if money is not None and hours else None,
        )

    def _how(self) -> str:
        processor = (
            "processor and memory measured (RAPL), the show's share by CPU time"
            if self.rapl.readable
            else f"estimate: {self.prices.core_watts:g} W for every core that the show keeps busy, "
            "nothing for the rest of the machine"
        )
        return processor + ("; graphics card measured (NVML), the whole card" if self._cards else "")
