"""Shows that the studio starts: each is ``avatar-engine live`` in processes of its own.

The studio only keeps what it asked for. How a show stands is asked of the show itself, over the sockets that the
command line uses; so its end ends no show, and a studio that was started again finds them. Addresses with their keys
reach a show over its standard input, and are on no disk and in no list of processes.
"""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from avatar_engine.errors import AvatarError
from avatar_engine.figures import folder as folders
from avatar_engine.figures import running
from avatar_engine.live.desk import send
from avatar_engine.stage.background import TRANSPARENT
from avatar_engine.stage.layout import BUILT_IN
from avatar_engine.studio import looks, permits, processes
from avatar_engine.studio.clones import Clone, Clones
from avatar_engine.studio.confine import confine
from avatar_engine.studio.database import Database, Row
from avatar_engine.studio.outputs import Outputs
from avatar_engine.studio.refusals import Conflict, Missing, Refusal
from avatar_engine.studio.room import CROWDED
from avatar_engine.studio.scripts import FILE, Scripts

ORDERS = (
    "say", "after", "skip", "pause", "resume", "jump", "product", "card", "layout", "background", "look", "mute",
    "unmute", "do", "mic",
)  # fmt: skip
"""What the page may ask of a show's desk (`avatar_engine.live.desk`)."""

STARTING = 120.0
"""Seconds after which a show that does not answer has failed."""

TAKING_OVER = 30.0
"""Seconds that another process has to take the place of a show's that died; the broadcast's starts it."""

ROOM = """---
language: {language}
use: {use}
notice: once
---

# Rehearsal room

{hello}

<!-- chat 3600s -->
"""
"""The script of a rehearsal room: after a word of greeting nothing is said in it but what the desk asks for."""

HELLO = {
    "en": "Hello.", "fr": "Bonjour.", "es": "Hola.", "it": "Ciao.", "pt": "Olá.", "de": "Hallo.", "zh": "你好。",
    "ja": "こんにちは。", "hi": "नमस्ते।",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """How a show is started.

    Attributes:
        outputs: Numbers of the outputs.
        record: Whether it is recorded, too.
        loop: Start again at the end.
        layout, background, look, size: As the command line takes them; "" for what the script says.
        minutes: End after so long; 0 never does.
        permit: The text of the presenter's permit; "" for none.
        seed: Which wordings come first.
        force: Go on air though the measured machine has no room for it.
    """

    outputs: tuple[int, ...] = ()
    record: bool = True
    loop: bool = False
    layout: str = ""
    background: str = ""
    look: str = ""
    size: str = ""
    minutes: float = 0.0
    permit: str = ""
    seed: int = 0
    force: bool = False


@dataclass(frozen=True, slots=True)
class Show:
    """A show as it is now.

    Attributes:
        id: Its number in the studio.
        kind: ``show`` or ``rehearsal`` (a room in which lines are tried, seen in the preview alone).
        name: Its name in status, log and report.
        clone: Number of its clone.
        clone_name: What that is called.
        script: The script's name.
        outputs: Where it goes, without keys.
        state: ``starting``, ``on air``, ``ended``, ``failed`` or ``cut off``.
        show: The show's own id, by which the command line knows it; "" before it has one.
        preview: Port of its preview on this machine.
        folder: The studio's files of it: script, recording, log.
        by, created, ended: Who started it, and when.
        error: Why it failed.
        snapshot: What it says of itself now (`avatar_engine.figures.snapshot`); empty where it does not run.
    """

    id: int
    kind: str
    name: str
    clone: int
    clone_name: str
    script: str
    outputs: tuple[str, ...]
    state: str
    show: str
    preview: int
    folder: Path
    by: str
    created: float
    ended: float | None
    error: str
    snapshot: Mapping[str, Any] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether it runs, or is about to."""
        return self.state in ("starting", "on air")

    @property
    def crowded(self) -> bool:
        """Whether it was refused because the measured machine has no room for it."""
        return self.state == "failed" and self.error.startswith(CROWDED)

    @property
    def status(self) -> Mapping[str, Any]:
        """The fields of `avatar_engine.live.show.ShowStatus`; empty where it does not run."""
        found = self.snapshot.get("status")
        return found if isinstance(found, dict) else {}


class Shows:
    """Starts, finds and orders them.

    Args:
        database: Which there were.
        folder: Theirs are in it.
        command: What goes live with the arguments, a JSON list, in the first line of its standard input.
        clones, scripts, outputs: What they work with.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        command: Sequence[str],
        clones: Clones,
        scripts: Scripts,
        outputs: Outputs,
    ) -> None:
        self._database, self._folder, self._command = database, folder, tuple(command)
        self._clones, self._scripts, self._outputs = clones, scripts, outputs
        self._gone: dict[int, float] = {}  # when a show was missed first, by its number
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def start(self, clone: int, script: int, wish: Wish, by: str) -> int:
        """Go live; the show's number. Whether it came on air is seen in its state.

        Raises:
            Refusal: Clone, script or an output are no good.
        """
        who, what = self._clones.one(clone), self._scripts.one(script)
        _see(who, wish)
        if not wish.outputs and not wish.record:
            raise Refusal("The show goes nowhere.", "Choose an output, or record it.")
        confine(what.file, self._outputs.hosts())
        addresses = [self._outputs.address(one) for one in dict.fromkeys(wish.outputs)]
        shown = [self._outputs.one(one).shown for one in dict.fromkeys(wish.outputs)]
        wish = self._permitted(who, wish)
        ident = self._new("show", who, what.name, shown, wish, by)
        place = self.folder(ident)
        shutil.copytree(what.folder, place / "script", ignore=shutil.ignore_patterns(".draft-*"))
        return self._launch(ident, who, addresses, wish)

    def rehearse(self, clone: int, language: str, wish: Wish, by: str) -> int:
        """Open a rehearsal room: a show that only the preview sees, and that says what the desk asks for.

        Raises:
            Refusal: The clone is no good, or a room with it is open.
        """
        who = self._clones.one(clone)
        _see(who, wish, accepted=False)
        if any(one.kind == "rehearsal" and one.clone == clone and one.open for one in self.listed(20)):
            raise Conflict(f"A room with {who.name} is open already.", "Go into that one, or close it.")
        ident = self._new("rehearsal", who, "", [], wish, by)
        place = self.folder(ident) / "script"
        place.mkdir()
        agreed = who.signed.consent if who.signed else None
        tag = language or (agreed.languages[0] if agreed else "en")
        use = agreed.uses[0] if agreed else "internal-test"
        (place / FILE).write_text(
            ROOM.format(language=tag, use=use, hello=HELLO.get(tag.partition("-")[0], HELLO["en"])),
            encoding="utf-8",
        )
        return self._launch(
            ident,
            who,
            [],
            Wish(layout=wish.layout, background=wish.background, look=wish.look, record=False, loop=True),
        )

    def resume(self, ident: int, by: str, force: bool = False) -> int:
        """Go on with a show that was cut off, where its script broke off; its number.

        ``force`` lets one in that this machine has no room for.

        Raises:
            Conflict: It was not cut off.
        """
        row, now = self._row(ident), self.one(ident)
        if now.open or now.kind != "show":
            raise Conflict(f"{now.name} can't be gone on with.", "Start it anew.")
        asked = json.loads(row["asked"])
        wish = Wish(
            **{**asked, "outputs": tuple(asked["outputs"]), "force": force or asked.get("force", False)}
        )
        addresses = [self._outputs.address(one) for one in wish.outputs]
        self._database.do(
            "UPDATE shows SET state = 'starting', created = ?, ended = NULL, error = '', preview = ?, by = ? "
            "WHERE id = ?",
            time.time(), _free_port(), by, ident,
        )  # fmt: skip
        who = self._clones.one(now.clone)
        return self._launch(ident, who, addresses, self._permitted(who, wish), resume=True)

    def stop(self, ident: int) -> None:
        """End a show: what was made is sent, and files are finished. It takes some seconds.

        Raises:
            Conflict: It is over.
        """
        one = self.one(ident)
        row = self._row(ident)
        if not one.open:
            raise Conflict(f"{one.name} is over.", "Nothing is on air of it.")
        if one.show:
            with suppress(AvatarError):
                running.stop(one.show, wait=0.1)
            return
        processes.end(row["pid"], row["born"])

    def order(self, ident: int, order: str, text: str) -> str:
        """Give an order to a show; what it says was done.

        Raises:
            AvatarError: It takes none, or not this one.
        """
        one = self.one(ident)
        if order not in ORDERS:
            raise Refusal(f"There is no order {order[:40]!r}.", f"Orders: {', '.join(ORDERS)}.")
        if not one.show:
            raise Conflict(f"{one.name} is not on air yet.", "Wait a moment.")
        if order == "mic" and text != "off":  # which would name files, devices and addresses of this machine
            raise Refusal(
                "A microphone is taken from the browser.", "Speak into the WebSocket mic.ws, or: off."
            )
        if order == "layout" and text not in BUILT_IN:
            raise Refusal(f"There is no layout {text[:40]!r}.", f"Layouts: {', '.join(BUILT_IN)}.")
        return send(one.show, order, text)

    def folder(self, ident: int) -> Path:
        """The studio's files of a show."""
        return self._folder / str(ident)

    def journal(self, one: Show) -> Path | None:
        """What a hosted show wrote down; None for nothing."""
        with suppress(AvatarError):
            found = folders.find(one.show).journal if one.show else None
            return found if found and found.is_file() else None
        return None

    def one(self, ident: int) -> Show:
        """A show.

        Raises:
            Missing: There is none of this number.
        """
        return self._show(self._row(ident), running.told())

    def listed(self, most: int = 50) -> list[Show]:
        """The newest ones, those that run first."""
        told = running.told()
        rows = self._database.rows(
            "SELECT * FROM shows ORDER BY state IN ('starting', 'on air') DESC, id DESC LIMIT ?", most
        )
        return [self._show(row, told) for row in rows]

    def strangers(self) -> list[Mapping[str, Any]]:
        """Shows of this machine that the studio did not start."""
        mine = {row["name"] for row in self._database.rows("SELECT name FROM shows")}
        return [one for one in running.told() if _name_of(str(one.get("show"))) not in mine]

    def _new(self, kind: str, who: Clone, script: str, shown: Sequence[str], wish: Wish, by: str) -> int:
        asked = {name: getattr(wish, name) for name in Wish.__dataclass_fields__ if name != "permit"}
        with self._database.together():
            ident = self._database.do(
                "INSERT INTO shows (kind, name, clone, script, outputs, preview, asked, state, by, created) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, 'starting', ?, ?)",
                kind, f"new-{time.time_ns()}", who.id, script, json.dumps(list(shown)), _free_port(), json.dumps(asked),
                by, time.time(),
            )  # fmt: skip
            name = f"{who.name[:30]}-{'room' if kind == 'rehearsal' else 'show'}{ident}"
            self._database.do("UPDATE shows SET name = ? WHERE id = ?", name, ident)
        place = self.folder(ident)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
        return ident

    def _permitted(self, who: Clone, wish: Wish) -> Wish:
        """With the presenter's permit that lies beside the clone, where the wish brings none and needs one."""
        if wish.permit or not wish.outputs:
            return wish
        hosts = [self._outputs.one(one).host for one in wish.outputs]
        return replace(wish, permit=permits.for_now(who, hosts))

    def _launch(
        self, ident: int, who: Clone, addresses: Sequence[str], wish: Wish, resume: bool = False
    ) -> int:
        row, place = self._row(ident), self.folder(ident)
        words = ["live", str(who.avatar), "--script", str(place / "script" / FILE), "--name", row["name"]]
        for address in addresses:
            words += ["--to", address]
        if wish.record:
            number = len(list(place.glob("recording*.mp4")))
            words += ["--record", str(place / f"recording{f'-{number + 1}' if number else ''}.mp4")]
        words += ["--preview", str(row["preview"])]
        for option, value in (
            ("--layout", wish.layout),
            ("--background", wish.background),
            ("--look", wish.look),
            ("--size", wish.size),
        ):
            words += [option, value] if value else []
        words += ["--for", f"{wish.minutes:g}m"] if wish.minutes else []
        words += ["--seed", str(wish.seed)] if wish.seed else []
        words += ["--loop"] * wish.loop + ["--resume"] * resume + ["--seat", "force"] * wish.force
        permit = place / "permit.toml"
        if wish.permit:
            permit.write_text(wish.permit, encoding="utf-8")
        words += ["--permit", str(permit)] if permit.exists() else []
        try:
            pid, born = processes.begin(self._command, place, place / "log.txt", json.dumps(words) + "\n")
        except OSError as error:
            self._over(ident, "failed", f"Its process can't be started: {error.strerror}.")
            return ident
        self._database.do("UPDATE shows SET pid = ?, born = ? WHERE id = ?", pid, born, ident)
        return ident

    def _over(self, ident: int, state: str, error: str) -> None:
        self._database.do(
            "UPDATE shows SET state = ?, error = ?, ended = ? WHERE id = ? AND state IN ('starting', 'on air')",
            state, error, time.time(), ident,
        )  # fmt: skip

    def _row(self, ident: int) -> Row:
        row = self._database.row("SELECT * FROM shows WHERE id = ?", ident)
        if row is None:
            raise Missing(f"There is no show {ident}.", "Look at the list of shows.")
        return row

    def _show(self, row: Row, told: Sequence[Mapping[str, Any]]) -> Show:
        """A show, and what became of it since somebody looked."""
        mine = [one for one in told if _name_of(str(one.get("show"))) == row["name"]]
        now = max(mine, key=lambda one: str(one.get("show"))) if mine else None
        if row["state"] in ("starting", "on air"):
            row = self._looked(row, now)
        clone = self._database.row("SELECT name FROM clones WHERE id = ?", row["clone"])
        return Show(
            row["id"], row["kind"], row["name"], row["clone"], clone["name"] if clone else "", row["script"],
            tuple(json.loads(row["outputs"])), row["state"], row["show"], row["preview"], self.folder(row["id"]),
            row["by"], row["created"], row["ended"], row["error"],
            now if now and row["state"] in ("starting", "on air") else {},
        )  # fmt: skip

    def _looked(self, row: Row, now: Mapping[str, Any] | None) -> Row:
        ident = row["id"]
        if now:
            self._gone.pop(ident, None)
            on_air = now.get("status") or now.get("state") == "on air"
            state, show = ("on air" if on_air else "starting"), str(now["show"])
            if (state, show) != (row["state"], row["show"]):
                self._database.do("UPDATE shows SET state = ?, show = ? WHERE id = ?", state, show, ident)
            return {**row, "state": state, "show": show}
        if processes.alive(row["pid"], row["born"]) and time.time() - row["created"] < STARTING:
            return row
        if row["state"] == "on air" and self._taken_over(row):
            return row
        left = self._left_by(row)
        state, error = _ending(left, self.folder(ident) / "log.txt")
        self._over(ident, state, error)
        if left:
            self._database.do("UPDATE shows SET show = ? WHERE id = ?", left.show, ident)
        return self._row(ident)

    def _taken_over(self, row: Row) -> bool:
        """Whether another process may be taking the show's place just now: the broadcast's does so within seconds."""
        left = self._left_by(row)
        if left and left.about().get("state") in ("ended", "failed"):
            return False
        return time.monotonic() - self._gone.setdefault(row["id"], time.monotonic()) < TAKING_OVER

    def _left_by(self, row: Row) -> folders.ShowFolder | None:
        with suppress(AvatarError):
            return folders.find(row["name"])
        return None


def _see(who: Clone, wish: Wish, accepted: bool = True) -> None:
    """See that a clone may go on air.

    Raises:
        Refusal: It may not.
    """
    if not who.fitted:
        raise Conflict(f"There is no clone of {who.name} yet.", "Fit it first.")
    if who.refused:
        raise Refusal(who.refused, "Only a new consent can allow it again.")
    if accepted and not who.ready:
        raise Conflict(f"{who.name} was not accepted yet.", "Look at its report, and accept it.")
    if wish.background == TRANSPARENT:
        raise Refusal("A show on air can't be transparent.", "Make a line as a video: that may be.")
    looks.see(who, wish.look)
    if wish.layout and wish.layout not in BUILT_IN:
        raise Refusal(f"There is no layout {wish.layout[:40]!r}.", f"Layouts: {', '.join(BUILT_IN)}.")


def _name_of(show: str) -> str:
    """The name in a show's id, which ends in when it began."""
    parts = show.split("-")
    while len(parts) > 1 and parts[-1].isdigit():
        parts.pop()
    return "-".join(parts)


def _ending(left: folders.ShowFolder | None, log: Path) -> tuple[str, str]:
    """How a show ended that does not run any more."""
    about = left.about() if left else {}
    if about.get("state") == "ended":
        return "ended", str(about.get("ending", ""))
    if about.get("state") == "failed":
        return "failed", str(about.get("error", ""))
    if told := folders.error_in(log):
        return "failed", told
    return "cut off", ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
