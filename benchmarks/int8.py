"""What does a clone's painter lose in eight bits, and what does it win?

    python benchmarks/int8.py marie.avatar [-o marie-int8.avatar] [--pictures 48] [--json int8.json]

Pictures of the clone's own body with mouths of all kinds; ranges are learnt from every other one, and the rest is what
is compared. The first figures are levels of luma (0 to 255) by which the painted crop differs from that of the
network as fitted, all over the crop. ``-o`` writes the same clone with the painter in eight bits: whether it is still
the person is for benchmarks/likeness.py to say, before and after.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import onnxruntime as ort
import quantised
import typer

from avatar_engine import device as devices
from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.face.crop import Crop, extract
from avatar_engine.lips.model import PAINTER, LipsModel
from avatar_engine.lips.shape import draw
from avatar_engine.stage.body import Body

app = typer.Typer(add_completion=False)

APART = 7
"""Pictures from one that is looked at to the next."""


@app.command()
def main(
    avatar: Annotated[Path, typer.Argument(help="The clone.")],
    output: Annotated[Path | None, typer.Option("-o", help="Write the clone with this painter.")] = None,
    pictures: Annotated[int, typer.Option(min=2 * quantised.LEAST)] = 48,
    target: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    """Measure a clone's painter in eight bits."""
    cv2.setNumThreads(1)
    bundle, device = Bundle.open(avatar), devices.choose("cpu")
    lips = LipsModel.load(bundle)
    seen = _pictures(bundle, lips, pictures)
    made = quantised.int8(lips.painter, seen[::2])
    lost = quantised.loss(lips.painter, made, seen[1::2], device)
    times = {
        name: _milliseconds(net, seen, device) for name, net in (("as fitted", lips.painter), ("int8", made))
    }
    facts = {
        "device": device.name, "crop": lips.size, "loss": asdict(lost), "milliseconds": times,
        "bytes": {"as fitted": len(lips.painter), "int8": len(made)}, "onnxruntime": ort.__version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    print(
        f"{device.name}, crop {lips.size}: as fitted {times['as fitted']} ms, int8 {times['int8']} ms on one thread"
    )
    print(f"levels of luma: mean {lost.mean:.2f}, P99 {lost.p99:.0f}, most {lost.most:.0f}")
    if target:
        target.write_text(json.dumps(facts, indent=1))
    if output:
        with BundleWriter(output, bundle.name, bundle.made, bundle.consent) as writer:
            writer.add_parts(bundle, [PAINTER])
            writer.add_bytes(PAINTER, made)


def _pictures(bundle: Bundle, lips: LipsModel, count: int) -> list[dict[str, Any]]:
    """The painter's inputs on pictures of the body, with any mouths."""
    body, random, found = Body.load(bundle, lips.size), np.random.default_rng(0), []
    for number in range(count * APART):
        picture, matrix, _, _ = body.frame(number)
        if number % APART:
            continue
        crop = extract(picture, matrix, Crop.empty(lips.size))
        codes = random.normal(0, 1, (1, len(lips.neutral))).astype(np.float32)
        shapes = draw(lips.basis.shape(codes)[0], np.empty((3, lips.size, lips.size), np.uint8))
        feeds = {"luma": crop.luma[None, None], "chroma": crop.chroma[None], "shapes": shapes[None]}
        found.append({name: part.copy() for name, part in feeds.items()} | {"coefficients": codes})
    body.close()
    return found


def _milliseconds(network: bytes, pictures: list[dict[str, Any]], device: devices.Device) -> float:
    """Processor time of one picture: the fastest fifth's."""
    session, spent = devices.onnx_session(network, device, 1), []
    for feeds in [*pictures, *pictures]:
        began = time.process_time()
        session.run(None, feeds)
        spent.append(time.process_time() - began)
    return round(1e3 * float(np.percentile(spent[5:], 20)), 2)


if __name__ == "__main__":
    app()
