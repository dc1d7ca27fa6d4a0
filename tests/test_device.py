"""The device: what the system says, read right; what is asked for, or a refusal that helps."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import psutil
import pytest
from onnx import TensorProto, helper

from avatar_engine import device
from avatar_engine.device import Card, Device, choose, onnx_providers, onnx_session, parse_cards
from avatar_engine.errors import AvatarError

CPU = Device("cpu", "test", cores=2, bf16=False, amx=False, threads=1)
CUDA = Device("cuda", "test", cores=2, bf16=True, amx=False, threads=1)
H100 = Card("NVIDIA H100 80GB HBM3", 81559, "550.54.15", (9, 0))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a card and an ONNX Runtime that was built for it."""
    monkeypatch.setattr(device, "cards", lambda: (H100,))
    monkeypatch.setattr(device, "torch_cuda", lambda: False)
    monkeypatch.setattr(device, "onnx_cuda", lambda: True)


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cards", lambda: ())


def cpuinfo(folder: Path, flags: str) -> Path:
    file = folder / f"cpuinfo-{abs(hash(flags))}"
    block = f"processor\t: 0\nmodel name\t: Test CPU @ 2.0GHz: x\nflags\t\t: {flags}\nbugs\t\t: amx_bf16\n\n"
    file.write_text(block * 2)
    return file


def doubling() -> bytes:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(AvatarError, match=r"no device 'tpu'. Known devices: auto, cpu, cuda"):
        choose("tpu")


def test_without_a_card_auto_is_the_processor(no_card: None) -> None:
    found = choose("auto")
    assert found.kind == "cpu"
    assert found.name == device.cpu_name()
    assert 1 <= found.threads <= found.cores == device.usable_cores()


def test_cuda_without_a_card_is_refused_with_the_reason(no_card: None) -> None:
    with pytest.raises(AvatarError, match=r"no NVIDIA card was found.*--device cpu"):
        choose("cuda")


def test_with_a_card_auto_is_cuda_and_cpu_stays_cpu(card: None) -> None:
    assert choose("auto").kind == choose("cuda").kind == "cuda"
    assert choose("cuda").name == H100.name
    assert choose("cuda").bf16
    assert choose("cpu").kind == "cpu"


def test_a_card_that_no_library_can_use_is_not_chosen(card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "onnx_cuda", lambda: False)
    assert choose("auto").kind == "cpu"
    with pytest.raises(AvatarError, match="neither PyTorch nor ONNX Runtime"):
        choose("cuda")


def test_pytorch_gets_the_card_only_if_it_was_built_for_it(
    card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert device.torch_device(CUDA) == "cpu"
    monkeypatch.setattr(device, "torch_cuda", lambda: True)
    assert device.torch_device(CUDA) == "cuda"
    assert device.torch_device(CPU) == "cpu"


@pytest.mark.parametrize(
    ("started", "usable"),
    [(["CUDAExecutionProvider", "CPUExecutionProvider"], True), (["CPUExecutionProvider"], False)],
)
def test_cuda_counts_only_if_a_session_really_gets_it(
    started: list[str], usable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Session:
        def __init__(self, model: bytes, providers: list[str]) -> None:
            onnx.checker.check_model(onnx.load_from_string(model))

        def get_providers(self) -> list[str]:
            return started

    real = device.onnx_cuda.__wrapped__
    monkeypatch.setattr(device, "cards", lambda: (H100,))
    assert not real()  # a build without CUDA
    monkeypatch.setattr(
        ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    monkeypatch.setattr(ort, "InferenceSession", Session)
    assert real() is usable
    monkeypatch.setattr(device, "cards", lambda: ())
    assert not real()


def test_an_old_card_has_no_bf16(card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cards", lambda: (Card("Tesla T4", 15360, "550", (7, 5)),))
    assert not choose("cuda").bf16


def test_providers_are_cuda_first_and_never_a_service(card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [entry if isinstance(entry, str) else entry[0] for entry in onnx_providers(CUDA)]
    assert names == ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert onnx_providers(CPU) == ["CPUExecutionProvider"]
    monkeypatch.setattr(device, "onnx_cuda", lambda: False)
    assert onnx_providers(CUDA) == ["CPUExecutionProvider"]


def test_tensorrt_keeps_timings_and_nobodys_weights(
    card: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert onnx_providers(CUDA, tmp_path) == onnx_providers(CUDA), "this build has none"
    monkeypatch.setattr(ort, "get_available_providers", lambda: [device.TENSORRT])
    (name, options), *rest = onnx_providers(CUDA, tmp_path)
    assert name == device.TENSORRT and rest == onnx_providers(CUDA)
    assert isinstance(options, dict) and options["trt_timing_cache_path"] == str(tmp_path)
    assert options["trt_timing_cache_enable"] == "1" and "trt_engine_cache_enable" not in options
    assert onnx_providers(CPU, tmp_path) == ["CPUExecutionProvider"]


def test_a_session_computes_and_does_not_spin(tmp_path: Path) -> None:
    file = tmp_path / "double.onnx"
    file.write_bytes(doubling())
    for model in (doubling(), file, str(file)):
        session = onnx_session(model, CPU, threads=3)
        assert session.run(None, {"x": np.array([1, 2.5], np.float32)})[0].tolist() == [2, 5]
        options = session.get_session_options()
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
        for kind in ("intra", "inter"):
            assert options.get_session_config_entry(f"session.{kind}_op.allow_spinning") == "0"
    assert onnx_session(file, CPU).get_session_options().intra_op_num_threads == CPU.threads


@pytest.mark.parametrize("model", [b"", b"no network", "/nowhere/net.onnx"])
def test_what_is_no_network_is_told(model: bytes | str) -> None:
    with pytest.raises(AvatarError, match="ONNX Runtime can't load"):
        onnx_session(model, CPU)


@pytest.mark.parametrize(
    ("flags", "features"),
    [
        (
            "fpu avx2 avx512f avx512_bf16 amx_tile amx_bf16 sse",
            {"avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16"},
        ),
        ("fpu sse4_2", set()),
        ("avx512_bf16x", set()),
    ],
)
def test_processor_features_are_read_from_the_flags_alone(
    flags: str, features: set[str], tmp_path: Path
) -> None:
    file = cpuinfo(tmp_path, flags)
    assert device.cpu_features(file) == features
    assert device.cpu_name(file) == "Test CPU @ 2.0GHz: x"


def test_where_the_system_does_not_say_the_features_are_unknown(tmp_path: Path) -> None:
    assert device.cpu_features(tmp_path / "none") is None
    assert device.cpu_name(tmp_path / "none")


@pytest.mark.parametrize(
    ("features", "amx", "bf16"),
    [
        (frozenset({"amx_bf16", "avx512f"}), True, True),
        (frozenset({"avx512_bf16"}), False, True),
        (frozenset({"avx512f", "amx_int8"}), False, False),
        (None, False, False),
    ],
)
def test_amx_and_bf16_follow_the_features(
    features: frozenset[str] | None, amx: bool, bf16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "cpu_features", lambda: features)
    found = choose("cpu")
    assert (found.amx, found.bf16) == (amx, bf16)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "nonsense"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_a_containers_quota_is_read(files: dict[str, str], cores: float | None, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert device.cgroup_quota(tmp_path) == cores


def test_cores_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    for quota, cores in ((None, 8), (1.5, 2), (0.2, 1), (64.0, 8)):
        monkeypatch.setattr(device, "cgroup_quota", lambda quota=quota: quota)
        assert device.usable_cores() == cores


def test_threads_are_the_idle_cores_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AVATAR_ENGINE_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(device, "cgroup_quota", lambda: None)
    for busy, threads in (
        ([0.0] * 8, 4),
        ([100.0] * 4 + [0.0] * 4, 1),
        ([100.0, 100.0, 0, 0, 0, 0, 0, 0], 2),
    ):
        monkeypatch.setattr(psutil, "cpu_percent", lambda busy=busy, **_: busy)
        assert device.free_threads() == threads


def test_threads_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_THREADS", "7")
    assert choose("cpu").threads == 7
    for wrong in ("0", "-1", "many", "1.5"):
        monkeypatch.setenv("AVATAR_ENGINE_THREADS", wrong)
        with pytest.raises(AvatarError, match="AVATAR_ENGINE_THREADS"):
            choose("cpu")


def test_cards_are_read_from_the_drivers_table() -> None:
    table = (
        "NVIDIA H100 80GB HBM3, 81559, 550.54.15, 9.0\n"
        "NVIDIA GeForce RTX 3060, [N/A], 550, 8.6\n"  # memory that the driver does not tell
        "\nNVIDIA-SMI has failed\n"
        "Tesla T4, 15360, 535.1, 7.5\n"
    )
    assert parse_cards(table) == (H100, Card("Tesla T4", 15360, "535.1", (7, 5)))
    assert parse_cards("") == ()


def test_the_probe_is_json_and_agrees(no_card: None) -> None:
    import json

    found = json.loads(json.dumps(device.probe()))
    assert found["cores"] == device.usable_cores()
    assert found["cards"] == []
    assert "CPUExecutionProvider" in found["onnx_providers"]
