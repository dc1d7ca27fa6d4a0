"""The painter's weights read back out of the network in a bundle, for backends that paint many persons in one graph.

A bundle holds the painter as ONNX, with batch normalisation folded into its convolutions. The exporter names every
operation after the module that it comes from, so each weight is found by where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from avatar_engine.contracts import FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.lips.painter import SHAPE_PLANES

BLOCKS = ("in_b", "in_c", "in_d", "out_c", "out_b")
CONVOLUTIONS = (
    "stem", "down_b", "down_c", "down_d", "up_c", "up_b", "up_a", "out_a", "paint",
    *(f"{block}.{part}" for block in BLOCKS for part in ("enter", "leave")),
)  # fmt: skip
PRODUCTS = ("code.0", "code.2", *(f"{block}.film" for block in BLOCKS))


@dataclass(frozen=True, slots=True)
class Weights:
    """One person's painter.

    Attributes:
        size: Side of the crop.
        fold: By how much the crop is folded, see `avatar_engine.lips.painter.Painter`.
        codes: Coefficients.
        values: float32 by name: ``NAME.weight`` and ``NAME.bias`` of `CONVOLUTIONS` and `PRODUCTS`, and ``skin``
            (folded pixels, 3), ``usual`` (2, 3), ``kept`` (planes, side, side), ``linear`` (terms, folded pixels) and
            ``canvas`` (channels, side, side).
    """

    size: int
    fold: int
    codes: int
    values: Mapping[str, FloatArray]

    @property
    def shape(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """What is equal for all persons who may share a graph."""
        return tuple((name, value.shape) for name, value in sorted(self.values.items()))


@lru_cache(1)  # looks of one clone may share a painter
def read(painter: bytes) -> Weights:
    """The weights of a bundle's painter.

    Raises:
        AvatarError: It is not the painter that this version knows.
    """
    try:
        return _read(onnx.load_from_string(painter).graph)
    except (KeyError, IndexError, ValueError, onnx.onnx_cpp2py_export.checker.ValidationError) as error:
        raise AvatarError(
            f"The bundle's painter is not built as this engine knows it ({error!r}).",
            "Paint it with ONNX Runtime: avatar-engine engine serve --backend onnx; or clone the presenter again.",
        ) from error
    except Exception as error:  # protobuf's
        raise AvatarError(f"The bundle's painter can't be read: {error!r}"[:300]) from error


def _read(graph: onnx.GraphProto) -> Weights:
    known: dict[str, npt.NDArray[np.generic]] = {
        entry.name: numpy_helper.to_array(entry) for entry in graph.initializer
    }
    values: dict[str, FloatArray] = {}
    after: dict[str, str] = {}  # what the tint's operations work on
    for node in graph.node:
        if node.op_type == "Constant":
            known[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Identity" and node.input[0] in known:
            known[node.output[0]] = known[node.input[0]]  # equal weights are stored once
        elif node.op_type in ("Conv", "Gemm"):
            name = _module(node.output[0])
            values[f"{name}.weight"] = _floats(known[node.input[1]])
            values[f"{name}.bias"] = _floats(known[node.input[2]])
        elif node.op_type == "MatMul":
            weight = _floats(known[node.input[1]])
            values["skin" if weight.shape[1] == 3 else "linear"] = weight
            after[node.output[0]] = "mean"
        elif node.op_type == "Sub" and after.get(node.input[0]) == "mean" and node.input[1] in known:
            values["mean"], after[node.output[0]] = _floats(known[node.input[1]]), "spread"
        elif node.op_type == "Div" and after.get(node.input[0]) == "spread":
            values["spread"] = _floats(known[node.input[1]])
        elif node.op_type == "Mul" and node.input[1].endswith("kept"):
            values["kept"] = _floats(known[node.input[1]])[0]
        elif node.op_type == "Add" and node.input[1].endswith("canvas"):
            values["canvas"] = _floats(known[node.input[1]])[0]
    values["usual"] = np.stack([values.pop("mean").reshape(3), values.pop("spread").reshape(3)])
    names = {f"{name}.{kind}" for name in (*CONVOLUTIONS, *PRODUCTS) for kind in ("weight", "bias")}
    if missing := (names | {"skin", "usual", "kept", "linear", "canvas"}) ^ values.keys():
        raise ValueError(f"{', '.join(sorted(missing)[:5])} missing or unknown")
    colour, side = values["kept"].shape[:2]
    fold = {6: 2, 24: 4}[colour]
    if values["stem.weight"].shape[1] != 2 * colour + SHAPE_PLANES * fold**2:
        raise ValueError("a stem of another width")
    return Weights(side * fold, fold, values["code.0.weight"].shape[1], values)


def _module(output: str) -> str:
    """The module that an operation's output is named after, such as ``in_b.enter`` of its first layer's convolution."""
    path = [part for part in output.split("/")[2:-1] if not part.endswith(".0") or part.startswith("code.")]
    return path[-1] if path[0] == "code" else ".".join(path)


def _floats(value: npt.NDArray[np.generic]) -> FloatArray:
    return np.ascontiguousarray(value, np.float32)
