"""Bundles: written whole or not at all, read back exactly, and refused when anything is not as written."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import stat
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avatar_engine import bundle as bundles
from avatar_engine.bundle import (
    KINDS,
    MANIFEST,
    ORIGINAL,
    SCHEMA,
    Bundle,
    BundleWriter,
    check_look_name,
    check_part_name,
)
from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys

FOOTAGE = bytes(range(256)) * 40
TENSORS = {"transforms": np.arange(12, dtype=np.float32).reshape(2, 2, 3), "found": np.array([True, False])}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))


def write(path: Path) -> Path:
    with BundleWriter(
        path, "Ann", {"seconds": np.float32(1.5), "bad": float("nan")}, {"text": "yes"}
    ) as writer:
        writer.add_bytes("body/body.mp4", FOOTAGE)
        writer.add_tensors("body/body.safetensors", TENSORS)
        writer.add_json("report/report.json", {"psnr": np.float64(33.5), "series": np.array([1, 2])})
    return path


@pytest.fixture(scope="module")
def sound_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AVATAR_ENGINE_HOME", str(tmp_path_factory.mktemp("home")))  # without a key: not sealed
        return write(tmp_path_factory.mktemp("bundle") / "ann.avatar")


def rewrite(source: Path, target: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> Path:
    """A copy whose manifest and members ``change`` may alter, all sums of the zip itself being right."""
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}
        manifest = json.loads(archive.read(MANIFEST))
    change(manifest, members)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr(MANIFEST, json.dumps(manifest))
    return target


def part(data: bytes, suffix: str) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "kind": KINDS[suffix]}


def test_everything_written_is_read_back(sound_file: Path) -> None:
    bundle = Bundle.open(sound_file)
    assert bundle.name == "Ann"
    assert bundle.made == {"seconds": 1.5, "bad": None}
    assert bundle.consent == {"text": "yes"}
    assert bundle.read("body/body.mp4") == FOOTAGE
    assert bundle.json("report/report.json") == {"psnr": 33.5, "series": [1, 2]}
    tensors = bundle.tensors("body/body.safetensors")
    assert {name: array.dtype for name, array in tensors.items()} == {
        name: array.dtype for name, array in TENSORS.items()
    }
    assert all(np.array_equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_manifest_says_what_each_part_is(sound_file: Path) -> None:
    bundle = Bundle.open(sound_file)
    assert bundle.manifest.schema_version == SCHEMA
    assert bundle.manifest.created.endswith("+00:00")
    found = bundle.parts["body/body.mp4"]
    assert (found.bytes, found.kind) == (len(FOOTAGE), "video/mp4")
    assert found.sha256 == hashlib.sha256(FOOTAGE).hexdigest()


def test_it_is_a_plain_zip_of_stored_members(sound_file: Path) -> None:
    with zipfile.ZipFile(sound_file) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_bundle_can_be_sent_to_another_process(sound_file: Path) -> None:
    sent = pickle.loads(pickle.dumps(Bundle.open(sound_file)))
    assert sent.read("body/body.mp4") == FOOTAGE


def test_unknown_part_lists_those_there_are(sound_file: Path) -> None:
    with pytest.raises(AvatarError, match=r"has no part 'voice/voice.json'.*body/body.mp4"):
        Bundle.open(sound_file).read("voice/voice.json")


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "ann.avatar"
    target.write_bytes(b"the old one")
    with pytest.raises(ZeroDivisionError), BundleWriter(target, "Ann", {}, {}) as writer:
        writer.add_bytes("body/body.mp4", FOOTAGE)
        raise ZeroDivisionError
    assert [entry.name for entry in tmp_path.iterdir()] == ["ann.avatar"]
    assert target.read_bytes() == b"the old one"


def test_the_old_bundle_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = write(tmp_path / "ann.avatar")
    before = target.read_bytes()
    with BundleWriter(target, "Bob", {}, {}) as writer:
        writer.add_bytes("body/body.mp4", b"new")
        assert target.read_bytes() == before
    assert Bundle.open(target).name == "Bob"
    assert [entry.name for entry in tmp_path.iterdir()] == ["ann.avatar"]


def test_everything_is_on_the_disk_before_the_name_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        done.append("replace")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    write(tmp_path / "ann.avatar")
    assert done == ["file", "replace", "folder"]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AvatarError, match="No space left"):
        write(tmp_path / "ann.avatar")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_while_a_part_is_added_is_told(tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"{"
        raise OSError(28, "No space left on device")

    with (
        pytest.raises(AvatarError, match=r"a\.json.*No space left"),
        BundleWriter(tmp_path / "a", "A", {}, {}) as writer,
    ):
        writer._add("a.json", failing(), 1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="can't be written"):
        write(tmp_path / "nowhere" / "ann.avatar")


def test_the_same_part_twice_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(AvatarError, match="already"),
        BundleWriter(tmp_path / "a.avatar", "A", {}, {}) as writer,
    ):
        writer.add_bytes("a.json", b"{}")
        writer.add_bytes("A.json", b"{}")


def test_the_manifest_is_not_a_part_to_write(tmp_path: Path) -> None:
    with pytest.raises(AvatarError), BundleWriter(tmp_path / "a.avatar", "A", {}, {}) as writer:
        writer.add_bytes(MANIFEST, b"{}")


@pytest.mark.parametrize("name", ["lips/lips.pkl", "lips/lips.pt", "run.py", "a/b", "x.npz", "x.bin"])
def test_kinds_that_could_run_code_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="kind"), BundleWriter(tmp_path / "a.avatar", "A", {}, {}) as writer:
        writer.add_bytes(name, b"x")


ESCAPES = [
    "../x.json",
    "a/../../x.json",
    "/etc/x.json",
    "a\\x.json",
    "..\\x.json",
    "C:/x.json",
    "C:x.json",
    "a//x.json",
    "./x.json",
    "a/./x.json",
    "",
    "a/",
    "x.json\x00.png",
    "~/x.json",
    "nül/x.json",
    ".hidden.json",
    "a/" * 150 + "x.json",
]


@pytest.mark.parametrize("name", ESCAPES)
def test_names_that_leave_the_bundle_are_refused(name: str, sound_file: Path, tmp_path: Path) -> None:
    with pytest.raises(AvatarError):
        check_part_name(name)
    if name and "\x00" not in name:  # these can't be put into a zip by name

        def plant(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
            members[name] = b"{}"
            manifest["parts"][name] = part(b"{}", ".json")

        with pytest.raises(AvatarError):
            Bundle.open(rewrite(sound_file, tmp_path / "evil.avatar", plant))


@given(st.text(max_size=30).map(lambda text: text + ".json"))
def test_an_accepted_name_stays_inside(name: str) -> None:
    try:
        check_part_name(name)
    except AvatarError:
        return
    assert os.path.normpath(f"/bundle/{name}").startswith("/bundle/")
    assert "\\" not in name and ":" not in name and "\x00" not in name


def drop_part(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    del members["body/body.mp4"]


def unlisted(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    members["extra.json"] = b"{}"


def other_bytes(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    members["body/body.mp4"] = FOOTAGE[::-1]


def longer(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    members["body/body.mp4"] += b"!"


def wrong_kind(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    manifest["parts"]["body/body.mp4"]["kind"] = "text/html"


def foreign(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    manifest["format"] = "another program's"


def newer(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    manifest["schema_version"] = SCHEMA + 1
    manifest["a_field_of_the_future"] = 1


def older(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    manifest["schema_version"] = 0


def unknown_field(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    manifest["run"] = "rm -rf"


def size_as_text(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    manifest["parts"]["body/body.mp4"]["bytes"] = str(len(FOOTAGE))


def no_name(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    manifest["name"] = ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop_part, "lacks the part 'body/body.mp4'"),
        (unlisted, "'extra.json', which its manifest does not name"),
        (other_bytes, "damaged: its part 'body/body.mp4'"),
        (longer, "not as its manifest says"),
        (wrong_kind, "not as its manifest says"),
        (foreign, "not an avatar file of this engine"),
        (newer, f"schema {SCHEMA + 1}.*Upgrade"),
        (older, "unknown schema 0"),
        (unknown_field, "wrong at run"),
        (size_as_text, "wrong at parts.body/body.mp4.bytes"),
        (no_name, "wrong at name"),
    ],
)
def test_a_bundle_that_contradicts_itself_is_refused(
    change: Callable[..., None], words: str, sound_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(AvatarError, match=words) as caught:
        Bundle.open(rewrite(sound_file, tmp_path / "odd.avatar", change))
    assert caught.value.advice


def test_without_verifying_a_damaged_part_is_found_when_read(sound_file: Path, tmp_path: Path) -> None:
    bundle = Bundle.open(rewrite(sound_file, tmp_path / "odd.avatar", other_bytes), verify=False)
    assert bundle.json("report/report.json")["psnr"] == 33.5
    with pytest.raises(AvatarError, match="damaged"):
        bundle.read("body/body.mp4")
    with pytest.raises(AvatarError, match="damaged"):
        bundle.extract("body/body.mp4")
    assert not [entry for entry in (tmp_path / "home").rglob("*") if entry.is_file()]


def test_a_member_named_twice_is_refused(sound_file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "twice.avatar"
    shutil.copy(sound_file, copy)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(copy, "a") as archive:
        archive.writestr("body/body.mp4", FOOTAGE)
    with pytest.raises(AvatarError, match="twice"):
        Bundle.open(copy)


def test_compressed_members_are_refused(sound_file: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.avatar"
    with zipfile.ZipFile(sound_file) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            archive.writestr(name, source.read(name))
    with pytest.raises(AvatarError, match="is compressed; bundles store"):
        Bundle.open(bomb)


def test_a_size_beyond_the_file_is_refused_before_anything_is_read(sound_file: Path, tmp_path: Path) -> None:
    data = bytearray(sound_file.read_bytes())
    entry = data.index(b"PK\x01\x02")
    for field in (20, 24):  # compressed and plain size of the first member
        data[entry + field : entry + field + 4] = (2**31).to_bytes(4, "little")
    claims = tmp_path / "claims.avatar"
    claims.write_bytes(data)
    with pytest.raises(AvatarError, match="claims more than it can hold"):
        Bundle.open(claims)


def test_links_and_encrypted_members_are_refused(sound_file: Path, tmp_path: Path) -> None:
    data = bytearray(sound_file.read_bytes())
    entry = data.index(b"PK\x01\x02")
    link = bytearray(data)
    link[entry + 38 : entry + 42] = ((stat.S_IFLNK | 0o777) << 16).to_bytes(4, "little")
    (tmp_path / "link.avatar").write_bytes(link)
    with pytest.raises(AvatarError, match="a link or a device"):
        Bundle.open(tmp_path / "link.avatar")
    locked = bytearray(data)
    locked[entry + 8] |= 1
    (tmp_path / "locked.avatar").write_bytes(locked)
    with pytest.raises(AvatarError, match="encrypted"):
        Bundle.open(tmp_path / "locked.avatar")


@pytest.mark.parametrize(
    "manifest", [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"format": 1}']
)
def test_a_manifest_that_is_none_is_refused(manifest: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.avatar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MANIFEST, manifest)
    with pytest.raises(AvatarError):
        Bundle.open(path)


def test_an_endless_manifest_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MANIFEST_LIMIT", 100)
    with pytest.raises(AvatarError, match="manifest of"):
        Bundle.open(write(tmp_path / "a.avatar"))


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_no_bundle_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.avatar"
    path.write_bytes(content)
    with pytest.raises(AvatarError, match="not an avatar file"):
        Bundle.open(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="no avatar file"):
        Bundle.open(tmp_path / "none.avatar")
    with pytest.raises(AvatarError, match="no avatar file"):
        Bundle.open(tmp_path)


def test_every_truncation_is_refused(sound_file: Path, tmp_path: Path) -> None:
    data = sound_file.read_bytes()
    path = tmp_path / "cut.avatar"
    for end in [*range(0, len(data), 101), len(data) - 1]:
        path.write_bytes(data[:end])
        with pytest.raises(AvatarError):
            Bundle.open(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.data())
def test_flipped_bytes_are_refused_or_change_nothing(
    draw: st.DataObject, sound_file: Path, tmp_path: Path
) -> None:
    data = bytearray(sound_file.read_bytes())
    start = data.index(b"PK\x01\x02")
    # half of the flips go to the zip's own directory, where readers are easily led astray
    places = st.one_of(st.integers(0, len(data) - 1), st.integers(start, len(data) - 1))
    for place in draw.draw(st.lists(places, min_size=1, max_size=4)):
        data[place] ^= draw.draw(st.integers(1, 255))
    path = tmp_path / "flipped.avatar"
    path.write_bytes(data)
    whole = Bundle.open(sound_file, verify=False)
    try:
        bundle = Bundle.open(path)
        found = {name: bundle.read(name) for name in bundle.parts}
    except AvatarError:
        return
    assert found == {name: whole.read(name) for name in whole.parts}
    assert bundle.manifest == whole.manifest


def test_a_file_with_no_tensors_is_told(tmp_path: Path) -> None:
    with BundleWriter(tmp_path / "a.avatar", "A", {}, {}) as writer:
        writer.add_bytes("a.safetensors", b"\xff" * 64)
    with pytest.raises(AvatarError, match="holds no tensors"):
        Bundle.open(tmp_path / "a.avatar").tensors("a.safetensors")


def test_extract_gives_the_part_once_per_content(sound_file: Path) -> None:
    bundle = Bundle.open(sound_file)
    path = bundle.extract("body/body.mp4")
    assert path.read_bytes() == FOOTAGE
    assert path.suffix == ".mp4"
    before = path.stat().st_ino
    assert bundle.extract("body/body.mp4").stat().st_ino == before


def test_a_damaged_copy_in_the_cache_is_made_again(sound_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = Bundle.open(sound_file)
    path = bundle.extract("body/body.mp4")
    path.write_bytes(FOOTAGE[:-1])  # found by its size
    assert bundle.extract("body/body.mp4").read_bytes() == FOOTAGE
    path.write_bytes(FOOTAGE[::-1])  # found by its sha256, in a new process
    monkeypatch.setattr(bundles, "_checked", set())
    assert bundle.extract("body/body.mp4").read_bytes() == FOOTAGE


def test_a_cache_that_cannot_be_written_is_told(
    sound_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "file"))
    with pytest.raises(AvatarError, match="can't be unpacked"):
        Bundle.open(sound_file).extract("body/body.mp4")


def test_memory_stays_flat_however_large_a_part_is(tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    with large.open("wb") as stream:
        stream.truncate(64 << 20)
    tracemalloc.start()
    try:
        with BundleWriter(tmp_path / "a.avatar", "A", {}, {}) as writer:
            writer.add_file("body/body.mp4", large)
        Bundle.open(tmp_path / "a.avatar").extract("body/body.mp4")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_a_source_that_is_not_there_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(AvatarError, match=r"none\.mp4"),
        BundleWriter(tmp_path / "a.avatar", "A", {}, {}) as writer,
    ):
        writer.add_file("body/body.mp4", tmp_path / "none.mp4")
    assert not (tmp_path / "a.avatar").exists()


def test_the_technicians_seal_holds_parts_and_consent_together(
    sound_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Bundle.open(sound_file).manifest.seal is None  # no key was there, and none was made for it
    assert "not sealed" in Bundle.open(sound_file).origin
    keys.technician_key()
    sealed = write(tmp_path / "sealed.avatar")
    assert Bundle.open(sealed).origin.startswith("this machine's technician, key ")

    def other_footage(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        members["body/body.mp4"] = b"another person"
        manifest["parts"]["body/body.mp4"] = part(b"another person", ".mp4")

    def other_consent(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        manifest["consent"] = {"text": "another's"}

    for change in (other_footage, other_consent):
        with pytest.raises(AvatarError, match="changed after it was sealed"):
            Bundle.open(rewrite(sealed, tmp_path / "changed.avatar", change))
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "another machine"))
    assert "not known on this machine" in Bundle.open(sealed).origin
    seal = Bundle.open(sealed).manifest.seal
    assert seal is not None
    keys.remember(seal.public_key, "A. Martin")
    assert Bundle.open(sealed).origin.startswith("A. Martin, key ")


def test_a_key_that_cannot_be_used_costs_no_clone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys.technician_key()
    (keys.config_folder() / keys.KEY_FILE).write_text("damaged")
    assert Bundle.open(write(tmp_path / "a.avatar")).manifest.seal is None
    assert "not sealed" in caplog.text


def dressed(path: Path) -> Bundle:
    """A bundle with a look of its own body and network, and what it shares with the clone."""
    write(path)
    whole = Bundle.open(path)
    look = replace(whole, look="blue-dress")
    with BundleWriter(path, whole.name, whole.made, whole.consent) as writer:
        writer.add_parts(whole)
        writer.add_json("lips/facts.json", {"size": 160})
        writer.add_bytes("lips/net.onnx", b"the clone's")
    whole = Bundle.open(path)
    with BundleWriter(path, whole.name, whole.made, whole.consent) as writer:
        writer.add_parts(whole)
        parts = writer.of(replace(look, manifest=whole.manifest))
        parts.add_bytes("body/body.mp4", b"in blue")
        parts.add_json("lips/facts.json", {"size": 160})
        parts.add_bytes("lips/net.onnx", b"its own")
    return Bundle.open(path)


def test_a_look_has_its_own_parts_in_the_place_of_the_clones_and_shares_the_rest(tmp_path: Path) -> None:
    whole = dressed(tmp_path / "ann.avatar")
    assert whole.looks == (ORIGINAL, "blue-dress") and whole.look == ORIGINAL
    assert whole.read("body/body.mp4") == FOOTAGE and whole.read("lips/net.onnx") == b"the clone's"
    look = pickle.loads(pickle.dumps(whole.wearing("blue-dress")))
    assert (
        look.read("body/body.mp4") == b"in blue" and look.extract("body/body.mp4").read_bytes() == b"in blue"
    )
    assert look.read("lips/net.onnx") == b"its own"
    assert look.json("lips/facts.json") == {"size": 160}
    assert "looks/blue-dress/lips/facts.json" not in whole.parts  # the clone has it just so
    for filmed in ("body/body.safetensors", "report/report.json"):  # of the clone's footage alone
        with pytest.raises(AvatarError, match="no part"):
            look.read(filmed)
    assert set(look.own.values()) == {"looks/blue-dress/body/body.mp4", "looks/blue-dress/lips/net.onnx"}
    assert look.wearing(ORIGINAL).read("body/body.mp4") == FOOTAGE
    assert {path.read_bytes() for path in look.cached()} == {path.read_bytes() for path in whole.cached()}
    with pytest.raises(AvatarError, match=r"no look 'red'.*blue-dress"):
        whole.wearing("red")


def test_a_look_can_be_left_out_and_called_something_else(tmp_path: Path) -> None:
    whole = dressed(tmp_path / "ann.avatar")
    look = whole.wearing("blue-dress")
    called = {place: replace(look, look="evening").place(part) for part, place in look.own.items()}
    with BundleWriter(tmp_path / "b.avatar", "Ann", {}, {}) as writer:
        writer.add_parts(look, called=called)
    renamed = Bundle.open(tmp_path / "b.avatar")
    assert renamed.looks == (ORIGINAL, "evening")
    assert renamed.wearing("evening").read("body/body.mp4") == b"in blue"
    with BundleWriter(tmp_path / "c.avatar", "Ann", {}, {}) as writer:
        writer.add_parts(look, look.own.values())
    assert Bundle.open(tmp_path / "c.avatar").looks == (ORIGINAL,)


@pytest.mark.parametrize("name", ["", "Blue", "1st", "a/b", "..", "a" * 41, "dress.mp4", ORIGINAL])
def test_what_no_look_may_be_called(name: str) -> None:
    with pytest.raises(AvatarError, match="look"):
        check_look_name(name)
