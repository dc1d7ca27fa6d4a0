"""Build models/kokoro-outlines.safetensors: the matrix from the generator's features to the sound's mel cepstra.

The stock voice that `avatar_engine.voice.outlines` plans in says the sentences below, in six languages; the matrix
is the ridge regression of what is heard on what the generator was given, column by column.

    python scripts/build_outlines.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from avatar_engine.voice import phonemes, text
from avatar_engine.voice.network import MAX_TOKENS, Network
from avatar_engine.voice.outlines import CEPSTRA, MATRIX, VOICE
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.pitch import mel_cepstra

SENTENCES = {
    "en": (
        "Good evening, everybody! We have a few things here that you will want to see before the weekend.",
        "The jacket is warm, light and waterproof, and it comes in seven colours, from beige to purple.",
        "Would you rather pay thirty pounds for a cheap copy, or forty for the real thing?",
        "She sells fresh bread, jam and honey at the market every Thursday, unless it rains.",
    ),
    "fr": (
        "Bonjour à tous, et bienvenue : ce parfum coûte vingt euros seulement, jusqu'à dimanche prochain.",
    ),
    "es": ("Muy buenas tardes, ¿quién quiere ganar un viaje para dos personas a la costa mañana?",),
    "it": ("Buongiorno a tutti, questa bellissima borsa di pelle costa soltanto cinquanta euro.",),
    "pt": ("Boa noite, pessoal! Hoje temos uma promoção de coração para toda a família.",),
    "de": ("Guten Abend, meine Damen und Herren, heute zeigen wir Ihnen fünf schöne Küchengeräte.",),
}
RIDGE = 30.0


def main() -> None:
    """Say, listen, fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("models") / MATRIX)
    output = parser.parse_args().output
    pack = VoicePack.stock(VOICE)
    network = Network(pack.style, statistics=pack.statistics)
    given, heard = [], []
    for language, sentences in SENTENCES.items():
        phonemizer = phonemes.Phonemizer(language)
        for sentence in sentences:
            said = phonemizer.phonemes(text.normalise(sentence, language))
            assert len(said) < MAX_TOKENS
            plan = network.plan(phonemes.tokens(said))
            features = network.features(plan)
            sound = network.window(features, 0, features.columns)
            given.append(features.features[0].T)
            heard.append(mel_cepstra(sound, CEPSTRA))
            print(f"{language} {len(sound) / 24_000:.1f} s", flush=True)
        phonemizer.close()
    rows = np.concatenate(given).astype(np.float64)
    rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    wanted = np.concatenate(heard).astype(np.float64)
    matrix = np.linalg.solve(rows.T @ rows + RIDGE * np.eye(rows.shape[1]), rows.T @ wanted)
    print(f"explained: {1 - np.var(wanted - rows @ matrix) / np.var(wanted):.3f}")
    save_file({"cepstra": matrix.astype(np.float32)}, str(output))


if __name__ == "__main__":
    main()
