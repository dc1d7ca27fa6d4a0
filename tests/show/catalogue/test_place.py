"""A front matter names a file or an address, with options; a key is never shown."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.errors import AvatarError
from avatar_engine.show.catalogue.place import Place, read_place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("shop.csv", Place("shop.csv")),
        ("my shop.csv currency=eur", Place("my shop.csv", currency="EUR")),
        ("a=b.csv", Place("a=b.csv")), ("my a=b.csv", Place("my a=b.csv")),
        ("https://s.example/f.xml", Place("https://s.example/f.xml")),
        ("https://s.example/products.json every=2min currency=EUR language=pt-BR",
         Place("https://s.example/products.json", 120.0, "EUR", "pt")),
        ("https://s.example/f?t={key} key_env=K", Place("https://s.example/f?t={key}", key_env="K")),
    ],
)  # fmt: skip
def test_places_are_read_with_their_options(text: str, place: Place) -> None:
    assert read_place(text) == place


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://s.example/f often=1s", "no option 'often'"),
        ("https://s.example/f?key=secret often=1s", "no option 'often'"),
        ("https://me:secret@s.example/f often=1s", "no option 'often'"),
        ("https://s.example/f?key=secret every=1s", "too often"),
        ("https://s.example/f?key=secret currency=EURO", "none of ISO 4217"),
        ("https://s.example/f every=1s", "too often"),
        ("https://s.example/f every=soon", "no time such as"),
        ("https://s.example/f every=30h", "24 h at most"),
        ("https://s.example/f currency=EURO", "none of ISO 4217"),
        ("https://s.example/f language=german!", "no language tag"),
        ("ftp://s.example/f", "begins with http"),
        ("file:///etc/passwd", "begins with http"),
        ("https:///f", "names a host"),
        ("https://s.example:99999/", "no address"),
        ("https://me:secret@s.example/f", "holds no password"),
        ("https://s.example/f?t={key}", "name the variable"),
        ("https://s.example/{key}/f key_env=K", "behind the question mark"),
        ("http://s.example/f key_env=K", "write https://"),
        ("shop.csv every=10s", "are for addresses"),
    ],
)
def test_what_is_wrong_is_told(text: str, said: str) -> None:
    with pytest.raises(AvatarError, match=said) as caught:
        read_place(text)
    assert "secret" not in str(caught.value) and caught.value.advice


def test_a_key_goes_where_it_belongs_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K", "top secret/&")
    asked = read_place("https://s.example/f?a=1&t={key} key_env=K")
    assert asked.address() == "https://s.example/f?a=1&t=top%20secret%2F%26" and asked.headers() == {}
    assert asked.shown == "https://s.example/f" and "secret" not in repr(asked)
    assert read_place("https://s.example/f key_env=K").headers() == {"Authorization": "Bearer top secret/&"}
    monkeypatch.setenv("K", "me:pass")
    basic = base64.b64encode(b"me:pass").decode()
    assert read_place("https://s.example/f key_env=K").headers() == {"Authorization": f"Basic {basic}"}


@pytest.mark.parametrize(("value", "said"), [("", "is not set"), ("a\nb", "is no key"), ("é", "is no key")])
def test_a_key_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    monkeypatch.setenv("K", value)
    with pytest.raises(AvatarError, match=f"K {said}" if not value else said):
        read_place("https://s.example/f key_env=K").address()


@given(st.text(max_size=60) | st.text(max_size=40).map(lambda rest: f"https://{rest}"))
def test_no_text_breaks_it(text: str) -> None:
    try:
        place = read_place(text)
    except AvatarError:
        return
    assert not place.remote or place.location.lower().startswith(("http://", "https://"))
