"""The avatar file: one zip of stored members, and the only code that knows its layout.

``NAME.avatar`` holds a ``manifest.json`` (schema version, engine version, how it was made, the signed
consent, and the sha256, size and media kind of every part) beside the parts themselves: tensors as
safetensors, networks as ONNX, footage as MP4, figures as JSON. Nothing in it is ever unpickled or executed.
Members are stored, not compressed: a part's size in the file is its size on disk and no archive grows when
it is opened.

A clone may have several *looks*: other footage of the same person (an outfit, another camera), under ``looks/NAME/``
with the same names as the clone's own parts. `Bundle.wearing` gives the bundle in a look: its parts stand in the place
of the clone's, and but for what is baked of one footage it shares the rest (the voice, what sound makes the lips do).

A file is written beside its final name and put in place in one step: a reader sees the old bundle or the
whole new one. A file is refused unless every byte that is used agrees with the manifest.

Where the technician has a key on the machine that makes the bundle, the manifest is sealed with it: its parts and
its consent can't be exchanged without breaking the seal. A broken seal is refused; a missing one, or one of a key
that this machine does not know, is for `inspect` to show (`Bundle.origin`), as anybody can make a key.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import re
import stat
import struct
import tempfile
import threading
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import MappingProxyType, TracebackType
from typing import IO, Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import platformdirs
import safetensors
import safetensors.numpy
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from avatar_engine import __version__
from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys

log = logging.getLogger(__name__)

FORMAT = "avatar-engine bundle"
SCHEMA = 1
"""The newest bundle layout that this engine writes and reads."""

MANIFEST = "manifest.json"
MANIFEST_LIMIT = 8 << 20
"""Largest manifest in bytes that is read; real ones have a few kilobytes."""

KINDS = {
    ".safetensors": "application/vnd.safetensors",
    ".onnx": "application/onnx",
    ".json": "application/json",
    ".html": "text/html",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".toml": "application/toml",
}
"""What a bundle may hold, by suffix, and the media kind that its manifest gives it."""

ORIGINAL = "original"
"""What the look is called that a clone was made with."""

LOOKS = "looks"
"""The folder of the others, each in one of its name."""

LOOK_PART = "look.json"
"""What is known of a look that was added: the clip that it is of, with its consent, and how it was made."""

_FILMED = ("body/", "report/", "lips/placement.safetensors")
"""Parts that are of one footage alone: a look that has none of its own does without."""

_LOOK_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")

_CHUNK = 1 << 20
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_ZIP_FAULTS = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    KeyError,
    EOFError,
    OverflowError,
    struct.error,
    OSError,
)
_AGAIN = "Get the file again from where it came from, or clone the presenter again."


class Part(BaseModel):
    """What the manifest says of one part: its sha256, its size in bytes, its media kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)
    kind: str


class Seal(BaseModel):
    """The technician's Ed25519 signature over the rest of the manifest, and the key's public half, in base64."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    public_key: str = Field(max_length=100)
    signature: str = Field(max_length=200)


class Manifest(BaseModel):
    """``manifest.json`` of a bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    format: str
    schema_version: int
    engine: str
    created: str
    name: str = Field(min_length=1, max_length=300)
    made: dict[str, Any]
    consent: dict[str, Any]
    parts: dict[str, Part]
    seal: Seal | None = None

    def canonical(self) -> bytes:
        """The bytes that are sealed: a fixed heading, then everything but the seal as sorted compact JSON."""
        fields = self.model_dump(exclude={"seal"})
        return b"avatar-engine bundle\n" + json.dumps(fields, sort_keys=True, separators=(",", ":")).encode(
            "ascii"
        )


def check_part_name(part: str) -> None:
    """Refuse a part name that could leave the bundle or that is of no allowed kind.

    Raises:
        AvatarError: It is absolute, has ``..``, a backslash, a drive, an odd character or an unknown suffix.
    """
    pieces = part.split("/")
    if len(part) > 200 or not all(_SEGMENT.fullmatch(piece) for piece in pieces):
        raise AvatarError(
            f"{part!r} is no name for a part of a bundle.",
            "Names are relative, of letters, digits, '_', '-' and '.', with '/' between folders.",
        )
    if PurePosixPath(part).suffix not in KINDS:
        raise AvatarError(
            f"The part {part!r} is of a kind that a bundle may not hold.", f"Allowed: {', '.join(KINDS)}."
        )


def check_look_name(look: str) -> None:
    """Refuse what no look may be called: what a script's mark can't write, and what the first one is called.

    Raises:
        AvatarError: It is such a name.
    """
    if not _LOOK_NAME.fullmatch(look):
        raise AvatarError(
            f"A look can't be called {look!r}.", "Use small letters, digits, - and _: blue-dress, camera_2."
        )
    if look == ORIGINAL:
        raise AvatarError(f"The look that the clone was made with is called {look}.", "Choose another name.")


class PartWriter(Protocol):
    """Where parts go: a bundle, or one look of it."""

    def add_file(self, part: str, source: Path) -> None: ...

    def add_bytes(self, part: str, data: bytes) -> None: ...

    def add_json(self, part: str, value: Any) -> None: ...

    def add_tensors(self, part: str, tensors: Mapping[str, npt.NDArray[Any]]) -> None: ...


def cache_folder() -> Path:
    """Where parts are unpacked for programs that need a path (``AVATAR_ENGINE_HOME`` overrides)."""
    home = os.environ.get("AVATAR_ENGINE_HOME")
    base = Path(home) / "cache" if home else platformdirs.user_cache_path("avatar-engine")
    return base / "parts"


class BundleWriter:
    """Writes ``path`` whole or not at all; use it in a ``with`` block.

    Args:
        path: The bundle to write; an existing one is replaced at the end, in one step.
        name: What the avatar is called.
        made: How it was made (JSON: figures, options, times); numbers of NumPy are taken, NaN becomes null.
        consent: The signed consent, as ``SignedConsent`` or as its record.
    """

    def __init__(self, path: Path, name: str, made: Mapping[str, Any], consent: Any) -> None:
        self.path = Path(path)
        self.name = name
        self.made = dict(made)
        self.consent: dict[str, Any] = dict(consent) if isinstance(consent, Mapping) else consent.record()
        self._parts: dict[str, Part] = {}
        self._file: IO[bytes] | None = None
        self._zip: zipfile.ZipFile | None = None

    def __enter__(self) -> Self:
        try:
            self._file = tempfile.NamedTemporaryFile(
                dir=self.path.parent, prefix=f".{self.path.name}.", suffix=".partial", delete=False
            )
        except OSError as error:
            raise AvatarError(
                f"{self.path} can't be written: {error.strerror}.",
                "Choose a folder that exists and is yours.",
            ) from error
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None and self._zip is not None  # noqa: S101 - __enter__ ran
        partial = Path(self._file.name)
        try:
            if kind is None:
                self._finish()
                with contextlib.suppress(OSError):  # a file system without modes keeps its own
                    partial.chmod(0o666 & ~_umask())
                partial.replace(self.path)
                sync_folder(self.path.parent)
        except OSError as fault:
            raise AvatarError(
                f"{self.path} could not be written: {fault.strerror}.", "Make room on the disk and try again."
            ) from fault
        finally:
            with contextlib.suppress(OSError, ValueError):  # what it still has to write is no longer wanted
                self._zip.close()
            self._file.close()
            partial.unlink(missing_ok=True)

    def add_file(self, part: str, source: Path) -> None:
        """Add the file ``source`` as ``part``, streamed.

        Raises:
            AvatarError: The part's name is not allowed or taken, or the source can't be read.
        """
        try:
            with Path(source).open("rb") as stream:
                self._add(part, iter(lambda: stream.read(_CHUNK), b""), Path(source).stat().st_size)
        except OSError as error:
            raise AvatarError(
                f"{source} could not be put into {self.path.name}: {error.strerror}.",
                "Check that the file is there and that the disk has room.",
            ) from error

    def add_bytes(self, part: str, data: bytes) -> None:
        """Add ``data`` as ``part``."""

        self._add(part, [data], len(data))

    def add_json(self, part: str, value: Any) -> None:
        """Add ``value`` as JSON; numbers of NumPy are taken, NaN and infinity become null."""
        self.add_bytes(part, _json(value))

    def add_tensors(self, part: str, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
        """Add named arrays as safetensors."""
        self.add_bytes(part, _tensors(tensors))

    def add_parts(
        self, bundle: Bundle, leave: Collection[str] = (), called: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Add the parts of another bundle in all its looks, streamed and checked, but for those to ``leave``; some are
        ``called`` something else.

        Raises:
            AvatarError: One of them is damaged.
        """
        whole = bundle.whole
        for part, entry in whole.parts.items():
            if part not in leave:
                self._add(called.get(part, part), whole.stream(part), entry.bytes)

    def of(self, bundle: Bundle) -> PartWriter:
        """Where the parts of the look go that ``bundle`` wears."""
        return self if bundle.look == ORIGINAL else _LookWriter(self, bundle)

    def _add(self, part: str, chunks: Iterable[bytes], size: int) -> None:
        check_part_name(part)
        if part == MANIFEST or part.lower() in (taken.lower() for taken in self._parts):
            raise AvatarError(f"The part {part!r} is in this bundle already.", "Give each part its own name.")
        if self._zip is None:
            raise AvatarError(f"{self.path} is not open for writing.", "Use BundleWriter in a with block.")
        digest, written = hashlib.sha256(), 0
        try:
            with self._zip.open(_entry(part), "w", force_zip64=size >= 1 << 31) as target:
                for chunk in chunks:
                    digest.update(chunk)
                    target.write(chunk)
                    written += len(chunk)
        except OSError as error:
            raise AvatarError(
                f"The part {part!r} could not be put into {self.path}: {error.strerror}.",
                "Make room on the disk and try again.",
            ) from error
        kind = KINDS[PurePosixPath(part).suffix]
        self._parts[part] = Part(sha256=digest.hexdigest(), bytes=written, kind=kind)

    def _finish(self) -> None:
        assert self._zip is not None and self._file is not None  # noqa: S101 - called by __exit__ alone
        manifest = Manifest(
            format=FORMAT,
            schema_version=SCHEMA,
            engine=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            name=self.name,
            made=json.loads(_json(self.made)),
            consent=json.loads(_json(self.consent)),
            parts=self._parts,
        )
        manifest = manifest.model_copy(update={"seal": _seal(manifest)})
        self._zip.writestr(_entry(MANIFEST), _json(manifest.model_dump()))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())


class _LookWriter:
    """Puts parts into a look; what it would share with the clone anyway is not written again."""

    def __init__(self, writer: BundleWriter, bundle: Bundle) -> None:
        self._writer, self._bundle = writer, bundle

    def add_file(self, part: str, source: Path) -> None:
        self._writer.add_file(self._bundle.place(part), source)

    def add_bytes(self, part: str, data: bytes) -> None:
        shared = self._bundle.whole.parts.get(part)
        borrowed = shared and not part.startswith(_FILMED)
        if borrowed and shared and shared.sha256 == hashlib.sha256(data).hexdigest():
            return
        self._writer.add_bytes(self._bundle.place(part), data)

    def add_json(self, part: str, value: Any) -> None:
        self.add_bytes(part, _json(value))

    def add_tensors(self, part: str, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
        self.add_bytes(part, _tensors(tensors))


@dataclass(frozen=True, slots=True)
class Bundle:
    """An avatar file that was found sound; it keeps no file open and may be sent to other processes.

    Attributes:
        path: The file.
        manifest: What it says of itself; ``name``, ``made`` and ``consent`` are short ways in.
        look: The look that it wears.
    """

    path: Path
    manifest: Manifest
    look: str = ORIGINAL

    @classmethod
    def open(cls, path: Path | str, verify: bool = True) -> Bundle:
        """Open and check a bundle.

        Args:
            path: The ``.avatar`` file.
            verify: Hash every part now, streamed; otherwise each part is checked only when it is read.

        Raises:
            AvatarError: It is missing, damaged, not a bundle, of a newer schema, or holds what it must not.
        """
        path = Path(path)
        if not path.is_file():
            raise AvatarError(
                f"There is no avatar file {path}.", "Check the path, or make one: avatar-engine clone"
            )
        with _opened(path) as archive:
            members = _members(path, archive)
            manifest = _manifest(path, archive, members)
            _agree(path, manifest, members)
        bundle = cls(path, manifest)
        if verify:
            for part in manifest.parts:
                for _ in bundle.stream(part):
                    pass
        return bundle

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def made(self) -> dict[str, Any]:
        return self.manifest.made

    @property
    def consent(self) -> dict[str, Any]:
        """The consent record, not verified here: `avatar_engine.trust.consent.from_record` does that."""
        return self.manifest.consent

    @property
    def looks(self) -> tuple[str, ...]:
        """The names of its looks, the one that it was made with first, then the others in order."""
        inside = (part.split("/") for part in self.manifest.parts)
        return ORIGINAL, *sorted({path[1] for path in inside if path[0] == LOOKS and len(path) > 2})

    @property
    def whole(self) -> Bundle:
        """The file as it is, whatever is worn."""
        return Bundle(self.path, self.manifest)

    def wearing(self, look: str) -> Bundle:
        """The same clone in one of its looks.

        Raises:
            AvatarError: It has no such look.
        """
        if look not in self.looks:
            raise AvatarError(
                f"{self.name} has no look {look!r}.",
                f"Looks: {', '.join(self.looks)}. Add one: avatar-engine look add",
            )
        return Bundle(self.path, self.manifest, look)

    @property
    def parts(self) -> dict[str, Part]:
        """What is in it: of the file whole, all of it; of a look, its own and what it shares with the clone."""
        if self.look == ORIGINAL:
            return self.manifest.parts
        folder = f"{LOOKS}/{self.look}/"
        own = {
            part.removeprefix(folder): entry
            for part, entry in self.manifest.parts.items()
            if part.startswith(folder)
        }
        leave = (*_FILMED, f"{LOOKS}/")
        shared = {part: entry for part, entry in self.manifest.parts.items() if not part.startswith(leave)}
        return {**shared, **own}

    def place(self, part: str) -> str:
        """What a part of this look is called in the file."""
        return part if self.look == ORIGINAL else f"{LOOKS}/{self.look}/{part}"

    @property
    def own(self) -> dict[str, str]:
        """What of its parts belongs to the look that it wears alone, each with what it is called in the file."""
        names = {part: self.place(part) for part in self.parts if not part.startswith(f"{LOOKS}/")}
        return {part: name for part, name in names.items() if name in self.manifest.parts}

    @property
    def origin(self) -> str:
        """Who sealed it, in words for `inspect`: a holder known on this machine, an unknown key, or nobody."""
        if self.manifest.seal is None:
            return "not sealed: who made it is unproven"
        name = keys.key_id(self.manifest.seal.public_key)
        known = keys.known_keys()
        if name in known:
            return f"{known[name]}, key {name}"
        listed = "; ".join(f"{key} ({holder})" for key, holder in known.items()) or "none"
        return f"key {name}, not known on this machine: who made it is unproven (known keys: {listed})"

    def read(self, part: str) -> bytes:
        """The bytes of one part, checked against its sha256.

        Raises:
            AvatarError: There is no such part, or it is damaged.
        """
        return b"".join(self.stream(part))

    def json(self, part: str) -> Any:
        """One JSON part, decoded."""
        return _parse(self.path, part, self.read(part))

    def tensors(self, part: str) -> dict[str, npt.NDArray[Any]]:
        """The named arrays of one safetensors part."""
        data = self.read(part)
        try:
            arrays: dict[str, npt.NDArray[Any]] = safetensors.numpy.load(data)
        except (safetensors.SafetensorError, KeyError, ValueError) as error:
            raise AvatarError(
                f"The part {part!r} of {self.path} holds no tensors: {error}.", _AGAIN
            ) from error
        return arrays

    def extract(self, part: str) -> Path:
        """The path of one part on disk, unpacked once per content into the user's cache.

        A copy that is there is used if its size and, the first time in this process, its sha256 agree.

        Raises:
            AvatarError: There is no such part, it is damaged, or the cache can't be written.
        """
        entry = self._part(part)
        target = _place(part, entry)
        try:
            if _cached(target, entry):
                return target
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".partial", delete=False) as fresh:
                partial = Path(fresh.name)
                try:
                    for chunk in self.stream(part):
                        fresh.write(chunk)
                    fresh.flush()
                    os.fsync(fresh.fileno())
                    partial.replace(target)
                finally:
                    partial.unlink(missing_ok=True)
        except OSError as error:
            raise AvatarError(
                f"The part {part!r} can't be unpacked into {target.parent}: {error.strerror}.",
                "Make room there, or set AVATAR_ENGINE_HOME to a folder that can be written.",
            ) from error
        with _checked_lock:
            _checked.add(target)
        return target

    def cached(self) -> list[Path]:
        """The copies of the file's parts, of all its looks, that lie unpacked in the user's cache."""
        places = (_place(part, entry) for part, entry in self.manifest.parts.items())
        return [place for place in places if place.is_file()]

    def _part(self, part: str) -> Part:
        try:
            return self.parts[part]
        except KeyError:
            raise AvatarError(
                f"{self.path} has no part {part!r}.", f"It holds: {', '.join(self.parts) or 'nothing'}."
            ) from None

    def stream(self, part: str) -> Iterator[bytes]:
        """The bytes of one part in pieces; that it is whole is known at the end.

        Raises:
            AvatarError: There is no such part, or it is damaged.
        """
        entry, digest, size = self._part(part), hashlib.sha256(), 0
        member = self.place(part)
        member = member if member in self.manifest.parts else part
        with _opened(self.path) as archive, archive.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                yield chunk
        if size != entry.bytes or digest.hexdigest() != entry.sha256:
            raise AvatarError(f"{self.path} is damaged: its part {part!r} is not what was written.", _AGAIN)


def _place(part: str, entry: Part) -> Path:
    """Where a part is unpacked to."""
    return cache_folder() / entry.sha256[:2] / f"{entry.sha256}{PurePosixPath(part).suffix}"


_checked: set[Path] = set()
_checked_lock = threading.Lock()


def _cached(target: Path, entry: Part) -> bool:
    if not target.is_file() or target.stat().st_size != entry.bytes:
        return False
    with _checked_lock:
        if target in _checked:
            return True
    with target.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != entry.sha256:
            return False
    with _checked_lock:
        _checked.add(target)
    return True


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive at ``path``; whatever the zip reader stumbles over becomes an AvatarError."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except AvatarError:
        raise
    except _ZIP_FAULTS as error:
        if isinstance(error, zipfile.BadZipFile) and "not a zip" in str(error):
            what = f"{path} is not an avatar file, or it was cut off."
        elif isinstance(error, PermissionError):
            raise AvatarError(f"{path} may not be read by this user.", "Change its permissions.") from error
        else:
            what = f"{path} is damaged: {str(error)[:200]}."
        raise AvatarError(what, _AGAIN) from error


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The archive's members by name, after every check that needs no content."""
    members: dict[str, zipfile.ZipInfo] = {}
    folded: set[str] = set()
    for info in archive.infolist():
        # orig_filename is the name as stored: ZipInfo itself cuts at NUL bytes and turns separators
        check_part_name(info.orig_filename)
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise AvatarError(f"{path}: {info.filename!r} is a link or a device, not a file.", _AGAIN)
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise AvatarError(f"{path}: the part {info.filename!r} is compressed; bundles store.", _AGAIN)
        if info.flag_bits & 0x1:
            raise AvatarError(f"{path}: the part {info.filename!r} is encrypted.", _AGAIN)
        if info.filename.lower() in folded:
            raise AvatarError(f"{path} holds {info.filename!r} twice.", _AGAIN)
        folded.add(info.filename.lower())
        members[info.filename] = info
    if sum(info.file_size for info in members.values()) > path.stat().st_size:
        raise AvatarError(f"{path} claims more than it can hold.", _AGAIN)
    return members


def _manifest(path: Path, archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> Manifest:
    foreign = f"{path} is not an avatar file of this engine"
    if MANIFEST not in members:
        raise AvatarError(f"{foreign}: it has no manifest.", "Give a file made by: avatar-engine clone")
    if members[MANIFEST].file_size > MANIFEST_LIMIT:
        raise AvatarError(f"{path} has a manifest of {members[MANIFEST].file_size} bytes.", _AGAIN)
    table = _parse(path, MANIFEST, archive.read(MANIFEST))
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise AvatarError(f"{foreign}.", "Give a file made by: avatar-engine clone")
    version = table.get("schema_version")
    if isinstance(version, int) and version > SCHEMA:
        raise AvatarError(
            f"{path} has schema {version}, of engine {table.get('engine')!r}; this engine reads to {SCHEMA}.",
            "Upgrade avatar-engine.",
        )
    try:
        manifest = Manifest.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise AvatarError(
            f"{path} has a manifest that is wrong at {where}: {first['msg']}.", _AGAIN
        ) from error
    if manifest.schema_version != SCHEMA:
        raise AvatarError(f"{path} has the unknown schema {manifest.schema_version}.", _AGAIN)
    seal = manifest.seal
    if seal and not keys.is_signed(manifest.canonical(), seal.signature, seal.public_key):
        raise AvatarError(f"{path} was changed after it was sealed.", _AGAIN)
    return manifest


def _seal(manifest: Manifest) -> Seal | None:
    """The seal of this machine's technician; None where there is no key, for which no finished clone is lost."""
    try:
        key = keys.own_key()
    except AvatarError as error:
        log.warning("The bundle is not sealed: %s", error)
        return None
    if key is None:
        return None
    return Seal(public_key=keys.public_text(key), signature=keys.sign(key, manifest.canonical()))


def _agree(path: Path, manifest: Manifest, members: Mapping[str, zipfile.ZipInfo]) -> None:
    """Refuse unless the manifest's parts are the archive's members, one to one and size by size."""
    present, listed = set(members) - {MANIFEST}, set(manifest.parts)
    if missing := sorted(listed - present):
        raise AvatarError(f"{path} lacks the part {missing[0]!r} that its manifest names.", _AGAIN)
    if extra := sorted(present - listed):
        raise AvatarError(f"{path} holds {extra[0]!r}, which its manifest does not name.", _AGAIN)
    for name, part in manifest.parts.items():
        if part.bytes != members[name].file_size or part.kind != KINDS[PurePosixPath(name).suffix]:
            raise AvatarError(f"{path}: the part {name!r} is not as its manifest says.", _AGAIN)


def _parse(path: Path, part: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise AvatarError(f"{path}: {part} is not JSON: {str(error)[:100]}.", _AGAIN) from error


def _tensors(tensors: Mapping[str, npt.NDArray[Any]]) -> bytes:
    whole = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    return safetensors.numpy.save(whole)


def _json(value: Any) -> bytes:
    return json.dumps(_plain(value), indent=1, allow_nan=False).encode("ascii")


def _plain(value: Any) -> Any:
    """``value`` as plain JSON: a figure that is not a number must not cost a finished clone."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value


def _entry(part: str) -> zipfile.ZipInfo:
    # a fixed date: the same parts give the same bytes; when it was made is in the manifest
    info = zipfile.ZipInfo(part, (1980, 1, 1, 0, 0, 0))
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


def _umask() -> int:
    # only setting tells the mask; Linux shows it in a file, which does not race with other threads
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1], 8) for line in lines if line.startswith("Umask:"))
    except (OSError, StopIteration, ValueError):
        return 0o022


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` last through a power cut, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
