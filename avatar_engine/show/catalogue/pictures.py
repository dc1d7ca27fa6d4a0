"""Pictures of products, as files of this machine: those beside the catalogue, and those by address, which are fetched.

A picture by address is fetched by a thread in the background, opened with Pillow (JPEG, PNG, WebP or GIF, of at most so
many pixels, which its first bytes tell), made smaller where it is larger than a card needs, and written anew: what lies
in the folder was never made by somebody else. The folder holds so many files and bytes, and what was used longest ago
goes first.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageOps

from avatar_engine.folders import state_folder
from avatar_engine.trust import files
from avatar_engine.web import Web, WebError

log = logging.getLogger(__name__)

MOST_PICTURES, MOST_BYTES = 300, 150 << 20
"""Files and bytes of the folder; the first is also how many a show fetches."""

LARGEST_PICTURE, MOST_PIXELS, WIDEST = 12 << 20, 25_000_000, 1280
"""Bytes of a picture by address, its pixels, and the longer side of what is kept."""

FRESH = 7 * 86_400.0
"""Seconds for which a picture is kept without asking for it again."""

TRIES = 3
"""How often a show asks for a picture that can't be had."""

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_SUFFIXES = (".jpg", ".png")


def is_address(image: str) -> bool:
    """Whether a picture is named by its address."""
    return image.startswith(("http://", "https://"))


class Pictures:
    """The pictures of one catalogue.

    Args:
        beside: Folder of the catalogue, in which its pictures lie; None where it is no file.
        folder: Where fetched ones are kept; by default a folder that all shows of this user share.
    """

    def __init__(self, beside: Path | None = None, folder: Path | None = None) -> None:
        self._beside = beside
        self._folder = folder or state_folder() / "pictures"
        self._there: dict[str, Path] = {}
        self._failed: dict[str, int] = {}

    def path(self, image: str) -> Path | None:
        """The file of a picture that a catalogue names; None while there is none. Asks nobody."""
        if is_address(image):
            found = self._there.get(image) or self._kept(image)
            if found and found.is_file():
                self._there[image] = found
                return found
            return None
        if not image or self._beside is None:
            return None
        with suppress(OSError, ValueError):
            found = (self._beside / image).resolve()
            if found.is_relative_to(self._beside.resolve()) and found.is_file():
                return found
        return None

    def fetch(
        self,
        images: Iterable[str],
        web: Callable[[], Web],
        stop: threading.Event,
        seconds: float,
        pause: float = 0.0,
    ) -> None:
        """Fetch those by address that are not there yet, the first ones first.

        Args:
            images: As the catalogue names them.
            web: Opens what asks for one.
            stop: Ends it early.
            seconds: After which no further one is begun.
            pause: Seconds between two, which leave the processor to the show.
        """
        until = time.monotonic() + seconds
        if not (wanted := [one for one in dict.fromkeys(images) if is_address(one)][:MOST_PICTURES]):
            return
        for image in wanted:
            if stop.is_set() or time.monotonic() >= until:
                break
            if self._failed.get(image, 0) >= TRIES or self._fresh(image):
                continue
            try:
                with web() as open_web:
                    data = open_web.get(image, LARGEST_PICTURE).body
                self._there[image] = self._keep(image, made_small(data))
            except (WebError, OSError) as error:
                if not stop.is_set():
                    self._note(image, str(error))
            stop.wait(pause)
        self._tidy()

    def _note(self, image: str, why: str) -> None:
        if len(self._failed) > 10 * MOST_PICTURES:
            self._failed.clear()
        self._failed[image] = self._failed.get(image, 0) + 1
        if self._failed[image] == 1:
            log.warning("no picture %s: %s", image.partition("?")[0][:200], why)

    def _fresh(self, image: str) -> bool:
        found = self.path(image)
        with suppress(OSError):
            if found and time.time() - found.stat().st_mtime < FRESH:
                # To the nanosecond: a card takes a picture whose time has changed for another one.
                os.utime(found, ns=(time.time_ns(), found.stat().st_mtime_ns))
                return True
        return False

    def _kept(self, image: str) -> Path | None:
        stem = self._stem(image)
        return next((found for suffix in _SUFFIXES if (found := stem.with_suffix(suffix)).is_file()), None)

    def _stem(self, image: str) -> Path:
        return self._folder / hashlib.sha256(image.encode()).hexdigest()[:32]

    def _keep(self, image: str, made: tuple[bytes, str]) -> Path:
        """Write a picture, whole or not at all.

        Raises:
            OSError: It can't be written.
        """
        data, suffix = made
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stem = self._stem(image)
        path = stem.with_suffix(suffix)
        files.write(path, data, replace=True)
        for other in _SUFFIXES:
            if other != suffix:
                stem.with_suffix(other).unlink(missing_ok=True)
        return path

    def _tidy(self) -> None:
        """Keep the folder within its bounds."""
        found: list[tuple[float, int, Path]] = []
        with suppress(OSError):
            for path in self._folder.iterdir():
                with suppress(OSError):
                    told = path.stat()
                    found.append((told.st_atime, told.st_size, path))
        size = sum(one[1] for one in found)
        for number, (_, bytes_, path) in enumerate(sorted(found)):
            if len(found) - number <= MOST_PICTURES and size <= MOST_BYTES:
                return
            with suppress(OSError):
                path.unlink()
            size -= bytes_


def made_small(data: bytes) -> tuple[bytes, str]:
    """A picture written anew, no larger than a card needs, upright; and its suffix.

    Args:
        data: JPEG, PNG, WebP or GIF; of the last the first picture.

    Raises:
        OSError: It is none of these, broken, or has too many pixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as found:
            if found.width * found.height > MOST_PIXELS:
                raise OSError(
                    f"it has {found.width}x{found.height} pixels, more than {MOST_PIXELS // 10**6} million"
                )
            found.draft(
                "RGB", (WIDEST, WIDEST)
            )  # a JPEG is read at half or a quarter of its size where that is enough
            picture = ImageOps.exif_transpose(found)
            clear = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
            picture = picture.convert("RGBA" if clear else "RGB")
        picture.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
        held = io.BytesIO()
        if clear:
            picture.save(held, "PNG")
        else:
            picture.save(held, "JPEG", quality=90)
    except OSError:
        raise
    except (
        Exception
    ) as error:  # what a decoder raises at broken bytes is anything, from struct.error to IndexError
        raise OSError(f"it can't be opened ({type(error).__name__})") from None
    return held.getvalue(), ".png" if clear else ".jpg"
