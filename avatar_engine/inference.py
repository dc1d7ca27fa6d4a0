"""Networks of a show, in the arithmetic that the processor does fastest.

OpenVINO (Apache-2.0) computes convolutions in bf16 where the processor does so natively: with tiles (AMX), or with
AVX-512's dot products. ONNX Runtime's own kernels know float32 and eight bits only, so it stays for every other
processor, for cards, and for the fits, whose results must not depend on the machine.

OpenVINO's package asks for one that can report its use. It is kept out: OpenVINO has a stand-in for that case.
"""

from __future__ import annotations

import functools
import importlib
import io
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime

from avatar_engine.device import Device, onnx_session
from avatar_engine.errors import AvatarError

Feeds = Mapping[str, npt.NDArray[Any]]
"""What goes into a network, by name."""

_MAKING = threading.Lock()

SWITCH = "AVATAR_ENGINE_BF16"
"""Set to ``off``: everything is computed by ONNX Runtime, as on a processor without bf16."""


class Session(Protocol):
    """A network that is ready to run."""

    def run(self, outputs: Sequence[str] | None, feeds: Any) -> Any:
        """The outputs in the order of their names, all of them where None; valid until this thread's next call."""
        ...

    def get_providers(self) -> Sequence[str]:
        """What computes it, the most important first."""
        ...


def in_bf16(device: Device) -> bool:
    """Whether `ready` makes what computes in bf16 there."""
    return device.kind == "cpu" and device.bf16 and os.environ.get(SWITCH) != "off" and openvino() is not None


def computes(device: Device) -> str:
    """What computes the networks of `ready` there, for people."""
    if in_bf16(device):
        return f"OpenVINO {openvino().__version__.split('-')[0]}, bf16"
    return f"ONNX Runtime {onnxruntime.__version__}"


def ready(
    network: bytes, device: Device, threads: int, *, callers: int = 1, tensorrt: Path | None = None
) -> Session:
    """A network, ready to run one example at a time.

    Args:
        network: ONNX; its first axis is one example where it is free.
        device: Where it runs.
        threads: Threads within one call.
        callers: Threads that may call it at the same time.
        tensorrt: As for `avatar_engine.device.onnx_session`.

    Raises:
        AvatarError: The network can't be loaded.
    """
    if in_bf16(device):
        return _Bf16(network, threads, callers)
    session: Session = onnx_session(network, device, threads, tensorrt)
    return session


class _Bf16:
    """A network in OpenVINO. Sums, and what is neither convolution nor product, stay float32 where OpenVINO can."""

    def __init__(self, network: bytes, threads: int, callers: int) -> None:
        ov, core = openvino(), _core()
        try:
            model = core.read_model(io.BytesIO(network))
            model.reshape({port.any_name: _one(port.partial_shape, ov) for port in model.inputs})
            self._compiled = core.compile_model(
                model,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": "bf16",
                    "INFERENCE_NUM_THREADS": threads * callers,
                    "NUM_STREAMS": callers,
                    # several processes would all be pinned to the same cores
                    "ENABLE_CPU_PINNING": False,
                },
            )
        except Exception as error:  # OpenVINO's exceptions share no base class
            raise AvatarError(
                f"OpenVINO can't load a network of this bundle: {str(error)[-300:]}",
                f"Fetch or clone it again, or set {SWITCH}=off.",
            ) from error
        # an input that nothing hangs on is no longer there
        self._wanted = {name for port in self._compiled.inputs for name in port.names}
        self._names = [port.any_name for port in self._compiled.outputs]
        self._mine = threading.local()

    def run(self, outputs: Sequence[str] | None, feeds: Feeds) -> list[npt.NDArray[Any]]:
        """See `Session`."""
        request = getattr(self._mine, "request", None)
        if request is None:
            request = self._mine.request = self._compiled.create_infer_request()
        ready = {name: np.ascontiguousarray(value) for name, value in feeds.items() if name in self._wanted}
        request.infer(ready, share_inputs=True, share_outputs=True)
        return [request.get_tensor(name).data for name in outputs or self._names]

    def get_providers(self) -> Sequence[str]:
        """See `Session`."""
        return ["OpenVINO"]


def _one(shape: Any, ov: Any) -> Any:
    """A shape with one example where the first axis is free: fixed shapes are a quarter faster."""
    fixed = ov.PartialShape(shape)
    if len(fixed) and fixed[0].is_dynamic:
        fixed[0] = 1
    return fixed


def _core() -> Any:
    """OpenVINO's processor, the only one of this process and never given back.

    Each gives the thread that makes it a stack for signals and takes that away at its end. Of two that do not end in
    the order in which they were made one leaves a stack that is gone, and the next Ctrl-C is a segmentation fault.
    """
    with _MAKING:  # a cache alone lets two threads make one each
        return _made()


@functools.cache
def _made() -> Any:
    return openvino().Core()


@functools.cache
def openvino() -> Any:
    """OpenVINO's package, or None where it isn't there."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        return importlib.import_module("openvino")
    except ImportError:
        return None
