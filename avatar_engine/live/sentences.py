"""What a director plans, sentence by sentence: a voice that may fail then loses one sentence and no paragraph."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from avatar_engine import markup
from avatar_engine.contracts import Utterance
from avatar_engine.show.script import Pause

if TYPE_CHECKING:
    from avatar_engine.live.voice_process import Directs


class Sentences:
    """A director that hands on another's utterances in sentences; asked from one thread only."""

    def __init__(self, director: Directs) -> None:
        self._director = director
        self._line: deque[Utterance] = deque()

    @property
    def generation(self) -> int:
        """The director's generation."""
        return self._director.generation

    def next(self) -> Utterance | Pause | None:
        """The next sentence or silence; None at the end."""
        # imported here: only shows by a speech server pay for the languages' tables
        from avatar_engine.voice import text

        while self._line:
            if (sentence := self._line.popleft()).generation >= self.generation:
                return sentence
        item = self._director.next()
        if isinstance(item, Utterance):
            said = markup.unmarked(item.text)  # no server knows our marks
            parts = text.sentences(said, item.language) or [said]
            self._line.extend(replace(item, text=part) for part in parts)
            return self._line.popleft()
        return item

    def interrupt(self) -> int:
        """Start a new generation."""
        return self._director.interrupt()
