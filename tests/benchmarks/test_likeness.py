import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import likeness
import likeness_page as page
import numpy as np
import pytest
from typer.testing import CliRunner

from avatar_engine.clone.voice_job import FittedVoice
from avatar_engine.device import Device
from avatar_engine.lips.likeness.motion import Place
from avatar_engine.lips.likeness.rows import Figures, Measured
from avatar_engine.lips.model import LipsModel
from avatar_engine.voice.pack import VoicePack
from tests.lips import drawn

COUNT = 60
NOTHING = np.zeros(1, np.float32)


def figures(**more: Any) -> Figures:
    """A row in which every figure is 1."""
    ones = dict.fromkeys(Figures.__dataclass_fields__, 1)
    return Figures(**(ones | more))


def measured() -> Measured:
    names = ("real", "painted", "driven", "spoken", "filmed")
    wave = (0.05 + 0.03 * np.sin(np.arange(COUNT) / 3)).astype(np.float32)
    rows = {name: figures() for name in names}
    rows["driven"] = figures(
        correlation=0.9, spread=1.2, closings=5, closings_real=4, closings_hit=3, rest_lips=None
    )
    return Measured(
        figures=rows,
        openings={name: wave * (k + 1) / 4 for k, name in enumerate(names)},
        widths=dict.fromkeys(names, wave),
        errors=dict.fromkeys(names, wave * 1000),
        limit=0.01,
        first=100,
        silent=np.arange(COUNT) > 40,
        phones=(Place("p", 4), Place("a", 12), Place("_", 20), Place("m", 59)),
    )


@pytest.fixture
def report() -> dict[str, Any]:
    heard = likeness.Words([], "the clone's voice", "clip.txt")
    head = {
        "clip": "a <clip>.mp4", "engine": "1", "lips": "x.avatar", "fitted_seconds": 48.0, "held_out_seconds": 2.4,
        "crop": 128, "device": {"name": "a processor"}, "words": "clip.txt", "stretches": 2, "csim": None,
    }  # fmt: skip
    return head | likeness.as_json(measured(), heard)


def test_goals_are_met_or_missed_or_unknown(report: dict[str, Any]) -> None:
    met = {(goal["row"], goal["figure"]): goal["met"] for goal in report["goals"]}
    assert met["driven", "correlation"] is True and met["driven", "spread"] is False
    assert met["driven", "closures"] is False  # 3 of 4
    assert met["driven", "rest_lips"] is None and met["painted", "psnr"] is False


@pytest.mark.parametrize(
    ("least", "most", "text", "inside", "outside"),
    [
        (0.9, np.inf, "≥ 0.9", 0.9, 0.89),
        (-np.inf, 1.1, "≤ 1.1", 1.1, 1.2),
        (0.93, 1.07, "0.93 to 1.07", 1, 1.08),
    ],
)
def test_a_goal_says_what_it_asks(
    least: float, most: float, text: str, inside: float, outside: float
) -> None:
    goal = likeness.Goal("driven", "spread", least, most)
    assert goal.text == text
    assert goal.met(inside) is True and goal.met(outside) is False and goal.met(None) is None


def test_the_report_is_plain_json(report: dict[str, Any]) -> None:
    again = json.loads(json.dumps(report, allow_nan=False))
    assert again["names"]["spoken"] == "driven by the clone's voice, same words"
    assert again["rows"]["driven"]["closures"] == 0.75
    assert again["kinds"]["real"]["p b m"]["count"] == 2
    assert len(again["series"]["opening"]["driven"]) == COUNT
    assert again["silent_pictures"] == 19


def test_every_figure_is_in_the_table() -> None:
    shown = {name for _, name, _ in page.FIGURES}
    row = figures().as_json()
    assert shown <= set(row)
    assert set(row) - shown == {"closings", "closings_real", "closings_hit"}  # shown as closures


def test_closures_are_shown_as_counts() -> None:
    row = figures(closings=7, closings_real=6, closings_hit=5).as_json()
    assert page.shown(row, "closures", "closures") == "5 of 6 (7 said)"
    assert page.shown(row | {"closings_real": None}, "closures", "closures") == "–"
    assert page.shown({"rest_lips": None}, "rest_lips", ".2f") == "–"


class Looker(HTMLParser):
    """Counts tags, and finds what the page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and value and not value.startswith(("data:", "#")):
                self.fetched.append(value)


def test_the_page_needs_no_other_file(report: dict[str, Any]) -> None:
    report["curve"] = [
        {
            "seconds": s,
            "budget": 60.0,
            "painted": figures().as_json(),
            "driven": figures(correlation=s / 50).as_json(),
        }
        for s in (5, 48)
    ]
    text = page.render(report, [page.Strip("data:image/jpeg;base64,AA==", "4.00 s, near [p]")])
    looker = Looker()
    looker.feed(text)
    assert looker.fetched == [] and looker.tags["svg"] == 4 and looker.tags["img"] == 1
    assert "a &lt;clip&gt;.mp4" in text and "<clip>" not in text
    assert 'class="missed">1.200<' in text and 'class="met">0.900<' in text
    assert text.count("<tr>") == 1 + len(page.FIGURES) + 3


def test_a_page_without_words_or_curve_is_whole(report: dict[str, Any]) -> None:
    plain = replace(measured(), phones=(), silent=None)
    less = report | likeness.as_json(plain, likeness.Words([], "nobody", "Whisper base"))
    assert less["silent_pictures"] is None and less["kinds"]["real"] == {}
    looker = Looker()
    looker.feed(page.render(less, []))
    assert looker.tags["svg"] == 2 and "img" not in looker.tags


def test_strips_show_every_tenth_picture_large() -> None:
    track = drawn.still_track(40)
    drawn.put(track, np.zeros(40, np.float32))
    gallery = page.Gallery(track, drawn.SIZE, range(15, 40))
    picture = np.zeros((drawn.HEIGHT, drawn.WIDTH, 3), np.uint8)
    for index in range(15, 40):
        for way in ("real", "painted"):
            gallery(index, way, picture)
    strips = gallery.strips((Place("p", 11), Place("a", 24)))
    assert [strip.text for strip in strips] == ["0.60 s", "1.00 s, near [p]", "1.40 s"]
    import base64

    import cv2

    tile = cv2.imdecode(
        np.frombuffer(base64.b64decode(strips[0].image.split(",")[1]), np.uint8), cv2.IMREAD_COLOR
    )
    side = drawn.SIZE / 1.24 * page.SCALE  # the crop is a little finer than the picture
    assert tile.shape[1] == pytest.approx(2 * side, rel=0.03) and tile.shape[0] == pytest.approx(
        side, rel=0.03
    )


class Voice:
    """A voice's job that is done."""

    def __init__(self, sound: Path, samples: int, language: str, *_: Any) -> None:
        assert language in ("en", "fr")

    @contextmanager
    def running(self, progress: Any) -> Iterator[Any]:
        fitted = FittedVoice(VoicePack.stock("af_heart"), ())
        yield SimpleNamespace(fitted=lambda: fitted, watched=progress)


def test_a_fit_is_kept_until_its_code_or_options_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lips = drawn.model(drawn.mouths(np.linspace(0, 0.1, 20).astype(np.float32)))
    fits: list[int] = []

    def fit(*_: Any, train: range, work: Path, **__: Any) -> LipsModel:
        fits.append(len(train))
        assert not (work / "left").exists()
        (work / "left").touch()
        return lips

    monkeypatch.setattr(likeness, "fit", fit)
    monkeypatch.setattr(likeness, "VoiceJob", Voice)
    taken: Any = type("Taken", (), {"footage": tmp_path, "track": None, "sound": tmp_path})()
    clip = likeness.Clip("clip.mp4", taken, NOTHING, NOTHING, 100)
    device = Device("cpu", "test", 1, False, False, 1)

    def again(
        budget: float = 60.0, pictures: int = 50, language: str | None = "en"
    ) -> tuple[LipsModel, VoicePack | None]:
        return likeness.fitted(clip, pictures, budget, device, language, tmp_path, lambda *_: None)

    (first, voice), (second, kept) = again(), again()
    assert fits == [50] and (second.mask == first.mask).all() and second.painter == lips.painter
    assert voice and kept and voice.base == kept.base == "af_heart"
    again(pictures=75)
    again()
    assert fits == [50, 75]
    again(budget=90)
    assert fits == [50, 75, 50]  # and what the fit before had left is gone
    monkeypatch.setattr(likeness, "code", lambda *rooms: "other")
    again(budget=90)
    assert fits == [50, 75, 50, 50]
    again(budget=90, language="fr")
    assert fits == [50, 75, 50, 50, 50]
    assert again(budget=90, language=None)[1] is None  # lips alone
    assert fits == [50, 75, 50, 50, 50, 50]


def test_an_interrupted_fit_goes_on_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, work: Path, **__: Any) -> LipsModel:
        (work / "checkpoint").touch()
        raise KeyboardInterrupt

    taken: Any = type("Taken", (), {"footage": tmp_path, "track": None, "sound": tmp_path})()
    clip = likeness.Clip("clip.mp4", taken, NOTHING, NOTHING, 100)
    device = Device("cpu", "test", 1, False, False, 1)
    monkeypatch.setattr(likeness, "fit", stopped)
    monkeypatch.setattr(likeness, "VoiceJob", Voice)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            likeness.fitted(clip, 50, 60.0, device, "en", tmp_path, lambda *_: None)
        assert (tmp_path / "fit-50" / "checkpoint").exists()


def test_a_point_of_the_curve_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    def rows(*_: Any) -> Measured:
        runs.append(1)
        return measured()

    monkeypatch.setattr(likeness, "rows", rows)
    (tmp_path / "fit-250").mkdir()
    anything: Any = None

    def again(edge: int) -> dict[str, Any]:
        clip = likeness.Clip("clip.mp4", anything, NOTHING, NOTHING, edge)
        return likeness.point(clip, anything, anything, 10, 60.0, tmp_path, lambda *_: None)

    first = again(1000)
    assert again(1000) == json.loads(json.dumps(first)) and len(runs) == 1
    assert set(first) == {"seconds", "budget", "painted", "driven"} and first["driven"]["correlation"] == 0.9
    again(1200)
    monkeypatch.setattr(likeness, "code", lambda *rooms: "other")
    again(1200)
    assert len(runs) == 3  # another part was held out; other code


def test_takes_that_were_put_in_step_have_a_row_as_filmed(monkeypatch: pytest.MonkeyPatch) -> None:
    def drives(pictures: Any, samples: np.ndarray, *_: Any) -> Any:
        part = type("Drives", (), {"painted": "shapes", "driven": float(samples[0]), "placed": 0.0})
        return type("Whole", (), {"part": lambda self, frames: part})()

    ways: dict[str, Any] = {}
    monkeypatch.setattr(likeness, "drives", drives)
    monkeypatch.setattr(likeness.words, "silence", lambda *_: np.zeros(120, np.bool_))
    monkeypatch.setattr(likeness, "measure_rows", lambda *given, **_: ways.update(given[5]))
    in_step, filmed = np.full(1, 1.0, np.float32), np.full(1, 2.0, np.float32)
    anything: Any = None
    for takes, wanted in (((), {"driven": 1.0}), ((1,), {"driven": 1.0, "filmed": 2.0})):
        taken: Any = type("Taken", (), {"takes": takes, "track": range(120), "footage": None})()
        ways.clear()
        clip = likeness.Clip("clip.mp4", taken, in_step, filmed, 100)
        likeness.rows(clip, anything, anything, None, None, lambda *_: None)
        assert ways == wanted | {"painted": "shapes"}


def test_mistakes_are_told_plainly(tmp_path: Path) -> None:
    run = CliRunner().invoke
    both = run(likeness.app, [str(tmp_path / "v.mp4"), "--curve", "--model", "x.avatar"])
    assert both.exit_code == 2 and "--curve" in both.output
    missing = run(likeness.app, [str(tmp_path / "v.mp4"), "--work", str(tmp_path / "work")])
    assert missing.exit_code == 2 and "There is no file" in missing.output.replace("\n", " ")
