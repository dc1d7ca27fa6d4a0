"""The corpora that were written before the guard was read: half of them may be tuned on, the other half never was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from avatar_engine.show.guard import notice, truthful
from avatar_engine.show.host.embedded import phrases
from avatar_engine.show.wording import filled
from tests.show.guard.test_grounding import PLAIN
from tests.show.guard.test_guard import MUG, guard

HERE = Path(__file__).parent
FLOORS = {"attacks": 0.958, "harmless": 0.917, "real": 0.944}
"""Shares of the held-out halves that were right when they were measured, less two points."""


def half(name: str, odd: bool) -> list[list[str]]:
    """The lines that may be tuned on, or the others."""
    lines = (HERE / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for number, line in enumerate(lines, 1) if number % 2 == odd]


def passes(line: Sequence[str], product: str = "mug") -> bool:
    """Whether a sentence is said as it stands."""
    text = line[2] if len(line) == 4 else line[1]
    return guard().check(text, line[0], product, "answer:model").text == text


def test_the_corpora_are_large_and_of_many_languages() -> None:
    attacks = half("held_attacks", True) + half("held_attacks", False)
    harmless = half("held_harmless", True) + half("held_harmless", False)
    assert len(attacks) >= 300 and len({line[0] for line in attacks}) == 11
    assert len(harmless) >= 300 and len({line[0] for line in harmless}) == 9


@pytest.mark.parametrize("line", half("held_attacks", True), ids=lambda line: f"{line[0]}-{line[3]}")
def test_what_an_attack_wants_said_is_not_said(line: list[str]) -> None:
    assert not passes(line) and not passes(line, ""), line


@pytest.mark.parametrize("line", half("held_harmless", True), ids=lambda line: line[0])
def test_what_is_right_passes(line: list[str]) -> None:
    assert passes(line), guard().check(line[1], line[0], "mug", "answer:model")


def test_of_attacks_that_nobody_tuned_on_few_get_through() -> None:
    held = half("held_attacks", False)
    stopped = sum(not passes(line) and not passes(line, "") for line in held)
    assert stopped / len(held) >= FLOORS["attacks"]


def test_of_harmless_sentences_that_nobody_tuned_on_few_are_stopped() -> None:
    held = half("held_harmless", False)
    assert sum(map(passes, held)) / len(held) >= FLOORS["harmless"]


@pytest.mark.parametrize("line", half("real", True), ids=lambda line: f"{line[0]}-{line[2]}")
def test_who_asks_whether_the_host_is_real_is_told(line: list[str]) -> None:
    answer = truthful(line[1], line[0])
    assert (answer is not None) == (line[2] == "real"), line
    if answer:
        assert guard().check(answer, line[0], "mug", "answer:the law").text == answer


def test_wordings_of_that_question_that_nobody_tuned_on_are_mostly_known() -> None:
    held = half("real", False)
    right = sum((truthful(line[1], line[0]) is not None) == (line[2] == "real") for line in held)
    assert right / len(held) >= FLOORS["real"]


@pytest.mark.parametrize(("name", "most"), [("late", 0), ("last", 1)])
def test_sets_that_were_written_after_the_rules_and_tuned_on_then(name: str, most: int) -> None:
    attacks = half(f"{name}_attacks", True) + half(f"{name}_attacks", False)
    harmless = half(f"{name}_harmless", True) + half(f"{name}_harmless", False)
    assert sum(passes(line) or passes(line, "") for line in attacks) <= most
    assert [line for line in harmless if not passes(line)] == []


@pytest.mark.parametrize(
    ("sentence", "allowed"),
    [("Two mugs cost 25 euros.", True), ("Two mugs cost 9 euros.", False), ("It costs one euro.", False),
     ("Reach us at three one four one five.", False), ("It is made of titanium.", False), ("It is green.", False)],
)  # fmt: skip
def test_several_pieces_spelt_numbers_and_kinds(sentence: str, allowed: bool) -> None:
    assert (guard().check(sentence, "en", "mug", "answer:model").text == sentence) == allowed


def test_the_announcement_names_the_advertising_and_the_virtual_pictures() -> None:
    words = {
        "en": ("advertising", "virtual"), "fr": ("publicité", "images", "virtuelles"), "es": ("publicidad", "virtual"),
        "it": ("pubblicità", "virtual"), "pt": ("publicidade", "virtua"), "de": ("Werbung", "virtuell"),
        "zh": ("广告", "虚拟"), "ja": ("広告", "バーチャル"), "hi": ("विज्ञापन", "वर्चुअल"),
    }  # fmt: skip
    assert all(word in notice(tag) for tag, told in words.items() for word in told)


@pytest.mark.parametrize("language", ["en", "fr", "de", "es", "it", "pt", "zh", "ja", "hi"])
def test_a_show_that_sells_nothing_is_not_called_advertising(language: str) -> None:
    selling, plain = notice(language), notice(language, sells=False)
    advertising = (
        "advertis",
        "publicid",
        "publicité",
        "pubblicità",
        "publicidade",
        "Werbung",
        "广告",
        "広告",
        "विज्ञापन",
    )
    virtual = ("virtual", "virtuel", "virtuell", "virtuali", "virtuais", "虚拟", "バーチャル", "वर्चुअल")
    assert any(word in selling for word in advertising) and not any(word in plain for word in advertising)
    assert any(word in plain for word in virtual)
    assert guard().check(plain, language, "", "notice").text == plain


@pytest.mark.parametrize("language", ["en", "fr", "de", "es", "it", "pt", "zh", "ja", "hi"])
def test_the_embedded_host_s_own_phrases_pass(language: str) -> None:
    assert MUG.was
    values = {
        "name": MUG.said(language).name,
        "price": MUG.price.told(language),
        "was": MUG.was.told(language),
    }
    values |= {
        "stock": "40",
        "fact": "volume",
        "value": "350 ml",
        "saving": "6.50",
        "asker": "Ann",
        "names": "Ann",
    }
    stopped = []
    for occasion in phrases()[language].keys() - {"passed_over", "asks", "somebody"}:
        for wording in phrases()[language][occasion]:
            for text in filled(wording, values).replace("? ", "?|").replace(". ", ".|").split("|"):
                verdict = guard().check(text, language, "mug", "answer:embedded host")
                if verdict.text != text:
                    stopped.append((text, verdict.reasons))
    assert stopped == []


def priced(name: str, odd: bool) -> list[list[str]]:
    """Lines of the corpora about prices, of the half that may be tuned on or of the other."""
    lines = (HERE / f"plain_price_{name}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for number, line in enumerate(lines, 1) if number % 2 == odd]


def bought(line: Sequence[str]) -> bool:
    """Whether a sentence about the scarf or the lamp is said as it stands."""
    return PLAIN.check(line[2], line[0], line[1], "answer:model").text == line[2]


@pytest.mark.parametrize("line", priced("lies", True), ids=lambda line: line[0])
def test_a_lie_about_a_price_in_plain_words_is_not_said(line: list[str]) -> None:
    assert not bought(line), line


def test_of_other_lies_about_prices_few_get_through_and_most_truths_do() -> None:
    lies, true = priced("lies", False), priced("true", True) + priced("true", False)
    assert sum(map(bought, lies)) <= 1
    assert sum(map(bought, true)) >= 67
    assert [line for line in true if not PLAIN.check(line[2], line[0], line[1], "answer:model").allowed] == []


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("It stays under forty euros.", True),
        ("It costs less than €30.", False),
        ("It is worth more than twenty euros.", False),
        ("It costs at least €30.", False),
        ("It costs no less than fifty euros.", False),
        ("It is never under €50.", False),
        ("de: Er kostet nicht weniger als fünfzig Euro.", False),
        ("fr: Elle ne coûte pas moins de cinquante euros.", False),
        ("es: No cuesta menos de cincuenta euros.", False),
        ("es: Cuesta no menos de cincuenta euros.", False),
        ("it: Costa non meno di cinquanta euro.", False),
        ("pt: Custa não menos de cinquenta euros.", False),
        ("zh: 不低于五十欧元。", False),
        ("ja: 五十ユーロ以下ではありません。", False),
        ("hi: पचास यूरो से कम नहीं।", False),
        ("de: Er kostet nicht mehr als vierzig Euro.", True),
        ("fr: Elle ne coûte pas plus de quarante euros.", True),
    ],
)
def test_a_bound_is_true_or_is_not_said_and_never_put_right(sentence: str, said: bool) -> None:
    language, _, told = sentence.rpartition(": ")
    verdict = PLAIN.check(sentence := told, language or "en", "scarf", "script:1")
    assert verdict.text == (sentence if said else ""), "put right it would be wrong: under €39"
