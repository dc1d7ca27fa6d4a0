"""What a director plans, sentence by sentence: a voice that may fail then loses one sentence and no paragraph."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from avatar_engine import markup
from avatar_engine.contracts import Utterance
from avatar_engine.markup import Break, Words
from avatar_engine.show.script import Pause

if TYPE_CHECKING:
    from avatar_engine.live.voice_process import Directs


class Sentences:
    """A director that hands on another's utterances in sentences, each in one language; asked from one thread only.

    Args:
        director: Whose utterances.
        likely: BCP 47 tag that is taken where a text's language is to be found and leaves a doubt.
        among: The languages to choose from then; all that can be spoken when empty.
    """

    def __init__(self, director: Directs, likely: str = "en", among: Sequence[str] = ()) -> None:
        self._director = director
        self._likely, self._among = likely, among
        self._line: deque[Utterance | Pause] = deque()

    @property
    def generation(self) -> int:
        """The director's generation."""
        return self._director.generation

    def next(self) -> Utterance | Pause | None:
        """The next sentence or silence; None at the end."""
        while self._line:
            item = self._line.popleft()
            if isinstance(item, Pause) or item.generation >= self.generation:
                return item
        planned = self._director.next()
        if isinstance(planned, Utterance):
            self._line.extend(self._parted(planned))
            return self._line.popleft()
        return planned

    def told(self, seconds: float) -> None:
        """What was handed out last is so long."""
        self._director.told(seconds)

    def interrupt(self) -> int:
        """Start a new generation."""
        return self._director.interrupt()

    def _parted(self, whole: Utterance) -> list[Utterance | Pause]:
        """The sentences of an utterance, and the silences that its marks ask for; no server knows our marks."""
        out: list[Utterance | Pause] = []
        for language, run in groupby(markup.read(whole.text).parts, _language):
            parts = list(run)
            if language is None:
                out += [Pause(part.seconds) for part in parts if isinstance(part, Break) and part.seconds]
                continue
            said = "".join(part.text for part in parts if isinstance(part, Words))
            out += [
                replace(whole, text=sentence, language=tag)
                for sentence, tag in self._told(said, language or whole.language)
            ]
        # Whoever goes on after a part of it begins the whole again.
        earlier = [
            replace(part, then=max(0, whole.then - 1)) if isinstance(part, Utterance) else part
            for part in out[:-1]
        ]
        return [*earlier, *out[-1:]] or [whole]

    def _told(self, said: str, language: str) -> list[tuple[str, str]]:
        # imported here: only shows by a speech server pay for the languages' tables
        from avatar_engine.voice import languages, text

        if languages.asked(language) != languages.AUTO:
            return [(sentence, language) for sentence in text.sentences(said, language)]
        most = languages.recognised(said, self._likely, self._among)
        return [
            (sentence, languages.recognised(sentence, most, self._among))
            for sentence in text.sentences(said, most)
        ]


def _language(part: Words | Break) -> str | None:
    """What a mark asks for, "" where none does; None for a silence."""
    return part.language if isinstance(part, Words) else None
