"""How many whole shows does this machine carry at once, and which stage is short?

    python benchmarks/hosts.py marie.avatar --hosts 1 --hosts 2 --hosts 3 --hosts 4 --json hosts.json
    python benchmarks/hosts.py marie.avatar --hosts 2 --engine --json hosts.json    # adds a row to what is there

Every show is the real one: voice with its checks, lips, stage, encoder, a sender to nginx-rtmp, which records each
stream; what is in the recordings is judged by its time stamps. The shows are watched from when all of them have
settled (`avatar_engine.gauge.onair`). Cores are CPU seconds for a second of show, of the mean show.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import av
import typer
from received import timing
from rich.console import Console
from rich.table import Table

from avatar_engine import __version__, inference
from avatar_engine.bundle import Bundle
from avatar_engine.capacity.model import STAGES, Size, Trial
from avatar_engine.cli.progress import Bars
from avatar_engine.contracts import Progress
from avatar_engine.device import cards, choose, cpu_features, cpu_name, usable_cores
from avatar_engine.errors import AvatarError
from avatar_engine.gauge import encoding, onair, script
from avatar_engine.gauge.measure import whole

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.servers import Nginx, has_nginx

SERVE = "from avatar_engine.cli.main import main; import sys; sys.argv = ['avatar-engine', 'engine', 'serve']; main()"

FULL = 0.9
"""Share of the cores from which on the processor counts as full."""


def row(
    avatar: Path, size: Size, hosts: int, seconds: float, encode: float, progress: Progress
) -> dict[str, Any]:
    """One number of shows, on air and received."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "rtmp").mkdir()
        said = folder / "show.md"
        script.write(said, Bundle.open(avatar))
        with Nginx(folder / "rtmp") as server:
            trial, looks = onair.on_air(
                avatar, said, size, hosts, seconds, encode_cores=encode, progress=progress,
                stage=f"{hosts} shows", address=lambda number: server.url(f"show{number}"),
            )  # fmt: skip
        kept = [server.recordings(f"show{number}") for number in range(hosts)]
        got = [timing(recordings[-1]) for recordings in kept if recordings]
    return {
        **trial.model_dump(),
        "whole": whole(trial),
        "lost": trial.lost,
        "encoder": looks[0].encoder,
        "received": [asdict(one) for one in got],
        "never_received": hosts - len(got),
        "limit": limit(trial),
    }


def limit(trial: Trial) -> str:
    """What is short, or would be next."""
    largest = max(trial.stages, key=lambda name: trial.stages[name])
    full = trial.busy / usable_cores()
    state = "full" if full >= FULL else "free"
    return f"processor {full:.0%} ({state}), most of it {STAGES[largest]}"


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """The rows for people."""
    shown = Table(
        "shows", "late", "idle/held", "dropped", "missing/repeated", "step P50/P99", "voice s/s", "dry", "cores busy",
        "cores a show", "GB a show", "short",
    )  # fmt: skip
    for one in rows:
        stages = ", ".join(
            f"{name} {cores:.2f}" for name, cores in sorted(one["stages"].items(), key=lambda part: -part[1])
        )
        got = one["received"]
        shown.add_row(
            f"{one['hosts']}{' with engine' * one['engine']}", str(one["late"]),
            f"{one['filled']}/{one['held']}", str(one["dropped"]),
            f"{sum(r['missing'] for r in got)}/{sum(r['repeated'] for r in got)}",
            f"{one['step_p50_ms']:.0f}/{one['step_ms']:.0f} ms", f"{one['pace']:.2f}", f"{one['starved']:.0%}",
            f"{one['busy']:.2f}",
            f"{sum(one['stages'].values()):.2f} ({stages})", f"{one['memory_mb'] / 1000:.2f}", one["limit"],
        )  # fmt: skip
    return shown


def about(avatar: Path, size: Size) -> dict[str, Any]:
    """The machine, what runs on it, and the day."""
    return {
        "machine": f"{cpu_name()}, {usable_cores()} cores ({', '.join(sorted(cpu_features() or ()))})",
        "card": cards()[0].name if cards() else "none",
        "versions": f"avatar-engine {__version__}, Python {platform.python_version()}, "
        f"{inference.computes(choose('cpu'))}, PyAV {av.__version__}",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "avatar": avatar.name,
        "size": list(size),
    }


@contextmanager
def served(wanted: bool) -> Iterator[None]:
    """The machine's engine runs meanwhile, if it is wanted."""
    if not wanted:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", SERVE], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while len(onair.helpers()) < (2 if "amx_bf16" in (cpu_features() or ()) or cards() else 1):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AvatarError("The engine does not start.", "Try: avatar-engine engine serve")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(30)


def main(
    avatar: Annotated[Path, typer.Argument(help="A clone.", exists=True)],
    hosts: Annotated[list[int], typer.Option(min=1, help="So many at once; give several.")] = [1, 2, 3, 4],  # noqa: B006
    seconds: Annotated[float, typer.Option(help="How long each number is watched.")] = 60.0,
    size: Annotated[str, typer.Option(help="Size of the shows.")] = "1280x720",
    engine: Annotated[
        bool, typer.Option("--engine", help="One process paints for all of them, another one speaks.")
    ] = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write the figures here; rows of other numbers there are kept."),
    ] = None,
) -> None:
    """Run shows at once and measure them."""
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if not match:
        raise typer.BadParameter(f"{size!r} is not a size; write 1280x720.")
    if not has_nginx():
        raise typer.BadParameter("nginx with its RTMP module is not installed")
    wanted = (int(match[1]), int(match[2]))
    console = Console(stderr=True)
    made: dict[str, Any] = about(avatar, wanted) | {"rows": []}
    if json_file and json_file.is_file():
        before = json.loads(json_file.read_text(encoding="utf-8"))
        made |= {name: before[name] for name in ("rows", "encode_cores")}
    try:
        with Bars(console) as bars:
            if "encode_cores" not in made:
                encodings, _ = encoding.measured(avatar, [wanted])
                known = [one.cores for one in encodings if one.encoder in ("h264_nvenc", "libx264")]
                made["encode_cores"] = known[0] if known else 0.0
            cores = made["encode_cores"]
            for count in hosts:
                with served(engine):
                    fresh = row(avatar, wanted, count, seconds, cores, bars) | {"engine": engine}
                kept = [one for one in made["rows"] if (one["hosts"], one["engine"]) != (count, engine)]
                made["rows"] = sorted([*kept, fresh], key=lambda one: (one["engine"], one["hosts"]))
                if json_file:
                    json_file.write_text(json.dumps(made, indent=1), encoding="utf-8")
    except AvatarError as error:
        console.print(f"[red]{error.what}[/]\n{error.advice}")
        raise typer.Exit(2) from None
    Console(width=200).print(table(made["rows"]))


if __name__ == "__main__":
    typer.run(main)
