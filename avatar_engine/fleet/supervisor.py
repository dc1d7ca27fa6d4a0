"""Keeps a fleet running: places what waits, asks every machine how its runs go, and starts elsewhere what was lost.

What must never happen is that two machines publish the same show. It can't, because of three rules:

1. A run has a token, and the token is on disk before the order leaves. There is one supervisor (a lock).
2. A show is started only when its last run is known to be over: its machine said so, or its lease is over
   (`avatar_engine.fleet.lease`). A supervisor that was started anew has granted nothing yet, but its predecessor may
   have up to its last moment: it reckons every lease from its own beginning.
3. A machine ends whatever ran of a task before it starts a newer run, and refuses an older one.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from avatar_engine.bundle import Bundle
from avatar_engine.errors import AvatarError
from avatar_engine.fleet import launch, ledger, record
from avatar_engine.fleet import plan as plans
from avatar_engine.fleet.facts import Facts
from avatar_engine.fleet.hand import FIT, StaleError
from avatar_engine.fleet.launch import NotBegunError
from avatar_engine.fleet.lease import Granted, clock
from avatar_engine.fleet.ledger import Ledger, Writer
from avatar_engine.fleet.machines import Line, Machines
from avatar_engine.fleet.placing import Choice, Cost, Node, choose, free
from avatar_engine.fleet.plan import ClonePlan, Plan, ShowPlan
from avatar_engine.fleet.record import Record, Report
from avatar_engine.fleet.work import Mirror
from avatar_engine.trust import consent as consents
from avatar_engine.trust.register import Register

log = logging.getLogger(__name__)

TICK = 0.25
"""Seconds between two looks at everything."""

BEAT = 1.0
"""Seconds between two questions to the machine of a run: position and journal are never older."""

SILENT = 4.0
"""Seconds without an answer after which a machine counts as silent."""

REACH = 3.0
"""Seconds between two tries to reach a machine anew."""

KEPT = 30.0
"""Seconds that the disk has to take what is known, before nothing is started."""

ANSWER = 5.0
"""Seconds that the disk has before who asked for a removal is answered all the same."""

CLEARED = 60.0
"""Seconds that a machine has to delete a task's files."""

STOPPING = 40.0
"""Seconds that a run has to end in order; then it is ended."""


class _Held:
    """What the supervisor has of a run that a machine may run: the line to it, and how long it was silent.

    Args:
        line: To its machine; None before it is reached.
        granted: Its lease.
    """

    def __init__(self, line: Line | None, granted: Granted) -> None:
        self.line, self.granted = line, granted
        self.starting: Future[None] | None = None
        self.beat: Future[Report] | None = None
        self.stamp: float | None = None  # the machine's clock, as it told it last
        self.heard = self.asked = self.reached = clock()
        self.stopping = 0.0  # since when it is to end
        self.trouble = ""  # what went wrong when it was started
        self.fetching: Future[None] | None = None
        self.mirror: Mirror | None = None


@dataclass(frozen=True, slots=True)
class _Clearing:
    """A machine that deletes a task's files: its line is closed when it has, not before.

    Attributes:
        line: To it.
        done: What it says.
        since: When it was asked.
    """

    line: Line
    done: Future[None]
    since: float


class Supervisor:
    """See the module. `tick` is called over and over; everything else may be called from other threads.

    Args:
        kept: What is to run, and what ran.
        machines: Where.
        program: What follows the interpreter to start a show or a fit.
        known: Variables in which outputs' addresses are.
        writer: Keeps what is known.
    """

    def __init__(
        self,
        kept: Ledger,
        machines: Machines,
        program: Sequence[str],
        known: Mapping[str, str] = os.environ,
        writer: Writer | None = None,
    ) -> None:
        self._writer = writer or Writer()
        self.kept, self._machines, self._program = kept, machines, tuple(program)
        self._known = dict(known)
        self._lock = threading.RLock()
        self._pool = ThreadPoolExecutor(16, "fleet")
        self._held: dict[str, _Held] = {}
        self._clearing: dict[str, _Clearing] = {}
        self._wrong: dict[str, str] = {}  # what failed at the last look, by name
        self._written, self._version = "", 0
        self._nodes: dict[str, tuple[Node, Facts]] = {}
        for one in kept.records.values():
            if one.holds:  # by a former supervisor; it is found again, or its lease must be over
                self._held[one.name] = _Held(None, self._grant())
                self._held[one.name].reached = 0.0

    # What happens by itself ---------------------------------------------------------------------------------------

    def tick(self) -> None:
        """See to everything once."""
        with self._lock:
            self._nodes = {node.id: (node, facts) for node, facts in self._machines.nodes()}
            for one in [*self.kept.records.values()]:
                if one.holds:
                    self._apart(one, self._tend)
            self._drain()
            for one in sorted(
                self.kept.records.values(), key=lambda one: (one.plan.kind == "clone", one.since)
            ):
                if record.due(one, time.time()) and not self.ending and one.name not in self._clearing:
                    self._apart(one, self._place)
            self._forget()
            self._cleared()
            self._write()

    def _apart(self, one: Record, look: Callable[[Record], None]) -> None:
        """Look at one of them; what fails there must not cost the others their leases."""
        try:
            look(one)
        except Exception as error:
            self._failed(one, error)
        else:
            self._wrong.pop(one.name, None)

    def _failed(self, one: Record, error: Exception) -> None:
        if self._wrong.get(one.name) != repr(error):  # once, not at every look
            log.exception("%s: a look at it failed", one.name)
        self._wrong[one.name] = repr(error)

    @property
    def ending(self) -> bool:
        """Whether all of it is to end."""
        return self.kept.ending

    @property
    def idle(self) -> bool:
        """Whether nothing runs, and no machine is about to delete what it has of a person."""
        with self._lock:
            return not any(one.holds for one in self.kept.records.values()) and not self._clearing

    def _grant(self) -> Granted:
        return Granted(self._machines.lease, clock())

    def _tend(self, one: Record) -> None:
        held, now = self._held[one.name], time.time()
        if held.starting is not None:
            if not held.starting.done():
                return
            self._started(one, held, held.starting)
            if not one.holds:
                return
        self._hear(one, held, now)
        if not one.holds:
            return
        if held.fetching is not None:
            self._fetched(one, held)
            return
        if one.wanted != "run":
            self._stop(one, held)
        elif one.state == "running" and one.node not in self.kept.drained:
            one.why = ""
        if clock() - held.heard > SILENT:
            record.silent(one, now)
        if one.state == "silent" and held.granted.over(clock()):
            log.warning("%s: %s is lost with its machine, and its lease is over", one.name, one.token)
            record.lost(one, now)
            self._let_go(one.name)
            return
        self._ask(one, held)

    def _started(self, one: Record, held: _Held, starting: Future[None]) -> None:
        """What came of an order to start."""
        held.starting, now = None, time.time()
        held.heard = clock()
        error = starting.exception()
        if error is None:
            return
        if isinstance(error, StaleError):
            one.token = max(one.token, error.newest)
            error = NotBegunError("a newer run was there")
        if isinstance(error, NotBegunError):
            log.warning("%s: not started: %s", one.name, error)
            record.not_begun(one, str(error), now)
            self._let_go(one.name)
            return
        held.trouble = f"it could not be started ({error})"
        log.warning("%s: nobody knows whether it was started (%s: %s)", one.name, type(error).__name__, error)

    def _hear(self, one: Record, held: _Held, now: float) -> None:
        """Take a machine's answer."""
        if held.beat is None or not held.beat.done():
            return
        beat, held.beat = held.beat, None
        error = beat.exception()
        if error is not None:
            log.info("%s: %s does not answer (%s)", one.name, one.node[:12], type(error).__name__)
            again = clock() - held.reached > REACH  # a worker that died is replaced at once
            self._hang_up(held)
            held.reached -= REACH if again else 0.0
            return
        report = beat.result()
        if report.state == "none" and math.isfinite(held.granted.lease) and not held.granted.over(clock()):
            return  # the order to start it may still be on its way
        held.stamp, held.heard = report.stamp, clock()
        if held.trouble and not report.error:
            report = replace(report, error=held.trouble)
        if report.journal:
            self._note(one, report.journal)
        if report.state == "ended" and isinstance(one.plan, ClonePlan) and one.wanted == "run":
            if held.fetching is None:
                held.fetching = self._pool.submit(_bring, held.line, one.name, one.plan.output)
            return
        before = one.state
        record.heard(one, report, now, self.kept.restarts)
        if one.state != before:
            log.info("%s (%d): %s%s", one.name, one.token, one.state, f": {one.why}" if one.why else "")
        if not one.holds:
            self._let_go(one.name)
            if one.state == "failed":
                self._clear(one)

    def _ask(self, one: Record, held: _Held) -> None:
        """Lengthen the lease and ask how it goes, once a second."""
        now = clock()
        if held.line is None:
            if now - held.reached < REACH or not self._alive(one.node):
                return
            held.reached = now
            held.line = self._machines.reach(one.node, one.name, self._cost_there(one))
        if held.beat is not None or now - held.asked < BEAT:
            return
        held.asked = now
        # a machine that is silent is granted nothing, or its lease would never be over
        fresh = held.stamp is not None and now - held.heard <= SILENT
        until = held.granted.grant(held.stamp, now) if held.stamp is not None and fresh else None
        held.beat = held.line.ask(
            "beat", self.kept.id, one.name, one.token, one.plan.kind, until, self._noted(one)
        )
        if isinstance(one.plan, ClonePlan):
            held.mirror = held.mirror or Mirror(one.name)
            held.mirror.look(held.line, self._pool)

    def _stop(self, one: Record, held: _Held) -> None:
        """See to it that a run ends: in order, or after a while at once."""
        if held.line is None:
            return
        if not held.stopping:
            held.stopping = clock()
            held.line.ask("stop", one.name, one.token)
        elif clock() - held.stopping > STOPPING:
            held.stopping = clock()
            held.line.ask("end", self.kept.id, one.name, one.token)

    def _fetched(self, one: Record, held: _Held) -> None:
        """A clone has come, or not."""
        assert held.fetching is not None  # noqa: S101 - asked for before
        if not held.fetching.done():
            return
        error, now = held.fetching.exception(), time.time()
        if error is None:
            report = Report(one.token, "ended")
        else:
            report = Report(one.token, "cut off", error=f"its result did not come ({error})")
        record.heard(one, report, now, self.kept.restarts)
        self._let_go(one.name)
        if one.over:
            self._clear(one)

    def _place(self, one: Record) -> None:
        """Start it where there is room."""
        now = time.time()
        if one.left == 0:
            one.state, one.since, one.why = "ended", now, ""
            return
        choice = self._choose(one.plan, avoid=one.node if one.deaths or one.refused else "")
        if not choice.node:
            one.why = f"no room: {choice.why}"
            return
        record.begun(one, choice.node, now)
        node, facts = self._nodes[choice.node]
        held = self._held[one.name] = _Held(None, self._grant())
        self._write()
        log.info(
            "%s (%d): started on %s%s",
            one.name,
            one.token,
            node.name,
            f", from {one.place}" if one.place else "",
        )
        held.line = self._machines.reach(choice.node, one.name, facts.cost(one.plan, node))
        held.starting = self._start(one, held)

    def _start(self, one: Record, held: _Held) -> Future[None]:
        return self._pool.submit(self._launch, one, held)

    def _launch(self, one: Record, held: _Held) -> None:
        """Start it, in a thread of its own: sums of large files take longer than a lease may wait."""
        assert held.line is not None  # noqa: S101 - it was reached
        with self._lock:
            copy, known = one.model_copy(), dict(self._known)
            hidden = tuple(self.kept.variables)
        load = launch.load(copy, self.kept.id, self._program, known, hidden)
        if load.order.kind == "clone":
            try:
                load = Mirror(load.order.name).added(load)
            except OSError as error:  # nothing was sent yet
                raise NotBegunError(f"{error.filename} can't be read: {error.strerror}.") from None
        with self._lock:
            one.script = copy.script
            version = self._write()
        if not self._writer.wait(version, KEPT):  # the token is on the disk before anything is sent
            raise NotBegunError("what the fleet knows can't be kept: its disk is full, or takes too long")
        launch.start(load, held.line, held.granted)

    def _choose(self, plan: Plan, avoid: str = "", but: str = "") -> Choice:
        """Where something has room; ``but`` is not counted as a load."""
        nodes = [node for node, _ in self._nodes.values()]
        costs = {node.id: facts.cost(plan, node) for node, facts in self._nodes.values()}
        closed = dict.fromkeys(self.kept.drained, "it is drained")
        return choose(costs, nodes, self._loads(but), closed, avoid)

    def _loads(self, but: str = "") -> dict[str, list[Cost]]:
        loads: dict[str, list[Cost]] = {}
        for one in self.kept.records.values():
            if one.holds and one.name != but:
                loads.setdefault(one.node, []).append(self._cost_there(one))
        return loads

    def _cost_there(self, one: Record) -> Cost:
        if one.node not in self._nodes:
            return Cost(0.0)
        node, facts = self._nodes[one.node]
        return facts.cost(one.plan, node)

    def _alive(self, node: str) -> bool:
        return node in self._nodes and self._nodes[node][0].alive

    def _drain(self) -> None:
        """What runs on drained machines moves, one after the other, where there is room for it elsewhere."""
        on = [one for one in self.kept.records.values() if one.holds and one.node in self.kept.drained]
        if any(one.wanted == "move" for one in on):
            return
        for one in on:
            if one.wanted != "run" or one.state == "starting":
                continue
            choice = self._choose(one.plan, but=one.name)
            if choice.node:
                one.wanted = "move"
                return
            one.why = f"its machine is drained, and there is no room elsewhere: {choice.why}"

    def _forget(self) -> None:
        """What was removed goes, but for its token: a machine that was away may remember it."""
        for one in [*self.kept.records.values()]:
            if one.wanted == "gone" and not one.holds:
                del self.kept.records[one.name]
                self.kept.tokens[one.name] = one.token
                self._clear(one)

    def _clear(self, one: Record) -> None:
        """Have the machine that ran it last delete its files, and delete what of a fit was copied here."""
        if isinstance(one.plan, ClonePlan):
            Mirror(one.name).forget()
        if not one.token or one.name in self._clearing:
            return
        if not self._alive(one.node):
            log.warning("%s: its machine does not answer, and keeps the files that it has of it", one.name)
            return
        try:
            line = self._machines.reach(one.node, one.name, Cost(0.0))
            done = line.ask("forget", one.name, one.token)
        except Exception:  # it has gone in this moment
            log.exception("%s: its machine can't be asked to delete its files", one.name)
            return
        self._clearing[one.name] = _Clearing(line, done, clock())

    def _cleared(self) -> None:
        """Let go of machines that have deleted what they were to."""
        for name, one in [*self._clearing.items()]:
            if not one.done.done() and clock() - one.since < CLEARED:
                continue
            if not one.done.done() or one.done.exception() is not None:
                log.warning("%s: its machine did not say that it has deleted its files", name)
            one.line.close()
            del self._clearing[name]

    def _hang_up(self, held: _Held) -> None:
        if held.line is not None:
            held.line.close()
        held.line, held.reached = None, clock()

    def _let_go(self, name: str) -> None:
        if held := self._held.pop(name, None):
            self._hang_up(held)

    def _write(self) -> int:
        """Have what is known kept; the version of it."""
        text = self.kept.model_dump_json()
        if text != self._written:
            self._written, self._version = text, self._writer.put(text)
        return self._version

    def _note(self, one: Record, piece: bytes) -> None:
        """Keep what a show wrote into its journal, in case its machine never comes back."""
        with suppress(OSError):
            path = journal_of(one)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists() and isinstance(one.plan, ShowPlan):
                self._pool.submit(_noted, one.plan.avatar, path)
            with path.open("ab") as file:
                file.write(piece)

    def _noted(self, one: Record) -> int:
        with suppress(OSError):
            return journal_of(one).stat().st_size
        return 0

    # What is asked of it ------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """All that is to be seen, as plain values, without a key."""
        with self._lock:
            loads = self._loads()
            return {
                "file": self.kept.file,
                "mode": self.kept.mode,
                "pid": os.getpid(),
                "began": self.kept.began,
                "ending": self.ending,
                "nodes": [self._node(node, loads.get(node.id, [])) for node, _ in self._nodes.values()],
                "tasks": [self._task(one) for one in self.kept.records.values()],
            }

    def _node(self, node: Node, load: list[Cost]) -> dict[str, Any]:
        cores, memory = free(node, load)
        drained = node.id in self.kept.drained
        state = "away" if not node.alive else "drained" if drained else node.trouble or "ready"
        return {
            "id": node.id, "name": node.name, "state": state, "cores": node.cores, "free_cores": cores,
            "memory_mb": node.memory_mb, "free_memory_mb": memory, "cards": node.cards, "measured": node.measured,
            "runs": sorted(one.name for one in self.kept.records.values() if one.holds and one.node == node.id),
        }  # fmt: skip

    def _task(self, one: Record) -> dict[str, Any]:
        held = self._held.get(one.name)
        silent = one.state == "silent" and held is not None
        node = self._nodes.get(one.node)
        return {
            "name": one.name, "kind": one.plan.kind, "state": one.state, "wanted": one.wanted, "why": one.why,
            "node": one.node if one.holds else "", "machine": node[0].name if node and one.holds else "",
            "token": one.token, "place": one.place, "on_air": one.aired + one.on_air, "restarts": one.restarts,
            "told": one.told, "since": one.since, "not_before": one.not_before,
            "to": list(one.plan.to) if isinstance(one.plan, ShowPlan) else [],
            "show": f"{one.name}.{one.token}" if one.plan.kind == "show" and one.token else "",
            "lease_left": held.granted.left(clock()) if silent and held else None,
        }  # fmt: skip

    def add(self, name: str, plan: Plan, addresses: Mapping[str, str]) -> str:
        """Run one more; what was done, in a sentence.

        Args:
            name: Its name.
            plan: What.
            addresses: Variables with addresses that this process may not have; they are kept in memory alone.

        Raises:
            AvatarError: It is there already, goes where another one goes, or there is no room.
        """
        with self._lock:
            old = self.kept.records.get(name)
            if old and not old.over:
                raise AvatarError(
                    f"There is {name} already ({old.state}).", "Remove it first, or choose another name."
                )
            taken = {
                goal: one.name
                for one in self.kept.records.values()
                if isinstance(one.plan, ShowPlan) and not one.over
                for goal in one.plan.to
            }
            for goal in plan.to if isinstance(plan, ShowPlan) else ():
                if goal in taken:
                    raise AvatarError(f"{taken[goal]} goes to {goal} already.", "A stream has one publisher.")
            now = time.time()
            one = record.fresh(name, plan, now)
            choice = self._choose(plan)
            if not choice.node and record.due(one, now) and plan.kind == "show":
                raise AvatarError(
                    f"There is no room for {name}: {choice.why}.", "End a show, or add a machine."
                )
            one.token = old.token if old else self.kept.tokens.pop(name, 0)
            self._known.update(addresses)
            self.kept.variables = sorted({*self.kept.variables, *plans.variables(plan)})
            self.kept.records[name] = one
            self._write()
        return f"{name} is added."

    def remove(self, name: str) -> str:
        """End it and forget it.

        Raises:
            AvatarError: There is none of this name.
        """
        with self._lock:
            one = self.kept.records.get(name)
            if one is None:
                known = ", ".join(self.kept.records) or "none"
                raise AvatarError(f"There is no {name!r} in the fleet.", f"There are: {known}.")
            one.wanted = "gone"
            self._forget()
            version = self._write()
        self._writer.wait(version, ANSWER)  # so that nobody who was told so finds it again
        return f"{name} ends." if one.holds else f"{name} is removed."

    def drain(self, node: str, back: bool = False) -> str:
        """Let nothing new go to a machine, and move what runs there; ``back`` takes it in again.

        Raises:
            AvatarError: There is no such machine.
        """
        with self._lock:
            found = [one for one, _ in self._nodes.values() if one.id.startswith(node) or one.name == node]
            if len(found) != 1:
                known = ", ".join(f"{one.name} ({one.id[:12]})" for one, _ in self._nodes.values())
                said = "There is no machine" if not found else "There are several machines"
                raise AvatarError(f"{said} {node!r}.", f"Machines: {known or 'none'}.")
            ident = found[0].id
            self.kept.drained = [one for one in self.kept.drained if one != ident] + ([] if back else [ident])
            return f"{found[0].name} {'takes shows again' if back else 'is drained: what runs there moves'}."

    def end(self) -> str:
        """End all that runs; the supervisor ends when it has."""
        with self._lock:
            self.kept.ending = True
            for one in self.kept.records.values():
                if one.holds and one.wanted != "gone":
                    one.wanted = "stop"
            count = sum(one.holds for one in self.kept.records.values())
        return f"{count} end." if count else "Nothing runs."

    def close(self) -> None:
        """Let go of all; what runs goes on."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._writer.close()
        self._machines.close()


def journal_of(one: Record) -> Path:
    """Where the journal of a run is kept beside the supervisor."""
    return ledger.place() / "journals" / f"{one.name}.{one.token}.jsonl"


def run(supervisor: Supervisor, stop: Callable[[], bool]) -> None:
    """Look until ``stop`` or until all that was to end has ended."""
    while not stop() and not (supervisor.ending and supervisor.idle):
        try:
            supervisor.tick()
        except Exception:  # a defect of ours must not leave shows without their leases
            log.exception("a look failed")
        time.sleep(TICK)
    with suppress(Exception):
        supervisor.tick()


def _noted(avatar: Path, journal: Path) -> None:
    """Note a copy of a journal with whose avatar speaks in it."""
    bundle = Bundle.open(avatar)
    Register(consents.from_record(bundle.consent, bundle.made)).note("journal", journal)


def _bring(line: Line | None, name: str, output: Path) -> None:
    """Bring a clone and its report to where the file says."""
    assert line is not None  # noqa: S101 - it has just answered
    fit = Path(FIT)
    kinds = {".report.html": "report", ".report.json": "report", ".avatar": "avatar"}
    for suffix in kinds:
        launch.fetch(line, name, str(fit.with_suffix(suffix)), output.with_suffix(suffix))
    bundle = Bundle.open(output)
    register = Register(consents.from_record(bundle.consent, bundle.made))
    for suffix, kind in kinds.items():
        register.note(kind, output.with_suffix(suffix), whole=True)
