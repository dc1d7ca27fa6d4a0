"""The chat of a YouTube broadcast, and how many watch it: ``youtube:VIDEO``, ``youtube:CHANNEL`` or ``youtube:mine``.

It is read through YouTube's Data API with the key in ``YOUTUBE_API_KEY``, or with the token of OAuth in
``YOUTUBE_TOKEN``; ``mine`` is what the token's own channel broadcasts. ``YOUTUBE_QUOTA`` says how many units a day the
project has, where it is not 10 000. A channel that broadcasts nothing is looked at again every five minutes, which
costs a hundred units each time.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat.message import (
    LONGEST_IDENT,
    LONGEST_NAME,
    MOST_WORTH,
    Count,
    Link,
    Message,
    Put,
    cleaned,
)
from avatar_engine.show.chat.source import AwayError, OverError, kept
from avatar_engine.show.chat.youtube_api import QUOTA, Api, Credential, GoneError, Quota, TooFastError, tables

log = logging.getLogger(__name__)

KEY, TOKEN, DAILY = "YOUTUBE_API_KEY", "YOUTUBE_TOKEN", "YOUTUBE_QUOTA"  # names of variables

SOONEST, LATEST = 1.0, 120.0
"""Seconds between two pages of the chat, whatever YouTube asks for."""

SLOWER, PATIENCE = 2.0, 5
"""Factor of the wait after each time that YouTube calls it too short, and after how many it counts as away."""

VIEWERS = 60.0
"""Seconds between two looks at how many watch."""

SEARCHED = 300.0
"""Seconds between two searches of what a channel broadcasts."""

WAITING = 30.0
"""Seconds between two looks at a broadcast that has not begun."""

OLD = timedelta(seconds=90)
"""Age of a message from before the show that is not brought any more: YouTube's first page has the chat's history."""

_VIDEO, _CHANNEL = re.compile(r"[\w-]{11}", re.ASCII), re.compile(r"UC[\w-]{22}", re.ASCII)


class YouTube:
    """A broadcast's chat (see `avatar_engine.show.chat.source.Source`).

    Args:
        place: A video's id, a channel's id or ``mine``.
        connect: Makes the API; by the environment's key when None.

    Raises:
        AvatarError: The place is none of these.
    """

    def __init__(self, place: str, connect: Callable[[], Api] | None = None) -> None:
        if place != "mine" and not _VIDEO.fullmatch(place) and not _CHANNEL.fullmatch(place):
            raise AvatarError(
                f"{place[:80]!r} is no video and no channel of YouTube.",
                "Write youtube: and the 11 signs after v= in the video's address, a channel's id (UC...), or mine.",
            )
        self.name, self._place = f"youtube:{place}", place
        self._connect = connect or api_of_environment
        self._api: Api | None = None
        self._video = place if _VIDEO.fullmatch(place) else ""
        self._chat = self._page = ""
        self._looked = -VIEWERS

    def ready(self) -> None:
        """See `avatar_engine.show.chat.source.Source`.

        Raises:
            AvatarError: There is no key, or ``mine`` has no token.
        """
        if self._place == "mine" and not os.environ.get(TOKEN, "").strip():
            raise AvatarError(
                f"youtube:mine needs the variable {TOKEN}.", "Put a token of OAuth for your channel into it."
            )
        self._connect().close()

    def reserve(self) -> None:
        """Nothing here is anybody else's."""

    def run(self, put: Put, stop: threading.Event) -> None:
        """See `avatar_engine.show.chat.source.Source`."""
        try:
            self._api = self._connect()
        except AvatarError as error:
            put(Link(False, error.what, final=True))
            return
        try:
            kept(self.name, self._session, put, stop)
        finally:
            self._api.close()

    def _session(self, put: Put, stop: threading.Event) -> None:
        """Read page after page.

        Raises:
            AwayError: YouTube can't be asked now.
            OverError: The broadcast is over.
        """
        api, hurried = self._asked(), 0
        if not self._chat:
            self._find(api, put)
        while not stop.is_set():
            try:
                told = api.messages(self._chat, self._page)
            except TooFastError:
                hurried += 1
                if hurried >= PATIENCE:
                    raise AwayError("YouTube wants to be asked more seldom", LATEST) from None
                stop.wait(min(LATEST, max(SOONEST, api.quota.pace) * SLOWER**hurried))
                continue
            except GoneError:
                self._chat = self._page = ""
                self._find(api, put)
                continue
            except OverError:
                if self._over():
                    raise
                return
            put(Link(True))
            hurried = 0
            self._bring(told, put)
            self._viewers(api, put)
            stop.wait(max(_interval(told), api.quota.pace))

    def _asked(self) -> Api:
        if self._api is None:
            self._api = self._connect()
        return self._api

    def _find(self, api: Api, put: Put) -> None:
        """Find the broadcast and its chat.

        Raises:
            AwayError: There is none yet.
            OverError: It is over.
        """
        try:
            if not self._video:
                mine = self._place == "mine"
                self._video = api.own_broadcast() if mine else api.broadcast_of(self._place)
            details = api.video(self._video)
        except GoneError as gone:
            if self._place != self._video:
                self._video = ""
            raise AwayError(str(gone), SEARCHED if not self._video else WAITING) from None
        except TooFastError:
            raise AwayError("YouTube wants to be asked more seldom", WAITING) from None
        self._count(details, put)
        chat = details.get("activeLiveChatId")
        if isinstance(chat, str) and chat:
            self._chat = chat
        elif "actualEndTime" in details:
            if self._over():
                raise OverError("the broadcast has ended")
            raise AwayError("the broadcast has ended; another one is waited for", SEARCHED)
        else:
            raise AwayError("the broadcast has no live chat now", WAITING)

    def _over(self) -> bool:
        """What was read has ended; whether that is all, or the channel may broadcast again."""
        self._chat = self._page = ""
        if self._place == self._video:
            return True
        self._video = ""
        return False

    def _bring(self, told: Mapping[str, Any], put: Put) -> None:
        """Bring a page; of the first one only what is fresh."""
        first, self._page = not self._page, str(told.get("nextPageToken") or "")[:500]
        items = tables(told.get("items"))
        for item in items:
            for one in () if first and _old(item) else read(item):
                put(one)
        if "offlineAt" in told or any(map(_ended, items)):
            if self._over():
                raise OverError("the broadcast has ended")
            raise AwayError("the broadcast has ended; another one is waited for", SEARCHED)

    def _viewers(self, api: Api, put: Put) -> None:
        """Look how many watch, from time to time; that nobody tells is no fault of the chat."""
        now = time.monotonic()
        if now < self._looked + max(VIEWERS, 2.0 * api.quota.pace):
            return
        self._looked = now
        try:
            self._count(api.video(self._video), put)
        except (GoneError, TooFastError, AwayError) as error:
            log.info("%s: nobody tells how many watch (%s)", self.name, error)

    def _count(self, details: Mapping[str, Any], put: Put) -> None:
        viewers = str(details.get("concurrentViewers", ""))
        if viewers.isdecimal() and len(viewers) < 10:
            put(Count("viewers", float(viewers)))
            self._looked = time.monotonic()


def api_of_environment() -> Api:
    """The API with the environment's key and quota.

    Raises:
        AvatarError: There is no key, or it or the quota is none.
    """
    key, token = os.environ.get(KEY, "").strip(), os.environ.get(TOKEN, "").strip()
    if not (key or token):
        raise AvatarError(
            f"YouTube's chat needs a key, and the variable {KEY} is not set.",
            f"Put a key of the YouTube Data API v3 into it, or a token of OAuth into {TOKEN}.",
        )
    if not ((key + token).isascii() and (key + token).isprintable() and " " not in key + token):
        raise AvatarError(f"What is in the variable {TOKEN if token else KEY} is no key.", "Copy it again.")
    daily = os.environ.get(DAILY, "").strip() or str(QUOTA)
    if not (daily.isdecimal() and len(daily) < 10 and int(daily)):
        raise AvatarError(
            f"{DAILY} is {daily[:20]!r}.", "It is the number of units that the project has a day."
        )
    return Api(Credential.of(key, token), Quota(int(daily)))


def _interval(told: Mapping[str, Any]) -> float:
    """Seconds that YouTube asks to wait, within reason."""
    wanted = told.get("pollingIntervalMillis")
    seconds = wanted / 1000 if isinstance(wanted, int | float) and wanted == wanted else 5.0
    return float(min(LATEST, max(SOONEST, seconds)))


def _old(item: Mapping[str, Any]) -> bool:
    """Whether a message was written long before now; one without a time was not."""
    try:
        written = datetime.fromisoformat(str(_table(item.get("snippet"))["publishedAt"]))
        return datetime.now(UTC) - written > OLD
    except (ValueError, KeyError, TypeError):
        return False


def _ended(item: Mapping[str, Any]) -> bool:
    return _table(item.get("snippet")).get("type") == "chatEndedEvent"


def _table(told: object) -> Mapping[str, Any]:
    return told if isinstance(told, Mapping) else {}


_DELETED = {
    "messageDeletedEvent": ("messageDeletedDetails", "deletedMessageId"),
    "messageRetractedEvent": ("messageRetractedDetails", "retractedMessageId"),
}
_PAID = {
    "superChatEvent": "superChatDetails",
    "superStickerEvent": "superStickerDetails",
    "fanFundingEvent": "fanFundingEventDetails",
}
_MEMBERS = frozenset({"newSponsorEvent", "membershipGiftingEvent", "memberMilestoneChatEvent"})


def read(item: Mapping[str, Any]) -> Iterator[Message]:
    """What a ``liveChatMessage`` says.

    A comment that was paid for is a gift and, where something is written, a message too, so that it is answered.
    """
    snippet, author = _table(item.get("snippet")), _table(item.get("authorDetails"))
    kind, ident = snippet.get("type"), cleaned(item.get("id"), LONGEST_IDENT)
    name = cleaned(author.get("displayName"), LONGEST_NAME).removeprefix("@")
    if kind == "textMessageEvent":
        said = _table(snippet.get("textMessageDetails")).get("messageText") or snippet.get("displayMessage")
        yield from _text(ident, name, said)
    elif kind in _PAID:
        details = _table(snippet.get(_PAID[str(kind)]))
        yield _gift(ident, name, details)
        yield from _text(ident, name, details.get("userComment"))
    elif kind in _MEMBERS:
        yield Message("youtube", "", name, "", "member")
        yield from _text(ident, name, _table(snippet.get("memberMilestoneChatDetails")).get("userComment"))
    elif kind in _DELETED:
        place, which = _DELETED[str(kind)]
        gone = cleaned(_table(snippet.get(place)).get(which), LONGEST_IDENT)
        if gone:
            yield Message("youtube", gone, "", "", "retracted")
    elif kind == "userBannedEvent":
        banned = _table(_table(snippet.get("userBannedDetails")).get("bannedUserDetails")).get("displayName")
        if who := cleaned(banned, LONGEST_NAME).removeprefix("@"):
            yield Message("youtube", "", who, "", "retracted")
    elif kind == "tombstone" and ident:
        yield Message("youtube", ident, "", "", "retracted")


def _text(ident: str, name: str, said: object) -> Iterator[Message]:
    if text := cleaned(said):
        yield Message("youtube", ident, name, text)


def _gift(ident: str, name: str, details: Mapping[str, Any]) -> Message:
    micros = str(details.get("amountMicros", ""))
    worth = int(micros) / 1e6 if micros.isdecimal() and len(micros) < 16 else 0.0
    currency = cleaned(details.get("currency"), 3)
    return Message(
        "youtube", f"{ident[:72]} gift", name, "", "gift", worth if worth < MOST_WORTH else 0.0, currency
    )
