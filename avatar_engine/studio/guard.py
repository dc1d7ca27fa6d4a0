"""What stands before every request: whose name is called, how often, how much comes, and the headers of each answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avatar_engine.studio.rates import Rate
from avatar_engine.studio.uploads import PIECE

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MOST_BODY = 1 << 20
"""Bytes of a request that brings no piece of a file."""

PER_SECOND, BURST = 40.0, 200.0
"""Requests of one address."""

POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:",
    "media-src 'self' blob:", "connect-src 'self'", "font-src 'self'", "frame-src 'self'", "form-action 'self'",
    "base-uri 'none'", "frame-ancestors 'none'", "worker-src 'self'", "manifest-src 'self'",
))  # fmt: skip
"""For the studio's own pages: scripts and styles in files of its own, nothing of anybody else's."""

SANDBOX = "; ".join((
    "sandbox", "default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "media-src data:",
    "frame-ancestors 'self'",
))  # fmt: skip
"""For pages that rooms have made (reports): no script runs in them, and they reach nothing."""

_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
}


class Guard:
    """ASGI middleware; see the module.

    Args:
        app: What it stands before.
        names: Hosts by which the studio may be called, without ports; empty for every one.
        secure: Whether it is reached by HTTPS.
        rate: How often one address may ask.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str], secure: bool, rate: Rate | None = None) -> None:
        self._app, self._names, self._secure = app, frozenset(names), secure
        self._rate = rate or Rate(PER_SECOND, BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        status, said = self._refused(scope, headers)
        if status:
            await _answer(scope, receive, send, status, said)
            return
        most = PIECE if _brings_piece(scope) else MOST_BODY
        if (announced := headers.get("content-length", "0")).isdigit() and int(announced) > most:
            await _answer(scope, receive, send, 413, f"More than {most} bytes are not taken at once.")
            return
        await self._app(scope, _bounded(receive, most), self._dressed(send, scope))

    def _refused(self, scope: Scope, headers: Headers) -> tuple[int, str]:
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host
        if self._names and name.strip("[]").lower() not in self._names:
            return 421, "The studio is not called so. Start it with --name to let it be."
        origin = headers.get("origin")
        unsafe = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if unsafe and origin is not None and origin.partition("://")[2] != host:
            return 403, "Another site's page may not ask for this."
        if unsafe and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return 403, "Another site's page may not ask for this."
        if wait := self._rate.wait((scope.get("client") or ("?",))[0]):
            return 429, f"Too many requests: again in {wait:.0f} s."
        return 0, ""

    def _dressed(self, send: Send, scope: Scope) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("content-security-policy", POLICY)
                if "sandbox" in headers["content-security-policy"]:
                    headers["x-frame-options"] = "SAMEORIGIN"
                headers.setdefault("cache-control", "no-store")
                if self._secure:
                    headers.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        return dressed


def _brings_piece(scope: Scope) -> bool:
    path = str(scope["path"])
    return scope["type"] == "http" and scope["method"] == "PATCH" and path.startswith("/api/v1/uploads/")


def _bounded(receive: Receive, most: int) -> Receive:
    """The body, cut off where it is longer than it may be."""
    came = 0

    async def bounded() -> Message:
        nonlocal came
        message = await receive()
        if message["type"] == "http.request":
            came += len(message.get("body", b""))
            if came > most:
                return {"type": "http.disconnect"}
        return message

    return bounded


async def _answer(scope: Scope, receive: Receive, send: Send, status: int, said: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": said[:100]})
        return
    body = json.dumps({"error": said, "advice": ""}).encode()
    kept: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    kept += [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
    kept += [(b"retry-after", b"1")] if status == 429 else []
    start: dict[str, Any] = {"type": "http.response.start", "status": status, "headers": kept}
    await send(start)
    await send({"type": "http.response.body", "body": body})
