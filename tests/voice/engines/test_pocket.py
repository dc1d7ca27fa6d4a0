"""The real package with a tiny model of random weights; what needs no package is tested without it."""

import pickle
import socket
import threading
import time
from importlib import util

import numpy as np
import pytest
import yaml

from avatar_engine.contracts import SAMPLE_RATE, Controls, Utterance, join
from avatar_engine.errors import AvatarError
from avatar_engine.media.write import WaveWriter
from avatar_engine.voice.engines import pocket
from avatar_engine.voice.engines.pocket import PocketVoice
from avatar_engine.voice.engines.server import REST, EngineError, SteppedInVoice, load_server
from avatar_engine.voice.engines.settings import EngineSettings

installed = pytest.mark.skipif(not util.find_spec("pocket_tts"), reason="pocket-tts is not installed")
ADDRESS = "hub://someone/tiny/languages/english/{}@" + "0" * 40
LETTERS = " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,!?'-"


def attention(width):
    return {
        "d_model": width, "num_heads": 2, "num_layers": 1, "layer_scale": 0.01, "context": 50,
        "dim_feedforward": 32, "input_dimension": width, "output_dimensions": [width],
    }  # fmt: skip


def description():
    """A model in the package's own words, as small as it goes."""
    convolutions = {
        "dimension": 16, "channels": 1, "n_filters": 2, "n_residual_layers": 1, "ratios": [6, 5, 4],
        "kernel_size": 7, "residual_kernel_size": 3, "last_kernel_size": 3, "dilation_base": 2,
        "pad_mode": "constant", "compress": 2,
    }  # fmt: skip
    return {
        "flow_lm": {
            "dtype": "float32", "insert_bos_before_voice": True,
            "flow": {"dim": 16, "depth": 1},
            "transformer": {"hidden_scale": 2, "max_period": 10000, "d_model": 16, "num_heads": 2,
                            "num_layers": 1},
            "lookup_table": {"dim": 16, "n_bins": len(LETTERS) + 1, "tokenizer": "tokenizers",
                             "tokenizer_path": ADDRESS.format("tokenizer.json")},
        },
        "mimi": {
            "dtype": "float32", "sample_rate": SAMPLE_RATE, "channels": 1, "frame_rate": 12.5,
            "inner_dim": 8, "outer_dim": 16, "seanet": convolutions, "transformer": attention(16),
            "quantizer": {"dimension": 8, "output_dimension": 16},
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder as a user has it: description, tokenizer and weights."""
    import safetensors.torch
    import torch
    from pocket_tts import TTSModel
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("pocket")
    vocabulary = {letter: number for number, letter in enumerate((*LETTERS, "?unknown"))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="?unknown"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(folder / "tokenizer.json"))
    described = description()
    described["flow_lm"]["lookup_table"]["tokenizer_path"] = str(folder / "tokenizer.json")
    (folder / "config.yaml").write_text(yaml.safe_dump(described))
    torch.manual_seed(1)
    model = TTSModel.load_model(config=folder / "config.yaml")
    torch.nn.init.normal_(model.flow_lm.speaker_proj_weight)
    safetensors.torch.save_file(model.state_dict(), folder / "model.safetensors")
    described = description() | {
        "weights_path": ADDRESS.format("model.safetensors"),
        "weights_path_without_voice_cloning": ADDRESS.format("nobody.safetensors"),
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(described))
    return folder


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "marie.wav"
    writer = WaveWriter(path)
    writer.write(np.random.default_rng(0).normal(0, 0.1, 3 * SAMPLE_RATE).astype(np.float32))
    writer.close()
    return path


@pytest.fixture
def asked(recording, monkeypatch):
    """Makes settings; no test may reach for a network."""

    def refused(*_):
        raise AssertionError("pocket-tts reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setenv("HF_HUB_OFFLINE", "")

    def make(**more):
        given = {"protocol": "pocket-tts", "voice": str(recording), "same_person": True} | more
        return EngineSettings(**given)

    return make


@installed
def test_a_voice_speaks_piece_by_piece_and_the_same_words_the_same_way(asked, weights):
    settings = asked(weights=str(weights))
    first, second = (list(PocketVoice(settings).speak(Utterance("Good day.", "en-gb"))) for _ in range(2))
    assert len(first) > 2 and {piece.samples.dtype for piece in first} == {np.dtype(np.float32)}
    said = join(first)
    np.testing.assert_array_equal(said.samples, join(second).samples)
    assert said.phones == () and not said.samples[-REST:].any()
    assert len(said.samples) - REST == pytest.approx(0.96 * SAMPLE_RATE, rel=0.5)
    assert said.samples[:-REST].std() > 1e-3 and np.isfinite(said.samples).all()
    other = join(PocketVoice(settings).speak(Utterance("Bad day.", controls=Controls(speed=2.0))))
    assert other.samples.shape != said.samples.shape or (other.samples != said.samples).any()


@installed
def test_numbers_are_said_in_words_and_nothing_says_nothing(asked, weights, monkeypatch):
    voice = PocketVoice(asked(weights=str(weights)))
    heard = []
    real = voice._model.generate_audio_stream
    monkeypatch.setattr(
        voice._model, "generate_audio_stream", lambda state, words, **k: heard.append(words) or real(state, words, **k)
    )  # fmt: skip
    list(voice.speak(Utterance("It costs $5 🎉")))
    assert list(voice.speak(Utterance("🎉"))) == []
    assert heard == ["It costs five dollars"]


@installed
def test_what_nobody_hears_any_more_is_not_made(asked, weights):
    voice = PocketVoice(asked(weights=str(weights)))
    before = threading.active_count()
    speech = voice.speak(Utterance("A long sentence, which goes on and on, for ever and a day. " * 8))
    next(speech)
    speech.close()
    deadline = time.monotonic() + 60
    while threading.active_count() > before:
        assert time.monotonic() < deadline, "its threads go on"
        time.sleep(0.02)


@installed
def test_another_language_is_not_tried(asked, weights):
    voice = PocketVoice(asked(weights=str(weights)))
    with pytest.raises(EngineError, match="does not speak 'fr'"):
        next(voice.speak(Utterance("Bonjour à tous.", "fr")))


@installed
def test_a_failure_of_the_model_is_told_as_an_engines(asked, weights, monkeypatch):
    voice = PocketVoice(asked(weights=str(weights)))

    def fails(*_, **__):
        raise RuntimeError("out of memory")
        yield

    monkeypatch.setattr(voice._model, "generate_audio_stream", fails)
    with pytest.raises(EngineError, match="out of memory"):
        list(voice.speak(Utterance("Hello.")))


@installed
def test_weights_that_are_no_safetensors_are_refused(asked, weights, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    for name in ("config.yaml", "tokenizer.json"):
        (folder / name).write_bytes((weights / name).read_bytes())
    (folder / "model.safetensors").write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    with pytest.raises(AvatarError, match="can't be loaded"):
        PocketVoice(asked(weights=str(folder)))


@installed
@pytest.mark.parametrize("folder", ["", "empty"])
def test_weights_that_are_not_here_are_named_with_the_command_that_fetches_them(
    asked, tmp_path, monkeypatch, folder
):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    given = {"weights": str(tmp_path / folder)} if folder else {}
    with pytest.raises(AvatarError, match="is not here") as error:
        PocketVoice(asked(model="french", **given))
    assert "pocket-tts export-voice" in error.value.advice and "--language french" in error.value.advice


@installed
def test_a_recording_of_a_moment_is_refused(asked, weights, tmp_path):
    path = tmp_path / "moment.wav"
    writer = WaveWriter(path)
    writer.write(np.zeros(SAMPLE_RATE, np.float32))
    writer.close()
    with pytest.raises(AvatarError, match=r"1\.0 s long"):
        PocketVoice(asked(weights=str(weights), voice=str(path)))


@installed
def test_the_clones_own_voice_may_step_in(asked, weights):
    assert isinstance(load_server(asked(weights=str(weights)), lambda: None), SteppedInVoice)


def test_what_was_fetched_before_is_found_and_nothing_is_fetched(asked, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert pocket._cached(ADDRESS.format("model.safetensors")) is None
    assert pocket._cached("model.safetensors") is None
    file = (
        tmp_path / "models--someone--tiny" / "snapshots" / ("0" * 40) / "languages/english/model.safetensors"
    )
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    assert pocket._cached(ADDRESS.format("model.safetensors")) == file


def test_a_package_that_is_missing_is_named(asked, monkeypatch):
    monkeypatch.setattr(pocket.util, "find_spec", lambda name: None)
    with pytest.raises(AvatarError, match="not installed") as error:
        PocketVoice(asked())
    assert "avatar-engine[pocket]" in error.value.advice


@pytest.mark.parametrize("model", ["dutch", "tts-1", "english_nonsense"])
def test_a_model_that_is_unknown_is_refused(asked, model):
    with pytest.raises(AvatarError, match=r"no model|not installed"):
        PocketVoice(asked(model=model))
