"""A drawn head with thin hair before a wall, with its true alpha; and networks that matte it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage.plate import i420, rounded

WIDTH, HEIGHT = 256, 192
HEAD = np.array([70.0, 110.0, 160.0], np.float32)  # luma, Cb, Cr: warm and dark


def wall() -> FloatArray:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    luma = 150 + 20 * np.sin(x / 30) + 10 * np.cos(y / 25)
    return np.stack([luma, np.full_like(luma, 135), np.full_like(luma, 118)], -1)


def share(shift: float) -> FloatArray:
    """The true alpha, float32: a head with hairs, ``shift`` pixels to the right of the middle."""
    fine = np.zeros((4 * HEIGHT, 4 * WIDTH), np.uint8)
    middle = np.array([WIDTH / 2 + shift, HEIGHT / 2])
    cv2.ellipse(fine, tuple(np.round(4 * middle).astype(int).tolist()), (170, 210), 0, 0, 360, 255, -1)
    cv2.rectangle(
        fine, (round(4 * middle[0]) - 260, 4 * 150), (round(4 * middle[0]) + 260, 4 * HEIGHT), 255, -1
    )
    rng = np.random.default_rng(1)
    for angle in np.linspace(0.1, 0.9, 40) * np.pi:
        root = middle + np.array([40 * np.cos(angle), -50 * np.sin(angle)])
        tip = middle + np.array([56 * np.cos(angle), -64 * np.sin(angle)]) + rng.normal(0, 2, 2)
        line = np.round(4 * np.array([root, tip])).astype(np.int32)
        cv2.polylines(fine, [line], False, 255, 3)
    small = cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / 255


def picture(alpha: FloatArray, behind: FloatArray, seed: int, noise: float = 1.0) -> ByteArray:
    """The head before a wall, as a camera sees it: I420."""
    part = alpha[..., None]
    seen = part * HEAD + (1 - part) * behind
    seen = seen + np.random.default_rng(seed).normal(0, noise, seen.shape)
    return i420(rounded(seen.astype(np.float32)))


def coarse(alpha: FloatArray) -> FloatArray:
    """What a coarse network makes of it: 64 pixels a side."""
    body = cv2.morphologyEx(alpha, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))
    small = cv2.resize(cv2.GaussianBlur(body, (0, 0), 3), (64, 64), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def shifts(count: int) -> list[float]:
    return [30 * np.sin(0.35 * index) for index in range(count)]


def film(path: Path, count: int) -> list[FloatArray]:
    """Write a clip of a head that sways; its true alphas."""
    alphas = [share(shift) for shift in shifts(count)]
    with VideoWriter(path, WIDTH, HEIGHT, sound=False, crf=12, preset="fast", gop=12) as writer:
        for index, alpha in enumerate(alphas):
            writer.picture(picture(alpha, wall(), index))
    return alphas


def network(path: Path, recurrent: bool = False, channels: int = 3) -> Path:
    """A matting network that takes what is dark for the person; a recurrent one leaves out its first picture."""
    free = ["h", "w"]
    picture_in = helper.make_tensor_value_info("src", TensorProto.FLOAT, [1, channels, *free])
    alpha_out = helper.make_tensor_value_info("pha", TensorProto.FLOAT, [1, 1, *free])
    nodes = [
        helper.make_node("ReduceMean", ["src"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Less", ["grey", "limit"], ["dark"]),
        helper.make_node("Cast", ["dark"], ["found"], to=TensorProto.FLOAT),
    ]
    values = [helper.make_tensor("limit", TensorProto.FLOAT, [1], [0.4])]
    inputs, outputs = [picture_in], [alpha_out]
    if recurrent:
        inputs.append(helper.make_tensor_value_info("r1i", TensorProto.FLOAT, [1, 1, 1, 1]))
        inputs.append(helper.make_tensor_value_info("downsample_ratio", TensorProto.FLOAT, [1]))
        outputs.append(helper.make_tensor_value_info("r1o", TensorProto.FLOAT, [1, 1, 1, 1]))
        values.append(helper.make_tensor("one", TensorProto.FLOAT, [1, 1, 1, 1], [1.0]))
        nodes += [
            helper.make_node("Mul", ["found", "r1i"], ["scaled"]),
            helper.make_node("Mul", ["scaled", "downsample_ratio"], ["pha"]),
            helper.make_node("Max", ["r1i", "one"], ["r1o"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["found"], ["pha"]))
    graph = helper.make_graph(nodes, "matte", inputs, outputs, values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path
