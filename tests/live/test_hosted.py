"""A hosted show on air and in rehearsal: journal, desk, and the same show again."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from avatar_engine.broadcast.ring import FrameRing
from avatar_engine.cli import main as command_line
from avatar_engine.cli import microphone
from avatar_engine.contracts import Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.live import performer, rehearsal, renderer_process, renderers, studio
from avatar_engine.live.calls import CALLED
from avatar_engine.live.desk import send
from avatar_engine.live.hosted import Hosting, OnAirClock, about
from avatar_engine.live.show import ShowStatus, run
from avatar_engine.media.picture import planes
from avatar_engine.media.read import frame_count, frames, sound
from avatar_engine.show.journal import Journal, read, script_of
from avatar_engine.show.journal import heard as heard_of
from avatar_engine.show.producer import Studio
from avatar_engine.show.script import Script, parse
from avatar_engine.stage.overlay import STEPS
from avatar_engine.trust import register
from avatar_engine.trust.audit import verify
from avatar_engine.trust.said import records as records_of
from tests.live import fakes
from tests.live.test_faults import WHOLE, likeness
from tests.live.voices import tone
from tests.servers import free_port
from tests.show.test_producer import Asked, Chat, Hosts

SCRIPT = """---
pause: 200ms
---
# One {for=3s}

{abc|bcd|cde}.

<!-- chat 2s -->

efg.

# Two {#two asked}

klm.
"""

MANNER = """---
language: fr
label: bottom-left
expression: serious
nods: off
use: advertising
look: blue-dress
advertising: yes
---
Bonjour.
"""


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A home with room for a socket's path."""
    with tempfile.TemporaryDirectory(prefix="ae") as home:
        monkeypatch.setenv("XDG_RUNTIME_DIR", home)
        yield


def furnish(script: Script, file: Path, journal: Journal, clock: Callable[[], float]) -> Studio:
    chat = Chat()
    chat.waiting.append(Asked("how much?"))
    return Studio(journal=journal, chat=chat, hosts=Hosts())


def said(path: Path) -> list[str]:
    return [str(entry["text"]) for entry in read(path) if entry["event"] == "say"]


def script(folder: Path) -> Path:
    (folder / "s.md").write_text(SCRIPT)
    return folder / "s.md"


def test_a_rehearsal_is_the_same_for_the_same_seed_and_can_be_played_again(
    avatar: Callable[..., Path], tmp_path: Path
) -> None:
    bundle, shows, places = avatar(), [], []
    for number, seed in enumerate((1, 1, 2)):
        notes, film = tmp_path / f"{number}.jsonl", tmp_path / f"{number}.mp4"
        rehearsal.rehearse(
            bundle, script(tmp_path), film, Hosting(furnish, seed, notes=notes), size=(320, 180)
        )
        shows.append(sound(film))
        places.append(notes)
    assert np.array_equal(shows[0], shows[1])
    assert said(places[0]) == said(places[1]) and said(places[0])[:2] == ["answer 1.", "More."]
    again = tmp_path / "again.mp4"
    made = rehearsal.replay(bundle, places[0], again, size=(320, 180))
    assert np.array_equal(sound(again), shows[0]) and made.seconds == frame_count(again) / 25
    assert said(places[2]) != said(places[0])
    records = [of_presenter(path) for path in records_of(register.consents()[0])]
    assert [record[0]["what"] for record in records] == ["rehearse"] * 3 + ["replay"]
    for record, notes in zip(records, [*places, places[0]], strict=True):
        assert [entry["text"] for entry in record if entry["event"] == "say"] == said(notes)


def of_presenter(path: Path) -> list[Mapping[str, Any]]:
    """What a presenter's record tells, its chain being whole."""
    told: list[Mapping[str, Any]] = []
    assert verify(path, told.append).broken is None
    return told


def test_a_technicians_words_are_heard_within_a_second_and_the_cut_line_again(
    avatar: Callable[..., Path], tmp_path: Path
) -> None:
    long = "".join("abcdefghijklmnopqrstuvwxyz"[n * 7 % 26] for n in range(60))
    path = tmp_path / "long.md"
    path.write_text(f"---\npause: 200ms\n---\n{long}.\n\n<!-- chat 1s -->\n")
    ordered: list[tuple[int, str]] = []
    stop = threading.Event()

    def watch(status: ShowStatus) -> None:
        if status.speaking and status.frames > 50 and not ordered:
            ordered.append((status.frames, ""))
            threading.Thread(
                target=lambda: ordered.append((0, send("test-1", "say", "azbyzaybz"))), daemon=True
            ).start()
        if status.place >= 1 and ordered:
            stop.set()

    notes, record = tmp_path / "j.jsonl", tmp_path / "r.mp4"
    run(
        avatar(), path, [str(record)], size=(320, 180),
        hosting=Hosting(desk="test-1", notes=notes, audit=tmp_path / "audit.jsonl"), on_status=watch, stop=stop,
    )  # fmt: skip
    assert ordered[1][1] == "It is said now."
    assert said(notes)[:3] == [f"{long}.", "azbyzaybz", f"{long}."]
    heard = sound(record)
    words = tone("azbyzaybz")
    at = int(np.correlate(heard, words, "valid").argmax())
    assert 0 < at / 24_000 - ordered[0][0] / 25 < 1.6, "a status is half a second old at most"
    assert likeness(heard, "azbyzaybz") > WHOLE and likeness(heard[at:], long) > WHOLE
    told = read(notes)
    number = next(one["number"] for one in told if one["event"] == "say" and one["text"] == "azbyzaybz")
    aired = next(one for one in told if one["event"] == "heard" and one["number"] == number)
    assert aired["at"] == pytest.approx(at / 24_000, abs=0.25), "when it went out, as the recording says"
    assert aired["until"] - aired["at"] == pytest.approx(len(words) / 24_000, abs=0.1)
    shown: list[Mapping[str, Any]] = []
    found = verify(tmp_path / "audit.jsonl", shown.append)
    assert found.broken is None and found.ended and found.name == "test-1" and found.signers
    order = next(one for one in shown if one["event"] == "order")
    assert (order["order"], order["text"], order["done"]) == ("say", "azbyzaybz", "It is said now.")
    assert f"process {os.getpid()}" in order["by"]


def test_an_action_called_from_the_desk_comes_again_in_a_replay_at_the_same_frame(
    avatar: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "".join("abcdefghijklmnopqrstuvwxyz"[n * 7 % 26] for n in range(60))
    path = tmp_path / "long.md"
    path.write_text(f"---\npause: 200ms\n---\n{long}.\n\n<!-- chat 4s -->\n")
    bundle, ordered, at, stop = avatar(), list[str](), list[int](), threading.Event()
    monkeypatch.setattr("avatar_engine.live.looks.names", lambda bundle: ["wave"])
    monkeypatch.setattr(renderer_process, "load_performer", fakes.load_waving)
    monkeypatch.setattr(performer, "load", fakes.load_waving)

    def watch(status: ShowStatus) -> None:
        if status.speaking and status.frames > 50 and not ordered:
            ordered.append(send("test-1", "do", "wave"))
            at.append(status.frames)
        if ordered and status.frames > at[0] + 3 * CALLED:
            stop.set()

    notes, record, again = tmp_path / "j.jsonl", tmp_path / "r.mp4", tmp_path / "again.mp4"
    hosting = Hosting(desk="test-1", notes=notes)
    run(bundle, path, [str(record)], size=(320, 180), hosting=hosting, on_status=watch, stop=stop)
    rehearsal.replay(bundle, notes, again, size=(320, 180))
    assert ordered == ["'wave' begins with the next moment that leads into it."]
    told = [one for one in read(notes) if one["event"] == "action"]
    number = next(one["number"] for one in read(notes) if one["event"] == "say")
    assert [(one["action"], one["number"]) for one in told] == [("wave", number)]
    live, film = (waving(video) for video in (record, again))
    assert film == list(range(film[0], film[0] + CALLED))
    heard = [words_before(video, first[0], long) for video, first in ((record, live), (again, film))]
    assert heard == [told[0]["frame"] + 1] * 2, "what is known of a frame moves the next one"


def waving(video: Path) -> list[int]:
    """The pictures in which the presenter waves."""
    shown = enumerate(frames(video, format="yuv420p"))
    return [number for number, picture in shown if planes(picture)[0].mean() > 150]


def words_before(video: Path, picture: int, words: str) -> int:
    """How many frames of the words are heard before a picture, by the last of them: half a second."""
    part = sound(video)[(picture - 12) * 960 : picture * 960]
    return round(np.correlate(tone(words), part, "valid").argmax() / 960) + 12


def hum(seconds: float, pitch: float = 500.0, rate: int = 16_000) -> bytes:
    at = np.arange(round(seconds * rate)) / rate
    return (6000 * np.sin(2 * np.pi * pitch * at)).astype("<i2").tobytes()


def test_a_technicians_own_voice_is_on_air_and_the_cut_line_comes_again(
    avatar: Callable[..., Path], tmp_path: Path
) -> None:
    """The real desk, the command line's end, a pipe as from a recorder, the real process and encoder."""
    long = "".join("abcdefghijklmnopqrstuvwxyz"[n * 7 % 26] for n in range(60))
    path = tmp_path / "long.md"
    path.write_text(f"---\npause: 200ms\nmicrophone: on\n---\n{long}.\n\n<!-- chat 1s -->\n")
    stop, seen, told, refused = threading.Event(), list[ShowStatus](), list[str](), list[str]()
    ours, theirs = os.pipe()

    def record() -> None:
        """As ``arecord -t raw`` does: 50 ms at a time, for three seconds, and then it breaks off."""
        for _ in range(60):
            os.write(theirs, hum(0.05))
            time.sleep(0.05)
        os.close(theirs)

    def technician() -> None:
        threading.Thread(target=record, daemon=True).start()
        microphone.speak("test-1", microphone.source_of("-", 16_000, 1), told.append, ours)

    def watch(status: ShowStatus) -> None:
        ready = status.microphone_pid and status.speaking and status.frames > 50
        if ready and not seen:
            threading.Thread(target=technician, daemon=True).start()
        if ready or seen:
            seen.append(status)
        if status.microphone and not refused:
            try:
                refused.append(send("test-1", "say", "now"))
            except AvatarError as error:
                refused.append(error.what)
        if status.place >= 1:
            stop.set()

    notes, file = tmp_path / "j.jsonl", tmp_path / "r.mp4"
    run(
        avatar(), path, [str(file)], size=(320, 180), hosting=Hosting(desk="test-1", notes=notes),
        on_status=watch, stop=stop,
    )  # fmt: skip
    os.close(ours)
    on = [status for status in seen if status.microphone]
    assert told[0].startswith("The microphone is on: a stream") and "is off: it ended" in told[-1]
    assert refused == ["The microphone is on (a stream)."], "nothing is said in between"
    assert 0 < min(status.microphone_ms for status in on) < 1500 and not seen[-1].microphone
    events = [entry for entry in read(notes) if entry["event"] in ("microphone", "say")]
    assert [entry.get("on", entry.get("text")) for entry in events[:4]] == [
        f"{long}.",
        True,
        False,
        f"{long}.",
    ]
    heard = sound(file)
    spectrum = np.abs(np.fft.rfft(heard[: len(heard) // 2400 * 2400].reshape(-1, 2400), axis=1))
    hums = np.flatnonzero(
        (spectrum.argmax(1) == 50) & (np.abs(spectrum).max(1) > 50)
    )  # 500 Hz, which is no letter
    assert 15 <= len(hums) <= 45, "about three seconds of it, as far as this machine keeps up"
    assert hums[0] / 10 - seen[0].on_air < 5.0, "soon, even on a machine that has no time"
    assert likeness(heard[hums[-1] * 2400 :], long) > WHOLE
    assert sum(isinstance(item, Utterance) and item.text == f"{long}." for item in heard_of(read(notes))) == 1


def test_a_journal_that_can_not_be_written_is_told_before_the_show(
    avatar: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(AvatarError, match="journal"):
        run(
            avatar(),
            script(tmp_path),
            [str(tmp_path / "r.mp4")],
            hosting=Hosting(notes=tmp_path / "none" / "j"),
        )


def test_a_port_that_is_taken_is_told_before_anything_is_on_air(
    avatar: Callable[..., Path], tmp_path: Path
) -> None:
    show = script(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        show.write_text(show.read_text().replace("pause: 200ms", f"pause: 200ms\nchat: inlet:{port}"))
        with pytest.raises(AvatarError, match=f"cannot listen on port {port}"):
            run(avatar(), show, [str(tmp_path / "r.mp4")], hosting=Hosting(studio.furnished))
    assert not list(tmp_path.glob("r*"))


def test_the_command_line_tells_of_a_port_that_is_taken_and_ends(
    avatar: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    show, video = script(tmp_path), tmp_path / "r.mp4"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        show.write_text(show.read_text().replace("pause: 200ms", f"pause: 200ms\nchat: inlet:{port}"))
        arguments = ["avatar-engine", "live", str(avatar()), "--script", str(show), "--record", str(video)]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as left:
            command_line.main()
    told = " ".join(capfd.readouterr().err.split())
    assert left.value.code == 2 and not video.exists()
    assert f"Error: The inlet cannot listen on port {port}" in told and "Choose another port" in told


def test_a_show_tells_how_its_chats_stand_and_hears_its_inlet(
    avatar: Callable[..., Path], tmp_path: Path
) -> None:
    show, port, seen = script(tmp_path), free_port(), list[ShowStatus]()
    chats = f"chat: [inlet:{port}, irc:127.0.0.1:6667/#shop]"
    show.write_text(show.read_text().replace("pause: 200ms", f"pause: 200ms\n{chats}"))
    posted = threading.Event()

    def watch(status: ShowStatus) -> None:
        seen.append(status)
        if not posted.is_set():
            posted.set()
            httpx2.post(f"http://127.0.0.1:{port}/", json={"author": "Ann", "text": "how much?"})

    notes = tmp_path / "j.jsonl"
    hosting = Hosting(studio.furnished, notes=notes)
    last = run(
        avatar(), show, [str(tmp_path / "r.mp4")], size=(320, 180), seconds=4.0, hosting=hosting, on_status=watch
    )  # fmt: skip
    by_name = {chat.source: chat for chat in last.chats}
    assert by_name[f"inlet:{port}"].state == "connected" and by_name[f"inlet:{port}"].messages == 1
    assert by_name["irc"].state == "away" and "refused" in by_name["irc"].why.lower()
    told = [entry for entry in read(notes) if entry["event"] == "chat"]
    assert sum(entry["state"] == "away" and entry["source"] == "irc" for entry in told) == 1
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        try:
            return socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the port is not given back")


def test_who_asks_after_the_end_gets_the_last_moment() -> None:
    ring = FrameRing.make(64, 36, 4)
    clock = OnAirClock(ring)
    ring.next = 50
    assert clock() == 2.0
    ring.discard()
    assert clock() == 2.0


def test_what_a_show_opened_is_closed_with_it(avatar: Callable[..., Path], tmp_path: Path) -> None:
    closed: list[str] = []

    def furnish(script: Script, file: Path, journal: Journal, clock: Callable[[], float]) -> Studio:
        return Studio(journal=journal, close=lambda: closed.append("chat"))

    rehearsal.rehearse(avatar(), script(tmp_path), tmp_path / "o.mp4", Hosting(furnish), size=(320, 180))
    assert closed == ["chat"]


SHOP = "id,name,price,was\nm,Mug,12.50 €,19 €\nn,Lamp,20 €,\n"
SOLD = """---
catalogue: shop.csv
notice: once
pause: 200ms
---
abcd.

# The mug {product=m}

bcda, cdab.

# No product

dabc.

# The lamp {product=n}

acbd, cadb.
"""
SOME = (640, 360)


def sold(folder: Path, text: str = SOLD) -> Path:
    (folder / "shop.csv").write_text(SHOP)
    (folder / "sold.md").write_text(text)
    return folder / "sold.md"


def carded(film: Path) -> list[bool]:
    """Whether a card is seen, picture by picture: the stand-in's body is grey."""
    seen = []
    for picture in frames(film, format="yuv420p"):
        low = planes(picture)[0][SOME[1] // 2 :]
        seen.append(bool((low > 220).mean() > 0.02))
    return seen


def test_cards_are_seen_in_a_rehearsal_while_their_product_is_heard_and_in_its_replay(
    avatar: Callable[..., Path], tmp_path: Path
) -> None:
    film, again, notes = tmp_path / "o.mp4", tmp_path / "again.mp4", tmp_path / "j.jsonl"
    bundle, hosting = avatar(), Hosting(studio.rehearsed, notes=notes)
    rehearsal.rehearse(bundle, sold(tmp_path), film, hosting, size=SOME)
    told = [
        (entry["event"], entry.get("product"), entry["at"])
        for entry in read(notes)
        if "card" in entry["event"]
    ]
    assert [one[:2] for one in told] == [("card", "m"), ("card gone", None), ("card", "n")]
    seen, shown, gone, last = carded(film), *(round(at * 25) for _, _, at in told)
    assert not any(seen[:shown]) and all(seen[shown + STEPS : gone])
    assert not any(seen[gone + STEPS : last]) and all(seen[last + STEPS :])
    heard = sound(film)
    first = int(np.abs(np.correlate(heard, tone("bcda"), "valid")).argmax()) // 960
    assert abs(first - shown) <= 1, "on the frame on which the first sentence about it is heard"
    rehearsal.replay(bundle, notes, again, size=SOME)
    pairs = zip(frames(film, format="yuv420p"), frames(again, format="yuv420p"), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    off = tmp_path / "off.mp4"
    plain = sold(tmp_path, SOLD.replace("notice: once", "notice: once\ncard: off"))
    rehearsal.rehearse(bundle, plain, off, Hosting(studio.rehearsed, notes=notes), size=SOME)
    assert not any(carded(off)) and not [entry for entry in read(notes) if "card" in entry["event"]]


def test_on_air_the_card_is_there_again_after_a_renderer_died_and_a_technician_may_change_it(
    avatar: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renderers, "SPARE_AFTER", 0)
    words = ", ".join(["bcda cdab dabc"] * 4)
    path = sold(
        tmp_path, SOLD.replace("bcda, cdab", words).replace("notice: once", "notice: once\nlabel: top-left")
    )
    notes, record, done = tmp_path / "j.jsonl", tmp_path / "r.mp4", list[tuple[str, int]]()
    stop, since = threading.Event(), list[int]()

    def shown() -> int:
        return sum('"event": "card"' in line for line in notes.read_text().splitlines())

    def watch(status: ShowStatus) -> None:
        steps = len(done)
        if shown() and not since:
            since.append(status.frames)
        if (
            steps == 0
            and since
            and status.frames > since[0] + 30
            and status.spare_ready
            and status.renderer_pid
        ):
            done.append(("killed", status.frames))
            os.kill(status.renderer_pid, signal.SIGKILL)
        elif steps == 1 and status.renderer_restarts and status.frames > done[0][1] + 75:
            done.append(("ordered", status.frames))
            threading.Thread(target=lambda: send("cards-1", "product", "n"), daemon=True).start()
        elif steps == 2 and shown() == 2 and status.frames > done[1][1] + 50:
            stop.set()
        if status.frames > 1500:
            stop.set()

    hosting = Hosting(studio.furnished, desk="cards-1", notes=notes)
    run(avatar(), path, [str(record)], size=SOME, hosting=hosting, on_status=watch, stop=stop)
    assert [step for step, _ in done] == ["killed", "ordered"], "the show was over too soon"
    cards = [entry for entry in read(notes) if entry["event"] == "card"]
    assert [entry["product"] for entry in cards] == ["m", "n"] and cards[1]["heard"] == "m"
    seen, (_, killed), (_, ordered) = carded(record), *done
    assert any(seen[:killed]) and any(seen[killed + 25 : ordered]), "it is there again"
    assert any(seen[ordered + 25 :])


def test_a_journal_keeps_how_the_show_was_so_that_a_replay_is_the_same(tmp_path: Path) -> None:
    file = tmp_path / "show.md"
    file.write_text(MANNER)
    script = parse(MANNER)
    assert not script.nods and script.sells
    again = script_of([about(script, file, Hosting(layout="news"))])
    for name in ("language", "label", "expression", "nods", "use", "look", "sells"):
        assert getattr(again, name) == getattr(script, name), name
    assert again.layout == "news"
    assert script_of([about(parse("Hello."), file, Hosting())]).nods
