"""The studio as an ASGI application."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from avatar_engine import __version__
from avatar_engine.errors import AvatarError
from avatar_engine.studio.api import api
from avatar_engine.studio.forms import forms
from avatar_engine.studio.gate import known, lacks_factor
from avatar_engine.studio.guard import Guard
from avatar_engine.studio.house import House
from avatar_engine.studio.microphone import microphone
from avatar_engine.studio.pages import pages
from avatar_engine.studio.preview import preview
from avatar_engine.studio.rates import Rate
from avatar_engine.studio.refusals import SignIn
from avatar_engine.studio.render import page, told

ABOUT = """Everything that the studio's pages do. Send a token: `Authorization: Bearer TOKEN` (Settings, Tokens).

Errors are `{"error": ..., "advice": ...}`."""


class Kept(StaticFiles):
    """Files of the studio's own, whose addresses change with what is in them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        if answer.status_code == 200:
            answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        return answer


def made(house: House, names: Iterable[str] = (), secure: bool = False, rate: Rate | None = None) -> FastAPI:
    """The application.

    Args:
        house: What it serves.
        names: Hosts by which it may be called; empty for every one.
        secure: Whether it is reached by HTTPS.
        rate: How often one address may ask; the usual when None.
    """
    app = FastAPI(
        title="avatar-engine studio", version="1", description=ABOUT, docs_url=None, redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )  # fmt: skip
    app.state.house, app.state.secure, app.state.engine = house, secure, __version__
    app.state.tries = Rate(
        1 / 12, 8
    )  # to sign in, of an address and of a name: eight at once, then five a minute
    for router in (pages, forms, api, preview, microphone):
        app.include_router(router)
    static = Path(str(resources.files("avatar_engine.studio").joinpath("static")))
    app.mount("/static", Kept(directory=static), name="static")
    app.add_exception_handler(AvatarError, _refused)
    app.add_exception_handler(HTTPException, _no_page)
    app.add_exception_handler(RequestValidationError, _unwritten)
    app.add_middleware(Guard, names=tuple(names), secure=secure, rate=rate)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, AvatarError)  # noqa: S101 - it is registered for these
    return _answer(request, int(getattr(error, "status", 400)), error.what, error.advice)


async def _no_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    answer = _answer(request, error.status_code, str(error.detail), "")
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _unwritten(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these
    wrong = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()[:5])
    return _answer(request, 422, f"It is not written as it should be: {wrong}.", "Correct it, and try again.")


def _answer(request: Request, status: int, what: str, advice: str) -> Response:
    """An error as who asked can read it: JSON for programs, a line for a form, a page for a browser."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": what, "advice": advice}, status)
    caller = known(request)
    if status == SignIn.status and caller is None:
        if request.headers.get("hx-request"):
            return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
        return RedirectResponse("/sign-in", 303)
    if request.headers.get("hx-request"):
        answer = told(request, caller, what, advice, good=False, status=status)
        answer.headers["HX-Retarget"] = "#told"  # and not in the place of the form that was refused
        return answer
    if caller and lacks_factor(caller) and request.url.path == "/":
        return RedirectResponse("/settings#factor", 303)
    values: dict[str, Any] = {"what": what, "advice": advice, "code": status, "here": ""}
    return page(request, caller, "error.html.j2", status, **values)
