"""A person's voice from a minute of speech: the decoder's style, then its normalisation layers.

The recording is transcribed, a stock voice says the same text, and the two are warped together; so every phone
has its real time, and the real pitch and energy can be fed to the decoder (teacher forcing). What is left to
explain is the timbre: first the 128 numbers of style, then every gain and shift that they control, by gradient
on mel spectra and on a speaker encoder, heard through the recording's own noise, so that the noise is nothing to be
learnt. The network's own weights stay as they are, and with them every word.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from torch import Tensor
from torch.nn import functional

from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.voice import align, register, text
from avatar_engine.voice import pitch as tracks
from avatar_engine.voice.clean import Place, alike
from avatar_engine.voice.decoder import Decoder
from avatar_engine.voice.melody import Melody, melody, towards
from avatar_engine.voice.network import (
    LOWEST_PITCH,
    SAMPLES_PER_FEATURE,
    SAMPLES_PER_TOKEN_FRAME,
    Features,
    Network,
    Plan,
    calibrate_features,
    text_features,
    tuned,
)
from avatar_engine.voice.pack import VoicePack, stock_fit
from avatar_engine.voice.phonemes import Phonemizer, tag, tokens
from avatar_engine.voice.sentences import FREE
from avatar_engine.voice.speaker import SpeakerEncoder, encoder, mel_bank, spoken

log = logging.getLogger(__name__)

SHORTEST_SPEECH = 15.0
"""Seconds of speech below which no fit is tried."""

_COLUMNS = 132  # One training window: 1.65 s, a little more than the speaker encoder's.
_STYLE_SHARE = 0.2  # Of the time for training.
_STYLE_RATE, _GAIN_RATE = 1e-2, 6e-3
_SPEAKER_WEIGHT = 3.0
_FREE_SHARE = 0.4  # Of the steps: sentences with the network's own melody, as in a show.
_CHECK_EVERY = 25
_READING = 4.0
"""CPU seconds in which a sentence is said and read back."""
_SAYING = 2.5
_PACES = (0.8, 1.2)  # Beyond that words suffer more than the likeness gains.
_READ_SHARE = 0.15  # Of the budget: for the unfitted voice and for the fitted one.
_UNREAD = ("hi",)
"""Languages that the recogniser can't read well enough to tell a voice by."""
_NOISE = 30 * SAMPLE_RATE
_NOTHING = np.zeros(0, np.float32)
_STATE = "voice-state.safetensors"
_LEAST = 20.0  # Seconds of training, however long the preparation took.


class Computer(Protocol):
    """What a fit asks of the device: ``cpu`` or ``cuda``, and whether bf16 arithmetic is fast."""

    @property
    def kind(self) -> str: ...
    @property
    def bf16(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Item:
    """One stretch of the recording, ready to be taught.

    Attributes:
        plan: What is said, with the real durations, pitch and energy.
        source: float32 (1, 22, 120 * frames + 1), the harmonic source of the real pitch.
        target: float32 (600 * frames,), the recording.
    """

    plan: Plan
    source: FloatArray
    target: FloatArray


@dataclass(frozen=True, slots=True)
class Free:
    """A sentence in the network's own melody: nobody has recorded it, only the person's likeness is asked for."""

    plan: Plan
    source: FloatArray


@dataclass(frozen=True, slots=True)
class Prepared:
    """The items, those held back to see when to stop, sentences to say freely, and how the person speaks."""

    items: tuple[Item, ...]
    held: tuple[Item, ...]
    free: tuple[Free, ...]
    base: str
    prosody: str
    language: str
    gain: float
    pitch: tuple[float, float]
    pace: float
    melody: Melody | None
    noise: FloatArray


def fit(
    samples: FloatArray,
    *,
    language: str = "auto",
    device: Computer | None = None,
    budget: float = 330.0,
    work: Path,
    progress: Progress = silent,
    train: slice = slice(None),
) -> VoicePack:
    """The voice that speaks in ``samples``.

    Args:
        samples: float32 (n,) at 24 kHz, one person speaking.
        language: BCP 47 tag, or ``auto``.
        device: Where to train, and whether in bf16; on the processor in float32 when None.
        budget: Seconds of CPU (on a card, of time) for everything; about 60 go into preparation, a tenth into reading
            the words back.
        work: Folder for what is worth keeping when interrupted; a second call goes on from there.
        train: Which samples may be used.

    Raises:
        AvatarError: Too little speech, or the language can't be spoken.
    """
    on_card = _on_card(device)
    clock = time.monotonic if on_card else time.process_time  # a card's work is nobody's processor time
    started = clock()
    work.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        prepared = _prepare(np.ascontiguousarray(samples[train], np.float32), language, work, progress)
        trainer = Trainer(prepared, work, device, clock)
        sentences = _read_back(prepared.language, budget)
        reading = (2 * _READING + _SAYING) * len(sentences)
        left = max(_LEAST, budget - reading - (clock() - started) - trainer.spent)
        trainer.styles(left * _STYLE_SHARE, progress)
        trainer.gains(left * (1 - _STYLE_SHARE), progress)
        pack = register.settled(trainer.pack(), prepared.melody, sentences)
        if prepared.language[:2] not in _UNREAD:
            pack = _clear(pack, sentences, progress)
    finally:
        torch.set_num_threads(threads)
    progress("voice", 1.0, f"speaker {pack.meta['speaker']:.2f}")
    return replace(pack, meta={**pack.meta, "cpu_seconds": round(clock() - started, 1)})


def _on_card(device: Computer | None) -> bool:
    return device is not None and device.kind == "cuda" and torch.cuda.is_available()


def _read_back(language: str, budget: float) -> tuple[str, ...]:
    """What is said and read back after a fit; a short fit can afford little of it."""
    return FREE.get(language[:2], ())[: max(3, round(budget * _READ_SHARE / _READING / 2))]


def _clear(pack: VoicePack, sentences: Sequence[str], progress: Progress) -> VoicePack:
    """The fit as far as its words are clear."""
    from avatar_engine.voice import clarity
    from avatar_engine.voice.measure import unfitted

    told = _within(progress, 0.93, 1.0)
    pack, read = clarity.clear(pack, unfitted(pack), sentences, pack.language, clarity.misread, told)
    return replace(pack, meta={**pack.meta, "words": asdict(read)})


def _within(progress: Progress, start: float, stop: float) -> Progress:
    """``progress`` for a part of the bar."""

    def told(stage: str, done: float, note: str = "") -> None:
        progress(stage, start + (stop - start) * done, note)

    return told


# Preparation ---------------------------------------------------------------------------------------------------


def _prepare(samples: FloatArray, language: str, work: Path, progress: Progress) -> Prepared:
    progress("voice", 0.0, "transcript")
    stretches, heard = transcript(samples, language, work)
    spoken_language = tag(heard if language == "auto" else language)
    seconds = sum(s.stop - s.start for s in stretches) / SAMPLE_RATE
    if seconds < SHORTEST_SPEECH:
        raise AvatarError(
            f"Only {seconds:.0f} s of speech were found; {SHORTEST_SPEECH:.0f} s are needed for a voice.",
            "Use a longer clip.",
        )
    progress("voice", 0.05, f"{len(stretches)} stretches, {seconds:.0f} s of {spoken_language}")
    f0 = tracks.pitch(samples)
    said_only = np.concatenate([samples[s.start : s.stop] for s in stretches])
    base, prosody = _nearest(said_only, f0, spoken_language)
    stock = VoicePack.stock(base)
    half = VoicePack.stock(prosody).style[128:]
    network = Network(np.concatenate([stock.style[:128], half]), None, stock.statistics)
    phonemizer = Phonemizer(spoken_language)
    try:
        aligned = []
        for done, stretch in enumerate(stretches):
            progress("voice", 0.05 + 0.1 * done / len(stretches), "alignment")
            said = ". ".join(text.say(stretch.words, spoken_language))
            aligned.append(_Aligned.of(samples, stretch, phonemizer.phonemes(said), network))
        sentences = FREE.get(spoken_language[:2], ())
        free = [tokens(phonemizer.phonemes(text.say(words, spoken_language)[0])) for words in sentences]
    finally:
        phonemizer.close()
    kept = [a for a in aligned if a is not None]
    taught = _teach(kept, free, samples, f0, network, base, prosody, spoken_language)
    return replace(taught, noise=Place.of(samples).noise * np.float32(taught.gain))


def transcript(samples: FloatArray, language: str, work: Path) -> tuple[list[align.Stretch], str]:
    """What is said in the recording, and in which language; read once and kept in ``work``.

    Args:
        samples: float32 (n,) at 24 kHz.
        language: BCP 47 tag, or ``auto``.
        work: A folder that is there.

    Raises:
        AvatarError: No word was understood.
    """
    kept = work / "transcript.json"
    key = {"samples": len(samples), "level": round(float(np.abs(samples).mean()), 7), "language": language}
    if kept.exists():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        if stored["key"] == key:
            return [align.Stretch(*row) for row in stored["stretches"]], stored["language"]
    (work / _STATE).unlink(missing_ok=True)  # Of another recording, or of none.
    stretches, heard = align.transcribe(samples, language)
    rows = [[s.start, s.stop, s.words] for s in stretches]
    kept.write_text(json.dumps({"key": key, "language": heard, "stretches": rows}), encoding="utf-8")
    return stretches, heard


def _nearest(speech: FloatArray, f0: FloatArray, language: str) -> tuple[str, str]:
    """The stock voice of the nearest timbre, and of the nearest pitch among those of the language."""
    person = encoder().voice(speech)
    known = stock_fit()
    base = max(known, key=lambda name: float(known[name].speaker @ person))
    pitch = float(np.log(f0[f0 > 0]).mean()) if np.any(f0 > 0) else np.log(150.0)
    own = [name for name in known if VoicePack.stock(name).language[:2] == language[:2]]
    # A timbre may come from any language, the melody only from the person's own.
    prosody = max(
        own or [VoicePack.default(language).base],
        key=lambda name: (
            float(known[name].speaker @ person) - 2 * abs(known[name].pitch[0] - pitch) if own else 0
        ),
    )
    return base, prosody


@dataclass(frozen=True, slots=True)
class _Aligned:
    start: int
    ids: tuple[int, ...]
    frames: npt.NDArray[np.int64]
    model: Plan
    sound: FloatArray
    voiced: npt.NDArray[np.bool_]  # by column: has the model a pitch where it says this?
    cost: float

    @classmethod
    def of(cls, samples: FloatArray, stretch: align.Stretch, said: str, network: Network) -> _Aligned | None:
        count = (stretch.stop - stretch.start) // SAMPLES_PER_TOKEN_FRAME
        ids = tokens(said)[:400]
        if count < len(ids) + 4 or len(ids) < 3:
            return None
        real = samples[stretch.start : stretch.start + count * SAMPLES_PER_TOKEN_FRAME]
        plan = network.plan(ids)
        sound = network.sound(plan)
        bounds, cost = align.warp(tracks.cepstra(sound), tracks.cepstra(real))
        columns = count * SAMPLES_PER_TOKEN_FRAME // SAMPLES_PER_FEATURE
        said_at = np.searchsorted(bounds, np.arange(columns), "right") - 1
        voiced = plan.pitch[0, np.minimum(said_at, plan.pitch.shape[1] - 1)] > LOWEST_PITCH
        frames = align.frames_of(plan.frames, bounds, count)
        return cls(stretch.start, tuple(ids), frames, plan, sound, voiced, cost)


def _teach(
    aligned: list[_Aligned], free: Sequence[Sequence[int]], samples: FloatArray, f0: FloatArray, network: Network,
    base: str, prosody: str, language: str,
) -> Prepared:  # fmt: skip
    """Items from what was aligned; the worst tenth (misheard words) is left out."""
    limit = np.quantile([a.cost for a in aligned], 0.92) if aligned else 0
    kept = [a for a in aligned if a.cost <= limit]
    if not kept:
        raise AvatarError("The words of the recording can't be aligned.", "Use a clip of clear speech.")
    slope, offset = _energy_of_level(kept)
    gain = _rms(np.concatenate([a.sound for a in kept])) / _rms(
        np.concatenate([_real(samples, a) for a in kept])
    )
    items = []
    for a in kept:
        real = _real(samples, a) * gain
        columns = len(real) // SAMPLES_PER_FEATURE
        first = a.start // SAMPLES_PER_FEATURE
        energy = (slope * tracks.loudness(real) + offset).astype(np.float32)[None]
        tracked = np.pad(f0[first : first + columns], (0, max(0, first + columns - len(f0))))
        pitch = carried(tracked, a.voiced, f0)[None]
        plan = Plan(text_features(a.ids, a.frames), pitch, energy, a.frames)
        items.append(Item(plan, network.features(plan).source, real.astype(np.float32)))
    held = tuple(items[3::9])[:3] if len(items) > 6 else tuple(items[:1])
    taught = tuple(item for item in items if not any(item is other for other in held)) or tuple(items)
    manner, pace = _manner(kept, f0)
    said = [tuned(network.plan(ids, pace), manner) for ids in free]
    own = tuple(Free(plan, network.features(plan).source) for plan in said)
    return Prepared(
        tuple(taught), held, own, base, prosody, language, gain, manner, pace, melody(f0), _NOTHING
    )


def _energy_of_level(aligned: Sequence[_Aligned]) -> tuple[float, float]:
    """Slope and offset from a sound's level to the network's energy, where it speaks: pauses bend the line."""
    level = np.concatenate([tracks.loudness(a.sound)[: a.model.energy.shape[1]] for a in aligned])
    energy = np.concatenate([a.model.energy[0][: len(tracks.loudness(a.sound))] for a in aligned])
    loud = level > np.quantile(level, 0.95) - 3
    slope, offset = np.polyfit(level[loud], energy[loud], 1)
    return float(slope), float(offset)


def _manner(aligned: Sequence[_Aligned], f0: FloatArray) -> tuple[tuple[float, float], float]:
    """How the person's register (shift and spread of log pitch) and pace differ from the model's."""
    model = np.concatenate([tracks.pitch(a.sound) for a in aligned])  # by the tracker that heard the person
    own, real = melody(model), melody(f0)
    ours, theirs = (sum(int(f[1:-1].sum()) for f in all_of) for all_of in (
        [a.model.frames for a in aligned], [a.frames for a in aligned]
    ))  # fmt: skip
    pace = float(np.clip(ours / max(1, theirs), *_PACES))
    if own is None or real is None:
        return (0.0, 1.0), pace
    return towards((0.0, 1.0), own, real), pace


def carried(pitch: FloatArray, voiced: npt.NDArray[np.bool_], f0: FloatArray) -> FloatArray:
    """A stretch's pitch, carried on where the network would have one and the tracker found none.

    The network was trained with a pitch through nearly all of a word; a tracker gives up at every weak or
    creaky column, and without a harmonic source a voice would be learnt there from noise.

    Args:
        pitch: float32 (n,), Hz, 0 where the tracker found no voice.
        voiced: bool (n,), where the model has a pitch at the same place of the same words.
        f0: float32 (m,), the whole recording's, for a stretch in which nothing was tracked.
    """
    known = np.flatnonzero(pitch > 0)
    if not len(known):
        mean = float(np.exp(np.log(f0[f0 > 0]).mean())) if np.any(f0 > 0) else 0.0
        return np.where(voiced, mean, 0).astype(np.float32)
    between = np.exp(np.interp(np.arange(len(pitch)), known, np.log(pitch[known])))
    return np.where((pitch > 0) | voiced, between, 0).astype(np.float32)


def _real(samples: FloatArray, a: _Aligned) -> FloatArray:
    return samples[a.start : a.start + int(a.frames.sum()) * SAMPLES_PER_TOKEN_FRAME]


def _rms(samples: FloatArray) -> float:
    return float(np.sqrt(np.mean(spoken(samples) ** 2)) + 1e-9)


# Training ------------------------------------------------------------------------------------------------------


_SPECTRA = {512: 40, 1024: 80, 2048: 100}
"""Points of every spectrum that is compared, and its mel bands."""


class Ear(torch.nn.Module):
    """How unlike two sounds are: mel spectra at three resolutions, and the speaker encoder."""

    def __init__(self, person: FloatArray, speaker: SpeakerEncoder) -> None:
        super().__init__()
        self.register_buffer("person", torch.from_numpy(person), persistent=False)
        self.speaker = speaker
        for size, bands in _SPECTRA.items():
            bank = mel_bank(bands, size // 2 + 1, SAMPLE_RATE / size, 12000.0)
            self.register_buffer(f"bank{size}", torch.from_numpy(bank), persistent=False)
            self.register_buffer(f"hann{size}", torch.hann_window(size), persistent=False)

    def mels(self, samples: Tensor) -> Iterator[Tensor]:
        for size in _SPECTRA:
            bank, window = self.get_buffer(f"bank{size}"), self.get_buffer(f"hann{size}")
            spectrum = torch.stft(samples, size, size // 4, window=window, return_complex=True)
            yield torch.log(bank @ torch.view_as_real(spectrum).square().sum(-1) + 1e-5)

    def forward(self, made: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Spectral distance and speaker distance of (1, n) each."""
        pairs = zip(self.mels(made), self.mels(real), strict=True)
        spectral = torch.stack([functional.l1_loss(a, b) for a, b in pairs]).mean()
        return spectral, self.stranger(made)

    def stranger(self, made: Tensor) -> Tensor:
        """How far the voice in (1, n) samples is from the person's: 1 less the cosine."""
        return 1 - self.speaker.embed(self.speaker.mel(made)[:, :160])[0] @ self.get_buffer("person")


class Trainer:
    """The two steps of a fit, with their best state; kept in ``work`` so that a stop loses little."""

    def __init__(
        self,
        prepared: Prepared,
        work: Path,
        device: Computer | None,
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        self.prepared, self._clock = prepared, clock
        self.kept = work / _STATE
        self.spent = 0.0
        self.bf16 = bool(device and device.bf16)
        self.on = torch.device("cuda" if _on_card(device) else "cpu")
        torch.manual_seed(1)
        self.random = np.random.default_rng(1)
        self.decoder = Decoder().eval().to(self.on)
        columns = np.array([item.plan.pitch.shape[1] for item in prepared.items], np.float64)
        self.lengths = columns / columns.sum()  # A second of speech is as likely as any other.
        person = encoder().voice(np.concatenate([item.target for item in prepared.items]))
        self.ear = Ear(person, SpeakerEncoder()).to(self.on)
        self.noise = torch.from_numpy(alike(prepared.noise, _NOISE)).to(self.on)
        self._laid: dict[int, tuple[Tensor, ...]] = {}  # what is said, where it is taught; by identity
        stock = VoicePack.stock(prepared.base)
        self.style = torch.nn.Parameter(torch.from_numpy(stock.style[:128].copy()).to(self.on))
        self.prosody = VoicePack.stock(prepared.prosody).style[128:].copy()
        self.statistics: dict[str, FloatArray] = {}
        self.steps = {"style": 0, "gains": 0}
        self.scores: dict[str, float] = {}
        self._stored = self._load()

    def styles(self, seconds: float, progress: Progress) -> None:
        """The 128 numbers of style, each window normalised by itself."""
        if "style" in self._stored:
            with torch.no_grad():
                self.style.copy_(torch.from_numpy(self._stored["style"]))
        else:
            self._train("style", [self.style], _STYLE_RATE, seconds, (0.15, 0.4), progress)
            self._save()  # Only here: what was read has the gains of an earlier run, which are not in the decoder yet.
        network = Network(self._full_style())
        self.statistics = calibrate_features(
            network, [Features(network.features(i.plan).features, i.source) for i in self.prepared.items[:8]]
        )

    def gains(self, seconds: float, progress: Progress) -> None:
        """Every gain and shift of the decoder, with the statistics that the show will use."""
        self.decoder.freeze(self.statistics)
        free = self.decoder.release(self.style.detach())
        folded = {
            name.removeprefix("folded/"): value
            for name, value in self._stored.items()
            if name.startswith("folded/")
        }
        if folded:
            self.decoder.restore(folded)
        self._train("gains", free, _GAIN_RATE, seconds, (0.4, 0.92), progress)
        self._save()

    def _train(
        self, stage: str, free: Sequence[torch.nn.Parameter], rate: float, seconds: float,
        bar: tuple[float, float], progress: Progress,
    ) -> None:  # fmt: skip
        optimiser = torch.optim.Adam(free, rate, betas=(0.8, 0.98))
        begun = self._clock()
        best, state = self._check(stage, bar[0], progress), [p.detach().clone() for p in free]
        step, worse = 0, 0
        while (spent := self._clock() - begun) < seconds and worse < 4:
            for group in optimiser.param_groups:
                share = spent / seconds
                group["lr"] = rate * min(1.0, (step + 1) / 10) * max(0.05, 1 - share**2)
            loss = self._loss(stage)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(free, 5.0)
            optimiser.step()
            step += 1
            if step % _CHECK_EVERY == 0:
                score = self._check(stage, bar[0] + (bar[1] - bar[0]) * min(1.0, spent / seconds), progress)
                worse = 0 if score < best else worse + 1
                if score < best:
                    best, state = score, [p.detach().clone() for p in free]
                    if stage == "gains":
                        self._save()
        if self._check(stage, bar[1], progress) > best:
            with torch.no_grad():
                for parameter, value in zip(free, state, strict=True):
                    parameter.copy_(value)
        self.spent += self._clock() - begun
        self.steps[stage] = step
        self.scores[stage] = best

    def _loss(self, stage: str) -> Tensor:
        free = self.prepared.free
        if stage == "gains" and free and self.random.random() < _FREE_SHARE:
            return _SPEAKER_WEIGHT * self._likeness(free[int(self.random.integers(len(free)))])
        item = self.prepared.items[int(self.random.choice(len(self.lengths), p=self.lengths))]
        columns = item.plan.pitch.shape[1]
        start = int(self.random.integers(max(1, columns - _COLUMNS)))
        spectral, speaker = self._hear(item, start, min(columns, start + _COLUMNS))
        return spectral + _SPEAKER_WEIGHT * speaker

    def _hear(self, item: Item, start: int, stop: int) -> tuple[Tensor, Tensor]:
        made = self._say(item, start, stop)
        real = self._resident(item)[4][start * SAMPLES_PER_FEATURE : stop * SAMPLES_PER_FEATURE]
        spectral, speaker = self.ear(made, real[None])
        return spectral, speaker

    def _likeness(self, free: Free) -> Tensor:
        """How far a window of a free sentence is from the person's voice."""
        columns = free.plan.pitch.shape[1]
        edge = min(20, columns // 8)  # columns of padding at both ends
        start = int(self.random.integers(edge, max(edge + 1, columns - _COLUMNS - edge)))
        return self.ear.stranger(self._say(free, start, min(columns, start + _COLUMNS)))

    def _say(self, what: Item | Free, start: int, stop: int) -> Tensor:
        text, pitch, energy, whole, *_ = self._resident(what)
        source = whole[:, :, start * 60 : stop * 60 + 1]
        with torch.autocast(self.on.type, torch.bfloat16, enabled=self.bf16):
            features = self.decoder.body(text, pitch, energy, self.style)
            made = self.decoder.generator(features[:, :, start:stop], source, self.style)
        return made.float() + self._room(made.shape[1])

    def _resident(self, what: Item | Free) -> tuple[Tensor, ...]:
        """Text features, pitch, energy, source and, of an item, the recording: sent to the device once."""
        if id(what) not in self._laid:
            plan, target = what.plan, (what.target,) if isinstance(what, Item) else ()
            parts = (plan.text, plan.pitch, plan.energy, what.source, *target)
            self._laid[id(what)] = tuple(torch.from_numpy(part).to(self.on) for part in parts)
        return self._laid[id(what)]

    def _room(self, count: int) -> Tensor:
        """Noise as in the recording: with it what is made is compared with what was recorded, and none is learnt."""
        start = int(self.random.integers(_NOISE - count))
        return self.noise[start : start + count]

    @torch.no_grad()
    def _check(self, stage: str, done: float, progress: Progress) -> float:
        heard = []
        for item in self.prepared.held:
            columns = item.plan.pitch.shape[1]
            start = max(0, columns - _COLUMNS) // 2
            heard.append([float(v) for v in self._hear(item, start, min(columns, start + _COLUMNS))])
        spectral, speaker = np.mean(heard, axis=0)
        if stage == "gains" and self.prepared.free:
            freely = [float(self._likeness(free)) for free in self.prepared.free[:3]]
            speaker = (speaker + float(np.mean(freely))) / 2
        self.scores["speaker"] = 1 - float(speaker)
        progress("voice", done, f"{stage}: spectrum {spectral:.2f}, speaker {1 - speaker:.2f}")
        log.info("voice fit %s: spectrum %.3f speaker %.3f", stage, spectral, 1 - speaker)
        return float(spectral + _SPEAKER_WEIGHT * speaker)

    def _full_style(self) -> FloatArray:
        return np.concatenate([self.style.detach().cpu().numpy(), self.prosody]).astype(np.float32)

    def pack(self) -> VoicePack:
        """The voice as it is now."""
        meta: dict[str, Any] = {
            "prosody": self.prepared.prosody,
            "pitch": list(self.prepared.pitch),
            "pace": self.prepared.pace,
            "steps": dict(self.steps),
            "speaker": self.scores.get("speaker", 0.0),
        }
        return VoicePack(
            self._full_style(), self.decoder.folded(self.style), self.statistics, self.prepared.base,
            self.prepared.language, meta,
        )  # fmt: skip

    def _save(self) -> None:
        out = {"style": self._full_style()[:128]}
        if any(adain.free is not None for adain in self.decoder.adains.values()):
            out |= {f"folded/{name}": value for name, value in self.decoder.folded(self.style).items()}
        fresh = self.kept.with_suffix(".fresh")
        save_file(out, str(fresh), {"base": self.prepared.base, "spent": f"{self.spent:.1f}"})
        fresh.replace(self.kept)

    def _load(self) -> dict[str, FloatArray]:
        """What an interrupted fit of the same recording left; nothing when it began from another voice."""
        if not self.kept.exists():
            return {}
        with safe_open(str(self.kept), "np") as stored:
            about = stored.metadata() or {}
            if about.get("base") != self.prepared.base:
                return {}
            self.spent = float(about.get("spent", 0))
            return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
