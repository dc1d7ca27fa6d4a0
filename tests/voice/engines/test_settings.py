import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.voice.engines.settings import load

GOOD = 'protocol = "openai"\nurl = "http://127.0.0.1:8880"\nvoice = "marie"\n'


def test_a_file_is_read(tmp_path):
    path = tmp_path / "engine.toml"
    path.write_text(GOOD)
    settings = load(path)
    assert (settings.voice, settings.key, settings.same_person) == ("marie", "", False)


def test_a_key_is_in_its_variable_or_that_is_said(tmp_path, monkeypatch):
    path = tmp_path / "engine.toml"
    path.write_text(GOOD + 'key_env = "SPEECH_KEY"\n')
    for held, words in ((None, "not set"), (" ", "not set"), ("clé", "no key"), ("a\nb", "no key")):
        monkeypatch.delenv("SPEECH_KEY", raising=False)
        if held is not None:
            monkeypatch.setenv("SPEECH_KEY", held)
        with pytest.raises(AvatarError, match=f"SPEECH_KEY is {words}"):
            _ = load(path).key
    monkeypatch.setenv("SPEECH_KEY", "sk-1\n")
    assert load(path).key == "sk-1"


def test_a_reference_lies_beside_its_file(tmp_path):
    path = tmp_path / "engine.toml"
    path.write_text('protocol="cosyvoice"\nurl="http://h"\nreference="m.wav"\nreference_text="Hi."\n')
    with pytest.raises(AvatarError, match=r"no file .*m\.wav"):
        load(path)
    (tmp_path / "m.wav").write_bytes(b"RIFF")
    assert load(path).reference == str(tmp_path / "m.wav")


def test_a_recording_and_weights_lie_beside_their_file_and_must_be_the_presenters(tmp_path):
    path = tmp_path / "engine.toml"
    mine = 'protocol="pocket-tts"\nvoice="m.wav"\nweights="pocket"\n'
    path.write_text(mine + "same_person=true\n")
    with pytest.raises(AvatarError, match=r"no file .*m\.wav"):
        load(path)
    (tmp_path / "m.wav").write_bytes(b"RIFF")
    settings = load(path)
    assert (settings.voice, settings.weights) == (str(tmp_path / "m.wav"), str(tmp_path / "pocket"))
    path.write_text(mine)
    with pytest.raises(AvatarError, match="consent covers the presenter alone"):
        load(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("protocol = ", "no TOML"),
        (GOOD.replace("openai", "telepathy"), "telepathy|protocol"),
        (GOOD + 'vioce = "x"\n', "vioce"),
        (GOOD.replace('voice = "marie"\n', ""), "openai needs voice"),
        (GOOD.replace("http:", "ftp:"), "begin with http"),
        (GOOD.replace("127.0.0.1", "me:hunter2@127.0.0.1"), "no password"),
        (GOOD.replace('url = "http://127.0.0.1:8880"\n', ""), "begin with http"),
        ('protocol="pocket-tts"\nsame_person=true\n', "pocket-tts needs voice"),
        ('protocol="gpt-sovits"\nurl="http://h"\n', "needs reference"),
    ],
)
def test_what_is_wrong_is_said_without_secrets(tmp_path, text, words):
    path = tmp_path / "engine.toml"
    path.write_text(text)
    with pytest.raises(AvatarError, match=words) as error:
        load(path)
    assert "hunter2" not in str(error.value) and "engine.toml" in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AvatarError, match=r"no file .*none\.toml"):
        load(tmp_path / "none.toml")
