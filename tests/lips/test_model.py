from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.lips import model as models
from avatar_engine.lips.expression import Expressions
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.placement import Placement
from avatar_engine.lips.texture import TextureBasis
from tests.lips import drawn


class Parts(dict[str, Any]):
    """A bundle in memory."""

    add_bytes = add_json = add_tensors = dict.__setitem__

    read = json = tensors = dict.__getitem__


@pytest.fixture
def model() -> LipsModel:
    plain = drawn.model(drawn.mouths(np.linspace(0, 0.16, 40).astype(np.float32)))
    random = np.random.default_rng(0)
    weights = random.normal(0, 1, plain.placement.weights.shape).astype(np.float32)
    return replace(plain, placement=Placement(plain.placement.mean + 1, weights), motion=b"motion")


@pytest.fixture
def parts(model: LipsModel) -> Parts:
    saved = Parts()
    model.save(saved)
    return saved


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, arrays and dataclasses of arrays included."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one == other)


def test_what_is_saved_comes_back_whole(model: LipsModel, parts: Parts) -> None:
    again = LipsModel.load(parts)
    for entry in fields(LipsModel):
        assert same(getattr(again, entry.name), getattr(model, entry.name)), entry.name


def test_it_survives_a_file(model: LipsModel, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    class Folder:
        def add_bytes(self, part: str, data: bytes) -> None:
            (tmp_path / part.replace("/", "-")).write_bytes(data)

        def read(self, part: str) -> bytes:
            return (tmp_path / part.replace("/", "-")).read_bytes()

        def add_tensors(self, part: str, tensors: dict[str, Any]) -> None:
            save_file(tensors, tmp_path / part.replace("/", "-"))  # refuses arrays that are not contiguous

        def tensors(self, part: str) -> dict[str, Any]:
            return load_file(tmp_path / part.replace("/", "-"))

        def add_json(self, part: str, value: Any) -> None:
            import json

            self.add_bytes(part, json.dumps(value).encode())

        def json(self, part: str) -> Any:
            import json

            return json.loads(self.read(part))

    folder = Folder()
    replace(model, mask=np.asfortranarray(model.mask)).save(folder)
    assert same(LipsModel.load(folder), model)


def test_every_tensor_is_needed(parts: Parts) -> None:
    names = list(parts[models.TENSORS])
    assert {"mean", "axes", "neutral", "mask"} <= set(names)
    for name in names:
        less = Parts(parts)
        less[models.TENSORS] = {key: value for key, value in parts[models.TENSORS].items() if key != name}
        with pytest.raises(AvatarError, match=f"incomplete.*{name}"):
            LipsModel.load(less)


@pytest.mark.parametrize("name", ["size", "gate", "figures", "version"])
def test_every_fact_is_needed(parts: Parts, name: str) -> None:
    del parts[models.FACTS][name]
    with pytest.raises(AvatarError, match="incomplete"):
        LipsModel.load(parts)


@pytest.mark.parametrize("gate", [{"shut": -50.0}, {"shut": "x", "open": 1, "speech": 2}, 7, {"door": 1.0}])
def test_a_damaged_gate_is_refused(parts: Parts, gate: Any) -> None:
    parts[models.FACTS]["gate"] = gate
    with pytest.raises((AvatarError), match="Clone the presenter again") as refusal:
        LipsModel.load(parts)
    assert refusal.value.what.startswith("The bundle's lips are incomplete")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mask", (64, 64)),
        ("mean", (50, 2)),
        ("axes", (4, 50, 2)),
        ("neutral", (5,)),
        ("placement_weights", (9, 4)),
    ],
)
def test_tensors_of_other_shapes_are_refused(parts: Parts, name: str, shape: tuple[int, ...]) -> None:
    parts[models.TENSORS][name] = np.zeros(shape, np.float32)
    with pytest.raises(AvatarError, match="don't fit together"):
        LipsModel.load(parts)


def test_another_version_is_named(parts: Parts) -> None:
    parts[models.FACTS]["version"] = models.VERSION + 1
    with pytest.raises(AvatarError, match=f"version {models.VERSION + 1}.*version {models.VERSION}"):
        LipsModel.load(parts)


def test_lips_of_before_textures_are_read(model: LipsModel, parts: Parts) -> None:
    parts[models.FACTS]["version"] = models.WITHOUT_TEXTURE
    for name in ("texture_pixels", "texture_colours", "texture_shapes", "certain"):
        del parts[models.TENSORS][name]
    again = LipsModel.load(parts)
    assert again.texture.textures == 0
    assert same(again, model)


def test_textures_stand_behind_the_shape(model: LipsModel) -> None:
    """Three more numbers in everything that a picture is asked for; their basis must know as many."""
    more = len(model.neutral) + 3
    texture = TextureBasis(
        np.ones((3, *model.texture.pixels.shape[1:]), np.float32),
        np.ones((1, *model.texture.colours.shape[1:]), np.float32),
        np.ones((len(model.texture.shapes), 3), np.float32),
    )
    wide = replace(
        model,
        texture=texture,
        neutral=np.ones(more, np.float32),
        placement=Placement.none(more),
        expressions=Expressions.none(more),
    )
    parts = Parts()
    wide.save(parts)
    assert same(LipsModel.load(parts), wide)
    before = Parts(parts)
    parts[models.TENSORS]["texture_shapes"] = texture.shapes[:, :2].copy()
    with pytest.raises(AvatarError, match="don't fit together"):
        LipsModel.load(parts)

    before[models.FACTS]["version"] = models.WITHOUT_COLOURS
    for name in ("texture_colours", "certain"):
        before[models.TENSORS] = {n: part for n, part in before[models.TENSORS].items() if n != name}
    before[models.TENSORS]["texture_shapes"] = texture.shapes
    again = LipsModel.load(before).texture
    assert again.textures == 3 and not len(again.colours)


def test_a_crop_that_the_painter_cannot_halve_is_refused(model: LipsModel, parts: Parts) -> None:
    parts[models.FACTS]["size"] = 100
    parts[models.TENSORS]["mask"] = np.zeros((100, 100), np.float32)
    with pytest.raises(AvatarError, match="don't fit together"):
        LipsModel.load(parts)
