"""Train the ears that every fit of a person's lips starts from, on people whose footage may be used for it.

    python scripts/train_base_motion.py FOLDER -o models/lips-motion.safetensors

FOLDER holds a folder for each person, with that person's clips (25 pictures a second, one take each). Shapes of all
are put into one basis; each person's takes are put in step with their sound first. Tracks are kept in the working
folder, so that a second run goes on. About ten minutes for five minutes of footage on one core.
"""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from safetensors.torch import save_file

from avatar_engine.cli.progress import Bars
from avatar_engine.clone.intake import put_in_step
from avatar_engine.clone.sync import mouth_opening
from avatar_engine.contracts import SAMPLES_PER_FRAME, FloatArray, Progress
from avatar_engine.errors import AvatarError
from avatar_engine.face import crop
from avatar_engine.face import track as tracks
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips import shape
from avatar_engine.lips.fit_motion import fit_base
from avatar_engine.media.read import sound

SIZE = 128
MOUTH = 0.4
"""Width of everybody's mouth in the shared basis, as a share of the crop."""

ENOUGH = 300
"""Pictures from which on a person's own mean and spread are known."""

Known = tuple[FloatArray, FloatArray, FaceTrack]
"""One person: sound, shapes (n, landmarks, 2) about their mean in mouth widths, track."""


def main(
    folder: Annotated[Path, typer.Argument(help="a folder of clips for each person", exists=True)],
    output: Annotated[Path, typer.Option("-o", help="weights")] = Path("models/lips-motion.safetensors"),
    work: Annotated[Path, typer.Option(help="where tracks are kept")] = Path("build/base"),
    members: Annotated[int, typer.Option(help="how many pairs of ears", min=1)] = 2,
    epochs: Annotated[int, typer.Option(help="passes over everybody", min=1)] = 40,
    without: Annotated[str, typer.Option(help="people to leave out, with commas between")] = "",
) -> None:
    """Train the ears and write them."""
    torch.set_num_threads(1)
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    names = [name for name in names if name not in without.split(",")]
    with Bars(Console(stderr=True)) as bars:
        people = [person(folder / name, work / name, bars) for name in names]
        basis, lessons = shared(people)
        tensors: dict[str, torch.Tensor] = {}
        for member in range(members):

            def told(done: float, member: int = member) -> None:
                bars("ears", (member + done) / members)

            ears = fit_base(lessons, basis, epochs=epochs, seed=100 + member, told=told)
            tensors |= {f"{member}.{name}": value.half().contiguous() for name, value in ears.items()}
    pictures = sum(int(seen.sum()) for _, _, seen in lessons)
    save_file(tensors, output, {"people": ",".join(names), "pictures": str(pictures), "epochs": str(epochs)})
    print(f"{len(names)} people, {pictures} pictures, {output.stat().st_size} bytes in {output}")


def person(folder: Path, work: Path, progress: Progress) -> Known:
    """All takes of one person, in step."""
    work.mkdir(parents=True, exist_ok=True)
    found, sounds, bounds = [], [], [0]
    for clip in sorted(path for path in folder.iterdir() if path.suffix in (".mpg", ".mp4", ".mov")):
        kept = work / f"{clip.stem}.track"
        if not kept.exists():
            tracks.track(clip, progress).save(kept)
        track = FaceTrack.load(kept)
        own = np.zeros(len(track) * SAMPLES_PER_FRAME, np.float32)
        heard = sound(clip)[: len(own)]
        own[: len(heard)] = heard
        found.append(track)
        sounds.append(own)
        bounds.append(bounds[-1] + len(track))
    track, samples = joined(found), np.concatenate(sounds)
    takes = list(pairwise(bounds))
    try:
        samples = put_in_step(samples, mouth_opening(track.points), track.found, takes).samples
    except AvatarError as error:  # a take or two are too little to tell
        print(f"{folder.name}: {error.what}")
    matrices = crop.transforms(track, SIZE)
    shapes = shape.without_jitter(
        crop.to_crop(track.points[:, shape.LANDMARKS], matrices) / np.float32(SIZE), takes
    )
    shapes = shape.without_pose(shapes, track.pose, takes)
    about = (shapes - shapes.mean(0)) * (MOUTH / float(shape.width(shapes).mean()))
    return samples, np.asarray(about, np.float32), track


def joined(parts: list[FaceTrack]) -> FaceTrack:
    """Tracks one after another."""
    values: dict[str, Any] = {}
    for entry in dataclasses.fields(FaceTrack):
        each = [getattr(part, entry.name) for part in parts]
        values[entry.name] = np.concatenate(each) if isinstance(each[0], np.ndarray) else each[0]
    return FaceTrack(**values)


def shared(
    people: list[Known],
) -> tuple[shape.ShapeBasis, list[tuple[FloatArray, FloatArray, np.typing.NDArray[np.bool_]]]]:
    """One basis for everybody's shapes, and each one's sound, coefficients and pictures that count."""
    basis = shape.fit_basis(np.concatenate([shapes[track.found] for _, shapes, track in people]))
    lessons = []
    for samples, shapes, track in people:
        coefficients = basis.project(shapes)
        if len(shapes) >= ENOUGH:  # everybody moves as much in the end as the others
            coefficients = (coefficients - coefficients.mean(0)) / (coefficients.std(0) + 0.1)
        lessons.append((samples, coefficients.astype(np.float32), track.found))
    return basis, lessons


if __name__ == "__main__":
    typer.run(main)
