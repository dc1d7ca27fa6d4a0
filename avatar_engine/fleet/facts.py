"""What one machine tells of itself: what it has, and what was measured that it carries."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from avatar_engine import __version__, capacity, device
from avatar_engine.capacity import Capacity, Demand, machine
from avatar_engine.fleet.placing import Cost, Node, capped, default_cost
from avatar_engine.fleet.plan import Plan, ShowPlan

_MB = 1_000_000

LEAST_CARD = 0.01
"""Share of a card that everything gets on a machine that has one: a cluster hides the card from who reserves none."""

USUAL = (1280, 720)
"""Size of a show whose plan leaves it to its layout."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A machine.

    Attributes:
        name: Its host's name.
        engine: The engine's version on it.
        cores, memory_mb: What programs may use.
        cards: Graphics cards.
        capacity: What was measured of it; None for nothing.
    """

    name: str
    engine: str
    cores: float
    memory_mb: float
    cards: int = 0
    capacity: Capacity | None = None

    def node(self, ident: str, name: str, *, alive: bool = True, cores: float | None = None) -> Node:
        """The machine as a place for shows.

        Args:
            ident, name: See `Node`.
            alive: See `Node`.
            cores: What a cluster lends of it; all when None.
        """
        limits = self.capacity.limits if self.capacity else None
        most = limits.cores if limits else self.cores
        memory = limits.memory_mb if limits else self.memory_mb
        other = "" if self.engine == __version__ else f"it has engine {self.engine}, this is {__version__}"
        lent = most if cores is None else min(cores, most)
        return Node(ident, name, lent, memory, float(self.cards), alive, limits is not None, other)

    def cost(self, plan: Plan, node: Node) -> Cost:
        """What something takes on this machine: as it was measured there, or a guess."""
        cost = default_cost(plan.kind, plan.size if isinstance(plan, ShowPlan) else "")
        if isinstance(plan, ShowPlan) and self.capacity:
            width, _, height = plan.size.partition("x")
            known = capacity.cost_of(
                self.capacity, Demand(size=(int(width), int(height)) if plan.size else USUAL)
            )
            cost = Cost(known.cores, known.memory_mb, max(known.card, known.nvenc), measured=True)
        elif plan.kind == "clone":
            cost = capped(cost, node)
        card = max(cost.card, LEAST_CARD) if node.cards else 0.0
        return Cost(
            cost.cores if plan.cores is None else plan.cores,
            cost.memory_mb,
            card if plan.card is None else plan.card,
            cost.measured,
        )


def here() -> Facts:
    """This machine, as this process may use it: in a container its limits."""
    quota = device.cgroup_quota()
    cores = float(device.usable_cores())
    return Facts(
        socket.gethostname(), __version__, min(cores, quota) if quota else cores,
        machine.memory_limit() / _MB, len(device.cards()), capacity.kept(),
    )  # fmt: skip
