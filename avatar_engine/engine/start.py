"""The backends by name, and which one suits a device."""

from __future__ import annotations

from avatar_engine.device import Device, usable_cores
from avatar_engine.engine.backend import Backend
from avatar_engine.engine.sessions import Sessions
from avatar_engine.errors import AvatarError

BACKENDS = ("auto", "onnx", "tensorrt", "torch")
"""What `backend` takes."""


def backend(device: Device, name: str = "auto", threads: int | None = None) -> Backend:
    """What paints on a device.

    Args:
        device: Where.
        name: One of `BACKENDS`; ``auto`` is ONNX Runtime on processors.
        threads: Pictures painted at the same time on processors; one a core that this process may use when None.

    Raises:
        AvatarError: The name is unknown.
    """
    if name not in BACKENDS:
        raise AvatarError(f"There is no backend {name!r}.", f"Known: {', '.join(BACKENDS)}.")
    lanes = threads or (usable_cores() if device.kind == "cpu" else 2)
    return Sessions(device, lanes, tensorrt=name == "tensorrt")
