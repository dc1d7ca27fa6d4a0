"""The format of a catalogue is found by what stands in it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.errors import AvatarError
from avatar_engine.show.catalogue import load
from avatar_engine.show.catalogue.model import LARGEST
from avatar_engine.show.catalogue.reading import joined, read
from tests.show.catalogue.test_merchant import ATOM, BOMB, RSS, TSV
from tests.show.catalogue.test_shopify import EXPORT, MUG

OWN = "id,name,price\nm,Mug,1 €\n"
FORMS = [
    (OWN, "CSV"), (json.dumps([{"id": "m", "name": "Mug", "price": "1 €"}]), "JSON"), (RSS, "Google Merchant (RSS)"),
    (ATOM, "Google Merchant (Atom)"), (TSV, "Google Merchant (TSV)"), (EXPORT, "Shopify (CSV export)"),
    (json.dumps({"products": [MUG]}), "Shopify (products.json)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "form"), FORMS)
@pytest.mark.parametrize("dress", ["plain", "marked", "packed"])
def test_a_format_is_known_by_its_content(tmp_path: Path, text: str, form: str, dress: str) -> None:
    data = text.encode("utf-8-sig" if dress == "marked" else "utf-8")
    path = tmp_path / "misleading.xml"
    path.write_bytes(gzip.compress(data) if dress == "packed" else data)
    found = load(path, "EUR")
    assert found.form == form and found.products


def test_text_may_be_utf16_where_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "feed.txt").write_bytes(TSV.encode("utf-16"))
    assert set(load(tmp_path / "feed.txt").products) == {"a", "b"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (BOMB.encode(), "document type"),
        (b"<html></html>", "neither RSS nor Atom"),
        (b'<rss version="2.0"><channel/></rss>', "no product"),
        (b"id\ttitle\tprice\n", "no product"),
        (b"id\ttitle\tprice\na\tA\tfree\n", r"Google Merchant \(TSV\)\) has a mistake:\n  line 2"),
        (b"\x1f\x8bbroken", "broken gzip"),
        (gzip.compress(bytes(LARGEST + 10)), "larger than 50 MB when it is unpacked"),
        (b'{"products": []}', "no product"),
    ],
)
def test_what_holds_nothing_that_can_be_used_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "feed").write_bytes(data)
    with pytest.raises(AvatarError, match=said):
        load(tmp_path / "feed", "EUR")


def test_our_own_form_stays_strict_and_others_do_not(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(OWN + "x,,1 €\n")
    with pytest.raises(AvatarError, match="line 3: there is no name"):
        load(tmp_path / "own.csv")
    (tmp_path / "feed.tsv").write_text(TSV + "x\t\t1 EUR\n")
    found = load(tmp_path / "feed.tsv")
    assert len(found.products) == 2 and found.mistakes == ("line 5 (x): there is no title; it is left out",)


def test_pages_make_one_catalogue() -> None:
    pages = [read(text.encode(), "x") for text in (TSV, RSS, TSV + "\t\t\n")]
    found = joined(pages, "x", "v")
    assert list(found.products) == ["a", "b", "M-17", "B-2", "P-3"] and found.mistakes == ()
    assert (
        joined([pages[0], read(b"id\ttitle\tprice\nq\t\t1 EUR\n", "x")], "x", "v")
        .mistakes[0]
        .startswith("page 2, line 2")
    )


def test_options_stand_in_for_what_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("id,name,price,description\nm,Tasse,1,Gut.\n")
    found = load(tmp_path / "own.csv", "CHF", "de").products["m"]
    assert (
        found.price.currency == "CHF"
        and found.said("de").description == "Gut."
        and not found.said("en").description
    )


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_break_the_reading(data: bytes) -> None:
    try:
        read(data, "x", "EUR")
    except AvatarError as error:
        assert error.advice
