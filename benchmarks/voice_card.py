"""How much sound a second does one device make for many shows, beside the voice that a show has by itself?

    python benchmarks/voice_card.py [--device cuda] [--rows 1 --rows 32] [--seconds 2] [--json voice_card.json]

A row is a window of 2.5 s of another person's sentence, as a show asks for it in the middle of one (and, in the last
column, the first window of a sentence alone, whose time a viewer waits). "own" is that voice on one thread, in bf16
or int8 (`avatar_engine.inference`); the others are what the card's process runs. Agreement is the correlation of log
mel spectra with one's own.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import onnxruntime
import torch
import typer
from rich.console import Console
from rich.table import Table

from avatar_engine import __version__, inference
from avatar_engine import device as devices
from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.voice.card import person
from avatar_engine.voice.card.rows import Rows
from avatar_engine.voice.network import MARGIN, SAMPLES_PER_FEATURE, SOURCE_PER_FEATURE, Features, Network
from avatar_engine.voice.pack import VoicePack, stock_names
from avatar_engine.voice.phonemes import tokens
from avatar_engine.voice.pitch import mel_power

SAID = "ðə kwˈɪk bˈOt wˈɛnt dˈWn ðə ɹˈɪvəɹ, ænd nˈObˌAdi ˌɔn ðə bˈæŋk hæd sˈin wˌɛɹ ɪt kˈAm fɹʌm."
COLUMNS, FIRST, START = 200, 32, 20
SOURCE = SOURCE_PER_FEATURE


@dataclass(frozen=True)
class Line:
    """One line of the table: seconds of sound a second of time, milliseconds of a batch and of a first window."""

    what: str
    rows: int
    sound_a_second: float
    milliseconds: float
    first_milliseconds: float
    agreement: float


@dataclass(frozen=True)
class Person:
    """Somebody in the middle of a sentence."""

    features: Features
    generator: torch.Tensor
    own: Network


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "auto",
    rows: Annotated[list[int], typer.Option()] = [1, 2, 4, 8, 16, 32],  # noqa: B006 - typer copies it
    seconds: Annotated[float, typer.Option(help="measure each line at least this long")] = 2.0,
    threads: Annotated[int, typer.Option(help="of the processor")] = 1,
    output: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    torch.set_num_threads(threads)
    chosen = devices.choose(device)
    place = torch.device(devices.torch_device(chosen))
    people = _people(min(8, max(rows)))
    lines = [_own(people[0], seconds)]
    types = [torch.float16, torch.bfloat16] if place.type == "cuda" else [torch.float32, torch.bfloat16]
    for dtype in types:
        network = Rows(place, dtype)
        lines += [_shared(network, people, count, seconds) for count in rows]
    about = {
        "device": chosen.name if place.type == "cpu" else torch.cuda.get_device_name(),
        "threads": threads,
        "versions": {"avatar-engine": __version__, "torch": torch.__version__, "cuda": torch.version.cuda,
                     "onnxruntime": onnxruntime.__version__, "python": platform.python_version()},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    _show(lines, str(about["device"]))
    if output:
        output.write_text(json.dumps({**about, "lines": [asdict(line) for line in lines]}, indent=2))


def _people(count: int) -> list[Person]:
    out = []
    for name in stock_names()[:count]:
        pack = VoicePack.stock(name)
        own = Network(pack.style, None, pack.statistics)
        row = person.generator(pack.style, None, pack.statistics).row
        features = own.features(own.plan(tokens(SAID)))
        out.append(Person(features, torch.from_numpy(row), own))
    return out


def _part(one: Person, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    left, right = START - MARGIN, START + count + MARGIN
    features, source = one.features.features[0], one.features.source[0]
    return (torch.from_numpy(features[:, left:right]),
            torch.from_numpy(source[:, left * SOURCE : right * SOURCE + 1]))  # fmt: skip


def _timed(work: Callable[[], object], seconds: float) -> float:
    """Seconds of one call: the middle of as many as fit."""
    work()
    taken: list[float] = []
    begun = time.perf_counter()
    while len(taken) < 3 or time.perf_counter() - begun < seconds:
        at = time.perf_counter()
        work()
        taken.append(time.perf_counter() - at)
    return float(np.median(taken))


def _own(one: Person, seconds: float) -> Line:
    whole = _timed(lambda: one.own.window(one.features, START, START + COLUMNS), seconds)
    first = _timed(lambda: one.own.window(one.features, START, START + FIRST), seconds / 2)
    kind = "bf16" if inference.in_bf16(devices.choose("cpu")) else "int8"
    return Line(f"own, {kind}", 1, _sound(1) / whole, whole * 1e3, first * 1e3, 1.0)


def _shared(network: Rows, people: list[Person], count: int, seconds: float) -> Line:
    chosen = [people[n % len(people)] for n in range(count)]

    def made(of: list[Person], columns: int) -> FloatArray:
        parts = [_part(one, columns) for one in of]
        features, source = (torch.stack(part).to(network.device) for part in zip(*parts, strict=True))
        rows = torch.stack([one.generator for one in of])
        sound = network.sound(features, source, [columns + 2 * MARGIN] * len(of), rows)
        edge = MARGIN * SAMPLES_PER_FEATURE
        return np.asarray(sound.cpu().numpy()[:, edge:-edge])  # waits for the device, and counts the way back

    whole = _timed(lambda: made(chosen, COLUMNS), seconds)
    first = _timed(lambda: made(chosen[:1], FIRST), seconds / 2)
    wanted = chosen[-1].own.window(chosen[-1].features, START, START + COLUMNS)
    agreement = _alike(made(chosen, COLUMNS)[-1], wanted)
    kind = f"{network.device.type}, {str(network.dtype).removeprefix('torch.')}"
    return Line(kind, count, _sound(count) / whole, whole * 1e3, first * 1e3, agreement)


def _sound(rows: int) -> float:
    return rows * COLUMNS * SAMPLES_PER_FEATURE / SAMPLE_RATE


def _alike(a: FloatArray, b: FloatArray) -> float:
    return float(np.corrcoef(*[np.log(mel_power(sound) + 1e-4).ravel() for sound in (a, b)])[0, 1])


def _show(lines: list[Line], device: str) -> None:
    table = Table(title=f"Voices on {device}")
    for column in ("", "rows", "sound a second", "ms a batch", "ms a first window", "agreement"):
        table.add_column(column, justify="right" if column else "left")
    for line in lines:
        table.add_row(
            line.what, str(line.rows), f"{line.sound_a_second:.2f} s", f"{line.milliseconds:.0f}",
            f"{line.first_milliseconds:.0f}", f"{line.agreement:.4f}",
        )  # fmt: skip
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
