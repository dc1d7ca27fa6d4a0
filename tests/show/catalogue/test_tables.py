"""Catalogues are read whole or refused with every mistake; prices are understood as they are written."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.errors import AvatarError
from avatar_engine.show.catalogue import Catalogue, CatalogueFile, Claim, Price, load, read_price

CSV = (
    "id,name,name:fr,price,currency,was,stock,also,description,fact:colour,fact:couleur:fr,faq,claims,offer,offer_from,"
    "offer_to\n"
    'M-17,Steel mug,Tasse en acier,"12,50 €",,19,40,mug | cup,Made for long days.,blue or red,bleu ou rouge,'
    "Dishwasher? = By hand.,Keeps hot for 6 h = lab report 12,9.90,2027-01-31T20:00+01:00,2027-01-31T21:00+01:00\n"
    "B-2,Big bag,,30,EUR,,0,,,,,,,,,\n"
)
NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)
EVENING = datetime(2027, 1, 31, 19, 30, tzinfo=UTC)


def euros(amount: str) -> Price:
    return Price(Decimal(amount), "EUR")


def written(folder: Path, text: str, name: str = "shop.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def shop(folder: Path) -> Catalogue:
    return load(written(folder, CSV))


def test_a_table_gives_products_with_everything(tmp_path: Path) -> None:
    mug, bag = shop(tmp_path).products.values()
    assert (mug.ident, mug.price, mug.was, mug.stock) == ("M-17", euros("12.50"), euros("19"), 40)
    assert (
        mug.said("fr").name == "Tasse en acier" and mug.said("en").name == mug.said("de").name == "Steel mug"
    )
    assert mug.said("fr").facts == {"colour": "blue or red", "couleur": "bleu ou rouge"}
    assert mug.said("fr").faq == (("Dishwasher?", "By hand."),)
    assert mug.claims == (Claim("Keeps hot for 6 h", "lab report 12"),) and mug.also == ("mug", "cup")
    assert (bag.stock, bag.was, bag.offers) == (0, None, ())


def test_an_offer_holds_in_its_time_and_the_price_before_is_crossed_out(tmp_path: Path) -> None:
    mug, bag = shop(tmp_path).products.values()
    assert (mug.price_at(NOON), mug.was_at(NOON), mug.offer_at(NOON)) == (euros("12.50"), euros("19"), None)
    assert (mug.price_at(EVENING), mug.was_at(EVENING)) == (euros("9.90"), euros("19"))
    assert mug.price_at(EVENING + timedelta(minutes=30)) == euros("12.50")
    assert bag.was_at(EVENING) is None


def test_json_says_the_same_and_the_shops_own_answers(tmp_path: Path) -> None:
    told = {
        "products": [{"id": "a", "name": "A", "price": 5.5, "currency": "USD", "stock": 3,
                      "faq": [["Q?", "A."], {"question": "R?", "answer": "B."}],
                      "claims": [{"text": "T", "source": "S"}]}],
        "faq:en": [["Delivery?", "Three days."]],
    }  # fmt: skip
    read = load(written(tmp_path, json.dumps(told), "shop.json"))
    assert read.products["a"].price == Price(Decimal("5.5"), "USD")
    assert read.products["a"].said("en").faq == (("Q?", "A."), ("R?", "B."))
    assert read.faq == {"en": (("Delivery?", "Three days."),)}


def test_a_product_is_known_by_any_of_its_names(tmp_path: Path) -> None:
    read = shop(tmp_path)
    for text, ident in (
        ("how much is the MUG?", "M-17"), ("la tasse en acier svp", "M-17"), ("steel mug or what", "M-17"),
        ("the big bag", "B-2"), ("smuggle", None), ("", None), ("mug or big bag", "B-2"),
    ):  # fmt: skip
        found = read.named(text)
        assert (found.ident if found else None) == ident, text


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [("12.50 EUR", "12.50", "EUR"), ("1 299,00 €", "1299.00", "EUR"), ("EUR 12.50", "12.50", "EUR"),
     ("¥1200", "1200", "JPY"), ("1.299 EUR", "1299", "EUR"), ("$1,299.00", "1299.00", "USD"), ("29,9€", "29.9", "EUR"),
     ("R$ 10", "10", "BRL"), ("1'299.5 CHF", "1299.5", "CHF")],
)  # fmt: skip
def test_prices_are_read_as_they_are_written(text: str, amount: str, currency: str) -> None:
    assert read_price(text) == Price(Decimal(amount), currency)


@pytest.mark.parametrize(
    "text", ["", "12.50", "-3 €", "NaN €", "€", "12 XYZ", "1.2.3 €", "1e9 €", "99999999999 €", "free"]
)
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"price|currency|much"):
        read_price(text)


@given(st.text(max_size=20))
def test_no_text_breaks_the_reading_of_prices(text: str) -> None:
    try:
        price = read_price(text)
    except ValueError:
        return
    assert 0 <= price.amount <= 10_000_000


def test_prices_are_told_as_a_language_writes_them() -> None:
    assert [euros("12.5").told(tag) for tag in ("en", "fr", "de", "pt-BR")] == [
        "€12.50",
        "12,50 €",
        "12,50 €",
        "€ 12,50",
    ]
    assert euros("19").told("fr") == "19 €" and Price(Decimal("1200"), "JPY").told("ja") == "￥1,200"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no product"),
        ("id,name,price\n", "no product"),
        ("id,name,price\na,A,1 €\na,B,2 €\n", "line 3: the id 'a' is there twice"),
        ("id,name,price\n,A,1 €\nb,,1 €\nc,C,\nd,D,cheap\n", "has 4 mistakes"),
        ("id,name,price,colour\na,A,1 €,red\n", "unknown column 'colour'"),
        ("id,name,price,stock\na,A,1 €,many\n", "'many' is no number"),
        ("id,name,price,offer,offer_to\na,A,1 €,1,2027-01-01\n", "no time zone"),
        ("id,name,price\na,A,1 €,more\n", "more fields"),
        ("id,name,price,faq\na,A,1 €,what\n", "no pair of question"),
        ("[1]", "product 1: it is no table"),
        ('{"products": 3, "x": 1}', "unknown key 'x'"),
        ("{", "no JSON"),
        ('[{"id": ["a"], "name": "A", "price": "1 €"}]', "id: this is no text"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(AvatarError, match=said):
        load(written(tmp_path, text))


def test_what_can_not_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="can't be read"):
        load(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("id,name,price\na,Été,1 €".encode("cp1252"))
    with pytest.raises(AvatarError, match="not UTF-8"):
        load(tmp_path / "latin.csv")


def test_a_file_that_changes_is_read_anew_and_a_wrong_one_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path, CSV)
    kept = CatalogueFile(path)
    assert kept.look().products["M-17"].stock == 40
    for number, (text, stock) in enumerate([(CSV.replace(",40,", ",3,"), 3), ("nonsense", 3), (CSV, 40)], 1):
        path.write_text(text)
        os.utime(path, ns=(number * 10**9, number * 10**9))
        assert kept.look().products["M-17"].stock == stock
        kept.look()
    path.unlink()
    assert kept.look().products["M-17"].stock == 40
    assert sum(record.levelno == logging.ERROR for record in caplog.records) == 2
