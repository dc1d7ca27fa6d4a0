"""Shows that no terminal starts: one that takes the place of a dead one, and one that the studio asks for.

The first is started by the broadcast's process, which goes on meanwhile. Arguments come over standard input, for keys
may be among them.
"""

from __future__ import annotations

import json
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


def launch() -> tuple[str, ...]:
    """The command that runs the command line with arguments, a JSON list, in the first line of its standard input."""
    return (sys.executable, "-c", f"from {__name__} import begin; begin()")


def begin() -> None:
    """What `launch` starts."""
    from avatar_engine.cli import main as command_line  # which imports this module

    sys.argv = ["avatar-engine", *map(str, json.loads(sys.stdin.readline()))]
    command_line.main()


def main() -> None:
    """Read the estate and go live with the dead show's own arguments."""
    global _estate
    from avatar_engine.cli import main as command_line  # which imports this module

    _estate = Estate.from_json(sys.stdin.readline())
    sys.argv = ["avatar-engine", *_estate.arguments]
    command_line.main()
