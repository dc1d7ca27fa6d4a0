"""A manifest tells who signed and what was made, and any change to the file or a stolen record is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys, manifest
from avatar_engine.trust.provenance import SOURCE_TYPE

KEY = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
PUBLIC = keys.public_text(KEY)
RECORD = {"avatar": "marie", "consent": {"signature": "c2ln", "public_key": "a2V5"}}


def video(path: Path) -> Path:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for level in range(40, 60):
            frame = av.VideoFrame.from_ndarray(np.full((96, 64), level, np.uint8), format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    path = video(tmp_path / "a.mp4")
    manifest.sign(path, RECORD, "a.mp4", KEY)
    return path


def read(path: Path) -> manifest.Manifest:
    found = manifest.read(path)
    assert found is not None
    return found


def test_a_signed_file_plays_and_says_who_signed_and_whose_consent_it_is(signed: Path) -> None:
    found = read(signed)
    assert found.whole and not found.problems
    assert found.signer == PUBLIC
    assert found.source_types == (SOURCE_TYPE,)
    assert found.record["avatar"] == "marie" and found.record["consent"]["signature"] == "c2ln"
    assert found.record["signed_with"] == {"public_key": PUBLIC, "key_id": keys.key_id(PUBLIC)}
    assert found.generator.startswith("avatar-engine")
    with av.open(str(signed)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 20
    assert [path.name for path in signed.parent.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("place", [0.3, 0.6, 0.95])
def test_one_changed_byte_is_seen(signed: Path, place: float) -> None:
    data = bytearray(signed.read_bytes())
    start = data.find(b"mdat") + 8
    data[start + round(place * (len(data) - start))] ^= 1
    signed.write_bytes(data)
    found = read(signed)
    assert not found.whole and found.problems


def test_a_changed_record_is_seen(signed: Path) -> None:
    data = signed.read_bytes()
    assert data.count(b"marie") == 1
    signed.write_bytes(data.replace(b"marie", b"maria"))
    assert not read(signed).whole


def test_a_record_that_names_anothers_key_is_not_that_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = video(tmp_path / "a.mp4")
    thief = Ed25519PrivateKey.generate()
    described = manifest._described

    def lying(told: Any, title: str, public_key: str) -> Any:
        return described(told, title, PUBLIC)

    monkeypatch.setattr(manifest, "_described", lying)
    manifest.sign(path, RECORD, "a.mp4", thief)
    found = read(path)
    assert found.whole and found.record["signed_with"]["public_key"] == PUBLIC
    assert found.signer == ""


def test_a_certificate_with_anothers_name_does_not_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = video(tmp_path / "a.mp4")
    described, name = manifest._described, manifest._name(KEY.public_key())
    monkeypatch.setattr(manifest, "_described", lambda told, title, key: described(told, title, PUBLIC))
    with monkeypatch.context() as lying:
        lying.setattr(manifest, "_name", lambda key: name)
        manifest.sign(path, RECORD, "a.mp4", Ed25519PrivateKey.generate())
    assert read(path).signer == ""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A file that has no place for a manifest; what it holds does not matter."""
    (tmp_path / "hidden.part").write_bytes(bytes(range(256)) * 200)
    manifest.sign(tmp_path / "hidden.part", RECORD, "a.webm", KEY)
    return (tmp_path / "hidden.part").rename(tmp_path / "a.webm")


def test_a_film_that_can_hold_none_has_it_beside(film: Path) -> None:
    found = read(film)
    assert found.whole and found.signer == PUBLIC and found.record["avatar"] == "marie"
    assert sorted(path.name for path in film.parent.iterdir()) == ["a.c2pa", "a.webm"]
    assert film.read_bytes() == bytes(range(256)) * 200


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data + b"a", lambda data: b"b" + data[1:]]
)
def test_a_change_of_a_film_is_seen_by_the_manifest_beside_it(film: Path, change: Any) -> None:
    film.write_bytes(change(film.read_bytes()))
    found = read(film)
    assert not found.whole and found.problems


def test_a_manifest_beside_a_film_that_was_changed_cut_or_made_huge_is_none_that_holds(film: Path) -> None:
    apart = film.with_suffix(".c2pa")
    told = apart.read_bytes()
    for data in (
        told.replace(b"marie", b"maria"),
        told[: len(told) // 2],
        b"",
        b"no manifest",
        b"x" * (1 << 25),
    ):
        apart.write_bytes(data)
        assert not read(film).whole
    apart.unlink()
    assert manifest.read(film) is None


def test_files_without_one_have_none(tmp_path: Path) -> None:
    assert manifest.read(video(tmp_path / "a.mp4")) is None
    assert manifest.read(tmp_path / "a.flv") is None
    (tmp_path / "text.mp4").write_text("no video at all")
    assert manifest.read(tmp_path / "text.mp4") is None
    with pytest.raises(AvatarError, match="can't be read"):
        manifest.read(tmp_path / "missing.mp4")


def test_a_manifest_that_is_cut_off_is_a_change(signed: Path) -> None:
    data = signed.read_bytes()
    signed.write_bytes(data[: data.find(b"marie")])
    found = manifest.read(signed)
    assert found is not None and not found.whole


def test_what_cannot_be_signed_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("no video")
    with pytest.raises(AvatarError, match="can't be signed"):
        manifest.sign(path, RECORD, "a.mp4", KEY)
    assert path.read_text() == "no video" and [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
