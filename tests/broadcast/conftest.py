"""Tests of AV1 have a process of their own, and a second and third chance.

Once in a hundred streams, where other work is on the machine, SVT-AV1 4.1 waits for ever for a packet within its first
pictures, in C, where no limit of time reaches it. A show's broadcast that does so is replaced; all tests that
come after it would not be.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

APART = "TEST_APART"
CHANCES, LONGEST = 3, 60.0  # seconds


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run what has AV1 among its parameters in a process that can be given up."""
    callspec = getattr(pyfuncitem, "callspec", None)
    if callspec is None or "av1" not in callspec.params.values() or APART in os.environ:
        return None
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", pyfuncitem.nodeid]
    for _ in range(CHANCES):
        try:
            ran = subprocess.run(
                command, cwd=pyfuncitem.config.rootpath, env=os.environ | {APART: "1"}, timeout=LONGEST,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            continue
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return True
    raise AssertionError(f"{CHANCES} times it had not ended after {LONGEST:.0f} s")
