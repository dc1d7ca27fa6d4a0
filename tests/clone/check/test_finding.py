from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.clone.check.finding import Finding, Verdict, better, fatal, runs, settle, spans, times
from avatar_engine.errors import AvatarError


def test_good_is_silent_better_is_told_and_fatal_is_refused() -> None:
    good = Finding("light", "56 %")
    told = better("noise", "12 dB", "The room is loud.", "Close the windows.")
    assert settle([good, told]) == ["The room is loud."]
    with pytest.raises(AvatarError, match="No face") as caught:
        settle([told, fatal("face", "none", "No face.", "Film it.")])
    assert caught.value.advice == "Film it."


def test_verdicts_are_ordered_and_have_words() -> None:
    assert max(Verdict) is Verdict.WILL_FAIL
    assert [verdict.words for verdict in Verdict] == ["good", "could be better", "will fail"]


def test_runs_and_spans_are_found_with_their_times() -> None:
    flags = np.array([1, 0, 1, 1, 1, 0, 0, 1], bool)
    assert runs(flags) == [(0, 1), (2, 5), (7, 8)]
    assert spans(flags, rate=2) == ((1.0, 2.5), (0.0, 0.5), (3.5, 4.0))
    assert spans(flags, rate=2, least=0.6) == ((1.0, 2.5),)
    assert runs(np.zeros(3, bool)) == []


def test_times_are_said_in_order_and_few() -> None:
    assert times([(8, 10), (1, 2)]) == "from 1.0 s to 2.0 s and from 8.0 s to 10.0 s"
    assert times([(8, 10), (1, 2), (4, 5), (6, 7), (3, 3.5)]).endswith("and 2 more times")
