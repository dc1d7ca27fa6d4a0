"""A show of stand-ins in a process of its own, which breaks down as it is told, and the show that takes its place.

Started with no estate it reads its arguments from its standard input as its successor does.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from avatar_engine.broadcast.guard import Estate, Successor
from avatar_engine.live import renderer_process, renderers, voice_process
from avatar_engine.live.show import ShowStatus, run
from avatar_engine.trust import keys
from tests.live import fakes, voices

SIZE = (320, 180)
COMMAND = (sys.executable, "-m", "tests.live.understudy")


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    told = json.loads(sys.stdin.readline())
    estate = Estate.from_json(json.dumps(told)) if "ring" in told else None
    folder, fault = told["arguments"]
    home = Path(folder)
    keys.config_folder = lambda: home / "config"
    renderer_process.load_performer = fakes.load  # type: ignore[assignment]
    voice_process.load_voice = voices.tone_voice  # type: ignore[assignment]
    renderers.SPARE_AFTER = 0
    stop = threading.Event()
    since = [0]

    def watch(status: ShowStatus) -> None:
        since[0] = since[0] + 1 if status.speaking else 0
        if estate is None and status.frames > 100 and status.place and since[0] >= 2:  # one was heard whole
            (home / "before.json").write_text(json.dumps([status.frames, status.place]))
            if fault == "raised":
                raise RuntimeError("a bug")
            os.kill(os.getpid(), {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP}[fault])
        if estate is not None and status.place >= json.loads((home / "before.json").read_text())[1] + 3:
            stop.set()

    outputs = [str(home / "r.mp4")]
    last = run(
        home / "marie.avatar", home / "s.md", outputs, size=SIZE, on_status=watch, stop=stop,
        successor=Successor(COMMAND, (folder, fault)), estate=estate,
    )  # fmt: skip
    (home / "after.json").write_text(json.dumps([last.frames, last.place, last.filled, last.show_restarts]))


if __name__ == "__main__":
    main()
