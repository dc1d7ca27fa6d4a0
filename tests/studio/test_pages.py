"""The whole way through the pages, in a real browser: from a clip to a show that a real server receives.

Fit and face are stand-ins; studio, jobs, show, broadcast, desk, chat, preview, nginx and Chromium are not.
"""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

from avatar_engine.studio.app import made
from avatar_engine.studio.house import House
from avatar_engine.studio.rates import Rate
from tests.servers import Nginx, free_port, has_nginx
from tests.studio.conftest import PASSWORD, opened, until

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not CHROMIUM or not has_nginx(), reason="needs chromium, and nginx with RTMP: .ci/servers"
    ),
]

SCRIPT = """---
language: en
catalogue: shop.csv
chat: [inlet:{port}]
---

# Opening

Hello.

<!-- chat 300s -->

# The mug {{product=M-17}}

{{name}} costs {{price}}.
"""
SHOP = b"id,name,price,currency,stock\nM-17,Harbour mug,19.90,EUR,12\n"
PAGES = (
    "/",
    "/clones",
    "/clones/1",
    "/scripts",
    "/scripts/1",
    "/rehearse",
    "/on-air",
    "/figures",
    "/settings",
    "/audit",
)
PLAYING = "(v => v.readyState >= 2 && v.currentTime > 0.2)(document.querySelector('.screen video'))"


class Server:
    """A studio that can be killed and started again on the same port."""

    def __init__(self, place: Path) -> None:
        self._place, self.port = place, free_port()
        self.start()

    def start(self) -> None:
        self.house: House = opened(self._place)
        app = made(self.house, ["127.0.0.1"], rate=Rate(1e6, 1e6))
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=0)
        self._server = uvicorn.Server(config)
        listener = socket.create_server(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        until(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self.house.close()

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def server(place: Path) -> Iterator[Server]:
    running = Server(place)
    yield running
    running.stop()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        opened_ = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened_
        opened_.close()


class Seen:
    """A page, and whatever its console complained of."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on(
            "console", lambda line: self.wrong.append(line.text) if "Content Security" in line.text else None
        )
        self.page.on("dialog", lambda dialog: dialog.accept())

    def until(self, true: str, limit: float = 60.0) -> None:
        """Wait for something to hold in the page (its policy lets Playwright's own waiting not be evaluated there)."""
        deadline = time.monotonic() + limit
        while not self._holds(true):
            assert time.monotonic() < deadline, f"{true}: {self.page.inner_text('main')[:2000]}"
            time.sleep(0.1)

    def _holds(self, true: str) -> bool:
        with suppress(Error):  # the page is being opened anew
            return bool(self.page.evaluate(true))
        return False


def come_in(server: Server, seen: Seen) -> None:
    seen.page.goto(server.url(f"/welcome/{server.house.first_link()}"))
    for name, words in (("name", "Ada"), ("password", PASSWORD), ("again", PASSWORD)):
        seen.page.fill(f"[name={name}]", words)
    seen.page.click("button.main")
    seen.page.wait_for_url(server.url("/"))


def be_away(seen: Seen, server: Server) -> None:
    """Take the studio down and up again, and see what the page says."""
    server.stop()
    seen.page.wait_for_selector("text=The studio does not answer.", timeout=30_000)
    server.start()
    seen.until("document.querySelector('[data-away]').hidden")


def make_clone(seen: Seen, server: Server, clip: Path) -> None:
    page = seen.page
    page.goto(server.url("/clones"))
    page.set_input_files("input[type=file]", clip)
    page.fill("[name=name]", "marie")
    page.click("text=Bring and check it")
    page.wait_for_url("**/clones/1")
    page.wait_for_selector("text=Film a minute.")
    page.fill("[name=presenter]", "Marie Test")
    page.check("[name=platforms][value=youtube]")
    page.check("[name=read]")
    page.click("form.form button.main")
    page.click("text=Begin the fit")
    page.wait_for_selector(".stages >> text=lips painter")
    be_away(seen, server)
    page.click("button[value=accepted]", timeout=60_000)
    assert server.house.jobs.one(2).again == 0, "the fit went on without the studio"
    page.wait_for_selector("text=Go on air")


def enter_output(seen: Seen, server: Server, address: str) -> None:
    page = seen.page
    page.goto(server.url("/settings"))
    page.fill("#outputs [name=name]", "here")
    page.fill("#outputs [name=address]", address)
    page.click("#outputs button.main")
    page.wait_for_selector("text=it is no allowed host")
    page.fill("textarea[name=hosts]", "youtube 127.0.0.1")
    with page.expect_navigation():
        page.click("#hosts button.main")
    page.fill("#outputs [name=name]", "here")
    page.fill("#outputs [name=address]", address)
    with page.expect_navigation():
        page.click("#outputs button.main")
    page.click("#outputs .row >> text=Test")
    page.wait_for_selector("text=It answers.")


def write_script(seen: Seen, server: Server, port: int) -> None:
    page = seen.page
    page.goto(server.url("/scripts"))
    page.fill("[name=name]", "Friday")
    page.click("text=Write it")
    page.wait_for_url("**/scripts/1")
    page.set_input_files("input[type=file]", {"name": "shop.csv", "mimeType": "text/csv", "buffer": SHOP})
    page.wait_for_selector(".row >> text=shop.csv")
    page.fill("textarea[name=text]", SCRIPT.format(port=port).replace("---\n\n#", "speed: 9\n---\n\n#", 1))
    page.click("text=Save and check")
    page.wait_for_selector("[data-line='5']")
    assert page.inner_text(".gutter .wrong") == "5"
    page.fill("textarea[name=text]", SCRIPT.format(port=port))
    page.click("text=Save and check")
    page.wait_for_selector("text=It may go on air.")


def say_in_chat(port: int, text: str) -> None:
    data = json.dumps([{"author": "Ann", "text": text}, {"viewers": 1240}]).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", data, {"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=10).read()


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or worse on a page."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    worst = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in worst]


def test_from_a_clip_to_a_show_that_is_received(
    server: Server, browser: Browser, plain_clip: Path, tmp_path: Path
) -> None:
    (server.house.folder / "fit.txt").write_text("40")
    seen = Seen(browser.new_context(locale="en-GB"))
    page, inlet = seen.page, free_port()
    folder = tmp_path / "nginx"
    folder.mkdir()
    come_in(server, seen)
    with Nginx(folder) as nginx:
        make_clone(seen, server, plain_clip)
        enter_output(seen, server, nginx.url("show"))
        write_script(seen, server, inlet)
        page.goto(server.url("/on-air"))
        page.check("[name=outputs]")
        page.click("button.air")
        page.wait_for_url("**/on-air/1")
        seen.until("document.querySelector('.lamp.live') !== null")
        seen.until(PLAYING)
        page.fill("#line", "Good evening.")
        page.press("#line", "Enter")
        page.wait_for_selector("text=It is said now.")
        seen.until("document.querySelector('#line').value === ''")
        seen.until("document.querySelector('.lines')?.textContent.includes('Good evening.')")
        say_in_chat(inlet, "How much is the Harbour mug?")
        seen.until("document.querySelector('.chat .answer')?.textContent.includes('19.90')")
        assert "⟨" not in page.inner_text(".chat .answer"), "pseudonyms are for machines"
        seen.until("document.querySelector('.side').textContent.includes('1240')")
        page.select_option("form:has([value=layout]) select", "news")
        page.click("form:has([value=layout]) button")
        page.wait_for_selector("text=The layout is news.")

        be_away(seen, server)
        seen.until("document.querySelector('.lamp.live') !== null")
        seen.until(PLAYING)

        page.click("button.end")
        page.wait_for_selector("text=Its figures", timeout=60_000)
        until(lambda: nginx.recordings("show"))
        assert nginx.recordings("show")[0].stat().st_size > 20_000
    page.click("text=Its figures")
    page.wait_for_selector(".badge.good >> text=whole")
    assert not seen.wrong

    for theme in ("light", "dark"):
        for path in (*PAGES, "/on-air/1"):
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            page.goto(server.url(path))
            assert not serious(page), (theme, path)
    page.context.clear_cookies()
    page.goto(server.url("/"))
    assert page.url == server.url("/sign-in") and not serious(page)
