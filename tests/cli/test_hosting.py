"""The verbs of hosted shows, as a technician types them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from avatar_engine.cli import hosting, main
from avatar_engine.errors import AvatarError
from avatar_engine.figures import folder
from avatar_engine.figures.door import Door
from avatar_engine.live.desk import Desk
from avatar_engine.trust.audit import Audit
from tests.figures.shows import shown
from tests.kpis.nights import EVENING, write


def test_a_good_script_is_told_and_a_wrong_one_ends_with_status_1(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text("id,name,price\nm,Mug,12 €\n")
    script = tmp_path / "show.md"
    script.write_text("---\ncatalogue: shop.csv\n---\n# Mug {product=m}\n\n{name}: {price}.\n")
    good = CliRunner().invoke(main.app, ["show", "check", str(script)])
    assert good.exit_code == 0 and "It may go on air." in good.output
    script.write_text("---\ncatalogue: shop.csv\n---\n# Mug {product=m}\n\nIt cures headaches for 3 €.\n")
    bad = CliRunner().invoke(main.app, ["show", "check", str(script)])
    assert bad.exit_code == 1 and "line 6: claim: health: cures" in bad.output
    script.write_text("# Nothing\n")
    with pytest.raises(AvatarError, match="nothing is said"):
        CliRunner().invoke(main.app, ["show", "check", str(script)], catch_exceptions=False)


def test_a_rehearsal_without_end_is_refused(tmp_path: Path) -> None:
    words = ["show", "rehearse", "s.md", "--avatar", "m.avatar", "-o", "o.mp4", "--loop"]
    answer = CliRunner().invoke(main.app, words)
    assert answer.exit_code == 2 and "--for" in answer.output


def test_an_order_reaches_the_show_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ae") as home:
        monkeypatch.setenv("AVATAR_ENGINE_HOME", home)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        told = {**shown(), "show": "marie-20270101-200000", "began": "1"}
        door = Door(str(told["show"]), lambda: told)
        desk = Desk(str(told["show"]), {"say": lambda text: said.append(text) or "Done."})  # type: ignore[func-returns-value]
        door.open(), desk.open()
        try:
            answer = CliRunner().invoke(main.app, ["control", "marie", "say", "Hello there."])
            assert answer.exit_code == 0 and "Done." in answer.output and said == ["Hello there."]
            with pytest.raises(AvatarError, match="No show 'paul' runs"):
                hosting.control("paul", "say", "x")
        finally:
            desk.close(), door.close()


def test_key_figures_are_told_and_written(tmp_path: Path) -> None:
    night, files = write(tmp_path, EVENING), [tmp_path / name for name in ("k.csv", "k.json", "k.html")]
    words = ["show", "kpis", str(night), "--window", "30s", "--delay", "2s"]
    words += [word for file in files for word in (f"--{file.suffix[1:]}", str(file))]
    answer = CliRunner().invoke(main.app, words)
    assert answer.exit_code == 0 and "10 clicks, 4 sales (37.50 EUR)" in answer.output
    assert "30 s before" in answer.output and all(file.stat().st_size > 500 for file in files)
    with pytest.raises(AvatarError, match="can't be read"):
        CliRunner().invoke(main.app, ["show", "kpis", str(tmp_path / "none.jsonl")], catch_exceptions=False)


def test_the_audit_log_of_a_show_is_found_and_a_broken_one_ends_with_status_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    made = folder.new("marie.v2")
    with pytest.raises(AvatarError, match=r"left no audit.jsonl"):
        CliRunner().invoke(main.app, ["show", "audit", "marie.v2"], catch_exceptions=False)
    kept = Audit.begun(made.audit, made.show)
    kept({"event": "say", "text": "Hello."})
    kept.close()
    good = CliRunner().invoke(main.app, ["show", "audit", "marie.v2"])
    assert good.exit_code == 0 and "The chain is whole" in good.output and "say 1" in good.output
    made.audit.write_bytes(made.audit.read_bytes().replace(b"Hello.", b"Howdy."))
    bad = CliRunner().invoke(main.app, ["show", "audit", str(made.path)])
    assert bad.exit_code == 1 and "BROKEN at audit.jsonl, line 3" in bad.output
