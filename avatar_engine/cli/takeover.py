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
    return Successor((sys.executable, "-m", "avatar_engine.cli.takeover"), _arguments)


def estate() -> Estate | None:
    """What the show left in whose place this one was started; None for the first of all."""
    return _estate


def main() -> None:
    """Read the estate and go live with the dead show's own arguments."""
    from avatar_engine.cli import main as command_line
    from avatar_engine.cli import takeover

    # This file runs as the main module: what it knows must be known to the one that the command line imports.
    takeover._estate = Estate.from_json(sys.stdin.readline())
    sys.argv = ["avatar-engine", *takeover._estate.arguments]
    command_line.main()


if __name__ == "__main__":
    main()
