"""A show that takes the place of one that died: started by the broadcast's process, which goes on meanwhile."""

from __future__ import annotations

import sys

from avatar_engine.broadcast.guard import Estate, Successor

_arguments: tuple[str, ...] | None = None
_estate: Estate | None = None


def remember(arguments: list[str]) -> None:
    """What this process was started with, for who takes its place."""
    global _arguments
    _arguments = tuple(arguments)


def successor() -> Successor | None:
    """How to start a show like this one; None where it was not started from the command line."""
    if _arguments is None:
        return None
    return Successor((sys.executable, "-c", f"from {__name__} import main; main()"), _arguments)


def estate() -> Estate | None:
    """What the show left in whose place this one was started; None for the first of all."""
    return _estate


def main() -> None:
    """Read the estate and go live with the dead show's own arguments."""
    global _estate
    from avatar_engine.cli import main as command_line  # which imports this module

    _estate = Estate.from_json(sys.stdin.readline())
    sys.argv = ["avatar-engine", *_estate.arguments]
    command_line.main()
