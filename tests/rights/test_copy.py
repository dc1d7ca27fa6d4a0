"""The presenter's copy: complete, in order, readable, and honest about what was changed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from avatar_engine.contracts import Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.rights.copy import gather, write
from avatar_engine.trust import audit, said
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.said import Said
from tests.trust.signing import sign


@pytest.fixture
def signed(tmp_path: Path) -> SignedConsent:
    made = sign(tmp_path)
    show = Said(
        made, "live", avatar="marie", outputs=["live.twitch.tv (twitch)"], language="fr", use="live-shopping"
    )
    show.handed(Utterance("Bonsoir <b>à tous</b> !", "fr", source="script:1", number=1))
    show({"event": "say", "text": "Ce mug, ⟨viewer:abc⟩ ?", "language": "fr", "product": "M-17", "number": 2})
    show({"event": "say", "text": "Repris", "language": "fr", "number": 3})
    show({"event": "taken back", "numbers": [3]})
    show.went(1, 0.4, 1.9)
    show.went(1, 2.0, 2.5)
    show({"event": "microphone", "on": False, "at": 60.0, "seconds": 12.5})
    show.close("Marie's consent was revoked.")
    film = Said(made, "say", outputs=["hello.mp4"])
    film.handed(Utterance("Au revoir.", "fr"))
    film.close()
    return made


def test_it_has_every_text_with_when_it_was_heard(signed: SignedConsent) -> None:
    show, film = gather([signed.id])
    assert [(line.text, line.at, line.until) for line in show.lines] == [
        ("Bonsoir <b>à tous</b> !", 0.4, 2.5),
        ("Ce mug, ⟨viewer:abc⟩ ?", None, None),
    ]
    assert show.lines[1].product == "M-17" and show.microphone == [(60.0, 12.5)]
    assert show.ended and show.why == "Marie's consent was revoked." and show.signed and not show.broken
    assert (film.what, film.lines[0].text, film.live) == ("say", "Au revoir.", False)


def test_it_is_a_page_json_and_the_records(signed: SignedConsent, tmp_path: Path) -> None:
    write([signed.id], tmp_path / "copy.zip")
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        names, page = archive.namelist(), archive.read("index.html").decode()
        told = json.loads(archive.read("said.json"))
        archive.extractall(tmp_path / "taken")
    assert len([name for name in names if name.startswith("records/")]) == 2
    assert told["presenter"] == "Marie Dupont" and told["shows"][0]["lines"][0]["at"] == 0.4
    assert "Bonsoir &lt;b&gt;à tous&lt;/b&gt; !" in page and "live.twitch.tv (twitch)" in page
    assert "not heard" in page and "ended before its time" in page and "Repris" not in page
    for record in (tmp_path / "taken" / "records").iterdir():
        assert audit.verify(record).broken is None, "the presenter can check it"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_record_that_was_edited_is_told(signed: SignedConsent, tmp_path: Path) -> None:
    record = said.records(signed.id)[0]
    record.write_bytes(record.read_bytes().replace(b"Bonsoir", b"Bonjour"))
    told = write([signed.id], tmp_path / "copy")
    assert "one of the two was changed" in told[0].broken or "changed" in told[0].broken
    assert "This record was changed" in (tmp_path / "copy" / "index.html").read_text()


def test_a_copy_writes_over_nothing(signed: SignedConsent, tmp_path: Path) -> None:
    (tmp_path / "copy.zip").write_text("mine")
    (tmp_path / "copy").mkdir()
    for name, force in (("copy.zip", False), ("copy", True)):
        with pytest.raises(AvatarError, match="exists already"):
            write([signed.id], tmp_path / name, force)
    assert (tmp_path / "copy.zip").read_text() == "mine"
    write([signed.id], tmp_path / "copy.zip", overwrite=True)
    assert zipfile.is_zipfile(tmp_path / "copy.zip")


def test_where_nothing_was_said_there_is_no_copy(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="Nothing was said"):
        gather([sign(tmp_path).id])
