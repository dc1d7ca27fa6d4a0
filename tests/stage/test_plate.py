import numpy as np

from avatar_engine.stage.plate import Light, colours, filled, i420, plates, rounded
from tests.stage.cutting import HEIGHT, WIDTH, coarse, picture, share, shifts, wall


def test_the_wall_shows_where_the_head_sways_off_it() -> None:
    alphas = [share(shift) for shift in shifts(24)]
    pictures = [picture(alpha, wall(), index) for index, alpha in enumerate(alphas)]
    (found,) = plates(pictures, [coarse(alpha) for alpha in alphas])
    away = np.abs(found.colours - wall())[found.known]
    assert away.mean() < 0.6
    assert np.percentile(away, 99.5) < 5
    beside_face = found.known[80:110, WIDTH // 2 + 50]
    assert beside_face.all()  # hidden in a third of the pictures
    assert not found.known[HEIGHT - 10, WIDTH // 2]  # hidden in all
    # and what was never seen is guessed from around it
    assert np.abs(found.colours - wall())[~found.known].mean() < 15


def test_wavering_light_is_taken_out() -> None:
    alphas = [share(shift) for shift in shifts(24)]
    pictures = []
    for index, alpha in enumerate(alphas):
        lit = colours(picture(alpha, wall(), index, 0.5)) * np.float32(1 + 0.008 * np.sin(index))
        pictures.append(i420(rounded(lit.astype(np.float32))))
    (found,) = plates(pictures, [coarse(alpha) for alpha in alphas])
    assert found.noise[found.known][:, 0].mean() < 1.3  # 0.8 % of 150 levels would be 1.2 by itself


def test_takes_in_other_places_have_plates_of_their_own() -> None:
    alphas = [share(shift) for shift in shifts(36)]
    other = wall() + np.array([25.0, 6.0, -4.0], np.float32)
    pictures = [picture(alpha, wall() if index < 24 else other, index) for index, alpha in enumerate(alphas)]
    found = plates(pictures, [coarse(alpha) for alpha in alphas])
    assert len(found) == 2
    for plate, place in zip(found, (wall(), other), strict=True):
        assert np.abs(plate.colours - place)[plate.known].mean() < 0.8


def test_a_light_is_found_though_a_quarter_is_something_else() -> None:
    rng = np.random.default_rng(0)
    one = rng.uniform(40, 200, (800, 3)).astype(np.float32)
    other = one * np.float32(1.1) + np.array([3, -2, 5], np.float32)
    other[:150] = 16
    light = Light.between(one, other)
    assert np.abs(light.of(one[200:]) - other[200:]).max() < 1


def test_holes_are_filled_from_around_them() -> None:
    values = np.full((40, 60), 90, np.float32)
    values[:, 30:] = 130
    known = np.ones((40, 60), bool)
    known[10:30, 5:20] = known[10:30, 40:55] = False
    values[~known] = 0
    made = filled(values, known)
    assert np.array_equal(made[known], values[known])
    assert abs(made[20, 12] - 90) < 8
    assert abs(made[20, 48] - 130) < 8
