from pathlib import Path

import numpy as np
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.face.person import OnnxMatte, SelfieSegmenter
from tests.stage.cutting import network


def scene() -> np.ndarray:
    picture = np.full((48, 64, 3), 230, np.uint8)
    picture[10:40, 20:44] = 30
    return picture


def test_a_network_of_the_users_own_says_where_the_person_is(tmp_path: Path) -> None:
    mask = OnnxMatte(network(tmp_path / "own.onnx")).mask(scene())
    assert mask.shape == (48, 64)
    assert mask.dtype == np.float32
    assert mask[20, 30] == 1
    assert mask[5, 5] == 0


def test_a_recurrent_network_is_given_its_states_and_a_ratio(tmp_path: Path) -> None:
    matte = OnnxMatte(network(tmp_path / "own.onnx", recurrent=True))
    assert matte.mask(scene()).max() == 0  # its state begins at zero
    assert matte.mask(scene()).max() == 1
    wide = np.repeat(np.repeat(scene(), 16, 0), 16, 1)
    assert matte.mask(wide).max() == pytest.approx(0.5)  # 1024 pixels across are to be halved


def test_what_is_no_matting_network_is_refused_with_the_contract(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="no matting network") as refused:
        OnnxMatte(network(tmp_path / "four.onnx", channels=4))
    assert "1x3xHxW" in refused.value.advice
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"no network")
    with pytest.raises(AvatarError, match="can be run"):
        OnnxMatte(bad)
    with pytest.raises(AvatarError, match="can be run"):
        OnnxMatte(tmp_path / "none.onnx")


@pytest.mark.weights
def test_the_segmenter_gives_a_mask_of_its_own_size() -> None:
    segmenter = SelfieSegmenter()
    mask = segmenter.mask(np.full((90, 160, 3), 128, np.uint8))
    segmenter.close()
    assert mask.shape == (256, 256)
    assert mask.min() >= 0
    assert mask.max() <= 1
