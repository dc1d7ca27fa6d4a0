import numpy as np
import pytest

from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.picture import planes


def make_track(count: int = 60, jump_at: int | None = None, jitter: float = 0.0) -> FaceTrack:
    """A face of random but fixed landmarks, 120 px wide, that drifts and turns slowly."""
    random = np.random.default_rng(3)
    face = random.uniform(-0.4, 0.4, (478, 2)) * 120
    fixed = {234: (-60, 0), 454: (60, 0), 33: (-40, -25), 133: (-15, -25), 362: (15, -25), 263: (40, -25)}
    fixed |= {6: (0, -25), 168: (0, -30), 197: (0, -15), 195: (0, -8), 127: (-58, -20), 356: (58, -20)}
    fixed |= {162: (-56, -35), 389: (56, -35), 152: (0, 75), 2: (0, 15), 61: (-22, 38), 291: (22, 38)}
    for index, place in fixed.items():
        face[index] = place
    points = np.zeros((count, 478, 3), np.float32)
    for k in range(count):
        angle = 0.05 * np.sin(k / 20)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shift = np.array([160 + 0.2 * k, 140])
        if jump_at is not None and k >= jump_at:
            shift = shift + 12
        points[k, :, :2] = face @ turn.T + shift + random.normal(0, jitter, (478, 2))
    found = np.ones(count, bool)
    return FaceTrack(points, found, np.ones(count, np.uint8), np.zeros((count, 3), np.float32), 320, 288)


def test_transforms_hold_the_face_still() -> None:
    track = make_track()
    matrices = crop.transforms(track, 128)
    still = crop.to_crop(track.points, matrices)
    assert matrices.dtype == np.float32
    assert np.abs(still - still.mean(0)).max() < 0.6  # pixels, while the head drifts by 12
    chin, left, right = still[:, crop.CHIN].mean(0), still[:, 61].mean(0), still[:, 291].mean(0)
    assert 0.8 * 128 < chin[1] < 0.95 * 128
    assert left[0] + right[0] == pytest.approx(128, abs=4)


def test_transforms_smooth_away_jitter_but_not_joints() -> None:
    track = make_track(jump_at=30, jitter=0.4)
    assert crop.takes(track) == [(0, 30), (30, 60)]
    clean = make_track(jump_at=30)
    still = crop.to_crop(clean.points, crop.transforms(track, 128))
    step = np.abs(np.diff(still[:, crop.STABLE], axis=0)).max()
    assert step < 0.8  # the joint of 12 px is followed at once, the jitter is not


def test_crop_size_follows_the_face() -> None:
    track = make_track()
    assert crop.face_width(track) == pytest.approx(120, abs=1)
    assert crop.crop_size(track) == 128
    track.points[...] *= 3
    assert crop.crop_size(track) == 320


def test_chroma_matrix_agrees_with_luma() -> None:
    matrix = np.array([[1.3, -0.1, 4.0], [0.1, 1.3, -7.0]], np.float32)
    luma = np.array([31.5, 20.5])
    moved = matrix[:, :2] @ luma + matrix[:, 2]
    half = crop.chroma_matrix(matrix)
    chroma = half[:, :2] @ ((luma - 0.5) / 2) + half[:, 2]
    assert chroma == pytest.approx((moved - 0.5) / 2, abs=1e-4)


def make_picture(height: int = 288, width: int = 320) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    luma = 120 + 60 * np.sin(x / 17) * np.cos(y / 23)
    u = 128 + 30 * np.sin(x[::2, ::2] / 31)
    v = 128 + 30 * np.cos(y[::2, ::2] / 29)
    flat = np.concatenate([luma.ravel(), u.ravel(), v.ravel()])
    return np.round(flat).astype(np.uint8).reshape(height * 3 // 2, width)


def test_pasting_what_was_cut_out_changes_next_to_nothing() -> None:
    track = make_track()
    matrix = crop.transforms(track, 128)[10]
    mask = crop.mouth_mask(crop.to_crop(track.points, crop.transforms(track, 128)), 128)
    picture = make_picture()
    before = picture.copy()
    cut = crop.extract(picture, matrix, crop.Crop.empty(128))
    crop.Paster(mask).paste(picture, cut, matrix)
    assert np.abs(picture.astype(int) - before).max() <= 3


def test_pasting_touches_only_the_mask() -> None:
    track = make_track()
    matrices = crop.transforms(track, 128)
    mask = crop.mouth_mask(crop.to_crop(track.points, matrices), 128)
    picture = make_picture()
    before = picture.copy()
    black = crop.Crop(np.zeros((128, 128), np.uint8), np.full((2, 64, 64), 128, np.uint8))
    crop.Paster(mask).paste(picture, black, matrices[0])
    changed = np.argwhere(planes(picture)[0] != planes(before)[0])[:, ::-1]
    there = changed @ matrices[0][:, :2].T + matrices[0][:, 2]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert len(changed) > 2000
    assert there[:, 0].min() >= columns[0] - 2 and there[:, 0].max() <= columns[-1] + 2
    assert there[:, 1].min() >= rows[0] - 2 and there[:, 1].max() <= rows[-1] + 2
    middle = np.round((np.array([64, 80]) - matrices[0][:, 2]) @ np.linalg.inv(matrices[0][:, :2]).T).astype(
        int
    )
    assert planes(picture)[0][middle[1], middle[0]] == 0  # opaque in the middle


def test_a_face_at_the_edge_is_clipped_not_refused() -> None:
    matrix = np.array([[1, 0, 60], [0, 1, 60]], np.float32)  # the crop's middle lies at (4, 4) of the picture
    mask = np.zeros((128, 128), np.float32)
    mask[20:110, 20:110] = 1
    picture = make_picture()
    white = crop.Crop(np.full((128, 128), 235, np.uint8), np.full((2, 64, 64), 128, np.uint8))
    crop.Paster(mask).paste(picture, white, matrix)
    assert planes(picture)[0][5, 5] == 235
    far = np.array([[1, 0, 600], [0, 1, 600]], np.float32)
    before = picture.copy()
    crop.Paster(mask).paste(picture, white, far)
    assert (picture == before).all()


def test_mask_is_soft_and_leaves_a_rim() -> None:
    track = make_track()
    mask = crop.mouth_mask(crop.to_crop(track.points, crop.transforms(track, 160)), 160)
    assert mask.max() == 1 and mask.min() == 0
    assert not mask[:, :2].any() and not mask[:, -2:].any() and not mask[:3].any() and not mask[-2:].any()
    assert np.abs(np.diff(mask, axis=1)).max() < 0.3


def test_skin_is_cheeks_that_are_not_painted() -> None:
    track = make_track()
    cheeks = {93: (-58, 20), 132: (-52, 38), 323: (58, 20), 361: (52, 38)}
    for index, place in cheeks.items():
        track.points[:, index, :2] = track.points[:, 2, :2] + np.array(place) - (0, 15)
    points = crop.to_crop(track.points, crop.transforms(track, 160))
    mask = crop.mouth_mask(points, 160)
    skin = crop.skin_mask(points, mask)
    assert not skin[mask > 0].any()
    inside = np.median(points, axis=0)
    left, right, low = inside[234, 0], inside[454, 0], inside[132, 1]
    rows, columns = np.nonzero(skin)
    assert columns.min() > left + 4 and columns.max() < right - 4 and rows.max() < low + 4
    assert 0.05 < skin.mean() < 0.6
    turned = points.copy()
    turned[:, list(crop.LEFT_CHEEK + crop.RIGHT_CHEEK)] = 70  # nothing between the cheeks
    assert crop.skin_mask(turned, mask)[mask == 0].any()
