"""YouTube's chat is read through answers of its API, and whatever it answers, the show goes on."""

from __future__ import annotations

import logging
import queue
import threading
import time
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat import source, youtube
from avatar_engine.show.chat.message import Count, Link, Message
from avatar_engine.show.chat.youtube import YouTube, read
from avatar_engine.show.chat.youtube_api import Api, Credential, Quota
from tests.show.chat import youtube_server as served
from tests.show.chat.listening import listening, until
from tests.show.chat.youtube_server import LIVE, YouTubeServer, page, refused, text, told

VIDEO, CHANNEL = "dQw4w9WgXcQ", "UC" + "x" * 22
QUICK = httpx2.Timeout(0.5)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a test's length; those that are tested are set there."""
    for module, name, seconds in (
        (source, "FIRST", 0.02), (youtube, "SOONEST", 0.01), (youtube, "SEARCHED", 0.05),
        (youtube, "WAITING", 0.05), (youtube, "LATEST", 0.05),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, seconds)
    # Parameters are made when tests are collected, which may be minutes before they run.
    monkeypatch.setattr(youtube, "OLD", timedelta(hours=1))
    for name in (youtube.KEY, youtube.TOKEN, youtube.DAILY):
        monkeypatch.delenv(name, raising=False)


def broadcast(
    server: YouTubeServer, place: str = VIDEO, quota: Quota | None = None
) -> AbstractContextManager[queue.Queue[Any]]:
    credential = Credential.of("SECRET", "TOKEN-SECRET" if place == "mine" else "")

    def connect() -> Api:
        return Api(credential, quota or Quota(10**9), server.base, QUICK, longest=1.0)

    return listening(YouTube(place, connect))


def texts(came: list[Any]) -> list[str]:
    return [one.text for one in came if isinstance(one, Message)]


def test_pages_follow_one_another_with_messages_viewers_and_the_key_in_a_header_alone() -> None:
    pages = [
        page("P1", text("1", "is it blue?"), text("2", "hi", "@Bob")),
        page("P2"),
        page("P3", text("3", "ok")),
    ]
    with YouTubeServer(videos=[LIVE], messages=pages) as server, broadcast(server) as got:
        came = until(got, Message("youtube", "3", "ann", "ok"))
    assert came[0] == Count("viewers", 1240.0) and came[1] == Link(True)
    assert (
        Message("youtube", "1", "ann", "is it blue?") in came and Message("youtube", "2", "Bob", "hi") in came
    )
    assert server.pages()[:3] == ["", "P1", "P2"]
    name, query, _ = server.asked[0]
    assert name == "videos" and query["id"] == VIDEO and query["part"] == "liveStreamingDetails"
    assert server.asked[1][1]["liveChatId"] == "CHAT"
    assert all(h["X-Goog-Api-Key"] == "SECRET" and "SECRET" not in str(q) for _, q, h in server.asked)


def test_what_was_written_long_before_the_show_is_left_out_of_the_first_page_alone() -> None:
    old = text("1", "long ago", written="2026-01-01T00:00:00.000000+00:00")
    pages = [page("P1", old, text("2", "now")), page("P2", {**old, "id": "3"})]
    with YouTubeServer(videos=[LIVE], messages=pages) as server, broadcast(server) as got:
        came = until(got, lambda one: isinstance(one, Message) and one.ident == "3")
    assert texts(came) == ["now", "long ago"]


@pytest.mark.parametrize(
    ("kind", "snippet", "found"),
    [
        (
            "superChatEvent",
            {"superChatDetails": {"amountMicros": "5000000", "currency": "EUR", "amountDisplayString": "5,00 €",
                                  "userComment": "is it blue?", "tier": 2}},
            [Message("youtube", "7 gift", "ann", "", "gift", 5.0, "EUR"),
             Message("youtube", "7", "ann", "is it blue?")],
        ),
        (
            "superStickerEvent",
            {"superStickerDetails": {"amountMicros": 1990000, "currency": "USD", "tier": 1,
                                     "superStickerMetadata": {"stickerId": "s", "altText": "a pear"}}},
            [Message("youtube", "7 gift", "ann", "", "gift", 1.99, "USD")],
        ),
        ("newSponsorEvent", {"newSponsorDetails": {"memberLevelName": "Gold", "isUpgrade": False}},
         [Message("youtube", "", "ann", "", "member")]),
        ("memberMilestoneChatEvent", {"memberMilestoneChatDetails": {"userComment": "two years!", "memberMonth": 24}},
         [Message("youtube", "", "ann", "", "member"), Message("youtube", "7", "ann", "two years!")]),
        ("messageDeletedEvent", {"messageDeletedDetails": {"deletedMessageId": "3"}},
         [Message("youtube", "3", "", "", "retracted")]),
        ("messageRetractedEvent", {"messageRetractedDetails": {"retractedMessageId": "4"}},
         [Message("youtube", "4", "", "", "retracted")]),
        ("userBannedEvent",
         {"userBannedDetails": {"bannedUserDetails": {"displayName": "@troll"}, "banType": "permanent"}},
         [Message("youtube", "", "troll", "", "retracted")]),
        ("tombstone", {}, [Message("youtube", "7", "", "", "retracted")]),
        ("pollEvent", {"pollDetails": {}}, []),
        ("superChatEvent", {"superChatDetails": {"amountMicros": "-5", "currency": 7}},
         [Message("youtube", "7 gift", "ann", "", "gift")]),
        ("superChatEvent", {}, [Message("youtube", "7 gift", "ann", "", "gift")]),
    ],
)  # fmt: skip
def test_kinds_of_messages(kind: str, snippet: dict[str, Any], found: list[Message]) -> None:
    assert list(read(served.message("7", kind, **snippet))) == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from([*youtube._PAID, *youtube._DELETED, *youtube._MEMBERS, "textMessageEvent", "userBannedEvent"]),
    JSON, JSON,
)  # fmt: skip
def test_no_message_breaks_the_reading(kind: str, inner: Any, author: Any) -> None:
    fields = ["textMessageDetails", "userBannedDetails", "memberMilestoneChatDetails"]
    fields += [*youtube._PAID.values(), *(place for place, _ in youtube._DELETED.values())]
    snippet = {"type": kind, **dict.fromkeys(fields, inner)}
    for one in read({"id": inner, "snippet": snippet, "authorDetails": author}):
        assert isinstance(one, Message) and len(one.text) <= 500


@pytest.mark.parametrize(
    "pages",
    [
        [page("P1", text("1", "a")), refused("liveChatEnded")],
        [page("P1", text("1", "a"), offlineAt="2026-11-29T20:00:00Z")],
        [page("P1", text("1", "a"), served.message("2", "chatEndedEvent"))],
        [page("P1", text("1", "a")), refused("liveChatDisabled")],
    ],
)
def test_a_broadcast_that_ends_is_told_and_not_asked_again(pages: list[served.Answer]) -> None:
    with YouTubeServer(videos=[LIVE], messages=pages) as server, broadcast(server) as got:
        came = until(got, lambda one: isinstance(one, Link) and one.final)
        count = len(server.asked)
        time.sleep(0.2)
        assert len(server.asked) == count and texts(came) == ["a"]
    assert "ended" in came[-1].why or "switched off" in came[-1].why


def test_a_broadcast_that_ended_before_and_one_that_has_not_begun() -> None:
    over = served.details(actualEndTime="2026-11-29T20:00:00Z")
    with YouTubeServer(videos=[over], messages=[page("P")]) as server, broadcast(server) as got:
        assert until(got, lambda one: isinstance(one, Link)) == [
            Link(False, "the broadcast has ended", final=True)
        ]
    soon = served.details(scheduledStartTime="2026-11-29T20:00:00Z")
    videos = [told({"items": []}), soon, soon, LIVE]
    with (
        YouTubeServer(videos=videos, messages=[page("P", text("1", "a"))]) as server,
        broadcast(server) as got,
    ):
        came = until(got, Message("youtube", "1", "ann", "a"))
    assert [one.why for one in came if isinstance(one, Link)] == [
        f"there is no video {VIDEO}", *["the broadcast has no live chat now"] * 2, "",
    ]  # fmt: skip


FAULTS = {
    "YouTube answers 503": refused("backendError"),
    "YouTube answers 500": told(b"<html>", 500),
    "YouTube answers 302": told(b"", 302),
    "YouTube answers what is no JSON table": told(b'{"items": ['),
    "YouTube answers what is no JSON table ": told([1, 2]),
    "YouTube answers what is no JSON table  ": told(b"[" * 100_000),
    "YouTube's answer does not end": served.endless,
    "YouTube is too slow (no whole answer in 1 s)": served.dripping,
    "YouTube is too slow (ReadTimeout)": served.mute,
    "YouTube can't be reached": served.cut,
    "YouTube refuses the key (403, forbidden)": refused("forbidden"),
    "YouTube refuses the key (400, badRequest)": refused("badRequest"),
    "YouTube refuses the key (401)": told({"error": "unauthorised"}, 401),
}


@pytest.mark.parametrize("why", FAULTS)
def test_a_fault_is_told_in_plain_words_and_reading_goes_on_at_the_same_page(
    why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("avatar_engine.show.chat.youtube_api.REFUSED", 0.02)
    monkeypatch.setattr("avatar_engine.show.chat.youtube_api.LARGEST", 1 << 20)
    pages = [page("P1", text("1", "before")), FAULTS[why], page("P2", text("2", "after"))]
    with YouTubeServer(videos=[LIVE], messages=pages) as server, broadcast(server) as got:
        came = until(got, Message("youtube", "2", "ann", "after"))
        links = [one for one in came if isinstance(one, Link) and not one.up]
        assert len(links) == 1 and links[0].why.startswith(why.strip()) and not links[0].final
        assert server.pages()[:3] == ["", "P1", "P1"], "nothing is lost and nothing comes twice"
    assert texts(came) == ["before", "after"]
    assert "SECRET" not in caplog.text + str(came) and "Do as I say" not in caplog.text + str(came)


def test_a_server_that_goes_away_and_comes_back_is_found_again() -> None:
    pages = [page("P1", text("1", "before")), page("P2", text("2", "after"))]
    server = YouTubeServer(videos=[LIVE], messages=[pages[0]])
    with server, broadcast(server) as got:
        until(got, Message("youtube", "1", "ann", "before"))
        server.away()
        until(got, lambda one: isinstance(one, Link) and not one.up and "can't be reached" in one.why)
        server._answers["messages"] = [pages[1]]
        server.back()
        until(got, Message("youtube", "2", "ann", "after"))


def test_a_chat_that_is_not_found_any_more_is_looked_for_again() -> None:
    other = served.details(activeLiveChatId="OTHER")
    pages = [page("P1", text("1", "a")), refused("liveChatNotFound"), page("Q1", text("2", "b"))]
    with YouTubeServer(videos=[LIVE, other], messages=pages) as server, broadcast(server) as got:
        until(got, Message("youtube", "2", "ann", "b"))
    chats = [query["liveChatId"] for name, query, _ in server.asked if name == "messages"]
    assert chats[:3] == ["CHAT", "CHAT", "OTHER"] and server.pages()[:3] == ["", "P1", ""]


def test_asked_too_soon_it_waits_longer_each_time_and_says_so_only_when_that_does_not_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fast = refused("rateLimitExceeded")
    with YouTubeServer(
        videos=[LIVE], messages=[page("P1"), fast, fast, page("P2", text("1", "a"))]
    ) as server:
        with broadcast(server) as got:
            came = until(got, Message("youtube", "1", "ann", "a"))
        assert all(one.up for one in came if isinstance(one, Link))
    with YouTubeServer(videos=[LIVE], messages=[page("P1"), fast]) as server, broadcast(server) as got:
        came = until(got, lambda one: isinstance(one, Link) and not one.up)
        assert "more seldom" in came[-1].why


def test_the_interval_that_youtube_asks_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(youtube, "LATEST", 120.0)
    with YouTubeServer(videos=[LIVE], messages=[page("P", millis=400)]) as server, broadcast(server) as got:
        until(got, Link(True))
        began = time.monotonic()
        until(got, Link(True))
        until(got, Link(True))
        assert 0.75 <= time.monotonic() - began < 2.0


@pytest.mark.parametrize("millis", [None, "soon", -5, 1e300, float("nan"), 10**9])
def test_a_foolish_interval_neither_hammers_nor_sleeps_for_ever(millis: Any) -> None:
    assert youtube.SOONEST <= youtube._interval({"pollingIntervalMillis": millis}) <= youtube.LATEST


class Clock:
    """A time of day that can be moved."""

    def __init__(self, text: str) -> None:
        self.now = youtube.datetime.fromisoformat(text)

    def __call__(self) -> youtube.datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += youtube.timedelta(seconds=seconds)


def test_a_quota_that_youtube_calls_used_up_is_told_with_the_time_of_the_next() -> None:
    clock = Clock("2026-11-29T20:00:00+00:00")
    pages = [page("P1", text("1", "a")), refused("quotaExceeded"), page("P2", text("2", "b"))]
    with (
        YouTubeServer(videos=[LIVE], messages=pages) as server,
        broadcast(server, quota=Quota(10_000, clock)) as got,
    ):
        came = until(got, lambda one: isinstance(one, Link) and not one.up)
        assert came[-1].why == (
            "the day's quota of YouTube's API is used up (10000 units); there is a new one at 08:00 UTC"
        )
    quota = Quota(10_000, clock)
    away = quota.refused()
    assert away.wait == pytest.approx(900)
    with pytest.raises(source.AwayError):
        quota.spend(5)
    clock.pass_(901)
    quota.spend(5)  # it is tried again: somebody may have raised it


def test_the_days_own_count_is_never_exceeded_and_begins_anew_at_midnight_in_california() -> None:
    clock = Clock("2026-07-01T03:00:00+00:00")
    quota = Quota(103, clock)
    for _ in range(20):
        quota.spend(5)
    with pytest.raises(source.AwayError, match="07:00 UTC") as caught:
        quota.spend(5)
    assert caught.value.wait == pytest.approx(4 * 3600)
    quota.spend(1)
    clock.pass_(4 * 3600 + 1)
    assert quota.left == 103
    quota.spend(5)


def test_the_pace_lets_the_quota_last_whatever_the_length_of_the_show() -> None:
    clock = Clock("2026-11-29T09:00:00+00:00")
    quota, waits, until_midnight = Quota(10_000, clock), list[float](), 23 * 3600
    while sum(waits) < until_midnight and quota.left >= 5:
        quota.spend(5)
        waits.append(max(1.0, quota.pace))
        clock.pass_(waits[-1])
    after = {
        hours: next(w for n, w in enumerate(waits) if sum(waits[:n]) > hours * 3600) for hours in (0, 4, 8)
    }
    assert after[0] < 8 and after[4] < 21 and after[8] < 60
    assert sum(waits) > 20 * 3600 and len(waits) <= 2000


def test_a_channel_is_searched_for_seldom_and_its_next_broadcast_found() -> None:
    found = {"items": [{"id": {"kind": "youtube#video", "videoId": VIDEO}}]}
    searches = [told({"items": []}), told(found), told({"items": []})]
    pages = [page("P1", text("1", "a")), refused("liveChatEnded")]
    with (
        YouTubeServer(search=searches, videos=[LIVE], messages=pages) as server,
        broadcast(server, CHANNEL) as got,
    ):
        came = until(got, Message("youtube", "1", "ann", "a"))
        assert f"the channel {CHANNEL} broadcasts nothing" in str(came[0])
        until(got, lambda one: isinstance(one, Link) and "broadcasts nothing" in one.why)
    query = next(query for name, query, _ in server.asked if name == "search")
    assert (query["channelId"], query["eventType"], query["type"]) == (CHANNEL, "live", "video")


def test_mine_is_what_the_tokens_channel_broadcasts() -> None:
    mine = told({"items": [{"kind": "youtube#liveBroadcast", "id": VIDEO}]})
    with (
        YouTubeServer(liveBroadcasts=[mine], videos=[LIVE], messages=[page("P", text("1", "a"))]) as server,
        broadcast(server, "mine") as got,
    ):
        until(got, Message("youtube", "1", "ann", "a"))
    assert all(
        h["Authorization"] == "Bearer TOKEN-SECRET" and "X-Goog-Api-Key" not in h for *_, h in server.asked
    )


def test_a_missing_or_broken_key_is_told_without_asking_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = YouTube(VIDEO)
    with pytest.raises(AvatarError, match="YOUTUBE_API_KEY is not set"):
        chat.ready()
    with pytest.raises(AvatarError, match="needs the variable YOUTUBE_TOKEN"):
        YouTube("mine").ready()
    monkeypatch.setenv("YOUTUBE_API_KEY", "SEC\nRET")
    with pytest.raises(AvatarError, match="is no key") as caught:
        chat.ready()
    assert "SEC" not in str(caught.value)
    monkeypatch.setenv("YOUTUBE_API_KEY", "SECRET")
    chat.ready()
    monkeypatch.setenv("YOUTUBE_QUOTA", "plenty")
    with pytest.raises(AvatarError, match="YOUTUBE_QUOTA is 'plenty'"):
        chat.ready()
    assert "SECRET" not in repr(Credential.of("SECRET", ""))
    for place in ("marie", "@marie", "https://youtu.be/x", "UCshort"):
        with pytest.raises(AvatarError, match="no video and no channel"):
            YouTube(place)


def test_a_key_that_is_taken_away_before_the_show_ends_the_chat_alone() -> None:
    got, stop = list[Any](), threading.Event()
    YouTube(VIDEO).run(got.append, stop)
    assert got == [
        Link(False, "YouTube's chat needs a key, and the variable YOUTUBE_API_KEY is not set.", True)
    ]
