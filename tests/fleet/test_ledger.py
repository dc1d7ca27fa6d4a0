"""What the supervisor remembers, and what of it a fleet that is started anew goes on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.fleet import ledger
from avatar_engine.fleet.ledger import Ledger, Lock, Writer
from avatar_engine.fleet.plan import Fleet, ShowPlan


def fleet(*names: str, **more: object) -> Fleet:
    shows = {n: ShowPlan(avatar=Path("a"), script=Path("b"), to=(f"env:{n.upper()}",)) for n in names}
    return Fleet.model_validate({"show": shows, **more})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    return tmp_path


def known(**of: str) -> Ledger:
    """A fleet whose shows are in these states, at their seventh item and third token."""
    kept = Ledger.of(fleet(*of), Path("f.toml"))
    for name, state in of.items():
        kept.records[name] = kept.records[name].model_copy(
            update={"state": state, "token": 3, "place": 7, "aired": 60.0, "node": "here", "wanted": "stop"}
        )
    return kept


def test_what_may_still_run_is_found_again_and_what_is_over_begins_anew() -> None:
    again = known(a="running", b="stopped", c="ended").again(fleet("a", "b", "c"), Path("f.toml"))
    a, b, c = (again.records[name] for name in "abc")
    assert (a.state, a.wanted, a.place, a.node) == ("running", "run", 7, "here")
    assert (b.state, b.place, b.aired) == ("waiting", 0, 0.0)
    assert [one.token for one in (a, b, c)] == [3, 3, 3], "machines may remember them"


def test_resume_goes_on_with_what_was_stopped_but_not_with_what_had_ended() -> None:
    again = known(b="stopped", c="ended").again(fleet("b", "c"), Path("f.toml"), resume=True)
    assert (again.records["b"].place, again.records["b"].aired) == (7, 60.0)
    assert again.records["c"].place == 0


def test_a_show_that_is_no_longer_in_the_file_is_ended_where_it_may_run() -> None:
    again = known(a="running", b="stopped").again(fleet("x"), Path("f.toml"))
    assert again.records["a"].wanted == "gone" and again.records["a"].holds
    assert set(again.records) == {"x", "a"}


def test_tokens_of_what_was_forgotten_are_kept_and_go_on() -> None:
    again = known(a="stopped", b="stopped", c="running").again(fleet("b"), Path("f.toml"))
    assert again.tokens == {"a": 3}, "b and c have theirs with them"
    back = again.again(fleet("a", "b"), Path("f.toml"))
    assert (back.records["a"].token, back.tokens) == (3, {})
    assert back.records["c"].token == 3 and back.records["c"].wanted == "gone"


def test_machines_are_not_changed_under_what_may_still_run() -> None:
    with pytest.raises(AvatarError, match="a may still run"):
        known(a="silent").again(fleet("a", mode="ray"), Path("f.toml"))
    assert known(a="stopped").again(fleet("a", mode="ray"), Path("f.toml")).mode == "ray"


def test_a_lease_that_was_longer_is_waited_for() -> None:
    old = known(a="running").model_copy(update={"lease": 60.0})
    assert old.again(fleet("a", lease="5s"), Path("f.toml")).lease == 60.0
    old.records["a"].state = "stopped"
    assert old.again(fleet("a", lease="5s"), Path("f.toml")).lease == 5.0


def test_it_is_kept_and_read_again() -> None:
    assert ledger.load() is None
    kept, writer = known(a="running"), Writer()
    assert writer.wait(writer.put(kept.model_dump_json()), 10)
    writer.close()
    assert ledger.load() == kept
    (ledger.place() / "ledger.json").write_text("{}")
    with pytest.raises(AvatarError, match="can't be read"):
        ledger.load()


def test_a_disk_that_takes_nothing_holds_nobody_up(home: Path) -> None:
    (home / "state").write_text("no folder")
    writer = Writer()
    assert not writer.wait(writer.put("{}"), 0.3)
    (home / "state").unlink()
    assert writer.wait(writer.put("{}"), 10)
    writer.close()


def test_there_is_one_supervisor() -> None:
    first, second = Lock(), Lock()
    assert first.take() and not second.take()
    first.release()
    assert second.take()
    second.release()
