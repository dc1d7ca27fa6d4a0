"""A show's snapshot for people, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Column, Table

from avatar_engine.timing import clock

AUDIENCE = {
    "viewers": "viewers",
    "messages": "messages",
    "answered": "questions answered",
    "unanswered": "not answered",
    "questions": "waiting",
    "all_clicks": "clicks",
    "all_sales": "sales",
}
"""Figures of a hosted show's audience, and what they are called."""

COLOURS = {
    "on air": "green",
    "connecting": "yellow",
    "reconnecting": "yellow",
    "starting": "yellow",
    "failed": "red",
    "connected": "green",
    "away": "yellow",
}
"""Of the states of shows, outputs and chats."""


def listed(shows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """A row for every show that runs."""
    widest = max((len(str(one["show"])) for one in shows), default=0)
    table = Table(Column("show", min_width=widest), box=None)
    for heading in ("state", "on air", "fps", "late", "dropped", "A/V", "outputs"):
        table.add_column(heading, no_wrap=True)
    for shown in shows:
        status = shown.get("status")
        row = ["–"] * 6
        if status:
            outputs = _outputs(status)
            up = sum(one["state"] == "on air" for one in outputs)
            row = [
                clock(status["on_air"]),
                f"{status['fps']:.1f}",
                str(status["late"]),
                str(status["dropped"]),
                f"{status['av_offset_ms']:+.0f} ms",
                f"{up} of {len(outputs)}",
            ]
        table.add_row(str(shown["show"]), coloured(shown["state"]), *row)
    return table


def shown(snapshot: Mapping[str, Any]) -> RenderableType:
    """Everything about one show."""
    head = (
        f"[bold]{escape(str(snapshot['show']))}[/]  {coloured(snapshot['state'])}  [dim]{snapshot['time']}[/]"
    )
    status = snapshot.get("status")
    if not status:
        return Group(head, _machine(snapshot))
    chats = [_of_chats(status)] if status.get("chats") else []
    return Group(
        head, _figures(snapshot, status), _of_outputs(status), *chats, _stages(snapshot), _machine(snapshot)
    )


def _figures(snapshot: Mapping[str, Any], status: Mapping[str, Any]) -> Table:
    filled = status.get("filled")
    restarts = ", ".join(f"{part} {count}" for part, count in snapshot["restarts"].items())
    table = _plain()
    for what, figure in (
        ("on air", f"{clock(status['on_air'])}, {status['frames']} frames, {status['fps']:.1f} fps"),
        ("late", f"{status['late']} (worst {1e3 * status['worst_delay']:.0f} ms)"),
        ("dropped", str(status["dropped"])),
        ("filled idle", "–" if filled is None else str(filled)),
        ("A/V offset", f"{status['av_offset_ms']:+.1f} ms"),
        ("queues", f"{status['queue']} frames for the encoder, {status['speech_lead']:.1f} s of speech"),
        (
            "speech",
            f"{status['said']} said, {status['left_out']} left out, {status['checks']['again']} said again",
        ),
        (
            "text to sound",
            f"first {status['text_to_first_sound']:.2f} s, voice {status['text_to_voice']:.2f} s",
        ),
        ("restarts", restarts),
        ("now", f"{'speaking' if status['speaking'] else 'idle'} {escape(status['segment'])}"),
        ("look", escape(status.get("look") or "–")),
        ("microphone", _microphone(status)),
    ):
        table.add_row(what, figure)
    if audience := status.get("audience"):
        table.add_row("audience", ", ".join(_audience(audience)))
    return table


def _microphone(status: Mapping[str, Any]) -> str:
    """Who speaks in place of the show."""
    name = status.get("microphone", "")
    return f"{escape(name)}, {status['microphone_ms']:.0f} ms to the air" if name else "off"


def _audience(audience: Mapping[str, float]) -> Iterator[str]:
    """The main figures of a hosted show, those that are known."""
    for name, what in AUDIENCE.items():
        if name in audience:
            yield f"{audience[name]:.0f} {what}"


def _of_outputs(status: Mapping[str, Any]) -> Table:
    table = Table("output", "state", "kbit/s", "sent", "lost", "reconnects", "last error", box=None)
    for one in _outputs(status):
        counts = (f"{one['bitrate_kbps']:.0f}", str(one["sent"]), str(one["dropped"]), str(one["reconnects"]))
        table.add_row(escape(one["name"]), coloured(one["state"]), *counts, escape(one["error"]))
    return table


def _of_chats(status: Mapping[str, Any]) -> Table:
    table = Table("chat", "state", "messages", "dropped", "breaks", "why", box=None)
    for one in status["chats"]:
        counts = (str(one["messages"]), str(one["dropped"]), str(one["breaks"]))
        table.add_row(escape(one["source"]), coloured(one["state"]), *counts, escape(one["why"]))
    return table


def _stages(snapshot: Mapping[str, Any]) -> Table:
    table = Table("stage", "p50", "p95", "p99", "longest (ms)", box=None)
    for name, row in snapshot.get("stages", {}).items():
        table.add_row(name, *(f"{row[share]:.2f}" for share in ("p50", "p95", "p99", "max")))
    return table


def _machine(snapshot: Mapping[str, Any]) -> RenderableType:
    table = Table("part", "memory", "CPU time", "processes", box=None)
    for name, part in snapshot.get("processes", {}).items():
        table.add_row(
            name, f"{part['rss_mb']:.0f} MB", f"{part['cpu_seconds']:.0f} s", str(len(part["pids"]))
        )
    rows: list[RenderableType] = [table]
    for card in snapshot.get("cards", {}).values():
        held = "memory unknown" if card["memory_mb"] is None else f"{card['memory_mb']:.0f} MB held"
        rows.append(f"{escape(card['name'])}: {held}")
    if cost := snapshot.get("cost"):
        money = (
            ""
            if cost["money"] is None
            else f", money {cost['money']:.3f} ({cost['per_hour'] or 0:.3f} an hour)"
        )
        source = "measured" if cost["measured"] else "estimated"
        rows.append(f"energy {cost['energy_wh']:.2f} Wh {source}, {cost['watts']:.1f} W{money}")
    return Group(*rows)


def _plain() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    return table


def _outputs(status: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    outputs: Sequence[Mapping[str, Any]] = (status.get("broadcast") or {}).get("outputs", ())
    return outputs


def coloured(state: str) -> str:
    """A state in its colour, in rich's markup."""
    return f"[{COLOURS.get(state, 'white')}]{state}[/]"
