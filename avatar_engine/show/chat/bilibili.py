"""The chat of a room of one's own on Bilibili, by its open platform: ``bilibili:APP`` (the project's number there).

It needs the extra ``bilibili``, the developer's keys in ``BILIBILI_ACCESS_KEY_ID`` and ``BILIBILI_ACCESS_KEY_SECRET``,
and the presenter's code for the room in ``BILIBILI_AUTH_CODE``.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import threading
import zlib
from typing import TYPE_CHECKING, Any

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat.message import (
    LONGEST_IDENT,
    LONGEST_NAME,
    MOST_WORTH,
    Link,
    Message,
    Put,
    cleaned,
)
from avatar_engine.show.chat.source import AwayError, kept

if TYPE_CHECKING:
    from blivedm.clients.open_live import OpenLiveClient

log = logging.getLogger(__name__)

KEY_ID, SECRET, CODE = (
    "BILIBILI_ACCESS_KEY_ID",
    "BILIBILI_ACCESS_KEY_SECRET",
    "BILIBILI_AUTH_CODE",
)  # variables

OPENED = 20.0
"""Seconds until the room must be heard after it was asked for."""

LARGEST = 4 << 20
"""Bytes of a packet once it is unpacked."""

CENTS = 1000.0
"""Platform's units of a gift's price in a yuan."""

_NEEDED = ("blivedm", "aiohttp", "brotli")


class Bilibili:
    """A room's chat (see `avatar_engine.show.chat.source.Source`).

    Args:
        place: Number of the project on the open platform.

    Raises:
        AvatarError: It is none.
    """

    def __init__(self, place: str) -> None:
        if not (place.isascii() and place.isdecimal() and len(place) < 17 and int(place)):
            raise AvatarError(
                f"{place[:80]!r} is no project of Bilibili's open platform.",
                "Write bilibili: and the project's number, such as bilibili:1234567890123.",
            )
        self.name, self._app = f"bilibili:{place}", int(place)

    def ready(self) -> None:
        """See `avatar_engine.show.chat.source.Source`.

        Raises:
            AvatarError: The extra or a key is missing.
        """
        if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
            raise AvatarError(
                f"Bilibili's chat needs {', '.join(missing)}, which is not installed.",
                "Install the extra: pip install 'avatar-engine[bilibili]'.",
            )
        if unset := [name for name in (KEY_ID, SECRET, CODE) if not os.environ.get(name, "").strip()]:
            raise AvatarError(
                f"Bilibili's chat needs {', '.join(unset)}, which {'is' if len(unset) == 1 else 'are'} not set.",
                "Put the keys of the open platform and the presenter's code into these variables.",
            )

    def reserve(self) -> None:
        """Nothing here is anybody else's."""

    def run(self, put: Put, stop: threading.Event) -> None:
        """See `avatar_engine.show.chat.source.Source`."""
        try:
            self.ready()
        except AvatarError as error:
            put(Link(False, error.what, final=True))
            return
        logging.getLogger("blivedm").setLevel(logging.CRITICAL)  # what goes wrong is told here, once
        kept(self.name, self._session, put, stop)

    def _session(self, put: Put, stop: threading.Event) -> None:
        asyncio.run(self._heard(put, stop))

    async def _heard(self, put: Put, stop: threading.Event) -> None:
        """Listen until the line breaks.

        Raises:
            AwayError: It did, or the platform does not open the room.
        """
        from avatar_engine.show.chat.bilibili_client import opened

        key, secret, code = (os.environ.get(name, "").strip() for name in (KEY_ID, SECRET, CODE))
        ears = Ears(put)
        client: OpenLiveClient = opened(key, secret, code, self._app, ears)
        began = asyncio.get_running_loop().time()
        try:
            client.start()
            while not stop.is_set() and client.is_running:
                if not ears.hears and asyncio.get_running_loop().time() > began + OPENED:
                    raise AwayError("Bilibili does not open the room")
                await asyncio.sleep(0.1)
        finally:
            await _closed(client)
        if not stop.is_set():
            raise AwayError(ears.why or "Bilibili hung up")


async def _closed(client: OpenLiveClient) -> None:
    """End the room's session on the platform, too: else it refuses the next one for a while."""
    try:
        await asyncio.wait_for(client.stop_and_close(), 5.0)
    except Exception as error:
        log.info("Bilibili's session was not ended (%s)", type(error).__name__)


class Ears:
    """Hears what the library hands over (its ``HandlerInterface``).

    Attributes:
        hears: Whether the platform has let us in.
        why: Why the line ended.
    """

    def __init__(self, put: Put) -> None:
        self._put, self.hears, self.why = put, False, ""

    def handle(self, client: object, command: dict[str, Any]) -> None:
        """Take a command of the platform; what is not understood is left out."""
        if not self.hears:
            self.hears = True
            self._put(Link(True))
        try:
            for message in read(command):
                self._put(message)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            log.debug("Bilibili told what is not understood (%s)", type(error).__name__)

    def on_client_stopped(self, client: object, exception: Exception | None) -> None:
        """The line has ended."""
        if exception is not None and not self.why:
            self.why = _reason(exception)


def _reason(exception: Exception) -> str:
    """Why the library gave up, without anything that the platform said: keys may be in it."""
    if isinstance(exception, ConnectionError):
        return "the line broke off"
    if type(exception).__name__ == "InitError":
        return "Bilibili does not open the room: it can't be reached, or refuses the keys, the code or the project"
    return f"the line broke off ({type(exception).__name__})"


def read(command: dict[str, Any]) -> list[Message]:
    """What a command of the open platform says, by the library's own models.

    Raises:
        KeyError, TypeError, ValueError: A field is missing or of another kind.
    """
    from blivedm.models import open_live as models

    kind, data = str(command.get("cmd", "")), command.get("data")
    if kind == "LIVE_OPEN_PLATFORM_DM":
        said = models.DanmakuMessage.from_command(data)
        return _text(said.msg_id, said.uname, said.msg)
    if kind == "LIVE_OPEN_PLATFORM_SEND_GIFT":
        gift = models.GiftMessage.from_command(data)
        worth = gift.price * gift.gift_num / CENTS if gift.paid else 0.0
        return [_gift(gift.msg_id, gift.uname, worth)]
    if kind == "LIVE_OPEN_PLATFORM_SUPER_CHAT":
        paid = models.SuperChatMessage.from_command(data)
        gift_ident = f"{paid.message_id} gift"
        return [_gift(gift_ident, paid.uname, paid.rmb), *_text(paid.message_id, paid.uname, paid.message)]
    if kind == "LIVE_OPEN_PLATFORM_SUPER_CHAT_DEL":
        gone = models.SuperChatDeleteMessage.from_command(data)
        idents = [cleaned(str(ident), LONGEST_IDENT) for ident in gone.message_ids[:100]]
        return [Message("bilibili", ident, "", "", "retracted") for ident in idents if ident]
    if kind == "LIVE_OPEN_PLATFORM_GUARD":
        guard = models.GuardBuyMessage.from_command(data)
        worth, name = guard.price * guard.guard_num / CENTS, guard.user_info.uname
        return [
            _gift(guard.msg_id, name, worth),
            Message("bilibili", "", cleaned(name, LONGEST_NAME), "", "member"),
        ]
    if kind == "LIVE_OPEN_PLATFORM_LIVE_ROOM_ENTER" and isinstance(
        data, dict
    ):  # the library has no model of it
        return [Message("bilibili", "", cleaned(data.get("uname"), LONGEST_NAME), "", "join")]
    return []


def _text(ident: object, name: object, said: object) -> list[Message]:
    text = cleaned(said)
    who = cleaned(name, LONGEST_NAME)
    return [Message("bilibili", cleaned(str(ident), LONGEST_IDENT), who, text)] if text else []


def _gift(ident: object, name: object, worth: float) -> Message:
    good = 0 < worth < MOST_WORTH
    who = cleaned(name, LONGEST_NAME)
    return Message(
        "bilibili",
        cleaned(str(ident), LONGEST_IDENT),
        who,
        "",
        "gift",
        worth if good else 0.0,
        "CNY" if good else "",
    )


def unpacked(body: bytes) -> bytes:
    """A packet's body out of zlib, with a limit.

    Raises:
        ValueError: It is none, or too large.
    """
    try:
        opener = zlib.decompressobj()
        plain = opener.decompress(body, LARGEST)
    except zlib.error as error:
        raise ValueError("no zlib") from error
    if opener.unconsumed_tail:
        raise ValueError("too large")
    return plain
