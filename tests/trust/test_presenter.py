"""The presenter's code and key."""

from __future__ import annotations

import re

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys
from avatar_engine.trust.presenter import key_of, new_code


def test_a_code_is_long_fresh_and_easy_to_type() -> None:
    codes = {new_code() for _ in range(50)}
    assert len(codes) == 50
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){5}[A-Z2-7]{4}", code) for code in codes)


def test_the_same_code_gives_the_same_key_however_it_is_typed() -> None:
    code = "OIBA-2345-ABCD-EFGH-IJKL-MNOP"
    own = keys.public_text(key_of(code))
    assert keys.public_text(key_of(" 01ba 2345 abcd efgh ijkl mnop ")) == own, (
        "0, 1 and 8 are read for O, I and B"
    )
    assert keys.public_text(key_of(code[:-1] + "Q")) != own


def test_the_key_of_a_code_stays_the_same_in_later_versions() -> None:
    assert (
        keys.public_text(key_of("ABCD-EFGH-IJKL-MNOP-QRST-UVWX"))
        == "YyQkqMsMs6eVNegFLEIJVDyvoUcrd38jQb5kgACgO5g="
    )


@pytest.mark.parametrize("code", ["", "ABCD", "ABCD-EFGH-IJKL-MNOP-QRST-UVW9", "ABCD" * 7])
def test_what_is_no_code_is_told(code: str) -> None:
    with pytest.raises(AvatarError, match="no presenter's code"):
        key_of(code)
