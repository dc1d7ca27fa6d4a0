"""How long does one wait who comes in while the show speaks: a comment for its answer, a technician for the air?

    python benchmarks/interruptions.py comments --minutes 4
    python benchmarks/interruptions.py microphone marie.avatar --minutes 1

``comments``: the producer and the voice's own process, in real time and without a picture, with a stand-in that takes
a fourteenth of a second a letter to say, and a third of that to make (or ``--stock``, the network's own voice).
Questions come at random moments of a script that never rests; each is counted from the moment at which it came, and
from the end of the sentence that was on air then, to the first sample of its answer. ``--paragraphs`` does it as it was
before: paragraphs are said whole, and what was made ahead is not taken back.

``microphone``: a hosted show of a clone on air, into a file. A recorder sends a beep a second through the control
command's own end; each is counted from the frame on air when its first sample was written to the frame in which the
file has it.
"""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from avatar_engine.cli import microphone as technician
from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, Speech, Utterance
from avatar_engine.live.hosted import Hosting
from avatar_engine.live.programme import Spoken
from avatar_engine.live.show import ShowStatus, run
from avatar_engine.live.voice_process import Speaks, VoiceProcess, rehearsal
from avatar_engine.media.read import sound
from avatar_engine.show.chat.inbox import Question
from avatar_engine.show.host.reply import Ready, Reply, Request
from avatar_engine.show.journal import Journal, heard
from avatar_engine.show.paragraphs import sentences
from avatar_engine.show.producer import Producer, Studio
from avatar_engine.show.script import Script, parse

app = typer.Typer(no_args_is_help=True)

LINES = """
This mug is made by hand in a small pottery by the sea. Every piece is a little different, and that is what makes it
so charming. The glaze is deep blue, and it shines when the light falls on it. You can put it into the dishwasher.

Let us talk about the size for a moment. It holds three hundred and fifty millilitres, enough for a large coffee in
the morning. The handle is wide, so that two fingers fit through it easily. It feels very good in the hand.

And now look at the bottom of it. There is the signature of the potter, carved before it was fired. No machine has
touched it. I have had mine for six years, and it still looks as it did on the first day.
"""

RATE, BEEP, PACE = 48_000, 700.0, 0.35


def stock_voice() -> Speaks:
    """The network's own voice, of nobody."""
    from avatar_engine.voice.pack import VoicePack
    from avatar_engine.voice.speak import Voice

    return Voice(VoicePack.stock("af_heart"), "en")


class StandIn:
    """Takes as long as a voice does on a machine that has time for it."""

    def speak(self, utterance: Utterance) -> Iterator[Speech]:
        """Sentences of tones, each with the rest after it."""
        for sentence in sentences(utterance.text):
            left = len(sentence) / 14
            while left > 0:
                seconds = min(0.5, left)
                time.sleep(seconds * PACE)
                at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
                yield Speech((0.1 * np.sin(2 * np.pi * 150 * at)).astype(np.float32))
                left -= seconds
            yield Speech(np.zeros(round(0.38 * SAMPLE_RATE), np.float32))


class Asks:
    """A chat and its host at once: one question at a time, one answer each."""

    def __init__(self) -> None:
        self.waiting: list[Question] = []

    def choose(self, now: float, busy: bool = False) -> Question | None:
        """See `avatar_engine.show.producer.Chat`."""
        return self.waiting.pop(0) if self.waiting else None

    def done(self, question: Any, how: str) -> None:
        """See `avatar_engine.show.producer.Chat`."""

    def reply(self, request: Request) -> Reply:
        """See `avatar_engine.show.producer.Hosts`."""
        return Ready([f"Good question. The answer to number {request.text} is yes."], "made")

    embedded = reply


@app.command()
def comments(
    minutes: Annotated[float, typer.Option(min=0.5)] = 4.0,
    paragraphs: Annotated[bool, typer.Option("--paragraphs", help="As it was before.")] = False,
    stock: Annotated[bool, typer.Option("--stock", help="The network's own voice.")] = False,
) -> None:
    """From a comment while the show speaks to the first sample of its answer."""
    asks, notes = Asks(), list[Mapping[str, Any]]()
    front = "" if paragraphs else "---\nchat: [replay:none]\n---\n"
    studio = Studio(chat=asks, hosts=asks, journal=notes.append)
    producer = Producer(parse(front + LINES), studio, loop=True, clock=time.monotonic)
    voice = VoiceProcess(producer, stock_voice if stock else StandIn, rehearsal("en"), read_back=stock)
    if not paragraphs:
        voice.give_way_to(producer)
    voice.launch()
    voice.wait_ready()
    voice.go()
    chance, asked, waits, after = random.Random(1), list[tuple[float, float]](), list[float](), list[float]()
    count, inside, due, dry = 0, False, time.monotonic(), 0.0
    end, ask = due + 60 * minutes, due + 10
    sentence_ends = 0.0
    while time.monotonic() < end:
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        if now > ask and inside and not asked:
            ask = now + chance.uniform(14, 22)
            asked.append((now, 0.0))
            asks.waiting.append(Question(f"{len(waits)}", "en", ("Ann",), 1, now, now, None, False))
        piece = voice.poll()
        if piece is None:
            dry += 0.01 if count else 0.0
            due = now + 0.01
            continue
        samples = len(piece.samples) if isinstance(piece, Spoken) else piece.samples
        due = max(due, now - 0.05) + samples / SAMPLE_RATE
        if not isinstance(piece, Spoken):
            continue
        if not inside:
            said = [item.text for item in heard(notes) if isinstance(item, Utterance)]
            if asked and said[count].startswith("Good question"):
                waits.append(now - asked[0][0])
                after.append(now - (asked[0][1] or sentence_ends))
                asked.clear()
        inside = not piece.last
        count += piece.last
        if piece.last or np.median(np.abs(piece.samples)) < 1e-4:  # the rest after a sentence
            sentence_ends = due
            if asked and not asked[0][1]:
                asked[0] = asked[0][0], due
    voice.close()
    what = "paragraphs, nothing taken back" if paragraphs else "sentences, what was not begun is taken back"
    back = sum(int(entry["count"]) for entry in notes if entry["event"] == "taken back")
    for name, found in (("from the comment", waits), (f"from the end of what was on air ({what})", after)):
        Console().print(
            f"{name}: {len(found)} comments, median {np.median(found):.2f} s, P95 {np.quantile(found, 0.95):.2f} s, "
            f"longest {max(found):.2f} s"
        )
    Console().print(
        f"silence for want of speech {dry:.2f} s; things taken back {back}; voice's pace {voice.figures.pace:.2f}"
    )


class Recorder:
    """Sends a beep a second, of 100 ms, and remembers the show's time at each."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.sent = seconds, list[float]()
        self.stop = threading.Event()
        self.ordered, self.shown = 0.0, list[float]()
        self._begun = False
        self._clock: Callable[[], float] = lambda: 0.0

    def furnish(self, script: Script, file: Path, journal: Journal, clock: Callable[[], float]) -> Studio:
        """The studio of the show."""
        self._clock = clock
        return Studio(journal=journal)

    def status(self, status: ShowStatus) -> None:
        """Takes the show's status."""
        if not self._begun and status.microphone_pid and status.on_air > 8:
            self._begun = True
            threading.Thread(target=self._speak, daemon=True).start()
        if status.microphone:
            self.shown.append(status.microphone_ms)
        if self.sent and not status.microphone and status.on_air > self.sent[-1] + 4:
            self.stop.set()

    def _speak(self) -> None:
        ours, theirs = os.pipe()
        threading.Thread(target=self._record, args=(theirs,), daemon=True).start()
        self.ordered = self._clock()
        technician.speak("made-1", technician.source_of("-", RATE, 1), lambda stands: None, ours)

    def _record(self, pipe: int) -> None:
        at = np.arange(RATE // 50) / RATE
        beep = (9000 * np.sin(2 * np.pi * BEEP * at)).astype("<i2").tobytes()
        rest = bytes(len(beep))
        began = time.monotonic()
        for number in range(round(self.seconds * 50)):
            time.sleep(max(0.0, began + number / 50 - time.monotonic()))
            if number % 50 == 0:
                self.sent.append(self._clock())
            os.write(pipe, beep if number % 50 < 5 else rest)
        os.close(pipe)


@app.command()
def microphone(
    avatar: Annotated[Path, typer.Argument(help="A clone.")],
    minutes: Annotated[float, typer.Option(min=0.2)] = 1.0,
) -> None:
    """From a sound at the recorder to the air, in a show."""
    Console().print(measured(avatar, 60 * minutes))


def measured(avatar: Path, seconds: float) -> str:
    """The figures, for people."""
    recorder = Recorder(seconds)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "s.md").write_text(f"---\nnotice: once\nmicrophone: on\n---\n{LINES}\n<!-- chat 1h -->\n")
        last = run(
            avatar, home / "s.md", [str(home / "r.mp4")], size=(640, 360), loop=True,
            hosting=Hosting(recorder.furnish, desk="made-1"), on_status=recorder.status, stop=recorder.stop,
        )  # fmt: skip
        begins = beeps(home / "r.mp4")
    found = [min((t - at for t in begins if 0 < t - at < 1.0), default=float("nan")) for at in recorder.sent]
    good = [wait for wait in found if wait == wait]
    first = next((t for t in begins if t > recorder.ordered), float("nan"))
    return (
        f"{len(good)} of {len(found)} beeps heard within a second; microphone to air: median "
        f"{1e3 * np.median(good):.0f} ms, P95 {1e3 * np.quantile(good, 0.95):.0f} ms, longest "
        f"{1e3 * max(good):.0f} ms; "
        f"the show's own figure {np.median(recorder.shown):.0f} ms; from the order to the first beep "
        f"{first - recorder.ordered:.2f} s; {last.filled} frames idle-filled, moved {last.moved:.1f} s"
    )


def beeps(record: Path) -> list[float]:
    """Seconds at which beeps begin."""
    samples = sound(record)
    frames = samples[: len(samples) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME].reshape(-1, SAMPLES_PER_FRAME)
    spectrum = np.abs(np.fft.rfft(frames, axis=1))
    at = round(BEEP * SAMPLES_PER_FRAME / SAMPLE_RATE)
    loud = (np.abs(spectrum.argmax(1) - at) <= 1) & (spectrum.max(1) > 5)
    edges = np.flatnonzero(loud[1:] & ~loud[:-1]) + 1
    return [float(edge) * SAMPLES_PER_FRAME / SAMPLE_RATE for edge in edges]


if __name__ == "__main__":
    app()
