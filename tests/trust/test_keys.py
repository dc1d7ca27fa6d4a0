"""The technician's key: made once, kept private, and known by a short name."""

from __future__ import annotations

import base64
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    return tmp_path


def test_the_key_is_made_once_for_its_owner_alone(home: Path) -> None:
    first = keys.technician_key()
    file = home / "config" / keys.KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert keys.public_text(keys.technician_key()) == keys.public_text(first)
    assert [entry.name for entry in file.parent.iterdir()] == [keys.KEY_FILE]


def test_two_who_make_it_at_once_get_the_same(home: Path) -> None:
    found: list[str] = []
    gate = threading.Barrier(8)

    def make() -> None:
        gate.wait()
        found.append(keys.public_text(keys.technician_key()))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_key_that_others_may_read_is_refused(home: Path) -> None:
    keys.technician_key()
    (home / "config" / keys.KEY_FILE).chmod(0o644)
    with pytest.raises(AvatarError, match="chmod 600"):
        keys.technician_key()


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_refused_and_kept(home: Path, content: bytes) -> None:
    keys.technician_key()
    file = home / "config" / keys.KEY_FILE
    file.write_bytes(content)
    with pytest.raises(AvatarError, match="no private key"):
        keys.technician_key()
    assert file.read_bytes() == content


def test_a_key_of_another_kind_is_refused(home: Path) -> None:
    keys.technician_key()
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (home / "config" / keys.KEY_FILE).write_bytes(pem)
    with pytest.raises(AvatarError, match="no Ed25519 key"):
        keys.technician_key()


def test_a_folder_that_cannot_be_made_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(home / "file"))
    with pytest.raises(AvatarError, match="can't be used"):
        keys.technician_key()


def test_a_signature_holds_for_its_message_and_key_alone() -> None:
    key = keys.technician_key()
    public, signature = keys.public_text(key), keys.sign(key, b"yes")
    other = base64.b64encode(bytes(31) + b"\x01").decode()
    assert keys.is_signed(b"yes", signature, public)
    assert not keys.is_signed(b"no", signature, public)
    assert not keys.is_signed(b"yes", signature, other)
    assert not keys.is_signed(b"yes", "not base64!", public)
    assert not keys.is_signed(b"yes", signature, "short")


def test_the_short_name_is_the_start_of_the_sha256() -> None:
    zeros = base64.b64encode(bytes(32)).decode()
    assert keys.key_id(zeros) == "6668-7aad-f862-bd77"  # sha256 of 32 zero bytes
    with pytest.raises(AvatarError, match="no Ed25519 public key"):
        keys.key_id("????")


def test_known_keys_are_the_own_and_those_remembered(home: Path) -> None:
    assert keys.known_keys() == {}
    other = base64.b64encode(bytes(32)).decode()
    assert keys.remember(other, "B. Durand") == keys.key_id(other)
    assert keys.known_keys() == {keys.key_id(other): "B. Durand"}
    own = keys.key_id(keys.public_text(keys.technician_key()))
    keys.remember(other, "B. Durand, studio 2")
    assert keys.known_keys() == {keys.key_id(other): "B. Durand, studio 2", own: "this machine's technician"}


@pytest.mark.parametrize("content", ["keys = 3", "[[", "", "\x00"])
def test_a_damaged_list_of_known_keys_is_told(home: Path, content: str) -> None:
    (home / "config").mkdir()
    (home / "config" / keys.KNOWN_FILE).write_text(content)
    with pytest.raises(AvatarError, match=r"known_keys\.toml can't be read"):
        keys.known_keys()


def test_looking_for_the_own_key_makes_none(home: Path) -> None:
    assert keys.own_key() is None
    assert list(home.iterdir()) == []
    made = keys.technician_key()
    found = keys.own_key()
    assert found is not None
    assert keys.public_text(found) == keys.public_text(made)
