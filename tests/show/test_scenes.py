"""The scene of every frame: card, comment, layout and time of day together."""

from __future__ import annotations

from typing import Any

from avatar_engine.contracts import Card, Comment, Scene
from avatar_engine.show.remarks import Remarks
from avatar_engine.show.scenes import Scenes, by_frames
from avatar_engine.show.showcase import Showcase


def showcase() -> Showcase:
    return Showcase(lambda product, at: Card(product, product, "1"), lambda entry: None)


def test_a_scene_has_what_belongs_to_its_moment() -> None:
    remarks = Remarks(lambda came: None)
    remarks.put(Comment("Ann", "hello"), 2.0)
    scenes = Scenes(showcase(), remarks, lambda: 1000.0)
    assert scenes.seen("a", 1.0) == Scene(Card("a", "a", "1"), None, began=1000.0)
    assert scenes.seen("", 2.0) == Scene(None, Comment("Ann", "hello"), began=1000.0)


def test_a_layout_changes_from_the_next_frame_on_and_is_written_down() -> None:
    told: list[dict[str, Any]] = []
    scenes = Scenes(journal=lambda entry: told.append(dict(entry)))
    assert scenes.seen("", 3.0) == Scene()
    scenes.change("news", 7)
    assert scenes.seen("", 3.04) == Scene(layout="news", version=7)
    assert told == [{"event": "layout", "at": 3.0, "layout": "news"}]


def test_the_time_of_day_stays_while_it_strays_little_and_is_put_right_when_the_show_was_held_up() -> None:
    began = [1000.0]
    scenes = Scenes(began=lambda: began[0])
    told = []
    for second, now in enumerate([1000.0, 1000.3, 999.8, 1013.0, 1013.2]):
        began[0] = now
        told.append(scenes.seen("", float(second)).began)
    assert told == [1000.0, 1000.0, 1000.0, 1013.0, 1013.0]


def test_a_films_time_is_the_count_of_its_frames() -> None:
    remarks = Remarks(lambda came: None)
    remarks.put(Comment("", "hello"), 0.2)
    ask = by_frames(Scenes(None, remarks))
    assert [ask("").comment is not None for _ in range(7)] == [False] * 5 + [True] * 2
