"""Ways to strip or forge a consent, and what stops each; docs/consent.md has them as a table.

The last tests say what is not stopped, so that nobody takes it for protected.
"""

from __future__ import annotations

import json
import tomllib
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from avatar_engine.bundle import MANIFEST, Bundle
from avatar_engine.errors import AvatarError
from avatar_engine.trust import audit, keys, permit, presenter, register, revocation, said
from avatar_engine.trust import consent as consents
from avatar_engine.trust.clearance import Clearance
from avatar_engine.trust.consent import Consent, SignedConsent
from avatar_engine.trust.register import Register
from avatar_engine.trust.said import Said
from tests.trust.signing import CODE, bundle, sign

TWITCH = ("live.twitch.tv",)
NOW = datetime.now(UTC)


def cleared(avatar: Path, leave: permit.Permit | None = None) -> SignedConsent:
    """What `live` does with an avatar before a show to Twitch."""
    opened = Bundle.open(avatar)
    signed = consents.from_record(opened.consent, opened.made)
    Clearance(signed, "live-shopping", TWITCH, leave).check(NOW)
    return signed


def rewritten(avatar: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The avatar with another manifest, its parts as they were."""
    with zipfile.ZipFile(avatar) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts[MANIFEST])
    change(manifest)
    parts[MANIFEST] = json.dumps(manifest).encode()
    with zipfile.ZipFile(avatar, "w") as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return avatar


def resigned(signed: SignedConsent, **changes: Any) -> SignedConsent:
    """The consent with other fields, signed anew by whoever's machine this is; the presenter's signature is kept."""
    key = keys.technician_key()
    fields = {**signed.consent.model_dump(), **changes, "technician_key": keys.public_text(key)}
    made = Consent.model_validate(fields)
    table = tomllib.loads(signed.text)
    table["consent"] = {
        name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()
    }
    table["signature"]["value"] = keys.sign(key, made.canonical())
    if not made.presenter_key:
        table.pop("presenter", None)
    return consents.parse(tomli_w.dumps(table), "the forged consent")


def thief(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """From now on this is somebody else's machine, with a key of its own."""
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(folder / "thief"))


@pytest.fixture
def avatar(tmp_path: Path) -> Path:
    return bundle(tmp_path / "marie.avatar", sign(tmp_path, code=CODE))


def test_the_avatar_as_it_was_made_is_cleared(avatar: Path) -> None:
    assert cleared(avatar).consent.presenter == "Marie Dupont"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("live-shopping", "advertising"),
        ('"fr"', '"de"'),
        ('"any"', '"twitch"'),
        ("Marie Dupont", "Marie Durand"),
    ],
)
def test_1_an_edited_field_breaks_the_signature(avatar: Path, old: str, new: str) -> None:
    def edit(manifest: dict[str, Any]) -> None:
        manifest["consent"]["text"] = manifest["consent"]["text"].replace(old, new)
        manifest["seal"] = None

    with pytest.raises(AvatarError, match="changed after it was signed"):
        cleared(rewritten(avatar, edit))


def test_2_the_consent_of_another_avatar_does_not_fit(avatar: Path, tmp_path: Path) -> None:
    other = sign(
        tmp_path, "jeanne.toml", clip=b"another minute", presenter="Jeanne Martin", uses=["live-shopping"]
    )
    stolen = bundle(tmp_path / "stolen.avatar", other, source=Bundle.open(avatar).made["source_sha256"])
    with pytest.raises(AvatarError, match="not made from the clip"):
        cleared(stolen)
    swap = rewritten(avatar, lambda manifest: manifest.update(consent=other.record()))
    with pytest.raises(AvatarError, match="changed after it was sealed"):
        cleared(swap)


def test_3_a_consent_that_is_signed_anew_by_another_key_lacks_the_presenters_signature(
    avatar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = consents.load(tmp_path / "consent.toml")
    thief(monkeypatch, tmp_path)
    with pytest.raises(AvatarError, match="changed after the presenter signed it"):
        resigned(honest, valid_until=date.today() + timedelta(days=9999))


def test_4_another_clip_makes_no_avatar(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    with pytest.raises(AvatarError, match=r"for the clip .*, not for this one"):
        consents.check(signed, clip_sha256="0" * 64)
    forged = bundle(tmp_path / "forged.avatar", signed, source="0" * 64)
    with pytest.raises(AvatarError, match="not made from the clip"):
        cleared(forged)


def test_5_an_avatar_without_its_consent_is_refused(avatar: Path, tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="changed after it was sealed"):
        cleared(rewritten(avatar, lambda manifest: manifest.update(consent={})))
    with pytest.raises(AvatarError, match="carries no consent"):
        cleared(rewritten(avatar, lambda manifest: manifest.update(consent={}, seal=None)))
    with pytest.raises(AvatarError, match="wrong at consent"):
        cleared(rewritten(avatar, lambda manifest: manifest.pop("consent")))


def test_6_the_presenters_signature_is_not_stripped_where_it_was_once_seen(
    avatar: Path, tmp_path: Path
) -> None:
    Register(cleared(avatar))
    bare = resigned(consents.load(tmp_path / "consent.toml"), presenter_key="")
    with pytest.raises(AvatarError, match="this consent is without it"):
        cleared(bundle(tmp_path / "stripped.avatar", bare))


def test_7_a_technician_makes_no_permit(tmp_path: Path) -> None:
    signed = sign(tmp_path, code=CODE, publish_with="permit")
    avatar = bundle(tmp_path / "strict.avatar", signed)
    permit.new(signed, presenter.key_of(CODE), tmp_path / "p.toml", begins=NOW, seconds=60)
    good = permit.load(tmp_path / "p.toml")
    assert cleared(avatar, good)
    longer = good.model_copy(update={"ends": NOW + timedelta(days=9)})
    own = longer.model_copy(update={"signature": keys.sign(keys.technician_key(), longer.canonical())})
    for forged in (None, longer, own):
        with pytest.raises(AvatarError, match="permit"):
            cleared(avatar, forged)
    with pytest.raises(AvatarError, match="changed after the presenter signed it"):
        resigned(signed, publish_with="")


def test_8_a_revocation_is_neither_forged_nor_moved_to_another_consent(avatar: Path, tmp_path: Path) -> None:
    other = sign(tmp_path, "other.toml", clip=b"another minute")
    made = revocation.revoke(other.id, keys.technician_key())
    forged = made.model_copy(update={"consent": cleared(avatar).id})
    (revocation.folder() / "forged.json").write_text(forged.model_dump_json())
    assert cleared(avatar), "nobody is stopped by it"


def test_9_what_was_said_is_not_rewritten(avatar: Path) -> None:
    signed = cleared(avatar)
    record = Said(signed, "live")
    record({"event": "say", "text": "It costs 20 euros.", "number": 1})
    record.close()
    (path,) = said.records(signed.id)
    whole = path.read_bytes()
    lines = whole.splitlines(True)
    for changed in (whole.replace(b"20 euros", b"10 euros"), b"".join(lines[:1] + lines[3:])):
        path.write_bytes(changed)
        assert audit.verify(path).broken


def test_not_protected_a_technician_alone_can_sign_anything_where_no_presenter_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = sign(tmp_path)
    thief(monkeypatch, tmp_path)
    longer = resigned(alone, valid_until=date.today() + timedelta(days=9999))
    assert cleared(bundle(tmp_path / "longer.avatar", longer))
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    assert longer.holder is None, "it is shown as one of unknown origin, and that is all"


def test_not_protected_a_machine_that_never_saw_the_presenters_signature_does_not_miss_it(
    avatar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = consents.load(tmp_path / "consent.toml")
    thief(monkeypatch, tmp_path)
    assert register.consents() == []
    assert cleared(bundle(tmp_path / "stripped.avatar", resigned(honest, presenter_key="")))
