"""What is sent and where to: the programme's format and its outputs, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

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
_EXAMPLE = "Write it as rtmp://host/app/key, rtmps://host/app/key, or the path of an .mp4 or .flv file."


@dataclass(frozen=True)
class ProgrammeFormat:
    """The shape of what is sent: 25 pictures a second, AAC 48 kHz stereo.

    Attributes:
        width: Pixels, even, 160 to 3840.
        height: Pixels, even, 90 to 2160.
        video_bitrate: Bits per second; 0 chooses by size (720p: 2,500,000).
        audio_bitrate: Bits per second.
        metadata: Tags of files and streams. ``comment`` always says AI-generated.

    Raises:
        AvatarError: A value is out of its range.
    """

    width: int
    height: int
    video_bitrate: int = 0
    audio_bitrate: int = 128_000
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.width % 2 or self.height % 2:
            raise AvatarError(
                f"The size {self.width}x{self.height} is odd.", "H.264 needs an even width and height."
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
        kind: ``rtmp`` (with or without TLS) or ``file``.
        path: Where the file is written; None for a network output.
        host: Name or address without brackets.
        port: TCP port.
        app: RTMP application, such as ``live2``; may have slashes.
        key: Stream key with its query: a secret, never logged (`display` hides it).
        tls: Whether the connection is encrypted (rtmps).
    """

    kind: Literal["rtmp", "file"]
    path: Path | None = None
    host: str = ""
    port: int = 0
    app: str = ""
    key: str = field(default="", repr=False)
    tls: bool = False

    @classmethod
    def parse(cls, text: str | Path) -> OutputSpec:
        """Read ``rtmp://host[:port]/app/key``, ``rtmps://…`` or the path of an .mp4 or .flv file.

        Raises:
            AvatarError: It is none of these; the stream key never appears in the message.
        """
        if isinstance(text, Path) or "://" not in text:
            return cls._file(Path(text).expanduser())
        scheme = text.split("://", 1)[0].lower()
        if scheme == "srt":
            raise AvatarError(
                f"SRT output {redact_url(text)} is not possible: this FFmpeg build has no SRT.",
                "Send RTMP to a local relay (such as MediaMTX) that speaks SRT.",
            )
        if scheme not in _PORTS:
            raise AvatarError(f"The output {redact_url(text)} has an unknown scheme '{scheme}'.", _EXAMPLE)
        return cls._rtmp(text, scheme)

    @classmethod
    def _rtmp(cls, text: str, scheme: str) -> OutputSpec:
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise AvatarError(
                f"The output {redact_url(text)} has a bad host or port.", "Ports go from 1 to 65535."
            ) from error
        if not parts.hostname or port == 0:
            raise AvatarError(f"The output {redact_url(text)} has no host or port 0.", _EXAMPLE)
        if parts.username is not None:
            raise AvatarError(
                f"The output {redact_url(text)} has a user name in it; RTMP logins are not supported.",
                "Use the stream key that the platform shows, as the last part of the address.",
            )
        app, _, name = parts.path.strip("/").rpartition("/")
        if not app or not name:
            raise AvatarError(f"The output {redact_url(text)} lacks an app or a stream key.", _EXAMPLE)
        if any(c.isspace() or ord(c) < 32 for c in text):
            raise AvatarError(
                f"The output {redact_url(text)} has a space or control character in it.",
                "Copy the address and the key again.",
            )
        key = f"{name}?{parts.query}" if parts.query else name
        return cls(
            "rtmp",
            host=parts.hostname,
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
    def tc_url(self) -> str:
        """The address of the application, as the RTMP ``connect`` command wants it: no key in it."""
        scheme = "rtmps" if self.tls else "rtmp"
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[scheme] else f":{self.port}"
        return f"{scheme}://{host}{port}/{self.app}"

    @property
    def display(self) -> str:
        """The output's name for people and logs, without its stream key."""
        return str(self.path) if self.kind == "file" else f"{self.tc_url}/****"

    def redact(self, text: str) -> str:
        """``text`` with every occurrence of the stream key, whole or without its query, hidden."""
        for secret in (self.key, self.key.partition("?")[0], self.key.partition("?")[2]):
            if secret:
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
