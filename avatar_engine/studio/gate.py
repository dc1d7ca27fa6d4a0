"""Who asks, and whether they may: the cookie of a session, or the token of a program."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from avatar_engine.studio.house import House
from avatar_engine.studio.people import Person, Session, same
from avatar_engine.studio.rates import Rate
from avatar_engine.studio.refusals import Forbidden, SignIn, TooMany

COOKIE, SAFE_COOKIE = "studio", "__Host-studio"
"""Of a session; the second one where the studio is reached by HTTPS."""


WAYS_TO_A_FACTOR = ("/settings", "/do/me", "/sign-out")
"""What somebody may use who has yet to set up the second factor that everybody must have."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may be here; ``session`` is None for a program with a token."""

    house: House
    person: Person
    session: Session | None


def house_of(connection: HTTPConnection) -> House:
    """The studio that is asked."""
    house: House = connection.app.state.house
    return house


def known(connection: HTTPConnection) -> Caller | None:
    """Who asks; None for somebody unknown."""
    house = house_of(connection)
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        person = house.people.bearer(token.strip())
        return Caller(house, person, None) if person else None
    secret = connection.cookies.get(_cookie(connection), "")
    session = house.people.session(secret) if secret else None
    return Caller(house, session.person, session) if session else None


async def _caller(request: Request) -> Caller:
    found = known(request)
    if found is None:
        raise SignIn("Nobody has signed in.", "Sign in, or send a token: Authorization: Bearer TOKEN.")
    if found.session and request.method not in ("GET", "HEAD", "OPTIONS"):
        given = request.headers.get("x-csrf", "")
        if not given and "form" in request.headers.get("content-type", ""):
            given = str((await request.form()).get("csrf", ""))
        if not same(given, found.session.csrf):
            raise Forbidden("This page is too old, or not of the studio.", "Open it anew, and try again.")
    if lacks_factor(found) and not request.url.path.startswith(WAYS_TO_A_FACTOR):
        raise Forbidden(
            "Everybody here signs in with a second factor, and you have none yet.",
            "Set it up in the settings.",
        )
    return found


def lacks_factor(caller: Caller) -> bool:
    """Whether somebody in a browser has to set their second factor up before anything else."""
    return bool(caller.session) and not caller.person.factor and caller.house.factors.rules().sign_in


def _at_least(role: str) -> Callable[[Caller], Coroutine[Any, Any, Caller]]:
    async def may(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if not caller.person.may(role):
            raise Forbidden(f"A {caller.person.role} may not do this.", f"It takes a {role}.")
        return caller

    return may


Viewer = Annotated[Caller, Depends(_at_least("viewer"))]
Presenter = Annotated[Caller, Depends(_at_least("presenter"))]
Technician = Annotated[Caller, Depends(_at_least("technician"))]
Admin = Annotated[Caller, Depends(_at_least("admin"))]


def slow_down(request: Request, name: str) -> None:
    """Hold back who guesses passwords.

    Raises:
        TooMany: They have tried too often.
    """
    address = request.client.host if request.client else "?"
    tries: Rate = request.app.state.tries
    waits = [tries.wait(f"from {address}"), tries.wait(f"as {name.casefold().strip()[:60]}")]
    if wait := max(waits):
        raise TooMany("Too many tries.", f"Wait {wait:.0f} s.")


def _cookie(connection: HTTPConnection) -> str:
    return SAFE_COOKIE if connection.app.state.secure else COOKIE


def remember(response: Response, request: Request, secret: str) -> None:
    """Put a session into the browser: for this site alone, and for no script."""
    response.set_cookie(
        _cookie(request), secret, httponly=True, samesite="strict", secure=request.app.state.secure, path="/"
    )


def forget(response: Response, request: Request) -> None:
    """Take it out again."""
    response.delete_cookie(_cookie(request), path="/")
