"""Where the face is in every picture of a clip: landmarks, head pose, and how many faces there are.

Method: MediaPipe Face Landmarker (Google, Apache-2.0), every picture on its own. The model's video mode smooths but
lags behind the mouth; here nothing is smoothed in time, and `avatar_engine.face.crop` smooths what must be still.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from avatar_engine import models
from avatar_engine.contracts import ByteArray, FloatArray, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.media.read import frame_count, frames

POINTS = 478
"""Landmarks of one face, in MediaPipe's order."""

_ALIKE = 0.4
"""Width of a second face, in widths of the first, from which it counts."""


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """The presenter's face in every picture of a footage.

    Attributes:
        points: float32 (n, 478, 3), x and y in pixels of the picture, z in the same unit; interpolated where
            no face was found.
        found: bool (n,), whether a face was found in this picture.
        faces: uint8 (n,), how many people were seen, see `people` and `lasting` (2 means two or more).
        pose: float32 (n, 3), yaw, pitch, roll in degrees: positive is turned towards the picture's right, up,
            and tilted counter-clockwise as seen in the picture.
        width: Width of the pictures in pixels.
        height: Height of the pictures in pixels.
    """

    points: FloatArray
    found: npt.NDArray[np.bool_]
    faces: ByteArray
    pose: FloatArray
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.points)

    def save(self, path: Path) -> None:
        """Write the track to a safetensors file."""
        tensors: dict[str, npt.NDArray[Any]] = {
            "points": self.points,
            "found": self.found.astype(np.uint8),
            "faces": self.faces,
            "pose": self.pose,
        }
        partial = path.with_name(path.name + ".part")
        save_file(tensors, partial, metadata={"width": str(self.width), "height": str(self.height)})
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> FaceTrack:
        """Read a track that `save` wrote.

        Raises:
            AvatarError: The file is missing, damaged or something else.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                size = file.metadata()
                part = {name: file.get_tensor(name) for name in ("points", "found", "faces", "pose")}
            return cls(
                points=part["points"],
                found=part["found"].astype(bool),
                faces=part["faces"],
                pose=part["pose"],
                width=int(size["width"]),
                height=int(size["height"]),
            )
        except Exception as error:
            raise AvatarError(
                f"{path} is not a face track: {error}", "Remove it, and it is made again."
            ) from error

    def slice(self, start: int, stop: int) -> FaceTrack:
        """The pictures ``start`` to ``stop`` (not included) as a track of their own (views, no copies)."""
        return FaceTrack(
            self.points[start:stop],
            self.found[start:stop],
            self.faces[start:stop],
            self.pose[start:stop],
            self.width,
            self.height,
        )


class Landmarker:
    """MediaPipe's face landmarker on single pictures; a context manager."""

    def __init__(self, faces: int = 2) -> None:
        weights = models.path("face-landmarker")
        with native_chatter_hidden():
            # Imported here: it takes a second and the live show needs no landmarks.
            import mediapipe as mp
            from mediapipe.tasks.python import BaseOptions, vision

            self._image = mp.Image
            self._format = mp.ImageFormat.SRGB
            options = vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=str(weights)),
                running_mode=vision.RunningMode.IMAGE,
                num_faces=faces,
                output_facial_transformation_matrixes=True,
            )
            self._landmarker = vision.FaceLandmarker.create_from_options(options)
            # The first picture loads the rest of the native code, with its chatter.
            self.detect(np.zeros((64, 64, 3), np.uint8))

    def __enter__(self) -> Landmarker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the native memory back."""
        self._landmarker.close()

    def detect(self, picture: ByteArray) -> list[tuple[FloatArray, FloatArray]]:
        """The faces of one RGB picture uint8 (height, width, 3), the widest first.

        Returns:
            For every face its points float32 (478, 3) in pixels and its pose float32 (3,) in degrees.
        """
        height, width = picture.shape[:2]
        # Rows of decoded pictures are padded; MediaPipe ignores strides and would see a sheared picture.
        image = self._image(image_format=self._format, data=np.ascontiguousarray(picture))
        result: Any = self._landmarker.detect(image)
        scale = np.array([width, height, width], np.float32)
        faces = [
            (np.array([(p.x, p.y, p.z) for p in points], np.float32) * scale, _pose(np.asarray(matrix)))
            for points, matrix in zip(
                result.face_landmarks, result.facial_transformation_matrixes, strict=True
            )
        ]
        return sorted(faces, key=lambda face: -float(np.ptp(face[0][:, 0])))


def track(footage: Path, progress: Progress = silent) -> FaceTrack:
    """Follow the face through a clip (about 15 ms of one core a picture).

    Raises:
        AvatarError: There is no face in any picture, or the file can't be read.
    """
    total = max(frame_count(footage), 1)
    found: list[bool] = []
    counts: list[int] = []
    points: list[FloatArray] = []
    poses: list[FloatArray] = []
    size = (0, 0)
    with Landmarker() as landmarker:
        for index, picture in enumerate(frames(footage, format="rgb24")):
            size = (picture.shape[1], picture.shape[0])
            faces = landmarker.detect(picture)
            found.append(bool(faces))
            counts.append(people(faces))
            points.append(faces[0][0] if faces else np.zeros((POINTS, 3), np.float32))
            poses.append(faces[0][1] if faces else np.zeros(3, np.float32))
            if index % 25 == 0:
                progress("face", min(index / total, 1.0), f"{sum(found)}/{index + 1} with a face")
    if not any(found):
        raise AvatarError(
            f"No face was found in any of the {len(found)} pictures of {footage.name}.",
            "Film the presenter from the front, in good light, with the face at least a tenth of the picture wide.",
        )
    seen = np.array(found)
    progress("face", 1.0, f"{int(seen.sum())}/{len(seen)} with a face")
    return FaceTrack(
        points=bridge(np.stack(points), seen),
        found=seen,
        faces=lasting(np.array(counts, np.uint8)),
        pose=bridge(np.stack(poses), seen),
        width=size[0],
        height=size[1],
    )


def people(faces: list[tuple[FloatArray, FloatArray]]) -> int:
    """How many people the faces of one picture are (the widest first, as `Landmarker.detect` gives them).

    A detection that overlaps a wider one is the same head seen twice, and one far smaller is a picture on the wall
    or a pattern in the background.
    """
    boxes: list[tuple[FloatArray, FloatArray]] = []
    for points, _ in faces:
        low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
        apart = all((high < other_low).any() or (other_high < low).any() for other_low, other_high in boxes)
        alike = not boxes or (high - low)[0] >= _ALIKE * (boxes[0][1] - boxes[0][0])[0]
        if apart and alike:
            boxes.append((low, high))
    return len(boxes)


def lasting(counts: ByteArray, around: int = 15) -> ByteArray:
    """Counts of people without ghosts: more than one only where most of the ``around`` pictures see more than one.

    The detector takes a bookshelf for a face in one picture of sixty; a second person stays for more than an instant.
    """
    several, window = (counts >= 2).astype(np.float64), np.ones(min(around, len(counts)))
    seen = np.convolve(several, window, "same") / np.convolve(np.ones(len(counts)), window, "same")
    return np.where((counts >= 2) & (seen <= 0.5), 1, counts).astype(np.uint8)


def bridge(values: FloatArray, found: npt.NDArray[np.bool_]) -> FloatArray:
    """Fill the rows that were not found: linear between neighbours, the nearest one's at the ends.

    Args:
        values: float32 (n, ...), a row a picture.
        found: bool (n,); where nothing was found at all the rows stay what they are.
    """
    if found.all() or not found.any():
        return values
    known = np.flatnonzero(found)
    index = np.arange(len(values))
    after = np.clip(np.searchsorted(known, index), 0, len(known) - 1)
    before = np.clip(after - 1, 0, None)
    left, right = known[before], known[after]
    share = np.clip((index - left) / np.maximum(right - left, 1), 0, 1).astype(np.float32)
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    filled = values[left] * (1 - share) + values[right] * share
    filled[found] = values[found]
    return np.ascontiguousarray(filled, np.float32)


def _pose(matrix: npt.NDArray[Any]) -> FloatArray:
    """Yaw, pitch, roll in degrees of a face-to-camera matrix (x right, y up, z out of the picture)."""
    forward = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
    right = matrix[:3, 0] / np.linalg.norm(matrix[:3, 0])
    angles = (
        np.arctan2(forward[0], forward[2]),
        np.arcsin(np.clip(forward[1], -1, 1)),
        np.arctan2(right[1], right[0]),
    )
    return np.asarray(np.degrees(np.array(angles)), np.float32)


@contextmanager
def native_chatter_hidden() -> Iterator[None]:
    """MediaPipe and TensorFlow Lite write notes to the process's error stream whatever the log level."""
    sys.stderr.flush()
    saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(sink)
        os.close(saved)
