"""Files of settings tell all that is wrong with them and no secret; keys come from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, field_validator

from avatar_engine import settings
from avatar_engine.errors import AvatarError


class Some(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str
    count: int = 1

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        settings.check_url(url)
        return url


def test_what_is_right_is_read(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_text('url = "https://s.example/v1"\ncount = 2\n')
    assert settings.load(path, Some, "") == Some(url="https://s.example/v1", count=2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("url = ", "no TOML"),
        ("\xff", "no TOML"),
        ("url = " + "[" * 5000, "no TOML"),
        ("#" * settings.LARGEST + "\n", "too large"),
        ('count = "x"\nmore = 1\n', "url: Field required; count: .*; more: .*Do this"),
        ('url = "ftp://s.example"', "begin with http"),
        ('url = "https://"', "begin with http"),
        ('url = "https://me:hunter2@s.example"', "no password"),
        ('url = "https://s.example/?key=hunter2"', "no query"),
    ],
)
def test_all_that_is_wrong_is_told_without_secrets(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "some.toml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(AvatarError, match=words) as error:
        settings.load(path, Some, "Do this.")
    assert "some.toml" in str(error.value) and "hunter2" not in str(error.value)


def test_a_file_that_is_not_there_or_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match=r"no file .*none\.toml"):
        settings.load(tmp_path / "none.toml", Some, "")
    with pytest.raises(AvatarError, match="can't be read"):
        settings.load(tmp_path, Some, "")


def test_a_key_is_in_its_variable_or_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.key("", "https://s.example") == ""
    monkeypatch.delenv("SOME_KEY", raising=False)
    with pytest.raises(AvatarError, match=r"SOME_KEY is not set.*https://s\.example"):
        settings.key("SOME_KEY", "https://s.example")
    for held, words in ((" ", "not set"), ("clé", "no key"), ("a\nb", "no key")):
        monkeypatch.setenv("SOME_KEY", held)
        with pytest.raises(AvatarError, match=f"SOME_KEY is {words}"):
            settings.key("SOME_KEY", "https://s.example")
    monkeypatch.setenv("SOME_KEY", "sk-1\n")
    assert settings.key("SOME_KEY", "https://s.example") == "sk-1"
