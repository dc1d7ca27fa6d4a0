"""Settings in small TOML files, and the servers and keys that they name."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from avatar_engine.errors import AvatarError

LARGEST = 64 << 10
"""Bytes of a file."""

Model = TypeVar("Model", bound=BaseModel)


def load(path: Path, model: type[Model], advice: str) -> Model:
    """Read a file.

    Args:
        path: TOML.
        model: What it must say.
        advice: What to do where it says something else.

    Raises:
        AvatarError: It can't be read, or something in it is wrong: all of it is listed, and no value, for keys may be
            among them.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise AvatarError(f"{path} is too large for settings.", f"It may have {LARGEST} bytes.")
        return model.model_validate(tomllib.loads(data.decode("utf-8")))
    except FileNotFoundError:
        raise AvatarError(f"There is no file {path}.", "Check the path.") from None
    except OSError as error:
        raise AvatarError(f"{path} can't be read: {error.strerror}.", "Check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AvatarError(f"{path} is no TOML ({error}).", "Correct it.") from None
    except ValidationError as error:
        wrong = "; ".join(
            ": ".join(filter(None, (".".join(map(str, item["loc"])), item["msg"])))
            for item in error.errors(include_input=False)
        )
        raise AvatarError(f"{path}: {wrong}.", advice) from None


def check_url(url: str) -> None:
    """See that a server can be asked, and that its address gives no key away.

    Raises:
        ValueError: It is not so.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url must begin with http:// or https:// and name a host")
    if parts.username or parts.password or parts.query:
        raise ValueError("url must hold no password and no query: put the key into a variable, key_env")


def key(variable: str, url: str) -> str:
    """The key of a server, from the environment.

    Args:
        variable: Its name; "" where none is needed, which gives "".
        url: The server, as people may see it.

    Raises:
        AvatarError: The variable is not set, or holds no key.
    """
    if not variable:
        return ""
    if not (held := os.environ.get(variable, "").strip()):
        raise AvatarError(f"The variable {variable} is not set.", f"Put the key of {url} into it.")
    if not (held.isascii() and held.isprintable()):
        raise AvatarError(f"What is in the variable {variable} is no key.", "Copy the key again.")
    return held
