"""Networks of a show: in bf16 where the processor has it, by ONNX Runtime elsewhere."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from avatar_engine import device, inference
from avatar_engine.device import Device
from avatar_engine.errors import AvatarError
from avatar_engine.lips.render import Renderer
from tests.engine import painters

PLAIN = Device("cpu", "test", 2, False, False, 1)
BF16 = replace(PLAIN, bf16=True)
native = pytest.mark.skipif(not device.choose("cpu").bf16, reason="this processor has no bf16")
SIZE = 64


def feeds(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = {
        "luma": (1, 1, SIZE, SIZE),
        "chroma": (1, 2, SIZE // 2, SIZE // 2),
        "shapes": (1, 3, SIZE, SIZE),
    }
    made = {name: random.integers(0, 256, shape).astype(np.uint8) for name, shape in shapes.items()}
    return made | {"coefficients": random.normal(0, 1, (1, painters.CODES)).astype(np.float32)}


def test_without_bf16_or_with_the_switch_off_onnx_runtime_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    network = painters.model(SIZE, 1).painter
    assert isinstance(inference.ready(network, PLAIN, 1), ort.InferenceSession)
    assert inference.computes(PLAIN) == f"ONNX Runtime {ort.__version__}"
    assert inference.computes(BF16).startswith("OpenVINO 20") and inference.computes(BF16).endswith(", bf16")
    assert not inference.in_bf16(replace(BF16, kind="cuda")), "a card has its own"
    monkeypatch.setenv(inference.SWITCH, "off")
    assert isinstance(inference.ready(network, BF16, 1), ort.InferenceSession)
    monkeypatch.delenv(inference.SWITCH)
    monkeypatch.setattr(inference, "openvino", lambda: None)
    assert isinstance(inference.ready(network, BF16, 1), ort.InferenceSession), "the package isn't there"


@native
def test_bf16_paints_what_floats_paint() -> None:
    network = painters.model(SIZE, 1).painter
    exact, quick = inference.ready(network, PLAIN, 1), inference.ready(network, BF16, 1)
    assert quick.get_providers() == ["OpenVINO"]
    for seed in range(3):
        given = feeds(seed)
        for wanted, made in zip(exact.run(None, given), quick.run(None, given), strict=True):
            away = wanted.astype(int) - made
            assert made.dtype == np.uint8 and made.shape == wanted.shape and wanted.std() > 5
            assert 10 * np.log10(255**2 / np.mean(away**2)) > 45
    (chroma,) = quick.run(["painted_chroma"], given)
    assert chroma.shape == (1, 2, SIZE // 2, SIZE // 2)


@native
def test_threads_that_share_a_network_do_not_see_each_others_pictures() -> None:
    network = painters.model(SIZE, 1).painter
    shared, wrong = inference.ready(network, BF16, 1, callers=3), []
    wanted = [inference.ready(network, BF16, 1).run(None, feeds(seed))[0].copy() for seed in range(3)]

    def paint(seed: int) -> None:
        given = feeds(seed)
        wrong.extend(bool((shared.run(None, given)[0] != wanted[seed]).any()) for _ in range(30))

    threads = [threading.Thread(target=paint, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(wrong) == 90 and not any(wrong)


@native
def test_a_renderer_in_bf16_paints_the_same_picture_again() -> None:
    renderer = Renderer(replace(painters.model(SIZE, 1)), BF16)
    picture = np.full((96 * 3 // 2, 96), 120, np.uint8)
    matrix = np.eye(2, 3, dtype=np.float32)
    made = []
    for code in (0.5, -0.5, 0.5):
        renderer.painted(picture, matrix, np.full(painters.CODES, code, np.float32))
        made.append(
            renderer.painted(picture, matrix, np.full(painters.CODES, code, np.float32)).chroma.copy()
        )
    assert (made[0] == made[2]).all() and (made[0] != made[1]).mean() > 0.1


@native
def test_an_input_that_nothing_hangs_on_is_taken_as_elsewhere() -> None:
    seen, unseen, back = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4])
        for name in ("seen", "unseen", "back")
    )
    graph = helper.make_graph([helper.make_node("Neg", ["seen"], ["back"])], "one", [seen, unseen], [back])
    opsets = [helper.make_opsetid("", 17)]
    network = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    given = {"seen": np.full((1, 4), 3, np.float32), "unseen": np.ones((1, 4), np.float32)}
    for kind in (PLAIN, BF16):
        np.testing.assert_array_equal(inference.ready(network, kind, 1).run(["back"], given)[0], -3)


INTERRUPTED = """
import os, signal, threading
from avatar_engine import device, inference
from tests.engine import painters
network, kind = painters.model(64, 1).painter, device.choose("cpu")
sessions = [inference.ready(network, kind, 1) for _ in range(3)]
while sessions:
    del sessions[0]
asked = threading.Event()
signal.signal(signal.SIGINT, lambda *_: asked.set())
os.kill(os.getpid(), signal.SIGINT)
assert asked.wait(5)
"""


@native
def test_networks_come_and_go_and_ctrl_c_is_still_heard() -> None:
    subprocess.run([sys.executable, "-c", INTERRUPTED], check=True)


@native
def test_threads_that_load_at_the_same_time_share_one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def core() -> object:
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    monkeypatch.setattr(inference, "_made", functools.cache(core))  # the real one must stay as it is
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: inference._core(), range(4)))
    assert len(made) == 1 and set(found) == set(made)


@native
def test_what_is_no_network_is_told() -> None:
    for rubbish in (b"", b"no network"):
        with pytest.raises(AvatarError, match="OpenVINO can't load a network"):
            inference.ready(rubbish, BF16, 1)


def test_openvino_never_loads_what_reports_its_use() -> None:
    code = (
        "import sys; from avatar_engine import inference; found = inference.openvino();"
        "assert found is not None; found.Core();"
        "assert sys.modules['openvino_telemetry'] is None;"
        "assert not [n for n in sys.modules if n.startswith('openvino_telemetry.')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
