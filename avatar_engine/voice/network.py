"""Kokoro-82M in three pieces, so that sound can be made window by window.

The int8 ONNX file holds one graph from tokens to sound. It is cut here, in memory, into

- the front (text, durations, pitch, energy): about 0.03 of real time on one core, run once a sentence;
- the body (text features at 40 per second to features at 80 per second, and the harmonic source): 0.05;
- the generator (features to sound): nine tenths of the cost, run in windows, so that the first sound
  comes long before the sentence is finished.

The generator's instance normalisation takes its statistics from the whole utterance. In windows they are
replaced by the voice's own averages (`Statistics`), which turns every normalisation into one multiplication
and one addition a channel, and makes any window exactly the piece of the whole that it stands for.

Architecture: StyleTTS 2 (Li et al. 2023) with an iSTFTNet decoder (Kaneko et al. 2022), as trained by
hexgrad/Kokoro-82M (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import numpy_helper

from avatar_engine import device, inference, models
from avatar_engine.contracts import FloatArray
from avatar_engine.voice import floats

SAMPLES_PER_TOKEN_FRAME = 600
"""Samples of one frame of the durations (25 ms)."""

SAMPLES_PER_FEATURE = 300
"""Samples of one column of the generator's input (12.5 ms); pitch and energy have the same rate."""

SOURCE_PER_FEATURE = 60
"""Columns of the harmonic source to one column of the generator's input."""

MARGIN = 6
"""Columns decoded and thrown away on either side of a window, so that its edges are as the whole's."""

MAX_TOKENS = 510

LOWEST_PITCH = 40
"""Hz; below it the network means that there is no voice."""

_TEXT = "/encoder/MatMul_1_output_0"
_SPELLED = "/encoder/text_encoder/Transpose_2_output_0"
_PITCH = "/encoder/Reshape_output_0"
_ENERGY = "/encoder/Reshape_1_output_0"
_DURATIONS = "/encoder/Clip_output_0"
_FEATURES = "/decoder/decoder/decode.3/Div_4_output_0"
_SOURCE = "/decoder/decoder/generator/Concat_3_output_0"
_GENERATOR = "/decoder/decoder/generator/"

GENERATOR = "generator."
"""What the names of the generator's `AdaIN` layers begin with; the others are the body's."""

Folded = Mapping[str, FloatArray]
"""Style-conditioned gain and shift of every `AdaIN` of the decoder: name -> float32 (2 * channels,)."""

Statistics = Mapping[str, FloatArray]
"""Mean and deviation of every normalisation of the generator: name -> float32 (2, channels)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be said, before there is sound.

    Attributes:
        text: float32 (1, 512, frames), text features at 40 per second.
        pitch: float32 (1, 2 * frames), Hz at 80 per second; 0 or below where there is no voice.
        energy: float32 (1, 2 * frames).
        frames: int64 (tokens,), frames of 25 ms of every token, the padding at both ends included.
    """

    text: FloatArray
    pitch: FloatArray
    energy: FloatArray
    frames: npt.NDArray[np.int64]


def tuned(plan: Plan, register: tuple[float, float]) -> Plan:
    """The plan in another register: the logarithm of its pitch shifted, and its spread scaled, by ``register``."""
    shift, spread = register
    voiced = plan.pitch > LOWEST_PITCH
    if register == (0, 1) or not voiced.any():
        return plan
    logarithm = np.log(plan.pitch[voiced])
    middle = float(logarithm.mean())
    pitch = plan.pitch.copy()
    pitch[voiced] = np.exp(middle + shift + (logarithm - middle) * spread)
    return replace(plan, pitch=pitch)


@dataclass(frozen=True, slots=True)
class Features:
    """The generator's input: float32 (1, 512, n) and harmonic source float32 (1, 22, 60 n + 1)."""

    features: FloatArray
    source: FloatArray

    @property
    def columns(self) -> int:
        return int(self.features.shape[2])

    def near(self) -> Features:
        return self


class Body(Protocol):
    """What the body made of a plan, wherever it lies: here (`Features`), or on a card that others use, too."""

    @property
    def columns(self) -> int:
        """Columns of 12.5 ms."""
        ...

    def near(self) -> Features:
        """The same here, made again if need be."""
        ...


@cache
def whole() -> onnx.ModelProto:
    """The network's graph as it comes (int8, 92 MB), read once."""
    return onnx.load(str(models.path("kokoro")))


def _cut(inputs: Sequence[str], outputs: Sequence[str], nodes: Sequence[onnx.NodeProto] | None = None,
         constants: Mapping[str, FloatArray] | None = None) -> bytes:  # fmt: skip
    """The part of the graph between ``inputs`` and ``outputs``, with ``constants`` in place of its own."""
    graph = whole()
    nodes = list(graph.graph.node) if nodes is None else nodes
    maker = {name: place for place, node in enumerate(nodes) for name in node.output}
    needed: set[int] = set()
    waiting, known = list(outputs), set(inputs)
    while waiting:
        name = waiting.pop()
        if name in known or name not in maker:
            continue
        known.add(name)
        if maker[name] not in needed:
            needed.add(maker[name])
            waiting.extend(nodes[maker[name]].input)
    kept = [nodes[place] for place in sorted(needed)]
    used = {name for node in kept for name in node.input}
    constants = constants or {}
    part = onnx.ModelProto(ir_version=graph.ir_version, opset_import=graph.opset_import)
    part.graph.name = "part"
    part.graph.node.extend(kept)
    part.graph.initializer.extend(
        tensor for tensor in graph.graph.initializer if tensor.name in used and tensor.name not in constants
    )
    part.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in constants.items() if name in used
    )
    own = {value.name: value for value in graph.graph.input}
    for name in inputs:
        value = own.get(name) or onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        part.graph.input.append(value)
    part.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs
    )
    return bytes(part.SerializeToString())


@dataclass(frozen=True, slots=True)
class Norm:
    """One normalisation: the tensor that it takes, its statistics, and the AdaINs that use it."""

    name: str
    taken: str
    mean: str
    deviation: str
    users: tuple[tuple[int, int, str], ...]  # index of the gain's Mul, of the shift's Add, AdaIN name

    @property
    def adains(self) -> tuple[str, ...]:
        return tuple(name for _, _, name in self.users)


@cache
def adain_names() -> tuple[str, ...]:
    """The decoder's style-conditioned normalisations, named as their modules (``encode.norm1`` …)."""
    ending = ".fc.bias"
    begin = "decoder.decoder."
    return tuple(
        tensor.name[len(begin) : -len(ending)]
        for tensor in whole().graph.initializer
        if tensor.name.startswith(begin) and tensor.name.endswith(ending)
    )


def _gemm(adain: str) -> str:
    head, _, tail = adain.rpartition(".")
    path = node_path(f"{head}.{tail}" if head else tail)
    return f"/decoder/decoder/{path}/fc/Gemm_output_0"


def node_path(module: str) -> str:
    """``generator.resblocks.0.adain1.2`` is ``generator/resblocks.0/adain1.2`` in the graph."""
    parts: list[str] = []
    for word in module.split("."):
        if word.isdigit() and parts:
            parts[-1] += f".{word}"
        else:
            parts.append(word)
    return "/".join(parts)


@cache
def norms() -> tuple[Norm, ...]:
    """The generator's normalisations, found by their shape in the graph."""
    nodes = list(whole().graph.node)
    maker = {name: node for node in nodes for name in node.output}
    takers: dict[str, list[int]] = {}
    for place, node in enumerate(nodes):
        for name in node.input:
            takers.setdefault(name, []).append(place)
    by_shift = {node_path(name): name for name in adain_names()}
    found = []
    for node in nodes:
        if node.op_type != "Div" or not node.name.startswith(_GENERATOR) or "/adain" not in node.name:
            continue
        centred, spread = (maker[name] for name in node.input)
        if spread.op_type != "Sqrt":
            continue
        users = []
        for gain in takers[node.output[0]]:
            (shift,) = takers[nodes[gain].output[0]]
            module = nodes[shift].name.removeprefix("/decoder/decoder/").rpartition("/")[0]
            users.append((gain, shift, by_shift[module]))
        name = node.name.removeprefix("/decoder/decoder/").rpartition("/")[0]
        found.append(Norm(name, centred.input[0], centred.input[1], spread.output[0], tuple(users)))
    return tuple(found)


def _biases(style: FloatArray, folded: Folded | None, names: Sequence[str]) -> dict[str, FloatArray]:
    """Biases that make the layers ``names`` give exactly ``folded`` for this one style."""
    if not folded:
        return {}
    now = gains(style)
    stored = {tensor.name: tensor for tensor in whole().graph.initializer if tensor.name.endswith(".fc.bias")}
    out = {}
    for name in names:
        bias = f"decoder.decoder.{name}.fc.bias"
        out[bias] = (numpy_helper.to_array(stored[bias]) + folded[name] - now[name]).astype(np.float32)
    return out


def gains(style: FloatArray) -> dict[str, FloatArray]:
    """What the stock network's AdaIN layers give for ``style`` (256,): name -> float32 (2 * channels,)."""
    session = _gain_session()
    values = session.run(None, {"style": style.reshape(1, 256)})
    return {name: value.reshape(-1) for name, value in zip(adain_names(), values, strict=True)}


@cache
def _gain_session() -> ort.InferenceSession:
    return _session(_cut(["style"], [_gemm(name) for name in adain_names()]), 1)


@cache
def _processor() -> device.Device:
    return device.choose("cpu")  # Once: it watches the load for a moment.


def _session(graph: bytes, threads: int) -> ort.InferenceSession:
    return device.onnx_session(graph, _processor(), threads)


class Planner:
    """Kokoro-82M for one style up to the generator: all but the sound, for a tenth of its cost.

    Args:
        style: float32 (256,): the first half colours the decoder, the second the prosody.
        folded: Gains and shifts of a fitted voice, in place of what the style gives.
        threads: Threads of every operator; those of ``beside`` where that is given.
        beside: Another planner, whose sessions are used where they are the same.
    """

    def __init__(
        self,
        style: FloatArray,
        folded: Folded | None = None,
        threads: int = 1,
        beside: Planner | None = None,
    ) -> None:
        self.style = np.ascontiguousarray(style, np.float32).reshape(1, 256)
        self.folded = folded
        self.threads: int = beside.threads if beside else threads
        self._front: ort.InferenceSession = (
            beside._front
            if beside
            else _session(_cut(["tokens", "style", "speed"], [_TEXT, _PITCH, _ENERGY, _DURATIONS]), threads)
        )
        self._load()

    def _load(self) -> None:
        """Make the other sessions now, so that nobody waits for them in the middle of a show."""
        _ = self._body

    def beside(self, style: FloatArray, folded: Folded | None) -> Planner:
        """A planner for another style, with this one's sessions where they are the same."""
        return Planner(style, folded, beside=self)

    @cached_property
    def _body(self) -> ort.InferenceSession:
        names = [name for name in adain_names() if not name.startswith(GENERATOR)]
        biases = _biases(self.style, self.folded, names)
        graph = _cut([_TEXT, _PITCH, _ENERGY, "style"], [_FEATURES, _SOURCE], constants=biases)
        return _session(graph, self.threads)

    def plan(self, tokens: Sequence[int], speed: float = 1.0) -> Plan:
        """Durations, pitch and energy of ``tokens`` (padding is added; at most `MAX_TOKENS`)."""
        fed = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": self.style,
            "speed": np.array([speed], np.float32),
        }
        text, pitch, energy, frames = self._front.run(None, fed)
        return Plan(text, pitch, energy, np.rint(frames.reshape(-1)).astype(np.int64))

    def features(self, plan: Plan) -> Features:
        """The generator's input for the whole of ``plan``."""
        fed = {_TEXT: plan.text, _PITCH: plan.pitch, _ENERGY: plan.energy, "style": self.style}
        features, source = self._body.run(None, fed)
        return Features(features, source)

    def body(self, plan: Plan) -> Body:
        """The same, where the sound will be made."""
        return self.features(plan)


class Network(Planner):
    """Kokoro-82M for one style.

    Args:
        style: As for `Planner`.
        folded: As for `Planner`.
        statistics: The voice's normalisation statistics; with them sound can be made in windows.
        threads: Threads of every operator.
    """

    def __init__(
        self,
        style: FloatArray,
        folded: Folded | None = None,
        statistics: Statistics | None = None,
        threads: int = 1,
    ) -> None:
        self.statistics, self.windowed = statistics, statistics is not None
        super().__init__(style, folded, threads)

    def _load(self) -> None:
        super()._load()
        _ = self._generator

    @cached_property
    def _generator(self) -> inference.Session:
        graph = self._generator_graph(self.folded, self.statistics)
        if self.windowed and inference.in_bf16(_processor()):
            shapes = {_FEATURES: (1, 512, "columns"), _SOURCE: (1, 22, "frames")}
            return inference.ready(floats.as_floats(graph, shapes), _processor(), self.threads)
        session: inference.Session = _session(graph, self.threads)
        return session

    def _generator_graph(self, folded: Folded | None, statistics: Statistics | None) -> bytes:
        names = [name for name in adain_names() if name.startswith(GENERATOR)]
        if statistics is None:
            outputs = ["audio", *(name for norm in norms() for name in (norm.mean, norm.deviation))]
            biases = _biases(self.style, folded, names)
            return _cut([_FEATURES, _SOURCE, "style"], outputs, constants=biases)
        given = frozen(folded or gains(self.style), statistics)
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in whole().graph.node]
        constants: dict[str, FloatArray] = {}
        for norm in norms():
            for multiply, add, name in norm.users:
                factor, offset = given[name]
                constants[f"{name}.factor"] = factor[None, :, None]
                constants[f"{name}.offset"] = offset[None, :, None]
                product = nodes[multiply].output[0]
                nodes[multiply].input[:] = [norm.taken, f"{name}.factor"]
                nodes[add].input[:] = [product, f"{name}.offset"]
        return _cut([_FEATURES, _SOURCE], ["audio"], nodes, constants)

    def window(self, body: Body, start: int, stop: int, margin: int = MARGIN) -> FloatArray:
        """Sound of the columns [start, stop): float32 (300 * (stop - start),), made with ``margin`` more around.

        Without statistics only the whole makes sense.
        """
        whole = body.near()
        left, right = max(0, start - margin), min(whole.columns, stop + margin)
        source = whole.source[:, :, left * SOURCE_PER_FEATURE : right * SOURCE_PER_FEATURE + 1]
        fed = {_FEATURES: whole.features[:, :, left:right], _SOURCE: source}
        if not self.windowed:
            fed["style"] = self.style
        (sound,) = self._generator.run(["audio"], fed)
        begin = (start - left) * SAMPLES_PER_FEATURE
        return np.array(sound[begin : begin + (stop - start) * SAMPLES_PER_FEATURE], np.float32)

    def sound(self, plan: Plan) -> FloatArray:
        """The whole sound of ``plan`` at once: float32 (600 * frames,)."""
        whole = self.features(plan)
        return self.window(whole, 0, whole.columns)

    def measure(self, whole: Features) -> Iterator[tuple[str, FloatArray]]:
        """Mean and deviation of every normalisation over one utterance: name, float32 (2, channels)."""
        fed = {_FEATURES: whole.features, _SOURCE: whole.source, "style": self.style}
        _, *values = self._generator.run(None, fed)
        for place, norm in enumerate(norms()):
            yield norm.name, np.stack([values[2 * place].reshape(-1), values[2 * place + 1].reshape(-1)])


def frozen(folded: Folded, statistics: Statistics) -> dict[str, tuple[FloatArray, FloatArray]]:
    """The generator's normalisations with a voice's own statistics: name -> factor and offset, (channels,) each."""
    out = {}
    for norm in norms():
        mean, deviation = statistics[norm.name]
        for name in norm.adains:
            gain, shift = np.split(folded[name], 2)
            factor = (1 + gain) / deviation
            out[name] = (factor.astype(np.float32), (shift - factor * mean).astype(np.float32))
    return out


def calibrate(network: Network, sentences: Sequence[Sequence[int]]) -> dict[str, FloatArray]:
    """The voice's own statistics, averaged over ``sentences`` of tokens (`network` made without any)."""
    return calibrate_features(network, [network.features(network.plan(said)) for said in sentences])


def calibrate_features(network: Network, utterances: Sequence[Features]) -> dict[str, FloatArray]:
    """The same over the generator's input of whole utterances."""
    sums: dict[str, list[FloatArray]] = {}
    for whole in utterances:
        for name, pair in network.measure(whole):
            sums.setdefault(name, []).append(pair)
    return {
        name: np.stack([np.mean([p[0] for p in pairs], 0), np.sqrt(np.mean([p[1] ** 2 for p in pairs], 0))])
        for name, pairs in sums.items()
    }


@cache
def _text_session() -> ort.InferenceSession:
    return _session(_cut(["tokens"], [_SPELLED]), 1)


def text_features(ids: Sequence[int], frames: npt.NDArray[np.int64]) -> FloatArray:
    """Text features of tokens said for ``frames`` frames each (padding included): float32 (1, 512, sum)."""
    (features,) = _text_session().run(None, {"tokens": np.array([[0, *ids, 0]], np.int64)})
    return np.repeat(features, frames, axis=2)
