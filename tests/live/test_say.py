import json
import subprocess
import sys

import av
import numpy as np
import pytest

from avatar_engine.broadcast.marking import MARK_UUID
from avatar_engine.bundle import Bundle
from avatar_engine.contracts import SAMPLES_PER_FRAME, Controls, Utterance, join
from avatar_engine.errors import AvatarError
from avatar_engine.live import performer as performers
from avatar_engine.live import voice_process
from avatar_engine.live.programme import TAIL
from avatar_engine.live.say import render
from avatar_engine.media.read import frame_count, frames, sound
from avatar_engine.media.write import WaveWriter
from avatar_engine.trust import keys, manifest
from avatar_engine.trust.consent import from_record
from avatar_engine.trust.marks.code import consent_number
from avatar_engine.trust.marks.sound import SoundSearch
from avatar_engine.voice.engines import settings as engines
from tests.live import fakes, voices
from tests.live.voices import tone
from tests.media.clips import Clip, make
from tests.voice.engines.servers import Server

SIZE = (320, 180)


def test_a_text_comes_back_from_the_file_word_for_word(avatar, tmp_path):
    said = []
    made = render(
        avatar(), "abc\n\n  de \n f", tmp_path / "out.mp4", size=SIZE, progress=lambda *a: said.append(a[1])
    )
    wanted = np.concatenate([tone("abc"), np.zeros(round(0.4 * 24_000), np.float32), tone("de f")])
    spoken_frames = -(-len(wanted) // SAMPLES_PER_FRAME)
    assert frame_count(made.path) == spoken_frames + TAIL
    assert made.seconds == pytest.approx((spoken_frames + TAIL) / 25)
    heard = sound(made.path)[: len(wanted)]
    lag = int(np.argmax(np.correlate(heard[:12_000], wanted[480:11_520], "valid"))) - 480
    assert abs(lag) <= 24, "sound and pictures parted by more than a millisecond"
    assert np.corrcoef(heard, wanted)[0, 1] > 0.97
    assert said[-1] == 1.0 and said == sorted(said)
    assert str(made.path) in made.summary()


def test_the_file_says_that_it_is_ai_generated_in_metadata_and_picture(avatar, tmp_path):
    made = render(avatar(("fr", "en")), "ab", tmp_path / "out.mp4", size=SIZE, language="fr")
    with av.open(str(made.path)) as container:
        assert "Images virtuelles" in container.metadata["comment"]
    for picture in frames(made.path, format="yuv420p"):
        corner = picture[:40, 160:]
        assert (corner > 220).sum() > 60, "the words of the label"


def test_nobody_nods_who_is_not_to(avatar, tmp_path, monkeypatch):
    made = avatar()
    monkeypatch.setattr(performers, "load", fakes.load_stiff)
    assert render(made, "ab", tmp_path / "out.mp4", size=SIZE, nods=False).path.is_file()
    with pytest.raises(AvatarError, match="She may not nod"):
        render(made, "ab", tmp_path / "other.mp4", size=SIZE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"text": " \n\n "}, "nothing to say"),
        ({"controls": Controls(speed=3.0)}, "3.0"),
        ({"controls": Controls(emotion="angry")}, "angry"),
        ({"output": "out.avi"}, "out.avi"),
        ({"language": "fr"}, "did not agree to the language 'fr'"),
        ({"text": 'And <lang xml:lang="es">hola</lang>.'}, "did not agree to the language 'es'"),
        ({"size": (321, 180)}, "321x180"),
        ({"expression": "angry"}, "angry"),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_no_file(avatar, tmp_path, change, words):
    asked = {"text": "abc", "output": "out.mp4", "size": SIZE} | change
    path = tmp_path / asked.pop("output")
    with pytest.raises(AvatarError, match=words):
        render(avatar(), asked.pop("text"), path, **asked)
    assert not list(tmp_path.glob("*out*"))


def test_a_recording_is_said_instead_of_a_text_at_the_shows_loudness(avatar, tmp_path):
    wave, seen = tmp_path / "said.wav", []
    recorded = np.repeat(np.float32([0.02, 0.04, 0.03]), 12_000) * np.sign(tone("a")).repeat(15)[:36_000]
    with WaveWriter(wave) as writer:
        writer.write(recorded)
    made = render(
        avatar(), "", tmp_path / "out.mp4", audio=str(wave), size=SIZE, progress=lambda *a: seen.append(a[1])
    )
    frames_said = -(-len(recorded) // SAMPLES_PER_FRAME)
    assert frames_said <= frame_count(made.path) - TAIL <= frames_said + 1
    heard = sound(made.path)[: len(recorded)]
    assert np.sqrt(np.mean(heard**2)) == pytest.approx(10 ** (-23 / 20), rel=0.1)
    thirds = [np.abs(heard[at + 2000 : at + 10_000]).mean() for at in (0, 12_000, 24_000)]
    assert thirds[0] / thirds[1] == pytest.approx(0.5, abs=0.05)
    assert seen[-1] == 1.0 and seen == sorted(seen)


@pytest.mark.parametrize(
    ("text", "audio", "words"),
    [("abc", "said.wav", "a text, and the recording"), ("", "none.wav", r"no file none\.wav")],
)
def test_a_recording_that_is_no_good_leaves_no_file(avatar, tmp_path, text, audio, words):
    with pytest.raises(AvatarError, match=words):
        render(avatar(), text, tmp_path / "out.mp4", audio=audio, size=SIZE)
    assert not list(tmp_path.glob("*out*"))


def test_a_recording_of_which_half_is_damaged_makes_no_file(avatar, tmp_path):
    path = make(tmp_path / "a.mp3", Clip(seconds=8, picture=False, audio_codec="mp3"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = np.random.default_rng(0).bytes(len(data) // 2)
    path.write_bytes(data)
    with pytest.raises(AvatarError, match="is damaged"):
        render(avatar(), "", tmp_path / "out.mp4", audio=str(path), size=SIZE)
    assert not list(tmp_path.glob("*out*"))


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Makes the file of a speech server."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def write(server, same_person=False):
        path = tmp_path / "engine.toml"
        same = str(same_person).lower()
        path.write_text(f'protocol="xtts"\nurl="{server.url}"\nvoice="marie"\nsame_person={same}\n')
        return path

    return write


def test_a_speech_server_says_a_text_sentence_by_sentence(avatar, engine, tmp_path):
    with Server("xtts") as server:
        made = render(avatar(), "Welcome! Good day.", tmp_path / "out.mp4", engine=engine(server), size=SIZE)
        assert [asked.body["text"] for asked in server.asked] == ["Welcome!", "Good day."]
        assert all(asked.body["language"] == "en" for asked in server.asked)
    assert made.seconds == pytest.approx(0.05 * 17 + 2 * 0.25 + TAIL / 25, abs=0.1)
    assert np.abs(sound(made.path)[2400:7200]).max() > 0.05


def test_a_sentence_that_the_server_cannot_say_is_no_other_persons(avatar, engine, tmp_path):
    with Server("xtts", moods=[400, 400]) as server:
        with pytest.raises(AvatarError, match="1 of 2 could not be said"):
            render(avatar(), "Bad.\n\nGood.", tmp_path / "out.mp4", engine=engine(server), size=SIZE)
        assert server.asked[-1].body["text"] == "Good."


def test_the_clones_own_voice_says_it_where_it_is_the_same_persons(avatar, engine, tmp_path, monkeypatch):
    """The stand-in of the bundle's voice can't be reached from the other process: its own loader is asked here."""
    with Server("xtts", moods=[400]) as server:
        settings = engines.load(engine(server, same_person=True))
        monkeypatch.setattr(voice_process, "load_voice", voices.tone_voice)
        both = voice_process.load_engine(settings, None, "en")
        said = join(both.speak(Utterance("abc")))
    np.testing.assert_array_equal(said.samples[-7200:], tone("abc"))


def test_a_voice_that_fails_leaves_no_half_file(avatar, tmp_path, monkeypatch):
    monkeypatch.setattr(voice_process, "load_voice", voices.mute_voice)
    with pytest.raises(AvatarError, match="1 of 1 could not be said"):
        render(avatar(), "abc", tmp_path / "out.mp4", size=SIZE)
    assert not list(tmp_path.glob("*out*"))


def test_the_voice_need_not_wait_for_heavy_imports() -> None:
    heavy = "{'scipy', 'torch', 'mediapipe', 'onnx'}"
    program = (
        f"import sys, avatar_engine.live.say, avatar_engine.live.show; print(*{heavy} & sys.modules.keys())"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.split() == []


def test_the_file_says_in_stream_and_sound_whose_consent_it_is(avatar, tmp_path):
    heard = np.random.default_rng(0).normal(0, 0.1, 6 * 24_000).astype(np.float32)
    with WaveWriter(tmp_path / "in.wav") as file:
        file.write(heard)
    made = render(avatar(), "", tmp_path / "out.mp4", audio=str(tmp_path / "in.wav"), size=SIZE)
    consented = from_record(Bundle.open(tmp_path / "marie.avatar").consent)
    with av.open(str(made.path)) as container:
        first = next(container.decode(video=0))
    notes = [bytes(side) for side in first.side_data if side.type.name == "SEI_UNREGISTERED"]
    words, _, record = next(note[16:] for note in notes if note.startswith(MARK_UUID)).partition(b"\n")
    assert words.startswith(b"AI-generated")
    assert json.loads(record)["consent"]["signature"] == consented.signature
    signed = manifest.read(made.path)
    assert signed.whole and keys.key_id(signed.signer) in keys.known_keys()
    assert signed.record["consent"]["signature"] == consented.signature
    search = SoundSearch()
    search.push(sound(made.path))
    assert search.found().there and search.found().number == consent_number(consented.id)


@pytest.mark.parametrize(
    ("name", "background", "words"),
    [
        ("out.mp4", "transparent", r"MP4 has no alpha.*out\.webm.*out\.mov"),
        ("out.avi", "transparent", r"out\.webm.*out\.mov"),
        ("out.webm", "", r"does not end in \.mp4.*for --background transparent"),
        ("out.webm", "transparent", "no matte"),
    ],
)
def test_which_files_may_be_transparent(avatar, tmp_path, name, background, words):
    with pytest.raises(AvatarError, match=words) as refused:
        render(avatar(), "ab", tmp_path / name, size=SIZE, background=background)
    assert refused.value.advice
    assert not (tmp_path / name).exists()
