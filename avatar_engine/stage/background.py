"""What the presenter stands before: as filmed, a colour, a picture, a video, the own background out of focus.

A background is made ready in a thread of its own; a swap is one look at whether it is, so no frame waits for it.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from avatar_engine.bundle import ORIGINAL, Bundle
from avatar_engine.contracts import FRAME_RATE, RELIGHT, Behind, ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.media import colour
from avatar_engine.media.picture import Planes, blank, planes
from avatar_engine.media.probe import opened, picture_stream
from avatar_engine.stage.body import matted
from avatar_engine.stage.cutout import FIGURES_PART, PLATE_PART, light_of
from avatar_engine.stage.keying import Relight

log = logging.getLogger(__name__)

KEEP, BLUR, TRANSPARENT = "keep", "blur", "transparent"

SOFT = 0.022
"""How far out of focus the own background is: standard deviation, in heights of the picture."""

AHEAD = 8
"""Pictures of a video that are decoded before they are wanted."""

NICENESS = 10
"""Of the threads: the painter must not wait for them."""

PATIENCE = 10.0
"""Seconds that a show which is not on air waits for a picture."""

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def chosen(text: str, folder: Path) -> str:
    """A background as somebody wrote it, ready to be handed on: files as whole paths.

    Args:
        text: ``keep``, ``blur``, ``transparent``, ``#rrggbb``, or the path of a picture or video.
        folder: Where such a path begins.

    Raises:
        AvatarError: It is none of these, or the file can't be read.
    """
    wanted = text.strip()
    if wanted.lower() in (KEEP, BLUR, TRANSPARENT):
        return wanted.lower()
    if _COLOUR.fullmatch(wanted):
        return wanted.lower()
    path = (folder / Path(wanted).expanduser()).absolute()
    if not wanted or not path.is_file():
        raise AvatarError(
            f"There is no background {text!r}.",
            "Write keep, blur, transparent, a colour (#rrggbb), or the path of a picture or video.",
        )
    if path.suffix.lower() in PICTURES:
        _picture(path)
    else:
        next(footage(path, (64, 64)))
    return str(path)


def behind_of(asked: str, written: str, folder: Path, relight: float) -> Behind:
    """What a show begins before: what the user ``asked`` for, seen from the working folder, or what is ``written`` in
    its script, seen from the script's ``folder``; "" for neither.

    Raises:
        AvatarError: It is no background.
    """
    if not asked and not written:
        return Behind(KEEP, relight)
    return Behind(chosen(asked, Path()) if asked else chosen(written, folder), relight)


def check(bundle: Bundle, background: str) -> None:
    """Refuse a background that a bundle's presenter can't stand before.

    Raises:
        AvatarError: The presenter was not cut out of all that the bundle has now.
    """
    if background != KEEP and not matted(bundle):
        which, look = "", ""
        if bundle.look != ORIGINAL:
            which, look = f" in the look {bundle.look}", f" --look {bundle.look}"
        raise AvatarError(
            f"{bundle.name} has no matte of all its pictures{which}: the background can't be changed.",
            f"Run: avatar-engine matte {bundle.path}{look}",
        )


def refuse_on_air(background: str) -> None:
    """Refuse what can't go out live.

    Raises:
        AvatarError: It is transparent.
    """
    if background == TRANSPARENT:
        raise AvatarError(
            "A show on air can't be transparent: RTMP, recordings and previews carry no alpha.",
            "Make a file (say --background transparent -o NAME.webm), or key a colour out: --background '#00ff00'.",
        )


class Background(Protocol):
    """What is behind the presenter.

    Attributes:
        light: Mean luma, Cb and Cr, float32 (3,).
    """

    light: FloatArray

    def next(self) -> Planes:
        """The planes behind the next frame; they stay as they are until the one after."""
        ...

    def close(self) -> None:
        """No more are wanted."""
        ...


class Still:
    """A background that does not move.

    Args:
        picture: uint8 I420 of the show's size.
    """

    def __init__(self, picture: ByteArray) -> None:
        self._planes = planes(picture)
        self.light = _light(picture)

    def next(self) -> Planes:
        """See `Background`."""
        return self._planes

    def close(self) -> None:
        """There is nothing to end."""


class Nothing(Still):
    """No background at all.

    Args:
        size: Width and height of the show.
        light: Of the one that the presenter was filmed before: nothing is to be followed.
    """

    def __init__(self, size: tuple[int, int], light: FloatArray) -> None:
        super().__init__(blank(*size))
        self.light = light


class Film:
    """A video, again and again from its start, decoded ahead in a thread.

    Args:
        path: The video.
        size: Width and height of the show.
        patient: Wait for pictures that are not there yet; without it, the last one stays.

    Raises:
        AvatarError: It can't be read.
    """

    def __init__(self, path: Path, size: tuple[int, int], patient: bool) -> None:
        self._path, self._size, self._patient = path, size, patient
        self._now = next(footage(path, size))
        self.light = _light(self._now)
        self._lock = threading.Condition()
        self._ahead: deque[ByteArray] = deque()
        self._over = False
        self._thread = threading.Thread(target=self._decode, name="background", daemon=True)
        self._thread.start()

    def next(self) -> Planes:
        """See `Background`."""
        with self._lock:
            if self._patient:
                self._lock.wait_for(lambda: self._ahead or self._over, PATIENCE)
            if self._ahead:
                self._now = self._ahead.popleft()
                self._lock.notify_all()
        return planes(self._now)

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            self._over = True
            self._lock.notify_all()

    def _decode(self) -> None:
        _yield_to_others()
        try:
            while not self._over:
                for picture in footage(self._path, self._size):
                    with self._lock:
                        self._lock.wait_for(lambda: len(self._ahead) < AHEAD or self._over)
                        if self._over:
                            return
                        self._ahead.append(picture)
                        self._lock.notify_all()
        except AvatarError as error:  # it was good a moment ago
            log.error("the background stands still: %s", error)
            self.close()


@dataclass(frozen=True, slots=True)
class Footing:
    """Footage as a backcloth has to know it, made ready beside the show.

    Attributes:
        bundle: The presenter, in the look of the footage.
        light: Of the background that it was filmed before, see `Background`.
        blurred: That background out of focus, where this is wanted.
    """

    bundle: Bundle
    light: FloatArray
    blurred: Background | None


class Backcloth:
    """What hangs behind a presenter, and its exchange.

    Args:
        size: Width and height of the show.
        bundle: The presenter.
        patient: Wait for whatever is wanted; a show on air goes on before the old one until the new one is ready.
        relight: How far the presenter's light follows, 0 to 1.

    Attributes:
        wanted: What shall hang there, as `chosen` gives it.
        now: What hangs there; None for as filmed.
        relight: What becomes of the presenter's colours before it.
    """

    def __init__(
        self, size: tuple[int, int], bundle: Bundle, patient: bool = False, relight: float = RELIGHT
    ) -> None:
        self._size, self._bundle, self._patient, self._strength = size, bundle, patient, relight
        self.now: Background | None = None
        self.relight = Relight()
        self.wanted = KEEP
        self._filmed: FloatArray | None = None
        self._coming: Future[Background | None] | None = None
        self._maker = ThreadPoolExecutor(1, "background", _yield_to_others)

    @property
    def cut_out(self) -> bool:
        """Whether the body's pictures have to come cut out: only once there is something to put behind them."""
        return self.wanted != KEEP and (self.now is not None or self._ready)

    @property
    def _ready(self) -> bool:
        coming = self._coming
        return coming is not None and (self._patient or coming.done()) and coming.result() is not None

    def want(self, background: str) -> None:
        """Before this, as `chosen` gives it, the presenter shall stand as soon as may be."""
        if background == self.wanted:
            return
        self.wanted = background
        if background != KEEP:  # until pictures come as filmed again, some may need what was wanted before
            self._coming = self._maker.submit(self._made, background)

    def settle(self) -> None:
        """Wait until what is wanted is ready.

        Raises:
            AvatarError: It can't be had.
        """
        if self._coming is not None and self._coming.result() is None:
            raise AvatarError(f"The background {self.wanted} can't be had.", "Look at the log above.")

    def footing(self, bundle: Bundle) -> Footing | None:
        """What has to be known of other footage of the presenter; None where nobody was cut out of it.

        Raises:
            AvatarError: The matte is damaged.
        """
        if not matted(bundle):
            return None
        light = light_of(bundle.json(FIGURES_PART))
        blurred = self._blurred(bundle, light) if self.wanted == BLUR else None
        return Footing(bundle, light, blurred)

    def stand(self, footing: Footing) -> None:
        """The presenter's next pictures are of other footage; what hangs there stays but for its own blurred one."""
        self._bundle, self._filmed = footing.bundle, footing.light
        if self.wanted == BLUR and self.now is not None and self._coming is None:
            if footing.blurred is not None:
                self._hang(footing.blurred)
            else:
                self._coming = self._maker.submit(self._made, BLUR)
        self._follow()

    def take(self, cut_out: bool) -> Background | None:
        """What hangs behind the next picture, which comes cut out or as filmed; None for as filmed."""
        if not cut_out:
            if self.wanted == KEEP:
                self._coming = None
                self._hang(None)
            return None
        if (self.now is None or self.wanted != KEEP) and self._ready and self._coming is not None:
            coming, self._coming = self._coming.result(), None
            self._hang(coming)
        return self.now

    def close(self) -> None:
        """End the threads."""
        self._maker.shutdown(wait=False, cancel_futures=True)
        self._hang(None)

    def _hang(self, background: Background | None) -> None:
        if self.now is background:
            return
        if self.now is not None:
            self.now.close()
        self.now = background
        self._follow()

    def _follow(self) -> None:
        """Let the presenter's light follow what hangs there."""
        self.relight = Relight()
        if self.now is not None and self._filmed is not None:
            self.relight = Relight.between(self._filmed, self.now.light, self._strength)

    def _made(self, background: str) -> Background | None:
        try:
            if self._filmed is None:
                self._filmed = light_of(self._bundle.json(FIGURES_PART))
            return self._background(background)
        except AvatarError as error:
            log.error("the background stays as it is: %s", error)
            return None

    def _background(self, background: str) -> Background:
        width, height = self._size
        if background.startswith("#"):
            pixel = np.array([[[int(background[at : at + 2], 16) for at in (5, 3, 1)]]], np.uint8)
            return Still(_i420(np.repeat(np.repeat(pixel, height, 0), width, 1)))
        light = light_of(self._bundle.json(FIGURES_PART))
        if background == BLUR:
            return self._blurred(self._bundle, light)
        if background == TRANSPARENT:
            return Nothing(self._size, light)
        path = Path(background)
        if path.suffix.lower() in PICTURES:
            return Still(_i420(_covering(_picture(path), self._size)))
        return Film(path, self._size, self._patient)

    def _blurred(self, bundle: Bundle, light: FloatArray) -> Background:
        plate = cv2.imdecode(np.frombuffer(bundle.read(PLATE_PART), np.uint8), cv2.IMREAD_COLOR)
        if plate is None:
            raise AvatarError(f"The part {PLATE_PART} is no picture.", "Run: avatar-engine matte")
        soft = cv2.GaussianBlur(np.asarray(plate), (0, 0), SOFT * plate.shape[0])
        made = Still(_i420(_covering(np.asarray(soft, np.uint8), self._size)))
        made.light = light  # the presenter's own: nothing is to be followed
        return made


def footage(path: Path, size: tuple[int, int]) -> Iterator[ByteArray]:
    """One round of a video at `FRAME_RATE`: I420 that fills ``size``, what is too much cut off on both sides.

    Raises:
        AvatarError: It is missing, damaged, or has no picture.
    """
    converter, shown = colour.Converter(), 0
    with opened(path) as container:
        stream = picture_stream(container)
        begin = float((stream.start_time or 0) * (stream.time_base or 0))
        for frame in container.decode(stream):
            scale = max(size[0] / frame.width, size[1] / frame.height)
            wide, tall = (
                max(wanted, round(side * scale / 2) * 2)
                for side, wanted in zip((frame.width, frame.height), size, strict=True)
            )
            whole = np.asarray(converter.i420(frame, wide, tall).to_ndarray(), np.uint8)
            picture = _middle(whole, size)
            until = shown + 1 if frame.time is None else round((frame.time - begin) * FRAME_RATE) + 1
            while (
                shown < until
            ):  # a slower video's pictures are shown more than once, a faster one's left out
                yield picture
                shown += 1
    if not shown:
        raise AvatarError(f"{path} has no picture.", "Choose another video.")


def _middle(picture: ByteArray, size: tuple[int, int]) -> ByteArray:
    if picture.shape == (size[1] * 3 // 2, size[0]):
        return picture
    whole = np.empty((size[1] * 3 // 2, size[0]), np.uint8)
    for source, target in zip(planes(picture), planes(whole), strict=True):
        top, left = ((source.shape[axis] - target.shape[axis]) // 2 for axis in (0, 1))
        target[:] = source[top : top + target.shape[0], left : left + target.shape[1]]
    return whole


def _picture(path: Path) -> ByteArray:
    """A picture's pixels, BGR (height, width, 3).

    Raises:
        AvatarError: It can't be read.
    """
    picture = None
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except (OSError, cv2.error):
        pass
    if picture is None:
        raise AvatarError(f"The background {path} can't be read.", "Give a PNG, JPEG or WebP picture.")
    return np.asarray(picture, np.uint8)


def _covering(picture: ByteArray, size: tuple[int, int]) -> ByteArray:
    """A BGR picture that fills ``size``, what is too much cut off."""
    height, width = picture.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    wide, tall = max(size[0], round(width * scale)), max(size[1], round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    whole = np.asarray(cv2.resize(picture, (wide, tall), interpolation=how), np.uint8)
    left, top = (wide - size[0]) // 2, (tall - size[1]) // 2
    return whole[top : top + size[1], left : left + size[0]]


def _i420(picture: ByteArray) -> ByteArray:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_BGR2YUV_I420), np.uint8)


def _light(picture: ByteArray) -> FloatArray:
    return np.array([float(plane.mean()) for plane in planes(picture)], np.float32)


def _yield_to_others() -> None:
    """This thread alone."""
    if sys.platform == "linux":  # where every thread has its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
