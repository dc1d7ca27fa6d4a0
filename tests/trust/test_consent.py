"""Consents: signed, read back, and refused when changed or used beyond what was agreed."""

from __future__ import annotations

import hashlib
import json
import stat
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.errors import AvatarError
from avatar_engine.trust import files, keys, statement
from avatar_engine.trust.consent import USES, SignedConsent, check, covers, from_record, load, new, parse

CLIP = b"the presenter's minute"
UNTIL = date.today() + timedelta(days=100)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def sign(folder: Path, **changes: Any) -> SignedConsent:
    video = folder / "minute.mp4"
    video.write_bytes(CLIP)
    fields: dict[str, Any] = {
        "presenter": "Marie Dupont",
        "uses": ["live-shopping", "education"],
        "languages": ["fr", "en-GB"],
        "valid_until": UNTIL,
        "technician": "A. Martin",
        "output": folder / "consent.toml",
        **changes,
    }
    return new(video, **fields)


def shown(signed: SignedConsent) -> str:
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(signed.describe())
    return console.export_text()


def test_what_was_signed_is_read_back(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    assert load(tmp_path / "consent.toml") == signed
    agreed = signed.consent
    assert (agreed.presenter, agreed.uses, agreed.languages) == (
        "Marie Dupont",
        ("live-shopping", "education"),
        ("fr", "en-GB"),
    )
    assert (agreed.valid_from, agreed.valid_until) == (date.today(), UNTIL)
    assert (agreed.clip_name, agreed.clip_sha256) == ("minute.mp4", hashlib.sha256(CLIP).hexdigest())
    assert signed.key_id == keys.key_id(keys.public_text(keys.technician_key()))


def test_the_file_reads_in_plain_words(tmp_path: Path) -> None:
    sign(tmp_path, languages=["en"])
    table = tomllib.loads((tmp_path / "consent.toml").read_text(encoding="utf-8"))
    assert table["consent"]["valid_until"] == UNTIL
    statement = table["consent"]["statement"]
    for word in (
        "Marie Dupont",
        "minute.mp4",
        "present and sell products in live shows and teach",
        "withdraw",
    ):
        assert word in statement


def test_the_statement_is_in_the_first_language_that_has_one(tmp_path: Path) -> None:
    assert sign(tmp_path, languages=["ja", "fr-CA", "en"]).consent.statement.startswith("Je soussigné")
    assert sign(tmp_path, languages=["ja"], overwrite=True).consent.statement.startswith("I, Marie")


def test_every_use_has_words_in_every_language() -> None:
    assert set(statement.USES_FR) == set(USES)


SIGNED_BY_THE_FIRST_VERSION = """\
[consent]
version = 1
presenter = "Zoé Martin"
uses = ["education"]
languages = ["fr"]
valid_from = 2026-11-22
valid_until = 2027-11-22
clip_name = "minute.mp4"
clip_sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
technician = "A. Martin"
technician_key = "rmoD8deLM7iVLZnjF5gGDvftSHT4tT48vNULUpB0n9c="
statement = "Je soussigné(e), Zoé Martin, accepte qu'une image virtuelle de mon visage et de ma voix soit créée à \
partir de la vidéo minute.mp4 et qu'elle dise des paroles que je n'ai pas dites, pour enseigner et former, dans ces \
langues : fr, du 2026-11-22 au 2027-11-22. Chaque image indique qu'elle est générée par une intelligence \
artificielle. Je peux retirer mon accord à tout moment ; l'image n'est alors plus utilisée. A. Martin me l'a expliqué \
et signe comme témoin."

[signature]
algorithm = "Ed25519"
value = "aeSTcQ6wE6YZBLHdW8tTydXVm0N31rxhJoDkLuZfvV94jJ5NtJkfyrcDjiM6nSDbuExkS6SlgHtILlmKwXmmBg=="
"""


def test_what_the_first_version_signed_is_valid_for_ever() -> None:
    signed = parse(SIGNED_BY_THE_FIRST_VERSION, "consent.toml")
    assert signed.consent.presenter == "Zoé Martin"
    assert signed.consent.canonical().startswith(
        b'avatar-engine consent\n{"clip_name":"minute.mp4","clip_sha256":'
    )


def test_an_existing_file_is_kept_unless_asked(tmp_path: Path) -> None:
    sign(tmp_path)
    before = (tmp_path / "consent.toml").read_bytes()
    with pytest.raises(AvatarError, match=r"exists already.*--force"):
        sign(tmp_path, presenter="Another")
    assert (tmp_path / "consent.toml").read_bytes() == before
    assert sign(tmp_path, presenter="Another", overwrite=True).consent.presenter == "Another"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["consent.toml", "home", "minute.mp4"]


def test_a_file_that_comes_into_being_meanwhile_is_kept(tmp_path: Path) -> None:
    other = tmp_path / "consent.toml"
    other.write_text("somebody else's")
    with pytest.raises(AvatarError, match="exists already"):
        files.put(other, b"mine", overwrite=False)
    assert other.read_text() == "somebody else's"
    assert [entry.name for entry in tmp_path.iterdir()] == ["consent.toml"]


def test_it_is_private_to_its_owner(tmp_path: Path) -> None:
    sign(tmp_path)
    assert stat.S_IMODE((tmp_path / "consent.toml").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"presenter": "  "}, "presenter"),
        ({"presenter": "Two\nlines"}, "presenter"),
        ({"technician": ""}, "technician"),
        ({"uses": []}, "uses"),
        ({"uses": ["anything"]}, "'anything' is no known use; known: live-shopping"),
        ({"languages": []}, "languages"),
        ({"languages": ["french"]}, "'french' is no language tag"),
        ({"valid_until": date(2020, 1, 1)}, "expired already"),
        ({"valid_from": UNTIL + timedelta(days=1)}, "before it begins"),
    ],
)
def test_a_consent_that_makes_no_sense_is_not_signed(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(AvatarError, match=words):
        sign(tmp_path, **changes)
    assert not (tmp_path / "consent.toml").exists()


def test_a_clip_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match=r"none\.mp4 can't be read"):
        new(
            tmp_path / "none.mp4",
            presenter="A",
            uses=["education"],
            languages=["en"],
            valid_until=UNTIL,
            technician="B",
            output=tmp_path / "c.toml",
        )


TAMPERED: list[tuple[str, Any]] = [
    ("presenter", "Jeanne Dupont"),
    ("uses", ["live-shopping", "education", "advertising"]),
    ("uses", ["education", "live-shopping"]),
    ("languages", ["fr", "en-GB", "de"]),
    ("valid_until", UNTIL + timedelta(days=1)),
    ("valid_from", date.today() - timedelta(days=1)),
    ("clip_sha256", "0" * 64),
    ("clip_name", "other.mp4"),
    ("technician", "Somebody"),
    ("statement", "I agree to everything."),
]


@pytest.mark.parametrize(("field", "value"), TAMPERED)
def test_every_field_is_signed(field: str, value: Any, tmp_path: Path) -> None:
    table = tomllib.loads(sign(tmp_path).text)
    table["consent"][field] = value
    with pytest.raises(AvatarError, match="changed after it was signed"):
        parse(tomli_w.dumps(table), "consent.toml")


def test_the_signature_of_another_key_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tomllib.loads(sign(tmp_path).text)
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "thief"))
    table["consent"]["technician_key"] = keys.public_text(keys.technician_key())
    with pytest.raises(AvatarError, match="changed after it was signed"):
        parse(tomli_w.dumps(table), "consent.toml")


def test_spaces_comments_and_line_ends_may_change(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    table = tomllib.loads(signed.text)
    other = "# mailed by the studio\r\n" + tomli_w.dumps(table, indent=8).replace("\n", "\r\n")
    assert parse(other, "consent.toml").consent == signed.consent


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no signed consent"),
        ("= =", "no TOML"),
        ("[consent]\nversion = 1", "no signed consent"),
        ("consent = 1\nsignature = 2", "no signed consent"),
        ("[consent]\nversion = 3\nnew = 1\n[signature]\n", "version 3.*Upgrade"),
        ("[consent]\nversion = 1\n[signature]\n", "wrong at presenter"),
        ("a = " + "[" * 5000, "no TOML"),
    ],
)
def test_what_is_no_consent_is_refused(text: str, words: str) -> None:
    with pytest.raises(AvatarError, match=words) as caught:
        parse(text, "consent.toml")
    assert caught.value.advice


@pytest.mark.parametrize(
    "seal",
    [{}, {"algorithm": "none", "value": ""}, {"algorithm": "Ed25519", "value": 3}, {"algorithm": "Ed25519"}],
)
def test_a_seal_that_is_none_is_refused(seal: dict[str, Any], tmp_path: Path) -> None:
    table = tomllib.loads(sign(tmp_path).text)
    table["signature"] = seal
    with pytest.raises(AvatarError, match="no Ed25519 signature"):
        parse(tomli_w.dumps(table), "consent.toml")


def test_a_field_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    table = tomllib.loads(sign(tmp_path).text)
    table["consent"]["also"] = "resale"
    with pytest.raises(AvatarError, match="wrong at also"):
        parse(tomli_w.dumps(table), "consent.toml")


def test_files_that_are_no_text_are_told(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="no consent file"):
        load(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AvatarError, match="UTF-8"):
        load(tmp_path / "odd.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (2 << 20))
    with pytest.raises(AvatarError, match="too large"):
        load(tmp_path / "large.toml")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.data())
def test_a_tampered_file_is_refused_or_says_the_same(draw: st.DataObject, tmp_path: Path) -> None:
    signed = sign(tmp_path, overwrite=True)
    data = bytearray(signed.text.encode())
    for place in draw.draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=3)):
        data[place] = draw.draw(st.integers(0, 255))
    path = tmp_path / "tampered.toml"
    path.write_bytes(data)
    try:
        found = load(path)
    except AvatarError:
        return
    assert found.consent == signed.consent


def test_what_was_agreed_passes(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    sha256 = hashlib.sha256(CLIP).hexdigest()
    check(signed)
    check(signed, use="education", language="fr", on=UNTIL, clip_sha256=sha256)
    check(signed, language="fr-CA", on=date.today())
    check(signed, language="en_gb")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"on": UNTIL + timedelta(days=1)}, f"expired on {UNTIL}"),
        ({"on": date.today() - timedelta(days=1)}, f"valid from {date.today()} on"),
        ({"clip_sha256": "0" * 64}, "for the clip minute.mp4.*not for this one"),
        ({"use": "advertising"}, "did not agree to the use 'advertising', only to: live-shopping, education"),
        ({"use": "banking"}, "an unknown use; known: live-shopping"),
        ({"language": "de"}, "did not agree to the language 'de', only to: fr, en-GB"),
        ({"language": "en"}, "did not agree to the language 'en'"),
        ({"language": "frr"}, "did not agree to the language 'frr'"),
    ],
)
def test_what_was_not_agreed_is_refused(asked: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match=words) as caught:
        check(sign(tmp_path), **asked)
    assert caught.value.advice


def test_a_language_covers_its_regions_and_not_the_other_way() -> None:
    assert covers("fr", "fr") and covers("fr", "fr-CA") and covers("FR", "fr")
    assert not covers("fr-CA", "fr") and not covers("fr", "frr")


def test_a_bundle_carries_the_consent_verbatim(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    with BundleWriter(tmp_path / "marie.avatar", "Marie", {}, signed) as writer:
        writer.add_json("report/report.json", {})
    carried = from_record(Bundle.open(tmp_path / "marie.avatar").consent)
    assert carried == signed
    assert carried.text == (tmp_path / "consent.toml").read_text(encoding="utf-8")


def test_a_carried_consent_that_was_changed_is_refused(tmp_path: Path) -> None:
    record = sign(tmp_path).record()
    with pytest.raises(AvatarError, match="changed after it was signed"):
        from_record({**record, "text": record["text"].replace("Marie", "Maria")})
    with pytest.raises(AvatarError, match="contradicts itself"):
        from_record({**record, "signature": "A" * 88})
    with pytest.raises(AvatarError, match="contradicts itself"):
        from_record({**record, "public_key": "A" * 44})
    for nothing in ({}, {"text": 3}, {"text": None}):
        with pytest.raises(AvatarError, match="carries no consent"):
            from_record(nothing)


def test_a_consent_for_another_clip_makes_no_avatar_usable(tmp_path: Path) -> None:
    record = sign(tmp_path).record()
    assert from_record(record, {"source_sha256": hashlib.sha256(CLIP).hexdigest()})
    for made in ({}, {"source_sha256": "0" * 64}):
        with pytest.raises(AvatarError, match=r"not made from the clip minute\.mp4"):
            from_record(record, made)


def test_an_unknown_key_is_shown_as_a_warning_until_it_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = sign(tmp_path)
    assert signed.holder == "this machine's technician"
    assert "warning" not in shown(signed)
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "another machine"))
    elsewhere = load(tmp_path / "consent.toml")
    check(elsewhere)
    assert elsewhere.holder is None
    assert "not known on this machine" in shown(elsewhere)
    keys.remember(elsewhere.consent.technician_key, "A. Martin")
    assert elsewhere.holder == "A. Martin"
    assert "warning" not in shown(elsewhere)


def test_what_is_shown_is_text_and_not_markup(tmp_path: Path) -> None:
    signed = sign(tmp_path, presenter="[red]Marie[/]")
    told = shown(signed)
    assert "[red]Marie[/]" in told
    assert "(valid)" in told


def test_the_record_is_json(tmp_path: Path) -> None:
    record = sign(tmp_path).record()
    assert from_record(json.loads(json.dumps(record))).consent.presenter == "Marie Dupont"
