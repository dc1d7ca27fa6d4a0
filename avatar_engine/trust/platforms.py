"""Where a show may go: the platforms that a consent names, and the hosts by which an output is told to be one of them.

A consent names a platform of `PLATFORMS`, a host (``live.example.com``, which allows ``a.live.example.com``, too), or
`ANY`. Files, and servers on this very machine, are rehearsals and need no platform. What a server that we send to does
with the picture can't be seen from here, nor what a file is used for later.

The hosts are those that the platforms show beside a stream key (most of them are in OBS's list of services, too). They
change: an unknown one is refused, never guessed; write the host itself into the consent then.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

ANY, NEAR = "any", "local-network"
"""Every platform; and servers and previews within one's own network."""

PLATFORMS = {
    "bilibili": ("bilivideo.com", "bilibili.com"),
    "douyin": ("douyincdn.com",),
    "facebook": ("facebook.com",),
    "instagram": ("instagram.com",),
    "kick": ("fa723fc1b171.global-contribute.live-video.net", "kick.com"),
    "kuaishou": ("yximgs.com", "kuaishou.com"),
    "tiktok": ("tiktokcdn.com", "tiktok.com"),
    "twitch": ("twitch.tv", "contribute.live-video.net", "ingest.global-contribute.live-video.net"),
    "x": ("pscp.tv",),
    "youtube": ("youtube.com",),
}
"""Platforms and the hosts whose names, or whose end, tell them."""

_OWN_NETWORKS = [
    ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
]
"""Private addresses (RFC 1918, RFC 4193)."""

_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def checked(name: str) -> str:
    """A platform as a consent names it, in small letters.

    Raises:
        ValueError: It is no known platform and no host.
    """
    plain = plain_host(name)
    named = plain in (ANY, NEAR, *PLATFORMS)
    if not named and not (("." in plain or ":" in plain) and (_address(plain) or _HOST.fullmatch(plain))):
        raise ValueError(
            f"{name!r} is no known platform and no host; known: {', '.join((ANY, *PLATFORMS, NEAR))}"
        )
    return plain


def plain_host(host: str) -> str:
    """A host as hosts are compared: in small letters, without brackets and the last dot."""
    return host.strip().lower().strip("[]").rstrip(".")


def rehearsal(host: str) -> bool:
    """Whether it is this very machine; "" (a file) is."""
    plain = plain_host(host)
    address = _address(plain)
    return plain in ("", "localhost") or bool(address and address.is_loopback)


def covered(named: Iterable[str], host: str) -> bool:
    """Whether one of the platforms that a consent names is where ``host`` is."""
    plain = plain_host(host)
    address = _address(plain)
    near = address is not None and _near(address)
    return any(
        one == ANY
        or (one == NEAR and near)
        or any(_within(plain, known) for known in PLATFORMS.get(one, (one,)))
        for one in named
    )


def shown(host: str) -> str:
    """A host for people: with its platform, where it is known to be one's."""
    of = [name for name in PLATFORMS if covered((name,), host)]
    return f"{host} ({of[0]})" if of else host


def _near(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_link_local or address.is_unspecified or any(address in net for net in _OWN_NETWORKS)


def _within(host: str, known: str) -> bool:
    return host == known or host.endswith(f".{known}")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
