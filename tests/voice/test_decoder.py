import numpy as np
import pytest
import torch

from avatar_engine.voice import network
from avatar_engine.voice.decoder import Decoder
from avatar_engine.voice.fit import Ear
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.phonemes import tokens
from avatar_engine.voice.pitch import mel_power
from avatar_engine.voice.speaker import SpeakerEncoder


@pytest.fixture(scope="module")
def stock() -> VoicePack:
    return VoicePack.stock("am_adam")


@pytest.mark.weights
def test_torch_and_onnx_agree_and_gains_can_be_learned(stock: VoicePack) -> None:
    torch.set_num_threads(1)
    onnx = network.Network(stock.style, None, stock.statistics)
    plan = onnx.plan(tokens("həlˈO wˈɜɹld."))
    features = onnx.features(plan)
    wanted = onnx.window(features, 0, features.columns)
    decoder, style = Decoder().eval(), torch.from_numpy(stock.style[:128])
    decoder.freeze(stock.statistics)
    with torch.no_grad():
        body = decoder.body(*(torch.from_numpy(v) for v in (plan.text, plan.pitch, plan.energy)), style)
        made = decoder.generator(body, torch.from_numpy(features.source), style)[0].numpy()
    assert np.corrcoef(body.numpy().ravel(), features.features.ravel())[0, 1] > 0.99
    assert len(made) == len(wanted)
    a, b = (np.log(mel_power(sound) + 1e-4).ravel() for sound in (made, wanted))
    assert np.corrcoef(a, b)[0, 1] > 0.97
    assert abs(a.mean() - b.mean()) < 0.2

    before = decoder.folded(style)
    free = decoder.release(style)
    for name, value in decoder.folded(style).items():
        assert np.array_equal(value, before[name])
    x, source = (
        torch.from_numpy(features.features[:, :, 10:20]),
        torch.from_numpy(features.source[:, :, 600:1201]),
    )
    decoder.generator(x, source, style).square().mean().backward()
    moved = [
        name
        for name, adain in decoder.adains.items()
        if adain.free is not None and adain.free.grad is not None
    ]
    assert len(free) == 58 and len(moved) == 48


@pytest.mark.weights
def test_text_features_are_those_of_the_front(stock: VoicePack) -> None:
    onnx = network.Network(stock.style, None, stock.statistics)
    ids = tokens("həlˈO.")
    plan = onnx.plan(ids)
    assert np.allclose(network.text_features(ids, plan.frames), plan.text, atol=1e-4)


@pytest.mark.weights
def test_a_step_on_a_card_needs_nothing_of_the_processors(stock: VoicePack) -> None:
    """The device here only knows shapes; a tensor that lies elsewhere can't be computed with there."""
    elsewhere = torch.device("meta")
    decoder = Decoder().eval().to(elsewhere)
    decoder.freeze(stock.statistics)
    style = torch.from_numpy(stock.style[:128]).to(elsewhere)
    free = decoder.release(style)
    assert {gain.device for gain in free} == {elsewhere}
    text, curve = torch.zeros(1, 512, 20, device=elsewhere), torch.zeros(1, 40, device=elsewhere)
    body = decoder.body(text, curve, curve, style)
    assert body.device == elsewhere and body.shape == (1, 512, 40)
    ear = Ear(np.zeros(256, np.float32), SpeakerEncoder()).to(elsewhere)
    made = torch.zeros(1, 24_000, device=elsewhere, requires_grad=True)
    spectral, stranger = ear(made, torch.zeros(1, 24_000, device=elsewhere))
    assert spectral.device == stranger.device == elsewhere
