"""The painter in eight bits: static quantisation of its convolutions by ONNX Runtime, and what that costs in pixels.

No clone is made so: whether a person still looks like themselves is for the likeness benchmark to say (``int8.py``,
beside this, writes a clone with such a painter, which every tool takes like any other).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime import quantization

from avatar_engine.device import Device, onnx_session
from avatar_engine.errors import AvatarError

KEPT = ("/painter/stem/", "/painter/paint/")
"""Convolutions that stay as they are: at the pixels every step is seen, and they are few."""

LEAST = 8
"""Pictures from which ranges can be learnt."""

Feeds = Mapping[str, Any]
"""One picture for the painter: its inputs by name."""


@dataclass(frozen=True, slots=True)
class Loss:
    """How far painted lumas are from those of the network as fitted, in levels of 255: mean, 99th percentile, most."""

    mean: float
    p99: float
    most: float


class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, pictures: Sequence[Feeds]) -> None:
        self._left: Iterator[Feeds] = iter(pictures)

    def get_next(self) -> Feeds | None:
        return next(self._left, None)


def int8(painter: bytes, pictures: Sequence[Feeds]) -> bytes:
    """A painter with convolutions in eight bits.

    Args:
        painter: The network as fitted.
        pictures: Pictures of the person with mouths of all kinds, from which the ranges are learnt.

    Raises:
        AvatarError: There are too few pictures.
    """
    if len(pictures) < LEAST:
        raise AvatarError(f"{len(pictures)} pictures tell too little.", f"Give {LEAST} at least.")
    model = onnx.load_from_string(painter)
    keep = [node.name for node in model.graph.node if node.op_type == "Conv" and node.name.startswith(KEPT)]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "int8.onnx"
        quantization.quantize_static(
            model, str(made), _Reader(pictures), quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"], nodes_to_exclude=keep, per_channel=True,
            activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
        )  # fmt: skip
        return made.read_bytes()


def loss(painter: bytes, other: bytes, pictures: Sequence[Feeds], device: Device) -> Loss:
    """What another network of the same painter loses on these pictures."""
    wanted, made = (onnx_session(network, device, 1) for network in (painter, other))
    away = np.concatenate([_away(wanted, made, feeds) for feeds in pictures])
    return Loss(float(away.mean()), float(np.percentile(away, 99)), float(away.max()))


def _away(wanted: ort.InferenceSession, made: ort.InferenceSession, feeds: Feeds) -> Any:
    """Absolute differences where either paints something else than the true picture."""
    one, two = (session.run(None, dict(feeds))[0].astype(np.float32) for session in (wanted, made))
    return np.abs(one - two).ravel()
