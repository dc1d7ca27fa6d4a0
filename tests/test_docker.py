"""The container's files, read as Docker reads them: every file copied is there, every command asked for is known."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from avatar_engine.cli.main import app
from tests.servers import NGINX, RTMP_MODULE

ROOT = Path(__file__).parent.parent
DOCKERFILES = [ROOT / "Dockerfile.cuda", ROOT / "docker/rtmp/Dockerfile"]
KNOWN = {"FROM", "ARG", "ENV", "RUN", "COPY", "WORKDIR", "USER", "VOLUME", "HEALTHCHECK", "STOPSIGNAL", "EXPOSE",
         "ENTRYPOINT", "CMD"}  # fmt: skip


def instructions(file: Path) -> list[tuple[str, str]]:
    lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.split(maxsplit=1) for line in whole.splitlines() if line.strip()]
    return [(word, rest) for word, rest in pairs]


def compose() -> dict[str, Any]:
    read = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert isinstance(read, dict)
    return read


def sent(path: str) -> bool:
    """Whether `.dockerignore` lets a path into the build: the last line that fits it decides."""
    inside = True
    for line in (ROOT / ".dockerignore").read_text().split():
        pattern = line.removeprefix("!")
        if fnmatch(path, pattern) or path.split("/")[0] == pattern:
            inside = line.startswith("!")
    return inside


@pytest.mark.parametrize("file", DOCKERFILES, ids=str)
def test_every_instruction_is_one_and_what_is_copied_is_there(file: Path) -> None:
    stages = set()
    for word, rest in instructions(file):
        assert word in KNOWN
        if word == "FROM" and " AS " in rest:
            stages.add(rest.split()[-1])
        if word == "COPY":
            words = [w for w in rest.split() if not w.startswith("--")]
            source = re.search(r"--from=(\S+)", rest)
            if source:
                assert source[1] in stages
                continue
            for path in words[:-1]:
                assert (file.parent / path).exists(), path
                assert file.parent != ROOT or sent(path), path


@pytest.mark.parametrize("file", DOCKERFILES, ids=str)
def test_it_runs_as_a_normal_user_and_its_health_is_looked_at(file: Path) -> None:
    words = instructions(file)
    users = [rest for word, rest in words if word == "USER"]
    assert users and users[-1] not in ("root", "0")
    assert [word for word, _ in words].count("HEALTHCHECK") == 1


@pytest.mark.parametrize("file", DOCKERFILES, ids=str)
def test_every_step_is_a_command_that_a_shell_can_read(file: Path) -> None:
    for word, rest in instructions(file):
        if word == "RUN":
            subprocess.run(["sh", "-n", "-c", rest], check=True)


def test_what_the_steps_ask_of_the_projects_files_is_in_them(tmp_path: Path) -> None:
    steps = " ".join(rest for word, rest in instructions(DOCKERFILES[0]) if word == "RUN")
    (script,) = re.findall(r'python -c "(.+?)" ', steps)
    listed = subprocess.run(["python", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert listed.stdout.splitlines() == project["dependencies"]
    (version,) = re.findall(r"\$\((sed .+?)\)", steps)
    told = subprocess.run(["sh", "-c", version], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", told)


def asked() -> list[list[str]]:
    """Every command line of the engine that the files hold."""
    out = [shlex.split(line) for line in re.findall(r"avatar-engine ([a-z]+ [a-z]+)\b",
           " ".join(rest for word, rest in instructions(DOCKERFILES[0]) if word == "RUN"))]  # fmt: skip
    for word, rest in instructions(DOCKERFILES[0]):
        if word in ("CMD", "HEALTHCHECK"):
            words = yaml.safe_load(rest[rest.index("[") :])
            out.append([w for w in words if w != "avatar-engine"])
    out += [service["command"] for service in compose()["services"].values() if "command" in service]
    return out


def test_every_command_is_one_of_the_engines_with_options_that_it_knows() -> None:
    root = typer.main.get_command(app)
    assert len(asked()) >= 4
    for words in asked():
        command: Any = root
        while words and hasattr(command, "commands") and words[0] in command.commands:
            command, words = command.commands[words[0]], words[1:]
        assert command is not root, words
        known = {name for option in command.params for name in option.opts}
        assert {w for w in words if w.startswith("--")} <= known


def test_services_name_what_the_file_has() -> None:
    read = compose()
    assert set(read) == {"x-show", "services", "volumes", "secrets"}
    for name, service in read["services"].items():
        build = service["build"]
        context = build if isinstance(build, str) else build["context"]
        file = "Dockerfile" if isinstance(build, str) else build["dockerfile"]
        assert (ROOT / context / file).is_file(), name
        args = {rest.split("=")[0] for word, rest in instructions(ROOT / context / file) if word == "ARG"}
        assert set({} if isinstance(build, str) else build.get("args", {})) <= args
        assert set(service.get("secrets", ())) <= set(read["secrets"])
        assert set(service.get("depends_on", ())) <= set(read["services"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source.startswith("./") or source in read["volumes"]
    card = read["services"]["show"]["deploy"]["resources"]["reservations"]["devices"][0]
    assert card["driver"] == "nvidia" and "video" in card["capabilities"]
    state = dict(rest.split("=", 1) for word, line in instructions(DOCKERFILES[0]) if word == "ENV"
                 for rest in line.split())["AVATAR_ENGINE_HOME"]  # fmt: skip
    assert f"state:{state}" in read["services"]["show"]["volumes"]


@pytest.mark.server
@pytest.mark.skipif(RTMP_MODULE is None, reason="nginx with the RTMP module is not installed")
def test_nginx_takes_the_servers_configuration() -> None:
    tried = subprocess.run(
        [NGINX, "-t", "-q", "-c", str(ROOT / "docker/rtmp/nginx.conf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stderr
