"""Pages out of templates: their texts in the reader's language, their figures as people read them."""

from __future__ import annotations

import functools
import hashlib
import time
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import jinja2
from babel.dates import format_datetime, format_timedelta
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from avatar_engine.studio import words
from avatar_engine.studio.gate import Caller
from avatar_engine.timing import clock

STATES = {
    "on air": "live", "running": "busy", "starting": "busy", "queued": "wait", "done": "good", "ended": "good",
    "failed": "bad", "cut off": "bad", "stopped": "wait", "connecting": "busy", "reconnecting": "bad",
    "answered": "good", "unanswered": "wait", "left out": "wait", "answering": "busy", "good": "good",
    "could be better": "poor", "will fail": "bad", "accepted": "good", "returned": "wait", "valid": "good",
    "to come": "wait", "over": "wait",
}  # fmt: skip
"""How a state looks, by its name: its colour and its sign."""


@functools.cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("avatar_engine.studio", "templates"), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.globals.update(
        static=static, state_of=lambda name: STATES.get(str(name), "wait"), languages=words.LANGUAGES
    )
    made.filters.update(
        clock=clock, megabytes=lambda size: f"{size / 1e6:,.0f}", pair=lambda name: (name, name)
    )
    return made


@functools.cache
def static(name: str) -> str:
    """The address of a file of the studio's own, which changes with what is in it."""
    data = resources.files("avatar_engine.studio").joinpath(f"static/{name}").read_bytes()
    return f"/static/{name}?v={hashlib.sha256(data).hexdigest()[:12]}"


def language_of(request: Request, caller: Caller | None) -> str:
    """The language of a page."""
    kept = caller.person.language if caller else ""
    return words.wanted(kept, request.headers.get("accept-language", ""))


def text(request: Request, caller: Caller | None, template: str, **values: Any) -> str:
    """What a template makes of some values."""
    tag = language_of(request, caller)

    def when(seconds: float | None) -> str:
        if not seconds:
            return ""
        return format_datetime(datetime.fromtimestamp(seconds).astimezone(), "medium", locale=tag)

    def ago(seconds: float | None) -> str:
        if not seconds:
            return ""
        return str(format_timedelta(timedelta(seconds=seconds - time.time()), add_direction=True, locale=tag))

    def lasting(seconds: float | None) -> str:
        return str(format_timedelta(timedelta(seconds=seconds or 0), threshold=1.5, locale=tag))

    def theirs(said: object) -> Markup:
        """What a room said: in the page's language, or marked as English."""
        found = words.theirs(tag, str(said))
        return Markup.escape(found) if found is not None else Markup('<span lang="en">{}</span>').format(said)

    return _templates().get_template(template).render(
        _=words.translator(tag), tag=tag, me=caller, request=request, when=when, ago=ago, lasting=lasting,
        theirs=theirs,
        moment=lambda iso: when(_stamp(iso)),
        **values,
    )  # fmt: skip


def page(
    request: Request, caller: Caller | None, template: str, status: int = 200, **values: Any
) -> Response:
    """A whole page."""
    return HTMLResponse(text(request, caller, template, **values), status)


def told(
    request: Request, caller: Caller | None, said: str, advice: str = "", good: bool = True, status: int = 200,
    own: bool = False,
) -> Response:  # fmt: skip
    """A line of what was done, or why it was not, for the place on the page where such lines stand.

    ``own`` words are in the page's language already; others are a room's.
    """
    return page(request, caller, "told.html.j2", status, said=said, advice=advice, good=good, own=own)


def went(to: str) -> Response:
    """It is done, and the page goes elsewhere."""
    return Response(status_code=200, headers={"HX-Redirect": to})


def anew() -> Response:
    """It is done, and the page is shown as it is now."""
    return Response(status_code=200, headers={"HX-Refresh": "true"})


def _stamp(iso: str) -> float | None:
    try:
        found = datetime.fromisoformat(iso)
    except (TypeError, ValueError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
