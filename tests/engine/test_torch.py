"""The way of tensors gives the picture that the processor's way gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from avatar_engine.device import onnx_session
from avatar_engine.engine import painting, weights
from avatar_engine.engine.backend import Job
from avatar_engine.engine.painting import WAYS
from avatar_engine.engine.raster import Raster
from avatar_engine.engine.torch_backend import FIRST_ROWS, TorchBackend
from avatar_engine.errors import AvatarError
from avatar_engine.lips.render import Renderer
from avatar_engine.lips.shape import draw
from tests.engine import painters
from tests.engine.conftest import DEVICE
from tests.lips import drawn
from tests.lips.test_shape import make_shapes

SIDE = 192


def scene(seed: int, size: int, side: int = SIDE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A patch like a camera's, a crop turned in it, and a mouth."""
    random = np.random.default_rng(seed)
    rough = cv2.resize(
        random.integers(30, 220, (side * 3 // 2 // 8, side // 8)).astype(np.uint8), (side, side * 3 // 2)
    )
    patch = np.clip(rough + random.normal(0, 2, rough.shape), 0, 255).astype(np.uint8)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), random.uniform(-9, 9), random.uniform(0.9, 1.1))
    matrix[:, 2] += (size - side) / 2 + random.uniform(-3, 3, 2)
    return patch, matrix, random.normal(0, 1, painters.CODES).astype(np.float32)


@pytest.mark.parametrize("size", [64, 192])
def test_the_bundles_painter_is_read_back_whole(size: int) -> None:
    model = painters.model(size, 1)
    read, random = weights.read(model.painter), np.random.default_rng(0)
    assert (read.size, read.codes, read.fold) == (size, painters.CODES, 2 if size < 192 else 4)
    feeds = {
        "luma": random.integers(0, 256, (2, 1, size, size)).astype(np.uint8),
        "chroma": random.integers(0, 256, (2, 2, size // 2, size // 2)).astype(np.uint8),
        "shapes": random.integers(0, 256, (2, 3, size, size)).astype(np.uint8),
        "coefficients": random.normal(0, 2, (2, painters.CODES)).astype(np.float32),
    }
    wanted = onnx_session(model.painter, DEVICE, 1).run(None, feeds)
    persons = {name: torch.tensor(value)[None] for name, value in read.values.items()}
    inputs = [torch.from_numpy(value).float() for value in feeds.values()]
    for way in WAYS:
        made = painting.paint(persons, torch.zeros(2, dtype=torch.int64), way, *inputs)
        for mine, theirs in zip(made, wanted, strict=True):
            away = np.abs(mine.numpy() - theirs)
            assert away.max() <= 1 and away.mean() < 0.01, way  # a rounding that fell to the other side
            assert theirs.std() > 5


def test_another_network_is_refused_with_advice() -> None:
    with pytest.raises(AvatarError, match="not built"):
        weights.read(drawn.painter())
    with pytest.raises(AvatarError, match="can't be read"):
        weights.read(b"no network")


@pytest.mark.parametrize("size", [64, 128])
def test_shapes_are_drawn_as_opencv_draws_them(size: int) -> None:
    random = np.random.default_rng(0)
    shapes = make_shapes(np.array([0, 0.001, 0.02, 0.1, 0.16], np.float32))
    turn = np.array([[0.98, 0.17], [-0.17, 0.98]], np.float32)
    odd = shapes + random.normal(0, 0.02, shapes.shape)  # lines that cross, and leave the crop
    shapes = np.concatenate([shapes, (shapes - 0.5) @ turn * 0.9 + 0.5, odd, 1.6 * odd - 0.2]).astype(
        np.float32
    )
    made = Raster.make(size, torch.device("cpu")).draw(torch.from_numpy(shapes)).numpy()
    for mine, shape in zip(made, shapes, strict=True):
        away = np.abs(mine - draw(shape, np.empty((3, size, size), np.uint8)))
        assert away[:2].mean() < 0.03 and (away[:2] > 2).mean() < 1e-3
        assert away[2].mean() < 0.3  # the jaw's line may leave the crop, where OpenCV cuts it otherwise


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [64, 128])
def test_a_batch_of_persons_is_painted_as_each_by_itself(way: str, size: int) -> None:
    backend = TorchBackend(DEVICE, way, most=4)
    seats, renderers = [], []
    for seed in (1, 2, 3):
        model = painters.model(size, seed)
        backend.load(str(seed), model)
        seats.append(backend.seat(str(seed), SIDE, SIDE))
        renderers.append(Renderer(model, DEVICE))
    assert len({seat.key for seat in seats}) == 1
    for turn in range(2):
        scenes = [scene(10 * turn + i, size) for i in range(3)]
        jobs = [Job(seat, patch.copy(), m, c) for seat, (patch, m, c) in zip(seats, scenes, strict=True)]
        backend.paint(0, jobs)
        for renderer, job, (patch, matrix, codes) in zip(renderers, jobs, scenes, strict=True):
            own = patch.copy()
            renderer.paint(own, matrix, codes)
            away = np.abs(own.astype(int) - job.patch)
            assert (own != patch).mean() > 0.03
            assert away.mean() < 0.02 and away[own != patch].mean() < 0.15 and away.max() <= 3


def test_a_bank_grows_and_persons_come_and_go() -> None:
    backend = TorchBackend(DEVICE, "grouped", most=2)
    models = {str(seed): painters.model(64, 1 + seed % 3) for seed in range(FIRST_ROWS + 1)}
    seats = {}
    for person, model in models.items():
        backend.load(person, model)
        seats[person] = backend.seat(person, SIDE, SIDE)
    backend.drop("0")
    patch, matrix, codes = scene(4, 64)
    for person in ("1", str(FIRST_ROWS)):
        own, theirs = patch.copy(), patch.copy()
        Renderer(models[person], DEVICE).paint(own, matrix, codes)
        backend.paint(0, [Job(seats[person], theirs, matrix, codes)])
        assert np.abs(own.astype(int) - theirs).mean() < 0.05
    backend.load("new", models["1"])
    assert backend.seat("new", SIDE, SIDE).key == seats["1"].key
    assert next(iter(backend._banks.values())).rows["new"] == 0


def test_a_show_more_needs_no_new_batches_and_a_patch_of_another_size_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend, made = TorchBackend(DEVICE, "grouped", most=2), []
    batch = backend._batch
    monkeypatch.setattr(backend, "_batch", lambda *given: (made.append(given[2:]), batch(*given))[1])
    backend.load("1", painters.model(64, 1))
    for _ in range(3):
        backend.seat("1", SIDE, SIDE)
    assert made == [(2, SIDE, SIDE, 0), (1, SIDE, SIDE, 0)]
    backend.drop("1")
    backend.load("1", painters.model(64, 1))
    backend.seat("1", SIDE, SIDE)
    assert len(made) == 2, "who comes back finds them"
    backend.seat("1", SIDE, SIDE + 64)
    assert made[2:] == [(2, SIDE, SIDE + 64, 0), (1, SIDE, SIDE + 64, 0)]


def test_auto_tries_all_ways_and_keeps_the_fastest() -> None:
    backend = TorchBackend(DEVICE, "auto", most=2)
    backend.load("1", painters.model(64, 1))
    backend.seat("1", SIDE, SIDE)
    facts = backend.facts()
    assert set(facts["probed_ms"]) == set(WAYS)
    assert facts["way"] == min(WAYS, key=lambda way: facts["probed_ms"][way])


class Stream:
    """Stands for a card's stream, which a processor has none of."""

    def wait_stream(self, other: Stream) -> None:
        assert isinstance(other, Stream)

    synchronize = wait_event = lambda *_: None


class Card:
    """Stands for what PyTorch says to a card: computes on the processor, and keeps on which stream what was asked."""

    def __init__(self) -> None:
        self.current = [Stream()]
        self.made: list[Stream] = []
        self.captured: list[Stream] = []
        self.replayed: list[Stream] = []

    def new(self) -> Stream:
        self.made.append(Stream())
        return self.made[-1]

    @contextmanager
    def on(self, stream: Stream) -> Iterator[None]:
        self.current.append(stream)
        yield
        self.current.pop()

    @contextmanager
    def capture(self, graph: object, pool: object, stream: Stream, mode: str) -> Iterator[None]:
        assert mode == "thread_local"
        self.captured.append(stream)
        with self.on(stream):
            yield

    def replay(self) -> None:
        self.replayed.append(self.current[-1])


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card()
    event = SimpleNamespace(record=lambda stream: None, synchronize=lambda: None)
    for name, stand_in in {
        "Stream": card.new, "stream": card.on, "graph": card.capture, "current_stream": lambda: card.current[-1],
        "CUDAGraph": lambda: SimpleNamespace(replay=card.replay), "synchronize": lambda: None,
        "Event": lambda blocking: event,
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, stand_in)
    return card


def test_graphs_are_made_on_a_stream_that_no_lane_computes_on(card: Card) -> None:
    backend = TorchBackend(DEVICE, "grouped", most=2)
    backend.lanes, backend._pools = 2, [None, None]
    backend._streams, backend._making = ([card.new(), card.new()] for _ in range(2))
    backend.load("1", painters.model(64, 1))
    backend.seat("1", SIDE, SIDE)
    batches = [backend._batches[lane, (0, SIDE, SIDE), count] for lane in range(2) for count in (2, 1)]
    for batch in batches:
        batch._done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        batch._capture()
    # the two lanes' graphs run at the same time, and libraries have a workspace a stream
    assert card.captured == [making for making in backend._making for _ in range(2)]
    assert card.replayed == [stream for stream in backend._streams for _ in range(2)]


def test_pictures_side_by_side_have_streams_of_their_own_and_no_new_ones(card: Card) -> None:
    inputs = tuple(torch.zeros(6, 1) for _ in range(4))
    seen: list[Stream] = []

    def alone(own: object, inputs: object, i: int) -> int:
        seen.append(card.current[-1])
        return i

    here, there = Stream(), Stream()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(painting, "_alone", alone)
        for stream in (here, here, there):
            with card.on(stream):
                assert painting._side_by_side({}, inputs) == list(range(6))  # type: ignore[arg-type]
    assert seen[:6] == seen[6:12] == [*seen[:4], *seen[:2]]
    assert len(set(seen[:6])) == painting.STREAMS and set(seen[12:]).isdisjoint({*seen[:12], here, there})
    assert len(card.made) == 2 * painting.STREAMS


def test_unknown_words_and_a_card_that_is_not_there_are_said() -> None:
    from dataclasses import replace

    with pytest.raises(AvatarError, match="magic"):
        TorchBackend(DEVICE, "magic")
    if not torch.cuda.is_available():
        with pytest.raises(AvatarError, match="can't use the card"):
            TorchBackend(replace(DEVICE, kind="cuda"))
