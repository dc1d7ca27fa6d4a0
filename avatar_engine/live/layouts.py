"""Which layout a show has, and how another one comes on air."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.show.scenes import Scenes
from avatar_engine.show.script import Script
from avatar_engine.stage import layout_file
from avatar_engine.stage.layout import BUILT_IN, PLAIN, Layout


def place_of(asked: str, script: Script, file: Path | None) -> str:
    """Where the layout of a show is: a built-in's name or an absolute path.

    Args:
        asked: What the user wants, seen from the working folder; "" for what the script says.
        script: Names one, seen from its own folder, or none.
        file: The script's; None where there is none.
    """
    name, folder = (asked, Path()) if asked else (script.layout, file.parent if file else Path())
    return (name or PLAIN) if not name or name in BUILT_IN else str((folder / name).resolve())


def plan_of(asked: str, script: Script, file: Path | None) -> Layout:
    """The layout of a show, checked.

    Raises:
        AvatarError: It has mistakes, or is not there.
    """
    return layout_file.load(place_of(asked, script, file))


def changing(scenes: Scenes, size: tuple[int, int]) -> Callable[[str], str]:
    """The order of a technician to change the layout of a show of this size; what it says was done.

    The layout is read and checked first: what is on air stays while anything is wrong with the new one.
    """

    def change(name: str) -> str:
        if not name:
            raise AvatarError("No layout is named.", f"Give {', '.join(BUILT_IN)}, or a .toml file.")
        plan = layout_file.load(name, Path("/"))
        plan.refuse_other(
            size,
            "The size of a picture on air can't change: choose a layout of its aspect, or start a show with this one.",
        )
        version = 0 if name in BUILT_IN else Path(name).stat().st_mtime_ns
        scenes.change(name if name in BUILT_IN else str(Path(name).resolve()), version)
        return f"The layout is {plan.name}."

    return change
