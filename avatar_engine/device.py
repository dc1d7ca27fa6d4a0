"""What this machine computes on, and the one place where ONNX Runtime sessions are made.

Cores are those that this process may use (affinity and container quota), not those that the machine has.
Threads are the cores that are idle now: two threads of one network on a busy machine wait for each other and
run many times slower than one (measured), so the count is taken from the load when the device is chosen.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import onnxruntime as ort
import psutil

from avatar_engine.errors import AvatarError

NAMES = ("auto", "cpu", "cuda")
"""What `choose` takes."""

CPU_FEATURES = (
    "amx_tile",
    "amx_bf16",
    "amx_int8",
    "avx2",
    "avx512f",
    "avx512_bf16",
    "avx512_vnni",
    "avx_vnni",
)
"""Processor flags that decide which arithmetic is fast, as Linux names them."""


@dataclass(frozen=True, slots=True)
class Device:
    """What to compute on.

    Attributes:
        kind: ``cpu`` or ``cuda``.
        name: The processor's or the card's name.
        cores: Processor cores that this process may use.
        bf16: Whether bf16 arithmetic is native (AMX, AVX-512 BF16, or a card from Ampere on).
        amx: Whether the processor has AMX tiles for bf16.
        threads: Threads worth giving to one network now: the idle cores, at least 1.
    """

    kind: Literal["cpu", "cuda"]
    name: str
    cores: int
    bf16: bool
    amx: bool
    threads: int


@dataclass(frozen=True, slots=True)
class Card:
    """An NVIDIA graphics card: name, memory in MiB, driver, compute capability such as (9, 0)."""

    name: str
    memory_mib: int
    driver: str
    capability: tuple[int, int]


def choose(name: str = "auto") -> Device:
    """The device called ``name``; ``auto`` takes CUDA where a card and a CUDA build are there, else the CPU.

    Raises:
        AvatarError: The name is unknown, or CUDA was asked for and can't be used.
    """
    if name not in NAMES:
        raise AvatarError(f"There is no device {name!r}.", f"Known devices: {', '.join(NAMES)}.")
    reason = cuda_fault() if name != "cpu" else "not asked for"
    if name == "cuda" and reason:
        raise AvatarError(f"CUDA can't be used: {reason}.", "Use --device cpu, or see: avatar-engine doctor")
    features, cores = cpu_features() or frozenset(), usable_cores()
    amx, threads = "amx_bf16" in features, free_threads()
    if not reason:
        card = cards()[0]
        return Device("cuda", card.name, cores, card.capability >= (8, 0), amx, threads)
    return Device("cpu", cpu_name(), cores, amx or "avx512_bf16" in features, amx, threads)


def cuda_fault() -> str:
    """Why CUDA can't be used here, or an empty string where it can."""
    if not cards():
        return "no NVIDIA card was found"
    if not onnx_cuda() and not torch_cuda():
        return "neither PyTorch nor ONNX Runtime can use the card"
    return ""


@functools.cache
def onnx_cuda() -> bool:
    """Whether ONNX Runtime can use the card: a session is really made, as a build lists CUDA without its libraries."""
    if not cards() or "CUDAExecutionProvider" not in ort.get_available_providers():
        return False
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    # the CUDA libraries that PyTorch or pip brought are not on the loader's path
    ort.preload_dlls()
    session = ort.InferenceSession(
        model.SerializeToString(), providers=["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    return "CUDAExecutionProvider" in session.get_providers()


@functools.cache
def torch_cuda() -> bool:
    """Whether PyTorch can use the card; it is imported only where there is one."""
    if not cards() or importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


@functools.cache
def can_compile() -> bool:
    """Whether PyTorch can compile for the card: its compiler wants a C compiler and Python's headers where it runs."""
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return bool(shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")) and header.exists()


def torch_device(device: Device) -> Literal["cpu", "cuda"]:
    """The device for PyTorch: ``cuda`` only where PyTorch itself was built for it."""
    return "cuda" if device.kind == "cuda" and torch_cuda() else "cpu"


TENSORRT = "TensorrtExecutionProvider"


def onnx_providers(device: Device, tensorrt: Path | None = None) -> list[str | tuple[str, dict[str, str]]]:
    """ONNX Runtime's execution providers for ``device``, the fastest first; the CPU is always last.

    With ``tensorrt``, a folder, that one is asked first, where the build has it; it takes what it can and leaves CUDA
    the rest. There it keeps how fast the card's kernels were, which is most of the time that it takes to build. What it
    built is not kept: ONNX Runtime finds it by the names in a network and not by its weights, so that one person would
    be painted with another one's face, and it would be a copy of those weights of which no erasure knows.
    """
    providers: list[str | tuple[str, dict[str, str]]] = ["CPUExecutionProvider"]
    if device.kind == "cuda" and onnx_cuda():
        # the default search tries every algorithm again for each new sound length
        providers.insert(0, ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC"}))
        if tensorrt is not None and TENSORRT in ort.get_available_providers():
            kept = {"trt_timing_cache_enable": "1", "trt_timing_cache_path": str(tensorrt)}
            providers.insert(0, (TENSORRT, {"trt_fp16_enable": "1", **kept}))
    return providers


def onnx_session(
    model: Path | str | bytes, device: Device, threads: int | None = None, tensorrt: Path | None = None
) -> ort.InferenceSession:
    """An ONNX Runtime session that leaves the rest of the machine alone: no spinning threads.

    Args:
        model: The network, as a file or its bytes (bytes for a bundle's part: they can name no other file).
        device: Where it runs.
        threads: Threads within one operation; ``device.threads`` when None.
        tensorrt: Where TensorRT, which is asked first then, keeps its timings, see `onnx_providers`.

    Raises:
        AvatarError: The network can't be loaded.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or device.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    source: Any = model if isinstance(model, bytes) else str(model)
    try:
        return ort.InferenceSession(source, options, providers=onnx_providers(device, tensorrt))
    except Exception as error:  # ONNX Runtime's own exceptions share no base class
        label = "a network of this bundle" if isinstance(model, bytes) else str(model)
        raise AvatarError(
            f"ONNX Runtime can't load {label}: {str(error)[:300]}",
            "Fetch or clone it again, or use --device cpu.",
        ) from error


def usable_cores() -> int:
    """Cores that this process may use: its affinity, cut by the container's quota (at least 1)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota()
    return max(1, min(cores, math.ceil(quota)) if quota else cores)


def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Cores that the container's quota grants (cgroup version 2, then 1), or None where there is none."""
    try:
        limit, _, period = (root / "cpu.max").read_text(encoding="ascii").strip().partition(" ")
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        pass
    try:
        quota = int((root / "cpu/cpu.cfs_quota_us").read_text(encoding="ascii"))
        period_us = int((root / "cpu/cpu.cfs_period_us").read_text(encoding="ascii"))
        return quota / period_us if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None


def free_threads(seconds: float = 0.2) -> int:
    """Usable cores that are idle, watched for ``seconds``, from 1; ``AVATAR_ENGINE_THREADS`` overrides."""
    cores = usable_cores()
    if asked := os.environ.get("AVATAR_ENGINE_THREADS"):
        if not asked.isdecimal() or int(asked) < 1:
            raise AvatarError(
                f"AVATAR_ENGINE_THREADS is {asked!r}.", "Set it to a number from 1, or unset it."
            )
        return int(asked)
    busy = psutil.cpu_percent(interval=seconds, percpu=True)
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(len(busy)))
    idle = sum(1.0 - busy[core] / 100 for core in mine if core < len(busy))
    return max(1, min(cores, round(idle)))


@functools.cache
def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str] | None:
    """Which of `CPU_FEATURES` the processor has, or None where the system does not say (not Linux)."""
    flags = _cpuinfo_field(cpuinfo, "flags")
    return None if flags is None else frozenset(flags.split()) & frozenset(CPU_FEATURES)


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name as the system tells it."""
    return _cpuinfo_field(cpuinfo, "model name") or platform.processor() or platform.machine() or sys.platform


def _cpuinfo_field(cpuinfo: Path, field: str) -> str | None:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next(
        (line.partition(":")[2].strip() for line in lines if line.split(":")[0].strip() == field), None
    )


@functools.cache
def cards() -> tuple[Card, ...]:
    """NVIDIA cards that the driver shows, in its order; none where there is no driver."""
    fields = "name,memory.total,driver_version,compute_cap"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return parse_cards(answer.stdout) if answer.returncode == 0 else ()


def parse_cards(table: str) -> tuple[Card, ...]:
    """Cards from ``nvidia-smi``'s comma-separated lines; a line that does not read is left out."""
    found = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        try:
            name, memory, driver, capability = cells
            major, _, minor = capability.partition(".")
            found.append(Card(name, int(memory), driver, (int(major), int(minor or 0))))
        except ValueError:
            continue
    return tuple(found)


def probe() -> dict[str, Any]:
    """What `avatar-engine doctor` says of this machine's processors, as JSON."""
    features = cpu_features()
    return {
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "cores_of_machine": os.cpu_count(),
        "threads_free": free_threads(),
        "features": None if features is None else sorted(features),
        "memory_bytes": psutil.virtual_memory().total,
        "memory_free_bytes": psutil.virtual_memory().available,
        "cards": [
            {
                "name": card.name,
                "memory_mib": card.memory_mib,
                "driver": card.driver,
                "capability": card.capability,
            }
            for card in cards()
        ],
        "onnx_providers": list(ort.get_available_providers()),
        "cuda_fault": cuda_fault(),
    }
