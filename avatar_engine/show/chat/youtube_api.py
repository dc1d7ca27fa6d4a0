"""YouTube's Data API v3, as far as a chat needs it: a limit on every answer, errors in plain words, the quota counted.

The key travels in a header and never in an address, so that no log of a request can hold it. Nothing of an answer's
own words is passed on but its short ``reason``.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx2

from avatar_engine.show.chat.source import AwayError, OverError

BASE = "https://www.googleapis.com/youtube/v3"

LIMITS = httpx2.Timeout(10.0, connect=5.0)
"""Seconds for each step of a request."""

LONGEST, LARGEST = 20.0, 8 << 20
"""Seconds for a whole answer, and its bytes: two thousand messages have a tenth of them."""

CHAT, LOOK, SEARCH = 5, 1, 100
"""Units of quota that a page of the chat, a look at a video and a search cost."""

QUOTA = 10_000
"""Units a day that Google gives to a project that asked for no more."""

SHARE = 0.25
"""Of what is left of the day's quota, what an hour may use: of 10 000 units a page every 7 s, 20 s after four hours,
and a minute after eight."""

REFUSED = 300.0
"""Seconds after which a key that was refused is tried again: it may have been put right."""

DRY = 900.0
"""Seconds after which a quota that is used up is tried again, for it may have been raised."""

_QUOTA_REASONS = frozenset({"quotaExceeded", "dailyLimitExceeded"})
_RATE_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
_OVER_REASONS = {
    "liveChatEnded": "the live chat has ended",
    "liveChatDisabled": "the live chat is switched off for this video",
}
_REASON = re.compile(r"[A-Za-z]{1,40}")


class TooFastError(Exception):
    """The chat was asked again too soon."""


class GoneError(Exception):
    """What was asked for is not there."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What YouTube is asked with: a key, or a token of OAuth; in no log.

    Attributes:
        headers: Of every request.
        secret: What must be said nowhere.
        personal: Whether it speaks for a channel.
    """

    headers: Mapping[str, str]
    secret: str
    personal: bool

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Credential(personal={self.personal})"

    @classmethod
    def of(cls, key: str, token: str) -> Credential:
        """A token where there is one, else a key."""
        if token:
            return cls({"Authorization": f"Bearer {token}"}, token, True)
        return cls({"X-Goog-Api-Key": key}, key, False)


def _pacific() -> tzinfo:
    """Where Google's days begin; half a year an hour late on a system that knows no time zones."""
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:
        return timezone(timedelta(hours=-8))


class Quota:
    """The day's units: how many are left, and how slowly the chat must be asked so that they last.

    Args:
        daily: Units a day.
        now: The time, aware.
    """

    def __init__(self, daily: int = QUOTA, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._daily, self._now, self._zone = daily, now, _pacific()
        self._used, self._day = 0, self._today()
        self._refused = self._now()  # until when YouTube's own word holds that nothing is left

    def _today(self) -> datetime:
        return self._now().astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def left(self) -> int:
        """Units that are left of today's."""
        if (today := self._today()) != self._day:
            self._used, self._day = 0, today
        return max(0, self._daily - self._used)

    @property
    def anew(self) -> datetime:
        """When the next day's units are there."""
        return (self._today() + timedelta(hours=26)).replace(hour=0)

    @property
    def seconds(self) -> float:
        """Until then."""
        return max(1.0, (self.anew - self._now()).total_seconds())

    def spend(self, units: int) -> None:
        """Count a request.

        Raises:
            AwayError: The day's units don't suffice, or YouTube said so a short while ago.
        """
        if self.left < units or self._now() < self._refused:
            raise self._dry()
        self._used += units

    def refused(self) -> AwayError:
        """YouTube says that nothing is left, whatever was counted here: others may use the same project."""
        self._refused = self._now() + timedelta(seconds=min(DRY, self.seconds))
        return self._dry()

    def _dry(self) -> AwayError:
        wait = self.seconds if self.left < CHAT else (self._refused - self._now()).total_seconds()
        return AwayError(
            f"the day's quota of YouTube's API is used up ({self._daily} units); there is a new one at "
            f"{self.anew.astimezone(UTC):%H:%M} UTC",
            max(1.0, wait),
        )

    @property
    def pace(self) -> float:
        """Seconds between two pages of the chat: an hour uses `SHARE` of what is left, and the rest lasts the day."""
        pages = max(1e-3, self.left / CHAT)
        return min(3600.0 / (pages * SHARE), self.seconds / pages, DRY)


class Api:
    """Asks YouTube.

    Args:
        credential: Key or token.
        quota: What may be asked.
        base: Address of the API.
        limits: Time limits of each step.
        longest: Seconds for a whole answer.
    """

    def __init__(
        self,
        credential: Credential,
        quota: Quota,
        base: str = BASE,
        limits: httpx2.Timeout = LIMITS,
        longest: float = LONGEST,
    ) -> None:
        self.quota, self.personal = quota, credential.personal
        self._base, self._longest, self._secret = base, longest, credential.secret
        headers = {**credential.headers, "Accept": "application/json"}
        self._client = httpx2.Client(timeout=limits, headers=headers, follow_redirects=False)

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def video(self, ident: str) -> Mapping[str, Any]:
        """``liveStreamingDetails`` of a video.

        Raises:
            GoneError: There is no such video, or it is no broadcast.
            AwayError: It can't be asked now.
        """
        told = self._get("videos", LOOK, part="liveStreamingDetails", id=ident, maxResults=1)
        for item in tables(told.get("items")):
            details = item.get("liveStreamingDetails")
            if isinstance(details, Mapping):
                return details
            raise GoneError(f"the video {ident} is no broadcast")
        raise GoneError(f"there is no video {ident}")

    def broadcast_of(self, channel: str) -> str:
        """The video that a channel broadcasts now.

        Raises:
            GoneError: None.
            AwayError: It can't be asked now.
        """
        told = self._get(
            "search", SEARCH, part="id", channelId=channel, eventType="live", type="video", maxResults=1
        )
        for item in tables(told.get("items")):
            ident = item.get("id")
            if isinstance(ident, Mapping) and isinstance(ident.get("videoId"), str):
                return str(ident["videoId"])
        raise GoneError(f"the channel {channel} broadcasts nothing")

    def own_broadcast(self) -> str:
        """The video that the token's own channel broadcasts now.

        Raises:
            GoneError: None.
            AwayError: It can't be asked now.
        """
        told = self._get(
            "liveBroadcasts", LOOK, part="id", broadcastStatus="active", broadcastType="all", maxResults=1
        )
        for item in tables(told.get("items")):
            if isinstance(item.get("id"), str):
                return str(item["id"])
        raise GoneError("the token's channel broadcasts nothing")

    def messages(self, chat: str, page: str) -> Mapping[str, Any]:
        """A page of a chat: ``items``, ``nextPageToken``, ``pollingIntervalMillis``, perhaps ``offlineAt``.

        Raises:
            TooFastError: It was asked for too soon.
            GoneError: There is no such chat.
            OverError: It has ended.
            AwayError: It can't be asked now.
        """
        more = {"pageToken": page} if page else {}
        return self._get(
            "liveChat/messages",
            CHAT,
            liveChatId=chat,
            part="id,snippet,authorDetails",
            maxResults=2000,
            **more,
        )

    def _get(self, path: str, units: int, **asked: str | int) -> Mapping[str, Any]:
        self.quota.spend(units)
        try:
            with self._client.stream("GET", f"{self._base}/{path}", params=asked) as answer:
                body = self._body(answer)
        except httpx2.TimeoutException as error:
            raise AwayError(f"YouTube is too slow ({type(error).__name__})") from None
        except httpx2.HTTPError as error:
            why = (str(error) or type(error).__name__).replace(self._secret, "****")
            raise AwayError(f"YouTube can't be reached ({why})") from None
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            told = None
        if answer.status_code != 200:
            raise self._refusal(answer.status_code, told)
        if not isinstance(told, Mapping):
            raise AwayError("YouTube answers what is no JSON table")
        return told

    def _body(self, answer: httpx2.Response) -> bytes:
        """All of an answer, within its limits of size and time."""
        body, until = bytearray(), time.monotonic() + self._longest
        for part in answer.iter_bytes():
            body += part
            if len(body) > LARGEST:
                raise AwayError("YouTube's answer does not end")
            if time.monotonic() > until:
                raise AwayError(f"YouTube is too slow (no whole answer in {self._longest:.0f} s)")
        return bytes(body)

    def _refusal(self, status: int, told: Any) -> Exception:
        """What an answer means that is none."""
        reason = reason_of(told)
        if reason in _QUOTA_REASONS:
            return self.quota.refused()
        if reason in _RATE_REASONS or status == 429:
            return TooFastError()
        if reason in _OVER_REASONS:
            return OverError(_OVER_REASONS[reason])
        if status == 404:
            return GoneError("YouTube does not find the chat")
        if status in (400, 401, 403):
            word = "token" if self.personal else "key"
            return AwayError(
                f"YouTube refuses the {word} ({status}{f', {reason}' if reason else ''})", REFUSED
            )
        return AwayError(f"YouTube answers {status}")


def reason_of(told: Any) -> str:
    """The short word in an error that says what it is; "" for none."""
    error = told.get("error") if isinstance(told, Mapping) else None
    for item in tables(error.get("errors")) if isinstance(error, Mapping) else ():
        reason = item.get("reason")
        if isinstance(reason, str) and _REASON.fullmatch(reason):
            return reason
    return ""


def tables(told: Any) -> list[Mapping[str, Any]]:
    """The tables in what ought to be a list of them."""
    return [item for item in told if isinstance(item, Mapping)] if isinstance(told, list) else []
