"""Shows of this machine: the status of those that run, and the pages about those that were."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live

from avatar_engine.errors import AvatarError
from avatar_engine.figures import folder, running, table
from avatar_engine.figures.running import stop

EVERY = 2.0
"""Seconds between two looks at a show that is followed: it has no newer figures."""


def print_status(console: Console, show: str, *, as_json: bool, follow: bool) -> bool:
    """Print what runs, once or until Ctrl-C or the show's end; whether anything ran.

    A ``show`` that is empty means all.
    """
    told = running.told(show)
    ran = bool(told)
    if not follow:
        _print(console, show, told, as_json)
        return ran
    try:
        if as_json or not console.is_terminal:
            while told:
                _print(console, show, told, as_json)
                time.sleep(EVERY)
                told = running.told(show)
        else:
            with Live(console=console, auto_refresh=False) as live:
                while told:
                    live.update(_drawn(show, told), refresh=True)
                    time.sleep(EVERY)
                    told = running.told(show)
    except KeyboardInterrupt:
        pass
    return ran


def one_of(show: str) -> str:
    """The id of the show that runs under this name or id.

    Raises:
        AvatarError: None does, or several do.
    """
    return str(running.only(show)["show"])


def journal_of(show: str) -> Path:
    """A journal's file, or that of the show of this name or id.

    Raises:
        AvatarError: There is none.
    """
    return _file_of(show, "journal.jsonl")


def audit_of(show: str) -> Path:
    """An audit log's file, or that of the show of this name or id.

    Raises:
        AvatarError: There is none.
    """
    return _file_of(show, "audit.jsonl")


def _file_of(show: str, name: str) -> Path:
    path = Path(show)
    if path.is_dir() and (path / name).is_file():
        return path / name
    if path.is_file() or path.suffix == Path(name).suffix:  # a show's name may have a dot, too
        return path
    found = folder.find(show).path / name
    if not found.is_file():
        raise AvatarError(f"The show {show!r} has left no {name}.", "Only a hosted show does.")
    return found


def write_report(show: str, output: Path | None) -> Path:
    """Make the page about a show that was, or runs; where it is.

    Raises:
        AvatarError: There is no such show, or the page can't be written.
    """
    from avatar_engine.figures import report  # plots are slow to load

    found = folder.find(show)
    try:
        return report.write(found, output)
    except OSError as error:
        raise AvatarError(
            f"The report can't be written: {error.strerror}.", "Choose another place with --output."
        ) from error


def _drawn(show: str, told: list[dict[str, Any]]) -> RenderableType:
    return table.shown(told[0]) if show else table.listed(told)


def _print(console: Console, show: str, told: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        console.out(json.dumps((told[0] if told else None) if show else told), highlight=False)
    elif told:
        console.print(_drawn(show, told))
    else:
        console.print(f"No show {show!r} runs." if show else "No show runs.", highlight=False)


__all__ = ["audit_of", "journal_of", "one_of", "print_status", "stop", "write_report"]
