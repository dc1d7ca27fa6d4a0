"""Server-sent events: something is looked at every second, and sent when it has changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

EVERY = 1.0
"""Seconds between two looks."""

LONGEST = 3600.0
"""Seconds after which a listener has to ask again."""

MOST = 64
"""Listeners of the whole studio."""

BEAT = 15
"""Looks without a change after which the line is shown to be alive."""

_listening = 0


def stream(
    request: Request,
    look: Callable[[], Any],
    over: Callable[[Any], bool] = lambda told: False,
    event: str = "",
) -> Response:
    """The answer to one listener.

    Args:
        request: Of the listener.
        look: What is told: a text, or what JSON can hold. It runs in another thread.
        over: Whether it was the last.
        event: The events' name.
    """
    if _listening >= MOST:
        return Response("too many listen", 429)
    head = f"event: {event}\n" if event else ""

    async def told() -> AsyncIterator[str]:
        global _listening
        _listening += 1
        try:
            before, quiet, until = "", 0, asyncio.get_running_loop().time() + LONGEST
            while asyncio.get_running_loop().time() < until and not await request.is_disconnected():
                found = await run_in_threadpool(look)
                text = found if isinstance(found, str) else json.dumps(found, default=str)
                quiet += 1
                if text != before:
                    lines = "\n".join(f"data: {line}" for line in text.splitlines() or [""])
                    yield f"{head}{lines}\n\n"
                    before, quiet = text, 0
                elif quiet >= BEAT:
                    yield ": still here\n\n"
                    quiet = 0
                if over(found):
                    return
                await asyncio.sleep(EVERY)
        finally:
            _listening -= 1

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(told(), media_type="text/event-stream", headers=headers)
