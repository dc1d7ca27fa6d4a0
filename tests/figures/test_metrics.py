from __future__ import annotations

import socket
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from avatar_engine.errors import AvatarError
from avatar_engine.figures import metrics
from tests.figures.shows import ABOUT, shown


def scraped(port: int) -> dict[str, dict[tuple[str, ...], float]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert sample.labels.pop("show") == "marie-20270101-200000"
            found.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = (
                sample.value
            )
    return found


def test_a_show_is_scraped_as_it_is():
    now = [shown(100.0)]
    with metrics.served(0, lambda: now[0]) as port:
        first = scraped(port)
        now[0] = shown(200.0)
        assert scraped(port)["avatar_engine_frames_total"] == {(): 5000}
    assert first["avatar_engine_frames_total"] == {(): 2500}
    assert first["avatar_engine_up"] == {(): 1}
    assert first["avatar_engine_frames_late_total"] == {(): 3}
    assert first["avatar_engine_av_offset_seconds"][()] == pytest.approx(-0.0042)
    address = ("rtmp://a.example/live/****",)
    assert first["avatar_engine_output_up"] == {address: 1, ("record.mp4",): 0}
    assert first["avatar_engine_output_bitrate_bits_per_second"][address] == 2_600_000
    assert first["avatar_engine_output_packets_dropped_total"][address] == 12
    assert first["avatar_engine_restarts_total"] == {
        ("voice",): 4,
        ("renderer",): 0,
        ("broadcast",): 1,
        ("show",): 0,
    }
    assert first["avatar_engine_stage_seconds"][("0.99", "encode")] == pytest.approx(0.0083)
    assert first["avatar_engine_resident_memory_bytes"][("show",)] == 500e6
    assert first["avatar_engine_gpu_memory_bytes"] == {("0",): 900e6}
    assert first["avatar_engine_energy_joules_total"] == {("estimate",): 180_000}
    assert first["avatar_engine_cost_total"] == {(): 1.25}


def test_what_is_not_known_yet_is_not_there():
    with metrics.served(0, lambda: {**ABOUT, "state": "starting"}) as port:
        found = scraped(port)
    assert found["avatar_engine_up"] == {(): 0}
    assert "avatar_engine_frames_total" not in found


def test_only_the_loopback_is_served():
    with metrics.served(0, lambda: ABOUT) as port, socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.2", port)) != 0


def test_a_port_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AvatarError, match=f"port {port}"), metrics.served(port, lambda: ABOUT):
            pass


def test_a_hosted_shows_audience_is_scraped():
    with metrics.served(0, lambda: shown(audience={"viewers": 1240.0, "all_sales": 7.0})) as port:
        found = scraped(port)["avatar_engine_audience"]
    assert found == {("viewers",): 1240, ("all_sales",): 7}
