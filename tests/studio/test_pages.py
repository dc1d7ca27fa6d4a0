"""The whole way through the pages, in a real browser: from a clip to a show that a real server receives.

Fit and face are stand-ins; studio, jobs, show, broadcast, desk, chat, preview, nginx and Chromium are not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser
from websockets.sync.client import connect

from avatar_engine.media.read import sound
from tests.servers import Nginx, free_port
from tests.studio.conftest import WHISTLE, take_steps, until
from tests.studio.seen import MISSING, PLAYING, Seen, Server, come_in, say_in_chat, serious

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(300),
    pytest.mark.skipif(MISSING, reason="needs chromium, and nginx with RTMP: .ci/servers"),
]

SCRIPT = """---
language: en
catalogue: shop.csv
chat: [inlet:{port}]
microphone: on
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


@pytest.fixture
def server(place: Path) -> Iterator[Server]:
    running = Server(place)
    yield running
    running.stop()


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
    seen.until("document.querySelector('.growing img')?.naturalWidth > 0")
    first = page.get_attribute(".growing img", "src")
    be_away(seen, server)
    seen.until(
        f"(now => now && now !== '{first}')(document.querySelector('.growing img')?.getAttribute('src'))"
    )
    assert "left" in page.inner_text(".work header"), (
        "the time left is told by the studio that was started anew"
    )
    take_steps(server.house.folder, "1")  # enough was seen of it
    seen.until("document.querySelector('button[value=accepted]') !== null")
    page.click("button[value=accepted]")
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
    page.wait_for_selector("[data-line='6']")
    assert page.inner_text(".gutter .wrong") == "6"
    page.fill("textarea[name=text]", SCRIPT.format(port=port))
    page.click("text=Save and check")
    page.wait_for_selector("text=It may go on air.")


def take_the_microphone(seen: Seen, server: Server) -> None:
    """Speak through the presenter for a while, and give it back; meanwhile another technician gets none."""
    page, people = seen.page, server.house.people
    token = people.new_token(people.person(1), "another")
    page.click("text=Take the microphone")
    page.wait_for_selector("text=You are on air.")
    page.wait_for_selector(".state .badge.live >> text=microphone")
    seen.until("document.querySelector('[data-level]').value > 0.2")
    address = server.url("/api/v1/shows/1/mic.ws").replace("http", "ws")
    with connect(address, additional_headers={"Authorization": f"Bearer {token}"}) as line:
        assert "is taken" in json.loads(line.recv(timeout=20))["error"]
    time.sleep(2)
    page.click("[data-off]")
    page.wait_for_selector("text=It is off.")
    seen.until("!document.querySelector('.state').textContent.includes('microphone')")


def whistles(file: Path) -> float:
    """Seconds of a recording in which the technician's tone is by far the loudest."""
    heard = sound(file)
    pieces = heard[: len(heard) // 2400 * 2400].reshape(-1, 2400)  # a tenth of a second, 10 Hz a bin
    power = np.abs(np.fft.rfft(pieces * np.hanning(2400), axis=1)) ** 2
    at = round(WHISTLE / 10)
    loud = power[:, at - 2 : at + 3].sum(1) > 0.8 * power.sum(1) + 1e-6
    return float(loud.sum() / 10)


def test_from_a_clip_to_a_show_that_is_received(
    server: Server, browser: Browser, plain_clip: Path, tmp_path: Path
) -> None:
    take_steps(server.house.folder, "10000")
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
        page.wait_for_selector("#told .told")
        assert page.inner_text("#told") == "It is said now."
        seen.until("document.querySelector('#line').value === ''")
        seen.until("document.querySelector('.lines')?.textContent.includes('Good evening.')")
        say_in_chat(inlet, "How much is the Harbour mug?")
        seen.until("document.querySelector('.chat .answer')?.textContent.includes('19.90')")
        assert "⟨" not in page.inner_text(".chat .answer"), "pseudonyms are for machines"
        seen.until("document.querySelector('.side').textContent.includes('1240')")
        page.click("form:has([value=layout]) >> text=news")
        page.wait_for_selector("text=The layout is news.")
        take_the_microphone(seen, server)

        be_away(seen, server)
        seen.until("document.querySelector('.lamp.live') !== null")
        seen.until(PLAYING)

        page.click("button.end")
        page.wait_for_selector("text=Its figures", timeout=60_000)
        until(lambda: nginx.recordings("show"))
        whistled = whistles(nginx.recordings("show")[0])
        assert 1.5 < whistled < 30, f"the technician was heard for {whistled:.1f} s"
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
