"""Bars on a terminal; a line at each tenth elsewhere."""

from __future__ import annotations

import io

from rich.console import Console

from avatar_engine.cli.progress import Bars


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_each_tenth_of_a_stage_is_one_line() -> None:
    console = Console(file=io.StringIO(), width=100)
    with Bars(console) as bars:
        for hundredth in range(101):
            bars("lips painter", hundredth / 100, "loss 0.1")
        bars("voice", 0.55, "[9 kB]")
    lines = _text(console).splitlines()
    assert len(lines) == 12
    assert lines[0] == "lips painter:   0% loss 0.1"
    assert lines[10] == "lips painter: 100% loss 0.1"
    assert lines[11] == "voice:  55% [9 kB]"


def test_a_terminal_gets_a_bar_a_stage_with_its_note() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    with Bars(console) as bars:
        bars("intake", 0.25, "first")
        bars("intake", 1.4, "well [done]")
        bars("voice", -1.0)
    lines = _text(console).splitlines()
    intake = [line for line in lines if "intake" in line][-1]
    voice = [line for line in lines if "voice" in line][-1]
    assert "100%" in intake and "well [done]" in intake
    assert " 0%" in voice
