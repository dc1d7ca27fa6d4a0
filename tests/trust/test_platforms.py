"""Which platform a host is: told by its name's end, never guessed."""

from __future__ import annotations

import pytest

from avatar_engine.trust.platforms import ANY, NEAR, checked, covered, rehearsal, shown


@pytest.mark.parametrize(
    ("named", "host"),
    [
        ("twitch", "live.twitch.tv"),
        ("twitch", "ingest.global-contribute.live-video.net"),
        ("youtube", "A.RTMPS.YouTube.com."),
        ("tiktok", "push-rtmp-l11-sg01.tiktokcdn.com"),
        ("kick", "fa723fc1b171.global-contribute.live-video.net"),
        ("live.example.com", "live.example.com"),
        ("example.com", "live.example.com"),
        (NEAR, "192.168.1.20"),
        (NEAR, "0.0.0.0"),
        (NEAR, "[fe80::1]"),
        ("203.0.113.7", "203.0.113.7"),
        (ANY, "anywhere.example"),
    ],
)
def test_a_host_is_of_its_platform(named: str, host: str) -> None:
    assert covered([named], host)


@pytest.mark.parametrize(
    ("named", "host"),
    [
        ("twitch", "twitch.tv.example.com"),
        ("twitch", "nottwitch.tv"),
        ("twitch", "fa723fc1b171.global-contribute.live-video.net"),
        ("youtube", "youtube.com.evil"),
        ("instagram", "live-api-s.facebook.com"),
        ("live.example.com", "example.com"),
        (NEAR, "203.0.113.7"),
        (NEAR, "router"),
        ("youtube", "8.8.8.8"),
    ],
)
def test_what_only_looks_like_it_is_not(named: str, host: str) -> None:
    assert not covered([named], host)


def test_this_machine_is_a_rehearsal_and_nothing_else_is() -> None:
    for here in ("", "localhost", "127.0.0.1", "127.8.8.8", "[::1]", "::ffff:127.0.0.1"):
        assert rehearsal(here)
    for away in ("localhost.example.com", "127.1", "0.0.0.0", "10.0.0.1", "twitch.tv"):
        assert not rehearsal(away)


def test_a_consent_names_platforms_or_hosts() -> None:
    assert [checked(name) for name in ("Twitch", "Live.Example.com", "any", "::1")] == [
        "twitch", "live.example.com", "any", "::1",
    ]  # fmt: skip
    for wrong in ("", "twich", "a b.com", "rtmp://a.example/live", "*.example.com", "-a.example"):
        with pytest.raises(ValueError, match="no known platform"):
            checked(wrong)


def test_people_read_host_and_platform() -> None:
    assert shown("live.twitch.tv") == "live.twitch.tv (twitch)"
    assert shown("live.example.com") == "live.example.com"
