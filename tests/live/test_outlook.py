"""What is known of the sound to come, and where its stresses are."""

from __future__ import annotations

import numpy as np

from avatar_engine.contracts import FORESIGHT, SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray, Outlook, Phone
from avatar_engine.live.outlook import Ahead, Prosody
from avatar_engine.live.programme import Piece, Programme, Silence, SoundTrack, Spoken
from avatar_engine.live.retold import Retold
from avatar_engine.live.say import Waiting
from tests.live.fakes import ListedSource, performer

SYLLABLE = SAMPLE_RATE // 5


def sentence(loud: tuple[int, ...], count: int = 20) -> tuple[FloatArray, tuple[Phone, ...]]:
    """Syllables of 200 ms, of which some are louder and have a longer vowel."""
    samples = np.zeros(count * SYLLABLE, np.float32)
    phones = []
    random = np.random.default_rng(2)
    for index in range(count):
        begin = index * SYLLABLE + SYLLABLE // 5
        length = SYLLABLE * 3 // 4 if index in loud else SYLLABLE // 2 + random.integers(0, 300)
        tone = np.sin(2 * np.pi * 150 * np.arange(length) / SAMPLE_RATE) * np.hanning(length)
        samples[begin : begin + length] += (0.3 if index in loud else 0.1) * tone.astype(np.float32)
        phones += [
            Phone("t", index * SYLLABLE / SAMPLE_RATE, begin / SAMPLE_RATE),
            Phone("ɑ", begin / SAMPLE_RATE, (begin + length) / SAMPLE_RATE),
        ]
    return samples, tuple(phones)


def test_stresses_are_the_loud_and_long_vowels_where_they_begin() -> None:
    samples, phones = sentence((3, 9, 15))
    wanted = [index * SYLLABLE + SYLLABLE // 5 for index in (3, 9, 15)]
    assert Prosody().stresses(samples, phones) == tuple(wanted)


def test_without_phones_they_are_found_in_the_sound() -> None:
    samples, _ = sentence((3, 9, 15))
    found = Prosody().stresses(samples, ())
    assert len(found) == 3
    for begin, index in zip(found, (3, 9, 15), strict=True):
        assert 0 <= begin - index * SYLLABLE < SYLLABLE


def test_of_two_close_ones_the_stronger_counts_and_silence_has_none() -> None:
    samples, phones = sentence((3, 4, 15))
    assert len(Prosody().stresses(samples, phones)) == 2
    assert Prosody().stresses(np.zeros(SAMPLE_RATE, np.float32), ()) == ()


def test_pieces_are_compared_with_what_was_heard_before() -> None:
    prosody = Prosody()
    prosody.stresses(*sentence((3, 9, 15)))
    quiet, phones = sentence(())
    assert prosody.stresses(quiet, phones) == ()


def test_speech_pauses_and_stresses_are_told_frame_by_frame_and_no_further_than_known() -> None:
    samples, phones = sentence((3, 9))
    said, pause = Spoken(samples, phones=phones, last=True), Silence(10 * SAMPLES_PER_FRAME)
    ahead = Ahead()
    known = ahead.outlook([said, pause], 0)
    assert known.speech == b"\1" * FORESIGHT
    later = ahead.outlook([said, pause], 50 * SAMPLES_PER_FRAME)
    assert later.speech == b"\1" * 50 + b"\0" * 10
    begins = [(index * SYLLABLE + SYLLABLE // 5) // SAMPLES_PER_FRAME for index in (3, 9)]
    assert known.stresses == tuple(begins)
    assert ahead.outlook([said, pause], 20 * SAMPLES_PER_FRAME).stresses == (begins[1] - 20,)
    assert ahead.outlook([], 0) == Outlook()


class Shown(ListedSource):
    """Shows what it will give."""

    def coming(self) -> list[Piece]:
        return [piece for piece in self._pieces if piece is not None]


def test_the_body_is_told_which_picture_belongs_to_what_is_known() -> None:
    samples, phones = sentence((3, 9))
    actor, _, body = performer()
    list(
        Programme(
            SoundTrack(Shown([Silence(7 * SAMPLES_PER_FRAME), Spoken(samples, last=True, phones=phones)])),
            actor,
        )
    )
    stress = 7 + (3 * SYLLABLE + SYLLABLE // 5) // SAMPLES_PER_FRAME
    told = {at + frame for at, outlook in body.outlooks for frame in outlook.stresses if at <= 7}
    assert stress in told
    for at, outlook in body.outlooks[:7]:
        assert outlook.speech == (b"\0" * (7 - at) + b"\1" * FORESIGHT)[:FORESIGHT]


def test_a_sentence_that_is_said_again_is_foreseen_again() -> None:
    samples, phones = sentence((3, 9))
    track = Retold(Shown([Spoken(samples, last=True, phones=phones, sentence=1)]), "repeat")
    for _ in range(20):
        track.next()
    before = track.outlook
    track.cut(5)
    track.next()
    assert track.outlook.speech[:11] == b"\0" * 11 and track.outlook.speech[12:] == b"\1" * (FORESIGHT - 12)
    assert len(track.outlook.stresses) == 2 > len(before.stresses)


def test_an_action_is_called_for_as_its_piece_begins_or_when_somebody_asks() -> None:
    samples, _ = sentence(())
    track = SoundTrack(
        ListedSource([Silence(5 * SAMPLES_PER_FRAME), Spoken(samples, last=True, action="wave")])
    )
    called = []
    for frame in range(60):
        track.next()
        called.append(track.outlook.action)
        if frame == 44:
            track.act("point")
    assert called[:5] == [""] * 5 and called[5:30] == ["wave"] * 25 and called[30:45] == [""] * 15
    assert called[45:] == ["point"] * 15


def test_an_action_is_foreseen_with_the_frame_in_which_its_words_begin() -> None:
    samples, _ = sentence(())
    pieces = [Silence(5 * SAMPLES_PER_FRAME + 10), Spoken(samples, last=True, action="wave")]
    ahead = Ahead()
    assert ahead.outlook(pieces, 0).calls == ((5, "wave"),)
    assert ahead.outlook(pieces, 3 * SAMPLES_PER_FRAME).calls == ((2, "wave"),)
    assert ahead.outlook(pieces[1:], 0).calls == (), "what begins now is called for"
    assert ahead.outlook([Silence(FORESIGHT * SAMPLES_PER_FRAME), pieces[1]], 0).calls == ()


class Late(Shown):
    """Has nothing ready at first, and then all at once."""

    def __init__(self, pieces: list[Piece]) -> None:
        super().__init__([])
        self.waits, self._later = 0, pieces

    @property
    def ended(self) -> bool:
        return not self._pieces and not self._later

    def wait(self) -> None:
        self.waits += 1
        if self.waits == 3:
            self._pieces, self._later = list(self._later), []


def test_a_film_knows_one_piece_ahead_whatever_the_voice_has_ready() -> None:
    pieces: list[Piece] = [Silence(960), Silence(1920), Silence(2880)]
    slow, quick = Late(pieces), Shown(pieces)
    assert list(Waiting(slow).coming()) == list(Waiting(quick).coming()) == [Silence(960)]  # type: ignore[arg-type]
    assert slow.waits == 3
    assert Waiting(Late([])).coming() == []  # type: ignore[arg-type]
