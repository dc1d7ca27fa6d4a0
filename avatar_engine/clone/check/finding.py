"""What is said about a clip: findings with their verdicts, times and advice, for the check and for the intake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import FRAME_RATE
from avatar_engine.errors import AvatarError

Bools = npt.NDArray[np.bool_]

Span = tuple[float, float]
"""First and last second of a stretch of the clip."""


class Verdict(IntEnum):
    """How good one side of a clip is; ``WILL_FAIL`` is what a clone is refused for."""

    GOOD = 0
    COULD_BE_BETTER = 1
    WILL_FAIL = 2

    @property
    def words(self) -> str:
        """The verdict as people read it."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        topic: What, such as ``face size``.
        value: What was measured, in few words.
        verdict: How good that is.
        said: The fault in sentences, with times; empty when good.
        advice: What to do about it; empty when good.
        spans: When, the worst first; empty when it is not a matter of moments.
        whole: Whether the moments are best seen in the whole picture, and not in the face alone.
    """

    topic: str
    value: str
    verdict: Verdict = Verdict.GOOD
    said: str = ""
    advice: str = ""
    spans: tuple[Span, ...] = ()
    whole: bool = False


def better(
    topic: str, value: str, said: str, advice: str, spans: Sequence[Span] = (), whole: bool = False
) -> Finding:
    """A finding that could be better."""
    return Finding(topic, value, Verdict.COULD_BE_BETTER, said, advice, tuple(spans), whole)


def fatal(
    topic: str, value: str, said: str, advice: str, spans: Sequence[Span] = (), whole: bool = False
) -> Finding:
    """A finding that a clone is refused for."""
    return Finding(topic, value, Verdict.WILL_FAIL, said, advice, tuple(spans), whole)


def settle(findings: Iterable[Finding]) -> list[str]:
    """The warnings of what is put up with.

    Raises:
        AvatarError: One of them is what a clone is refused for.
    """
    warnings = []
    for finding in findings:
        if finding.verdict is Verdict.WILL_FAIL:
            raise AvatarError(finding.said, finding.advice)
        if finding.verdict is Verdict.COULD_BE_BETTER:
            warnings.append(finding.said)
    return warnings


def runs(flags: Bools) -> list[tuple[int, int]]:
    """Start and end (exclusive) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def spans(flags: Bools, rate: float = FRAME_RATE, least: float = 0.0) -> tuple[Span, ...]:
    """Runs of True of ``least`` seconds and more in flags of ``rate`` a second, the longest first."""
    found = [
        (start / rate, stop / rate) for start, stop in runs(flags) if (stop - start) / rate >= least - 1e-9
    ]
    return tuple(sorted(found, key=lambda span: span[0] - span[1]))


def times(found: Sequence[Span], most: int = 3) -> str:
    """Spans in words: ``from 3.0 s to 5.2 s and from 8.1 s to 8.9 s``; the first ``most``, in order of time."""
    said = [f"from {start:.1f} s to {stop:.1f} s" for start, stop in sorted(found[:most])]
    more = len(found) - len(said)
    if more > 0:
        return f"{', '.join(said)} and {more} more time{'s' if more > 1 else ''}"
    return " and ".join(said)
