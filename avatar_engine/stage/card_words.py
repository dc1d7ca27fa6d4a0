"""The words of a product's card, by language."""

from __future__ import annotations

import unicodedata

from avatar_engine.contracts import Card

FEW = 10
"""How many are so few that the card tells it."""

LONGEST = 160
"""Letters of a name that are looked at: no card has room for more."""

WORDS = {
    "en": ("Save {}", "Only {} left", "Sold out"),
    "fr": ("−{}", "Plus que {}", "Épuisé"),
    "es": ("Ahorra {}", "Últimas unidades: {}", "Agotado"),
    "it": ("Risparmi {}", "Ultimi pezzi: {}", "Esaurito"),
    "pt": ("Economize {}", "Últimas unidades: {}", "Esgotado"),
    "de": ("Spare {}", "Nur noch {}", "Ausverkauft"),
    "nl": ("Bespaar {}", "Nog maar {}", "Uitverkocht"),
    "pl": ("Taniej o {}", "Zostało: {}", "Wyprzedane"),
    "sv": ("Spara {}", "Bara {} kvar", "Slutsåld"),
    "tr": ("{} indirim", "Son {} adet", "Tükendi"),
    "ru": ("Выгода {}", "Осталось: {}", "Распродано"),
    "uk": ("Знижка {}", "Залишилося: {}", "Розпродано"),
    "ar": ("وفّر {}", "المتبقي: {}", "نفدت الكمية"),
    "hi": ("{} की बचत", "केवल {} बचे", "स्टॉक ख़त्म"),
    "zh": ("立省{}", "仅剩{}件", "已售罄"),
    "ja": ("{}お得", "残り{}点", "完売"),
    "ko": ("{} 할인", "{}개 남음", "품절"),
}
"""By language: what is saved, how few are left, and that there is none; others get signs alone."""

OFFER_ENDS = {
    "en": "Offer ends in", "fr": "Fin de l’offre dans", "es": "La oferta acaba en", "it": "L’offerta scade tra",
    "pt": "A oferta acaba em", "de": "Angebot endet in", "nl": "Aanbieding eindigt over", "pl": "Oferta kończy się za",
    "sv": "Erbjudandet slutar om", "tr": "Teklifin bitmesine", "ru": "До конца акции", "uk": "До кінця акції",
    "ar": "ينتهي العرض خلال", "hi": "ऑफ़र समाप्त होने में", "zh": "优惠剩余时间", "ja": "終了まで", "ko": "할인 종료까지",
}  # fmt: skip
"""What stands over the time that an offer still holds; other languages get the time alone."""


def texts_of(card: Card) -> dict[str, str]:
    """What is written, by slot."""
    save, few, none = WORDS.get(card.language.partition("-")[0].lower(), ("−{}", "", ""))
    left = "" if card.left is None or card.left > FEW else (few.format(card.left) if card.left else none)
    return {
        "name": card.name[:LONGEST], "price": card.price, "was": card.was, "left": left,
        "saving": save.format(_kept_whole(card.saving)) if card.saving else "",
    }  # fmt: skip


def runs_back(text: str) -> bool:
    """Whether a text has letters that are written from the right."""
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def _kept_whole(amount: str) -> str:
    """An amount of money that stays in its own order within a text that is written from the right."""
    return amount if runs_back(amount) else f"\u202a{amount}\u202c"
