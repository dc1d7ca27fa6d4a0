"""One question before and during a show: may it, now, for this, there?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys, revocation
from avatar_engine.trust.clearance import Clearance, Widening
from tests.trust.signing import CODE, UNTIL, sign


def test_every_line_of_a_consent_is_asked_and_named(tmp_path: Path) -> None:
    signed = sign(tmp_path, platforms=["twitch", "live.example.com"])
    Clearance(signed, "live-shopping", ("live.twitch.tv", "live.example.com", "127.0.0.1")).check()
    asked = [
        (Clearance(signed, "education"), "use 'education', only to: live-shopping (uses in the consent)"),
        (
            Clearance(signed, hosts=("a.rtmp.youtube.com",)),
            "platform a.rtmp.youtube.com (youtube), only to: twitch, live.example.com (platforms in the consent)",
        ),
    ]
    for clearance, words in asked:
        with pytest.raises(AvatarError) as refused:
            clearance.check()
        assert words in refused.value.what and refused.value.advice


def test_a_day_ends_at_midnight_where_the_machine_is(tmp_path: Path) -> None:
    clearance = Clearance(sign(tmp_path))
    last = datetime.combine(UNTIL, datetime.max.time()).astimezone()
    clearance.check(last)
    with pytest.raises(AvatarError, match=r"expired on .* \(valid_until\)"):
        clearance.check(last + timedelta(seconds=1))


def test_revocations_and_permits_are_asked_for_too(tmp_path: Path) -> None:
    signed = sign(tmp_path, code=CODE, publish_with="permit")
    with pytest.raises(AvatarError, match="asks for a permit"):
        Clearance(signed, hosts=("live.twitch.tv",)).check(datetime.now(UTC))
    Clearance(signed).check()
    revocation.revoke(signed.id, keys.technician_key())
    with pytest.raises(AvatarError, match="revoked"):
        Clearance(signed).check()


def test_the_consent_of_every_clip_that_is_seen_is_asked_from_the_moment_it_is_seen(tmp_path: Path) -> None:
    signed = sign(tmp_path, code=CODE, platforms=["any"])
    look = sign(
        tmp_path, "look.toml", clip=b"in blue", platforms=["twitch"], code=CODE, publish_with="permit"
    )
    both = Clearance(signed, hosts=("live.twitch.tv",), also=(look,))
    both.check()  # the first consent asks for no permit
    with pytest.raises(AvatarError, match="youtube"):
        Clearance(signed, hosts=("a.rtmp.youtube.com",), also=(look,)).check()
    elsewhere = Widening(Clearance(signed, hosts=("a.rtmp.youtube.com",)))
    with pytest.raises(AvatarError, match="youtube"):
        elsewhere.include(look)
    elsewhere.check()
    wider = Widening(Clearance(signed))
    wider.include(look)
    wider.check()
    revocation.revoke(look.id, keys.technician_key())
    with pytest.raises(AvatarError, match="revoked"):
        wider.check()
    Clearance(signed).check()
