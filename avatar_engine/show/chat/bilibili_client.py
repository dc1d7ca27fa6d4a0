"""blivedm's client of Bilibili's open platform, kept within bounds; imported only where the extra is installed."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

from blivedm.clients import ws_base
from blivedm.clients.open_live import OpenLiveClient

from avatar_engine.show.chat.bilibili import Ears, unpacked

PACKETS = 10_000
"""Packets in one message."""


class Client(OpenLiveClient):  # type: ignore[misc]
    """The library's own, but for what it makes of a message: there it has no bounds, and prints.

    It signs, opens the room, keeps it open and closes it; coming back after a fault is not its business.
    """

    ears: Ears

    async def _parse_ws_message(self, data: bytes, unpack: bool = True) -> None:
        for header, body in packets(data):
            if header.operation == ws_base.Operation.HEARTBEAT_REPLY:
                self.ears.handle(self, {"cmd": "_HEARTBEAT"})
            elif header.operation == ws_base.Operation.AUTH_REPLY:
                await self._let_in(body)
            elif (
                header.operation == ws_base.Operation.SEND_MSG_REPLY
                and header.ver == ws_base.ProtoVer.DEFLATE
            ):
                if unpack:  # a packet within a packet within a packet is nobody's
                    await self._parse_ws_message(unpacked(body), unpack=False)
            elif header.operation == ws_base.Operation.SEND_MSG_REPLY and body:
                command = json.loads(body)
                if isinstance(command, dict):
                    self.ears.handle(self, command)

    async def _let_in(self, body: bytes) -> None:
        if json.loads(body)["code"] != ws_base.AuthReplyCode.OK:
            self.ears.why = "Bilibili refuses the room's own key"
            raise ws_base.AuthError
        if self._websocket is not None:
            await self._websocket.send_bytes(self._make_packet({}, ws_base.Operation.HEARTBEAT))


def packets(data: bytes) -> Iterator[tuple[ws_base.HeaderTuple, bytes]]:
    """Header and body of every packet in a message; what follows a broken one is left out."""
    start, size = 0, ws_base.HEADER_STRUCT.size
    for _ in range(PACKETS):
        try:
            header = ws_base.HeaderTuple(*ws_base.HEADER_STRUCT.unpack_from(data, start))
        except struct.error:
            return
        if header.raw_header_size < size or header.pack_len < header.raw_header_size:
            return
        yield header, data[start + header.raw_header_size : start + header.pack_len]
        start += header.pack_len


def _no_more(retries: int, all_retries: int) -> float:
    raise ConnectionError


def opened(key: str, secret: str, code: str, app: int, ears: Ears) -> OpenLiveClient:
    """A client that hands over to ``ears``; made within a running loop.

    Args:
        key, secret: The developer's.
        code: The presenter's.
        app: The project's number.
        ears: Take what comes.
    """
    client = Client(key, secret, app, code)
    client.ears = ears
    handler: Any = ears
    client.set_handler(handler)
    client.set_reconnect_policy(_no_more)
    return client
