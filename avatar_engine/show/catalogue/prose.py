"""Descriptions as shops write them, in HTML, as plain sentences that a host can say.

Only words and blocks matter here, so tags are found by one walk over the text. The standard library's parser takes time
that grows with the square of a hostile text (seconds for twenty thousand letters of ``<a ``), and holds all threads of
the show up meanwhile.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from avatar_engine.show.catalogue.model import LONGEST

MOST_HTML = 20_000
"""Letters of HTML that are looked at: five times what may be said."""

LONGEST_TAG = LONGEST_ADDRESS = 2000
"""Letters of one tag, and of an address."""

_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main",
    "nav", "ol", "p", "pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul",
))  # fmt: skip
_UNSAID = frozenset((
    "script", "style", "template", "noscript", "svg", "iframe", "object", "head", "select", "button",
))  # fmt: skip
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9:-]*)(?:[^<>\"']|\"[^\"]*\"|'[^']*')*+>")
_OPEN = re.compile(r"<[A-Za-z/!?]")
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
        blocks = [""]
        for words, tag in _words(text):
            blocks[-1] += html.unescape(words)
            if tag in _BLOCKS:
                blocks.append("")
            elif tag in ("td", "th"):
                blocks[-1] += " "
    return cut(" ".join(ended for block in blocks if (ended := _ended(block))), longest)


def line(text: str, longest: int = 300) -> str:
    """A title, a colour or the like: one line without markup."""
    return cut(_printable(html.unescape(re.sub(r"<[^<>]*>", " ", text[: 4 * longest]))), longest)


def address(text: str) -> str:
    """An address of the web that may be kept and shown; "" for anything else."""
    text = f"https:{text}" if text.startswith("//") else text.strip()
    good = text.startswith(("http://", "https://")) and len(text) <= LONGEST_ADDRESS
    return text if good and text.isprintable() and " " not in text else ""


def cut(text: str, longest: int) -> str:
    """A text that is not too long, cut behind a sentence where there is one, else behind a word."""
    if len(text) <= longest:
        return text
    ends = [found.end() for found in _END.finditer(text[: longest + 1]) if found.end() <= longest]
    return text[: ends[-1]] if ends else text[:longest].rpartition(" ")[0] or text[:longest]


def _words(text: str) -> Iterator[tuple[str, str]]:
    """The words of HTML, each stretch with the name of the tag behind it; without what is never shown."""
    small, at = text.lower(), 0
    while (begin := text.find("<", at)) >= 0:
        found = _TAG.match(text, begin, begin + LONGEST_TAG)
        if text.startswith("<!--", begin):
            end = text.find("-->", begin + 4)
            yield text[at:begin], ""
            if end < 0:
                return
            at = end + 3
        elif found:
            name = found["name"].lower()
            yield text[at:begin], name
            at = found.end()
            if name in _UNSAID and not found["end"]:
                at = small.find(f"</{name}", at)
                if at < 0:
                    return
        elif _OPEN.match(text, begin):  # a tag that is never closed
            yield text[at:begin], ""
            end = text.find(">", begin)
            if end < 0:
                return
            at = end + 1
        else:
            yield text[at : begin + 1], ""
            at = begin + 1
    yield text[at:], ""


def _ended(block: str) -> str:
    """A block's words with a full stop where they have no end."""
    words = _BULLET.sub("", _printable(block))
    if not re.search(r"\w", words):
        return ""
    return words if words.endswith(_ENDED) else f"{words}."


def _printable(text: str) -> str:
    words = " ".join(text.split())
    if words.isprintable():
        return words
    # What is left out may have stood between two spaces.
    return " ".join("".join(sign for sign in words if sign.isprintable()).split())
