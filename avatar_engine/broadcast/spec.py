"""What is sent and where to: the programme's format and its outputs, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import av

from avatar_engine.errors import AvatarError

TIME_BASE = 48_000
"""Ticks per second of every presentation time in this room: the sample rate of the sound that is sent."""

TICKS_PER_FRAME = TIME_BASE // 25
"""Ticks from one picture to the next."""

MARKING = "AI-generated: this video shows a virtual presenter"
"""What every file and stream says of itself when the caller gives no comment of their own."""

_VIDEO_BITRATES = ((640 * 360, 900_000), (960 * 540, 1_500_000), (1280 * 720, 2_500_000))
_LARGEST_BITRATE = 4_500_000
_FILES = (".mp4", ".flv")
_PORTS = {"rtmp": 1935, "rtmps": 443}
_SECRET = 6
"""Characters from which on a value in a query is hidden wherever it stands; shorter ones are in every second word."""
_EXAMPLE = "Write it as rtmp://host/app/key, rtmps://host/app/key, or the path of an .mp4 or .flv file."

Codec = Literal["h264", "hevc", "av1"]


def codec_named(name: str) -> Codec:
    """A codec by its name.

    Raises:
        AvatarError: There is none of that name.
    """
    known: tuple[Codec, ...] = get_args(Codec)
    for codec in known:
        if name.lower() == codec:
            return codec
    raise AvatarError(f"There is no codec '{name}'.", f"Choose one of {', '.join(known)}.")


@dataclass(frozen=True)
class ProgrammeFormat:
    """The shape of what is sent: 25 pictures a second, AAC 48 kHz stereo.

    Attributes:
        width: Pixels, even, 160 to 3840.
        height: Pixels, even, 90 to 2160.
        video_bitrate: Bits per second; 0 chooses by size (720p: 2,500,000).
        audio_bitrate: Bits per second.
        metadata: Tags of files and streams. ``comment`` always says AI-generated.
        codec: ``h264``, ``hevc`` or ``av1``. RTMP carries the last two in enhanced FLV, which not every server takes.
        record: What is known of its making, a line of JSON, which goes with the comment into every keyframe.

    Raises:
        AvatarError: A value is out of its range.
    """

    width: int
    height: int
    video_bitrate: int = 0
    audio_bitrate: int = 128_000
    metadata: Mapping[str, str] = field(default_factory=dict)
    codec: Codec = "h264"
    record: str = ""

    @property
    def marking(self) -> str:
        """What every keyframe says: the comment, and below it the record."""
        return f"{self.metadata['comment']}\n{self.record}".strip()

    def __post_init__(self) -> None:
        if self.width % 2 or self.height % 2:
            raise AvatarError(
                f"The size {self.width}x{self.height} is odd.", "Video needs an even width and height."
            )
        if not (160 <= self.width <= 3840 and 90 <= self.height <= 2160):
            raise AvatarError(
                f"The size {self.width}x{self.height} cannot be sent.", "Choose 160x90 to 3840x2160."
            )
        if not self.video_bitrate:
            object.__setattr__(self, "video_bitrate", _bitrate(self.width * self.height))
        if not 100_000 <= self.video_bitrate <= 100_000_000:
            raise AvatarError(
                f"A video bitrate of {self.video_bitrate} bits per second is out of range.",
                "Give bits per second: 2500000 for 2500 kbps.",
            )
        if not 32_000 <= self.audio_bitrate <= 512_000:
            raise AvatarError(
                f"An audio bitrate of {self.audio_bitrate} bits per second is out of range.",
                "Give bits per second: 128000 for 128 kbps.",
            )
        tags = dict(self.metadata)
        comment = tags.get("comment", "")
        if "AI-generated" not in comment:
            tags["comment"] = f"{MARKING}. {comment}".strip(". ")
        object.__setattr__(self, "metadata", tags)


def _bitrate(pixels: int) -> int:
    return next((rate for size, rate in _VIDEO_BITRATES if pixels <= size), _LARGEST_BITRATE)


@dataclass(frozen=True)
class OutputSpec:
    """One place that the programme goes to.

    Attributes:
        kind: ``rtmp`` (with or without TLS), ``srt``, ``file`` or ``preview``.
        path: Where the file is written; None for other outputs.
        host: Name or address without brackets; what a preview listens on.
        port: TCP port (SRT: UDP port).
        app: RTMP application, such as ``live2``; may have slashes.
        key: Stream key with its query (SRT: the query): a secret, never logged (`display` hides it).
        tls: Whether the connection is encrypted (rtmps).
        cut: Seconds after which a file ends and the next begins, at a keyframe; 0 makes one file.
        give_up: Seconds without a connection after which a network output has failed; 0 tries for ever.
    """

    kind: Literal["rtmp", "srt", "file", "preview"]
    path: Path | None = None
    host: str = ""
    port: int = 0
    app: str = ""
    key: str = field(default="", repr=False)
    tls: bool = False
    cut: float = 0.0
    give_up: float = 0.0

    def __post_init__(self) -> None:
        if self.cut and self.cut < 10:
            raise AvatarError(
                f"Pieces of {self.cut:g} s are too short.", "Cut a recording every 10 s or more."
            )
        if self.give_up < 0:
            raise AvatarError("A time to give up after is negative.", "Give minutes, or 0 to try for ever.")

    @classmethod
    def parse(cls, text: str | Path) -> OutputSpec:
        """Read ``rtmp://host[:port]/app/key``, ``rtmps://…``, ``srt://host:port?…``, the path of an .mp4 or .flv
        file, or ``@FILE``: a file whose first line is one of these, so that no command line shows the key.

        Raises:
            AvatarError: It is none of these; the stream key never appears in the message.
        """
        if isinstance(text, str) and text.startswith("@"):
            text = _first_line(Path(text[1:]).expanduser())
        if isinstance(text, Path) or "://" not in text:
            return cls._file(Path(text).expanduser())
        scheme = text.split("://", 1)[0].lower()
        if scheme == "srt":
            return cls._srt(text)
        if scheme not in _PORTS:
            raise AvatarError(f"The output {redact_url(text)} has an unknown scheme '{scheme}'.", _EXAMPLE)
        return cls._rtmp(text, scheme)

    @classmethod
    def preview(cls, text: str) -> OutputSpec:
        """Read ``PORT`` or ``HOST:PORT``: where a preview for browsers and players listens, loopback by default.

        Raises:
            AvatarError: It is no port from 1 to 65535.
        """
        host, _, port = text.rpartition(":")
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
            raise AvatarError(f"A preview cannot listen on '{text}'.", "Give a port, such as --preview 8081.")
        return cls("preview", host=host.strip("[]") or "127.0.0.1", port=int(port))

    @classmethod
    def _srt(cls, text: str) -> OutputSpec:
        if not has_srt():
            raise AvatarError(
                f"SRT output {redact_url(text)} is not possible: this FFmpeg build has no SRT.",
                "Install PyAV from source on an FFmpeg with libsrt, or send RTMP to a local relay (such as MediaMTX).",
            )
        host, port, query = _host_port_query(text)
        if not port:
            raise AvatarError(
                f"The output {redact_url(text)} has no port.", "Write srt://host:port?streamid=…"
            )
        return cls("srt", host=host, port=port, key=query)

    @classmethod
    def _rtmp(cls, text: str, scheme: str) -> OutputSpec:
        host, port, query = _host_port_query(text)
        parts = urlsplit(text)
        if parts.username is not None:
            raise AvatarError(
                f"The output {redact_url(text)} has a user name in it; RTMP logins are not supported.",
                "Use the stream key that the platform shows, as the last part of the address.",
            )
        app, _, name = parts.path.strip("/").rpartition("/")
        if not app or not name:
            raise AvatarError(f"The output {redact_url(text)} lacks an app or a stream key.", _EXAMPLE)
        key = f"{name}?{query}" if query else name
        return cls(
            "rtmp",
            host=host,
            port=port or _PORTS[scheme],
            app=app,
            key=key,
            tls=scheme == "rtmps",
        )

    @classmethod
    def _file(cls, path: Path) -> OutputSpec:
        if path.suffix.lower() not in _FILES:
            raise AvatarError(
                f"The output '{path}' is neither an address nor an .mp4 or .flv file.", _EXAMPLE
            )
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise AvatarError(f"The file '{path}' cannot be written.", "Its folder must exist.")
        return cls("file", path=path)

    @property
    def network(self) -> bool:
        """Whether it needs a server that somebody else runs."""
        return self.kind in ("rtmp", "srt")

    @property
    def tc_url(self) -> str:
        """The address as far as it is no secret: the application for RTMP's ``connect``, or SRT's host and port."""
        scheme = "srt" if self.kind == "srt" else "rtmps" if self.tls else "rtmp"
        port = "" if self.port == _PORTS.get(scheme) else f":{self.port}"
        return f"{scheme}://{self._bracketed}{port}" + (f"/{self.app}" if self.app else "")

    @property
    def url(self) -> str:
        """The whole address with its secret: for the sender alone."""
        return f"{self.tc_url}{'?' if self.kind == 'srt' else '/'}{self.key}"

    @property
    def display(self) -> str:
        """The output's name for people and logs, without its stream key."""
        match self.kind:
            case "file":
                return str(self.path)
            case "preview":
                return f"http://{self._bracketed}:{self.port}/"
            case "srt":
                return f"{self.tc_url}?****" if self.key else self.tc_url
        return f"{self.tc_url}/****"

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def redact(self, text: str) -> str:
        """``text`` with every occurrence of the stream key, whole, in its parts or quoted for an address, hidden."""
        parts = {self.key, *self.key.split("?", 1)}
        parts |= {v for _, v in parse_qsl(self.key.rpartition("?")[2]) if len(v) >= _SECRET}
        parts |= {unquote(part) for part in parts} | {quote(part) for part in parts}
        for secret in sorted(parts - {""}, key=len, reverse=True):
            text = text.replace(secret, "****")
        return text


def redact_url(text: str) -> str:
    """An address with everything hidden that may be a secret: user, last path part, query."""
    scheme, _, rest = text.partition("://")
    rest = rest.partition("?")[0].partition("#")[0].rstrip("/")
    authority, *path = rest.split("/")
    authority = authority.rpartition("@")[2]
    hidden = [*path[:-1], "****"] if path else []
    return f"{scheme}://" + "/".join([authority, *hidden])


def has_srt() -> bool:
    """Whether the FFmpeg at hand speaks SRT; PyAV's wheels do not."""
    try:
        # Without a port, so that one that has it refuses at once.
        av.open("srt://localhost", format="mpegts").close()
    except av.error.ProtocolNotFoundError:
        return False
    except (av.FFmpegError, OSError):
        return True
    return True


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise AvatarError(
            f"The file '{path}' with an output's address cannot be read ({reason}).", _EXAMPLE
        ) from error
    if not lines or not lines[0].strip() or lines[0].startswith("@"):
        raise AvatarError(f"The first line of '{path}' holds no address.", _EXAMPLE)
    return lines[0].strip()


def _host_port_query(text: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise AvatarError(
            f"The output {redact_url(text)} has a bad host or port.", "Ports go from 1 to 65535."
        ) from error
    if not parts.hostname or port == 0:
        raise AvatarError(f"The output {redact_url(text)} has no host or port 0.", _EXAMPLE)
    if any(c.isspace() or ord(c) < 32 for c in text):
        raise AvatarError(
            f"The output {redact_url(text)} has a space or control character in it.",
            "Copy the address and the key again.",
        )
    return parts.hostname, port or 0, parts.query
