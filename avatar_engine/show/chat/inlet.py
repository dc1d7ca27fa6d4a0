"""An inlet on a local port, into which relays put what viewers of other platforms write, buy and click.

``POST /`` takes a JSON table or a list of them, as lines of a replay are, without ``at``::

    {"author": "Ann", "text": "Does it come in blue?", "id": "17", "source": "tiktok"}
    {"viewers": 1240}    {"sales": 1}    {"clicks": 3}
    {"sales": 2, "product": "M-17", "revenue": 25.00, "currency": "EUR"}
    {"kind": "join", "author": "Bob"}    {"kind": "retracted", "id": "17"}

``ws://127.0.0.1:PORT/`` takes one table a message. Where the variable ``AVATAR_ENGINE_INLET_TOKEN`` is set, requests
must carry it (``Authorization: Bearer ...``). A page of another site can't post.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import socket
import threading
from collections.abc import Mapping
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat.message import Link, Put, cleaned, read
from avatar_engine.show.chat.source import AwayError, kept

log = logging.getLogger(__name__)

MOST, MOST_AT_ONCE = 1 << 20, 5000
"""Bytes of a request, and tables in it."""

_TOKEN = "AVATAR_ENGINE_INLET_TOKEN"  # noqa: S105 - the variable's name
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Inlet:
    """Takes messages on ``127.0.0.1:PORT`` (see `avatar_engine.show.chat.source.Source`).

    Raises:
        AvatarError: The port is none.
    """

    def __init__(self, port: str) -> None:
        if not (port.isdigit() and 0 < int(port) < 65536):
            raise AvatarError(f"{port!r} is no port.", "Write inlet:8787.")
        self.name, self._port = f"inlet:{port}", int(port)
        self._token = os.environ.get(_TOKEN, "").strip()  # a file read into it ends with a line end
        self._put: Put = lambda came: None
        self._port_taken: socket.socket | None = None

    def ready(self) -> None:
        """Nothing is needed."""

    def reserve(self) -> None:
        """Take the port: nobody else can have it from now on.

        Raises:
            AvatarError: It is taken.
        """
        if self._port_taken:
            return
        try:
            self._port_taken = socket.create_server(("127.0.0.1", self._port))
        except OSError as error:
            raise AvatarError(
                f"The inlet cannot listen on port {self._port} ({error.strerror}).", "Choose another port."
            ) from error

    def run(self, put: Put, stop: threading.Event) -> None:
        """See `avatar_engine.show.chat.source.Source`."""
        self._put = put
        kept(self.name, self._session, put, stop)

    def _session(self, put: Put, stop: threading.Event) -> None:
        """Serve until the show ends.

        Raises:
            AwayError: The port is taken, or the server fell.
        """
        try:
            self.reserve()
        except AvatarError as error:
            raise AwayError(error.what) from None
        server = uvicorn.Server(self.settings)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        threading.Thread(target=self._ended, args=(server, stop), daemon=True).start()
        listening, self._port_taken = self._port_taken, None
        put(Link(True))
        try:
            server.run(sockets=[listening] if listening else None)
        except SystemExit:
            raise AwayError("its web server fell") from None
        finally:
            if listening:
                listening.close()

    @property
    def settings(self) -> uvicorn.Config:
        """Of its web server."""
        return uvicorn.Config(
            self.app, "127.0.0.1", self._port, log_level="warning", lifespan="off", ws_max_size=MOST,
            log_config=None,
        )  # fmt: skip

    @property
    def app(self) -> Starlette:
        """The pages."""
        return Starlette(
            routes=[Route("/", self._posted, methods=["POST"]), WebSocketRoute("/", self._socket)]
        )

    @staticmethod
    def _ended(server: uvicorn.Server, stop: threading.Event) -> None:
        stop.wait()
        server.should_exit = True

    def _refused(self, headers: Headers) -> str:
        """Why a request is not taken; "" where it is."""
        host = headers.get("host", "").rsplit(":", 1)[0].strip("[]")
        if headers.get("origin") or host not in _LOOPBACK:
            return "only programs of this machine may put messages here"
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if self._token and not hmac.compare_digest(given.encode(), self._token.encode()):
            return f"the token of {_TOKEN} is missing"
        return ""

    async def _posted(self, request: Request) -> Response:
        if refused := self._refused(request.headers):
            return JSONResponse({"error": refused}, 403)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST:
                return JSONResponse({"error": f"more than {MOST} bytes"}, 413)
        try:
            taken = self._take(body)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse({"taken": taken})

    async def _socket(self, line: WebSocket) -> None:
        if self._refused(line.headers):
            await line.close(1008)
            return
        await line.accept()
        try:
            while True:
                try:
                    await line.send_json({"taken": self._take((await line.receive_text()).encode())})
                except ValueError as error:
                    await line.send_json({"error": str(error)})
        except (WebSocketDisconnect, KeyError):
            return

    def _take(self, body: bytes) -> int:
        """Put everything in; how many tables there were.

        Raises:
            ValueError: One of them is none; those before it are in.
        """
        try:
            told: Any = json.loads(body)
        except (ValueError, RecursionError):
            raise ValueError("this is no JSON") from None
        tables = told if isinstance(told, list) else [told]
        if len(tables) > MOST_AT_ONCE:
            raise ValueError(f"more than {MOST_AT_ONCE} at once")
        for number, table in enumerate(tables, 1):
            if not isinstance(table, Mapping):
                raise ValueError(f"number {number} is no table")
            try:
                came = read(table, cleaned(table.get("source", ""), 20) or "inlet")
            except (ValueError, TypeError, OverflowError) as error:
                raise ValueError(f"number {number}: {error}") from None
            for one in came:
                self._put(one)
        return len(tables)
