from pathlib import Path

import likeness_words as words
import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE
from avatar_engine.errors import AvatarError
from avatar_engine.voice.align import Stretch


def test_a_transcript_is_times_and_words() -> None:
    assert words.parse("0.5 hello there\n\n12 good bye\n") == [(0.5, "hello there"), (12.0, "good bye")]


def test_names_of_takes_are_dropped() -> None:
    lines = (
        "0.00 srih3a set red in h three again\n3.00 sbahzp set blue at h zero please\n6.00 lbid5a lay blue\n"
    )
    said = [text for _, text in words.parse(lines)]
    assert said == ["set red in h three again", "set blue at h zero please", "lay blue"]
    assert words.parse("0 abcd1e is a part\n1 of mine\n2 and more")[0][1] == "abcd1e is a part"


def test_a_line_without_a_time_is_named() -> None:
    with pytest.raises(AvatarError, match=r"Line 2.*'hello'"):
        words.parse("1.0 well\nhello")


def talk(
    monkeypatch: pytest.MonkeyPatch, spans: list[tuple[float, float]], seconds: float = 12
) -> np.ndarray:
    """Sound in which speech is heard in ``spans`` only."""
    windows = (np.arange(int(seconds / words.WINDOW_SECONDS)) + 0.5) * words.WINDOW_SECONDS
    heard = np.array([any(a <= t < b for a, b in spans) for t in windows])
    monkeypatch.setattr(words, "speech_windows", lambda samples: heard)
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def test_silence_leaves_room_round_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = words.silence(talk(monkeypatch, [(2.0, 4.0)]), 300)
    assert quiet.shape == (300,)
    assert quiet[:45].all() and not quiet[47:103].any() and quiet[106:].all()


def test_stretches_are_the_speech_of_held_out_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = talk(monkeypatch, [(0.5, 2.0), (4.5, 6.0), (8.2, 9.0), (9.2, 10.0)])
    (tmp_path / "clip.txt").write_text("0 one\n4 two words\n8 three more words\n")
    found, language, source = words.stretches(samples, tmp_path / "clip.txt", 100, "auto")
    assert [piece.words for piece in found] == ["two words", "three more words"]
    assert (language, source) == ("en", "clip.txt")
    spans = [(piece.start / SAMPLE_RATE, piece.stop / SAMPLE_RATE) for piece in found]
    assert spans[0] == pytest.approx((4.45, 6.05), abs=0.05)
    assert spans[1] == pytest.approx((8.15, 10.05), abs=0.05)
    later, _, _ = words.stretches(samples, tmp_path / "clip.txt", 101, "auto")
    assert [piece.words for piece in later] == ["three more words"]  # what straddles the edge is left out


def test_without_a_transcript_the_held_out_part_is_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def transcribe(samples: np.ndarray, language: str) -> tuple[list[Stretch], str]:
        assert len(samples) == 8 * SAMPLE_RATE
        return [Stretch(100, 900, "heard")], "fr"

    monkeypatch.setattr(words, "transcribe", transcribe)
    samples = np.zeros(12 * SAMPLE_RATE, np.float32)
    found, language, source = words.stretches(samples, tmp_path / "no.txt", 100, "auto")
    assert found == [Stretch(4 * SAMPLE_RATE + 100, 4 * SAMPLE_RATE + 900, "heard")]
    assert language == "fr" and source == "Whisper base"
