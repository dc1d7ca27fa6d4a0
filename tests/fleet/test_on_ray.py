"""A fleet on Ray: several nodes on this machine, each with a home of its own, and one that dies on air."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.fleet import plan
from avatar_engine.fleet.hand import StaleError
from avatar_engine.fleet.ledger import Ledger
from avatar_engine.fleet.supervisor import TICK, Supervisor
from tests.fleet.conftest import PROGRAM, cleared, shows_of, until
from tests.servers import Nginx, has_nginx, receive

pytest.importorskip("ray", reason="Ray is not installed (the extra fleet)")
pytestmark = [pytest.mark.cluster, pytest.mark.server]

# a worker that dies must be replaced within the lease, which took 59 s on a machine with eight times its load
FLEET = """
mode = "ray"
lease = "30s"

[show.marie]
avatar = "marie.avatar"
script = "show.md"
to = ["env:MARIE"]
size = "320x180"
cores = 0.2
"""


class Nodes:
    """A Ray cluster of two nodes.

    Attributes:
        address: Of its head.
        homes: Where each node has its state, by the node's id.
    """

    def __init__(self, folder: Path) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster

        self._temp = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        # where it notes the newest cluster, whatever folder that has; it does not make it
        Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray").mkdir(exist_ok=True)
        self.homes: dict[str, Path] = {}
        self._cluster = Cluster()
        self._nodes = {}
        for name in ("head", "other"):
            home = folder / name
            home.mkdir()
            more = {"temp_dir": self._temp} if name == "head" else {}
            node = self._cluster.add_node(
                num_cpus=1, object_store_memory=80 << 20, include_dashboard=False,
                env_vars={"AVATAR_ENGINE_HOME": str(home), "XDG_RUNTIME_DIR": str(home)}, **more,
            )  # fmt: skip
            self.homes[node.node_id], self._nodes[node.node_id] = home, node
        self.head, self.other = self.homes
        self.address = str(self._cluster.address)

    def kill(self, node: str) -> None:
        """All of Ray on it dies at once; what it had started is left to itself."""
        self._cluster.remove_node(self._nodes[node], allow_graceful=False)

    def hands(self, node: str) -> list[psutil.Process]:
        """The workers that hold the supervisor's hand on a node."""
        raylet = self._nodes[node].all_processes["raylet"][0].process.pid
        found = []
        for one in psutil.Process(raylet).children():
            with suppress(psutil.Error):
                if one.cmdline()[0].startswith("ray::Hand"):
                    found.append(one)
        return found

    def close(self) -> None:
        self._cluster.shutdown()
        shutil.rmtree(self._temp, ignore_errors=True)


@pytest.fixture
def nodes(house: Path) -> Iterator[Nodes]:
    found = Nodes(house)
    yield found
    found.close()
    cleared(*found.homes.values())


class Ticking:
    """A supervisor that looks on in a thread."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor, self._ended = supervisor, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(TICK):
            self.supervisor.tick()

    def task(self) -> dict[str, Any]:
        (one,) = self.supervisor.status()["tasks"]
        return dict(one)

    def close(self) -> None:
        self._ended.set()
        self._thread.join(10)
        self.supervisor.close()


@pytest.mark.skipif(not has_nginx(), reason="nginx with the RTMP module is not here")
def test_a_node_dies_on_air_and_its_show_goes_on_elsewhere(house: Path, nodes: Nodes) -> None:
    from avatar_engine.fleet.on_ray import Cluster

    (house / "fleet.toml").write_text(FLEET)
    (house / "nginx").mkdir()
    fleet = plan.load(house / "fleet.toml")
    kept = Ledger.of(fleet, house / "fleet.toml").model_copy(update={"drained": [nodes.head]})
    with Nginx(house / "nginx") as server:
        machines = Cluster(nodes.address, fleet.lease, kept.id)
        ticking = Ticking(Supervisor(kept, machines, PROGRAM, {"MARIE": server.url("marie")}))
        try:
            until(lambda: ticking.task()["state"] == "running" and ticking.task()["place"])
            first, on_other = ticking.task(), shows_of(nodes.homes[nodes.other])
            assert first["node"] == nodes.other and on_other and not shows_of(nodes.homes[nodes.head])

            (hand,) = nodes.hands(nodes.other)
            hand.kill()  # a worker of Ray's
            place = ticking.task()["place"]
            until(lambda: ticking.task()["place"] > place + 1)
            assert (
                ticking.task()["token"] == first["token"] and shows_of(nodes.homes[nodes.other]) >= on_other
            )

            ticking.supervisor.drain(nodes.head, back=True)
            place = ticking.task()["place"]
            nodes.kill(nodes.other)
            died = time.monotonic()
            while not (began := shows_of(nodes.homes[nodes.head])):
                assert time.monotonic() - died < 180
                time.sleep(0.05)
            assert not shows_of(nodes.homes[nodes.other]), "two publish the same stream"
            until(lambda: ticking.task()["state"] == "running" and ticking.task()["place"] >= place)
            now = ticking.task()
            assert now["node"] == nodes.head and now["token"] > first["token"] and began
            assert place <= now["place"] <= place + 5, "it goes on where it was"
            until(lambda: len(server.recordings("marie")) == 2)
            # A recording begins with its first picture: more of it is wanted.
            until(lambda: ticking.task()["place"] > now["place"] + 1)
            ticking.supervisor.end()
            until(lambda: ticking.supervisor.idle)
        finally:
            ticking.close()
        for file in server.recordings("marie"):
            assert len(receive(file).video) > 25, "the same key, and pictures from both"
    journals = list((house / "home" / "state" / "fleet").glob("ledger.json"))
    assert journals and server.url("marie") not in journals[0].read_text()


@pytest.mark.parametrize(
    "error", [StaleError(7), AvatarError("It was changed.", "Send it again."), OSError(28, "full")]
)
def test_errors_of_a_hand_come_as_it_raised_them(error: Exception) -> None:
    from ray.exceptions import RayTaskError

    from avatar_engine.fleet.on_ray import _pass_on

    asked, answer = Future[Any](), Future[Any]()
    asked.set_exception(RayTaskError("Hand.begin", "Traceback", error).as_instanceof_cause())
    _pass_on(asked, answer)
    assert answer.exception() is error


def test_an_answer_and_a_dead_worker_are_told() -> None:
    from ray.exceptions import RayActorError

    from avatar_engine.fleet.on_ray import _pass_on

    asked, answer, dead, told = Future[Any](), Future[Any](), Future[Any](), Future[Any]()
    asked.set_result(5)
    _pass_on(asked, answer)
    dead.set_exception(RayActorError())
    _pass_on(dead, told)
    assert answer.result() == 5 and isinstance(told.exception(), RayActorError)


def test_without_a_cluster_it_is_said() -> None:
    from avatar_engine.fleet.on_ray import Cluster

    with pytest.raises(AvatarError, match="no Ray cluster"):
        Cluster("127.0.0.1:1", 5.0, "fleet")
