"""The small parts: how often, how a line is said, the chat, the texts, the backup."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from avatar_engine import markup
from avatar_engine.clone.check import judge_clip, judge_face, judge_sound
from avatar_engine.errors import AvatarError
from avatar_engine.fleet import door as fleets
from avatar_engine.studio import backup, chat, words
from avatar_engine.studio.app import made
from avatar_engine.studio.house import House
from avatar_engine.studio.rates import Rate
from avatar_engine.studio.refusals import Refusal
from avatar_engine.studio.scripts import NEW
from avatar_engine.studio.spoken import marked
from tests.clone.check.seen import hearing
from tests.clone.speaking import face_track
from tests.fleet.simulated import World
from tests.studio.conftest import PASSWORD, opened

ENGINE = Path(__file__).parents[2] / "avatar_engine" / "studio"


def test_a_bucket_fills_up_again_for_each_caller() -> None:
    now = [0.0]
    rate = Rate(2.0, 3.0, lambda: now[0])
    assert [rate.wait("a") for _ in range(3)] == [0, 0, 0]
    assert rate.wait("a") == pytest.approx(0.5)
    assert rate.wait("b") == 0
    now[0] = 0.5
    assert rate.wait("a") == 0 and rate.wait("a") > 0


@pytest.mark.parametrize("emotion", ["", "warm", "excited"])
@pytest.mark.parametrize(("speed", "pitch"), [(1.0, 0.0), (0.85, 0.0), (1.2, -1.5)])
@pytest.mark.parametrize("language", ["", "fr"])
def test_the_pages_controls_are_marks_that_the_engine_knows(
    emotion: str, speed: float, pitch: float, language: str
) -> None:
    read = markup.read(marked("Hello  there,\nyou.", emotion, speed, pitch, language))
    assert not read.mistakes
    said = next(one for one in read.parts if isinstance(one, markup.Words) and one.text.strip())
    assert said.text.strip() == "Hello there, you."
    assert said.language == language and said.manner.controls.emotion == (emotion or "neutral")
    assert said.manner.controls.speed == pytest.approx(speed)
    assert said.manner.controls.pitch == pytest.approx(pitch)


@pytest.mark.parametrize(
    ("text", "emotion", "language"), [(" ", "", ""), ("a", "angry", ""), ("a", "", 'fr"/>')]
)
def test_a_control_that_is_none_is_refused(text: str, emotion: str, language: str) -> None:
    with pytest.raises(Refusal):
        marked(text, emotion, 1, 0, language)


def test_the_chat_tells_what_was_answered_and_why_not(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    entries = [
        {"event": "ask", "at": 1, "number": 1, "kind": "answer", "text": "how big?", "count": 3},
        {"event": "say", "text": "It holds half a litre.", "source": "answer:embedded"},
        {"event": "answered", "at": 4, "number": 1, "text": "how big?"},
        {"event": "ask", "at": 5, "number": 2, "kind": "answer", "text": "does it cure?", "count": 1},
        {"event": "unanswered", "at": 6, "number": 2, "why": "refused by the guard"},
        {"event": "moderated", "at": 7, "why": "flood", "text": "spam"},
        {"event": "say", "text": "Hello.", "source": "script:3"},
    ]
    journal.write_text("\n".join(json.dumps(one) for one in entries) + '\n{"torn')
    asked, said = chat.read(journal)
    assert [(one.text, one.state, one.why) for one in asked] == [
        ("spam", "left out", "flood"), ("does it cure?", "unanswered", "refused by the guard"),
        ("how big?", "answered", ""),
    ]  # fmt: skip
    assert asked[2].answer == ["It holds half a litre."] and (asked[2].count, asked[2].by) == (3, "embedded")
    assert [one.text for one in said] == ["Hello.", "It holds half a litre."]
    assert chat.read(tmp_path / "none.jsonl") == ([], [])


def in_pages() -> set[str]:
    """Every text of the pages, and of what the forms say."""
    found: set[str] = set()
    for path in (ENGINE / "templates").rglob("*.j2"):
        found |= {
            text.replace("\\'", "'")
            for _, text in re.findall(r"_\(([\"'])(.*?)(?<!\\)\1[,)]", path.read_text())
        }
    found |= set(re.findall(r'_say\(\s*request, caller, "(.*?)"', (ENGINE / "forms.py").read_text()))
    return found


def test_every_text_is_in_french_with_the_same_values() -> None:
    known = words.catalogue("fr")
    assert in_pages() and not {text for text in in_pages() if text not in known}
    for text, french in known.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", french)), text


def raised() -> set[str]:
    """Every refusal that the studio's own files write, with one thing in the place of each value."""
    found: set[str] = set()
    known = {one.__name__ for one in (AvatarError, Refusal, *Refusal.__subclasses__())}
    for path in (*ENGINE.glob("*.py"),):
        if path.name in NOT_ON_PAGES:
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in known | {"Tested"}:
                found |= {text for text in map(written, call.args) if text.strip("x. ")}
    return found


NOT_ON_PAGES = {"backup.py", "client.py", "database.py", "house.py", "serve.py", "vault.py"}
"""What only the command line, or a program, is told."""


def written(argument: ast.expr) -> str:
    if isinstance(argument, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in argument.values)
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else ""


def test_every_refusal_of_the_studio_is_told_in_french() -> None:
    assert len(raised()) > 100
    assert not {text for text in raised() if words.theirs("fr", text) is None}


def test_what_rooms_say_is_translated_with_its_values_and_else_marked(house: House) -> None:
    said = "No face is seen in 7% of the clip, longest from 3.0 s to 5.2 s."
    assert (
        words.theirs("fr", said) == "On ne voit aucun visage dans 7% du clip, au plus long de 3.0 s à 5.2 s."
    )
    assert words.theirs("en", said) == said and words.theirs("fr", "Some other room's words.") is None
    told = "{not a value} is over."
    assert words.theirs("fr", told) == "{not a value} est terminée.", "what people type is never a template"
    line = TestClient(made(house), headers={"accept-language": "fr"})
    assert "Le nom ou le mot de passe est faux." in line.post("/sign-in", data={"name": "a"}).text
    assert '<span lang="en">Method Not Allowed</span>' in line.get("/do/clones").text


def test_the_checks_findings_are_told_in_french() -> None:
    """Of a clip with many faults, in the words of the rooms that judge it."""
    track = face_track(np.full(750, 0.1, np.float32))
    some, many = np.arange(750) < 20, np.arange(750) < 300
    twice, lost = replace(track, faces=1 + some), replace(track, found=~many)
    bad = replace(
        hearing(),
        overdriven=0.004,
        above_noise=11.0,
        highest=3400.0,
        decay=0.6,
        levels=np.full(1875, -50, np.float32),
    )
    found = [judge_clip.length("minute.mp4", seconds) for seconds in (3.0, 40.0)]
    found += [*judge_face.face(track), *judge_face.face(twice), *judge_face.face(lost)]
    found += [*judge_face.face(replace(track, found=track.found & False))]
    for heard in (
        hearing(),
        bad,
        replace(hearing(), peak=0.0),
        replace(hearing(), speaking=hearing().speaking & False),
    ):
        found += [*judge_sound.speech(heard), *judge_sound.flaws(heard), *judge_sound.room(heard)]
    assert sum(finding.verdict.value > 0 for finding in found) > 12
    told = {text for one in found for text in (one.topic, one.value, one.said, one.advice)}
    assert not {text for text in told if words.theirs("fr", text) is None}


def test_the_language_is_the_persons_or_the_browsers() -> None:
    assert words.wanted("fr", "en") == "fr"
    assert words.wanted("", "fr-CA,fr;q=0.8,en;q=0.5") == "fr"
    assert words.wanted("", "xx, de") == "en"
    assert words.translator("fr")("Overview") != "Overview"


def filled(house: House) -> None:
    house.people.accept(house.people.invite("admin", "t"), "Ada", PASSWORD)
    house.outputs.add("YouTube", "rtmps://a.rtmps.youtube.com/live2", "Ada", "the-key")
    house.scripts.add("Friday", NEW, "Ada")


def test_a_backup_of_a_studio_that_works_is_a_studio_again(house: House, tmp_path: Path) -> None:
    filled(house)
    target = tmp_path / "b.zip"
    assert backup.write(house.folder, target) >= 2
    assert target.stat().st_mode & 0o077 == 0 and b"the-key" not in target.read_bytes()
    with pytest.raises(AvatarError, match="exists"):
        backup.write(house.folder, target)
    place = tmp_path / "restored"
    backup.restore(target, place)
    again = opened(place)
    try:
        assert again.people.check_password("Ada", PASSWORD).role == "admin"
        assert again.scripts.listed()[0].text == NEW
        with pytest.raises(AvatarError, match="another key"):
            again.outputs.address(1)
    finally:
        again.close()
    with pytest.raises(AvatarError, match="already"):
        backup.restore(target, place)


def test_a_backup_with_its_keys_has_the_stream_keys_too(house: House, tmp_path: Path) -> None:
    filled(house)
    backup.write(house.folder, tmp_path / "b.zip", keys=True)
    backup.restore(tmp_path / "b.zip", tmp_path / "restored")
    again = opened(tmp_path / "restored")
    assert again.outputs.address(1).endswith("/the-key")
    again.close()


def test_what_is_no_backup_makes_no_studio(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(b"PK nothing")
    with pytest.raises(AvatarError, match="no backup"):
        backup.restore(tmp_path / "b.zip", tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_a_fleet_that_runs_here_is_seen_on_the_overview(
    as_: Callable[[str], TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = as_("viewer")
    assert "Fleet" not in viewer.get("/").text
    world = World(monkeypatch, 1, tasks=3, machines=1)
    world.pass_(10)
    assert world.supervisor is not None
    monkeypatch.setattr(fleets, "told", lambda patience: world.supervisor and world.supervisor.status())
    page = viewer.get("/").text
    assert "Fleet" in page and "show0" in page and "are left" in page
