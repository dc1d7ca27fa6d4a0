"""A drawn face with known mouth motion, and lips that paint it: no weights and no fit."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper

from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips import shape
from avatar_engine.lips.expression import Expressions
from avatar_engine.lips.grain import Grain
from avatar_engine.lips.model import Gate, LipsModel
from avatar_engine.lips.placement import Placement
from avatar_engine.lips.texture import TextureBasis
from tests.face.test_crop import make_track
from tests.lips.test_shape import make_shapes

SIZE = 128
HEIGHT, WIDTH = 288, 320
LIPS = 40
SKIN, LIP, DARK = 190, 120, 30
"""Luma of what is drawn."""

BLUR = 1.5
"""Dark pixels of a drawn mouth that is shut: the edge of its outline."""


def still_track(count: int) -> FaceTrack:
    """A face that does not move, in ``count`` pictures."""
    one = make_track(1)
    points = np.repeat(one.points, count, 0)
    return FaceTrack(
        points,
        np.ones(count, bool),
        np.ones(count, np.uint8),
        np.zeros((count, 3), np.float32),
        WIDTH,
        HEIGHT,
    )


def mouths(gaps: np.ndarray) -> np.ndarray:
    """Shapes in the crop whose mouths are ``gaps`` (crop sides) open; the wider open, the narrower."""
    shapes = make_shapes(gaps)
    shapes[:, :LIPS, 0] = 0.5 + (shapes[:, :LIPS, 0] - 0.5) * (1 - gaps[:, None])
    return shapes


def put(track: FaceTrack, gaps: np.ndarray) -> np.ndarray:
    """Give the track such lips; returns the shapes in the crop. The jaw stays: the crop hangs on the chin."""
    matrices = crop.transforms(track, SIZE)
    inverse = np.stack([cv2.invertAffineTransform(matrix) for matrix in matrices]).astype(np.float32)
    lips = mouths(gaps)[:, :LIPS]
    track.points[:, shape.LANDMARKS[:LIPS], :2] = crop.to_crop(lips * SIZE, inverse)
    return crop.to_crop(track.points[:, shape.LANDMARKS], matrices) / np.float32(SIZE)


def picture(points: np.ndarray) -> np.ndarray:
    """One I420 picture of the face with these 478 landmarks; grain makes it a real camera's."""
    canvas = np.full((HEIGHT, WIDTH), SKIN, np.uint8)
    for line, luma in ((shape.OUTER, LIP), (shape.INNER, DARK)):
        outline = np.round(points[list(line), :2] * 16).astype(np.int32)
        cv2.fillPoly(canvas, [outline], luma, cv2.LINE_AA, 4)
    noise = np.random.default_rng(int(points[17, 1] * 1000)).normal(0, 2, canvas.shape)
    canvas = np.clip(canvas + noise, 0, 255).astype(np.uint8)
    return np.concatenate([canvas, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)])


def mask() -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    away = np.maximum(np.abs(x - 0.5) / 0.38, np.abs(y - 0.58) / 0.3)
    return np.clip((1 - away) / 0.2, 0, 1).astype(np.float32)


def painter() -> bytes:
    """An ONNX painter that draws lips and inner mouth from the shape planes, as `picture` does."""
    planes = ["luma", "chroma", "shapes"]
    sides = {"luma": (1, SIZE), "chroma": (2, SIZE // 2), "shapes": (3, SIZE)}
    takes = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, ["n", sides[name][0], *[sides[name][1]] * 2])
        for name in planes
    ]
    takes.append(helper.make_tensor_value_info("coefficients", TensorProto.FLOAT, ["n", "k"]))
    gives = [
        helper.make_tensor_value_info("painted_luma", TensorProto.UINT8, ["n", 1, SIZE, SIZE]),
        helper.make_tensor_value_info("painted_chroma", TensorProto.UINT8, ["n", 2, SIZE // 2, SIZE // 2]),
    ]

    def constant(name: str, value: float) -> Any:
        return helper.make_tensor(name, TensorProto.FLOAT, [], [value])

    steps = [
        helper.make_node("Cast", ["shapes"], ["planes"], to=TensorProto.FLOAT),
        helper.make_node("Split", ["planes"], ["lips", "inner", "jaw"], axis=1, num_outputs=3),
        helper.make_node("Mul", ["lips", "to_lip"], ["first"]),
        helper.make_node("Mul", ["inner", "to_dark"], ["second"]),
        helper.make_node("Add", ["first", "second"], ["both"]),
        helper.make_node("Add", ["both", "skin"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["painted_luma"], to=TensorProto.UINT8),
        helper.make_node("Identity", ["chroma"], ["painted_chroma"]),
    ]
    values = [
        constant("to_lip", (LIP - SKIN) / 255),
        constant("to_dark", (DARK - LIP) / 255),
        constant("skin", SKIN + 0.5),
    ]
    graph = helper.make_graph(steps, "drawn", takes, gives, values)
    return onnx.ModelProto.SerializeToString(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    )


def model(shapes: np.ndarray) -> LipsModel:
    """Lips for drawn mouths like ``shapes``; they have no motion net."""
    basis = shape.fit_basis(shapes, 4)
    closed = basis.project(shapes[[int(shape.opening(shapes).argmin())]])[0]
    return LipsModel(
        basis=basis,
        texture=TextureBasis.none(SIZE, 4),
        neutral=closed,
        size=SIZE,
        mask=mask(),
        gate=Gate(-50, -40, -15),
        placement=Placement.none(4),
        expressions=Expressions.none(4),
        grain=Grain.none(SIZE),
        motion=b"",
        painter=painter(),
        certain=np.zeros(0, np.float32),
        figures={"seconds": 1.5},
    )


class Eye:
    """Stands for the landmarker: sees how far the drawn mouth is open from the dark pixels of the picture."""

    def __init__(self, faces: int = 1) -> None:
        del faces
        self._track = still_track(1)
        self._matrix = crop.transforms(self._track, SIZE)

    def __enter__(self) -> Eye:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def detect(self, rgb: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        if rgb.max() < 60:
            return []
        back = cv2.invertAffineTransform(self._matrix[0])
        column = round(float(back[0] @ [SIZE / 2, SIZE * 0.55, 1]))
        dark = (110 - np.clip(rgb[:, column, 0].astype(float), 20, 110)).sum() / 90
        dark = max(0.0, dark - BLUR)
        gap = dark * float(np.hypot(*self._matrix[0, :, 0])) / SIZE
        track = still_track(1)
        put(track, np.array([gap], np.float32))
        return [(track.points[0], np.zeros(3, np.float32))]
