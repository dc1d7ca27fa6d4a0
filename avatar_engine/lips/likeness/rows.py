"""Paint the same pictures in several ways and measure each way against the real pictures.

Everything is measured on the pictures: the mouth of a painted one is found by the landmarker as that of a real one
is, never taken from the coefficients that drove the painter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray, Progress, silent
from avatar_engine.device import Device
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack, Landmarker, bridge
from avatar_engine.lips import sound
from avatar_engine.lips.likeness import motion, pictures
from avatar_engine.lips.likeness.motion import Place
from avatar_engine.lips.likeness.pictures import Area, Flicker, Seam
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.render import Renderer
from avatar_engine.lips.shape import INNER, LANDMARKS, OUTER, opening, width
from avatar_engine.media.picture import planes
from avatar_engine.media.read import frames as read_frames

REAL = "real"
"""The way that paints nothing: the real pictures, measured as all others are; every ratio is against it."""

LIPS = len(OUTER + INNER)
"""Landmarks of a shape that are lips; the rest is jaw."""

RIM = 0.06  # of the crop's side, left round the lips' tight box
FACE_RIM = 0.08  # of the face's height, left round the whole face

Look = Callable[[int, str, ByteArray], None]
"""Shown every picture: index in the clip, name of the way, RGB uint8 (height, width, 3)."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Figures:
    """One way of driving the mouth, in figures; what could not be measured is None.

    "Over the real" and "of the real" mean the ratio to the same figure of the real pictures.

    Attributes:
        correlation: Of the opening with the real opening.
        spread: Standard deviation of the opening over the real one's.
        width_correlation: Of the distance between the corners of the mouth.
        distance: Mean distance of lip landmarks from the real ones, in pixels of the picture.
        distance_share: The same as a share of the mouth's usual width.
        closings: How many p, b, m are said.
        closings_real: On how many of them the real lips close.
        closings_hit: On how many of those the lips close here.
        wrongly_closed: Of the pictures in which the real mouth is clearly open, the share that is closed.
        phone_correlation: Of the openings at the phones' middles with the real ones.
        rest_opening: Mean change of the opening between silent pictures, over the real.
        rest_lips: Mean way of the lip landmarks between silent pictures, over the real.
        rest_lips_px: That way in pixels of the crop.
        rest_open: Mean opening in silence, as a share of the crop's side.
        psnr: Of the box round all that is painted, RGB, dB, mean over the pictures.
        lips_psnr: Of the tight box round the lips, where nearly all of the error lies.
        face_psnr: Of the whole face with a rim.
        ssim: Structural similarity of the luma in the painted box, mean over the pictures.
        lips_ssim: In the tight box round the lips.
        face_ssim: In the whole face.
        sharpness: Fine detail (mean absolute Laplacian) of the tight box over the real.
        sharpness_painted: The same of the box round all that is painted.
        detail: The mean absolute Laplacian of the tight box itself.
        flicker: Flicker that the real pictures don't have is what is above 1; see `Flicker`.
        flicker_plain: Plain ratio of the mean second differences in time.
        seam: Edges round the mask that the real pictures don't have are what is above 1; see `Seam`.
        seam_worst: The steepest of them, in grey levels within `Seam.RING`.
        seam_plain: Plain ratio of the slopes of single pixels across the mask's fading rim.
        offset_ms: How much later the opening comes than the real one.
        sound_offset_ms: How much later the opening comes than the sound's loudness.
        unseen: Pictures in which no face was found; they count in nothing that needs landmarks.
    """

    correlation: float
    spread: float
    width_correlation: float
    distance: float
    distance_share: float
    closings: int | None
    closings_real: int | None
    closings_hit: int | None
    wrongly_closed: float
    phone_correlation: float | None
    rest_opening: float | None
    rest_lips: float | None
    rest_lips_px: float | None
    rest_open: float | None
    psnr: float
    lips_psnr: float
    face_psnr: float
    ssim: float
    lips_ssim: float
    face_ssim: float
    sharpness: float
    sharpness_painted: float
    detail: float
    flicker: float
    flicker_plain: float
    seam: float
    seam_worst: float
    seam_plain: float
    offset_ms: float
    sound_offset_ms: float
    unseen: int

    @property
    def closures(self) -> float | None:
        """Share of the real closures on p, b, m that are made here; None where there are none."""
        if not self.closings_real or self.closings_hit is None:
            return None
        return self.closings_hit / self.closings_real

    def as_json(self) -> dict[str, float | int | None]:
        """All figures by name, with ``closures``."""
        flat = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return flat | {"closures": self.closures}


@dataclass(frozen=True, slots=True)
class Measured:
    """What `measure` found.

    Attributes:
        figures: By the name of the way.
        openings: By the name of the way, float32 (n,), as a share of the crop's side.
        widths: By the name of the way, float32 (n,), distance of the corners, as a share of the crop's side.
        errors: By the name of the way, float32 (n,), PSNR of the tight box in dB.
        limit: The opening below which this person's mouth is closed.
        first: Index of the first picture in the clip.
        silent: bool (n,), pictures that counted as silent; None where that was not known.
        phones: Where the phones lie.
    """

    figures: Mapping[str, Figures]
    openings: Mapping[str, FloatArray]
    widths: Mapping[str, FloatArray]
    errors: Mapping[str, FloatArray]
    limit: float
    first: int
    silent: Bools | None
    phones: tuple[Place, ...]


@dataclass(slots=True)
class _Tally:
    """What is gathered over the pictures of one way."""

    flicker: Flicker
    seam: Seam
    points: list[FloatArray] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def mean(self, name: str) -> float:
        return float(np.mean(self.values[name]))


def measure(
    footage: Path,
    samples: FloatArray,
    track: FaceTrack,
    model: LipsModel,
    frames: range,
    ways: Mapping[str, FloatArray],
    *,
    device: Device,
    seen: Collection[str] = (),
    phones: Sequence[Place] = (),
    quiet: Bools | None = None,
    look: Look | None = None,
    progress: Progress = silent,
) -> Measured:
    """Paint ``frames`` in every way and measure all of them, and the real pictures.

    Args:
        footage: 25 fps video.
        samples: float32, its whole sound at 24 kHz.
        track: Its whole face track.
        model: The fitted lips.
        frames: Which pictures; step 1.
        ways: By name the coefficients of every picture to paint, float32 (len(frames), coefficients). Their names,
            less `REAL`, which is always there, are those of the result.
        device: Where the painter runs.
        seen: Which of the ways have textures that were read off the very pictures.
        phones: Where phones are said, pictures counted from the first of ``frames``.
        quiet: bool (len(frames),), pictures in which nothing is said.
        look: Shown every picture of every way.
        progress: Told of stage ``likeness``.
    """
    run = _Run(track, model, frames, (REAL, *ways), quiet)
    heard, believing = Renderer(model, device), Renderer(model.believing(), device)
    with Landmarker(faces=1) as landmarker:
        for row, (index, picture) in enumerate(
            zip(frames, read_frames(footage, frames.start, frames.stop, format="yuv420p"), strict=False)
        ):
            true = _rgb(picture)
            place = run.areas(index)
            for name, tally in run.tallies.items():
                canvas, rendered = picture, true
                if name != REAL:
                    canvas = picture.copy()
                    renderer = believing if name in seen else heard
                    renderer.paint(canvas, run.matrices[index], ways[name][row])
                    rendered = _rgb(canvas)
                run.take(index, tally, (canvas, rendered), (picture, true), place, landmarker)
                if look is not None:
                    look(index, name, rendered)
            run.count = row + 1
            progress("likeness", run.count / len(frames), f"{run.count} pictures")
    return run.result(samples, tuple(phones))


class _Run:
    """One pass over the pictures."""

    def __init__(
        self, track: FaceTrack, model: LipsModel, frames: range, names: Sequence[str], quiet: Bools | None
    ) -> None:
        self.track, self.model, self.frames, self.quiet = track, model, frames, quiet
        self.matrices = crop.transforms(track, model.size)
        self.shapes = crop.to_crop(track.points[:, LANDMARKS], self.matrices) / np.float32(model.size)
        self.joints = {start for start, _ in crop.takes(track)}
        self.tallies = {name: _Tally(Flicker(model.mask), Seam(model.mask)) for name in names}
        self.count = 0
        rows, columns = np.flatnonzero(model.mask.any(1)), np.flatnonzero(model.mask.any(0))
        self._painted = (float(columns[0]), float(rows[0]), float(columns[-1]), float(rows[-1]))
        self._lips = mouth_box(self.shapes, model.size)
        self._crop = crop.Crop.empty(model.size)

    def _silent(self, index: int) -> bool:
        return self.quiet is not None and bool(self.quiet[index - self.frames.start])

    def areas(self, index: int) -> tuple[Area, Area, Area]:
        """The tight box round the lips, the box round all that is painted, and the whole face in one picture."""
        height, size = self.track.height, (self.track.height, self.track.width)
        lips, painted = (
            pictures.area(self.matrices[index], box, *size) for box in (self._lips, self._painted)
        )
        points = self.track.points[index, :, :2]
        low, high = points.min(0), points.max(0)
        rim = FACE_RIM * float(high[1] - low[1])
        left, top = (max(0, int(value - rim)) for value in low)
        face = (
            slice(top, max(top + 1, min(height, int(high[1] + rim)))),
            slice(left, max(left + 1, min(self.track.width, int(high[0] + rim)))),
        )
        return lips, painted, pictures.around(face, lips, painted)

    def take(
        self,
        index: int,
        tally: _Tally,
        made: tuple[ByteArray, ByteArray],
        true: tuple[ByteArray, ByteArray],
        places: tuple[Area, Area, Area],
        landmarker: Landmarker,
    ) -> None:
        """Measure one picture, given as I420 and as RGB."""
        faces = landmarker.detect(made[1])
        tally.found.append(bool(faces))
        points = faces[0][0][:, :2] if faces else np.zeros((478, 2), np.float32)
        tally.points.append(points[list(LANDMARKS)])
        luma, true_luma = planes(made[0])[0], planes(true[0])[0]
        face = places[2]
        alike = pictures.ssim_map(luma[face], true_luma[face])
        for name, area in zip(("lips", "painted", "face"), places, strict=True):
            tally.add(f"{name}_psnr", pictures.psnr(made[1][area], true[1][area]))
            inner = tuple(
                slice(part.start - whole.start, part.stop - whole.start)
                for part, whole in zip(area, face, strict=True)
            )
            tally.add(f"{name}_ssim", float(alike[inner].mean()))
            tally.add(f"{name}_detail", pictures.detail(luma[area]))
        crop.extract(made[0], self.matrices[index], self._crop)
        joint = index in self.joints
        tally.flicker.push(self._crop.luma, joint, self._silent(index))
        tally.seam.push(self._crop.luma, joint)

    def result(self, samples: FloatArray, phones: tuple[Place, ...]) -> Measured:
        """The figures of all that was taken."""
        part = slice(self.frames.start, self.frames.start + self.count)
        limit = motion.closed_below(opening(self.shapes[self.track.found]))
        quiet = None if self.quiet is None else self.quiet[: self.count]
        moves = {
            name: _Moves.of(tally, self.matrices[part], self.model.size, self.track.found[part])
            for name, tally in self.tallies.items()
        }
        phones = tuple(phone for phone in phones if phone.picture < self.count)
        heard = _Heard(
            limit,
            phones,
            quiet,
            [joint - part.start for joint in self.joints],
            np.maximum(sound.loudness(samples)[part], self.model.gate.shut),
        )
        scale = float(np.median(np.hypot(self.matrices[part, 0, 0], self.matrices[part, 1, 0])))
        real = self.tallies[REAL]
        figures = {
            name: Figures(
                **_moving(moves[name], moves[REAL], heard, self.model.size, scale),
                **_painted(tally, real),
                unseen=len(tally.found) - sum(tally.found),
            )
            for name, tally in self.tallies.items()
        }
        return Measured(
            figures=figures,
            openings={name: move.opening for name, move in moves.items()},
            widths={name: move.width for name, move in moves.items()},
            errors={
                name: np.array(tally.values["lips_psnr"], np.float32) for name, tally in self.tallies.items()
            },
            limit=limit,
            first=part.start,
            silent=quiet,
            phones=phones,
        )


@dataclass(frozen=True, slots=True)
class _Moves:
    """The mouth of one way in every picture: shapes (n, landmarks, 2) in crop sides, opening, width, found."""

    shapes: FloatArray
    opening: FloatArray
    width: FloatArray
    found: Bools

    @classmethod
    def of(cls, tally: _Tally, matrices: FloatArray, size: int, also: Bools) -> _Moves:
        shapes = crop.to_crop(np.stack(tally.points), matrices) / np.float32(size)
        found = np.array(tally.found) & also
        gaps, corners = (bridge(series(shapes), found) for series in (opening, width))
        return cls(shapes, gaps, corners, found)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What is known of the sound: the closed mouth's limit, phones, silent pictures, joints of takes, loudness."""

    limit: float
    phones: tuple[Place, ...]
    quiet: Bools | None
    joints: list[int]
    loudness: FloatArray


def _moving(move: _Moves, real: _Moves, heard: _Heard, size: int, scale: float) -> dict[str, Any]:
    both = move.found & real.found
    lips, true = move.shapes[both, :LIPS], real.shapes[both, :LIPS]
    apart = float(np.linalg.norm(lips - true, axis=2).mean()) if both.any() else 0.0
    hits = motion.closures(heard.phones, move.opening, heard.limit)
    due = motion.closures(heard.phones, real.opening, heard.limit)
    spoken = [phone.picture for phone in heard.phones if motion.kind(phone.symbol)]
    return {
        "correlation": motion.correlation(move.opening[both], real.opening[both]),
        "spread": motion.spread(move.opening[both], real.opening[both]),
        "width_correlation": motion.correlation(move.width[both], real.width[both]),
        "distance": apart * size / scale,
        "distance_share": apart / max(float(np.median(real.width)), 1e-9),
        "closings": len(due) if heard.phones else None,
        "closings_real": int(due.sum()) if heard.phones else None,
        "closings_hit": int((hits & due).sum()) if heard.phones else None,
        "wrongly_closed": motion.wrongly_closed(move.opening[both], real.opening[both], heard.limit),
        "phone_correlation": motion.correlation(move.opening[spoken], real.opening[spoken])
        if spoken
        else None,
        **_resting(move, real, heard, size),
        "offset_ms": motion.offset_ms(move.opening, real.opening),
        "sound_offset_ms": motion.offset_ms(move.opening, heard.loudness),
    }


def _resting(move: _Moves, real: _Moves, heard: _Heard, size: int) -> dict[str, float | None]:
    """Motion in silence; None where no silence is known."""
    names = ("rest_opening", "rest_lips", "rest_lips_px", "rest_open")
    quiet = heard.quiet
    if quiet is None or not (quiet[1:] & quiet[:-1]).any():
        return dict.fromkeys(names)
    still = quiet & move.found & real.found
    gaps, true_gaps, lips, true_lips = (
        motion.restlessness(values, still, heard.joints)
        for values in (move.opening, real.opening, move.shapes[:, :LIPS], real.shapes[:, :LIPS])
    )
    values = (
        gaps / max(true_gaps, 1e-9),
        lips / max(true_lips, 1e-9),
        lips * size,
        float(move.opening[still].mean()) if still.any() else 0.0,
    )
    return dict(zip(names, values, strict=True))


def _painted(tally: _Tally, real: _Tally) -> dict[str, Any]:
    return {
        "psnr": tally.mean("painted_psnr"),
        "lips_psnr": tally.mean("lips_psnr"),
        "face_psnr": tally.mean("face_psnr"),
        "ssim": tally.mean("painted_ssim"),
        "lips_ssim": tally.mean("lips_ssim"),
        "face_ssim": tally.mean("face_ssim"),
        "sharpness": tally.mean("lips_detail") / max(real.mean("lips_detail"), 1e-9),
        "sharpness_painted": tally.mean("painted_detail") / max(real.mean("painted_detail"), 1e-9),
        "detail": tally.mean("lips_detail"),
        "flicker": tally.flicker.against(real.flicker),
        "flicker_plain": tally.flicker.plain(real.flicker),
        "seam": tally.seam.against(real.seam),
        "seam_worst": tally.seam.worst(real.seam),
        "seam_plain": tally.seam.plain(real.seam),
    }


def mouth_box(shapes: FloatArray, size: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of where the lips ever are, in crop pixels, with a rim.

    Args:
        shapes: float32 (n, landmarks, 2), as shares of the crop's side.
        size: The crop's side in pixels.
    """
    lips = shapes[:, : len(OUTER)] * size
    low, high = np.percentile(lips.min(1), 2, axis=0), np.percentile(lips.max(1), 98, axis=0)
    rim = RIM * size
    return float(low[0] - rim), float(low[1] - rim), float(high[0] + rim), float(high[1] + rim)


def _rgb(picture_i420: ByteArray) -> ByteArray:
    return np.asarray(cv2.cvtColor(picture_i420, cv2.COLOR_YUV2RGB_I420), np.uint8)
