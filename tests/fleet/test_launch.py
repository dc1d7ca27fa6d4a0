"""What a machine is told to start, and that nobody waits while it is made up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from avatar_engine.fleet import launch, ledger
from avatar_engine.fleet import supervisor as room
from avatar_engine.fleet.facts import Facts
from avatar_engine.fleet.ledger import Ledger
from avatar_engine.fleet.placing import Cost, Node
from avatar_engine.fleet.plan import ClonePlan, Fleet, ShowPlan
from avatar_engine.fleet.record import Record, Report
from avatar_engine.fleet.supervisor import Supervisor
from tests.fleet.conftest import until


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    for name in ("clip.mp4", "consent.toml", "marie.avatar", "show.md", "sets/night/set.toml", "shop.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def show(place: Path, goal: str = "env:MARIE", **more: Any) -> ShowPlan:
    return ShowPlan(avatar=place / "marie.avatar", script=place / "show.md", to=(goal,), **more)


def words(plan: ShowPlan, **of: Any) -> list[str]:
    one = Record(name="marie", plan=plan, token=1, **of)
    return list(launch.load(one, "fleet", ("-m", "x"), {"MARIE": "rtmp://a/live/K"}).order.words)


def test_a_layout_in_a_folder_that_travels_is_found_where_it_comes_to(place: Path) -> None:
    beside = (Path("sets"), Path("shop.csv"))
    told = words(show(place, beside=beside, layout="sets/night/set.toml"))
    assert told[told.index("--layout") + 1] == "script/sets/night/set.toml"
    told = words(show(place, beside=beside, layout="plain"))
    assert told[told.index("--layout") + 1] == "plain" and "--background" not in told
    assert "--layout" not in words(show(place, beside=(Path(),))), "no layout is none of them"


@pytest.mark.parametrize(("aired", "said"), [(0.0, "100s"), (99.8, "1s"), (50.4, "50s")])
def test_what_is_left_of_a_show_is_never_no_time(place: Path, aired: float, said: str) -> None:
    told = words(show(place, length=100.0), aired=aired)
    assert told[told.index("--for") + 1] == said


class Line:
    """A line to a machine that has all files, and notes what it is asked."""

    def __init__(self, machine: One) -> None:
        self.machine, self.closed = machine, False

    def ask(self, method: str, *arguments: Any) -> Future[Any]:
        self.machine.asked.append((method, arguments))
        if method == "begin":
            self.machine.kept = (ledger.place() / "ledger.json").read_text()
        answer = Future[Any]()
        if method == "forget":
            self.machine.forgetting.append((self, answer))
        elif method == "beat" and self.machine.says:
            answer.set_result(Report(arguments[2], self.machine.says, error="It can't.", stamp=5.0))
        else:
            answer.set_result({"stamp": 5.0, "missing": []}.get(method))
        return answer

    def close(self) -> None:
        self.closed = True


class One:
    """A fleet of one machine; ``says`` is how everything on it goes."""

    lease = 12.0

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.forgetting: list[tuple[Line, Future[None]]] = []
        self.kept, self.says = "", "running"

    def nodes(self) -> list[tuple[Node, Facts]]:
        return [(Node("a", "a", 8.0, 64000.0), Facts("a", "0", 8.0, 64000.0))]

    def reach(self, node: str, task: str, cost: Cost) -> Line:
        return Line(self)

    def close(self) -> None:
        pass


@pytest.fixture
def machine() -> One:
    return One()


@pytest.fixture
def supervisor(place: Path, machine: One) -> Iterator[Supervisor]:
    paul = ClonePlan(video=place / "clip.mp4", consent=place / "consent.toml", output=place / "paul.avatar")
    fleet = Fleet(show={"marie": show(place)}, clone={"paul": paul})
    known = {"MARIE": "rtmp://a/live/K"}
    one = Supervisor(Ledger.of(fleet, place / "fleet.toml"), machine, ("-m", "x"), known)
    yield one
    one.close()


def test_no_process_of_the_fleet_gets_the_variable_of_any_of_its_shows(
    supervisor: Supervisor, machine: One, place: Path
) -> None:
    supervisor.tick()
    supervisor.add("anna", show(place, "env:ANNA"), {"ANNA": "rtmp://a/live/L"})
    supervisor.remove("anna")
    supervisor.add("bert", show(place, "env:BERT"), {"BERT": "rtmp://a/live/M"})
    supervisor.tick()
    begun = until(lambda: len(found := [of for what, of in machine.asked if what == "begin"]) == 3 and found)
    orders = {order.name: (order, goals) for order, goals, _ in begun}
    assert all("MARIE" in orders[name][0].hidden for name in ("marie", "paul"))
    assert orders["bert"][0].hidden == ("ANNA", "BERT", "MARIE"), "the one that was removed, too"
    assert orders["bert"][1] == ("rtmp://a/live/M",) and orders["paul"][1] == ()


def test_sums_of_large_files_hold_nobody_up_and_are_kept_before_the_order_leaves(
    supervisor: Supervisor, machine: One, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, reckon = threading.Event(), launch.sha256

    def slow(path: Path) -> str:
        assert go.wait(30)
        return reckon(path)

    monkeypatch.setattr(launch, "sha256", slow)
    try:
        supervisor.tick()
        supervisor.tick()
        assert [one["state"] for one in supervisor.status()["tasks"]] == ["starting", "starting"]
        assert not machine.asked
    finally:
        go.set()
    until(lambda: machine.kept)
    until(lambda: sum(what == "begin" for what, _ in machine.asked) == 2)
    kept = Ledger.model_validate_json(machine.kept).records["marie"]
    assert (kept.token, kept.script) == (1, sha256(b"show.md").hexdigest())


def test_a_file_that_is_not_there_is_told(supervisor: Supervisor, machine: One, place: Path) -> None:
    (place / "marie.avatar").unlink()
    supervisor.tick()
    marie = supervisor.kept.records["marie"]

    def told() -> bool:
        supervisor.tick()
        return marie.state == "waiting"

    until(told)
    assert "marie.avatar can't be read" in marie.why and not marie.holds


def test_a_copy_of_a_fits_work_that_can_not_be_read_is_told_as_not_begun(
    supervisor: Supervisor, machine: One
) -> None:
    copied = ledger.place() / "work" / "paul" / "lips.txt"
    copied.parent.mkdir(parents=True)
    copied.touch()
    reckon = launch.sha256

    def broken(path: Path) -> str:
        if path == copied:
            raise OSError(5, "Input/output error", str(path))
        return reckon(path)

    paul = supervisor.kept.records["paul"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "sha256", broken)
        until(lambda: (supervisor.tick(), paul.refused)[1])
    assert "lips.txt can't be read: Input/output error" in paul.why and paul.state == "waiting"
    assert not any(what == "begin" and of[0].name == "paul" for what, of in machine.asked)


def test_files_are_forgotten_with_a_failure_and_a_removal_and_nothing_is_begun_meanwhile(
    supervisor: Supervisor, machine: One, monkeypatch: pytest.MonkeyPatch
) -> None:
    marie, paul = (supervisor.kept.records[name] for name in ("marie", "paul"))
    copied = ledger.place() / "work" / "paul" / "lips.txt"
    copied.parent.mkdir(parents=True)
    copied.touch()

    def ticked(true: Callable[[], Any]) -> None:
        until(lambda: (supervisor.tick(), true())[1])

    ticked(lambda: marie.state == paul.state == "running")
    assert not machine.forgetting and copied.exists()
    machine.says = "failed"
    ticked(lambda: paul.state == "failed")
    machine.says = "running"
    assert not copied.exists()
    line, done = machine.forgetting[-1]
    assert [of for what, of in machine.asked if what == "forget"][-1] == ("paul", 1)
    supervisor.add("paul", paul.plan, {})
    for _ in range(3):
        supervisor.tick()
    assert supervisor.kept.records["paul"].state == "waiting" and not line.closed and not supervisor.idle
    done.set_result(None)
    ticked(lambda: line.closed and supervisor.kept.records["paul"].state == "running")

    machine.forgetting.clear()
    machine.says = "ended"
    supervisor.remove("marie")
    ticked(lambda: machine.forgetting)
    assert "marie" not in supervisor.kept.records
    assert [of for what, of in machine.asked if what == "forget"][-1] == ("marie", marie.token)
    monkeypatch.setattr(room, "CLEARED", 0.2)
    ticked(lambda: machine.forgetting[0][0].closed)
