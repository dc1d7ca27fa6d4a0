"""What this machine can do, found out by doing it: encoders are opened, ports bound, a word is phonemised.

`probe` gathers findings; each is ``ok``, ``warning`` (the engine works, with something less) or ``missing``
(a part of the main job can't work), with advice where there is something to do.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import json
import os
import platform
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from avatar_engine import __version__, device, inference, models
from avatar_engine.bundle import cache_folder
from avatar_engine.errors import AvatarError
from avatar_engine.folders import state_folder

if TYPE_CHECKING:
    from rich.console import RenderableType

State = Literal["ok", "warning", "missing"]

GIB = 1 << 30
PORTS = {1935: "RTMP", 8080: "preview"}
"""Loopback ports that a receiver on this machine wants, and what for."""

OLDEST_DRIVER = 580
"""NVIDIA's first for CUDA 13, which PyTorch 2.13 and ONNX Runtime 1.31 are built for."""

MIB = 1 << 20

LEAST_SHARED = 96 * MIB
"""The pictures of one show at 1080p that wait to be sent."""

LEAST_MEMORY = 4 * GIB
"""A clone's peak."""

LEAST_DISK = 3 * GIB
"""Weights, unpacked bundles and one clone's working folder."""

FEATURE_NAMES = {
    "amx_bf16": "AMX bf16",
    "amx_int8": "AMX int8",
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_bf16": "AVX-512 BF16",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX VNNI",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        topic: The group that it belongs to, such as ``encoders``.
        name: What was looked at.
        state: ``ok``, ``warning`` or ``missing``.
        value: What was found, in a few words.
        advice: What to do about it; empty where there is nothing to do.
    """

    topic: str
    name: str
    state: State
    value: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found, in the order in which it is shown."""

    findings: tuple[Finding, ...]

    @property
    def state(self) -> State:
        """The worst state of all findings."""
        states = {finding.state for finding in self.findings}
        return "missing" if "missing" in states else "warning" if "warning" in states else "ok"


def probe() -> Report:
    """Look at this machine. Nothing is changed and nothing outside it is spoken to."""
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        machine,
        container,
        graphics,
        encoders,
        weights,
        phonemiser,
        ports,
        disk,
        libraries,
    )
    return Report(tuple(finding for look in looks for finding in look()))


def machine() -> Iterator[Finding]:
    """Cores, idle cores, processor features and memory."""
    found = device.probe()
    cores, idle = found["cores"], found["threads_free"]
    yield Finding("machine", "system", "ok", f"{platform.system()} {platform.machine()}, {found['cpu']}")
    yield (
        Finding("machine", "cores", "ok", f"{cores} usable, {idle} idle now")
        if cores >= 2
        else Finding(
            "machine", "cores", "warning", "1 usable", "A live show wants two cores: voice beside picture."
        )
    )
    features = found["features"]
    if features is None:
        yield Finding(
            "machine", "processor features", "warning", "unknown on this system", "Speed is not known."
        )
    else:
        named = [label for flag, label in FEATURE_NAMES.items() if flag in features]
        fast = "avx2" in features or platform.machine().lower() in ("aarch64", "arm64")
        slow = "" if fast else "Without AVX2 a live show is unlikely to keep up: use a newer processor."
        value = ", ".join(named) or "none of those that matter"
        yield Finding("machine", "processor features", "ok" if fast else "warning", value, slow)
        yield _networks(bool({"amx_bf16", "avx512_bf16"} & set(features)))
    total, free = found["memory_bytes"], found["memory_free_bytes"]
    value = f"{free / GIB:.1f} of {total / GIB:.1f} GiB free"
    if total < LEAST_MEMORY:
        yield Finding(
            "machine", "memory", "missing", value, "A clone takes up to 4 GiB: use a larger machine."
        )
    elif free < LEAST_MEMORY:
        yield Finding(
            "machine", "memory", "warning", value, "A clone takes up to 4 GiB: close other programs."
        )
    else:
        yield Finding("machine", "memory", "ok", value)


def _networks(native: bool) -> Finding:
    """In what a show's networks are computed on the processor."""
    if not native:
        return Finding("machine", "networks", "ok", "ONNX Runtime (this processor has no bf16)")
    if os.environ.get(inference.SWITCH) == "off":
        return Finding("machine", "networks", "ok", f"ONNX Runtime ({inference.SWITCH}=off)")
    if inference.openvino() is not None:
        return Finding("machine", "networks", "ok", "OpenVINO, in bf16")
    advice = "Install openvino: voice and lips take half to two thirds of the time with it."
    return Finding("machine", "networks", "warning", "ONNX Runtime, though this processor has bf16", advice)


def container() -> Iterator[Finding]:
    """What a container may have been given too little of: shared memory, the card, a folder that keeps."""
    free = shared_memory()
    if free is not None:
        value = f"{free / MIB:.0f} MiB free in /dev/shm"
        short = free < LEAST_SHARED
        advice = "A show keeps its pictures there: docker run --shm-size=1g, or shm_size: 1g in compose.yaml."
        yield Finding(
            "container", "shared memory", "missing" if short else "ok", value, advice if short else ""
        )
    if not in_container():
        return
    yield _granted_card()
    state = state_folder()
    there = next(parent for parent in (state, *state.parents) if parent.exists())
    if not os.access(there, os.W_OK):
        advice = "Mount a volume there that this user may write (compose.yaml names one), or set AVATAR_ENGINE_HOME."
        yield Finding("container", "state", "missing", f"{there} can't be written", advice)
    elif not any(parent.is_mount() for parent in (state, *list(state.parents)[:-1])):
        advice = "Shows, keys and places are lost with the container: mount a volume there."
        yield Finding("container", "state", "warning", f"{state} is in no volume", advice)
    else:
        yield Finding("container", "state", "ok", f"{state} is in a volume")


def shared_memory() -> int | None:
    """Bytes free in /dev/shm; None where there is none."""
    try:
        return shutil.disk_usage("/dev/shm").free  # noqa: S108 - where the ring's memory is
    except OSError:
        return None


def in_container() -> bool:
    """Whether this is a container, as Docker and Podman mark one."""
    return any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv"))


def _granted_card() -> Finding:
    """Whether the container was given the card that its image is made for."""
    built = "CUDAExecutionProvider" in _providers()
    if device.cards() or not built:
        return Finding("container", "card", "ok", "given" if device.cards() else "not wanted by this image")
    if shutil.which("nvidia-smi") is None:
        advice = (
            "docker run --gpus all (compose.yaml: the profile cuda), with NVIDIA's container toolkit on the machine; "
            "without a card take the image for the processor."
        )
        return Finding("container", "card", "warning", "this image is for CUDA and was given no card", advice)
    advice = "See nvidia-smi in the container and on the machine: its driver may have been changed under way."
    return Finding("container", "card", "warning", "a driver is here and shows no card", advice)


def _providers() -> list[str]:
    import onnxruntime as ort

    return list(ort.get_available_providers())


def nvenc_advice() -> str:
    """Why NVENC can't be opened although there is a card."""
    granted = os.environ.get("NVIDIA_DRIVER_CAPABILITIES", "")
    if in_container() and granted and not {"video", "all"} & set(granted.split(",")):
        wanted = "NVIDIA_DRIVER_CAPABILITIES=compute,utility,video"
        return f"The container was granted '{granted}' without 'video': set {wanted}."
    if ctypes.util.find_library("nvidia-encode") is None and not _loads("libnvidia-encode.so.1"):
        return (
            "The driver's libnvidia-encode.so.1 is not here: grant the container the capability 'video', or install "
            "the driver whole. Some cards (A100, H100) have no encoder at all."
        )
    return "The card may have no encoder (A100 and H100 have none), or all of its sessions are taken."


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def graphics() -> Iterator[Finding]:
    """The NVIDIA card, and whether PyTorch and ONNX Runtime can use it."""
    import onnxruntime as ort

    cards = device.cards()
    for card in cards:
        value = f"{card.name}, {card.memory_mib / 1024:.0f} GiB, driver {card.driver}"
        old = _number(card.driver) < OLDEST_DRIVER
        advice = f"CUDA 13 wants a driver from {OLDEST_DRIVER} on: renew the machine's (not the container's)."
        yield Finding("graphics", "card", "warning" if old else "ok", value, advice if old else "")
    if not cards:
        yield Finding("graphics", "card", "ok", "no NVIDIA card; the processor does the work")
    elif device.torch_cuda():
        yield Finding("graphics", "PyTorch", "ok", "uses CUDA")
    else:
        advice = "Install the CUDA build of torch to fit on the card."
        yield Finding("graphics", "PyTorch", "warning", "has no CUDA here", advice)
    providers = [name.removesuffix("ExecutionProvider") for name in ort.get_available_providers()]
    built = ", ".join(name for name in providers if name in ("CUDA", "CPU"))
    if not cards or device.onnx_cuda():
        yield Finding("graphics", "ONNX Runtime", "ok", built)
    elif "CUDA" in providers:
        advice = "Install the libraries that it wants: pip install 'onnxruntime-gpu[cuda,cudnn]'"
        yield Finding("graphics", "ONNX Runtime", "warning", f"{built}; CUDA can't be started", advice)
    else:
        advice = "Install onnxruntime-gpu[cuda,cudnn] in place of onnxruntime to render on the card."
        yield Finding("graphics", "ONNX Runtime", "warning", built, advice)


def _number(version: str) -> int:
    """The first number of a version; 0 where there is none."""
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0


def encoders() -> Iterator[Finding]:
    """Each encoder, really opened."""
    for name, what in (("libx264", "H.264 on the processor"), ("aac", "sound")):
        fault = encoder_fault(name)
        advice = "Install av again from its own wheel: pip install --force-reinstall av" if fault else ""
        yield Finding("encoders", name, "missing" if fault else "ok", fault or what, advice)
    fault = encoder_fault("h264_nvenc")
    if not fault:
        yield Finding("encoders", "h264_nvenc", "ok", "H.264 on the card")
    elif device.cards():
        yield Finding("encoders", "h264_nvenc", "warning", fault, nvenc_advice())
    else:
        yield Finding("encoders", "h264_nvenc", "ok", "not here (no card); libx264 is used")


def encoder_fault(name: str) -> str:
    """Why the encoder ``name`` can't be opened here, or an empty string where it can."""
    import av

    try:
        codec = av.CodecContext.create(name, "w")
        if isinstance(codec, av.VideoCodecContext):
            codec.width, codec.height, codec.pix_fmt, codec.framerate = 640, 360, "yuv420p", 25  # type: ignore[assignment]
        else:
            codec.sample_rate, codec.layout, codec.format = 48_000, "stereo", "fltp"  # type: ignore[attr-defined]
        codec.open()
    except (av.FFmpegError, ValueError, OSError) as error:
        return f"can't be opened: {str(error)[:120]}"
    return ""


def weights() -> Iterator[Finding]:
    """Each weight: whether it is here, and whether its licence allows commercial use."""
    for name, weight in models.manifest().items():
        licence = weight.licence if weight.commercial else f"{weight.licence}, not for commercial use"
        value = f"{weight.purpose}; {models.size(name) / 1e6:.1f} MB, {licence}"
        if not models.is_present(name):
            fetch = f"Run: avatar-engine models fetch {name}"
            advice = fetch if weight.fetched else "Install avatar-engine again."
            yield Finding("weights", name, "missing", value, advice)
        else:
            yield Finding("weights", name, "ok" if weight.commercial else "warning", value)


def phonemiser() -> Iterator[Finding]:
    """espeak-ng in its own process, asked for one word."""
    from avatar_engine.voice.espeak_process import Espeak

    espeak = Espeak()
    try:
        spoken = "".join(ipa for ipa, _ in espeak.clauses("hello", "en-us"))
    except AvatarError as error:
        yield Finding("phonemiser", "espeak-ng", "missing", error.what, error.advice)
    else:
        yield Finding("phonemiser", "espeak-ng", "ok", f"says 'hello' as {spoken}")
    finally:
        espeak.close()


def ports() -> Iterator[Finding]:
    """Whether a receiver could listen on the usual loopback ports."""
    for port, purpose in PORTS.items():
        fault = port_fault(port)
        if fault:
            advice = (
                f"Only needed to receive {purpose} on this machine: end what holds it, or use another port."
            )
            yield Finding("ports", f"{port} ({purpose})", "warning", fault, advice)
        else:
            yield Finding("ports", f"{port} ({purpose})", "ok", "free")


def port_fault(port: int) -> str:
    """Why nothing can listen on loopback ``port``, or an empty string where something could."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # as servers do: a connection that has just ended does not hold the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(1)
        except OSError as error:
            return "taken by another program" if error.errno == errno.EADDRINUSE else str(error.strerror)
    return ""


def disk() -> Iterator[Finding]:
    """Room for weights and unpacked bundles, and whether the cache may be written."""
    for name, folder in (("weights", models.folder("x").parent), ("bundles' parts", cache_folder())):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free
        value = f"{free / GIB:.1f} GiB free in {folder}"
        if not os.access(there, os.W_OK):
            advice = "Give yourself the right to it, or set AVATAR_ENGINE_MODELS or AVATAR_ENGINE_HOME."
            yield Finding("disk", name, "warning", f"{there} can't be written", advice)
        elif free < LEAST_DISK:
            yield Finding("disk", name, "warning", value, f"Make room: {LEAST_DISK // GIB} GiB are wanted.")
        else:
            yield Finding("disk", name, "ok", value)


def libraries() -> Iterator[Finding]:
    """Every library that the engine names, with its version."""
    yield Finding("libraries", "avatar-engine", "ok", f"{__version__}, Python {platform.python_version()}")
    try:
        needed = metadata.requires("avatar-engine") or []
    except metadata.PackageNotFoundError:
        yield Finding(
            "libraries", "avatar-engine", "warning", "not installed", "Run: pip install --editable ."
        )
        return
    for line in needed:
        match = re.match(r"[A-Za-z0-9._-]+", line)
        if match is None or "extra ==" in line:
            continue
        pinned = re.search(r"==\s*([\w.]+)", line)
        yield _library(match[0], pinned[1] if pinned else "")


def _library(name: str, pinned: str) -> Finding:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        gpu = {"onnxruntime": "onnxruntime-gpu"}.get(name)
        if gpu is not None:
            return _library(gpu, pinned)
        return Finding("libraries", name, "missing", "not installed", f"Run: pip install {name}")
    if pinned and version != pinned:
        return Finding("libraries", name, "warning", version, f"Run: pip install {name}=={pinned}")
    return Finding("libraries", name, "ok", version)


def to_json(report: Report) -> str:
    """The report as JSON: the worst state, and every finding."""
    table: dict[str, Any] = {
        "state": report.state,
        "findings": [asdict(finding) for finding in report.findings],
    }
    return json.dumps(table)


def render(report: Report) -> RenderableType:
    """The report as a Rich table, what is fine in the libraries in one line."""
    from rich.table import Table
    from rich.text import Text

    marks = {
        "ok": Text("ok", "green"),
        "warning": Text("warning", "yellow"),
        "missing": Text("missing", "bold red"),
    }
    table = Table(title=_headline(report), title_justify="left", box=None, pad_edge=False)
    for column in ("", "", "", ""):
        table.add_column(column, overflow="fold")
    topic = ""
    for finding in _folded(report.findings):
        label = "" if finding.topic == topic else finding.topic
        topic = finding.topic
        told = Text(finding.value)
        if finding.advice:
            told.append(f"\n{finding.advice}", style="yellow")
        table.add_row(Text(label, "bold"), marks[finding.state], Text(finding.name), told)
    return table


def _headline(report: Report) -> str:
    return {
        "ok": "This machine can clone and go live.",
        "warning": "This machine can clone and go live; mind the warnings.",
        "missing": "Something is missing: follow the advice below.",
    }[report.state]


def _folded(findings: tuple[Finding, ...]) -> Iterator[Finding]:
    fine = [finding for finding in findings if finding.topic == "libraries" and finding.state == "ok"]
    yield from (finding for finding in findings if finding not in fine)
    if fine:
        listed = ", ".join(f"{finding.name} {finding.value}" for finding in fine)
        yield Finding("libraries", f"{len(fine)} here", "ok", listed)
