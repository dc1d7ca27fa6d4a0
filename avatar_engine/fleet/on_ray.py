"""The machines of a Ray cluster: a small actor for every show and fit, which reserves its share and holds a `Hand`.

Nothing that is on air is in Ray: the actor starts a keeper, which leaves Ray's processes. An actor that dies, or a
worker, or all of Ray on a machine, ends nothing by itself; the supervisor makes a new actor, which finds what runs.
When the machine can't be reached any more, the show's lease is over.

Ray's usage statistics and its dashboard are off.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from avatar_engine.errors import AvatarError
from avatar_engine.fleet import facts
from avatar_engine.fleet.facts import Facts
from avatar_engine.fleet.hand import Hand
from avatar_engine.fleet.placing import Cost, Node

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.setdefault("RAY_DEDUP_LOGS", "0")

try:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError:  # told when somebody asks for a cluster
    ray = None

log = logging.getLogger(__name__)

NAMESPACE = "avatar-engine"

LOOK = 1.0
"""Seconds between two looks at the cluster's machines."""

ASK_AGAIN = 600.0
"""Seconds after which a machine is asked again what it has."""

CONNECT = 10.0
"""Seconds within which a cluster's head takes a connection."""


class RayLine:
    """A line to one machine's actor.

    Args:
        node: The machine.
        name: Of the actor.
        cost: What it reserves.
    """

    def __init__(self, node: str, name: str, cost: Cost) -> None:
        self._actor = ray.remote(Hand).options(
            num_cpus=round(cost.cores, 3), num_gpus=round(cost.card, 3), max_restarts=0, name=name,
            namespace=NAMESPACE, max_concurrency=4,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        ).remote()  # fmt: skip

    def ask(self, method: str, *arguments: Any) -> Future[Any]:
        asked: Future[Any] = getattr(self._actor, method).remote(*arguments).future()
        answer: Future[Any] = Future()
        asked.add_done_callback(lambda done: _pass_on(done, answer))
        return answer

    def close(self) -> None:
        with suppress(Exception):
            ray.kill(self._actor, no_restart=True)


class Cluster:
    """All machines of a Ray cluster.

    Args:
        address: Of its head; ``auto`` for the cluster of this machine.
        lease: Seconds.
        fleet: Id of the fleet.

    Raises:
        AvatarError: Ray is not installed, or there is no cluster.
    """

    def __init__(self, address: str, lease: float, fleet: str) -> None:
        if ray is None:
            raise AvatarError("Ray is not installed.", "Install it: pip install 'avatar-engine[fleet]'")
        self.lease, self._fleet = lease, fleet
        try:
            _see(address)  # Ray itself would try for minutes
            ray.init(
                address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR,
                configure_logging=False, ignore_reinit_error=True,
            )  # fmt: skip
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise AvatarError(
                f"There is no Ray cluster at {address} ({str(error).splitlines()[0][:200]}).",
                "Start one (ray start --head), and name its address in the fleet's file.",
            ) from None
        self._told: dict[str, tuple[Facts, float]] = {}
        self._asked: dict[str, Future[Any]] = {}
        self._nodes: list[tuple[Node, Facts]] = []
        self._ended = threading.Event()
        self._look()
        self._thread = threading.Thread(target=self._watch, name="cluster", daemon=True)
        self._thread.start()

    def nodes(self) -> Sequence[tuple[Node, Facts]]:
        return self._nodes

    def reach(self, node: str, task: str, cost: Cost) -> RayLine:
        # the name tells it in Ray's own tools; two of the same name can't be, so it has the moment in it, too
        return RayLine(node, f"{task}.{self._fleet}.{time.monotonic_ns()}", cost)

    def close(self) -> None:
        self._ended.set()
        self._thread.join(2 * LOOK)
        ray.shutdown()

    def _watch(self) -> None:
        """Look at the cluster over and over, in a thread of its own: its head may take long to answer."""
        while not self._ended.wait(LOOK):
            try:
                self._look()
            except Exception as error:
                log.warning("the cluster can't be looked at (%s)", type(error).__name__)

    def _look(self) -> None:
        found = []
        for told in ray.nodes():
            ident, alive = str(told["NodeID"]), bool(told["Alive"])
            known = self._known(ident) if alive else self._told.get(ident, (None, 0.0))[0]
            if known is None:
                continue
            lent = float(told.get("Resources", {}).get("CPU", 0.0)) if alive else known.cores
            if lent > 0:
                found.append((known.node(ident, _name(told), alive=alive, cores=lent), known))
        self._nodes = found

    def _known(self, ident: str) -> Facts | None:
        """What a machine has told of itself; asked for where that is not known or old."""
        known, at = self._told.get(ident, (None, 0.0))
        asked = self._asked.get(ident)
        if asked is not None and asked.done():
            del self._asked[ident]
            with suppress(Exception):
                known, at = asked.result(), time.monotonic()
                self._told[ident] = known, at
        elif asked is None and (known is None or time.monotonic() - at > ASK_AGAIN):
            task = ray.remote(facts.here).options(
                num_cpus=0,
                max_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(ident, soft=False),
            )
            self._asked[ident] = task.remote().future()
        return known


def _pass_on(asked: Future[Any], answer: Future[Any]) -> None:
    """Give an answer on; an error of the hand's as the hand raised it, without the one that Ray puts around it."""
    error = asked.exception()
    if error is None:
        answer.set_result(asked.result())
    elif isinstance(error, ray.exceptions.RayTaskError) and isinstance(error.cause, Exception):
        answer.set_exception(error.cause)
    else:
        answer.set_exception(error)


def _see(address: str) -> None:
    """See that somebody listens at a cluster's address.

    Raises:
        OSError: Nobody does.
        ValueError: It is no address.
    """
    if address != "auto":
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), CONNECT).close()


def _name(told: dict[str, Any]) -> str:
    """What people call a machine: its host, or the name that it was given in the cluster."""
    given = str(told.get("NodeName") or "")
    return (
        given if given and given != told.get("NodeManagerAddress") else str(told.get("NodeManagerHostname"))
    )


__all__ = ["Cluster", "RayLine"]
