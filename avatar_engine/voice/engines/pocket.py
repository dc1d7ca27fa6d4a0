"""A voice that kyutai's pocket-tts clones from a recording, in this process (github.com/kyutai-labs/pocket-tts, MIT).

The package describes its models in YAML, with addresses of their weights. Here every address is replaced by a file of
this machine before the package sees it: out of the folder that the user names, or out of the cache that the package's
own command has filled. So nothing is fetched, and what is read are safetensors.
"""

from __future__ import annotations

import os
import tempfile
import threading
import zlib
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from avatar_engine.contracts import SAMPLE_RATE, Speech, Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.media import read
from avatar_engine.media.level import Leveller
from avatar_engine.voice import text
from avatar_engine.voice.engines.server import REST, EngineError
from avatar_engine.voice.engines.settings import EngineSettings

LANGUAGES = {
    "english": "en",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "portuguese": "pt",
    "spanish": "es",
}
"""What a model speaks, by the beginning of its name."""

PROMPT = (2.0, 30.0)
"""Seconds of a recording that are needed and that are used."""


class PocketVoice:
    """Speaks as the person in a recording; no phone is known of what it says.

    Of the controls it knows none: the model has its own way of speaking.

    Args:
        settings: The recording, the model and where its weights are.

    Raises:
        AvatarError: The package, the weights or the recording are not here or no good.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._name = settings.model or "english"
        if (language := self._name.partition("_")[0]) not in LANGUAGES:
            raise AvatarError(f"{self._name} is no model of pocket-tts that can be used.",
                              f"Models begin with {', '.join(LANGUAGES)}.")  # fmt: skip
        self._language = LANGUAGES[language]
        self._model = _model(self._name, settings)
        self._state = _state(self._model, Path(settings.voice))
        self._leveller = Leveller()

    def speak(self, utterance: Utterance) -> Iterator[Speech]:
        """The sound of ``utterance`` at the show's loudness, in pieces of 80 ms and more, and a short rest.

        The same words give the same sound.

        Raises:
            EngineError: The model does not speak the language, or fails.
        """
        import torch

        if not (words := self._words(utterance)):
            return
        torch.manual_seed(zlib.crc32(words.encode()))
        stop = threading.Event()
        try:
            for piece in self._model.generate_audio_stream(self._state, words, stop=stop):
                yield Speech(self._leveller.push(np.ascontiguousarray(piece.numpy(), np.float32)))
        except Exception as error:  # whatever a library that is not ours runs into
            raise EngineError(f"pocket-tts failed ({error}).", "Look at its log.") from error
        finally:
            stop.set()  # its threads would go on with what nobody hears any more
        yield Speech(np.zeros(REST, np.float32))

    def _words(self, utterance: Utterance) -> str:
        """In plain words: the model was taught no numbers, prices or signs."""
        said = text.spoken(utterance.text, utterance.language)
        for _, language in said:
            if language.partition("-")[0] != self._language:
                raise EngineError(f"pocket-tts's model {self._name} does not speak {language!r}.",
                                  "Name another model in the engine's file.")  # fmt: skip
        return " ".join(words for words, _ in said)


def _model(name: str, settings: EngineSettings) -> Any:
    os.environ["HF_HUB_OFFLINE"] = "1"  # of the package's downloader: a second lock, should it ever be asked
    if (package := util.find_spec("pocket_tts")) is None or not package.submodule_search_locations:
        raise AvatarError("pocket-tts is not installed.", "pip install 'avatar-engine[pocket]'")
    folder = Path(settings.weights) if settings.weights else None
    described = Path(package.submodule_search_locations[0]) / "config" / f"{name}.yaml"
    if folder and (folder / "config.yaml").is_file():
        described = folder / "config.yaml"
    if not described.is_file():
        raise AvatarError(f"pocket-tts knows no model {name!r}.", "See pocket-tts generate --help.")
    advice = f"Fetch them: pocket-tts export-voice {settings.voice} voice.safetensors --language {name}"
    description = _local(yaml.safe_load(described.read_text(encoding="utf-8")), folder, advice)
    from pocket_tts import TTSModel

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "model.yaml"
        path.write_text(yaml.safe_dump(description), encoding="utf-8")
        try:
            model = TTSModel.load_model(config=path)
        except Exception as error:  # safetensors', pydantic's, torch's: whatever is wrong with the files
            raise AvatarError(f"pocket-tts's model {name} can't be loaded: {error}", advice) from error
    model.max_decoder_frames_per_call = 1  # as many as are ready would differ from one time to the next
    if model.sample_rate != SAMPLE_RATE:
        raise AvatarError(f"pocket-tts's model {name} speaks at {model.sample_rate} Hz.", "Use another one.")
    return model


def _local(part: Any, folder: Path | None, advice: str) -> Any:
    """A model's description with files of this machine in place of addresses."""
    if not isinstance(part, dict):
        return part
    found = {}
    for key, value in part.items():
        if key == "weights_path_without_voice_cloning":
            continue  # they would speak in another person's voice
        if key.endswith("_path") and isinstance(value, str):
            file = folder / _name(value) if folder else _cached(value)
            if file is None or not file.is_file():
                raise AvatarError(
                    f"pocket-tts's {_name(value)} is not here{f' ({file})' if file else ''}.", advice
                )
            found[key] = str(file)
        else:
            found[key] = _local(value, folder, advice)
    return found


def _name(address: str) -> str:
    return address.partition("@")[0].rpartition("/")[2]


def _cached(address: str) -> Path | None:
    """The file of an address ``scheme://owner/repository/path@revision``, if it was fetched before."""
    from huggingface_hub import try_to_load_from_cache

    place, _, revision = address.partition("://")[2].partition("@")
    owner, _, rest = place.partition("/")
    repository, _, file = rest.partition("/")
    if not file:
        return None
    found = try_to_load_from_cache(f"{owner}/{repository}", file, revision=revision or None)
    return Path(found) if isinstance(found, str) else None


def _state(model: Any, recording: Path) -> Any:
    """What the model remembers of the voice in a recording."""
    import torch

    samples = read.sound(recording)[: int(PROMPT[1] * SAMPLE_RATE)]
    if len(samples) < PROMPT[0] * SAMPLE_RATE:
        raise AvatarError(
            f"{recording} is {len(samples) / SAMPLE_RATE:.1f} s long.",
            f"Give {PROMPT[0]:.0f} to {PROMPT[1]:.0f} s in which the presenter alone speaks.",
        )
    return model.get_state_for_audio_prompt(torch.from_numpy(samples)[None])
