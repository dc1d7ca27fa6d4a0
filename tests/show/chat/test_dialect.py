"""What relays' JSON means: frames as their makers' public pages show them, and dialects of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat import dialect
from avatar_engine.show.chat.dialect import Dialect, load, names
from avatar_engine.show.chat.message import FIGURES, KINDS, Count, Message

_USER = {"Id": 1411400097607259, "DisplayId": "2200868407", "FansClub": {"ClubName": "熊家人", "Level": 8}}


def grabbed(kind: int, **data: Any) -> dict[str, Any]:
    """A pack of DouyinBarrageGrab: its data are JSON in a string."""
    data = {
        "MsgId": 7338697347818230818,
        "User": {**_USER, "Nickname": "雅馨"},
        "RoomId": 7338657973104921378,
    } | data
    return {"Type": kind, "ProcessName": "chrome", "Data": json.dumps(data, ensure_ascii=False)}


def opened(kind: int, **data: Any) -> dict[str, Any]:
    """A message of BarrageGrab."""
    return {
        "Type": kind,
        "Data": {"MsgId": 7338697347818230818, "User": {**_USER, "NickName": "雅馨"}} | data,
    }


def finity(event: str, **data: Any) -> dict[str, Any]:
    """An event of TikFinity: the data of TikTok-Live-Connector."""
    who = {"userId": "6776663624629974121", "uniqueId": "zerodytester", "nickname": "Zerody One"}
    return {"event": event, "data": {**who, "msgId": "7", **data}}


def tool(event: str, **data: Any) -> dict[str, Any]:
    """An event of TikTool."""
    who = {"uniqueId": "viewer123", "nickname": "Cool Viewer", "userId": "6892636847263982593"}
    return {"event": event, "data": {"type": event, "user": who, **data}}


_MSG = "7338697347818230818"
FRAMES = [
    ("douyin-barrage-grab", grabbed(1, Content="流量呢"), Message("douyin", _MSG, "雅馨", "流量呢")),
    ("douyin-barrage-grab", grabbed(3, Content="雅馨 来了", CurrentCount=6438),
     Message("douyin", _MSG, "雅馨", "", "join")),
    ("douyin-barrage-grab", grabbed(4, Content="雅馨 关注了主播"), Message("douyin", _MSG, "雅馨", "", "follow")),
    (
        "douyin-barrage-grab", grabbed(5, GiftId=2002, GiftName="大啤酒", GiftCount=3, RepeatCount=7, DiamondCount=2),
        Message("douyin", _MSG, "雅馨", "", "gift", 6.0, "diamonds"),
    ),
    ("douyin-barrage-grab", grabbed(6, OnlineUserCount=3937, TotalUserCount=269277, User=None),
     Count("viewers", 3937.0)),
    ("douyin-barrage-grab", grabbed(7, Type=2, Level=1), Message("douyin", _MSG, "雅馨", "", "member")),
    ("douyin-barrage-grab", grabbed(7, Type=1, Level=9), None),
    ("douyin-barrage-grab", grabbed(2, Count=5, Total=418060), None),
    ("barrage-grab", opened(3, Content="流量呢"), Message("douyin", _MSG, "雅馨", "流量呢")),
    ("barrage-grab", opened(1, MemberCount=6438), Message("douyin", _MSG, "雅馨", "", "join")),
    ("barrage-grab", opened(2, Content="雅馨 关注了主播"), Message("douyin", _MSG, "雅馨", "", "follow")),
    ("barrage-grab", opened(5, GiftName="大啤酒", GiftCount=1, RepeatCount=0, DiamondCount=2, ToUser=None),
     Message("douyin", _MSG, "雅馨", "", "gift", 2.0, "diamonds")),
    ("barrage-grab", opened(7, OnlineUserCount=3937, OnlineUserCountStr="3937", User=None), Count("viewers", 3937.0)),
    ("barrage-grab", opened(8, Content="直播已结束", User=None), None),
    ("tikfinity", finity("chat", comment="how much?"), Message("tiktok", "7", "Zerody One", "how much?")),
    ("tikfinity", finity("chat", comment="hi", nickname=""), Message("tiktok", "7", "zerodytester", "hi")),
    ("tikfinity", finity("member"), Message("tiktok", "7", "Zerody One", "", "join")),
    ("tikfinity", finity("follow"), Message("tiktok", "7", "Zerody One", "", "follow")),
    ("tikfinity", finity("subscribe"), Message("tiktok", "7", "Zerody One", "", "member")),
    ("tikfinity", finity("gift", giftId=5655, giftType=1, repeatCount=4, repeatEnd=False, diamondCount=1), None),
    ("tikfinity", finity("gift", giftId=5655, giftType=1, repeatCount=5, repeatEnd=True, diamondCount=1),
     Message("tiktok", "7", "Zerody One", "", "gift", 5.0, "diamonds")),
    ("tikfinity", finity("gift", giftType=2, repeatCount=1, repeatEnd=False, diamondCount=100),
     Message("tiktok", "7", "Zerody One", "", "gift", 100.0, "diamonds")),
    ("tikfinity", finity("roomUser", viewerCount=612), Count("viewers", 612.0)),
    ("tikfinity", finity("like", likeCount=5, totalLikeCount=83033), None),
    ("tiktool", tool("chat", comment="Hello streamer!", emotes=[]),
     Message("tiktok", "", "Cool Viewer", "Hello streamer!")),
    ("tiktool", tool("member"), Message("tiktok", "", "Cool Viewer", "", "join")),
    ("tiktool", tool("gift", giftName="Rose", diamondCount=1, repeatCount=5, repeatEnd=True, giftType=1),
     Message("tiktok", "", "Cool Viewer", "", "gift", 5.0, "diamonds")),
    ("tiktool", {"event": "roomInfo", "roomId": "7", "uniqueId": "s", "roomInfo": {"user_count": 1}}, None),
    ("webcast-json", {"msgType": "WebcastChatMessage", "content": "多少钱", "uid": "5", "nickname": "小明"},
     Message("kuaishou", "", "小明", "多少钱")),
    ("webcast-json", {"msgType": "WebcastRoomUserSeqMessage", "total": "1532", "zan_total": "9"},
     Count("viewers", 1532.0)),
    ("webcast-json", {"msgType": "WebcastGiftMessage", "giftName": 9, "uid": "5", "nickname": "小明"},
     Message("kuaishou", "", "小明", "", "gift")),
    ("webcast-json", {"msgType": "WebcastLikeMessage", "uid": "5", "nickname": "小明", "zan_count": "3"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "frame", "found"), FRAMES)
def test_frames_of_relays(name: str, frame: dict[str, Any], found: Message | Count | None) -> None:
    sent = json.loads(json.dumps(frame))
    assert load(name, Path()).understood(sent) == ([found] if found else [])


def test_every_dialect_that_is_here_is_tested() -> None:
    assert set(names()) == {name for name, *_ in FRAMES}


MINE = """
source = "market"
tells = "meta.kind"
each = "batch"
[[event]]
when = ["say", 7]
author = ["who.nick", "who.0"]
text = "say"
[[event]]
when = true
kind = "sales"
value = "n"
"""


@pytest.mark.parametrize("kind", [*KINDS, *FIGURES])
def test_a_dialect_may_tell_of_all_that_a_source_can(kind: str) -> None:
    made = Dialect.model_validate(
        {"source": "market", "event": [{"kind": kind, "author": "who", "text": "say", "value": "n"}]}
    )
    (told,) = made.understood({"who": "Ann", "say": "two mugs", "n": 2})
    assert kind == (told.kind if isinstance(told, Message) else told.figure)


def test_a_dialect_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    made = load("mine.toml", tmp_path)
    batch = [
        {"meta": {"kind": "say"}, "say": "how much?", "who": {"nick": "Ann"}},
        {"meta": '{"kind": "7"}', "say": "hi", "who": ["Bob"]},
        {"meta": {"kind": True}, "n": "3"},
        {"meta": {"kind": "say"}, "say": ""},
        {"meta": {"kind": "shout"}, "say": "x"},
        None,
        7,
    ]
    assert made.understood({"batch": batch}) == [
        Message("market", "", "Ann", "how much?"), Message("market", "", "Bob", "hi"), Count("sales", 3.0),
    ]  # fmt: skip
    assert made.understood({}) == [] and len(made.understood({"batch": [batch[0]] * 5000})) == dialect.MOST


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source = ", "is no TOML"),
        ("", "source: Field required; event: Field required"),
        ('source = "a"\nevent = []', "event: Tuple should have at least 1 item"),
        ('source = "a"\n[[event]]\nauthr = "x"', "event.0.authr: Extra inputs"),
        ('source = "a"\n[[event]]\nkind = "shout"', "event.0.kind: Input should be 'text'"),
        ('source = "a"\n[[event]]\nauthor = 5', "event.0.author.0: Input should be a valid string"),
        ("x" * 70_000, "too large"),
        ("\x00\xff", "no TOML"),
    ],
)
def test_a_wrong_dialect_is_told_with_all_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="latin-1")
    with pytest.raises(AvatarError) as caught:
        load("mine.toml", tmp_path)
    assert said in str(caught.value)


def test_an_unknown_dialect_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match=r"Known are barrage-grab, .*tikfinity.* or a file"):
        load("weibo", tmp_path)
    with pytest.raises(AvatarError, match="There is no file"):
        load("mine.toml", tmp_path)
    for name in ("../dialects/tikfinity", "", ".", "tikfinity.toml/.."):
        with pytest.raises(AvatarError):
            load(name, tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["data", "Data", "User", "nickname", "Content", "event", "Type", "comment", "msgId"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from(names()), st.sampled_from(["chat", "gift", "roomUser", 1, 3, 5, 6, 7]), JSON)
def test_no_frame_breaks_the_reading(name: str, kind: Any, told: Any) -> None:
    made: Dialect = load(name, Path())
    for frame in (told, {"event": kind, "Type": kind, "data": told, "Data": told}):
        for one in made.understood(frame):
            assert isinstance(one, Message | Count)
