import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.voice.pack import DEFAULT, VoicePack, stock_fit, stock_names


class Parts:
    """A bundle in memory."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {}

    def add_tensors(self, part: str, tensors: dict[str, Any]) -> None:
        self.stored[part] = tensors

    def add_json(self, part: str, obj: Any) -> None:
        self.stored[part] = obj

    def tensors(self, part: str) -> dict[str, Any]:
        return dict(self.stored[part])

    def json(self, part: str) -> Any:
        return self.stored[part]


def fitted() -> VoicePack:
    stock = VoicePack.stock("am_adam")
    folded = {"encode.norm1": np.arange(1028, dtype=np.float32)}
    return VoicePack(stock.style, folded, stock.statistics, "am_adam", "en", {"pitch": [0.1, 1.2]})


def same(a: VoicePack, b: VoicePack) -> bool:
    def equal(x: Any, y: Any) -> bool:
        return x.keys() == y.keys() and all(np.array_equal(x[name], y[name]) for name in x)

    return (
        np.array_equal(a.style, b.style)
        and equal(a.folded, b.folded)
        and equal(a.statistics, b.statistics)
        and (a.base, a.language, dict(a.meta)) == (b.base, b.language, dict(b.meta))
    )


def test_goes_through_a_bundle_and_a_file_unchanged(tmp_path: Path) -> None:
    pack, parts = fitted(), Parts()
    pack.save(parts)
    assert same(VoicePack.load(parts), pack)
    pack.to_file(tmp_path / "v")
    assert same(VoicePack.from_file(tmp_path / "v"), pack)


def test_every_default_voice_is_there_and_speaks_its_language() -> None:
    for language, name in DEFAULT.items():
        assert VoicePack.stock(name).language == language
        assert VoicePack.default(language).base == name
    assert VoicePack.default("fr-CA").base == "ff_siwis"


def test_stock_voices_are_complete() -> None:
    assert len(stock_names()) >= 30
    for name in ("af_heart", "ff_siwis"):
        pack = VoicePack.stock(name)
        assert pack.style.shape == (256,) and len(pack.statistics) == 44
        assert all(np.all(pair[1] > 0) for pair in pack.statistics.values())


def test_women_are_stored_with_a_higher_pitch_than_men() -> None:
    pitch = {name: row.pitch[0] for name, row in stock_fit().items()}
    women = np.mean([value for name, value in pitch.items() if name[1] == "f"])
    assert women > np.mean([value for name, value in pitch.items() if name[1] == "m"]) + 0.2
    assert all(abs(np.linalg.norm(row.speaker) - 1) < 0.01 for row in stock_fit().values())


def test_unknown_stock_voice_lists_the_known() -> None:
    with pytest.raises(AvatarError, match="af_heart"):
        VoicePack.stock("nobody")


@pytest.mark.parametrize("damage", ["missing", "empty", "short", "foreign", "style"])
def test_damaged_files_are_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "v"
    fitted().to_file(path)
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "short":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "foreign":
        path.write_bytes(struct.pack("<Q", 2) + b"{}")
    else:
        stock = VoicePack.stock("am_adam")
        VoicePack(np.full(256, np.nan, np.float32), {}, {}, "x", stock.language).to_file(path)
    with pytest.raises(AvatarError, match="Clone again"):
        VoicePack.from_file(path)


def test_every_stock_voice_was_heard_and_can_start_a_fit() -> None:
    known = stock_fit()
    assert set(known) == set(stock_names())
    for name, heard in known.items():
        assert np.linalg.norm(heard.speaker) == pytest.approx(1, abs=1e-2), name
        low, high = (4.3, 5.05) if name[1] == "m" else (4.85, 5.4)
        assert low < heard.pitch[0] < high and 0 < heard.pitch[1] < 1, name
