import io
import json
import os
import signal
import subprocess
import sys

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.voice.espeak_process import Espeak


def test_worker_is_started_again_when_it_has_died() -> None:
    espeak = Espeak()
    first = espeak.clauses("Hello", "en-us")
    assert espeak._worker is not None
    os.kill(espeak._worker.pid, signal.SIGKILL)
    espeak._worker.wait()
    assert espeak.clauses("Hello", "en-us") == first
    espeak.close()


def test_a_voice_that_espeak_lacks_is_an_error_that_names_the_text() -> None:
    espeak = Espeak()
    with pytest.raises(AvatarError, match="'Hello'"):
        espeak.clauses("Hello", "no-such-voice")
    assert espeak.clauses("Hello", "en-us")  # The worker lives on.
    espeak.close()


def test_what_is_no_question_is_answered_with_an_error_and_the_next_one_is_served() -> None:
    code = "from avatar_engine.voice.espeak_process import serve; import sys; serve(sys.stdin, sys.stdout)"
    questions = ["no JSON", "{}", json.dumps({"voice": "en-us", "text": "One, two."})]
    done = subprocess.run(
        [sys.executable, "-c", code], input="\n".join(questions), capture_output=True, text=True, check=True
    )
    first, second, third = (json.loads(line) for line in io.StringIO(done.stdout))
    assert "JSONDecodeError" in first["error"] and "KeyError" in second["error"]
    assert [end for _, end in third["clauses"]] == [",", "."]


def test_the_engine_itself_does_not_load_espeak() -> None:
    code = (
        "import sys; from avatar_engine.voice.phonemes import Phonemizer; p = Phonemizer('en'); p.phonemes('Hi');"
        "p.close(); print(any(name.startswith('piper') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
