"""What each speech server wants to be asked, and what it answers.

- ``openai``: ``POST /v1/audio/speech`` (platform.openai.com, API reference, "Create speech"); PCM is 24 kHz.
- ``xtts``: ``POST /tts_to_audio/`` of daswer123/xtts-api-server; a whole WAV.
- ``cosyvoice``: ``POST /inference_zero_shot`` or ``/inference_sft`` of FunAudioLLM/CosyVoice, runtime/python/fastapi;
  bare 16-bit PCM at the model's rate.
- ``gpt-sovits``: ``POST /tts`` of RVC-Boss/GPT-SoVITS, api_v2.py; a WAV whose header knows no length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avatar_engine.contracts import Utterance
from avatar_engine.voice.engines.settings import EngineSettings

OPENAI_PCM = 24_000
_SPEEDS = (0.25, 4.0)


@dataclass(frozen=True, slots=True)
class Question:
    """One request: ``path`` after the server's address, its body, and the rate of its answer if that is bare PCM."""

    path: str
    body: dict[str, Any] = field(default_factory=dict)
    pcm: int = 0


def question(settings: EngineSettings, utterance: Utterance) -> Question:
    """How ``settings``' server is asked to say ``utterance``."""
    language = utterance.language.partition("-")[0].lower()
    speed = min(_SPEEDS[1], max(_SPEEDS[0], utterance.controls.speed))
    if settings.protocol == "openai":
        asked = {
            "model": settings.model or "tts-1",
            "input": utterance.text,
            "voice": settings.voice,
            "response_format": settings.format,
            "speed": speed,
        }
        path = "audio/speech" if settings.url.rstrip("/").endswith("/v1") else "v1/audio/speech"
        return Question(path, {"json": asked}, OPENAI_PCM if settings.format == "pcm" else 0)
    if settings.protocol == "xtts":
        tag = "zh-cn" if language == "zh" else language
        return Question(
            "tts_to_audio/",
            {"json": {"text": utterance.text, "speaker_wav": settings.voice, "language": tag}},
        )
    if settings.protocol == "gpt-sovits":
        asked = {
            "text": utterance.text,
            "text_lang": language,
            "ref_audio_path": settings.reference,
            "prompt_text": settings.reference_text,
            "prompt_lang": settings.reference_language,
            "speed_factor": speed,
            "media_type": "wav",
            "streaming_mode": True,
        }
        return Question("tts", {"json": asked})
    if settings.reference:
        said = {"tts_text": utterance.text, "prompt_text": settings.reference_text}
        sound = ("reference.wav", Path(settings.reference).read_bytes(), "audio/wav")
        return Question(
            "inference_zero_shot", {"data": said, "files": {"prompt_wav": sound}}, settings.sample_rate
        )
    return Question(
        "inference_sft",
        {"data": {"tts_text": utterance.text, "spk_id": settings.voice}},
        settings.sample_rate,
    )
