"""What is made of trials: a number of hosts, what is short, and steps that are not done twice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from avatar_engine import capacity
from avatar_engine.bundle import Bundle
from avatar_engine.capacity.model import Encoding, Limits, Trial
from avatar_engine.errors import AvatarError
from avatar_engine.gauge import encoding, measure, onair, script
from avatar_engine.show import script as scripts
from tests.capacity.machines import HD, STAGES, seat
from tests.gauge.stand_in import look
from tests.live.conftest import avatar as avatar


class Stage:
    """Takes the place of `onair.on_air`: so many shows lose nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, carries: int, **failing: Any) -> None:
        self.asked: list[int] = []
        self._carries = carries
        self._failing = failing or {"late": 100}
        monkeypatch.setattr(onair, "on_air", self)
        known = [Encoding(encoder="libx264", size=HD, cores=0.2)]
        monkeypatch.setattr(encoding, "measured", lambda *_: (known, 0))

    def __call__(self, avatar: Path, said: Path, size: Any, hosts: int, seconds: float, **_: Any) -> Any:
        assert scripts.load(said).items
        self.asked.append(hosts)
        broken = self._failing if hosts > self._carries else {}
        trial = Trial(hosts=hosts, seconds=seconds, stages=STAGES, memory_mb=1000, step_ms=12, **broken)
        return trial, [look()] * hosts


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of three cores and much memory."""
    machine = capacity.Machine(cpu="x", cores=3, quota=None, memory_mb=64000, card="", engine="1")
    monkeypatch.setattr(measure.machine, "fingerprint", lambda: machine)
    monkeypatch.setattr(measure.machine, "memory_free", lambda: 32e9)


def test_so_many_as_predicted_hold_and_one_more_does_not(avatar, monkeypatch, cores):
    stage = Stage(monkeypatch, 2)
    found = measure.measure(avatar())
    (one,) = found.sizes
    assert (one.predicted, one.held, one.broke, one.hosts) == (2, 2, 3, 2) and stage.asked == [1, 2, 3]
    assert one.limit == "voice" and "41% of that is the voice" in one.why
    assert capacity.kept() == found and found.limits.cores == pytest.approx(0.9 * 3)
    assert capacity.hosts(found, capacity.Demand(size=HD)) == 2


def test_the_limit_is_what_held_not_what_was_reckoned(avatar, monkeypatch, cores):
    more, clone = Stage(monkeypatch, 4), avatar()
    found = measure.measure(clone)
    assert more.asked == [1, 2, 3, 4, 5] and found.sizes[0].held == 4
    assert capacity.hosts(found, capacity.Demand(size=HD)) == 4
    fewer = Stage(monkeypatch, 1)
    found = measure.measure(clone)
    assert fewer.asked == [1, 2] and (found.sizes[0].predicted, found.sizes[0].held) == (2, 1)
    assert capacity.hosts(found, capacity.Demand(size=HD)) == 1


def test_a_machine_that_carries_nobody_says_so(avatar, monkeypatch, cores):
    Stage(monkeypatch, 0)
    found = measure.measure(avatar())
    assert (found.sizes[0].predicted, found.sizes[0].held, found.sizes[0].broke) == (0, 0, 1)
    assert capacity.hosts(found, capacity.Demand(size=HD)) == 0


def test_a_voice_that_does_not_keep_up_is_what_is_short(avatar, monkeypatch, cores):
    Stage(monkeypatch, 1, starved=0.5)
    found = measure.measure(avatar())
    assert (found.sizes[0].held, found.sizes[0].limit) == (1, "voice")


def test_what_is_short_is_told_of_what_was_tried_not_of_one_show_alone(avatar, monkeypatch, cores):
    Stage(monkeypatch, 2)
    clone = avatar()
    monkeypatch.setattr(measure.machine, "memory_free", lambda: 2.3e9)  # for two
    found = measure.measure(clone).sizes[0]
    assert (found.predicted, found.held, found.broke) == (2, 2, 3)
    assert found.limit == "memory" and found.why.startswith("The memory"), "the third had none left"
    Stage(monkeypatch, 1)
    found = measure.measure(clone).sizes[0]
    assert (found.predicted, found.held, found.broke) == (2, 1, 2)
    assert found.limit == "voice" and "The processor" in found.why, "there was memory for two"


def test_the_cost_is_that_of_the_encoder_that_the_shows_got(avatar, monkeypatch, cores):
    stage = Stage(monkeypatch, 2)

    def tried(*order: Any, **more: Any) -> Any:
        trial, _ = stage(*order, **more)
        return trial, [look(encoder="libx264" if order[3] > 2 else "h264_nvenc")] * order[3]

    monkeypatch.setattr(onair, "on_air", tried)
    found = measure.measure(avatar()).sizes[0]
    assert (found.held, found.broke, found.cost.encoder, found.cost.sessions) == (2, 3, "h264_nvenc", 1)


def test_quickly_only_one_show_is_tried(avatar, monkeypatch, cores):
    stage = Stage(monkeypatch, 9)
    found = measure.measure(avatar(), quick=True)
    assert stage.asked == [1] and found.sizes[0].held is None and found.sizes[0].hosts == 2


def test_a_frame_or_two_are_tried_once_more(avatar, monkeypatch, cores):
    stage = Stage(monkeypatch, 2, late=2)
    found = measure.measure(avatar())
    assert stage.asked == [1, 2, 3, 3] and found.sizes[0].broke == 3


def test_a_measuring_that_was_stopped_goes_on(avatar, monkeypatch, cores):
    stage = Stage(monkeypatch, 2)
    clone = avatar()
    with monkeypatch.context() as patch:

        def stopped(*order: Any, **more: Any) -> Any:
            if order[3] == 2:
                raise KeyboardInterrupt
            return stage(*order, **more)

        patch.setattr(onair, "on_air", stopped)
        with pytest.raises(KeyboardInterrupt):
            measure.measure(clone)
    assert capacity.kept() is None
    measure.measure(clone)
    assert stage.asked == [1, 2, 3], "one show alone was not tried again"
    measure.measure(clone)
    assert stage.asked == [1, 2, 3] * 2, "what was done is not reused once it is kept"


def test_shows_on_air_are_not_disturbed(avatar, monkeypatch, cores):
    Stage(monkeypatch, 2)
    clone = avatar()
    with capacity.take(lambda _: seat("anna")):
        with pytest.raises(AvatarError, match="On air now: anna"):
            measure.measure(clone)
        assert measure.measure(clone, force=True).sizes


def test_what_limits_is_never_below_what_held_nor_above_what_broke():
    def tried(held: int, broke: int | None, cores: float) -> Any:
        cost = capacity.Cost(stages={"voice": cores})
        return capacity.Measured(size=HD, cost=cost, predicted=1, held=held, broke=broke)

    assert measure.settled(1.8, [tried(1, None, 1.0)]) == 1.8
    assert measure.settled(1.8, [tried(2, 3, 1.0)]) == 2.0
    assert measure.settled(4.0, [tried(2, 3, 1.0)]) == pytest.approx(2.997)
    assert measure.settled(4.0, []) == 4.0
    larger = capacity.Measured(
        size=(1920, 1080), cost=capacity.Cost(stages={"voice": 1.2}), predicted=1, held=1, broke=2
    )
    assert 2.3 < measure.settled(4.0, [tried(3, None, 1.0), larger]) < 2.4, (
        "two of the larger ones lost frames"
    )
    assert "memory" in measure.reason("memory", "memory", capacity.Cost(), Limits(cores=2, memory_mb=1))


def test_the_newest_clone_is_found_and_none_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    with pytest.raises(AvatarError, match="A clone is needed"):
        measure.find(tmp_path)
    kept = tmp_path / "home" / "state" / "studio" / "clones" / "3"
    kept.mkdir(parents=True)
    for age, path in ((100, tmp_path / "old.avatar"), (10, kept / "new.avatar")):
        path.write_bytes(b"")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    assert measure.find(tmp_path) == kept / "new.avatar"


@pytest.mark.parametrize(("agreed", "spoken"), [(("fr", "en"), "en"), (("fr",), "fr")])
def test_a_script_in_a_language_that_was_agreed_to(avatar, tmp_path, agreed, spoken):
    script.write(tmp_path / "s.md", Bundle.open(avatar(agreed)))
    read = scripts.load(tmp_path / "s.md")
    assert read.language.startswith(spoken) and read.use == "live-shopping" and len(read.items) > 10


def test_a_clone_without_sentences_to_say_is_told(avatar, tmp_path):
    with pytest.raises(AvatarError, match="sentences to measure with"):
        script.write(tmp_path / "s.md", Bundle.open(avatar(("sw",))))
