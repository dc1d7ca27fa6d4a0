"""Convert Resemblyzer's speaker encoder (Apache-2.0) to models/speaker-encoder.safetensors, once.

    pip download --no-deps resemblyzer==0.1.4 && unzip -j Resemblyzer-0.1.4*.whl resemblyzer/pretrained.pt
    python scripts/build_speaker_encoder.py pretrained.pt

The package keeps its weights as a pickle; this is the only place where one is read, with ``weights_only``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("models/speaker-encoder.safetensors"))
    chosen = parser.parse_args()
    state = torch.load(chosen.checkpoint, map_location="cpu", weights_only=True)["model_state"]
    kept = {name: value.half() for name, value in state.items() if name.startswith(("lstm.", "linear."))}
    save_file(kept, str(chosen.output), {"source": "resemble-ai/Resemblyzer 0.1.4, Apache-2.0"})


if __name__ == "__main__":
    main()
