"""Encode the programme once and send it to every output and file, in a process of its own.

The room knows only frames and packets. `Broadcast` is its front door; everything else in here runs in
the process that it starts, so that neither a crash in a codec nor a dead endpoint can stop the show; each
connection has a small process of its own below it.
"""

from avatar_engine.broadcast.broadcast import Broadcast
from avatar_engine.broadcast.spec import OutputSpec, ProgrammeFormat
from avatar_engine.broadcast.status import BroadcastStatus, OutputStatus

__all__ = ["Broadcast", "BroadcastStatus", "OutputSpec", "OutputStatus", "ProgrammeFormat"]
