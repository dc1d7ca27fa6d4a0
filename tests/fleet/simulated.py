"""A fleet in no time: machines with clocks of their own, messages that come late or never, and a supervisor among them.

Every machine behaves as `avatar_engine.fleet.hand` and its keepers do; the supervisor is the real one.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from avatar_engine.fleet import launch, supervisor
from avatar_engine.fleet.facts import Facts
from avatar_engine.fleet.hand import Order, StaleError
from avatar_engine.fleet.keeper import LOOK
from avatar_engine.fleet.ledger import Ledger, Writer
from avatar_engine.fleet.machines import Line
from avatar_engine.fleet.placing import Cost, Node
from avatar_engine.fleet.plan import Fleet, ShowPlan
from avatar_engine.fleet.record import Record, Report
from avatar_engine.fleet.supervisor import Supervisor

STEP = 0.25
LEASE = 12.0


class Machine:
    """One machine: what runs on it, and until when by its own clock."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.rate, self.offset = world.dice.uniform(0.93, 1.07), world.dice.uniform(0, 1e6)
        self.up, self.reachable = True, True
        self.token: dict[str, int] = {}
        self.until: dict[str, float] = {}
        self.began: dict[str, float] = {}
        self.lives: dict[str, bool] = {}
        self.forgotten: list[tuple[str, int]] = []

    @property
    def clock(self) -> float:
        return self.offset + self.rate * self.world.now

    def publishes(self, task: str) -> bool:
        """Whether it sends: until its keeper has looked, and killed."""
        return self.up and self.lives.get(task, False) and self.clock < self.until[task] + 2 * LOOK

    def die(self) -> None:
        self.up = False

    def boot(self) -> None:
        self.up, self.lives = True, {}

    def call(self, method: str, *arguments: Any) -> Any:
        return getattr(self, f"do_{method}")(*arguments)

    def do_begin(self, order: Order, goals: Sequence[str], until: float) -> None:
        newest = self.token.get(order.name, 0)
        if newest >= order.token or self.clock >= until:
            raise StaleError(newest)
        self.token[order.name], self.until[order.name] = order.token, until
        self.lives[order.name], self.began[order.name] = True, self.world.now

    def do_beat(
        self, fleet: str, name: str, token: int, kind: str, until: float | None, journal: int
    ) -> Report:
        if self.token.get(name) != token:
            return Report(token, "none", stamp=self.clock)
        if self.clock >= self.until[name]:
            self.lives[name] = False
        elif until is not None:
            self.until[name] = until
        if not self.lives.get(name):
            return Report(token, "cut off", stamp=self.clock)
        seconds = self.world.now - self.began[name]
        return Report(token, "running", int(seconds), seconds, stamp=self.clock)

    def do_stop(self, name: str, token: int) -> None:
        if self.token.get(name) == token:
            self.lives[name] = False

    def do_stamp(self) -> float:
        return self.clock

    def do_forget(self, name: str, token: int) -> None:
        self.forgotten.append((name, token))

    do_end = do_stop


class SimulatedLine:
    """Messages to a machine, and back: each may take long, or be lost."""

    def __init__(self, world: World, machine: Machine) -> None:
        self._world, self._machine = world, machine

    def ask(self, method: str, *arguments: Any) -> Future[Any]:
        world, machine, future = self._world, self._machine, Future[Any]()

        def arrive() -> None:
            if not (machine.up and machine.reachable):
                return world.later(world.dice.uniform(0, 30), lambda: _fail(future, ConnectionError()))
            try:
                result = machine.call(method, *arguments)
            except StaleError as error:
                stale = error
                return world.later(world.delay(), lambda: _fail(future, stale))
            return world.later(world.delay(), lambda: _give(future, result, machine))

        world.later(world.delay(), arrive)
        if world.slow and world.dice.random() < 0.2:
            world.later(world.delay(), lambda: _fail(future, ConnectionError()))
        return future

    def close(self) -> None:
        pass


def _give(future: Future[Any], result: Any, machine: Machine) -> None:
    if future.done():
        return
    if machine.reachable and machine.up:
        future.set_result(result)
    else:
        future.set_exception(ConnectionError())


def _fail(future: Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


class World:
    """Time, machines and messages.

    Args:
        seed: Of everything that is by chance.
        tasks: How many shows.
    """

    lease = LEASE

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seed: int, tasks: int = 2, machines: int = 3) -> None:
        random.seed(seed)  # the supervisor's own chance
        self.dice, self.now = random.Random(seed), 1e6
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self.slow = False  # some messages take long, or are said to be lost and come all the same
        self.blind = False  # the cluster takes every machine for a living one
        self.machines = {name: Machine(self, name) for name in "abcdef"[:machines]}
        self.saved = ""
        monkeypatch.setattr(supervisor, "clock", lambda: self.now)
        monkeypatch.setattr(supervisor, "time", SimpleNamespace(time=lambda: self.now, sleep=lambda s: None))
        plan = ShowPlan(avatar=Path("a"), script=Path("b"), to=("env:A",))
        fleet = Fleet(
            mode="ray",
            restarts=100,
            show={f"show{n}": plan.model_copy(update={"to": (f"env:A{n}",)}) for n in range(tasks)},
        )
        kept = Ledger.of(fleet, Path("fleet.toml"))
        for one in kept.records.values():
            one.since = one.not_before = 0.0
        self.saved = kept.model_dump_json()
        self.supervisor: Supervisor | None = None
        self.begin()

    def begin(self) -> None:
        """A supervisor begins, with what its predecessor has written."""
        self.supervisor = _Simulated(
            Ledger.model_validate_json(self.saved), self, ["program"], {}, _Kept(self)
        )
        self.supervisor.world = self

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + seconds, next(self._count), act))

    def delay(self) -> float:
        if self.slow and self.dice.random() < 0.3:
            return self.dice.uniform(0, 40)
        return self.dice.uniform(0, 0.2)

    def pass_(self, seconds: float, check: Callable[[], None] = lambda: None) -> None:
        """Let time go by; ``check`` is called at every step."""
        end = self.now + seconds
        while self.now < end:
            self.now += STEP
            while self._queue and self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()
            if self.supervisor:
                self.supervisor.tick()
            check()

    def publishers(self, task: str) -> list[str]:
        return [name for name, machine in self.machines.items() if machine.publishes(task)]

    @property
    def tasks(self) -> list[str]:
        return list(Ledger.model_validate_json(self.saved).records)

    # as `avatar_engine.fleet.machines.Machines`

    def nodes(self) -> Sequence[tuple[Node, Facts]]:
        facts = Facts("m", "0", 2.0, 8000.0)
        return [
            (Node(name, name, 2.0, 8000.0, alive=self.blind or (one.up and one.reachable)), facts)
            for name, one in self.machines.items()
        ]

    def reach(self, node: str, task: str, cost: Cost) -> Line:
        return SimulatedLine(self, self.machines[node])

    def close(self) -> None:
        pass


class _Kept(Writer):
    """A disk that takes no time."""

    def __init__(self, world: World) -> None:
        self._world = world

    def put(self, text: str) -> int:
        self._world.saved = text
        return 1

    def wait(self, version: int, limit: float) -> bool:
        return True

    def close(self) -> None:
        pass


class _Simulated(Supervisor):
    world: World

    def _failed(self, one: Any, error: Exception) -> None:
        raise error

    def _start(self, one: Record, held: Any) -> Future[None]:
        """As `launch.start`: ask the machine's clock, grant, and order; without threads."""
        future, began, load = Future[None](), self.world.now, _load(one, self.kept.id)
        written = Ledger.model_validate_json(self.world.saved).records[load.order.name]
        assert written.token == load.order.token, "an order leaves before its token is kept"

        def stamped(answer: Future[Any]) -> None:
            if answer.exception() or self is not self.world.supervisor:
                return future.set_exception(launch.NotBegunError("away"))
            if self.world.now - began > launch.ANSWER:
                return future.set_exception(launch.NotBegunError("late"))
            until = held.granted.grant(answer.result(), self.world.now)
            ordered = held.line.ask("begin", load.order, (), until)
            ordered.add_done_callback(
                lambda done: (
                    future.set_exception(done.exception()) if done.exception() else future.set_result(None)
                )
            )
            return None

        held.line.ask("stamp").add_done_callback(stamped)
        return future


def _load(record: Record, fleet: str) -> Any:
    return SimpleNamespace(
        order=Order(fleet, record.name, record.token, "show", (), (), (), place=record.place)
    )
