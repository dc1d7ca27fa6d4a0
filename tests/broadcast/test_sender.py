"""The sender's own words: its target as FFmpeg reads it, and what it does with a broken pipe."""

from __future__ import annotations

import errno
import io

import pytest

from avatar_engine.broadcast import sender


def test_a_target_survives_the_readers_of_tee_and_of_its_options() -> None:
    plain = sender.target("rtmp://host/live/key", {})
    assert plain.replace("\\", "") == "[f=flv:max_interleave_delta=100000]rtmp://host/live/key"
    # Options are escaped twice, once for themselves and once for the list of targets.
    strange = sender.target("rtmp://host/live/a b", {"rtmp_playpath": "k|y:]'"})
    once = strange.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\")
    assert once.endswith("]rtmp://host/live/a b")
    assert "rtmp_playpath=k\\|y\\:\\]\\'" in once


def test_a_pipe_that_ends_in_the_middle_is_an_error() -> None:
    answers = io.BytesIO()
    with pytest.raises(EOFError, match="gone"):
        sender.main(io.BytesIO(sender.ORDER.pack(20, 10) + b"rtmp://"), answers)
    assert answers.getvalue() == b"+"


@pytest.mark.parametrize(
    ("error", "logged", "reason"),
    [
        (OSError(errno.ECONNREFUSED, "refused"), [], "nothing listens there (connection refused)"),
        (OSError(errno.EIO, "I/O"), [], "the server refused the stream"),
        (
            OSError(errno.EIO, "I/O"),
            [(16, "rtmp", " Server error: no such app\n")],
            "Server error: no such app",
        ),
        (
            OSError(errno.EIO, "I/O"),
            [(16, "rtmp", "rtmp://host/live/KEY failed")],
            "the server refused the stream",
        ),
        (EOFError("the broadcast process has gone"), [], "the broadcast process has gone"),
        (ValueError(), [], "ValueError"),
    ],
)
def test_reasons_are_few_words_without_an_address(
    error: BaseException, logged: list[tuple[int, str, str]], reason: str
) -> None:
    assert sender._reason(error, logged) == reason
