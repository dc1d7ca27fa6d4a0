"""The doctor: what it says is what is so."""

from __future__ import annotations

import json
import platform
import socket
from importlib import metadata
from pathlib import Path
from typing import Any

import onnxruntime as ort
import pytest
from rich.console import Console

from avatar_engine import device, doctor, inference, models
from avatar_engine.device import Card
from avatar_engine.doctor import GIB, Finding, Report
from avatar_engine.errors import AvatarError
from avatar_engine.voice.espeak_process import Espeak

PROBE: dict[str, Any] = {
    "cpu": "Test",
    "cores": 4,
    "threads_free": 3,
    "features": ["amx_bf16", "avx2"],
    "memory_bytes": 16 * GIB,
    "memory_free_bytes": 12 * GIB,
}


def by_name(findings: Any) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def on(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> dict[str, Finding]:
    monkeypatch.setattr(device, "probe", lambda: {**PROBE, **changes})
    return by_name(doctor.machine())


def test_a_good_machine_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    found = on(monkeypatch)
    assert {finding.state for finding in found.values()} == {"ok"}
    assert found["cores"].value == "4 usable, 3 idle now"
    assert found["processor features"].value == "AMX bf16, AVX2"
    assert found["memory"].value == "12.0 of 16.0 GiB free"
    assert found["networks"].value == "OpenVINO, in bf16"


def test_it_says_in_what_networks_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no bf16" in on(monkeypatch, features=["avx2"])["networks"].value
    monkeypatch.setenv(inference.SWITCH, "off")
    assert on(monkeypatch)["networks"].value == "ONNX Runtime (AVATAR_ENGINE_BF16=off)"
    monkeypatch.delenv(inference.SWITCH)
    monkeypatch.setattr(inference, "openvino", lambda: None)
    found = on(monkeypatch)["networks"]
    assert found.state == "warning" and "openvino" in found.advice


@pytest.mark.parametrize(
    ("changes", "name", "state"),
    [
        ({"cores": 1}, "cores", "warning"),
        ({"features": ["avx512f"]}, "processor features", "warning"),
        ({"features": None}, "processor features", "warning"),
        ({"memory_bytes": 3 * GIB, "memory_free_bytes": 2 * GIB}, "memory", "missing"),
        ({"memory_free_bytes": 2 * GIB}, "memory", "warning"),
    ],
)
def test_a_weak_machine_is_told_what_to_do(
    changes: dict[str, Any], name: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    found = on(monkeypatch, **changes)
    assert found[name].state == state
    assert found[name].advice
    assert {finding.state for other, finding in found.items() if other != name} == {"ok"}


def test_an_arm_machine_is_not_told_to_get_avx2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert on(monkeypatch, features=[])["processor features"].state == "ok"


def test_a_card_that_nothing_uses_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cards", lambda: (Card("H100", 81920, "550", (9, 0)),))
    monkeypatch.setattr(device, "torch_cuda", lambda: False)
    monkeypatch.setattr(device, "onnx_cuda", lambda: False)
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    found = by_name(doctor.graphics())
    assert found["card"].value == "H100, 80 GiB, driver 550"
    assert found["card"].state == "warning" and "580" in found["card"].advice
    assert found["PyTorch"].state == found["ONNX Runtime"].state == "warning"
    assert "in place of onnxruntime" in found["ONNX Runtime"].advice
    monkeypatch.setattr(
        ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    found = by_name(doctor.graphics())
    assert found["ONNX Runtime"].value == "CUDA, CPU; CUDA can't be started"
    monkeypatch.setattr(device, "onnx_cuda", lambda: True)
    assert by_name(doctor.graphics())["ONNX Runtime"].state == "ok"


def test_no_card_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cards", lambda: ())
    found = by_name(doctor.graphics())
    assert {finding.state for finding in found.values()} == {"ok"}
    assert "PyTorch" not in found


def test_encoders_are_really_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.encoder_fault("libx264") == ""
    assert doctor.encoder_fault("aac") == ""
    assert doctor.encoder_fault("no_such_encoder")
    if not device.cards():
        assert "can't be opened" in doctor.encoder_fault("h264_nvenc")  # it is built in, and fails on opening
    monkeypatch.setattr(doctor, "encoder_fault", lambda name: f"no {name}")
    monkeypatch.setattr(device, "cards", lambda: ())
    found = by_name(doctor.encoders())
    assert found["libx264"].state == found["aac"].state == "missing"
    assert found["h264_nvenc"].state == "ok"
    monkeypatch.setattr(device, "cards", lambda: (Card("H100", 1, "1", (9, 0)),))
    assert by_name(doctor.encoders())["h264_nvenc"].state == "warning"


def test_weights_that_are_not_here_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_MODELS", str(tmp_path))
    found = by_name(doctor.weights())
    assert set(found) == set(models.manifest())
    assert found["kokoro"].state == "missing"
    assert found["kokoro"].advice == "Run: avatar-engine models fetch kokoro"
    assert "Apache-2.0" in found["kokoro"].value
    assert found["silero-vad"].state == "ok"


def test_a_licence_that_forbids_commerce_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = models.manifest()["silero-vad"].model_copy(
        update={"commercial": False, "licence": "CC-BY-NC-4.0"}
    )
    monkeypatch.setattr(models, "manifest", lambda: {"silero-vad": entry})
    found = by_name(doctor.weights())["silero-vad"]
    assert found.state == "warning"
    assert "CC-BY-NC-4.0, not for commercial use" in found.value


def test_the_phonemiser_is_asked_for_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_name(doctor.phonemiser())["espeak-ng"]
    assert found.state == "ok"
    assert "həl" in found.value

    def refuse(self: Espeak, text: str, voice: str) -> None:
        raise AvatarError("It is gone.", "Install it.")

    monkeypatch.setattr(Espeak, "clauses", refuse)
    assert by_name(doctor.phonemiser())["espeak-ng"] == Finding(
        "phonemiser", "espeak-ng", "missing", "It is gone.", "Install it."
    )


def test_a_port_that_is_taken_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(1)
        port = holder.getsockname()[1]
        monkeypatch.setattr(doctor, "PORTS", {port: "tests"})
        (taken,) = doctor.ports()
    assert (taken.state, taken.value) == ("warning", "taken by another program")
    (free,) = doctor.ports()
    assert (free.state, free.value) == ("ok", "free")


def test_a_full_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_MODELS", str(tmp_path / "not yet" / "there"))
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    assert {finding.state for finding in doctor.disk()} <= {"ok", "warning"}
    monkeypatch.setattr(doctor, "LEAST_DISK", 1 << 80)
    assert {finding.state for finding in doctor.disk()} == {"warning"}
    assert not (tmp_path / "not yet").exists()


def test_a_library_that_is_gone_is_missing_and_another_version_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = metadata.version
    odd = {"mediapipe": "0.10.35", "soxr": None, "onnxruntime": None, "onnxruntime-gpu": "1.31.1"}

    def version(name: str) -> str:
        found = odd.get(name, "") or ("" if name not in odd else None)
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found or real(name)

    monkeypatch.setattr(metadata, "version", version)
    found = by_name(doctor.libraries())
    assert found["mediapipe"].state == "warning"
    assert found["mediapipe"].advice == "Run: pip install mediapipe==0.10.31"
    assert found["soxr"].state == "missing"
    assert found["onnxruntime-gpu"].state == "ok"
    assert found["numpy"].value == real("numpy")
    assert "pytest" not in found


def test_the_worst_finding_is_the_state() -> None:
    def state(*states: Any) -> str:
        return Report(tuple(Finding("t", "n", each, "v") for each in states)).state

    assert state("ok", "ok") == "ok"
    assert state("ok", "warning") == "warning"
    assert state("warning", "missing", "ok") == "missing"


def test_the_whole_report_renders_and_is_json() -> None:
    report = doctor.probe()
    topics = list(dict.fromkeys(finding.topic for finding in report.findings))
    assert topics == [
        "machine",
        "container",
        "graphics",
        "encoders",
        "weights",
        "phonemiser",
        "ports",
        "disk",
        "libraries",
    ]
    table = json.loads(doctor.to_json(report))
    assert table["state"] == report.state
    assert len(table["findings"]) == len(report.findings)
    console = Console(width=120, record=True)
    console.print(doctor.render(report))
    text = console.export_text()
    for finding in report.findings:
        assert finding.topic in text
        assert all(word in text for word in finding.advice.split())


def test_what_is_wrong_is_shown_with_its_advice() -> None:
    odd = Finding("libraries", "soxr", "missing", "[red]gone[/]", "Run: pip install soxr")
    fine = Finding("libraries", "numpy", "ok", "2.4")
    console = Console(width=120, record=True)
    console.print(doctor.render(Report((odd, fine))))
    text = console.export_text()
    assert "[red]gone[/]" in text and "Run: pip install soxr" in text
    assert "numpy 2.4" in text and "Something is missing" in text


def in_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "in_container", lambda: True)
    monkeypatch.setattr(doctor, "shared_memory", lambda: 2 << 30)
    monkeypatch.setattr(device, "cards", lambda: ())
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))


def test_a_container_says_what_it_was_not_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    in_a_container(monkeypatch, tmp_path)
    found = by_name(doctor.container())
    assert found["shared memory"].state == "ok" and "2048 MiB" in found["shared memory"].value
    assert found["card"].value == "not wanted by this image"
    assert found["state"].state == "warning" and "volume" in found["state"].advice
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path)
    assert by_name(doctor.container())["state"].state == "ok"
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    assert by_name(doctor.container())["state"].state == "missing"
    monkeypatch.setattr(doctor, "shared_memory", lambda: 64 << 20)
    short = by_name(doctor.container())["shared memory"]
    assert short.state == "missing" and "shm" in short.advice
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    card = by_name(doctor.container())["card"]
    assert card.state == "warning" and "--gpus all" in card.advice
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert "shows no card" in by_name(doctor.container())["card"].value


def test_outside_of_containers_only_shared_memory_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "in_container", lambda: False)
    assert set(by_name(doctor.container())) <= {"shared memory"}


def test_why_nvenc_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "in_container", lambda: True)
    monkeypatch.setenv("NVIDIA_DRIVER_CAPABILITIES", "compute,utility")
    assert "without 'video'" in doctor.nvenc_advice()
    monkeypatch.setenv("NVIDIA_DRIVER_CAPABILITIES", "compute,video")
    monkeypatch.setattr(doctor.ctypes.util, "find_library", lambda name: None)
    assert "libnvidia-encode" in doctor.nvenc_advice()
    monkeypatch.setattr(doctor.ctypes.util, "find_library", lambda name: "libnvidia-encode.so.1")
    assert "no encoder" in doctor.nvenc_advice()
