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

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from avatar_engine import settings
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
            settings.check_url(self.url)
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
        return settings.key(self.key_env, self.url)


def load(path: Path) -> EngineSettings:
    """Read an engine's file; the files that it names lie beside it.

    Raises:
        AvatarError: It can't be read, or something in it is wrong: all of it is listed.
    """
    read = settings.load(path, EngineSettings, "See --help of the command, or the README.")
    if read.protocol == "cosyvoice" and read.reference:
        return read.model_copy(update={"reference": str(_beside(path, read.reference))})
    if read.protocol == "pocket-tts":
        found = {"voice": str(_beside(path, read.voice))}
        if read.weights:
            found["weights"] = str(path.parent / read.weights)
        return read.model_copy(update=found)
    return read


def _beside(path: Path, recording: str) -> Path:
    found = path.parent / recording
    if not found.is_file():
        raise AvatarError(f"{path}: there is no file {found}.", "Give a few seconds of the voice.")
    return found
