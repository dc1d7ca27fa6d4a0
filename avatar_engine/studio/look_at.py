"""What a clip is, told by a process of its own, for what strangers send may break what reads it.

``python -m avatar_engine.studio.look_at CLIP POSTER`` prints JSON and writes a small picture of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from avatar_engine.errors import AvatarError
from avatar_engine.studio.refusals import Refusal

LIMIT = 60.0
"""Seconds that it may take."""

MEMORY = 6 << 30
"""Bytes of address space."""

POSTER_WIDTH = 480


def look_at(clip: Path, poster: Path) -> dict[str, Any]:
    """The fields of `avatar_engine.media.probe.ClipInfo`.

    Raises:
        Refusal: It can't be read.
    """
    command = [sys.executable, "-m", __name__, str(clip), str(poster)]
    try:
        told = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False)
        read = json.loads(told.stdout.splitlines()[-1]) if told.stdout.strip() else {}
    except (subprocess.TimeoutExpired, ValueError):
        read = {}
    if "what" in read:
        raise Refusal(str(read["what"]).replace(str(clip), "The file"), str(read["advice"]))
    if not read:
        raise Refusal(
            "The file can't be read: what looked at it broke down.", "Export it again as MP4 (H.264, AAC)."
        )
    return dict(read)


def main(clip: Path, poster: Path) -> None:
    """Print what the clip is, or why it can't be read."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        told: dict[str, Any] = _read(clip, poster)
    except AvatarError as error:
        told = {"what": error.what, "advice": error.advice}
    sys.stdout.write(json.dumps(told) + "\n")


def _read(clip: Path, poster: Path) -> dict[str, Any]:
    from PIL import Image

    from avatar_engine.media import probe

    info = probe.probe(clip)
    with probe.opened(clip) as container:
        shown = probe.first_picture(container, probe.picture_stream(container)).to_ndarray(format="rgb24")
    picture = Image.fromarray(shown)
    picture = picture.rotate(-info.rotation, expand=True)
    picture.thumbnail((POSTER_WIDTH, 2 * POSTER_WIDTH))
    picture.convert("RGB").save(poster, "JPEG", quality=82)
    return asdict(info)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
