from dataclasses import replace

import numpy as np
import pytest

from avatar_engine.voice import tongue as tongues
from avatar_engine.voice.network import Network, gains
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.phonemes import Phonemizer


@pytest.fixture(scope="module")
def pack() -> VoicePack:
    """A fitted English voice: a stock voice whose gains were all moved a little, and its register, too."""
    stock = VoicePack.stock("bm_lewis")
    folded = {name: value + np.float32(0.01) for name, value in gains(stock.style).items()}
    return replace(stock, folded=folded, meta={"prosody": "bm_lewis", "pitch": [0.1, 0.9], "pace": 1.15})


@pytest.fixture(scope="module")
def network(pack: VoicePack) -> Network:
    return Network(pack.style, pack.folded, pack.statistics)


def spell(sentence: str, language: str) -> str:
    phonemizer = Phonemizer(language)
    try:
        return phonemizer.phonemes(sentence)
    finally:
        phonemizer.close()


@pytest.mark.weights
def test_another_language_is_articulated_by_a_native_in_the_persons_register(
    pack: VoicePack, network: Network
) -> None:
    spoken = tongues.tongue(pack, "fr", network, spell)
    native = VoicePack.stock("ff_siwis")
    assert spoken.planner is not network
    assert np.array_equal(spoken.planner.style[0, 128:], native.style[128:]), (
        "timed and intoned by the native"
    )
    assert np.array_equal(spoken.planner.style[0, :128], pack.style[:128])
    assert spoken.pace == tongues.PACES[1]
    # A woman's melody an octave above a man's has to come down most of the way.
    assert spoken.register[0] < -0.3 and 0.5 <= spoken.register[1] <= tongues.WIDEST


@pytest.mark.weights
def test_the_own_language_and_those_without_a_native_stay_the_persons(
    pack: VoicePack, network: Network
) -> None:
    for language in ("en", "en-gb", "de"):
        spoken = tongues.tongue(pack, language, network, spell)
        assert spoken.planner is network and spoken.register == (0.1, 0.9) and spoken.pace == 1.15


@pytest.mark.weights
def test_a_stock_voice_speaks_every_language_as_it_is(network: Network) -> None:
    stock = VoicePack.stock("af_heart")
    assert tongues.tongue(stock, "fr", network, spell).planner is network


@pytest.mark.weights
def test_the_nearest_in_pitch_of_a_languages_voices_is_taken(pack: VoicePack) -> None:
    low = tongues._native(pack, "es")
    high = tongues._native(replace(pack, meta={"prosody": "af_heart", "pitch": [0.2, 1.0]}), "es")
    assert low is not None and high is not None
    assert low.base.startswith("em_") and high.base == "ef_dora"
