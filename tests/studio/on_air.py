"""A show of stand-ins as the studio starts it: arguments in, the real show, broadcast and desk out."""

from __future__ import annotations

import io
import json
import sys

from avatar_engine.cli import takeover
from avatar_engine.live import performer, renderer_process, renderers, voice_process
from tests.live import fakes, voices


def main() -> None:
    performer.load = fakes.load  # type: ignore[assignment]
    renderer_process.load_performer = fakes.load  # type: ignore[assignment]
    voice_process.load_voice = voices.tone_voice  # type: ignore[assignment]
    renderers.SPARE_AFTER = 1e9  # no second renderer: these shows are short
    words = json.loads(sys.stdin.readline())
    small = [] if "--size" in words else ["--size", "320x180"]
    sys.stdin = io.StringIO(json.dumps([*words, *small]) + "\n")
    takeover.begin()


if __name__ == "__main__":
    main()
