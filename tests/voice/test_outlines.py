import numpy as np
import pytest

from avatar_engine.contracts import SILENCE, Controls, Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.voice.outlines import WEIGHTS, Outliner, features, heard
from tests.voice.test_recorded import OWN, tones


def test_loudness_is_not_heard_and_sounds_are():
    sound = tones(OWN)
    assert heard(sound).shape == (len(sound) // 300, 2 * 6)
    np.testing.assert_allclose(heard(sound), heard(0.5 * sound), atol=0.02)
    middles = heard(sound)[[8, 28, 50]]
    assert np.linalg.norm(middles[0] - middles[1]) > 0.5 < np.linalg.norm(middles[1] - middles[2])


def test_slopes_are_those_of_straight_lines_and_each_is_weighed():
    line = np.arange(50, dtype=np.float32)[:, None] * np.array([1, -1, 2, 0.5, 3, 0], np.float32)
    found = features(line)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, :5].std(0), WEIGHTS[:5], rtol=0.01)
    assert np.ptp(found[2:-2, 6:], axis=0).max() < 1e-3, "a straight line has one slope"


@pytest.mark.weights
def test_an_outline_holds_the_phones_of_its_words_at_their_speed():
    outliner = Outliner()
    try:
        slow = outliner.outline(Utterance("My mum bakes 2 pies."))
        fast = outliner.outline(Utterance("My mum bakes 2 pies.", controls=Controls(speed=1.4)))
        for nothing in ("🎉", "..."):
            with pytest.raises(AvatarError):
                outliner.outline(Utterance(nothing))
        with pytest.raises(AvatarError, match="xx"):
            outliner.outline(Utterance("Hello.", "xx"))
    finally:
        outliner.close()
    said = [phone.symbol for phone in slow.phones if phone.symbol != SILENCE]
    assert [symbol for symbol in said if symbol[0] in "pbm"] == ["m", "m", "m", "b", "p"]
    assert said == [phone.symbol for phone in fast.phones if phone.symbol != SILENCE]
    assert slow.phones[-1].end <= len(slow.features) / 80 + 0.02
    assert all(a.end <= b.start + 1e-6 for a, b in zip(slow.phones, slow.phones[1:], strict=False))
    assert 1.2 < len(slow.features) / len(fast.features) < 1.6
