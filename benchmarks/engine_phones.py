"""How near the phones lie that are found for an engine that gives none.

Stock voices say eight sentences as if they were a server's: their own phones, which are known, are compared with those
that `avatar_engine.voice.engines.aligned` finds from the sound alone, and other sentences are tried in their place.

    python benchmarks/engine_phones.py am_adam am_michael bf_emma
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from avatar_engine.contracts import SILENCE, Phone, Speech, Utterance
from avatar_engine.voice.engines.aligned import placed
from avatar_engine.voice.outlines import Outliner
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.speak import Voice, say

SENTENCES = (
    "Welcome to the show, and thank you for being here with me tonight.",
    "This bottle costs only nineteen dollars ninety, and it keeps your coffee warm for eight hours.",
    "Please remember that the offer ends at midnight, so don't wait too long.",
    "My mother bought a blue bag like this one in Bombay, about ten years ago.",
    "Can you imagine a better present for somebody who loves to cook?",
    "Put the lamp beside your bed, press the button, and enjoy a peaceful morning.",
    "We tested five of them in our lab, and this model simply performed best.",
    "Have a look at the back: the zip is made of metal and moves smoothly.",
)
CLOSED = "pbm"


def spoken(phones: tuple[Phone, ...]) -> list[Phone]:
    """The phones that are no silence."""
    return [phone for phone in phones if phone.symbol != SILENCE]


def measure(name: str, said: list[Speech], outliner: Outliner) -> str:
    """One row of the table."""
    starts, middles, right, wrong = [], [], [], []
    begun = time.process_time()
    outlines = [outliner.outline(Utterance(sentence)) for sentence in SENTENCES]
    planned = time.process_time() - begun
    begun = time.process_time()
    found = [placed(outline, speech.samples) for outline, speech in zip(outlines, said, strict=True)]
    warped = time.process_time() - begun
    for number, ((phones, cost), speech) in enumerate(zip(found, said, strict=True)):
        right.append(cost)
        wrong.append(placed(outlines[number - 3], speech.samples)[1])
        for mine, true in zip(spoken(phones), spoken(speech.phones), strict=True):
            starts.append(abs(mine.start - true.start))
            if true.symbol[0] in CLOSED:
                middles.append(abs(mine.start + mine.end - true.start - true.end) / 2)
    seconds = sum(speech.seconds for speech in said)
    a, b = np.array(starts) * 1e3, np.array(middles) * 1e3
    return (
        f"| {name} | {np.median(a):.0f} / {np.quantile(a, 0.9):.0f} ({len(a)}) "
        f"| {np.median(b):.0f} / {np.quantile(b, 0.9):.0f} ({len(b)}) | {max(right):.2f} | {min(wrong):.2f} "
        f"| {planned / seconds:.3f} + {warped / seconds:.3f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voices", nargs="+")
    outliner = Outliner()
    print(
        "| voice | start of a phone, median / 90 %, ms (phones) | middle of p, b, m | cost, right words at most"
    )
    print("| cost, wrong words at least | CPU s a second: outline + warp |")
    for name in parser.parse_args().voices:
        voice = Voice(VoicePack.stock(name), "en")
        print(
            measure(name, [say(voice, Utterance(sentence)) for sentence in SENTENCES], outliner), flush=True
        )
        voice.close()
    outliner.close()


if __name__ == "__main__":
    main()
