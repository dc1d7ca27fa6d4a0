"""Every sentence is checked before it is said: figures, claims, truth and secrets."""

from avatar_engine.show.guard.guard import Guard, Reason, Verdict, attack, notice, truthful

__all__ = ["Guard", "Reason", "Verdict", "attack", "notice", "truthful"]
