"""What does a viewer lose when a machine dies on air, and how soon does the show go on elsewhere?

    python benchmarks/fleet.py marie.avatar --write docs/reliability.md

A clone's show runs on a Ray cluster of two nodes on this machine, each with a state folder of its own, and goes to
FFmpeg's RTMP server, which takes one publisher after the other and says when every packet came. Then

- the machine dies: all of Ray on its node, the show and its keepers are killed in one moment;
- it is cut off: Ray on its node is killed, and what is on air is left to itself until its lease is over;
- the show is killed: all its processes, and nothing else.

What was said is read from the records of what was said, on all nodes. Needs the extra ``fleet``.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import document
import psutil
import typer
from faults import receive
from rich.console import Console
from rich.table import Table

from avatar_engine import __version__, models
from avatar_engine.cli import takeover
from avatar_engine.fleet import keeper
from avatar_engine.fleet.ledger import Ledger
from avatar_engine.fleet.on_ray import Cluster
from avatar_engine.fleet.plan import Fleet, ShowPlan
from avatar_engine.fleet.supervisor import Supervisor, run

DIED, CUT_OFF, KILLED = "the machine dies", "the machine is cut off", "the show is killed"
FAULTS = (DIED, CUT_OFF, KILLED)

SOME = 3
"""Lines that are heard before a fault, and after it."""

LIMIT = 300.0
"""Seconds that anything may take."""
LINES = 400
BEGIN, END = "<!-- fleet: begin -->", "<!-- fleet: end -->"

console = Console()


@dataclass(frozen=True)
class Seen:
    """One fault, as the receiver saw it; seconds from the fault.

    Attributes:
        fault: A name of `FAULTS`.
        lease: Seconds of the lease.
        last: The last packet of the first connection.
        first: The first picture of the next one.
        speech: The first speech in that.
        moved: Whether it went on on another node.
        twice: Lines that were heard from both.
        lost: Lines between the first and the last that were heard from neither.
    """

    fault: str
    lease: float
    last: float
    first: float
    speech: float
    moved: bool
    twice: int
    lost: int


class Nodes:
    """A Ray cluster on this machine, whose nodes can be killed and replaced.

    Args:
        folder: Homes of the nodes go there.
    """

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster as Several

        self._folder, self._cluster = folder, Several()
        self._temp = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        self.homes: dict[str, Path] = {}
        self._nodes: dict[str, Any] = {}
        self.add(temp_dir=self._temp)
        self.add()
        self.address = str(self._cluster.address)

    def add(self, **more: Any) -> None:
        """One more."""
        home = self._folder / f"node{len(self.homes)}"
        home.mkdir()
        node = self._cluster.add_node(
            num_cpus=4, object_store_memory=80 << 20, include_dashboard=False,
            env_vars={
                "AVATAR_ENGINE_HOME": str(home), "XDG_RUNTIME_DIR": str(home),
                "AVATAR_ENGINE_MODELS": str(models.folder("kokoro").parent),
            }, **more,
        )  # fmt: skip
        self.homes[node.node_id], self._nodes[node.node_id] = home, node

    @property
    def head(self) -> str:
        """The node that can't be killed: the cluster's head is on it."""
        return next(iter(self.homes))

    def kill_ray(self, node: str) -> None:
        """Ray alone."""
        self._cluster.remove_node(self._nodes[node], allow_graceful=False)

    def kill_shows(self, node: str, keepers: bool) -> None:
        """All that is on air on a node, and, if asked, who keeps it."""
        for process in _of(self.homes[node], keepers):
            with suppress(psutil.Error):
                process.kill()

    def close(self) -> None:
        """End all of it."""
        self._cluster.shutdown()
        for home in self.homes.values():
            for told in home.glob("state/fleet/*/*/keeper.json"):
                keeper.end(told.parent, "none")
        shutil.rmtree(self._temp, ignore_errors=True)


def _of(home: Path, keepers: bool) -> list[psutil.Process]:
    """Processes of shows of a home; the first of each has written its title over its environment."""
    sessions = {json.loads(told.read_text())["session"] for told in home.glob("state/fleet/*/*/keeper.json")}
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            environ = process.environ()
            kept = keepers and keeper.MODULE in process.cmdline()
            mine = environ.get("AVATAR_ENGINE_HOME") == str(home) and (keeper.MARK in environ or kept)
            if mine or os.getsid(process.pid) in sessions - {0}:
                found.append(process)
    return found


class Receiver:
    """What comes at an RTMP server on this machine."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        ours, theirs = multiprocessing.Pipe(duplex=False)
        self._process = multiprocessing.Process(target=receive, args=(self.port, theirs), daemon=True)
        self._process.start()
        self.packets: list[tuple[float, int, bool, float, float]] = []
        threading.Thread(target=self._take, args=(ours,), daemon=True).start()

    def _take(self, line: Connection[Any, Any]) -> None:
        with suppress(EOFError, OSError):
            while True:
                self.packets.append(line.recv())

    def close(self) -> None:
        self._process.kill()


def main(
    avatar: Annotated[Path, typer.Argument(help="A clone.")],
    fault: Annotated[list[str] | None, typer.Option(help="Which; all by default.")] = None,
    lease: Annotated[float, typer.Option(help="Seconds.")] = 12.0,
    size: Annotated[str, typer.Option(help="Of the picture.")] = "1280x720",
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
) -> None:
    """Measure, and print a table."""
    folder = Path(tempfile.mkdtemp(prefix="fleet-"))
    os.environ["AVATAR_ENGINE_HOME"] = str(folder / "home")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    nodes, receiver = Nodes(folder), Receiver()
    try:
        seen = _measured(avatar, fault or FAULTS, lease, size, folder, nodes, receiver)
    finally:
        receiver.close()
        nodes.close()
        shutil.rmtree(folder, ignore_errors=True)
    _tell(seen, write, out)


def _measured(
    avatar: Path,
    faults: Sequence[str],
    lease: float,
    size: str,
    folder: Path,
    nodes: Nodes,
    receiver: Receiver,
) -> list[Seen]:
    script = folder / "show.md"
    lines = "\n\n".join(f"This is line number {n} of a long evening." for n in range(1, LINES))
    script.write_text(f"---\nlanguage: en\nuse: live-shopping\n---\n\n# One\n\n{lines}\n")
    plan = ShowPlan(avatar=avatar.absolute(), script=script, to=("env:SHOW",), size=size, cores=1.0)
    kept = Ledger.of(Fleet(mode="ray", lease=lease, restarts=100, show={"show": plan}), folder / "fleet.toml")
    kept.drained = [nodes.head]  # it begins on the other one
    machines = Cluster(nodes.address, lease, kept.id)
    supervisor = Supervisor(
        kept, machines, takeover.launch()[1:], {"SHOW": f"rtmp://127.0.0.1:{receiver.port}/live/show"}
    )
    ended = threading.Event()
    looking = threading.Thread(target=run, args=(supervisor, ended.is_set))
    looking.start()
    seen = []
    try:
        for fault in faults:
            begins = _task(supervisor)["place"]
            _await(partial(_spoken, supervisor, begins + SOME))
            kept.drained = []
            seen.append(_one(fault, lease, supervisor, nodes, receiver))
            console.print(str(seen[-1]))
            if fault != KILLED:  # the next one begins on a node that can be killed
                nodes.add()
                supervisor.drain(nodes.head)
                _await(
                    lambda: (
                        _task(supervisor)["node"] != nodes.head and _task(supervisor)["state"] == "running"
                    )
                )
    finally:
        supervisor.end()
        looking.join(60)
        ended.set()
        supervisor.close()
    return seen


def _one(fault: str, lease: float, supervisor: Supervisor, nodes: Nodes, receiver: Receiver) -> Seen:
    """Do one fault, and watch what comes of it."""
    before = _task(supervisor)
    node, connection = before["node"], receiver.packets[-1][1]
    if fault != KILLED:
        nodes.kill_ray(node)
    if fault != CUT_OFF:
        nodes.kill_shows(node, keepers=fault == DIED)
    then, known = time.monotonic(), len(receiver.packets)
    _await(lambda: any(one[1] > connection and one[2] for one in receiver.packets[known:]))
    _await(
        lambda: _task(supervisor)["token"] > before["token"] and _spoken(supervisor, before["place"] + SOME)
    )
    came = receiver.packets[known:]
    last = max((one[0] for one in receiver.packets if one[1] == connection), default=then)
    first = min(one[0] for one in came if one[1] > connection and one[2])
    twice, lost, spoke = _said(nodes)
    moved = _task(supervisor)["node"] != node
    return Seen(fault, lease, last - then, first - then, first - then + spoke, moved, twice, lost)


def _task(supervisor: Supervisor) -> dict[str, Any]:
    (one,) = supervisor.status()["tasks"]
    return dict(one)


def _spoken(supervisor: Supervisor, lines: int) -> bool:
    """Whether the show is on air, and so many lines of its script were heard whole."""
    one = _task(supervisor)
    return bool(one["state"] == "running" and one["place"] >= lines)


def _await(true: Any) -> None:
    deadline = time.monotonic() + LIMIT
    while not true():
        if time.monotonic() > deadline:
            raise typer.BadParameter("The show did not go on: see the log.")
        time.sleep(0.02)


def _said(nodes: Nodes) -> tuple[int, int, float]:
    """Lines that were heard in both of the last two runs, and in none of them though later ones were; and after how
    many seconds on air the second run spoke."""
    records = sorted(
        (path for home in nodes.homes.values() for path in home.glob("state/consents/*/said/*-live*.jsonl")),
        key=lambda path: path.name,
    )
    first, second = [_heard(path) for path in records if re.fullmatch(r"[^.]*\.jsonl", path.name)][-2:]
    every = {*first, *second}
    lost = set(range(min(every), max(every))) - every
    return len(first.keys() & second.keys()), len(lost), min(second.values())


def _heard(record: Path) -> dict[int, float]:
    """Numbers of the script's lines that went out in a run, and when they began, in seconds on air."""
    lines: dict[int, int] = {}
    heard: dict[int, float] = {}
    for text in record.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            told = json.loads(text)
            entry = told.get("entry", told)
            if entry.get("event") == "say" and (found := re.search(r"number (\d+)", entry["text"])):
                lines[int(entry["number"])] = int(found[1])
            elif entry.get("event") == "heard" and int(entry["number"]) in lines:
                heard.setdefault(lines[int(entry["number"])], float(entry["at"]))
    return heard


def _tell(seen: Sequence[Seen], write: Path | None, out: Path | None) -> None:
    import ray

    heads = (
        "fault",
        "last packet after",
        "next picture after",
        "next speech after",
        "where",
        "lines twice",
        "lost",
    )
    rows = [
        (
            one.fault, f"{one.last:.1f} s", f"{one.first:.1f} s", f"{one.speech:.1f} s",
            "another node" if one.moved else "the same node", str(one.twice), str(one.lost),
        )
        for one in seen
    ]  # fmt: skip
    table = Table(*heads)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    about = (
        f"Measured {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores ({platform.machine()}), load of the machine "
        f"{os.getloadavg()[0]:.1f}, avatar-engine {__version__}, Python {platform.python_version()}, Ray "
        f"{ray.__version__}, lease {seen[0].lease:g} s."
    )
    if write:
        text = [
            f"| {' | '.join(heads)} |",
            f"|{'---|' * len(heads)}",
            *(f"| {' | '.join(row)} |" for row in rows),
        ]
        document.put(write, BEGIN, END, "\n".join([about, "", *text]))
    if out:
        out.write_text(json.dumps({"about": about, "faults": [asdict(one) for one in seen]}, indent=1))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    typer.run(main)
