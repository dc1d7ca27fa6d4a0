"""Consents for tests: a clip, a home of its own for every key, and a presenter who signs."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from avatar_engine.bundle import BundleWriter
from avatar_engine.trust import consent as consents
from avatar_engine.trust import presenter
from avatar_engine.trust.consent import SignedConsent

CODE = "ABCD-EFGH-IJKL-MNOP-QRST-UVWX"
OTHER_CODE = "2222-3333-4444-5555-6666-7777"
UNTIL = date.today() + timedelta(days=100)


def sign(
    folder: Path, name: str = "consent.toml", clip: bytes = b"the presenter's minute", **more: Any
) -> SignedConsent:
    """A consent by this machine's technician; with ``code`` by the presenter, too."""
    video = folder / f"{name}.mp4"
    video.write_bytes(clip)
    code = more.pop("code", "")
    fields: dict[str, Any] = {
        "presenter": "Marie Dupont",
        "uses": ["live-shopping"],
        "languages": ["fr"],
        "valid_until": UNTIL,
        "technician": "A. Martin",
        "output": folder / name,
        "presenter_signs": presenter.key_of(code) if code else None,
        "overwrite": True,
        **more,
    }
    return consents.new(video, **fields)


def bundle(path: Path, signed: SignedConsent, consent: Any = None, source: str = "") -> Path:
    """An avatar with a consent; with another ``consent`` record or ``source`` sha256 where a test forges one."""
    made = {"source_sha256": source or signed.consent.clip_sha256}
    with BundleWriter(path, path.stem, made, signed if consent is None else consent) as writer:
        writer.add_json("report/report.json", {"likeness": 1})
    return path
