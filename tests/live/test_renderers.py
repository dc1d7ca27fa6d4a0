"""When something was on air is told by the frames that went out, idle ones among them."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.broadcast.ring import FrameRing
from avatar_engine.contracts import SAMPLES_PER_FRAME
from avatar_engine.live.programme import Silence, Spoken
from avatar_engine.live.renderers import SURE, Feed
from avatar_engine.live.retold import Retold
from tests.live.fakes import ListedSource


def test_a_technicians_background_goes_with_every_frame_from_now_on() -> None:
    ring = FrameRing.make(64, 36, 4)
    feed = Feed(Retold(ListedSource([Silence(25 * SAMPLES_PER_FRAME)]), "repeat"), ring)
    assert feed.answer().scene.background == ""
    feed.background = "#101828"
    assert feed.answer().scene.background == "#101828"
    feed.hold = True
    assert feed.answer().scene.background == "#101828"  # a renderer that begins anew knows it at once
    ring.discard()


def test_idle_faces_in_between_make_what_follows_later() -> None:
    speech = np.full(25 * SAMPLES_PER_FRAME, 0.5, np.float32)
    first, second = (Spoken(speech, last=True, sentence=n, utterance=n + 1) for n in range(2))
    ring = FrameRing.make(64, 36, 4)
    feed = Feed(Retold(ListedSource([first, Silence(25 * SAMPLES_PER_FRAME), second]), "repeat"), ring)
    told: list[tuple[int, float, float]] = []
    feed.told = lambda *what: told.append(what)
    for _ in range(120):
        feed.answer()
    for frame in range(200):  # content stands still for a second, from the 30th frame on
        ring.next = frame + 1
        ring.heard = frame + 1 if frame < 30 else max(30, frame - 24)
        feed.heard()
        if ring.heard < 25 + SURE:
            assert not told
    ring.discard()
    assert [utterance for utterance, _, _ in told] == [1, 2]
    assert told[0][1:] == pytest.approx((0.0, 1.0), abs=0.05) and told[1][1:] == pytest.approx(
        (3.0, 4.0), abs=0.05
    )
