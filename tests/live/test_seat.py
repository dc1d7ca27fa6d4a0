"""A show takes a seat before it begins, is refused where there is no room, and lets go in the end."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from avatar_engine import capacity as room
from avatar_engine.broadcast.spec import ProgrammeFormat
from avatar_engine.bundle import Bundle
from avatar_engine.capacity import machine
from avatar_engine.capacity.model import Cost, Limits
from avatar_engine.errors import AvatarError
from avatar_engine.live import seat as seats
from avatar_engine.live.show import run
from tests.capacity import machines

SIZE = (320, 180)
HD = ProgrammeFormat(1280, 720)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "show.md"
    path.write_text("abc\n")
    return path


def keep(**changed: object) -> None:
    """This very machine was measured, with the figures of `machines.capacity`."""
    room.keep(machines.capacity(**({"machine": machine.fingerprint()} | changed)))


def seated(**changed: object) -> seats.Seated:
    return seats.seated("marie", machines.demand(), HD, **changed)


def test_a_show_holds_a_seat_while_it_runs_and_no_longer(avatar, script, tmp_path, caplog):
    seen = []
    with caplog.at_level(logging.WARNING):
        run(
            avatar(),
            script,
            [str(tmp_path / "r.mp4")],
            size=SIZE,
            on_status=lambda _: seen.append(room.taken()),
        )
    (seat,) = seen[-1]
    assert seat.show == "marie" and seat.demand.size == SIZE and seat.cost is None and seat.ring
    assert room.taken() == []
    assert caplog.text.count("avatar-engine capacity") == 1, "one line of advice where nothing was measured"


def test_a_show_without_room_never_begins(avatar, script, tmp_path):
    keep()
    with (
        room.take(lambda _: machines.seat("anna", Cost(stages={"voice": 1.9}))),
        pytest.raises(AvatarError, match=r"0\.10 of 2\.00 are left") as refused,
    ):
        run(avatar(), script, [str(tmp_path / "r.mp4")], size=(1280, 720))
    assert "anna" in refused.value.what and "the voice" in refused.value.what
    assert "--seat force" in refused.value.advice
    assert not (tmp_path / "r.mp4").exists() and room.taken() == []


def test_a_forced_show_is_let_in_and_that_is_written_down(caplog):
    keep()
    with (
        room.take(lambda _: machines.seat("anna", Cost(stages={"voice": 1.9}))),
        seated(policy="force").hold as hold,
    ):
        assert hold.seat.forced and hold.seat.cost is not None
        assert "by force" in caplog.text
    with seated(policy="force").hold as hold:
        assert not hold.seat.forced, "there was room"
    with pytest.raises(AvatarError, match="no seat 'always'"):
        seated(policy="always")


def test_a_show_that_takes_a_dead_ones_place_is_never_refused(monkeypatch):
    keep()
    with room.take(lambda _: machines.seat("anna", Cost(stages={"voice": 1.9}))) as hold:
        hold.tell(hold.seat.model_copy(update={"ring": "r"}))
        with monkeypatch.context() as patch:
            patch.setattr(seats, "usable", lambda _: pytest.fail("viewers wait while encoders are tried"))
            with seated(ring="r").hold as heir:
                assert heir.path == hold.path and len(room.taken()) == 1
        with seated(ring="unknown").hold as other:
            assert other.seat.forced and len(room.taken()) == 2


def test_figures_of_another_machine_refuse_nobody(caplog):
    room.keep(machines.capacity())
    with room.take(lambda _: machines.seat(cost=Cost(stages={"voice": 9.0}))), seated().hold as hold:
        assert hold.seat.cost is None and "another machine" in caplog.text


def test_figures_measured_with_the_engine_are_said_to_be_so_where_it_does_not_run(caplog, monkeypatch):
    keep(shared=True)
    monkeypatch.setattr(seats.wire, "runs", lambda: True)
    with seated().hold:
        assert "measured with the render engine" not in caplog.text
    monkeypatch.setattr(seats.wire, "runs", lambda: False)
    with seated().hold:
        assert "measured with the render engine" in caplog.text


def test_the_encoder_is_chosen_by_what_is_left(monkeypatch):
    monkeypatch.setattr(seats, "usable", lambda _: ["h264_nvenc", "libx264"])
    with seated().hold as unknown:
        assert unknown.seat.encoder == "", "nothing was measured: the first that opens is taken, as ever"
    limits = Limits(cores=8, memory_mb=9000, sessions=1)
    room.keep(machines.capacity(card=True, machine=machine.fingerprint(), limits=limits))
    first, second = seated(), seated()
    assert (first.encoder, first.hold.seat.encoder) == ("auto", "h264_nvenc")
    assert (second.encoder, second.hold.seat.encoder) == ("libx264", "libx264")
    third = seated(encoder="h264_nvenc", policy="force")
    assert third.encoder == "h264_nvenc" and third.hold.seat.forced
    with pytest.raises(AvatarError, match="encoders of the card"):
        seated(encoder="h264_nvenc")
    for one in (first, second, third):
        one.hold.release()


def test_what_a_clone_asks_of_a_machine(avatar):
    demand = seats.demand_of(Bundle.open(avatar()), SIZE, speaks=False)
    assert demand == room.Demand(size=SIZE, speaks=False), "its footage is not known"
