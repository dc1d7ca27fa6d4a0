"""What was said in a presenter's name: a chained record (`avatar_engine.trust.audit`), a file for every show or video.

It lies with the consent's register and outlives the show's own folder, for the presenter may ask for it
(`avatar_engine.rights.copy`). First comes what it is (``begun``), then every text when a voice has been handed it
(``say``), when it went out (``heard``), what was taken back, and the end. A text that is told and not heard was cut, or
was on its way at the end; so nothing that was heard can be missing. Viewers are in it as they are in the journal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from avatar_engine.contracts import Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.trust.audit import Audit
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.register import Register, folder

EVENTS = frozenset({"say", "heard", "taken back", "microphone"})
"""What is taken from a hosted show's journal."""


class Said:
    """Writes down what is said in one show or video; never holds it up.

    Args:
        signed: The presenter's consent.
        what: ``live``, ``say``, ``rehearse`` or ``replay``.
        about: What else is known of it: avatar, script, use, language, outputs; no stream keys.

    Raises:
        AvatarError: It can't be written: nothing is said then.
    """

    def __init__(self, signed: SignedConsent, what: str, **about: Any) -> None:
        place = Register(signed).folder / "said"
        try:
            place.mkdir(exist_ok=True, mode=0o700)
            path = _free(place, what)
        except OSError as error:
            raise AvatarError(
                f"What is said can't be written down in {place}: {error.strerror}.",
                "Make room there, or set AVATAR_ENGINE_HOME to a folder that is yours.",
            ) from error
        self._audit = Audit.begun(path, f"{signed.id}/{path.stem}")
        self._audit({"event": "begun", "what": what, **about})

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Take an entry of a hosted show's journal; those that tell nothing of what was said are passed over."""
        if entry.get("event") in EVENTS:
            self._audit({name: value for name, value in entry.items() if name != "controls"})

    def handed(self, told: Utterance) -> None:
        """A voice is to say this."""
        self._audit(
            {
                "event": "say", "text": told.text, "language": told.language, "source": told.source,
                "product": told.product, "number": told.number,
            }
        )  # fmt: skip

    def went(self, number: int, begins: float, ends: float) -> None:
        """The first or a further sentence of it went out, in seconds on air."""
        self._audit({"event": "heard", "number": number, "at": round(begins, 3), "until": round(ends, 3)})

    def sound(self, source: str) -> None:
        """A recorded or live sound was put into the presenter's mouth; its words are not known."""
        self._audit({"event": "sound", "source": source})

    def close(self, why: str = "") -> None:
        """Finish the record; ``why`` where it ended before its time."""
        self._audit({"event": "ended", **({"why": why} if why else {})})
        self._audit.close()


def records(consent: str) -> list[Path]:
    """The records of a consent, by its id, the oldest first."""
    found = (folder() / consent / "said").glob("*.jsonl")
    return sorted(path for path in found if not re.search(r"\.\d{4,9}$", path.stem))


def _free(place: Path, what: str) -> Path:
    """A new file; two shows that begin at the same moment get one each, and names stand in the order of time.

    Raises:
        OSError: None can be made.
    """
    stamp, number = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ"), 1
    while True:
        path = place / f"{stamp}-{what}{f'-{number}' if number > 1 else ''}.jsonl"
        try:
            path.touch(0o600, exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return path
