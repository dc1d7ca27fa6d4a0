"""The command line: durations, sizes, errors, and that every example in the help and the README is a valid command."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.exceptions import TyperException

from avatar_engine.cli import main as cli
from avatar_engine.cli import words
from avatar_engine.clone.check import run
from avatar_engine.clone.check.finding import fatal
from avatar_engine.errors import AvatarError
from tests.clone.check.seen import checked

README = Path(__file__).parents[2] / "README.md"
COMMAND = typer.main.get_command(cli.app)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("90s", 90), ("20m", 1200), ("1h30m", 5400), ("1.5h", 5400), ("2m5s", 125)],
)
def test_a_duration_is_read(text: str, expected: float) -> None:
    assert cli.seconds(text) == expected


@pytest.mark.parametrize("text", ["", "m", "ten", "-5", "5x", "1m1h"])
def test_a_bad_duration_is_refused_with_its_value(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=re.escape(repr(text))):
        cli.seconds(text)


def test_a_size_is_read() -> None:
    assert words.frame_size("1280x720") == (1280, 720)
    assert words.frame_size(" 720X1280 ") == (720, 1280)


@pytest.mark.parametrize("text", ["1280", "1281x720", "10x10", "99999x2", "axb"])
def test_a_bad_size_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        words.frame_size(text)


def _leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        yield path, command
        return
    if path and command.invoke_without_command:
        yield path, command
    for name, child in subcommands.items():
        yield from _leaves(child, (*path, name))


LEAVES = dict(_leaves(COMMAND))


def _examples() -> list[str]:
    epilogs = [command.epilog or "" for command in LEAVES.values()]
    in_help = [line for epilog in epilogs for line in re.findall(r"`(avatar-engine .+?)`", epilog)]
    fenced = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    in_readme = [line for block in fenced for line in block.splitlines() if line.startswith("avatar-engine ")]
    assert in_readme
    return in_help + in_readme


def _parse(words: list[str]) -> Any:
    depth = 1 if tuple(words[:2]) not in LEAVES and (words[0],) in LEAVES else 2
    return LEAVES[tuple(words[:depth])].make_context("example", words[depth:])


@pytest.mark.parametrize("line", _examples())
def test_every_example_is_a_valid_command(line: str) -> None:
    _parse(shlex.split(line, comments=True)[1:])


def test_every_command_teaches() -> None:
    for path, command in LEAVES.items():
        assert command.help, path
        assert len(command.help.strip()) > 30, path
        assert "avatar-engine " + " ".join(path) in (command.epilog or ""), path


def test_an_unknown_option_is_no_valid_command() -> None:
    with pytest.raises(TyperException):
        _parse(shlex.split("clone a.mp4 -o b.avatar --consent c.toml --fast"))


def test_an_avatar_error_is_printed_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["avatar-engine", "inspect", "/nowhere/marie.avatar"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    printed = capsys.readouterr().err
    assert "/nowhere/marie.avatar" in printed
    assert "Traceback" not in printed


def test_brackets_in_an_error_are_printed_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise AvatarError("The file show[a].md has no [/b].", "Write [en] above it.")

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit):
        cli.main()
    told = capsys.readouterr().err
    assert "Error: The file show[a].md has no [/b]." in told and "Write [en] above it." in told


def _check(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["avatar-engine", "check", "take.mp4", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def test_check_writes_what_it_found_and_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "check", lambda *_: checked())
    files = tmp_path / "check.json", tmp_path / "check.html"
    assert _check(monkeypatch, "--json", str(files[0]), "--html", str(files[1])) == 0
    assert "A good minute" in capsys.readouterr().out
    assert json.loads(files[0].read_text(encoding="utf-8"))["verdict"] == "good"
    assert "take.mp4: is this a good minute?" in files[1].read_text(encoding="utf-8")


def test_check_ends_with_status_1_where_a_clone_would_be_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = checked()
    refused = replace(found, findings=(*found.findings, fatal("face", "none", "No face.", "Film it.")))
    monkeypatch.setattr(run, "check", lambda *_: refused)
    assert _check(monkeypatch) == 1
    assert "would be refused" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_check_refuses_a_file_that_cannot_be_written_before_any_work(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "check", lambda *_: pytest.fail("the clip was looked at"))
    monkeypatch.setattr(cli.os, "access", lambda path, mode: mode != cli.os.W_OK)
    assert _check(monkeypatch, option, str(tmp_path)) == 2
    assert _check(monkeypatch, option, str(tmp_path / "mine")) == 2
    printed = "".join(capsys.readouterr().err.split())
    assert f"{tmp_path}isafolder" in printed and f"{tmp_path}/minecan'tbewritten" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_check_says_what_it_found_though_its_file_cannot_be_written(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def full(*_: object) -> object:
        (tmp_path / "file").mkdir()  # in the meantime; a full disk ends likewise
        return checked()

    monkeypatch.setattr(run, "check", full)
    assert _check(monkeypatch, option, str(tmp_path / "file")) == 2
    printed = capsys.readouterr()
    assert "A good minute" in printed.out
    assert "can'tbewritten:Isadirectory" in "".join(printed.err.split())
    assert "Traceback" not in printed.err


def test_check_refuses_bad_input_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _check(monkeypatch) == 2
    assert _check(monkeypatch, "--html", "none/check.html") == 2
    printed = capsys.readouterr().err
    assert "There is no file take.mp4" in printed and "There is no folder" in printed
    assert "Traceback" not in printed
