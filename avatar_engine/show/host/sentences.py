"""Cuts the words of a language model into sentences while they come, and takes out what can't be said."""

from __future__ import annotations

import re

LONGEST = 400
"""Letters after which a sentence is cut at its last comma or blank, whatever it says."""

_END = re.compile(r"""[.!?…]+["'»”’)\]]*(?=\s)|[。！？]+[」』”）]*|\n+|।(?=\s)""")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|St|No|vs|etc|env|p|ca|z\.B|d\.h|Nr|Sr|Sra|M|Mme|e\.g|i\.e)|\b[A-Z])\.$"
)
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_MARKUP = re.compile(
    r"```.*?(?:```|\Z)|^\s*(?:[-*•]|\d{1,2}[.)])\s+|^#+\s*|[*_`~]+", re.DOTALL | re.MULTILINE
)
_UNSAYABLE = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


class Sentences:
    """Takes text piece by piece and gives whole sentences.

    A model's thoughts, markup and emoji are left out.
    """

    def __init__(self) -> None:
        self._text = ""

    def push(self, text: str) -> list[str]:
        """The sentences that ``text`` completes."""
        self._text += text
        lower = self._text.lower()
        if "<think>" in lower and "</think>" not in lower[lower.rfind("<think>") :]:
            return []  # it still thinks
        self._text = _THOUGHT.sub(" ", self._text)
        done: list[str] = []
        begin = 0
        for end in _END.finditer(self._text):
            if not _ABBREVIATION.search(self._text[begin : end.end()]):
                done.append(self._text[begin : end.end()])
                begin = end.end()
        self._text = self._text[begin:]
        while len(self._text) > LONGEST:
            at = max(self._text.rfind(sign, 40, LONGEST) for sign in (", ", "; ", "，", "、", " "))
            cut = at + 1 if at > 0 else LONGEST
            done.append(self._text[:cut])
            self._text = self._text[cut:]
        return _sayable(done)

    def flush(self) -> list[str]:
        """The rest, where it ends as a sentence does; what broke off within one is not said."""
        rest, self._text = _THOUGHT.sub(" ", self._text).strip(), ""
        return _sayable([rest]) if re.search(r"[.!?…。！？।][\"'»”’)\]」』]*$", rest) else []


def _sayable(sentences: list[str]) -> list[str]:
    plain = (_UNSAYABLE.sub("", _MARKUP.sub("", sentence)) for sentence in sentences)
    return [" ".join(one.split()) for one in plain if any(letter.isalnum() for letter in one)]
