"""Whether a show has its mouths painted by the engine."""

from __future__ import annotations

from typing import Literal

Wanted = Literal["auto", "off", "on"]
"""If one runs on this machine when the show starts, never, or the show does not start without."""

WANTED: tuple[Wanted, ...] = ("auto", "off", "on")
