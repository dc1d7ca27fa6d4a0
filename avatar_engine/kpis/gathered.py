"""Nights that are looked at together, with everything that was counted of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.kpis.compare import LEAST, Compared, Trial, trials
from avatar_engine.kpis.count import Counted, Window, counted, pooled
from avatar_engine.kpis.night import Night, read
from avatar_engine.timing import clock

MOST_NIGHTS = 200


@dataclass(frozen=True, slots=True)
class Gathered:
    """One or several nights.

    Attributes:
        window: How clicks and sales were laid at something's door.
        told: What the journals tell.
        nights: The figures of each.
        together: Those of all of them; of one night its own.
        trials: Wordings, and how they compare.
        notes: What has to be known of these figures, in words.
    """

    window: Window
    told: tuple[Night, ...]
    nights: tuple[Counted, ...]
    together: Counted
    trials: tuple[tuple[Trial, tuple[Compared, ...]], ...]
    notes: tuple[str, ...]


def gather(journals: Sequence[Path], window: Window = Window()) -> Gathered:  # noqa: B008 - it can't change
    """Read journals, and count.

    Raises:
        AvatarError: One of them is no good, there are too many, or the window is none.
    """
    if len(journals) > MOST_NIGHTS:
        raise AvatarError(f"{len(journals)} journals are too many.", f"Give {MOST_NIGHTS} at most.")
    if not (0 <= window.seconds <= 3600 and 0 <= window.delay <= 600):
        raise AvatarError(
            f"A window of {window.seconds:g} s after a delay of {window.delay:g} s is none.",
            "Give --window 0s to 1h and --delay 0s to 10m.",
        )
    nights = tuple(read(path) for path in journals)
    each = tuple(counted(night, window) for night in nights)
    together = each[0] if len(each) == 1 else pooled(each, f"{len(each)} nights")
    compared = tuple((trial, tuple(trial.compared())) for trial in trials(nights, window))
    return Gathered(window, nights, each, together, compared, tuple(_notes(nights, window)))


def _notes(nights: Sequence[Night], window: Window) -> list[str]:
    notes = [
        f"Clicks and sales count for what was on air, or had ended at most {window.seconds:g} s before; viewers are "
        f"held to see it {window.delay:g} s after it goes out."
    ]
    if planned := [night.name for night in nights if not night.on_air]:
        notes.append(f"Times are planned ones, as of a rehearsal, in: {', '.join(planned)}.")
    if blind := [night.name for night in nights if not len(night.viewers.times)]:
        notes.append(f"No source told how many watched: {', '.join(blind)}.")
    if strange := sum(night.strange for night in nights):
        notes.append(f"{strange} entries could not be understood and are not counted.")
    return notes


def summary(gathered: Gathered) -> list[str]:
    """The main figures in lines for people."""
    whole = gathered.together.night
    viewers = "viewers unknown"
    if whole.mean is not None:
        viewers = (
            f"viewers {whole.start:.0f} at the start, {whole.mean:.0f} in the mean, {whole.peak:.0f} at most, "
            f"{whole.end:.0f} at the end"
        )
    reasons = ", ".join(f"{why} {count}" for why, count in whole.unanswered.most_common())
    median, late = whole.response(50), whole.response(95)
    response = "" if median is None else f"; response time {median:.1f} s (median), {late:.1f} s (95 %)"
    revenue = ", ".join(f"{amount:.2f} {currency}" for currency, amount in whole.revenue.items())
    shown = sum(part.shown for part in gathered.together.products)
    lines = [
        f"{whole.name}: {clock(whole.seconds)}, {viewers}.",
        f"{whole.messages:.0f} messages, {whole.asking:.0f} of them questions; {whole.answered} answered, "
        f"{whole.unanswered.total()} not{f' ({reasons})' if reasons else ''}{response}.",
        f"{whole.clicks:.0f} clicks, {whole.sales:.0f} sales{f' ({revenue})' if revenue else ''}; "
        f"{shown} products shown, {gathered.together.greets} greetings.",
    ]
    for trial, compared in gathered.trials:
        if min(len(arm.exposures) for arm in trial.arms.values()) < LEAST and not compared:
            continue
        lines += [f"{trial.title}: {one.sentence}" for one in compared]
        lines += [f"{trial.title}: {note}" for note in trial.notes]
    if whole.voices:
        lines.insert(1, f"A technician's own voice was on air for {clock(whole.voices)} of it.")
    return [*lines, *gathered.notes]
