"""What encoders take: each that can be opened here encodes some seconds of the clone's own pictures."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle, islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from avatar_engine.broadcast.codecs import ENCODERS, opened, opens
from avatar_engine.broadcast.encoder import Encoder
from avatar_engine.broadcast.spec import Codec, ProgrammeFormat
from avatar_engine.bundle import Bundle
from avatar_engine.capacity.admission import on_card
from avatar_engine.capacity.model import Encoding, Size
from avatar_engine.contracts import FRAME_RATE, SAMPLES_PER_FRAME, ByteArray
from avatar_engine.errors import AvatarError
from avatar_engine.stage.body import reels_of

PICTURES = 5 * FRAME_RATE
"""Pictures that each encodes."""

WARM = FRAME_RATE
"""Pictures before the time is taken."""

MOST_SESSIONS = 16
"""Encoders of a card that are opened to find its limit: consumer cards allow fewer."""

LIMIT = 180.0
"""Seconds that all of it may take."""


def measured(avatar: Path, sizes: Sequence[Size]) -> tuple[list[Encoding], int | None]:
    """What every encoder takes at every size, and how many the card allows at once; None for no limit that was found.

    Raises:
        AvatarError: The clone has no footage, or the measuring breaks down.
    """
    context = multiprocessing.get_context("spawn")
    line, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, avatar, tuple(sizes)), daemon=True)
    process.start()
    theirs.close()
    try:
        told: Any = line.recv() if line.poll(LIMIT) else None
    except (EOFError, OSError):
        told = None
    finally:
        process.kill()
        process.join(5)
    if told is None:
        raise AvatarError("The encoders could not be measured.", "Look at the messages above; try again.")
    if isinstance(told[0], str):
        raise AvatarError(*told)
    encodings, sessions = told
    return encodings, sessions


def _work(line: Connection[Any, Any], avatar: Path, sizes: Sequence[Size]) -> None:
    """What runs in the process."""
    try:
        film = Bundle.open(avatar).extract(reels_of(Bundle.open(avatar))[0])
        found = [one for size in sizes for one in _of_size(film, size)]
        line.send((found, sessions_of(sizes[0])))
    except AvatarError as error:
        line.send((error.what, error.advice))


def _of_size(film: Path, size: Size) -> Iterator[Encoding]:
    pictures = pictures_of(film, size)
    for codec, names in ENCODERS.items():
        for name in names:
            programme = _programme(size, codec)
            if name == names[-1] or opens(programme, name):
                with suppress(AvatarError):
                    yield taken(programme, name, pictures)


def pictures_of(film: Path, size: Size, count: int = 2 * FRAME_RATE) -> list[ByteArray]:
    """The first pictures of a film, uint8 I420, brought to a size."""
    import cv2

    from avatar_engine.media.read import frames

    made = []
    for picture in frames(film, 0, count, "bgr24"):
        scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        made.append(np.ascontiguousarray(cv2.cvtColor(scaled, cv2.COLOR_BGR2YUV_I420), np.uint8))
    if not made:
        raise AvatarError("The clone has no pictures.", "Clone the presenter again.")
    return made


def taken(programme: ProgrammeFormat, name: str, pictures: Sequence[ByteArray]) -> Encoding:
    """What one encoder takes, the sound's included.

    Raises:
        AvatarError: It can't be opened.
    """
    encoder = Encoder(programme, name)
    sound = np.random.default_rng(0).normal(0, 0.1, (FRAME_RATE, SAMPLES_PER_FRAME)).astype(np.float32)
    there_and_back = [*pictures, *pictures[-2:0:-1]]
    times: list[float] = []
    spent = 0.0
    for index, picture in enumerate(islice(cycle(there_and_back), WARM + PICTURES)):
        began, work = time.perf_counter(), time.process_time()
        encoder.encode(index, picture, sound[index % FRAME_RATE])
        if index >= WARM:
            times.append(time.perf_counter() - began)
            spent += time.process_time() - work
    encoder.flush()
    encoder.close()
    mean = sum(times) / len(times)
    return Encoding(
        encoder=name,
        size=(programme.width, programme.height),
        cores=round(spent / PICTURES * FRAME_RATE, 4),
        share=round(mean * FRAME_RATE, 4) if on_card(name) else 0.0,
        milliseconds=round(1e3 * float(np.quantile(times, 0.99)), 2),
    )


def sessions_of(size: Size) -> int | None:
    """Encoders of the card that can be open at once; 0 where it has none, None for no limit up to `MOST_SESSIONS`."""
    held: list[Any] = []
    try:
        while len(held) < MOST_SESSIONS:
            held.append(opened(_programme(size, "h264"), "h264_nvenc")[0])
    except AvatarError:
        return len(held)
    finally:
        for container in held:
            container.close()
    return None


def _programme(size: Size, codec: Codec) -> ProgrammeFormat:
    return ProgrammeFormat(*size, metadata={"comment": "measured"}, codec=codec)
