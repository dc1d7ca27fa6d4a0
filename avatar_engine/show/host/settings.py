"""Which language model the host asks, how long it waits for it and what it may cost: a small TOML file.

url = "http://127.0.0.1:11434/v1"  # of any OpenAI-compatible endpoint
model = "qwen3:8b"
key_env = "LLM_KEY"                # the environment variable that holds the key, if one is needed
first_sentence = 2.5               # seconds until the embedded host answers in its place
longest = 20.0                     # seconds for a whole answer
temperature = 0.7
tokens = 300                       # of an answer, at most
per_minute = 20                    # requests
currency = "EUR"
input_price = 0.4                  # for a million tokens, so that the show knows what it costs
output_price = 1.6
budget = 5.0                       # for one show; then the embedded host goes on alone. 0 for no limit
claims = "grounded"                # its words stand in the catalogue or claim nothing; "listed": what no list forbids
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from avatar_engine import settings
from avatar_engine.show.host.reply import OWN


class HostSettings(BaseModel):
    """An endpoint (see the module)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    model: str = Field(min_length=1)
    key_env: str = ""
    first_sentence: float = Field(default=2.5, gt=0.0, le=30.0)
    longest: float = Field(default=20.0, gt=0.0, le=120.0)
    temperature: float = Field(default=0.7, ge=0.0, le=2.0)
    tokens: int = Field(default=300, ge=20, le=4000)
    per_minute: int = Field(default=20, ge=1, le=1000)
    currency: str = Field(default="EUR", pattern="^[A-Z]{3}$")
    input_price: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    output_price: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    budget: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    claims: Literal["grounded", "listed"] = "grounded"

    @field_validator("model")
    @classmethod
    def _named(cls, model: str) -> str:
        if model in OWN:  # the guard knows by it whose words were written before
            raise ValueError(f"{model!r} is what the engine calls itself")
        return model

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        settings.check_url(url)
        return url.rstrip("/")

    @property
    def key(self) -> str:
        """The key, from the environment; empty when none is needed.

        Raises:
            AvatarError: The variable is not set, or holds no key.
        """
        return settings.key(self.key_env, self.url)

    def cost(self, asked: int, told: int) -> float:
        """What so many tokens in and out cost, in the settings' currency."""
        return (asked * self.input_price + told * self.output_price) / 1e6


def load(path: Path) -> HostSettings:
    """Read the file.

    Raises:
        AvatarError: It can't be read, or something in it is wrong: all of it is listed.
    """
    return settings.load(path, HostSettings, "See the README on hosts.")
