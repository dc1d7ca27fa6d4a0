"""Whatever a server does, an answer comes in time and size, from where it may, or an error says why."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from avatar_engine import web as rooms
from avatar_engine.web import REDIRECTS, Web, WebError
from tests import shops
from tests.shops import Shop

MOST = 2 << 20


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop(feed="<rss/>") as opened:
        yield opened


def get(shop: Shop, path: str, seconds: float = 5.0, home: str = "127.0.0.1", **more: Any) -> bytes:
    with Web(home, seconds) as web:
        return web.get(shop.url + path, MOST, **more).body


def test_an_answer_comes_whole_packed_or_not(shop: Shop) -> None:
    shop.put("/packed", shops.packed(b"y" * 100_000))
    assert get(shop, "/feed") == b"<rss/>" and get(shop, "/packed") == b"y" * 100_000
    assert shop.seen[0]["accept-encoding"] == "gzip"


def test_what_has_not_changed_is_not_sent_again(shop: Shop) -> None:
    with Web("127.0.0.1", 5.0) as web:
        first = web.get(f"{shop.url}/feed", MOST)
        again = web.get(f"{shop.url}/feed", MOST, {"If-None-Match": first.headers["etag"]})
    assert (first.unchanged, again.unchanged, again.body, shop.unchanged) == (False, True, b"", 1)


@pytest.mark.parametrize(
    ("status", "away", "wait"),
    [(404, False, 0), (401, False, 0), (503, True, 120), (429, True, 120), (500, True, 120)],
)
def test_refusals_say_whether_the_server_may_be_back(
    shop: Shop, status: int, away: bool, wait: float
) -> None:
    more = {"Retry_After": "120"} if wait else {}
    shop.put("/x", shops.status(status, **more))
    with pytest.raises(WebError, match=f"it answers {status}") as caught:
        get(shop, "/x")
    assert (caught.value.away, caught.value.wait) == (away, wait)


def test_a_bomb_is_not_unpacked(shop: Shop) -> None:
    shop.put("/bomb", shops.bomb(1024))
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(WebError, match="larger than 2 MB when it is unpacked"):
        get(shop, "/bomb", 20.0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.monotonic() - began < 10.0 and most < 16 << 20


@pytest.mark.parametrize(
    ("manner", "said", "seconds"),
    [
        (lambda shop: shops.endless(shop), "larger than 2 MB", 5.0),
        (lambda shop: shops.endless(shop, 0.05, b"x"), "not answer in time", 1.0),
        (shops.endless_heading, "not answer in time", 1.0),
        (shops.hung, "not answer in time", 1.0),
        (lambda shop: shops.broken_off(b"<rss>"), "breaks off", 5.0),
        (lambda shop: lambda request: None, "breaks off", 5.0),
        (lambda shop: lambda request: request.wfile.write(b"HTTP/9 lol\r\n\r\n"), "breaks off", 5.0),
        (lambda shop: lambda request: shops.answer(request, b"xx", Content_Encoding="br"), "packed as 'br'", 5.0),
        (lambda shop: lambda request: shops.answer(request, b"xx", Content_Encoding="gzip"), "broken gzip", 5.0),
    ],
)  # fmt: skip
def test_a_bad_answer_ends_in_time(shop: Shop, manner: Any, said: str, seconds: float) -> None:
    shop.put("/bad", manner(shop))
    began = time.monotonic()
    with pytest.raises(WebError, match=said):
        get(shop, "/bad", seconds)
    assert time.monotonic() - began < seconds + 2.0


def test_redirects_are_followed_but_not_for_ever_nor_out_of_the_web(shop: Shop) -> None:
    shop.put("/once", shops.sends_on("/feed"))
    assert get(shop, "/once") == b"<rss/>"
    shop.put("/loop", shops.sends_on("/loop"))
    with pytest.raises(WebError, match=f"more than {REDIRECTS} times"):
        get(shop, "/loop")
    assert shop.asked.count("/loop") == REDIRECTS + 1
    for to in (
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://",
        "",
        "gopher:x",
        "//",
        "http://[",
        "x" * 5000,
    ):
        shop.put("/out", shops.sends_on(to))
        with pytest.raises(WebError):
            get(shop, "/out")


def test_an_endless_row_of_redirects_keeps_the_deadline(shop: Shop) -> None:
    def slow(request: Any) -> None:
        time.sleep(0.4)
        shops.sends_on("/slow")(request)

    shop.put("/slow", slow)
    began = time.monotonic()
    with pytest.raises(WebError, match="not answer in time"):
        get(shop, "/slow", 1.0)
    assert time.monotonic() - began < 2.0


def test_a_key_goes_to_its_own_server_alone(shop: Shop) -> None:
    with Shop(feed="<rss/>") as other:
        shop.put("/away", shops.sends_on(f"{other.url}/feed"))
        shop.put("/here", shops.sends_on("/feed"))
        for path in ("/away", "/here"):
            get(shop, path, secret={"Authorization": "Bearer k"})
        assert "authorization" not in other.seen[0]
        assert [seen.get("authorization") for seen in shop.seen] == ["Bearer k"] * 3


def test_what_a_server_names_must_be_on_the_public_network(shop: Shop) -> None:
    with pytest.raises(WebError, match="not on the public network"):
        get(shop, "/feed", home="shop.example")
    assert not shop.asked
    for host in (
        "localhost",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1",
        "[::1]",
        "0x7f.1",
        "2130706433",
    ):
        with Web("", 3.0) as web, pytest.raises(WebError, match=r"public network|no host|no good"):
            web.get(f"http://{host}:{shop.port}/feed", MOST)
    assert not shop.asked


def test_a_public_home_does_not_lead_inside(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that a person gave may lead anywhere; a redirect from a public one to a machine of ours may not."""
    found = socket.getaddrinfo

    def look_up(host: str, *rest: Any, **more: Any) -> Any:
        if host == "public.example":  # looks public, and is reached here
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", shop.port))]
        return found(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    connect = socket.create_connection
    monkeypatch.setattr(
        socket,
        "create_connection",
        lambda address, *rest, **more: connect(("127.0.0.1", shop.port), *rest, **more),
    )
    shop.put("/in", shops.sends_on(f"http://127.0.0.1:{shop.port}/feed"))
    with Web("public.example", 5.0) as web:
        assert web.get(f"http://public.example:{shop.port}/feed", MOST).body == b"<rss/>" and not web.near
        with pytest.raises(WebError, match="not on the public network"):
            web.get(f"http://public.example:{shop.port}/in", MOST)


def test_nobody_there_is_told(shop: Shop) -> None:
    shop.close()
    with pytest.raises(WebError, match="can't be reached") as caught:
        get(shop, "/feed")
    assert caught.value.away
    shop.open()


def test_a_stop_ends_it_at_once(shop: Shop) -> None:
    shop.put("/hung", shops.hung(shop))
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with Web("127.0.0.1", 30.0, stop) as web, pytest.raises(WebError):
        web.get(f"{shop.url}/hung", MOST)
    assert time.monotonic() - began < 2.0


def certified(folder: Path) -> Path:
    """A certificate of this machine that it signed itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "both.pem"
    path.write_bytes(secret + made.public_bytes(encoding))
    return path


def test_https_is_spoken_and_a_certificate_of_nobody_is_refused(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = certified(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    shop.wrap(server)
    shop.put("/plain", shops.sends_on("http://localhost/feed"))
    shop.put("/hung", shops.hung(shop))
    address = f"https://localhost:{shop.port}"
    with Web("localhost", 5.0) as web, pytest.raises(WebError, match=r"can't be reached.*CERTIFICATE"):
        web.get(f"{address}/feed", MOST)
    monkeypatch.setattr(rooms, "_certificates", lambda: ssl.create_default_context(cafile=str(both)))
    with Web("localhost", 5.0) as web:
        assert web.get(f"{address}/feed", MOST).body == b"<rss/>"
        with pytest.raises(WebError, match="from https:// to http://"):
            web.get(f"{address}/plain", MOST)
    began = time.monotonic()
    with Web("localhost", 1.0) as web, pytest.raises(WebError, match="in time"):
        web.get(f"{address}/hung", MOST)
    assert time.monotonic() - began < 2.0
