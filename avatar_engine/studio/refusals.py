"""Why the studio does not do what it was asked: errors that people read, each with its HTTP status."""

from __future__ import annotations

from avatar_engine.errors import AvatarError


class Refusal(AvatarError):  # noqa: N818 - no defect: somebody is told no
    """Something that was asked for and is not done."""

    status = 400


class SignIn(Refusal):
    """Nobody has signed in, or with the wrong words."""

    status = 401


class Forbidden(Refusal):
    """Who asks may not do this."""

    status = 403


class Missing(Refusal):
    """There is no such thing."""

    status = 404


class Conflict(Refusal):
    """Somebody else was faster, or it does not go together with what is there."""

    status = 409


class TooLarge(Refusal):
    """More than the studio takes."""

    status = 413


class TooMany(Refusal):
    """Too often."""

    status = 429
