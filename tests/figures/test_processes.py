from __future__ import annotations

import subprocess
import sys

from avatar_engine.figures.processes import Processes

WORK = "import time\nend = time.process_time() + 0.15\nwhile time.process_time() < end: pass\nprint(flush=True)\n"
NEST = """
import subprocess, sys
below = subprocess.Popen([sys.executable, "-c", "input()"])
print(below.pid, flush=True)
below.wait()
"""


def test_parts_are_named_and_what_ended_still_counts():
    child = subprocess.Popen(
        [sys.executable, "-c", WORK + "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        looked = Processes()
        first = looked.look({"voice": child.pid, "broadcast": None})
        assert child.pid in first["voice"].pids and first["voice"].cpu_seconds >= 0.1
        assert first["voice"].rss_mb > 3 and first["show"].rss_mb > 20
    finally:
        child.communicate(b"\n", timeout=20)
    later = looked.look({"voice": None})
    assert later["voice"].pids == [] and later["voice"].rss_mb == 0
    assert later["voice"].cpu_seconds == first["voice"].cpu_seconds
    assert looked.look({})["voice"].cpu_seconds == first["voice"].cpu_seconds
    assert child.pid not in {pid for pid, _ in looked._spent}  # thousands of connections leave nothing behind


def test_what_the_broadcast_started_is_a_sender_and_the_rest_is_other():
    parent = subprocess.Popen([sys.executable, "-c", NEST], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        below = int(parent.stdout.readline())
        assert Processes().look({"broadcast": parent.pid})["sender"].pids == [below]
        assert {below, parent.pid} <= set(Processes().look({})["other"].pids)
    finally:
        parent.communicate(b"\n", timeout=20)
