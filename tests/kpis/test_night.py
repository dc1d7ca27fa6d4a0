"""What a journal tells of a show: when things were on air, who watched, what was asked and bought."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.kpis.count import counted
from avatar_engine.kpis.night import Steps, read
from tests.kpis.nights import EVENING, HOOK, write


def test_a_show_on_air_is_told_by_what_was_heard(tmp_path: Path) -> None:
    night = read(write(tmp_path, EVENING))
    assert (night.name, night.script, night.on_air) == ("marie-20270101-200000", "evening.md", True)
    assert [(one.start, one.end, one.seconds) for one in night.spoken] == [
        (2, 12, 10), (42, 44, 2), (62, 66, 4), (102, 105, 3),
    ]  # fmt: skip
    assert [(stay.segment, stay.start, stay.end) for stay in night.stays] == [
        ("Mug", 2, 62), ("Lamp", 62, 102), ("Mug", 102, 122),
    ]  # fmt: skip
    assert (night.start, night.end, night.lost, night.waiting, night.greets) == (0, 122, 2, 2, 1)
    assert night.wordings == {5: HOOK} and [one.wording for one in night.spoken] == [0, 0, 0, 1]
    assert night.spoken[0].choices == (0,) and night.strange == 0
    assert [(one.how, one.response) for one in night.questions] == [
        ("answered", 7.0),
        ("refused by the guard", None),
    ]


def test_a_rehearsal_is_told_by_what_was_planned(tmp_path: Path) -> None:
    night = read(write(tmp_path, [entry for entry in EVENING if entry["event"] != "heard"]))
    assert not night.on_air and len(night.spoken) == 5
    assert [(one.start, one.end) for one in night.spoken[:3]] == [(0, 10), (40, 42), (58, 62)]
    assert night.questions[0].response == 5.0
    assert [(stay.segment, stay.start, stay.end) for stay in night.stays][1] == ("Lamp", 58, 100)


def test_an_old_journal_is_told_as_far_as_it_goes(tmp_path: Path) -> None:
    old = [
        {"event": "show", "script": "s.md", "seed": 0},
        {"event": "segment", "at": 0, "segment": "A", "product": "m"},
        {
            "event": "say",
            "at": 0,
            "text": "x",
            "language": "en",
            "source": "script:3",
            "controls": {},
            "then": 1,
        },
        {"event": "rest", "at": 3.5, "seconds": 1.0},
        {"event": "ask", "at": 4.5, "kind": "answer", "text": "q", "count": 1},
        {
            "event": "say",
            "at": 4.5,
            "text": "y",
            "language": "en",
            "source": "answer:x",
            "controls": {},
            "then": 1,
        },
        {"event": "answered", "at": 6.5, "text": "q", "by": "x", "how": "answered"},
        {"event": "rest", "at": 6.5, "seconds": 1.0},
    ]
    night = read(write(tmp_path, old))
    assert [(one.start, one.end, one.line, one.product) for one in night.spoken] == [
        (0, 3.5, 3, "m"), (4.5, 6.5, 0, "m"),
    ]  # fmt: skip
    assert [(one.how, one.response) for one in night.questions] == [("answered", None)]


def test_a_segment_that_was_put_in_ends_where_the_one_before_goes_on(tmp_path: Path) -> None:
    base = {"language": "en", "controls": {}, "source": "script:1", "text": "x", "product": ""}
    told = [
        {"event": "show"},
        {"event": "segment", "at": 0, "segment": "A", "product": ""},
        {"event": "say", "at": 0, "number": 1, "segment": "A", **base},
        {"event": "segment", "at": 4, "segment": "Offer", "why": "viewers"},
        {"event": "segment", "at": 4, "segment": "Offer", "product": ""},
        {"event": "say", "at": 4, "number": 2, "segment": "Offer", **base},
        {"event": "say", "at": 9, "number": 3, "segment": "A", **base},
        {"event": "rest", "at": 12, "seconds": 1},
    ]
    night = read(write(tmp_path, told))
    assert [(stay.segment, stay.start, stay.end) for stay in night.stays] == [
        ("A", 0, 4),
        ("Offer", 4, 9),
        ("A", 9, 12),
    ]


@pytest.mark.parametrize(
    "strange",
    [{"event": "audience", "at": "now", "viewers": 3}, {"event": "audience", "at": 120, "viewers": -1},
     {"event": "sales", "at": 3}, {"event": "sales", "at": 3, "count": "NaN"}, {"event": "heard", "at": 3, "until": []},
     {"event": "wordings", "at": 3, "line": None, "texts": 3}, {"event": "clicks", "at": 1e300, "count": 1},
     {"event": "ask", "at": 3, "kind": "answer", "count": "many"}, {"event": "segment", "at": 1, "product": ""}],
)  # fmt: skip
def test_what_nobody_understands_is_counted_and_passed_over(
    tmp_path: Path, strange: dict[str, object]
) -> None:
    night = read(write(tmp_path, [*EVENING, strange]))
    assert night.strange == 1 and len(night.bought) == 5 and night.end == 122


def test_an_event_of_another_kind_is_passed_over(tmp_path: Path) -> None:
    night = read(write(tmp_path, [*EVENING, {"event": ["say"], "at": 1}, {"event": None}]))
    assert night.strange == 0 and night.end == 122


def test_a_journal_that_was_cut_off_is_read_and_one_of_nothing_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, EVENING)
    path.write_text(path.read_text() + '{"event": "sales", "at": 12')
    assert len(read(path).bought) == 5 and "was cut off" in caplog.text
    path.write_text(json.dumps({"event": "show"}) + "\n")
    with pytest.raises(AvatarError, match="nothing that was on air"):
        read(path)


def test_steps_hold_until_the_next_and_sums_grow_evenly() -> None:
    viewers = Steps(np.array([0.0, 60.0, 120.0]), np.array([100.0, 200.0, 50.0]))
    assert viewers.at(-5) == 100 and viewers.at(60) == 200 and viewers.at(500) == 50
    assert (
        viewers.area(30, 90) == 30 * 100 + 30 * 200
        and viewers.peak(0, 59) == 100
        and viewers.peak(0, 61) == 200
    )
    sums = Steps(np.array([0.0, 10.0]), np.array([0.0, 40.0]))
    assert sums.gained(0, 5) == 20 and sums.gained(8, 100) == 8 and sums.gained(5, 5) == 0
    none = Steps(np.array([]), np.array([]))
    assert none.at(3) == none.area(0, 9) == none.gained(0, 9) == 0


def test_what_was_taken_back_and_said_again_counts_once_and_where_it_was_said(tmp_path: Path) -> None:
    """The line of One and all of Two were handed out when a question came: an answer, and then they came again."""

    def say(at: float, number: int, segment: str, **more: object) -> dict[str, object]:
        base = {"language": "en", "controls": {}, "source": "script:5", "text": "x", "product": segment[0]}
        return {"event": "say", "at": at, "number": number, "segment": segment, **base, **more}

    told = [
        {"event": "show"},
        {"event": "segment", "at": 0, "segment": "One", "product": "O"},
        {"event": "wordings", "at": 0, "line": 5, "texts": ["x", "y"]},
        say(0, 1, "One"),
        say(2, 2, "One", wording=1),
        {"event": "segment", "at": 3, "segment": "Two", "product": "T"},
        say(3, 3, "Two", source="script:9"),
        {"event": "ask", "at": 4, "number": 1, "kind": "answer", "text": "q", "count": 1, "asked": 2},
        {"event": "heard", "at": 1, "until": 5, "number": 1},
        {"event": "taken back", "at": 4, "count": 3, "numbers": [2, 3]},
        say(4, 4, "One", source="answer:x", answer=1),
        say(5, 5, "One", wording=1, again=2),
        say(6, 6, "Two", source="script:9", again=3),
        {"event": "heard", "at": 6, "until": 8, "number": 4},
        {"event": "heard", "at": 9, "until": 12, "number": 5},
        {"event": "heard", "at": 13, "until": 14, "number": 6},
        {"event": "microphone", "at": 14, "on": True, "source": "a stream"},
        {
            "event": "microphone",
            "at": 18,
            "on": False,
            "source": "a stream",
            "seconds": 4.0,
            "why": "it ended",
        },
        {"event": "microphone", "at": 19, "on": True, "source": "a stream"},
        {"event": "audience", "at": 20, "viewers": 3},
    ]
    night = read(write(tmp_path, told))
    assert [(one.start, one.line, one.wording) for one in night.spoken] == [
        (1, 5, 0), (6, 0, 0), (9, 5, 1), (13, 9, 0),
    ]  # fmt: skip
    assert [(stay.segment, stay.start, stay.end) for stay in night.stays] == [("One", 1, 13), ("Two", 13, 20)]
    assert night.questions[0].response == 4 and night.questions[0].stay == 1
    assert night.voices == ((14, 18), (19, 20)) and night.strange == 0
    figures = counted(night)
    assert figures.night.voices == 5 and [part.voices for part in figures.segments] == [0, 5]
    assert figures.night.lines == 4 and figures.night.speech == 10
    planned = read(write(tmp_path, [entry for entry in told if entry["event"] != "heard"]))
    assert [(one.start, one.line) for one in planned.spoken] == [(0, 5), (4, 0), (5, 5), (6, 9)]
