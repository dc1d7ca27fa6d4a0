"""The technician's desk: orders to a show that is on air, over a local socket of the same user.

One line of JSON in (``{"order": "say", "text": "One moment."}``), one out (``{"done": ...}`` or ``{"error": ...}``).
What is on air breaks off softly, the order takes effect within a second, and a line that was cut comes again from its
start.
"""

from __future__ import annotations

import json
import logging
import os
import pwd
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from avatar_engine import markup
from avatar_engine.errors import AvatarError
from avatar_engine.folders import door_of
from avatar_engine.live.local_server import PATIENCE, LocalServer
from avatar_engine.live.microphone import Microphone, Source
from avatar_engine.show.producer import Producer

log = logging.getLogger(__name__)

KIND = "desk"
"""How the socket's name ends."""

MOST = 20_000
"""Bytes of an order."""

ASKING = (("status", ""), ("mic", ""))
"""Orders that change nothing: nobody is told of them."""

Orders = Mapping[str, Callable[[str], str]]
"""By name: takes the order's text, does it, and says what was done."""


class Acting(NamedTuple):
    """What the presenter can do: the actions' names, and who is told which to do."""

    names: Sequence[str] = ()
    act: Callable[[str], None] = lambda name: None


NO_ACTING = Acting()


def orders(
    producer: Producer,
    interrupt: Callable[[], None],
    microphone: Microphone | None = None,
    acting: Acting = NO_ACTING,
    change: Callable[[str], str] | None = None,
    stand: Callable[[str], str] | None = None,
    wear: Callable[[str], str] | None = None,
) -> Orders:
    """What may be asked of a hosted show; ``interrupt`` lets what is on air break off, ``change`` its layout change,
    ``stand`` its background, and ``wear`` the presenter's look."""

    def at_once(
        done: str, act: Callable[[str], str | None], softly: bool = False, alone: bool = False
    ) -> Callable[[str], str]:
        def order(text: str) -> str:
            with producer.held():  # so that the voice asks for nothing in between
                if alone and producer.microphone:
                    raise AvatarError(
                        f"The microphone is on ({producer.microphone}).",
                        "End it first (mic off), or have it said then (after).",
                    )
                if not softly:
                    interrupt()
                return act(text) or done

        return order

    def say(text: str) -> str | None:
        producer.say(text)
        return None

    def skip(_: str) -> str | None:
        answering = producer.answering
        interrupt()  # which ends an answer
        if not answering:
            producer.skip()
        return None

    def product(text: str) -> str | None:
        producer.speak_of(text)
        return f"The product is {text!r}."

    def mic(text: str) -> str:
        if microphone is None:
            raise AvatarError("This show has no microphone.", "Only a show with a voice of its own has one.")
        return microphone.order(text)

    def layout(text: str) -> str:
        if change is None:
            raise AvatarError("This show has no picture to change.", "Only a show on air has one.")
        return change(text)

    def background(text: str) -> str:
        if stand is None:
            raise AvatarError("This show has no background to change.", "Only a show on air has one.")
        return stand(text)

    def look(text: str) -> str:
        if wear is None:
            raise AvatarError("This show has no look to change.", "Only a show on air has one.")
        return wear(text)

    def card(text: str) -> str:
        if text not in ("on", "off"):
            raise AvatarError(f"{text!r} is neither on nor off.", "Write card on, or card off.")
        producer.show_cards(text == "on")
        return f"Cards are {text}."

    def do(text: str) -> str:
        if text not in acting.names:
            known = (
                f"Actions: {', '.join(acting.names)}."
                if acting.names
                else "Add one: avatar-engine action add"
            )
            raise AvatarError(f"This clone has no action {text!r}.", known)
        acting.act(text)
        return f"{text!r} begins with the next moment that leads into it."

    return {
        "say": _in_any_look(at_once("It is said now.", say, alone=True)),
        "after": _in_any_look(at_once("It is said after this line.", say, softly=True)),
        "skip": at_once("Skipped.", skip, softly=True),
        "pause": at_once("Paused.", lambda _: producer.halt()),
        "resume": at_once("On again.", lambda _: producer.halt(False), softly=True),
        "jump": at_once("", lambda text: f"On with {producer.jump(text)!r}."),
        "product": at_once("", product, softly=True),
        "card": at_once("", card, softly=True),
        "layout": layout,
        "background": background,
        "look": look,
        "mute": at_once("The chat is not answered.", lambda _: producer.mute(), softly=True),
        "unmute": at_once("The chat is answered.", lambda _: producer.mute(False), softly=True),
        "mic": mic,
        "do": do,
        "status": at_once("", lambda _: producer.standing(), softly=True),
    }  # fmt: skip


class Desk(LocalServer):
    """Takes orders for a show.

    Args:
        show: The show's id.
        known: What may be asked.
        tell: Told of every order that is more than a question: ``order``, ``text`` (of ``mic`` what the source is
            called), ``by`` (who) and ``done`` or ``error``.
    """

    def __init__(
        self, show: str, known: Orders, tell: Callable[[Mapping[str, Any]], None] = lambda what: None
    ) -> None:
        self._known, self._tell = known, tell
        super().__init__(door_of(show, KIND), "desk", self._take)

    def _take(self, line: socket.socket) -> None:
        asked = _read(line)
        answer = self._answer(asked)
        if isinstance(asked, dict) and (told := _told(asked, answer)):
            self._tell({**told, "by": _caller(line)})
        line.sendall(json.dumps(answer).encode() + b"\n")

    def _answer(self, asked: object) -> dict[str, str]:
        try:
            return {"done": self._do(asked)}
        except AvatarError as error:
            return {"error": error.what, "advice": error.advice}
        except Exception:
            log.exception("an order failed")
            return {"error": "The order failed.", "advice": "Look at the show's log."}

    def _do(self, asked: object) -> str:
        order = asked.get("order") if isinstance(asked, dict) else None
        text = asked.get("text", "") if isinstance(asked, dict) else ""
        if not isinstance(order, str) or not isinstance(text, str):
            raise AvatarError("This is no order.", 'Send {"order": "say", "text": "Hello."} and a line end.')
        if order not in self._known:
            raise AvatarError(f"There is no order {order!r}.", f"Orders: {', '.join(self._known)}.")
        done = self._known[order](text)
        log.info("a technician: %s %s", order, "" if order == "mic" else text)  # which may hold a key
        return done


def _in_any_look(order: Callable[[str], str]) -> Callable[[str], str]:
    """An order to say something, which names no look: that would be put on unseen."""

    def checked(text: str) -> str:
        if markup.looks(text):
            raise AvatarError("The look is not changed by what is said.", "Order: look NAME, and then this.")
        return order(text)

    return checked


def _told(asked: Mapping[str, Any], answer: Mapping[str, str]) -> dict[str, str]:
    """An order and what became of it, as others may know it; nothing of one that only asks."""
    order, text = (str(asked.get(name, ""))[:MOST] for name in ("order", "text"))
    if (order, text) in ASKING:
        return {}
    if order != "mic" or text == "off":
        return {"order": order, "text": text, **answer}
    try:
        return {"order": order, "text": Source.parse(text).name, **answer}
    except AvatarError:  # it says what it was given, in which a key may be
        return {"order": order, "text": "", "error": "This is no source.", "advice": ""}


def _caller(line: socket.socket) -> str:
    """Who is at the other end, as the system knows it: account and process."""
    if not hasattr(socket, "SO_PEERCRED"):
        return f"uid {os.getuid()}"  # the socket's folder is closed to all others
    pid, uid, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid}, process {pid})"
    except KeyError:
        return f"uid {uid}, process {pid}"


def _read(line: socket.socket) -> object:
    """The order that comes; None for what is none."""
    data = b""
    while not data.endswith(b"\n") and len(data) < MOST and (more := line.recv(4096)):
        data += more
    for _ in range(MOST // 100 if len(data) >= MOST else 0):  # what is not read would take the answer with it
        if not line.recv(4096):
            break
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def send(show: str, order: str, text: str = "") -> str:
    """Give an order to a show of this machine; what it says was done.

    Raises:
        AvatarError: No such show takes orders, or it refuses this one.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(2 * PATIENCE)
            line.connect(str(door_of(show, KIND)))
            line.sendall(json.dumps({"order": order, "text": text}).encode() + b"\n")
            whole = b"".join(iter(lambda: line.recv(65536), b""))
        read: Any = json.loads(whole)
    except (OSError, ValueError):
        raise AvatarError(
            f"The show {show!r} takes no orders.", "Only a hosted show does; see avatar-engine status."
        ) from None
    if "error" in read:
        raise AvatarError(str(read["error"]), str(read.get("advice", "")))
    return str(read.get("done", ""))
