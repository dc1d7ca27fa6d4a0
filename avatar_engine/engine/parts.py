"""Who is painted: the parts of a bundle that painting needs."""

from __future__ import annotations

from avatar_engine.bundle import Bundle
from avatar_engine.engine.wire import Hello
from avatar_engine.errors import AvatarError
from avatar_engine.lips.model import FACTS, PAINTER, TENSORS, LipsModel


def parts(bundle: Bundle) -> tuple[str, str]:
    """What of a bundle tells who is painted, and how: sha256 of its painter, and of all else of its lips.

    Raises:
        AvatarError: It has no lips.
    """
    try:
        painter, tensors, facts = (bundle.parts[part].sha256 for part in (PAINTER, TENSORS, FACTS))
    except KeyError as error:
        raise AvatarError(f"The bundle has no {error}.", "Clone the presenter again.") from None
    return painter, tensors[:32] + facts[:32]


def model_of(hello: Hello) -> LipsModel:
    """The lips that a show asks for.

    Raises:
        AvatarError: The file has others.
    """
    bundle = Bundle.open(hello.bundle, verify=False).wearing(
        hello.look
    )  # its parts are checked as they are read
    if parts(bundle) != (hello.painter, hello.lips):
        raise AvatarError(f"{hello.bundle} is not the clone that the show has.", "Was it made anew?")
    return LipsModel.load(bundle)
