"""What a show has recorded gets its signed manifest when the show is over: a file that still grows can't have one."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from avatar_engine.broadcast.spec import OutputSpec
from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys, manifest

log = logging.getLogger(__name__)


def sign(outputs: Sequence[OutputSpec], since: float, record: Mapping[str, Any]) -> None:
    """Sign all pieces of the recordings that were written after ``since`` (seconds of the system's clock).

    Each is read and written anew once. One that can't be signed stays as it is, with the marks in stream, picture and
    sound, and the log says so.

    Args:
        outputs: The show's; what is no .mp4 file is left out.
        since: When the show began.
        record: See `avatar_engine.trust.provenance.record`.
    """
    for path in [path for output in outputs if output.path for path in _pieces(output.path, since)]:
        try:
            manifest.sign(path, record, path.name, keys.technician_key())
            log.info("%s: signed", path)
        except AvatarError as error:
            log.warning("%s %s", error.what, error.advice)


def _pieces(path: Path, since: float) -> Iterator[Path]:
    """The recording's files: ``name.mp4``, ``name-2.mp4`` after a restart, ``name-001.mp4`` where it was cut."""
    named = re.compile(re.escape(path.stem) + r"(-\d+)?" + re.escape(path.suffix))
    if manifest.can_carry(path):
        for one in sorted(path.parent.iterdir()):
            if named.fullmatch(one.name) and one.is_file() and one.stat().st_mtime >= since:
                yield one
