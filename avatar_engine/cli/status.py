"""The status of a show, live in the terminal, and its clean end."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from avatar_engine.broadcast.spec import OutputSpec, redact_url
from avatar_engine.cli import takeover
from avatar_engine.engine.wanted import Wanted
from avatar_engine.errors import AvatarError
from avatar_engine.figures.cost import Prices
from avatar_engine.figures.metrics import LOOPBACK
from avatar_engine.figures.table import coloured
from avatar_engine.figures.watch import Watch, Watched
from avatar_engine.live import show, studio
from avatar_engine.live.hosted import Hosting
from avatar_engine.live.seat import AUTO
from avatar_engine.live.show import ShowStatus
from avatar_engine.timing import clock
from avatar_engine.voice.takes import Tally

LINE_EVERY = 10.0
"""Seconds on air between two printed lines where there is no terminal."""


def on_air(
    console: Console,
    *,
    avatar: Path,
    script: Path | None,
    audio: str,
    language: str,
    engine: Path | None,
    lexicon: Path | None,
    read_back: bool,
    outputs: Sequence[OutputSpec],
    codec: str,
    size: tuple[int, int] | None,
    layout: str,
    background: str,
    relight: float,
    look: str,
    loop: bool,
    seconds: float | None,
    resume: bool,
    device: str,
    status_file: Path | None,
    name: str,
    log_file: Path | None,
    metrics: int | None,
    seed: int,
    prices: Prices,
    use: str = "",
    permit: Path | None = None,
    encoder: str = AUTO,
    seat: str = AUTO,
    render_engine: Wanted = "off",
) -> ShowStatus:
    """Run a show under a live status line; the first Ctrl-C ends it at the next frame, a second one at once."""
    watched = _watched(name or avatar.stem, avatar, script or audio, outputs, log_file, metrics, prices)
    with _stop_on_interrupt(console) as stop, Watch(watched) as watch, _display(console) as shown:
        if watch.port:
            console.print(f"Metrics: http://{LOOPBACK}:{watch.port}/metrics", highlight=False)
        last = show.run(
            avatar,
            script,
            outputs,
            audio=audio,
            language=language,
            engine=engine,
            lexicon=lexicon,
            read_back=read_back,
            codec=codec,
            encoder=encoder,
            seat=seat,
            size=size,
            layout=layout,
            background=background,
            relight=relight,
            look=look,
            loop=loop,
            seconds=seconds,
            resume=resume,
            device=device,
            render_engine=render_engine,
            hosting=Hosting(
                studio.inherited if takeover.estate() else studio.furnished,
                seed,
                watch.folder.show,
                watch.folder.journal,
                watch.folder.audit,
            ),
            use=use,
            permit=permit,
            traces=[file.absolute() for file in (log_file, status_file) if file],
            on_status=fan_out(shown, watch),
            stop=stop,
            successor=takeover.successor(),
            estate=takeover.estate(),
        )
        watch(last)
    console.print(summary(last), highlight=False)
    console.print(f"Report: {watch.folder.report}", highlight=False, soft_wrap=True)
    if status_file:
        status_file.write_text(json.dumps(asdict(last), indent=2), encoding="utf-8")
    if last.ending:
        raise AvatarError(
            f"The show ended before its time. {last.ending}", "What was on air is whole; see the report."
        )
    return last


def fan_out(*watchers: Callable[[ShowStatus], None]) -> Callable[[ShowStatus], None]:
    """Tells several watchers of every status."""

    def told(status: ShowStatus) -> None:
        for watcher in watchers:
            watcher(status)

    return told


def _watched(
    name: str,
    avatar: Path,
    says: Path | str,
    outputs: Sequence[OutputSpec],
    log_file: Path | None,
    metrics: int | None,
    prices: Prices,
) -> Watched:
    """What is watched, with no stream key in it."""

    def redact(text: str) -> str:
        for goal in outputs:
            text = goal.redact(text)
        return text

    shown = tuple(goal.display for goal in outputs)
    heard = redact_url(says) if isinstance(says, str) and "://" in says else str(says)
    return Watched(name, avatar.name, heard, shown, log_file, metrics, prices, redact)


def line(status: ShowStatus) -> str:
    """One plain line of figures."""
    return (
        f"{clock(status.on_air)} {status.fps:.1f} fps, late {status.late}, dropped {status.dropped}, "
        f"A/V {status.av_offset_ms:+.0f} ms, queue {status.queue}, {status.bitrate_kbps:.0f} kbit/s, "
        f"reconnects {status.reconnects}, said again {status.checks.again}"
        f"{f', lost by outputs {lost(status)}' if lost(status) else ''}"
        f"{f', idle-filled {status.filled}' if status.filled else ''}"
        f"{f', restarts {restarts(status)}' if restarts(status) else ''}"
    )


def panel(status: ShowStatus) -> RenderableType:
    """The live display: a row of figures, and a row an output."""
    figures = Table(
        "on air",
        "fps",
        "late",
        "dropped",
        "A/V",
        "queue",
        "speech ready",
        "said again",
        "bitrate",
        "reconnects",
        "idle-filled",
        "restarts",
        "now",
    )
    figures.add_row(
        f"[bold red]●[/] {clock(status.on_air)}",
        f"{status.fps:.1f}",
        _alarm(status.late),
        _alarm(status.dropped),
        f"{status.av_offset_ms:+.0f} ms",
        str(status.queue),
        f"{status.speech_lead:.1f} s",
        _alarm(status.checks.again, status.checks.left_out),
        f"{status.bitrate_kbps:.0f} kbit/s",
        _alarm(status.reconnects),
        _alarm(status.filled),
        _alarm(restarts(status)),
        "[bold red]microphone[/]"
        if status.microphone
        else f"{'speaking' if status.speaking else 'idle'}{f', {escape(status.segment)}' if status.segment else ''}",
    )
    outputs = Table.grid(padding=(0, 2))
    for output in status.broadcast.outputs if status.broadcast else ():
        why = output.error or (f"{output.dropped} packets lost to a slow line" if output.dropped else "")
        outputs.add_row(coloured(output.state), escape(output.name), f"[dim]{escape(why)}[/]")
    for chat in status.chats:
        told = f"{escape(chat.source)}, {chat.messages} messages"
        outputs.add_row(coloured(chat.state), told, f"[dim]{escape(chat.why)}[/]")
    return Group(figures, outputs)


def summary(status: ShowStatus) -> str:
    """What is worth knowing when the show is over."""
    return (
        f"On air {clock(status.on_air)}: {status.frames} frames, {status.late} late ({status.late_warm} after "
        f"the first 5 s, worst {status.worst_delay * 1e3:.0f} ms), {status.dropped} dropped, "
        f"{status.reconnects} reconnects, A/V {status.av_offset_ms:+.0f} ms, first sound after "
        f"{status.text_to_first_sound:.2f} s, {status.said} utterances said, {status.left_out} left out. "
        f"{checked(status.checks)} {missed(status)}{survived(status)}"
    ).rstrip()


def lost(status: ShowStatus) -> int:
    """Packets that outputs lost, to a slow line or while they were away."""
    return sum(output.dropped for output in status.broadcast.outputs) if status.broadcast else 0


def missed(status: ShowStatus) -> str:
    """Which outputs did not get all that was sent; nothing where all did."""
    short = [output for output in (status.broadcast.outputs if status.broadcast else ()) if output.dropped]
    told = ", ".join(f"{output.name} {output.dropped} packets" for output in short)
    return f"Lost on the way to an output: {told}. " if short else ""


def survived(status: ShowStatus) -> str:
    """What went wrong on air, and what became of it; nothing where nothing did."""
    if not (status.filled or status.held or restarts(status)):
        return ""
    return (
        f"{status.filled} frames were idle in place of others (the longest run {status.longest_gap:.2f} s), "
        f"{status.held} pictures shown again; restarts: renderer {status.renderer_restarts}, voice "
        f"{status.voice_restarts}, broadcast {status.broadcast_restarts}, show {status.show_restarts}; "
        f"cut sentences: {status.repeated} said again, "
        f"{status.skipped} left out."
    )


def restarts(status: ShowStatus) -> int:
    """Of every part."""
    return status.renderer_restarts + status.voice_restarts + status.broadcast_restarts + status.show_restarts


def checked(checks: Tally) -> str:
    """What the checks of the sentences found, in a line."""
    faults = ", ".join(f"{kind} {count}" for kind, count in checks.faults.items() if count) or "nothing"
    read = f"; {checks.misread} of {checks.read} words read back otherwise" if checks.read else ""
    read += f"; {checks.recalled} came again and were remembered" if checks.recalled else ""
    return (
        f"{checks.sentences} sentences checked, {checks.whole} of them whole before they were heard: {faults} wrong, "
        f"{checks.again} said again, {checks.left_out} left out{read}."
    )


def _alarm(count: int, worse: int = 0) -> str:
    return f"[bold yellow]{count}{f', {worse} left out' if worse else ''}[/]" if count or worse else "0"


@contextmanager
def _display(console: Console) -> Iterator[Callable[[ShowStatus], None]]:
    """Something to show each status with: a live table on a terminal, a line now and then elsewhere."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4) as live:
            yield lambda status: live.update(panel(status))
        return
    printed = -LINE_EVERY

    def print_sometimes(status: ShowStatus) -> None:
        nonlocal printed
        if status.on_air - printed >= LINE_EVERY:
            printed = status.on_air
            console.print(line(status), highlight=False)

    yield print_sometimes


@contextmanager
def _stop_on_interrupt(console: Console) -> Iterator[threading.Event]:
    """An event that Ctrl-C (or a polite kill) sets; the second one gets through as usual."""
    stop = threading.Event()
    before: dict[signal.Signals, Any] = {}

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()
        console.print("Ending the show: what was made is sent, files are finished.")
        signal.signal(signal.SIGINT, before[signal.SIGINT])

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
