import numpy as np
import pytest

from avatar_engine.contracts import Utterance
from avatar_engine.voice.measure import SENTENCES, similarity, speech
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.speak import Voice, say


def test_ten_sentences_each() -> None:
    assert all(len(set(sentences)) == 10 for sentences in SENTENCES.values())


def test_loudness_is_levelled_and_sound_without_speech_is_kept() -> None:
    hiss = np.random.default_rng(5).normal(size=48000).astype(np.float32)
    loud, faint = speech(hiss * 0.3), speech(hiss * 0.001)
    assert len(loud) == len(hiss) and np.allclose(loud, faint, atol=1e-3)
    assert np.sqrt(np.mean(loud**2)) == pytest.approx(10 ** (-23 / 20), rel=1e-3)


@pytest.mark.weights
def test_a_room_that_two_voices_share_makes_them_no_more_alike() -> None:
    random = np.random.default_rng(6)
    recordings = []
    for name in ("af_heart", "bm_george"):
        voice = Voice(VoicePack.stock(name), "en")
        said = say(voice, Utterance("Nothing is better than a cup of tea.", "en")).samples
        voice.close()
        pause = np.zeros(3 * 24000, np.float32)
        sound = np.concatenate([pause, said, pause, said, pause])
        room = np.convolve(random.normal(size=len(sound)), np.ones(12) / 12, "same") * 0.02
        recordings.append((said, (sound + room).astype(np.float32)))
    (one, noisy_one), (other, noisy_other) = recordings
    assert len(speech(noisy_one)) == pytest.approx(2 * len(one), rel=0.25)
    clean, noisy = similarity(one, other), similarity(noisy_one, noisy_other)
    assert noisy.encoder < clean.encoder + 0.15
    assert similarity(one, noisy_one).encoder > noisy.encoder
