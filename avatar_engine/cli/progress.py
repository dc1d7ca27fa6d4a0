"""Progress bars with time left, one a stage."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bars:
    """A `contracts.Progress` that shows each stage as a bar with its time spent and left.

    Where standard error is no terminal, a line is printed at each tenth of a stage instead.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._tenths: dict[str, int] = {}

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, stage: str, done: float, note: str = "") -> None:
        if not self._console.is_terminal:
            self._print(stage, done, note)
            return
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=1.0, note=note)
        self._bars.update(self._tasks[stage], completed=min(1.0, max(0.0, done)), note=note)

    def _print(self, stage: str, done: float, note: str) -> None:
        tenth = int(done * 10)
        if tenth > self._tenths.get(stage, -1):
            self._tenths[stage] = tenth
            self._console.print(f"{stage}: {done:4.0%} {note}".rstrip(), highlight=False, markup=False)
