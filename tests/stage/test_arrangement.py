"""A layout on the picture: what is seen when, that the label is never covered, and how layouts change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar_engine.contracts import BARE, ByteArray, Card, Comment, Scene
from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import blank, planes
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import layout_file
from avatar_engine.stage.card import Look
from avatar_engine.stage.compose import DISSOLVE, Stage
from avatar_engine.stage.label import POSITIONS, Label
from avatar_engine.stage.layout import BUILT_IN, Layout
from avatar_engine.stage.placing import common

SIZE = (640, 360)
FACE = (240.0, 30.0, 120.0, 160.0)
CARD = Card("m", "Steel mug", "€12.50", "€19", "€6.50", 3, link="https://shop.example/m", ends=1100.0)
SCENE = Scene(CARD, Comment("Maria", "Does it keep tea hot?"), began=1000.0)
VALUES = (
    '[values]\nlogo = "logo.svg"\nname = "June Park"\ntitle = "Your host"\nvideo = "clip.mp4"\n'
    'headline = "Rain in the north"\n'
)
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><rect width="20" height="10" fill="#f00"/></svg>'


def body(level: int = 100) -> ByteArray:
    picture = blank(*SIZE)
    planes(picture)[0][:] = level
    return picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logo.svg").write_text(LOGO)
    with VideoWriter(tmp_path / "clip.mp4", 64, 48, sound=False, crf=10) as writer:
        for index in range(20):
            picture = blank(64, 48)
            planes(picture)[0][:] = 40 + 8 * index
            writer.picture(picture)
    return tmp_path


class Player:
    """Shows pictures of a layout, frame by frame."""

    def __init__(self, plan: Layout, size: tuple[int, int] | None = None, corner: str = "top-right") -> None:
        self.size = size or SIZE
        self.label = Label("en", corner, self.size, True)
        self.stage = Stage(self.size, self.label, plan, Look(), FACE, "en", patient=True)
        self.index = 0

    def show(self, scene: Scene | None = BARE, frames: int = 1, level: int = 100) -> ByteArray:
        for _ in range(frames):
            self.stage.show(scene, self.index)
            self.index += 1
            picture = self.stage.compose(body(level))
        return picture.copy()

    def boxes(self) -> dict[str, tuple[int, int, int, int]]:
        assert self.stage._set is not None
        return dict(self.stage._set.arrangement.boxes)


def play(folder: Path, text: str) -> Player:
    (folder / "l.toml").write_text(text, encoding="utf-8")
    return Player(layout_file.load("l.toml", folder))


def luma(picture: ByteArray, box: tuple[int, int, int, int]) -> ByteArray:
    left, top, width, height = box
    return planes(picture)[0][top : top + height, left : left + width]


@pytest.fixture
def players() -> Iterator[list[Player]]:
    made: list[Player] = []
    yield made
    for one in made:
        one.stage.close()


@pytest.mark.parametrize("corner", POSITIONS)
@pytest.mark.parametrize("name", BUILT_IN)
def test_no_element_of_the_engines_own_is_on_the_label_or_outside_and_none_covers_another(
    name: str, corner: str, folder: Path
) -> None:
    (folder / "l.toml").write_text(f'base = "{name}"\n{VALUES}')
    plan = layout_file.load("l.toml", folder)
    size = plan.picture_size(None)
    player = Player(plan, size, corner)
    player.stage.compose(body())
    boxes = list(player.boxes().items())
    assert boxes
    for at, (kind, box) in enumerate(boxes):
        assert box[0] >= 0 and box[1] >= 0 and box[0] + box[2] <= size[0] and box[1] + box[3] <= size[1]
        assert not common(box, player.label.box), kind
        if corner != "top-right":
            continue
        for other, there in boxes[at + 1 :]:
            shared = common(box, there) / min(box[2] * box[3], there[2] * there[3])
            # A card's shadow, and the way on which things slide in, may meet the rim of others.
            assert shared < 0.13, f"{kind} and {other}"
    player.stage.close()


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("level", [16, 235])
def test_the_label_stays_legible_on_every_layout_and_during_its_change(
    name: str, level: int, folder: Path, players: list[Player]
) -> None:
    (folder / "l.toml").write_text(f'base = "{name}"\n{VALUES}[colours]\npaper = "#ffffff"\nopacity = 1\n')
    plan = layout_file.load("l.toml", folder)
    player = Player(plan, plan.picture_size(None))
    players.append(player)
    other = folder / "other.toml"
    other.write_text('background = "#ffffff"\n[presenter]\nscale = 0.5\n')
    letters = lettered(player)
    for index in range(30):
        scene = SCENE if index < 12 else replace(SCENE, layout=str(other))
        player.stage.show(scene, index)
        assert contrast(player, player.stage.compose(body(level)), letters) >= 4.5, f"frame {index}"


def lettered(player: Player) -> ByteArray:
    """Where the words of the label are, in its box."""
    ground = blank(*player.size)
    player.label.draw(ground)
    return np.asarray(luma(ground, player.label.box) > 228, np.uint8)


def contrast(player: Player, picture: ByteArray, letters: ByteArray) -> float:
    """Of the label's words and the lightest of its plate beside them (WCAG 2.2): relative luminances, by luma."""
    part = luma(picture, player.label.box).astype(float)
    inside = np.zeros(letters.shape, bool)
    inside[3:-3, 6:-6] = True
    near = cv2.dilate(letters, np.ones((5, 5), np.uint8)) > 0
    wide = cv2.dilate(letters, np.ones((9, 9), np.uint8)) > 0
    plate = part[inside & wide & ~near]
    light, dark = (linear(level) for level in (np.percentile(part[letters > 0], 5), np.percentile(plate, 95)))
    return (light + 0.05) / (dark + 0.05)


def linear(level: float) -> float:
    share = min(1.0, max(0.0, (level - 16) / 219))
    return float(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)


def test_plain_is_the_presenter_the_card_and_the_label_to_the_bit(players: list[Player]) -> None:
    player = Player(layout_file.load("plain"))
    players.append(player)
    picture = player.show(Scene(comment=SCENE.comment), 10)
    want = body()
    player.label.draw(want)
    np.testing.assert_array_equal(picture, want)
    assert (player.show(SCENE, 10) != want).any()


def test_a_countdown_ticks_by_the_frame_and_touches_its_digits_alone(
    folder: Path, players: list[Player]
) -> None:
    player = play(folder, '[[element]]\nkind = "countdown"\nto = "63s"\ncaption = "Soon"\nleave = "cut"\n')
    players.append(player)
    box = player.boxes() if player.stage._set else {}
    pictures = [player.show() for _ in range(103)]
    box = player.boxes()
    changes = [at for at in range(10, 103) if (pictures[at] != pictures[at - 1]).any()]
    assert changes == [25, 50, 75, 100], "on the frame at which a second begins"
    moved = np.flatnonzero((planes(pictures[25])[0] != planes(pictures[24])[0]).any(0))
    left, _, width, _ = box["countdown"]
    assert moved[0] > left and moved[-1] < left + width and moved[-1] - moved[0] < 30, "the last digit alone"
    player.index = 65 * 25
    over = player.show(frames=10)
    assert (luma(over, box["countdown"]) != 100).any(), "it stands at zero for a while"
    player.index = 67 * 25
    assert (luma(player.show(frames=2), box["countdown"]) == 100).all()


def test_a_countdown_follows_the_offer_and_the_time_of_day(folder: Path, players: list[Player]) -> None:
    offer = play(folder, '[[element]]\nkind = "countdown"\nto = "offer"\n')
    day = play(folder, '[[element]]\nkind = "countdown"\nto = "20:00"\n')
    players += [offer, day]
    offer.show()
    box = offer.boxes()["countdown"]
    assert (luma(offer.show(replace(SCENE, card=None), 20), box) == 100).all()
    assert (luma(offer.show(SCENE, 20), box) != 100).any()
    assert (luma(offer.show(replace(SCENE, card=replace(CARD, ends=0.0)), 20), box) == 100).all()
    assert (luma(day.show(BARE, 20), day.boxes()["countdown"]) == 100).all(), "a film has no time of day"
    assert (luma(day.show(SCENE, 20), day.boxes()["countdown"]) != 100).any()


def test_texts_take_the_products_words_and_are_away_without_them(folder: Path, players: list[Player]) -> None:
    player = play(
        folder,
        '[[element]]\nkind = "text"\ntext = "Only {price}"\nat = "top-left"\nenter = "cut"\nleave = "cut"\n',
    )
    players.append(player)
    player.show()
    box = player.boxes()["text"]
    assert (luma(player.show(), box) == 100).all()
    first = luma(player.show(SCENE, 3), box)
    other = luma(player.show(replace(SCENE, card=replace(CARD, price="€9")), 20), box)
    assert (first != 100).any() and (other != first).any()
    assert (luma(player.show(BARE, 3), box) == 100).all()


def test_a_lower_third_comes_goes_and_comes_again_on_its_frames(folder: Path, players: list[Player]) -> None:
    player = play(
        folder,
        '[[element]]\nkind = "lower-third"\nname = "June"\nafter = 0.4\nlasts = 0.4\nevery = 1.2\nenter = "cut"\n'
        'leave = "cut"\n',
    )
    players.append(player)
    seen = []
    for _ in range(75):
        picture = player.show()
        seen.append(bool((luma(picture, player.boxes()["lower-third"]) != 100).any()))
    assert [at for at in range(1, 75) if seen[at] != seen[at - 1]] == [10, 20, 40, 50, 70]


def test_the_chats_line_changes_with_what_is_written(folder: Path, players: list[Player]) -> None:
    player = play(folder, '[[element]]\nkind = "chat"\nat = "top-left"\nwidth = 60\n')
    players.append(player)
    player.show()
    box = player.boxes()["chat"]
    first = luma(player.show(SCENE, 20), box)
    second = luma(player.show(replace(SCENE, comment=Comment("", "Hm?")), 40), box)
    assert (first != 100).sum() > (second != 100).sum() > 100, "a short line has a small plate"
    assert (luma(player.show(BARE, 20), box) == 100).all()


def test_a_template_is_filled_and_what_it_holds_is_escaped(folder: Path, players: list[Player]) -> None:
    (folder / "lower.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 20"><rect width="100" height="20" fill="#00f"/>'
        '<text x="5" y="15" font-size="14" data-width="90" fill="#fff">{name}</text>'
        '<text x="5" y="19" font-size="4" fill="#0f0">{title}!</text></svg>'
    )
    text = (
        '[[element]]\nkind = "lower-third"\nname = "NAME"\ntitle = "x"\ntemplate = "lower.svg"\nwidth = 50\n'
    )
    drawn = []
    for name in ("A", "<b>&amp;</b> a much longer name than that one"):
        player = play(folder, text.replace("NAME", name))
        players.append(player)
        drawn.append(luma(player.show(frames=12), player.boxes()["lower-third"]))
    assert (drawn[0] > 200).sum() > 20
    columns = np.flatnonzero((drawn[1] > 200).any(0))
    assert columns[-1] < drawn[1].shape[1] * 0.97, "its letters became smaller"


def test_a_code_is_read_from_the_picture(folder: Path, players: list[Player]) -> None:
    player = play(folder, '[[element]]\nkind = "qr"\ntext = "{link}"\nwidth = 40\n')
    players.append(player)
    bgr = cv2.cvtColor(player.show(SCENE, 20), cv2.COLOR_YUV2BGR_I420)
    assert cv2.QRCodeDetector().detectAndDecode(bgr)[0] == CARD.link


def test_a_video_runs_with_the_frames_and_begins_again(folder: Path, players: list[Player]) -> None:
    player = play(
        folder, '[[element]]\nkind = "video"\nfile = "clip.mp4"\nenter = "cut"\nat = "bottom-right"\n'
    )
    players.append(player)
    shades = []
    for _ in range(50):
        picture = player.show()
        shades.append(float(luma(picture, player.boxes()["video"]).mean()))
    want = [40 + 8 * (at % 20) for at in range(50)]
    assert shades == pytest.approx(want, abs=3)
    player.index += 4
    assert float(luma(player.show(), player.boxes()["video"]).mean()) == pytest.approx(40 + 8 * 14, abs=3)


def test_what_always_stands_there_is_all_that_an_idle_picture_has(
    folder: Path, players: list[Player]
) -> None:
    player = play(
        folder,
        '[[element]]\nkind = "logo"\nfile = "logo.svg"\nenter = "cut"\n[[element]]\nkind = "countdown"\nto = "90s"\n'
        'at = "bottom-left"\n[[element]]\nkind = "text"\ntext = "a"\nlasts = 5\nat = "bottom-right"\n',
    )
    players.append(player)
    picture = player.show(None, 12)
    boxes = player.boxes()
    assert (luma(picture, boxes["logo"]) != 100).any()
    assert (luma(picture, boxes["countdown"]) == 100).all() and (luma(picture, boxes["text"]) == 100).all()


def test_a_layout_changes_on_its_frame_softly_and_back(folder: Path, players: list[Player]) -> None:
    player = Player(layout_file.load("plain"))
    players.append(player)
    (folder / "small.toml").write_text('background = "#ffffff"\n[presenter]\nscale = 0.5\n')
    there = Scene(layout=str(folder / "small.toml"))
    before = player.show(BARE, 5)
    corner = [int(planes(player.show(there))[0][-1, 0]) for _ in range(DISSOLVE + 3)]
    assert corner == sorted(corner) and 100 < corner[0] < 130 and corner[DISSOLVE:] == [235] * 3
    assert planes(player.show(there))[0][SIZE[1] // 2, SIZE[0] // 2] == 100, "the presenter, half as large"
    back = [player.show(BARE) for _ in range(DISSOLVE + 2)]
    np.testing.assert_array_equal(back[-1], before)


def test_a_layout_of_another_aspect_or_with_mistakes_leaves_the_one_that_is_on(
    folder: Path, players: list[Player], caplog: pytest.LogCaptureFixture
) -> None:
    player = Player(layout_file.load("plain"))
    players.append(player)
    before = player.show(BARE, 3)
    np.testing.assert_array_equal(player.show(Scene(layout="vertical"), 20), before)
    np.testing.assert_array_equal(player.show(Scene(layout=str(folder / "none.toml")), 20), before)
    assert caplog.text.count("the layout stays as it is") == 2 and "size of a picture on air" in caplog.text
    with pytest.raises(AvatarError, match="made for 9:16"):
        Player(layout_file.load("vertical"))


def test_on_air_nobody_waits_for_a_layout(folder: Path, players: list[Player]) -> None:
    label = Label("en", "top-right", SIZE)
    stage = Stage(SIZE, label, None, Look(), FACE)
    stage.compose(body())
    (folder / "l.toml").write_text(f'base = "news"\n{VALUES}')
    stage.show(BARE, 0)
    stage.show(Scene(layout=str(folder / "l.toml")), 1)
    first = stage.compose(body()).copy()
    assert int(planes(first)[0][-1, -1]) == 100, "as it was"
    assert stage._next is not None
    stage._next[1].result(20)
    stage.show(Scene(layout=str(folder / "l.toml")), 2)
    assert (stage.compose(body()) != first).any()
    stage.close()


def test_the_readmes_example_is_a_layout(folder: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```toml\n(# mine\.toml.*?)```", readme, re.DOTALL)
    assert found
    (folder / "mine.toml").write_text(found[1])
    assert [one.kind for one in layout_file.load("mine.toml", folder).element][-1] == "lower-third"
