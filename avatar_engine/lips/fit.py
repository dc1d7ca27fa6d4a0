"""One minute of a person into that person's lips: basis, sound → shape, shape → pixels."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from avatar_engine.contracts import SAMPLES_PER_FRAME, ByteArray, FloatArray, Progress, silent
from avatar_engine.device import Device, onnx_session, torch_device
from avatar_engine.errors import AvatarError
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips import sound
from avatar_engine.lips.crops import Crops
from avatar_engine.lips.ears import base
from avatar_engine.lips.echo import Echo
from avatar_engine.lips.expression import fit_expressions
from avatar_engine.lips.fit_motion import fit_motion
from avatar_engine.lips.fit_painter import fit_painter
from avatar_engine.lips.grain import Grain, fit_grain
from avatar_engine.lips.lesson import Lesson
from avatar_engine.lips.model import Gate, LipsModel
from avatar_engine.lips.motion import MotionStream
from avatar_engine.lips.painter import certain, export
from avatar_engine.lips.placement import Placement, fit_placement
from avatar_engine.lips.shape import (
    LANDMARKS,
    ShapeBasis,
    draw,
    fit_basis,
    opening,
    without_jitter,
    without_pose,
)
from avatar_engine.lips.texture import fit_texture, slowly

log = logging.getLogger(__name__)

FEWEST = 100
"""Pictures with a face that a fit needs at the very least (4 s; a good fit wants a minute)."""

GRAIN_PICTURES = 120
"""Pictures that the footage's grain is measured on."""

MOTION_SHARE = 0.2  # of the budget; the painter has the rest
MOTION_MOST = 130.0  # seconds; more only learn the minute by heart


def fit(
    footage: Path,
    samples: FloatArray,
    track: FaceTrack,
    *,
    train: range,
    device: Device,
    budget: float,
    work: Path,
    echoes: Callable[[], Sequence[Echo]] = tuple,
    progress: Progress = silent,
    size: int | None = None,
    steps: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> LipsModel:
    """Fit one person's lips; an interrupted fit goes on where it stood when called again with the same ``work``.

    Args:
        footage: 25 fps video.
        samples: float32 (n,), its sound at 24 kHz from the first picture's start.
        track: Its face track.
        train: The pictures to fit on, from 0, step 1; the others are never looked at.
        device: What to compute on; ``device.threads`` threads, bf16 where it is native.
        budget: Seconds in all (by ``clock``).
        work: A folder for checkpoints and crops.
        echoes: Gives the fitted part of the sound in other voices, so that the lips follow those too; called when
            the painter is done, and may wait for them.
        progress: Told of stages ``lips motion`` and ``lips painter``.
        size: Side of the crop in pixels (a multiple of 32); chosen from the face's size when None.
        steps: Stop the painter after so many steps, whatever the budget.
        clock: What the budget is counted in; process time on a shared machine.

    Raises:
        AvatarError: There are too few pictures with a face.
    """
    if train.start != 0 or train.step != 1 or len(train) > len(track):
        raise ValueError(f"can't fit on {train} of {len(track)} pictures")
    count = len(train)
    track = track.slice(0, count)
    if int(track.found.sum()) < FEWEST:
        raise AvatarError(
            f"Only {int(track.found.sum())} pictures to fit on show a face.", "Film at least 30 seconds."
        )
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(device.threads)
    begun = clock()
    size = size or crop.crop_size(track)
    matrices = crop.transforms(track, size)
    heard = np.zeros(count * SAMPLES_PER_FRAME, np.float32)
    heard[: min(len(samples), len(heard))] = samples[: len(heard)]
    basis, coefficients, posed, usable = _shapes(track, matrices, size)
    gate = _gate(heard)
    points = crop.to_crop(track.points[track.found], matrices[track.found])
    mask = crop.mouth_mask(points, size)
    skin = crop.skin_mask(points, mask)
    crops = Crops.cut(footage, matrices, size, work, lambda done, note: progress("lips painter", 0.0, note))
    rows = np.flatnonzero(usable)
    texture = fit_texture(crops.luma, crops.chroma, posed, rows, mask, skin)
    textures = texture.read(crops.luma, crops.chroma, posed)
    textures[~track.found] = 0.0
    slow = slowly(textures, crop.takes(track))
    coefficients = np.concatenate([coefficients, textures - slow], 1)
    posed = np.concatenate([posed, textures], 1)
    neutral = _neutral(coefficients, usable, heard, gate, basis)
    lesson = Lesson(crops, posed, slow, rows, basis, mask, skin)
    reserved = min(budget * MOTION_SHARE, MOTION_MOST)
    painter, more = fit_painter(
        lesson,
        budget=max(budget - reserved - (clock() - begun), budget * 0.2),
        work=work,
        bf16=device.bf16,
        torch_device=torch_device(device),
        steps=steps,
        clock=clock,
        told=lambda done, note: progress("lips painter", done, note),
    )
    progress("lips painter", 1.0, f"loss {more['painter_loss']:.4f}")
    # last, because the cloned voice, which is fitted meanwhile, is what the lips will have to follow
    motion, figures = fit_motion(
        heard,
        coefficients,
        usable,
        basis,
        budget=max(budget - (clock() - begun), reserved / 2),
        work=work,
        ears=base(),
        echoes=echoes(),
        clock=clock,
        told=lambda done, note: progress("lips motion", done, note),
    )
    model = LipsModel(
        basis=basis,
        texture=texture,
        neutral=neutral,
        size=size,
        mask=mask,
        gate=gate,
        placement=Placement.none(len(neutral)),
        expressions=fit_expressions(posed, usable, basis),
        grain=Grain.none(size),
        motion=motion,
        painter=export(painter),
        certain=certain(painter),
        figures=figures | more | {"seconds": clock() - begun, "pictures": float(count)},
    )
    asked = MotionStream(model).whole(heard).coefficients[:count]
    placement = fit_placement(track, matrices, size, posed, asked, usable, basis)
    grain = fit_grain(painted_again(model, lesson, device), mask)
    return replace(model, placement=placement, grain=grain)


def painted_again(
    model: LipsModel, lesson: Lesson, device: Device
) -> Iterator[tuple[ByteArray, ByteArray, ByteArray]]:
    """Some pictures' luma, that of the next ones, and the first ones painted again, as a show in silence does."""
    session = onnx_session(model.painter, device, device.threads)
    drawn = np.empty((1, 3, model.size, model.size), np.uint8)
    crops, shapes = lesson.crops, lesson.unheard
    rows = lesson.rows[np.isin(lesson.rows + 1, lesson.rows)]
    for row in rows[:: max(1, len(rows) // GRAIN_PICTURES)]:
        draw(model.basis.shape(shapes[row][None])[0], drawn[0])
        feeds = {"luma": crops.luma[row][None], "chroma": crops.chroma[row][None], "shapes": drawn}
        painted = session.run(["painted_luma"], feeds | {"coefficients": shapes[row][None]})[0]
        yield crops.luma[row, 0], crops.luma[row + 1, 0], painted[0, 0]


def _shapes(
    track: FaceTrack, matrices: FloatArray, size: int
) -> tuple[ShapeBasis, FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """The basis; every picture's coefficients without and with the head's turn; which can be trusted.

    Sound knows nothing of the head's turn, so motion is fitted without it; the painter draws what is there.
    """
    takes = crop.takes(track)
    shapes = crop.to_crop(track.points[:, LANDMARKS], matrices) / np.float32(size)
    posed = without_jitter(shapes, takes)
    neutral = without_pose(posed, track.pose, takes)
    usable = track.found & (track.faces == 1)
    usable = usable if usable.sum() >= FEWEST else track.found
    basis = fit_basis(posed[usable])
    return basis, basis.project(neutral), basis.project(posed), usable


def _gate(samples: FloatArray) -> Gate:
    """Between the clip's own noise and its speech, where does silence end."""
    levels = sound.loudness(samples)
    noise, speech = np.percentile(levels, [5, 93])
    opens = max(min(max(noise + 9, speech - 38), speech - 16), -75.0)
    return Gate(shut=float(opens - 7), open=float(opens), speech=float(speech))


def _neutral(
    coefficients: FloatArray,
    usable: npt.NDArray[np.bool_],
    samples: FloatArray,
    gate: Gate,
    basis: ShapeBasis,
) -> FloatArray:
    """This person's closed mouth at rest: the middle of the most closed of the still pictures."""
    gaps = opening(basis.shape(coefficients))
    still = np.abs(np.gradient(coefficients[:, : basis.coefficients], axis=0)).mean(1)
    quiet = sound.loudness(samples) < gate.open
    for candidates in (usable & quiet, usable):
        rows = np.flatnonzero(candidates)
        if len(rows) >= 25:
            break
    rows = rows[still[rows] <= np.percentile(still[rows], 60)]
    rows = rows[gaps[rows] <= max(np.percentile(gaps[rows], 30), np.percentile(gaps, 2))]
    return np.asarray(np.median(coefficients[rows], axis=0), np.float32)
