"""A preview on a local port: the programme as FLV over HTTP or WebSocket, for a browser or a player.

A viewer begins at a keyframe, and one that is too slow loses whole GOPs; neither is ever felt by the show.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from avatar_engine.broadcast.flv import FlvStream, Tag
from avatar_engine.broadcast.outputs import Output
from avatar_engine.broadcast.packets import Packet, PacketQueue
from avatar_engine.broadcast.spec import TIME_BASE, OutputSpec, ProgrammeFormat

log = logging.getLogger(__name__)

MOST_VIEWERS = 8
_LIMIT = 4 * TIME_BASE
_BEHIND = 3_000
"""Milliseconds of programme that wait for a viewer; then it goes on at a later keyframe."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PLAYER = Path("node_modules/mpegts.js/dist/mpegts.js")
"""Where ``npm install mpegts.js`` puts the player, from the folder that the show was started in."""


class Viewer:
    """What waits for one viewer; used by the server's loop alone."""

    def __init__(self, beginning: bytes) -> None:
        self._waiting: deque[Tag] = deque()
        self._beginning = beginning
        self._changed = asyncio.Event()
        self._seek_key = True
        self._ended = False
        self.lost = 0
        """Tags that it was too slow for, or that came before its first keyframe."""

    def put(self, tag: Tag) -> None:
        if self._waiting and tag.time - self._waiting[0].time > _BEHIND:
            self.lost += len(self._waiting)
            self._waiting.clear()
            self._seek_key = True
        if self._seek_key and not tag.keyframe:
            self.lost += 1
            return
        self._seek_key = False
        self._waiting.append(tag)
        self._changed.set()

    def end(self) -> None:
        self._ended = True
        self._changed.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The stream for this viewer, until the broadcast ends."""
        yield self._beginning
        while True:
            while self._waiting:
                yield self._waiting.popleft().data
            if self._ended:
                return
            await self._changed.wait()
            self._changed.clear()


class Hub:
    """Everybody who looks; used by the server's loop alone.

    Args:
        beginning: What an FLV stream begins with.
        loopback: Whether only this machine can reach the server.
    """

    def __init__(self, beginning: bytes, loopback: bool) -> None:
        self._beginning = beginning
        self._loopback = loopback
        self._viewers: set[Viewer] = set()
        self.app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/mpegts.js", self._player),
                Route("/live.flv", self._http),
                WebSocketRoute("/live.ws", self._websocket),
            ]
        )

    def __len__(self) -> int:
        return len(self._viewers)

    def spread(self, tags: Sequence[Tag]) -> None:
        for tag in tags:
            for viewer in self._viewers:
                viewer.put(tag)

    def end(self) -> None:
        for viewer in self._viewers:
            viewer.end()

    @asynccontextmanager
    async def _viewing(self) -> AsyncIterator[Viewer]:
        viewer = Viewer(self._beginning)
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)

    def _refused(self, headers: Headers) -> str:
        """Why a request is not served; empty when it is. Other sites' pages shall not look through a browser."""
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin and origin.partition("://")[2] != host:
            return "another site's page"
        if self._loopback and host.rpartition(":")[0].strip("[]") not in _LOOPBACK:
            return "another name than this machine's"
        return f"{MOST_VIEWERS} viewers at most" if len(self) >= MOST_VIEWERS else ""

    async def _page(self, request: Request) -> Response:
        page = resources.files("avatar_engine.broadcast").joinpath("preview.html").read_text(encoding="utf-8")
        return HTMLResponse(page)

    async def _player(self, request: Request) -> Response:
        if _PLAYER.is_file():
            return FileResponse(_PLAYER, media_type="text/javascript")
        return PlainTextResponse("npm install mpegts.js", 404)

    async def _http(self, request: Request) -> Response:
        if reason := self._refused(request.headers):
            return PlainTextResponse(reason, 503)

        async def body() -> AsyncIterator[bytes]:
            async with self._viewing() as viewer:
                async for piece in viewer.pieces():
                    yield piece

        return StreamingResponse(body(), media_type="video/x-flv", headers={"cache-control": "no-store"})

    async def _websocket(self, socket_: WebSocket) -> None:
        if reason := self._refused(socket_.headers):
            await socket_.close(1013, reason)
            return
        await socket_.accept()
        async with self._viewing() as viewer:
            leaving = asyncio.create_task(_until_left(socket_, viewer))
            try:
                async for piece in viewer.pieces():
                    await socket_.send_bytes(piece)
                await socket_.close()
            except (WebSocketDisconnect, RuntimeError):
                pass  # it has left
            finally:
                leaving.cancel()


async def _until_left(socket_: WebSocket, viewer: Viewer) -> None:
    """Nothing is expected from a viewer but its goodbye."""
    while (await socket_.receive())["type"] != "websocket.disconnect":
        pass
    viewer.end()


class PreviewOutput(Output):
    """Serves the programme on a port of this machine.

    Args:
        spec: Where it listens.
        streams: The encoders' streams, for their descriptions.
        programme: For its metadata.
    """

    def __init__(self, spec: OutputSpec, streams: tuple[Any, Any], programme: ProgrammeFormat) -> None:
        super().__init__(spec, PacketQueue(_LIMIT, open_=True))
        self._flv = FlvStream(streams, dict(programme.metadata))
        self._hub = Hub(self._flv.header, spec.host in _LOOPBACK)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving = threading.Event()

    def put(self, packet: Packet, patient: bool) -> None:
        self._queue.put(packet)

    def run(self) -> None:
        family = socket.AF_INET6 if ":" in self._spec.host else socket.AF_INET
        try:
            listener = socket.create_server((self._spec.host, self._spec.port), family=family)
        except OSError as error:
            self._set(state="failed", error=f"cannot listen on the port ({error.strerror})")
            return
        config = uvicorn.Config(
            self._hub.app, log_config=None, access_log=False, lifespan="off", ws_per_message_deflate=False
        )
        config.timeout_graceful_shutdown = 1
        server = uvicorn.Server(config)
        thread = threading.Thread(target=self._serve, args=(server, listener), name="preview", daemon=True)
        thread.start()
        self._serving.wait(10)
        self._set(state="on air")
        while thread.is_alive() and not self._stop.is_set():
            packet = self._queue.get(timeout=0.25)
            if packet is not None:
                self._publish(packet)
            elif self._queue.finished:
                break
        server.should_exit = True
        self._call(self._hub.end)
        thread.join(self.goodbye)
        died = not self._queue.finished and not self._stop.is_set()
        self._set(state="failed" if died else "ended", error="the server has ended" if died else "")

    def _publish(self, packet: Packet) -> None:
        tags = self._flv.push(packet)
        if len(self._hub):
            self._count([packet])
        self._call(self._hub.spread, tags)

    def _call(self, function: Any, *arguments: Any) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(function, *arguments)

    def _serve(self, server: uvicorn.Server, listener: socket.socket) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._serving.set()
            await server.serve(sockets=[listener])

        asyncio.run(serve())
