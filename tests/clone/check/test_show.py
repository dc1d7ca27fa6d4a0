"""Table, JSON and page say the same, and the page stands alone."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

from rich.console import Console

from avatar_engine.clone.check import show
from avatar_engine.clone.check.finding import Verdict, fatal
from avatar_engine.clone.check.run import Checked
from tests.clone.check.seen import checked, hearing, looks


def poor() -> Checked:
    """A clip that is noisy, and whose light flickers off at its end."""
    seen = looks()
    seen.sharpness[500:520] = 0.05
    return checked(seen, replace(hearing(), above_noise=9.0))


def shown(found: Checked) -> str:
    console = Console(file=io.StringIO(), width=180)
    console.print(show.table(found))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_good_minute_is_called_one() -> None:
    found = checked()
    assert found.verdict is Verdict.GOOD
    text = shown(found)
    assert "A good minute" in text and "could be better" not in text


def test_the_table_has_what_was_found_and_what_to_do() -> None:
    found = poor()
    assert found.verdict is Verdict.COULD_BE_BETTER
    text = " ".join(shown(found).split())
    assert "2 of 23 points could be better" in text
    assert "speech is only 9 dB above it" in text and "Turn fans and music off" in text
    assert "from 40.0 s to 41.6 s" in text


def test_what_is_refused_decides() -> None:
    found = poor()
    worse = replace(found, findings=(*found.findings, fatal("face", "none", "No face.", "Film it.")))
    assert worse.verdict is Verdict.WILL_FAIL
    assert "would be refused: 1 of 24" in worse.summary()


def test_the_json_has_every_finding_with_its_time() -> None:
    figures = json.loads(show.as_json(poor()))
    assert figures["verdict"] == "could be better"
    (sharp,) = [finding for finding in figures["findings"] if finding["topic"] == "sharpness"]
    assert sharp["verdict"] == "could be better" and sharp["spans"] == [[40.0, 41.6]]
    assert figures["sound"]["above_noise_db"] == 9.0
    assert figures["sync"]["offset_ms"] == 3.0
    assert figures["phones"]["ʃ"] == 2
    assert figures["words"][0]["text"] == "Hello <there>."


def test_the_page_needs_nothing_else_shows_moments_and_escapes_words() -> None:
    page = show.as_html(poor())
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert page.count("<svg") == 4
    assert "Hello &lt;there&gt;." in page
    assert "sharpness at 40.0 s to 41.6 s" in page
    assert page.index("could be better") < page.index(">good<")  # what is wrong comes first


def test_pictures_are_those_nearest_to_the_worst_moments() -> None:
    found = poor()
    (sharp,) = [finding for finding in found.findings if finding.topic == "sharpness"]
    (picture,) = show.pictures(sharp, found.looks.stills)
    assert picture["time"] == "40.0 s to 41.6 s" and picture["image"].startswith("data:image/jpeg;base64,")
    assert show.pictures(sharp, {}) == []
    good = next(finding for finding in found.findings if finding.verdict is Verdict.GOOD)
    assert show.pictures(good, found.looks.stills) == []
