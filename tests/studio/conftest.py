"""A studio on stand-ins, and people of every role who use it."""

from __future__ import annotations

import shutil
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import argon2
import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient

from avatar_engine.studio import processes
from avatar_engine.studio.app import made
from avatar_engine.studio.backup import DATABASE
from avatar_engine.studio.client import Client
from avatar_engine.studio.clones import Agreed
from avatar_engine.studio.database import Database
from avatar_engine.studio.house import House
from avatar_engine.studio.rates import Rate
from avatar_engine.trust import files
from tests.servers import free_port

QUICK = argon2.PasswordHasher.from_parameters(argon2.profiles.CHEAPEST)
WORK = (sys.executable, "-m", "tests.studio.job")
SHOW = (sys.executable, "-m", "tests.studio.on_air")
ROOT = Path(__file__).parents[2]
PASSWORD = "three good words"

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Wait = Callable[[Callable[[], object], float], None]


def until(true: Callable[[], object], limit: float = 30.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + limit
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def take_steps(folder: Path, steps: str) -> None:
    """Have the fit's stand-in take so many; one that runs finds the file whole whenever it looks."""
    files.write(folder / "fit.txt", steps.encode(), replace=True)


def opened(folder: Path) -> House:
    """A studio in a folder, with stand-ins for fits and shows."""
    return House(folder, SHOW, WORK, QUICK)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a test's studio is; whatever it began has ended when the test has."""
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "studio"
    folder.mkdir()
    take_steps(folder, "3")
    yield folder
    database = Database(folder / DATABASE)
    for row in database.rows("SELECT pid, born FROM jobs UNION SELECT pid, born FROM shows"):
        processes.end(row["pid"], row["born"])
    database.close()


@pytest.fixture
def house(place: Path) -> Iterator[House]:
    made_ = opened(place)
    yield made_
    made_.close()


WHISTLE = 1700.0
"""Hz of what the browser's microphone hears: a tone that no stand-in of a voice has."""


@pytest.fixture
def whistle(tmp_path: Path) -> Path:
    """What the browser's microphone hears, for ever."""
    file = tmp_path / "whistle.wav"
    at = np.arange(48_000) / 48_000
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, 48_000, 0, "NONE", ""))
        out.writeframes((16_000 * np.sin(2 * np.pi * WHISTLE * at)).astype("<i2").tobytes())
    return file


@pytest.fixture
def browser(whistle: Path) -> Iterator[Browser]:
    """Debian's Chromium, with a microphone and a camera that are none."""
    from playwright.sync_api import sync_playwright

    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    arguments = ["--no-sandbox", *fake, f"--use-file-for-fake-audio-capture={whistle}"]
    with sync_playwright() as driver:
        opened_ = driver.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        yield opened_
        opened_.close()


@pytest.fixture
def token(house: House) -> Callable[[str], str]:
    """A token of somebody of a role."""

    def of(role: str) -> str:
        person = house.people.accept(house.people.invite(role, "test"), f"{role} one", PASSWORD)
        return house.people.new_token(person, "test")

    return of


@pytest.fixture
def as_(house: House, token: Callable[[str], str]) -> Callable[[str], TestClient]:
    """The API as somebody of a role uses it."""
    app = made(house, rate=Rate(1e6, 1e6))

    def of(role: str) -> TestClient:
        return TestClient(
            app, headers={"authorization": f"Bearer {token(role)}"}, raise_server_exceptions=True
        )

    return of


def clone_of(house: House, clip: Path, name: str = "marie") -> int:
    """A clone that may go on air."""
    copy = house.folder / "uploads" / f"{name}.mp4"
    copy.write_bytes(clip.read_bytes())
    ident = house.clones.add(name, copy, "minute.mp4", "test")
    until(lambda: house.clones.one(ident).checked)
    agreed = Agreed("Marie Test", ["live-shopping"], ["en"], date.today() + timedelta(days=2), "A. Tester")
    house.clones.agree(ident, agreed)
    house.clones.fit(ident, 600, "en", "test")
    until(lambda: house.clones.one(ident).fitted and not house.clones.one(ident).jobs["fit"].open)
    house.clones.decide(ident, "accepted")
    return ident


@pytest.fixture
def served(house: House) -> Iterator[str]:
    """Its address, while a real server serves it."""
    port = free_port()
    config = uvicorn.Config(
        made(house, ["127.0.0.1"], rate=Rate(1e6, 1e6)), port=port, log_config=None, lifespan="off",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def client(served: str, token: Callable[[str], str]) -> Iterator[Client]:
    """The Python client of a technician."""
    with Client(served, token("technician")) as line:
        yield line
