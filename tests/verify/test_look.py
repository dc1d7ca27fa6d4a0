"""Files as they were made, encoded anew, changed, put together, and such as never had a mark."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from avatar_engine.cli.main import app
from avatar_engine.errors import AvatarError
from avatar_engine.media.read import frames
from avatar_engine.media.write import WaveWriter
from avatar_engine.trust import keys
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.marks.code import consent_number
from avatar_engine.trust.register import Register
from avatar_engine.verify import words
from avatar_engine.verify.look import Look, Verdict, look
from tests.trust.marks.test_sound import speech
from tests.trust.test_consent import sign
from tests.verify.made import encoded_anew, made, made_clear, plain


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path, SignedConsent]:
    """One file as it was made, one that a platform encoded anew, one without marks, and the consent."""
    folder = tmp_path_factory.mktemp("verify")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AVATAR_ENGINE_HOME", str(folder / "maker"))
        signed = sign(folder, languages=["en"])
        whole = made(folder / "welcome.mp4", signed)
    anew = encoded_anew(whole, folder / "downloaded.mkv", (480, 270))
    return whole, anew, plain(folder / "plain.mp4"), signed


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that knows nobody."""
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "elsewhere"))


def told(found: Look) -> str:
    return "\n".join([words.headline(found), *(f"{what}: {text}" for _, what, text in words.rows(found))])


def test_a_file_as_it_was_made_tells_everything(files: tuple[Path, Path, Path, SignedConsent]) -> None:
    whole, _, _, signed = files
    found = look(whole, files=[whole.parent / "consent.toml"])
    assert found.verdict is Verdict.MARKED and not found.contradictions
    assert found.manifest and found.manifest.whole
    assert found.manifest.signer == signed.consent.technician_key and not found.holder
    assert found.tagged and [note.record["avatar"] for note in found.hidden.notes] == ["marie"]
    assert found.consents == {signed.id: ("the manifest", "the stream", "the picture", "the sound")}
    text = told(found)
    for piece in (
        "avatar 'marie'",
        "Marie Dupont",
        keys.key_id(found.manifest.signer),
        "not known here",
        "AI-gen",
    ):
        assert piece in text
    assert json.loads(words.as_json(found))["verdict"] == "marked"


def test_the_makers_own_machine_knows_signer_and_presenter(
    files: tuple[Path, Path, Path, SignedConsent], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, anew, _, signed = files
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(whole.parent / "maker"))
    Register(signed).note("avatar", whole.parent / "marie.avatar")
    assert look(whole).holder == "this machine's technician"
    text = told(look(anew))
    assert "Marie Dupont, avatar marie" in text and "this machine's register" in text


def test_what_a_platform_encoded_anew_is_known_by_its_hidden_marks_alone(
    files: tuple[Path, Path, Path, SignedConsent],
) -> None:
    _, anew, _, signed = files
    found = look(anew)
    assert found.verdict is Verdict.MARKED
    assert found.manifest is None and not found.hidden.notes and not found.tagged
    assert found.consents == {signed.id[:8]: ("the picture", "the sound")}
    assert "files of this kind carry none" in told(found) and "give --consent FILE" in told(found)


def test_a_film_without_marks_has_none(files: tuple[Path, Path, Path, SignedConsent]) -> None:
    found = look(files[2])
    assert found.verdict is Verdict.NOTHING and not found.consents
    assert "no hidden mark found" in told(found)


def test_a_changed_file_is_told_though_its_hidden_marks_are_there(
    files: tuple[Path, Path, Path, SignedConsent], tmp_path: Path
) -> None:
    data = bytearray(files[0].read_bytes())
    at = data.find(b"AI-generated: the images")
    data[at : at + 12] = b"AI-improved "
    (tmp_path / "a.mp4").write_bytes(data)
    found = look(tmp_path / "a.mp4")
    assert found.verdict is Verdict.CHANGED and "was changed since" in told(found)
    assert found.hidden.picture and found.hidden.picture.there


def test_marks_that_name_another_consent_are_a_contradiction(
    files: tuple[Path, Path, Path, SignedConsent], tmp_path: Path
) -> None:
    signed = files[3]
    found = look(made(tmp_path / "a.mp4", signed, consent_number(signed.id) ^ 0xFF))
    assert found.verdict is Verdict.CHANGED and len(found.consents) == 2
    assert "different consents" in told(found)


def test_a_sound_alone_and_a_marked_piece_late_in_another_sound(tmp_path: Path) -> None:
    from tests.trust.marks.test_sound import NUMBER, marked

    with WaveWriter(tmp_path / "a.wav") as file:
        file.write(speech(31, seed=1))
        file.write(marked(speech(14)))
    found = look(tmp_path / "a.wav")
    assert found.hidden.picture is None and found.hidden.sound
    assert found.hidden.sound.there and found.hidden.sound.number == NUMBER
    assert "there is no picture" in told(found)
    early = look(tmp_path / "a.wav", seconds=20)
    assert early.verdict is Verdict.NOTHING and early.hidden.seconds < 22


def test_a_still_picture_has_the_mark(files: tuple[Path, Path, Path, SignedConsent], tmp_path: Path) -> None:
    first = next(frames(files[0]))
    assert cv2.imwrite(str(tmp_path / "a.png"), first)
    found = look(tmp_path / "a.png")
    assert found.consents == {files[3].id[:8]: ("the picture",)} and found.hidden.sound is None


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    for path in (tmp_path / "a.mp4", tmp_path / "missing.mp4"):
        with pytest.raises(AvatarError):
            look(path)


def test_a_file_that_breaks_off_is_judged_by_what_is_there(
    files: tuple[Path, Path, Path, SignedConsent], tmp_path: Path
) -> None:
    data = files[1].read_bytes()
    (tmp_path / "a.mkv").write_bytes(data[: len(data) * 9 // 10])
    assert look(tmp_path / "a.mkv").verdict is Verdict.MARKED


def test_the_command_line_says_it_and_ends_with_the_verdict(
    files: tuple[Path, Path, Path, SignedConsent], tmp_path: Path
) -> None:
    run = CliRunner().invoke
    good = run(app, ["verify", str(files[0]), "--json"])
    assert good.exit_code == 0 and json.loads(good.stdout)["manifest"]["whole"]
    assert run(app, ["verify", str(files[2])]).exit_code == 1
    shutil.copy(files[0], tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    bad = run(app, ["verify", str(tmp_path / "a.mp4"), "--seconds", "2s"])
    assert bad.exit_code == 3 and "broken" in bad.stdout


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_a_file_without_a_ground_says_whose_it_is(tmp_path: Path, suffix: str) -> None:
    signed = sign(tmp_path, languages=["en"])
    found = look(made_clear(tmp_path / f"hello{suffix}", signed))
    assert found.verdict is Verdict.MARKED and found.tagged and not found.contradictions
    assert found.consents == {signed.id: ("the manifest", "the metadata", "the picture", "the sound")}
    assert found.manifest and found.manifest.whole and found.manifest.signer == signed.consent.technician_key
    if suffix == ".webm":  # where it lies beside the film
        (tmp_path / "hello.c2pa").unlink()
        assert "it would lie beside it, hello.c2pa" in told(look(tmp_path / "hello.webm"))
