"""A real IRC server with TLS: messages come through it, and come again after it was restarted."""

from __future__ import annotations

import ipaddress
import queue
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from avatar_engine.show.chat import source
from avatar_engine.show.chat.irc import Irc
from avatar_engine.show.chat.message import Count, Link, Message
from avatar_engine.show.chat.standing import Watched
from tests.servers import await_port, free_port
from tests.shops import until
from tests.show.chat.listening import listening

NGIRCD = shutil.which("ngircd") or "/usr/sbin/ngircd"

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not Path(NGIRCD).exists(), reason="ngircd is not installed"),
]

_CONFIGURATION = """[Global]
Name = irc.test
Info = test
Listen = 127.0.0.1
Ports = {plain}
[Options]
DNS = no
Ident = no
PAM = no
[SSL]
CertFile = {folder}/cert.pem
KeyFile = {folder}/key.pem
Ports = {port}
"""


class Ngircd:
    """ngircd on ``127.0.0.1:port``, TLS with a certificate of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "irc.test")])
        now = datetime.now(UTC)
        place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
        signed = made.add_extension(place, critical=False).sign(key, hashes.SHA256())
        (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
        text = _CONFIGURATION.format(folder=folder, port=self.port, plain=free_port())
        (folder / "ngircd.conf").write_text(text)
        folder.chmod(0o755)
        for file in folder.iterdir():
            file.chmod(0o644)  # it drops root's rights
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [NGIRCD, "-n", "-f", str(self.folder / "ngircd.conf")]
        log = (self.folder / "ngircd.log").open("ab")
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        await_port(self.port)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(10)

    def viewer(self, nick: str) -> ssl.SSLSocket:
        """Somebody else in the channel."""
        context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        line = context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.port), 10), server_hostname="127.0.0.1"
        )
        line.sendall(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n".encode())
        heard = b""
        while b" 001 " not in heard:
            heard += line.recv(4096)
        line.sendall(b"JOIN #shop\r\n")
        return line


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ngircd]:
    made = Ngircd(tmp_path_factory.mktemp("irc"))
    for parent in made.folder.parents:
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    made.start()
    yield made
    made.stop()


def heard(got: queue.Queue[Message | Count | Link], server: Ngircd, text: str) -> Message:
    """The message, said again and again until the other end is in the channel."""
    viewer, limit = server.viewer("Ann"), time.monotonic() + 30
    with viewer:
        while time.monotonic() < limit:
            viewer.sendall(f"PRIVMSG #shop :{text}\r\n".encode())
            try:
                came = got.get(timeout=0.3)
            except queue.Empty:
                continue
            if isinstance(came, Message) and came.text == text:
                return came
    raise AssertionError(f"{text!r} did not come")


def test_messages_come_and_come_again_after_a_restart(
    server: Ngircd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "FIRST", 0.1)
    irc = Irc("127.0.0.1", server.port, "#shop", nick="listener", authorities=str(server.folder / "cert.pem"))
    with listening(irc) as got:
        assert heard(got, server, "combien ça coûte ? 😀") == Message(
            "irc", "", "Ann", "combien ça coûte ? 😀"
        )
        server.stop()
        server.start()
        assert heard(got, server, "still there?").author == "Ann"


def test_a_server_with_a_certificate_of_a_stranger_is_not_listened_to(
    server: Ngircd, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(Irc("127.0.0.1", server.port, "#shop"), Watched("irc", print).put):
        assert until(lambda: "certificate" in caplog.text)
