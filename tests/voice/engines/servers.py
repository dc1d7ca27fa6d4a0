"""A small speech server on the loopback that checks what it is asked, as the real ones do, and misbehaves on order."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

import numpy as np

KEY = "sk-very-secret"


def tone(text: str, rate: int) -> bytes:
    """What the server says: 50 ms a letter, 16-bit PCM."""
    at = np.arange(round(0.05 * rate * len(text))) / rate
    return (0.2 * 32767 * np.sin(2 * np.pi * 220 * at)).astype("<i2").tobytes()


def header(rate: int, size: int) -> bytes:
    """A WAV header; ``size`` 0 or 0xFFFFFFFF is what servers write that stream."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    note = b"LIST" + struct.pack("<I", 4) + b"INFO"
    return b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + form + note + b"data" + struct.pack("<I", size)


@dataclass
class Asked:
    """One request."""

    path: str
    headers: Message
    body: dict[str, Any]


@dataclass
class Server:
    """Answers with what ``moods`` say, one a request, and well afterwards.

    ``sound`` says a text at a rate, 16-bit PCM. A mood is a status, ``slow`` (nothing for long), ``cut`` (half of the
    sound), ``empty`` or ``words``.
    """

    protocol: str
    rate: int = 24_000
    moods: list[str | int] = field(default_factory=list)
    sound: Callable[[str, int], bytes] = tone
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                _serve(owner, self)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


def _form(handler: BaseHTTPRequestHandler, data: bytes) -> dict[str, Any]:
    kind = handler.headers["Content-Type"]
    if kind.startswith("application/x-www-form-urlencoded"):
        return {name: values[0] for name, values in parse_qs(data.decode()).items()}
    parts = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + data)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
        for part in parts.get_payload()  # type: ignore[union-attr]
    }


def _openai(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> tuple[int, str, str]:
    if handler.headers["Authorization"] != f"Bearer {KEY}":
        return 401, "", f"Incorrect API key provided: {KEY}"
    good = handler.path == "/v1/audio/speech" and {"model", "input", "voice"} <= asked.keys()
    return (200, asked["input"], asked["response_format"]) if good else (400, "", "bad request")


def _xtts(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> tuple[int, str, str]:
    if handler.path != "/tts_to_audio/" or {"text", "language"} - asked.keys():
        return 422, "", "field required"
    if asked["language"] not in ("en", "fr", "zh-cn"):
        return 400, "", "Language code sent is either unsupported or misspelled."
    return 200, asked["text"], "whole"


def _cosyvoice(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> tuple[int, str, str]:
    wanted = {
        "/inference_sft": {"tts_text", "spk_id"},
        "/inference_zero_shot": {"tts_text", "prompt_text", "prompt_wav"},
    }
    if asked.keys() != wanted.get(handler.path):
        return 422, "", "field required"
    said = asked["tts_text"]
    return 200, said if isinstance(said, str) else said.decode(), "pcm"


def _sovits(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> tuple[int, str, str]:
    for name in ("ref_audio_path", "text", "text_lang", "prompt_lang"):
        if handler.path != "/tts" or not asked.get(name):
            return 400, "", json.dumps({"message": f"{name} is required"})
    return 200, asked["text"], "wav"


PROTOCOLS: dict[str, Callable[[BaseHTTPRequestHandler, dict[str, Any]], tuple[int, str, str]]] = {
    "openai": _openai,
    "xtts": _xtts,
    "cosyvoice": _cosyvoice,
    "gpt-sovits": _sovits,
}


def _serve(server: Server, handler: BaseHTTPRequestHandler) -> None:
    data = handler.rfile.read(int(handler.headers["Content-Length"]))
    is_json = handler.headers["Content-Type"] == "application/json"
    body = json.loads(data) if is_json else _form(handler, data)
    server.asked.append(Asked(handler.path, handler.headers, body))
    mood = server.moods.pop(0) if server.moods else "well"
    status, said, form = PROTOCOLS[server.protocol](handler, body)
    if isinstance(mood, int):
        status, form = mood, f"told to answer {mood}"
    if status != 200:
        return _whole(handler, status, form.encode(), {"Retry-After": "3"} if status == 429 else {})
    if mood == "slow":
        time.sleep(1.0)
    if mood == "words":
        return _whole(handler, 200, b'{"detail": "no sound today"}', {})
    sound = b"" if mood == "empty" else server.sound(said, server.rate)
    if form == "whole":
        return _whole(handler, 200, header(server.rate, len(sound)) + sound, {})
    return _chunked(handler, (b"" if form == "pcm" else header(server.rate, 0)) + sound, mood == "cut")


def _whole(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def _chunked(handler: BaseHTTPRequestHandler, body: bytes, cut: bool) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for at in range(0, len(body) // 2 if cut else len(body), 777):
        piece = body[at : at + 777]
        handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    if cut:
        handler.close_connection = True
        handler.connection.close()
    else:
        handler.wfile.write(b"0\r\n\r\n")
