import numpy as np
import onnx
import onnxruntime as ort
import pytest

from avatar_engine import device, inference
from avatar_engine.device import Device
from avatar_engine.voice import floats, network
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.phonemes import tokens

IDS = tokens("ðə pˈɑɹsəl wˌɪl bi hˈɪɹ.")
SHAPES = {network._FEATURES: (1, 512, "columns"), network._SOURCE: (1, 22, "frames")}


@pytest.fixture(scope="module")
def heart() -> network.Network:
    stock = VoicePack.stock("af_heart")
    return network.Network(stock.style, None, stock.statistics)


@pytest.fixture(scope="module")
def made(heart: network.Network) -> bytes:
    return floats.as_floats(heart._generator_graph(None, heart.statistics), SHAPES)


def decibels(wanted: np.ndarray, found: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(wanted**2) / np.mean((wanted - found) ** 2)))


@pytest.mark.weights
def test_floats_say_what_the_dequantised_decoder_says(heart: network.Network, made: bytes) -> None:
    import torch

    from avatar_engine.voice.decoder import Decoder

    plan = heart.plan(IDS)
    spoken = heart.features(plan)
    session = ort.InferenceSession(made, providers=["CPUExecutionProvider"])
    (sound,) = session.run(["audio"], {network._FEATURES: spoken.features, network._SOURCE: spoken.source})
    decoder = Decoder().eval()
    decoder.freeze(heart.statistics)
    with torch.no_grad():
        given = [torch.from_numpy(value) for value in (spoken.features, spoken.source, heart.style[0, :128])]
        wanted = decoder.generator(*given)[0].numpy()
    assert len(sound) == len(wanted) and decibels(wanted, sound) > 38  # its gains are floats, too


@pytest.mark.weights
def test_nothing_is_quantised_and_no_snake_has_a_sine(made: bytes) -> None:
    kinds = [node.op_type for node in onnx.load_from_string(made).graph.node]
    assert not {"ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "Pow"} & set(kinds)
    assert kinds.count("Conv") > 45 and kinds.count("Round") == 48
    assert kinds.count("Sin") == 2, "the phase of the spectrum, and its real part"


def test_the_sum_is_the_square_of_the_sine() -> None:
    places = np.linspace(-0.5, 0.5, 1001)
    total = sum(term * places ** (2 * number + 2) for number, term in enumerate(floats._terms()))
    assert np.abs(total - np.sin(np.pi * places) ** 2).max() < 1e-6


@pytest.mark.weights
@pytest.mark.skipif(not device.choose("cpu").bf16, reason="this processor has no bf16")
def test_bf16_is_nearer_to_the_floats_than_bytes_are(heart: network.Network, made: bytes) -> None:
    spoken = heart.features(heart.plan(IDS))
    given = {network._FEATURES: spoken.features, network._SOURCE: spoken.source}
    graph = heart._generator_graph(None, heart.statistics)
    exact, eight = (
        ort.InferenceSession(each, providers=["CPUExecutionProvider"]).run(["audio"], given)[0]
        for each in (made, graph)
    )
    (quick,) = inference.ready(made, Device("cpu", "test", 1, True, False, 1), 1).run(["audio"], given)
    assert decibels(exact, quick) > 25
    assert decibels(exact, quick) > decibels(exact, eight) + 4
