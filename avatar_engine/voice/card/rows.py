"""The decoder for many voices at once: the rows of a batch are sentences, or windows of sentences, of different people.

What lies behind a row's end is held at zero before every convolution that would see it, and instance normalisation
counts only what lies before it, so that a row sounds in company as it does alone. Weights and activations are of one
type (float16 on a card); statistics, phases of the harmonic source and the spectrum are always float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from avatar_engine.voice.card import person
from avatar_engine.voice.card.person import Part
from avatar_engine.voice.card.source import Source
from avatar_engine.voice.decoder import AdaIN, Block, Decoder, Residual
from avatar_engine.voice.network import SOURCE_PER_FEATURE

_HALF = 0.5**0.5
_POINTS, _HOP = 20, 5  # of the generator's spectrum
_BINS = _POINTS // 2 + 1
_LEAST_VARIANCE = 1e-5

Affine = tuple[Tensor, Tensor]
"""Factor and offset of one AdaIN for every row: (rows, channels, 1) each."""


class Rows:
    """The network up to sound, for batches of rows.

    Args:
        device: ``cpu`` or ``cuda``.
        dtype: Of weights and activations; float16 on a card when None, float32 on a processor.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype | None = None) -> None:
        self.device = device
        self.dtype = dtype or (torch.float16 if device.type == "cuda" else torch.float32)
        decoder = Decoder().eval().requires_grad_(False)
        self._names = {id(adain): name for name, adain in decoder.adains.items()}
        self._channels = {name: len(adain.bias) // 2 for name, adain in decoder.adains.items()}
        self._decoder = decoder.to(device, self.dtype)
        self._source = Source().to(device)
        self._back = _inverse(device)

    def width(self, part: Part) -> int:
        """How many numbers a person's row of ``part`` has."""
        return 2 * sum(self._channels[name] for name in person.names(part))

    @torch.inference_mode()
    def body(
        self, text: Tensor, pitch: Tensor, energy: Tensor, frames: Sequence[int], people: Tensor
    ) -> Tensor:
        """Features (rows, 512, 2 n) of sentences.

        Args:
            text: (rows, 512, n), text features at 40 per second, zero behind the end.
            pitch: (rows, 2 n), Hz at 80 per second, zero behind the end.
            energy: (rows, 2 n), zero behind the end.
            frames: How long each row is, of n.
            people: (rows, width), the body's rows of `person`.
        """
        decoder, affine = self._decoder, self._affine("body", people)
        short, long = (self._mask([rate * f for f in frames], rate * text.shape[2]) for rate in (1, 2))
        text = text.to(self.device, self.dtype)
        f0, loud = (
            layer(curve.to(self.device, self.dtype)[:, None])
            for layer, curve in ((decoder.pitch, pitch), (decoder.energy, energy))
        )
        x = self._block(decoder.encode, torch.cat([text, f0, loud], 1), affine, short, long)
        skip = decoder.skip(text)
        for block in decoder.decode:
            x = self._block(cast(Block, block), torch.cat([x, skip, f0, loud], 1), affine, short, long)
        return _held(x, long)

    def _block(
        self, block: Block, x: Tensor, affine: dict[str, Affine], short: Tensor | None, long: Tensor | None
    ) -> Tensor:
        after = long if block.doubles else short
        y = functional.leaky_relu(self._normal(block.norm1, x, affine, short), 0.2)
        y = block.conv1(_held(block.pool(y), after))  # the pool's bias reaches behind the end
        y = functional.leaky_relu(self._normal(block.norm2, y, affine, after), 0.2)
        y = block.conv2(y)
        if block.doubles:
            x = x.repeat_interleave(2, dim=2)
        return cast(Tensor, (y + block.shortcut(x)) * _HALF)

    def _normal(self, adain: AdaIN, x: Tensor, affine: dict[str, Affine], mask: Tensor | None) -> Tensor:
        """Adaptive instance normalisation over what ``mask`` shows."""
        factor, offset = affine[self._names[id(adain)]]
        wide = x.float()
        if mask is None:
            variance, mean = torch.var_mean(wide, 2, correction=0, keepdim=True)
        else:
            shown = mask.float()
            count = shown.sum(2, keepdim=True)
            mean = (wide * shown).sum(2, keepdim=True) / count
            variance = ((wide - mean).square() * shown).sum(2, keepdim=True) / count
        whole = factor * torch.rsqrt(variance + _LEAST_VARIANCE)
        return _held(torch.addcmul(offset - whole * mean, wide, whole).to(self.dtype), mask)

    @torch.inference_mode()
    def source(self, pitch: Tensor) -> Tensor:
        """Harmonic source float32 (1, 22, 60 n + 1) of a sentence's pitch (1, n) at 80 per second."""
        return cast(Tensor, self._source(pitch.to(self.device)))

    @torch.inference_mode()
    def sound(self, features: Tensor, source: Tensor, columns: Sequence[int], people: Tensor) -> Tensor:
        """Sound float32 (rows, 300 n) of windows.

        Args:
            features: (rows, 512, n), zero behind the end.
            source: (rows, 22, 60 n + 1), zero behind the end.
            columns: How long each row is, of n; what is behind it in the sound means nothing.
            people: (rows, width), the generator's rows of `person`.
        """
        decoder, affine = self._decoder, self._affine("generator", people)
        longest = features.shape[2]
        masks = [
            self._mask([rate * c + more for c in columns], rate * longest + more)
            for rate, more in ((1, 0), (10, 0), (SOURCE_PER_FEATURE, 1))
        ]
        x, source = features.to(self.device, self.dtype), source.to(self.device, self.dtype)
        for i in range(2):
            x = decoder.up[i](_held(functional.leaky_relu(x, 0.1), masks[i]))
            if i == 1:
                x = functional.pad(x, (1, 0), "reflect")
            mask = masks[i + 1]
            x = x + self._residual(
                cast(Residual, decoder.source_residual[i]), decoder.source[i](source), affine, mask
            )
            parts = [
                self._residual(cast(Residual, decoder.residual[3 * i + j]), x, affine, mask) for j in range(3)
            ]
            x = (parts[0] + parts[1] + parts[2]) / 3
        return self._heard(decoder.last(_held(functional.leaky_relu(x, 0.01), masks[2])), masks[2])

    def _residual(self, block: Residual, x: Tensor, affine: dict[str, Affine], mask: Tensor | None) -> Tensor:
        for i in range(3):
            y = self._bent(block.first[i], x, affine, block.alphas[2 * i], mask)
            y = self._bent(block.second[i], block.wide[i](y), affine, block.alphas[2 * i + 1], mask)
            x = x + block.narrow[i](y)
        return x

    def _bent(
        self, adain: torch.nn.Module, x: Tensor, affine: dict[str, Affine], alpha: Tensor, mask: Tensor | None
    ) -> Tensor:
        """A frozen normalisation and a Snake: x + sin²(ax) / a, which leaves zeros zero."""
        factor, offset = affine[self._names[id(adain)]]
        x = torch.addcmul(offset, x, factor)
        if mask is not None:
            x.mul_(mask)
        wave = (x * alpha).sin_()
        return x.addcdiv_(wave.square_(), alpha)

    def _heard(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """The sound of log magnitudes and phases: overlapping windows, added and not weighed."""
        x = x.float()
        size, angle = torch.exp(x[:, :_BINS]), torch.sin(x[:, _BINS:])
        spectrum = torch.cat([size * torch.cos(angle), size * torch.sin(angle)], 1)
        if mask is not None:
            spectrum = spectrum * mask.float()
        sound = functional.conv_transpose1d(spectrum, self._back, stride=_HOP)[:, 0]
        return sound[:, _POINTS // 2 : _POINTS // 2 + (x.shape[2] - 1) * _HOP]

    def _affine(self, part: Part, people: Tensor) -> dict[str, Affine]:
        dtype = self.dtype if part == "generator" else torch.float32
        people = people.to(self.device, dtype)[:, :, None]
        return dict(self._cut(part, people))

    def _cut(self, part: Part, people: Tensor) -> Iterator[tuple[str, Affine]]:
        at = 0
        for name in person.names(part):
            width = self._channels[name]
            yield name, (people[:, at : at + width], people[:, at + width : at + 2 * width])
            at += 2 * width

    def _mask(self, lengths: Sequence[int], longest: int) -> Tensor | None:
        """(rows, 1, longest), 1 where a row is; None where all are as long."""
        if all(length == longest for length in lengths):
            return None
        ends = torch.tensor(lengths).to(self.device)
        return (torch.arange(longest, device=self.device) < ends[:, None])[:, None].to(self.dtype)


def _held(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * mask


def _inverse(device: torch.device) -> Tensor:
    """(22, 1, 20): real and imaginary parts of a spectrum to a Hann window's samples."""
    real = torch.fft.irfft(torch.eye(_BINS, dtype=torch.complex64), _POINTS)
    imaginary = torch.fft.irfft(1j * torch.eye(_BINS, dtype=torch.complex64), _POINTS)
    return (torch.cat([real, imaginary]) * torch.hann_window(_POINTS))[:, None].to(device)
