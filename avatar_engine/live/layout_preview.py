"""A layout as a picture, with everything on it: with a drawn figure, or with a clone."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from avatar_engine import device as devices
from avatar_engine.bundle import Bundle
from avatar_engine.contracts import FRAME_RATE, ByteArray, Card, Comment, Scene
from avatar_engine.errors import AvatarError
from avatar_engine.stage import layout_file
from avatar_engine.stage.card import Look
from avatar_engine.stage.compose import Stage
from avatar_engine.stage.label import Label
from avatar_engine.stage.layout import Layout
from avatar_engine.stage.pen import Pen

FIGURE, FACE = layout_file.HOME / "figure.svg", (532.0, 90.0, 216.0, 340.0)
"""The figure, and the box of its face, in 1280x720."""

KINDS = (".png", ".jpg", ".webp")
"""How the file of a preview may end."""

AT = 4
"""Seconds after the layout came on: what comes a little later is there, too."""

_SAMPLES = {
    "en": ("Insulated steel mug with a lid", "Maria", "Does it keep tea hot for a whole day?"),
    "fr": (
        "Mug isotherme en acier avec couvercle",
        "Camille",
        "Est-ce que le thé reste chaud toute la journée ?",
    ),
    "zh": ("带盖保温不锈钢杯", "小美", "它能让茶保温一整天吗？"),
    "ar": ("كوب معزول من الفولاذ بغطاء", "ليلى", "هل يحافظ على حرارة الشاي طوال اليوم؟"),
}
"""A product, a viewer and a comment by language; English ones for others."""


def preview(
    plan: Layout,
    output: Path,
    *,
    avatar: Path | None = None,
    size: tuple[int, int] | None = None,
    language: str = "en",
    label: str = "top-right",
) -> tuple[int, int]:
    """Write a picture of a layout with a sample of everything that it may show; its width and height.

    Args:
        plan: The layout.
        output: A `KINDS` file.
        avatar: The clone; None for a drawn figure.
        size: Width and height; None for what the layout is made for.
        language: BCP 47 tag of label and samples.
        label: Corner of the label.

    Raises:
        AvatarError: The size does not fit, or the clone or the output are no good.
    """
    if output.suffix.lower() not in KINDS:
        raise AvatarError(f"The preview {output.name!r} is no picture.", f"Let it end in {', '.join(KINDS)}.")
    size = plan.picture_size(size)
    stamp = Label(language, label, size, True)
    scene = _sample(language)
    if avatar:
        picture = _of_clone(Bundle.open(avatar), stamp, size, plan, scene, language)
    else:
        stage = Stage(size, stamp, plan, Look(), FACE, language, patient=True)
        body = _figure()
        try:
            for index in (0, AT * FRAME_RATE - 1, AT * FRAME_RATE):
                stage.show(scene, index)
                picture = stage.compose(body)
        finally:
            stage.close()
    good, data = cv2.imencode(output.suffix, cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420))
    if not good:
        raise AvatarError(f"{output} can't be written.", "Choose .png.")
    try:
        output.write_bytes(data.tobytes())
    except OSError as error:
        raise AvatarError(
            f"{output} can't be written: {error.strerror}.", "Choose a folder that is yours."
        ) from None
    return size


def _sample(language: str) -> Scene:
    name, author, text = _SAMPLES.get(language.partition("-")[0].lower(), _SAMPLES["en"])
    card = Card(
        "sample",
        name,
        "€12.50",
        "€19",
        "€6.50",
        3,
        language,
        link="https://shop.example/mug",
        ends=1000.0 + 192 + AT,
    )
    return Scene(card, Comment(author, text, language), began=1000.0)


def _figure() -> ByteArray:
    pen = Pen()
    try:
        drawn = pen.draw(FIGURE.read_text(encoding="utf-8"), (1280, 720), (), "sans-serif", "en")
    finally:
        pen.close()
    rgb = np.rint(drawn[..., :3] * 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


def _of_clone(
    bundle: Bundle, label: Label, size: tuple[int, int], plan: Layout, scene: Scene, language: str
) -> ByteArray:
    from avatar_engine.live import performer as performers  # imported here: a second's work

    performer = performers.load(
        bundle, label, size, devices.choose("cpu"), look=Look(), layout=plan, language=language, patient=True
    )
    try:
        for index in range(AT * FRAME_RATE + 1):  # the body's pictures come one after the other
            picture = performer.perform(index, performer.neutral, scene)
        return picture.copy()
    finally:
        performer.close()
