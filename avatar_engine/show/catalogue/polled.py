"""A catalogue at an address: read before the show begins, and looked at again and again by a thread of its own.

The show never waits for it: `CatalogueUrl.look` gives what is known, at once. A server that is away, refuses or sends
what can't be used changes nothing, and is told once, as is its coming back; meanwhile it is asked less and less often.
What was read last lies on the disk, so that a show can begin while the server is away; it says so then.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import threading
import time
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx2

from avatar_engine.errors import AvatarError
from avatar_engine.folders import state_folder
from avatar_engine.show.catalogue import reading, shopify
from avatar_engine.show.catalogue.files import PATIENCE, PICTURE, brought, described
from avatar_engine.show.catalogue.model import LARGEST, MOST, Catalogue, Read
from avatar_engine.show.catalogue.pictures import Pictures
from avatar_engine.show.catalogue.place import Place
from avatar_engine.trust import files
from avatar_engine.web import Answer, Web, WebError

log = logging.getLogger(__name__)

FIRST, ROUND = 30.0, 60.0
"""Seconds for the first reading, which the show waits for, and for each later one."""

LONGEST_REST, LONGEST_ASKED = 900.0, 3600.0
"""Seconds between two tries at most while a server is away, and where it asks to be left alone."""

PAGE, STOREFRONT_PAGE = 250, 30
"""Products of a page that Shopify gives at most, and where nothing is asked for."""

MOST_PAGES = MOST // PAGE
OLDEST, NEWEST = 86_400.0, 120.0
"""Seconds after which prices that were read once are too old to begin a show with while the server is away, and for
which they are new enough for a show that is started again, after a fault, to go on with at once."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a feed, as it was answered last.

    Attributes:
        read: What it says.
        digest: Of its bytes.
        packed: Its bytes, packed.
        size: How many they are, unpacked.
        tokens: By which a server knows whether it has changed: headers of the next request.
        next: Address of the page behind it; "" for none.
    """

    read: Read
    digest: str
    packed: bytes
    size: int
    tokens: Mapping[str, str]
    next: str


class CatalogueUrl:
    """A catalogue at an address; see the module.

    Args:
        place: Where.
        pictures: Where its pictures are kept; by default where all shows keep them.
        copies: Folder for what was read last; by default the user's state folder.
        first: Seconds for the first reading.
        soon: Begin with a copy that is new enough, and read the address right after that.

    Raises:
        AvatarError: It can't be read, and there is no copy of it that is new enough.
    """

    def __init__(
        self,
        place: Place,
        pictures: Pictures | None = None,
        copies: Path | None = None,
        first: float = FIRST,
        soon: bool = False,
    ) -> None:
        self._place = place
        self._address, self._secret = place.address(), place.headers()
        self._home = httpx2.URL(self._address).raw_host.decode("ascii", "replace")
        self._pages: dict[str, Page] = {}
        self._pictures = pictures or Pictures()
        self._copy = _Copy(place, copies or state_folder() / "feeds")
        self._near, self._note = False, ""
        self.now = Catalogue()
        kept = self._copy.read(NEWEST) if soon else None
        self._overdue = kept is not None
        self.now = kept[1] if kept else self._begun(first)

    @property
    def told(self) -> tuple[str, ...]:
        """What it is, and what is wrong with it, for people."""
        return described(self._place.shown, self.now, [self._note] if self._note else [])

    def look(self) -> Catalogue:
        """The catalogue as it was read last; at once."""
        return self.now

    def picture(self, product: str) -> Path | None:
        """The file of a product's picture; None where there is none (yet). Asks nobody."""
        found = self.now.products.get(product)
        return self._pictures.path(found.image) if found else None

    def settle(self, first: Sequence[str]) -> None:
        """Fetch pictures of the products ``first``, and wait for them."""
        brought(self.now, self._pictures, self._web, threading.Event(), PATIENCE, first, others=False)

    def follow(self, stop: threading.Event, first: Sequence[str] = ()) -> None:
        """Keep up with the address in a thread until ``stop`` is set; those of ``first`` get their pictures first."""
        threading.Thread(target=self._run, args=(stop, first), name="catalogue", daemon=True).start()

    def _begun(self, first: float) -> Catalogue:
        """What a show begins with.

        Raises:
            AvatarError: See the class.
        """
        outcome: list[Catalogue | Exception] = []

        def read() -> None:
            try:
                outcome.append(self._round(first, threading.Event()))
            except Exception as error:
                outcome.append(error)

        # in a thread, for the look-up of a name can't be given up: the show does not wait for it any longer
        reader = threading.Thread(target=read, name="catalogue, first", daemon=True)
        reader.start()
        reader.join(first + 1.0)
        found = outcome[0] if outcome else WebError("it does not answer in time", away=True)
        if isinstance(found, Catalogue):
            return found
        if not isinstance(found, WebError):
            raise found
        if found.away and (kept := self._copy.read()):
            at, catalogue = kept
            self._note = (
                f"{found}: these are its products as they were at {at.astimezone():%H:%M on %Y-%m-%d}"
            )
            log.warning("the catalogue %s: %s", self._place.shown, self._note)
            return catalogue
        advice = (
            "Try again when its server is back."
            if found.away
            else "Check the address, and key_env if it asks for a key."
        )
        raise AvatarError(f"The catalogue {self._place.shown} can't be read: {found}.", advice)

    def _run(self, stop: threading.Event, first: Sequence[str]) -> None:
        every = self._place.every
        failed, wait = 0, 0.0 if self._overdue else min(every, 5.0) if self._note else every
        while not stop.is_set():
            began = time.monotonic()
            brought(self.now, self._pictures, lambda: self._web(stop), stop, wait, first)
            if stop.wait(max(0.0, wait - (time.monotonic() - began))):
                return
            asked = 0.0
            try:
                found = self._round(ROUND, stop)
            except Exception as error:
                if stop.is_set():
                    return
                failed += 1
                asked = error.wait if isinstance(error, WebError) else 0.0
                if failed == 1:
                    self._tell(error)
            else:
                self._took(found, failed)
                failed = 0
            wait = max(min(every * 2.0 ** min(failed, 20), max(every, LONGEST_REST)) if failed else every,
                       min(asked, LONGEST_ASKED))  # fmt: skip

    def _tell(self, error: Exception) -> None:
        """Tell once that nothing new came."""
        known = isinstance(error, WebError | AvatarError)
        what = error.what if isinstance(error, AvatarError) else str(error) if known else type(error).__name__
        log.error("the catalogue %s stays as it was: %s", self._place.shown, what)

    def _took(self, found: Catalogue, failed: int) -> None:
        """Take a new state."""
        if failed or self._note:
            log.warning("the catalogue %s is back", self._place.shown)
            self._note = ""
        if found is self.now:
            return
        if found.mistakes and found.mistakes != self.now.mistakes:
            log.warning(
                "the catalogue %s has %d warnings, the first: %s",
                self._place.shown, len(found.mistakes), found.mistakes[0],
            )  # fmt: skip
        log.info("the catalogue has changed: %d products", len(found.products))
        self.now = found

    def _web(self, stop: threading.Event | None = None) -> Web:
        return Web(self._home, PICTURE, stop, self._near)

    def _round(self, seconds: float, stop: threading.Event) -> Catalogue:
        """The catalogue as it is now; the very one that is known where nothing has changed.

        Raises:
            WebError: It can't be had.
            AvatarError: It can't be used.
        """
        pages: dict[str, Page] = {}
        address, size = _whole_pages(self._address), 0
        with Web(self._home, seconds, stop) as web:
            while address and address not in pages and len(pages) < MOST_PAGES:
                page = self._page(web, address, LARGEST - size)
                before = next(reversed(pages.values()), None)
                if before and page.digest == before.digest:
                    break  # a server that does not know of pages gives the same again
                pages[address], size = page, size + page.size
                address = page.next
            self._near = web.near
        version = "-".join(page.digest for page in pages.values())
        version = version if len(pages) == 1 else hashlib.sha256(version.encode()).hexdigest()[:12]
        if self.now.version == version:
            self._pages = pages
            self._copy.still()
            return self.now
        found = reading.joined([page.read for page in pages.values()], self._place.shown, version)
        if address and len(pages) == MOST_PAGES:
            found = replace(
                found, mistakes=(*found.mistakes, f"more than {MOST_PAGES} pages; the rest is left out")
            )
        self._pages = pages
        self._copy.write([page.packed for page in pages.values()])
        return found

    def _page(self, web: Web, address: str, room: int) -> Page:
        known = self._pages.get(address)
        answer = web.get(address, max(1, room), known.tokens if known else None, self._secret)
        if answer.unchanged:
            if known is None:
                raise WebError("it answers 304 to what was never asked before", away=True)
            return known
        mark = reading.digest(answer.body)
        shop = f"{answer.url.scheme}://{answer.url.netloc.decode('ascii', 'replace')}"
        place = self._place
        if known and mark == known.digest:
            read, packed = known.read, known.packed
        else:
            read = reading.read(answer.body, place.shown, place.currency, place.language, shop)
            packed = zlib.compress(answer.body, 1)
        return Page(read, mark, packed, len(answer.body), _tokens(answer), _next(address, answer, read))


class _Copy:
    """What was read last, on the disk: the pages as they came, packed; the file's time says when that was."""

    def __init__(self, place: Place, folder: Path) -> None:
        named = "\n".join((place.location, place.currency, place.language))
        self._place = place
        self._path = folder / f"{hashlib.sha256(named.encode()).hexdigest()[:32]}.zip"

    def write(self, pages: Sequence[bytes]) -> None:
        """Keep the pages, whole or not at all; what goes wrong is only logged."""
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as held:
            for number, packed in enumerate(pages):
                held.writestr(str(number), packed)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            files.write(self._path, data.getvalue(), replace=True)
        except OSError as error:
            log.warning("no copy of the catalogue can be kept: %s", error.strerror)

    def still(self) -> None:
        """What was kept is what a server has now."""
        with suppress(OSError):
            os.utime(self._path)

    def read(self, oldest: float = OLDEST) -> tuple[datetime, Catalogue] | None:
        """When it was read and what it was; None where there is no copy, or it is older than ``oldest`` seconds."""
        place = self._place
        with suppress(OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, AvatarError):
            with zipfile.ZipFile(self._path) as held:
                at, count = self._path.stat().st_mtime, len(held.namelist())
                if not 0.0 <= time.time() - at + 1.0 <= oldest + 1.0 or not 0 < count <= MOST_PAGES:
                    return None
                pages = [zlib.decompressobj().decompress(held.read(str(n)), LARGEST) for n in range(count)]
            parts = urlsplit(place.location)
            shop = f"{parts.scheme}://{parts.netloc}"
            read = [reading.read(page, place.shown, place.currency, place.language, shop) for page in pages]
            return datetime.fromtimestamp(at, UTC), reading.joined(read, place.shown, "copy")
        return None


def _whole_pages(address: str) -> str:
    """A shop's ``products.json`` is asked for with as many products as a page may have."""
    parts = urlsplit(address)
    if not parts.path.endswith("/products.json") or "limit" in parse_qs(parts.query):
        return address
    query = f"{parts.query}&limit={PAGE}" if parts.query else f"limit={PAGE}"
    return urlunsplit(parts._replace(query=query))


def _next(address: str, answer: Answer, read: Read) -> str:
    """The page behind this one: as the header ``Link`` says (RFC 8288), or the next number of a full page of a shop."""
    link = answer.headers.get("link", "")[:8000]
    for part in link.split(","):
        target, _, told = part.partition(";")
        if 'rel="next"' in told.replace(" ", "") or "rel=next" in told.replace(" ", ""):
            further = answer.url.join(target.strip().strip("<>"))
            same = (further.scheme, further.netloc) == (answer.url.scheme, answer.url.netloc)
            return str(further) if same else ""
    parts = urlsplit(address)
    if (
        read.form != shopify.JSON_FORM
        or not parts.path.endswith("/products.json")
        or 'rel="previous"' in link
    ):
        return ""
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    full = int(query["limit"]) if query.get("limit", "").isdigit() else STOREFRONT_PAGE
    page = int(query["page"]) if query.get("page", "1").isdigit() and "page" in query else 1
    if read.count < max(1, full):
        return ""
    return urlunsplit(parts._replace(query=urlencode({**query, "page": str(page + 1)})))


def _tokens(answer: Answer) -> dict[str, str]:
    """What tells a server which state we know."""
    told = {
        "If-None-Match": answer.headers.get("etag", ""),
        "If-Modified-Since": answer.headers.get("last-modified", ""),
    }
    return {name: value for name, value in told.items() if value and len(value) < 500}


__all__ = ["CatalogueUrl", "Page"]
