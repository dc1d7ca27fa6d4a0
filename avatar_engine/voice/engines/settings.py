"""Which engine speaks, and whose voice it has: a small TOML file.

protocol = "openai"                # openai, xtts, cosyvoice, gpt-sovits: a server; pocket-tts: within the engine
url = "http://127.0.0.1:8880"      # of the server
voice = "marie"                    # openai, xtts, cosyvoice: its name on the server; pocket-tts: a recording of it
model = "tts-1"                    # openai; pocket-tts: english (or french, german, italian, portuguese, spanish …)
weights = "pocket"                 # pocket-tts: the folder of its files; none: its own command has fetched them
key_env = "SPEECH_KEY"             # the environment variable that holds the key, if one is needed
same_person = true                 # this voice is the presenter's: the clone's own voice may step in for it
reference = "marie.wav"            # cosyvoice: a few seconds of the voice; gpt-sovits: their path on the server
reference_text = "What is said."   # cosyvoice, gpt-sovits: what is said in them
reference_language = "en"          # gpt-sovits
sample_rate = 24000                # cosyvoice: of its model
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from avatar_engine.errors import AvatarError


class EngineSettings(BaseModel):
    """An engine (see the module)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    protocol: Literal["openai", "xtts", "cosyvoice", "gpt-sovits", "pocket-tts"]
    url: str = ""
    voice: str = ""
    model: str = ""
    weights: str = ""
    format: Literal["wav", "pcm"] = "wav"
    key_env: str = ""
    same_person: bool = False
    reference: str = ""
    reference_text: str = ""
    reference_language: str = "en"
    sample_rate: int = Field(default=24_000, ge=8_000, le=96_000)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.protocol == "pocket-tts":
            if not self.same_person:
                raise ValueError(
                    "pocket-tts clones whoever speaks in voice, and the consent covers the presenter alone: "
                    "if it is the presenter, say so by same_person = true"
                )
        else:
            _check(self.url)
        needed = {
            "openai": ("voice",),
            "xtts": ("voice",),
            "cosyvoice": ("reference", "reference_text") if self.reference else ("voice",),
            "gpt-sovits": ("reference", "reference_language"),
            "pocket-tts": ("voice",),
        }
        if missing := [name for name in needed[self.protocol] if not getattr(self, name)]:
            raise ValueError(f"{self.protocol} needs {' and '.join(missing)}")
        return self

    @property
    def key(self) -> str:
        """The key, from the environment; empty when none is needed.

        Raises:
            AvatarError: The variable is not set, or holds no key.
        """
        if not self.key_env:
            return ""
        if not (key := os.environ.get(self.key_env, "").strip()):
            raise AvatarError(f"The variable {self.key_env} is not set.", f"Put {self.url}'s key into it.")
        if not (key.isascii() and key.isprintable()):
            raise AvatarError(f"What is in the variable {self.key_env} is no key.", "Copy the key again.")
        return key


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url must begin with http:// or https:// and name a host")
    if parts.username or parts.password or parts.query:
        raise ValueError("url must hold no password and no query: put the key into a variable, key_env")


def load(path: Path) -> EngineSettings:
    """Read an engine's file; the files that it names lie beside it.

    Raises:
        AvatarError: It can't be read, or something in it is wrong: all of it is listed.
    """
    try:
        settings = EngineSettings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise AvatarError(f"There is no file {path}.", "Check the path.") from None
    except OSError as error:
        raise AvatarError(f"{path} can't be read: {error.strerror}.", "Check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AvatarError(f"{path} is no TOML ({error}).", "Correct it.") from None
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))} {item['msg']}".strip()
            for item in error.errors(include_input=False)
        )
        raise AvatarError(f"{path}: {wrong}.", "See --help of the command, or the README.") from None
    if settings.protocol == "cosyvoice" and settings.reference:
        return settings.model_copy(update={"reference": str(_beside(path, settings.reference))})
    if settings.protocol == "pocket-tts":
        found = {"voice": str(_beside(path, settings.voice))}
        if settings.weights:
            found["weights"] = str(path.parent / settings.weights)
        return settings.model_copy(update=found)
    return settings


def _beside(path: Path, recording: str) -> Path:
    found = path.parent / recording
    if not found.is_file():
        raise AvatarError(f"{path}: there is no file {found}.", "Give a few seconds of the voice.")
    return found
