"""What a fit of the lips leaves behind, and its parts in a bundle."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.lips.expression import Expressions
from avatar_engine.lips.grain import Grain
from avatar_engine.lips.placement import ANCHORS, Placement
from avatar_engine.lips.shape import LANDMARKS, ShapeBasis
from avatar_engine.lips.texture import TextureBasis, no_colours

VERSION = 4
WITHOUT_TEXTURE, WITHOUT_COLOURS = 2, 3  # versions that are read, too
MOTION, PAINTER, TENSORS, FACTS = (
    "lips/motion.onnx",
    "lips/painter.onnx",
    "lips/lips.safetensors",
    "lips/lips.json",
)


class PartWriter(Protocol):
    """Where parts go: `avatar_engine.bundle.BundleWriter`, or anything like it."""

    def add_bytes(self, part: str, data: bytes) -> None: ...

    def add_json(self, part: str, value: Any) -> None: ...

    def add_tensors(self, part: str, tensors: dict[str, npt.NDArray[Any]]) -> None: ...


class PartReader(Protocol):
    """Where parts come from: `avatar_engine.bundle.Bundle`, or anything like it."""

    def read(self, part: str) -> bytes: ...

    def json(self, part: str) -> Any: ...

    def tensors(self, part: str) -> dict[str, npt.NDArray[Any]]: ...


@dataclass(frozen=True, slots=True)
class Gate:
    """When the mouth rests, in dB of a picture's own 40 ms of sound.

    Attributes:
        shut: At this level and below the mouth is closed and still.
        open: At this level and above it follows the sound.
        speech: The level of the fitted speech's loud pictures; another voice's levels are measured against it.
    """

    shut: float
    open: float
    speech: float


@dataclass(frozen=True, slots=True)
class LipsModel:
    """One person's lips, fitted.

    Attributes:
        basis: The mouth shapes' basis.
        texture: What is seen beside a shape; its numbers stand behind the shape's in all coefficients.
        neutral: float32 (coefficients,), this person's closed mouth at rest.
        size: Side of the crop in pixels.
        mask: float32 (size, size), what is painted.
        gate: When the mouth rests.
        placement: What the shape owes to the head and not to speech.
        expressions: What this person's mouth can be asked for beside words.
        grain: The footage's grain, for what is painted.
        motion: ONNX: log-mel windows float32 (n, 31, 40) to coefficients float32 (n, coefficients).
        painter: ONNX: luma, chroma, shapes (uint8) and coefficients to painted luma and chroma (uint8).
        certain: float32 (m,), see `avatar_engine.lips.painter.certain`; none for a painter that takes all for true.
        figures: How the fit went (seconds, steps, losses, spread, cross-validated correlation).
    """

    basis: ShapeBasis
    texture: TextureBasis
    neutral: FloatArray
    size: int
    mask: FloatArray
    gate: Gate
    placement: Placement
    expressions: Expressions
    grain: Grain
    motion: bytes
    painter: bytes
    certain: FloatArray
    figures: dict[str, float]

    def believing(self) -> LipsModel:
        """The same lips for textures that were read off the very pictures, and not foretold from sound."""
        from avatar_engine.lips.painter import believing  # a show, which hears, must not wait for torch

        return replace(self, painter=believing(self.painter, self.certain)) if self.certain.any() else self

    def save(self, writer: PartWriter) -> None:
        """Add the model's four parts to a bundle that is being written."""
        writer.add_bytes(MOTION, self.motion)
        writer.add_bytes(PAINTER, self.painter)
        tensors = {
            "mean": self.basis.mean,
            "axes": self.basis.axes,
            "texture_pixels": self.texture.pixels,
            "texture_colours": self.texture.colours,
            "texture_shapes": self.texture.shapes,
            "certain": self.certain,
            "neutral": self.neutral,
            "mask": self.mask,
            "placement_mean": self.placement.mean,
            "placement_weights": self.placement.weights,
            "expressions": self.expressions.biases,
            "least": self.expressions.lowest,
            "most": self.expressions.highest,
            "grain": self.grain.strength,
            "grain_spectrum": self.grain.spectrum,
        }
        writer.add_tensors(TENSORS, {name: np.ascontiguousarray(value) for name, value in tensors.items()})
        writer.add_json(
            FACTS, {"version": VERSION, "size": self.size, "gate": asdict(self.gate), "figures": self.figures}
        )

    @classmethod
    def load(cls, bundle: PartReader) -> LipsModel:
        """Read the model from a bundle.

        Raises:
            AvatarError: A part is missing or does not fit the others.
        """
        facts, tensors = bundle.json(FACTS), bundle.tensors(TENSORS)
        try:
            version = facts["version"]
            if version not in (VERSION, WITHOUT_COLOURS, WITHOUT_TEXTURE):
                raise AvatarError(
                    f"The lips are of version {version}; this engine reads version {VERSION} and before.",
                    "Clone the presenter again with this version of the engine.",
                )
            size = int(facts["size"])
            basis = ShapeBasis(tensors["mean"], tensors["axes"])
            if version == WITHOUT_TEXTURE:
                texture = TextureBasis.none(size, basis.coefficients)
            else:
                colours = no_colours(size) if version == WITHOUT_COLOURS else tensors["texture_colours"]
                texture = TextureBasis(tensors["texture_pixels"], colours, tensors["texture_shapes"])
            model = cls(
                basis=basis,
                texture=texture,
                neutral=tensors["neutral"],
                size=size,
                mask=tensors["mask"],
                gate=Gate(**{name: float(value) for name, value in facts["gate"].items()}),
                placement=Placement(tensors["placement_mean"], tensors["placement_weights"]),
                expressions=Expressions(tensors["expressions"], tensors["least"], tensors["most"]),
                grain=Grain(tensors["grain"], tensors["grain_spectrum"]),
                motion=bundle.read(MOTION),
                painter=bundle.read(PAINTER),
                certain=tensors["certain"] if version == VERSION else np.zeros(0, np.float32),
                figures={name: float(value) for name, value in facts["figures"].items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise AvatarError(
                f"The bundle's lips are incomplete: {error!r}.", "Clone the presenter again."
            ) from error
        k, landmarks, usual = len(model.neutral), len(LANDMARKS), TextureBasis.none(size, len(basis.axes))
        textures = k - len(basis.axes)
        shapes = (
            *(model.mask.shape, basis.mean.shape, basis.axes.shape[1:], model.placement.weights.shape),
            *(model.expressions.biases.shape, model.expressions.lowest.shape, model.grain.strength.shape),
            *(texture.pixels.shape, texture.colours.shape[1:], texture.shapes.shape),
        )
        fitting = (
            *((size, size), (landmarks, 2), (landmarks, 2), (len(ANCHORS) * 3 + 1, k)),
            *((2, k), (k,), (size, size)),
            *((textures, *usual.pixels.shape[1:]), usual.colours.shape[1:], (len(usual.shapes), textures)),
        )
        if shapes != fitting or size % 32 or len(texture.colours) > textures:
            raise AvatarError(
                f"The bundle's lips don't fit together: {shapes}.", "Clone the presenter again."
            )
        return model
