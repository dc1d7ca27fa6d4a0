"""Where the studio may be reached, and the way in that its start prints."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from avatar_engine.cli import main as command_line
from avatar_engine.errors import AvatarError
from avatar_engine.studio.serve import serve
from tests.studio.conftest import SHOW


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "studio.example.com"])
def test_others_do_not_listen_in(tmp_path: Path, host: str) -> None:
    with pytest.raises(AvatarError, match="no HTTPS"):
        serve(tmp_path / "s", SHOW, print, host=host)
    assert not (tmp_path / "s").exists()


def test_a_certificate_or_a_port_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="There is no file"):
        serve(tmp_path / "s", SHOW, print, certificate=tmp_path / "none.pem")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(AvatarError, match="can't listen"):
        serve(tmp_path / "s", SHOW, print, port=taken.getsockname()[1])
    assert not (tmp_path / "s").exists()


def test_the_first_start_prints_a_way_in_and_a_lost_password_gets_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    words = [Path(sys.executable).parent / "avatar-engine", "studio", "--port", "0"]
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        where = re.search(r"http://127.0.0.1:\d+", process.stdout.readline())
        link = re.search(r"http://127.0.0.1:\d+/welcome/[\w-]+", process.stdout.readline())
        assert where and link
        page = urllib.request.urlopen(link[0], timeout=20).read().decode()
        assert "Welcome to the studio" in page
        made = CliRunner().invoke(command_line.app, ["studio", "link"])
        assert made.exit_code == 0
        again = re.search(r"/welcome/[\w-]+", made.output)
        assert again and "Welcome" in urllib.request.urlopen(where[0] + again[0], timeout=20).read().decode()
        packed = CliRunner().invoke(command_line.app, ["studio", "backup", str(tmp_path / "b.zip")])
        assert packed.exit_code == 0 and (tmp_path / "b.zip").exists()
    finally:
        process.terminate()
        process.wait(20)
