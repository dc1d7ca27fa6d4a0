"""Where there is room: costs of shows and clone jobs against what a node has left; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHOW_CORES, SHOW_MB = 1.0, 1500.0
"""What a show of 1280 x 720 is taken to need on a machine whose capacity was never measured."""

CLONE_CORES, CLONE_MB = 2.0, 4000.0
"""What a fit is taken to need; it takes what it gets, so a smaller node carries one, too."""

ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Cost:
    """What a show or a fit takes of a node.

    Attributes:
        cores: Processor cores.
        memory_mb: Memory.
        card: Share of a graphics card.
        measured: Whether it comes from a capacity that was measured there.
    """

    cores: float
    memory_mb: float = 0.0
    card: float = 0.0
    measured: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the fleet, or what a cluster takes for one.

    Attributes:
        id: What tells it from others.
        name: What people call it.
        cores, memory_mb, cards: What shows may fill of it.
        alive: Whether the cluster counts on it.
        measured: Whether its capacity was measured.
        trouble: Why nothing can be started on it; "" where something can.
    """

    id: str
    name: str
    cores: float
    memory_mb: float
    cards: float = 0.0
    alive: bool = True
    measured: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Where something goes.

    Attributes:
        node: The node's id; "" where there is no room.
        why: Why not, node by node.
    """

    node: str = ""
    why: str = ""


def default_cost(kind: str, size: str = "") -> Cost:
    """What something is taken to need where nothing was measured."""
    if kind == "clone":
        return Cost(CLONE_CORES, CLONE_MB)
    width, _, height = (size or "1280x720").partition("x")
    share = int(width) * int(height) / (1280 * 720)
    return Cost(SHOW_CORES * (0.5 + 0.5 * share), SHOW_MB)


def choose(
    costs: Mapping[str, Cost],
    nodes: Sequence[Node],
    loads: Mapping[str, Sequence[Cost]],
    closed: Mapping[str, str],
    avoid: str = "",
) -> Choice:
    """The node with the most room left after it; one that is to be avoided only where no other has room.

    Args:
        costs: What it takes on each node, by the node's id.
        nodes: All of them.
        loads: What is on each.
        closed: Why nothing new goes to a node, by its id.
        avoid: Where it died last.
    """
    fits: list[tuple[bool, float, str]] = []
    told = []
    for node in nodes:
        cost = costs[node.id]
        if reason := _shut(node, closed):
            told.append(f"{node.name}: {reason}")
            continue
        if reason := _short(node, cost, loads.get(node.id, ())):
            told.append(f"{node.name}: {reason}")
            continue
        fits.append((node.id == avoid, -_left(node, cost, loads.get(node.id, ())), node.id))
    if fits:
        return Choice(min(fits)[2])
    return Choice("", "; ".join(told) or "there is no machine")


def capped(cost: Cost, node: Node) -> Cost:
    """What a fit takes of a node that has less than it would like."""
    return Cost(
        min(cost.cores, max(1.0, node.cores)), min(cost.memory_mb, node.memory_mb), cost.card, cost.measured
    )


def free(node: Node, load: Sequence[Cost]) -> tuple[float, float]:
    """Cores and MB that are left."""
    return (
        max(0.0, node.cores - sum(one.cores for one in load)),
        max(0.0, node.memory_mb - sum(one.memory_mb for one in load)),
    )


def _shut(node: Node, closed: Mapping[str, str]) -> str:
    return ("it does not answer" if not node.alive else "") or closed.get(node.id, "") or node.trouble


def _short(node: Node, cost: Cost, load: Sequence[Cost]) -> str:
    """What it lacks for this, in words."""
    cores, memory = free(node, load)
    if cost.cores > cores + ROUNDING:
        return f"{cost.cores:.2f} cores are needed, {cores:.2f} of {node.cores:.2f} are left"
    if cost.memory_mb > memory + ROUNDING:
        return f"{cost.memory_mb:.0f} MB are needed, {memory:.0f} of {node.memory_mb:.0f} are left"
    card = node.cards - sum(one.card for one in load)
    if cost.card > card + ROUNDING:
        return f"{cost.card:.0%} of a card are needed, {max(0.0, card):.0%} are left"
    return ""


def _left(node: Node, cost: Cost, load: Sequence[Cost]) -> float:
    cores, _ = free(node, load)
    return (cores - cost.cores) / max(node.cores, ROUNDING)
