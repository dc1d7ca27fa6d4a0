"""Pictures are files of this machine, whoever made them: opened with limits, made small, and few."""

from __future__ import annotations

import errno
import io
import os
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from avatar_engine.show.catalogue import pictures as room
from avatar_engine.show.catalogue.pictures import TRIES, WIDEST, Pictures, made_small
from avatar_engine.web import Web
from tests import shops
from tests.shops import Shop

STOP = threading.Event()


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as opened:
        opened.put("/a.png", shops.picture())
        yield opened


def near() -> Web:
    return Web("", 5.0, near=True)


def test_a_picture_beside_the_catalogue_is_its_file_and_nothing_outside_is(tmp_path: Path) -> None:
    inside = tmp_path / "shop"
    inside.mkdir()
    (inside / "mug.jpg").write_bytes(shops.picture())
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (inside / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    kept = Pictures(inside, tmp_path / "kept")
    assert kept.path("mug.jpg") == (inside / "mug.jpg").resolve()
    for image in (
        "",
        "none.jpg",
        "../secret.jpg",
        str(tmp_path / "secret.jpg"),
        "link.jpg",
        ".",
        "a\0b",
        "x" * 5000,
    ):
        assert kept.path(image) is None, image
    assert Pictures(None, tmp_path / "kept").path("mug.jpg") is None


def test_a_picture_by_address_is_fetched_once_and_kept(tmp_path: Path, shop: Shop) -> None:
    kept, address = Pictures(None, tmp_path / "kept"), f"{shop.url}/a.png"
    assert kept.path(address) is None
    kept.fetch([address, address, "", "b.jpg"], near, STOP, 10.0)
    found = kept.path(address)
    assert found
    os.utime(found, ns=(0, made := found.stat().st_mtime_ns | 1))
    kept.fetch([address], near, STOP, 10.0)
    assert found.stat().st_mtime_ns == made, "a card takes one of another time for another picture"
    assert found.parent == tmp_path / "kept" and shop.asked == ["/a.png"]
    with Image.open(found) as picture:
        assert picture.size == (64, 48)
    again = Pictures(None, tmp_path / "kept")
    assert again.path(address) == found, "the next show has it from the start"
    os.utime(found, (time.time(), time.time() - 8 * 86_400))
    again.fetch([address], near, STOP, 10.0)
    assert len(shop.asked) == 2, "after a week it is asked for again"
    found.unlink()
    assert again.path(address) is None


def test_what_can_not_be_had_is_told_once_and_asked_for_a_few_times(
    tmp_path: Path, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    kept, address = Pictures(None, tmp_path / "kept"), f"{shop.url}/none.png?key=secret"
    for _ in range(5):
        kept.fetch([address], near, STOP, 10.0)
    assert len(shop.asked) == TRIES and len(caplog.records) == 1
    assert "it answers 404" in caplog.text and "secret" not in caplog.text


def test_machines_of_ours_are_not_asked_for_pictures(tmp_path: Path, shop: Shop) -> None:
    kept = Pictures(None, tmp_path / "kept")
    kept.fetch([f"{shop.url}/a.png"], lambda: Web("", 5.0), STOP, 10.0)
    assert not shop.asked and kept.path(f"{shop.url}/a.png") is None


def test_the_folder_has_bounds_and_what_was_used_longest_ago_goes_first(
    tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_PICTURES", 3)
    kept = Pictures(None, tmp_path / "kept")
    for number in range(5):
        shop.put(f"/{number}.png", shops.picture())
        kept.fetch([f"{shop.url}/{number}.png"], near, STOP, 10.0)
        found = kept.path(f"{shop.url}/{number}.png")
        assert found
        os.utime(found, (number + 1, time.time()))
    kept.fetch([f"{shop.url}/4.png"], near, STOP, 1.0)
    there = [number for number in range(5) if kept.path(f"{shop.url}/{number}.png")]
    assert there == [2, 3, 4] and len(list((tmp_path / "kept").iterdir())) == 3
    monkeypatch.setattr(room, "MOST_BYTES", 0)
    kept.fetch([f"{shop.url}/4.png"], near, STOP, 1.0)
    assert not list((tmp_path / "kept").iterdir())


def test_what_finds_no_room_on_the_disk_leaves_nothing(
    tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    kept = Pictures(None, tmp_path / "kept")
    kept.fetch([f"{shop.url}/a.png"], near, STOP, 10.0)
    assert kept.path(f"{shop.url}/a.png") is None and "No space left" in caplog.text
    assert not list((tmp_path / "kept").iterdir())


def test_time_and_a_stop_bound_the_fetching(tmp_path: Path, shop: Shop) -> None:
    shop.put("/hung", shops.hung(shop))
    kept, stop = Pictures(None, tmp_path / "kept"), threading.Event()
    began = time.monotonic()
    kept.fetch([f"{shop.url}/hung?{n}" for n in range(50)], lambda: Web("", 0.2, near=True), stop, 0.5)
    assert time.monotonic() - began < 2.0 and len(shop.asked) < 10
    stop.set()
    kept.fetch([f"{shop.url}/a.png"], near, stop, 5.0)
    assert "/a.png" not in shop.asked


@pytest.mark.parametrize(("form", "mode", "suffix"), [
    ("PNG", "RGB", ".jpg"), ("PNG", "RGBA", ".png"), ("PNG", "P", ".jpg"), ("JPEG", "RGB", ".jpg"),
    ("JPEG", "L", ".jpg"), ("JPEG", "CMYK", ".jpg"), ("WEBP", "RGBA", ".png"), ("GIF", "P", ".jpg"),
    ("PNG", "I;16", ".jpg"),
])  # fmt: skip
def test_pictures_are_written_anew_and_small(form: str, mode: str, suffix: str) -> None:
    data, made = made_small(shops.picture((3000, 1500), form, mode))
    assert made == suffix
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (WIDEST, WIDEST // 2) and picture.mode in ("RGB", "RGBA")


def test_a_picture_stands_upright() -> None:
    held, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(held, "JPEG", exif=exif)
    with Image.open(io.BytesIO(made_small(held.getvalue())[0])) as picture:
        assert picture.size == (20, 40) and not picture.getexif()


def huge() -> bytes:
    """A PNG that says that it has four thousand million pixels."""
    data = bytearray(shops.picture())
    data[16:24] = (65_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"%PDF-1.4", b"BM" + bytes(100), huge(),
     shops.picture((6000, 6000)), shops.picture()[:60], shops.picture((100, 100), "JPEG")[:300],
     shops.picture((9, 9), "TIFF"), shops.picture((9, 9), "ICO")],
)  # fmt: skip
def test_what_is_no_picture_for_a_card_is_refused(data: bytes) -> None:
    with pytest.raises(OSError, match=r"."):
        made_small(data)


@given(
    st.integers(0, 200), st.binary(min_size=1, max_size=20), st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"])
)
def test_no_broken_picture_breaks_it(at: int, piece: bytes, form: str) -> None:
    data = bytearray(shops.picture((16, 16), form))
    data[at : at + len(piece)] = piece
    try:
        made_small(bytes(data))
    except OSError as error:
        assert str(error)
