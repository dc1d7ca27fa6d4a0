"""Which layout a show has, how a technician changes it, and its preview."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.live.layout_preview import preview
from avatar_engine.live.layouts import changing, place_of, plan_of
from avatar_engine.show.scenes import Scenes
from avatar_engine.show.script import Script
from avatar_engine.stage import layout_file


def test_the_command_line_goes_before_the_script_and_files_are_found_beside_whoever_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shows, here = tmp_path / "shows", tmp_path / "here"
    for folder in (shows, here):
        folder.mkdir()
        (folder / "mine.toml").write_text('base = "square"')
    monkeypatch.chdir(here)
    script, file = Script((), "en", layout="mine.toml"), shows / "show.md"
    assert place_of("", Script((), "en"), None) == "plain"
    assert place_of("", Script((), "en", layout="news"), file) == "news"
    assert place_of("", script, file) == str(shows / "mine.toml")
    assert place_of("mine.toml", script, file) == str(here / "mine.toml")
    assert plan_of("vertical", script, file).name == "vertical" and plan_of("", script, file).size == "1:1"


def test_an_order_is_checked_before_anything_changes(tmp_path: Path) -> None:
    scenes = Scenes()
    change = changing(scenes, (1280, 720))
    assert change("news") == "The layout is news." and scenes.seen("", 0).layout == "news"
    path = tmp_path / "mine.toml"
    for text, what in (
        ('size = "9:16"', "size of a picture on air can't change"),
        ("size = 3", "has mistakes"),
    ):
        path.write_text(text)
        with pytest.raises(AvatarError, match=what):
            change(str(path))
    for name, what in (("", "No layout is named"), ("none", "no layout")):
        with pytest.raises(AvatarError, match=what):
            change(name)
    assert scenes.seen("", 0).layout == "news"
    path.write_text('base = "news"')
    change(str(path))
    first = scenes.seen("", 0)
    path.write_text('base = "shopping"')
    change(str(path))
    assert (
        first.layout == scenes.seen("", 0).layout == str(path) and first.version != scenes.seen("", 0).version
    )


@pytest.mark.parametrize(
    ("name", "size"), [("plain", (1280, 720)), ("vertical", (720, 1280)), ("square", (720, 720))]
)
def test_a_preview_is_a_picture_of_the_layouts_size_with_samples_on_it(
    tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    assert preview(layout_file.load(name), tmp_path / "p.png") == size
    drawn = cv2.imread(str(tmp_path / "p.png"))
    assert drawn is not None and drawn.shape == (size[1], size[0], 3)
    assert (drawn.min(2) > 250).mean() > 0.02, "the card"


def test_a_preview_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    for output, what in (("p.gif", "is no picture"), ("none/p.png", "can't be written")):
        with pytest.raises(AvatarError, match=what):
            preview(layout_file.load("plain"), tmp_path / output)
    with pytest.raises(AvatarError, match="made for 9:16"):
        preview(layout_file.load("vertical"), tmp_path / "p.png", size=(1280, 720))
    assert not list(tmp_path.iterdir())
