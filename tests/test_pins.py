"""The pinned versions and the licence table leave nothing out."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata, util
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def needed() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra in project["optional-dependencies"].values() for line in extra]
    return [Requirement(line) for line in (*project["dependencies"], *extras)]


def test_every_dependency_is_pinned_to_a_version_that_it_allows() -> None:
    found = pins()
    for need in needed():
        version = found.get(canonicalize_name(need.name))
        assert version, f"{need.name}: run scripts/pin.py"
        assert need.specifier.contains(version), need


def test_pins_are_exact_and_of_no_single_build() -> None:
    assert all(re.fullmatch(r"[0-9][0-9A-Za-z.]*", version) for version in pins().values())


def test_what_a_dependency_needs_is_pinned_too() -> None:
    found = pins()
    for need in needed():
        if need.name == "pocket-tts" and not util.find_spec("pocket_tts"):
            continue
        for line in metadata.requires(need.name) or ():
            further = Requirement(line)
            if further.marker is None or further.marker.evaluate({"extra": ""}):
                assert canonicalize_name(further.name) in found, f"{need.name} needs {further.name}"


def test_the_licence_table_names_every_package_and_weight() -> None:
    page = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    weights = tomllib.loads((ROOT / "models" / "manifest.toml").read_text(encoding="utf-8"))
    missing = [name for name in (*pins(), *weights) if f"`{name}`" not in page]
    assert not missing


def test_copyleft_parts_are_said_to_be_so() -> None:
    page = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    for name, licence in (
        ("piper-tts", "GPL-3.0"),
        ("num2words", "LGPL-2.1"),
        ("soxr", "LGPL-2.1"),
        ("x264", "GPL-2.0"),
    ):
        assert any(name in line and licence in line for line in page.splitlines()), name


def test_the_engine_itself_imports_nothing_under_the_gpl() -> None:
    importing = [
        path.name
        for path in (ROOT / "avatar_engine").rglob("*.py")
        if re.search(r"^\s*(from|import) piper\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert importing == ["espeak_process.py"]
