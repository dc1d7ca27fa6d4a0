"""The whole way with a clone that speaks: from the clip in the browser to a show that a real server receives.

Check, consent, matte, voice, lips, chat, backgrounds, broadcast, nginx and Chromium are real; the fit adopts the clone
that was drawn for all of these tests (`tests.studio.adopted`), for it takes minutes.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from avatar_engine.media.read import sound
from avatar_engine.studio.house import House
from tests.drawn import cloned
from tests.servers import Nginx, free_port
from tests.studio.conftest import QUICK, until
from tests.studio.seen import MISSING, PLAYING, Seen, Server, come_in, say_in_chat

pytestmark = [
    pytest.mark.server,
    pytest.mark.weights,
    pytest.mark.timeout(900),
    pytest.mark.skipif(MISSING, reason="needs chromium, and nginx with RTMP: .ci/servers"),
]

SCRIPT = """---
language: en
catalogue: shop.csv
chat: [inlet:{port}]
---

# Opening

Good evening, and welcome.

<!-- chat 600s -->
"""
SHOP = b"id,name,price,currency,stock\nM-17,Harbour mug,19.90,EUR,12\n"
GREEN = (20, 160, 60)
"""The picture that the presenter is put before."""

CORNER = """(() => { const v = document.querySelector('.screen video'), c = document.createElement('canvas');
c.width = 16; c.height = 9; const see = c.getContext('2d'); see.drawImage(v, 0, 0, 16, 9);
return [...see.getImageData(0, 2, 1, 1).data].slice(0, 3); })()"""


def real(place: Path) -> House:
    """A studio whose jobs and shows are real."""
    command = (sys.executable, "-m", "tests.studio.adopted")
    return House(place, (*command, "show"), (*command, "job"), QUICK)


@pytest.fixture
def drawn(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the drawn presenter's clip and clone are."""
    folder = cloned(Path(os.environ.get("AVATAR_ENGINE_DRAWN") or tmp_path_factory.mktemp("drawn")))
    monkeypatch.setenv("AVATAR_ENGINE_DRAWN", str(folder))
    return folder


@pytest.fixture
def server(place: Path, drawn: Path) -> Iterator[Server]:
    running = Server(place, real)
    yield running
    running.stop()


def make_clone(page: Page, server: Server, clip: Path) -> None:
    """Bring the clip, sign, fit, accept, and cut the presenter out."""
    page.goto(server.url("/clones"))
    page.set_input_files("input[type=file]", clip)
    page.fill("[name=name]", "june")
    page.click("text=Bring and check it")
    page.wait_for_url("**/clones/1")
    page.wait_for_selector("text=What the check says", timeout=240_000)
    assert page.inner_text("main").count("could be better") >= 1, "a clip of forty seconds is short"
    page.fill("[name=presenter]", "June Drawn")
    page.check("[name=languages][value=en]")
    page.check("[name=platforms][value=youtube]")
    page.check("[name=read]")
    page.click("form.form button.main")
    page.click("text=Begin the fit")
    page.click("button[value=accepted]", timeout=120_000)
    page.click("text=Cut out for other backgrounds")
    page.wait_for_selector(".tiles .good >> text=yes", timeout=240_000)


def make_ready(page: Page, server: Server, goal: str, port: int) -> None:
    """An output, a background, a script with its shop."""
    server.house.outputs.allow(["127.0.0.1"])
    page.goto(server.url("/settings"))
    page.fill("#outputs [name=name]", "here")
    page.fill("#outputs [name=address]", goal)
    with page.expect_navigation():
        page.click("#outputs button.main")
    picture = io.BytesIO()
    Image.new("RGB", (640, 360), GREEN).save(picture, "PNG")
    green = {"name": "green.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    page.set_input_files("#backgrounds input[type=file]", green)
    page.wait_for_selector("#backgrounds .row >> text=green.png")
    page.goto(server.url("/scripts"))
    page.fill("[name=name]", "Friday")
    page.click("text=Write it")
    page.wait_for_url("**/scripts/1")
    page.set_input_files("input[type=file]", {"name": "shop.csv", "mimeType": "text/csv", "buffer": SHOP})
    page.wait_for_selector(".row >> text=shop.csv")
    page.fill("textarea[name=text]", SCRIPT.format(port=port))
    page.click("text=Save and check")
    page.wait_for_selector("text=It may go on air.")


def test_a_clip_becomes_a_host_who_answers_before_another_background(
    server: Server, browser: Browser, drawn: Path, tmp_path: Path
) -> None:
    seen = Seen(browser.new_context(locale="en-GB"))
    page, inlet, folder = seen.page, free_port(), tmp_path / "nginx"
    folder.mkdir()
    come_in(server, seen)
    make_clone(page, server, drawn / "minute.mp4")
    with Nginx(folder) as nginx:
        make_ready(page, server, nginx.url("show"), inlet)
        page.goto(server.url("/on-air"))
        page.check("[name=outputs]")
        page.click("button.air")
        page.wait_for_url("**/on-air/1")
        seen.until("document.querySelector('.lamp.live') !== null", 180)
        seen.until(PLAYING)
        before = page.evaluate(CORNER)
        say_in_chat(inlet, "How much is the Harbour mug?")
        seen.until("document.querySelector('.chat .answer')?.textContent.includes('19.90')")
        page.click(".chips >> text=green.png")
        page.wait_for_selector("text=The background is green.png.")
        seen.until(f"(([r, g, b]) => Math.abs(r - {GREEN[0]}) + Math.abs(g - {GREEN[1]}) < 60)({CORNER})")
        assert np.abs(np.array(before) - GREEN).sum() > 100, "it was another before"
        seen.until("document.querySelector('.chat .answered') !== null")
        time.sleep(2)
        page.click("button.end")
        page.wait_for_selector("text=Its figures", timeout=60_000)
        until(lambda: nginx.recordings("show"))
        received = nginx.recordings("show")[0]
    assert not seen.wrong
    corners = corners_of(received)
    assert np.abs(corners[0] - before).max() < 60 and np.abs(corners[-1] - GREEN).max() < 40
    assert np.abs(sound(received)).max() > 0.05, "it was answered aloud"


def corners_of(file: Path) -> list[np.ndarray]:
    """The upper left of the first and the last picture of a recording, RGB."""
    with av.open(str(file)) as container:
        shown = list(container.decode(video=0))
    pictures = (shown[0], shown[-1])
    return [one.to_ndarray(format="rgb24")[70:90, 5:35].mean((0, 1)) for one in pictures]
