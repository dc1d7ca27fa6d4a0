"""What is known of every show and clone job, and what becomes of it: a state machine of plain values.

waiting ── placed ──► starting ── on air ──► running ── its end ──► ended
   ▲                     │                      │
   │   back-off          ├──────── its machine does not answer ──► silent
   ├─────────────────────┴─ it died ────────────┤                    │ the lease is over
   └──────────────────────────────────────────────────────────────────┘
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from avatar_engine.fleet.plan import ClonePlan, Plan, ShowPlan

State = Literal["waiting", "starting", "running", "silent", "ended", "stopped", "failed"]
HOLDS: tuple[State, ...] = ("starting", "running", "silent")
"""States in which a machine may run it."""

PER = 600.0
"""Seconds over which deaths are counted."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds of back-off after the first death, and at most."""

UNBORN = 2
"""Times that a show may fail before it was on air: once on another machine, if there is one. A fit that fails would do
so anywhere."""


NO_ROOM = "There is no room for this show"
"""How a machine's own refusal begins (`avatar_engine.capacity.admission`): others than this fleet are on air there."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a machine says of what it runs.

    Attributes:
        token: Which run.
        state: ``starting``, ``running``; ``ended`` as it should; ``failed`` by an error; ``cut off`` when its processes
            died; ``none`` where nothing is known of this run.
        place: See `avatar_engine.live.position.Position`.
        on_air: Seconds.
        error: Why it failed.
        ending: Why it ended before its time, where the consent did not allow more.
        told: A line for people about how it goes.
        figures: Some of its figures, for people.
        stamp: What the machine's clock showed when it was asked.
        journal: What came to the journal, or to the record of what was said.
    """

    token: int
    state: Literal["starting", "running", "ended", "failed", "cut off", "none"]
    place: int = 0
    on_air: float = 0.0
    error: str = ""
    ending: str = ""
    told: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    stamp: float = 0.0
    journal: bytes = b""


class Record(BaseModel):
    """A show or clone job, as it is kept on disk.

    Attributes:
        name: Its name.
        plan: What is to run.
        state: See the module.
        wanted: ``run``; ``move`` to another machine; ``stop``: end it; ``gone``: end it and forget it.
        why: The reason of its state, for people.
        node: Id of the machine that runs it, or ran it last.
        token: Number of its run; every start has a higher one.
        place, script: The place in the script that the next run goes on from, and the SHA-256 of that script.
        aired: Seconds on air of former runs.
        on_air: Of this one.
        since: When the state changed, seconds since 1970.
        not_before: When it may be started again.
        deaths: When it died lately.
        unborn: Times in a row that it failed before it was on air.
        refused: Times in a row that it was not let on air: no room on the machine itself, a file that is not there, or
            an input that it can't take. These are no deaths, and wait by themselves.
        restarts: Times that it was started again, in all.
        told: A line about how it goes.
    """

    model_config = ConfigDict(validate_assignment=False)
    name: str
    plan: ShowPlan | ClonePlan
    state: State = "waiting"
    wanted: Literal["run", "move", "stop", "gone"] = "run"
    why: str = ""
    node: str = ""
    token: int = 0
    place: int = 0
    script: str = ""
    aired: float = 0.0
    on_air: float = 0.0
    since: float = 0.0
    not_before: float = 0.0
    deaths: list[float] = []
    unborn: int = 0
    refused: int = 0
    restarts: int = 0
    told: str = ""

    @property
    def holds(self) -> bool:
        """Whether a machine may run it now."""
        return self.state in HOLDS

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in ("ended", "stopped", "failed")

    @property
    def left(self) -> float | None:
        """Seconds that it has left on air; None for no end."""
        length = self.plan.length if isinstance(self.plan, ShowPlan) else 0.0
        return max(0.0, length - self.aired) if length else None


def fresh(name: str, plan: Plan, now: float) -> Record:
    """Something that is to run."""
    begins = plan.begin.timestamp() if plan.begin else 0.0
    why = f"begins {plan.begin:%Y-%m-%d %H:%M %Z}" if plan.begin and begins > now else ""
    return Record(name=name, plan=plan, since=now, not_before=begins, why=why)


def due(record: Record, now: float) -> bool:
    """Whether it is to be started now."""
    return record.state == "waiting" and record.wanted == "run" and now >= record.not_before


def begun(record: Record, node: str, now: float) -> None:
    """It is about to be started on a machine: a new token, which must be on disk before anything is sent."""
    record.token += 1
    record.restarts += record.token > 1
    record.node, record.state, record.since, record.why, record.told = node, "starting", now, "", ""
    record.on_air = 0.0


def not_begun(record: Record, why: str, now: float) -> None:
    """It was certainly not started: nothing was sent that starts it."""
    _refused(record, why, now)


def heard(record: Record, report: Report, now: float, budget: int) -> None:
    """Its machine has answered."""
    if report.token != record.token:
        return
    if report.state in ("starting", "running"):
        # one that was on air ends, or another process takes its place
        goes_down = record.state == "running" and report.state == "starting"
        if record.state != report.state and not goes_down:
            record.state, record.since = report.state, now
            record.why = ""
        record.told = report.told
        record.on_air = report.on_air
        if report.state == "running":
            record.refused = 0
            record.place = report.place  # which a technician may have put back
        return
    record.on_air = max(record.on_air, report.on_air)
    _let_go(record)
    if report.state == "ended":
        if record.wanted == "move":
            record.state, record.since, record.wanted = "waiting", now, "run"
            record.why, record.not_before = "moves to another machine", now
        elif record.wanted == "run":
            record.state, record.since, record.why = "ended", now, report.ending
            record.place, record.aired = 0, 0.0
        else:
            record.state, record.since, record.why = "stopped", now, report.ending
        return
    if record.wanted in ("stop", "gone"):
        record.state, record.since, record.why = "stopped", now, report.error
        return
    record.wanted = "run"
    if report.error.startswith(NO_ROOM):
        _refused(record, report.error, now)
        return
    if report.state == "failed" and not report.on_air:
        record.unborn += 1
        if record.unborn >= UNBORN or record.plan.kind == "clone":
            record.state, record.since, record.why = "failed", now, report.error
            return
        _refused(record, report.error, now)
        return
    record.unborn = record.refused = 0
    why = report.error or "its processes died"
    record.deaths = [*(then for then in record.deaths if now - then < PER), now]
    if len(record.deaths) > budget:
        record.state, record.since = "failed", now
        record.why = f"{why}; it died {len(record.deaths)} times within {PER / 60:.0f} minutes"
        return
    _again(record, why, now, len(record.deaths))


def silent(record: Record, now: float) -> None:
    """Its machine does not answer."""
    if record.state != "silent":
        record.state, record.since = "silent", now
        record.why = "its machine does not answer; it may still be on air until its lease is over"


def lost(record: Record, now: float) -> None:
    """The lease is over: whatever its machine does, it is not on air. That is no fault of the show's own."""
    _let_go(record)
    record.state, record.since, record.not_before = "waiting", now, now
    record.why = "its machine was lost"
    if record.wanted == "move":
        record.wanted = "run"
    elif record.wanted != "run":
        record.state = "stopped"


def _refused(record: Record, why: str, now: float) -> None:
    """It was not let on air."""
    record.refused += 1
    _again(record, why, now, record.refused)


def _again(record: Record, why: str, now: float, times: int) -> None:
    """To be started again, after a while that grows with the times that this went wrong."""
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(times - 1, 32))
    record.state, record.since, record.why = "waiting", now, why
    record.not_before = now + wait * random.uniform(0.8, 1.2)


def _let_go(record: Record) -> None:
    record.aired, record.on_air = record.aired + record.on_air, 0.0
