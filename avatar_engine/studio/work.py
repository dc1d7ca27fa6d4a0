"""One job, in a process of its own: ``python -m avatar_engine.studio.work FOLDER``.

It reads ``ask.json`` in the folder, calls the room that the command line would call, and leaves ``result.json`` or
``error.json`` there. See `avatar_engine.studio.jobs`.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from avatar_engine.contracts import Controls, Progress
from avatar_engine.errors import AvatarError
from avatar_engine.trust import files

log = logging.getLogger(__name__)

WRITE_EVERY = 0.4
"""Seconds between two times that progress is written."""

Result = Mapping[str, Any]
Work = Callable[[Mapping[str, Any], Path, Progress], Result]


class Told:
    """A `contracts.Progress` in a file, for who looks at the job; written seldom, and whole."""

    def __init__(self, file: Path, budget: float = 0.0) -> None:
        self._file, self._lock = file, threading.Lock()
        self._began, self._written = time.time(), 0.0
        self._budget = budget
        self._stages: dict[str, dict[str, Any]] = {}

    def __call__(self, stage: str, done: float, note: str = "") -> None:
        now = time.time()
        with self._lock:
            known = self._stages.setdefault(stage, {"name": stage, "began": now})
            fresh = "done" not in known or (done >= 1) != (known["done"] >= 1)
            known |= {"done": min(1.0, max(0.0, done)), "note": note, "spent": now - known["began"]}
            if fresh or now - self._written >= WRITE_EVERY:
                self._written = now
                told = {"began": self._began, "budget": self._budget, "stages": list(self._stages.values())}
                files.write(self._file, json.dumps(told).encode(), replace=True)


def check(asked: Mapping[str, Any], folder: Path, progress: Progress) -> Result:
    """Is this a good minute? The page and the figures lie beside the clip then."""
    from avatar_engine.clone.check import run, show

    clip = Path(asked["clip"])
    checked = run.check(clip, str(asked.get("language", "auto")), progress)
    files.write(clip.parent / "check.json", show.as_json(checked).encode(), replace=True)
    files.write(clip.parent / "check.html", show.as_html(checked).encode(), replace=True)
    return {"verdict": checked.verdict.words, "summary": checked.summary()}


def fit(asked: Mapping[str, Any], folder: Path, progress: Progress) -> Result:
    """Build the clone."""
    from avatar_engine.clone.pipeline import CloneOptions, clone_presenter

    options = CloneOptions(budget=float(asked["budget"]), language=str(asked.get("language", "auto")))
    made = clone_presenter(
        Path(asked["clip"]), Path(asked["avatar"]), Path(asked["consent"]), options, progress
    )
    return {"summary": made.summary()}


def matte(asked: Mapping[str, Any], folder: Path, progress: Progress) -> Result:
    """Cut the presenter out, so that the background can be changed."""
    from avatar_engine.clone.matting import add_matte

    return {"summary": add_matte(Path(asked["avatar"]), None, progress)}


def look(asked: Mapping[str, Any], folder: Path, progress: Progress) -> Result:
    """Other footage of the same person."""
    from avatar_engine.clone.looks import LookOptions, add_look

    avatar, clip, consent = (Path(asked[name]) for name in ("avatar", "clip", "consent"))
    options = LookOptions(budget=float(asked["painter"]))
    return {"summary": add_look(avatar, str(asked["look"]), clip, consent, options, progress)}


def say(asked: Mapping[str, Any], folder: Path, progress: Progress) -> Result:
    """A line as a video."""
    from avatar_engine.live.say import render
    from avatar_engine.stage.background import TRANSPARENT

    background = str(asked.get("background", ""))
    file = "said.webm" if background == TRANSPARENT else "said.mp4"
    made = render(
        Path(asked["avatar"]),
        str(asked["text"]),
        folder / file,
        language=str(asked.get("language", "")),
        controls=Controls(**asked.get("controls", {})),
        layout=str(asked.get("layout", "")),
        background=background,
        look=str(asked.get("look", "")),
        progress=progress,
    )
    return {"summary": made.summary(), "file": file}


def rehearse(asked: Mapping[str, Any], folder: Path, progress: Progress) -> Result:
    """A whole show as a video."""
    from avatar_engine.live import rehearsal, studio
    from avatar_engine.live.hosted import Hosting

    hosting = Hosting(studio.rehearsed, int(asked.get("seed", 0)), notes=folder / "journal.jsonl")
    made = rehearsal.rehearse(
        Path(asked["avatar"]), Path(asked["script"]), folder / "rehearsal.mp4", hosting,
        seconds=float(asked["seconds"]) if asked.get("seconds") else None, layout=str(asked.get("layout", "")),
        progress=progress,
    )  # fmt: skip
    return {"summary": made.summary(), "file": "rehearsal.mp4"}


def verify(asked: Mapping[str, Any], folder: Path, progress: Progress) -> Result:
    """What made a file; the file itself is not kept."""
    from avatar_engine.verify import look, words

    file = Path(asked["file"])
    try:
        found = look.look(file, progress=progress)
        told = json.loads(words.as_json(found))
        return {
            "summary": words.headline(found),
            "verdict": found.verdict.name.lower(),
            "rows": [[good, what, said] for good, what, said in words.rows(found)],
            "figures": {**told, "file": str(asked["name"])},
        }
    finally:
        file.unlink(missing_ok=True)


KINDS: Mapping[str, Work] = {
    "check": check,
    "fit": fit,
    "matte": matte,
    "look": look,
    "say": say,
    "rehearse": rehearse,
    "verify": verify,
}


def main(folder: Path) -> int:
    """Do what is asked; 0 where it was done, 2 where it can't be, 1 for a defect."""
    asked = json.loads((folder / "ask.json").read_text(encoding="utf-8"))
    progress = Told(folder / "progress.json", float(asked.get("budget", 0.0)))
    try:
        result = KINDS[asked["kind"]](asked, folder, progress)
    except AvatarError as error:
        told = {"what": error.what, "advice": error.advice}
        files.write(folder / "error.json", json.dumps(told).encode(), replace=True)
        return 2
    except Exception:
        log.exception("a job failed")
        told = {"what": "The work failed: a defect of the engine.", "advice": "Look at the log of the job."}
        files.write(folder / "error.json", json.dumps(told).encode(), replace=True)
        return 1
    files.write(folder / "result.json", json.dumps(dict(result), ensure_ascii=False).encode(), replace=True)
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    sys.exit(main(Path(sys.argv[1])))
