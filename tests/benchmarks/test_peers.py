"""The peers' networks have the shapes of their papers, and are measured beside ours."""

from __future__ import annotations

import peers
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode


def place() -> peers.Place:
    return peers.Place(torch.device("cpu"), torch.float32, 1, 0.0)


def test_wav2lip_has_its_published_weights_and_one_more_level_at_256() -> None:
    counts = []
    for size in (96, 256):
        with torch.device("meta"), torch.inference_mode():
            network = peers.Wav2Lip(size).eval()
            made = network(torch.rand(1, 1, 80, 16), torch.rand(1, 6, size, size))
        assert made.shape == (1, 3, size, size)
        counts.append(sum(value.numel() for value in network.parameters()) / 1e6)
    assert counts[0] == pytest.approx(36.3, rel=0.01)
    assert 1.3 < counts[1] / counts[0] < 1.8


def test_stable_diffusions_networks_have_their_published_sizes() -> None:
    with torch.device("meta"), torch.inference_mode():
        unet, decoder, encoder = peers.UNet(768), peers.Coder(decoder=True), peers.Coder(decoder=False)
        latents = unet(torch.rand(1, 8, 32, 32), torch.rand(1, 320), torch.rand(1, 77, 768))
        picture, code = decoder(torch.rand(1, 4, 32, 32)), encoder(torch.rand(1, 3, 256, 256))
    assert (
        latents.shape == (1, 4, 32, 32) and picture.shape == (1, 3, 256, 256) and code.shape == (1, 8, 32, 32)
    )
    counts = [
        sum(value.numel() for value in network.parameters()) / 1e6 for network in (unet, decoder, encoder)
    ]
    assert counts == pytest.approx([859.5, 49.5, 34.2], rel=0.01)


def test_ours_is_measured_in_the_same_way() -> None:
    row = peers._row("ours", lambda: peers._painter(place()), place(), None)
    assert row.times_ours == 1 and row.milliseconds > 0
    work, _ = peers._painter(place())
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        work()
    assert 1e9 < counter.get_total_flops() < 1e10
