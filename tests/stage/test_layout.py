"""What a layout may say, what it is told where it says something else, and the engine's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from avatar_engine.errors import AvatarError
from avatar_engine.stage import layout_file
from avatar_engine.stage.layout import BUILT_IN

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><rect width="20" height="10"/></svg>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logo.svg").write_text(LOGO)
    Image.new("RGB", (40, 20), (9, 200, 9)).save(tmp_path / "logo.png")
    (tmp_path / "clip.mp4").write_bytes(b"looked at later")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    return folder / "mine.toml"


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_engines_own_can_be_had_by_name_and_without_any_file(name: str) -> None:
    made = layout_file.load(name)
    assert made.name == name and "card" in [one.kind for one in made.element]
    assert not any("{name}" in text or "{headline}" in text for one in made.element for text in one.texts)
    assert (made.digest == "") == (name == "plain")


def test_sizes_follow_the_aspect_and_another_aspect_is_refused(folder: Path) -> None:
    sizes = {name: layout_file.load(name).picture_size(None) for name in BUILT_IN}
    assert sizes["vertical"] == (720, 1280) and sizes["square"] == (720, 720)
    assert sizes["plain"] == sizes["news"] == sizes["shopping"] == (1280, 720)
    assert layout_file.load("vertical").picture_size((1080, 1920)) == (1080, 1920)
    assert layout_file.load("plain").picture_size((640, 480)) == (640, 480)
    with pytest.raises(AvatarError, match=r"made for 9:16, and the picture is 1280x720.*720x1280"):
        layout_file.load("vertical").picture_size((1280, 720))
    assert layout_file.load(str(write(folder, 'size = "1080x1350"'))).picture_size(None) == (1080, 1350)


def test_a_base_is_filled_and_what_has_no_value_is_left_out(folder: Path) -> None:
    bare = layout_file.load("mine.toml", write(folder, 'base = "vertical"').parent)
    assert [one.kind for one in bare.element] == ["countdown", "chat", "card"]
    whole = layout_file.load(
        "mine.toml",
        write(
            folder,
            'base = "vertical"\n[values]\nlogo = "logo.png"\nname = "June"\n[presenter]\nscale = 1.2\n',
        ).parent,
    )
    assert [one.kind for one in whole.element] == ["logo", "lower-third", "countdown", "chat", "card"]
    assert whole.element[0].file == str(folder / "logo.png")  # type: ignore[union-attr]
    assert whole.element[1].texts == ("June", "") and whole.size == "9:16"
    assert whole.presenter.scale == 1.2 and whole.presenter.box == (0, 0, 100, 62.5)
    own = (
        'base = "plain"\n[values]\nshop = "Mug & Co"\n[[element]]\nkind = "text"\ntext = "{shop}: {price}"\n'
    )
    assert layout_file.load(str(write(folder, own))).element[-1].texts == ("Mug & Co: {price}",)
    assert whole.digest != bare.digest != ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('size = "9x:16"', r"line 1: size: '9x:16' is no aspect"),
        ('size = "1081x1920"', "line 1: size: .*even sides"),
        ("colour = 3", "line 1: colour: 3 extra inputs are not permitted"),
        ("[presenter]\n\nbox = [0, 0, 120, 50]", r"line 3: presenter.box.2: 120 .*less than or equal to 100"),
        ("[presenter]\nbox = [50, 0, 60, 50]", "presenter: box .* is not within the picture"),
        ('[[element]]\nkind = "star"', "line 1: element 1: .*'star'.*'logo', 'lower-third'"),
        ('[[element]]\nkind = "card"\n[[element]]\nkind = "qr"\ntext = ""', "line 5: element 2, text: "),
        ('[[element]]\nkind = "qr"\ntext = "x"\nwidth = 90', "line 4: element 1, width: 90 .*less than"),
        ('[[element]]\nkind = "countdown"\nto = "25:00"', "line 3: element 1, to: '25:00' is no time of day"),
        ('[[element]]\nkind = "logo"\nfile = "none.png"', "line 3: element 1, file: 'none.png' is not there"),
        ('[[element]]\nkind = "logo"\nfile = "mine.toml"', "does not end in .svg, .png"),
        ('[[element]]\nkind = "text"\ntext = "a"\nevery = 5', "line 1: element 1: every = 5 needs a lasts"),
        ('[[element]]\nkind = "text"\ntext = "{prise}"', r"element 1 has the slot \{prise\}.*product, price"),
        ('base = "grand"', "no base 'grand'.*plain, shopping"),
        ('background = "red"', "line 1: background: 'red' does not end in .png"),
        ("a = = 3", "is no TOML: .*line 1"),
        ("values = 3", r"values is no table. Write \[values\]"),
    ],
)
def test_mistakes_are_told_with_line_field_value_and_advice(folder: Path, text: str, told: str) -> None:
    path = write(folder, text)
    with pytest.raises(AvatarError, match=f"(?s){told}") as refused:
        layout_file.load(str(path))
    assert refused.value.advice and "mine.toml" in str(refused.value)


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    path = write(folder, 'size = "9"\n[[element]]\nkind = "text"\ntext = "a"\nsize = 99\nlines = 0\n')
    with pytest.raises(AvatarError) as refused:
        layout_file.load(str(path))
    assert [line.split(":")[0].strip() for line in refused.value.what.splitlines()[1:]] == [
        "line 1",
        "line 5",
        "line 6",
    ]


def test_a_layout_that_is_not_there_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match=r"no layout .*grand.*plain, shopping, vertical, square, news"):
        layout_file.load("grand", tmp_path)


@pytest.mark.parametrize(
    "inside",
    [
        '<image href="http://example.com/a.png" width="1" height="1"/>',
        '<image xlink:href="/etc/passwd" xmlns:xlink="http://www.w3.org/1999/xlink" width="1" height="1"/>',
        '<image href="data:image/svg+xml;base64,AAAA" width="1" height="1"/>',
        '<rect fill="url(other.svg#a)" width="1" height="1"/>',
        '<rect style="fill:url( \'//example.com/a#b\' )" width="1" height="1"/>',
        "<style>@import 'a.css';</style>",
        '<use href="other.svg#a"/>',
    ],
)
def test_an_svg_that_reaches_outside_itself_is_refused(folder: Path, inside: str) -> None:
    (folder / "lower.svg").write_text(LOGO.replace("</svg>", inside + "</svg>"))
    text = '[[element]]\nkind = "text"\ntext = "a"\ntemplate = "lower.svg"'
    with pytest.raises(AvatarError, match=r"lower.svg names something outside it"):
        layout_file.load(str(write(folder, text)))


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE svg [<!ENTITY a "b">]>' + LOGO,
        LOGO.replace("<rect", "<g>" * 6000 + "<rect").replace("</svg>", "</g>" * 6000 + "</svg>"),
        LOGO + " " * (2 << 20),
        "no svg",
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
    ],
)
def test_an_svg_that_is_no_good_is_refused(folder: Path, text: str) -> None:
    (folder / "logo.svg").write_text(text)
    with pytest.raises(AvatarError, match=r"logo\.svg"):
        layout_file.load(str(write(folder, '[[element]]\nkind = "logo"\nfile = "logo.svg"')))


def test_what_stays_within_an_svg_is_let_through(folder: Path) -> None:
    inside = (
        '<defs><linearGradient id="a"/></defs><rect fill="url(#a)" style="stroke: url(\'#a\')" width="1" height="1"/>'
        '<use href="#a"/><image href="data:image/png;base64,AAAA" width="1" height="1"/>'
    )
    (folder / "logo.svg").write_text(LOGO.replace("</svg>", inside + "</svg>"))
    assert layout_file.load(str(write(folder, '[[element]]\nkind = "logo"\nfile = "logo.svg"'))).element
