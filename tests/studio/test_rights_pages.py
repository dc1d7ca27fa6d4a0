"""What people do with their rights, in a real browser: second factor, permit, withdrawal, proof, copy, erasure.

Fits are stand-ins; studio, consents, keys, registers and Chromium are not.
"""

from __future__ import annotations

import base64
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Browser, Page

from avatar_engine.contracts import Utterance
from avatar_engine.trust.said import Said
from tests.studio.conftest import PASSWORD, until
from tests.studio.seen import MISSING, Seen, Server, come_in, serious

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(300),
    pytest.mark.skipif(MISSING, reason="needs chromium: .ci/servers"),
]


@pytest.fixture
def server(place: Path) -> Iterator[Server]:
    running = Server(place)
    yield running
    running.stop()


def now(secret: str, ahead: int = 0) -> str:
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(time.time()) + 30 * ahead).decode()


def sign_in(page: Page, server: Server) -> None:
    page.fill("[name=name]", "Ada")
    page.fill("[name=password]", PASSWORD)
    page.click("button.main")


def test_a_phone_is_asked_for_at_the_door(server: Server, browser: Browser) -> None:
    seen = Seen(browser.new_context(locale="fr-FR"))
    page = seen.page
    come_in(server, seen)
    page.goto(server.url("/settings"))
    page.fill("#factor [name=password]", PASSWORD)
    page.click("#factor >> text=Commencer")
    secret = page.inner_text("#factor code.secret")
    assert not serious(page)
    page.fill("#factor [name=code]", "000000")
    page.click("text=Le mettre en place")
    page.wait_for_selector("text=Ce n'est pas le code du moment.")
    page.fill("#factor [name=code]", now(secret))
    page.click("text=Le mettre en place")
    page.wait_for_selector(".spares")
    spare = page.inner_text(".spares li >> nth=0")
    page.click("text=Je les ai")
    page.click(".who button")
    sign_in(page, server)
    page.fill("[name=code]", now(secret, 1))
    assert not serious(page)
    page.click("button.main")
    page.wait_for_url(server.url("/"))
    page.click(".who button")
    sign_in(page, server)
    page.fill("[name=code]", spare)
    page.click("button.main")
    page.wait_for_url(server.url("/"))
    assert not seen.wrong


def make_clone(page: Page, server: Server, clip: Path) -> str:
    """A clone whose presenter signs with a code of their own; the code."""
    page.goto(server.url("/clones"))
    page.set_input_files("input[type=file]", clip)
    page.fill("[name=name]", "marie")
    page.click("text=Bring and check it")
    page.wait_for_selector("text=Film a minute.")
    page.fill("[name=presenter]", "Marie Test")
    page.check("[name=platforms][value=youtube]")
    page.click("text=Make a code")
    code = page.inner_text("code.big")
    page.fill("#consent [name=code]", code)
    page.check("#consent [name=permit]")
    page.check("[name=read]")
    page.click("#consent button.main")
    page.click("text=Begin the fit")
    page.click("button[value=accepted]", timeout=60_000)
    page.wait_for_selector("#permits")
    return code


def test_a_presenter_permits_withdraws_takes_a_copy_and_is_erased(
    server: Server, browser: Browser, plain_clip: Path, tmp_path: Path
) -> None:
    seen = Seen(browser.new_context(locale="en-GB", accept_downloads=True))
    page = seen.page
    come_in(server, seen)
    code = make_clone(page, server, plain_clip)
    signed = server.house.clones.one(1).signed
    assert signed
    line = Said(signed, "say", outputs=["hello.mp4"])
    line.handed(Utterance("Good evening.", "en"))
    line.close()
    page.fill("#permits [name=code] >> nth=0", "AAAA-" * 5 + "AAAA")
    page.click("#permits >> text=Sign it")
    page.wait_for_selector("text=This code is not the one with which the consent was signed.")
    page.fill("#permits [name=code] >> nth=0", code)
    page.click("#permits >> text=Sign it")
    page.wait_for_selector("#permits .badge.good >> text=valid")
    with page.expect_download() as taken:
        page.click("#permits >> text=Take the file")
    assert (
        "youtube" in Path(taken.value.path()).read_text() and code not in Path(taken.value.path()).read_text()
    )
    assert not serious(page)

    page.click("summary >> text=Withdraw the consent")
    page.fill("#permits [name=confirm]", "Marie Test")
    page.fill("#permits [name=reason]", "I changed my mind")
    page.click("#permits button.danger")
    page.wait_for_selector("text=consent was revoked by the technician")
    assert page.locator("text=I changed my mind").count() and not page.locator("text=Go on air").count()

    page.goto(server.url("/audit"))
    page.fill("form[action='/do/copies'] [name=name]", "Marie Test")
    with page.expect_download() as copied:
        page.click("text=Take the copy")
    with zipfile.ZipFile(copied.value.path()) as archive:
        assert "Good evening." in archive.read("index.html").decode()
    page.fill("#erasure form.fields >> [name=name] >> nth=0", "Marie Test")
    page.check("[name=sources]")
    page.click("text=Show what would go")
    page.wait_for_selector("#plan >> text=marie.avatar")
    page.fill("#plan [name=confirm]", "Somebody Else")
    page.click("#plan button.danger")
    page.wait_for_selector("text=The name was not typed the same way twice.")
    page.fill("#plan [name=confirm]", "Marie Test")
    page.click("#plan button.danger")
    page.wait_for_selector("text=Removed. The record of it, without a name:")
    assert not list(server.house.folder.rglob("*.avatar")) and not list(server.house.folder.rglob("clip.mp4"))
    page.goto(server.url("/clones"))
    assert page.locator("text=marie").count() == 0
    assert not seen.wrong


DROP = """async ([bytes, name]) => { const form = document.querySelector('[data-upload=verify]');
const data = new DataTransfer(); data.items.add(new File([new Uint8Array(bytes)], name, { type: 'video/mp4' }));
form.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })); }"""


def test_a_file_that_is_dropped_is_looked_at(server: Server, browser: Browser, plain_clip: Path) -> None:
    seen = Seen(browser.new_context(locale="en-GB"))
    page = seen.page
    come_in(server, seen)
    page.goto(server.url("/figures"))
    page.evaluate(DROP, [list(plain_clip.read_bytes()), "holiday.mp4"])
    page.wait_for_selector(".verified .told", timeout=120_000)
    assert "holiday.mp4" in page.inner_text(".verified")
    until(lambda: not server.house.jobs.listed()[0].open)
    assert server.house.jobs.listed()[0].result["verdict"] != "marked", "a camera's clip has no marks"
    assert not list((server.house.folder / "uploads").iterdir()), "the file is not kept"
    assert not serious(page) and not seen.wrong
