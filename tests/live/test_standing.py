"""A show that may not go on is told so within its time, whatever goes wrong while it is asked."""

from __future__ import annotations

import threading

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.live.standing import LAST_SENTENCE, LOOK, Standing


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AvatarError("It was revoked.", "Stop."), "It was revoked."),
        (RuntimeError("x"), "can't be told (RuntimeError)"),
    ],
)
def test_the_first_refusal_is_the_last_word(error: Exception, words: str) -> None:
    asked, looked = [], threading.Event()

    def allowed() -> None:
        asked.append(1)
        if len(asked) == 2:
            looked.set()
            raise error

    standing = Standing(allowed, every=0.01)
    standing.begin()
    assert looked.wait(5)
    standing._thread.join(5)
    assert words in standing.refused and len(asked) == 2


def test_a_show_that_is_over_asks_no_more() -> None:
    asked = []
    standing = Standing(lambda: asked.append(1), every=30.0)
    standing.begin()
    standing.close()
    standing._thread.join(5)
    assert not standing._thread.is_alive() and not asked and not standing.refused


def test_a_revocation_ends_a_show_within_a_minute_even_where_a_list_hangs() -> None:
    assert LOOK + 15.0 + LAST_SENTENCE < 60.0
