"""The file that describes a fleet: its machines, its shows and its clone jobs.

    mode = "ray"                  # or "local" (the default): this machine alone, no cluster
    address = "10.0.0.5:6379"     # of the Ray cluster's head; "auto" for the one that runs on this machine
    lease = "12s"                 # how long a show goes on that has lost the supervisor, and others wait to start it

    [show.marie]                  # the name by which everything about it is asked
    avatar = "marie.avatar"
    script = "evening.md"
    beside = ["shop.csv"]         # files and folders beside the script that it needs
    to = ["env:MARIE_YOUTUBE", "file:/run/secrets/marie-twitch"]
    size = "1280x720"
    loop = true
    begin = 2027-01-05T20:00:00+01:00
    length = "2h"

    [clone.paul]
    video = "paul.mp4"
    consent = "paul.toml"
    output = "paul.avatar"
    budget = "20m"

Paths are seen from the file's folder. Where a show goes is never written in it: ``env:NAME`` is a variable of the
machine on which the fleet was started, ``file:PATH`` a file there, and the address with its key is the first line.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from avatar_engine.errors import AvatarError

LARGEST = 1 << 20
"""Bytes of the file."""

ADVICE = "See the README for what a fleet's file says."

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?")
_SIZE = re.compile(r"(\d{3,4})x(\d{2,4})")
_TIME = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_GOAL = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")


def _seconds(value: object) -> float:
    """A duration such as ``20m``, ``1h30m`` or ``90`` in seconds."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    match = _TIME.fullmatch(str(value).strip().lower())
    if not match or not any(match.groups()):
        raise ValueError(f"{value!r} is no duration; write 90s, 20m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _sized(value: str) -> str:
    match = _SIZE.fullmatch(value)
    if not value:
        return value
    if not match or any(int(side) % 2 for side in match.groups()):
        raise ValueError(f"{value!r} is no size; write 1280x720, both sides even")
    return value


def _goal(value: str) -> str:
    if not _GOAL.fullmatch(value):
        # the value is not repeated: it may be an address with its key
        raise ValueError(
            "an output is named env:VARIABLE or file:PATH, so that no stream key stands in the file"
        )
    return value


def _beside(value: Path) -> Path:
    if value.is_absolute() or ".." in value.parts:
        raise ValueError(
            f"{str(value)!r} is not beside the script: name a file or folder in the script's own folder"
        )
    return value


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo else value.astimezone()


Seconds = Annotated[float, BeforeValidator(_seconds)]
PictureSize = Annotated[str, AfterValidator(_sized)]
Beside = Annotated[Path, AfterValidator(_beside)]
Goal = Annotated[str, AfterValidator(_goal)]
Moment = Annotated[datetime, AfterValidator(_aware)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ShowPlan(_Said):
    """A show.

    Attributes:
        avatar: The clone's file.
        script: The show, in Markdown.
        beside: Files and folders that the script needs, in its folder and seen from it.
        to: Where it goes, ``env:VARIABLE`` or ``file:PATH`` of who knows the address.
        size: Width and height of the picture; the layout's own when empty.
        layout, background, look, use: As the command line takes them; "" for what the script says.
        permit: The presenter's permit; None for none.
        loop: Start again at the end, for ever.
        begin: When; at once when None.
        length: Seconds on air after which it ends, all machines together; 0 for the script's end.
        seed: Which wordings come first.
        cores: Processor cores that it takes, where that is known better than by the machine's measured capacity.
        card: Share of a graphics card that it takes.
    """

    avatar: Path
    script: Path
    beside: tuple[Beside, ...] = ()
    to: tuple[Goal, ...] = Field(min_length=1)
    size: PictureSize = ""
    layout: str = ""
    background: str = ""
    look: str = ""
    use: str = ""
    permit: Path | None = None
    loop: bool = False
    begin: Moment | None = None
    length: Annotated[Seconds, Field(ge=0)] = 0.0
    seed: int = 0
    cores: float | None = Field(default=None, gt=0)
    card: float | None = Field(default=None, ge=0, le=1)

    @property
    def kind(self) -> Literal["show"]:
        """What it is."""
        return "show"


class ClonePlan(_Said):
    """A clone to be made.

    Attributes:
        video: The presenter's minute.
        consent: The signed consent for this very clip.
        output: Where the clone goes, on the machine on which the fleet was started; its report goes beside it.
        budget: Seconds for it.
        language: What the presenter speaks, or ``auto``.
        cores: Processor cores that it takes.
        card: Share of a graphics card that it takes.
    """

    video: Path
    consent: Path
    output: Path
    budget: Annotated[Seconds, Field(ge=60)] = 1200.0
    language: str = "auto"
    begin: Moment | None = None
    cores: float | None = Field(default=None, gt=0)
    card: float | None = Field(default=None, ge=0, le=1)

    @property
    def kind(self) -> Literal["clone"]:
        """What it is."""
        return "clone"


Plan = ShowPlan | ClonePlan


class Fleet(_Said):
    """What the file says.

    Attributes:
        mode: ``local`` runs all on this machine, ``ray`` on the machines of a Ray cluster.
        address: Of the cluster.
        lease: Seconds that a show goes on without the supervisor's word, on machines of a cluster.
        restarts: How often a show may be started anew within ten minutes before it has failed.
        show, clone: What is to run, by name.
    """

    mode: Literal["local", "ray"] = "local"
    address: str = "auto"
    lease: Annotated[Seconds, Field(ge=4, le=600)] = 12.0
    restarts: int = Field(default=5, ge=0, le=100)
    show: Mapping[str, ShowPlan] = {}
    clone: Mapping[str, ClonePlan] = {}

    @model_validator(mode="after")
    def _agrees(self) -> Fleet:
        for name in (*self.show, *self.clone):
            check_name(name)
        if both := set(self.show) & set(self.clone):
            raise ValueError(f"{', '.join(sorted(both))} is a show and a clone: every name is given once")
        goals: dict[str, str] = {}
        for name, show in self.show.items():
            for goal in show.to:
                if goal in goals:
                    raise ValueError(
                        f"{goals[goal]} and {name} go to the same {goal}: a stream has one publisher"
                    )
                goals[goal] = name
        return self

    @property
    def plans(self) -> dict[str, Plan]:
        """Everything that is to run, by name."""
        return {**self.show, **self.clone}


def check_name(name: str) -> None:
    """See that a name can be one.

    Raises:
        ValueError: It can't.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name: small letters, digits and hyphens, at most 30")


def load(path: Path) -> Fleet:
    """Read a fleet's file; every path in it is absolute then.

    Raises:
        AvatarError: It can't be read, or something in it is wrong: all of it is listed with its line.
    """
    text = _text(path)
    try:
        told = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise AvatarError(f"{path} is no TOML ({error}).", "Correct it.") from None
    try:
        read = Fleet.model_validate(told)
    except ValidationError as error:
        raise AvatarError(f"{path}: {'; '.join(_mistakes(error, text))}.", ADVICE) from None
    folder = path.absolute().parent
    return read.model_copy(
        update={
            "show": {name: _placed(one, folder) for name, one in read.show.items()},
            "clone": {name: _placed(one, folder) for name, one in read.clone.items()},
        }
    )


def missing(fleet: Fleet) -> list[str]:
    """What the file names and is not there, in words."""
    found = []
    for name, plan in fleet.plans.items():
        for field, path in files_of(plan):
            if not path.exists():
                found.append(f"{plan.kind}.{name}.{field}: there is no {path}")
        if isinstance(plan, ClonePlan) and not plan.output.parent.is_dir():
            found.append(f"clone.{name}.output: there is no folder {plan.output.parent}")
    return found


def files_of(plan: Plan) -> list[tuple[str, Path]]:
    """The files and folders that must be there for it, by field."""
    if isinstance(plan, ClonePlan):
        return [("video", plan.video), ("consent", plan.consent)]
    beside = [("beside", plan.script.parent / one) for one in plan.beside]
    permit = [("permit", plan.permit)] if plan.permit else []
    return [("avatar", plan.avatar), ("script", plan.script), *beside, *permit]


def variables(plan: Plan) -> tuple[str, ...]:
    """The variables in which its addresses are."""
    return tuple(goal[4:] for goal in getattr(plan, "to", ()) if goal.startswith("env:"))


def address(goal: str, known: Mapping[str, str] = os.environ) -> str:
    """The address behind an output's name.

    Args:
        goal: ``env:VARIABLE`` or ``file:PATH``.
        known: Variables.

    Raises:
        AvatarError: It is not there; no address is in the message.
    """
    kind, _, name = goal.partition(":")
    if kind == "env":
        held = known.get(name, "").strip()
        if not held:
            raise AvatarError(
                f"The variable {name} is not set where the fleet runs.", "Put the address into it."
            )
        return held
    try:
        with Path(name).expanduser().open(encoding="utf-8") as file:
            held = file.readline(4096).strip()
    except (OSError, UnicodeDecodeError):
        held = ""
    if not held:
        raise AvatarError(f"No address can be read from {name}.", "Put it into the file's first line.")
    return held


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise AvatarError(f"{path} is too large for a fleet's file.", f"It may have {LARGEST} bytes.")
        return data.decode("utf-8")
    except FileNotFoundError:
        raise AvatarError(f"There is no file {path}.", "Check the path.") from None
    except OSError as error:
        raise AvatarError(f"{path} can't be read: {error.strerror}.", "Check the path.") from None
    except UnicodeDecodeError:
        raise AvatarError(f"{path} is no text in UTF-8.", "Save it as UTF-8.") from None


def _placed(plan: Plan, folder: Path) -> Plan:
    """The same with its paths seen from anywhere."""
    paths = ("avatar", "script", "permit", "video", "consent", "output")
    update: dict[str, Any] = {
        name: folder / Path(value).expanduser() for name in paths if (value := getattr(plan, name, None))
    }
    if isinstance(plan, ShowPlan):
        update["to"] = tuple(
            f"file:{folder / Path(goal[5:]).expanduser()}" if goal.startswith("file:") else goal
            for goal in plan.to
        )
    return plan.model_copy(update=update)


def _mistakes(error: ValidationError, text: str) -> list[str]:
    """What is wrong, each with its line and field; no value, for a key may be among them."""
    told = []
    for item in error.errors(include_input=False, include_url=False):
        where = [str(part) for part in item["loc"]]
        field = ".".join(where)
        line = line_of(text, where)
        said = str(item["msg"]).removeprefix("Value error, ")
        place = f"line {line}, {field}" if line and field else field
        told.append(f"{place}: {said}" if place else said)
    return list(dict.fromkeys(told))


def line_of(text: str, where: Sequence[str]) -> int:
    """The line on which a field stands, or else the table that lacks it; 0 where it is not found."""
    table, found = "", 0
    keys = [part for part in where if not part.isdigit()]
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if header := re.fullmatch(r"\[\s*([^\[\]]+?)\s*\]\s*(#.*)?", bare):
            table = ".".join(part.strip().strip("\"'") for part in header[1].split("."))
            if keys and table == ".".join(keys[:2]):
                found = number
        elif (key := re.match(r"([A-Za-z0-9_.\"'-]+)\s*=", bare)) and keys:
            whole = f"{table}.{key[1]}" if table else key[1]
            if whole.replace('"', "") == ".".join(keys[: whole.count(".") + 1]) and whole.count(".") >= min(
                2, len(keys) - 1
            ):
                return number
    return found
