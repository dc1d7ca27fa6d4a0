"""The int8 graph as floats, for processors that multiply bf16 as fast as bytes (`avatar_engine.inference`).

Every dynamically quantised convolution becomes the convolution that it stands for, with its weights dequantised:
``(q - zero point) * scale``. Nothing is lost that the bytes held, and what rounding inputs to bytes loses is won back:
from the float32 graph the bf16 one is 34 dB away, the int8 one 26 dB.

Snake activations (Ziyin et al. 2020), x + sin²(ax) / a, are spelt out as products and sums, which OpenVINO fuses into
one pass; its sine is computed number by number and took a fifth of the generator's time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import onnx
from onnx import helper, numpy_helper

from avatar_engine.contracts import FloatArray

DEGREE = 5
"""Terms of sin² within half a turn: 5e-7 away from it at most."""

Shapes = Mapping[str, Sequence[int | str]]
"""Of inputs: numbers, and names of what is free."""


def as_floats(graph: bytes, shapes: Shapes) -> bytes:
    """A part of the int8 graph, from which every quantised product and every sine of a Snake are gone.

    Args:
        graph: ONNX, as it comes from `avatar_engine.voice.network`.
        shapes: Of its inputs: OpenVINO has to know how many axes there are.
    """
    model = onnx.load_from_string(graph)
    part = _Part(model.graph)
    made = dict([*part.products(), *part.snakes()])
    kept = _needed(model.graph.node, made, [value.name for value in model.graph.output])
    constants = {tensor.name: tensor for tensor in [*model.graph.initializer, *part.constants]}
    used = {name for node in kept for name in node.input}
    inputs = [
        helper.make_tensor_value_info(value.name, onnx.TensorProto.FLOAT, list(shapes[value.name]))
        for value in model.graph.input
    ]
    floats = helper.make_graph(
        kept,
        "floats",
        inputs,
        list(model.graph.output),
        [constants[name] for name in sorted(used & constants.keys())],
    )
    made_model = helper.make_model(floats, opset_imports=model.opset_import, ir_version=model.ir_version)
    return bytes(made_model.SerializeToString())


def _needed(
    nodes: Iterable[onnx.NodeProto], made: Mapping[str, list[onnx.NodeProto]], outputs: list[str]
) -> list[onnx.NodeProto]:
    """What leads to the outputs, with what was ``made`` in place of what made the same before."""
    wanted, kept = set(outputs), []
    for node in reversed(list(nodes)):
        if wanted.isdisjoint(node.output):
            continue
        for each in reversed(made.get(node.output[0], [node])):
            kept.append(each)
            wanted.update(each.input)
    return kept[::-1]


class _Part:
    """A graph whose patterns are looked for."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._nodes = list(graph.node)
        self._stored = {tensor.name: tensor for tensor in graph.initializer}
        self._maker = {name: node for node in self._nodes for name in node.output}
        self._takers: dict[str, list[onnx.NodeProto]] = {}
        for node in self._nodes:
            for name in node.input:
                self._takers.setdefault(name, []).append(node)
        self.constants: list[onnx.TensorProto] = []

    def products(self) -> Iterator[tuple[str, list[onnx.NodeProto]]]:
        """Convolutions and products of matrices in place of the quantised ones, by what they make."""
        kinds = {"ConvInteger": "Conv", "MatMulInteger": "MatMul"}
        for node in self._nodes:
            if node.op_type not in kinds:
                continue
            (taker,), biases = self._takers[node.output[0]], []
            if taker.op_type == "Add":  # the bias, in steps of the product of both scales
                biases = [self._bias(next(name for name in taker.input if name != node.output[0]))]
                (taker,) = self._takers[taker.output[0]]
            (scaling,) = self._takers[taker.output[0]]
            scales = self._maker[next(name for name in scaling.input if name != taker.output[0])]
            scale = next(name for name in scales.input if name in self._stored)
            weight = (self._array(node.input[1]) - self._array(node.input[3])) * self._array(scale)
            taken = self._maker[node.input[0]].input[0]
            product = helper.make_node(
                kinds[node.op_type],
                [taken, self._constant(f"{node.input[1]}.float", weight), *biases],
                [scaling.output[0]],
                name=node.name,
            )
            product.attribute.extend(node.attribute)
            yield scaling.output[0], [product]

    def _bias(self, name: str) -> str:
        """The float bias that was divided by the scales."""
        node = self._maker[name]
        while node.op_type != "Div":
            node = self._maker[node.input[0]]
        return str(node.input[0])

    def snakes(self) -> Iterator[tuple[str, list[onnx.NodeProto]]]:
        """Snakes without sines, by what they make."""
        for node in self._nodes:
            if node.op_type != "Sin" or self._takers[node.output[0]][0].op_type != "Pow":
                continue
            (square,) = self._takers[node.output[0]]
            (scaled,) = self._takers[square.output[0]]
            (total,) = self._takers[scaled.output[0]]
            angle = self._maker[node.input[0]]
            alpha, x = sorted(angle.input, key=lambda name: name not in self._stored)
            inverse = next(name for name in scaled.input if name in self._stored)
            turns = self._constant(f"{node.name}.turns", self._array(alpha) / np.pi)
            yield total.output[0], self._snake(node.name, x, turns, inverse, total.output[0])

    def _snake(self, name: str, x: str, turns: str, inverse: str, output: str) -> list[onnx.NodeProto]:
        nodes: list[onnx.NodeProto] = []

        def add(kind: str, *inputs: str, to: str = "") -> str:
            to = to or f"{name}.{len(nodes)}"
            nodes.append(helper.make_node(kind, list(inputs), [to], name=to))
            return to

        angle = add("Mul", x, turns)  # in half turns
        away = add("Sub", angle, add("Round", angle))
        square = add("Mul", away, away)
        *lower, highest = [
            self._constant(f"snake.{place}", np.float32(value)) for place, value in enumerate(_terms())
        ]
        total = add("Mul", square, highest)
        for term in reversed(lower):
            total = add("Mul", add("Add", total, term), square)
        add("Add", x, add("Mul", total, inverse), to=output)
        return nodes

    def _array(self, name: str) -> FloatArray:
        return np.asarray(numpy_helper.to_array(self._stored[name]), np.float32)

    def _constant(self, name: str, value: FloatArray | np.float32) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name


@cache
def _terms() -> tuple[float, ...]:
    """sin²(πr) is the sum of these times r², r⁴, …, for r from -1/2 to 1/2: least squares on Chebyshev's places."""
    places = np.cos(np.pi * (np.arange(4000) + 0.5) / 8000) / 2
    powers = np.stack([places ** (2 * number + 2) for number in range(DEGREE)], 1)
    return tuple(np.linalg.lstsq(powers, np.sin(np.pi * places) ** 2, rcond=None)[0].tolist())
