"""What a hosted show works with, made from what its script names: catalogue, chat, hosts, guard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from avatar_engine import markup
from avatar_engine.contracts import RELIGHT, Card, Comment
from avatar_engine.errors import AvatarError
from avatar_engine.live.layouts import plan_of
from avatar_engine.show import guard as guards
from avatar_engine.show import script as scripts
from avatar_engine.show.attendance import Attendance
from avatar_engine.show.catalogue import Catalogue, Product, opened
from avatar_engine.show.chat.inbox import Inbox, Question, spoken_name
from avatar_engine.show.chat.message import Count, Message
from avatar_engine.show.chat.replay import Replay
from avatar_engine.show.chat.source import Source
from avatar_engine.show.chat.sources import source_of
from avatar_engine.show.chat.standing import Watched, finished, started
from avatar_engine.show.front_matter import OFF
from avatar_engine.show.guard import GROUNDED, Guard, Told, Verdict
from avatar_engine.show.host import settings as hosts
from avatar_engine.show.host.embedded import Embedded, Known
from avatar_engine.show.host.endpoint import Endpoint
from avatar_engine.show.host.hosts import Hosts
from avatar_engine.show.host.prompt import Memory, messages
from avatar_engine.show.host.reply import LAW, Ready, Reply, Request
from avatar_engine.show.journal import Journal
from avatar_engine.show.producer import Studio
from avatar_engine.show.remarks import Remarks
from avatar_engine.show.scenes import Scenes
from avatar_engine.show.script import Line, Script, Segment
from avatar_engine.show.showcase import Showcase
from avatar_engine.show.wording import SLOTS, filled, slots_of
from avatar_engine.stage.background import behind_of
from avatar_engine.stage.card import Look
from avatar_engine.voice import languages

FACTS = 12
"""Products that a language model is told of besides the one that is spoken of."""

FAREWELL = 2.0
"""Seconds that the chat's sources have at the end, to give back ports and rooms."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a script that was looked at: lines for people, and whether it may go on air."""

    told: tuple[str, ...]
    good: bool


class Shop:
    """The catalogue as a show asks for it.

    Args:
        script: Names its file or address, and the languages.
        folder: Where the script lies.
        now: The time, aware.
        soon: Whether what was read from an address a moment ago is good enough to begin with.

    Raises:
        AvatarError: The catalogue is no good, or a segment's product is not in it.
    """

    def __init__(self, script: Script, folder: Path, now: Callable[[], datetime], soon: bool = False) -> None:
        self._source = opened(script.catalogue, folder, soon) if script.catalogue else None
        self._now = now
        self._shown = tuple(dict.fromkeys(one.product for one in script.segments if one.product))
        missing = [
            segment
            for segment in script.segments
            if segment.product and segment.product not in self.catalogue().products
        ]
        if missing:
            lines = "\n".join(
                f"  line {one.line}: {one.product!r} is not in the catalogue{self._meant(one.product)}"
                for one in missing
            )
            raise AvatarError(f"Products are missing:\n{lines}", "Correct the script or the catalogue.")

    def catalogue(self) -> Catalogue:
        """As it is now."""
        return self._source.look() if self._source else Catalogue()

    @property
    def told(self) -> tuple[str, ...]:
        """The catalogue's format, its size, and what is wrong with it, for people."""
        return self._source.told if self._source else ()

    def picture(self, product: str) -> Path | None:
        """The file of a product's picture; None where there is none (yet). Asks nobody, and takes no time."""
        return self._source.picture(product) if self._source else None

    def follow(self, over: threading.Event) -> None:
        """Keep up with an address, and fetch pictures, until the show is ``over``."""
        if self._source:
            self._source.follow(over, self._shown)

    def settle(self) -> None:
        """Fetch the pictures of the show's products and wait for them: from then on nothing changes by itself."""
        if self._source:
            self._source.settle(self._shown)

    def _meant(self, product: str) -> str:
        """What may be meant by an id that is not there: its variants, or ids that are like it."""
        known = self.catalogue().products
        near = [ident for ident, one in known.items() if one.group == product][:5]
        near = near or get_close_matches(product, list(known)[:5000], 3)
        return f"; is it {' or '.join(map(repr, near))}?" if near else ""

    def slots(self, product: str, language: str) -> Mapping[str, str]:
        """The values of a product's slots."""
        found = self.catalogue().products.get(product)
        return self._values(found, language) if found else {}

    def known(self, product: str, language: str) -> Known | None:
        """What the embedded host knows (`avatar_engine.show.host.embedded.Knows`)."""
        catalogue, tag = self.catalogue(), language.partition("-")[0]
        if not product:
            return Known({}, answers=catalogue.faq.get(tag) or catalogue.faq.get("", ()))
        found = catalogue.products.get(product)
        if found is None:
            return None
        texts = found.said(language)
        return Known(
            self._values(found, language), found.stock == 0, texts.facts, texts.faq, texts.description
        )

    def product(self, text: str) -> str:
        """The id of the product that a text names; "" for none."""
        found = self.catalogue().named(text)
        return found.ident if found else ""

    def names(self, product: str) -> tuple[str, ...]:
        """All names of a product, by its id."""
        found = self.catalogue().products.get(product)
        return found.names if found else ()

    def facts(self, product: str, language: str) -> dict[str, Any]:
        """What a language model is told, the product that is spoken of first."""
        products = self.catalogue().products
        idents = [ident for ident in (product, *products) if ident in products]
        told = {
            ident: self._fact(products[ident], language) for ident in [*dict.fromkeys(idents)][: FACTS + 1]
        }
        return {
            "products": told,
            "shop": [list(pair) for pair in (self.known("", language) or Known({})).answers],
        }

    def _fact(self, product: Product, language: str) -> dict[str, Any]:
        known = self.known(product.ident, language) or Known({})
        return {
            **known.values, "sold_out": known.sold_out, **known.facts, "about": known.description,
            "answers": [list(pair) for pair in known.answers], "claims": [claim.text for claim in product.claims],
        }  # fmt: skip

    def card(self, product: str, language: str, now: datetime) -> Card | None:
        """What viewers read of a product at a moment; None for one that is not in the catalogue."""
        found = self.catalogue().products.get(product)
        if found is None:
            return None
        values, picture = self._values(found, language, now), self.picture(product)
        name, price, was, saving = (values.get(slot, "") for slot in ("name", "price", "was", "saving"))
        path = str(picture or "")
        offer = found.offer_at(now)
        ends = offer.ends.timestamp() if offer and offer.ends else 0.0
        return Card(
            product, name, price, was, saving, found.stock, language, path, _state(picture), found.link, ends
        )

    def _values(self, product: Product, language: str, now: datetime | None = None) -> dict[str, str]:
        now = now or self._now()
        price, was = product.price_at(now), product.was_at(now)
        values = {"name": product.said(language).name or product.names[0], "price": price.told(language)}
        if was:
            saving = type(price)(was.amount - price.amount, price.currency)
            values |= {"was": was.told(language), "saving": saving.told(language)}
        if product.stock:
            values["stock"] = str(product.stock)
        return values


def _state(picture: Path | None) -> int:
    """Tells one picture in a file from another."""
    try:
        return picture.stat().st_mtime_ns if picture else 0
    except OSError:
        return 0


class _Truthful:
    """Answers the question whether the host is real itself; whoever is asked for the rest.

    The journal is told the names that may be said before one is, and so is the guard, with what was asked.
    """

    def __init__(
        self, hosts_: Hosts, journal: Journal, heard: Callable[[str, tuple[str, ...]], None]
    ) -> None:
        self._hosts, self._journal, self._heard = hosts_, journal, heard

    def embedded(self, request: Request) -> Reply:
        return self._hosts.embedded(request)

    def reply(self, request: Request) -> Reply:
        self._journal.named(request.askers)
        self._heard(request.text if request.kind == "answer" else "", request.askers)
        honest = guards.truthful(request.text, request.language) if request.kind == "answer" else None
        return Ready([honest], LAW) if honest else self._hosts.reply(request)


class _Replayed(Inbox):
    """An inbox that a file fills, in the show's own time, whenever it is asked."""

    replays: Sequence[Replay] = ()

    def choose(self, now: float, busy: bool = False) -> Question | None:
        self._bring()
        return super().choose(now, busy)

    def audience(self) -> dict[str, float]:
        self._bring()
        return super().audience()

    def _bring(self) -> None:
        for replay in self.replays:
            replay.bring(self.put)


def furnished(script: Script, file: Path, journal: Journal, clock: Callable[[], float]) -> Studio:
    """The studio of a show on air: its chat is listened to from now on.

    Args:
        script: The show.
        file: Where it is written; what it names lies beside it.
        journal: Told of every decision.
        clock: Seconds of the show.

    Raises:
        AvatarError: Catalogue, chat or host are no good.
    """
    return _studio(script, file, journal, clock, lambda: datetime.now(UTC), live=True)


def inherited(script: Script, file: Path, journal: Journal, clock: Callable[[], float]) -> Studio:
    """The same for a show that takes a dead one's place: a port or a key that is missing does not keep it off air.

    Raises:
        AvatarError: Catalogue, chat or host are no good.
    """
    return _studio(script, file, journal, clock, lambda: datetime.now(UTC), live=True, sure=False)


def rehearsed(script: Script, file: Path, journal: Journal, clock: Callable[[], float]) -> Studio:
    """The same for a rehearsal: chat from files alone, no language model, and a time of day that is the show's own.

    Raises:
        AvatarError: Catalogue, chat or host are no good.
    """
    begin = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return _studio(
        script, file, journal, clock, lambda: begin + timedelta(seconds=clock()), live=False, begin=begin
    )


def _studio(
    script: Script,
    file: Path,
    journal: Journal,
    clock: Callable[[], float],
    now: Callable[[], datetime],
    live: bool,
    begin: datetime | None = None,
    sure: bool = True,
) -> Studio:
    folder = file.parent
    shop = Shop(script, folder, now, soon=live)
    settings = hosts.load(folder / script.host) if script.host else None
    claims = settings.claims if settings else GROUNDED
    guard = Guard(shop.catalogue, now, script.rivals, script.persona, claims, _written(script))
    inbox = _Replayed(clock, script.answers, shop.product, script.rivals, shop.names)
    attendance = Attendance(journal)
    memory = Memory()

    def came(what: Message | Count, sort: str, when: float) -> None:
        attendance.came(what, sort, when)
        if isinstance(what, Message):
            remarks.came(what, sort, when)
        if isinstance(what, Message) and sort in ("question", "talk"):
            memory.came(what.text)

    def shown(comment: Comment, since: float) -> None:
        journal.named([comment.author] if comment.author else [])
        told = {"author": comment.author, "text": comment.text, "language": comment.language}
        journal({"event": "comment", "at": round(since, 3), **told})

    remarks = Remarks(_shown_of(guard, script), shown)

    def noted(entry: Mapping[str, Any]) -> None:
        memory.told(entry)
        journal(entry)

    inbox.watch = came
    sources = [source_of(text, folder, clock) for text in script.chat]
    inbox.replays = [source for source in sources if isinstance(source, Replay)]
    endpoint, over = None, threading.Event()
    if settings and live:
        endpoint = _endpoint(settings, script, shop, inbox, memory)
        guard.ready(script.answers)
    heard: list[Watched] = []
    if live and sure:
        for source in sources:
            source.ready()
        for source in sources:
            source.reserve()
    if live:
        heard = _listen(
            [source for source in sources if not isinstance(source, Replay)], inbox, journal, over
        )
        shop.follow(over)
    else:
        shop.settle()
    answered = Hosts(endpoint, Embedded(shop.known))

    def check(text: str, language: str, product: str, origin: str) -> Verdict:
        verdict = guard.check(text, language, product, origin)
        told = {"at": round(clock(), 3), "text": text, "source": origin, "product": product}
        told |= {"catalogue": shop.catalogue().version}
        if verdict.reasons:
            why = "; ".join(f"{reason.code}: {reason.detail}" for reason in verdict.reasons)
            journal({"event": "guard", **told, "said": verdict.text, "allowed": verdict.allowed, "why": why})
        else:
            journal({"event": "passed", **told})
        return verdict

    def card_of(product: str, at: float) -> Card | None:
        return shop.card(product, script.language, begin + timedelta(seconds=at) if begin else now())

    showcase = None
    if script.catalogue and OFF not in script.card:
        showcase = Showcase(card_of, journal, on_air=live)

    def audience() -> dict[str, float]:
        answers = {
            "answered": float(inbox.figures.answered),
            "unanswered": float(inbox.figures.unanswered),
        }
        return attendance.looked(inbox.audience() | answers, inbox.figures.unanswered, clock())

    def close() -> None:
        over.set()
        finished(heard, FAREWELL)
        attendance.close()
        if showcase:
            showcase.close()

    return Studio(
        slots=shop.slots,
        chat=inbox if sources else None,
        hosts=_Truthful(answered, journal, guard.heard),
        check=check,
        audience=audience,
        notice=lambda language: guards.notice(language, script.sells),
        tongue=_tongue(script),
        journal=noted,
        today=lambda: now().astimezone() if live else now(),
        showcase=showcase,
        scenes=Scenes(showcase, remarks, lambda: now().timestamp() - clock(), journal),
        chats=lambda: tuple(one.standing for one in heard),
        close=close,
    )


def _written(script: Script) -> list[Told]:
    """What people wrote for the show."""
    language = "" if script.language.lower() == languages.AUTO else script.language.partition("-")[0]
    lines = [text for item in script.items if isinstance(item, Line) for text in (item.text, *item.others)]
    told = [*(segment.name for segment in script.segments), *map(markup.unmarked, lines)]
    return [Told(text, language) for text in told]


def _tongue(script: Script) -> Callable[[str], str]:
    """Finds the language of a text where the script leaves it open; "" where it does not."""
    if script.language.lower() != languages.AUTO:
        return lambda text: ""
    return lambda text: languages.recognised(markup.unmarked(text), script.answers[0], script.among)


def _shown_of(guard: Guard, script: Script) -> Callable[[Message], Comment | None]:
    """What may stand on the picture of a message: all of it, if the host might say it, too; None for nothing."""

    def shown(message: Message) -> Comment | None:
        text = " ".join(message.text.split())
        tag = languages.recognised(text, script.answers[0], script.answers)
        verdict = guard.check(text, tag, "", "chat")
        if guards.attack(text) or not verdict.allowed or verdict.text != text:
            return None
        return Comment(spoken_name(message.author, tag), text, tag)

    return shown


def _endpoint(
    settings: hosts.HostSettings, script: Script, shop: Shop, inbox: Inbox, memory: Memory
) -> Endpoint:
    rundown = [segment.name for segment in script.segments]

    def brief(request: Request) -> list[dict[str, str]]:
        facts = shop.facts(request.product, request.language)
        return messages(request, script.persona, facts, memory.moment(inbox.audience(), rundown))

    return Endpoint(settings, brief)


def _listen(
    sources: Sequence[Source], inbox: Inbox, journal: Journal, over: threading.Event
) -> list[Watched]:
    """Let the chat's sources bring what they have until the show is ``over``; attacks are written down."""

    def put(came: Message | Count) -> None:
        if isinstance(came, Message) and (tried := guards.attack(came.text)):
            journal({"event": "attack", "source": came.source, "text": came.text[:200], "why": tried.detail})
        inbox.put(came)

    return started(list(sources), put, over, journal)


def checked(file: Path) -> Checked:
    """Look at a script and all that it names, and say every sentence to the guard.

    Raises:
        AvatarError: The script, the catalogue, the chat or the host's settings have mistakes.
    """
    script = scripts.load(file)
    shop = Shop(script, file.parent, lambda: datetime.now(UTC))
    if script.host:
        hosts.load(file.parent / script.host)
    Look.of(script.card, file.parent)
    behind_of("", script.background, file.parent, RELIGHT)
    plan_of("", script, file)
    guard = Guard(shop.catalogue, lambda: datetime.now(UTC), script.rivals)
    wrong = [*_lacking(script, file.parent), *_refused(script, shop, guard)]
    lines = sum(isinstance(item, Line) and not item.goes_on for item in script.items)
    products = len(shop.catalogue().products)
    counted = (
        f"{lines} lines in {len(script.segments)} segments, {products} products, {len(script.chat)} chats"
    )
    verdict = f"{len(wrong)} mistakes." if wrong else "It may go on air."
    told = (*wrong, f"{file.name}: {counted}.", *shop.told, verdict)
    return Checked(told, not wrong)


def _lacking(script: Script, folder: Path) -> list[str]:
    """What the chat's sources lack on this machine, a key or a library; nothing is connected to."""
    told = []
    for text in script.chat:
        source = source_of(text, folder, lambda: 0.0)
        try:
            source.ready()
        except AvatarError as error:
            told.append(f"chat {source.name}: {error}")
    return told


def _refused(script: Script, shop: Shop, guard: Guard) -> list[str]:
    """Every sentence that would not be said, or not as it is written, with its line."""
    told, product, tongue = [], "", _tongue(script)
    for item in script.items:
        if isinstance(item, Segment):
            product = item.product
        if not isinstance(item, Line):
            continue
        for text in (item.text, *item.others):
            tag = tongue(text) or script.language
            values = shop.slots(product, tag)
            if lacking := [name for name in slots_of(text) if name in SLOTS and name not in values]:
                told.append(
                    f"line {item.line}: {product!r} has no {', '.join(lacking)}; the line is left out then"
                )
                continue
            verdict = guard.check(filled(text, values), tag, product, f"script:{item.line}")
            told += [f"line {item.line}: {reason.code}: {reason.detail}" for reason in verdict.reasons]
    return told
