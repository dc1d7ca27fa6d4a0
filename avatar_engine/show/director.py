"""What is said next: walks a script from its first line to its last, once or for ever."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from avatar_engine.contracts import Utterance
from avatar_engine.show.script import Gap, Line, Pause, Script, Segment
from avatar_engine.show.wording import worded


class Director:
    """Hands out what a script says, one thing at a time; gaps and segments that somebody must ask for are passed over.

    Args:
        script: The show.
        loop: Start again from the top after the last line, for ever.
        start: The item of the script to begin with, counted over all rounds (`Utterance.then`).
        seed: Which wordings are taken (`avatar_engine.show.wording`).

    Attributes:
        generation: Rises when what was planned is no longer wanted; work of an older generation is dropped.
        segment: Name of the segment that the last item handed out belongs to.
    """

    def __init__(self, script: Script, loop: bool = False, start: int = 0, seed: int = 0) -> None:
        self.generation = 0
        self._seed = seed
        self._script = script
        self._loop = loop
        self._round, self._next = divmod(start, max(1, len(script.items))) if loop else (0, start)
        before = [item for item in script.items[: self._next] if isinstance(item, Segment)]
        self.segment = before[-1].name if before else ""
        self._passed = bool(before) and before[-1].asked
        self._numbers = count(1)
        self._spoke = False

    def next(self) -> Utterance | Pause | None:
        """The next thing to say or the next silence; ``None`` when the show is over.

        Two things said with nothing between them are parted by the script's own short pause.
        """
        items = self._script.items
        while True:
            if self._next >= len(items):
                if not self._loop:
                    return None
                self._round, self._next = self._round + 1, 0
            item = items[self._next]
            if isinstance(item, Segment):
                self._passed = item.asked
                self.segment = self.segment if item.asked else item.name
            if isinstance(item, Segment | Gap) or self._passed:
                self._next += 1
                continue
            if isinstance(item, Line) and self._spoke and self._script.pause and not item.goes_on:
                self._spoke = False
                return Pause(self._script.pause)
            self._next += 1
            self._spoke = isinstance(item, Line)
            return self._utterance(item) if isinstance(item, Line) else item

    def told(self, seconds: float) -> None:
        """What was handed out last is so long; a script does not ask."""

    def interrupt(self) -> int:
        """Start a new generation: what was handed out before is stale. Returns the new generation."""
        self.generation += 1
        self._spoke = False
        return self.generation

    def _utterance(self, line: Line) -> Utterance:
        text = worded((line.text, *line.others), self._seed, line.line, self._round).text
        plain = Utterance(text, self._script.language, self._script.controls, f"script:{line.line}")
        then = self._round * len(self._script.items) + self._next
        return replace(
            plain, generation=self.generation, then=then, number=next(self._numbers), look=line.look
        )
