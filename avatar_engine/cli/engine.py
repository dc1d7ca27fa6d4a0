"""The verbs of the render engine: serve shows of this machine, and say how that goes."""

from __future__ import annotations

import json as jsons
import signal
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from avatar_engine.engine import wire
from avatar_engine.timing import clock

console = Console(stderr=True)
out = Console()

engine_app = typer.Typer(
    name="engine",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="One process that paints the mouths of all shows on this machine.",
)


@engine_app.command(
    "serve",
    epilog="**Examples**\n\n`avatar-engine engine serve`\n\n`avatar-engine engine serve --device cpu --threads 2`",
)
def serve(
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Pictures painted at the same time on processors; one a core."),
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            help="What paints: auto, onnx, tensorrt, or torch (many persons in one batch, for a card)."
        ),
    ] = "auto",
    voices: Annotated[
        bool | None,
        typer.Option(
            help="Make the shows' voices, too, in a process beside; on a card by default, and with AMX where OpenVINO "
            "is missing."
        ),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Pictures in one batch on a card at most; 128.")
    ] = None,
    precision: Annotated[
        str, typer.Option(help="What PyTorch computes in: auto (fp16 on a card), fp16, bf16 or fp32.")
    ] = "auto",
) -> None:
    """Paint for the shows of this user on this machine until Ctrl-C; they join as they start (`live --engine auto`).

    A show that can't reach the engine, or does not get its picture in time, paints it by itself and comes back later;
    with its voice it is the same.
    """
    from avatar_engine import device as devices
    from avatar_engine import inference
    from avatar_engine.engine import start
    from avatar_engine.engine.process import Engine
    from avatar_engine.voice.card import keeper

    chosen = devices.choose(device)
    paints = start.backend(chosen, backend, threads, batch, precision)
    engine, stop = Engine(paints), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    facts = paints.facts()
    console.print(
        f"Painting with {facts['backend']} on {facts['device']}, at {engine.path}.", highlight=False
    )
    spoken_on = devices.torch_device(chosen)  # a card that only ONNX Runtime can use makes no voices
    if voices is None:  # shows that compute in bf16 by themselves are quicker than PyTorch is for them
        voices = spoken_on == "cuda" or (chosen.amx and not inference.in_bf16(devices.choose("cpu")))
    with keeper.kept(spoken_on) if voices else nullcontext():
        engine.serve(stop)


@engine_app.command(
    "status", epilog="**Examples**\n\n`avatar-engine engine status`\n\n`avatar-engine engine status --json`"
)
def status(json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False) -> None:
    """How the engine of this machine does: shows, persons, batches, times, memory."""
    from avatar_engine.voice.card import line

    told = wire.status()
    if json:
        out.print_json(jsons.dumps(told))
        return
    out.print(_summary(told))
    if spoken := line.Line(line.door()).about():
        out.print(_voices(spoken), highlight=False)
    if told["shows"]:
        out.print(_shows(told["shows"]))


def _summary(told: Mapping[str, Any]) -> Table:
    table = Table(show_header=False, box=None)
    batches = {int(size): count for size, count in told["batches"].items()}
    painted = sum(size * count for size, count in batches.items())
    rows = {
        "running": f"{clock(told['seconds'])}, process {told['pid']}",
        "device": f"{told['device']} ({told['backend']}{', ' + told['provider'] if told.get('provider') else ''})",
        "shows": f"{len(told['shows'])} of {told['persons']} person(s)",
        "painted": f"{painted} pictures, {told['late']} late, {told['dropped']} shows dropped",
        "a batch": f"{painted / sum(batches.values()):.1f} pictures, at most {max(batches)}"
        if batches
        else "-",
        "memory": f"{told['memory_bytes'] / 1e6:.0f} MB",
    }
    for name, words in (("step", "a batch is painted in"), ("answer", "a show has its picture after")):
        if times := told["times"].get(name):
            rows[words] = f"{times['p50']:.1f} ms (P50), {times['p99']:.1f} ms (P99)"
    if "card_memory_bytes" in told:
        rows["memory of the card"] = f"{told['card_memory_bytes'] / 1e6:.0f} MB"
    if "way" in told:
        rows["way"] = str(told["way"])
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _voices(told: Mapping[str, Any]) -> str:
    return (
        f"Voices on {told['device']} ({told['type']}): {told['shows'] - 1} shows, {told['seconds']:.0f} s of sound in "
        f"{told['windows']} windows, {told['late']} late; busy {told['busy']:.0%}"
    )


def _shows(shows: list[Mapping[str, Any]]) -> Table:
    table = Table("show", "process", "person", "pictures", "late", "step ms", "answer ms", "longest ms")
    for show in shows:
        cells = ("name", "pid", "person", "asked", "late", "step", "answer", "worst")
        table.add_row(*(str(show[cell]) for cell in cells))
    return table
