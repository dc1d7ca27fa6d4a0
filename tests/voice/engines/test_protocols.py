import pytest

from avatar_engine.contracts import Controls, Utterance
from avatar_engine.voice.engines.protocols import question
from avatar_engine.voice.engines.settings import EngineSettings


def settings(protocol, url="http://host:1/", **more):
    return EngineSettings(protocol=protocol, url=url, **more)


@pytest.mark.parametrize("url", ["http://host:1", "http://host:1/v1", "http://host:1/v1/"])
def test_openai(url):
    asked = question(
        settings("openai", url, voice="marie", model="kokoro"), Utterance("Hi.", "en", Controls(1.2))
    )
    whole = f"{url.rstrip('/')}/{asked.path}"
    assert whole == "http://host:1/v1/audio/speech"
    assert asked.body["json"] == {
        "model": "kokoro", "input": "Hi.", "voice": "marie", "response_format": "wav", "speed": 1.2
    }  # fmt: skip
    assert asked.pcm == 0


@pytest.mark.parametrize(("language", "tag"), [("en-GB", "en"), ("zh", "zh-cn"), ("fr", "fr")])
def test_xtts(language, tag):
    asked = question(settings("xtts", voice="marie.wav"), Utterance("Hi.", language))
    assert asked.path == "tts_to_audio/"
    assert asked.body["json"] == {"text": "Hi.", "speaker_wav": "marie.wav", "language": tag}


def test_gpt_sovits():
    server = settings("gpt-sovits", reference="a.wav", reference_text="Hello.", reference_language="fr")
    asked = question(server, Utterance("Hi.", "en-GB", Controls(0.9)))
    assert asked.path == "tts"
    assert asked.body["json"] == {
        "text": "Hi.", "text_lang": "en", "ref_audio_path": "a.wav", "prompt_text": "Hello.", "prompt_lang": "fr",
        "speed_factor": 0.9, "media_type": "wav", "streaming_mode": True,
    }  # fmt: skip


def test_cosyvoice(tmp_path):
    asked = question(settings("cosyvoice", voice="marie", sample_rate=22_050), Utterance("Hi."))
    assert (asked.path, asked.pcm) == ("inference_sft", 22_050)
    assert asked.body == {"data": {"tts_text": "Hi.", "spk_id": "marie"}}
    (tmp_path / "marie.wav").write_bytes(b"RIFF")
    server = settings("cosyvoice", reference=str(tmp_path / "marie.wav"), reference_text="Hello.")
    asked = question(server, Utterance("Hi."))
    assert (asked.path, asked.pcm) == ("inference_zero_shot", 24_000)
    assert asked.body["data"] == {"tts_text": "Hi.", "prompt_text": "Hello."}
    assert asked.body["files"]["prompt_wav"][1] == b"RIFF"
