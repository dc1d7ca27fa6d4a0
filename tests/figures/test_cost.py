from __future__ import annotations

import time

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.figures import cost as room
from avatar_engine.figures.cards import CardUse
from avatar_engine.figures.cost import Meter, Prices, Rapl


def counters(root, **domains):
    """Counters as Linux has them: name, and microjoules now and at most."""
    for number, (name, (now, most)) in enumerate(domains.items()):
        folder = root / f"intel-rapl:{number}"
        folder.mkdir(exist_ok=True)
        (folder / "name").write_text(name.replace("_", "-") + "\n")
        (folder / "energy_uj").write_text(f"{now}\n")
        (folder / "max_energy_range_uj").write_text(f"{most}\n")


def test_counters_are_added_up_and_wrap(tmp_path):
    counters(tmp_path, package_0=(9_000_000, 9_999_999), dram=(0, 9_999_999), core=(0, 9_999_999))
    rapl = Rapl(tmp_path)
    assert rapl.readable and rapl.joules() == 0
    counters(
        tmp_path, package_0=(1_000_000, 9_999_999), dram=(500_000, 9_999_999), core=(7_000_000, 9_999_999)
    )
    assert rapl.joules() == pytest.approx(2.5)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    assert rapl.joules() == 0


def test_without_counters_it_is_an_estimate_that_says_so(tmp_path):
    meter = Meter(Prices(kwh=0.5, hour=0.2, core_watts=20), Rapl(tmp_path))
    meter.look(360.0, {}, 1800.0)
    cost = meter.look(720.0, {}, 3600.0)
    assert cost.energy_wh == pytest.approx(720 * 20 / 3600) and cost.watts == pytest.approx(4.0)
    assert not cost.measured and "estimate: 20 W" in cost.how
    assert cost.money == pytest.approx(0.2 + 0.004 * 0.5) and cost.per_hour == pytest.approx(cost.money)


def test_measured_energy_is_shared_by_cpu_time(tmp_path, monkeypatch):
    busy = iter((100.0, 110.0))
    monkeypatch.setattr(room, "busy_seconds", lambda: next(busy))
    counters(tmp_path, package_0=(0, 10**12))
    meter = Meter(Prices(), Rapl(tmp_path), _busy=next(busy))
    counters(tmp_path, package_0=(400_000_000, 10**12))
    cost = meter.look(2.5, {}, 1.0)
    assert cost.energy_wh == pytest.approx(100 / 3600)  # a quarter of 400 J
    assert cost.measured and "RAPL" in cost.how and cost.money is None


def test_a_cards_counter_is_added_from_the_first_look_on(tmp_path):
    meter = Meter(Prices(core_watts=0), Rapl(tmp_path))
    meter.look(0.0, {0: CardUse("Card", 10.0, 5000.0), 1: CardUse("Other", None, None)}, 0.0)
    cost = meter.look(0.0, {0: CardUse("Card", 10.0, 8600.0)}, 3600.0)
    assert cost.energy_wh == pytest.approx(1.0) and "NVML" in cost.how
    assert meter.look(0.0, {}, 3600.0).energy_wh == pytest.approx(1.0)


def test_nothing_on_air_costs_no_nonsense(tmp_path):
    cost = Meter(Prices(hour=1.0), Rapl(tmp_path)).look(0.0, {}, 0.0)
    assert cost.watts == 0 and cost.money == 0 and cost.per_hour is None


def test_the_machines_busy_time_rises_with_work():
    before = room.busy_seconds()
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    assert room.busy_seconds() - before >= 0.1


@pytest.mark.parametrize("bad", [{"kwh": -1.0}, {"hour": float("nan")}, {"core_watts": float("inf")}])
def test_a_price_is_a_number(bad):
    with pytest.raises(AvatarError, match="is"):
        Prices(**bad)
