"""Every sentence is checked before it is said: figures, claims, truth and secrets."""

from avatar_engine.show.guard.grounding import Told
from avatar_engine.show.guard.guard import (
    GROUNDED,
    LISTED,
    Guard,
    Reason,
    Verdict,
    attack,
    notice,
    truthful,
)

__all__ = ["GROUNDED", "LISTED", "Guard", "Reason", "Told", "Verdict", "attack", "notice", "truthful"]
