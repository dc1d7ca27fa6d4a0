"""Where a show goes, as the command line says it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from avatar_engine.broadcast.spec import OutputSpec
from avatar_engine.errors import AvatarError


def asked_for(
    to: Sequence[str], record: Path | None, cut: float, preview: str, give_up_minutes: float
) -> list[OutputSpec]:
    """The outputs in the order of the options.

    Args:
        to: Addresses, or ``@FILE`` with one.
        record: A file to record to, too.
        cut: Seconds after which the recording goes on in a new file; 0 never.
        preview: Port, or host and port, for a preview; none when empty.
        give_up_minutes: Minutes without a connection after which a server is given up; 0 never.

    Raises:
        AvatarError: One of them is no output.
    """
    if cut and not record:
        raise AvatarError("There is no recording to cut.", "Give --record FILE with --cut.")
    outputs = [OutputSpec.parse(text) for text in to]
    outputs = [replace(o, give_up=60 * give_up_minutes) if o.network else o for o in outputs]
    if record:
        outputs.append(replace(OutputSpec.parse(record), cut=cut))
    if preview:
        outputs.append(OutputSpec.preview(preview))
    return outputs


def hide_addresses() -> None:
    """Take the addresses with their stream keys out of this process's line in the system's list of processes.

    An address is still seen for a moment, and in the shell's history: ``--to @FILE`` says it nowhere.
    """
    if any("://" in word for word in sys.argv):
        import setproctitle

        setproctitle.setproctitle("avatar-engine live")
