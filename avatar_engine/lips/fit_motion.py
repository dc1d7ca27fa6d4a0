"""Fits sound → mouth shape: a small committee of temporal convolution nets, cross-validated while it is trained.

A minute of one person is little: plain log-mel windows learn better from it than a speech encoder's features, and
the mean of nets that each missed another part of the minute learns better than any one. What each net missed also
tells how much smaller the predicted spread is than the real one; the committee is scaled to make up for that.

The nets start from ears that other people trained (`fit_base`; `avatar_engine.lips.ears` has those that ship), and
learn not only where the lips are but how they go from one picture to the next (the velocity loss of VOCA, Cudeiro et
al. 2019), which keeps them still where nothing moves.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import soxr
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray
from avatar_engine.lips import sound
from avatar_engine.lips.echo import Echo
from avatar_engine.lips.painter import to_onnx
from avatar_engine.lips.shape import LOWER_LIP, UPPER_LIP, ShapeBasis, opening

log = logging.getLogger(__name__)

FOLDS = 4
STRETCH = 75  # pictures; folds take turns every three seconds
SPEEDS = (0.93, 1.0, 1.0, 1.0, 1.0, 1.07)  # resampled: pitch and pace together
WARPS = (0.9, 0.95, 1.0, 1.0, 1.05, 1.1)  # the frequency axis alone: another throat
OTHERWISE = (
    0.5  # share of passes that hear another microphone, room and throat; more costs on the person's own
)
BACKGROUND = 10  # percentile of the minute's log-mel, band by band, that is its background
BATCH = 64
RUN = 4
"""Pictures in a row that are learnt together, so that the way from one to the next can be."""

STEADY = 1.0  # weight of how the shape changes against what it is
TEXTURE_RIDGE = (
    3.0  # of the head for textures, which is fitted when a net is done: they are no business of its ears
)
POOL = 6  # variants that are heard in one round
ECHOED = 2  # times that a minute in another voice is there, beside the minute's own six variants
EPOCHS = 60  # more only learn the minute by heart
NET_SECONDS = 14.0  # of one Zen 4 core, for one net's passes; fewer passes where the budget has less for each
HEAD_RIDGE = 20.0  # the first guess of a head on ears that are there
MOST_GAIN = 1.6


class Net(nn.Module):
    """One member: log-mel window (n, 31, bands), normalised, to coefficients (n, k)."""

    def __init__(self, coefficients: int, hidden: int = 64) -> None:
        super().__init__()
        self.hear = nn.Sequential(
            nn.Conv1d(sound.BANDS, hidden, 5),
            nn.ReLU(),
            nn.Dropout(0.15),
            nn.Conv1d(hidden, hidden, 5, stride=2),
            nn.ReLU(),
            nn.Dropout(0.15),
            nn.Conv1d(hidden, hidden, 4, stride=3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(hidden * 3, 96),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(96, coefficients),
        )

    def forward(self, mel: Tensor) -> Tensor:
        shape: Tensor = self.hear(mel.transpose(1, 2))
        return shape


class Committee(nn.Module):
    """The mean of the members, on raw log-mel, scaled to the fitted spread about the fitted mean.

    What is quieter than the minute's own background is heard as that background: a synthetic voice pauses in
    digital silence, of which the minute has none.
    """

    background: Tensor
    mean: Tensor
    spread: Tensor
    gain: Tensor
    centre: Tensor

    def __init__(self, members: list[Net], coefficients: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("background", torch.full((sound.BANDS,), sound.FLOOR))
        self.register_buffer("mean", torch.zeros(sound.BANDS))
        self.register_buffer("spread", torch.ones(sound.BANDS))
        self.register_buffer("gain", torch.ones(coefficients))
        self.register_buffer("centre", torch.zeros(coefficients))

    def listen(self, mels: list[FloatArray]) -> None:
        """Learn the background and the usual sound from log-mel frames (m, bands) of some variants of the minute."""
        whole = np.concatenate(mels)
        self.background = torch.from_numpy(
            np.exp(np.percentile(whole, BACKGROUND, axis=0)).astype(np.float32)
        )
        above = self._above(torch.from_numpy(whole))
        self.mean, self.spread = above.mean(0), above.std(0) + 0.5

    def heard(self, mel: Tensor) -> Tensor:
        """Log-mel (..., bands) as the members hear it."""
        return (self._above(mel) - self.mean) / self.spread

    def _above(self, mel: Tensor) -> Tensor:
        return torch.log(torch.exp(mel) + self.background)

    def forward(self, mel: Tensor) -> Tensor:
        heard = self.heard(mel)
        voices = [member(heard) for member in self.members]
        shape: Tensor = torch.stack(voices).mean(0)
        return self.centre + (shape - self.centre) * self.gain


@dataclass(frozen=True, slots=True)
class Example:
    """One variant of the minute: power spectra (m, 513), coefficients (n, k), and the source picture of each."""

    power: FloatArray
    coefficients: FloatArray
    source: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Person:
    """What there is to learn from one person.

    Attributes:
        examples: The minute at several speeds, as often as each is to be heard.
        seen: bool (n,), the source pictures to learn.
        hear: Log-mel to what the nets are given.
    """

    examples: list[Example]
    seen: npt.NDArray[np.bool_]
    hear: Callable[[Tensor], Tensor]


Ears = dict[str, Tensor]
"""The weights of a net without its last layer."""


def fit_motion(
    samples: FloatArray,
    coefficients: FloatArray,
    usable: npt.NDArray[np.bool_],
    basis: ShapeBasis,
    *,
    budget: float,
    work: Path,
    members: int = 8,
    epochs: int = EPOCHS,
    ears: Sequence[Ears] = (),
    echoes: Sequence[Echo] = (),
    clock: Callable[[], float] = time.monotonic,
    told: Callable[[float, str], None] = lambda done, note: None,
) -> tuple[bytes, dict[str, float]]:
    """Fit the committee.

    Args:
        samples: float32 (n * 960,), the sound of the fitted pictures.
        coefficients: float32 (n, k), their shapes, and behind these their textures.
        usable: bool (n,), pictures whose shape is known.
        basis: What the shapes' coefficients mean.
        budget: Seconds; the committee ends up smaller when they are over (at least one net a fold).
        work: Where finished members are kept, for an interrupted fit.
        members: Nets, a multiple of `FOLDS` for an even cross-validation.
        epochs: Passes of each net.
        ears: What the nets start from, in turn; nothing where there is none.
        echoes: The minute in other voices, of which it is learnt as well.
        clock: What the budget is counted in.
        told: Called with the share done and a note.

    Returns:
        The ONNX committee and figures: ``motion_correlation`` of the opening on stretches that a net did not
        see, ``motion_gain``, ``motion_members``.
    """
    torch.manual_seed(7)
    nets = [Net(coefficients.shape[1]) for _ in range(members)]
    committee = Committee(nets, coefficients.shape[1])
    person, straight = _person(samples, coefficients, usable, committee)
    person.examples.extend(_echoed(echo, coefficients) for echo in echoes for _ in range(ECHOED))
    lips, shapes = lips_loss(basis), torch.from_numpy(coefficients)
    start, predictions, folds = clock(), [], []
    for index in range(members):
        spent = clock() - start
        if index >= FOLDS and spent * (index + 1) / index > budget:
            log.info("motion: %d of %d nets in %.0f s", index, members, spent)
            break
        net, kept, fold = nets[index], work / f"motion-{index}.safetensors", index % FOLDS
        if kept.exists():
            net.load_state_dict(load_file(kept))
        else:
            short = max(4, min(epochs, int(epochs * budget / (members * NET_SECONDS))))
            part = replace(person, seen=usable & (_fold(len(usable)) != fold))
            if ears:
                _begin(net, ears[index % len(ears)], straight[part.seen], shapes[part.seen])
            _train(net, [part], lips, short, index)
            _head(net, straight[part.seen], shapes[part.seen], basis.coefficients, TEXTURE_RIDGE)
            save_file(net.state_dict(), kept)
        net.eval()
        with torch.no_grad():
            predictions.append(net(straight).numpy())
        folds.append(fold)
        told((index + 1) / members, f"net {index + 1}")
    committee.members = nn.ModuleList(nets[: len(folds)])
    figures = _scale(committee, np.stack(predictions), np.array(folds), coefficients, usable, basis)
    example_input = (torch.zeros(2, sound.CONTEXT, sound.BANDS),)
    return to_onnx(committee.eval(), example_input, ["mel"], ["coefficients"]), figures


def _fold(pictures: int) -> npt.NDArray[np.intp]:
    return np.arange(pictures) // STRETCH % FOLDS


def _examples(samples: FloatArray, coefficients: FloatArray) -> Iterator[Example]:
    """The minute at several speeds, with the shapes at the matching times."""
    index = np.arange(len(coefficients))
    for speed in sorted(set(SPEEDS)):
        changed = samples if speed == 1 else soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE)
        pictures = min(len(changed) // SAMPLES_PER_FRAME, int((len(index) - 1) / speed))
        pictures = len(index) if speed == 1 else pictures
        # The middle of a changed picture lies at `speed` times its time in the source.
        at = np.clip((np.arange(pictures) + 0.5) * speed - 0.5, 0, len(index) - 1)
        shapes = np.stack([np.interp(at, index, column) for column in coefficients.T], 1)
        padded = sound.padded(changed[: pictures * SAMPLES_PER_FRAME])
        yield Example(sound.power(padded), shapes.astype(np.float32), np.round(at).astype(np.intp))


def _person(
    samples: FloatArray, coefficients: FloatArray, seen: npt.NDArray[np.bool_], committee: Committee
) -> tuple[Person, Tensor]:
    """The person to learn, and the windows (n, 31, bands) of the real sound; teaches the committee to hear."""
    examples = list(_examples(samples, coefficients))
    committee.listen([sound.log_mel(example.power) for example in examples])
    often = [examples[sorted(set(SPEEDS)).index(speed)] for speed in SPEEDS]
    mel = sound.log_mel(examples[sorted(set(SPEEDS)).index(1.0)].power)
    windows = torch.from_numpy(np.ascontiguousarray(sound.windows(mel)[: len(coefficients)]))
    return Person(often, seen, committee.heard), committee.heard(windows)


def _echoed(echo: Echo, coefficients: FloatArray) -> Example:
    """The minute in another voice, with the shapes that belong to its pictures."""
    index = np.arange(len(coefficients))
    shapes = np.stack([np.interp(echo.pictures, index, column) for column in coefficients.T], 1)
    power = sound.power(sound.padded(echo.samples))
    return Example(power, shapes.astype(np.float32), np.round(echo.pictures).astype(np.intp))


def fit_base(
    people: Sequence[tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]],
    basis: ShapeBasis,
    *,
    epochs: int,
    seed: int,
    told: Callable[[float], None] = lambda done: None,
) -> Ears:
    """Train ears on several people, whose shapes are coefficients of one shared basis.

    Args:
        people: Of each the sound float32 (n * 960,), the coefficients float32 (n, k), and bool (n,), which count.
        basis: The shared basis.
        epochs: Passes over everybody.
        seed: Of the weights and the order.
        told: Called with the share done.
    """
    torch.manual_seed(seed)
    net, persons = Net(basis.coefficients), []
    for samples, coefficients, seen in people:
        person, _ = _person(samples, coefficients, seen, Committee([], basis.coefficients))
        persons.append(person)
    _train(net, persons, lips_loss(basis), epochs, seed, told)
    head = f"hear.{len(net.hear) - 1}."
    return {name: value for name, value in net.state_dict().items() if not name.startswith(head)}


def _begin(net: Net, ears: Ears, windows: Tensor, shapes: Tensor) -> None:
    """Give a net its ears, and the head that fits them best (ridge regression)."""
    net.load_state_dict(ears, strict=False)
    _head(net, windows, shapes, 0, HEAD_RIDGE)


def _head(net: Net, windows: Tensor, wanted: Tensor, first: int, ridge: float) -> None:
    """Set a net's last layer, from row ``first`` on, to what fits its ears best (ridge regression)."""
    net.eval()
    last = cast(nn.Linear, net.hear[-1])
    with torch.no_grad():
        heard = net.hear[:-1](windows.transpose(1, 2)).double()
        heard = torch.cat([heard, torch.ones(len(heard), 1)], 1)
        gram = heard.T @ heard + ridge * torch.eye(heard.shape[1])
        head = torch.linalg.solve(gram, heard.T @ wanted[:, first:].double()).float()
        last.weight[first:] = head[:-1].T
        last.bias[first:] = head[-1]


def _train(
    net: Net,
    people: list[Person],
    loss_of: Callable[[Tensor], Tensor],
    epochs: int,
    seed: int,
    told: Callable[[float], None] = lambda done: None,
) -> None:
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.03)
    counts = np.array([person.seen.sum() for person in people])
    steps = max(2, epochs * (int(counts.sum()) // BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2.5e-3, steps, pct_start=0.15)
    net.train()
    done = 0
    while done < steps:
        told(done / steps)
        drawn = random.choice(len(people), POOL, p=counts / counts.sum())
        windows, shapes = (
            torch.cat(part) for part in zip(*[_round(people[i], random) for i in drawn], strict=True)
        )
        for batch in torch.split(torch.randperm(len(shapes)), BATCH // RUN)[: steps - done]:
            said = net(windows[batch].flatten(0, 1)).unflatten(0, (len(batch), RUN))
            loss = loss_of(said - shapes[batch])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            done += 1


def _round(person: Person, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """One variant of one person: windows (r, `RUN`, 31, bands) and shapes (r, `RUN`, k) of pictures in a row."""
    example = person.examples[random.integers(len(person.examples))]
    windows = person.hear(torch.from_numpy(_heard_otherwise(example.power, random)))
    runs = np.arange(random.integers(RUN), len(example.source) - RUN + 1, RUN)[:, None] + np.arange(RUN)
    runs = runs[person.seen[example.source[runs]].all(1)]
    return windows[runs], torch.from_numpy(example.coefficients[runs])


def _heard_otherwise(power: FloatArray, random: np.random.Generator) -> FloatArray:
    """The windows of a sound as it is, or as another microphone, room and throat would give them."""
    if random.random() >= OTHERWISE:
        return np.ascontiguousarray(sound.windows(sound.log_mel(power)))
    mel = power @ sound.filters(float(random.choice(WARPS)))
    bands = np.linspace(-1, 1, sound.BANDS)
    colour = random.normal(0, 0.35) * bands + random.normal(0, 0.35) * np.cos(bands * random.uniform(1, 5))
    mel = mel * np.exp(colour + random.normal(0, 0.8))
    mel = mel + np.exp(random.uniform(-16, -12)) * random.gamma(4, 0.25, mel.shape)
    return np.ascontiguousarray(sound.windows(np.log(mel + sound.FLOOR).astype(np.float32)))


def lips_loss(basis: ShapeBasis) -> Callable[[Tensor], Tensor]:
    """The loss of errors (r, `RUN`, k): each coefficient by how far it moves the lips, the opening once more.

    What stands behind the shape's own coefficients are textures, which are no net's business while it is trained: they
    cost the opening some of its correlation.
    """
    moves = np.sqrt((basis.axes**2).mean((1, 2)))
    opens = basis.axes[:, LOWER_LIP, 1] - basis.axes[:, UPPER_LIP, 1]
    weight = torch.from_numpy((moves / moves.mean()).astype(np.float32))
    gap = torch.from_numpy((opens / np.linalg.norm(opens)).astype(np.float32))
    own = basis.coefficients

    def loss(error: Tensor) -> Tensor:
        parts = [(part.square() * weight).mean() + 0.5 * (part @ gap).square().mean()
                 for part in (error[..., :own], error[..., :own].diff(dim=1))]  # fmt: skip
        return parts[0] + STEADY * parts[1]

    return loss


def _slopes(said: FloatArray, real: FloatArray) -> FloatArray:
    """How much of what is said of each coefficient is best believed, 0 to 1: a texture that is guessed is a stain."""
    apart, true = said - said.mean(0), real - real.mean(0)
    return np.asarray(np.clip((apart * true).sum(0) / np.maximum((apart**2).sum(0), 1e-6), 0, 1), np.float32)


def _scale(
    committee: Committee,
    predictions: FloatArray,
    folds: npt.NDArray[np.intp],
    real: FloatArray,
    usable: npt.NDArray[np.bool_],
    basis: ShapeBasis,
) -> dict[str, float]:
    """Set the committee's gains from what its members say of stretches that they did not see."""
    fold = _fold(len(real))
    missed = np.stack([predictions[folds == fold[i], i].mean(0) for i in range(len(real))])
    per_fold = len(folds) / FOLDS
    single = np.stack([predictions[np.flatnonzero(folds == fold[i])[0], i] for i in range(len(real))])
    row = usable
    # Members agree on `common` of their variance; a mean of m keeps common + (own - common) / m of it.
    own, mean = single[row].var(0), missed[row].var(0)
    common = mean if per_fold <= 1 else np.clip((mean * per_fold - own) / (per_fold - 1), 0, mean)
    whole = common + (own - common) / len(folds)
    trust = np.array([np.corrcoef(missed[row, c], real[row, c])[0, 1] for c in range(real.shape[1])])
    gain = np.sqrt(real[row].var(0) / np.maximum(whole, 1e-6))
    # What sound hardly tells would become restless noise at full spread.
    gain = np.clip(gain, 1, MOST_GAIN) * np.clip(trust / 0.5, 0.3, 1)
    gain[basis.coefficients :] = _slopes(missed[row], real[row])[basis.coefficients :]
    centre = real[row].mean(0)
    shrunk = np.sqrt(whole / np.maximum(mean, 1e-6))
    scaled = centre + (missed - centre) * gain * shrunk
    gaps, true = opening(basis.shape(scaled))[row], opening(basis.shape(real))[row]
    final = float(np.clip(true.std() / max(float(gaps.std()), 1e-9), 0.7, 1.5))
    gain[: basis.coefficients] *= final
    committee.gain = torch.from_numpy(gain.astype(np.float32))
    committee.centre = torch.from_numpy(centre.astype(np.float32))
    correlation = float(np.corrcoef(gaps, true)[0, 1])
    log.info("motion: unseen correlation %.3f, gains %s", correlation, np.round(gain, 2))
    return {
        "motion_correlation": correlation,
        "motion_gain": float(gain[0]),
        "motion_members": float(len(folds)),
    }
