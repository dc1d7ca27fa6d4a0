"""Fonts for every script, widths and lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.stage import typeface
from avatar_engine.stage.typeface import Typeface


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("Steel mug 12,50 €", ["NotoSans["]),
        ("Кружка", ["NotoSans["]),
        ("كوب", ["NotoSans[", "NotoSansArabic"]),
        ("मग A", ["NotoSans[", "NotoSansDevanagari"]),
    ],
)
def test_a_text_takes_the_fonts_of_its_scripts(text: str, needed: list[str]) -> None:
    found = [Path(file).name for file in Typeface().files(text)]
    assert len(found) == len(needed)
    assert all(name.startswith(start) for name, start in zip(found, needed, strict=True))


def test_what_no_font_has_is_left_out_and_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(typeface, "_EAST_ASIAN", ())
    typeface._file.cache_clear()
    try:
        face = Typeface()
        assert face.drawable("Mug 钢杯 XL") == "Mug XL" and face.drawable("杯") == ""
        assert caplog.text.count("fonts-noto-cjk") == 1
    finally:
        typeface._file.cache_clear()


def test_bold_letters_are_measured_and_lines_keep_within_their_width() -> None:
    face = Typeface()
    assert face.width("Steel mug", 40) == pytest.approx(2 * face.width("Steel mug", 20))
    assert face.width("WW", 20) > face.width("ii", 20) > 0
    text = "Insulated steel bottle with a lid that does not leak"
    lines, whole = face.lines(text, 300, 24, 2)
    assert len(lines) == 2 and not whole and lines[1].endswith("…")
    assert all(0 < face.width(line, 24) <= 300 for line in lines)
    assert face.lines(text, 3000, 24, 2) == ([text], True)
    assert " ".join(face.lines(text, 300, 24, 9)[0]) == text


def test_a_word_longer_than_the_line_is_cut() -> None:
    lines, whole = Typeface().lines("Donaudampfschifffahrtsgesellschaft", 100, 20, 2)
    assert not whole and lines[0].endswith("…") and Typeface().width(lines[0], 20) <= 100


def test_scripts_without_spaces_break_between_letters_and_no_line_begins_with_a_sign() -> None:
    assert typeface._breakable("钢杯，大号 450ml") == ["钢", "杯，", "大", "号", " 450ml"]


@pytest.mark.parametrize("name", ["none.ttf", "text.ttf"])
def test_a_file_that_is_no_font_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.ttf").write_text("no font")
    with pytest.raises(AvatarError, match=name):
        Typeface([tmp_path / name])


def test_the_users_font_comes_first() -> None:
    own = Path(Typeface().files("मग")[1])
    face = Typeface([own])
    assert face.files("mug")[0] == str(own) and "Devanagari" in face.family
    assert face.drawable("ไทย") == "ไทย", "whoever gives a font knows what is in it"
