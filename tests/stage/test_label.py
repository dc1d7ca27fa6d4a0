import shutil

import cv2
import numpy as np
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import blank, planes
from avatar_engine.stage import typeface
from avatar_engine.stage.label import ADVERTISING, POSITIONS, WORDS, Label

SIZES = [(1280, 720), (1920, 1080), (720, 1280), (640, 360), (320, 180), (180, 320), (3840, 2160)]


def rgb(picture):
    return cv2.cvtColor(picture, cv2.COLOR_YUV2RGB_I420)


def luminance(pixels):
    """Relative luminance of sRGB pixels, WCAG 2.2."""
    share = pixels.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def filled(size, yuv):
    picture = blank(*size)
    for plane, value in zip(planes(picture), yuv, strict=True):
        plane[:] = value
    return picture


def backgrounds(size):
    rng = np.random.default_rng(3)
    yield "white", filled(size, (235, 128, 128))
    yield "brighter than white", filled(size, (255, 128, 128))
    yield "black", filled(size, (16, 128, 128))
    yield "yellow", filled(size, (210, 16, 146))
    yield "cyan", filled(size, (170, 166, 16))
    yield "noise", rng.integers(0, 256, (size[1] * 3 // 2, size[0]), dtype=np.uint8)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("size", SIZES)
def test_the_words_are_there_in_their_corner_and_nowhere_else(size, position):
    label = Label("fr", position, size)
    before = filled(size, (128, 90, 170))
    after = before.copy()
    label.draw(after)
    left, top, width, height = label.box
    changed = (rgb(before) != rgb(after)).any(2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert (rows[0] >= top) and (rows[-1] < top + height)
    assert (columns[0] >= left) and (columns[-1] < left + width)
    assert (columns[0] + columns[-1] < size[0]) == position.endswith("left") or width > size[0] * 0.8
    assert (rows[0] + rows[-1] < size[1]) == position.startswith("top")
    assert left >= 0 and left + width <= size[0] and top >= 0 and top + height <= size[1]


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (320, 180)])
@pytest.mark.parametrize("position", POSITIONS)
def test_the_contrast_holds_on_any_background(size, position):
    label = Label("fr", position, size)
    left, top, width, height = label.box
    on_black = filled(size, (16, 128, 128))
    label.draw(on_black)
    box = slice(top, top + height), slice(left, left + width)
    letters = planes(on_black)[0][box] >= 225
    assert letters.sum() > 0.02 * width * height
    plate = ~(cv2.dilate(letters.astype(np.uint8), np.ones((5, 5))) > 0)
    plate[: height // 5] = plate[-height // 5 :] = False  # the rounded corners
    plate[:, : height // 5] = plate[:, -height // 5 :] = False
    for name, picture in backgrounds(size):
        label.draw(picture)
        light = luminance(rgb(picture)[box])
        darkest, brightest = np.percentile(light[letters], 1), np.percentile(light[plate], 99)
        assert (darkest + 0.05) / (brightest + 0.05) >= 4.5, name


def test_the_words_are_large_enough_to_read_at_720p():
    label = Label("fr", "top-right", (1280, 720))
    picture = blank(1280, 720)
    label.draw(picture)
    left, top, width, height = label.box
    bright = planes(picture)[0][top : top + height, left : left + width] > 200
    rows = np.flatnonzero(bright.any(1))
    assert rows[-1] - rows[0] + 1 >= 20
    assert height <= 720 * 0.08 and width <= 1280 * 0.3


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_language_has_words_that_the_font_can_draw(language):
    label = Label(language, "top-left", (1280, 720))
    assert label.words in (WORDS[language], WORDS["en"])
    if all(ord(sign) < 0x2E80 for sign in WORDS[language]):
        assert label.words == WORDS[language]


def test_east_asian_words_take_a_font_of_the_machine_and_english_ones_stand_in(monkeypatch, tmp_path):
    monkeypatch.setattr(typeface, "_EAST_ASIAN", (f"{tmp_path}/*.ttf",))
    assert Label("zh-CN", "top-left", (1280, 720), True).words == "Advertising · AI-generated"
    shutil.copy(typeface.Typeface().files("")[0], tmp_path / "east.ttf")
    label = Label("zh-CN", "top-left", (1280, 720), True)
    assert label.words == f"{ADVERTISING['zh']} · {WORDS['zh']}"


def test_accents_are_drawn():
    def drawn(language):
        label = Label(language, "top-left", (1280, 720))
        picture = blank(1280, 720)
        label.draw(picture)
        return label, picture

    spoken, picture = drawn("cs")
    assert spoken.words == "Vytvořeno pomocí AI"
    assert (picture != drawn("en")[1]).any()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr-CA", "Images virtuelles"),
        ("fr_FR", "Images virtuelles"),
        ("EN-us", "AI-generated"),
        ("xx", "AI-generated"),
    ],
)
def test_regions_and_unknown_languages(language, words):
    assert Label(language, "top-left", (1280, 720)).words == words


def test_a_picture_too_small_for_words_is_refused():
    with pytest.raises(AvatarError, match="64x36 is too small"):
        Label("fr", "top-left", (64, 36))


def test_an_unknown_position_lists_the_known_ones():
    with pytest.raises(AvatarError, match="top-left, top-right, bottom-left, bottom-right"):
        Label("fr", "middle", (1280, 720))


def test_a_picture_of_another_size_is_a_defect():
    with pytest.raises(ValueError, match="label"):
        Label("fr", "top-left", (1280, 720)).draw(blank(640, 360))


def test_a_show_that_sells_says_so_in_its_language():
    assert ADVERTISING.keys() == WORDS.keys()
    plain, selling = (Label("fr-CA", "top-left", (1280, 720), sells) for sells in (False, True))
    assert (plain.words, selling.words) == ("Images virtuelles", "Publicité · Images virtuelles")
    assert selling.box[2] > plain.box[2] and selling.box[3] == plain.box[3]
    assert Label("xx", "top-left", (1280, 720), True).words == "Advertising · AI-generated"


@pytest.mark.parametrize("size", SIZES)
def test_it_fits_every_size_in_every_language(size):
    for language in WORDS:
        _, _, width, height = Label(language, "bottom-right", size, True).box
        assert width < size[0] and height < size[1]
