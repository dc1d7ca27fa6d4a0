"""What a relay's JSON means: a small TOML file that says where in it author, text and the rest are.

source = "douyin"          # what messages are said to come from
tells = "Type"             # path of what tells kinds of events apart
each = "messages"          # path of a list, where one message of the relay holds many events
hello = "..."              # sent once after connecting, where the relay wants that
ping = true                # whether the relay answers pings

[[event]]
when = 5                   # value of `tells`, or a list of them; without it every event is meant
kind = "gift"              # text, join, follow, member, gift, purchase, retracted, viewers, sales or clicks
author = "Data.User.Nickname"           # a path, or several: the first that leads to something counts
text = "Data.Content"
id = "Data.MsgId"
worth = "Data.DiamondCount"             # of one, in `currency`
count = "Data.GiftCount"                # how many of them
currency = "diamonds"
value = "Data.OnlineUserCount"          # of viewers, sales or clicks
skip = { "Data.repeatEnd" = false }     # an event in which all of this is so is left out

Steps of a path are separated by dots; a number is a place in a list, and JSON that stands in a string is opened.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from avatar_engine import settings
from avatar_engine.errors import AvatarError
from avatar_engine.show.chat.message import (
    FIGURES,
    LONGEST_IDENT,
    LONGEST_NAME,
    MOST_WORTH,
    Count,
    Figure,
    Kind,
    Message,
    cleaned,
)

MOST = 2000
"""Events that one message of a relay may hold."""

Value = bool | int | float | str
Paths = tuple[str, ...]


def _several(told: object) -> object:
    """One of what may be many."""
    return told if isinstance(told, list) else (told,)


class Rule(BaseModel):
    """One kind of event (see the module)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: tuple[Value, ...] = ()
    kind: Literal[Kind, Figure] = "text"
    author: Paths = ()
    text: Paths = ()
    id: Paths = ()
    worth: Paths = ()
    count: Paths = ()
    value: Paths = ()
    currency: str = Field(default="", max_length=12)
    skip: dict[str, Value] = Field(default_factory=dict)

    @field_validator("when", "author", "text", "id", "worth", "count", "value", mode="before")
    @classmethod
    def _listed(cls, told: object) -> object:
        return _several(told)


class Dialect(BaseModel):
    """What a relay's JSON means (see the module)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1, max_length=20)
    tells: str = ""
    each: str = ""
    hello: str = Field(default="", max_length=4000)
    ping: bool = True
    event: tuple[Rule, ...] = Field(min_length=1, max_length=100)

    def understood(self, told: Any) -> list[Message | Count]:
        """What a message of the relay says; nothing where it says nothing that is known."""
        events = _Event(told).at(self.each) if self.each else told
        listed = events if isinstance(events, list) else [events]
        return [one for event in listed[:MOST] for one in self._one(event)]

    def _one(self, told: Any) -> list[Message | Count]:
        event = _Event(told)
        which = _plain(event.at(self.tells)) if self.tells else None
        for rule in self.event:
            if rule.when and which not in map(_plain, rule.when):
                continue
            if rule.skip and all(_plain(event.at(path)) == _plain(v) for path, v in rule.skip.items()):
                continue
            made = self._made(rule, event)
            return [made] if made else []
        return []

    def _made(self, rule: Rule, event: _Event) -> Message | Count | None:
        if rule.kind in FIGURES:
            value = _number(event.first(rule.value))
            return Count(rule.kind, value) if value is not None and value < 1e9 else None
        text, ident = cleaned(event.first(rule.text)), _word(event.first(rule.id), LONGEST_IDENT)
        author = _word(event.first(rule.author), LONGEST_NAME)
        if (rule.kind == "text" and not text) or (rule.kind == "retracted" and not (ident or author)):
            return None
        one, count = _number(event.first(rule.worth)), _number(event.first(rule.count))
        worth = (one or 0.0) * (1.0 if count is None else count)
        worth = worth if worth < MOST_WORTH else 0.0
        return Message(self.source, ident, author, text, rule.kind, worth, rule.currency if worth else "")


class _Event:
    """A relay's table, with the JSON in its strings opened at most once."""

    def __init__(self, told: Any) -> None:
        self._told, self._opened = told, dict[str, Any]()

    def first(self, paths: Paths) -> Any:
        """What the first path that leads to something leads to; None for none."""
        return next((found for path in paths if (found := self.at(path)) not in (None, "")), None)

    def at(self, path: str) -> Any:
        """What a path leads to; None for nothing."""
        here, gone = self._told, ""
        for step in path.split("."):
            if isinstance(here, str):
                here = self._open(gone, here)
            gone = f"{gone}.{step}"
            if isinstance(here, Mapping):
                here = here.get(step)
            elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
                here = here[int(step)]
            else:
                return None
        return here

    def _open(self, place: str, text: str) -> Any:
        if place not in self._opened:
            try:
                self._opened[place] = json.loads(text)
            except (ValueError, RecursionError):
                self._opened[place] = None
        return self._opened[place]


def _plain(value: object) -> str | None:
    """A value as it is compared: relays write 1 and "1" for the same."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float | str) else None


def _word(value: object, most: int) -> str:
    return cleaned(_plain(value), most) if not isinstance(value, bool) else ""


def _number(value: object) -> float | None:
    """A number that is not below zero; None for none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value[:20] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def names() -> list[str]:
    """Dialects that are here."""
    return sorted(
        file.name.removesuffix(".toml")
        for file in files("avatar_engine.show.chat").joinpath("dialects").iterdir()
        if file.name.endswith(".toml")
    )


def load(name: str, folder: Path) -> Dialect:
    """A dialect that is here, or one of a file.

    Args:
        name: Its name, or the file's.
        folder: Where a file's name counts from.

    Raises:
        AvatarError: There is none, or something in the file is wrong: all of it is listed.
    """
    if name.endswith(".toml"):
        return settings.load(folder / name, Dialect, "See avatar_engine/show/chat/dialect.py.")
    if name not in names():
        raise AvatarError(
            f"There is no dialect {name[:40]!r} of a relay.",
            f"Known are {', '.join(names())}, or a file: NAME.toml.",
        )
    here = files("avatar_engine.show.chat").joinpath("dialects", f"{name}.toml")
    return Dialect.model_validate(tomllib.loads(here.read_text(encoding="utf-8")))
