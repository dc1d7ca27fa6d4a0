"""The signed manifest inside a file: what made it, with whose consent, and that nobody changed it since (C2PA 2).

Every file is signed with a key of its own, which is thrown away; its certificate is signed by the technician's key,
whose public half stands in the record. So a reader needs no list of certificates: it takes that key as the only one
to be trusted (a trust anchor is a name and a key, RFC 5280, 6.1.1), and when the chain holds, it was that key. Whose
key it is, is known by `avatar_engine.trust.keys`. Other programs that read C2PA see a signer whom no public list knows.

C2PA has no place for a manifest in WebM. There it lies beside the film, as an external manifest (C2PA 2, "External
manifests"): ``NAME.c2pa`` holds the hash of all of ``NAME.webm``.

Nothing in here asks the network: no time stamp is fetched, no remote manifest, no list of revoked certificates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from avatar_engine import __version__
from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys
from avatar_engine.trust.provenance import SOURCE_TYPE

ASSERTION = "org.avatar-engine.provenance"
"""Label of the record (`avatar_engine.trust.provenance.record`) in the manifest."""

_DAYS = 3650
_KINDS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".m4a": "audio/mp4"}
_APART = {".webm": "video/webm"}
_LARGEST = 1 << 24  # bytes of a manifest beside a film that are read; the engine's have some thousands
_QUIET = {"remote_manifest_fetch": False, "ocsp_fetch": False}
_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # of the MP4 box that holds a manifest
_HEAD = 1 << 20  # bytes within which it begins
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file's manifest says.

    Attributes:
        whole: Whether nobody changed file or manifest since it was signed.
        problems: What is wrong, where something is.
        signer: Public key of the technician, base64, where the signature is proven to be that key's; else "".
        issuer: Who the signer says to be, for what others made.
        generator: What made the file.
        source_types: IPTC's digital source types that it names.
        record: The engine's record; empty in what others made.
    """

    whole: bool
    problems: tuple[str, ...]
    signer: str
    issuer: str
    generator: str
    source_types: tuple[str, ...]
    record: Mapping[str, Any]


def can_carry(path: Path) -> bool:
    """Whether a file of this name's kind can have a manifest that the engine reads."""
    return path.suffix.lower() in _KINDS or beside(path) is not None


def beside(path: Path) -> Path | None:
    """Where the manifest of a file of this name's kind lies, where that is not in the file itself."""
    return path.with_suffix(".c2pa") if path.suffix.lower() in _APART else None


def sign(path: Path, record: Mapping[str, Any], title: str, key: Ed25519PrivateKey) -> None:
    """Put a manifest into the MP4 or QuickTime file ``path``, or beside a WebM file, in one step.

    Args:
        path: The finished file, whatever it is called.
        record: See `avatar_engine.trust.provenance.record`.
        title: What the file is called in the manifest, and will be called in its folder; its suffix says which of the
            three it is.
        key: The technician's.

    Raises:
        AvatarError: The file can't be read or written, or is of another kind; it is as it was.
    """
    import c2pa

    fresh = Ed25519PrivateKey.generate()
    pem = fresh.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain = _certificate(fresh.public_key(), key.public_key(), key) + _certificate(
        key.public_key(), key.public_key(), key
    )
    signed, apart = path.with_name(f"{path.name}.signed"), beside(path.with_name(title))
    try:
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"ed25519", chain, pem, None))
        builder = c2pa.Builder(_described(record, title, keys.public_text(key)), context=_context())
        if apart:
            builder.set_no_embed()
        with path.open("rb") as source, signed.open("w+b") as target:
            told = builder.sign(signer, _kind(title), source, target)
        if apart:
            signed.write_bytes(told)
        signed.replace(apart or path)
    except (c2pa.C2paError, OSError) as error:
        raise AvatarError(f"{path} can't be signed ({error}).", "Check the space on the disk.") from error
    finally:
        signed.unlink(missing_ok=True)


def read(path: Path) -> Manifest | None:
    """The manifest of a file; None where it has none, or is of a kind that can't have one.

    Raises:
        AvatarError: The file can't be read.
    """
    import c2pa

    apart = beside(path)
    if not can_carry(path) or (apart and not apart.is_file()):
        return None
    try:
        first = _validated(path)
        record = _record(first)
        signer = str(_part(record, "signed_with").get("public_key", ""))
        proven = _proven(path, signer)
    except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
        return None
    except OSError as error:
        raise AvatarError(f"{path} can't be read: {error.strerror}.", "Check the path.") from error
    except (c2pa.C2paError, ValueError) as error:
        with path.open("rb") as file:
            if not apart and _BOX not in file.read(_HEAD):
                return None
        reason = str(error).partition(":")[2].strip() or str(error)
        return Manifest(False, (f"the manifest can't be read: {reason}",), "", "", "", (), {})
    return _manifest(first, record, signer if proven else "")


def _kind(title: str) -> str:
    return (_KINDS | _APART).get(Path(title).suffix.lower(), "video/mp4")


def _described(record: Mapping[str, Any], title: str, public_key: str) -> dict[str, Any]:
    agent = {"name": "avatar-engine", "version": __version__}
    created = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE, "softwareAgent": agent}
    said = {**record, "signed_with": {"public_key": public_key, "key_id": keys.key_id(public_key)}}
    return {
        "claim_generator_info": [agent],
        "title": title,
        "format": _kind(title),
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": ASSERTION, "data": said},
        ],
    }


def _context(anchor: bytes = b"") -> Any:
    import c2pa

    settings: dict[str, Any] = {
        "verify": {**_QUIET, "verify_trust": bool(anchor)},
        "builder": {"thumbnail": {"enabled": False}},
    }
    if anchor:
        settings["trust"] = {"user_anchors": anchor.decode()}
    return c2pa.Context.from_dict(settings)


def _validated(path: Path, anchor: bytes = b"") -> dict[str, Any]:
    """What the reader says of the file: its JSON."""
    import c2pa

    apart = beside(path)
    lying = apart.read_bytes() if apart and apart.stat().st_size <= _LARGEST else b"" if apart else None
    with (
        path.open("rb") as file,
        c2pa.Reader(_kind(path.name), file, manifest_data=lying, context=_context(anchor)) as reader,
    ):
        told = json.loads(reader.json())
    if not isinstance(told, dict):
        raise ValueError("no report")
    return told


def _proven(path: Path, signer: str) -> bool:
    """Whether the file's signature is that of this technician's key."""
    try:
        public = keys.public_key(signer)
    except AvatarError:
        return False
    # the anchor is a name and a key: who signed the certificate that carries them does not matter
    anchor = _certificate(public, public, Ed25519PrivateKey.generate())
    return bool(_validated(path, anchor).get("validation_state") == "Trusted")


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _active(told: Mapping[str, Any]) -> Mapping[str, Any]:
    return _part(_part(told, "manifests"), str(told.get("active_manifest")))


def _assertions(told: Mapping[str, Any], label: str) -> list[Mapping[str, Any]]:
    listed = _active(told).get("assertions")
    each = listed if isinstance(listed, list) else []
    return [
        _part(one, "data")
        for one in each
        if isinstance(one, dict) and str(one.get("label", "")).startswith(label)
    ]


def _record(told: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(iter(_assertions(told, ASSERTION)), {})


def _manifest(told: Mapping[str, Any], record: Mapping[str, Any], signer: str) -> Manifest:
    listed = told.get("validation_status")
    wrong = [str(one.get("explanation") or one.get("code")) for one in listed or () if isinstance(one, dict)]
    whole = told.get("validation_state") in ("Valid", "Trusted")
    actions = [
        action
        for data in _assertions(told, "c2pa.actions")
        for action in data.get("actions") or ()
        if isinstance(action, dict)
    ]
    about = _active(told)
    makers = [one for one in about.get("claim_generator_info") or () if isinstance(one, dict)]
    names = [f"{one.get('name', '')} {one.get('version', '')}".strip() for one in makers]
    return Manifest(
        whole,
        () if whole else tuple(wrong) or ("it does not fit the file",),
        signer,
        str(_part(about, "signature_info").get("issuer", "")),
        ", ".join(names) or str(about.get("claim_generator", "")),
        tuple(dict.fromkeys(str(a["digitalSourceType"]) for a in actions if "digitalSourceType" in a)),
        record,
    )


def _certificate(of: Ed25519PublicKey, issuer: Ed25519PublicKey, key: Ed25519PrivateKey) -> bytes:
    """A certificate in PEM: an authority's for an issuer's own key, else one that may sign files."""
    authority = of == issuer
    now = datetime.now(UTC)
    usage = x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(of))
        .issuer_name(_name(issuer))
        .public_key(of)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(of), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(key, None).public_bytes(_PEM)


def _name(public: Ed25519PublicKey) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "avatar-engine"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"key {keys.key_id(keys.public_text(public))}"),
        ]
    )
