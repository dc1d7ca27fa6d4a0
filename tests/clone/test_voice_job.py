"""The voice's process as its parent sees it: progress, outcome, refusal, defect, and sudden death."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from avatar_engine.clone import echoes, voice_job
from avatar_engine.clone.voice_job import FittedVoice, RunningVoiceJob, VoiceJob, VoiceOutcome
from avatar_engine.contracts import Speech
from avatar_engine.device import Device
from avatar_engine.errors import AvatarError
from avatar_engine.lips.echo import Echo
from avatar_engine.voice.pack import VoicePack
from tests.clone.findings import voice_scores

CPU = Device("cpu", "test", 1, False, False, 1)


class Process:
    """A process that has put ``messages`` into its queue and has ended, or goes on."""

    exitcode = -9

    def __init__(self, alive: bool = False) -> None:
        self.alive = alive
        self.terminated = False

    def is_alive(self) -> bool:
        return self.alive

    def terminate(self) -> None:
        self.alive, self.terminated = False, True

    def join(self) -> None:
        pass


def running(
    *messages: tuple[str, Any], alive: bool = False
) -> tuple[RunningVoiceJob, Process, list[tuple[str, float, str]]]:
    waiting: Any = queue.Queue()
    for message in messages:
        waiting.put(message)
    told: list[tuple[str, float, str]] = []
    process = Process(alive)
    return RunningVoiceJob(process, waiting, lambda *said: told.append(said)), process, told


def test_progress_is_passed_on_and_the_outcome_handed_over() -> None:
    outcome = VoiceOutcome(VoicePack.stock("af_heart"), voice_scores(), 3.0)
    job, _, told = running(("progress", ("voice", 0.5, "gains")), ("outcome", outcome))
    assert job.result() is outcome
    assert told == [("voice", 0.5, "gains")]


def test_the_voice_and_its_echoes_are_there_before_the_outcome() -> None:
    fitted = FittedVoice(VoicePack.stock("af_heart"), (Echo(np.zeros(960, np.float32), np.zeros(1)),))
    job, process, _ = running(("fitted", fitted), alive=True)
    assert job.fitted() is fitted
    process.alive = False
    with pytest.raises(RuntimeError, match="exit status -9"):
        job.result()  # what came after it was lost


def test_who_waits_for_the_voice_hears_why_there_is_none() -> None:
    job, _, _ = running(("error", AvatarError("Only 2 s of speech.", "Film more.")))
    with pytest.raises(AvatarError, match="Only 2 s"):
        job.fitted()
    job, _, _ = running()
    with pytest.raises(RuntimeError, match="exit status -9"):
        job.fitted()


def test_a_refusal_stays_what_it_was() -> None:
    job, _, _ = running(("error", AvatarError("Only 2 s of speech.", "Film more.")))
    with pytest.raises(AvatarError) as caught:
        job.result()
    assert caught.value.advice == "Film more."


def test_a_defect_carries_its_traceback() -> None:
    job, _, _ = running(("error", "Traceback: ZeroDivisionError"))
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        job.result()


def test_a_process_that_died_without_a_word_is_told_with_its_status() -> None:
    job, _, _ = running()
    with pytest.raises(RuntimeError, match="exit status -9"):
        job.result()


def test_work_beside_it_ends_as_soon_as_the_voice_has_failed() -> None:
    job, _, told = running(("error", AvatarError("No voice.")))
    job._listener.join()
    with pytest.raises(AvatarError, match="No voice"):
        job.watched("lips", 0.3)
    assert told == []


def test_stop_ends_what_still_runs() -> None:
    job, process, told = running(alive=True)
    job.watched("lips", 0.3)
    job.stop()
    assert process.terminated and not job._listener.is_alive()
    assert told == [("lips", 0.3, "")]


def test_a_refusal_comes_out_of_the_real_process(tmp_path: Path) -> None:
    job = VoiceJob(tmp_path / "none.wav", 10, "en", 1.0, CPU, tmp_path)
    with job.running(lambda *_: None) as fitting, pytest.raises(AvatarError, match=r"none\.wav"):
        fitting.result()
    assert not fitting._process.is_alive()


def test_the_process_ends_with_the_clone_that_started_it(tmp_path: Path) -> None:
    """The clone is killed while the voice waits for a recording that nobody writes (a pipe)."""
    os.mkfifo(tmp_path / "sound.wav")
    script = f"""
from pathlib import Path
from avatar_engine.clone.voice_job import VoiceJob
from avatar_engine.device import Device
if __name__ == "__main__":
    work = Path({str(tmp_path)!r})
    job = VoiceJob(work / "sound.wav", 10, "en", 1.0, Device("cpu", "test", 1, False, False, 1), work)
    with job.running(lambda *_: None) as running:
        print(running._process.pid, flush=True)
        running.result()
"""
    (tmp_path / "clone.py").write_text(script)
    clone = subprocess.Popen([sys.executable, tmp_path / "clone.py"], stdout=subprocess.PIPE, text=True)
    assert clone.stdout is not None
    voice = psutil.Process(int(clone.stdout.readline()))
    clone.kill()
    clone.wait()
    clone.stdout.close()
    voice.wait(30)


def test_the_fitted_part_is_said_again_first_by_the_cloned_voice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is held out is heard, and the echoes are handed over before the voice is judged."""
    pack, near = VoicePack.stock("af_heart"), VoicePack.stock("bf_emma")
    again, asked = [Echo(np.zeros(960, np.float32), np.zeros(1))], dict[str, Any]()

    def said(samples: Any, pieces: Any, packs: Any, language: str, *_: Any, budget: float, **__: Any) -> Any:
        asked.update(heard=len(samples), packs=packs, pieces=pieces, budget=budget)
        return again

    def judged(*_: Any) -> Any:
        raise AvatarError("Not judged.")

    monkeypatch.setattr("avatar_engine.media.read.sound", lambda path: np.zeros(3000, np.float32))
    monkeypatch.setattr("avatar_engine.voice.fit.fit", lambda *_, **given: asked.update(fit=given) or pack)
    monkeypatch.setattr("avatar_engine.voice.fit.transcript", lambda *_: (["a piece"], "en"))
    monkeypatch.setattr(echoes, "nearest", lambda *_: [near, pack])
    monkeypatch.setattr(echoes, "echoes", said)
    monkeypatch.setattr("avatar_engine.voice.speak.Voice", lambda *_: None)
    monkeypatch.setattr("avatar_engine.voice.speak.say", judged)
    messages: Any = queue.Queue()
    voice_job._run(VoiceJob(tmp_path / "sound.wav", 2000, "en", 100.0, CPU, tmp_path), messages)
    messages.put(None)
    kinds = [message for message in iter(messages.get, None) if message[0] != "progress"]
    assert [kind for kind, _ in kinds] == ["fitted", "error"]
    assert kinds[0][1] == FittedVoice(pack, tuple(again))
    assert asked["heard"] == 2000 and asked["pieces"] == ["a piece"] and asked["packs"] == [pack, near]
    assert asked["fit"]["budget"] == pytest.approx(60) and asked["budget"] == pytest.approx(12)


@pytest.mark.parametrize(("budget", "count"), [(1000.0, voice_job.EXAMPLES), (45.0, 2)])
def test_the_voice_is_judged_in_what_was_agreed_to_and_within_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: float, count: int
) -> None:
    """The strangers are stock voices; a small budget has fewer sentences to hear."""
    given: dict[str, Any] = {}
    scores = voice_scores()

    class Voice:
        def __init__(self, pack: VoicePack, language: str = "en") -> None:
            self.pack = pack

        def close(self) -> None:
            given["closed"] = True

    def score(voice: Voice, fitted: Any, held_out: Any, strangers: Any, languages: Any, **more: Any) -> Any:
        given.update(
            more, fitted=len(fitted), held=len(held_out), strangers=len(strangers), languages=languages
        )
        return scores

    def shown(samples: Any, pieces: Any, voice: Any, languages: Any, count: int) -> list[str]:
        given.update(count=count, read=languages)
        return ["an example"]

    monkeypatch.setattr("avatar_engine.voice.speak.Voice", Voice)
    monkeypatch.setattr("avatar_engine.voice.speak.say", lambda *_: Speech(np.zeros(10, np.float32)))
    monkeypatch.setattr("avatar_engine.voice.measure.score", score)
    monkeypatch.setattr("avatar_engine.clone.voice_report.examples", shown)
    job = VoiceJob(tmp_path / "sound.wav", 2000, "en", budget, CPU, tmp_path, ("en", "fr", "sv"))
    told: list[float] = []
    made = voice_job._judged(
        job,
        VoicePack.stock("af_heart"),
        np.zeros(3000, np.float32),
        [],
        lambda _, done, __="": told.append(done),
    )
    assert made == (scores, ("an example",))
    assert given["seconds"] == pytest.approx(voice_job.CHECK_SHARE * budget)
    assert (given["fitted"], given["held"], given["strangers"]) == (2000, 1000, len(voice_job.STRANGERS))
    assert given["languages"] == ("en", "fr") and given["read"] == ["en", "fr"]
    assert given["count"] == count and given["closed"] and told[-1] == 1.0
