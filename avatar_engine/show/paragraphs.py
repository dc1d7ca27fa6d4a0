"""A paragraph in sentences: whoever answers the chat may come in between two of them.

The voice says every sentence in one breath and rests after it, so that one by one they sound as the paragraph does.
"""

from __future__ import annotations

import re

from avatar_engine import markup

_END = re.compile(
    r"""[.…]["'»”’)\]]*\s+(?=(?:\[[^\[\]]{1,30}\]\s*|<[^<>]{1,80}>\s*|["'«“(¿¡])*(?:\{|[^\W\d_a-zß-öø-ÿ]))"""
    r"""|[!?]+["'»”’)\]]*\s+|[。！？]+[」』”）]*\s*|।\s*"""
)
"""What ends a sentence; a full stop does so before a capital letter alone."""

_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Mme|Mlle|Dr|Prof|St|Ste|No|Nr|vs|etc|env|approx|ca|bzw|usw|inkl|max|min|Sr|Sra|Srta|fig|art"
    r"|vol|tel|est)|\b\w|\b\w\.\w)\.$",
    re.IGNORECASE,
)


def sentences(text: str) -> list[str]:
    """A paragraph's sentences, still as written.

    Marks that hold over the end of a sentence hold in the next; where an element is open the sentence goes on.
    """
    found: list[str] = []
    begin, carried = 0, ""
    for end in _END.finditer(text):
        said = carried + text[begin : end.end()].rstrip()
        rest = text[end.end() :]
        if not rest.strip() or _ABBREVIATION.search(said) or not _closed(said):
            continue
        holds = markup.read(said).open
        if "<" in holds or not any(map(str.isalnum, markup.unmarked(rest))):
            continue
        found.append(said)
        begin, carried = end.end(), f"{holds} " if holds else ""
    return [*found, carried + text[begin:]]


def _closed(text: str) -> bool:
    """Whether no choice, slot or emphasis is open."""
    return text.count("{") == text.count("}") and text.count("*") % 2 == 0
