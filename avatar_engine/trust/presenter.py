"""The presenter's own key, which the technician does not have: it signs the consent, permits and revocations.

The key is derived from a code of 24 letters (120 random bits) that only the presenter keeps: on paper, or as a picture
of the QR code. It is no password that somebody chose: whoever has the bundle has the public key and may try codes for
as long as they like, so only its length protects it, and neither a slow derivation nor a limit on tries adds to that.
The code is never written to a disk by the engine.
"""

from __future__ import annotations

import base64
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys

BYTES = 15
"""Of a code: 24 letters of base32 without padding."""

_LOOKS_LIKE = str.maketrans("018", "OIB")
"""What people read for letters of base32's alphabet, which has none of these digits."""


def new_code() -> str:
    """A fresh code, in six groups of four letters and digits."""
    letters = base64.b32encode(secrets.token_bytes(BYTES)).decode()
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def key_of(code: str) -> Ed25519PrivateKey:
    """The key that belongs to a code; case, spaces and dashes do not matter.

    Raises:
        AvatarError: It is no code.
    """
    letters = "".join(sign for sign in code.upper() if sign.isalnum()).translate(_LOOKS_LIKE)
    try:
        held = base64.b32decode(letters)
    except ValueError:
        held = b""
    if len(held) != BYTES:
        raise AvatarError(
            f"That is no presenter's code: it has {len(letters)} letters.",
            "It has 24, in six groups of four.",
        )
    seed = HKDF(hashes.SHA256(), 32, salt=None, info=b"avatar-engine presenter key\n").derive(held)
    return Ed25519PrivateKey.from_private_bytes(seed)


def see_own(key: Ed25519PrivateKey, public: str) -> None:
    """See that a key is the one whose public half (see `avatar_engine.trust.keys.public_text`) a consent names.

    Raises:
        AvatarError: It is another one, or the consent names none.
    """
    if keys.public_text(key) != public:
        raise AvatarError(
            "This code is not the one with which the consent was signed.",
            "Type the 24 letters that the presenter wrote down when they consented.",
        )
