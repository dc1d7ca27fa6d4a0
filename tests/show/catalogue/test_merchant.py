"""Google Merchant feeds are read as shops write them; what is not certain is left out, and nothing hostile gets in."""

from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.show.catalogue.merchant import (
    interval,
    is_feed,
    merchant_price,
    read_text,
    read_xml,
)
from avatar_engine.show.catalogue.model import Catalogue, Price, Read

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0">
<channel>
 <title>Marie's shop</title><link>https://shop.example</link><description>All we have</description>
 <language>en-GB</language>
 <item>
  <g:id>M-17</g:id>
  <title>ignored</title>
  <g:title>Steel mug &amp; lid</g:title>
  <g:description><![CDATA[<p>Made for <b>long</b> days</p><ul><li>Keeps warm</li></ul>]]></g:description>
  <g:link>https://shop.example/mug?a=1&amp;b=2</g:link>
  <g:image_link>https://shop.example/mug.jpg</g:image_link>
  <g:additional_image_link>https://shop.example/mug2.jpg</g:additional_image_link>
  <g:availability>in_stock</g:availability>
  <g:price>19.00 EUR</g:price>
  <g:sale_price>12.50 EUR</g:sale_price>
  <g:sale_price_effective_date>2027-01-31T20:00+0100/2027-01-31T21:00+0100</g:sale_price_effective_date>
  <g:brand>Marie</g:brand><g:gtin>4006381333931</g:gtin><g:color>blue</g:color><g:size>0.4 l</g:size>
  <g:material>steel</g:material><g:condition>new</g:condition>
  <g:item_group_id>mugs</g:item_group_id>
  <g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping>
  <g:product_detail><g:section_name>General</g:section_name><g:attribute_name>Weight</g:attribute_name>
   <g:attribute_value>300 g</g:attribute_value></g:product_detail>
 </item>
 <item>
  <g:id>B-2</g:id><g:title>Big bag</g:title><g:price>EUR 30</g:price><g:availability>out of stock</g:availability>
 </item>
 <item>
  <g:id>P-3</g:id><g:title>Pan</g:title><g:price>45,90 EUR</g:price><g:availability>preorder</g:availability>
  <g:availability_date>2027-03-01T00:00+0100</g:availability_date>
 </item>
</channel></rss>
"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0" xml:lang="de">
 <title>Laden</title><id>tag:laden</id><link href="https://laden.example"/>
 <entry>
  <id>tag:laden:1</id><title>Tasse aus Stahl</title><summary>Hält warm.</summary>
  <link rel="edit" href="https://laden.example/edit"/><link href="https://laden.example/tasse"/>
  <g:id>T1</g:id><g:price>12.50 EUR</g:price><g:color>blau</g:color><g:brand>Marie</g:brand><g:gtin>123</g:gtin>
 </entry>
</feed>
"""
TSV = (
    "id\ttitle\tprice\tavailability\timage link\tdescription\tproduct detail\tsale price\tquantity\n"
    'a\tMug\t12.50 EUR\tin stock\thttps://s.example/a.png\tA "good" mug.\tGeneral:Weight:300 g\t\t7\n'
    "\n"
    "b\tBag\t30 EUR\tbackorder\t\t\t\t25 EUR\t\n"
)
EVENING = datetime(2027, 1, 31, 19, 30, tzinfo=UTC)
NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    + "]><rss><channel><item><id>1</id><title>&j;</title><price>1 EUR</price></item></channel></rss>"
)


def item(**fields: str) -> bytes:
    told = {"id": "x", "title": "X", "price": "1.00 EUR", **fields}
    inner = "".join(f"<g:{name}>{value}</g:{name}>" for name, value in told.items() if value)
    return (
        f'<rss xmlns:g="http://base.google.com/ns/1.0"><channel><item>{inner}</item></channel></rss>'.encode()
    )


def euros(amount: str) -> Price:
    return Price(Decimal(amount), "EUR")


def test_rss_gives_products_with_everything() -> None:
    read = read_xml(RSS.encode())
    assert (read.form, read.count, read.mistakes) == ("Google Merchant (RSS)", 3, ())
    mug, bag, pan = read.products.values()
    assert (mug.ident, mug.group, mug.link) == ("M-17", "mugs", "https://shop.example/mug?a=1&b=2")
    assert mug.image == "https://shop.example/mug.jpg" and mug.stock is None
    told = mug.said("en")
    assert (told.name, told.description) == ("Steel mug & lid", "Made for long days. Keeps warm.")
    assert told.facts == {
        "brand": "Marie", "size": "0.4 l", "GTIN": "4006381333931", "color": "blue", "material": "steel",
        "condition": "new", "Weight": "300 g",
    }  # fmt: skip
    assert mug.said("fr").description == "" and mug.said("fr").facts["brand"] == "Marie", (
        "the texts are English"
    )
    assert (mug.price_at(NOON), mug.was_at(NOON)) == (euros("19.00"), None)
    assert (mug.price_at(EVENING), mug.was_at(EVENING)) == (euros("12.50"), euros("19.00"))
    assert (bag.stock, bag.price) == (0, euros("30")) and pan.price == euros("45.90")
    assert pan.said("en").facts == {"availability": "preorder", "availability date": "2027-03-01"}


def test_atom_says_the_same_in_its_own_language() -> None:
    read = read_xml(ATOM.encode())
    (mug,) = read.products.values()
    assert read.form == "Google Merchant (Atom)" and mug.ident == "T1"
    assert mug.link == "https://laden.example/tasse"
    assert mug.said("de-AT").description == "Hält warm."
    assert mug.said("de").facts == {"Farbe": "blau", "Marke": "Marie", "GTIN": "123"}


def test_the_text_form_is_read_with_tabs_and_with_commas() -> None:
    read = read_text(TSV)
    mug, bag = read.products.values()
    assert read.form == "Google Merchant (TSV)" and not read.mistakes
    assert (mug.stock, mug.image, mug.said("en").facts) == (7, "https://s.example/a.png", {"Weight": "300 g"})
    assert mug.said("en").description == 'A "good" mug.'
    assert (bag.price_at(NOON), bag.was_at(NOON)) == (euros("25"), euros("30"))
    assert bag.said("en").facts == {"availability": "backorder"}
    commas = read_text('id,title,price,description\r\na,"Mug, big",12.50 EUR,"Two\nlines."\r\n')
    assert commas.form == "Google Merchant (CSV)"
    assert commas.products["a"].said("en").name == "Mug, big"
    assert is_feed(["ID", "Title", "g:price"]) and not is_feed(["id", "name", "price"])


def test_what_can_not_be_used_is_left_out_and_told_with_its_line() -> None:
    lines = ["id\ttitle\tprice\tsale_price", "a\tA\t1 EUR\t2 EUR", "b\tB\tfree\t", "\tC\t1 EUR\t", "a\tD\t1 EUR\t",
             "e\tE\t1 EUR\t\tmore"]  # fmt: skip
    read = read_text("\n".join(lines))
    assert list(read.products) == ["a"] and read.count == 5
    assert [mistake.partition(":")[0] for mistake in sorted(read.mistakes)] == [
        "line 2 (a)", "line 3 (b)", "line 4", "line 5 (a)", "line 6",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"price": "12.50"}, "no known currency"),
        ({"price": ""}, "there is no price"),
        ({"title": ""}, "there is no title"),
        ({"price": "0.00 EUR"}, "is nothing"),
        ({"price": "1.299 EUR"}, "two ways"),
        ({"price": "12.505 EUR"}, "two ways"),
        ({"price": "12.5051 EUR"}, "more decimals"),
        ({"sale_price": "0.90 USD"}, "sale_price is in USD"),
        ({"sale_price": "0.90 EUR", "sale_price_effective_date": "2027-01-01/2027-01-02"}, "no time zone"),
        ({"sale_price": "0.90 EUR", "sale_price_effective_date": "tomorrow"}, "no interval"),
        (
            {"sale_price": "0.90 EUR", "sale_price_effective_date": "2027-01-02T00:00Z/2027-01-01T00:00Z"},
            "ends before",
        ),
    ],
)
def test_a_product_whose_price_is_not_certain_is_left_out(fields: dict[str, str], said: str) -> None:
    read = read_xml(item(**fields))
    assert not read.products and len(read.mistakes) == 1
    assert said in read.mistakes[0] and read.mistakes[0].startswith("line 1 (x): ")


def test_what_is_only_doubtful_is_told_and_used() -> None:
    read = read_xml(item(availability="maybe"))
    assert read.products["x"].stock is None and "'maybe' is not known" in read.mistakes[0]
    read = read_xml(item(sale_price="2 EUR"))
    assert not read.products["x"].offers and "not lower" in read.mistakes[0]


@pytest.mark.parametrize(
    ("text", "currency", "price"),
    [("12.50 EUR", "", euros("12.50")), ("12,50 EUR", "", euros("12.50")), ("1,299.00 EUR", "", euros("1299")),
     ("1.299,00 EUR", "", euros("1299")), ("12.5000 EUR", "", euros("12.5")), ("12", "EUR", euros("12")),
     ("1.250 KWD", "", Price(Decimal("1.250"), "KWD")), ("1200 JPY", "", Price(Decimal(1200), "JPY"))],
)  # fmt: skip
def test_prices_are_read_as_feeds_write_them(text: str, currency: str, price: Price) -> None:
    assert merchant_price(text, currency) == price


def test_intervals_have_time_zones() -> None:
    begins, ends = interval("2016-02-24T13:00-0800/2016-02-29T15:30-0800")
    assert begins == datetime(2016, 2, 24, 21, tzinfo=UTC) and ends == datetime(
        2016, 2, 29, 23, 30, tzinfo=UTC
    )


def test_variants_with_one_title_are_told_apart() -> None:
    rows = "".join(f"{c}\tSteel mug\t12 EUR\tg1\t{c}\n" for c in ("blue", "red"))
    read = read_text("id\ttitle\tprice\titem_group_id\tcolor\n" + rows)
    catalogue = Catalogue(read.products)
    assert catalogue.named("the steel mug") is None
    for text in ("the blue steel mug please", "Steel mug blue?"):
        found = catalogue.named(text)
        assert found and found.ident == "blue"


def test_a_feed_of_nothing_but_variants_takes_no_time() -> None:
    rows = "".join(f"{n}\tMug\t12 EUR\tg1\tc{n}\n" for n in range(10_000))
    began = time.process_time()
    read = read_text("id\ttitle\tprice\titem_group_id\tcolor\n" + rows)
    assert time.process_time() - began < 2.5
    assert read.products["77"].also == ("Mug c77", "c77 Mug")


def test_a_feed_without_the_right_namespace_is_understood() -> None:
    read = read_xml(
        b"<rss><channel><item><id>1</id><title>A <b>big</b> mug</title><price>1 EUR</price></item></channel></rss>"
    )
    assert read.products["1"].said("en").name == "A big mug"


def test_other_encodings_are_read() -> None:
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1"?><rss><channel><item><id>1</id><title>Été</title>'
        "<price>1 EUR</price></item></channel></rss>"
    )
    assert read_xml(text.encode("latin-1")).products["1"].said("fr").name == "Été"
    assert read_xml(text.replace("ISO-8859-1", "UTF-16").encode("utf-16")).products["1"].names == ("Été",)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (BOMB.encode(), "document type"),
        (b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><item><id>&x;</id></item></channel></rss>',
         "document type"),
        (b'<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/evil.dtd"><rss/>', "document type"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "web page"),
        (b"<html><body/></html>", "neither RSS nor Atom"),
        (b"<rss><channel>" + b"<a>" * 100_000, "deep"),
        (b"<rss><channel><item>", "no XML"),
        (b"<rss>\xff\xfe</rss>", "no XML"),
        (b'<?xml version="1.0" encoding="klingon"?><rss/>', "no XML"),
        (b"<rss>&undefined;</rss>", "no XML"),
        (b"<" * 100_000, "no XML"),
    ],
)  # fmt: skip
def test_hostile_and_broken_xml_is_refused_at_once(data: bytes, said: str) -> None:
    began = time.process_time()
    read = read_xml(data)
    assert not read.products and len(read.mistakes) == 1 and said in read.mistakes[0]
    assert time.process_time() - began < 2.0


def test_memory_is_that_of_what_is_kept_and_time_grows_with_the_size_alone() -> None:
    long = b"<g:note>" + b"x" * (20 << 20) + b"</g:note>"
    data = item().replace(b"<g:price>", long + b"<g:price>")
    tracemalloc.start()
    began = time.process_time()
    read = read_xml(data)
    took, most = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert list(read.products) == ["x"] and took < 5.0 and most < 8 << 20


def test_one_tag_of_many_megabytes_takes_no_square_time() -> None:
    data = item().replace(b"<g:price>", b'<g:note a="' + b"x" * (20 << 20) + b'"/><g:price>')
    began = time.process_time()
    assert list(read_xml(data).products) == ["x"] and time.process_time() - began < 5.0


def test_too_many_items_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar_engine.show.catalogue.merchant.MOST", 3)
    one = "<item><id>{}</id><title>T</title><price>1 EUR</price></item>"
    data = "<rss><channel>" + "".join(map(one.format, range(10))) + "</channel></rss>"
    read = read_xml(data.encode())
    assert len(read.products) == 3 and "more than 3" in read.mistakes[0] and len(read.mistakes) == 1
    text = "id\ttitle\tprice\n" + "".join(f"{n}\tT\t1 EUR\n" for n in range(10))
    assert len(read_text(text).products) == 3


def sound(read: Read) -> bool:
    return all(
        ident.isprintable()
        and ident
        and product.price.amount > 0
        and product.names
        and len(product.said("").description) <= 4000
        for ident, product in read.products.items()
    ) and all(told.isprintable() for told in read.mistakes)


@given(st.dictionaries(
    st.sampled_from(["id", "title", "price", "sale_price", "sale_price_effective_date", "availability", "description",
                     "link", "image_link", "item_group_id", "color", "quantity", "product_detail", "content_language"]),
    st.text(max_size=40) | st.sampled_from(["1 EUR", "12.50 EUR", "1.234 EUR", "2027-01-01T00:00Z/2027-01-02T00:00Z"]),
))  # fmt: skip
def test_no_row_breaks_the_reading(fields: dict[str, str]) -> None:
    told = {"id": "x", "title": "X", "price": "5 EUR", **fields}
    clean = {
        name: value.replace("\t", " ").replace("\n", " ").replace("\r", " ").replace('"', "")
        for name, value in told.items()
    }
    assert sound(read_text("\t".join(clean) + "\n" + "\t".join(clean.values())))


@given(
    st.binary(max_size=200)
    | st.text(alphabet="<>/=&;'\"!?[]-rsitemgid: \n", max_size=200).map(lambda t: f"<rss>{t}".encode())
)
def test_no_bytes_break_the_reading(data: bytes) -> None:
    assert sound(read_xml(data))
