"""What a clone says of itself, for people and as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from avatar_engine.bundle import BundleWriter
from avatar_engine.clone import report
from avatar_engine.clone.inspect import REPORT, describe, manifest_json
from avatar_engine.clone.report import Findings
from avatar_engine.errors import AvatarError


def avatar(folder: Path, found: Findings, sha256: str | None = None, reported: bool = True) -> Path:
    agreed = found.consent.consent
    made = {
        "source_name": agreed.clip_name,
        "source_sha256": sha256 or agreed.clip_sha256,
        "device": {"name": "A processor"},
    }
    path = folder / "marie.avatar"
    with BundleWriter(path, found.name, made, found.consent) as writer:
        if reported:
            writer.add_json(REPORT, report.figures(found))
    return path


def shown(path: Path) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(describe(path))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_people_see_origin_figures_consent_and_parts(tmp_path: Path, found: Findings) -> None:
    text = shown(avatar(tmp_path, found))
    for words in (
        "Marie & Co", "take [one].mp4", found.consent.consent.clip_sha256[:16], "A processor",
        "opening correlation 0.91, spread 1.05", "50% of the way", "word errors 12.5%",
        "Marie <Test>", "live-shopping", REPORT,
    ):  # fmt: skip
        assert words in text, words


def test_a_clone_without_a_report_is_described_by_what_it_has(tmp_path: Path, found: Findings) -> None:
    path = avatar(tmp_path, found, reported=False)
    assert "opening correlation" not in shown(path)
    assert json.loads(manifest_json(path))["report"] is None


def test_the_json_has_manifest_and_report(tmp_path: Path, found: Findings) -> None:
    whole = json.loads(manifest_json(avatar(tmp_path, found)))
    assert whole["name"] == "Marie & Co"
    assert whole["parts"][REPORT]["sha256"]
    assert whole["report"]["voice"]["word_error_rate"] == 0.125


def test_a_clone_of_another_clip_than_was_agreed_to_is_refused(tmp_path: Path, found: Findings) -> None:
    with pytest.raises(AvatarError, match=r"not made from the clip take \[one\]\.mp4"):
        describe(avatar(tmp_path, found, sha256="0" * 64))
