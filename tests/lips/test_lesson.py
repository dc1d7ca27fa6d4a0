"""Batches: an example is moved and lit as one, and the card cuts what OpenCV cuts."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from avatar_engine.lips import lesson as lessons
from avatar_engine.lips.crops import Crops
from avatar_engine.lips.lesson import BATCH, Batches, CardCutter, HostCutter, Lesson
from tests.lips.drawn_lesson import SIZE, drawn_lesson


@pytest.fixture
def lesson(monkeypatch: pytest.MonkeyPatch) -> Lesson:
    monkeypatch.setattr(lessons, "OTHER_LIGHT", (0.0, 0.0, 0.0))
    return drawn_lesson()


def middle(plane: np.ndarray) -> np.ndarray:
    """The centre of what is bright."""
    weights = plane.astype(np.float64).clip(0)
    rows, columns = np.indices(plane.shape)
    return np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()


def test_an_example_is_moved_as_one(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "OTHER_PLACE", 0.05)
    batches = Batches(lesson, np.random.default_rng(1), "cpu")
    for _ in range(5):
        (luma, chroma), _, shapes, code, _ = batches.next()
        for one in range(BATCH):
            there = middle(luma[one, 0].numpy())
            assert middle(chroma[one, 1].numpy()) * 2 + 0.5 == pytest.approx(there, abs=0.1)
            # A polygon is drawn to half a pixel; moves are six pixels here.
            assert middle(shapes[one, 0].numpy()) == pytest.approx(there, abs=0.75)
            told = lesson.basis.shape(code[one].numpy()[None])[0, :20].mean(0) * SIZE
            assert told == pytest.approx(there, abs=1.0)


def test_an_example_is_never_quite_where_it_was_filmed(lesson: Lesson) -> None:
    row = 7
    batches = Batches(replace(lesson, rows=np.array([row])), np.random.default_rng(2), "cpu")
    seen = [middle(part) for _ in range(40) for part in batches.next()[0][0][:, 0].numpy()]
    away = np.array(seen) - middle(lesson.crops.luma[row, 0])
    assert away.std(0) == pytest.approx(np.full(2, lessons.OTHER_PLACE * SIZE), rel=0.25)
    assert np.abs(away.mean(0)).max() < 0.4


def test_surroundings_of_another_moment_are_moved_alike(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons, "OTHER_CONTEXT", 1.0)
    monkeypatch.setattr(lessons, "OTHER_PLACE", 0.05)
    lesson.crops.luma[:], lesson.crops.chroma[:] = lesson.crops.luma[:1], lesson.crops.chroma[:1]
    real, context, *_ = Batches(lesson, np.random.default_rng(3), "cpu").next()
    assert all((a == b).all() for a, b in zip(real, context, strict=True))
    assert any(
        np.abs(middle(part) - middle(lesson.crops.luma[0, 0])).max() > 1 for part in real[0][:, 0].numpy()
    )


def test_the_card_cuts_what_opencv_cuts() -> None:
    """The same moves of the same smooth pictures; at the rim both carry the outermost pixels on."""
    random = np.random.default_rng(4)

    def smooth(count: int, planes: int, size: int) -> np.ndarray:
        noise = gaussian_filter(random.normal(0, 1, (count, planes, size, size)), (0, 0, 2, 2))
        return np.clip(128 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)

    crops = Crops(smooth(6, 1, 64), smooth(6, 2, 32))
    rows = np.array([5, 0, 3, 3])
    turn, scale = random.normal(0, 0.05, (2, 4))
    moves = np.zeros((4, 2, 3), np.float32)
    moves[:, 0, 0] = moves[:, 1, 1] = 1 + scale
    moves[:, 1, 0], moves[:, 0, 1] = turn, -turn
    moves[:, :, 2] = random.normal(0, 3, (4, 2))
    for host, card in zip(
        HostCutter(crops).cut(rows, moves), CardCutter(crops, "cpu").cut(rows, moves), strict=True
    ):
        assert host.shape == card.shape and host.dtype == card.dtype
        assert float((host - card).abs().mean()) < 0.6  # OpenCV rounds to a grey level and a 32nd of a pixel
        assert float((host - card).abs().max()) < 6


def test_batches_of_the_card_are_those_of_the_host(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "CARD_BATCH", BATCH)
    host = Batches(lesson, np.random.default_rng(6), "cpu")
    card = Batches(lesson, np.random.default_rng(6), "cpu")
    card._cutter = CardCutter(lesson.crops, "cpu")
    for _ in range(4):
        one, other = host.next(), card.next()
        assert float((one.real[0] - other.real[0]).abs().mean()) < 1.0
        assert (one.shapes == other.shapes).all() and (one.coefficients == other.coefficients).all()


def test_a_texture_is_told_as_sound_may_tell_it_and_can_be_believed(lesson: Lesson) -> None:
    """The quick part is guessed; whatever is told, the true one is that in the mean."""
    count = len(lesson.coefficients)
    quick = np.random.default_rng(6).normal(0, 1, (count, 300)).astype(np.float32)
    slow = np.full((count, 300), 5, np.float32)
    whole = np.concatenate([lesson.coefficients, slow + quick], 1)
    rows = np.arange(count)
    batches = Batches(replace(lesson, coefficients=whole, slow=slow), np.random.default_rng(4), "cpu")
    heard = np.full((count, 1), lessons.HEARD, np.float32)
    told = np.stack([batches._textures(rows, heard) for _ in range(60)])
    assert told.dtype == np.float32
    assert told.mean() == pytest.approx(5, abs=0.05)
    guess = told - slow
    assert np.corrcoef(guess.ravel(), np.tile(quick, (60, 1, 1)).ravel())[0, 1] == pytest.approx(
        lessons.HEARD, abs=0.05
    )
    whose = guess - lessons.HEARD**2 * quick  # another moment's, or now and then its own
    assert whose.std() == pytest.approx(lessons.HEARD * np.sqrt(1 - lessons.HEARD**2), rel=0.05)
    believed = (guess * quick).sum() / (guess**2).sum()
    assert believed == pytest.approx(1, abs=0.15)
    seen = batches._textures(rows, np.ones((count, 1), np.float32))
    assert seen == pytest.approx(slow + quick, abs=1e-5)


def test_some_examples_are_told_the_truth_and_how_sure_it_is(lesson: Lesson) -> None:
    quick = np.random.default_rng(6).normal(0, 1, (len(lesson.coefficients), 2)).astype(np.float32)
    whole = np.concatenate([lesson.coefficients, quick], 1)
    row = 7
    one = replace(lesson, coefficients=whole, slow=0 * quick, rows=np.array([row]))
    batches = Batches(one, np.random.default_rng(4), "cpu")
    examples = [batches.next() for _ in range(100)]
    sure = np.concatenate([example.sure.numpy() for example in examples])
    codes = np.concatenate([example.coefficients.numpy() for example in examples])[:, -2:]
    assert sure.shape == (100 * BATCH, 1) and set(sure.ravel()) == {np.float32(lessons.HEARD), np.float32(1)}
    told = sure[:, 0] == 1
    assert told.mean() == pytest.approx(lessons.SEEN, abs=0.07)
    assert codes[told].mean(0) == pytest.approx(quick[row], abs=0.05)
    heard = lessons.HEARD**2 + lessons.HEARD * np.sqrt(1 - lessons.HEARD**2)  # both are this moment's here
    assert codes[~told].mean(0) == pytest.approx(heard * quick[row], abs=0.05)


def test_codes_are_a_shape_and_its_texture(lesson: Lesson) -> None:
    whole = np.concatenate([lesson.coefficients, np.full((len(lesson.coefficients), 2), 3, np.float32)], 1)
    still = replace(lesson, coefficients=whole, slow=whole[:, -2:].copy())
    code = Batches(still, np.random.default_rng(4), "cpu").next().coefficients.numpy()
    assert code.dtype == np.float32 and code.shape == (BATCH, whole.shape[1])
    assert code[:, -2:] == pytest.approx(3, abs=0.3)
