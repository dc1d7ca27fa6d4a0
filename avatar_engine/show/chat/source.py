"""What a source of messages is, and how one comes back by itself."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Protocol

from avatar_engine.show.chat.message import Link, Put

log = logging.getLogger(__name__)

FIRST, MOST = 2.0, 60.0
"""Seconds between two attempts to connect: at first, and at most."""

STEADY = 60.0
"""Seconds after which a connection that broke off is sought again at once."""


class Source(Protocol):
    """Brings messages."""

    @property
    def name(self) -> str:
        """What logs call it; no key is in it."""
        ...

    def ready(self) -> None:
        """Find out whether a key or a library is missing; nothing is connected to.

        Raises:
            AvatarError: One is.
        """
        ...

    def reserve(self) -> None:
        """Take what only one can have, such as a port, before the show.

        Raises:
            AvatarError: It is taken.
        """
        ...

    def run(self, put: Put, stop: threading.Event) -> None:
        """Bring them until ``stop`` is set; never raises. It may tell by a `Link` whether it hears its platform."""
        ...


class AwayError(Exception):
    """The platform can't be heard for now.

    Args:
        why: In plain words, without keys.
        wait: Seconds before which it need not be asked again.
    """

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


class OverError(Exception):
    """Nothing more will come; its text says why."""


Session = Callable[[Put, threading.Event], None]
"""Listens once, until ``stop`` or a fault; tells `Link` when it hears. Returns to be called again at once."""


def kept(name: str, session: Session, put: Put, stop: threading.Event) -> None:
    """Hold ``session`` again and again until ``stop`` or an `OverError`; waits grow, with some chance in them.

    Whatever it raises is told by a `Link` and never ends the thread.
    """
    wait = FIRST
    while not stop.is_set():
        began, asked, why = time.monotonic(), 0.0, ""
        try:
            session(put, stop)
        except OverError as over:
            put(Link(False, str(over), final=True))
            return
        except AwayError as away:
            why, asked = str(away), away.wait
        except (OSError, EOFError) as error:
            why = str(error) or type(error).__name__
        except Exception as error:
            log.exception("%s: the chat failed", name)
            why = f"a defect: {type(error).__name__}"
        if why and not stop.is_set():
            put(Link(False, why))
        wait = FIRST if time.monotonic() - began > STEADY else min(MOST, 1.5 * wait)
        stop.wait(max(asked, wait) * random.uniform(1.0 if asked > wait else 0.8, 1.2))
