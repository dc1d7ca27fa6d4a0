"""Gives a clone another look: other footage of the same person, in which a show can go on at a pause.

A look shares with the clone what is the person's: the voice, what sound makes the lips do, the shapes of the mouth, the
consent. What belongs to footage it has of its own: the body with its joins, where face and mouth are in it, the matte,
and a painter where the clone's own paints this footage worse.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from avatar_engine import device as devices
from avatar_engine import models
from avatar_engine.bundle import LOOK_PART, ORIGINAL, Bundle, BundleWriter, check_look_name
from avatar_engine.clone import intake as intakes
from avatar_engine.clone import working
from avatar_engine.clone.clips import consented
from avatar_engine.clone.inspect import line
from avatar_engine.clone.intake import Intake
from avatar_engine.clone.pipeline import HELD_OUT, LEAST_FIT_SECONDS, Stopwatch
from avatar_engine.contracts import FRAME_RATE, SAMPLES_PER_FRAME, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.face.person import WEIGHTS as MATTE_WEIGHTS
from avatar_engine.lips import measure
from avatar_engine.lips.drive import Drives, drives
from avatar_engine.lips.fit_look import fit_look, place_look
from avatar_engine.lips.measure import LipsScores
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.placement import PLACEMENT_PART
from avatar_engine.media.read import i420
from avatar_engine.media.read import sound as read_sound
from avatar_engine.stage import cutout as cutouts
from avatar_engine.stage import fit as stage_fit
from avatar_engine.stage.body import matted
from avatar_engine.stage.cutout import Cutout
from avatar_engine.stage.fit import BakedBody
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.register import Register

log = logging.getLogger(__name__)

WORTH = 0.5
"""Decibels that a painter of a look's own must paint better on what it never saw, or the clone's is shared."""


@dataclass(frozen=True, slots=True)
class LookOptions:
    """How a look is made.

    Attributes:
        budget: Seconds for its painter; with 0 the clone's own paints it.
        device: ``auto``, ``cpu`` or ``cuda``.
        matte: Cut the presenter out; None does so where the clone's first look has a matte.
        keep_work: Keep the working folder after success.
    """

    budget: float = 480.0
    device: str = "auto"
    matte: bool | None = None
    keep_work: bool = False


@dataclass(frozen=True, slots=True)
class _Painted:
    """The lips that a look gets.

    Attributes:
        lips: They.
        given: What drives them in the footage.
        scores: On what was held out.
        own: Whether the painter is the look's own.
        clone_psnr: What the clone's painter reached there, in dB.
    """

    lips: LipsModel
    given: Drives
    scores: LipsScores
    own: bool
    clone_psnr: float


def add_look(
    avatar: Path,
    name: str,
    video: Path,
    consent: Path,
    options: LookOptions = LookOptions(),
    progress: Progress = silent,
) -> str:
    """Put the footage of ``video`` into a clone as the look ``name``; one of that name is replaced.

    What was made before a stop lies beside the bundle, and is used when the same is asked for again.

    Args:
        avatar: The bundle; it is replaced in one step at the end.
        name: What scripts and technicians call it.
        video: A clip as a clone is made of: one person who speaks, in step.
        consent: The presenter's signed consent for this very clip.
        options: How it is made.
        progress: Told how far it is.

    Returns:
        A few lines for people.

    Raises:
        AvatarError: Bundle, name, consent or clip are no good, or weights are missing.
    """
    check_look_name(name)
    if not video.is_file():
        raise AvatarError(f"There is no file {video}.", "Give the look's clip.")
    if 0 < options.budget < LEAST_FIT_SECONDS:
        raise AvatarError(
            f"A budget of {options.budget:g} s is too short for a painter.",
            f"Give at least {LEAST_FIT_SECONDS:g} s, or 0 to paint as the clone does.",
        )
    clone = Bundle.open(avatar)
    own, signed = consented(clone, video, consent)
    matte = matted(clone) if options.matte is None else options.matte
    for weights in ("face-landmarker", *([MATTE_WEIGHTS] if matte else [])):
        models.path(weights)
    register = Register(own)
    register.note("clip", video, whole=True)
    register.note("consent", consent, whole=True)
    work = work_of(avatar, name)
    register.note("work", work)
    working.folder(work, "source.sha256", signed.consent.clip_sha256)
    (work / "consent.id").write_text(own.id)  # so that it can be erased though its clip is not the clone's
    watch = Stopwatch.at(work / "seconds.json")
    with watch.stage("intake"):
        clip = intakes.intake(video, work, progress)
    with watch.stage("lips"):
        painted = _painted(clone, clip, work / "lips", options, progress)
    with watch.stage("body"):
        body = stage_fit.fit(clip.footage, clip.track, work / "body", progress)
    cut_out = None
    if matte:
        with watch.stage("matte"):
            cut_out = cutouts.bake(body.reels, work / "matte", progress=progress)
    facts = _facts(clip, painted, body, signed, watch.seconds)
    _write(clone, name, painted, (body, cut_out), facts)
    register.note("avatar", avatar, whole=True)
    if not options.keep_work:
        shutil.rmtree(work)
    return _told(avatar, name, facts)


def remove_look(avatar: Path, name: str) -> str:
    """Take a look out of a clone; a line for people.

    Raises:
        AvatarError: There is no such look, or it is the one that the clone was made with.
    """
    clone = _having(avatar, name)
    with BundleWriter(avatar, clone.name, clone.made, clone.consent) as writer:
        writer.add_parts(clone, [*clone.own.values()])
    return (
        f"{avatar} has no look {name} any more; it has {', '.join(Bundle.open(avatar, verify=False).looks)}."
    )


def rename_look(avatar: Path, name: str, new: str) -> str:
    """Call a look of a clone something else; a line for people.

    Raises:
        AvatarError: There is no such look, it is the one that the clone was made with, or the name is taken or none.
    """
    clone = _having(avatar, name)
    check_look_name(new)
    if new in clone.looks:
        raise AvatarError(f"{clone.name} has a look {new} already.", "Choose another name.")
    renamed = replace(clone, look=new)
    called = {place: renamed.place(part) for part, place in clone.own.items()}
    with BundleWriter(avatar, clone.name, clone.made, clone.consent) as writer:
        writer.add_parts(clone, called=called)
    return f"The look {name} of {avatar} is called {new} now."


def described(avatar: Path) -> list[str]:
    """A line for every look of a clone.

    Raises:
        AvatarError: The bundle is damaged.
    """
    clone = Bundle.open(avatar, verify=False)
    return [line(clone.wearing(look)) for look in clone.looks]


def work_of(avatar: Path, name: str) -> Path:
    """The working folder of a look: beside the avatar."""
    return avatar.with_suffix(f".avatar.look-{name}")


def _having(avatar: Path, name: str) -> Bundle:
    if name == ORIGINAL:
        raise AvatarError(
            f"The look {name} is the one that the clone was made with: it stays as it is.",
            "Clone the presenter again to change it.",
        )
    return Bundle.open(avatar).wearing(name)


def _painted(clone: Bundle, clip: Intake, work: Path, options: LookOptions, progress: Progress) -> _Painted:
    """The lips of a look: with the clone's painter, or with one of its own where that paints better."""
    pictures = len(clip.track)
    train = range(round(pictures * (1 - HELD_OUT)))
    samples = read_sound(clip.sound)[: pictures * SAMPLES_PER_FRAME]
    device = devices.choose(options.device)
    placed = place_look(LipsModel.load(clone), clip.footage, samples, clip.track, train)
    held = range(len(train), pictures)

    def scored(lips: LipsModel) -> tuple[Drives, LipsScores]:
        given = drives(i420(clip.footage), samples, clip.track, lips)
        return given, measure.score(clip.footage, samples, clip.track, lips, held, given, progress=progress)

    given, before = scored(placed)
    clone_psnr = float(before.painted.psnr)
    if not options.budget:
        return _Painted(placed, given, before, False, clone_psnr)
    own = fit_look(
        placed, clip.footage, samples, clip.track, train=train, device=device, budget=options.budget,
        work=work, progress=progress,
    )  # fmt: skip
    given, after = scored(own)
    if after.painted.psnr < clone_psnr + WORTH:
        return _Painted(placed, given, before, False, clone_psnr)
    return _Painted(own, given, after, True, clone_psnr)


def _facts(
    clip: Intake, painted: _Painted, body: BakedBody, signed: SignedConsent, seconds: Mapping[str, float]
) -> dict[str, Any]:
    """What the bundle tells of a look."""
    return {
        "source_name": signed.consent.clip_name,
        "source_sha256": signed.consent.clip_sha256,
        "consent": signed.record(),
        "own_painter": painted.own,
        "clone_psnr": painted.clone_psnr,
        "lips": painted.scores.figures(),
        "body": body.report(),
        "clip": asdict(clip.info),
        "warnings": list(clip.warnings),
        "seconds": dict(seconds),
    }


def _write(
    clone: Bundle,
    name: str,
    painted: _Painted,
    filmed: tuple[BakedBody, Cutout | None],
    facts: dict[str, Any],
) -> None:
    look, (body, cut_out) = replace(clone, look=name), filmed
    with BundleWriter(clone.path, clone.name, clone.made, clone.consent) as writer:
        writer.add_parts(clone, [part for part in clone.parts if part.startswith(look.place(""))])
        dressed = writer.of(look)
        painted.lips.save(dressed)
        body.save(dressed)
        offsets = painted.lips.placement.of_body(painted.given.placed, body.source)
        dressed.add_tensors(PLACEMENT_PART, {"offsets": offsets})
        if cut_out is not None:
            cut_out.save(dressed)
        dressed.add_json(LOOK_PART, facts)


def _told(avatar: Path, name: str, facts: Mapping[str, Any]) -> str:
    lips, seconds = facts["lips"], sum(facts["seconds"].values())
    painter = (
        f"a painter of its own: {lips['painted_psnr']:.1f} dB, with the clone's {facts['clone_psnr']:.1f}"
        if facts["own_painter"]
        else f"the clone's own painter: {lips['painted_psnr']:.1f} dB"
    )
    return (
        f"{avatar} has the look {name}, made in {seconds / 60:.1f} min.\n"
        f"Body:  {facts['body']['frames'] / FRAME_RATE:.0f} s, {facts['body']['joins']} joins\n"
        f"Lips:  {painter} (on what was never fitted)\n"
        f"Write <look {name}> at the beginning of a paragraph, look: {name} in a script's front matter, "
        f"--look {name}, or avatar-engine control SHOW look {name}."
    )
