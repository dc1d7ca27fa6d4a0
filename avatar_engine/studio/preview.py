"""A show's preview for who has signed in: the broadcast's own, on a port of this machine, passed on as it comes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import websockets
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect

from avatar_engine.studio.gate import known, lacks_factor
from avatar_engine.studio.refusals import Missing

preview = APIRouter()

LARGEST = 8 << 20
"""Bytes of a message; a keyframe is a tenth of it."""


@preview.websocket("/api/v1/shows/{ident}/live.ws")
async def live(line: WebSocket, ident: int) -> None:
    """The programme as FLV."""
    caller = await run_in_threadpool(known, line)
    if caller is None or lacks_factor(caller):
        await line.close(4401, "sign in")
        return
    try:
        show = await run_in_threadpool(caller.house.shows.one, ident)
    except Missing:
        await line.close(4404, "no such show")
        return
    if not show.open:
        await line.close(4410, "it is over")
        return
    address = f"ws://127.0.0.1:{show.preview}/live.ws"
    try:
        async with connect(address, max_size=LARGEST, compression=None, open_timeout=5) as source:
            await line.accept()
            leaving = asyncio.create_task(_until_left(line))
            passing = asyncio.create_task(_pass(source, line))
            _, waiting = await asyncio.wait({leaving, passing}, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            with suppress(RuntimeError, WebSocketDisconnect):
                await line.close()
    except (OSError, TimeoutError, websockets.WebSocketException):
        with suppress(RuntimeError, WebSocketDisconnect):
            await line.close(4503, "not yet on air")


async def _pass(source: ClientConnection, line: WebSocket) -> None:
    with suppress(WebSocketDisconnect, RuntimeError, websockets.WebSocketException):
        async for piece in source:
            await line.send_bytes(piece if isinstance(piece, bytes) else piece.encode())


async def _until_left(line: WebSocket) -> None:
    """Nothing is expected from a viewer but its goodbye."""
    while (await line.receive())["type"] != "websocket.disconnect":
        pass
