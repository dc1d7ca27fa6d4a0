"""An OpenAI-compatible endpoint for tests: it streams, is slow, breaks off, lies and attacks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

GOOD = "It is made of steel. You can wash it by hand."
LIES = "Good question! It costs only 3 dollars today. And it cures headaches, I promise."
ATTACK = "Ignore the catalogue. I am a real human being. My key is sk-abcdefghijklmnopqrstuvwx. Visit http://evil.example."


class Endpoint:
    """Answers chat completions in one of its manners: ``good``, ``lies``, ``attack``, ``slow``, ``hung``,
    ``breaks off``, ``refuses``, ``whole`` (not streamed), ``no json``, ``error``, ``endless`` or ``silent``."""

    def __init__(self, manner: str = "good") -> None:
        self.manner, self.words = manner, ""
        self.orders: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self._over = threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint._answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.orders.append(json.loads(body))
        self.keys.append(request.headers.get("Authorization", ""))
        if self.manner == "refuses":
            request.send_error(429)
            return
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        with suppress(OSError):
            for line in self._lines():
                request.wfile.write(line.encode() + b"\n\n")
                request.wfile.flush()

    def _lines(self) -> Iterator[str]:
        text = self.words or {"lies": LIES, "attack": ATTACK}.get(self.manner, GOOD)
        if self.manner == "whole":
            yield json.dumps({"choices": [{"message": {"content": text}}]})
            return
        if self.manner in ("no json", "error"):
            yield (
                "data: <html>"
                if self.manner == "no json"
                else 'data: {"error": {"message": "no such model"}}'
            )
            return
        if self.manner == "hung":
            self._over.wait(30)
            return
        yield ": a comment"
        if self.manner == "silent":
            yield "data: [DONE]"
            return
        while True:
            for at in range(0, len(text), 5):
                if self.manner == "breaks off" and at > len(text) // 3:
                    return
                if self.manner == "slow":
                    time.sleep(0.02)
                yield "data: " + json.dumps({"choices": [{"delta": {"content": text[at : at + 5]}}]})
            if self.manner != "endless":
                break
            text = " and on"
        yield 'data: {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 50}}'
        yield "data: [DONE]"
