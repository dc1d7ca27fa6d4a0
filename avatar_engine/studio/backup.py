"""The studio in one file, and back: database, scripts, consents, avatars and their reports, past the running studio.

Clips, recordings and finished jobs stay out unless asked for; so does the key of the vault, without which nobody reads
the stream keys: then they are to be entered again.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from avatar_engine import __version__
from avatar_engine.contracts import Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.studio.database import Database

MARK = "studio.json"
DATABASE, VAULT = "studio.sqlite", "vault.key"


def write(
    folder: Path, target: Path, *, clips: bool = False, keys: bool = False, progress: Progress = silent
) -> int:
    """Write a backup; how many files are in it.

    Args:
        folder: The studio's; it may be in use.
        target: A .zip that is not there yet, for its owner alone.
        clips: The presenters' clips, too.
        keys: The vault's key, too: whoever has the file then has all stream keys.
        progress: Told how far it is.

    Raises:
        AvatarError: There is no studio, or the file is there or can't be written.
    """
    if not (folder / DATABASE).is_file():
        raise AvatarError(f"There is no studio in {folder}.", "Start one: avatar-engine studio")
    if target.exists():
        raise AvatarError(f"{target} exists already.", "Choose another name.")
    wanted = list(_files(folder, clips))
    if keys:
        wanted.append(folder / VAULT)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            store = Database(folder / DATABASE)
            store.copy_to(Path(aside) / DATABASE)
            store.close()
            handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w+b") as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
                about = {"engine": __version__, "made": time.time(), "clips": clips, "keys": keys}
                packed.writestr(MARK, json.dumps(about))
                packed.write(Path(aside) / DATABASE, DATABASE)
                for number, file in enumerate(wanted):
                    progress("backup", number / len(wanted), file.name)
                    packed.write(file, file.relative_to(folder).as_posix())
        partial.rename(target)
    except OSError as error:
        raise AvatarError(f"{target} can't be written: {error.strerror}.", "Choose another place.") from error
    finally:
        partial.unlink(missing_ok=True)
    progress("backup", 1.0, f"{len(wanted) + 1} files")
    return len(wanted) + 1


def _files(folder: Path, clips: bool) -> Iterator[Path]:
    yield from (path for path in sorted((folder / "scripts").rglob("*")) if path.is_file())
    yield from (path for path in sorted((folder / "backgrounds").rglob("*")) if path.is_file())
    yield from sorted(folder.glob("audit*.jsonl"))
    for path in sorted((folder / "clones").glob("*/*")):
        if path.is_file() and (clips or path.stem != "clip"):
            yield path


def restore(source: Path, folder: Path) -> int:
    """Make a studio of a backup; how many files it has.

    Raises:
        AvatarError: It is no backup, or there is a studio already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise AvatarError(
            f"There is a studio in {folder} already.", "Move it away first, or give another --folder."
        )
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with zipfile.ZipFile(source) as packed:
            names = packed.namelist()
            if MARK not in names or DATABASE not in names:
                raise AvatarError(
                    f"{source} is no backup of a studio.", "Give a file of: avatar-engine studio backup"
                )
            partial.mkdir(parents=True, mode=0o700)
            for name in names:
                place = PurePosixPath(name)
                if place.is_absolute() or ".." in place.parts:
                    raise AvatarError(f"{source} names {name!r}, which is outside.", "Don't trust this file.")
                if name != MARK:
                    packed.extract(name, partial)
                    (partial / name).chmod(0o600)
        Database(partial / DATABASE).close()
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except (zipfile.BadZipFile, FileNotFoundError) as error:
        raise AvatarError(f"{source} is no backup of a studio.", "Check the path.") from error
    except OSError as error:
        raise AvatarError(f"{folder} can't be written: {error.strerror}.", "Choose another place.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return len(names) - 1
