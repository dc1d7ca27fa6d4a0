"""How right is the matte, beside a coarse mask and a guided filter, where the true alpha is known?

    python benchmarks/matte.py --write docs/measurements-stage.md --pictures docs/pictures

The drawn presenter (`scripts/portrait`), with flying hairs added, moves before a textured wall and before a plain one;
noise and an H.264 encoder come between, as a camera brings them. The true alpha is what is left of the wall: the same
picture painted before black and before white (Smith and Blinn 1996).

SAD: sum of absolute differences, in thousands a picture. Gradient: sum of squared differences of the derivatives of a
Gaussian (sigma 1.4), in thousands a picture (Rhemann et al. 2009). Flicker: dtSSD, the root mean square of the error's
change from picture to picture, in hundredths (Erofeev et al. 2015). Colour: PSNR of the presenter put before green:
what halo there is counts here. All of it within some pixels of where the true alpha is neither none nor all.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import cv2
import document
import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

from portrait.figure import Face, Painter

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.device import cpu_name, usable_cores
from avatar_engine.face.person import SelfieSegmenter
from avatar_engine.media.read import frames
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import cutout
from avatar_engine.stage.matte import guided
from avatar_engine.stage.plate import colours

BEGIN, END = "<!-- matte: written by benchmarks/matte.py -->", "<!-- /matte -->"
SIZE = 1280, 720
REACH = 24
"""Pixels round those of a true alpha that is neither none nor all in which everything is measured."""

GREEN = np.array([40, 180, 60], np.float32)


@dataclass(frozen=True, slots=True)
class Score:
    """Means over the pictures; see the module."""

    sad: float
    gradient: float
    flicker: float
    colour: float


def hairs(painter: Painter, count: int = 260, seed: int = 11) -> None:
    """Add single hairs that stand off the head to the layer behind it."""
    rng, layer, scale = np.random.default_rng(seed), painter.back, painter.fine
    for _ in range(count):
        angle = rng.uniform(-0.15, 1.15) * np.pi
        root = np.array([150 * np.cos(angle), -40 - 150 * np.sin(angle)])
        out = np.array([np.cos(angle), -np.sin(angle)])
        side, length = np.array([out[1], -out[0]]) * rng.normal(0, 1), rng.uniform(25, 75)
        at = np.linspace(0, 1, 24)[:, None]
        line = root + length * at * out + 0.5 * length * at**2 * side
        pixels = (line - np.array([-235.0, -250.0])) * scale
        tone = rng.uniform(0.6, 1.5)
        red, green, blue = (int(min(255, tone * c)) for c in (84, 46, 30))
        points = np.round(pixels * 16).astype(np.int32)
        cv2.polylines(layer, [points], False, (red, green, blue, 255), 1, cv2.LINE_AA, 4)


def wall(kind: str) -> ByteArray:
    """RGB (720, 1280, 3)."""
    width, height = SIZE
    x, y = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
    if kind == "plain":
        shade = 0.75 + 0.25 * x - 0.15 * y
        return np.asarray(np.round(shade[..., None] * (150, 165, 180)), np.uint8)
    rng = np.random.default_rng(3)
    rough = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), 6)
    tiles = 25 * (((x * 24).astype(int) + (y * 14).astype(int)) % 2)[..., None]
    return np.asarray(np.clip((120, 105, 95) + 110 * rough + tiles, 0, 255), np.uint8)


def acted(count: int) -> list[Face]:
    """A head that sways as a speaker's does, and now and then nods."""
    made = []
    for index in range(count):
        at = index / 25
        made.append(
            Face(
                shift=(9 * np.sin(1.7 * at) + 4 * np.sin(4.1 * at), 4 * np.sin(2.3 * at)),
                roll=2.5 * np.sin(1.3 * at + 1),
                yaw=5 * np.sin(0.9 * at),
                pitch=3 * np.sin(2.9 * at),
                breath=0.5 + 0.5 * np.sin(1.5 * at),
                grain=index,
            )
        )
    return made


def film(painter: Painter, kind: str, faces: list[Face], path: Path) -> tuple[ByteArray, ByteArray]:
    """Write the clip; the true alpha uint8 (n, h, w), and the presenter before green, RGB (n, h, w, 3)."""
    grain, studio = painter.grain, painter.studio
    blank = [np.full_like(grain[0], 16)] * len(grain)
    alphas, before = [], []
    with VideoWriter(path, *SIZE, sound=False, crf=18, preset="fast", threads=1) as writer:
        for face in faces:
            painter.studio, painter.grain = wall(kind), grain
            writer.picture(painter.draw(face), "rgb24")
            painter.grain = blank
            seen = []
            for tone in (0, 255):
                painter.studio = np.full_like(studio, tone)
                seen.append(painter.draw(face).astype(np.float32))
            alpha = np.clip(1 - (seen[1] - seen[0]).mean(2) / 255, 0, 1)
            alphas.append(np.rint(255 * alpha).astype(np.uint8))
            before.append(np.clip(seen[0] + (1 - alpha[..., None]) * GREEN, 0, 255).astype(np.uint8))
    painter.studio, painter.grain = studio, grain
    return np.stack(alphas), np.stack(before)


def coarse(path: Path) -> FloatArray:
    """The network's masks, made as large as the pictures."""
    segmenter = SelfieSegmenter()
    seen = frames(path, format="rgb24")
    made = [cv2.resize(segmenter.mask(one), SIZE, interpolation=cv2.INTER_LINEAR) for one in seen]
    segmenter.close()
    return np.stack(made)


def score(alphas: FloatArray, shown: list[FloatArray], truth: ByteArray, before: ByteArray) -> Score:
    """Of estimated alphas and of the pictures before green, RGB."""
    sums: list[tuple[float, float, float]] = []
    changes, last = [], None
    for alpha, picture, true, right in zip(alphas, shown, truth, before, strict=True):
        real = true.astype(np.float32) / 255
        partial = ((true > 0) & (true < 255)).astype(np.uint8)
        band = cv2.dilate(partial, np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)).astype(bool)
        wrong = alpha - real
        slopes = [_slope(each) for each in (alpha, real)]
        squared = np.square(picture - right.astype(np.float32))[band].mean()
        sums.append(
            (np.abs(wrong)[band].sum() / 1e3, np.square(slopes[0] - slopes[1])[band].sum() / 1e3, squared)
        )
        if last is not None:
            changes.append(float(np.square(wrong - last)[band].mean()))
        last = wrong
    sad, gradient, squared = np.mean(sums, 0)
    return Score(
        float(sad),
        float(gradient),
        100 * float(np.sqrt(np.mean(changes))),
        float(10 * np.log10(255**2 / squared)),
    )


def _slope(plane: FloatArray) -> FloatArray:
    soft = cv2.GaussianBlur(plane, (0, 0), 1.4)
    return np.hypot(
        cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=1 / 8)
    )


def rgb(picture: ByteArray) -> FloatArray:
    """I420 as float32 RGB."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_YUV2RGB_I420), np.float32)


def over_green(picture: FloatArray, alpha: FloatArray) -> FloatArray:
    """A picture's own colours before green, as whoever has no others puts them."""
    return picture * alpha[..., None] + (1 - alpha[..., None]) * GREEN


def measure(kind: str, painter: Painter, count: int, pictures: Path | None) -> tuple[dict[str, Score], float]:
    """The scores of the coarse mask, a guided filter and the engine's matte; its seconds a picture."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        truth, before = film(painter, kind, acted(count), clip)
        seen = list(frames(clip, format="yuv420p"))
        masks = coarse(clip)
        radius = round(0.012 * SIZE[1])
        led = np.stack(
            [
                np.clip(guided(colours(one)[..., 0], mask, radius, 25.0), 0, 1)
                for one, mask in zip(seen, masks, strict=True)
            ]
        )
        began = time.process_time()
        baked = cutout.bake([clip], Path(folder) / "work")
        spent = (time.process_time() - began) / count
        cuts = [cutout.parted(picture) for picture in frames(baked.video, format="yuv420p")]
        ours = np.asarray(np.stack([alpha for _, alpha in cuts]) / 255, np.float32)
        plain = [rgb(one) for one in seen]
        found = {}
        for name, alphas, own in (
            ("coarse mask", masks, plain),
            ("guided filter", led, plain),
            ("matte", ours, None),
        ):
            source = own or [rgb(colour) for colour, _ in cuts]
            shown = [over_green(one, alpha) for one, alpha in zip(source, alphas, strict=True)]
            found[name] = score(alphas, shown, truth, before)
            if pictures:
                _keep(pictures / f"matte-{kind}-{name.replace(' ', '-')}.png", shown[count // 2])
        if pictures:
            _keep(pictures / f"matte-{kind}-truth.png", before[count // 2].astype(np.float32))
            _keep(pictures / f"matte-{kind}-filmed.png", plain[count // 2])
    return found, spent


def _keep(path: Path, picture: FloatArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(picture.astype(np.uint8), cv2.COLOR_RGB2BGR))


def main(
    count: Annotated[int, typer.Option("--frames", min=10)] = 50,
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
    pictures: Annotated[Path | None, typer.Option(help="Keep one picture of each here.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures to this JSON file.")] = None,
) -> None:
    """Measure the matte on pictures whose alpha is known."""
    cv2.setNumThreads(1)
    painter = Painter(*SIZE)
    hairs(painter)
    lines = [
        "| before | method | SAD | gradient | flicker | colour, dB |",
        "|---|---|---|---|---|---|",
    ]
    figures, costs = {}, []
    for kind in ("plain", "textured"):
        found, spent = measure(kind, painter, count, pictures)
        costs.append(spent)
        figures[kind] = {name: asdict(one) for name, one in found.items()}
        lines += [
            f"| a {kind} wall | {name} | {one.sad:.2f} | {one.gradient:.2f} | {one.flicker:.2f} | {one.colour:.1f} |"
            for name, one in found.items()
        ]
    when = datetime.now(UTC).date().isoformat()
    text = "\n".join(
        [
            *lines,
            "",
            f"{count} pictures of {SIZE[0]}x{SIZE[1]}; {1e3 * np.mean(costs):.0f} ms of CPU a picture, coarse masks "
            f"and encoder with it. {cpu_name()}, {usable_cores()} cores, {when}.",
        ]
    )
    print(text)
    if out:
        out.write_text(
            json.dumps({"date": when, "cpu": cpu_name(), "scores": figures, "seconds": costs}, indent=1)
        )
    if write:
        document.put(write, BEGIN, END, text)


if __name__ == "__main__":
    typer.run(main)
