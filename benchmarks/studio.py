"""How fast the studio console is: its first page, its preview, and a typed line in the rehearsal room.

    python benchmarks/studio.py june.avatar minute.mp4 --shots docs/studio

A studio of its own is made in a temporary folder, with a clone whose clip and avatar are given. Chromium (Debian's)
is driven through it:

- **first page**: seconds from the request to the `load` event after signing in, without and with a warm cache; bytes.
- **answers**: milliseconds of the server for each page, the mean of ten.
- **preview**: milliseconds from the moment at which a picture leaves the broadcast's own port to the moment at which
  the browser shows it, median and 95th percentile over ten seconds. The broadcast adds the encoder's delay.
- **line**: seconds from the order of a line to its first sample on air, as the show's journal tells.

With ``--shots`` every page is photographed in both themes, the desk with a show on air that was asked something.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from websockets.sync.client import connect

from avatar_engine.bundle import Bundle
from avatar_engine.cli import takeover
from avatar_engine.studio.app import made
from avatar_engine.studio.house import House
from avatar_engine.studio.rates import Rate

PASSWORD = "three good words"
SCRIPT = """---
language: en
catalogue: shop.csv
chat: [inlet:{port}]
microphone: on
---

# Opening

Hello and welcome to our little shop!

<!-- chat 600s -->

# The mug {{product=M-17}}

{{name}} costs {{price}}.
"""
SHOP = "id,name,price,currency,stock\nM-17,Harbour mug,19.90,EUR,12\n"
PAGES = {
    "overview": "/", "clones": "/clones", "clone": "/clones/1", "scripts": "/scripts", "script": "/scripts/1",
    "rehearse": "/rehearse", "on-air": "/on-air", "figures": "/figures", "settings": "/settings", "audit": "/audit",
    "record": "/record",
}  # fmt: skip
SHOTS = """(() => { window.__shown = []; const v = document.querySelector('.screen video');
const note = (now, frame) => {
window.__shown.push([performance.timeOrigin + frame.expectedDisplayTime, frame.mediaTime]);
v.requestVideoFrameCallback(note); }; v.requestVideoFrameCallback(note); })()"""


class Tap(threading.Thread):
    """What leaves the broadcast's preview port, and when: the time of every picture."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self.pictures: dict[int, float] = {}
        self.keys: list[tuple[float, int]] = []

    def run(self) -> None:
        with connect(f"ws://127.0.0.1:{self._port}/live.ws", max_size=None, compression=None) as line:
            head = line.recv()
            assert isinstance(head, bytes)
            at = 13  # the file's own head, before its first tag
            while at < len(head):
                size = 11 + int.from_bytes(head[at + 1 : at + 4]) + 4
                self._take(head[at : at + size], time.time())
                at += size
            for tag in line:
                assert isinstance(tag, bytes)
                self._take(tag, time.time())

    def _take(self, tag: bytes, now: float) -> None:
        kind, stamp = tag[0], int.from_bytes(tag[4:7]) | tag[7] << 24
        if kind == 9 and tag[12] == 1:
            self.pictures.setdefault(stamp, now)
            if tag[11] >> 4 == 1:
                self.keys.append((now, stamp))


@contextmanager
def studio(folder: Path, avatar: Path, clip: Path) -> Iterator[tuple[str, House, int]]:
    """A studio with a clone, served; its address, and the port at which its show hears a chat."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        inlet = int(probe.getsockname()[1])
    house = House(folder, takeover.launch())
    copy = folder / "uploads" / "clip.mp4"
    shutil.copy(clip, copy)
    ident = house.clones.add(avatar.stem, copy, clip.name, "benchmark")
    place = house.clones.folder(ident)
    (place / "consent.toml").write_text(
        str(Bundle.open(avatar, verify=False).consent["text"]), encoding="utf-8"
    )
    shutil.copy(avatar, place / avatar.name)
    for kind in ("html", "json"):
        report = avatar.with_suffix(f".report.{kind}")
        if report.exists():
            shutil.copy(report, place / report.name)
    while house.jobs.listed()[0].open:
        time.sleep(0.5)
    house.clones.decide(ident, "accepted")
    house.outputs.allow(["youtube", "twitch", "127.0.0.1"])
    house.outputs.add("YouTube", "rtmps://a.rtmps.youtube.com/live2", "Ada", "key")
    house.outputs.add("Studio relay", "rtmp://127.0.0.1/live", "Ada", "key")
    script = house.scripts.add("Friday evening", SCRIPT.format(port=inlet), "Ada")
    shop = folder / "uploads" / "shop.csv"
    shop.write_text(SHOP, encoding="utf-8")
    house.scripts.attach(script, shop, "shop.csv")
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        made(house, rate=Rate(1e6, 1e6)), log_config=None, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", house, inlet
    finally:
        server.should_exit = True
        thread.join(10)
        house.close()


def come_in(browser: Browser, address: str, house: House) -> Page:
    """A page of an admin."""
    context = browser.new_context(viewport={"width": 1360, "height": 850}, locale="en-GB")
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{address}/welcome/{house.first_link()}")
    for name, words in (("name", "Ada"), ("password", PASSWORD), ("again", PASSWORD)):
        page.fill(f"[name={name}]", words)
    page.click("button.main")
    page.wait_for_url(f"{address}/")
    return page


def first_page(browser: Browser, page: Page, address: str) -> dict[str, float]:
    """How long the first page takes, and how large it is."""
    state = page.context.storage_state()
    fresh = browser.new_context(storage_state=state).new_page()
    times = []
    for _ in range(6):
        fresh.goto(address)
        times.append(
            fresh.evaluate(
                "(t => t.loadEventEnd - t.startTime)(performance.getEntriesByType('navigation')[0])"
            )
        )
    size = fresh.evaluate(
        "performance.getEntriesByType('navigation')[0].decodedBodySize + "
        "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.decodedBodySize, 0)"
    )
    fresh.context.close()
    return {"cold_ms": times[0], "warm_ms": float(np.median(times[1:])), "kilobytes": size / 1e3}


def answers(page: Page, address: str) -> dict[str, float]:
    """Milliseconds of the server for each page."""
    took = {}
    for name, path in PAGES.items():
        began = time.perf_counter()
        for _ in range(10):
            assert page.request.get(address + path).ok
        took[name] = (time.perf_counter() - began) * 100
    return took


def room(page: Page, address: str, house: House) -> dict[str, float]:
    """The rehearsal room: its preview's delay, and a line's."""
    page.goto(f"{address}/rehearse")
    began = time.time()
    page.click("text=Open the room")
    page.wait_for_url("**/on-air/*")
    ident = int(page.url.rpartition("/")[2])
    while house.shows.one(ident).state != "on air":
        time.sleep(0.2)
        assert house.shows.one(ident).open, house.shows.one(ident).error
    tap = Tap(house.shows.one(ident).preview)
    tap.start()
    time.sleep(3)
    joined: list[float] = []
    page.on("websocket", lambda line: joined.append(time.time()))
    page.reload()
    while not page.evaluate(
        "(v => v.readyState >= 3 && v.currentTime > 1)(document.querySelector('.screen video'))"
    ):
        time.sleep(0.1)
    picture = time.time() - began
    page.evaluate(SHOTS)
    time.sleep(10)
    base = next(stamp for at, stamp in tap.keys if at >= joined[-1])
    shown = page.evaluate("window.__shown")
    delays = [
        at - 1e3 * tap.pictures[stamp]
        for at, media in shown
        if (stamp := base + round(media * 25) * 40) in tap.pictures
    ]
    try:
        journal = house.shows.journal(house.shows.one(ident))
        assert journal is not None
        lines = [line(page, journal) for _ in range(3)]
        status = house.shows.one(ident).status
    finally:
        house.shows.stop(ident)
    return {
        "open_to_picture_s": picture, "preview_ms_median": float(np.median(delays)),
        "preview_ms_p95": float(np.percentile(delays, 95)), "pictures": len(delays), "line_s": float(np.median(lines)),
        "fps": float(status["fps"]), "late": float(status["late"]),
    }  # fmt: skip


def line(page: Page, journal: Path) -> float:
    """Seconds from the order of a line to its first sample on air, as the show's own journal tells; nan after 90 s."""

    def entries() -> list[dict[str, Any]]:
        return [
            json.loads(one) for one in journal.read_text(encoding="utf-8").splitlines() if one.endswith("}")
        ]

    known, limit = len(entries()), time.monotonic() + 90
    page.fill("#line", "Good evening, and welcome to the show.")
    page.click("text=Say now")
    while time.monotonic() < limit:
        fresh = entries()[known:]
        said = [one["number"] for one in fresh if one["event"] == "say" and one["source"] == "technician"]
        heard = [one["at"] for one in fresh if one["event"] == "heard" and one["number"] in said]
        if heard:
            return float(heard[0] - next(one["at"] for one in fresh if one["event"] == "order"))
        time.sleep(0.2)
    return float("nan")


def desk(page: Page, address: str, house: House, inlet: int, folder: Path) -> None:
    """The desk of a show that is on air, and was asked something."""
    page.goto(f"{address}/on-air")
    page.click("button.air")
    page.wait_for_url("**/on-air/*")
    ident = int(page.url.rpartition("/")[2])
    try:
        while not page.evaluate("(document.querySelector('.screen video')?.currentTime || 0) > 1"):
            time.sleep(0.5)
            assert house.shows.one(ident).open, house.shows.one(ident).error
        asked = [{"author": "Ann", "text": "How much is the Harbour mug?"}, {"viewers": 1240}]
        ask = urllib.request.Request(
            f"http://127.0.0.1:{inlet}/", json.dumps(asked).encode(), {"content-type": "application/json"}
        )
        urllib.request.urlopen(ask, timeout=60).read()
        time.sleep(12)
        photograph(page, address, folder, {"desk": f"/on-air/{ident}"}, 6)
    finally:
        house.shows.stop(ident)


def photograph(page: Page, address: str, folder: Path, names: dict[str, str], settles: float = 1.5) -> None:
    """Pages in both themes, small; each ``settles`` for some seconds first."""
    folder.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for name, path in names.items():
            page.goto(address + path)
            time.sleep(settles)
            page.screenshot(path="shot.png")
            Image.open("shot.png").convert("RGB").resize((1088, 680), Image.Resampling.LANCZOS).save(
                folder / f"{name}-{theme}.webp", quality=55, method=6
            )
    Path("shot.png").unlink()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("avatar", type=Path)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--shots", type=Path, help="photograph every page into this folder")
    parser.add_argument("--no-room", action="store_true", help="leave the rehearsal room out")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        studio(Path(folder) / "s", asked.avatar, asked.clip) as (address, house, inlet),
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = come_in(browser, address, house)
        found: dict[str, Any] = {
            "first page": first_page(browser, page, address),
            "answers ms": answers(page, address),
        }
        if not asked.no_room:
            found["room"] = room(page, address, house)
        if asked.shots:
            desk(page, address, house, inlet, asked.shots)
            photograph(page, address, asked.shots, PAGES)
        browser.close()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
