"""The report: its figures are those that were found, and the page stands alone."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from avatar_engine.clone import report
from avatar_engine.clone.report import Findings


def test_the_figures_are_json_and_those_that_were_found(found: Findings) -> None:
    figures = json.loads(json.dumps(report.figures(found)))
    assert figures["held_out_seconds"] == 2.0
    assert figures["lips"]["opening_correlation"] == pytest.approx(0.91)
    assert figures["lips"]["psnr_sound"] == figures["lips"]["driven_psnr"] == pytest.approx(35.5)
    assert figures["lips"]["painted_spread"] == pytest.approx(1.05)
    assert "driven_rest_lips" not in figures["lips"]  # what was not measured is left out
    assert figures["voice"]["share_of_way"] == 0.5
    assert figures["voice"]["judge_share_of_way"] == pytest.approx(0.714)
    assert figures["voice"]["languages"][0]["lines"][0]["heard"] == "yellow you"
    assert figures["body"]["worst_jump"] == pytest.approx(1.7)
    assert figures["clip"]["picture"] == "640x480, 29.97 fps"
    assert figures["clip"]["sound_corrected"] is True
    assert figures["clip"]["face_found"] == 1.0
    assert figures["warnings"] == ["The room is <loud>."]
    assert figures["seconds"]["lips"] == 400.0


def test_a_voice_without_strangers_or_judge_has_its_figures_too(found: Findings) -> None:
    scores = found.voice.scores
    bare = replace(
        scores,
        likeness=replace(scores.likeness, judge=None),
        strangers=None,
        unfitted=None,
        share=None,
        judge_share=None,
    )
    alone = replace(found, voice=replace(found.voice, scores=bare))
    figures = report.figures(alone)
    assert figures["voice"]["share_of_way"] == 0.0 and figures["voice"]["judge_share_of_way"] is None
    assert "independent judge" not in report.page(alone, figures)
    assert "independent judge" in report.page(found, report.figures(found))


def test_a_card_is_green_only_where_its_goal_is_reached(found: Findings) -> None:
    figures = report.figures(found)
    good = {card["what"]: card["good"] for card in report._cards(figures)}
    lips, voice = list(good.values())[:3], list(good.items())[3:]
    assert lips == [True, True, True]
    assert [what for what, met in voice if met] == [
        "errors against those before the fit",
        "word errors, fr",
        "median pitch, off the person's",
        "pace, off the person's",
    ]
    figures["lips"]["spread_ratio"] = 1.2
    assert not report._cards(figures)[1]["good"]


def test_the_page_needs_nothing_else_and_escapes_what_people_wrote(found: Findings) -> None:
    page = report.page(found, report.figures(found))
    assert "Marie &amp; Co" in page and "The room is &lt;loud&gt;." in page and "Marie &lt;Test&gt;" in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    images = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert len(images) == 2 + 3 and page.count("<svg") == 6
    shades = [
        cv2.imdecode(np.frombuffer(base64.b64decode(image), np.uint8), cv2.IMREAD_COLOR).mean()
        for image in images[:2]
    ]
    assert shades == pytest.approx([40, 200], abs=2)
    assert "48.0 s: real" in page  # the first pair is of frame 1200
