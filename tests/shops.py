"""A shop's web server for tests: it has feeds, pages and pictures, dies and comes back, and is hostile when asked."""

from __future__ import annotations

import gzip
import hashlib
import io
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from PIL import Image

Say = Callable[[BaseHTTPRequestHandler], None]


class Shop:
    """Answers ``GET``: what lies at a path, or what a function at it does. A context manager.

    Attributes:
        files: Bodies, or functions that answer, by path.
        asked: Paths with their queries, in order.
        seen: The requests' headers, in the same order.
        unchanged: How often it answered 304.
    """

    def __init__(self, **files: bytes | str | Say) -> None:
        self.files: dict[str, bytes | Say] = {}
        self.asked: list[str] = []
        self.seen: list[dict[str, str]] = []
        self.unchanged, self.port = 0, 0
        self.over = threading.Event()
        for name, body in files.items():
            self.put(f"/{name}", body)

    def put(self, path: str, body: bytes | str | Say) -> None:
        self.files[path] = body.encode() if isinstance(body, str) else body

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Come back at the same port."""
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.close_connection = True
                with suppress(OSError):
                    shop._answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_: object) -> None:
                """Quiet."""

        self.over.clear()
        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def wrap(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def close(self) -> None:
        """Die."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        self.seen.append({name.lower(): value for name, value in request.headers.items()})
        body = self.files.get(request.path, self.files.get(urlsplit(request.path).path))
        if body is None:
            request.send_error(404)
        elif callable(body):
            body(request)
        else:
            mark = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
            if request.headers.get("If-None-Match") == mark:
                self.unchanged += 1
                request.send_response(304)
                request.end_headers()
                return
            answer(request, body, ETag=mark, Last_Modified=formatdate(usegmt=True))


def answer(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """Answer with a body; ``_`` in a header's name stands for ``-``."""
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


def status(number: int, **headers: str) -> Say:
    """Refuse."""
    return lambda request: answer(request, b"no", number, **headers)


def sends_on(to: str) -> Say:
    """Send on to another address."""
    return lambda request: answer(request, b"", 302, Location=to)


def packed(body: bytes) -> Say:
    """Send as gzip."""
    return lambda request: answer(request, gzip.compress(body), Content_Encoding="gzip")


def bomb(megabytes: int) -> Say:
    """So many megabytes of nothing, packed a thousandfold."""

    def say(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.end_headers()
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        for _ in range(megabytes):
            request.wfile.write(packer.compress(bytes(1 << 20)))
        request.wfile.write(packer.flush())

    return say


def endless(shop: Shop, pause: float = 0.0, piece: bytes = b"<rss>" + b" " * 65536) -> Say:
    """A body without an end; with a pause, a drop now and then."""

    def say(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not shop.over.wait(pause):
            request.wfile.write(piece)
            request.wfile.flush()

    return say


def endless_heading(shop: Shop) -> Say:
    """Never gets to its body, though it says something every now and then."""

    def say(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not shop.over.wait(0.1):
            request.wfile.write(b"X: y\r\n")
            request.wfile.flush()

    return say


def hung(shop: Shop) -> Say:
    """Says nothing."""
    return lambda request: shop.over.wait(60) and None


def broken_off(body: bytes) -> Say:
    """Ends before its end."""

    def say(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(body) + 1000))
        request.end_headers()
        request.wfile.write(body)

    return say


def picture(size: tuple[int, int] = (64, 48), form: str = "PNG", mode: str = "RGB") -> bytes:
    """A picture's bytes."""
    held = io.BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else 0).save(held, form)
    return held.getvalue()


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until something holds; whether it does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return true()
