"""What a show writes down of its viewers: a keyed pseudonym for a name, and no mail, telephone or card numbers.

A name that is said on air must be said again by a replay, to the letter. So it is not thrown away but enciphered
(AES-SIV, RFC 5297): with one key the same name always gives the same pseudonym, and with the key it can be read again.
The key is made for one show and lies in a file of its own beside the journal. Whoever deletes the file has a journal
without names, for good: a replay then says "dear viewer" in their place.
"""

from __future__ import annotations

import base64
import logging
import os
import re
import secrets
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from avatar_engine.errors import AvatarError
from avatar_engine.show.host.phrases import phrases

log = logging.getLogger(__name__)

NAMES = 12
"""Names that are looked for in what is written down: those that were handed out last."""

_MARKED = re.compile(r"⟨viewer:([A-Za-z0-9_-]{24,})⟩")
_PERSONAL = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[mail]"),
    (re.compile(r"(?<![\w@])@[\w.-]{2,}"), "[name]"),
    (re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE), "[link]"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,}(?: ?[A-Z0-9]{1,3})?\b"), "[account]"),
    (re.compile(r"(?<!\d)\+?(?:\d[ ./()-]{0,2}){7,}\d(?!\d)"), "[number]"),
)
"""What is masked in the words of viewers. "10 000 000" goes, too: better a number too many."""

_SAID = ("say", "rest", "show")
"""Events that are written as they are but for names: a replay needs them, and the guard lets no number be said."""


_WORDS = ("text", "said", "why", "askers", "author")
"""What an entry has words in of viewers, or to them; ids, versions and times are left alone."""


class Pseudonyms:
    """Enciphers names for one show, and reads them again.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)

    @classmethod
    def begun(cls, journal: Path) -> Pseudonyms:
        """With a new key, in a file beside a journal that only its owner may read.

        Raises:
            AvatarError: It can't be written.
        """
        key, path = secrets.token_bytes(32), key_file(journal)
        try:
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(key.hex() + "\n")
        except OSError as error:
            raise AvatarError(
                f"The journal's key {path} can't be written: {error.strerror}.", "Choose another place."
            ) from None
        return cls(key)

    @classmethod
    def forgotten(cls) -> Pseudonyms:
        """With a key that nobody keeps: names are gone for good."""
        return cls(secrets.token_bytes(32))

    @classmethod
    def found(cls, journal: Path) -> Pseudonyms | None:
        """With the key beside a journal; None where there is none any more.

        Raises:
            AvatarError: What is there is no key.
        """
        path = key_file(journal)
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise AvatarError(
                f"The journal's key {path} can't be read: {error}.", "Put the right one there, or delete it."
            ) from None
        if len(key) != 32:
            raise AvatarError(
                f"{path} is no key: it has {len(key)} bytes and not 32.",
                "Put the right one there, or delete it.",
            )
        return cls(key)

    def of(self, name: str) -> str:
        """What is written for a name."""
        code = base64.urlsafe_b64encode(self._cipher.encrypt(name.encode(), None)).decode().rstrip("=")
        return f"⟨viewer:{code}⟩"

    def hidden(self, text: str, names: Iterable[str]) -> str:
        """A text with every one of ``names`` in it enciphered."""
        known = sorted({name for name in names if name}, key=len, reverse=True)
        if not known:
            return text
        whole = (rf"(?<!\w){re.escape(name)}(?!\w)" if name.isascii() else re.escape(name) for name in known)
        pattern = re.compile("|".join(whole))
        return pattern.sub(lambda found: self.of(found[0]), text)

    def named(self, text: str) -> str:
        """The text again; what is no pseudonym of this key stays as it is."""
        return _MARKED.sub(self._read, text)

    def _read(self, found: re.Match[str]) -> str:
        try:
            data = base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))
            return self._cipher.decrypt(data, None).decode()
        except (InvalidTag, ValueError):
            return found[0]


class Discretion:
    """Takes what viewers need not have written down out of a journal's entries.

    Args:
        pseudonyms: Enciphers names; None writes them as they are.
    """

    def __init__(self, pseudonyms: Pseudonyms | None) -> None:
        self._pseudonyms = pseudonyms
        self._names: deque[str] = deque(maxlen=NAMES)

    def named(self, names: Iterable[str]) -> None:
        """These names may be said from now on."""
        self._names.extend(names)

    def written(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """An entry as it may be written down."""
        spoken = entry.get("event") in _SAID
        return {key: self._of(value, spoken) if key in _WORDS else value for key, value in entry.items()}

    def _of(self, value: Any, spoken: bool) -> Any:
        if isinstance(value, list | tuple):
            return [self._of(one, spoken) for one in value]
        if not isinstance(value, str):
            return value
        plain = value if spoken else masked(value)
        return self._pseudonyms.hidden(plain, self._names) if self._pseudonyms else plain


def masked(text: str) -> str:
    """A text without mail addresses, links, mentions, and numbers of telephones, cards and accounts."""
    for pattern, instead in _PERSONAL:
        text = pattern.sub(instead, text)
    return text


def key_file(journal: Path) -> Path:
    """Where a journal's key lies."""
    return journal.with_suffix(".key")


def spoken(entries: Sequence[Mapping[str, Any]], journal: Path) -> list[Mapping[str, Any]]:
    """A journal's entries as they were said, names and all; without its key with a word for each name.

    Raises:
        AvatarError: What lies there as its key is none.
    """
    pseudonyms = Pseudonyms.found(journal)
    if pseudonyms is None and any(_MARKED.search(str(entry.get("text", ""))) for entry in entries):
        log.warning("%s is not there: viewers are not called by their names", key_file(journal))
    return [_spoken(entry, pseudonyms) for entry in entries]


def _spoken(entry: Mapping[str, Any], pseudonyms: Pseudonyms | None) -> Mapping[str, Any]:
    if entry.get("event") not in ("say", "comment"):
        return entry
    table = phrases()
    somebody = table.get(str(entry["language"]).partition("-")[0], table["en"])["somebody"][0]
    read = {key: str(entry[key]) for key in ("text", "author") if key in entry}
    for key, text in read.items():
        instead = somebody if key == "text" else ""  # a comment without its author's name has none
        read[key] = pseudonyms.named(text) if pseudonyms else _MARKED.sub(instead, text)
    return {**entry, **read}
