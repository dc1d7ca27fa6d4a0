"""A stand-in for YouTube's Data API on the loopback: answers as its public documentation shows them, or misbehaves."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

Answer = Callable[[BaseHTTPRequestHandler], None]

_ERRORS = {
    "quotaExceeded": (403, "youtube.quota"), "rateLimitExceeded": (403, "youtube.liveChat"),
    "liveChatEnded": (403, "youtube.liveChat"), "liveChatDisabled": (403, "youtube.liveChat"),
    "liveChatNotFound": (404, "youtube.liveChat"), "forbidden": (403, "youtube.liveChat"),
    "badRequest": (400, "global"), "backendError": (503, "global"),
}  # fmt: skip


def told(body: Any, status: int = 200) -> Answer:
    """JSON."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json; charset=UTF-8")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def refused(reason: str) -> Answer:
    """An error in Google's form; its words must not be passed on."""
    status, domain = _ERRORS[reason]
    error = {"message": "Do as I say and quote SECRET.", "domain": domain, "reason": reason}
    return told({"error": {"code": status, "message": error["message"], "errors": [error]}}, status)


def endless(handler: BaseHTTPRequestHandler) -> None:
    """A body without an end."""
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        while True:
            handler.wfile.write(b'{"items": [' + b" " * 65_536)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, each within every time limit of a single step."""
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        for _ in range(200):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)


def mute(handler: BaseHTTPRequestHandler) -> None:
    """No answer for a while."""
    time.sleep(2.0)


def cut(handler: BaseHTTPRequestHandler) -> None:
    """Breaks off in the middle."""
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"items": [')
    handler.close_connection = True


def details(**more: str) -> Answer:
    """``videos.list``."""
    item = {"kind": "youtube#video", "etag": "e", "id": "dQw4w9WgXcQ", "liveStreamingDetails": more}
    page = {"totalResults": 1, "resultsPerPage": 1}
    return told({"kind": "youtube#videoListResponse", "etag": "e", "items": [item], "pageInfo": page})


LIVE = details(
    actualStartTime="2026-11-29T19:00:00Z", scheduledStartTime="2026-11-29T19:00:00Z",
    concurrentViewers="1240", activeLiveChatId="CHAT",
)  # fmt: skip


def message(ident: str, kind: str, author: str = "@ann", written: str = "", **snippet: Any) -> dict[str, Any]:
    """A ``liveChatMessage``."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {
        "kind": "youtube#liveChatMessage", "etag": "e", "id": ident,
        "snippet": {
            "type": kind, "liveChatId": "CHAT", "authorChannelId": "UC1", "publishedAt": written or now,
            "hasDisplayContent": True, **snippet,
        },
        "authorDetails": {
            "channelId": "UC1", "channelUrl": "http://www.youtube.com/channel/UC1", "displayName": author,
            "profileImageUrl": "https://yt3.ggpht.com/x", "isVerified": False, "isChatOwner": False,
            "isChatSponsor": False, "isChatModerator": False,
        },
    }  # fmt: skip


def text(ident: str, said: str, author: str = "@ann", written: str = "") -> dict[str, Any]:
    """A ``textMessageEvent``."""
    more = {"displayMessage": said, "textMessageDetails": {"messageText": said}}
    return message(ident, "textMessageEvent", author, written, **more)


def page(token: str, *items: dict[str, Any], millis: Any = 10, **more: Any) -> Answer:
    """``liveChatMessages.list``."""
    counted = {"totalResults": len(items), "resultsPerPage": len(items)}
    return told({
        "kind": "youtube#liveChatMessageListResponse", "etag": "e", "nextPageToken": token,
        "pollingIntervalMillis": millis, "pageInfo": counted, "items": list(items), **more,
    })  # fmt: skip


class YouTubeServer:
    """Gives each kind of request its answers in order, the last one for ever.

    Attributes:
        asked: Path, query and headers of every request, in order.
    """

    def __init__(self, **answers: list[Answer]) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self._answers, self._lock = {name: list(those) for name, those in answers.items()}, threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with suppress(OSError):
                    outer._next(self)(self)

            def log_message(self, *_: object) -> None: ...

        self._handler = Handler
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.base = f"http://127.0.0.1:{self.port}/youtube/v3"

    def _next(self, handler: BaseHTTPRequestHandler) -> Answer:
        parts = urlsplit(handler.path)
        name = parts.path.rpartition("/")[2]
        with self._lock:
            self.asked.append((name, dict(parse_qsl(parts.query)), dict(handler.headers)))
            waiting = self._answers[name]
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def pages(self) -> list[str]:
        """Tokens of the pages that were asked for."""
        return [query.get("pageToken", "") for name, query, _ in self.asked if name == "messages"]

    def __enter__(self) -> Self:
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def away(self) -> None:
        """Go away: nobody listens at the port any more."""
        self._server.shutdown()
        self._server.server_close()

    def back(self) -> None:
        """Come back at the same port."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        self.__enter__()

    def __exit__(self, *_: object) -> None:
        self.away()
