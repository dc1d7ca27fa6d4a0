"""The technician's signing key, and the keys that this machine knows.

One Ed25519 key belongs to each technician's account. It is made on first use in the user's configuration
folder (``AVATAR_ENGINE_HOME`` overrides that folder), readable by its owner alone, and never leaves it:
consents and bundles carry only the public half.

What a signature proves: nobody changed the consent since the holder of that key signed it. Who holds the
key is known only for the keys in ``known_keys.toml`` beside it and for the machine's own key. A consent of
an unknown key is therefore *valid but of unknown origin*: bundles are made on one machine and go on air on
another, so it is shown as a warning, not refused. After a technician's key id was confirmed by another way
(by voice, on paper), `remember` adds it and the warning goes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
import tomllib
from pathlib import Path

import platformdirs
import tomli_w
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from avatar_engine.errors import AvatarError
from avatar_engine.trust import files

KEY_FILE = "technician.key"
KNOWN_FILE = "known_keys.toml"


def config_folder() -> Path:
    """Where keys live (``AVATAR_ENGINE_HOME`` overrides the user's configuration folder)."""
    home = os.environ.get("AVATAR_ENGINE_HOME")
    return Path(home) / "config" if home else platformdirs.user_config_path("avatar-engine")


def technician_key() -> Ed25519PrivateKey:
    """This technician's private key, made on first use.

    Raises:
        AvatarError: The key file can't be read or made, is no Ed25519 key, or others may read it.
    """
    path = config_folder() / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise AvatarError(f"Others may read the signing key {path}.", f"Run: chmod 600 '{path}'")
        data = path.read_bytes()
    except OSError as error:
        raise AvatarError(
            f"The signing key {path} can't be used: {error.strerror}.",
            "Give yourself the right to that folder, or set AVATAR_ENGINE_HOME to another.",
        ) from error
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AvatarError(
            f"{path} is no private key.", "Restore it from a backup, or move it away."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise AvatarError(f"{path} is no Ed25519 key.", "Move it away; a new one is made on the next use.")
    return key


def own_key() -> Ed25519PrivateKey | None:
    """This technician's private key where there is one; none is made.

    Raises:
        AvatarError: There is one and it can't be used, as `technician_key`.
    """
    return technician_key() if (config_folder() / KEY_FILE).exists() else None


def public_text(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """The public half of ``key`` in base64 (32 bytes)."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return base64.b64encode(public.public_bytes_raw()).decode()


def public_key(text: str) -> Ed25519PublicKey:
    """The key that `public_text` wrote.

    Raises:
        AvatarError: It is no Ed25519 public key in base64.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(_raw(text))
    except ValueError as error:
        raise AvatarError(f"{text[:60]!r} is no Ed25519 public key.", "It is 32 bytes in base64.") from error


def key_id(public_key: str) -> str:
    """A public key's short name, four groups of four hexadecimal digits: the start of its sha256.

    Raises:
        AvatarError: ``public_key`` is no Ed25519 key in base64.
    """
    digits = hashlib.sha256(_raw(public_key)).hexdigest()
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def sign(key: Ed25519PrivateKey, message: bytes) -> str:
    """The signature of ``message`` in base64 (64 bytes)."""
    return base64.b64encode(key.sign(message)).decode()


def is_signed(message: bytes, signature: str, public_key: str) -> bool:
    """Whether ``signature`` is ``public_key``'s over ``message``; text that is no signature is not one."""
    try:
        raw = base64.b64decode(signature, validate=True)
        Ed25519PublicKey.from_public_bytes(_raw(public_key)).verify(raw, message)
    except (InvalidSignature, ValueError, AvatarError):
        return False
    return True


def known_keys() -> dict[str, str]:
    """Who holds which key, by key id: this machine's own (where it was made) and those remembered.

    Raises:
        AvatarError: ``known_keys.toml`` is damaged.
    """
    known = dict(_remembered())
    if own := own_key():
        known[key_id(public_text(own))] = "this machine's technician"
    return known


def remember(public_key: str, holder: str) -> str:
    """Note that ``holder`` holds ``public_key``, and return its key id.

    Raises:
        AvatarError: It is no key, or the note can't be written.
    """
    name = key_id(public_key)
    holders = {**_remembered(), name: holder}
    path = config_folder() / KNOWN_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, tomli_w.dumps({"keys": holders}).encode(), replace=True)
    except OSError as error:
        raise AvatarError(
            f"{path} can't be written: {error.strerror}.", "Check the folder's rights."
        ) from error
    return name


def _remembered() -> dict[str, str]:
    path = config_folder() / KNOWN_FILE
    if not path.exists():
        return {}
    try:
        holders = tomllib.loads(path.read_text(encoding="utf-8"))["keys"]
        return {str(name): str(holder) for name, holder in holders.items()}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise AvatarError(f"{path} can't be read: {error}.", "Mend it, or move it away.") from error


def _raw(public_key: str) -> bytes:
    try:
        raw = base64.b64decode(public_key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise AvatarError(f"{public_key[:60]!r} is no Ed25519 public key.", "It is 32 bytes in base64.")
    return raw


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        files.write(path, pem, replace=False)
    except FileExistsError:
        return  # another process made it in the meantime: that one counts
