"""Outputs: keys that nobody sees again, and hosts that an admin allows."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.studio.database import Database
from avatar_engine.studio.outputs import Outputs
from avatar_engine.studio.refusals import Conflict, Forbidden, Refusal
from avatar_engine.studio.vault import Vault

KEY = "secret-stream-key-1234"


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(Database(tmp_path / "s.sqlite"), Vault(tmp_path / "vault.key"))


def test_a_key_is_sealed_and_never_shown(outputs: Outputs, tmp_path: Path) -> None:
    one = outputs.add("YouTube", "rtmps://a.rtmps.youtube.com/live2", "test", KEY)
    assert (one.platform, one.host) == ("youtube", "a.rtmps.youtube.com")
    assert KEY not in str(one) and one.shown.endswith("/****")
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert outputs.address(one.id) == f"rtmps://a.rtmps.youtube.com/live2/{KEY}"


def test_another_vault_does_not_open_it(outputs: Outputs, tmp_path: Path) -> None:
    one = outputs.add("YouTube", "rtmps://a.rtmps.youtube.com/live2", "test", KEY)
    other = Outputs(Database(tmp_path / "s.sqlite"), Vault(tmp_path / "other.key"))
    with pytest.raises(AvatarError, match="another key"):
        other.address(one.id)


def test_a_vault_that_others_may_read_is_refused(tmp_path: Path) -> None:
    Vault(tmp_path / "vault.key")
    (tmp_path / "vault.key").chmod(0o644)
    with pytest.raises(AvatarError, match="Others may read"):
        Vault(tmp_path / "vault.key")


@pytest.mark.parametrize(
    "address",
    [
        "rtmp://127.0.0.1/live/key", "rtmp://169.254.169.254/latest/meta", "rtmp://10.0.0.1/live/key",
        "rtmp://[::1]/live/key", "rtmp://youtube.com.evil.example/live/key", "rtmp://notyoutube.com/live/key",
    ],
)  # fmt: skip
def test_a_host_that_nobody_allowed_is_refused(outputs: Outputs, address: str) -> None:
    with pytest.raises(Forbidden, match="allowed"):
        outputs.add("bad", address, "test")
    assert not outputs.listed()


@pytest.mark.parametrize(
    "address", ["/etc/passwd", "@/etc/passwd", "x.mp4", "http://youtube.com/a/b", "rtmp://youtube.com"]
)
def test_what_is_no_endpoint_is_refused(outputs: Outputs, address: str) -> None:
    with pytest.raises(AvatarError):
        outputs.add("bad", address, "test")


def test_an_output_whose_host_is_allowed_no_more_is_not_used(outputs: Outputs) -> None:
    outputs.allow(["live.example.com"])
    one = outputs.add("ours", "rtmp://live.example.com/app/key", "test")
    outputs.allow(["twitch"])
    with pytest.raises(Forbidden):
        outputs.address(one.id)
    with pytest.raises(Refusal, match="nowhere"):
        outputs.allow(["nowhere"])
    with pytest.raises(Refusal):
        outputs.allow(["any"])


def test_two_outputs_are_not_called_the_same(outputs: Outputs) -> None:
    outputs.add("YouTube", "rtmps://a.rtmps.youtube.com/live2/k", "test")
    with pytest.raises(Conflict):
        outputs.add("YouTube", "rtmps://b.rtmps.youtube.com/live2/k", "test")


def test_a_test_waits_for_the_first_byte_and_says_no_key(outputs: Outputs) -> None:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        outputs.allow(["127.0.0.1"])
        one = outputs.add("here", f"rtmp://127.0.0.1:{server.getsockname()[1]}/live", "test", KEY)

        def answer() -> None:
            line, _ = server.accept()
            heard.append(line.recv(4096))
            line.sendall(b"\3")
            line.close()

        thread = threading.Thread(target=answer)
        thread.start()
        assert outputs.test(one.id).good
        thread.join(5)
    assert heard and KEY.encode() not in heard[0] and b"live" not in heard[0]
    assert not outputs.test(one.id).good, "nobody listens any more"
