"""What the embedded host says, and the little words of its languages (`phrases.yaml`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml


@lru_cache(maxsize=1)
def phrases() -> Mapping[str, Mapping[str, Any]]:
    """What is said, by language and occasion."""
    text = files("avatar_engine.show.host").joinpath("phrases.yaml").read_text(encoding="utf-8")
    loaded: Mapping[str, Mapping[str, Any]] = yaml.safe_load(text)
    return loaded
