"""Are real faults found, and is good speech let through?

    python benchmarks/on_air.py normal                 # sentences, emotions, ends of the controls: nothing may be found
    python benchmarks/on_air.py odd --spectrograms build/odd
    python benchmarks/on_air.py normal --plans         # plans alone: no sound is made, and a minute is enough
    python benchmarks/on_air.py read                   # what a read-back costs, and what it gets wrong of good speech

Stock voices say texts of all languages. Printed is every fault with its text, the range of every figure that has a
limit (`avatar_engine.voice.checks`), and what the checks cost. ``--part 2/5`` does the second fifth of the texts.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import languages  # the benchmark beside this one
import numpy as np

from avatar_engine.contracts import (
    EMOTIONS,
    SAMPLE_RATE,
    SILENCE,
    Controls,
    FloatArray,
    Speech,
    Utterance,
    join,
)
from avatar_engine.voice import checks, speak
from avatar_engine.voice.checks import Fault
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.recogniser import Reader
from avatar_engine.voice.sentences import FREE, SENTENCES
from avatar_engine.voice.speak import Voice
from avatar_engine.voice.takes import Checker, Sentence, Tally

VOICES = {
    "en": ("af_heart", "am_michael", "bf_emma", "bm_george", "am_onyx", "af_sky", "am_santa", "af_nicole"),
    "fr": ("ff_siwis", "am_michael"), "es": ("ef_dora", "em_alex"), "it": ("if_sara", "im_nicola"),
    "pt": ("pf_dora", "pm_alex"), "de": ("af_heart", "bm_fable"), "hi": ("hf_alpha", "hm_omega"),
    "zh": ("zf_xiaobei", "zm_yunxi"), "ja": ("jm_kumo", "zf_xiaobei"),
}  # fmt: skip
"""The voices that take turns in a language; am_santa and af_nicole, who whispers, are the oddest there are."""

CONTROLS = (
    *(Controls(emotion=emotion) for emotion in EMOTIONS[1:]),
    Controls(0.7), Controls(1.4), Controls(pitch=-4), Controls(pitch=4), Controls(range=0.4), Controls(range=1.6),
    Controls(energy=6), Controls(1.4, 4, energy=6, emotion="excited"), Controls(0.7, -4, emotion="calm"),
)  # fmt: skip

ODD = {
    "en": ("Hm.", "Hm", "Mm.", "Mhm.", "Ah!", "Oh.", "Uh.", "Eh?", "A", "A.", "I", "I.", "O", "No.", "Yes!",
           "Ok.", "OK", "Hi!", "Wow!", "Shh!", "Psst.", "Pst", "Brr.", "Brrr!", "Grr", "Zzz.", "Zzzzzz", "Tsk.",
           "Tsk tsk.", "Ha.", "Haha!", "Hahahaha!", "Hahahahahahahahahahahaha!", "...", "…", "?!", "!", "-", "3",
           "7.", "12", "1000000", "123456789012345678901234567890", "3.14159265358979", "1/2", "50%", "$5",
           "$1,234,567.89", "+1 (555) 123-4567", "2026-11-22", "10:30", "1e-9",
           "Supercalifragilisticexpialidocious.", "Pneumonoultramicroscopicsilicovolcanoconiosis",
           "Donaudampfschifffahrtsgesellschaftskapitän",
           "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
           "THIS IS A VERY LOUD SENTENCE IN CAPITALS", "BUY NOW!!!", "NASA USA FBI WTF LOL", "BRB AFK TTYL",
           "Soooooooooo good", "Yesssssssssssss!", "Nooooooooooooooooooooooo", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
           "hhhhhhhhhhhhhhh", "mmmmmmmmmmmmm", "ssssssssssssssssss", "xxxxxxxxxxxxxxx", "bbbbbbbbbbbb",
           "rrrrrrrrrrrrrrr", "😀", "🎉🎉🎉🎉", "Great 😀😀😀😀!", "🔥 Hot deal 🔥🔥",
           "https://www.example.com/a/b?c=d&e=f#g", "Go to www.example.com/shop now", "me@example.com",
           "http://192.168.0.1:8080/index.html", "C:\\Windows\\System32", "#bestdeal #shopping #love",
           "@user_name99 thanks", "This costs 大家晚上好 dollars", "Привет, как дела?", "Hello Привет hello", "مرحبا",
           "שלום", "สวัสดี", "안녕하세요", "Καλημέρα", "x = y^2 + 3*z", "if (a && b) { return 0; }", "<b>bold</b>",
           "a b c d e f g", "a, b, c, d, e", "1 2 3 4 5 6 7 8 9 10",
           "one one one one one one one one one one one one", "the the the the the",
           "bla bla bla bla bla bla bla bla bla bla", "t t t t t t", "s.", "f", "k", "p p p", "Mr.", "Dr. Who?",
           "etc.", "e.g.", "No. No. No.", "Wait... what?", "Hmm... let me think...",
           "Well, ... um, ... you know.", "--- --- ---", "***", "(((((((", "a-b-c-d",
           "semi-self-sub-de-pre-post", "asdfghjkl", "qwertyuiop", "zxcvbnm", "qzxjkv", "strengths twelfths",
           "rhythm", "sixths", "Eau de toilette", "naïve café", "ﬁne ﬂow", "ⅫⅣ", "½ ¾", "™ ® ©", "€€€", "100€",
           "°C 20°C", "5kg 3cm 2l", "v2.0.1-beta", "iPhone15ProMax", "ABC123XYZ", "A1B2C3D4E5F6G7",
           "ID: 4f3a9c2e-77b1", "0000000000", "9999999999999999", "Buy 1 get 1 free!!!!!!!!!", "really?????????",
           "\"Quote\" 'quote' «quote»", "word" * 12, "ha" * 40, "la " * 40, "very " * 30 + "good.",
           "no, " * 25 + "no.",),
    "fr": ("Hum.", "Euh...", "Ah !", "Oh là là !", "A", "À", "Y", "Où ?", "Oui.", "Non !", "Ouf.", "Chut !",
           "Pfff.", "Pff", "Brrr.", "Bof.", "3", "99", "1 000 000", "75 %", "5 €", "06 12 34 56 78",
           "anticonstitutionnellement", "AÏE", "QUELLE BELLE VESTE", "Superrrrrrr !", "😀😀", "www.exemple.fr",
           "Привет", "大家", "c'est-à-dire", "L'été, l'hiver, l'œuf.", "s", "r", "mmm",),
    "es": ("Hmm.", "Eh.", "¡Ah!", "A", "Y", "O", "Sí.", "No.", "¿Qué?", "¡Olé!", "3", "1.000.000", "50 %",
           "desoxirribonucleico", "¡GOOOOOOOOOOOOL!", "jajajajaja", "rrrr", "www.ejemplo.es", "大家", "😀",),
    "it": ("Mah.", "Eh!", "A", "È", "O", "Sì.", "No.", "Ciao!", "Boh.", "3", "1000000",
           "precipitevolissimevolmente", "BELLISSIMO", "ahahahah", "www.esempio.it",),
    "pt": ("Hum.", "Ah!", "A", "É", "O", "Sim.", "Não.", "Opa!", "3", "1000000", "inconstitucionalissimamente",
           "kkkkkkk", "GOOOL", "www.exemplo.br",),
    "de": ("Hm.", "Äh.", "Ach!", "A", "Ja.", "Nein!", "Oh.", "Pst!", "Psst", "3", "1000000",
           "Donaudampfschifffahrtsgesellschaft",
           "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz", "ACHTUNG", "Tschüüüüss",
           "www.beispiel.de", "Brrr",),
    "hi": ("हम्म", "आ", "हाँ", "नहीं", "ओह", "3", "100", "Hello दोस्तों", "😀", "क्या?",),
    "zh": ("嗯", "嗯。", "啊", "哦！", "好", "是", "一", "3", "100万",
           "哈哈哈哈哈哈哈", "哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈", "OK", "iPhone 15",
           "www.example.com", "的的的的的的", "呵呵", "Привет",),
    "ja": ("うん", "ん", "んー", "ああ", "え？", "はい", "いいえ", "あ", "っ", "3", "100万",
           "ｗｗｗ", "ははははははは", "ーーーー", "OK",
           "カタカナ", "Привет", "すーーーーごい",),
}  # fmt: skip


@dataclass
class Figures:
    """Every figure that has a limit, with the text that it is of; seconds spent on checks, in all, and of sound."""

    of: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    checking: float = 0.0
    working: float = 0.0
    sound: float = 0.0


def normal() -> Iterator[tuple[str, str, Controls, str]]:
    """Language, text, controls and voice: every sentence in two voices, and some of each language in all controls."""
    for place, (language, shown) in enumerate(languages.SENTENCES.items()):
        texts = list(dict.fromkeys([*shown, *SENTENCES.get(language, ()), *FREE.get(language, ())]))
        voices = VOICES[language]
        for number, text in enumerate(texts):
            for turn in range(2):
                yield language, text, Controls(), voices[(number + turn) % len(voices)]
        for number, asked in enumerate(CONTROLS):
            yield (
                language,
                texts[(number + place) % len(texts)],
                asked,
                voices[(number + place) % len(voices)],
            )


def odd() -> Iterator[tuple[str, str, Controls, str]]:
    """What nobody writes in a script, and somebody in a chat: each in two voices."""
    for language, texts in ODD.items():
        voices = VOICES[language]
        for number, text in enumerate(texts):
            for turn in range(2):
                yield language, text, Controls(), voices[(number + turn) % len(voices)]


def measured(figures: Figures, name: str) -> Any:
    """Patches of the checks that note what they are given, under ``name``'s text."""
    sound, length, pitch, whole = checks.sound, checks.length, checks.pitch, checks.whole

    def timed(check: Any, *given: Any) -> Fault | None:
        begun = time.process_time()
        fault: Fault | None = check(*given)
        figures.checking += time.process_time() - begun
        return fault

    def note(kind: str, value: Any) -> None:
        figures.of[kind].append((float(value), name))

    def of_sound(samples: FloatArray, said: checks.Columns | None = None) -> Fault | None:
        columns = samples[: len(samples) // checks.COLUMN * checks.COLUMN].reshape(-1, checks.COLUMN)
        note("peak", np.abs(samples).max(initial=0))
        note("share at full scale", np.mean(np.abs(samples) >= 0.985))
        if said is not None and np.count_nonzero(said[: len(columns)]) >= 6:
            vowels = columns[said[: len(columns)]]
            note("level of vowels, dB", np.quantile(checks.levels(vowels), 0.75))
            note("flatness of vowels", np.median(checks.flatness(vowels)))
        return timed(sound, samples, said)

    def of_length(phones: Sequence[Any], per_phone: float, speed: float) -> Fault | None:
        lengths = [speed * (phone.end - phone.start) for phone in phones if phone.symbol != SILENCE]
        if lengths:
            note("length, of what is expected", sum(lengths) / per_phone / len(lengths))
            note("longest phone, in phones", max(lengths) / per_phone)
        return timed(length, phones, per_phone, speed)

    def of_pitch(curve: FloatArray) -> Fault | None:
        if np.any(voiced := curve[curve > checks.UNVOICED]):
            note("median pitch, Hz", np.median(voiced))
        return timed(pitch, curve)

    def of_whole(samples: FloatArray, seconds: float) -> Fault | None:
        if seconds:
            note("heard, of what is expected", checks.loud(samples) / seconds)
        return timed(whole, samples, seconds)

    return patch.multiple(checks, sound=of_sound, length=of_length, pitch=of_pitch, whole=of_whole)


def _unsounded(self: Voice, spoken: Any) -> Iterator[Speech]:
    """In place of the network's sound: a tone as long as the plan."""
    at = np.arange(int(SAMPLE_RATE * max(0.1, spoken.phones[-1].end)))
    yield Speech((0.2 * np.sin(at / 30)).astype(np.float32))


def say_all(
    items: Sequence[tuple[str, str, Controls, str]], spectrograms: Path | None
) -> tuple[Figures, Tally]:
    """Says everything, each sentence whole, as with much time in hand."""
    figures, total = Figures(), Tally()
    voices: dict[str, Voice] = {}
    for number, (language, text, asked, name) in enumerate(items):
        if name not in voices:
            pack = VoicePack.stock(name)
            voices[name] = Voice(pack, pack.language)
        label = f"{language} {name} {text[:50]!r} {asked}"
        begun, checker = time.process_time(), Checker()
        with measured(figures, label):
            parts = voices[name].sentences(Utterance(text, language, asked))
            said = join(checker.said(parts, lambda: 1000.0))
        figures.working += time.process_time() - begun
        figures.sound += said.seconds
        total += checker.tally
        if checker.tally.faults or checker.tally.left_out:
            print(label, checker.tally, flush=True)
        if spectrograms:
            spectrograms.mkdir(parents=True, exist_ok=True)
            draw(said.samples, spectrograms / f"{number:04}-{name}.png")
    return figures, total


def draw(samples: FloatArray, path: Path) -> None:
    """0 to 6 kHz upwards, 200 pixels a second."""
    import cv2

    padded = np.pad(samples, (512, 512))
    frames = np.lib.stride_tricks.sliding_window_view(padded, 1024)[::120] * np.hanning(1024)
    power = 20 * np.log10(np.abs(np.fft.rfft(frames))[:, :256].T + 1e-3)
    grey = np.clip((power + 40) / 70 * 255, 0, 255).astype(np.uint8)[::-1]
    cv2.imwrite(str(path), cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO))


def read(items: Sequence[tuple[str, str, Controls, str]]) -> None:
    """Reads good speech back as a show does."""
    reader, wrong, words, spent, readings = Reader(), 0, 0, 0.0, 0
    for language, text, asked, name in items:
        limit = reader.limit(language)
        if limit is None:
            continue
        voice = Voice(VoicePack.stock(name), language)
        for part in voice.sentences(Utterance(text, language, asked)):
            if not isinstance(part, Sentence):
                continue
            speech = join(Checker().said([part]))
            begun = time.process_time()
            missed, count = reader.misread(speech, part.words, language)
            if readings:  # the first loads the recogniser
                spent += time.process_time() - begun
            wrong, words, readings = wrong + missed, words + count, readings + 1
            grossly = "GROSSLY " if missed >= 3 and missed > limit * count else ""
            print(f"{grossly}{missed} of {count}: {language} {name} {asked} {part.words[:60]!r}", flush=True)
        voice.close()
    print(
        f"{readings} sentences, {wrong} of {words} words, {spent / max(1, readings - 1):.2f} CPU s a reading"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("which", choices=("normal", "odd", "read"))
    parser.add_argument("--part", default="1/1", help="which part of the texts, such as 2/5")
    parser.add_argument("--plans", action="store_true", help="make no sound")
    parser.add_argument("--spectrograms", type=Path, help="a folder for them")
    chosen = parser.parse_args()
    logging.disable(logging.ERROR)
    part, parts = map(int, chosen.part.split("/"))
    items = list(odd() if chosen.which == "odd" else normal())[part - 1 :: parts]
    if chosen.which == "read":
        return read(items)
    if chosen.plans:
        speak.Voice._sound = _unsounded  # type: ignore[method-assign]
    figures, total = say_all(items, chosen.spectrograms)
    for kind, values in sorted(figures.of.items()):
        row = sorted(values)
        at = [row[round(share * (len(row) - 1))][0] for share in (0, 0.01, 0.5, 0.99, 1)]
        print(f"{kind}: {', '.join(f'{value:.3g}' for value in at)} (0, 1, 50, 99, 100 % of {len(row)})")
        print(f"    least {row[0][1]}\n    most {row[-1][1]}")
    print(f"{len(items)} texts, {total}")
    share = figures.checking / max(1e-9, figures.working)
    print(
        f"checks: {1e3 * figures.checking / max(1e-9, figures.sound):.2f} ms a second of sound, {share:.2%}"
    )
    return None


if __name__ == "__main__":
    main()
