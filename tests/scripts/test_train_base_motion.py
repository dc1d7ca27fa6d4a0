"""What a base is trained on: tracks in a row, one basis for everybody, and a leave-out that is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import train_base_motion as training
from safetensors import safe_open

from avatar_engine.contracts import SAMPLES_PER_FRAME
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips.fit_motion import Net
from avatar_engine.lips.shape import opening, width
from tests.lips import drawn

COUNT = 320


def known(seed: int) -> training.Known:
    """Somebody whose mouth opens as loud as a noise is; every second person moves twice as far."""
    random = np.random.default_rng(seed)
    loud = np.repeat(random.random(COUNT // 4), 4)
    track = drawn.still_track(COUNT)
    shapes = drawn.put(track, (0.02 + 0.05 * loud * (1 + seed % 2)).astype(np.float32))
    samples = random.normal(0, 0.1, COUNT * SAMPLES_PER_FRAME) * np.repeat(loud, SAMPLES_PER_FRAME)
    return samples.astype(np.float32), (shapes - shapes.mean(0)).astype(np.float32), track


def test_tracks_follow_one_another() -> None:
    both = training.joined([drawn.still_track(5), drawn.still_track(7)])
    assert isinstance(both, FaceTrack)
    assert len(both) == 12
    assert (both.width, both.height) == (drawn.WIDTH, drawn.HEIGHT)


def test_everybody_moves_as_much_as_the_others_in_the_shared_basis() -> None:
    basis, lessons = training.shared([known(1), known(2)])
    assert basis.coefficients == 12
    spreads = [lesson[1][:, 0].std() for lesson in lessons]
    assert spreads[0] == pytest.approx(spreads[1], rel=0.15)
    assert opening(basis.mean[None])[0] < width(basis.mean[None])[0] + 1


def test_the_ears_are_written_without_those_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ann", "bob", "cleo"):
        (tmp_path / "people" / name).mkdir(parents=True)
    asked: list[str] = []

    def person(folder: Path, work: Path, progress: object) -> training.Known:
        asked.append(folder.name)
        return known(len(asked))

    monkeypatch.setattr(training, "person", person)
    output = tmp_path / "ears.safetensors"
    training.main(tmp_path / "people", output, tmp_path / "work", members=1, epochs=1, without="bob")
    assert asked == ["ann", "cleo"]
    with safe_open(output, framework="pt") as file:
        assert file.metadata()["people"] == "ann,cleo"
        ears = {name.removeprefix("0."): file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    missing, unexpected = Net(5).load_state_dict(ears, strict=False)
    assert len(missing) == 2
    assert not unexpected
    assert all(torch.isfinite(value).all() for value in ears.values())
