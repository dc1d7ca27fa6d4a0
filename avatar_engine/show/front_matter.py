"""The front matter of a script: what holds for the whole show, every mistake with its line.

Values are short texts or lists of them; what each key means stands in `avatar_engine.show.script`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import yaml

from avatar_engine.contracts import CONTROL_LIMITS, EMOTIONS, EXPRESSIONS
from avatar_engine.show.rules import Rule, read_rule
from avatar_engine.trust.statement import USES

ON_FAULT = ("repeat", "skip")
"""What may become of a sentence that a fault has cut."""

NAMES = ("hidden", "kept")
"""How names of viewers are written into a show's journal: enciphered, or as they are."""

LABEL_POSITIONS = ("top-left", "top-right", "bottom-left", "bottom-right")
CARD_SIDES, OFF = ("left", "right"), "off"
CARD_FILES = (".svg", ".ttf", ".otf", ".ttc")
LONGEST_PAUSE = 3600.0
MOST = 50
"""Entries of a list."""

CONTROLS = (*CONTROL_LIMITS, "emotion")
"""The keys that become the show's `avatar_engine.contracts.Controls`."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_LOOK = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_LANGUAGE = re.compile(r"auto|[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")

Mistakes = list[tuple[int, str]]
"""Line (from 1) and what is wrong there."""


def read_front_matter(front: str, mistakes: Mistakes) -> dict[str, Any]:
    """What the front matter sets, by key; what is wrong is added to ``mistakes``.

    Its first line is the script's second.
    """
    try:
        root = yaml.compose(front, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        mistakes.append((line, f"the front matter is not YAML: {error.problem}"))
        return {}
    except yaml.YAMLError as error:  # a letter that YAML forbids
        mistakes.append((1, f"the front matter is not YAML: {' '.join(str(error).split())}"))
        return {}
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        mistakes.append((2, "the front matter must be lines of the form 'key: value'"))
        return {}
    read: dict[str, Any] = {}
    for key_node, value_node in root.value:
        line, key = key_node.start_mark.line + 2, str(key_node.value)
        if key not in KEYS:
            mistakes.append((line, f"unknown key {key!r}; known keys are {', '.join(KEYS)}"))
        elif key in read:
            mistakes.append((line, f"the key {key!r} is there twice"))
        elif key in _LISTS:
            read[key] = tuple(_listed(key, value_node, line, mistakes))
        else:
            value = value_node.value if isinstance(value_node, yaml.ScalarNode) else "a list or table"
            try:
                read[key] = _TEXTS[key](str(value).strip())
            except ValueError as error:
                mistakes.append((line, f"{key}: {value!r} {error}"))
    return read


def _listed(key: str, node: yaml.Node, line: int, mistakes: Mistakes) -> list[Any]:
    """The entries of a list; a single text is a list of one."""
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    entries = [text for entry in nodes for text in _texts(entry)]
    if len(entries) > MOST:
        mistakes.append((line, f"{key}: {len(entries)} entries are too many ({MOST} at most)"))
        return []
    read = []
    for at, value in entries:
        try:
            if value is None:
                raise ValueError("is no text")
            read.append(_LISTS[key](value))
        except ValueError as error:
            mistakes.append((at, f"{key}: {value or 'a list or table'!r} {error}"))
    return read


def _texts(node: yaml.Node) -> list[tuple[int, str | None]]:
    """An entry's line and text. A rule has a colon, which to YAML is a table of one: it need not be quoted."""
    at = node.start_mark.line + 2
    if isinstance(node, yaml.ScalarNode):
        return [(at, node.value.strip())]
    pairs = node.value if isinstance(node, yaml.MappingNode) else [(node, node)]
    if not all(isinstance(part, yaml.ScalarNode) for pair in pairs for part in pair):
        return [(at, None)]
    return [(key.start_mark.line + 2, f"{key.value}: {value.value}") for key, value in pairs]


def read_duration(value: str, longest: float = LONGEST_PAUSE) -> float:
    """Seconds of ``400ms``, ``2s``, ``1min`` or ``1h``.

    Raises:
        ValueError: It is no such time, or longer than ``longest`` seconds.
    """
    found = _DURATION.fullmatch(value)
    if not found or (seconds := float(found[1]) * _UNITS[found[2]]) > longest:
        most = "an hour" if longest == LONGEST_PAUSE else f"{longest / 3600:g} h"
        raise ValueError(f"is no time such as 400ms, 2s or 1min ({most} at most)")
    return seconds


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise ValueError("is no language tag such as en, fr or pt-BR, nor auto")
    return value


def _control(name: str, unit: str, value: str) -> float:
    low, high = CONTROL_LIMITS[name]
    try:
        number = float(value.lower().removesuffix(unit))
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise ValueError(f"is no {name} from {low:g} to {high:g}")
    return number


def _one_of(known: tuple[str, ...], what: str, value: str) -> str:
    if value not in known:
        raise ValueError(f"is no {what}; choose one of {', '.join(known)}")
    return value


def _words(value: str) -> str:
    if not value:
        raise ValueError("is empty")
    return value


def _look(value: str) -> str:
    if not _LOOK.fullmatch(value):
        raise ValueError("is no name of a look such as blue-dress")
    return value


def _yes(value: str) -> bool:
    if value.lower() not in ("on", "off", "true", "false", "yes", "no"):
        raise ValueError("is neither on nor off")
    return value.lower() in ("on", "true", "yes")


def _card(value: str) -> str:
    if value not in (*CARD_SIDES, OFF) and not value.lower().endswith(CARD_FILES):
        raise ValueError(f"is none of {', '.join(CARD_SIDES)} and {OFF}, and no SVG or font file")
    return value


def _notice(value: str) -> float:
    return 0.0 if value == "once" else read_duration(value, 86_400.0)


_TEXTS: Mapping[str, Callable[[str], Any]] = {
    "language": _language,
    "speed": partial(_control, "speed", ""),
    "pitch": partial(_control, "pitch", "st"),
    "range": partial(_control, "range", ""),
    "energy": partial(_control, "energy", "db"),
    "emotion": partial(_one_of, EMOTIONS, "emotion"),
    "label": partial(_one_of, LABEL_POSITIONS, "corner"),
    "pause": read_duration,
    "use": partial(_one_of, tuple(USES), "known use"),
    "layout": _words,
    "expression": partial(_one_of, EXPRESSIONS, "expression"),
    "nods": _yes,
    "on_fault": partial(_one_of, ON_FAULT, "way to go on after a fault"),
    "background": _words,
    "look": _look,
    "catalogue": _words,
    "persona": _words,
    "host": _words,
    "notice": _notice,
    "microphone": _yes,
    "advertising": _yes,
    "names": partial(_one_of, NAMES, "way to write names of viewers down"),
}

_LISTS: Mapping[str, Callable[[str], Any]] = {
    "chat": _words,
    "rules": read_rule,
    "rivals": _words,
    "card": _card,
}

KEYS = (*_TEXTS, *_LISTS)
"""All keys, in the order in which they are told."""

__all__ = [
    "CARD_SIDES",
    "CONTROLS",
    "KEYS",
    "LABEL_POSITIONS",
    "NAMES",
    "OFF",
    "ON_FAULT",
    "Rule",
    "read_duration",
    "read_front_matter",
]
