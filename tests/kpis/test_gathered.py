"""Several nights together, in words, tables and on a page."""

from __future__ import annotations

import csv
import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avatar_engine.errors import AvatarError
from avatar_engine.kpis import night, page, tables
from avatar_engine.kpis.count import Window
from avatar_engine.kpis.gathered import gather, summary
from tests.kpis.nights import EVENING, loops, write


def test_the_main_figures_in_words(tmp_path: Path) -> None:
    told = summary(gather([write(tmp_path, EVENING)]))
    assert (
        told[0]
        == "marie-20270101-200000: 0:02:02, viewers 100 at the start, 151 in the mean, 200 at most, 100 at the end."
    )
    assert told[1] == (
        "90 messages, 18 of them questions; 1 answered, 3 not (waited too long 2, refused by the guard 1); "
        "response time 7.0 s (median), 7.0 s (95 %)."
    )
    assert told[2] == "10 clicks, 4 sales (37.50 EUR); 2 products shown, 1 greetings."
    assert any("must have been heard 3 times" in line for line in told) and "60 s before" in told[-1]


def test_a_product_whose_card_was_on_the_picture_was_shown(tmp_path: Path) -> None:
    cards = [
        {"event": name, "at": at, "heard": "M", "product": product, "card": {}}
        for name, at, product in (
            ("card", 5, "M"),
            ("card", 9, "N"),
            ("card changed", 11, "N"),
            ("card", 13, "N"),
        )
    ]
    gone = {"event": "card gone", "at": 15, "heard": ""}
    gathered = gather([write(tmp_path, [*EVENING, *cards, gone])])
    assert "; 3 products shown, " in summary(gathered)[2]
    assert {one.name: one.cards for one in gathered.together.products} == {"M": 1, "L": 0, "N": 2}
    assert not any("could not be understood" in note for note in gathered.notes)


def test_the_csv_has_a_row_for_everything_and_no_formula(tmp_path: Path) -> None:
    strange = [*EVENING, {"event": "sales", "at": 121, "count": 1, "product": "=1+1"}]
    text = tables.as_csv(gather([write(tmp_path, strange, "a.jsonl"), write(tmp_path, EVENING, "b.jsonl")]))
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["what"] for row in rows} == {"total", "segment", "product", "wording"}
    total, together = rows[0], next(row for row in rows if row["what"] == "total" and not row["night"])
    assert (total["sales"], together["sales"], together["name"]) == ("5.0", "9.0", "2 nights")
    assert (total["viewers_peak"], total["response_median"], total["revenue"]) == (
        "200.0",
        "7.0",
        "37.50 EUR",
    )
    wording = next(row for row in rows if row["what"] == "wording")
    assert (wording["wording"], wording["times"], wording["clicks"]) == (
        "Look at {this|that}: {name}!",
        "2",
        "8.0",
    )
    assert any(row["name"] == "'=1+1" for row in rows)


def test_the_json_has_everything(tmp_path: Path) -> None:
    told = json.loads(tables.as_json(gather([write(tmp_path, EVENING)], Window(30.0, 2.0))))
    assert told["window"] == {"seconds": 30.0, "delay": 2.0} and told["together"]["total"]["clicks"] == 10
    assert told["nights"][0]["segments"][0]["name"] == "Mug" and told["nights"][0]["greets"] == 1
    assert told["together"]["total"]["unanswered"] == {"refused by the guard": 1, "waited too long": 2}
    assert (
        told["wordings"][0]["arms"][0]["times"] == 1 and told["wordings"][0]["compared"][0]["told"] is False
    )


def test_the_page_shows_it_all_and_runs_nothing_that_a_journal_says(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> $x_1$ 杯"
    told = [{**entry, "segment": evil} if entry.get("segment") == "Lamp" else entry for entry in EVENING]
    evening = write(tmp_path, told, "a.jsonl")
    other = write(tmp_path, loops((9, 3), 20), "b.jsonl")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page.write(
            gather([evening, other]),
            html=tmp_path / "k.html",
            csv=tmp_path / "k.csv",
            json=tmp_path / "k.json",
        )
    made = (tmp_path / "k.html").read_text()
    for text in (
        "2 nights",
        "37.50 EUR",
        "waited too long",
        "brings more clicks than",
        "Response times",
        "Nights",
    ):
        assert text in made, text
    assert (
        "<script" not in made and "&lt;script&gt;" in made and not re.findall(r"(?:src|href)=\W?http", made)
    )
    assert made.count("<svg") >= 8 and "nan" not in re.sub(r"[\w#-]*nan\w+", "", made.lower())
    assert (tmp_path / "k.csv").read_bytes().count(b"\r\n") > 8 and json.loads(
        (tmp_path / "k.json").read_text()
    )


def test_a_page_of_a_show_with_nothing_to_count(tmp_path: Path) -> None:
    bare = [entry for entry in EVENING if entry["event"] in ("show", "say", "segment")]
    gathered = gather([write(tmp_path, bare)])
    made = page.page(gathered)
    assert "No line had another wording" in made and "No source told how many watched" in made
    assert "planned ones" in made and json.loads(tables.as_json(gathered)) and tables.as_csv(gathered)


def test_what_can_not_be_is_refused(tmp_path: Path) -> None:
    evening = write(tmp_path, EVENING)
    for window in (Window(-1), Window(1e9), Window(60, -1), Window(float("nan"))):
        with pytest.raises(AvatarError, match="is none"):
            gather([evening], window)
    with pytest.raises(AvatarError, match="too many"):
        gather([evening] * 201)
    with pytest.raises(AvatarError, match="can't be written"):
        page.write(gather([evening]), csv=tmp_path / "none" / "k.csv")


VALUES = st.one_of(
    st.integers(-3, 400), st.floats(), st.text(max_size=8), st.none(), st.booleans(),
    st.lists(st.one_of(st.integers(-2, 3), st.text(max_size=6)), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2), st.sampled_from(["A", "M", "{a|b}"]),
)  # fmt: skip
KEYS = (
    "at", "until", "number", "seconds", "segment", "product", "wording", "choices", "answer", "viewers", "messages",
    "asked", "count", "revenue", "currency", "kind", "lost", "questions", "sorts", "line", "texts", "how", "why",
    "again", "numbers",
)  # fmt: skip
EVENTS = st.sampled_from(sorted(night._KNOWN | {"rest", "order"}))
ENTRY = st.builds(
    lambda event, values: (
        {"seconds": 1.0, "at": 3, **values, "event": event}
        | ({"text": "x", "language": "en", "source": "script:5", "controls": {}} if event == "say" else {})
        | ({"seconds": 1.0} if event in ("rest", "microphone") else {})
        | ({"count": 2} if event == "taken back" else {})
        | ({"on": values.get("count")} if event == "microphone" else {})
    ),
    EVENTS,
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=9),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ENTRY, max_size=25))
def test_nothing_that_a_journal_says_breaks_anything(tmp_path: Path, entries: list[dict[str, Any]]) -> None:
    base = EVENING[: 2 + len(entries) % 12]
    gathered = gather([write(tmp_path, [*base, *entries])])
    assert summary(gathered) and tables.as_csv(gathered) and tables.as_json(gathered)
    assert all(stay.end >= stay.start for one in gathered.told for stay in one.stays)
    if len(entries) % 8 == 0:
        assert page.page(gathered)
