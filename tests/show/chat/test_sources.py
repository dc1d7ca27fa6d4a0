"""Sources are found by name, those of other packages, too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat.sources import source_of


def nowhere() -> float:
    return 0.0


def test_sources_are_named_and_unknown_ones_list_the_known(tmp_path: Path) -> None:
    (tmp_path / "chat.jsonl").write_text("")
    for text, name in (
        ("twitch:Marie", "twitch"),
        ("irc:irc.example:6697/#shop", "irc"),
        ("inlet:8787", "inlet:8787"),
        ("replay:chat.jsonl", "replay:chat.jsonl"),
        ("youtube:dQw4w9WgXcQ", "youtube:dQw4w9WgXcQ"),
        ("bilibili:1700000000001", "bilibili:1700000000001"),
        ("relay:tikfinity@ws://127.0.0.1:21213/", "relay:tikfinity@ws://127.0.0.1:21213"),
    ):
        assert source_of(text, tmp_path, nowhere).name == name
    for text, said in (
        ("myspace:marie", "Known are twitch, irc, youtube, bilibili, relay, inlet, replay"),
        ("twitch:", "names no place"),
        ("irc:nowhere", "no IRC channel"),
        ("inlet:http", "no port"),
        ("inlet:99999", "no port"),
        ("replay:none.jsonl", "can't be read"),
    ):
        with pytest.raises(AvatarError) as caught:
            source_of(text, tmp_path, nowhere)
        assert said in f"{caught.value.what} {caught.value.advice}"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Installs a package of somebody else that brings the chat ``pigeon``; its code is given."""

    def install(code: str) -> None:
        about = tmp_path / "pigeons-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeons\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("[avatar_engine.chat]\npigeon = pigeons_chat:Pigeon\n")
        (tmp_path / "pigeons_chat.py").write_text(code)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "pigeons_chat", raising=False)

    yield install  # type: ignore[misc]
    sys.modules.pop("pigeons_chat", None)


GOOD = """
class Pigeon:
    def __init__(self, place):
        self.name = f"pigeon:{place}"
    def ready(self): ...
    def reserve(self): ...
    def run(self, put, stop): ...
"""


def test_a_chat_of_another_package_is_found_by_its_entry_point(
    package: Callable[[str], None], tmp_path: Path
) -> None:
    package(GOOD)
    assert source_of("pigeon:loft", tmp_path, nowhere).name == "pigeon:loft"
    with pytest.raises(AvatarError, match=r"Known are .*pigeon"):
        source_of("dove:loft", tmp_path, nowhere)
    with pytest.raises(AvatarError, match="names no place"):
        source_of("pigeon:", tmp_path, nowhere)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import no_such_module_at_all", "can't be loaded .ModuleNotFoundError"),
        ("", "can't be loaded .AttributeError"),
        ("Pigeon = lambda place: 1 / 0", "can't be loaded .ZeroDivisionError"),
        ("Pigeon = lambda place: None", "it has no ready, reserve, run"),
        (GOOD.replace("self.name", "self.called"), "it has no name"),
        (GOOD.replace("run", "walk"), "it has no run"),
    ],
)
def test_a_package_that_brings_no_source_is_told(
    package: Callable[[str], None], tmp_path: Path, code: str, said: str
) -> None:
    package(code)
    with pytest.raises(AvatarError, match=said):
        source_of("pigeon:loft", tmp_path, nowhere)


def test_a_package_can_not_take_a_name_that_is_ours(package: Callable[[str], None], tmp_path: Path) -> None:
    package(GOOD)
    (tmp_path / "pigeons-1.0.dist-info" / "entry_points.txt").write_text(
        "[avatar_engine.chat]\ntwitch = pigeons_chat:Pigeon\n"
    )
    assert source_of("twitch:marie", tmp_path, nowhere).name == "twitch"
