"""Does the body repeat itself, and can its joins be seen? Ten minutes of idle-and-speech motion of a clone.

    python benchmarks/body.py NAME.avatar SPEECH [--minutes 10] [--json body.json] [--html body.html]
    python benchmarks/body.py FOOTAGE.mp4 SPEECH --work FOLDER ...

Of a clip (`avatar-engine clone`'s own intake comes first) only the body is baked, into --work. SPEECH is said in
stretches of 24 s with pauses of 8 s between them and the walk is asked for every picture as a show asks, with what
a show knows of the sound to come. The change from picture to picture is measured in the baked pictures (luma at
half size) and looked up for the way that was gone; beside the walk stand the forward loop and a walk that knows
nothing of the sound.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice, pairwise
from pathlib import Path
from typing import Annotated, Any

import body_page
import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.table import Table

from avatar_engine import device as devices
from avatar_engine.bundle import Bundle
from avatar_engine.cli.progress import Bars
from avatar_engine.clone import intake as intakes
from avatar_engine.contracts import (
    FRAME_RATE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    ByteArray,
    FloatArray,
    Outlook,
    Progress,
)
from avatar_engine.errors import AvatarError
from avatar_engine.face.person import SelfieSegmenter
from avatar_engine.live.outlook import Ahead
from avatar_engine.live.programme import Piece, Silence, Spoken
from avatar_engine.media.read import frames, sound
from avatar_engine.stage import fit as stage_fit
from avatar_engine.stage import outline
from avatar_engine.stage.body import AHEAD, GRAPH_PART, JOINS_PART, TRACK_PART, VIDEO_PART, Body
from avatar_engine.stage.graph import Graph
from avatar_engine.stage.joins import step_between
from avatar_engine.stage.nods import DIP, LOWEST, STEP, Bend, Nodding
from avatar_engine.stage.walk import TOUCH, Walk

app = typer.Typer(add_completion=False)
console = Console()

SAID, REST = 24.0, 8.0
"""Seconds of speech, and of the pause after it."""

SENTENCE = 4.0
"""Seconds of the pieces in which speech comes."""

SOONEST = 5 * FRAME_RATE
"""Pictures after which a repetition counts as one."""

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Film:
    """A body's films, graph and transforms (of ``size`` pixels)."""

    reels: list[Path]
    graph: Graph
    transforms: FloatArray
    size: int
    baked_seconds: float = 0.0
    refused: int = 0


def of_bundle(path: Path) -> Film:
    """The body of a clone."""
    bundle = Bundle.open(path)
    if GRAPH_PART not in bundle.parts:
        raise AvatarError(
            f"{path} has no joins: it was made by an older engine.", "Clone the presenter again."
        )
    tensors, graph = bundle.tensors(TRACK_PART), Graph.of(bundle.tensors(GRAPH_PART))
    reels = [bundle.extract(part) for part in (VIDEO_PART, JOINS_PART) if part in bundle.parts]
    return Film(reels, graph, tensors["transforms"], int(tensors["crop_size"].reshape(-1)[0]))


def of_clip(path: Path, work: Path, progress: Progress) -> Film:
    """The body of a clip, baked."""
    work.mkdir(parents=True, exist_ok=True)
    clip = intakes.intake(path, work, progress)
    began = time.process_time()
    body = stage_fit.fit(clip.footage, clip.track, work / "body", progress)
    spent = time.process_time() - began
    reels = [reel for reel in (body.video, body.joins) if reel]
    return Film(reels, body.graph, body.transforms, stage_fit.CROP, spent, body.refused)


def outlooks(speech: FloatArray, pictures: int) -> Iterator[Outlook]:
    """What a show knows at every picture: the sentence on its way and the next one."""
    ahead, at = Ahead(), 0
    waiting = list(_pieces(speech, pictures * SAMPLES_PER_FRAME))
    for _ in range(pictures):
        yield ahead.outlook(waiting[:2], at)
        at += SAMPLES_PER_FRAME
        while waiting and at >= (length := _length(waiting[0])):
            at -= length
            waiting.pop(0)


def _length(piece: Piece) -> int:
    return len(piece.samples) if isinstance(piece, Spoken) else piece.samples


def _pieces(speech: FloatArray, samples: int) -> Iterator[Piece]:
    step, place, made = round(SENTENCE * SAMPLE_RATE), 0, 0
    while made < samples:
        for _ in range(round(SAID / SENTENCE)):
            said = np.take(speech, range(place, place + step), mode="wrap")
            yield Spoken(said.astype(np.float32), last=True)
            place += step
        yield Silence(round(REST * SAMPLE_RATE))
        made += round((SAID + REST) * SAMPLE_RATE)


def walked(graph: Graph, known: Sequence[Outlook], free: bool = True, deaf: bool = False) -> Places:
    """The places of so many pictures, settled as far ahead of need as a show does."""
    walk, places = Walk(graph, free=free), []
    for at, outlook in enumerate(known):
        if not deaf:
            walk.foresee(at, outlook)
        places += walk.take(at + AHEAD)
    return np.array(places[: len(known)])


def longest_repeat(places: Places) -> int:
    """Pictures of the longest stretch that comes twice."""
    places = places.astype(np.int16)
    low, high = 0, len(places)
    while low < high:
        length = (low + high + 1) // 2
        seen = {hash(places[at : at + length].tobytes()) for at in range(len(places) - length + 1)}
        low, high = (length, high) if len(seen) <= len(places) - length else (low, length - 1)
    return low


def recurrence(places: Places) -> tuple[float, float]:
    """The lag in seconds after which most pictures come again in step, and their share."""
    lags = np.arange(SOONEST, len(places) // 2)
    shares = np.array([(places[lag:] == places[:-lag]).mean() for lag in lags])
    best = int(np.argmax(shares))
    return float(lags[best] / FRAME_RATE), float(shares[best])


def in_step(graph: Graph, places: Places, known: Sequence[Outlook]) -> dict[str, float]:
    """How the body keeps to what is said."""
    stresses = np.array(sorted({at + stress for at, one in enumerate(known) for stress in one.stresses}))
    speech = np.array([one.speech[0] if one.speech else 0 for one in known])
    home = graph.homes()[places]
    own = places < graph.round
    beats = np.flatnonzero(np.isin(home, graph.beats) & own & (speech > 0))
    met = [np.abs(stresses - 1 - beat).min() <= TOUCH for beat in beats] if len(stresses) else []
    return {
        "beats_in_speech": len(beats),
        "on_a_stressed_word": float(np.mean(met)) if met else 0.0,
        "talk_in_speech": float(graph.talk[home][speech > 0].mean()),
        "talk_in_pauses": float(graph.talk[home][speech == 0].mean()),
    }


def nodded(known: Sequence[Outlook]) -> FloatArray:
    """How low the head is in every picture, where the picture itself is bent for it."""
    nodding, lows = Nodding(), []
    for at, outlook in enumerate(known):
        nodding.foresee(at, outlook)
        lows.append(nodding.depth(at))
    return np.array(lows, np.float32)


def nods_of(film: Film, places: Places, known: Sequence[Outlook]) -> dict[str, Any]:
    """What nods that are made add: on which words, what stretch then still comes twice, and what they cost."""
    lows = nodded(known)
    stresses = np.array(sorted({at + stress for at, one in enumerate(known) for stress in one.stresses}))
    begins = np.flatnonzero((lows != 0) & (np.concatenate([[0], lows[:-1]]) == 0)) - 1  # DIP begins at rest
    lowest = begins + DIP.index(max(DIP))
    away = np.abs(stresses[:, None] + DIP.index(max(DIP)) - LOWEST - lowest[None]) <= TOUCH
    seen = np.unique(np.stack([places.astype(np.float64), lows.round(1)]), axis=1, return_inverse=True)[1]
    pictures = [one.copy() for one in islice(frames(film.reels[0], format="yuv420p"), 50)]
    bend = Bend(pictures[0], film.transforms[0], film.size)
    told = {
        "stressed_words": len(stresses),
        "nods": len(begins),
        "on_a_stressed_word": float(away.any(0).mean()),
        "words_with_one": float(away.any(1).mean()),
        "longest_repeat_s": longest_repeat(seen) / FRAME_RATE,
        "wall_shows_it": bend.seen,
    }
    outlines = outlines_of(pictures, film)
    for name, bent in (("", bend), ("outlined_", Bend(pictures[0], film.transforms[0], film.size, outlines))):
        bent.seen, took = bool(name), []
        for place, (picture, matrix) in enumerate(zip(pictures, film.transforms, strict=False)):
            began = time.thread_time()
            bent(picture, None, matrix, place, 1.0)
            took.append(1000 * (time.thread_time() - began))
        told[f"{name}cpu_ms"], told[f"{name}cpu_p99_ms"] = map(float, np.percentile(took, (50, 99)))
    return told


def outlines_of(pictures: Sequence[ByteArray], film: Film) -> ByteArray:
    """Those of the head in the first pictures of a body."""
    segmenter = SelfieSegmenter()
    try:
        some = zip(pictures[::STEP], film.transforms[::STEP], strict=False)
        return np.stack([outline.outline(one, matrix, film.size, segmenter) for one, matrix in some])
    finally:
        segmenter.close()


def changes(film: Film) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of every place the change to the one that follows it in its film, and of every join the steps into it and out of
    it (joins, 2): each in the mean over the picture and in the part that changes most, (..., 2)."""
    graph = film.graph
    after = np.zeros((graph.round + graph.joined, 2))
    edges = np.zeros((len(graph.leave), 2, 2))
    wanted = {*(graph.leave - 1).tolist(), *graph.into.tolist()}
    kept: dict[int, Any] = {}
    first = last = None
    for place, picture in enumerate(frames(film.reels[0], format="yuv420p")):
        if last is not None:
            after[place - 1] = step_between(last, picture)
        first = picture if first is None else first
        last = picture
        if place in wanted:
            kept[place] = picture
    if first is not None and last is not None:
        after[graph.round - 1] = step_between(last, first)
    reading = frames(film.reels[1], format="yuv420p") if len(film.reels) > 1 else iter(())
    place = graph.round
    for join, length in enumerate(graph.length.tolist()):
        pictures = [next(reading) for _ in range(length)]
        edges[join, 0] = step_between(kept[int(graph.leave[join]) - 1], pictures[0])
        edges[join, 1] = step_between(pictures[-1], kept[int(graph.into[join])])
        for step, (one, other) in enumerate(pairwise(pictures)):
            after[place + step] = step_between(one, other)
        after[place + length - 1] = edges[join, 1]
        place += length
    return after, edges


def steps_of(graph: Graph, places: Places, after: Any, edges: Any) -> npt.NDArray[np.float64]:
    """The change from every picture of a way to the next one, (n - 1, 2)."""
    steps = after[places[:-1]].copy()
    entered = np.flatnonzero((places[:-1] < graph.round) & (places[1:] >= graph.round))
    joins = np.searchsorted(graph.first, places[entered + 1], "right") - 1
    steps[entered] = edges[joins, 0]
    return np.asarray(steps)


def decoding(film: Film, known: Sequence[Outlook]) -> dict[str, float]:
    """What a picture costs, decoded along the way: CPU milliseconds of the whole process, and the longest wait."""
    with Body(film.reels, film.graph, film.transforms, film.size, film.size) as body:
        body.frame(0)
        began, waits = time.process_time(), []
        for at, outlook in enumerate(known[1:], 1):
            body.foresee(at, outlook)
            asked = time.perf_counter()
            body.frame(at)
            waits.append(time.perf_counter() - asked)
            time.sleep(max(0.0, 1 / FRAME_RATE - waits[-1]))  # at a show's pace
        spent = time.process_time() - began
    return {
        "cpu_ms_a_picture": 1000 * spent / len(waits),
        "wait_p99_ms": 1000 * float(np.percentile(waits, 99)),
    }


def measured(film: Film, known: list[Outlook], decode: int, progress: Progress) -> dict[str, Any]:
    """All figures, and the series that the page shows."""
    graph = film.graph
    began = time.process_time()
    places = walked(graph, known)
    choosing = 1000 * (time.process_time() - began) / len(known)
    progress("body", 0.3, "walked")
    after, edges = changes(film)
    steps = steps_of(graph, places, after, edges)
    progress("body", 0.7, "seams measured")
    joined = np.zeros(len(places), np.bool_)
    joined[places >= graph.round] = True
    at_joins = joined[:-1] | joined[1:]
    footage = after[: graph.round]
    low, high = np.percentile(footage, 50, axis=0), np.percentile(footage, 95, axis=0)
    runs = np.diff(np.flatnonzero(~joined[:-1] & joined[1:])) / FRAME_RATE
    ways = {
        "walk": places,
        "loop": walked(graph, known, free=False),
        "deaf": walked(graph, known, deaf=True),
    }
    repeats = {}
    for name, way in ways.items():
        lag, share = recurrence(way)
        repeats[name] = {
            "longest_repeat_s": longest_repeat(way) / FRAME_RATE,
            "recurrence_lag_s": lag,
            "recurrence_share": share,
            **in_step(graph, way, known),
        }
        progress("body", 0.9, name)
    return {
        "date": date.today().isoformat(),
        "machine": devices.choose("cpu").name,
        "python": platform.python_version(),
        "round_s": graph.round / FRAME_RATE,
        "joins": len(graph.leave),
        "joins_refused": film.refused,
        "bake_cpu_s": film.baked_seconds,
        "films_mb": sum(reel.stat().st_size for reel in film.reels) / 1e6,
        "beats": len(graph.beats),
        "minutes": len(known) / FRAME_RATE / 60,
        "joins_taken": int((~joined[:-1] & joined[1:]).sum()),
        "between_joins_s": np.percentile(runs, (0, 50, 100)).tolist() if len(runs) else [],
        "footage_change": {"p50": low.tolist(), "p95": high.tolist(), "max": footage.max(0).tolist()},
        "join_change": {
            "p50": np.percentile(steps[at_joins], 50, axis=0).tolist() if at_joins.any() else [],
            "max": steps[at_joins].max(0).tolist() if at_joins.any() else [],
            "above_p95": float((steps[at_joins] > high).any(1).mean()) if at_joins.any() else 0.0,
        },
        "choosing_cpu_ms": choosing,
        "nods": nods_of(film, places, known),
        "decoding": decoding(film, known[:decode]),
        "decoding_loop": decoding(replace(film, graph=Graph.ring(graph.round)), known[:decode]),
        "ways": repeats,
        "series": {
            "places": graph.homes()[places].tolist(),
            "joined": joined.tolist(),
            "steps": steps[:, 0].round(3).tolist(),
        },
    }


@app.command()
def main(
    clone: Annotated[Path, typer.Argument(help="the clone, NAME.avatar, or a clip to bake")],
    speech: Annotated[Path, typer.Argument(help="what is said, over and over")],
    minutes: Annotated[float, typer.Option(min=1, help="how long")] = 10.0,
    decode: Annotated[int, typer.Option(min=50, help="pictures that are decoded, at a show's pace")] = 1000,
    work: Annotated[Path, typer.Option(help="where the body of a clip is baked")] = Path("body.work"),
    output: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="write a page here")] = None,
    png: Annotated[Path | None, typer.Option("--png", help="draw the seam plot here")] = None,
) -> None:
    """Walk through a body for MINUTES, and measure its joins and its repetitions."""
    try:
        with Bars(Console(stderr=True)) as bars:
            film = of_bundle(clone) if clone.suffix == ".avatar" else of_clip(clone, work, bars)
            known = list(outlooks(sound(speech), round(minutes * 60 * FRAME_RATE)))
            made = measured(film, known, decode, bars)
    except AvatarError as error:
        console.print(f"[red]{error.what}[/]\n{error.advice}")
        raise typer.Exit(2) from None
    table = Table("figure", "value", title=f"{clone.name}, {minutes:g} minutes")
    for name, value in body_page.rows(made):
        table.add_row(name, value)
    console.print(table)
    if html:
        html.write_text(body_page.page(made, film.reels, film.graph, clone.name), encoding="utf-8")
    if png:
        body_page.seams(made).savefig(png, dpi=100)
    if output:
        kept = {name: value for name, value in made.items() if name != "series"}
        output.write_text(json.dumps(kept, indent=1), encoding="utf-8")


if __name__ == "__main__":
    app()
