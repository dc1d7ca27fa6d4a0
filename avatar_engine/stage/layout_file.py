"""Layouts out of files: read, put on top of their base, and checked, every mistake with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from avatar_engine.errors import AvatarError
from avatar_engine.stage import template
from avatar_engine.stage.layout import BUILT_IN, PRODUCT_SLOTS, Layout
from avatar_engine.stage.template import SLOT
from avatar_engine.stage.typeface import Typeface

HOME = Path(__file__).parent / "layouts"

LARGEST = 64 << 10
"""Bytes of a file."""

KIND_NAMES = ("logo", "lower-third", "text", "qr", "countdown", "chat", "card", "video")
"""What an element may be."""


def load(name: str, folder: Path = Path()) -> Layout:
    """A layout of the engine's by its name, or a file, which lies in ``folder`` unless its path is absolute.

    Raises:
        AvatarError: There is none, or something in it is wrong: all of it is listed, with its lines.
    """
    if name in BUILT_IN:
        return _checked(_read(HOME / f"{name}.toml"), name, HOME / f"{name}.toml")
    path = folder / name
    told = _read(path)
    values = {
        str(key): str(value) for key, value in _table(told.data.pop("values", {}), "values", told).items()
    }
    return _checked(_based(told, values, path.parent), path.name, path)


@dataclass(slots=True)
class _Told:
    """What a file says, and its text, in which lines are found; ``inherited`` elements come first."""

    path: Path
    data: dict[str, Any]
    text: str
    inherited: int = 0


def _read(path: Path) -> _Told:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise AvatarError(f"The layout {path} has more than {LARGEST >> 10} KB.", "Simplify it.")
        text = raw.decode("utf-8")
        return _Told(path, tomllib.loads(text), text)
    except OSError as error:
        raise AvatarError(
            f"There is no layout {str(path)!r}: {error.strerror}.",
            f"Layouts are {', '.join(BUILT_IN)}, or a .toml file; see avatar-engine show layout --help.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AvatarError(f"The layout {path} is no TOML: {error}.", "Correct that line.") from None


def _table(value: object, key: str, told: _Told) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise AvatarError(
            f"The layout {told.path}: {key} is no table.", f"Write [{key}] on a line of its own."
        )
    return value


def _based(told: _Told, values: Mapping[str, str], folder: Path) -> _Told:
    """What a file says on top of its ``base``; texts of the base whose values are not given are left out."""
    own = told.data.pop("element", [])
    own = [_put(one, values) for one in (own if isinstance(own, list) else [own])]
    name = told.data.pop("base", "")
    if not name:
        return _Told(told.path, {**told.data, "element": own}, told.text)
    if name not in BUILT_IN:
        raise AvatarError(
            f"The layout {told.path}: there is no base {name!r}.", f"A base is one of {', '.join(BUILT_IN)}."
        )
    below = _read(HOME / f"{name}.toml").data
    kept = [filled for one in below.pop("element", []) if (filled := _valued(one, values, folder))]
    merged = {**below, **told.data}
    for table in ("presenter", "colours"):
        if table in below or table in told.data:
            merged[table] = {**below.get(table, {}), **_table(told.data.get(table, {}), table, told)}
    merged["element"] = [*kept, *own]
    return _Told(told.path, merged, told.text, len(kept))


def _put(element: object, values: Mapping[str, str]) -> object:
    """An element of the user's with the values put in that there are."""
    if not isinstance(element, Mapping):
        return element
    return {
        key: SLOT.sub(lambda found: values.get(found[1], found[0]), value)
        if isinstance(value, str)
        else value
        for key, value in element.items()
    }


def _valued(element: Mapping[str, Any], values: Mapping[str, str], folder: Path) -> dict[str, Any] | None:
    """An element of a base with its values put in; None where one is missing that it can't do without."""
    filled: dict[str, Any] = {}
    for key, value in element.items():
        if isinstance(value, str):
            value = SLOT.sub(lambda found: values.get(found[1], found[0]), value)
            if any(name not in PRODUCT_SLOTS for name in SLOT.findall(value)):
                if key in ("title", "caption"):
                    continue
                return None
            if key == "file":
                value = str((folder / value).resolve())
        filled[key] = value
    return filled


def _checked(told: _Told, name: str, path: Path) -> Layout:
    data = dict(told.data)
    if path.parent == HOME:
        data["element"] = [kept for raw in data.get("element", []) if (kept := _valued(raw, {}, HOME))]
    try:
        layout = Layout.model_validate({**data, "name": name}, context={"folder": str(path.parent)})
    except ValidationError as error:
        wrong = "\n".join(f"  {line}" for line in _mistakes(error, told))
        raise AvatarError(
            f"The layout {path} has mistakes:\n{wrong}",
            "The README's section on layouts lists what may stand there.",
        ) from None
    for number, one in enumerate(layout.element):
        if number < told.inherited:
            continue
        for slot in (slot for text in one.texts for slot in SLOT.findall(text)):
            if slot not in PRODUCT_SLOTS:
                raise AvatarError(
                    f"The layout {path}: element {number - told.inherited + 1} has the slot {{{slot}}}, which nothing "
                    "fills.",
                    f"Slots are {', '.join(PRODUCT_SLOTS)}, and what stands under [values].",
                )
    Typeface(tuple(Path(font) for font in layout.fonts))
    for one in layout.element:
        _readable_template(one)
    return layout


def _readable_template(element: Any) -> None:
    """See that what an element is drawn from can be drawn.

    Raises:
        AvatarError: It can't be.
    """
    for path in (getattr(element, "template", ""), getattr(element, "file", "")):
        if path.endswith(".svg"):
            template.read(Path(path))


def _mistakes(error: ValidationError, told: _Told) -> Iterator[str]:
    for item in error.errors():
        place = list(item["loc"])
        if place[:1] == ["element"] and len(place) > 2 and place[2] in KIND_NAMES:
            del place[2]
        message = item["msg"].removeprefix("Value error, ")
        given = item.get("input")
        shown = (
            f" {given!r}"
            if isinstance(given, str | int | float | bool) and repr(given) not in message
            else ""
        )
        at, where = _line(told, place)
        yield f"{f'line {at}: ' if at else ''}{where}:{shown} {message[0].lower()}{message[1:]}"


def _line(told: _Told, place: Sequence[str | int]) -> tuple[int, str]:
    """The line (from 1; 0 where it is not known) of a key, and how people name it."""
    lines = told.text.splitlines()
    named = ".".join(str(part) for part in place)
    start, key = 0, str(place[-1]) if place else ""
    if place and place[0] == "element" and len(place) > 1 and isinstance(place[1], int):
        number = place[1] - told.inherited
        if number < 0:
            return 0, named
        heads = [at for at, line in enumerate(lines) if re.match(r"\s*\[\[\s*element\s*\]\]", line)]
        if number >= len(heads):
            return 0, named
        start = heads[number] + 1
        named = " ".join([f"element {number + 1},", *(str(part) for part in place[2:])]).rstrip(",")
    elif len(place) > 1:
        heads = [
            at for at, line in enumerate(lines) if re.match(rf"\s*\[\s*{re.escape(str(place[0]))}\s*\]", line)
        ]
        start, key = (heads[0] + 1 if heads else 0), str(place[1])
    if place and isinstance(place[-1], int) and len(place) > 2:
        key = str(place[-2])
    for at in range(start, len(lines)):
        if start and lines[at].lstrip().startswith("["):
            break
        if re.match(rf"\s*{re.escape(key)}\s*=", lines[at]):
            return at + 1, named
    return start, named
