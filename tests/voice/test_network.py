import numpy as np
import pytest

from avatar_engine.voice import network
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.phonemes import tokens

IDS = tokens("ðə pˈɑɹsəl wˌɪl bi hˈɪɹ.")


@pytest.fixture(scope="module")
def heart() -> network.Network:
    stock = VoicePack.stock("af_heart")
    return network.Network(stock.style, None, stock.statistics)


@pytest.mark.weights
def test_windows_are_the_pieces_of_the_whole(heart: network.Network) -> None:
    plan = heart.plan(IDS)
    features = heart.features(plan)
    whole = heart.window(features, 0, features.columns)
    assert len(whole) == plan.frames.sum() * network.SAMPLES_PER_TOKEN_FRAME
    starts = range(0, features.columns, 50)
    joined = np.concatenate(
        [heart.window(features, start, min(start + 50, features.columns)) for start in starts]
    )
    assert joined.shape == whole.shape
    assert np.corrcoef(joined, whole)[0, 1] > 0.95


@pytest.mark.weights
def test_speed_makes_fewer_frames_of_the_same_tokens(heart: network.Network) -> None:
    plain, fast = heart.plan(IDS), heart.plan(IDS, speed=1.5)
    assert len(plain.frames) == len(fast.frames) == len(IDS) + 2
    assert fast.frames.sum() < 0.8 * plain.frames.sum()
    assert plain.pitch.shape == plain.energy.shape == (1, 2 * plain.frames.sum())


@pytest.mark.weights
def test_the_generators_norms_cover_its_style_conditioned_layers_once() -> None:
    used = [name for norm in network.norms() for name in norm.adains]
    assert sorted(used) == sorted(n for n in network.adain_names() if n.startswith("generator."))
    assert set(VoicePack.stock("af_heart").statistics) == {norm.name for norm in network.norms()}


def test_a_module_is_found_in_the_graph_by_its_path() -> None:
    assert network.node_path("generator.resblocks.0.adain1.2") == "generator/resblocks.0/adain1.2"
    assert network.node_path("encode.norm1") == "encode/norm1"
