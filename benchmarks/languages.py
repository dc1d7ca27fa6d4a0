"""What every language sounds like: stock voices say sentences of a shopping show, Whisper base reads it back.

    python benchmarks/languages.py                    # every language that can be spoken here
    python benchmarks/languages.py de zh --json languages.json

Errors are of words; of the letters of a reading in Chinese (pinyin without tones) and Japanese (kana), where one sound
has many spellings. The whole way is measured: text rules, phonemes, network and recogniser.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from avatar_engine.contracts import Utterance
from avatar_engine.voice import readback
from avatar_engine.voice.languages import languages
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.speak import Voice, say

SENTENCES = {
    "en": ("Good evening everyone, and welcome to our show.", "This jacket keeps you warm even in the rain.",
           "If you order today, you pay only 25 dollars.", "The parcel will be with you on Friday.",
           "Please write your questions into the chat.", "Thank you for watching, and see you tomorrow."),
    "fr": ("Bonsoir à tous et bienvenue dans notre émission.", "Cette veste vous garde au chaud même sous la pluie.",
           "Si vous commandez aujourd'hui, vous payez seulement 25 euros.", "Le colis sera chez vous vendredi.",
           "Écrivez vos questions dans la discussion.", "Merci de votre attention et à demain."),
    "es": ("Buenas noches a todos y bienvenidos a nuestro programa.",
           "Esta chaqueta le mantiene caliente incluso bajo la lluvia.",
           "Si lo pide hoy, paga solamente 25 euros.", "El paquete llegará a su casa el viernes.",
           "Por favor, escriban sus preguntas en el chat.", "Muchas gracias por su atención y hasta mañana."),
    "it": ("Buonasera a tutti e benvenuti alla nostra trasmissione.",
           "Questa giacca vi tiene al caldo anche sotto la pioggia.",
           "Se ordinate oggi, pagate soltanto 25 euro.", "Il pacco arriverà a casa vostra venerdì.",
           "Scrivete le vostre domande nella chat.", "Grazie per l'attenzione e a domani."),
    "pt": ("Boa noite a todos e bem-vindos ao nosso programa.", "Esta jaqueta mantém você aquecido mesmo na chuva.",
           "Se você pedir hoje, paga somente 25 reais.", "O pacote chega à sua casa na sexta-feira.",
           "Por favor, escrevam suas perguntas no chat.", "Muito obrigado pela atenção e até amanhã."),
    "de": ("Guten Abend und herzlich willkommen zu unserer Sendung.", "Diese Jacke hält Sie auch im Regen warm.",
           "Wenn Sie heute bestellen, bezahlen Sie nur 25 Euro.", "Das Paket ist am Freitag bei Ihnen zu Hause.",
           "Schreiben Sie Ihre Fragen bitte in den Chat.", "Vielen Dank fürs Zuschauen und bis morgen."),
    "hi": ("आप सबका हमारे कार्यक्रम में स्वागत है।", "यह जैकेट आपको बारिश में भी गर्म रखती है।",
           "अगर आप आज खरीदते हैं तो सिर्फ़ 25 रुपये देने होंगे।", "सामान शुक्रवार को आपके घर पहुँच जाएगा।",
           "कृपया अपने सवाल हमें लिखकर भेजिए।", "देखने के लिए धन्यवाद, कल फिर मिलेंगे।"),
    "zh": ("大家晚上好，欢迎来到我们的直播间。", "这件外套下雨天也很暖和。", "今天下单只要25元。",
        "包裹星期五就会送到您家。",
           "请把您的问题写在评论区。", "谢谢大家观看，我们明天见。"),
    "ja": ("皆さん、こんばんは。私たちの番組へようこそ。", "このジャケットは雨の日でも暖かいです。",
           "今日注文すると、たったの25ドルです。", "荷物は金曜日にお宅に届きます。", "質問をチャットに書いてください。",
           "ご覧いただきありがとうございました。また明日。"),
}  # fmt: skip


def measured(language: str) -> dict[str, object]:
    """Errors of one language in its stock voice, and every sentence as said and as heard."""
    pack = VoicePack.default(language)
    voice = Voice(pack, language)
    sentences, started = SENTENCES[language], time.process_time()
    try:
        sounds = [say(voice, Utterance(sentence, language)).samples for sentence in sentences]
    finally:
        voice.close()
    back = readback.heard(sounds, sentences, language)
    counted = [
        readback.errors(said, heard, language) for said, heard in zip(back.said, back.heard, strict=True)
    ]
    wrong, total = (sum(column) for column in zip(*counted, strict=True))
    return {
        "language": language, "voice": pack.base, "wrong": wrong, "of": total, "errors": wrong / total,
        "cpu_s": time.process_time() - started, "pairs": list(zip(back.said, back.heard, strict=True)),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("languages", nargs="*", help="all that can be spoken here, by default")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    rows = []
    for language in chosen.languages or [known for known in languages() if known in SENTENCES]:
        row = measured(language)
        rows.append(row)
        print(
            f"| {language} | {row['voice']} | {row['wrong']} of {row['of']} | {row['errors']:.1%} |",
            flush=True,
        )
        for said, heard in row["pairs"]:  # type: ignore[attr-defined]
            print(f"    {said} -> {heard}", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
