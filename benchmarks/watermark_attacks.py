"""What else may happen to a marked film, what removes the hidden marks, and what doesn't.

    python benchmarks/watermark_attacks.py ../shared/media/*.mp4 ../shared/media/*.wav \\
        --write docs/measurements-stage.md

Pieces as in `watermark.py`, marked and encoded once as on air (x264 veryfast, AAC 128 kb/s), then changed in one way.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import soxr
import typer
from document import put
from scipy import signal
from watermark import listened, marked
from watermark_clips import SIZE, clips, decoded, encoded

from avatar_engine.contracts import SAMPLE_RATE, ByteArray, FloatArray
from avatar_engine.media import read
from avatar_engine.trust.marks import picture as pictures
from avatar_engine.trust.marks.carrier import Found
from avatar_engine.trust.marks.picture import PictureSearch, laid

BEGIN, END = "<!-- attacks: written by benchmarks/watermark_attacks.py -->", "<!-- attacks: end -->"
NUMBER = 0x3F2A90C1
NOISE = np.random.default_rng(1)

Picture = Callable[[ByteArray], ByteArray]
Sound = Callable[[FloatArray], FloatArray]


def turned(degrees: float) -> Picture:
    """The picture turned about its middle."""

    def turn(luma: ByteArray) -> ByteArray:
        height, width = luma.shape
        how = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
        return np.asarray(
            cv2.warpAffine(luma, how, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8
        )

    return turn


def cut(part: float) -> Picture:
    """The middle of the picture, as large as the whole was."""

    def trim(luma: ByteArray) -> ByteArray:
        height, width = luma.shape
        down, across = round(height * (1 - part) / 2), round(width * (1 - part) / 2)
        return np.asarray(
            cv2.resize(luma[down : height - down, across : width - across], (width, height)), np.uint8
        )

    return trim


def upright(luma: ByteArray) -> ByteArray:
    """The middle as a telephone shows it."""
    height, width = luma.shape
    side = height * 9 // 32 * 2
    return np.asarray(cv2.resize(luma[:, (width - side) // 2 : (width + side) // 2], (1080, 1920)), np.uint8)


def framed(luma: ByteArray) -> ByteArray:
    """The picture at seven tenths of its size in a larger, grey one."""
    height, width = luma.shape
    whole = np.full_like(luma, 100)
    small = cv2.resize(luma, (width * 7 // 10, height * 7 // 10), interpolation=cv2.INTER_AREA)
    whole[height // 10 :, width // 5 :][: small.shape[0], : small.shape[1]] = small
    return whole


def resized(width: int, height: int) -> Picture:
    """Another size."""
    return lambda luma: np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def grained(luma: ByteArray) -> ByteArray:
    """Grain of 8 steps."""
    return np.asarray(np.clip(luma + NOISE.normal(0, 8, luma.shape), 0, 255), np.uint8)


def jpeg(luma: ByteArray) -> ByteArray:
    """JPEG at quality 30."""
    _, data = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def subtracted(luma: ByteArray) -> ByteArray:
    """Who knows key and number takes the pattern away again."""
    pattern = laid(pictures.carrier().pattern(NUMBER, 2), SIZE)
    return np.asarray(np.clip(np.rint(luma - 0.7 * pattern), 0, 255), np.uint8)


PICTURES: dict[str, Picture] = {
    "cut to 85 %, enlarged": cut(0.85),
    "cut to 70 %, enlarged": cut(0.7),
    "cut to an upright 9:16, enlarged": upright,
    "at 70 % in a larger picture": framed,
    "320x180": resized(320, 180),
    "squeezed to 4:3": resized(960, 720),
    "blurred by 3 pixels": lambda luma: np.asarray(cv2.GaussianBlur(luma, (0, 0), 3), np.uint8),
    "median of 7x7 pixels": lambda luma: np.asarray(cv2.medianBlur(luma, 7), np.uint8),
    "grain of 8 steps": grained,
    "JPEG at quality 30": jpeg,
    "half the contrast": lambda luma: np.asarray(luma // 2 + 64, np.uint8),
    "turned by 0.5 degrees": turned(0.5),
    "turned by 2 degrees": turned(2),
    "mirrored": lambda luma: np.ascontiguousarray(np.fliplr(luma)),
    "taken away with key and number": subtracted,
}


def noisy(decibels: float) -> Sound:
    """White noise so far under the sound."""
    return lambda sound: np.asarray(
        sound + NOISE.normal(0, np.std(sound) * 10 ** (-decibels / 20), len(sound)), np.float32
    )


def faster(part: float) -> Sound:
    """Played faster, higher with it."""
    return lambda sound: np.asarray(soxr.resample(sound, SAMPLE_RATE * (1 + part), SAMPLE_RATE), np.float32)


def banded(low: float, high: float) -> Sound:
    """Nothing but a band, as a telephone has it."""
    filter_ = signal.butter(6, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")
    return lambda sound: np.asarray(signal.sosfilt(filter_, sound), np.float32)


def echoing(sound: FloatArray) -> FloatArray:
    """A small room: 0.3 s of decaying noise."""
    time = np.arange(round(0.3 * SAMPLE_RATE)) / SAMPLE_RATE
    answer = 0.15 * NOISE.normal(0, 1, len(time)) * np.exp(-time / 0.05)
    answer[0] = 1
    return np.asarray(signal.fftconvolve(sound, answer)[: len(sound)], np.float32)


def coded(codec: str, bits: int, hertz: int) -> Sound:
    """Another codec."""

    def through(sound: FloatArray) -> FloatArray:
        with tempfile.TemporaryDirectory() as folder:
            still = (np.full((96, 64), 128, np.uint8) for _ in range(5))
            return read.sound(
                encoded(Path(folder) / "a.mkv", still, sound, video={}, audio=(codec, bits, hertz))
            )

    return through


SOUNDS: dict[str, Sound] = {
    "AAC 64 kb/s": coded("aac", 64_000, 44_100),
    "MP3 64 kb/s": coded("libmp3lame", 64_000, 44_100),
    "Opus 24 kb/s": coded("libopus", 24_000, 48_000),
    "noise 30 dB under it": noisy(30),
    "noise 20 dB under it": noisy(20),
    "a tenth of the loudness": lambda sound: np.asarray(0.1 * sound, np.float32),
    "a small room's echo": echoing,
    "telephone band, 300 to 3400 Hz": banded(300, 3400),
    "played 0.1 % faster": faster(0.001),
    "played 2 % faster": faster(0.02),
}


def seen(lines: list[ByteArray], change: Picture) -> Found:
    """What a search finds in changed pictures, cut ones too."""
    search = PictureSearch()
    for luma in lines:
        search.push(change(luma))
    found = search.found()
    return found if found.there else search.found_cut()


def row(name: str, found: list[Found]) -> str:
    """One line of the table."""
    there = [one.there for one in found]
    right = [one.there and one.number == NUMBER for one in found]
    strength = float(np.median([one.strength for one in found]))
    return f"| {name} | {100 * np.mean(there):.0f} % | {100 * np.mean(right):.0f} % | {strength:.1f} |"


def main(
    sources: Annotated[list[Path], typer.Argument(help="Films, folders of takes, sounds.")],
    most: Annotated[int, typer.Option("--clips", min=1, help="Pieces at most.")] = 10,
    seconds: Annotated[float, typer.Option(min=2)] = 10.0,
    write: Annotated[Path | None, typer.Option(help="Document that gets the table.")] = None,
) -> None:
    """Try what removes the hidden marks."""
    cv2.setNumThreads(1)
    eyes: dict[str, list[Found]] = {name: [] for name in PICTURES}
    ears: dict[str, list[Found]] = {name: [] for name in SOUNDS}
    with tempfile.TemporaryDirectory() as folder:
        for count, clip in enumerate(clips(sources, seconds, most), 1):
            made, sound = marked(clip, NUMBER)
            file = encoded(
                Path(folder) / "a.mkv", iter(made), sound, video={"preset": "veryfast", "b": "2500k"}
            )
            lines = [picture[: SIZE[1]].copy() for k, picture in enumerate(decoded(file)) if k % 5 == 0]
            heard = read.sound(file)
            for name, change in PICTURES.items():
                eyes[name].append(seen(lines, change))
            for name, alter in SOUNDS.items():
                ears[name].append(listened(alter(heard)).found())
            text = table(eyes, ears, f"{date.today()}; {count} pieces of {seconds:.0f} s.")
            typer.echo(f"{count}/{most} {clip.name}\n{text}")
            if write:
                put(write, BEGIN, END, text)


def table(eyes: dict[str, list[Found]], ears: dict[str, list[Found]], heading: str) -> str:
    """The figures so far as Markdown."""
    head = "| found | right consent read | strength (median) |\n|---|---|---|---|"
    lines = [heading, "", f"| picture {head}", *(row(name, found) for name, found in eyes.items())]
    return "\n".join([*lines, "", f"| sound {head}", *(row(name, found) for name, found in ears.items())])


if __name__ == "__main__":
    typer.run(main)
