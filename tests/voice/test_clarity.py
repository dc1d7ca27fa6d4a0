import numpy as np
import pytest

from avatar_engine.voice import clarity
from avatar_engine.voice.clarity import allowed, clear, weakened
from avatar_engine.voice.pack import VoicePack

SAID = ("One two three.", "Four five six.")


@pytest.fixture
def pack(monkeypatch: pytest.MonkeyPatch) -> VoicePack:
    monkeypatch.setattr(clarity, "gains", lambda style: {"encode.norm1": np.zeros(4, np.float32)})
    return VoicePack(
        np.zeros(256, np.float32), {"encode.norm1": np.ones(4, np.float32)}, {}, "af_heart", "en"
    )


def strength(pack: VoicePack) -> float:
    return float(pack.folded["encode.norm1"][0]) if pack.folded else -1.0


def reading(errors: dict[float, float]) -> tuple[list[float], clarity.Reads]:
    """A read-back that errs as told for each share of a fit (-1: the unfitted voice)."""
    asked: list[float] = []

    def reads(pack: VoicePack, sentences: object, language: str) -> float:
        assert (sentences, language) == (SAID, "en")
        asked.append(round(strength(pack), 3))
        return errors[asked[-1]]

    return asked, reads


def run(pack: VoicePack, errors: dict[float, float]) -> tuple[VoicePack, clarity.Words, list[float]]:
    asked, reads = reading(errors)
    unfitted = VoicePack(pack.style, {}, {}, "af_heart", "en")
    kept, read = clear(pack, unfitted, SAID, "en", reads=reads)
    return kept, read, asked


def test_a_fit_whose_words_are_clear_is_kept_but_for_what_is_hardly_heard(pack: VoicePack) -> None:
    kept, read, asked = run(pack, {-1: 0.02, 0.8: 0.03})
    assert strength(kept) == pytest.approx(0.8) and asked == pytest.approx([-1, 0.8])
    assert read == clarity.Words(0.02, 0.03, 0.8, 2) and read.kept


def test_a_fit_that_loses_words_is_taken_back_until_it_does_not(pack: VoicePack) -> None:
    kept, read, asked = run(pack, {-1: 0.02, 0.8: 0.2, 0.6: 0.1, 0.4: 0.03})
    assert asked == pytest.approx([-1, 0.8, 0.6, 0.4]) and strength(kept) == pytest.approx(0.4)
    assert read.strength == 0.4 and read.fitted == 0.03 and read.kept


def test_where_no_share_is_clear_enough_the_clearest_is_kept_and_it_is_told(pack: VoicePack) -> None:
    kept, read, asked = run(pack, {-1: 0.0, 0.8: 0.4, 0.6: 0.3, 0.4: 0.2, 0.2: 0.1, 0: 0.1})
    assert len(asked) == 6 and strength(kept) == pytest.approx(0.2) and not read.kept


def test_what_is_allowed_is_half_as_many_again_or_a_hundredth_more() -> None:
    assert allowed(0.0) == pytest.approx(0.01)
    assert allowed(0.1) == pytest.approx(0.15)


def test_a_share_of_a_fit_lies_between_what_the_style_gives_and_the_fit(pack: VoicePack) -> None:
    assert strength(weakened(pack, 0.25)) == 0.25 and weakened(pack, 1.0) is pack
    assert strength(weakened(pack, 0.0)) == 0.0
