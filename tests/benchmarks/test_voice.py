"""The table over several voices: every figure beside its goal, means that mean something, and a page."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import voice

from avatar_engine.clone import voice_report
from tests.clone.findings import voice_scores


@pytest.fixture
def found() -> dict[str, dict[str, Any]]:
    """Two voices: one pitch is 5 % high, the other's 15 % low; one has errors that its base had not."""
    one = voice_report.figures("en", voice_scores())
    other = copy.deepcopy(one)
    other["delivery"]["clone"]["pitch"] = 170.0
    other["share_of_way"] = 1.0
    other["languages"][0] |= {"word_errors": 0.01, "unfitted_errors": 0.0}
    return {"a.wav": one, "b.wav": other}


def test_means_are_of_sizes_and_of_sums(found: dict[str, dict[str, Any]]) -> None:
    rows = {label: cells for label, _, cells in voice.compared(found)}
    share = rows["voice, from stranger to person"]
    assert [cell.value for cell in share] == [0.5, 1.0, 0.75] and not share[-1].met
    pitch = rows["median pitch, off the person's"]
    assert [cell.value for cell in pitch] == pytest.approx([0.05, -0.15, 0.10]) and pitch[-1].met
    ratio = rows["errors against those before the fit"]
    assert ratio[1].value == float("inf") and ratio[-1].value == pytest.approx(0.135 / 0.125)


def test_json_and_page_have_all_voices(found: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    for name in found:
        (tmp_path / name).mkdir()
        (tmp_path / name / voice.SECTION).write_text(f"<p>All of {name}</p>")
    voice.write(found, tmp_path, tmp_path / "table.json")
    table = json.loads((tmp_path / "table.json").read_text())["table"]
    errors = next(row for row in table if row["figure"] == "errors against those before the fit")
    assert errors["recordings"] == {"a.wav": 1.0, "b.wav": None} and errors["goal"] == "≤ 1.50 ×"
    page = (tmp_path / "table.html").read_text()
    assert "<p>All of b.wav</p>" in page and "it had none" in page and "≥ 93%" in page


def test_time_left_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    follow = voice.Follow("a.wav", started=100.0)
    monkeypatch.setattr(voice.time, "monotonic", lambda: 130.0)
    follow("voice check", 0.25, "en")
    assert "90 s left" in capsys.readouterr().out
