"""What a video leaves in the register."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from avatar_engine.bundle import Bundle
from avatar_engine.live.accounts import of_video
from avatar_engine.trust import register
from tests.trust.signing import bundle, sign


def test_a_film_is_noted_with_the_manifest_that_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    signed = sign(tmp_path)
    avatar = Bundle.open(bundle(tmp_path / "marie.avatar", signed))
    film, apart = tmp_path / "hello.webm", tmp_path / "hello.c2pa"
    with ExitStack() as stack:
        of_video(signed, avatar, "say", film, stack)
        for path in (film, apart):
            path.write_bytes(b"made meanwhile")
    videos = {made.path: made.size for made in register.derived(signed.id) if made.kind == "video"}
    assert videos == {film: 14, apart: 14}
