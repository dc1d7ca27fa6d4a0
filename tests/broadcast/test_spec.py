"""Outputs and formats: what is accepted, what is refused, and that no stream key is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.broadcast.spec import OutputSpec, ProgrammeFormat, codec_named, redact_url
from avatar_engine.errors import AvatarError


@pytest.mark.parametrize(
    ("text", "host", "port", "app", "key", "tls", "tc_url"),
    [
        ("rtmp://127.0.0.1/live/show", "127.0.0.1", 1935, "live", "show", False, "rtmp://127.0.0.1/live"),
        ("rtmp://h:19350/a/b/k", "h", 19350, "a/b", "k", False, "rtmp://h:19350/a/b"),
        ("rtmps://live.example:443/rtmp/FB-1-x?s_bl=1&a=b", "live.example", 443, "rtmp", "FB-1-x?s_bl=1&a=b",
         True, "rtmps://live.example/rtmp"),
        ("RTMP://[::1]:7/live/k", "::1", 7, "live", "k", False, "rtmp://[::1]:7/live"),
    ],
)  # fmt: skip
def test_addresses_are_read(
    text: str, host: str, port: int, app: str, key: str, tls: bool, tc_url: str
) -> None:
    spec = OutputSpec.parse(text)
    assert (spec.kind, spec.host, spec.port, spec.app, spec.key, spec.tls) == (
        "rtmp", host, port, app, key, tls,
    )  # fmt: skip
    assert spec.tc_url == tc_url
    assert spec.display == tc_url + "/****"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("srt://host:9000?streamid=SECRET", "SRT"),
        ("http://host/app/SECRET", "scheme 'http'"),
        ("rtmp://host/SECRET", "app or a stream key"),
        ("rtmp://host", "app or a stream key"),
        ("rtmp:///live/SECRET", "no host"),
        ("rtmp://host:70000/live/SECRET", "port"),
        ("rtmp://host:0/live/SECRET", "port"),
        ("rtmp://user:SECRET@host/live/key", "user name"),
        ("rtmp://host/live/SECRET key", "space"),
        ("rtmp://host/live/SECRET\n", "space"),
        ("show.webm", ".mp4 or .flv"),
        ("/nowhere/at/all/show.mp4", "cannot be written"),
    ],
)
def test_wrong_outputs_are_refused_without_showing_the_key(text: str, says: str) -> None:
    with pytest.raises(AvatarError) as caught:
        OutputSpec.parse(text)
    assert says in caught.value.what + caught.value.advice
    assert caught.value.advice
    assert "SECRET" not in str(caught.value)


def test_a_file_is_an_output(tmp_path: Path) -> None:
    spec = OutputSpec.parse(tmp_path / "show.mp4")
    assert (spec.kind, spec.path) == ("file", tmp_path / "show.mp4")
    assert spec.display == str(tmp_path / "show.mp4")


def test_the_key_is_hidden_everywhere() -> None:
    spec = OutputSpec.parse("rtmp://host/live/KEY-1?token=T0K")
    assert "KEY-1" not in repr(spec)
    assert "T0K" not in repr(spec)
    assert spec.redact("stream KEY-1?token=T0K, KEY-1 and token=T0K") == "stream ****, **** and ****"
    assert redact_url("rtmp://me:pass@host:1/live/KEY-1?token=T0K") == "rtmp://host:1/live/****"


@pytest.mark.parametrize(
    ("width", "height", "bitrate"),
    [(640, 360, 900_000), (960, 540, 1_500_000), (1280, 720, 2_500_000), (1920, 1080, 4_500_000)],
)
def test_bitrate_follows_size(width: int, height: int, bitrate: int) -> None:
    assert ProgrammeFormat(width, height).video_bitrate == bitrate
    assert ProgrammeFormat(width, height).audio_bitrate == 128_000
    assert ProgrammeFormat(width, height, 123_456).video_bitrate == 123_456


@pytest.mark.parametrize(
    ("width", "height", "video", "audio"),
    [
        (1281, 720, 0, 128_000),
        (64, 64, 0, 128_000),
        (7680, 4320, 0, 128_000),
        (1280, 720, 2500, 128_000),
        (1280, 720, 0, 128),
    ],
)
def test_impossible_formats_are_refused(width: int, height: int, video: int, audio: int) -> None:
    with pytest.raises(AvatarError):
        ProgrammeFormat(width, height, video, audio)


def test_metadata_always_says_ai_generated() -> None:
    assert "AI-generated" in ProgrammeFormat(1280, 720).metadata["comment"]
    mine = ProgrammeFormat(1280, 720, metadata={"comment": "Images virtuelles", "title": "t"}).metadata
    assert "AI-generated" in mine["comment"]
    assert "Images virtuelles" in mine["comment"]
    assert mine["title"] == "t"
    own = {"comment": "AI-generated, truly"}
    assert ProgrammeFormat(1280, 720, metadata=own).metadata["comment"] == "AI-generated, truly"


def test_an_address_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "youtube.txt"
    secret.write_text("rtmps://a.example/live2/SECRET-KEY\nsecond line\n")
    spec = OutputSpec.parse(f"@{secret}")
    assert (spec.host, spec.key) == ("a.example", "SECRET-KEY")
    for wrong, says in ((tmp_path / "none.txt", "cannot be read"), (tmp_path, "cannot be read")):
        with pytest.raises(AvatarError, match=says):
            OutputSpec.parse(f"@{wrong}")
    secret.write_text("\n")
    with pytest.raises(AvatarError, match="no address"):
        OutputSpec.parse(f"@{secret}")


@pytest.mark.parametrize(
    ("text", "host", "display"),
    [
        ("8081", "127.0.0.1", "http://127.0.0.1:8081/"),
        ("0.0.0.0:8081", "0.0.0.0", "http://0.0.0.0:8081/"),
        ("[::1]:8081", "::1", "http://[::1]:8081/"),
    ],
)
def test_a_preview_listens_on_the_loopback_unless_told(text: str, host: str, display: str) -> None:
    spec = OutputSpec.preview(text)
    assert (spec.kind, spec.host, spec.port, spec.display) == ("preview", host, 8081, display)
    assert not spec.network


@pytest.mark.parametrize("text", ["", "0", "65536", "http", "127.0.0.1:", "-1", "²"])
def test_a_bad_preview_port_is_refused(text: str) -> None:
    with pytest.raises(AvatarError, match="cannot listen"):
        OutputSpec.preview(text)


def test_srt_is_read_where_there_is_srt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar_engine.broadcast.spec.has_srt", lambda: True)
    spec = OutputSpec.parse("srt://h.example:9000?streamid=SECRET1&passphrase=SECRET2")
    assert (spec.kind, spec.host, spec.port) == ("srt", "h.example", 9000)
    assert spec.url == "srt://h.example:9000?streamid=SECRET1&passphrase=SECRET2"
    assert spec.display == "srt://h.example:9000?****"
    assert "SECRET" not in spec.redact("no stream SECRET1, bad passphrase SECRET2") + repr(spec)
    with pytest.raises(AvatarError, match="no port"):
        OutputSpec.parse("srt://h.example?streamid=SECRET")


def test_a_key_is_hidden_in_all_its_forms() -> None:
    spec = OutputSpec.parse("rtmp://h/live/KEY-1%2F2?token=abcdef123&n=1")
    told = spec.redact("KEY-1%2F2?token=abcdef123&n=1, KEY-1%2F2, KEY-1/2, token=abcdef123&n=1, abcdef123")
    assert not any(part in told for part in ("KEY", "abcdef"))


def test_codecs_have_names() -> None:
    assert codec_named("HEVC") == "hevc"
    with pytest.raises(AvatarError, match="h264, hevc, av1"):
        codec_named("vp9")


def test_senseless_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="too short"):
        OutputSpec("file", path=tmp_path / "a.mp4", cut=1.0)
    with pytest.raises(AvatarError, match="negative"):
        OutputSpec("rtmp", give_up=-1.0)
