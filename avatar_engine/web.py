"""Gets what a server has, with a limit on every step: it may be slow, endless, hostile or away.

httpx2's own core (`httpcore2`) is used directly, for what the larger client does not let us do: hold every read to one
deadline for the whole answer (a server that sends a byte now and then would keep a limit per read for ever), choose
which addresses may be connected to after the name was looked up, and take the body as it comes, before anything is
unpacked. The system's look-up of names has limits of its own, and is the one step that we can't shorten.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import httpcore2
import httpx2

CONNECT, SILENCE, SLICE = 5.0, 10.0, 0.25
"""Seconds for a connection, between two pieces of an answer, and between two looks whether to stop."""

REDIRECTS = 5
ADDRESSES = 4
"""Addresses of a name that are tried."""

LONGEST_ADDRESS = 4000
"""Letters of an address to which a server sends us on."""

AGENT = b"avatar-engine"

_BACK_SOON = (408, 425, 429, 500, 502, 503, 504)


class WebError(Exception):
    """There is no answer, or none that can be used; the text has no key in it.

    Args:
        text: Why.
        away: Whether the server may be back soon: it is not that the address is wrong.
        wait: Seconds for which it asks to be left alone; 0 for none.
    """

    def __init__(self, text: str, away: bool = False, wait: float = 0.0) -> None:
        super().__init__(text)
        self.away, self.wait = away, wait


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said.

    Attributes:
        url: The address that answered, behind redirects.
        headers: By their names in small letters.
        body: Unpacked; empty where ``unchanged``.
        unchanged: Whether it is as it was (304).
    """

    url: httpx2.URL
    headers: Mapping[str, str]
    body: bytes
    unchanged: bool = False


class Web:
    """Asks servers, in one thread; a context manager, which closes its connections.

    Args:
        home: Host that a person named: it may be anywhere. What a server names (redirects, pictures) must be an
            address of the public network, unless the home itself is none: a feed shall not make us ask machines that
            only we can reach.
        seconds: For all of it.
        stop: Ends it early.
        near: Whether the home is known to be outside the public network.
        proxy: Address of the proxy that is asked in its place; "" for none.

    Raises:
        WebError: The proxy's address is no good.
    """

    def __init__(
        self,
        home: str,
        seconds: float,
        stop: threading.Event | None = None,
        near: bool = False,
        proxy: str = "",
    ) -> None:
        between = _between(proxy) if proxy else None
        home = between.url.host.decode() if between else home
        self._net = _Net(home, time.monotonic() + seconds, stop or threading.Event(), near)
        # every answer has a connection of its own: a server may close one that waits just when it is used again
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_certificates(), proxy=between, network_backend=self._net, max_keepalive_connections=0,
        )  # fmt: skip

    @property
    def near(self) -> bool:
        """Whether the home was found to be outside the public network."""
        return self._net.near

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def get(
        self,
        address: str,
        most: int,
        headers: Mapping[str, str] | None = None,
        secret: Mapping[str, str] | None = None,
        redirects: int = REDIRECTS,
    ) -> Answer:
        """The answer of an address.

        Args:
            address: ``http://`` or ``https://``.
            most: Bytes of the body, unpacked or not.
            headers: Sent along.
            secret: Sent along to the address's own server alone, wherever it sends us on to.
            redirects: How often it may send us on.

        Raises:
            WebError: See there.
        """
        try:
            url = first = httpx2.URL(address)
            for _ in range(redirects + 1):
                sent = {**(headers or {}), **(secret if secret and _origin(url) == _origin(first) else {})}
                found = self._once(url, most, sent)
                if isinstance(found, Answer):
                    return found
                url = _further(url, found)
        except httpcore2.TimeoutException:
            raise WebError("it does not answer in time", away=True) from None
        except httpcore2.ConnectError as error:
            raise WebError(f"it can't be reached ({error or 'no connection'})", away=True) from None
        except httpcore2.ProxyError as error:
            raise WebError(f"the proxy refuses ({error})", away=True) from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise WebError(f"its answer breaks off ({type(error).__name__})", away=True) from None
        except (httpx2.InvalidURL, httpcore2.UnsupportedProtocol, ssl.SSLError, UnicodeError) as error:
            raise WebError(f"the address is no good ({type(error).__name__})") from None
        raise WebError(f"it sends us on more than {redirects} times" if redirects else "it sends us on")

    def _once(self, url: httpx2.URL, most: int, headers: Mapping[str, str]) -> Answer | str:
        """An answer, or the address to which we are sent on."""
        asked = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sent = [
            (b"Host", url.netloc),
            (b"User-Agent", AGENT),
            (b"Accept-Encoding", b"gzip"),
            (b"Accept", b"*/*"),
        ]
        sent += [(name.encode(), value.encode()) for name, value in headers.items()]
        limits = {"connect": CONNECT, "read": SILENCE, "write": SILENCE, "pool": CONNECT}
        with self._pool.stream("GET", asked, headers=sent, extensions={"timeout": limits}) as answer:
            told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            if answer.status in (301, 302, 303, 307, 308):
                return told.get("location", "")
            if answer.status == 304:
                return Answer(url, told, b"", unchanged=True)
            if answer.status != 200:
                raise WebError(
                    f"it answers {answer.status}",
                    answer.status in _BACK_SOON,
                    _seconds(told.get("retry-after", "")),
                )
            return Answer(url, told, _body(answer.iter_stream(), told.get("content-encoding", ""), most))


def _between(proxy: str) -> httpcore2.Proxy:
    """A proxy, and how it is spoken to.

    Raises:
        WebError: It has no address, or no kind that is known.
    """
    try:
        told = httpx2.Proxy(proxy if "://" in proxy else f"http://{proxy}")
        if told.url.scheme not in ("http", "https") or not told.url.host:
            raise ValueError
    except (httpx2.InvalidURL, ValueError):
        raise WebError("the address of this machine's proxy is no good") from None
    url = httpcore2.URL(scheme=told.url.raw_scheme, host=told.url.raw_host, port=told.url.port, target=b"/")
    return httpcore2.Proxy(url, told.raw_auth, told.headers.raw)


def _further(url: httpx2.URL, location: str) -> httpx2.URL:
    """Where a server sends us on to.

    Raises:
        WebError: Not over the web, or no longer encrypted.
    """
    if not location or len(location) > LONGEST_ADDRESS:
        raise WebError("it sends us on to nowhere")
    further = url.join(location)
    if further.scheme not in ("http", "https") or not further.host:
        raise WebError(f"it sends us on to {further.scheme[:20]}:, which is not of the web")
    if url.scheme == "https" and further.scheme == "http":
        raise WebError("it sends us on from https:// to http://")
    return further


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _seconds(text: str) -> float:
    """What ``Retry-After`` says; 0 for a date, which is as good as none."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0.0


def _body(pieces: Iterable[bytes], coding: str, most: int) -> bytes:
    """All of a body, unpacked.

    Raises:
        WebError: It is too large, packed or unpacked, or packed in a way that we did not ask for.
    """
    coding = coding.strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise WebError(f"its answer is packed as {coding[:20]!r}, which was not asked for")
    body = bytearray()
    for piece in _opened(pieces, most) if "gzip" in coding else pieces:
        body += piece
        if len(body) > most:
            raise WebError(f"its answer is larger than {most >> 20} MB")
    return bytes(body)


def _opened(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Unpack gzip piece by piece, never more at once than may still come."""
    opener, room = zlib.decompressobj(31), most
    try:
        for piece in pieces:
            opened = opener.decompress(piece, room + 1)
            room -= len(opened)
            if room < 0:
                raise WebError(f"its answer is larger than {most >> 20} MB when it is unpacked")
            yield opened
            if opener.eof:
                return  # what may follow is nobody's
    except zlib.error:
        raise WebError("its answer is broken gzip", away=True) from None
    raise WebError("its answer breaks off", away=True)


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """The system's, read once."""
    return httpcore2.default_ssl_context()


def _public(address: str) -> bool:
    """Whether an address is one of the public network."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        return found.ipv4_mapped.is_global
    return found.is_global and not found.is_multicast


class _Net(httpcore2.NetworkBackend):
    """Connects to allowed addresses alone, and holds everything to one deadline."""

    def __init__(self, home: str, deadline: float, stop: threading.Event, near: bool) -> None:
        self._home, self._deadline, self._stop, self.near = home, deadline, stop, near
        self._inner = httpcore2.SyncBackend()

    def left(self, most: float | None) -> float:
        """Seconds that a step may take.

        Raises:
            httpcore2.ReadTimeout: None.
        """
        left = self._deadline - time.monotonic()
        if left <= 0 or self._stop.is_set():
            raise httpcore2.ReadTimeout("over")
        return min(left, SILENCE if most is None else most)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """See `httpcore2.NetworkBackend`."""
        self.left(timeout)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError(f"there is no host {host}") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))[:ADDRESSES]
        near = [one for one in addresses if not _public(one)]
        if host == self._home:
            self.near = bool(near)
        elif near and not self.near:
            raise httpcore2.ConnectError(f"{host} is not on the public network")
        failed: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for address in addresses:
            try:
                stream = self._inner.connect_tcp(
                    address, port, self.left(timeout), local_address, socket_options
                )
                return _Stream(stream, self)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore2.ConnectError(f"there is no host {host}")


class _Stream(httpcore2.NetworkStream):
    """A connection that keeps to the deadline of its `_Net`."""

    def __init__(self, inner: httpcore2.NetworkStream, net: _Net) -> None:
        self._inner, self._net = inner, net

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See `httpcore2.NetworkStream`; in slices, so that a stop is noticed."""
        until = time.monotonic() + self._net.left(timeout)
        while True:
            step = max(0.01, min(SLICE, self._net.left(timeout)))
            try:
                return self._inner.read(max_bytes, step)
            except httpcore2.ReadTimeout:
                if time.monotonic() >= until:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See `httpcore2.NetworkStream`."""
        self._inner.write(buffer, self._net.left(timeout))

    def close(self) -> None:
        """See `httpcore2.NetworkStream`."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """See `httpcore2.NetworkStream`."""
        return _Stream(
            self._inner.start_tls(ssl_context, server_hostname, self._net.left(timeout)), self._net
        )

    def get_extra_info(self, info: str) -> Any:
        """See `httpcore2.NetworkStream`."""
        return self._inner.get_extra_info(info)
