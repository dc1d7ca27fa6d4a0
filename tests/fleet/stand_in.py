"""What a keeper starts in tests: a family of processes that do nothing, or end as they are told.

Reads its arguments, a JSON list, from its standard input, as the command line does; the first one says what to do.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def family() -> None:
    """Children of every kind that a show has: one in the same session, one in its own, one whose parent has gone."""
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    plain, apart = subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)
    begin = f"import subprocess; print(subprocess.Popen({sleep!r}, stdout=2, start_new_session=True).pid)"
    orphan = subprocess.run(
        [sys.executable, "-c", begin],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    Path("family.json.partial").write_text(
        json.dumps([os.getpid(), plain.pid, apart.pid, int(orphan.stdout)])
    )
    Path("family.json.partial").replace("family.json")


def main() -> None:
    words = json.loads(sys.stdin.readline())
    match words[0]:
        case "family":
            family()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        case "heir":  # the first process dies, and another one goes on, as a show's broadcast does
            family()
            os._exit(9)
        case "refuse":
            sys.stderr.write("Error: The consent does not cover it.\n       Ask anew.\n")
            sys.exit(2)
        case "tell":
            Path("told.json").write_text(json.dumps({"words": words, "secret": os.environ.get("A_SECRET")}))


if __name__ == "__main__":
    main()
