"""Descriptions as shops write them, in HTML, as plain sentences that a host can say."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from avatar_engine.show.catalogue.model import LONGEST

MOST_HTML = 20_000
"""Letters of HTML that are looked at: five times what may be said."""

_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main",
    "nav", "ol", "p", "pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul",
))  # fmt: skip
_UNSAID = frozenset((
    "script", "style", "template", "noscript", "svg", "iframe", "object", "head", "select", "button",
))  # fmt: skip
_ENDED = (".", "!", "?", "…", ":", ";", "。", "！", "？", "।", ",", "、")
_BULLET = re.compile(r"^[\s•·▪◦‣–—*✓✔➤►-]+(?=\S)")
_END = re.compile(r"[.!?…](?=\s)|[。！？।]")


def sentences(text: str, longest: int = LONGEST) -> str:
    """A description without its markup: what stood in a block of its own becomes a sentence of its own.

    Args:
        text: HTML or plain text, of any length.
        longest: Letters at most; it is cut behind a sentence.
    """
    text = text[:MOST_HTML]
    if not re.search(r"<[A-Za-z!/?]", text):
        blocks = [html.unescape(block) for block in re.split(r"\n\s*\n", text)]
    else:
        reader = _Blocks()
        reader.feed(text)
        reader.close()
        blocks = reader.blocks
    return cut(" ".join(ended for block in blocks if (ended := _ended(block))), longest)


def line(text: str, longest: int = 300) -> str:
    """A title, a colour or the like: one line without markup."""
    return cut(_printable(html.unescape(re.sub(r"<[^<>]*>", " ", text[: 4 * longest]))), longest)


def cut(text: str, longest: int) -> str:
    """A text that is not too long, cut behind a sentence where there is one, else behind a word."""
    if len(text) <= longest:
        return text
    ends = [found.end() for found in _END.finditer(text[: longest + 1]) if found.end() <= longest]
    return text[: ends[-1]] if ends else text[:longest].rpartition(" ")[0] or text[:longest]


class _Blocks(HTMLParser):
    """Collects the words of blocks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = [""]
        self._unsaid = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._unsaid and tag in _UNSAID:
            self._unsaid = tag
        self._between(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._between(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._unsaid:
            self._unsaid = ""
        self._between(tag)

    def handle_data(self, data: str) -> None:
        if not self._unsaid:
            self.blocks[-1] += data

    def _between(self, tag: str) -> None:
        if tag in _BLOCKS and self.blocks[-1]:
            self.blocks.append("")
        elif tag in ("td", "th"):
            self.blocks[-1] += " "


def _ended(block: str) -> str:
    """A block's words with a full stop where they have no end."""
    words = _BULLET.sub("", _printable(block))
    if not re.search(r"\w", words):
        return ""
    return words if words.endswith(_ENDED) else f"{words}."


def _printable(text: str) -> str:
    words = " ".join(text.split())
    return words if words.isprintable() else "".join(sign for sign in words if sign.isprintable())
