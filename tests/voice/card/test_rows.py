"""Many voices in one batch: each sounds as it does alone, and as the int8 network makes it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch

from avatar_engine.voice import network
from avatar_engine.voice.card import person
from avatar_engine.voice.card.rows import Rows
from avatar_engine.voice.network import Features, Network, Plan
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.phonemes import tokens
from avatar_engine.voice.pitch import mel_power

pytestmark = pytest.mark.weights

SAID = {"am_adam": "ðə pˈɑɹsəl.", "af_heart": "həlˈO.", "ff_siwis": "bɔ̃ʒˈuʁ a tˈus."}


class One(NamedTuple):
    plan: Plan
    features: Features
    body: torch.Tensor
    generator: torch.Tensor
    sound: np.ndarray


@pytest.fixture(scope="module")
def people() -> list[One]:
    torch.set_num_threads(1)
    out = []
    for name, said in SAID.items():
        pack = VoicePack.stock(name)
        # A fitted voice has gains of its own: these are another style's.
        folded = network.gains(VoicePack.stock("bm_george").style) if name == "af_heart" else None
        onnx = Network(pack.style, folded, pack.statistics)
        plan = onnx.plan(tokens(said))
        features = onnx.features(plan)
        rows = (person.body(pack.style, folded), person.generator(pack.style, folded, pack.statistics))
        sound = onnx.window(features, 0, features.columns)
        out.append(One(plan, features, *(torch.from_numpy(p.row) for p in rows), sound))
    return out


@pytest.fixture(scope="module")
def rows() -> Rows:
    return Rows(torch.device("cpu"))


def padded(parts: list[np.ndarray], length: int) -> torch.Tensor:
    return torch.stack([torch.from_numpy(np.pad(p, [(0, 0)] * (p.ndim - 1) + [(0, length - p.shape[-1])]))
                        for p in parts])  # fmt: skip


def laid(rows: Rows, people: list[One]) -> torch.Tensor:
    frames = [one.plan.text.shape[2] for one in people]
    longest = max(frames)
    return rows.body(
        padded([one.plan.text[0] for one in people], longest),
        padded([one.plan.pitch[0] for one in people], 2 * longest),
        padded([one.plan.energy[0] for one in people], 2 * longest),
        frames,
        torch.stack([one.body for one in people]),
    )


def heard(rows: Rows, people: list[One], most: int = 1000) -> torch.Tensor:
    columns = [min(most, one.features.columns) for one in people]
    longest = max(columns)
    return rows.sound(
        padded([one.features.features[0, :, :n] for one, n in zip(people, columns, strict=True)], longest),
        padded(
            [one.features.source[0, :, : 60 * n + 1] for one, n in zip(people, columns, strict=True)],
            60 * longest + 1,
        ),
        columns,
        torch.stack([one.generator for one in people]),
    )


def alike(a: np.ndarray, b: np.ndarray) -> float:
    mels = [np.log(mel_power(sound) + 1e-4).ravel() for sound in (a, b)]
    return float(np.corrcoef(*mels)[0, 1])


def test_a_row_sounds_in_company_as_it_does_alone(rows: Rows, people: list[One]) -> None:
    bodies = laid(rows, people)
    for row, one in enumerate(people):
        alone = laid(rows, [one])[0]
        assert alone.shape == (512, one.features.columns)
        assert torch.allclose(bodies[row, :, : one.features.columns], alone, atol=1e-4)
        assert not bodies[row, :, one.features.columns :].any()
    short = [
        one._replace(features=Features(one.features.features[:, :, start : start + count],
                                       one.features.source[:, :, 60 * start : 60 * (start + count) + 1]))
        for one, start, count in zip(people, (20, 25, 10), (24, 17, 31), strict=True)
    ]  # fmt: skip
    sounds = heard(rows, short)
    for row, one in enumerate(short):
        sound = heard(rows, [one])[0]
        assert len(sound) == 300 * one.features.columns
        assert torch.allclose(sounds[row, : len(sound)], sound, atol=1e-4)


def test_it_is_the_voice_that_the_int8_network_makes(rows: Rows, people: list[One]) -> None:
    for one in people[:2]:
        source = rows.source(torch.from_numpy(one.plan.pitch))
        assert source.shape == one.features.source.shape
        assert np.abs(source[:, :11].numpy() - one.features.source[:, :11]).max() < 0.01
        made = rows.sound(laid(rows, [one]), source, [one.features.columns], one.generator[None])[0].numpy()
        assert len(made) == len(one.sound) == 600 * one.plan.frames.sum()
        assert alike(made, one.sound) > 0.98


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_heard_by_nobody(dtype: torch.dtype, rows: Rows, people: list[One]) -> None:
    half = Rows(torch.device("cpu"), dtype)
    sound, exact = heard(half, people[1:2], 40)[0], heard(rows, people[1:2], 40)[0]
    assert sound.dtype == torch.float32 and torch.isfinite(sound).all()
    assert alike(sound.numpy(), exact.numpy()) > (0.999 if dtype == torch.float16 else 0.99)
    assert laid(half, people[1:2]).dtype == dtype


def test_a_persons_row_is_named_by_what_is_in_it(rows: Rows) -> None:
    pack = VoicePack.stock("af_heart")
    one, same = (person.body(pack.style, None) for _ in range(2))
    assert one.key == same.key
    assert person.body(VoicePack.stock("am_adam").style, None).key != one.key
    assert len(one.row) == rows.width("body")
    assert len(person.generator(pack.style, None, pack.statistics).row) == rows.width("generator")
