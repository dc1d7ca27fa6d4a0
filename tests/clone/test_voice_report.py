"""A voice's figures against their goals, what is called weak, and the sentences to see and hear."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from avatar_engine.clone import echoes, voice_report
from avatar_engine.contracts import Speech
from avatar_engine.media.read import sound
from avatar_engine.voice.align import Stretch
from avatar_engine.voice.sentences import SENTENCES
from tests.clone.findings import voice_examples, voice_scores


def figures() -> dict[str, Any]:
    return voice_report.figures("en", voice_scores())


def test_the_figures_are_json_with_every_measure() -> None:
    found = json.loads(json.dumps(figures()))
    assert found["word_error_rate"] == 0.125 and found["share_of_way"] == 0.5
    english, french = found["languages"]
    assert (english["language"], english["sentences"], english["unfitted_errors"]) == ("en", 2, 0.125)
    assert french["unfitted_errors"] is None and french["lines"][0]["said"] == "Bonjour à tous."
    assert found["delivery"]["clone"]["pitch"] == 210 and found["delivery"]["held_out"]["pace"] is None
    assert set(found["artefacts"]["person"]) == {"click", "clicks", "harmonicity", "noise", "clipped"}
    assert found["unfitted"] == {"encoder": 0.5, "judge": 0.3}


def test_every_figure_meets_its_goal_or_not() -> None:
    rows = {one.label: one for one in voice_report.judged(figures())}
    assert {label: one.met for label, one in rows.items()} == {
        "voice, from stranger to person": False,
        "the same by a second encoder": False,
        "word errors, en": False,
        "errors against those before the fit": True,
        "word errors, fr": True,
        "median pitch, off the person's": True,
        "spread of the pitch, off the person's": False,
        "pace, off the person's": True,
    }
    assert rows["spread of the pitch, off the person's"].shown == "-33%"
    assert rows["median pitch, off the person's"].shown == "+5%"
    assert rows["word errors, fr"].goal == "≤ 8.0%"


def test_errors_where_there_were_none_are_never_good_enough() -> None:
    assert voice_report.ratio(0.0, 0.0) == 1.0
    assert voice_report.ratio(0.03, 0.02) == pytest.approx(1.5)
    scores = voice_scores()
    perfect = replace(scores.languages[0], unfitted_errors=0.0)
    worse = voice_report.figures("en", replace(scores, languages=(perfect,)))
    row = voice_report.judged(worse)[3]
    assert row.met is False and row.shown == "it had none"
    json.dumps(worse, allow_nan=False)


def test_what_is_weak_is_said_in_plain_words() -> None:
    said = " ".join(figures()["weak"])
    assert "50%" in said and "12.5%" in said and "-33%" in said and "buzzy" in said
    assert "hiss" not in said and "clicks" not in said and "LUFS" not in said
    scores = voice_scores()
    room = replace(scores, person_artefacts=replace(scores.person_artefacts, noise=-20.0))
    assert "buzzy" not in " ".join(voice_report.figures("en", room)["weak"]), (
        "it is clearer than a noisy room"
    )
    noisy = replace(scores.artefacts, clicks=20.0, noise=-20.0, clipped=3.0, harmonicity=2.0)
    worse = voice_report.figures(
        "en", replace(scores, artefacts=noisy, voice=replace(scores.voice, loudness=-12.0))
    )
    said = " ".join(worse["weak"])
    assert all(word in said for word in ("20 clicks", "hiss", "clipped", "hoarse", "-12.0 LUFS"))


def test_a_perfect_voice_has_nothing_weak() -> None:
    scores = voice_scores()
    english = replace(scores.languages[0], word_errors=0.01)
    good = replace(
        scores, share=0.97, judge_share=0.9, languages=(english,), voice=replace(scores.voice, spread=3.0),
        artefacts=scores.person_artefacts,
    )  # fmt: skip
    found = voice_report.figures("en", good)
    assert found["weak"] == []
    assert "Every goal is met" in voice_report.section(found, ())


def test_the_section_has_players_spectrograms_and_what_was_misheard(tmp_path: Path) -> None:
    page = voice_report.section(figures(), voice_examples())
    players = re.findall(r'<audio controls [^>]*src="data:audio/mpeg;base64,([^"]+)"', page)
    assert len(players) == 3 == page.count("data:image/jpeg")
    assert "yellow you" in page and "Hello &lt;you&gt;." in page and "<you>" not in page
    assert "good morning to all of us" not in page  # the clone was understood there
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    (tmp_path / "one.mp3").write_bytes(base64.b64decode(players[0]))
    assert np.abs(sound(tmp_path / "one.mp3")).max() == pytest.approx(0.2, rel=0.1)


def test_examples_are_stretches_at_the_person_s_pace_and_one_of_every_other_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    second = 24_000
    samples = np.arange(60 * second, dtype=np.float32)
    pieces = [Stretch(n * 6 * second, (n * 6 + 1 + n) * second, f"piece {n}") for n in range(6)]
    clone = Speech(np.ones(10, np.float32))
    monkeypatch.setattr(echoes, "paced", lambda voice, piece, language: clone)
    monkeypatch.setattr(voice_report, "say", lambda voice, utterance: clone)
    voice: Any = SimpleNamespace()
    found = voice_report.examples(samples, pieces, voice, ["en", "fr"], 3)
    assert [one.words for one in found] == [
        "piece 1",
        "piece 3",
        "piece 5",
        SENTENCES["fr"][0],
    ]  # 0 is too short
    assert (
        found[0].person is not None
        and found[0].person[0] == 6 * second
        and len(found[0].person) == 2 * second
    )
    assert found[-1].person is None and found[-1].language == "fr"
    assert voice_report.examples(samples, [], voice, ["en"]) == []
