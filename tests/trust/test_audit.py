"""Whatever is done to an audit log is found, and where; and nothing that happens to it touches who tells it."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from avatar_engine.errors import AvatarError
from avatar_engine.trust import audit, keys
from avatar_engine.trust.audit import Audit, told, verify

SHOW = "marie-20270101-200000"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))


def wrote(path: Path, count: int = 10, **how: Any) -> Path:
    """A log of so many entries."""
    kept = Audit(path, SHOW, keys.technician_key(), **how)
    for number in range(count):
        kept({"event": "guard", "at": number, "text": f"Sentence {number}: “12 €”.", "allowed": True})
    kept.close()
    return path


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_a_whole_log_is_whole_signed_and_ended(tmp_path: Path) -> None:
    path = wrote(tmp_path / "audit.jsonl")
    shown: list[Any] = []
    found = verify(path, shown.append)
    assert (found.name, found.lines, found.broken, found.torn, found.ended) == (SHOW, 12, None, False, True)
    assert (
        found.sealed == 12 and found.events == {"guard": 10} and [one["at"] for one in shown] == [*range(10)]
    )
    own = keys.key_id(keys.public_text(keys.technician_key()))
    assert found.signers == {own: "this machine's technician"}
    whole = " ".join(told(found))
    assert "The chain is whole" in whole and "no end" not in whole and own in whole


def _changed(rows: list[bytes]) -> list[bytes]:
    return [*rows[:4], rows[4].replace(b"12 ", b"99 "), *rows[5:]]


def _cut(rows: list[bytes]) -> list[bytes]:
    return [*rows[:4], *rows[6:]]


def _swapped(rows: list[bytes]) -> list[bytes]:
    return [*rows[:4], rows[5], rows[4], *rows[6:]]


def _repeated(rows: list[bytes]) -> list[bytes]:
    return [*rows[:5], rows[4], *rows[5:]]


def _no_start(rows: list[bytes]) -> list[bytes]:
    return rows[1:]


def _renamed(rows: list[bytes]) -> list[bytes]:
    return [rows[0].replace(b"marie", b"paula"), *rows[1:]]


def _rubbish(rows: list[bytes]) -> list[bytes]:
    return [*rows[:4], b"what?\n", *rows[4:]]


def _end_changed(rows: list[bytes]) -> list[bytes]:
    end = json.loads(rows[-1])
    return [*rows[:-1], json.dumps({**end, "time": "2001-01-01"}).encode() + b"\n"]


def _added(rows: list[bytes]) -> list[bytes]:
    last = json.loads(rows[-1])
    more = {"n": last["n"] + 1, "prev": audit._hash(rows[-1].rstrip(b"\n")), "time": "", "entry": {}}
    return [*rows, json.dumps(more).encode() + b"\n"]


def _chained_anew(rows: list[bytes]) -> list[bytes]:
    """By somebody who knows how the chain is made, but has not the key."""
    out, prev = rows[:4], audit._hash(rows[3].rstrip(b"\n"))
    for row in _changed(rows)[4:]:
        line = audit._coded({**json.loads(row), "prev": prev})
        prev = audit._hash(line)
        out.append(line + b"\n")
    return out


@pytest.mark.parametrize(
    ("tamper", "line", "what"),
    [
        (_changed, 6, "one of the two was changed"),
        (_cut, 5, "number 7 follows number 4"),
        (_swapped, 5, "number 6 follows number 4"),
        (_repeated, 6, "number 5 follows number 5"),
        (_no_start, 1, "number 2 follows number 0"),
        (_renamed, 1, "the log's start was cut out or changed"),
        (_rubbish, 5, "this is no line of a log"),
        (_end_changed, 12, "its signature does not fit"),
        (_added, 13, "it goes on after its end"),
        (_chained_anew, 12, "its signature does not fit"),
    ],
)
def test_whatever_is_done_to_it_is_found(
    tmp_path: Path, tamper: Callable[[list[bytes]], list[bytes]], line: int, what: str
) -> None:
    path = wrote(tmp_path / "audit.jsonl")
    path.write_bytes(b"".join(tamper(lines(path))))
    found = verify(path)
    assert found.broken and (found.broken.file, found.broken.line) == ("audit.jsonl", line)
    assert what in found.broken.what
    assert f"BROKEN at audit.jsonl, line {line}" in " ".join(told(found))


def test_every_single_changed_byte_is_found(tmp_path: Path) -> None:
    path = wrote(tmp_path / "audit.jsonl", 3)
    whole = path.read_bytes()
    for at in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        found = verify(path)
        assert found.broken or not found.signers or not found.ended, at


def test_a_log_without_its_last_lines_has_no_end(tmp_path: Path) -> None:
    path = wrote(tmp_path / "audit.jsonl")
    path.write_bytes(b"".join(lines(path)[:-3]))
    found = verify(path)
    assert found.broken is None and not found.ended and found.sealed == 0
    assert "It has no end" in " ".join(told(found)) and "Nobody has signed it" in " ".join(told(found))


def test_a_stranger_who_signs_is_told_as_one(tmp_path: Path) -> None:
    kept = Audit(tmp_path / "a.jsonl", SHOW, Ed25519PrivateKey.generate())
    kept({"event": "say"})
    kept.close()
    found = verify(tmp_path / "a.jsonl")
    assert found.broken is None and "nobody that this machine knows" in " ".join(told(found))


def test_its_files_are_bounded_and_the_chain_goes_through_them(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    wrote(path, 200, piece=4000, pieces=4)
    older = audit.pieces_of(path)
    assert len(older) == 3 and max(one.stat().st_size for one in [*older, path]) < 6000
    found = verify(path)
    assert found.broken is None and found.ended and found.dropped == audit._number_of(older[0]) - 1 > 1
    assert found.lines < 200 and f"up to number {found.dropped}" in " ".join(told(found))
    older[0].unlink()
    gone = verify(path)
    assert gone.broken and "does not say that it dropped them" in gone.broken.what
    older[2].write_bytes(b"".join(lines(older[2])[:-1]))
    cut = verify(path)
    assert cut.broken and (cut.broken.file, cut.broken.line) == ("audit.jsonl", 1)


def test_one_that_is_there_is_gone_on_with_even_after_a_torn_line(tmp_path: Path) -> None:
    path = wrote(tmp_path / "audit.jsonl", 3)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 40])
    torn = verify(path)
    assert torn.torn and not torn.ended and torn.broken is None
    wrote(path, 2)
    found = verify(path)
    assert found.broken is None and found.ended and found.events == {"guard": 5}
    path.write_bytes(path.read_bytes().replace(whole[-60:-40], b"x" * 20))
    assert verify(path).broken


KILLED = """
import sys, time
from pathlib import Path
from avatar_engine.trust import keys
from avatar_engine.trust.audit import Audit
kept = Audit(Path(sys.argv[1]), "show", keys.technician_key(), seal_every=0.05)
for number in range(10**9):
    kept({"event": "say", "text": "word " * 30})
    if number == 300: print("going", flush=True)
    time.sleep(0.0005)
"""


def test_it_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdout.readline() == b"going\n"
        late = time.monotonic() + 60  # the thread that writes lags behind on a busy machine
        while path.read_bytes().count(b"\n") < 250 and time.monotonic() < late:
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
    found = verify(path)
    assert found.broken is None and not found.ended and found.events["say"] > 200 and found.sealed > 1


class Full:
    """A disk that takes part of a line and then nothing, until there is room again."""

    def __init__(self, file: Any) -> None:
        self.file, self.full = file, False

    def write(self, data: bytes) -> int:
        if self.full:
            self.file.write(bytes(data[:20]))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return int(self.file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def test_a_full_disk_holds_up_nobody_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit, "RETRY", 0.05)
    kept = Audit(tmp_path / "a.jsonl", SHOW, None)
    disk = Full(kept._chain._file)
    kept._chain._file = disk  # type: ignore[assignment]
    kept({"event": "say"})
    until(lambda: verify(tmp_path / "a.jsonl").events["say"] == 1)
    disk.full = True
    began = time.monotonic()
    for _ in range(100):
        kept({"event": "say"})
    assert time.monotonic() - began < 0.5
    until(lambda: "takes nothing now" in caplog.text)
    disk.full = False
    until(lambda: verify(tmp_path / "a.jsonl").lost == 100)
    kept({"event": "say"})
    kept.close()
    found = verify(tmp_path / "a.jsonl")
    assert found.broken is None and found.ended and found.events["say"] == 2 and not found.torn
    assert caplog.text.count("takes nothing now") == 1 and "written again" in caplog.text


def test_a_disk_that_hangs_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "WAITING", 50)
    kept = Audit(tmp_path / "a.jsonl", SHOW, None)
    go, real = threading.Event(), kept._chain.write

    def slow(*what: Any) -> int:
        go.wait(5)
        return real(*what)

    monkeypatch.setattr(kept._chain, "write", slow)
    began = time.monotonic()
    for _ in range(500):
        kept({"event": "say"})
    assert time.monotonic() - began < 0.5
    go.set()
    kept({"event": "say"})
    kept.close()
    found = verify(tmp_path / "a.jsonl")
    assert found.broken is None and found.events["say"] + found.lost == 501 and found.lost >= 350


def test_what_is_no_json_and_what_is_too_long_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    kept = Audit(tmp_path / "a.jsonl", SHOW, None)
    round_: dict[str, Any] = {"event": "say"}
    round_["self"] = round_
    for entry in (
        {"event": "say", "text": "x" * 10**6},
        round_,
        {"event": "say", "text": "\udc80"},
        {(1, 2): 3},
    ):
        kept(entry)  # type: ignore[arg-type]
    kept.close()
    found = verify(tmp_path / "a.jsonl")
    assert found.broken is None and found.ended and sum(found.events.values()) == 4
    assert max(map(len, lines(tmp_path / "a.jsonl"))) < audit.LONGEST * 1.2


def test_no_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(AvatarError, match="no audit log"):
        verify(tmp_path / "a.jsonl")
    with pytest.raises(AvatarError, match="can't be read"):
        verify(tmp_path / "none.jsonl")
    with pytest.raises(AvatarError, match="can't be written"):
        Audit(tmp_path / "none" / "a.jsonl", SHOW, None)
    (tmp_path / "a.jsonl").write_text("[]\n{}\n" + '{"event": "show"}\n')
    assert verify(tmp_path / "a.jsonl").broken


def test_a_key_that_others_may_read_leaves_it_unsigned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys.technician_key()
    (keys.config_folder() / keys.KEY_FILE).chmod(0o644)
    kept = Audit.begun(tmp_path / "a.jsonl", SHOW)
    kept.close()
    (keys.config_folder() / keys.KEY_FILE).chmod(0o600)
    assert "not signed" in caplog.text and not verify(tmp_path / "a.jsonl").signers


def until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
