"""What a hosted show works with, made from what its script names: catalogue, chat, hosts, guard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from avatar_engine.contracts import Card
from avatar_engine.errors import AvatarError
from avatar_engine.show import guard as guards
from avatar_engine.show import script as scripts
from avatar_engine.show.catalogue import Catalogue, CatalogueFile, Product
from avatar_engine.show.chat.inbox import Inbox, Question
from avatar_engine.show.chat.message import Count, Message
from avatar_engine.show.chat.sources import Replay, Source, source_of, started
from avatar_engine.show.front_matter import OFF
from avatar_engine.show.guard import Guard, Verdict
from avatar_engine.show.host import settings as hosts
from avatar_engine.show.host.embedded import Embedded, Known
from avatar_engine.show.host.endpoint import Endpoint
from avatar_engine.show.host.hosts import Hosts
from avatar_engine.show.host.prompt import messages
from avatar_engine.show.host.reply import Ready, Reply, Request
from avatar_engine.show.journal import Journal
from avatar_engine.show.producer import Studio
from avatar_engine.show.script import Line, Script, Segment
from avatar_engine.show.showcase import Showcase
from avatar_engine.show.wording import SLOTS, filled, slots_of
from avatar_engine.stage.card import Look

FACTS = 12
"""Products that a language model is told of besides the one that is spoken of."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a script that was looked at: lines for people, and whether it may go on air."""

    told: tuple[str, ...]
    good: bool


class Shop:
    """The catalogue as a show asks for it.

    Args:
        script: Names its file, and the languages.
        folder: Where the script lies.
        now: The time, aware.

    Raises:
        AvatarError: The catalogue is no good, or a segment's product is not in it.
    """

    def __init__(self, script: Script, folder: Path, now: Callable[[], datetime]) -> None:
        self._path = folder / script.catalogue
        self._file = CatalogueFile(self._path) if script.catalogue else None
        self._now = now
        missing = [
            segment
            for segment in script.segments
            if segment.product and segment.product not in self.catalogue().products
        ]
        if missing:
            lines = "\n".join(
                f"  line {one.line}: {one.product!r} is not in the catalogue" for one in missing
            )
            raise AvatarError(f"Products are missing:\n{lines}", "Correct the script or the catalogue.")

    def catalogue(self) -> Catalogue:
        """As it is now."""
        return self._file.look() if self._file else Catalogue()

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
        return Card(product, name, price, was, saving, found.stock, language, path, _state(picture))

    def picture(self, product: str) -> Path | None:
        """A file with a product's picture; None for none."""
        found = self.catalogue().products.get(product)
        if found is None or not found.image:
            return None
        folder = self._path.parent.resolve()
        path = (folder / found.image).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None

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
    """Answers the question whether the host is real itself; whoever is asked for the rest."""

    def __init__(self, hosts_: Hosts) -> None:
        self._hosts = hosts_

    def reply(self, request: Request) -> Reply:
        honest = guards.truthful(request.text, request.language) if request.kind == "answer" else None
        return Ready([honest], "the law") if honest else self._hosts.reply(request)


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
) -> Studio:
    folder = file.parent
    shop = Shop(script, folder, now)
    guard = Guard(shop.catalogue, now, script.rivals)
    inbox = _Replayed(clock, script.languages, shop.product, script.rivals)
    sources = [source_of(text, folder, clock) for text in script.chat]
    inbox.replays = [source for source in sources if isinstance(source, Replay)]
    endpoint, over = None, threading.Event()
    if script.host:
        settings = hosts.load(folder / script.host)
        endpoint = _endpoint(settings, script, shop) if live else None
    if live:
        for source in sources:
            source.reserve()
        _listen([source for source in sources if not isinstance(source, Replay)], inbox, journal, over)
    answered = Hosts(endpoint, Embedded(shop.known))

    def check(text: str, language: str, product: str, origin: str) -> Verdict:
        verdict = guard.check(text, language, product, origin)
        if verdict.reasons:
            why = "; ".join(f"{reason.code}: {reason.detail}" for reason in verdict.reasons)
            journal(
                {"event": "guard", "at": round(clock(), 3), "text": text, "said": verdict.text, "why": why}
            )
        return verdict

    def card_of(product: str, at: float) -> Card | None:
        return shop.card(product, script.language, begin + timedelta(seconds=at) if begin else now())

    showcase = None
    if script.catalogue and OFF not in script.card:
        showcase = Showcase(card_of, journal, on_air=live)

    def close() -> None:
        over.set()
        if showcase:
            showcase.close()

    return Studio(
        slots=shop.slots,
        chat=inbox if sources else None,
        hosts=_Truthful(answered),
        check=check,
        audience=inbox.audience,
        notice=guards.notice,
        journal=journal,
        today=lambda: now().astimezone() if live else now(),
        showcase=showcase,
        close=close,
    )


def _endpoint(settings: hosts.HostSettings, script: Script, shop: Shop) -> Endpoint:
    def brief(request: Request) -> list[dict[str, str]]:
        return messages(request, script.persona, shop.facts(request.product, request.language), ())

    return Endpoint(settings, brief)


def _listen(sources: Sequence[Source], inbox: Inbox, journal: Journal, over: threading.Event) -> None:
    """Let the chat's sources bring what they have until the show is ``over``; attacks are written down."""

    def put(came: Message | Count) -> None:
        if isinstance(came, Message) and (tried := guards.attack(came.text)):
            journal({"event": "attack", "source": came.source, "text": came.text[:200], "why": tried.detail})
        inbox.put(came)

    started(list(sources), put, over)


def checked(file: Path) -> Checked:
    """Look at a script and all that it names, and say every sentence to the guard.

    Raises:
        AvatarError: The script, the catalogue, the chat or the host's settings have mistakes.
    """
    script = scripts.load(file)
    shop = Shop(script, file.parent, lambda: datetime.now(UTC))
    if script.host:
        hosts.load(file.parent / script.host)
    for text in script.chat:
        source_of(text, file.parent, lambda: 0.0)
    Look.of(script.card, file.parent)
    guard = Guard(shop.catalogue, lambda: datetime.now(UTC), script.rivals)
    wrong = list(_refused(script, shop, guard))
    lines, products = sum(isinstance(item, Line) for item in script.items), len(shop.catalogue().products)
    counted = (
        f"{lines} lines in {len(script.segments)} segments, {products} products, {len(script.chat)} chats"
    )
    told = (
        *wrong,
        *_unseen(script, shop),
        f"{file.name}: {counted}.",
        f"{len(wrong)} mistakes." if wrong else "It may go on air.",
    )
    return Checked(told, not wrong)


def _unseen(script: Script, shop: Shop) -> list[str]:
    """Products whose picture is not there: their cards go without."""
    products, spoken_of = shop.catalogue().products, dict.fromkeys(one.product for one in script.segments)
    named = [(ident, products[ident].image) for ident in spoken_of if ident in products]
    return [
        f"{ident!r} has no picture on its card: there is no {image!r} beside the catalogue"
        for ident, image in named
        if image and "://" not in image and shop.picture(ident) is None
    ]


def _refused(script: Script, shop: Shop, guard: Guard) -> list[str]:
    """Every sentence that would not be said, or not as it is written, with its line."""
    told, product = [], ""
    for item in script.items:
        if isinstance(item, Segment):
            product = item.product
        if not isinstance(item, Line):
            continue
        for text in (item.text, *item.others):
            values = shop.slots(product, script.language)
            if lacking := [name for name in slots_of(text) if name in SLOTS and name not in values]:
                told.append(
                    f"line {item.line}: {product!r} has no {', '.join(lacking)}; the line is left out then"
                )
                continue
            verdict = guard.check(filled(text, values), script.language, product, f"script:{item.line}")
            told += [f"line {item.line}: {reason.code}: {reason.detail}" for reason in verdict.reasons]
    return told
