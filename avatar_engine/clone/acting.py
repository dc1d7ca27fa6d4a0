"""Gives a clone a named action: a short clip of the same session, joined to the body, put into the bundle."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np

from avatar_engine.bundle import ORIGINAL, Bundle, BundleWriter
from avatar_engine.clone.clips import consented
from avatar_engine.contracts import FRAME_RATE, SAMPLES_PER_FRAME, ByteArray, FloatArray, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.face import crop
from avatar_engine.face import track as faces
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips.drive import drives
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.placement import PLACEMENT_PART
from avatar_engine.media.normalise import normalise
from avatar_engine.media.read import i420
from avatar_engine.media.read import sound as read_sound
from avatar_engine.stage import actions, joins, seams
from avatar_engine.stage.action import FOLDER, Action
from avatar_engine.stage.actions import Clip
from avatar_engine.stage.body import VIDEO_PART, matted
from avatar_engine.stage.fit import CROP
from avatar_engine.trust.register import Register

NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
"""What an action may be called: what a script's mark can write."""


def add_action(
    avatar: Path,
    name: str,
    video: Path,
    consent: Path,
    progress: Progress = silent,
    look: str = ORIGINAL,
) -> str:
    """Join the clip ``video`` to the body of a clone as the action ``name``; one of that name is replaced.

    Args:
        avatar: The bundle; it is replaced in one step at the end.
        name: What scripts and technicians call it.
        video: The clip, of the session of the minute.
        consent: The presenter's signed consent for this very clip.
        progress: Told how far it is.
        look: The look in which it was filmed, and can be done.

    Returns:
        A line for people.

    Raises:
        AvatarError: Bundle, name, consent, look or clip are no good, or the clip fits no moment of the body.
    """
    if not NAME.fullmatch(name):
        raise AvatarError(
            f"An action can't be called {name!r}.", "Use small letters, digits, - and _: wave, hold-up."
        )
    if not video.is_file():
        raise AvatarError(f"There is no file {video}.", "Give the action's clip.")
    bundle = Bundle.open(avatar).wearing(look)
    register = Register(consented(bundle, video, consent)[0])
    register.note("clip", video, whole=True)
    register.note("consent", consent, whole=True)
    with tempfile.TemporaryDirectory(dir=avatar.absolute().parent, prefix=f".{avatar.name}.") as folder:
        film = Path(folder) / f"{name}.mp4"
        action = _made(bundle, name, video, film, progress)
        pictures, tensors = f"{FOLDER}/{name}.mp4", f"{FOLDER}/{name}.safetensors"
        with BundleWriter(avatar, bundle.name, bundle.made, bundle.consent) as writer:
            writer.add_parts(bundle, [bundle.place(part) for part in (pictures, tensors)])
            writer.of(bundle).add_file(pictures, film)
            writer.of(bundle).add_tensors(tensors, action.tensors())
    register.note("avatar", avatar)
    dressed = "" if look == ORIGINAL else f" --look {look}"
    again = f" Make its matte again: avatar-engine matte{dressed}." if matted(bundle) else ""
    shown = (action.middle + 2 * action.blend) / FRAME_RATE
    return (
        f"{avatar} can {name} ({shown:.1f} s, from {len(action.leave)} moments of the body, "
        f"back to {len(action.into)}): write <do {name}> in a script, or avatar-engine control SHOW do {name}.{again}"
    )


def _made(bundle: Bundle, name: str, video: Path, film: Path, progress: Progress) -> Action:
    footage, wave = film.with_name("footage.mp4"), film.with_name("sound.wav")
    normalise(video, footage, wave, progress, longest=actions.MOST + 1)
    round_ = bundle.extract(VIDEO_PART)
    clip_track, own_track = faces.track(footage, progress), faces.track(round_, progress)
    actions.refuse(clip_track, own_track)
    track = _one(own_track, clip_track)
    matrices, pictures = crop.transforms(track, CROP), len(own_track)
    studied = actions.joint(
        seams.study(round_, own_track, matrices[:pictures], CROP, silent),
        seams.study(footage, clip_track, matrices[pictures:], CROP, silent),
    )
    plain = np.ones(len(track), np.bool_)
    plain[pictures] = False  # nothing leads over from the round's end to the clip
    ground = joins.Round(studied, track.pose, np.arange(len(track), dtype=np.int32), plain)
    ends = actions.search(ground, pictures)
    both = Clip(round_, footage, (track.width, track.height), pictures, studied)
    transforms = actions.bake(both, ends, film, CROP, progress)
    placed = _placed(bundle, track, chain(i420(round_), i420(footage)), wave, pictures)
    return Action(
        name, np.array(ends.leave, np.int32), np.array(ends.into, np.int32), ends.blend,
        ends.stop - ends.start - 2 * ends.blend, transforms, actions.mixed(placed, pictures, ends),
    )  # fmt: skip


def _one(one: FaceTrack, other: FaceTrack) -> FaceTrack:
    names = ("points", "found", "faces", "pose")
    points, found, faces_, pose = (
        np.concatenate([getattr(one, name), getattr(other, name)]) for name in names
    )
    return FaceTrack(points, found, faces_, pose, one.width, one.height)


def _placed(
    bundle: Bundle, track: FaceTrack, seen: Iterable[ByteArray], wave: Path, pictures: int
) -> FloatArray:
    """Where the mouth sits in every picture of the round, as the bundle says, and of the clip."""
    said = np.zeros(len(track) * SAMPLES_PER_FRAME, np.float32)
    heard = read_sound(wave)[: len(said) - pictures * SAMPLES_PER_FRAME]
    said[pictures * SAMPLES_PER_FRAME :][: len(heard)] = heard
    clip = drives(seen, said, track, LipsModel.load(bundle)).placed[pictures:]
    own = bundle.tensors(PLACEMENT_PART)["offsets"]
    return np.asarray(np.concatenate([own, clip]), np.float32)
