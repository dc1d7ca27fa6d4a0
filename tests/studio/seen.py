"""The studio in a real browser: a server that can be killed, a page with what its console complains of."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Error, Page

from avatar_engine.studio.app import made
from avatar_engine.studio.house import House
from avatar_engine.studio.rates import Rate
from tests.servers import free_port, has_nginx
from tests.studio.conftest import PASSWORD, opened, until

CHROMIUM = shutil.which("chromium")
MISSING = not CHROMIUM or not has_nginx()
"""Whether there is no browser, or no server to send to (`.ci/servers`)."""

PLAYING = "(v => v.readyState >= 2 && v.currentTime > 0.2)(document.querySelector('.screen video'))"


class Server:
    """A studio that can be killed and started again on the same port."""

    def __init__(self, place: Path, opener: Callable[[Path], House] = opened) -> None:
        self._place, self._opener, self.port = place, opener, free_port()
        self.start()

    def start(self) -> None:
        self.house: House = self._opener(self._place)
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

    def until(self, true: str, limit: float = 120.0) -> None:
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


def say_in_chat(port: int, text: str) -> None:
    data = json.dumps([{"author": "Ann", "text": text}, {"viewers": 1240}]).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", data, {"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=10).read()


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or worse on a page."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    worst = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in worst]
