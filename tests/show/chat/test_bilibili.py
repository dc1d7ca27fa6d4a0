"""Bilibili's open platform through the real client, against a platform of ours on the loopback."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Self

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat import bilibili, source
from avatar_engine.show.chat.bilibili import Bilibili, unpacked
from avatar_engine.show.chat.message import Link, Message

pytest.importorskip("blivedm", reason="the extra bilibili is not installed")

from aiohttp import WSMsgType, web
from blivedm.clients import open_live, ws_base

from avatar_engine.show.chat.bilibili_client import packets
from tests.show.chat.listening import listening, until


def packet(told: Any, operation: int = 5, version: int = 0) -> bytes:
    """A packet in the platform's form."""
    body = told if isinstance(told, bytes) else json.dumps(told, ensure_ascii=False).encode()
    head = ws_base.HEADER_STRUCT.pack(ws_base.HEADER_STRUCT.size + len(body), 16, version, operation, 0)
    return bytes(head) + body


def squeezed(*told: Any) -> bytes:
    """Several in one, as the platform sends them."""
    return packet(zlib.compress(b"".join(map(packet, told))), version=2)


_MEDAL = {
    "fans_medal_level": 21,
    "fans_medal_name": "官方",
    "fans_medal_wearing_status": False,
    "guard_level": 0,
}
_WHO = {
    "uid": 0,
    "open_id": "39b8fedb",
    "uname": "泽远喵",
    "uface": "http://i0.hdslb.com/f.jpg",
    "room_id": 4639581,
}
_ANCHOR = {"uid": 1, "open_id": "o", "uname": "主播", "uface": ""}


def event(name: str, **data: Any) -> dict[str, Any]:
    """A command of the open platform, as its documents show it."""
    return {"cmd": f"LIVE_OPEN_PLATFORM_{name}", "data": {**_MEDAL, **_WHO, "timestamp": 1650717881, **data}}


DANMAKU = event("DM", msg="多少钱？", msg_id="eb805544", emoji_img_url="", dm_type=0)
EVENTS = [
    (DANMAKU, [Message("bilibili", "eb805544", "泽远喵", "多少钱？")]),
    (
        event("SEND_GIFT", gift_id=30607, gift_name="小心心", gift_num=3, price=2000, paid=True, anchor_info=_ANCHOR,
              msg_id="e067", gift_icon=""),
        [Message("bilibili", "e067", "泽远喵", "", "gift", 6.0, "CNY")],
    ),
    (
        event("SEND_GIFT", gift_id=1, gift_name="辣条", gift_num=9, price=100, paid=False, anchor_info=_ANCHOR,
              msg_id="e068", gift_icon=""),
        [Message("bilibili", "e068", "泽远喵", "", "gift")],
    ),
    (
        event("SUPER_CHAT", message_id=17, message="有蓝色吗", rmb=30, start_time=1, end_time=2, msg_id="e1"),
        [Message("bilibili", "17 gift", "泽远喵", "", "gift", 30, "CNY"),
         Message("bilibili", "17", "泽远喵", "有蓝色吗")],
    ),
    (event("SUPER_CHAT_DEL", message_ids=[17, 18], msg_id="e2"),
     [Message("bilibili", "17", "", "", "retracted"), Message("bilibili", "18", "", "", "retracted")]),
    (
        event("GUARD", user_info=_WHO, guard_num=1, guard_unit="月", price=198000, msg_id="e3"),
        [Message("bilibili", "e3", "泽远喵", "", "gift", 198.0, "CNY"),
         Message("bilibili", "", "泽远喵", "", "member")],
    ),
    (event("LIVE_ROOM_ENTER"), [Message("bilibili", "", "泽远喵", "", "join")]),
    (event("LIKE", like_text="点赞", like_count=1, msg_id="e4"), []),
    ({"cmd": "SOMETHING_NEW"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("command", "found"), EVENTS)
def test_commands_of_the_platform(command: dict[str, Any], found: list[Message]) -> None:
    assert bilibili.read(json.loads(json.dumps(command))) == found


class Platform:
    """Opens the room and says to one line after the other what it is told.

    Attributes:
        asked: Paths and headers of every request.
    """

    def __init__(self, *lines: Callable[[web.WebSocketResponse], Any], code: int = 0, auth: int = 0) -> None:
        self._lines, self._code, self._auth = list(lines), code, auth
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self._loop, self._ready = asyncio.new_event_loop(), threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_post("/{what}", self._posted)
        app.router.add_get("/sub", self._line)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())

    async def _posted(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, dict(request.headers), await request.read()))
        room = {
            "game_info": {"game_id": "GAME"},
            "websocket_info": {"auth_body": '{"key": "K"}', "wss_link": [f"ws://127.0.0.1:{self.port}/sub"]},
            "anchor_info": {"room_id": 4639581, "uid": 1, "open_id": "o", "uname": "主播", "uface": ""},
        }  # fmt: skip
        return web.json_response(
            {"code": self._code, "message": "quote SECRET", "request_id": "r", "data": room}
        )

    async def _line(self, request: web.Request) -> web.WebSocketResponse:
        line = web.WebSocketResponse()
        await line.prepare(request)
        async for told in line:
            assert told.type == WSMsgType.BINARY
            operation = ws_base.HeaderTuple(*ws_base.HEADER_STRUCT.unpack_from(told.data)).operation
            if operation == ws_base.Operation.AUTH:
                await line.send_bytes(packet({"code": self._auth}, ws_base.Operation.AUTH_REPLY))
            elif operation == ws_base.Operation.HEARTBEAT:
                await line.send_bytes(packet(b"\0\0\0\1", ws_base.Operation.HEARTBEAT_REPLY))
                script = self._lines.pop(0) if len(self._lines) > 1 else self._lines[0]
                await script(line)
        return line

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


def saying(*data: bytes, close: bool = False) -> Callable[[web.WebSocketResponse], Any]:
    async def script(line: web.WebSocketResponse) -> None:
        for one in data:
            await line.send_bytes(one)
        if close:
            await line.close()

    return script


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "FIRST", 0.05)
    monkeypatch.setattr(bilibili, "OPENED", 3.0)
    for name, value in ((bilibili.KEY_ID, "ID"), (bilibili.SECRET, "SECRET"), (bilibili.CODE, "CODE")):
        monkeypatch.setenv(name, value)


def room(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> AbstractContextManager[queue.Queue[Any]]:
    for name in ("START", "HEARTBEAT", "END"):
        monkeypatch.setattr(open_live, f"{name}_URL", f"http://127.0.0.1:{platform.port}/{name.lower()}")
    return listening(Bilibili("1700000000001"))


def texts(came: list[Any]) -> list[str]:
    return [one.text for one in came if isinstance(one, Message) and one.kind == "text"]


def test_the_room_is_opened_heard_and_closed_and_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    told = [packet(DANMAKU), squeezed(*(command for command, _ in EVENTS))]
    with Platform(saying(*told)) as platform, room(platform, monkeypatch) as got:
        came = until(got, lambda one: isinstance(one, Message) and one.kind == "join")
    wanted = [message for _, found in EVENTS for message in found]
    assert came == [Link(True), Message("bilibili", "eb805544", "泽远喵", "多少钱？"), *wanted]
    paths = [path for path, *_ in platform.asked]
    assert paths[0] == "/start" and paths[-1] == "/end"
    _, headers, body = platform.asked[0]
    assert headers["x-bili-accesskeyid"] == "ID" and json.loads(body) == {
        "code": "CODE",
        "app_id": 1700000000001,
    }
    assert "SECRET" not in str(platform.asked) + caplog.text and capfd.readouterr() == ("", "")


def test_a_line_that_breaks_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    again = {**DANMAKU, "data": {**DANMAKU["data"], "msg": "back", "msg_id": "2"}}
    lines = saying(packet(DANMAKU), close=True), saying(packet(again))
    with Platform(*lines) as platform, room(platform, monkeypatch) as got:
        came = until(got, lambda one: isinstance(one, Message) and one.text == "back")
    assert [one.up for one in came if isinstance(one, Link)] == [True, False, True]
    assert next(one.why for one in came if isinstance(one, Link) and not one.up) == "the line broke off"


def test_keys_that_are_refused_are_told_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Platform(saying(), code=4000) as platform, room(platform, monkeypatch) as got:
        assert "refuses the keys" in until(got, lambda one: isinstance(one, Link))[0].why
    with Platform(saying(), auth=-101) as platform, room(platform, monkeypatch) as got:
        assert until(got, lambda one: isinstance(one, Link))[0].why == "Bilibili refuses the room's own key"
    assert "SECRET" not in caplog.text


def test_nobody_at_the_other_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with Platform(saying()) as platform:
        pass
    with room(platform, monkeypatch) as got:
        assert "can't be reached" in until(got, lambda one: isinstance(one, Link))[0].why


def test_broken_packets_hold_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    zero = ws_base.HEADER_STRUCT.pack(0, 0, 0, 5, 0) * 3  # with the library's own reading this never ends
    bomb = packet(zlib.compress(b"\0" * (64 << 20)), version=2)
    nested = packet(zlib.compress(squeezed(DANMAKU)), version=2)
    last = {**DANMAKU, "data": {**DANMAKU["data"], "msg": "still here"}}
    junk = [b"", b"x", zero, packet(b"no json"), packet([1]), packet({"cmd": 7}), packet(b"junk", version=2)]
    junk += [bomb, nested, packet({"cmd": "LIVE_OPEN_PLATFORM_DM"}), packet(event("DM")), packet(b"", 99)]
    with Platform(saying(*junk, packet(last))) as platform, room(platform, monkeypatch) as got:
        came = until(got, lambda one: isinstance(one, Message) and one.text == "still here")
    assert texts(came) == ["still here"] and [one for one in came if isinstance(one, Link)] == [Link(True)]


def test_packets_and_their_limits() -> None:
    assert [body for _, body in packets(packet(b"a") + packet(b"b") + b"rest")] == [b"a", b"b"]
    assert unpacked(zlib.compress(b"abc")) == b"abc"
    for wrong in (b"junk", zlib.compress(b"\0" * (bilibili.LARGEST + 1))):
        with pytest.raises(ValueError):
            unpacked(wrong)


def test_what_is_missing_is_told_without_asking_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Bilibili("1700000000001")
    room.ready()
    monkeypatch.delenv(bilibili.SECRET)
    monkeypatch.delenv(bilibili.CODE)
    with pytest.raises(
        AvatarError, match="BILIBILI_ACCESS_KEY_SECRET, BILIBILI_AUTH_CODE, which are not set"
    ):
        room.ready()
    got = list[Any]()
    room.run(got.append, threading.Event())
    assert len(got) == 1 and got[0].final
    monkeypatch.setattr(bilibili, "_NEEDED", ("blivedm", "no_such_module"))
    with pytest.raises(AvatarError, match=r"needs no_such_module.*avatar-engine\[bilibili\]"):
        room.ready()
    for place in ("marie", "-1", "0", "", "9" * 40, "٣"):
        with pytest.raises(AvatarError, match="no project"):
            Bilibili(place)
