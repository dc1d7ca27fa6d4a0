"""Other footage of a person whose lips are fitted: in other clothes, another light, from another camera.

Shapes, and what sound asks of them, are the person's and stay. What belongs to the footage is made anew: where the
mouth sits in its pictures, what is painted, its grain, and the painter, which begins as the first one's and learns the
new light. The crop keeps the first one's size, so that all that is known of crops still holds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from avatar_engine.contracts import SAMPLES_PER_FRAME, FloatArray, Progress, silent
from avatar_engine.device import Device, torch_device
from avatar_engine.errors import AvatarError
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips.crops import Crops
from avatar_engine.lips.drive import drives
from avatar_engine.lips.fit import FEWEST, painted_again
from avatar_engine.lips.fit_painter import fit_painter
from avatar_engine.lips.grain import Grain, fit_grain
from avatar_engine.lips.lesson import Lesson
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.painter import certain, export
from avatar_engine.lips.placement import Placement, fit_placement
from avatar_engine.lips.texture import slowly
from avatar_engine.media.read import i420

log = logging.getLogger(__name__)


def place_look(
    clone: LipsModel, footage: Path, samples: FloatArray, track: FaceTrack, train: range
) -> LipsModel:
    """The clone's lips in other footage of the person, painted as before: only where the mouth sits is learnt.

    Args:
        clone: The person's lips.
        footage: 25 fps video.
        samples: float32 (n,), its sound at 24 kHz from the first picture's start.
        track: Its face track.
        train: The pictures to learn from, from 0, step 1.

    Raises:
        AvatarError: There are too few pictures with a face.
    """
    part = track.slice(0, len(train))
    usable = part.found & (part.faces == 1)
    if int(usable.sum()) < FEWEST:
        raise AvatarError(
            f"Only {int(usable.sum())} pictures to learn from show one face.", "Film at least 30 seconds."
        )
    unplaced = replace(clone, placement=Placement.none(len(clone.neutral)))
    given = drives(i420(footage), _heard(samples, len(train)), part, unplaced)
    matrices = crop.transforms(part, clone.size)
    placement = fit_placement(part, matrices, clone.size, given.painted, given.asked, usable, clone.basis)
    return replace(clone, placement=placement)


def fit_look(
    placed: LipsModel,
    footage: Path,
    samples: FloatArray,
    track: FaceTrack,
    *,
    train: range,
    device: Device,
    budget: float,
    work: Path,
    progress: Progress = silent,
    steps: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> LipsModel:
    """Fit a painter of its own to other footage; an interrupted fit goes on when called again with the same ``work``.

    Args:
        placed: The clone's lips in this footage (`place_look`).
        footage: 25 fps video.
        samples: float32 (n,), its sound at 24 kHz.
        track: Its face track.
        train: The pictures to fit on, from 0, step 1; the others are never looked at.
        device: What to compute on.
        budget: Seconds for the painter (by ``clock``).
        work: A folder for checkpoints and crops.
        progress: Told of the stage ``lips painter``.
        steps: Stop after so many steps, whatever the budget.
        clock: What the budget is counted in.
    """
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(device.threads)
    part, size = track.slice(0, len(train)), placed.size
    matrices = crop.transforms(part, size)
    painted = drives(i420(footage), _heard(samples, len(train)), part, placed).painted
    usable = part.found & (part.faces == 1)
    points = crop.to_crop(part.points[part.found], matrices[part.found])
    mask = crop.mouth_mask(points, size)
    crops = Crops.cut(footage, matrices, size, work, lambda done, note: progress("lips painter", 0.0, note))
    slow = slowly(painted[:, placed.basis.coefficients :], crop.takes(part))
    lesson = Lesson(
        crops, painted, slow, np.flatnonzero(usable), placed.basis, mask, crop.skin_mask(points, mask)
    )
    painter, figures = fit_painter(
        lesson,
        budget=budget,
        work=work,
        bf16=device.bf16,
        torch_device=torch_device(device),
        steps=steps,
        clock=clock,
        told=lambda done, note: progress("lips painter", done, note),
        start=placed.painter,
    )
    progress("lips painter", 1.0, f"loss {figures['painter_loss']:.4f}")
    model = replace(
        placed,
        mask=mask,
        grain=Grain.none(size),
        painter=export(painter),
        certain=certain(painter),
        figures=placed.figures | figures,
    )
    return replace(model, grain=fit_grain(painted_again(model, lesson, device), mask))


def _heard(samples: FloatArray, pictures: int) -> FloatArray:
    """Exactly the sound of so many pictures."""
    heard = np.zeros(pictures * SAMPLES_PER_FRAME, np.float32)
    heard[: min(len(samples), len(heard))] = samples[: len(heard)]
    return heard
