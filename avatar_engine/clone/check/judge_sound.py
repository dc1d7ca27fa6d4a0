"""Can a voice be learnt from this sound, and is it in step? What intake refuses is judged here, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_engine.clone.check import phones
from avatar_engine.clone.check.finding import Bools, Finding, better, fatal, runs, spans, times
from avatar_engine.clone.check.hearing import NO_PAUSE, Hearing
from avatar_engine.clone.speech import WINDOW_SECONDS
from avatar_engine.clone.sync import LARGEST_OFFSET_MS, Sync, SyncWindow
from avatar_engine.contracts import FRAME_RATE, FloatArray
from avatar_engine.voice.phonemes import languages

LEAST_SPEECH_SECONDS = 20.0

GOOD_SPEECH_SECONDS = 35.0
"""A minute of talk with natural pauses has 39 s (GRID's s4, the drawn presenter) to 57 s (LJ Speech)."""

SILENT_PEAK = 0.003

MOST_OVERDRIVEN = 3e-4
"""Share of cut-off samples: up to 0.000004 in six clean recordings; cut at half and at a quarter of its peak GRID's s1
has 0.004 and 0.04, the drawn presenter, whose peaks are few, 0.0016 at a third."""

LEAST_ABOVE_NOISE = 18.0
"""dB: GRID 22 and 28, LJ Speech 43, LibriSpeech 19 and 14, of which the last one's room is heard in its clone."""

LONGEST_DECAY = 0.38
"""Seconds: six recordings in dry rooms are heard as 0.18 to 0.27 s, a room of 0.3 s as 0.36, one of 0.6 s as 0.53."""

QUIETEST_SPEECH = -42.0
"""dB of full scale: below, 16-bit sound has few levels left."""

NARROWEST = 6500.0
"""Hz: a telephone ends at 3400 or 7000; sound of 16 kHz (LibriSpeech), from which voices were fitted, ends at 7900."""

MOST_MISSING = 3
"""Phones that an ordinary minute lacks by chance."""

CLEAR, NOTHING = 6.0, 4.0
"""Clarity of the sync measurement above which it is believed, and below which nothing was found."""

MOST_SLIDE_MS = 500.0
"""Drift from start to end of a clip that is refused."""

CLOSED = 0.03
"""Opening of the lips (over the distance of the eyes) up to which they count as closed."""

LEAST_REST = 2.0
"""Seconds of silence with the mouth closed from which the mouth's rest is learnt."""


def speech(hearing: Hearing) -> list[Finding]:
    """Whether there is enough speech: what a clone is refused for.

    Args:
        hearing: What was heard.
    """
    if hearing.peak < SILENT_PEAK:
        said = (
            f"The sound is silent from 0 s to {hearing.seconds:.1f} s (its peak is {hearing.peak:.4f} of 1)."
        )
        return [fatal("speech", "silence", said, "Check the microphone and film again.")]
    seconds = hearing.speech_seconds
    value = f"{seconds:.0f} s of {hearing.seconds:.0f} s"
    if seconds < LEAST_SPEECH_SECONDS:
        said = (
            f"There are {seconds:.1f} s of speech in {hearing.seconds:.1f} s{_quietest(hearing.speaking)}; "
            f"at least {LEAST_SPEECH_SECONDS:.0f} s are needed."
        )
        return [
            fatal("speech", value, said, "Film the presenter speaking for a minute, near the microphone.")
        ]
    if seconds < GOOD_SPEECH_SECONDS:
        said = f"There are only {seconds:.0f} s of speech; {GOOD_SPEECH_SECONDS:.0f} s and more give a better voice."
        return [
            better("speech", value, said, "Let the presenter speak for the whole minute, with short pauses.")
        ]
    return [Finding("speech", value)]


def _quietest(speaking: Bools) -> str:
    start, stop = max(runs(~speaking), key=lambda run: run[1] - run[0], default=(0, 0))
    if stop - start < 64:
        return ""
    return f" (none from {start * WINDOW_SECONDS:.1f} s to {stop * WINDOW_SECONDS:.1f} s)"


def flaws(hearing: Hearing) -> list[Finding]:
    """Overdrive and noise: what a clone puts up with, and its report tells."""
    return [_overdrive(hearing), _noise(hearing)]


def room(hearing: Hearing) -> list[Finding]:
    """Level, band and reverberation: what only the check tells."""
    return [_level(hearing), _band(hearing), _reverberation(hearing)]


def _overdrive(hearing: Hearing) -> Finding:
    value = f"{hearing.overdriven:.2%} of the samples"
    if hearing.overdriven <= MOST_OVERDRIVEN:
        return Finding("overdrive", value if hearing.overdriven > 0 else "none")
    when = spans(hearing.cut_off, 1 / WINDOW_SECONDS)
    said = f"The sound is overdriven ({hearing.overdriven:.1%} of its samples are clipped)."
    return better(
        "overdrive",
        value,
        said,
        "Turn the microphone's level down, and speak a little further from it.",
        when,
    )


def _noise(hearing: Hearing) -> Finding:
    if hearing.above_noise >= NO_PAUSE:
        return Finding("noise", "no pause to hear it in")
    value = f"speech {hearing.above_noise:.0f} dB above it"
    if hearing.above_noise >= LEAST_ABOVE_NOISE:
        return Finding("noise", value)
    said = f"The room is loud: speech is only {hearing.above_noise:.0f} dB above it."
    return better(
        "noise", value, said, "Turn fans and music off, close the windows, and put the microphone nearer."
    )


def _level(hearing: Hearing) -> Finding:
    value = f"{hearing.speech_level:.0f} dB of full scale"
    if hearing.speech_level >= QUIETEST_SPEECH:
        return Finding("level of the speech", value)
    said = f"The speech is very quiet: {value}."
    return better("level of the speech", value, said, "Turn the microphone's level up, or put it nearer.")


def _band(hearing: Hearing) -> Finding:
    value = f"up to {hearing.highest / 1000:.1f} kHz"
    if hearing.highest >= NARROWEST:
        return Finding("band", value)
    said = f"The sound is dull, as over a telephone: there is nothing above {hearing.highest / 1000:.1f} kHz."
    return better(
        "band", value, said, "Use the camera's or a clip-on microphone; no call, no headset over Bluetooth."
    )


def _reverberation(hearing: Hearing) -> Finding:
    if hearing.decay is None:
        return Finding("reverberation", "can't be told: too few pauses, or too much noise")
    value = f"sound dies away in {hearing.decay:.2f} s (60 dB)"
    if hearing.decay <= LONGEST_DECAY:
        return Finding("reverberation", value)
    said = f"The room echoes: {value}; {LONGEST_DECAY:.2f} s and less sound dry."
    advice = "Film in a room with carpets, curtains or books, with the microphone within an arm's length."
    return better("reverberation", value, said, advice)


# --- words --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """What was understood.

    Attributes:
        language: BCP 47 tag that was heard.
        stretches: The words, stretch by stretch, with start and end in seconds.
        phones: How often each phone of the language is said; empty when the voice does not speak the language.
        refusal: Why there are none; empty when there are.
    """

    language: str = ""
    stretches: tuple[tuple[float, float, str], ...] = ()
    phones: dict[str, int] | None = None
    refusal: str = ""

    @property
    def missing(self) -> list[str]:
        """Phones of the language that are never said."""
        return [phone for phone, count in (self.phones or {}).items() if not count]

    @property
    def rare(self) -> list[str]:
        """Phones that are said only once."""
        return [phone for phone, count in (self.phones or {}).items() if count == 1]


def words(heard: Words) -> list[Finding]:
    """Language and phone coverage."""
    if heard.refusal:
        return [fatal("words", "none", heard.refusal, "Use a clip in which one person speaks clearly.")]
    if heard.phones is None:
        said = f"The language {heard.language!r} was heard, which the voice does not speak."
        return [fatal("language", heard.language, said, f"Speak one of: {', '.join(languages())}.")]
    known = len(heard.phones)
    value = f"{known - len(heard.missing)} of {known} phones of {heard.language!r}"
    if len(heard.missing) <= MOST_MISSING:
        return [Finding("phones", value)]
    said = f"Phones that are never said: {' '.join(heard.missing)}"
    said += f"; only once: {' '.join(heard.rare)}." if heard.rare else "."
    said_words = ", ".join(phones.examples([*heard.missing, *heard.rare], heard.language, most=12))
    return [better("phones", value, said, f"Let the presenter also say words such as: {said_words}.")]


# --- sound against mouth ------------------------------------------------------------------------------------


def step(source: Sync, seconds: float) -> Finding:
    """Whether the sound is in step with the mouth, and whether it can be mended.

    Args:
        source: What was measured.
        seconds: Length of the pictures.
    """
    slide = source.drift_ms_per_minute * seconds / 60
    value = f"{source.offset_ms:+.0f} ms, drift {source.drift_ms_per_minute:+.0f} ms a minute"
    if source.clarity < NOTHING and source.correlation < 0.25:
        said = (
            f"From 0 s to {seconds:.0f} s the mouth does not follow the sound (correlation "
            f"{source.correlation:.2f}): it is another voice, or more than {LARGEST_OFFSET_MS:.0f} ms away."
        )
        advice = "Use the camera's own sound, or line the sound up in a video editor."
        return fatal("sound in step", "no", said, advice)
    if source.clarity < CLEAR:
        said = (
            f"Whether the sound is in step could not be told for sure (offset {source.offset_ms:+.0f} ms, "
            f"correlation {source.correlation:.2f}); it was left as it is."
        )
        return better(
            "sound in step", f"not sure ({value})", said, "Look at the clip; speak clearly to the camera."
        )
    if abs(slide) > MOST_SLIDE_MS:
        said = f"The sound slides against the picture by {slide:+.0f} ms from 0 s to {seconds:.0f} s."
        advice = "Export the clip again with one constant sound rate, or use the camera's own sound."
        return fatal("sound in step", value, said, advice)
    apart = uneven(source)
    if in_step(source, seconds) and not apart:
        return Finding("sound in step", value)
    side = "late" if source.offset_ms > 0 else "early"
    off = f"The sound comes {abs(source.offset_ms):.0f} ms too {side} and drifts by "
    off += f"{source.drift_ms_per_minute:+.0f} ms a minute; cloning puts it in step."
    said = " ".join([*([] if in_step(source, seconds) else [off]), *apart])
    return better(
        "sound in step", value, said, "Use the camera's own sound if you can; nothing else is needed."
    )


def in_step(source: Sync, seconds: float) -> bool:
    """Whether offset and drift are too small to be mended."""
    slide = source.drift_ms_per_minute * seconds / 60
    return abs(source.offset_ms) <= 1000 / FRAME_RATE and abs(slide) <= 2000 / FRAME_RATE


def uneven(sync: Sync) -> tuple[str, ...]:
    """Stretches that stand apart from the clip's line: a cut in the sound, or sound of something else."""
    out = []
    best = max((window.correlation for window in sync.windows), default=0.0)
    for window in sync.windows:
        stop = window.start + SyncWindow.SECONDS
        if window.correlation < 0.4 * best:
            out.append(f"From {window.start:.0f} s to {stop:.0f} s the mouth does not follow the sound.")
        elif window.correlation > 0.6 * best and abs(window.lag_ms) > 100:
            out.append(
                f"From {window.start:.0f} s to {stop:.0f} s the sound is {window.lag_ms:+.0f} ms off the rest."
            )
    return tuple(out)


def rest(opening: FloatArray, found: Bools, speaking: Bools) -> Finding:
    """Whether the mouth is seen closed in silence for long enough.

    Args:
        opening: float32 (n,), of `avatar_engine.clone.sync.mouth_opening`, 25 a second.
        found: bool (n,), whether there is a face.
        speaking: bool (w,), windows of `WINDOW_SECONDS`.
    """
    middles = (np.arange(len(opening)) + 0.5) / FRAME_RATE / WINDOW_SECONDS
    if not len(speaking):
        return Finding("silence with the mouth closed", "can't be told")
    quiet = ~speaking[np.minimum(middles.astype(np.int64), len(speaking) - 1)]
    still = quiet & found & (opening < CLOSED)
    # single pictures between two words are no rest
    seconds = float(sum(stop - start for start, stop in spans(still, least=0.2)))
    value = f"{seconds:.1f} s"
    if seconds >= LEAST_REST:
        return Finding("silence with the mouth closed", value)
    ajar = spans(quiet & found & (opening >= CLOSED), least=0.4)
    said = f"{LEAST_REST - seconds:.1f} seconds of silence with the mouth closed are missing"
    said += f"; in silence it is open {times(ajar)}." if ajar else "."
    advice = (
        "Let the presenter close the mouth and look at the camera for two seconds before and after speaking."
    )
    return better("silence with the mouth closed", value, said, advice, ajar)
