"""How a show ended, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psutil


def ending(about: Mapping[str, Any]) -> str:
    """How a show ended, in words."""
    match about.get("state"):
        case "ended" if about.get("ending"):
            return f"ended in order, because it might not go on: {about['ending']}"
        case "ended":
            return "ended as it should"
        case "failed":
            return f"ended by an error: {about.get('error')}"
        case _:
            running = psutil.pid_exists(int(about.get("pid", 0) or 0)) and about.get("pid")
            return "still on air" if running else "cut off: its process was killed or the machine stopped"
