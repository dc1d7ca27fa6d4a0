"""Stream keys at rest: sealed with a key in a file of its own, and shown to nobody again."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from avatar_engine.errors import AvatarError
from avatar_engine.trust import files


class Vault:
    """Seals and opens texts.

    Args:
        file: The key; made on first use, for its owner alone.

    Raises:
        AvatarError: It can't be read or made, is no key, or others may read it.
    """

    def __init__(self, file: Path) -> None:
        try:
            if not file.exists():
                files.write(file, Fernet.generate_key(), replace=False)
            if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
                raise AvatarError(f"Others may read {file}.", f"Run: chmod 600 '{file}'")
            self._key = Fernet(file.read_bytes())
        except OSError as error:
            raise AvatarError(
                f"{file} can't be used: {error.strerror}.", "Check the folder's rights."
            ) from error
        except ValueError as error:
            raise AvatarError(
                f"{file} is no key.", "Restore it, or move it away and enter the keys again."
            ) from error

    def seal(self, text: str) -> bytes:
        """Make a text unreadable."""
        return self._key.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """The text.

        Raises:
            AvatarError: It was sealed with another key.
        """
        try:
            return self._key.decrypt(sealed).decode()
        except InvalidToken:
            raise AvatarError(
                "This stream key was sealed with another key than this studio's.", "Enter the output again."
            ) from None
