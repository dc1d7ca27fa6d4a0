"""Sound in, mouth shapes out, 25 a second, 120 ms behind the sound; the same however the sound is cut up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avatar_engine.contracts import SAMPLES_PER_FRAME, ByteArray, FloatArray, MouthMotion, Phone
from avatar_engine.device import Device, onnx_session
from avatar_engine.lips import closures, sound
from avatar_engine.lips.model import Gate, LipsModel
from avatar_engine.lips.shape import INNER, OUTER, ShapeBasis

AHEAD = sound.LOOK_AHEAD // SAMPLES_PER_FRAME
"""Pictures that the shapes lag behind the sound (3, 120 ms)."""

HOLD = 25
"""Pictures after the last sounding one in which the net still says where the lips are: it heard the minute's own
pauses, and knows better than a level how this person breathes in, waits and closes. After that the mouth rests."""

REACH = 2  # pictures before a sounding one in which the mouth is awake already
EASE = (
    np.array([1, 2, 2, 2, 1], np.float32) / 8
)  # over pictures k-3 to k+1: falling asleep is softer than waking
PAST = HOLD + 3
CALM = 20.0
"""dB below loud speech from which on a picture is no speech, only breath and room: the lips are calm there."""

CALM_BEFORE, CALM_AFTER = 3, 2  # pictures that are not calm yet, or no longer, though they are quiet
STILL = 0.4
"""How far, in what lips usually are from their mean, calm lips hold still: what is heard in a pause opens and closes
them, but what is less than this is no reason to move, and of what is more they go only the rest (a play filter)."""

SETTLE = 0.05  # share of their way that they go in one picture nevertheless, so that they come to lie where they should

LIPS = len(OUTER + INNER)  # landmarks of a shape that are lips
SINK = 0.04  # dB a picture: how fast the voice's remembered level sinks
SHIFT = (-20.0, 10.0)  # dB: how far another voice's level may move the gate
CPU = Device("cpu", "one core", 1, False, False, 1)


@dataclass(frozen=True, slots=True)
class MotionState:
    """Where a stream of sound stands, between two pushes.

    Attributes:
        samples: float32 (m,), the sound from `LEAD` samples before the next picture's start.
        levels: float32 (m, 2), the awakeness (0 to 1) of the pictures from `PAST` before the next one on: whether
            there is sound, and whether there is speech.
        peak: The voice's remembered level in dB.
        last: float32 (coefficients,), the shape of the last picture, before closures.
        marked: uint8 (m,), what is asked of the lips in each of ``samples`` (`avatar_engine.lips.closures.marks`).
    """

    samples: FloatArray
    levels: FloatArray
    peak: float
    last: FloatArray
    marked: ByteArray


class MotionStream:
    """Turns a stream of sound into mouth shapes of one person.

    Args:
        model: The fitted lips.
        device: Where the small net runs; one core is plenty (0.3 ms a picture).

    `push` keeps nothing inside: the state goes in and comes out.
    """

    def __init__(self, model: LipsModel, device: Device = CPU) -> None:
        self._session = onnx_session(model.motion, device, threads=1)
        self._neutral = model.neutral
        self._gate = model.gate
        self._calm = max(0.0, model.gate.speech - CALM - model.gate.open)
        self._still = Stillness(model.basis, len(model.neutral))
        self._closing = closures.Closing(model.basis, model.neutral)

    def start(self) -> MotionState:
        """The state before the first sample: silence so far."""
        lead = np.zeros(sound.LEAD, np.float32)
        levels = np.zeros((PAST, 2), np.float32)
        return MotionState(lead, levels, self._gate.speech, self._neutral, lead.astype(np.uint8))

    def push(
        self, state: MotionState | None, samples: FloatArray, phones: Sequence[Phone] = ()
    ) -> tuple[MouthMotion, MotionState]:
        """Take some sound (any count of samples at 24 kHz) and give the shapes that it makes ready.

        The shape of picture ``k`` comes once the sound up to 120 ms after the picture's end is here, so the
        first pushes give no row, and a show pushes silence while nothing is said.

        Args:
            state: Where the stream stands; None before its first sound.
            samples: float32 (n,), the next sound.
            phones: What is said in it, where that is known, timed from its first sample: the lips close where they
                must. What lies outside it is left out, so that a phone that goes on comes again with the next sound.

        Returns:
            The shapes of the next pictures, float32 (pictures, coefficients), perhaps none, and the new state.
        """
        state = state or self.start()
        heard = np.concatenate([state.samples, np.asarray(samples, np.float32)])
        fresh = (len(heard) - sound.LEAD) // SAMPLES_PER_FRAME  # pictures whose own samples are here
        known = len(state.levels) - PAST  # of which the level was taken before
        awake, peak = self._awake(
            heard[sound.LEAD :][known * SAMPLES_PER_FRAME : fresh * SAMPLES_PER_FRAME], state
        )
        levels = np.concatenate([state.levels, awake])
        ready = max(0, (len(heard) - sound.LEAD - sound.LOOK_AHEAD) // SAMPLES_PER_FRAME)
        marked = np.concatenate([state.marked, closures.marks(phones, len(samples))])
        gate = eased(levels)[:ready]
        calm = gate * (1 - speaking(levels)[:ready])  # lips at rest are not held back: they close
        rows = self._still(self._shapes(heard, gate), calm, state.last)
        last = rows[-1] if ready else state.last
        past = ready * SAMPLES_PER_FRAME
        closed = self._closing.under(rows, closures.ceilings(marked, ready))
        return MouthMotion(closed), MotionState(heard[past:], levels[ready:], peak, last, marked[past:])

    def whole(self, samples: FloatArray, phones: Sequence[Phone] = ()) -> MouthMotion:
        """The shapes of a whole sound, in which ``phones`` are said: one row for every picture that it touches."""
        pictures = -(-len(samples) // SAMPLES_PER_FRAME)
        rest = pictures * SAMPLES_PER_FRAME - len(samples) + sound.LOOK_AHEAD
        motion, _ = self.push(None, np.concatenate([samples, np.zeros(rest, np.float32)]), phones)
        return motion

    def _awake(self, samples: FloatArray, state: MotionState) -> tuple[FloatArray, float]:
        """Of every picture of ``samples`` its row of `MotionState.levels`, and the voice's level after them."""
        levels, peak = sound.loudness(samples), state.peak
        awake = np.empty((len(levels), 2), np.float32)
        for index, level in enumerate(levels.tolist()):
            awake[index, 0] = awakeness(level, peak, self._gate)
            awake[index, 1] = awakeness(level - self._calm, peak, self._gate)
            if awake[index, 0] > 0.5:
                peak = max(level, peak - SINK)
        return awake, peak

    def _shapes(self, heard: FloatArray, gate: FloatArray) -> FloatArray:
        pictures = len(gate)
        rows = np.repeat(self._neutral[None], pictures, 0)
        awake = np.flatnonzero(gate > 0)
        if len(awake):
            needed = sound.LEAD + pictures * SAMPLES_PER_FRAME + sound.LOOK_AHEAD
            windows = sound.windows(sound.log_mel(sound.power(heard[:needed])))
            shapes = self._session.run(None, {"mel": np.ascontiguousarray(windows[awake])})[0]
            rows[awake] += gate[awake, None] * (shapes - self._neutral)
        return rows


def awakeness(level: float, peak: float, gate: Gate) -> float:
    """0 in silence, 1 in speech, smooth between, for one picture's level given the voice's own level (dB)."""
    shift = min(max(peak - gate.speech, SHIFT[0]), SHIFT[1])
    share = min(max((level - shift - gate.shut) / (gate.open - gate.shut), 0.0), 1.0)
    return share * share * (3 - 2 * share)


def eased(levels: FloatArray) -> FloatArray:
    """The gate of every picture whose neighbours are known: levels (m, 2) to float32 (m - `PAST` - 3,).

    A picture is as awake as the most awake from `HOLD` before it to `REACH` after, then eased over five pictures.
    """
    count = len(levels) - PAST - AHEAD
    if count <= 0:
        return np.zeros(0, np.float32)
    most = np.lib.stride_tricks.sliding_window_view(levels[:, 0], HOLD + REACH + 1).max(1)
    return np.convolve(most, EASE[::-1], "valid")[:count].astype(np.float32)


def speaking(levels: FloatArray) -> FloatArray:
    """How much every picture belongs to speech, 0 to 1: levels (m, 2) to float32 (m - `PAST` - 3,)."""
    count = len(levels) - PAST - AHEAD
    if count <= 0:
        return np.zeros(0, np.float32)
    near = np.lib.stride_tricks.sliding_window_view(levels[:, 1], CALM_AFTER + 1 + CALM_BEFORE).max(1)
    return np.asarray(near[PAST - CALM_AFTER :][:count], np.float32)


class Stillness:
    """Holds one person's lips still where they are calm.

    Args:
        basis: The person's mouth shapes.
        coefficients: Numbers of a shape, with its textures.
    """

    def __init__(self, basis: ShapeBasis, coefficients: int) -> None:
        ways = basis.axes[:, :LIPS].reshape(basis.coefficients, -1) / np.sqrt(LIPS)
        self._ways = np.zeros((coefficients, ways.shape[1]), np.float32)  # a texture moves nothing
        self._ways[: basis.coefficients] = ways
        self._usual = float(np.linalg.norm(ways))  # a coefficient of 1 is one standard deviation

    def __call__(self, rows: FloatArray, calm: FloatArray, last: FloatArray) -> FloatArray:
        """Shapes (n, coefficients) that begin at ``last`` and hold still where they are ``calm`` (n,), 0 to 1."""
        out = np.empty_like(rows)
        for index, row in enumerate(rows):
            way = row - last
            held = STILL * self._usual * float(calm[index])
            if held > 0:
                far = float(np.linalg.norm(way @ self._ways))
                last = last + max(SETTLE, 1 - held / max(far, held)) * way
            else:
                last = row
            out[index] = last
        return out
