"""How a run is started on a machine: its order, its files, and what may have happened when that failed."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.fleet import plan as plans
from avatar_engine.fleet.hand import CHUNK, FIT, Order, Piece
from avatar_engine.fleet.lease import Granted, clock
from avatar_engine.fleet.machines import Line
from avatar_engine.fleet.plan import ClonePlan, Plan, ShowPlan
from avatar_engine.fleet.record import Record

ANSWER, BEGIN, SEND = 60.0, 120.0, 60.0
"""Seconds that a machine has to answer at all, to start a run, and to take a part of a file."""

MOST_BESIDE = 5000
"""Files beside a script."""

_known: dict[tuple[str, int, int], str] = {}


class NotBegunError(Exception):
    """Nothing was started: what failed was before the order. The reason is for people."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is started, as it is here.

    Attributes:
        order: What the machine is told.
        sources: Where its files are here, by SHA-256.
        goals: Addresses with their keys.
    """

    order: Order
    sources: Mapping[str, Path]
    goals: tuple[str, ...]


def load(
    record: Record,
    fleet: str,
    program: Sequence[str],
    known: Mapping[str, str] = os.environ,
    hidden: tuple[str, ...] = (),
) -> Load:
    """All that is to be known for a record's next run.

    Args:
        record: With its new token.
        fleet: The fleet's id.
        program: What follows the interpreter; it reads its arguments from its standard input.
        known: Variables in which addresses are.
        hidden: Those that it does not get: what goes out gets its own addresses over its standard input.

    Raises:
        NotBegunError: A file or an address is not there.
    """
    try:
        goals = tuple(plans.address(goal, known) for goal in getattr(record.plan, "to", ()))
        pieces, sources = _pieces(record.plan)
    except AvatarError as error:
        raise NotBegunError(str(error)) from None
    except OSError as error:
        raise NotBegunError(f"{error.filename} can't be read: {error.strerror}.") from None
    if isinstance(record.plan, ShowPlan):
        script = next(piece for piece in pieces if piece.target == f"script/{record.plan.script.name}")
        same = record.script in ("", script.sha256)
        order = Order(
            fleet, record.name, record.token, "show", tuple(program), _words(record), tuple(pieces), script.target,
            record.place if same else 0, record.token > 1 and same and bool(record.place or record.aired), hidden,
        )  # fmt: skip
        record.script = script.sha256
        return Load(order, sources, goals)
    order = Order(
        fleet,
        record.name,
        record.token,
        "clone",
        tuple(program),
        _words(record),
        tuple(pieces),
        hidden=hidden,
    )
    return Load(order, sources, ())


def start(load: Load, line: Line, granted: Granted) -> None:
    """Send what is missing, and start; returns when it was started.

    Raises:
        NotBegunError: It was certainly not.
        Exception: Nobody knows; whatever may run has the lease that ``granted`` tells of.
    """
    try:
        line.ask("stamp").result(ANSWER)
        by_sum = {piece.sha256: piece for piece in load.order.pieces}
        asked = line.ask("missing", load.order.name, load.order.token, load.order.pieces)
        for missing in asked.result(ANSWER):
            _send(line, load.order.name, by_sum[missing], load.sources[missing])
        stamp = float(line.ask("stamp").result(ANSWER))
    except Exception as error:
        raise NotBegunError(_said(error)) from error
    until = granted.grant(stamp, clock())
    line.ask("begin", load.order, load.goals, until).result(BEGIN)


def fetch(line: Line, name: str, path: str, target: Path) -> int:
    """Bring a file of a task here, whole or not at all; its bytes.

    Raises:
        Exception: It did not come.
    """
    partial = target.with_name(f".{target.name}.partial")
    size = 0
    try:
        with partial.open("wb") as file:
            while data := line.ask("fetch", name, path, size).result(SEND):
                file.write(data)
                size += len(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return size


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "its machine does not answer"
    if isinstance(error, AvatarError):
        return str(error)
    return f"its machine could not take it ({type(error).__name__})"


def _send(line: Line, name: str, piece: Piece, source: Path) -> None:
    with source.open("rb") as file:
        offset = 0
        while data := file.read(CHUNK):
            line.ask("take", name, piece, offset, data).result(SEND)
            offset += len(data)
        if not piece.size:
            line.ask("take", name, piece, 0, b"").result(SEND)


def _words(record: Record) -> tuple[str, ...]:
    """The arguments of the command line, with paths seen from the task's files."""
    plan = record.plan
    if isinstance(plan, ClonePlan):
        return (
            "clone", f"video/{plan.video.name}", "-o", FIT, "--consent", f"consent/{plan.consent.name}",
            "--budget", f"{plan.budget:g}s", "--language", plan.language, "--keep-work",
        )  # fmt: skip
    words = ["live", f"avatar/{plan.avatar.name}", "--script", f"script/{plan.script.name}"]
    for option, value in (
        ("--size", plan.size), ("--layout", _beside(plan, plan.layout)),
        ("--background", _beside(plan, plan.background)), ("--look", plan.look), ("--use", plan.use),
        ("--permit", f"permit/{plan.permit.name}" if plan.permit else ""),
        ("--seed", str(plan.seed) if plan.seed else ""), ("--for", f"{math.ceil(record.left)}s" if record.left else ""),
    ):  # fmt: skip
        words += [option, value] if value else []
    return (*words, *(["--loop"] if plan.loop else []))


def _beside(plan: ShowPlan, value: str) -> str:
    """A layout or background that is among the files and folders beside the script, as the machine finds it."""
    inside = value and any(Path(value).is_relative_to(one) for one in plan.beside)
    return f"script/{value}" if inside else value


def _pieces(plan: Plan) -> tuple[list[Piece], dict[str, Path]]:
    pieces: list[Piece] = []
    sources: dict[str, Path] = {}

    def add(target: str, source: Path) -> None:
        if len(pieces) > MOST_BESIDE:
            raise AvatarError(
                f"There are more than {MOST_BESIDE} files for one show.", "Name fewer in beside."
            )
        piece = Piece(target, sha256(source), source.stat().st_size)
        pieces.append(piece)
        sources[piece.sha256] = source

    for field, source in plans.files_of(plan):
        if field != "beside":
            add(f"{field}/{source.name}", source)
    if isinstance(plan, ShowPlan):
        for one in plan.beside:
            root = plan.script.parent / one
            every = sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else [root]
            for path in every:
                add(f"script/{path.relative_to(plan.script.parent)}", path)
    return pieces, sources


def sha256(path: Path) -> str:
    """SHA-256 of a file, reckoned once as long as it is the same."""
    about = path.stat()
    mark = (str(path), about.st_size, about.st_mtime_ns)
    if mark not in _known:
        with path.open("rb") as file:
            _known[mark] = hashlib.file_digest(file, "sha256").hexdigest()
    return _known[mark]
