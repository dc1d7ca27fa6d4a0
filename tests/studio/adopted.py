"""Jobs and shows of a studio that works for real, but for two things that take minutes.

A fit adopts the drawn clone that was made of the same clip, with the consent that was signed on the page; and who is
cut out is told by a network that knows where a drawn presenter is. Shows are real, in a small picture.

``python -m tests.studio.adopted job FOLDER``, ``python -m tests.studio.adopted show``.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.clone.matting import add_matte
from avatar_engine.contracts import Progress
from avatar_engine.studio import work
from avatar_engine.trust import consent
from avatar_engine.trust.register import Register

DRAWN = "AVATAR_ENGINE_DRAWN"
WIDTH, HEIGHT = 320, 180


def fit(asked: Mapping[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """The drawn clone with this studio's consent; its clip is the one that was brought."""
    avatar, drawn = Path(asked["avatar"]), Path(os.environ[DRAWN])
    signed = consent.load(Path(asked["consent"]))
    consent.check(signed, clip_sha256=consent.clip_sha256(Path(asked["clip"])))
    made = Bundle.open(drawn / "drawn.avatar")
    progress("lips painter", 0.5, "adopted")
    with BundleWriter(avatar, avatar.stem, made.made, signed) as writer:
        writer.add_parts(made, [])
    for kind in ("html", "json"):
        avatar.with_suffix(f".report.{kind}").write_bytes((drawn / f"drawn.report.{kind}").read_bytes())
    Register(signed).note("avatar", avatar, whole=True)
    return {"summary": "adopted"}


def matte(asked: Mapping[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """The engine's own way with a network of the user's own, which takes seconds."""
    return {"summary": add_matte(Path(asked["avatar"]), network(folder / "own.onnx"), progress)}


def network(file: Path) -> Path:
    """A network for which head and shoulders of a drawn presenter are always in the same place."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] / np.array([HEIGHT, WIDTH]).reshape(2, 1, 1)
    head = ((columns - 0.5) / 0.2) ** 2 + ((rows - 0.5) / 0.47) ** 2 < 1
    shoulders = (rows > 0.84) & (np.abs(columns - 0.5) < 0.36)
    there = (head | shoulders).astype(np.float32)[None, None]
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["grey", "nothing"], ["void"]),
        helper.make_node("Add", ["void", "there"], ["pha"]),
    ]
    shape = (1, 3, HEIGHT, WIDTH)
    given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)
    told = helper.make_tensor_value_info("pha", TensorProto.FLOAT, (1, 1, HEIGHT, WIDTH))
    kept = [
        numpy_helper.from_array(there, "there"),
        numpy_helper.from_array(np.zeros(1, np.float32), "nothing"),
    ]
    graph = helper.make_graph(nodes, "presenter", [given], [told], kept)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(file))
    return file


def on_air() -> None:
    """What the studio starts as a show, at half of 720p."""
    from avatar_engine.cli import takeover

    words = json.loads(sys.stdin.readline())
    small = [] if "--size" in words else ["--size", "640x360"]
    sys.stdin = io.StringIO(json.dumps([*words, *small]) + "\n")
    takeover.begin()


if __name__ == "__main__":
    if sys.argv[1] == "show":
        on_air()
    work.KINDS = {**work.KINDS, "fit": fit, "matte": matte}
    sys.exit(work.main(Path(sys.argv[2])))
