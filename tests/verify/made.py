"""Files as the engine makes them, and what others make of these."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from avatar_engine.broadcast.marking import marking
from avatar_engine.contracts import SAMPLES_PER_FRAME, ByteArray
from avatar_engine.media.clear import WRITERS
from avatar_engine.media.write import VideoWriter
from avatar_engine.trust import keys, manifest, provenance
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.marks.code import consent_number
from avatar_engine.trust.marks.picture import PictureMark
from avatar_engine.trust.marks.sound import FrameMark
from tests.trust.marks.test_picture import scene
from tests.trust.marks.test_sound import speech

SIZE, FRAMES = (640, 360), 400


@cache
def drawn(index: int) -> ByteArray:
    """A picture of the film."""
    return scene(SIZE, index)


def made(path: Path, signed: SignedConsent, number: int | None = None) -> Path:
    """Sixteen seconds with all marks; the hidden ones say ``number`` where it is given."""
    number = consent_number(signed.id) if number is None else number
    record = provenance.record("marie", signed, "en")
    tags = provenance.metadata("en", "marie")
    seal = partial(manifest.sign, record=record, title=path.name, key=keys.technician_key())
    unit = marking(f"{tags['comment']}\n{provenance.line(record)}")
    picture, hide, sound = PictureMark(SIZE, number), FrameMark(number), speech(FRAMES / 25)
    with VideoWriter(path, *SIZE, metadata=tags, marking=unit, seal=seal) as writer:
        for index in range(FRAMES):
            writer.picture(picture.mark(drawn(index % 20)))
            piece = sound[index * SAMPLES_PER_FRAME :][:SAMPLES_PER_FRAME].copy()
            hide(index, piece)
            writer.sound(piece)
    return path


def made_clear(path: Path, signed: SignedConsent) -> Path:
    """Five seconds before nothing, as `say` makes them: the presenter is a disc."""
    record, number = provenance.record("marie", signed, "en"), consent_number(signed.id)
    tags = provenance.metadata("en", "marie") | {provenance.TAG: provenance.line(record)}
    seal = partial(manifest.sign, record=record, title=path.name, key=keys.technician_key())
    picture, hide, sound = PictureMark(SIZE, number), FrameMark(number), speech(5.0)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    shares = np.clip(20 * (170 - np.hypot(x - SIZE[0] / 2, y - SIZE[1] / 2)), 0, 255).astype(np.uint8)
    kind = WRITERS[path.suffix]
    with kind(path, *SIZE, metadata=tags, seal=seal if manifest.can_carry(path) else None) as writer:
        for index in range(125):
            writer.picture_with(picture.mark(drawn(index % 20)), shares)
            piece = sound[index * SAMPLES_PER_FRAME :][:SAMPLES_PER_FRAME].copy()
            hide(index, piece)
            writer.sound(piece)
    return path


def plain(path: Path, frames: int = 60) -> Path:
    """A film without any mark."""
    sound = speech(frames / 25)
    with VideoWriter(path, *SIZE) as writer:
        for index in range(frames):
            writer.picture(drawn(index % 20))
            writer.sound(sound[index * SAMPLES_PER_FRAME :][:SAMPLES_PER_FRAME])
    return path


def encoded_anew(source: Path, target: Path, size: tuple[int, int], **options: str) -> Path:
    """As a platform does: other pixels, other sound, no tags, no units of its own."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        video: Any = new.add_stream(
            "libx264", rate=25, options={"preset": "veryfast", "crf": "23", **options}
        )
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio: Any = new.add_stream("aac", rate=44_100, layout="stereo")
        audio.codec_context.bit_rate = 96_000
        blocks = av.AudioResampler(format="fltp", layout="stereo", rate=44_100, frame_size=1024)
        for frame in old.decode():
            if isinstance(frame, av.VideoFrame):
                smaller = frame.reformat(width=size[0], height=size[1])
                fresh = av.VideoFrame.from_ndarray(smaller.to_ndarray(), format="yuv420p")
                fresh.pts, fresh.time_base = frame.pts, frame.time_base
                new.mux(video.encode(fresh))
            else:
                for block in blocks.resample(frame):
                    new.mux(audio.encode(block))
        new.mux(video.encode(None))
        new.mux(audio.encode(None))
    return target
