"""Imports point down only, as docs/architecture.md says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ENGINE = Path(__file__).parent.parent / "avatar_engine"
BASE = {"birth", "contracts", "errors", "folders", "timing"}
LOW = BASE | {"bundle", "device", "inference", "markup", "models", "settings", "trust", "media", "face"}
MAY = {
    "clone": LOW | {"pages", "stage", "lips", "voice"},
    "figures": BASE | {"live", "pages", "kpis"},
    "fleet": BASE | {"bundle", "capacity", "device", "figures", "live", "trust"},
    "kpis": BASE | {"show", "pages"},
    "rights": BASE | {"bundle", "trust", "pages", "figures"},
    "studio": LOW
    | {
        "broadcast",
        "capacity",
        "clone",
        "figures",
        "fleet",
        "kpis",
        "live",
        "pages",
        "rights",
        "show",
        "stage",
        "verify",
        "voice",
    },
    "live": LOW | {"show", "stage", "voice", "lips", "broadcast", "engine", "capacity"},
    "engine": BASE | {"bundle", "device", "inference", "face", "lips", "media"},
    "capacity": BASE | {"device"},
    "gauge": LOW | {"capacity", "engine", "live", "figures", "broadcast", "stage", "voice"},
    "show": LOW | {"web"},
    "stage": LOW,
    "lips": LOW,
    "voice": LOW - {"face"},
    "face": LOW - {"face"},
    "media": BASE,
    "pages": BASE,
    "broadcast": BASE,
    "trust": BASE | {"web"},
    "bundle": BASE | {"trust"},
    "markup": BASE,
    "models": BASE,
    "device": BASE,
    "inference": BASE | {"device"},
    "settings": BASE,
    "verify": BASE | {"bundle", "trust", "media", "broadcast"},
    "doctor": LOW | {"stage", "lips", "voice", "show", "broadcast", "live", "clone"},
    "timing": {"contracts"},
    "web": set(),
    "folders": set(),
    "birth": set(),
    "contracts": {"errors"},
    "errors": set(),
}
"""What each room and module may import of the engine, besides itself; the command line may import all."""


def imported(path: Path) -> set[str]:
    """Rooms that a module imports, wherever in it the import stands."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            inside = node.module == "avatar_engine"
            names += [f"avatar_engine.{a.name}" for a in node.names] if inside else [node.module]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    parts = [name.split(".") for name in names]
    return {part[1] for part in parts if part[0] == "avatar_engine" and len(part) > 1} - {"__version__"}


def test_every_room_is_listed() -> None:
    found = {p.name if p.is_dir() else p.stem for p in ENGINE.iterdir() if p.is_dir() or p.suffix == ".py"}
    assert {name for name in found if not name.startswith("_")} == {*MAY, "cli"}


@pytest.mark.parametrize("room", MAY)
def test_imports_point_down(room: str) -> None:
    place = ENGINE / room
    for path in place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
        assert imported(path) <= MAY[room] | {room}, path
