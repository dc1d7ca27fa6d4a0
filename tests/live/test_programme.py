from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, Card, Phone, Scene
from avatar_engine.live.performer import Performer
from avatar_engine.live.programme import EDGE, OPENING, TAIL, Programme, Silence, SoundTrack, Spoken
from tests.live.fakes import NEUTRAL, BareStage, CountingBody, Ink, LaggingMotion, ListedSource, performer


def noise(count, seed=1):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, count).astype(np.float32)


def play(pieces, lag=3, limit=10_000):
    source = ListedSource(pieces)
    actor, ink, body = performer(lag)
    frames = list(islice(iter(Programme(SoundTrack(source), actor)), limit))
    sound = np.concatenate([frame.sound for frame in frames])
    return frames, sound, ink, body


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_speech_lies_exactly_where_it_belongs_whatever_the_motion_lags(lag):
    one, two = noise(2500), noise(5001, 2)
    frames, sound, _, _ = play(
        [Silence(1234), Spoken(one), Spoken(two, last=True), Silence(48_000), Spoken(one, last=True)], lag
    )
    np.testing.assert_array_equal(sound[1234 : 1234 + 7501], np.concatenate([one, two]))
    second = 1234 + 7501 + 48_000
    np.testing.assert_array_equal(sound[second : second + 2500], one)
    rest = np.ones(len(sound), bool)
    rest[1234 : 1234 + 7501] = rest[second : second + 2500] = False
    assert not sound[rest].any()
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert all(frame.sound.shape == (SAMPLES_PER_FRAME,) for frame in frames)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3000)), min_size=1, max_size=12))
def test_no_sample_is_lost_doubled_or_moved(plan):
    pieces = [
        Spoken(noise(count, seed), last=True) if speaks else Silence(count)
        for seed, (speaks, count) in enumerate(plan)
    ]
    wanted = np.concatenate(
        [p.samples if isinstance(p, Spoken) else np.zeros(p.samples, np.float32) for p in pieces]
    )
    _, sound, _, _ = play(pieces)
    np.testing.assert_array_equal(sound[: len(wanted)], wanted)
    assert not sound[len(wanted) :].any()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3000)), min_size=1, max_size=12))
def test_phones_come_with_their_own_samples_to_the_sample(plan):
    """A phone on the middle half of every piece."""
    pieces, wanted = [], []
    for seed, (speaks, count) in enumerate(plan):
        said = np.zeros(count, bool)
        if speaks:
            said[count // 4 : count - count // 4] = True
            phone = Phone("m", count // 4 / SAMPLE_RATE, (count - count // 4) / SAMPLE_RATE)
            pieces.append(Spoken(noise(count, seed), last=True, phones=(phone,)))
        else:
            pieces.append(Silence(count))
        wanted.append(said)
    lips = LaggingMotion()
    actor = Performer(lips, Ink(), CountingBody(), BareStage(), NEUTRAL)
    list(Programme(SoundTrack(ListedSource(pieces)), actor))
    heard = np.zeros((len(lips.phones), SAMPLES_PER_FRAME), bool)
    for row, phones in zip(heard, lips.phones, strict=True):
        for phone in phones:
            assert 0 <= phone.start <= phone.end <= 0.04 + 1e-9
            row[round(phone.start * SAMPLE_RATE) : round(phone.end * SAMPLE_RATE)] = True
    expected = np.concatenate(wanted)
    np.testing.assert_array_equal(heard.reshape(-1)[: len(expected)], expected)
    assert not heard.reshape(-1)[len(expected) :].any()


def test_every_frame_takes_the_next_body_picture_and_its_own_mouth():
    samples = np.repeat(np.linspace(0.1, 0.9, 9, dtype=np.float32), SAMPLES_PER_FRAME)
    frames, _, ink, body = play([Silence(10 * SAMPLES_PER_FRAME), Spoken(samples, last=True)])
    assert body.asked == list(range(len(frames)))
    assert [int(frame.picture[0, 0]) for frame in frames] == list(range(len(frames)))
    openings = [row[0] for row in ink.rows[10:19]]
    np.testing.assert_allclose(openings, np.linspace(0.1, 0.9, 9), rtol=1e-6)
    assert [frame.speaking for frame in frames] == [10 <= frame.index < 19 for frame in frames]


def test_the_mouth_rests_closed_while_nothing_is_said():
    samples = noise(5 * SAMPLES_PER_FRAME)
    frames, _, ink, _ = play(
        [Silence(20 * SAMPLES_PER_FRAME), Spoken(samples, last=True), Silence(30 * SAMPLES_PER_FRAME)]
    )
    for index in [*range(20 - OPENING), *range(25 + 6, len(frames))]:
        np.testing.assert_array_equal(ink.rows[index], NEUTRAL)
    assert all(row[0] > 0.4 for row in ink.rows[20:25])


def test_idle_goes_on_while_the_source_has_nothing_ready():
    class Never:
        generation, ended = 0, False

        def poll(self):
            return None

    actor, ink, body = performer()
    frames = list(islice(iter(Programme(SoundTrack(Never()), actor)), 200))
    assert not any(frame.speaking or frame.sound.any() for frame in frames)
    assert body.asked == list(range(200))
    assert all((row == NEUTRAL).all() for row in ink.rows)


def test_ends_with_a_rest_and_only_after_the_last_sample():
    frames, sound, _, _ = play([Spoken(noise(3000), last=True)])
    spoken = [frame.index for frame in frames if frame.speaking]
    assert spoken == [0, 1, 2, 3]
    assert len(frames) == 4 + TAIL
    assert len(sound) == len(frames) * SAMPLES_PER_FRAME


@pytest.mark.parametrize("before", [100, EDGE - 1, EDGE, 500, SAMPLES_PER_FRAME, SAMPLES_PER_FRAME + 7, 5000])
def test_speech_that_runs_dry_fades_out_and_comes_back_softly(before):
    one, two = np.full(before, 0.5, np.float32), np.full(4000, 0.5, np.float32)
    _, sound, _, _ = play([Spoken(one), None, None, None, Spoken(two, last=True)])
    steps = np.abs(np.diff(sound[1:-1]))
    softest = 0.5 / (min(EDGE, before) - 1)
    # the end of the last utterance is the voice's own business, its edge is hard in this test
    assert np.sort(steps)[-2] <= softest * 1.01
    assert sound[: max(0, before - EDGE)] == pytest.approx(0.5)
    assert (sound == 0.5).sum() > 3000


def test_a_new_generation_cuts_what_is_said_within_the_edge_and_drops_the_rest():
    class Interrupted(ListedSource):
        polls = 0

        def poll(self):
            self.polls += 1
            return super().poll()

    stale = Spoken(np.full(48_000, 0.5, np.float32), generation=0)
    fresh = Spoken(np.full(2000, 0.25, np.float32), generation=1, last=True)
    source = Interrupted([stale, Spoken(stale.samples, 0, last=True), Silence(48_000, 0), fresh])
    actor, _, _ = performer(lag=0)
    frames = []
    for frame in Programme(SoundTrack(source), actor):
        frames.append(frame.sound)
        if frame.index == 9:
            source.generation = 1
    sound = np.concatenate(frames)
    cut = 10 * SAMPLES_PER_FRAME
    assert (sound[:cut] == 0.5).all()
    np.testing.assert_allclose(sound[cut : cut + EDGE], np.linspace(0.5, 0, EDGE), atol=1e-6)
    np.testing.assert_array_equal(sound[cut + EDGE : cut + EDGE + 2000], fresh.samples)
    assert not sound[cut + EDGE + 2000 :].any()


def test_in_a_hurry_every_second_picture_is_shown_again_and_the_sound_goes_on():
    actor, _, body = performer(0)
    programme = Programme(
        SoundTrack(ListedSource([Spoken(noise(20 * 960), last=True)])), actor, 7, lambda: True
    )
    frames = list(programme)
    assert [frame.index for frame in frames] == list(range(7, 7 + len(frames)))
    assert body.asked == [frame.index for frame in frames[::2]]
    assert programme.held == len(frames) // 2
    np.testing.assert_array_equal(
        np.concatenate([frame.sound for frame in frames])[: 20 * 960], noise(20 * 960)
    )
    assert all(a.picture is b.picture for a, b in zip(frames[::2], frames[1::2], strict=False))


def test_a_card_comes_on_the_frame_on_which_its_product_is_first_heard_and_silence_keeps_it():
    cards = {name: Card(name, name, "1") for name in "ab"}
    pieces = [
        Spoken(noise(4 * SAMPLES_PER_FRAME), last=True),
        Silence(2 * SAMPLES_PER_FRAME),
        Spoken(noise(3 * SAMPLES_PER_FRAME), last=True, product="a"),
        Silence(3 * SAMPLES_PER_FRAME),
        Spoken(noise(2 * SAMPLES_PER_FRAME), last=True, product="b"),
        Spoken(noise(2 * SAMPLES_PER_FRAME), last=True),
    ]
    stage = BareStage()
    actor = Performer(LaggingMotion(), Ink(), CountingBody(), stage, NEUTRAL)
    frames = list(Programme(SoundTrack(ListedSource(pieces), lambda heard: Scene(cards.get(heard))), actor))
    told = "".join(scene.card.product if scene.card else "-" for scene in stage.shown)
    assert told[:16] == "------aaaaaabb--" and len(told) == len(frames)
    assert stage.expected[6].card == cards["a"], "before the picture is made, as long as the motion lags"


def test_a_stale_piece_changes_no_card():
    class Later(ListedSource):
        def poll(self):
            piece = super().poll()
            self.generation = 1
            return piece

    track = SoundTrack(
        Later([Spoken(noise(960), last=True, product="a"), Silence(960, 1)]),
        lambda heard: Scene(Card(heard, heard, "1") if heard else None),
    )
    track.next()
    assert track.scene.card is None


def test_a_look_is_wanted_from_the_pause_before_what_is_said_in_it():
    pieces = [
        Spoken(noise(4 * SAMPLES_PER_FRAME), last=True, look="a"),
        Silence(3 * SAMPLES_PER_FRAME),
        Spoken(noise(2 * SAMPLES_PER_FRAME), last=True),
        Silence(2 * SAMPLES_PER_FRAME),
        Spoken(noise(2 * SAMPLES_PER_FRAME), last=True, look="b"),
    ]

    class Seen(ListedSource):
        def coming(self):
            return self._pieces

    track = SoundTrack(Seen(pieces))
    looks, ahead = [], []
    for _ in range(14):
        track.next()
        looks.append(track.scene.look)
        ahead.append(track.outlook.looks)
    assert "".join(looks) == "aaaaaaaaa" + "bbbbb"
    assert ahead[0] == ("a", "b") and ahead[5] == ("b",)
    blind = SoundTrack(ListedSource(pieces))  # who does not know what comes changes when it is there
    assert "".join([blind.next() and blind.scene.look for _ in range(14)]) == "aaaaaaaaaaa" + "bbb"


def test_another_look_may_be_put_on_only_while_the_mouth_rests():
    stills = []

    class Actor(Performer):
        def perform(self, index, coefficients, scene=None, still=False):
            stills.append((still, bool(np.abs(coefficients - NEUTRAL).max() < 1e-6)))
            return super().perform(index, coefficients, scene, still)

    actor = Actor(LaggingMotion(), Ink(), CountingBody(), BareStage(), NEUTRAL)
    pieces = [
        Spoken(noise(10 * 960), last=True),
        Silence(12 * 960),
        Spoken(noise(10 * 960), last=True),
        Silence(4 * 960),
        Spoken(noise(5 * 960), last=True),
    ]
    list(Programme(SoundTrack(ListedSource(pieces)), actor))
    told = "".join("-" if still else "x" for still, _ in stills)
    assert all(still == rest for still, rest in stills)
    assert (
        "-" in told[12:22] and "-" not in told[22:41] and told.endswith("-" * 8)
    )  # no rest in a short silence
