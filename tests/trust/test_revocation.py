"""Revocations on this machine and in lists on the web: who may revoke, and what happens when nobody can be asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys, presenter, revocation
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.revocation import check, enlist, folder, revoke
from tests import shops
from tests.shops import Say, Shop
from tests.trust.signing import CODE, OTHER_CODE, sign

NOW = datetime.now(UTC)


class Listing:
    """A server with a list; tells what it was asked."""

    def __init__(self) -> None:
        self.body, self.status, self.tags = b'{"revocations": []}', 200, list[str]()
        listing = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listing.tags.append(self.headers.get("If-None-Match", ""))
                tag = f'"{hash(listing.body)}"'
                same = listing.tags[-1] == tag and listing.status == 200
                self.send_response(304 if same else listing.status)
                self.send_header("ETag", tag)
                self.send_header("Content-Length", "0" if same else str(len(listing.body)))
                self.end_headers()
                self.wfile.write(b"" if same else listing.body)

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/revocations.json"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Listing()
    yield made
    made.server.shutdown()
    made.server.server_close()


def listed(folder_: Path, listing: Listing, **more) -> SignedConsent:
    return sign(folder_, revocation_list=listing.url, **more)


def test_what_was_revoked_here_is_refused_with_who_when_and_why(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    check(signed)
    revoke(signed.id, keys.technician_key(), "The contract ended")
    with pytest.raises(
        AvatarError, match=r"revoked by the technician .*A\. Martin.* on 20.*: The contract ended"
    ):
        check(signed)
    check(sign(tmp_path, "other.toml", clip=b"another"))


def test_the_presenter_revokes_alone(tmp_path: Path) -> None:
    signed = sign(tmp_path, code=CODE)
    revoke(signed.id, presenter.key_of(CODE))
    with pytest.raises(AvatarError, match="revoked by the presenter"):
        check(signed)


def test_a_revocation_by_a_stranger_or_a_changed_one_counts_for_nothing(tmp_path: Path) -> None:
    signed = sign(tmp_path, code=CODE)
    stranger = revoke(signed.id, presenter.key_of(OTHER_CODE), "never mind")
    check(signed)
    other = sign(tmp_path, "other.toml", clip=b"another", code=CODE)
    made = revoke(other.id, presenter.key_of(CODE))
    (folder() / "moved.json").write_text(made.model_copy(update={"consent": signed.id}).model_dump_json())
    check(signed)
    keys.remember(stranger.public_key, "the lawyer")
    with pytest.raises(AvatarError, match="revoked by the lawyer"):
        check(signed)


def test_a_revocation_that_cannot_be_read_is_no_reason_to_go_on(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    folder().mkdir(parents=True)
    (folder() / "half.json").write_text("{")
    with pytest.raises(AvatarError, match=r"half\.json can't be read"):
        check(signed)


def test_a_list_on_the_web_is_asked_with_its_tag_and_believed(tmp_path: Path, listing: Listing) -> None:
    signed = listed(tmp_path, listing)
    check(signed)
    check(signed)
    assert listing.tags[0] == "" and listing.tags[1].startswith('"'), "the second time with the tag"
    elsewhere = tmp_path / "list.json"
    made = revoke(signed.id, keys.technician_key(), "ended")
    assert enlist(made, elsewhere) == 1 == enlist(made, elsewhere)
    for path in folder().glob("*.json"):
        path.unlink()
    check(signed)
    listing.body = elsewhere.read_bytes()
    with pytest.raises(AvatarError, match="revoked by the technician"):
        check(signed)
    listing.status = 500
    with pytest.raises(AvatarError, match="revoked by the technician"):
        check(signed)


def test_without_list_and_copy_a_show_is_refused(tmp_path: Path, listing: Listing) -> None:
    signed = listed(tmp_path, listing)
    listing.status = 404
    with pytest.raises(AvatarError, match=r"can't be known: .* answers 404, and there is no copy"):
        check(signed)


def test_a_copy_will_do_for_the_hours_that_the_consent_says(tmp_path: Path, listing: Listing) -> None:
    signed = listed(tmp_path, listing, grace_hours=2)
    check(signed, NOW)
    listing.status = 503
    check(signed, NOW + timedelta(hours=2))
    with pytest.raises(AvatarError, match=r"the last copy is of .*grace_hours in the consent: 2"):
        check(signed, NOW + timedelta(hours=2, seconds=1))
    with pytest.raises(AvatarError, match="can't be known"):
        check(signed, NOW - timedelta(hours=1))  # the clock was set back
    listing.status = 200
    check(signed, NOW + timedelta(days=9))


@pytest.mark.parametrize("body", [b"", b"[]", b'{"revocations": 3}', b"<html>", b" " * (5 << 20)])
def test_an_answer_that_is_no_list_is_as_good_as_none(tmp_path: Path, listing: Listing, body: bytes) -> None:
    listing.body = body
    with pytest.raises(AvatarError, match="can't be known"):
        check(listed(tmp_path, listing))


def test_a_list_that_does_not_come_to_its_end_is_not_waited_for(
    tmp_path: Path, listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "LONGEST", -1.0)
    with pytest.raises(AvatarError, match="has not come whole"):
        check(listed(tmp_path, listing))


@pytest.mark.parametrize(
    "manner", [shops.endless_heading, lambda shop: shops.endless(shop, 0.1, b" "), shops.hung]
)
def test_a_server_that_drips_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manner: Callable[[Shop], Say]
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(revocation, "LONGEST", 0.5)
    with Shop() as server:
        server.put("/list", manner(server))
        signed = sign(tmp_path, revocation_list=f"{server.url}/list")
        began = time.monotonic()
        with pytest.raises(AvatarError, match=r"can't be known: .* has not come whole"):
            check(signed)
        assert time.monotonic() - began < 5.0


def test_a_list_that_sends_on_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Shop(other=b'{"revocations": []}') as server:
        server.put("/list", shops.sends_on("/other"))
        with pytest.raises(AvatarError, match="it sends us on, and there is no copy"):
            check(sign(tmp_path, revocation_list=f"{server.url}/list"))
        assert server.asked == ["/list"]


def test_a_list_is_asked_through_the_proxy_of_this_machine(
    tmp_path: Path, listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    signed = sign(tmp_path, revocation_list="http://127.0.0.1:9/revocations.json")  # where nobody answers
    for address in (listing.url, listing.url.removeprefix("http://")):
        monkeypatch.setenv("http_proxy", address)
        check(signed)
    assert len(listing.tags) == 2 and listing.tags[1], "the second time with the tag"
    for address in ("http://", "socks5://127.0.0.1:1"):
        monkeypatch.setenv("http_proxy", address)
        with pytest.raises(AvatarError, match="proxy is no good"):
            check(sign(tmp_path, revocation_list="http://127.0.0.1:9/others.json"))


def test_what_is_known_here_needs_no_list(tmp_path: Path, listing: Listing) -> None:
    signed = listed(tmp_path, listing)
    revoke(signed.id, keys.technician_key())
    with pytest.raises(AvatarError, match="revoked by the technician"):
        check(signed)
    assert not listing.tags


def test_strange_lines_of_a_list_do_not_hide_the_others(tmp_path: Path, listing: Listing) -> None:
    signed = listed(tmp_path, listing)
    made = revoke(signed.id, keys.technician_key())
    for path in folder().glob("*.json"):
        path.unlink()
    listing.body = json.dumps(
        {"revocations": [3, {}, {"consent": "x"}, made.model_dump(mode="json")]}
    ).encode()
    with pytest.raises(AvatarError, match="revoked"):
        check(signed)


def test_a_list_is_at_a_safe_address(tmp_path: Path) -> None:
    for address in ("http://example.com/r.json", "https://u:p@example.com/", "ftp://example.com", "r.json"):
        with pytest.raises(AvatarError, match="no https:// address"):
            sign(tmp_path, revocation_list=address)


def test_a_file_that_is_no_list_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(AvatarError, match="no list of revocations"):
        enlist(revoke(sign(tmp_path).id, keys.technician_key()), tmp_path / "notes.json")
    assert (tmp_path / "notes.json").read_text() == "{}"
