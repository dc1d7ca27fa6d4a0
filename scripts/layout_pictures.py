"""Draws the pictures of the engine's own layouts that the README shows, with the drawn presenter.

    python scripts/layout_pictures.py docs
    python scripts/layout_pictures.py docs --east-asian NotoSansCJK-Bold.ttc

Without an East Asian font on the machine, or named, the second picture has no Chinese.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).parent))

from portrait.figure import Face, draw_face

from avatar_engine.contracts import ByteArray, Card, Comment, Scene
from avatar_engine.media.picture import blank, planes
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import layout_file, typeface
from avatar_engine.stage.card import Look
from avatar_engine.stage.compose import Stage
from avatar_engine.stage.label import Label

FACE = (515.0, 90.0, 250.0, 330.0)
HEIGHT = 400
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 80"><rect width="200" height="80" rx="16" '
    'fill="#c4122f"/><circle cx="42" cy="40" r="22" fill="#fff"/><rect x="80" y="28" width="96" height="24" rx="12" '
    'fill="#fff"/></svg>'
)
VALUES = """[values]
logo = "logo.svg"
video = "clip.mp4"
name = "June Park"
title = "Your host tonight"
headline = "Rain in the north, a warm evening by the sea"
"""
WORDS = {
    "en": ("Insulated steel mug with a lid", "Maria", "Does it keep tea hot for a whole day?"),
    "ar": ("كوب معزول من الفولاذ بغطاء", "ليلى", "هل يحافظ على حرارة الشاي طوال اليوم؟"),
    "zh": ("带盖保温不锈钢杯", "小美", "它能让茶保温一整天吗？可以用洗碗机洗吗？"),
    "hi": ("ढक्कन वाला स्टील मग", "मीरा", "क्या यह चाय को दिन भर गर्म रखता है?"),
}


def picture(folder: Path, name: str, language: str, mug: Path, body: ByteArray) -> ByteArray:
    """A layout with everything on it, BGR."""
    (folder / "l.toml").write_text(f'base = "{name}"\n{VALUES}', encoding="utf-8")
    plan = layout_file.load("l.toml", folder)
    size = plan.picture_size(None)
    label = Label(language, "top-right", size, True)
    stage = Stage(size, label, plan, Look(), FACE, language, patient=True)
    product, author, text = WORDS[language]
    card = Card(
        "m",
        product,
        "€12.50",
        "€19",
        "€6.50",
        3,
        language,
        str(mug),
        link="https://shop.example/mug",
        ends=1196.0,
    )
    if name == "news":
        card = replace(card, picture="")
    for index in (0, 99, 100):
        stage.show(Scene(card, Comment(author, text, language), began=1000.0), index)
        made = stage.compose(body)
    stage.close()
    shown = cv2.cvtColor(made, cv2.COLOR_YUV2BGR_I420)
    return np.asarray(
        cv2.resize(shown, (size[0] * HEIGHT // size[1], HEIGHT), interpolation=cv2.INTER_AREA), np.uint8
    )


def furnish(folder: Path) -> Path:
    """Make logo, video and the product's picture, whose path it gives."""
    (folder / "logo.svg").write_text(LOGO)
    down, across = np.mgrid[:360, :640]
    with VideoWriter(folder / "clip.mp4", 640, 360, sound=False) as writer:
        for index in range(25):
            sea = blank(640, 360)
            luma, blue, red = planes(sea)
            luma[:] = np.where(
                down < 210, 90 + down * 0.45, 75 + 25 * np.sin(down / 6 + across / 90 + index / 4)
            )
            luma[np.hypot(across - 430, down - 170) < 48] = 225
            blue[:] = np.where(down[::2, ::2] < 210, 105, 150)
            red[:] = np.where(down[::2, ::2] < 210, 165, 105)
            writer.picture(sea)
    mug = np.full((400, 400, 3), 244, np.uint8)
    cv2.ellipse(mug, (292, 210), (58, 66), 0, 0, 360, (150, 120, 60), 22, cv2.LINE_AA)
    cv2.rectangle(mug, (110, 110), (290, 330), (170, 140, 80), -1, cv2.LINE_AA)
    cv2.rectangle(mug, (100, 84), (300, 118), (60, 60, 60), -1, cv2.LINE_AA)
    cv2.imwrite(str(folder / "mug.png"), mug)
    return folder / "mug.png"


def main(
    output: Annotated[Path, typer.Argument(help="The folder for the pictures.")],
    east_asian: Annotated[Path | None, typer.Option(help="A font file with Chinese letters.")] = None,
) -> None:
    """Draw them."""
    if east_asian:
        typeface._EAST_ASIAN = (str(east_asian.resolve()),)
    body = np.asarray(cv2.cvtColor(draw_face(Face()), cv2.COLOR_RGB2YUV_I420), np.uint8)
    tags = ["ar", "hi", *(["zh"] if typeface.east_asian() else [])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mug = furnish(folder)
        rows = {
            "layouts": [
                picture(folder, one, "en", mug, body) for one in ("shopping", "news", "square", "vertical")
            ],
            "layouts-scripts": [picture(folder, "shopping", tag, mug, body) for tag in tags],
        }
    for title, shown in rows.items():
        path = output / f"{title}.webp"
        cv2.imwrite(str(path), np.hstack(shown), [cv2.IMWRITE_WEBP_QUALITY, 64])
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    typer.run(main)
