"""Orders to a running fleet, over a local socket of the same user: one line of JSON in, one out."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from avatar_engine.errors import AvatarError
from avatar_engine.fleet.plan import ClonePlan, ShowPlan, check_name
from avatar_engine.fleet.supervisor import Supervisor
from avatar_engine.folders import door_of
from avatar_engine.live.local_server import LocalServer

log = logging.getLogger(__name__)

NAME, KIND = "fleet", "fleet"
"""The socket's name, and how it ends."""

MOST = 4 << 20
"""Bytes of an order or an answer."""

PATIENCE = 15.0
"""Seconds that one waits for the supervisor."""

_PLANS: dict[str, type[ShowPlan] | type[ClonePlan]] = {"show": ShowPlan, "clone": ClonePlan}


class Door(LocalServer):
    """Takes orders for a supervisor.

    Args:
        supervisor: Who does what is asked.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._known: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "status": lambda asked: supervisor.status(),
            "add": lambda asked: _added(supervisor, asked),
            "remove": lambda asked: supervisor.remove(str(asked["name"])),
            "drain": lambda asked: supervisor.drain(str(asked["node"]), bool(asked.get("back"))),
            "down": lambda asked: supervisor.end(),
        }
        super().__init__(door_of(NAME, KIND), "fleet's socket", self._take)

    def _take(self, line: socket.socket) -> None:
        try:
            asked = json.loads(_read(line))
            answer = {"done": self._known[asked["order"]](asked)}
        except AvatarError as error:
            answer = {"error": error.what, "advice": error.advice}
        except (ValueError, KeyError, TypeError, ValidationError):
            answer = {
                "error": "This is no order to a fleet.",
                "advice": "Is this the same version of the engine?",
            }
        except Exception:
            log.exception("an order failed")
            answer = {
                "error": "The order failed: a defect of the engine.",
                "advice": "Look at the fleet's log.",
            }
        line.sendall(json.dumps(answer).encode() + b"\n")


def ask(order: str, patience: float = PATIENCE, **more: Any) -> Any:
    """Give an order to the fleet that runs, and wait ``patience`` seconds at most; what it says.

    Raises:
        AvatarError: None runs, or it refuses.
    """
    path = door_of(NAME, KIND)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(patience)
            line.connect(str(path))
            line.sendall(json.dumps({"order": order, **more}).encode() + b"\n")
            answer = json.loads(_read(line))
    except (OSError, ValueError) as error:
        if isinstance(error, TimeoutError):
            raise AvatarError(
                "The fleet does not answer.", "Ask again in a moment; its log says more."
            ) from None
        raise AvatarError("No fleet runs.", "Start one: avatar-engine fleet up FILE") from None
    if "error" in answer:
        raise AvatarError(str(answer["error"]), str(answer.get("advice", "")))
    return answer["done"]


def told(patience: float = PATIENCE) -> dict[str, Any] | None:
    """How the fleet stands; None where none runs, or it does not say so within ``patience`` seconds."""
    if not door_of(NAME, KIND).exists():
        return None
    with suppress(AvatarError):
        return dict(ask("status", patience))
    return None


def _added(supervisor: Supervisor, asked: Mapping[str, Any]) -> str:
    name, plan = str(asked["name"]), _PLANS[asked["kind"]].model_validate(asked["plan"])
    check_name(name)
    return supervisor.add(name, plan, {str(key): str(value) for key, value in asked.get("known", {}).items()})


def _read(line: socket.socket) -> bytes:
    """A line.

    Raises:
        ValueError: It is too long, or none.
    """
    data = b""
    while not data.endswith(b"\n"):
        piece = line.recv(65536)
        if not piece or len(data) > MOST:
            raise ValueError("no line")
        data += piece
    return data
