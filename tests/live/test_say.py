import subprocess
import sys

import av
import numpy as np
import pytest

from avatar_engine.contracts import SAMPLES_PER_FRAME
from avatar_engine.errors import AvatarError
from avatar_engine.live import say
from avatar_engine.live.programme import TAIL
from avatar_engine.live.say import render
from avatar_engine.media.read import frame_count, frames, sound
from tests.live import voices
from tests.live.voices import tone

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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"text": " \n\n "}, "nothing to say"),
        ({"speed": 3.0}, "3.0"),
        ({"output": "out.avi"}, "out.avi"),
        ({"language": "fr"}, "did not agree to the language 'fr'"),
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


def test_a_voice_that_fails_leaves_no_half_file(avatar, tmp_path, monkeypatch):
    monkeypatch.setattr(say, "load_voice", voices.mute_voice)
    with pytest.raises(AvatarError, match="could not say 1 of 1"):
        render(avatar(), "abc", tmp_path / "out.mp4", size=SIZE)
    assert not list(tmp_path.glob("*out*"))


def test_the_voice_need_not_wait_for_heavy_imports() -> None:
    heavy = "{'scipy', 'torch', 'mediapipe', 'onnx'}"
    program = (
        f"import sys, avatar_engine.live.say, avatar_engine.live.show; print(*{heavy} & sys.modules.keys())"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.split() == []
