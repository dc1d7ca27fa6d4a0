"""A voice as data: the style, and for a fitted one the gains and shifts of its own decoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from safetensors.numpy import load, load_file, save

from avatar_engine import models
from avatar_engine.contracts import FloatArray
from avatar_engine.errors import AvatarError

TENSORS = "voice/voice.safetensors"
ABOUT = "voice/voice.json"
_STOCK = "kokoro-styles.safetensors"

DEFAULT = {
    "en": "af_heart",
    "en-gb": "bf_emma",
    "fr": "ff_siwis",
    "es": "ef_dora",
    "it": "if_sara",
    "pt": "pf_dora",
    "hi": "hf_alpha",
    "zh": "zf_xiaobei",
    "ja": "jm_kumo",
}
"""The stock voice of every language."""


class PartWriter(Protocol):
    """What a pack needs of the bundle's writer."""

    def add_tensors(self, part: str, tensors: dict[str, Any], /) -> None: ...
    def add_json(self, part: str, obj: Any, /) -> None: ...


class PartReader(Protocol):
    """What a pack needs of a bundle."""

    def tensors(self, part: str, /) -> dict[str, Any]: ...
    def json(self, part: str, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class VoicePack:
    """One person's voice for the Kokoro network.

    Attributes:
        style: float32 (256,): decoder half, then prosody half.
        folded: Gain and shift of every AdaIN of the decoder, float32 (2 * channels,); empty for a stock voice.
        statistics: Mean and deviation of every normalisation of the generator, float32 (2, channels).
        base: Name of the stock voice that it is or was fitted from.
        language: BCP 47 tag that it speaks best.
        meta: How it was made; figures worth keeping.
    """

    style: FloatArray
    folded: Mapping[str, FloatArray]
    statistics: Mapping[str, FloatArray]
    base: str
    language: str
    meta: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def stock(cls, name: str) -> VoicePack:
        """The stock voice ``name``, such as ``af_heart``.

        Raises:
            AvatarError: There is no such voice; the known ones are listed.
        """
        known = stock_names()
        if name not in known:
            raise AvatarError(f"There is no stock voice {name!r}.", f"Voices: {', '.join(known)}.")
        rows = _stock()
        mine = f"{name}/statistics/"
        statistics = {
            key.removeprefix(mine): np.asarray(value, np.float32)
            for key, value in rows.items()
            if key.startswith(mine)
        }
        language = {"a": "en", "b": "en-gb", "e": "es", "f": "fr", "i": "it", "p": "pt", "h": "hi", "j": "ja",
                    "z": "zh"}[name[0]]  # fmt: skip
        return cls(np.asarray(rows[f"{name}/style"], np.float32), {}, statistics, name, language, {})

    @classmethod
    def default(cls, language: str) -> VoicePack:
        """The stock voice that speaks ``language`` best."""
        return cls.stock(DEFAULT.get(language, DEFAULT.get(language.split("-")[0], "af_heart")))

    def _tensors(self) -> dict[str, FloatArray]:
        out = {"style": np.ascontiguousarray(self.style, np.float32)}
        out |= {
            f"folded/{name}": np.ascontiguousarray(value, np.float32) for name, value in self.folded.items()
        }
        out |= {
            f"statistics/{name}": np.ascontiguousarray(value, np.float32)
            for name, value in self.statistics.items()
        }
        return out

    def _about(self) -> dict[str, Any]:
        return {"network": "kokoro", "base": self.base, "language": self.language, "meta": dict(self.meta)}

    @classmethod
    def _build(cls, tensors: Mapping[str, Any], about: Mapping[str, Any]) -> VoicePack:
        if about.get("network") != "kokoro":
            raise AvatarError(
                f"The voice is for the network {about.get('network')!r}; this engine has 'kokoro'.",
                "Install the engine's newest version, or clone again.",
            )
        style = tensors.get("style")
        if style is None or np.shape(style) != (256,) or not np.all(np.isfinite(style)):
            raise AvatarError("The voice's style is not 256 finite numbers.", "Clone again.")

        def under(prefix: str) -> dict[str, FloatArray]:
            return {
                name.removeprefix(prefix): np.asarray(value, np.float32)
                for name, value in tensors.items()
                if name.startswith(prefix)
            }

        return cls(
            np.asarray(style, np.float32), under("folded/"), under("statistics/"),
            str(about.get("base", "")), str(about.get("language", "en")), dict(about.get("meta", {})),
        )  # fmt: skip

    def save(self, writer: PartWriter) -> None:
        """Write the voice's two parts into a bundle."""
        writer.add_tensors(TENSORS, self._tensors())
        writer.add_json(ABOUT, self._about())

    @classmethod
    def load(cls, bundle: PartReader) -> VoicePack:
        """The voice of a bundle.

        Raises:
            AvatarError: It is damaged or for another network.
        """
        return cls._build(bundle.tensors(TENSORS), bundle.json(ABOUT))

    def to_file(self, path: Path) -> None:
        """Write the voice to one safetensors file, so that another process can load it."""
        import json

        fresh = path.with_name(path.name + ".fresh")
        fresh.write_bytes(save(self._tensors(), {"about": json.dumps(self._about())}))
        fresh.replace(path)

    @classmethod
    def from_file(cls, path: Path) -> VoicePack:
        """The voice that `to_file` wrote.

        Raises:
            AvatarError: The file is missing or damaged.
        """
        import json

        try:
            data = path.read_bytes()
            size = int.from_bytes(data[:8], "little")
            about = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["about"])
            return cls._build(load(data), about)
        except (OSError, ValueError, KeyError, RuntimeError) as problem:
            raise AvatarError(f"The voice {path} can't be read: {problem}", "Clone again.") from None
        except Exception as problem:
            if type(problem).__module__.startswith("safetensors"):
                raise AvatarError(f"The voice {path} is damaged: {problem}", "Clone again.") from None
            raise


@cache
def _stock() -> dict[str, Any]:
    return dict(load_file(str(models.shipped(_STOCK))))


@cache
def stock_names() -> tuple[str, ...]:
    """The stock voices that ship with the engine: first letter language, second f or m."""
    return tuple(sorted(name.removesuffix("/style") for name in _stock() if name.endswith("/style")))


@dataclass(frozen=True, slots=True)
class StockFit:
    """What helps to choose a stock voice: its speaker vector (256,), mean and spread of its log pitch."""

    speaker: FloatArray
    pitch: tuple[float, float]


@cache
def stock_fit() -> dict[str, StockFit]:
    """The stock voices as the speaker encoder hears them; those never heard can't start a fit."""
    rows = _stock()
    return {
        name: StockFit(
            np.asarray(rows[f"{name}/speaker"], np.float32),
            (float(rows[f"{name}/pitch"][0]), float(rows[f"{name}/pitch"][1])),
        )
        for name in stock_names()
        if f"{name}/speaker" in rows
    }
