"""Whether a running show may still go on: asked again and again on the side, and ended in order when it may not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from avatar_engine.errors import AvatarError

log = logging.getLogger(__name__)

LOOK = 20.0
"""Seconds between two looks at consent, permit and revocations: together with a list that takes long to answer, and the
sentence that is finished, less than a minute."""

LAST_SENTENCE = 20.0
"""Seconds that the sentence on air gets to end; then the show is over in the middle of it."""


class Standing:
    """Asks in a thread of its own; a list on the web that is slow holds nobody up.

    Args:
        allowed: Refuses with an `AvatarError` when the show may not go on.
        every: Seconds between two looks.

    Attributes:
        refused: Why the show must end; "" while it may go on.
    """

    def __init__(self, allowed: Callable[[], None], every: float = LOOK) -> None:
        self.refused = ""
        self._allowed, self._every = allowed, every
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="consent", daemon=True)

    def begin(self) -> None:
        """Look from now on."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(self._every):
            try:
                self._allowed()
            except AvatarError as error:
                self.refused = error.what
                return
            except Exception as error:  # a defect of ours must not keep a show on air that may be forbidden
                log.exception("whether the show may go on can't be told")
                self.refused = f"Whether the consent still holds can't be told ({type(error).__name__})."
                return
