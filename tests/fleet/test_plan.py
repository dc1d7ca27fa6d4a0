"""A fleet's file: what it says, and how its mistakes are told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.fleet import plan

GOOD = """
mode = "ray"
address = "10.0.0.5:6379"
lease = "20s"

[show.marie]
avatar = "marie.avatar"
script = "shows/evening.md"
beside = ["shop.csv"]
to = ["env:MARIE", "file:keys/marie.txt"]
size = "1280x720"
begin = 2027-01-05T20:00:00Z
length = "1h30m"

[clone.paul]
video = "/clips/paul.mp4"
consent = "paul.toml"
output = "paul.avatar"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "fleet.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str) -> str:
    with pytest.raises(AvatarError) as error:
        plan.load(written(folder, text))
    return error.value.what


def test_a_file_is_read_with_its_paths_seen_from_its_folder(tmp_path: Path) -> None:
    fleet = plan.load(written(tmp_path, GOOD))
    assert (fleet.mode, fleet.lease, list(fleet.plans)) == ("ray", 20.0, ["marie", "paul"])
    marie, paul = fleet.show["marie"], fleet.clone["paul"]
    assert marie.script == tmp_path / "shows" / "evening.md" and marie.length == 5400
    assert marie.to == ("env:MARIE", f"file:{tmp_path / 'keys' / 'marie.txt'}")
    assert marie.begin == datetime(2027, 1, 5, 20, tzinfo=UTC)
    assert (paul.video, paul.output, paul.budget) == (Path("/clips/paul.mp4"), tmp_path / "paul.avatar", 1200)


def test_local_is_the_default_and_needs_nothing_but_a_show(tmp_path: Path) -> None:
    fleet = plan.load(written(tmp_path, '[show.a]\navatar = "a"\nscript = "b"\nto = ["env:A"]\n'))
    assert fleet.mode == "local" and fleet.show["a"].begin is None


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    told = refused(
        tmp_path,
        GOOD.replace('size = "1280x720"', 'size = "720p"\ncolour = "red"').replace(
            'script = "shows/evening.md"\n', ""
        ),
    )
    assert "line 10, show.marie.size: '720p' is no size" in told
    assert "line 11, show.marie.colour" in told
    assert "line 6, show.marie.script: Field required" in told


@pytest.mark.parametrize("named", ["/etc/passwd", "../other/shop.csv", "sets/../../shop.csv", ".."])
def test_what_is_beside_the_script_is_in_its_folder(tmp_path: Path, named: str) -> None:
    told = refused(tmp_path, GOOD.replace('["shop.csv"]', f'["sets", "{named}"]'))
    assert f"line 9, show.marie.beside.1: '{named}' is not beside the script" in told


def test_a_stream_key_in_the_file_is_refused_and_never_repeated(tmp_path: Path) -> None:
    told = refused(tmp_path, GOOD.replace('"env:MARIE"', '"rtmp://a.example/live/SECRET"'))
    assert "line 10, show.marie.to" in told and "env:VARIABLE" in told
    assert "SECRET" not in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mode = 3", "line 1, mode"),
        ("lease = '1s'", "line 1, lease"),
        ("[show.a", "no TOML"),
        ("[show.Marie]\navatar='a'\nscript='b'\nto=['env:A']", "'Marie' is no name"),
        ("[show.a]\navatar='a'\nscript='b'\nto=[]", "line 4, show.a.to"),
        (
            "[show.a]\navatar='a'\nscript='b'\nto=['env:A']\n[show.b]\navatar='a'\nscript='b'\nto=['env:A']",
            "one publisher",
        ),
        (
            "[show.a]\navatar='a'\nscript='b'\nto=['env:A']\n[clone.a]\nvideo='v'\nconsent='c'\noutput='o'",
            "given once",
        ),
        (
            "[clone.a]\nvideo='v'\nconsent='c'\noutput='o'\nbudget='soon'",
            "line 5, clone.a.budget: 'soon' is no duration",
        ),
    ],
)
def test_what_is_no_fleet_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    fleet = plan.load(written(tmp_path, GOOD))
    (tmp_path / "marie.avatar").touch()
    told = plan.missing(fleet)
    assert not any("show.marie.avatar" in one for one in told)
    for field in ("show.marie.script", "show.marie.beside", "clone.paul.video", "clone.paul.consent"):
        assert any(one.startswith(field) for one in told), field


def test_addresses_come_from_variables_and_files_alone(tmp_path: Path) -> None:
    kept = tmp_path / "key"
    kept.write_text("rtmp://a/live/K\nsecond line\n")
    assert plan.address("env:A", {"A": " rtmp://b/live/K "}) == "rtmp://b/live/K"
    assert plan.address(f"file:{kept}") == "rtmp://a/live/K"
    for goal in ("env:NONE", f"file:{tmp_path / 'none'}"):
        with pytest.raises(AvatarError):
            plan.address(goal, {})
