"""A fit of stand-ins: takes steps, keeps in its working folder how far it is, and makes a clone.

One that begins takes `STEPS` of them, one that goes on thirty more.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from avatar_engine.bundle import BundleWriter
from avatar_engine.trust import consent
from avatar_engine.voice.pack import VoicePack


def main() -> None:
    words = json.loads(sys.stdin.readline())
    video, output = Path(words[1]), Path(words[words.index("-o") + 1])
    work = output.with_suffix(".avatar.work")
    kept = work / "lips" / "kept.txt"
    kept.parent.mkdir(parents=True, exist_ok=True)
    began = int(kept.read_text()) if kept.exists() else 0
    for step in range(began, began + 30 if began else int(os.environ.get("STEPS", "40"))):
        (work / "lips" / f"step{step}.txt").write_text(str(step))
        if step == 30:  # once, so that two looks find it unchanged, however slow they are
            kept.write_text(str(step))
        time.sleep(0.1)
    signed = consent.load(Path(words[words.index("--consent") + 1]))
    made = {"source_sha256": consent.clip_sha256(video)}
    with BundleWriter(output, name="paul", made=made, consent=signed) as writer:
        VoicePack.stock("af_heart").save(writer)
    for suffix in (".report.html", ".report.json"):
        output.with_suffix(suffix).write_text(json.dumps({"began": began}))


if __name__ == "__main__":
    main()
