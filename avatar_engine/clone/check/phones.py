"""Which phones of the language a clip contains, and words that would bring the missing ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from avatar_engine.voice import text
from avatar_engine.voice.phonemes import LENGTHENING, PUNCTUATION, STRESS, Phonemizer, ipa

_NASAL = "\u0303"

_SAME = {
    "es": {"β": "b", "ð": "d", "ɣ": "ɡ", "ɛ": "e", "ɔ": "o", "ʝ": "ʎ", "ŋ": "n"},
    "it": {"ɾ": "r", "ɪ": "i", "ŋ": "n", "aɪ": "a"},
    "pt": {
        "ɐ": "a",
        "ɪ": "i",
        "ʊ": "u",
        "ɐ" + _NASAL: "a" + _NASAL,
        "ɪ" + _NASAL: "i" + _NASAL,
        "ʊ" + _NASAL: "u" + _NASAL,
    },
    "fr": {"ɑ": "a", "ɪ": "i", "ŋ": "n", "œ" + _NASAL: "ɛ" + _NASAL},
    "en": {"ɾ": "t"},
    "de": {"ɾ": "ʁ", "a": "ɑ", "aː": "ɑ", "ɐ": "ʁ", "e": "ɛ"},
    "hi": {"ɾ": "r", "ə": "ʌ"},
    "zh": {"ɛ": "e"},
    "ja": {"ŋ": "ɴ", "n": "ɴ", "ɨ": "ɯ", "ɲ": "ɴ"},
}
"""Phones that espeak-ng tells apart by their surroundings, and that a listener takes for one."""

INVENTORY = {
    "en": {
        "p": "put", "b": "book", "m": "me", "f": "five", "v": "very", "w": "we", "θ": "three", "ð": "this",
        "t": "ten", "d": "day", "n": "no", "s": "see", "z": "zoo", "l": "look", "ɹ": "red", "ʃ": "she",
        "ʒ": "measure", "tʃ": "church", "dʒ": "joy", "j": "yes", "k": "keep", "ɡ": "good", "ŋ": "sing", "h": "house",
        "i": "see", "ɪ": "sit", "eɪ": "day", "ɛ": "bed", "æ": "cat", "ɑ": "father", "ɔ": "law", "oʊ": "go",
        "ʊ": "book", "u": "food", "ʌ": "cup", "ɜ": "bird", "ə": "about", "aɪ": "five", "aʊ": "house", "ɔɪ": "boy",
    },
    "fr": {
        "p": "pain", "b": "bon", "m": "mère", "f": "feu", "v": "vin", "t": "tout", "d": "deux", "n": "nous",
        "s": "six", "z": "rose", "l": "lune", "ʁ": "rue", "ʃ": "chat", "ʒ": "jour", "k": "café", "ɡ": "gare",
        "ɲ": "montagne", "j": "fille", "w": "oui", "i": "lire", "e": "été", "ɛ": "mère", "a": "patte",
        "ɔ": "porte", "o": "beau", "u": "tout", "y": "lune", "ø": "deux", "œ": "peur", "ə": "le",
        "ɛ" + _NASAL: "vin", "ɑ" + _NASAL: "enfant", "ɔ" + _NASAL: "bon",
    },
    "es": {
        "p": "pan", "b": "bueno", "m": "mamá", "f": "feliz", "t": "todo", "d": "día", "n": "no", "s": "sol",
        "θ": "zapato", "l": "luz", "r": "perro", "ɾ": "pero", "tʃ": "chica", "ɲ": "niño", "ʎ": "calle",
        "k": "casa", "ɡ": "gato", "x": "gente", "j": "bien", "w": "bueno", "a": "casa", "e": "mesa", "i": "sí",
        "o": "todo", "u": "luz",
    },
    "it": {
        "p": "pane", "b": "bene", "m": "mano", "f": "fare", "v": "vino", "t": "tutto", "d": "dove", "n": "no",
        "s": "sole", "z": "rosa", "l": "luna", "r": "rosso", "ʃ": "scena", "tʃ": "ciao", "dʒ": "giorno",
        "ts": "pizza", "dz": "zero", "ɲ": "gnomo", "ʎ": "figlio", "k": "casa", "ɡ": "gatto", "j": "ieri",
        "w": "uomo", "a": "casa", "e": "sera", "ɛ": "bene", "i": "vino", "o": "sole", "ɔ": "notte", "u": "luna",
    },
    "pt": {
        "p": "pai", "b": "bom", "m": "mãe", "f": "faca", "v": "você", "t": "tudo", "d": "dado", "n": "nada",
        "s": "sol", "z": "casa", "l": "livro", "ɾ": "para", "x": "rato", "ʃ": "chuva", "ʒ": "gente",
        "tʃ": "tia", "dʒ": "dia", "ɲ": "banho", "ʎ": "filho", "k": "casa", "ɡ": "gato", "a": "casa", "e": "mesa",
        "ɛ": "ela", "i": "vida", "o": "avô", "ɔ": "avó", "u": "tudo", "eɪ": "leite",
        "a" + _NASAL: "irmã", "u" + _NASAL: "um",
    },
    "de": {
        "p": "Pass", "b": "Buch", "m": "Mann", "f": "fein", "v": "was", "t": "Zeit", "d": "du", "n": "nein",
        "s": "Haus", "z": "so", "l": "lang", "ʁ": "rot", "ʃ": "schön", "ts": "zwei", "tʃ": "deutsch", "j": "ja",
        "k": "kein", "ɡ": "gut", "ŋ": "singen", "h": "Haus", "ç": "ich", "x": "Bach", "i": "sie", "ɪ": "bitte",
        "ɛ": "Bett", "ɑ": "Tag", "o": "oben", "ɔ": "Sonne", "u": "gut", "ʊ": "Hund", "y": "über", "ø": "schön",
        "œ": "zwölf", "ə": "bitte", "aɪ": "Bein", "aʊ": "Haus", "ɔɪ": "heute",
    },
    "hi": {
        "p": "पानी", "b": "बात", "m": "माँ", "f": "फ़ोन", "t": "तार", "d": "दिन", "ʈ": "टमाटर", "ɖ": "डर",
        "n": "नाम", "ɳ": "गणेश", "ŋ": "रंग", "k": "कल", "ɡ": "गाना", "c": "चाय", "ɟ": "जल", "s": "सात",
        "ʃ": "शाम", "z": "ज़रा", "h": "हाथ", "r": "राम", "l": "लाल", "j": "यह", "ʋ": "वह", "ɽ": "बड़ा",
        "ʌ": "कब", "a": "आम", "i": "दीदी", "ɪ": "दिन", "u": "दूध", "ʊ": "सुन", "e": "एक", "ɛ": "है",
        "o": "मोर", "ɔ": "और",
    },
    "zh": {
        "p": "爸", "m": "妈", "f": "饭", "t": "大", "n": "你", "l": "老", "k": "高", "x": "好", "tɕ": "家",
        "ɕ": "小", "ʈʂ": "这", "ʂ": "是", "ɻ": "人", "ts": "在", "s": "三", "j": "有", "w": "我", "ɥ": "月",
        "ŋ": "风", "a": "妈", "o": "我", "e": "月", "ɤ": "饿", "ə": "门", "i": "你", "u": "有", "y": "女",
        "ʊ": "中", "ɨ": "字", "ɚ": "二",
    },
    "ja": {
        "p": "パン", "b": "番組", "m": "まめ", "ɸ": "ふね", "t": "たね", "d": "だれ", "s": "空", "dz": "ざっし",
        "ɕ": "しお", "tɕ": "ちゃ", "dʑ": "じかん", "ts": "つき", "ç": "火", "h": "はな", "j": "やま", "β": "わに",
        "k": "かさ", "ɡ": "がっこう", "ɾ": "ひかり", "ɴ": "本", "ʔ": "がっこう", "a": "あめ", "i": "いえ",
        "ɯ": "うみ", "e": "えき", "o": "おと",
    },
}  # fmt: skip
"""The phones of each language that the voice speaks, each with a word in which it is said."""


def counted(stretches: Iterable[str], language: str) -> Counter[str]:
    """How often each phone of the language's inventory is said in a transcript (0 where it never is).

    Args:
        stretches: The words of the transcript.
        language: A language of `INVENTORY`, or one with a region such as ``en-gb``.
    """
    phonemizer = Phonemizer(language)
    base = language.split("-")[0]
    same, known = _SAME[base], INVENTORY[base]
    counts: Counter[str] = Counter(dict.fromkeys(known, 0))
    try:
        for words in stretches:
            for sentence in text.say(words, language):
                for phone in phones(phonemizer.phonemes(sentence)):
                    usual = same.get(phone, phone)
                    if usual in known:
                        counts[usual] += 1
    finally:
        phonemizer.close()
    return counts


def phones(phonemes: str) -> list[str]:
    """The phones in the network's ``phonemes``, in IPA, without stress and length."""
    out: list[str] = []
    for letter in phonemes:
        if letter == _NASAL and out:
            out[-1] += letter
        elif letter not in STRESS | LENGTHENING | PUNCTUATION and letter != " ":
            out.append(ipa(letter))
    return out


def examples(missing: Iterable[str], language: str, most: int = 8) -> list[str]:
    """Words in which the missing phones are said, each once."""
    known = INVENTORY[language.split("-")[0]]
    return list(dict.fromkeys(known[phone] for phone in missing))[:most]
