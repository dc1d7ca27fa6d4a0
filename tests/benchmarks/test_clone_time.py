"""The benchmark's row holds what the clone's report says."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

import clone_time

from avatar_engine import device

REPORT = {
    "lips": {"opening_correlation": 0.92, "spread_ratio": 0.84, "psnr_sound": 30.8, "psnr_painted": 34.8},
    "voice": {"share_of_way": 0.96, "judge_share_of_way": 0.91, "word_error_rate": 0.05},
    "clip": {"seconds": 40.0},
    "seconds": {"intake": 20.04, "lips": 240.0, "voice": 250.0, "body": 30.0, "measure": 10.0},
    "peak_memory_mb": 2885.8,
}


def test_a_row_is_the_report_with_its_machine(capsys: pytest.CaptureFixture[str]) -> None:
    row = clone_time.row_of(REPORT, 360.0, 371.24, device.choose("cpu"))
    assert row.stages == {
        "intake": 20.0,
        "lips": 240.0,
        "voice": 250.0,
        "body": 30.0,
        "measure": 10.0,
        "matte": 0.0,
    }
    assert (row.whole, row.opening, row.likeness, row.word_errors) == (371.2, 0.92, 0.91, 0.05)
    assert row.versions["torch"] and row.date
    assert clone_time.Row(**json.loads(json.dumps(asdict(row)))) == row
    clone_time.show([row])
    shown = capsys.readouterr().out
    assert "371 s" in shown and "91%" in shown and "34.8" in shown
