"""SVG drawn in another process: as it is asked for, while others work, and again after a failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from avatar_engine.stage import pen as pens
from avatar_engine.stage.pen import Pen
from avatar_engine.stage.typeface import Typeface

FACE = Typeface()
RED = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 2"><rect width="2" height="2" fill="#f00"/></svg>'
)


@pytest.fixture
def pen() -> Iterator[Pen]:
    made = Pen()
    yield made
    made.close()


def draw(pen: Pen, svg: str, size: tuple[int, int] = (40, 20)) -> np.ndarray:
    return pen.draw(svg, size, FACE.files("abc"), FACE.family, "en")


def test_a_drawing_has_its_size_and_colours_multiplied_by_alpha(pen: Pen) -> None:
    drawn = draw(pen, RED.replace("/>", ' fill-opacity="0.5"/>'))
    assert drawn.shape == (20, 40, 4) and drawn.dtype == np.float32
    assert drawn[10, 10] == pytest.approx([0.5, 0, 0, 0.5], abs=0.01) and not drawn[10, 30].any()


def test_what_can_not_be_drawn_is_told_and_the_next_is_drawn(pen: Pen) -> None:
    with pytest.raises(ValueError, match=r"root node"):
        draw(pen, "<svg")
    assert draw(pen, RED)[10, 10, 0] == 1


def test_a_process_that_died_is_started_again(pen: Pen) -> None:
    draw(pen, RED)
    assert pen._process is not None
    pen._process.kill()
    pen._process.wait()
    assert draw(pen, RED)[10, 10, 0] == 1


def test_a_drawing_that_takes_too_long_is_given_up(pen: Pen, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(pen, RED)
    monkeypatch.setattr(pens, "LIMIT", 0.0)
    with pytest.raises(ValueError, match="nothing came"):
        draw(pen, RED, (2000, 1000))
    monkeypatch.undo()
    assert draw(pen, RED)[10, 10, 0] == 1


def test_others_go_on_while_something_is_drawn(pen: Pen) -> None:
    letters = "".join(
        f'<text x="1" y="{at}" font-size="9">Hello there, everybody</text>' for at in range(400)
    )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400">{letters}</svg>'
    draw(pen, RED)
    thread = threading.Thread(target=draw, args=(pen, svg, (800, 800)))
    thread.start()
    turns, began = 0, time.thread_time()
    while thread.is_alive() and time.thread_time() - began < 30:
        turns += 1
        time.sleep(0.001)
    assert turns > 20, "as long as it takes elsewhere"
    thread.join()
