"""A job of stand-ins: what takes minutes is made in a moment; all around it is the studio's own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avatar_engine.bundle import BundleWriter
from avatar_engine.clone import working
from avatar_engine.contracts import Progress
from avatar_engine.errors import AvatarError
from avatar_engine.lips import growing
from avatar_engine.studio import work
from avatar_engine.trust import consent, files
from avatar_engine.trust.register import Register
from avatar_engine.voice.pack import VoicePack

FINDINGS = [
    {"topic": "light", "value": "even", "verdict": "good", "said": "", "advice": "", "spans": [], "whole": False},
    {
        "topic": "length", "value": "3 s", "verdict": "could be better", "said": "The clip is short.",
        "advice": "Film a minute.", "spans": [], "whole": False,
    },
]  # fmt: skip
REPORT = {
    "lips": {"opening_correlation": 0.93, "psnr_sound": 31.0},
    "voice": {"share_of_way": 0.9, "word_error_rate": 0.03},
    "warnings": ["There are only 3 s of speech."],
}


def check(asked: Mapping[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    progress("pictures", 0.5)
    clip = Path(asked["clip"])
    told = {
        "verdict": "could be better",
        "summary": "A clone can be made of this clip.",
        "findings": FINDINGS,
    }
    (clip.parent / "check.json").write_text(json.dumps(told))
    (clip.parent / "check.html").write_text("<h1>What was seen</h1>")
    return {"verdict": told["verdict"], "summary": told["summary"]}


def paint(avatar: Path, done: float) -> None:
    """What is painted by now: grey that gets lighter."""
    file = working.growing_of(avatar)
    file.parent.mkdir(parents=True, exist_ok=True)
    real = np.full((2, 1, 64, 64), 200, np.uint8), np.full((2, 2, 32, 32), 128, np.uint8)
    growing.show(real, (np.full_like(real[0], round(200 * done)), real[1]), file)


def fit(asked: Mapping[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Takes the steps that the file ``fit.txt`` says, looked at anew each time; goes on where it was, or fails."""
    avatar, kept = Path(asked["avatar"]), folder / "kept.txt"
    signed = consent.load(Path(asked["consent"]))
    told = Path(asked["clip"]).parents[2] / "fit.txt"
    if told.read_text().strip() == "fail":
        raise AvatarError("There is no face in the clip.", "Film one.")
    step = int(kept.read_text()) if kept.exists() else 0
    while step < (steps := int(told.read_text())):
        progress("lips painter", step / steps, f"step {step}")
        files.write(kept, str(step).encode(), replace=True)  # it may be killed at any moment
        paint(avatar, step / steps)
        time.sleep(0.1)
        step += 1
    with BundleWriter(
        avatar, name=avatar.stem, made={"source_sha256": signed.consent.clip_sha256}, consent=signed
    ) as w:
        VoicePack.stock("af_heart").save(w)
    avatar.with_suffix(".report.json").write_text(json.dumps(REPORT))
    avatar.with_suffix(".report.html").write_text("<h1>Report</h1>")
    Register(signed).note("avatar", avatar, whole=True)
    return {"summary": "made", "began_at": int(kept.read_text())}


if __name__ == "__main__":
    work.KINDS = {**work.KINDS, "check": check, "fit": fit}
    sys.exit(work.main(Path(sys.argv[1])))
