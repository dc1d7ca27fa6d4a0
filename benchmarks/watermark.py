"""Do the hidden marks outlive what platforms do, are there false alarms, are they unseen, and what do they cost?

    python benchmarks/watermark.py ../shared/media/*.mp4 ../shared/media/*.wav ../shared/media/faces/s* \\
        --json watermark.json --write docs/measurements-stage.md

Cuts 5-second pieces out of films, folders of takes and sounds (which get a drawn scene), composes them into 720p with
the label, marks them, and sends them through three encoders one after the other: x264 veryfast at 2.5 Mb/s with AAC
at 128 kb/s (as on air); 854x480 with x264 veryfast and AAC again; and 30 pictures a second with x264 fast at 800 kb/s
and AAC at 96 kb/s and 44.1 kHz, or (every second piece) Opus at 64 kb/s. After each, both marks are looked for, and
whether the right consent is read. False alarms: the unmarked pieces under the public key, and what comes out of the
chain under keys that nobody has used. What was measured is kept in the JSON file: the same command goes on with it,
and a run in parts (``--first 50``) is one of the same pieces.
"""

from __future__ import annotations

import json
import math
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from document import put
from watermark_clips import SIZE, Clip, clips, decoded, encoded

from avatar_engine.contracts import FRAME_RATE, SAMPLES_PER_FRAME, ByteArray, FloatArray
from avatar_engine.media import read
from avatar_engine.trust.marks import picture as pictures
from avatar_engine.trust.marks import sound as sounds
from avatar_engine.trust.marks.carrier import FALSE_ALARM, Carrier, Found
from avatar_engine.trust.marks.picture import PictureMark, PictureSearch
from avatar_engine.trust.marks.sound import FrameMark, SoundSearch

BEGIN, END = "<!-- marks: written by benchmarks/watermark.py -->", "<!-- marks: end -->"
STEPS = (
    "as made",
    "x264 veryfast 2.5 Mb/s, AAC 128 kb/s",
    "480p, x264 veryfast, AAC 128 kb/s",
    "30 pictures/s, x264 fast 800 kb/s, AAC 96 kb/s or Opus 64 kb/s",
)
CODECS = {
    "aac": ("aac", 128_000, 48_000),
    "low": ("aac", 96_000, 44_100),
    "opus": ("libopus", 64_000, 48_000),
}
KINDS = {0: "picture", 1: "sound"}
EVERY = 5
"""Pictures from one that is looked at to the next."""
BAD_KEYS = 110
"""Keys that nobody has used, tried on every piece."""


def watched(line: Iterator[ByteArray], search: PictureSearch) -> Iterator[ByteArray]:
    """Pictures on their way, every fifth of them looked at."""
    for index, picture in enumerate(line):
        if index % EVERY == 0:
            search.push(picture[: picture.shape[0] * 2 // 3])
        yield picture


def listened(sound: FloatArray) -> SoundSearch:
    """A search that has heard it."""
    search = SoundSearch()
    search.push(sound)
    return search


def marked(clip: Clip, number: int) -> tuple[list[ByteArray], FloatArray]:
    """The piece with both marks."""
    mark, hide, sound = PictureMark(SIZE, number), FrameMark(number), clip.sound.copy()
    for index in range(len(sound) // SAMPLES_PER_FRAME):
        hide(100 + index, sound[index * SAMPLES_PER_FRAME : (index + 1) * SAMPLES_PER_FRAME])
    return [mark.mark(picture).copy() for picture in clip.pictures], sound


def chain(
    folder: Path, clip: Clip, made: list[ByteArray], sound: FloatArray, opus: bool
) -> Iterator[tuple[PictureSearch, SoundSearch]]:
    """Both searches after each of `STEPS`."""
    first, second, third = (folder / f"{number}.mkv" for number in range(3))
    rate = {"b": "2500k", "maxrate": "2500k", "bufsize": "5000k", "g": "50"}
    seen = [PictureSearch() for _ in STEPS]
    encoded(first, watched(iter(made), seen[0]), sound, video={"preset": "veryfast", **rate})
    yield seen[0], listened(sound)
    sound = read.sound(first)
    encoded(second, decoded(first, (854, 480)), sound, video={"preset": "veryfast", "crf": "23"})
    for picture in watched(decoded(first), seen[1]):
        del picture
    yield seen[1], listened(sound)
    sound = read.sound(second)
    low = {"preset": "fast", "b": "800k", "maxrate": "800k", "bufsize": "1600k"}
    audio = CODECS["opus" if opus else "low"]
    encoded(third, watched(decoded(second, rate=30), seen[2]), sound, rate=30, video=low, audio=audio)
    yield seen[2], listened(sound)
    for picture in watched(decoded(third, rate=FRAME_RATE), seen[3]):
        del picture
    yield seen[3], listened(read.sound(third))


def sound_chain(folder: Path, sound: FloatArray, opus: bool) -> Iterator[SoundSearch]:
    """The search of a sound alone after each of `STEPS`: its films have one small grey picture."""
    yield listened(sound)
    grey = np.full((54, 64), 128, np.uint8)
    for number, codec in enumerate(("aac", "aac", "opus" if opus else "low")):
        film = folder / f"{number}.mkv"
        sound = read.sound(encoded(film, iter([grey]), sound, video={}, audio=CODECS[codec]))
        yield listened(sound)


def judged(found: Found, number: int) -> dict[str, Any]:
    """What counts of a search."""
    told = found.number if found.there else None
    return {
        "there": found.there,
        "strength": round(found.strength, 2),
        "right": told == number,
        "wrong": told not in (None, number),
    }


def bad_keys(search: PictureSearch | SoundSearch, make: Callable[[bytes], Carrier], seed: str) -> list[float]:
    """The chances that searches under unused keys tell."""
    chances = []
    for trial in range(BAD_KEYS):
        search.carrier = make(f"{seed} {trial}".encode())
        chances.append(search.found().chance)
    return chances


def likeness(clip: Clip, made: list[ByteArray]) -> tuple[float, float]:
    """PSNR in dB and SSIM of the luma, mean of three pictures (Z. Wang et al., IEEE Trans. Image Proc. 13, 2004)."""
    height = SIZE[1]
    errors, alike = [], []
    for index in (0, len(made) // 2, len(made) - 1):
        one, other = (line[index][:height].astype(np.float64) for line in (clip.pictures, made))
        errors.append(float(np.mean((one - other) ** 2)))
        soft = [
            cv2.GaussianBlur(x, (11, 11), 1.5) for x in (one, other, one * one, other * other, one * other)
        ]
        mean, mean_, power, power_, both = soft
        cross, spread = both - mean * mean_, power - mean**2 + power_ - mean_**2
        low, high = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        map_ = (2 * mean * mean_ + low) * (2 * cross + high) / ((mean**2 + mean_**2 + low) * (spread + high))
        alike.append(float(map_.mean()))
    return 10 * math.log10(255**2 / float(np.mean(errors))), float(np.mean(alike))


def heard_alone(clip: Clip, index: int) -> dict[str, Any]:
    """Everything about one piece's sound."""
    number = numbered(index)
    _, sound = marked(clip, number)
    steps = []
    with tempfile.TemporaryDirectory() as folder:
        for heard in sound_chain(Path(folder), sound, bool(index % 2)):
            steps.append([None, judged(heard.found(), number)])
            last = heard
    plain = listened(clip.sound)
    unmarked = plain.found()
    return {
        "name": clip.name, "under": under(clip.sound, sound), "steps": steps,
        "plain": [None, {"there": unmarked.there, "chance": unmarked.chance}],
        "bad_keys": [[], bad_keys(last, sounds.carrier, f"s {index}") + bad_keys(plain, sounds.carrier, f"t {index}")],
    }  # fmt: skip


def numbered(index: int) -> int:
    """What a piece is marked with."""
    return (0x9E3779B9 * (index + 1)) & 0xFFFFFFFF


def under(clean: FloatArray, sound: FloatArray) -> float:
    """How far the mark lies under the sound, in dB."""
    noise = float(np.sum((sound - clean) ** 2))
    return round(10 * math.log10(float(np.sum(clean**2)) / max(noise, 1e-12)), 1)


def measured(clip: Clip, index: int) -> dict[str, Any]:
    """Everything about one piece."""
    number = numbered(index)
    made, sound = marked(clip, number)
    psnr, ssim = likeness(clip, made)
    steps = []
    with tempfile.TemporaryDirectory() as folder:
        for seen, heard in chain(Path(folder), clip, made, sound, bool(index % 2)):
            steps.append([judged(seen.found(), number), judged(heard.found(), number)])
            last = seen, heard
    unmarked = PictureSearch()
    for picture in clip.pictures[::EVERY]:
        unmarked.push(picture[: SIZE[1]])
    silent = listened(clip.sound)
    plain = [unmarked.found(), silent.found()]
    return {
        "name": clip.name, "psnr": round(psnr, 2), "ssim": round(ssim, 5), "under": under(clip.sound, sound),
        "steps": steps,
        "plain": [{"there": one.there, "chance": one.chance} for one in plain],
        "bad_keys": [
            bad_keys(last[0], pictures.carrier, f"p {index}") + bad_keys(unmarked, pictures.carrier, f"q {index}"),
            bad_keys(last[1], sounds.carrier, f"s {index}") + bad_keys(silent, sounds.carrier, f"t {index}"),
        ],
    }  # fmt: skip


def costs() -> dict[str, float]:
    """CPU milliseconds that a frame's marks take."""
    told = {}
    cv2.setNumThreads(1)
    for size in ((1280, 720), (1920, 1080)):
        mark, shape = PictureMark(size, 1), (size[1] * 3 // 2, size[0])
        noise = np.random.default_rng(0).integers(16, 235, shape, np.uint8)
        mark.mark(noise)
        took = []
        for _ in range(100):
            began = time.thread_time()
            mark.mark(noise)
            took.append(time.thread_time() - began)
        told[f"picture {size[1]}p"] = 1e3 * float(np.median(took))
    hide, sound = FrameMark(1), np.random.default_rng(0).normal(0, 0.1, SAMPLES_PER_FRAME).astype(np.float32)
    took = []
    for index in range(500):
        began = time.thread_time()
        hide(index, sound.copy())
        took.append(time.thread_time() - began)
    told["sound"] = 1e3 * float(np.median(took))
    return told


def table(rows: list[dict[str, Any]], cost: dict[str, float]) -> str:
    """The figures as Markdown."""
    kinds = [kind for kind in KINDS if rows[0]["steps"][0][kind]]
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    what = " in 720p" if 0 in kinds else ", their sound alone"
    levels = [row["under"] for row in rows]
    told = f"The sound's mark lies {np.median(levels):.1f} dB under the sound (least {min(levels):.1f})."
    if 0 in kinds:
        psnr, ssim = ([row[key] for row in rows] for key in ("psnr", "ssim"))
        seen = f"PSNR {np.median(psnr):.1f} dB (least {min(psnr):.1f})"
        told = f"The picture's mark: {seen}, SSIM {np.median(ssim):.4f} (least {min(ssim):.4f}). {told}"
    each = ", ".join(f"{name} {took:.2f} ms" for name, took in cost.items())
    return "\n".join(
        [
            f"{date.today()}; {machine}; {len(rows)} pieces of 5 s{what}.",
            "",
            *survival(rows, kinds),
            "",
            *false_alarms(rows, kinds),
            "",
            told,
            "",
            f"CPU a frame (40 ms): {each}.",
        ]
    )


def survival(rows: list[dict[str, Any]], kinds: list[int]) -> Iterator[str]:
    """What is found after each step."""
    heads = [f"{KINDS[kind]}: found | consent read | least strength" for kind in kinds]
    yield f"| after | {' | '.join(heads)} | either found |"
    yield "|---|" + "---|---|---|" * len(kinds) + "---|"
    for step, name in enumerate(STEPS):
        cells = []
        for kind in kinds:
            told = [row["steps"][step][kind] for row in rows]
            cells += [_share(one["there"] for one in told), _share(one["right"] for one in told)]
            cells.append(f"{min(one['strength'] for one in told):.1f}")
        either = _share(any(row["steps"][step][kind]["there"] for kind in kinds) for row in rows)
        yield f"| {name} | {' | '.join(cells)} | {either} |"
    looks = [step[kind] for row in rows for step in row["steps"] for kind in kinds]
    yield ""
    yield f"Another consent than the right one was read {sum(one['wrong'] for one in looks)} times in {len(looks)}."


def false_alarms(rows: list[dict[str, Any]], kinds: list[int]) -> Iterator[str]:
    """How often something is found that is not there."""
    yield "| false alarms | searches | alarms (chance told below 1e-5) | chance told below 1 % | least chance told |"
    yield "|---|---|---|---|---|"
    for kind in kinds:
        name = KINDS[kind]
        for what, chances in (
            ("unmarked, public key", [row["plain"][kind]["chance"] for row in rows]),
            ("unused keys", [chance for row in rows for chance in row["bad_keys"][kind]]),
        ):
            alarms, loose = sum(c <= FALSE_ALARM for c in chances), sum(c <= 0.01 for c in chances)
            share = 100 * loose / len(chances)
            yield f"| {name}, {what} | {len(chances)} | {alarms} | {share:.2f} % | {min(chances):.1e} |"


def _share(hits: Iterable[bool]) -> str:
    listed = list(hits)
    return f"{100 * sum(listed) / len(listed):.1f} %"


def main(
    sources: Annotated[list[Path], typer.Argument(help="Films, folders of takes, sounds.")],
    most: Annotated[int, typer.Option("--clips", min=1, help="Pieces at most.")] = 100,
    first: Annotated[int, typer.Option(min=0, help="Number of the first piece: a run in parts.")] = 0,
    alone: Annotated[bool, typer.Option("--sound", help="The sounds alone, which is far faster.")] = False,
    seconds: Annotated[float, typer.Option(min=2)] = 5.0,
    json_file: Annotated[Path, typer.Option("--json", help="Figures; gone on with where it was.")] = Path(
        "watermark.json"
    ),
    write: Annotated[Path | None, typer.Option(help="Document that gets the table.")] = None,
) -> None:
    """Measure the hidden marks."""
    cv2.setNumThreads(1)
    rows: list[dict[str, Any]] = json.loads(json_file.read_text()) if json_file.exists() else []
    done = len(rows)
    pieces = clips(sources, seconds, most - done, first + done, seen=not alone)
    for index, clip in enumerate(pieces, first + done):
        rows.append(heard_alone(clip, index) if alone else measured(clip, index))
        json_file.write_text(json.dumps(rows))
        typer.echo(f"{index + 1 - first}/{most} {clip.name}: {rows[-1]['steps'][-1][1]}")
    text = table(rows, costs())
    typer.echo(text)
    if write:
        put(write, BEGIN, END, text)


if __name__ == "__main__":
    typer.run(main)
