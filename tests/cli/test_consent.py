"""Consents on the command line: from the presenter's code to the page of what was said, and to the end of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from avatar_engine.cli import consent as room
from avatar_engine.cli.main import app
from avatar_engine.contracts import Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.trust import consent, keys, permit, presenter, register, revocation, said
from avatar_engine.trust.said import Said
from tests.trust.signing import CODE, OTHER_CODE, bundle, sign

RUN = CliRunner()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "home"))
    monkeypatch.setattr(room, "out", Console(width=250))  # a path is looked for whole
    monkeypatch.setattr(room.time, "sleep", lambda _: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "minute.mp4").write_bytes(b"a minute")
    return tmp_path


def told(*words: str, typed: str = "", status: int = 0) -> str:
    """What a command prints."""
    done = RUN.invoke(app, list(words), input=typed)
    if isinstance(done.exception, AvatarError):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


NEW = (
    "consent", "new", "minute.mp4", "-o", "consent.toml", "--presenter", "Marie Dupont", "--use", "education",
    "--language", "fr", "--until", "2099-12-31", "--technician", "A. Martin",
)  # fmt: skip


def test_a_consent_that_nobody_asked_more_of_is_as_before(here: Path) -> None:
    assert "valid until 2099-12-31" in told(*NEW)
    agreed = consent.load(here / "consent.toml").consent
    assert agreed.platforms == ("any",) and not agreed.presenter_key and not agreed.publish_with


def test_the_presenter_gets_a_code_and_nobody_else_keeps_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presenter, "new_code", lambda: CODE)
    shown = told(*NEW, "--platform", "Twitch", "--permit", typed="nope\nuvwx\n")
    assert CODE in shown and "▀" in shown, "as letters and as a square"
    signed = consent.load(here / "consent.toml")
    assert signed.consent.platforms == ("twitch",) and signed.consent.publish_with == "permit"
    assert signed.presenter_signature and "with a permit that the presenter signs" in told(
        "consent", "show", "consent.toml"
    )
    kept = b"".join(path.read_bytes() for path in here.rglob("*") if path.is_file())
    assert CODE.encode() not in kept and CODE.replace("-", "").encode() not in kept


def test_a_presenter_signs_on_a_machine_of_their_own(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presenter, "new_code", lambda: CODE)
    public = re.search(r"technician: (\S+)", told("consent", "key", typed="UVWX\n"))[1]  # type: ignore[index]
    assert "waits for `consent sign`" in told(*NEW, "--presenter-key", public)
    with pytest.raises(AvatarError, match="lacks the presenter's signature"):
        consent.load(here / "consent.toml")
    with pytest.raises(AvatarError, match="3 codes were wrong"):
        told("consent", "sign", "consent.toml", typed=f"{OTHER_CODE}\nABCD\n{OTHER_CODE}\n")
    assert "signed by the presenter" in told(
        "consent", "sign", "consent.toml", typed=f"{OTHER_CODE}\n{CODE.lower()}\n"
    )
    assert consent.load(here / "consent.toml").presenter_signature


def test_a_permit_is_made_with_the_code(here: Path) -> None:
    signed = sign(here, code=CODE, publish_with="permit")
    bundle(here / "marie.avatar", signed)
    told(
        "consent", "permit", "marie.avatar", "-o", "p.toml", "--for", "4h", "--from", "2027-05-07T19:00", "--platform",
        "twitch", typed=f"{CODE}\n",
    )  # fmt: skip
    made = permit.load(here / "p.toml")
    assert (made.ends - made.begins).total_seconds() == 4 * 3600 and made.platforms == ("twitch",)
    assert made.begins.astimezone().strftime("%Y-%m-%dT%H:%M") == "2027-05-07T19:00"
    with pytest.raises(AvatarError, match="is no time"):
        told("consent", "permit", "marie.avatar", "-o", "q.toml", "--from", "tonight", typed=f"{CODE}\n")
    sign(here, "plain.toml")
    with pytest.raises(AvatarError, match="no key of the presenter's own"):
        told("consent", "permit", "plain.toml", "-o", "q.toml")


def test_a_consent_is_revoked_by_technician_presenter_or_id(here: Path) -> None:
    signed = sign(here, code=CODE)
    shown = told("consent", "revoke", "consent.toml", "--reason", "It ended", "--list", "list.json")
    assert signed.id in shown and "list.json: 1 revocations" in shown
    assert "revoked by the technician" in told("consent", "show", "consent.toml", status=1)
    for path in revocation.folder().glob("*.json"):
        path.unlink()
    told("consent", "revoke", signed.id, "--presenter", "--list", "list.json", typed=f"{CODE}\n")
    with pytest.raises(AvatarError, match="revoked by the presenter"):
        revocation.check(signed)
    assert (here / "list.json").read_text().count('"consent"') == 2


def test_another_technicians_revocation_says_how_far_it_goes(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(here)
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(here / "other"))
    shown = told("consent", "revoke", "consent.toml")
    assert f"only where they know this key ({keys.key_id(keys.public_text(keys.technician_key()))})" in shown


def test_a_presenter_gets_a_copy_and_is_forgotten(here: Path) -> None:
    signed = sign(here)
    avatar = bundle(here / "marie.avatar", signed)
    register.Register(signed).note("avatar", avatar, whole=True)
    record = Said(signed, "live", hosts=["live.twitch.tv"], outputs=["live.twitch.tv (twitch)"])
    record.handed(Utterance("Bonsoir", "fr", number=1))
    record.close()
    shown = told("consent", "copy", "marie dupont", "-o", "copy.zip")
    assert "live show: 1 texts, to live.twitch.tv (twitch)." in shown
    shown = told("forget", "marie")
    assert str(avatar) in shown and str(here / "copy.zip") in shown and "2 things go" in shown
    assert "live.twitch.tv (twitch)" in shown and "Nothing was removed" in shown and avatar.exists()
    shown = told("forget", "marie", "--yes")
    assert "Removed" in shown and not avatar.exists() and not (here / "copy.zip").exists()
    with pytest.raises(AvatarError, match="Nothing on this machine is known"):
        told("forget", "marie")


def test_a_copy_of_a_record_that_was_edited_ends_with_status_1(here: Path) -> None:
    signed = sign(here)
    record = Said(signed, "live")
    record.handed(Utterance("Bonsoir", "fr", number=1))
    record.close()
    (path,) = said.records(signed.id)
    path.write_bytes(path.read_bytes().replace(b"Bonsoir", b"Bonjour"))
    assert "BROKEN" in told("consent", "copy", "Marie Dupont", "-o", "copy", status=1)


def test_a_bad_date_is_refused() -> None:
    with pytest.raises(AvatarError, match="31-12-2027"):
        room._day("31-12-2027")
