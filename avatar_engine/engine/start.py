"""The backends by name, and which one suits a device."""

from __future__ import annotations

import onnxruntime as ort

from avatar_engine.device import TENSORRT, Device, torch_device, usable_cores
from avatar_engine.engine.backend import Backend
from avatar_engine.engine.sessions import Sessions
from avatar_engine.errors import AvatarError

BACKENDS = ("auto", "onnx", "tensorrt", "torch")
"""What `backend` takes."""


def backend(
    device: Device,
    name: str = "auto",
    threads: int | None = None,
    most: int | None = None,
    kind: str = "auto",
) -> Backend:
    """What paints on a device.

    Args:
        device: Where.
        name: One of `BACKENDS`; ``auto`` is PyTorch on a card that it can use, and ONNX Runtime elsewhere.
        threads: Pictures painted at the same time on processors; one a core that this process may use when None.
        most: Pictures in one batch of PyTorch's at most.
        kind: Type that PyTorch computes in: auto, fp16, bf16 or fp32.

    Raises:
        AvatarError: The name is unknown, or the device can't have this backend.
    """
    if name not in BACKENDS:
        raise AvatarError(f"There is no backend {name!r}.", f"Known: {', '.join(BACKENDS)}.")
    if name == "tensorrt" and (device.kind != "cuda" or TENSORRT not in ort.get_available_providers()):
        raise AvatarError(
            "ONNX Runtime has no TensorRT here.",
            "Install onnxruntime-gpu and TensorRT, or use --backend onnx.",
        )
    if name == "torch" or (name == "auto" and torch_device(device) == "cuda"):
        from avatar_engine.engine import torch_backend  # PyTorch is large: only where it paints

        return torch_backend.TorchBackend(device, most=most or torch_backend.MOST, kind=kind)
    lanes = threads or (usable_cores() if device.kind == "cpu" else 2)
    return Sessions(device, lanes, tensorrt=name == "tensorrt")
