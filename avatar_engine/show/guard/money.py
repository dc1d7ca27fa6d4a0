"""Which sentences are about money, and whether one is understood whole, and true at this moment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from avatar_engine.show.catalogue import Product
from avatar_engine.show.guard import prices
from avatar_engine.show.guard.amounts import kind_of, word_table, words_of
from avatar_engine.show.guard.figures import figures
from avatar_engine.show.guard.grounding import everyday_of, unnamed
from avatar_engine.show.guard.readings import bare
from avatar_engine.show.guard.saying import Saying

SMALL = 12
"""Counts up to this are harmless."""

DAY = 86_400
"""Seconds."""

_CURRENCIES = {
    "EUR": "€|eur|欧元|ユーロ|यूरो", "USD": r"\$|usd|dollar|dólar|buck|美元|ドル|डॉलर",
    "GBP": "£|gbp|pound|libra|livre|sterl|pfund|英镑|ポンド|पाउंड",
    "JPY": "[¥￥]|yen|円|日元", "CNY": "[¥￥]|yuan|rmb|块|人民币|(?<![欧美日])元", "INR": "₹|rupe|रुप",
    "BRL": r"r\$|reais|real", "CHF": "chf|franc|frank|franch",
    "others": r"pesos?|soles|rubl|roubl|rubel|kron|zlot|lir[ae]\b|dirham|\bwon\b|卢布|ウォン|bitcoins?|\bbtc|\beth\b",
}  # fmt: skip
"""Words and signs of currencies."""


def about_money(saying: Saying) -> bool:
    """Whether a sentence speaks of a price, or of what costs nothing."""
    words = words_of(saying.tag)
    texts = {number for one in saying.spoken for number in saying.shop.numbers_of(one, saying.tag)}
    for figure in saying.figures:
        kind, value, _ = kind_of(figure, saying.plain, words)
        if kind in ("money", "was") or (kind == "per cent" and value not in texts):
            return True
    return _words(saying.tag).about.search(saying.low) is not None


def certain(saying: Saying, now: datetime, language: str) -> bool:
    """Whether a sentence about money is understood whole and true."""
    return _judged(saying, now, language) is True


def refuted(saying: Saying, now: datetime, language: str) -> bool:
    """Whether a sentence with an amount of money is understood whole and wrong."""
    amounts = any(one.kind == "money" for one in _amounts(saying, ()))
    return amounts and _judged(saying, now, language) is False


def _judged(saying: Saying, now: datetime, language: str) -> bool | None:
    """Whether a sentence about money is true; None where it is not understood."""
    every = _meant(saying)
    if every is None:
        return None
    sales = {prices.sign_of(n): _sale(one, now, language) for n, one in enumerate(every)}
    amounts = _amounts(saying, [*sales.values()])
    if not all(in_currency(saying, (one.begin, one.end)) for one in amounts):
        return None
    everyday = everyday_of(saying.tag)
    text, signs = prices.marked(unnamed(saying.plain, everyday), amounts)
    text = re.sub(rf"^\W*(?:{'|'.join(everyday.refused)})\s*[,，、]", " ", text)  # "No, it costs ..."
    for group, kind in saying.kinds:
        text = saying.topics.kinds[group][kind].sub(" ", text)
    text = prices.named(text, {bare(name): n for n, one in enumerate(every) for name in one.names})
    first = next((sign for sign in text if sign in sales), prices.sign_of(0))
    # a sentence is about the first product that it names, or about the one at hand
    told = [
        _understood(
            text.replace(sign, " "), signs, every[[*sales].index(sign)], sales[sign],
            {other: sale for other, sale in sales.items() if other != sign}, saying,
        )
        for sign in dict.fromkeys((first, prices.sign_of(0)))
    ]  # fmt: skip
    return True if True in told else None if None in told else False


def is_no_price(saying: Saying, place: tuple[int, int]) -> bool:
    """Whether an amount is what is saved, a difference, or the price of something else: it can't be put right."""
    amounts = _amounts(saying, ())
    text, signs = prices.marked(saying.plain, amounts)
    for product in _meant(saying) or ():
        text = prices.named(text, {bare(name): 0 for name in product.names})
    sign = next((sign for sign, one in signs.items() if (one.begin, one.end) == place), "")
    return prices.has_a_part(text, sign, _words(saying.tag))


def _understood(
    text: str, signs: Mapping[str, prices.Amount], about: Product, sale: prices.Sale,
    others: Mapping[str, prices.Sale], saying: Saying,
) -> bool | None:  # fmt: skip
    """Whether a sentence is true if it is about the product ``about`` of all that it names; None for not understood."""
    postage = saying.shop.postage(saying.tag) if saying.topics.about("delivery", saying.low) else None
    ground, everyday = saying.shop.ground(about.ident, saying.tag), everyday_of(saying.tag)

    def known(word: str) -> bool:
        said = everyday.said(word)
        if said.keys & ground.names or (len(word) > 1 and ground.tells(said)):
            return True
        return said.kind == "talk" and not everyday.unspaced  # pieces of signs are too easily found

    return prices.Sentence(text, signs, others, sale, postage).holds(_words(saying.tag), known)


def _meant(saying: Saying) -> list[Product] | None:
    """The product at hand and all others that a sentence names; None where a name is that of several."""
    if not saying.spoken:
        return None
    at_hand = saying.spoken[-1]
    every = {at_hand.ident: at_hand}
    for group in saying.shop.catalogue.mentioned(saying.plain):
        if not any(one.ident == at_hand.ident for one in group):
            every |= {one.ident: one for one in group}
            if len(group) > 1:
                return None
    return [*every.values()]


def _sale(product: Product, now: datetime, language: str) -> prices.Sale:
    """What a product costs at a moment."""
    was, offer = product.was_at(now), product.offer_at(now)
    ends = bool(offer and offer.ends and (offer.ends - now).total_seconds() < DAY)
    name = product.said(language).name
    pieces = frozenset(one.value for one in figures(name, language) if one.value > 1)
    return prices.Sale(product.price_at(now).amount, was.amount if was else None, ends, pieces)


def _words(tag: str) -> prices.Words:
    """How money is spoken of in a language."""
    told = word_table().get(tag, word_table()["en"])
    bounds = (told["under"], told["over"], told.get("under_after", ""), told.get("over_after", ""))
    return prices.words_about(tag, bounds)


def _amounts(saying: Saying, sales: Sequence[prices.Sale]) -> list[prices.Amount]:
    """The figures of a sentence about money, each with what it seems to be of."""
    words, found = words_of(saying.tag), list[prices.Amount]()
    known = {amount for sale in sales for amount in (sale.price, sale.was)}
    known |= {value for sale in sales for kind, value in sale.savings if kind == "money"}
    for figure in saying.figures:
        kind, value, place = kind_of(figure, saying.plain, words)
        named = place != (figure.begin, figure.end)  # a currency stands beside it
        money = kind in ("money", "was", "perhaps a price") or (
            value in known and (value > SMALL or value != int(value))
        )
        if money and not named and 2 <= value <= SMALL and value not in known:
            money = False  # "37.50 for three"
        of = "share" if kind == "per cent" else "money" if money else "count"
        found.append(prices.Amount(*place, value, of))
    return found


def in_currency(saying: Saying, place: tuple[int, int]) -> bool:
    """Whether an amount is not in another currency than the products that a sentence is about."""
    codes = {product.price.currency for product in saying.spoken}
    own = _CURRENCIES.get(codes.pop(), "") if len(codes) == 1 else "(?!)"
    unit = re.sub(r"[\d.,]+", " ", saying.plain[place[0] : place[1]])
    named = any(re.search(words, unit, re.IGNORECASE) for words in _CURRENCIES.values())
    return not named or re.search(own, unit, re.IGNORECASE) is not None
