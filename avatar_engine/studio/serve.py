"""Serves the studio, on the loopback unless told otherwise."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from avatar_engine.errors import AvatarError
from avatar_engine.studio.app import made
from avatar_engine.studio.guard import LOOPBACK
from avatar_engine.studio.house import House

log = logging.getLogger(__name__)

GOODBYE = 2
"""Seconds that open lines have at the end."""


def serve(
    folder: Path,
    launch: Sequence[str],
    tell: Callable[[str], None],
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    names: Sequence[str] = (),
    certificate: Path | None = None,
    key: Path | None = None,
    plain: bool = False,
) -> None:
    """Serve until Ctrl-C.

    Args:
        folder: The studio's.
        launch: What goes live (`avatar_engine.studio.shows`).
        tell: Told where it is, and the first admin's link.
        host, port: Where it listens.
        names: Further hosts by which it may be called.
        certificate, key: For HTTPS, PEM files.
        plain: Whether it may be reached from elsewhere without HTTPS: behind a proxy that has it.

    Raises:
        AvatarError: The port is taken, or others could listen in.
    """
    near = _near(host)
    if not near and not certificate and not plain:
        raise AvatarError(
            f"On {host} everybody in the network could read passwords and pictures: there is no HTTPS.",
            "Give --certificate and --key, or --plain where a proxy in front of it has HTTPS.",
        )
    for file in filter(None, (certificate, key)):
        if not file.is_file():
            raise AvatarError(f"There is no file {file}.", "Give certificate and key as PEM files.")
    called = [*LOOPBACK, *(name.lower() for name in names)] if near or names else []
    listener = _listener(host, port)
    house = House(folder, launch)
    try:
        secure = certificate is not None or plain
        app = made(house, called, secure=secure)
        scheme, shown = (
            ("https" if certificate else "http"),
            names[0] if names else "127.0.0.1" if near else host,
        )
        address = f"{scheme}://{shown}:{listener.getsockname()[1]}"
        tell(f"The studio is at {address}/ (Ctrl-C ends it; shows and fits go on).")
        if secret := house.first_link():
            tell(f"Make the first admin, within a day, once: {address}/welcome/{secret}")
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", server_header=False, proxy_headers=plain,
            ssl_certfile=certificate, ssl_keyfile=key, timeout_graceful_shutdown=GOODBYE, ws_per_message_deflate=False,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        house.close()
        listener.close()


def _near(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=128)
    except OSError as error:
        raise AvatarError(
            f"The studio can't listen on {host}:{port}: {error.strerror}.", "Choose another with --port."
        ) from error
