"""Build models/kokoro-styles.safetensors from the style packs of the npm package kokoro-js (Apache-2.0).

    npm pack kokoro-js@1.2.1
    python scripts/build_voice_styles.py kokoro-js-1.2.1.tgz
    python scripts/build_voice_styles.py kokoro-js-1.2.1.tgz --add zf_xiaobei   # one more, the others kept

A style pack is float32 (510, 256), one row a length of text in tokens; they differ little, so one voice keeps
the mean of the rows for 40 to 160 tokens. The statistics that let sound be made in windows are measured here
by letting every voice say a few sentences. Of Hindi, Japanese and Chinese voices one or two are kept.
"""

from __future__ import annotations

import argparse
import tarfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from avatar_engine.voice.network import Network, calibrate
from avatar_engine.voice.phonemes import Phonemizer, tokens
from avatar_engine.voice.speaker import encoder

LANGUAGES = {"a": "en", "b": "en-gb", "e": "es", "f": "fr", "i": "it", "p": "pt", "h": "hi",
             "j": "ja", "z": "zh"}  # fmt: skip
EAST = ("hf_alpha", "hm_omega", "jm_kumo", "zf_xiaobei", "zm_yunxi")
SENTENCES = {
    "en": ("We brought you a warm scarf made of wool for the winter, and it costs only nineteen dollars.",
           "Hello everyone, and welcome!",
           "The quick brown fox jumps over the lazy dog, while the children watch from the window.",
           "What do you think about it?"),
    "fr": ("Nous vous avons apporté une écharpe chaude pour cet hiver, et elle ne coûte que vingt euros.",
           "Bonjour à tous, et bienvenue !",
           "Le renard saute par-dessus le chien, pendant que les enfants regardent par la fenêtre.",
           "Qu'en pensez-vous ?"),
    "es": ("Le hemos traído una bufanda de lana para el invierno, y cuesta solo veinte euros.",
           "¡Hola a todos, y bienvenidos!", "El zorro salta sobre el perro mientras los niños miran.",
           "¿Qué le parece?"),
    "it": ("Vi abbiamo portato una sciarpa di lana per l'inverno, e costa solo venti euro.",
           "Buongiorno a tutti, e benvenuti!", "La volpe salta sul cane mentre i bambini guardano.",
           "Che cosa ne pensate?"),
    "pt": ("Trouxemos um cachecol de lã para o inverno, e custa apenas vinte reais.",
           "Olá a todos, e bem-vindos!", "A raposa pula sobre o cachorro enquanto as crianças olham.",
           "O que você acha?"),
    "hi": ("हम आपके लिए सर्दियों की एक गर्म शॉल लाए हैं, और इसका दाम सिर्फ़ बीस डॉलर है।", "सबको नमस्ते, आपका स्वागत है!",
           "बच्चे खिड़की से बाहर खेलते हुए कुत्ते को देख रहे हैं।", "आपको यह कैसा लगा?"),
    "ja": ("冬にぴったりの暖かいマフラーをご用意しました,お値段はたったの二十ドルです.", "皆さん,こんにちは,ようこそ!",
           "子供たちは窓から庭で遊ぶ犬を見ています.", "どう思いますか?"),
    "zh": ("我们为您准备了一条温暖的羊毛围巾,价格只要二十美元.", "大家好,欢迎来到我们的直播间!",
           "孩子们从窗户里看着小狗在院子里玩.", "你觉得怎么样?"),
}  # fmt: skip


def heard(name: str, network: Network, spoken: list[list[int]]) -> dict[str, np.ndarray]:
    """How the voice sounds to the speaker encoder, and the mean and spread of its pitch (natural log of Hz)."""
    plans = [network.plan(said) for said in spoken]
    voiced = np.log(np.concatenate([plan.pitch[plan.pitch > 40] for plan in plans]))
    sound = np.concatenate([network.sound(plan) for plan in plans])
    return {
        f"{name}/speaker": encoder().voice(sound).astype(np.float16),
        f"{name}/pitch": np.array([voiced.mean(), voiced.std()], np.float16),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument(
        "--add", nargs="+", default=[], help="make these voices only, and keep the file's others"
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("models/kokoro-styles.safetensors"))
    chosen = parser.parse_args()
    out: dict[str, np.ndarray] = load_file(str(chosen.output)) if chosen.add else {}
    phonemizers = {language: Phonemizer(language) for language in set(LANGUAGES.values())}
    with tarfile.open(chosen.package) as package:
        for member in sorted(package.getmembers(), key=lambda m: m.name):
            name = Path(member.name).stem
            if not member.name.endswith(".bin") or name[0] not in LANGUAGES:
                continue
            if name not in (chosen.add or (*EAST, name)) or (name[0] in "hjz" and name not in EAST):
                continue
            stream = package.extractfile(member)
            assert stream is not None
            rows = np.frombuffer(stream.read(), np.float32).reshape(510, 256)
            style = rows[40:160].mean(0)
            language = LANGUAGES[name[0]]
            spoken = [
                tokens(phonemizers[language].phonemes(text)) for text in SENTENCES[language.split("-")[0]]
            ]
            out[f"{name}/style"] = style.astype(np.float16)
            statistics = calibrate(Network(style), spoken)
            for norm, pair in statistics.items():
                out[f"{name}/statistics/{norm}"] = pair.astype(np.float16)
            out |= heard(name, Network(style, None, statistics), spoken)
            print(name, flush=True)
    save_file(out, str(chosen.output), {"source": "npm kokoro-js 1.2.1 (hexgrad/Kokoro-82M, Apache-2.0)"})


if __name__ == "__main__":
    main()
