"""A show's figures as Prometheus metrics, on the loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from avatar_engine.errors import AvatarError

LOOPBACK = "127.0.0.1"

_COUNTS = {
    "frames": ("frames", "Frames made."),
    "late": ("frames_late", "Frames that went out after they were due."),
    "filled": ("frames_filled", "Frames in whose place the idle face went out."),
    "repeated": ("sentences_repeated", "Sentences that a fault had cut and that were said again."),
    "skipped": ("sentences_skipped", "Sentences that a fault had cut and that were left out."),
    "dropped": ("frames_dropped", "Frames lost before the encoder."),
    "said": ("utterances_said", "Utterances handed over whole by the voice."),
    "left_out": ("utterances_left_out", "Utterances that could not be said."),
}
_LEVELS = {
    "on_air": ("on_air_seconds", "Time on air, counted in frames.", 1.0),
    "fps": ("frames_per_second", "Frames sent a second, lately.", 1.0),
    "av_offset_ms": ("av_offset_seconds", "Pictures' time less sound's at the muxer.", 1e-3),
    "worst_delay": ("worst_delay_seconds", "The longest delay of a frame.", 1.0),
    "longest_gap": ("longest_gap_seconds", "The longest run of idle frames in place of made ones.", 1.0),
    "queue": ("encoder_queue_frames", "Frames that wait for the encoder.", 1.0),
    "speech_lead": ("speech_lead_seconds", "Speech that is ready to be said.", 1.0),
    "text_to_voice": ("text_to_voice_seconds", "From a text to the voice's first piece of it, mean.", 1.0),
    "text_to_first_sound": ("text_to_first_sound_seconds", "From the first text to its sound on air.", 1.0),
}
_OUTPUT = {
    "sent": ("output_packets_sent", "Packets sent to an output.", True, 1.0),
    "dropped": ("output_packets_dropped", "Packets that an output lost.", True, 1.0),
    "reconnects": ("output_reconnects", "How often an output came back or tried to.", True, 1.0),
    "bitrate_kbps": ("output_bitrate_bits_per_second", "Sent over the last seconds.", False, 1e3),
}


class ShowMetrics(Collector):
    """Turns the newest snapshot into metrics when it is asked; a figure that is not known is not there.

    Args:
        answer: Gives the newest snapshot, see `avatar_engine.figures.snapshot`.
    """

    def __init__(self, answer: Callable[[], Mapping[str, Any]]) -> None:
        self._answer = answer

    def collect(self) -> Iterator[Metric]:
        """All metrics of this moment."""
        shown = self._answer()
        show, status = str(shown["show"]), shown.get("status") or {}
        yield _one(
            GaugeMetricFamily, "up", "Whether the show is on air.", [((), shown["state"] == "on air")], show
        )
        for field, (name, text) in _COUNTS.items():
            if status.get(field) is not None:
                yield _one(CounterMetricFamily, name, text, [((), status[field])], show)
        for field, (name, text, scale) in _LEVELS.items():
            if status.get(field) is not None:
                yield _one(GaugeMetricFamily, name, text, [((), status[field] * scale)], show)
        audience = [((name,), value) for name, value in (status.get("audience") or {}).items()]
        yield _one(GaugeMetricFamily, "audience", "What a hosted show knows of it.", audience, show, "figure")
        outputs = (status.get("broadcast") or {}).get("outputs", ())
        yield from _outputs(outputs, show)
        restarts = [((part,), count) for part, count in shown.get("restarts", {}).items()]
        yield _one(
            CounterMetricFamily, "restarts", "Times that a part was started anew.", restarts, show, "part"
        )
        yield from _stages(shown.get("stages", {}), show)
        yield from _machine(shown, show)


_Rows = Sequence[tuple[tuple[str, ...], float]]


def _one(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    text: str,
    rows: _Rows,
    show: str,
    *labels: str,
) -> Metric:
    family = kind(f"avatar_engine_{name}", text, labels=("show", *labels))
    for values, figure in rows:
        family.add_metric((show, *values), float(figure))
    return family


def _outputs(outputs: Any, show: str) -> Iterator[Metric]:
    on_air = [((str(one["name"]),), one["state"] == "on air") for one in outputs]
    yield _one(GaugeMetricFamily, "output_up", "Whether an output is on air.", on_air, show, "output")
    for field, (name, text, counts, scale) in _OUTPUT.items():
        rows = [((str(one["name"]),), one[field] * scale) for one in outputs]
        yield _one(CounterMetricFamily if counts else GaugeMetricFamily, name, text, rows, show, "output")


def _stages(stages: Mapping[str, Mapping[str, float]], show: str) -> Iterator[Metric]:
    shares = {"p50": "0.5", "p95": "0.95", "p99": "0.99", "max": "1"}
    rows = [
        ((stage, shares[name]), value / 1e3)
        for stage, values in stages.items()
        for name, value in values.items()
        if name in shares
    ]
    text = "Time that a stage takes for a frame, of the last minutes."
    yield _one(GaugeMetricFamily, "stage_seconds", text, rows, show, "stage", "quantile")


def _machine(shown: Mapping[str, Any], show: str) -> Iterator[Metric]:
    parts = shown.get("processes", {})
    memory: _Rows = [((name,), part["rss_mb"] * 1e6) for name, part in parts.items()]
    yield _one(GaugeMetricFamily, "resident_memory_bytes", "Resident memory of a part.", memory, show, "part")
    spent: _Rows = [((name,), part["cpu_seconds"]) for name, part in parts.items()]
    yield _one(CounterMetricFamily, "cpu_seconds", "CPU time of a part.", spent, show, "part")
    held = [
        ((index,), card["memory_mb"] * 1e6)
        for index, card in shown.get("cards", {}).items()
        if card["memory_mb"] is not None
    ]
    yield _one(GaugeMetricFamily, "gpu_memory_bytes", "Graphics memory of the show.", held, show, "card")
    if cost := shown.get("cost"):
        source: _Rows = [(("measured" if cost["measured"] else "estimate",), cost["energy_wh"] * 3600)]
        yield _one(CounterMetricFamily, "energy_joules", "Energy of the show.", source, show, "source")
        if cost["money"] is not None:
            yield _one(
                CounterMetricFamily, "cost", "Money, in the prices' currency.", [((), cost["money"])], show
            )


@contextmanager
def served(port: int, answer: Callable[[], Mapping[str, Any]]) -> Iterator[int]:
    """Serve the metrics on a port of the loopback; 0 takes a free one. Gives the port.

    Raises:
        AvatarError: The port can't be had.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ShowMetrics(answer))
    try:
        server, thread = start_http_server(port, addr=LOOPBACK, registry=registry)
    except (OSError, OverflowError) as error:
        raise AvatarError(
            f"The metrics can't be served on port {port}: {getattr(error, 'strerror', None) or error}.",
            "Choose another --metrics port.",
        ) from error
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
