"""The card as drawn: what is on it, in which script, size and shape, and a user's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar_engine.contracts import Card, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.stage import image
from avatar_engine.stage.card import Draughtsman, Look
from avatar_engine.stage.card_words import FEW, OFFER_ENDS, WORDS, texts_of
from avatar_engine.stage.pen import Pen

CARD = Card("m", "Steel mug", "€12.50", "€19", "€6.50", 3)
SIZE = (1280, 720)
PEN = Pen()
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 100">
<rect width="400" height="100" fill="#00f"/>
<text id="name" x="10" y="60" font-size="40" data-width="200" fill="#fff">-</text>
<text id="price" x="220" y="60" font-size="30" fill="#fff"/>
<text id="was" x="220" y="90" font-size="20" fill="#0f0">OLD</text>
<image id="picture" x="340" y="10" width="50" height="50"/>
</svg>"""


def draw(
    card: Card, size: tuple[int, int] = SIZE, look: Look | None = None, anchor: str = "left"
) -> FloatArray:
    drawer = Draughtsman(look or Look(), size, PEN)
    drawer.side = anchor
    return drawer.drawing(card)


def red(drawn: FloatArray) -> int:
    """Pixels of the saving's colour."""
    return int(((drawn[..., 0] > 0.6) & (drawn[..., 1] < 0.3)).sum())


@pytest.fixture
def picture(tmp_path: Path) -> str:
    Image.new("RGB", (300, 200), (0, 200, 0)).save(tmp_path / "p.png")
    return str(tmp_path / "p.png")


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (720, 1280), (1080, 1080), (640, 360)])
def test_a_card_is_a_part_of_the_picture_and_its_letters_can_be_read_on_a_phone(
    size: tuple[int, int],
) -> None:
    drawn = draw(replace(CARD, was="", saving="", left=None), size)
    height, width = drawn.shape[:2]
    assert width % 2 == height % 2 == 0 and width <= size[0] * 0.92 and height <= size[1] * 0.45
    ink = (drawn[..., 3] > 0.99) & (drawn[..., :3].max(2) < 0.3)
    rows = np.flatnonzero(ink.any(1))
    assert rows[-1] - rows[0] > 0.075 * min(size), "name and price together"
    assert (drawn >= 0).all() and (drawn <= 1).all() and (drawn[..., :3] <= drawn[..., 3:] + 1e-6).all()


@pytest.mark.parametrize("field", ["name", "price", "was", "saving", "left"])
def test_everything_told_is_on_it(field: str) -> None:
    other = replace(CARD, **{field: 4 if field == "left" else "Other 9"})
    assert np.abs(draw(CARD) - draw(other)).max() > 0.3


def test_a_reduced_price_is_red_and_many_pieces_are_not_told() -> None:
    plain = replace(CARD, was="", saving="", left=None)
    assert red(draw(CARD)) > 500 and red(draw(plain)) == 0
    np.testing.assert_array_equal(draw(replace(plain, left=FEW + 1)), draw(plain))
    assert np.abs(draw(replace(plain, left=0)) - draw(plain)).max() > 0.3


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_language_says_what_is_saved_left_and_sold_out(language: str) -> None:
    told = texts_of(replace(CARD, language=language))
    assert OFFER_ENDS[language]
    assert "€6.50" in told["saving"] and "3" in told["left"]
    assert texts_of(replace(CARD, language=language, left=0))["left"] == WORDS[language][2] != ""
    assert draw(replace(CARD, language=language)).shape == draw(CARD).shape


def test_a_language_without_words_has_signs_alone() -> None:
    told = texts_of(replace(CARD, language="xx"))
    assert told["left"] == "" and told["saving"].startswith("−")


def test_arabic_runs_from_the_right(picture: str) -> None:
    def side(language: str, name: str) -> float:
        drawn = draw(replace(CARD, language=language, name=name, picture=picture))
        green = (drawn[..., 1] > 0.6) & (drawn[..., 0] < 0.2)
        return float(np.flatnonzero(green.any(0)).mean()) / drawn.shape[1]

    assert side("en", "Mug") < 0.3 and side("ar", "كوب") > 0.7


def test_a_card_without_a_picture_is_as_wide_as_its_words_and_stands_at_its_side() -> None:
    plain = replace(CARD, was="", saving="", left=None)
    for anchor, narrow in (("left", slice(None, None)), ("right", slice(None, None, -1))):
        opaque = (draw(plain, anchor=anchor)[..., 3] > 0.99).any(0)[narrow]
        assert opaque[: len(opaque) // 4].any() and not opaque[len(opaque) // 2 :].any()


@pytest.mark.parametrize("colour", ["RGB", "RGBA", "L", "P", "CMYK"])
def test_pictures_of_every_kind_are_on_it(tmp_path: Path, colour: str) -> None:
    path = tmp_path / f"p.{'jpg' if colour in ('CMYK', 'L') else 'png'}"
    Image.new("RGB", (90, 300), (10, 200, 10)).convert(colour).save(path)
    plain = replace(CARD, was="", saving="", left=None)
    drawn = draw(replace(plain, picture=str(path)))
    tile = drawn[drawn.shape[0] // 2, drawn.shape[0] // 2, :3]
    assert np.abs(tile - 0.95).max() > 0.2, "the middle of the tile is not the tile"


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(64), None])
def test_a_picture_that_is_no_good_is_left_out(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "p.png"
    if content is not None:
        path.write_bytes(content)
    np.testing.assert_array_equal(draw(replace(CARD, picture=str(path))), draw(CARD))
    assert "left out of the card" in caplog.text


def test_a_picture_that_is_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch, picture: str) -> None:
    monkeypatch.setattr(image, "MOST_PIXELS", 100)
    np.testing.assert_array_equal(draw(replace(CARD, picture=picture)), draw(CARD))


@pytest.mark.parametrize("name", ["<b>&amp;</b> \"quoted\" 'x'", "x" * 4000, "\u202e\u0000\ufffe", "", "🎁"])
def test_no_name_breaks_it(name: str) -> None:
    assert draw(replace(CARD, name=name)).shape == draw(CARD).shape


def test_a_users_svg_is_filled(tmp_path: Path, picture: str) -> None:
    (tmp_path / "card.svg").write_text(SVG)
    look = Look.of(["right", "card.svg"], tmp_path)
    assert look is not None and look.side == "right"
    short = draw(replace(CARD, was="", picture=picture), look=look)
    aspect = (short.shape[1] - 24) / (short.shape[0] - 24)
    assert aspect == pytest.approx(4, rel=0.05)
    blue = (short[..., 2] > 0.9) & (short[..., 0] < 0.1)
    assert blue.mean() > 0.5
    green = (short[..., 1] > 0.6) & (short[..., 2] < 0.2)
    assert green.sum() > 500 and np.flatnonzero(green.any(0))[0] > short.shape[1] * 0.8, (
        "the picture, not the old price"
    )
    long = draw(replace(CARD, was="", picture=picture, name="A very long name of a thing"), look=look)
    white = (long[..., :3] > 0.9).all(2)
    columns = np.flatnonzero(white[:, : short.shape[1] * 55 // 100].any(0))
    assert columns[-1] < short.shape[1] * 0.54, "its letters became smaller"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<svg", "can't be read"),
        ("<html/>", "no SVG"),
        ('<svg xmlns="http://www.w3.org/2000/svg"/>', "its size is 0x0"),
    ],
)
def test_a_template_that_is_no_good_is_refused(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "card.svg").write_text(text)
    with pytest.raises(AvatarError, match=what):
        Look.of(["card.svg"], tmp_path)
    with pytest.raises(AvatarError, match=r"none\.svg"):
        Look.of(["none.svg"], tmp_path)


def test_off_is_no_look() -> None:
    assert Look.of(["off"], Path()) is None and Look.of([], Path()) == Look()
