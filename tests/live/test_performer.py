import numpy as np

from avatar_engine.contracts import SAMPLES_PER_FRAME, ByteArray, FloatArray, Outlook, Phone
from avatar_engine.live.performer import Performer
from tests.live.fakes import NEUTRAL, BareStage, Ink, LaggingMotion, performer


def test_motion_state_goes_from_one_push_to_the_next():
    actor, _, _ = performer(lag=2)
    rows = [actor.hear(np.full(SAMPLES_PER_FRAME, level, np.float32)) for level in (0.1, 0.2, 0.3, 0.4)]
    assert [len(row) for row in rows] == [0, 0, 1, 1]
    np.testing.assert_allclose([rows[2][0, 0], rows[3][0, 0]], [0.1, 0.2], rtol=1e-6)


def test_the_phones_reach_the_lips():
    _, ink, body = performer()
    lips = LaggingMotion()
    actor = Performer(lips, ink, body, BareStage(), NEUTRAL)
    said = (Phone("m", 0.01, 0.03),)
    actor.hear(np.zeros(SAMPLES_PER_FRAME, np.float32), said)
    assert lips.phones == [said]


def test_the_expression_is_in_every_picture_and_the_place_of_the_mouth_after_it():
    _, ink, body = performer()
    place = np.full((1, len(NEUTRAL)), 0.25, np.float32)
    actor = Performer(LaggingMotion(), ink, body, BareStage(), NEUTRAL, place, lambda shapes: shapes * 2 + 1)
    for index in range(3):
        actor.perform(index, NEUTRAL + index)
    for index, row in enumerate(ink.rows[-3:]):
        np.testing.assert_allclose(row, (NEUTRAL + index) * 2 + 1.25)


def test_counts_the_seconds_of_every_stage_and_closes_body_and_painter():
    actor, ink, body = performer()
    actor.hear(np.zeros(SAMPLES_PER_FRAME, np.float32))
    picture = actor.perform(0, NEUTRAL)
    assert picture.shape == (6, 4)
    assert set(actor.seconds) == {"motion", "body", "paint", "stage"}
    assert all(seconds >= 0 for seconds in actor.seconds.values())
    lately = actor.times.lately()
    assert set(lately) == {*actor.seconds, "frame"}
    assert lately["frame"]["max"] >= lately["paint"]["max"] > 0
    assert len(ink.rows) == 1
    actor.close()
    assert body.closed and ink.closed


def test_what_is_given_out_is_the_marked_picture():
    _, ink, body = performer()
    actor = Performer(LaggingMotion(), ink, body, BareStage(), NEUTRAL, mark=lambda picture: picture + 100)
    assert (actor.perform(3, NEUTRAL) == 103).all()


class Bends:
    """Keeps how low the head was wanted, and whether the mouth was painted by then."""

    def __init__(self, ink: Ink) -> None:
        self._ink = ink
        self.lows: list[float] = []
        self.places: list[int] = []

    def __call__(
        self, picture: ByteArray, alpha: ByteArray | None, matrix: FloatArray, place: int, low: float
    ) -> None:
        assert len(self._ink.rows) == len(self.lows) + 1, "the head moves with the mouth on it"
        self.lows.append(low)
        self.places.append(place)


def test_the_head_dips_on_words_that_are_known_to_come_after_the_mouth_was_painted():
    _, ink, body = performer()
    bends = Bends(ink)
    actor = Performer(LaggingMotion(), ink, body, BareStage(), NEUTRAL, bend=bends)
    for index in range(400):
        stresses = tuple(at - index for at in range(60, 400, 60) if 0 <= at - index < 50)
        actor.foresee(index, Outlook(bytes([1] * 50), stresses))
        actor.perform(index, NEUTRAL)
    lows = np.array(bends.lows)
    lowest = 1 + np.flatnonzero((lows[1:-1] > 0.5) & (lows[1:-1] > lows[:-2]) & (lows[1:-1] > lows[2:]))
    assert len(lowest) >= 2 and set((lowest - 2) % 60) == {0}
    assert bends.places == list(range(400)), "it is told which picture of the body it bends"
