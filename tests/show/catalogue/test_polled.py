"""A catalogue at an address keeps up with it, whatever becomes of its server, and never holds the show up."""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.show.catalogue import polled
from avatar_engine.show.catalogue.pictures import Pictures
from avatar_engine.show.catalogue.place import Place, read_place
from avatar_engine.show.catalogue.polled import CatalogueUrl
from tests import shops
from tests.shops import Shop, until
from tests.show.catalogue.test_merchant import BOMB, RSS
from tests.show.catalogue.test_shopify import MUG, SHIRT

TSV = "id\ttitle\tprice\timage_link\nm\tMug\t{} EUR\t{}\n"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop(feed=TSV.format("12.50", "")) as opened:
        yield opened


class Held:
    """Opens catalogues in a folder of the test, and ends their threads."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stop = folder, threading.Event()

    def open(self, address: str, every: float = 0.05, first: float = 5.0, **options: str) -> CatalogueUrl:
        place = replace(read_place(address), every=every, **options)
        return CatalogueUrl(place, Pictures(None, self.folder / "pictures"), self.folder / "copies", first)

    def follow(self, address: str, every: float = 0.05, **options: str) -> CatalogueUrl:
        found = self.open(address, every, **options)
        found.follow(self.stop)
        return found


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    opened = Held(tmp_path)
    yield opened
    opened.stop.set()


def price(found: CatalogueUrl) -> str:
    return str(found.look().products["m"].price.amount)


def test_a_change_is_noticed_and_what_is_the_same_is_not_sent_again(shop: Shop, held: Held) -> None:
    found = held.follow(f"{shop.url}/feed")
    first = found.look()
    assert price(found) == "12.50" and found.told == (f"{shop.url}/feed: Google Merchant (TSV), 1 products.",)
    assert until(lambda: shop.unchanged > 2) and found.look() is first
    shop.put("/feed", TSV.format("11.00", ""))
    assert until(lambda: price(found) == "11.00")
    assert sum("if-none-match" in seen for seen in shop.seen) == len(shop.seen) - 1


def test_a_server_without_marks_is_read_whole_and_nothing_changes_by_that(shop: Shop, held: Held) -> None:
    shop.put("/feed", lambda request: shops.answer(request, TSV.format("1", "").encode()))
    found = held.follow(f"{shop.url}/feed")
    first = found.look()
    assert until(lambda: len(shop.asked) > 4) and found.look() is first


def test_a_server_that_dies_and_comes_back_is_told_once_each(
    shop: Shop, held: Held, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polled, "LONGEST_REST", 0.2)
    found = held.follow(f"{shop.url}/feed")
    shop.close()
    assert until(lambda: "stays as it was" in caplog.text)
    time.sleep(0.5)
    assert price(found) == "12.50"
    shop.put("/feed", TSV.format("9.00", ""))
    shop.open()
    assert until(lambda: price(found) == "9.00")
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 2 and told[1].endswith("is back")
    assert "can't be reached" in told[0] or "breaks off" in told[0]  # as it died before or within an answer


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"<html>error</html>", BOMB.encode(), b"\xff\xff\xff", b'{"products": []}', b"id\ttitle\tprice\nm\tM\tfree\n",
     b"\x1f\x8b", shops.status(404), shops.status(500), shops.bomb(200), shops.sends_on("file:///etc/passwd"),
     shops.broken_off(TSV.encode()), lambda request: 1 / 0],
)  # fmt: skip
def test_rubbish_changes_nothing_and_is_told_once(
    shop: Shop, held: Held, caplog: pytest.LogCaptureFixture, rubbish: Any
) -> None:
    found = held.follow(f"{shop.url}/feed")
    shop.put("/feed", rubbish)
    assert until(lambda: "stays as it was" in caplog.text)
    count = len(shop.asked)
    assert until(lambda: len(shop.asked) > count + 1), "it is asked again"
    assert price(found) == "12.50" and caplog.text.count("stays as it was") == 1


def test_it_is_asked_less_and_less_often_and_left_alone_where_it_asks_for_that(
    shop: Shop, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.follow(f"{shop.url}/feed", 0.1)
    shop.put("/feed", shops.status(503))
    time.sleep(2.0)
    assert 2 <= len(shop.asked) <= 6, "0.1, 0.2, 0.4, 0.8 ... seconds"
    with Shop(feed=TSV.format("1", "")) as other:
        held.follow(f"{other.url}/feed")
        other.put("/feed", shops.status(429, Retry_After="3600"))
        assert until(lambda: len(other.asked) > 1)
        count = len(other.asked)
        time.sleep(0.5)
        assert len(other.asked) == count


@pytest.mark.parametrize(
    "manner", [shops.hung, shops.endless_heading, lambda shop: shops.endless(shop, 0.05, b"x")]
)
def test_a_slow_server_never_holds_the_show_up(shop: Shop, held: Held, manner: Any) -> None:
    found = held.follow(f"{shop.url}/feed")
    shop.put("/feed", manner(shop))
    count = len(shop.asked)
    assert until(lambda: len(shop.asked) > count)
    for _ in range(100):
        began = time.perf_counter()
        assert found.look().products and found.picture("m") is None
        assert time.perf_counter() - began < 0.5
    held.stop.set()
    assert until(lambda: not [one for one in threading.enumerate() if one.name == "catalogue"], 3.0), (
        "it ends with the show"
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (shops.status(404), "it answers 404. Check the address"),
        (shops.status(401), "it answers 401"),
        (b"<html/>", "neither RSS nor Atom"),
        (BOMB, "document type"),
        (json.dumps({"products": [MUG]}), "currency=EUR"),
        ("id,name,price\na,,1 EUR\n", "line 2: there is no name"),
        (shops.sends_on("/feed"), "sends us on more than"),
    ],
)
def test_a_show_does_not_begin_with_a_catalogue_that_is_none(
    shop: Shop, held: Held, answer: Any, said: str
) -> None:
    shop.put("/feed", answer)
    with pytest.raises(AvatarError) as caught:
        held.open(f"{shop.url}/feed")
    assert said in str(caught.value) and caught.value.advice


def test_the_beginning_has_a_time_limit(shop: Shop, held: Held) -> None:
    shop.put("/feed", shops.endless_heading(shop))
    began = time.monotonic()
    with pytest.raises(AvatarError, match="can't be read: it does not answer in time"):
        held.open(f"{shop.url}/feed", first=0.5)
    assert time.monotonic() - began < 2.5


def test_a_name_that_is_looked_up_for_ever_is_given_up(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: over.wait(20) and [])
    began = time.monotonic()
    with pytest.raises(AvatarError, match="not answer in time"):
        held.open("http://shop.example/feed", first=0.2)
    assert time.monotonic() - began < 3.0
    over.set()


def test_a_copy_stands_in_for_a_server_that_is_away_and_says_so(
    shop: Shop, held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    address = f"{shop.url}/feed"
    held.open(address)
    shop.close()
    found = held.follow(address)
    assert price(found) == "12.50" and "as they were at" in caplog.text
    assert found.told[0].endswith("1 warnings:") and "as they were at" in found.told[1]
    with pytest.raises(AvatarError):
        held.open(address, currency="USD")
    shop.put("/feed", TSV.format("7", ""))
    shop.open()
    assert until(lambda: price(found) == "7.00") and len(found.told) == 1


def test_a_show_that_is_started_again_goes_on_at_once_with_what_was_known(shop: Shop, held: Held) -> None:
    address = f"{shop.url}/feed"
    held.open(address)
    shop.put("/feed", TSV.format("8", ""))
    place = replace(read_place(address), every=60.0)
    found = CatalogueUrl(place, Pictures(None, held.folder / "p"), held.folder / "copies", soon=True)
    assert price(found) == "12.50" and len(shop.asked) == 1
    found.follow(held.stop)
    assert until(lambda: price(found) == "8.00"), "and reads it right after that"
    (copy,) = (held.folder / "copies").iterdir()
    os.utime(copy, (time.time(), time.time() - 200))
    shop.put("/feed", TSV.format("5", ""))
    assert (
        price(CatalogueUrl(place, Pictures(None, held.folder / "p"), held.folder / "copies", soon=True))
        == "5.00"
    )


def test_a_copy_that_is_old_or_broken_does_not(shop: Shop, held: Held) -> None:
    address = f"{shop.url}/feed"
    held.open(address)
    (copy,) = (held.folder / "copies").iterdir()
    shop.close()
    os.utime(copy, (time.time(), time.time() - 2 * 86_400))
    with pytest.raises(AvatarError, match="can't be reached"):
        held.open(address)
    for data in (b"", b"PK\x03\x04", copy.read_bytes()[:100]):
        copy.write_bytes(data)
        with pytest.raises(AvatarError, match="can't be reached"):
            held.open(address)
    shop.open()


def test_a_copy_that_finds_no_room_on_the_disk_leaves_nothing(
    shop: Shop, held: Held, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert price(held.open(f"{shop.url}/feed")) == "12.50"
    assert "no copy of the catalogue can be kept: No space left" in caplog.text
    assert not list((held.folder / "copies").iterdir())


def test_a_wrong_address_gets_no_copy(shop: Shop, held: Held) -> None:
    held.open(f"{shop.url}/feed")
    shop.put("/feed", shops.status(403))
    with pytest.raises(AvatarError, match="it answers 403"):
        held.open(f"{shop.url}/feed")


def test_a_private_feed_gets_its_key_and_no_log_or_file_does(
    shop: Shop, held: Held, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("FEED_KEY", "s3cr3t")

    def say(request: Any) -> None:
        good = request.headers.get("Authorization") == "Bearer s3cr3t" or "t=s3cr3t" in request.path
        shops.answer(request, TSV.format("1", "").encode() if good else b"", 200 if good else 401)

    shop.put("/feed", say)
    for address in (f"{shop.url}/feed key_env=FEED_KEY", f"{shop.url}/feed?t={{key}} key_env=FEED_KEY"):
        found = held.follow(address)
        assert price(found) == "1.00" and "s3cr3t" not in str(found.told)
    with pytest.raises(AvatarError, match="answers 401") as caught:
        held.open(f"{shop.url}/feed")
    monkeypatch.setenv("FEED_KEY", "wr0ng")
    with pytest.raises(AvatarError, match="answers 401") as also:
        held.open(f"{shop.url}/feed?t={{key}} key_env=FEED_KEY")
    shop.close()
    assert until(lambda: "stays as it was" in caplog.text)
    kept = b"".join(path.read_bytes() for path in (held.folder / "copies").iterdir())
    for text in (caplog.text, str(caught.value), str(also.value), kept.decode("latin-1")):
        assert "s3cr3t" not in text and "wr0ng" not in text
    shop.open()


def pages(shop: Shop, count: int, each: int = 250) -> None:
    """Shopify's pages: so many products, and the last page with one."""

    def say(request: Any) -> None:
        query = parse_qs(urlsplit(request.path).query)
        number, limit = int(query.get("page", ["1"])[0]), int(query.get("limit", ["30"])[0])
        assert limit == each
        here = range((number - 1) * each, min(count, number * each))
        told = [{**SHIRT, "handle": f"h{n}", "variants": MUG["variants"][:1]} for n in here]
        shops.answer(request, json.dumps({"products": told}).encode())

    shop.put("/products.json", say)


def test_a_shop_of_many_pages_is_read_whole(shop: Shop, held: Held) -> None:
    pages(shop, 620)
    found = held.open(f"{shop.url}/products.json currency=EUR")
    assert len(found.look().products) == 620
    assert shop.asked == [f"/products.json?limit=250{more}" for more in ("", "&page=2", "&page=3")]
    assert found.look().products["h7"].link == f"{shop.url}/products/h7"
    pages(shop, 500)
    assert len(held.open(f"{shop.url}/products.json currency=EUR").look().products) == 500


def test_links_lead_on_within_one_server_alone(shop: Shop, held: Held) -> None:
    told = json.dumps({"products": [MUG]}).encode()
    with Shop(x=json.dumps({"products": [SHIRT]})) as other:
        for link, count in ((f'<{shop.url}/second>; rel="next"', 3), (f'<{other.url}/x>; rel="next"', 1),
                            ('</first>; rel="next"', 1), ("<http://[>; rel=next", 1), ("nonsense", 1)):  # fmt: skip
            shop.put("/first", lambda request, link=link: shops.answer(request, told, Link=link))
            shop.put("/second", json.dumps({"products": [SHIRT]}))
            found = held.open(f"{shop.url}/first currency=EUR")
            assert len(found.look().products) == count, link
        assert not other.asked


def test_a_shop_that_goes_on_for_ever_is_cut(shop: Shop, held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polled, "MOST_PAGES", 4)
    turns = iter(range(100))

    def say(request: Any) -> None:
        told = {"products": [{**MUG, "handle": f"h{next(turns)}"}]}
        shops.answer(request, json.dumps(told).encode(), Link=f'<{shop.url}/p?{next(turns)}>; rel="next"')

    shop.put("/p", say)
    found = held.open(f"{shop.url}/p currency=EUR")
    assert len(found.look().products) == 4 and "more than 4 pages" in found.look().mistakes[-1]
    shop.put("/products.json", json.dumps({"products": [MUG] * 250}))  # knows of no pages
    assert len(held.open(f"{shop.url}/products.json currency=EUR").look().products) == 1


def test_all_pages_together_have_a_bound(shop: Shop, held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = {f"/{n}": json.dumps({"products": [{**MUG, "handle": f"h{n}"}]}).encode() for n in (1, 2)}
    for place, body in bodies.items():
        shop.put(place, lambda request, body=body: shops.answer(request, body, Link="</2>; rel=next"))
    size = sum(map(len, bodies.values()))
    monkeypatch.setattr(polled, "LARGEST", size)
    assert len(held.open(f"{shop.url}/1 currency=EUR").look().products) == 2
    monkeypatch.setattr(polled, "LARGEST", size - 1)
    with pytest.raises(AvatarError, match="larger than"):
        held.open(f"{shop.url}/1 currency=EUR")


def test_a_page_that_can_not_be_had_leaves_all_as_it_was(
    shop: Shop, held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    pages(shop, 300)
    found = held.follow(f"{shop.url}/products.json currency=EUR")
    good = shop.files["/products.json"]
    assert callable(good)
    shop.put(
        "/products.json",
        lambda request: shops.status(500)(request) if "page=2" in request.path else good(request),
    )
    assert until(lambda: "stays as it was" in caplog.text)
    assert len(found.look().products) == 300


def test_pictures_come_with_the_feed(shop: Shop, held: Held) -> None:
    shop.put("/m.png", shops.picture())
    shop.put("/feed", TSV.format("1", f"{shop.url}/m.png") + f"n\tN\t1 EUR\t{shop.url}/none.png\n")
    found = held.open(f"{shop.url}/feed")
    assert found.picture("m") is None and "/m.png" not in shop.asked
    found.settle(["m"])
    path = found.picture("m")
    assert path and path.is_file() and found.picture("n") is None and found.picture("?") is None
    assert "/none.png" not in shop.asked, "only what is shown is waited for"
    other = held.follow(f"{shop.url}/feed")
    assert until(lambda: "/none.png" in shop.asked) and other.picture("m") == path


def test_a_big_feed_leaves_the_show_its_time(shop: Shop, held: Held) -> None:
    one = RSS[RSS.index(" <item>") : RSS.index("</item>") + 7]
    items = "".join(one.replace("M-17", f"M-{n}").replace("Steel mug", f"Mug {n}") for n in range(5000))
    shop.put("/feed", RSS[: RSS.index(" <item>")] + items + "</channel></rss>")
    found = held.open(f"{shop.url}/feed", first=60.0)
    assert len(found.look().products) == 5000
    shop.put("/feed", RSS[: RSS.index(" <item>")] + items.replace("19.00", "18.00") + "</channel></rss>")
    found.follow(held.stop)
    worst, last = 0.0, (began := time.process_time())
    end = time.monotonic() + 60.0
    while str(found.look().products["M-1"].price.amount) == "19.00" and time.monotonic() < end:
        time.sleep(0.001)
        now = time.process_time()  # what other programs take of the machine does not count
        worst, last = max(worst, now - last), now
    assert str(found.look().products["M-1"].price.amount) == "18.00"
    assert worst < (last - began) / 2, "no thread of the show waited for the whole of it"


def test_a_place_is_what_it_is_opened_with() -> None:
    with pytest.raises(AvatarError, match="K is not set"):
        CatalogueUrl(Place("https://shop.example/f", key_env="K"))
