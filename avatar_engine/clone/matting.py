"""Gives a clone a matte after it was made: the bundle is written again, with the cut-out body in it."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from avatar_engine import models
from avatar_engine.bundle import ORIGINAL, Bundle, BundleWriter
from avatar_engine.clone import working
from avatar_engine.contracts import Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.face.person import WEIGHTS, OnnxMatte
from avatar_engine.stage import cutout
from avatar_engine.stage.body import reels_of
from avatar_engine.trust import consent as consents
from avatar_engine.trust.register import Register


def ready(model: Path | None = None) -> None:
    """Refuse where a matte can't be made.

    Raises:
        AvatarError: The weights are not here, or the user's network is no good.
    """
    if model is None:
        models.path(WEIGHTS)
    else:
        OnnxMatte(model)


def add_matte(
    avatar: Path, model: Path | None = None, progress: Progress = silent, look: str = ORIGINAL
) -> str:
    """Cut the presenter of a bundle out, and put that into the bundle; a matte that is there already is replaced.

    What was made before a stop lies beside the bundle, and is used.

    Args:
        avatar: The bundle; it is replaced in one step at the end.
        model: A matting network of the user's own; None for the engine's own matte.
        progress: Told how far it is.
        look: The look whose footage is cut out.

    Returns:
        A line for people.

    Raises:
        AvatarError: The bundle, its consent, the look, the weights or the network are no good, or there is nobody to
            cut out.
    """
    ready(model)
    bundle = Bundle.open(avatar).wearing(look)
    signed = consents.from_record(bundle.consent, bundle.made)
    register = Register(signed)
    work = _work_folder(avatar, bundle, model, register)
    (work / "consent.id").write_text(signed.id)  # by which an erasure knows whose it is
    reels = [bundle.extract(part) for part in reels_of(bundle)]
    for path in bundle.cached():
        register.note("cache", path, whole=True)
    baked = cutout.bake(reels, work, model, progress)
    with BundleWriter(avatar, bundle.name, bundle.made, bundle.consent) as writer:
        writer.add_parts(bundle, [bundle.place(part) for part in cutout.PARTS])
        baked.save(writer.of(bundle))
    register.note("avatar", avatar, whole=True)
    size = baked.video.stat().st_size / 1e6
    shutil.rmtree(work)
    which = "" if look == ORIGINAL else f" of the look {look}"
    return (
        f"{avatar} has a matte{which} ({size:.1f} MB): --background changes what the presenter stands before."
    )


def _work_folder(avatar: Path, bundle: Bundle, model: Path | None, register: Register) -> Path:
    """The folder beside the bundle, noted as derived; one of another body or network is emptied."""
    try:
        network = hashlib.sha256(model.read_bytes()).hexdigest() if model else "own"
    except OSError as error:
        raise AvatarError(f"{model} can't be read: {error.strerror}.", "Check the path.") from error
    key = " ".join([network, *(bundle.parts[part].sha256 for part in reels_of(bundle))])
    work = avatar.with_suffix(".avatar.matte")
    register.note("work", work)
    return working.folder(work, "of", key)
