"""`avatar-engine capacity`: measures this machine, and shows what it carries and what runs on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from avatar_engine import capacity as room
from avatar_engine.capacity.admission import POOLS, priced
from avatar_engine.capacity.model import STAGES, Capacity, Measured, summed
from avatar_engine.capacity.record import Kept, place
from avatar_engine.cli.words import frame_size
from avatar_engine.errors import AvatarError

console = Console(stderr=True)
out = Console()

EXAMPLES = (
    "**Examples**\n\n`avatar-engine capacity marie.avatar`\n\n"
    "`avatar-engine capacity marie.avatar --size 1280x720 --size 1920x1080 --json capacity.json`\n\n"
    "`avatar-engine capacity --quick`\n\n`avatar-engine capacity --show`"
)


def capacity(
    avatar: Annotated[
        Path | None,
        typer.Argument(
            metavar="[NAME.avatar]",
            help="The clone to measure with; the newest one here or in the studio when left out.",
        ),
    ] = None,
    size: Annotated[
        list[Any] | None,
        typer.Option(
            parser=frame_size,
            metavar="WxH",
            help="Size of the picture, 1280x720 by default; give several for more.",
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Reckon from one show alone, in a minute, and try no more at once."),
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Measure nothing: print what is known, and which seats are taken.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Measure although shows are on air; they may lose frames.")
    ] = False,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all figures to this file.")] = None,
) -> None:
    """How many hosts does this machine carry, and what limits it? Measured in a few minutes, then kept.

    First every part is measured by itself: encoders, then one whole show (voice, lips, stage, encoder, sending to a
    receiver on this machine). That tells how many shows there should be room for. Then so many are really on air at
    once, and one more, until frames come late or a voice runs dry: both numbers are told. A stop loses only the step
    it is in; the same command goes on within the hour. Keep the machine free meanwhile, or it measures what else runs.

    From then on `live` and the studio refuse a show that has no room, with what is short, how much is left and what
    to do; no show on air ever gets less. Where nothing was measured, nothing is refused. `live --seat force` goes on
    air all the same. Where `avatar-engine engine serve` runs, it is measured with it. `say` and `clone` take no seats:
    they yield to shows.
    """
    if show:
        out.print(told(room.look(), room.taken()))
        return
    from avatar_engine.cli.progress import Bars
    from avatar_engine.gauge import measure

    chosen = avatar or measure.find()
    if json and not json.absolute().parent.is_dir():
        raise AvatarError(f"There is no folder {json.absolute().parent}.", "Make it first.")
    console.print(f"Measuring with {chosen}.", highlight=False)
    with Bars(console) as progress:
        found = measure.measure(chosen, size or measure.SIZES, quick=quick, force=force, progress=progress)
    out.print(told(Kept(found), room.taken()))
    if json:
        json.write_text(found.model_dump_json(indent=1), encoding="utf-8")


def told(kept: Kept | None, taken: list[room.Seat]) -> RenderableType:
    """What is known of this machine, and which seats are taken."""
    if kept is None:
        lines: list[RenderableType] = [
            Text(
                "This machine was not measured yet, so no show is refused: avatar-engine capacity NAME.avatar"
            )
        ]
        return Group(*lines, *_seats(taken, None))
    found = kept.capacity
    known = None if kept.foreign else found
    parts: list[RenderableType] = [Text(kept.advice, style="yellow")] if kept.advice else []
    parts += [_machine(found), *(_size(one) for one in found.sizes), *_seats(taken, known)]
    parts.append(Text(f"Kept in {place()}.", style="dim"))
    return Group(*parts)


def _machine(found: Capacity) -> Table:
    facts = Table(show_header=False, box=None)
    machine, limits = found.machine, found.limits
    rows = [
        ("machine", f"{machine.cpu}, {machine.cores} cores, {machine.memory_mb / 1000:.1f} GB"),
        ("card", machine.card or "none"),
        ("measured", f"{found.measured} with {found.avatar}, engine {machine.engine}"),
        ("for shows", f"{limits.cores:.2f} cores, {limits.memory_mb / 1000:.1f} GB"),
    ]
    if limits.sessions != 0:
        rows.append(
            ("card's encoders", "no limit found" if limits.sessions is None else str(limits.sessions))
        )
    if found.shared:
        rows.append(("engine", "the render engine painted and spoke for the measured shows: let it run"))
    if found.others > 0.05:
        rows.append(
            ("beside it", f"other programs took {found.others:.2f} cores meanwhile: measure when it is quiet")
        )
    for what, value in rows:
        facts.add_row(f"[dim]{what}[/]", Text(value))
    return facts


def _size(one: Measured) -> Group:
    width, height = one.size
    if one.held is None:
        hosts = f"{one.predicted} reckoned, not tried"
    else:
        broke = f", {one.broke} too many" if one.broke else ""
        hosts = f"{one.held} (reckoned {one.predicted}; tried: {one.held} whole{broke})"
    table = Table(
        "shows", "late", "idle", "held", "dropped", "missing", "dry", "p99 step", "cores busy", "GB a show"
    )
    for trial in one.trials:
        table.add_row(
            str(trial.hosts), str(trial.late), str(trial.filled), str(trial.held), str(trial.dropped),
            str(trial.missing), f"{trial.starved:.0%}", f"{trial.step_ms:.0f} ms", f"{trial.busy:.2f}",
            f"{trial.memory_mb / 1000:.2f}",
        )  # fmt: skip
    stages = ", ".join(f"{STAGES.get(name, name)} {cores:.2f}" for name, cores in _ordered(one.cost.stages))
    return Group(
        Text(f"\n{width}x{height}: {hosts} hosts", style="bold"),
        Text(f"limited by {STAGES.get(one.limit, one.limit)}. {one.why}"),
        Text(f"cores of a show: {one.cost.cores:.2f} ({stages}), {one.cost.encoder}"),
        table,
    )


def _ordered(stages: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(stages.items(), key=lambda part: -part[1])


def _seats(taken: list[room.Seat], found: Capacity | None) -> list[RenderableType]:
    if not taken:
        return [Text("No seat is taken.")]
    table = Table("on air", "size", "encoder", "cores", "GB", "let in")
    for seat in taken:
        cost = priced(found, seat) if found else seat.cost
        table.add_row(
            Text(seat.show or "a show"), "{}x{}".format(*seat.demand.size), seat.encoder or "auto",
            f"{cost.cores:.2f}" if cost else "?", f"{cost.memory_mb / 1000:.2f}" if cost else "?",
            "by force" if seat.forced else "",
        )  # fmt: skip
    if found is None:
        return [table]
    used = summed([priced(found, seat) for seat in taken])
    left = found.limits.cores - used.cores
    return [table, Text(f"{max(0.0, left):.2f} of {found.limits.cores:.2f} {POOLS['processor']} are left.")]
