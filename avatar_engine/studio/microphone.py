"""A technician's voice from the browser into a show's mouth: samples over a WebSocket, passed on as they come.

The page's microphone is heard like any other of the show's (`avatar_engine.live.microphone`): it breaks off softly,
waits, and goes on with the line that was cut. The page is told how it stands in JSON: ``{"stands": ..., "on": ...}``,
or ``{"error": ..., "advice": ...}`` and the end. Whatever text the page sends gives the microphone back.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from avatar_engine.errors import AvatarError
from avatar_engine.live.desk import send
from avatar_engine.live.microphone import OPENING
from avatar_engine.live.microphone_line import STUCK, connected
from avatar_engine.studio.gate import Caller, known, lacks_factor
from avatar_engine.studio.refusals import Missing

microphone = APIRouter()

SAMPLES = "-:48000:1"
"""What comes: 16 bits, little-endian, mono, 48000 a second."""

LOOK_EVERY = 0.3
"""Seconds between two looks at how it stands."""

LARGEST = 96_000
"""Bytes of a message: a second of sound."""


@microphone.websocket("/api/v1/shows/{ident}/mic.ws")
async def speak(line: WebSocket, ident: int) -> None:
    """Take a show's microphone, and speak until the page lets go of it."""
    caller = await run_in_threadpool(known, line)
    if caller is None or lacks_factor(caller):
        await line.close(4401, "sign in")
        return
    if not caller.person.may("technician"):
        await line.close(4403, "it takes a technician")
        return
    await line.accept()
    try:
        show, way = await run_in_threadpool(_taken, caller, ident)
    except AvatarError as error:
        with suppress(RuntimeError, WebSocketDisconnect):
            await line.send_json({"error": error.what, "advice": error.advice})
            await line.close(4409, "it was refused")
        return
    await _spoken(line, show, way)
    caller.house.note(caller.person.name, "microphone given back", show=ident)


def _taken(caller: Caller, ident: int) -> tuple[str, socket.socket]:
    """Ask for the microphone; the show's id, and the way into it."""
    one = caller.house.shows.one(ident)
    if not one.show:
        raise Missing(f"{one.name} is not on air yet.", "Wait a moment.")
    began = time.monotonic()
    send(one.show, "mic", SAMPLES)
    caller.house.note(caller.person.name, "microphone taken", show=ident)
    return one.show, connected(one.show, began)


async def _spoken(line: WebSocket, show: str, way: socket.socket) -> None:
    way.setblocking(False)
    _, into = await asyncio.open_unix_connection(sock=way)
    passing = asyncio.create_task(_pass(line, into))
    telling = asyncio.create_task(_tell(line, show))
    try:
        await asyncio.wait({passing, telling}, return_when=asyncio.FIRST_COMPLETED)
        into.close()  # what is on its way is still said; then it ends
        await asyncio.wait({telling}, timeout=2 * STUCK)
    finally:
        passing.cancel()
        telling.cancel()
        into.close()
        with suppress(RuntimeError, WebSocketDisconnect):
            await line.close()


async def _pass(line: WebSocket, into: asyncio.StreamWriter) -> None:
    """Pass on what comes, until the page lets go or either side is gone."""
    with suppress(OSError, TimeoutError):
        while (message := await line.receive())["type"] == "websocket.receive":
            data = message.get("bytes")
            if data is None or len(data) > LARGEST:
                return
            into.write(data)
            await asyncio.wait_for(into.drain(), STUCK)


async def _tell(line: WebSocket, show: str) -> None:
    """Tell the page how it stands, until it is off."""
    before: dict[str, object] = {}
    with suppress(RuntimeError, WebSocketDisconnect):
        while True:
            try:
                stands = await run_in_threadpool(send, show, "mic")
                on = stands.startswith("The microphone is on")
                told: dict[str, object] = {"stands": stands, "on": on}
            except AvatarError as error:
                on, stands, told = False, "", {"error": error.what, "advice": error.advice}
            if told != before:
                await line.send_json(told)
            if not on and stands != OPENING:
                return
            before = told
            await asyncio.sleep(LOOK_EVERY)
