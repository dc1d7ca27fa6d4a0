"""Trains the painter on the footage's real mouth shapes, for as long as the budget lasts."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from avatar_engine.contracts import FloatArray
from avatar_engine.device import can_compile
from avatar_engine.lips import growing
from avatar_engine.lips.lesson import BATCH, Batches, Examples, Lesson
from avatar_engine.lips.painter import SHAPE_PLANES, Painter, painting_loss
from avatar_engine.lips.shape import OUTER, draw
from avatar_engine.lips.warm_start import begin_as

log = logging.getLogger(__name__)

RATE = 2.5e-3
AVERAGE = 0.997  # of the weights, over steps
SAVE_EVERY = 30.0  # seconds between checkpoints
HELD = 12  # pictures of each of the two stretches that are not learnt, but tell when more steps bring nothing
LATELY = 0.4  # of the time spent so far
GAIN = 0.003  # of the error on what is not learnt, in which it must have fallen lately, or a run comes to its end
SOONEST = 2000  # steps before which no run is judged
NOTED = 20  # steps between two looks at the loss: each look waits for the device
COMPILED = 300.0  # seconds of budget from which compiling for a card, which takes about a minute, is worth it
LANDING = 0.25  # of the time spent: how long a run that has stopped gaining takes to cool down


def fit_painter(
    lesson: Lesson,
    *,
    budget: float,
    work: Path,
    bf16: bool,
    torch_device: str = "cpu",
    steps: int | None = None,
    clock: Callable[[], float] = time.monotonic,
    told: Callable[[float, str], None] = lambda done, note: None,
    start: bytes | None = None,
) -> tuple[Painter, dict[str, float]]:
    """Train a painter; an interrupted run goes on from its last checkpoint in ``work``.

    Two short stretches are not learnt. When the error on them no longer falls, the run cools down and ends before its
    budget; the weights with the least such error are kept.

    Args:
        lesson: What it learns from.
        budget: Seconds in all, those of earlier runs counted.
        work: Where checkpoints (safetensors) are kept, and a picture of what is painted by now (`lips.growing`).
        bf16: Whether bf16 arithmetic is native here (twice the speed, same result).
        torch_device: ``cpu`` or ``cuda``.
        steps: Stop after so many steps whatever the budget.
        clock: What the budget is counted in.
        told: Called with the share done and a note.
        start: ONNX of a painter of the same person to begin with; None begins with the linear model alone.

    Returns:
        The painter with averaged weights, and figures: ``painter_steps``, ``painter_loss``,
        ``painter_first_loss``, ``painter_held_out`` (the least error on the stretches that were not learnt),
        ``painter_seconds``.
    """
    size = lesson.mask.shape[0]
    torch.manual_seed(11)
    painter = Painter(
        size,
        lesson.mask,
        lesson.crops.appearance(lesson.coefficients, lesson.rows, lesson.skin),
        lesson.coefficients.shape[1],
    )
    painter = painter.to(torch_device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    on_card = torch_device != "cpu"
    optimiser = torch.optim.AdamW(
        painter.parameters(), lr=RATE, weight_decay=1e-4, betas=(0.9, 0.98), fused=on_card or None
    )
    run = _Run(painter, optimiser, work / "painter.safetensors")
    run.resume()
    weight = torch.from_numpy(_weight(lesson)).to(torch_device)
    random = np.random.default_rng(run.step + 1)
    taught, held = _split(lesson.rows)
    batches = Batches(replace(lesson, rows=taught), random, torch_device)
    judge = _Judge(replace(lesson, rows=held), weight, torch_device)
    painter.train()
    if start and not run.step and begin_as(painter, start, batches.next()):
        run.begin()
        run.judged(judge)
    # on a processor compiling gains little
    worth_it = on_card and steps is None and budget - run.spent >= COMPILED
    paint = torch.compile(painter) if worth_it and can_compile() else painter
    begun, saved = clock() - run.spent, clock()
    judge.show(painter, run.average, work / growing.FILE)
    while True:
        run.spent = clock() - begun
        share = run.spent / max(min(budget, run.until), 1e-3) if steps is None else run.step / steps
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = RATE * _pace(run.step, share)
        _learn(run, paint, batches.next(), weight, bf16)
        if run.step % NOTED == 0:
            run.note()
            told(min(share, 1.0), f"loss {run.loss:.4f}")
        if clock() - saved > SAVE_EVERY:
            run.judged(judge)
            run.save()
            judge.show(painter, run.average, work / growing.FILE)
            saved = clock()
    run.judged(judge)
    run.spent = clock() - begun  # what was asked of a card was not yet done when the last step was counted
    run.save()
    painter.load_state_dict(run.best)
    figures = {
        "painter_steps": float(run.step),
        "painter_loss": run.loss,
        "painter_first_loss": run.first_loss,
        "painter_held_out": min(run.errors)[0],
        "painter_seconds": run.spent,
    }
    log.info("painter: %d steps in %.0f s, loss %.4f", run.step, run.spent, run.loss)
    return painter.cpu().float().eval(), figures


def _learn(
    run: _Run, paint: Callable[..., tuple[Tensor, Tensor]], examples: Examples, weight: Tensor, bf16: bool
) -> None:
    """One step, painted by ``paint``: the run's painter, compiled or not. Nothing here waits for the device."""
    real, context, shapes, coefficients, sure = examples
    with torch.autocast(weight.device.type, torch.bfloat16, enabled=bf16):
        painted = paint(*context, shapes, coefficients, sure)
    loss = painting_loss((painted[0].float(), painted[1].float()), real, weight)
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(run.painter.parameters(), 1.0)
    run.optimiser.step()
    run.learn(loss.detach())


def _split(rows: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The pictures to learn, and those of the two stretches that are not learnt."""
    aside = np.zeros(len(rows), bool)
    for third in (1, 2):
        start = len(rows) * third // 3
        aside[start : start + min(HELD, len(rows) // 20)] = True
    aside[-1] |= not aside.any()
    return rows[~aside], rows[aside]


class _Judge:
    """The error of some weights on pictures that are not learnt, as they are, without light or place changed.

    Of their textures the painter is told what a show knows without hearing a word.
    """

    def __init__(self, lesson: Lesson, weight: Tensor, torch_device: str) -> None:
        crops, codes = lesson.crops, lesson.unheard[lesson.rows]
        size = lesson.mask.shape[0]
        shapes = np.empty((len(codes), SHAPE_PLANES, size, size), np.uint8)
        for planes, shape in zip(shapes, lesson.basis.shape(codes), strict=True):
            draw(shape, planes)
        parts = (crops.luma[lesson.rows], crops.chroma[lesson.rows], shapes, codes)
        self._given = [torch.from_numpy(np.ascontiguousarray(part)).to(torch_device) for part in parts]
        self._weight = weight

    def error(self, painter: Painter) -> float:
        """The painting loss of ``painter`` as it is, the mean over all pictures."""
        painter.eval()
        total = 0.0
        with torch.no_grad():
            for batch in zip(*(torch.split(part, BATCH) for part in self._given), strict=True):
                real = batch[0].float(), batch[1].float()
                total += float(painting_loss(painter(*batch), real, self._weight)) * len(batch[0])
        painter.train()
        return total / len(self._given[0])

    def show(self, painter: Painter, weights: Mapping[str, Tensor], path: Path) -> None:
        """Write some of its pictures, real ones and as ``painter`` with these weights paints them, to ``path``."""
        some = (
            np.linspace(0, len(self._given[0]) - 1, min(growing.SHOWN, len(self._given[0])))
            .round()
            .astype(int)
        )
        now = {name: value.clone() for name, value in painter.state_dict().items()}
        painter.load_state_dict(weights)
        painter.eval()
        given = [part[some] for part in self._given]
        with torch.no_grad():
            painted = [part.add(0.5).clamp(0, 255).byte().cpu().numpy() for part in painter(*given)]
        painter.train()
        painter.load_state_dict(now)
        growing.show((given[0].cpu().numpy(), given[1].cpu().numpy()), (painted[0], painted[1]), path)


class _Run:
    """Where a training stands: weights, their average, the best of these, optimiser, steps; and its checkpoint."""

    FACTS = ("step", "spent", "until", "loss", "first_loss", "errors")

    def __init__(self, painter: Painter, optimiser: torch.optim.Optimizer, path: Path) -> None:
        self.painter, self.optimiser, self.path = painter, optimiser, path
        self.begin()
        self.step, self.spent, self.loss, self.first_loss = 0, 0.0, 0.0, 0.0
        self.errors: list[tuple[float, float]] = []  # error on what is not learnt, and seconds spent by then
        self.until = np.inf  # seconds at which a run that has stopped gaining ends
        self._losses: list[Tensor] = []  # of steps that were not looked at yet

    def begin(self) -> None:
        """The painter's weights are those to begin with."""
        self.average = {name: value.detach().clone() for name, value in self.painter.state_dict().items()}
        self.best = dict(self.average)

    def judged(self, judge: _Judge) -> None:
        """Measure the averaged weights on what is not learnt; see whether more steps would bring anything."""
        self.note()
        now = {name: value.clone() for name, value in self.painter.state_dict().items()}
        self.painter.load_state_dict(self.average)
        error = judge.error(self.painter)
        self.painter.load_state_dict(now)
        if not self.errors or error <= min(self.errors)[0]:
            self.best = {name: value.clone() for name, value in self.average.items()}
        self.errors.append((error, self.spent))
        before = [error for error, spent in self.errors if spent < self.spent * (1 - LATELY)]
        if self.step >= SOONEST and before and min(self.errors)[0] > min(before) * (1 - GAIN):
            self.until = min(self.until, self.spent * (1 + LANDING))

    def learn(self, loss: Tensor) -> None:
        """Count a step and average the weights; nothing here waits for the device."""
        self._losses.append(loss)
        self.step += 1
        keep = min(AVERAGE, self.step / (self.step + 10))
        with torch.no_grad():
            pairs = [
                (self.average[name], value)
                for name, value in self.painter.state_dict().items()
                if value.is_floating_point()
            ]
            averages, values = (list(part) for part in zip(*pairs, strict=True))
            torch._foreach_lerp_(averages, values, 1 - keep)

    def note(self) -> None:
        """Average the losses of the steps since the last look."""
        if not self._losses:
            return
        first = self.step - len(self._losses)
        for step, loss in enumerate(torch.stack(self._losses).tolist(), first):
            if step < 10:
                self.first_loss += (loss - self.first_loss) / (step + 1)
            self.loss += (loss - self.loss) * max(0.05, 1 / (step + 1))
        self._losses.clear()

    def save(self) -> None:
        tensors = {f"now.{name}": value for name, value in self.painter.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
        facts = {name: getattr(self, name) for name in self.FACTS}
        partial = self.path.with_suffix(".part")
        whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        save_file(whole, partial, metadata={"run": json.dumps(facts)})
        partial.replace(self.path)

    def resume(self) -> None:
        """Go on from the checkpoint, where there is one that fits."""
        if not self.path.exists():
            return
        with safe_open(self.path, framework="pt") as file:
            facts = json.loads(file.metadata()["run"])
            part: dict[str, dict[str, Tensor]] = {"now": {}, "average": {}, "best": {}, "optimiser": {}}
            for key in file.keys():  # noqa: SIM118 - not a dict
                kind, _, name = key.partition(".")
                part[kind][name] = file.get_tensor(key)
        shapes = {name: value.shape for name, value in self.painter.state_dict().items()}
        if {name: value.shape for name, value in part["best"].items()} != shapes:
            log.warning("painter: the checkpoint is of another crop, net or release; starting anew")
            return
        self.painter.load_state_dict(part["now"])
        for name, value in part["average"].items():
            self.average[name].copy_(value)
        self.best = {name: value.to(self.average[name].device) for name, value in part["best"].items()}
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in part["optimiser"].items():
            index, _, name = key.partition(".")
            state.setdefault(int(index), {})[name] = value
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": state})
        self.step, self.spent, self.until = int(facts["step"]), float(facts["spent"]), float(facts["until"])
        self.loss, self.first_loss = float(facts["loss"]), float(facts["first_loss"])
        self.errors = [(float(error), float(spent)) for error, spent in facts["errors"]]


def _pace(step: int, share: float) -> float:
    """The learning rate's factor: a short rise, then a cosine down to a fiftieth."""
    return min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * min(share, 1.0)))))


def _weight(lesson: Lesson) -> FloatArray:
    """How much every place counts: what is pasted, and three times that where the lips ever are."""
    size = lesson.mask.shape[0]
    lips = np.zeros((size, size), np.uint8)
    shapes = lesson.basis.shape(lesson.coefficients[lesson.rows])
    for shape in shapes[:: max(1, len(shapes) // 100)]:
        cv2.fillPoly(lips, [np.round(shape[: len(OUTER)] * size).astype(np.int32)], 1)
    wide = cv2.dilate(lips, np.ones((size // 20 | 1,) * 2, np.uint8)).astype(np.float32)
    soft = cv2.GaussianBlur(wide, (0, 0), size / 40)
    return np.asarray(lesson.mask * (1 + 2 * soft), np.float32)[None, None]
