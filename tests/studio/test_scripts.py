"""Scripts: mistakes with their lines, two who write at once, and nothing outside that they may name."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.studio.database import Database
from avatar_engine.studio.refusals import Conflict, Forbidden, Missing, TooLarge
from avatar_engine.studio.scripts import LONGEST, NEW, Scripts, judged

ALLOWED = ("twitch",)


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    return Scripts(Database(tmp_path / "s.sqlite"), tmp_path / "scripts")


def test_a_new_script_may_go_on_air(scripts: Scripts) -> None:
    found = scripts.judge(scripts.add("Friday", NEW, "Ada"), None, ALLOWED)
    assert found.good and not found.mistakes


def test_every_mistake_has_its_line(scripts: Scripts) -> None:
    ident = scripts.add("Friday", NEW, "Ada")
    draft = "---\nlanguage: en\nspeed: 9\nnonsense: 1\n---\n\nHello [shouting] there.\n"
    found = scripts.judge(ident, draft, ALLOWED)
    assert not found.good
    assert [one.line for one in found.mistakes] == [3, 4, 7]
    assert "shouting" in found.mistakes[-1].said
    assert scripts.one(ident).text == NEW, "a draft is not kept"
    assert sorted(path.name for path in scripts.one(ident).folder.iterdir()) == ["script.md"]


def test_a_sentence_that_the_guard_refuses_has_its_line(scripts: Scripts) -> None:
    ident = scripts.add("Friday", "---\nlanguage: en\n---\n\nHello.\n\nThis cures cancer.\n", "Ada")
    found = scripts.judge(ident, None, ALLOWED)
    assert not found.good and {one.line for one in found.mistakes} == {7}


def test_who_writes_second_overwrites_nothing(scripts: Scripts) -> None:
    ident = scripts.add("Friday", NEW, "Ada")
    assert scripts.save(ident, "Hello from Ada.", 1, "Ada") == 2
    with pytest.raises(Conflict, match="Ada has changed"):
        scripts.save(ident, "Hello from Bob.", 1, "Bob")
    assert scripts.one(ident).text == "Hello from Ada."
    assert scripts.save(ident, "Hello\r\nfrom Bob.", 2, "Bob") == 3
    assert scripts.one(ident).text == "Hello\nfrom Bob."


def test_files_lie_beside_a_script_and_nowhere_else(scripts: Scripts, tmp_path: Path) -> None:
    ident = scripts.add("Friday", NEW, "Ada")
    for number, (name, kept) in enumerate(
        [("shop.csv", "shop.csv"), ("../../../x.csv", "x.csv"), ("a b/c d.csv", "c-d.csv")]
    ):
        file = tmp_path / f"{number}.part"
        file.write_text("id,name,price\n")
        assert scripts.attach(ident, file, name) == kept
    assert scripts.one(ident).attached == ("c-d.csv", "shop.csv", "x.csv")
    with pytest.raises(Missing):
        scripts.detach(ident, "../script.md")
    scripts.detach(ident, "x.csv")
    assert scripts.one(ident).attached == ("c-d.csv", "shop.csv")


@pytest.mark.parametrize(
    "front",
    [
        "catalogue: /etc/passwd", "catalogue: ../../vault.key", "catalogue: ~/x.csv", "host: /etc/host.toml",
        "background: /root/x.png", "layout: /tmp/x.toml", "card: [left, /etc/x.svg]",
        "catalogue: http://127.0.0.1:8080/x.csv", "catalogue: http://169.254.169.254/latest", "catalogue: http://[::1]/x.csv",
        'chat: ["relay:ws://10.0.0.1:9/"]', "chat: [irc:127.0.0.1:6667/#x]", "chat: [replay:/etc/passwd]",
    ],
)  # fmt: skip
def test_a_script_names_nothing_outside(scripts: Scripts, front: str) -> None:
    ident = scripts.add("Friday", f"---\nlanguage: en\n{front}\n---\n\nHello.\n", "Ada")
    found = scripts.judge(ident, None, ALLOWED)
    assert not found.good
    assert "own network" in found.mistakes[0].said or "lie beside" in found.mistakes[0].said


def test_settings_beside_a_script_name_nothing_outside_either(tmp_path: Path) -> None:
    script = tmp_path / "script.md"
    script.write_text("---\nlanguage: en\nhost: host.toml\n---\n\nHello.\n\n<!-- host 10s -->\n")
    (tmp_path / "host.toml").write_text('url = "http://127.0.0.1:11434/v1"\nmodel = "m"\n')
    assert "own network" in judged(script, ALLOWED).mistakes[0].said
    assert judged(script, ("127.0.0.1",)).good


def test_a_script_has_a_bound(scripts: Scripts) -> None:
    with pytest.raises(TooLarge):
        scripts.add("Long", "x" * (LONGEST + 1), "Ada")
    with pytest.raises(Forbidden):
        from avatar_engine.studio.confine import confine

        path = scripts._folder / "s.md"
        path.write_text("---\nlanguage: en\ncatalogue: /etc/passwd\n---\n\nHello.\n")
        confine(path, ALLOWED)
