import av
import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE
from avatar_engine.errors import AvatarError
from avatar_engine.media.listen import EDGE, Address, NotThereError, listening, softened
from avatar_engine.media.write import WaveWriter
from tests.media.clips import Clip, click_times, make


def heard(path):
    with listening(Address.parse(str(path))) as hearing:
        return np.concatenate([*hearing.pieces(), np.zeros(0, np.float32)]), hearing


@pytest.mark.parametrize(
    ("name", "clip"),
    [
        ("stereo.wav", Clip(picture=False, audio_codec="pcm_s16le", sample_rate=44_100, layout="stereo")),
        ("low.wav", Clip(picture=False, audio_codec="pcm_s16le", sample_rate=8_000)),
        ("video.mp4", Clip()),
        ("sound.flac", Clip(picture=False, audio_codec="flac")),
    ],
)
def test_any_file_comes_as_mono_at_the_shows_rate_with_its_bursts_in_place(tmp_path, name, clip):
    samples, hearing = heard(make(tmp_path / name, clip))
    assert not hearing.live and hearing.seconds == pytest.approx(3.0, abs=0.1)
    assert len(samples) / SAMPLE_RATE == pytest.approx(3.0, abs=0.05)
    for at in click_times(3.0):
        around = np.abs(samples[round((at - 0.2) * SAMPLE_RATE) : round((at + 0.3) * SAMPLE_RATE)])
        first = np.flatnonzero(around > 0.1)[0] / SAMPLE_RATE
        assert first == pytest.approx(0.2, abs=0.005)


def test_a_file_is_decoded_piece_by_piece(tmp_path):
    path = make(tmp_path / "long.wav", Clip(seconds=60, picture=False, audio_codec="pcm_s16le"))
    with listening(Address.parse(str(path))) as hearing:
        sizes = [len(piece) for piece in hearing.pieces()]
    assert sum(sizes) == pytest.approx(60 * SAMPLE_RATE, abs=100)
    assert max(sizes) <= SAMPLE_RATE


def test_damaged_packets_in_the_middle_are_left_out(tmp_path, caplog):
    path = make(tmp_path / "a.mp3", Clip(seconds=6, picture=False, audio_codec="mp3"))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(np.random.default_rng(0).integers(0, 256, 3000, np.uint8))
    path.write_bytes(data)
    samples, _ = heard(path)
    assert len(samples) > 4 * SAMPLE_RATE
    late = samples[round(4.8 * SAMPLE_RATE) : round(5.6 * SAMPLE_RATE)]
    assert np.abs(late).max() > 0.1


def test_what_is_no_sound_is_refused_with_its_name(tmp_path):
    (tmp_path / "text.wav").write_text("no sound at all")
    silent = make(tmp_path / "silent.mp4", Clip(sound=False))
    for path, words in ((tmp_path / "text.wav", "text.wav"), (silent, "has no sound")):
        with pytest.raises(AvatarError, match=words):
            heard(path)
    with pytest.raises(AvatarError, match=r"no file .*missing\.wav"):
        Address.parse(str(tmp_path / "missing.wav"))
    with pytest.raises(AvatarError, match="'nodevice'"):
        Address.parse("nodevice:default")
    with pytest.raises(AvatarError, match="does not know gopherish"):
        heard("gopherish://host/x")


def test_an_empty_recording_gives_nothing(tmp_path):
    path = tmp_path / "empty.wav"
    with WaveWriter(path):
        pass
    samples, _ = heard(path)
    assert len(samples) == 0


def test_an_address_that_does_not_answer_may_do_so_later_and_shows_no_key():
    with pytest.raises(NotThereError) as error:
        heard("http://me:secret@127.0.0.1:9/live/KEY?token=abc")
    assert "http://127.0.0.1:9/live/****" in str(error.value)
    assert not any(word in str(error.value) for word in ("secret", "KEY", "abc"))


def test_a_device_that_cannot_be_opened_is_named():
    kind = next(k for k in ("alsa", "avfoundation", "dshow") if k in av.formats_available)
    with pytest.raises(AvatarError, match=f"{kind}:there is none such"):
        heard(f"{kind}:there is none such")


def test_a_sound_rises_from_silence_and_falls_back_and_is_else_the_same():
    sound = np.random.default_rng(1).uniform(0.1, 0.5, 5_000).astype(np.float32)
    for size in (7, 100, EDGE, 1000, 5000):
        soft = np.concatenate(list(softened(sound[at : at + size] for at in range(0, 5_000, size))))
        np.testing.assert_array_equal(soft[EDGE:-EDGE], sound[EDGE:-EDGE])
        assert soft[0] == soft[-1] == 0 and len(soft) == len(sound)
