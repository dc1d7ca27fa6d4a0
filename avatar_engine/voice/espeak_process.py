"""espeak-ng in a process of its own: text in, IPA out, one JSON object a line.

espeak-ng (inside piper-tts) is GPL-3. It is run as a separate program, at arm's length, and nothing of it is
imported by the engine itself: ``python -m avatar_engine.voice.espeak_process`` reads
``{"voice": "en-us", "text": "..."}`` and answers ``{"clauses": [["həlˈoʊ", ","], ...]}`` or ``{"error": "..."}``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TextIO

from avatar_engine.errors import AvatarError

Clause = tuple[str, str]
"""IPA of one clause, and the punctuation mark that ends it (or nothing)."""


def serve(lines: TextIO, answers: TextIO) -> None:
    """Answer every line of ``lines`` until it ends."""
    from piper import espeakbridge
    from piper.phonemize_espeak import ESPEAK_DATA_DIR

    espeakbridge.initialize(str(ESPEAK_DATA_DIR))
    for line in lines:
        try:
            wanted = json.loads(line)
            espeakbridge.set_voice(wanted["voice"])
            clauses = [[ipa, end] for ipa, end, _ in espeakbridge.get_phonemes(wanted["text"])]
            answer: dict[str, object] = {"clauses": clauses}
        except (RuntimeError, ValueError, KeyError, TypeError) as problem:
            answer = {"error": f"{type(problem).__name__}: {problem}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class Espeak:
    """The worker as seen from the engine; it is started when first asked, and again when it has died."""

    def __init__(self) -> None:
        self._worker: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def clauses(self, text: str, voice: str) -> list[Clause]:
        """IPA of ``text``, clause by clause, as espeak-ng's ``voice`` says it.

        Raises:
            AvatarError: The worker refused the text, or died twice in a row.
        """
        with self._lock:
            for _ in range(2):
                answer = self._ask(json.dumps({"voice": voice, "text": text}))
                if answer:
                    break
                self._stop()
            else:
                raise AvatarError(
                    "The phoneme process (espeak-ng) does not stay alive.",
                    "Install the engine again: pip install --force-reinstall piper-tts",
                )
        reply = json.loads(answer)
        if "error" in reply:
            raise AvatarError(f"espeak-ng can't say {text[:60]!r}: {reply['error']}", "Change the text.")
        return [(ipa, end) for ipa, end in reply["clauses"]]

    def _ask(self, line: str) -> str:
        if self._worker is None or self._worker.poll() is not None:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "avatar_engine.voice.espeak_process"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            )  # fmt: skip
        pipe_in, pipe_out = self._worker.stdin, self._worker.stdout
        if pipe_in is None or pipe_out is None:
            return ""
        try:
            pipe_in.write(line + "\n")
            pipe_in.flush()
            return pipe_out.readline()
        except OSError:
            return ""

    def close(self) -> None:
        """End the worker; a later question starts another."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker.communicate()
            self._worker = None


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    serve(sys.stdin, sys.stdout)
