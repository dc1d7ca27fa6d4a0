"""How keys, consents and copies are written: whole or not at all, for their owner's eyes, over nothing unasked."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from avatar_engine.errors import AvatarError

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


def write(path: Path, data: bytes, replace: bool) -> None:
    """Write ``path`` in one step.

    Raises:
        FileExistsError: It is there already and ``replace`` is not set; it is kept.
        OSError: It can't be written; what was there stays.
    """
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", suffix=".partial", delete=False
    ) as fresh:
        partial = Path(fresh.name)
        try:
            fresh.write(data)
            fresh.flush()
            os.fsync(fresh.fileno())
            if replace:
                partial.replace(path)
            else:
                _claim(path, partial, data)
        finally:
            partial.unlink(missing_ok=True)


def put(output: Path, data: bytes, overwrite: bool) -> None:
    """Write a file to where a user wants it, whole or not at all.

    Raises:
        AvatarError: It is there already, or came into being meanwhile, and ``overwrite`` is not set; or it can't be
            written. What was there stays.
    """
    try:
        write(output, data, overwrite)
    except FileExistsError:
        raise AvatarError(f"{output} exists already.", "Choose another name, or add --force.") from None
    except OSError as error:
        raise AvatarError(
            f"{output} can't be written: {error.strerror}.", "Choose a folder that exists and is yours."
        ) from error


def _claim(path: Path, partial: Path, data: bytes) -> None:
    """Give ``partial`` the name ``path`` unless it is taken: a link fails then, where a rename would not."""
    try:
        path.hardlink_to(partial)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # memory sticks and some network folders have no links
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:  # noqa: PTH123
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
