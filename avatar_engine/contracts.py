"""What the rooms hand to one another, and the one clock that all of it is counted in.

Time is the frame index and the sample count: frame ``k`` of any footage or programme starts at
``k / FRAME_RATE`` seconds and owns the samples ``[k * SAMPLES_PER_FRAME, (k + 1) * SAMPLES_PER_FRAME)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from avatar_engine.errors import AvatarError

FRAME_RATE = 25
"""Pictures per second of every footage and programme, after intake."""

SAMPLE_RATE = 24_000
"""Samples per second of every sound inside the engine, mono float32 in [-1, 1]."""

EXPRESSIONS = ("neutral", "happy", "serious")
"""What the presenter's mouth may be asked for all through a show."""

EMOTIONS = ("neutral", "warm", "excited", "calm", "serious")
"""How a voice may be asked to speak."""

CONTROL_LIMITS = {"speed": (0.5, 2.0), "pitch": (-4.0, 4.0), "range": (0.4, 1.6), "energy": (-12.0, 6.0)}
"""Least and most of the voice's controls: within them every word stays (speed from 0.7 to 1.4 sounds natural)."""

SAMPLES_PER_FRAME = SAMPLE_RATE // FRAME_RATE
"""Samples that belong to one picture (960, exactly 40 ms)."""

YUV_MATRIX, YUV_RANGE, YUV_PRIMARIES, YUV_TRANSFER = 6, 1, 1, 1
"""How every I420 picture is to be read, in the code points of ITU-T H.273: the BT.601 matrix and limited range,
which OpenCV's conversions compute, with BT.709's primaries and transfer. Every file and stream is tagged with
them: players take untagged pictures of 720 lines and more as BT.709, and skin would change its colour."""

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]


class Progress(Protocol):
    """Told how far a long piece of work is; the command line turns it into bars with time left."""

    def __call__(self, stage: str, done: float, note: str = "") -> None:
        """Report that ``stage`` is ``done`` (0 to 1); ``note`` is a short figure worth seeing."""


def silent(stage: str, done: float, note: str = "") -> None:
    """A `Progress` for callers that show nothing."""


@dataclass(frozen=True, slots=True)
class Controls:
    """How something is said; the default is the voice as fitted. The voice refuses what is out of range.

    Attributes:
        speed: Rate of speech, 1.0 as fitted; 0.5 to 2.0.
        pitch: Semitones up or down; -4 to 4.
        range: Factor of the melody's spread about its middle; 0.4 to 1.6.
        energy: Loudness in dB; -12 to 6.
        emotion: One of `EMOTIONS`; comes on top of the others.
    """

    speed: float = 1.0
    pitch: float = 0.0
    range: float = 1.0
    energy: float = 0.0
    emotion: str = EMOTIONS[0]

    def check(self) -> None:
        """Refuse what the voice can't follow.

        Raises:
            AvatarError: A value is out of its range, or the emotion is unknown.
        """
        for name, (least, most) in CONTROL_LIMITS.items():
            value = getattr(self, name)
            if not least <= value <= most:  # nor is NaN
                raise AvatarError(f"The {name} {value} is out of range.", f"Choose {least:g} to {most:g}.")
        if self.emotion not in EMOTIONS:
            raise AvatarError(f"There is no emotion {self.emotion!r}.", f"Emotions: {', '.join(EMOTIONS)}.")


AS_FITTED = Controls()
"""The voice as it is."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing to be said.

    Attributes:
        text: What is said, as written (not yet normalised); it may hold the marks of `avatar_engine.markup`.
        language: BCP 47 tag, such as ``en`` or ``fr``.
        controls: How it is said.
        source: Where it came from (``script:12`` is line 12 of the script), for logs.
        generation: Work made for an older generation than the show's is dropped where it lies.
        then: Where the show goes on once this was heard: the script's item, counted over all rounds.
        product: Id of the product that it is about; "" for none.
        number: Its number in the show and its journal, from 1; 0 for none.
        look: Name of the look that the presenter wears in it; "" for that which is worn already.
    """

    text: str
    language: str = "en"
    controls: Controls = AS_FITTED
    source: str = ""
    generation: int = 0
    then: int = 0
    product: str = ""
    number: int = field(default=0, compare=False)
    look: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """What viewers read of a product while it is spoken of: texts as they stand there, and equal where nothing changed.

    Attributes:
        product: Its id.
        name: What it is called.
        price: What it costs, as the language writes it.
        was: The crossed-out price; "" for none.
        saving: What is saved, as the language writes it; "" for nothing.
        left: How many there are, 0 for none; None where that is not told.
        language: BCP 47 tag of all of it.
        picture: Path of a picture of it; "" for none.
        state: Of the picture's file, so that another one in its place is drawn anew.
        link: Address of its page; "" for none.
        ends: When the price's offer ends, in seconds since 1970 UTC; 0 for never.
    """

    product: str
    name: str
    price: str
    was: str = ""
    saving: str = ""
    left: int | None = None
    language: str = "en"
    picture: str = ""
    state: int = 0
    link: str = ""
    ends: float = 0.0


@dataclass(frozen=True, slots=True)
class Comment:
    """What a viewer wrote, as it may be shown: who (empty where the name may not), what, and in which language."""

    author: str
    text: str
    language: str = "en"


RELIGHT = 0.5
"""How far the presenter's light follows the background's, unless somebody asks for more or less."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What a show begins before.

    Attributes:
        background: As `avatar_engine.stage.background.chosen` gives it.
        relight: How far the presenter's light follows it, 0 to 1.
    """

    background: str = "keep"
    relight: float = RELIGHT


AS_FILMED = Behind()
"""Where the presenter was filmed."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is on the picture besides the presenter; it travels with the sound, so that it comes on its very frame.

    Attributes:
        card: The product's card; None for none.
        comment: What a viewer wrote; None for nothing.
        layout: The layout (`avatar_engine.stage.layout`): a built-in's name, or an absolute path; "" for that with
            which the show began.
        version: Of that layout's file, so that a changed one is read anew.
        began: When frame 0 was, in seconds since 1970 UTC; 0 where the programme has no time of day.
        background: What the presenter stands before (`avatar_engine.stage.background.chosen`); "" for that with which
            the show began.
        look: Name of the look that the presenter shall wear from the next pause on; "" for that which is worn already.
    """

    card: Card | None = None
    comment: Comment | None = None
    layout: str = ""
    version: int = 0
    began: float = 0.0
    background: str = ""
    look: str = ""


BARE = Scene()
"""The presenter alone."""


SILENCE = "_"
"""Symbol of a `Phone` in which nothing is said."""


@dataclass(frozen=True, slots=True)
class Phone:
    """One spoken phone: IPA symbol, start and end in seconds from the start of its `Speech`."""

    symbol: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Speech:
    """A piece of sound and what is said in it.

    Attributes:
        samples: float32 (n,), mono in [-1, 1], at `SAMPLE_RATE`.
        phones: The phones with their times, in order, from 0 to ``n / SAMPLE_RATE``.
    """

    samples: FloatArray
    phones: tuple[Phone, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    def part(self, start: int, stop: int) -> Speech:
        """Samples ``start`` to ``stop`` (a view of them) and what is said in them."""
        samples = self.samples[start:stop]
        return Speech(samples, phones_within(self.phones, start, len(samples)))


def phones_within(phones: Sequence[Phone], start: int, length: int) -> tuple[Phone, ...]:
    """The phones, or their parts, within ``length`` samples from sample ``start`` (which may lie before the first),
    timed from there."""
    begin, end = start / SAMPLE_RATE, (start + length) / SAMPLE_RATE
    return tuple(
        Phone(phone.symbol, max(phone.start, begin) - begin, min(phone.end, end) - begin)
        for phone in phones
        if phone.start < end and phone.end > begin
    )


def join(pieces: Iterable[Speech]) -> Speech:
    """Pieces of speech that follow one another, as one; a phone that goes on across a seam is one again."""
    samples: list[FloatArray] = [np.zeros(0, np.float32)]
    phones: list[Phone] = []
    at = 0
    for piece in pieces:
        samples.append(piece.samples)
        moved = list(phones_within(piece.phones, -at, at + len(piece.samples)))
        if phones and moved and phones[-1].symbol == moved[0].symbol:
            moved[0] = Phone(moved[0].symbol, phones.pop().start, moved[0].end)
        phones += moved
        at += len(piece.samples)
    return Speech(np.concatenate(samples), tuple(phones))


@dataclass(frozen=True, slots=True)
class MouthMotion:
    """Mouth shapes in this person's basis: float32 (frames, coefficients), one row a frame."""

    coefficients: FloatArray


FORESIGHT = 4 * FRAME_RATE
"""Frames that an `Outlook` tells of at most."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of the frames to come.

    Attributes:
        speech: One byte for every frame that is known, from the next one on: 1 where somebody speaks.
        stresses: The frames among them, counted in the same way, in which a stressed word is said.
        action: Name of the action that is called for now, for a second; "" for none.
        looks: Names of the looks that will be worn, in order: there is time to make them ready.
        calls: Actions that will be called for, each with the frame in which its words begin, counted in the same way.
    """

    speech: bytes = b""
    stresses: tuple[int, ...] = ()
    action: str = ""
    looks: tuple[str, ...] = ()
    calls: tuple[tuple[int, str], ...] = ()


NOTHING_KNOWN = Outlook()
"""Of a show that does not know what comes."""


@dataclass(frozen=True, slots=True)
class ProgrammeFrame:
    """Frame ``index`` of the programme: one picture and exactly its own samples.

    Attributes:
        index: Frame number from 0; the presentation time IS the index.
        picture: uint8 (height * 3 // 2, width), I420: luma plane, then the two quarter-size chroma planes.
        sound: float32 (`SAMPLES_PER_FRAME`,), mono.
        speaking: Whether the presenter is speaking in this frame.
        home: Picture of the idle presenter from which one may go on after this one.
    """

    index: int
    picture: ByteArray
    sound: FloatArray
    speaking: bool = field(default=False)
    home: int = 0
