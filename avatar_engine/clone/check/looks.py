"""What a clip's pictures show, measured in one pass over every second of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import av
import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.face import track as tracks
from avatar_engine.face.track import FaceTrack, Landmarker
from avatar_engine.media.picture import blank, joined, planes

STEP = 2
"""Every second picture is looked at (12.5 a second): against all of them the sound's offset changes by 4 ms at most
(measured on two GRID speakers), at half the cost; of every third, by 15 ms."""

STILL_EVERY = 8
"""Pictures from one that is kept, to be shown, to the next (three a second)."""

THUMB = (32, 18)
"""Width and height of the small pictures in which cuts and flicker are looked for."""

PATCH = (36, 24)
"""Width and height of the mouth's patch."""

_SIDE = 960
"""Longest side of the picture in which landmarks are looked for."""

_STABLE = {
    33: (-0.5, 0.0),
    133: (-0.18, 0.02),
    362: (0.18, 0.02),
    263: (0.5, 0.0),
    168: (0.0, -0.02),
    2: (0.0, 0.59),
}
"""Landmarks that do not move in speech, where an average face has them: origin between the eyes, unit the distance of
their outer corners."""

_MOUTH = (-0.62, 0.55, 1.24)
"""Left, top and width of the mouth's patch on the average face; from under the nose to the chin."""

_CHEEKS = (-0.5, -0.3, 1.0)
"""The same for the part of the face whose light is measured: brow to upper lip."""

_EYES_TO_MOUTH = (-0.55, -0.35, 1.1)
"""The same for the part whose sharpness is measured."""

_SHARP_SIDE = 192
"""Pixels to which a larger face is reduced before its sharpness is measured: finer detail is not used by a fit."""


@dataclass(frozen=True, slots=True)
class Still:
    """A picture kept to be shown: JPEG files of the whole picture and of the face (empty where there was none)."""

    whole: bytes
    face: bytes


@dataclass(frozen=True, slots=True)
class Looks:
    """What was seen. ``m`` pictures were looked at, one every `STEP`.

    Attributes:
        track: The face at 25 pictures a second, bridged between the pictures that were looked at.
        looked: int64 (m,), their frame indices.
        thumbs: float32 (m, 18, 32), luma of the small picture (0 to 255).
        light: float32 (m, 3): mean luma of the face (0 to 255), its share below 40, its share above 228; NaN
            without a face.
        sharpness: float32 (m,), see `sharpness`; NaN without a face.
        mouths: float32 (m, 24, 36, 3), the mouth's patch in Y, Cr, Cb; NaN without a face.
        stills: Pictures to be shown, by frame index.
    """

    track: FaceTrack
    looked: npt.NDArray[np.int64]
    thumbs: FloatArray
    light: FloatArray
    sharpness: FloatArray
    mouths: FloatArray
    stills: dict[int, Still]


@dataclass
class Watcher:
    """Looks at the pictures of a clip as they come (see `avatar_engine.media.even.EvenClip.run`)."""

    landmarker: Landmarker
    size: tuple[int, int]
    stills: dict[int, Still] = field(default_factory=dict)
    _count: int = 0
    _faces: list[int] = field(default_factory=list)
    _points: list[FloatArray] = field(default_factory=list)
    _poses: list[FloatArray] = field(default_factory=list)
    _thumbs: list[FloatArray] = field(default_factory=list)
    _light: list[tuple[float, float, float]] = field(default_factory=list)
    _sharpness: list[float] = field(default_factory=list)
    _mouths: list[FloatArray] = field(default_factory=list)

    def __call__(self, index: int, picture: Callable[[], av.VideoFrame]) -> None:
        """Take the picture with this frame index."""
        self._count = index + 1
        if index % STEP:
            return
        i420: ByteArray = np.asarray(picture().to_ndarray(), np.uint8)
        luma = planes(i420)[0]
        few, scale = reduced(i420, self.size)
        small: ByteArray = np.asarray(cv2.cvtColor(few, cv2.COLOR_YUV2RGB_I420), np.uint8)
        faces = self.landmarker.detect(small)
        self._faces.append(tracks.people(faces))
        self._thumbs.append(_thumb(planes(few)[0]))
        points = faces[0][0] * scale if faces else np.zeros((tracks.POINTS, 3), np.float32)
        self._points.append(points)
        self._poses.append(faces[0][1] if faces else np.zeros(3, np.float32))
        self._measure(luma, small, points, scale, bool(faces))
        if index % STILL_EVERY == 0:
            self.stills[index] = _still(i420, self.size, small, points, bool(faces))

    def _measure(
        self, luma: ByteArray, small: ByteArray, points: FloatArray, scale: float, found: bool
    ) -> None:
        if not found:
            self._light.append((np.nan, np.nan, np.nan))
            self._sharpness.append(np.nan)
            self._mouths.append(np.full((PATCH[1], PATCH[0], 3), np.nan, np.float32))
            return
        cheeks = patch(luma, points, _CHEEKS, (32, 32))
        self._light.append((float(cheeks.mean()), float((cheeks < 40).mean()), float((cheeks > 228).mean())))
        side = float(np.linalg.norm(points[33, :2] - points[263, :2])) * _EYES_TO_MOUTH[2]
        fine = patch(luma, points, _EYES_TO_MOUTH, (round(min(side, _SHARP_SIDE)),) * 2)
        self._sharpness.append(sharpness(fine))
        mouth = patch(small, points / scale, _MOUTH, PATCH)
        self._mouths.append(cv2.cvtColor(mouth, cv2.COLOR_RGB2YCrCb).astype(np.float32))

    def looks(self) -> Looks:
        """What was seen.

        Raises:
            AvatarError: There was no picture.
        """
        if not self._count:
            raise AvatarError("The clip has no pictures.", "Export it again.")
        looked = np.arange(len(self._points)) * STEP
        found = np.zeros(self._count, np.bool_)
        found[looked] = np.array(self._faces) > 0
        faces = np.zeros(self._count, np.uint8)
        points = np.zeros((self._count, tracks.POINTS, 3), np.float32)
        poses = np.zeros((self._count, 3), np.float32)
        points[looked], poses[looked] = np.stack(self._points), np.stack(self._poses)
        nearest = np.minimum(np.arange(self._count) // STEP, len(looked) - 1)
        faces[:] = tracks.lasting(np.array(self._faces, np.uint8), around=7)[nearest]
        points, poses = tracks.bridge(points, found), tracks.bridge(poses, found)
        return Looks(
            track=FaceTrack(points, found[looked][nearest], faces, poses, *self.size),
            looked=looked,
            thumbs=np.stack(self._thumbs),
            light=np.array(self._light, np.float32),
            sharpness=np.array(self._sharpness, np.float32),
            mouths=np.stack(self._mouths),
            stills=self.stills,
        )


def reduced(i420: ByteArray, size: tuple[int, int]) -> tuple[ByteArray, float]:
    """A picture of at most 960 pixels a side, and how many times larger the original is.

    Args:
        i420: uint8 (height * 3 // 2, width).
        size: Its width and height.

    Returns:
        uint8 I420 likewise.
    """
    times = max(1.0, max(size) / _SIDE)
    if times == 1.0:
        return i420, 1.0
    wide, high = (round(side / times / 4) * 4 for side in size)
    small = blank(wide, high)
    for source, target in zip(planes(i420), planes(small), strict=True):
        cv2.resize(source, target.shape[::-1], dst=target, interpolation=cv2.INTER_AREA)
    return small, size[0] / wide


def patch(
    picture: ByteArray, points: FloatArray, place: tuple[float, float, float], size: tuple[int, int]
) -> ByteArray:
    """A part of the face, upright and of fixed size, whatever the head's place, size and tilt.

    Args:
        picture: uint8 (height, width) or (height, width, 3).
        points: float32 (478, 3), landmarks in its pixels.
        place: Left, top and width of the part on the average face (origin between the eyes, unit their distance).
        size: Width and height in pixels of what comes out.
    """
    numbers = list(_STABLE)
    there = points[numbers, 0].astype(np.float64) + 1j * points[numbers, 1]
    usual = np.array([complex(*_STABLE[number]) for number in numbers])
    middle_there, middle = there.mean(), usual.mean()
    # the similarity from the average face to this one that leaves the least squares
    turn = np.vdot(usual - middle, there - middle_there) / np.vdot(usual - middle, usual - middle).real
    left, top, width = place
    step = turn * width / size[0]
    corner = middle_there + turn * (complex(left, top) - middle) + step * complex(0.5, 0.5)
    matrix = np.array([[step.real, -step.imag, corner.real], [step.imag, step.real, corner.imag]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(picture, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def sharpness(luma: ByteArray) -> float:
    """How much of a picture's detail a slight blur takes away: 0 nothing, for it was blurred; 0.5 and more, sharp.

    Method: the blur effect (Crete, Dolmiere, Ladret and Nicolas 2007), with a Gaussian of one pixel: the picture is
    blurred again and the loss of gradient is measured, so contrast and light do not count.

    Args:
        luma: uint8 (height, width).
    """
    fine = luma.astype(np.float32)
    coarse = cv2.GaussianBlur(fine, (0, 0), 1.0)
    before, after = (
        np.abs(np.diff(part, axis=0)).sum() + np.abs(np.diff(part, axis=1)).sum() for part in (fine, coarse)
    )
    return float(1 - after / before) if before > 1e-6 else 0.0


def _thumb(luma: ByteArray) -> FloatArray:
    """The picture in `THUMB`, to fractions of a grey level: flicker is often smaller than one."""
    fine = cv2.resize(luma, (THUMB[0] * 8, THUMB[1] * 8), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(fine.astype(np.float32), THUMB, interpolation=cv2.INTER_AREA), np.float32)


def _still(
    i420: ByteArray, size: tuple[int, int], small: ByteArray, points: FloatArray, found: bool
) -> Still:
    whole = _jpeg(small, 560)
    if not found:
        return Still(whole, b"")
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    reach = (high - low).max() * 0.65
    x, y = (low + high) / 2
    left, right = (int(np.clip(at, 0, size[0])) // 2 * 2 for at in (x - reach, x + reach))
    top, bottom = (int(np.clip(at, 0, size[1])) // 2 * 2 for at in (y - reach, y + reach))
    if right - left < 16 or bottom - top < 16:
        return Still(whole, b"")
    luma, blue, red = planes(i420)
    half = slice(top // 2, bottom // 2), slice(left // 2, right // 2)
    cut = joined(luma[top:bottom, left:right], blue[half], red[half])
    face = cv2.cvtColor(cut, cv2.COLOR_YUV2RGB_I420)
    return Still(whole, _jpeg(np.asarray(face, np.uint8), 360))


def _jpeg(rgb: ByteArray, longest: int) -> bytes:
    times = max(rgb.shape[:2]) / longest
    if times > 1:
        small = cv2.resize(rgb, None, fx=1 / times, fy=1 / times, interpolation=cv2.INTER_AREA)
        rgb = np.asarray(small, np.uint8)
    done, coded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])
    return bytes(coded.tobytes()) if done else b""
