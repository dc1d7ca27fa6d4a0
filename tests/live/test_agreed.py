from datetime import date

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.live.agreed import Agreed, agreed
from avatar_engine.trust import consent as consents


@pytest.fixture
def signed(tmp_path, monkeypatch):
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))

    def sign(*languages):
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(b"a clip")
        return consents.new(
            clip, output=tmp_path / "consent.toml", presenter="Marie", uses=["live-shopping"], languages=languages,
            valid_until=date(2099, 1, 1), technician="A. Martin", overwrite=True,
        )  # fmt: skip

    return sign


def test_a_language_that_is_named_is_spoken_if_it_was_agreed_to(signed):
    assert agreed(signed("en", "fr"), ["fr", "en"], "en") == Agreed("fr")
    with pytest.raises(AvatarError, match="'es'"):
        agreed(signed("en", "fr"), ["fr", "es"], "en")
    with pytest.raises(AvatarError, match="'news'"):
        agreed(signed("en"), ["en"], "en", "news")


def test_a_language_that_is_to_be_found_is_one_of_those_agreed_to(signed):
    assert agreed(signed("en", "fr"), ["auto"], "en") == Agreed("en", ("en", "en-us", "en-gb", "fr"))
    assert agreed(signed("fr"), ["Auto"], "en") == Agreed("fr", ("fr",))
    with pytest.raises(AvatarError, match="'es'"):
        agreed(signed("fr"), ["auto", "es"], "fr")
    with pytest.raises(AvatarError, match="sv"):
        agreed(signed("sv"), ["auto"], "en")
    with pytest.raises(AvatarError, match="'news'"):
        agreed(signed("fr"), ["auto"], "fr", "news")
