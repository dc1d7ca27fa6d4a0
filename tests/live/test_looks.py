"""A change of the look while a show runs: at a rest of the mouth, on its frame, and no frame waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from avatar_engine.broadcast.ring import FrameRing
from avatar_engine.bundle import ORIGINAL, Bundle, BundleWriter
from avatar_engine.contracts import Behind, FloatArray, Outlook, Scene
from avatar_engine.errors import AvatarError
from avatar_engine.live import looks
from avatar_engine.live.performer import Performer
from avatar_engine.live.renderer_process import HEAD_START, _Desk
from avatar_engine.live.wardrobe import Attire, Wardrobe
from avatar_engine.media.picture import planes
from avatar_engine.media.write import VideoWriter
from avatar_engine.show.script import parse
from avatar_engine.stage.body import TRACK_PART, VIDEO_PART, Body
from avatar_engine.stage.compose import SOFTLY, Filmed, Stage
from avatar_engine.stage.idle import LOOKS_APART
from avatar_engine.stage.label import Label
from avatar_engine.trust.consent import SignedConsent
from tests.live.fakes import NEUTRAL, Ink, LaggingMotion

SIZE, ROUND = (160, 90), 30
SHADES = {ORIGINAL: 60, "blue": 120, "red": 200, "wide": 90}
APART = {ORIGINAL: 0.0, "blue": 3.0, "red": 400.0, "wide": 0.0}
"""By how many pixels the head sits beside that of the first look."""

LARGER = {"wide": 2}
"""How many times as many pixels a look has."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A clone in three looks, each of another grey; its head moves a pixel a picture."""
    folder = tmp_path_factory.mktemp("clone")
    path = folder / "a.avatar"
    for look, shade in SHADES.items():
        film, scale = folder / f"{look}.mp4", LARGER.get(look, 1)
        width, height = (side * scale for side in SIZE)
        with VideoWriter(film, width, height, sound=False, crf=6, preset="ultrafast", gop=10) as video:
            for _ in range(ROUND):
                video.picture(np.full((height * 3 // 2, width), shade, np.uint8))
        transforms = np.tile(np.eye(2, 3, dtype=np.float32) / scale, (ROUND, 1, 1))
        transforms[:, 0, 2] = APART[look] + np.arange(ROUND)
        before = Bundle.open(path) if path.exists() else None
        with BundleWriter(path, "A", {}, {}) as writer:
            if before:
                writer.add_parts(before)
            parts = writer.of(replace(before, look=look)) if before else writer
            parts.add_file(VIDEO_PART, film)
            parts.add_tensors(TRACK_PART, {"transforms": transforms, "crop_size": np.array([64], np.int32)})
    return Bundle.open(path)


class Dry(Ink):
    """Paints nothing, and keeps where it would have."""

    def paint(self, picture_i420: Any, matrix: FloatArray, coefficients: FloatArray) -> None:
        self.rows.append(matrix.copy())


class OnAir:
    """A performer whose looks are opened only while the gate is open."""

    def __init__(self, bundle: Bundle, patient: bool = False, first: str = ORIGINAL) -> None:
        self.bundle, self.gate, self.opened = bundle, Event(), list[str]()
        self.painters: list[Dry] = []
        self.gate.set()
        self.stage = Stage(SIZE, Label("en", "bottom-right", SIZE), patient=patient)
        worn = self._open(first, False)
        self.stage.compose(worn.filmed.picture)
        worn.body.begin(0, 0)
        self.wardrobe = Wardrobe(bundle.looks, worn, self._open, self.stage.fit, patient)
        self.performer = Performer(
            LaggingMotion(),
            worn.painter,
            worn.body,
            self.stage,
            NEUTRAL,
            worn.placement,
            wardrobe=self.wardrobe,
        )
        self.frame = 0

    def _open(self, look: str, cut_out: bool) -> Attire:
        assert self.gate.wait(60)
        self.opened.append(look)
        body = Body.load(self.bundle.wearing(look), 64)
        filmed = Filmed(body.frame(0).picture, None, None)
        self.painters.append(Dry())
        return Attire(
            look, self.painters[-1], body, np.zeros((1, len(NEUTRAL)), np.float32), len(body), ROUND, filmed
        )

    def show(self, look: str, frames: int, still: bool = True) -> list[int]:
        """The luma in a corner of each of the next frames, while a look is wanted."""
        seen = []
        for _ in range(frames):
            self.performer.expect(Scene(look=look))
            picture = self.performer.perform(self.frame, NEUTRAL, Scene(look=look), still)
            seen.append(int(np.median(planes(picture)[0][:20, :20])))
            self.frame += 1
        return seen

    def open_gate(self) -> None:
        """Let what is wanted be opened, and wait until it is."""
        self.gate.set()
        assert self.wardrobe._next is not None
        self.wardrobe._next[2].result(60)


@pytest.fixture
def on_air(bundle: Bundle) -> Iterator[Callable[..., OnAir]]:
    made: list[OnAir] = []

    def make(patient: bool = False, first: str = ORIGINAL) -> OnAir:
        made.append(OnAir(bundle, patient, first))
        return made[-1]

    yield make
    for one in made:
        one.gate.set()
        one.performer.close()


def near(seen: list[int], shade: int) -> bool:
    return all(abs(value - shade) <= 2 for value in seen)


def test_no_frame_waits_for_a_look_and_it_comes_at_the_first_rest_once_it_is_ready(
    on_air: Callable[..., OnAir],
) -> None:
    show = on_air()
    assert near(show.show("", 10), SHADES[ORIGINAL])
    show.gate.clear()
    assert near(show.show("blue", 40), SHADES[ORIGINAL])  # it is not ready, and none of these waits for it
    show.open_gate()
    assert near(show.show("blue", 10, still=False), SHADES[ORIGINAL])  # somebody speaks
    seen = show.show("blue", SOFTLY + 20)
    steps = np.diff([SHADES[ORIGINAL], *seen[:SOFTLY]])
    assert (steps > 0).all() and steps.max() < 20, "it goes over softly, from the very frame on"
    assert near(seen[SOFTLY:], SHADES["blue"])
    assert show.performer.home // LOOKS_APART == list(show.bundle.looks).index("blue")
    assert near(show.show("blue", 60), SHADES["blue"])
    assert show.opened == [ORIGINAL, "blue"]


def test_a_head_that_would_jump_far_is_cut_to(on_air: Callable[..., OnAir]) -> None:
    show = on_air(patient=True)
    show.show("", 3)
    seen = show.show("red", 3)
    assert near(seen, SHADES["red"])


def test_how_far_the_head_jumps_is_seen_at_the_change(on_air: Callable[..., OnAir]) -> None:
    """A video knows all that is said before its first picture, which is long before the pause."""
    show = on_air(patient=True)
    show.performer.foresee(0, Outlook(looks=("blue",)))
    assert near(show.show("blue", 12, still=False), SHADES[ORIGINAL])
    before = show.wardrobe.worn.painter.rows[-1][0, 2]  # type: ignore[attr-defined]
    seen = show.show("blue", SOFTLY + 2)
    assert SHADES[ORIGINAL] < seen[0] < SHADES["blue"] and near(seen[SOFTLY:], SHADES["blue"])
    assert abs(show.wardrobe.worn.painter.rows[0][0, 2] - before) <= 2  # type: ignore[attr-defined]


def test_a_change_on_air_is_soft_or_a_cut_by_where_the_head_is_then(
    on_air: Callable[..., OnAir], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avatar_engine.live.performer.NEAR", 10 / 64)
    show = on_air()
    show.show("blue", 4, still=False)
    show.open_gate()
    show.show("blue", 14, still=False)  # the head goes on, a pixel a picture
    assert near(show.show("blue", 1), SHADES["blue"])


def test_footage_of_another_size_goes_over_where_the_head_is_on_the_picture(
    on_air: Callable[..., OnAir],
) -> None:
    show = on_air(patient=True)
    show.show("", 12)
    before = show.wardrobe.worn.painter.rows[-1][0, 2]  # type: ignore[attr-defined]
    seen = show.show("wide", SOFTLY + 2)
    assert SHADES[ORIGINAL] < seen[0] < SHADES["wide"] and near(seen[-2:], SHADES["wide"])
    assert abs(show.wardrobe.worn.painter.rows[0][0, 2] - before) <= 2  # type: ignore[attr-defined]
    assert near(show.show(ORIGINAL, SOFTLY + 4)[-2:], SHADES[ORIGINAL])


def test_a_patient_show_waits_and_the_body_goes_on_where_the_head_was(on_air: Callable[..., OnAir]) -> None:
    shifts = []
    for _ in range(2):
        show = on_air(patient=True)
        show.show("", 12)
        before = show.wardrobe.worn.painter.rows[-1][0, 2]  # type: ignore[attr-defined]
        show.show("blue", 5)
        after = show.wardrobe.worn.painter.rows[0][0, 2]  # type: ignore[attr-defined]
        assert abs(after - before) <= 2
        shifts.append(after)
    assert shifts[0] == shifts[1], "the same every time"


def test_in_the_end_the_painters_of_all_looks_are_let_go(bundle: Bundle) -> None:
    show = OnAir(bundle, patient=True)
    show.show("red", 3)
    show.show("blue", 3)
    show.performer.expect(Scene(look="wide"))  # and is never worn
    assert not any(painter.closed for painter in show.painters)
    show.performer.close()
    assert len(show.painters) == 4 and all(painter.closed for painter in show.painters)


def test_what_is_known_to_come_is_opened_before_it_is_wanted(on_air: Callable[..., OnAir]) -> None:
    show = on_air()
    show.show("", 5)
    show.performer.foresee(20, Outlook(looks=("blue", "red")))
    show.show("", 1)
    show.open_gate()
    show.show("", 30)
    assert show.opened == [ORIGINAL, "blue"]
    seen = show.show("blue", 1)
    assert SHADES[ORIGINAL] < seen[0] < SHADES["blue"], "it was ready"
    show.show("red", 9, still=False)  # a technician's order, while what is said asks for another one soon
    show.open_gate()
    show.show("red", 9, still=False)
    assert show.opened == [ORIGINAL, "blue", "red"]


def test_orders_that_follow_one_another_fast_end_in_the_last_one(on_air: Callable[..., OnAir]) -> None:
    show = on_air(patient=True)
    for _ in range(3):
        for look in ("blue", "red", ORIGINAL, "red", "blue"):
            show.show(look, 2)
    assert near(show.show("blue", SOFTLY + 4)[-2:], SHADES["blue"])
    assert near(show.show("nothing", 8), SHADES["blue"])  # one that the clone lacks changes nothing
    assert near(show.show("red", SOFTLY + 4)[-2:], SHADES["red"])


def test_a_renderer_that_begins_anew_wears_what_the_idle_face_wears(on_air: Callable[..., OnAir]) -> None:
    show = on_air()
    number = list(show.bundle.looks).index("red")
    show.performer.begin(500, number * LOOKS_APART + 9)
    show.frame = 500
    assert near(show.show("red", 3), SHADES["red"])
    assert show.performer.home == number * LOOKS_APART + 11
    show.performer.begin(600, number * LOOKS_APART + 3)  # a sentence was cut, and nobody died
    show.frame = 600
    assert near(show.show("red", 2), SHADES["red"])


def test_a_show_begins_in_its_own_look_and_goes_on_in_the_one_on_air(on_air: Callable[..., OnAir]) -> None:
    """The renderer asks the ring where the idle face is; before the first frame there is none."""
    show = on_air(first="blue")
    ring = FrameRing.make(*SIZE, 4)
    try:
        ends, _ = Pipe()
        desk = _Desk(ends, ring, show.performer)
        begun: list[tuple[int, int]] = []

        def begin(index: int, home: int) -> None:
            begun.append((index, home))
            raise KeyboardInterrupt

        first = show.performer.home
        show.performer.begin(0, first)
        assert near(show.show("blue", 3), SHADES["blue"]) and show.opened == ["blue"]
        show.performer.begin = begin  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            desk._play(0)
        ring.next, ring.shift = 100, LOOKS_APART - 93
        with pytest.raises(KeyboardInterrupt):
            desk._play(0)
        assert begun == [(0, show.performer.home), (100 + HEAD_START, LOOKS_APART + 7 + HEAD_START)]
        assert first == LOOKS_APART * list(show.bundle.looks).index("blue")
    finally:
        ring.discard()


def test_a_script_is_held_against_the_clone_before_anything_begins(bundle: Bundle, tmp_path: Path) -> None:
    script = parse("---\nlook: blue\n---\nOne.\n\n<look red> Two.")
    dressed = looks.dressed(bundle, script, "", Behind())
    assert looks.worn(dressed) == ("blue", "red")
    assert looks.worn(looks.dressed(bundle, script, ORIGINAL, Behind())) == (ORIGINAL, "red")
    assert [looks.first_at(dressed, at) for at in (0, 2, len(script.items))] == ["blue", "red", "blue"]
    plain = parse("<look red> Two.")
    assert looks.dressed(bundle, plain, "", Behind()).look == "red"
    assert looks.dressed(bundle, plain, "blue", Behind()).look == "blue"
    with pytest.raises(AvatarError, match="no look 'evening'"):
        looks.dressed(bundle, parse("<look evening> Hello."), "", Behind())
    with pytest.raises(AvatarError, match=r"no matte.*in the look blue"):
        looks.dressed(bundle, script, "", Behind("#ffffff"))


def test_an_order_is_looked_at_before_it_is_followed(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    worn, asked = list[str](), list[str]()
    monkeypatch.setattr(looks, "agreed_for", lambda bundle, names: names)
    behind = ["keep"]

    def allow(signed: SignedConsent) -> None:
        asked.append(str(signed))
        if str(signed) == "red":
            raise AvatarError("The consent was revoked.")

    wear = looks.changing(bundle, worn.append, lambda: behind[0], allow)
    assert "blue from the next pause on" in wear("blue")
    for wrong, said in (("", "No look is named"), ("evening", "no look"), ("red", "revoked")):
        with pytest.raises(AvatarError, match=said):
            wear(wrong)
    behind[0] = "blur"
    with pytest.raises(AvatarError, match="no matte"):
        wear("blue")
    assert worn == ["blue"] and asked == ["blue", "red"]
