from pathlib import Path

import pytest

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.clone.matting import add_matte
from avatar_engine.errors import AvatarError
from avatar_engine.stage import cutout
from avatar_engine.stage.body import VIDEO_PART
from avatar_engine.trust import consent as consents
from avatar_engine.trust import register
from tests.stage.cutting import film, network
from tests.trust.signing import sign


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))


@pytest.fixture
def avatar(tmp_path: Path, _home: None) -> Path:
    film(tmp_path / "body.mp4", 20)
    signed = sign(tmp_path)
    made = {"source_sha256": signed.consent.clip_sha256}
    with BundleWriter(tmp_path / "a.avatar", "A", made, signed) as writer:
        writer.add_file(VIDEO_PART, tmp_path / "body.mp4")
        writer.add_json("report/report.json", {"kept": True})
    return tmp_path / "a.avatar"


def test_a_clone_gets_a_matte_and_keeps_all_it_had(tmp_path: Path, avatar: Path) -> None:
    before = Bundle.open(avatar)
    told = add_matte(avatar, network(tmp_path / "own.onnx"))
    after = Bundle.open(avatar)
    assert "has a matte" in told
    assert set(after.parts) == {*before.parts, *cutout.PARTS}
    assert all(after.parts[part] == entry for part, entry in before.parts.items())
    assert (after.made, after.consent, after.name) == (before.made, before.consent, before.name)
    assert not avatar.with_suffix(".avatar.matte").exists()
    add_matte(avatar, network(tmp_path / "own.onnx"))  # and again: it takes the old one's place
    assert set(Bundle.open(avatar).parts) == set(after.parts)


def test_a_bad_network_leaves_the_clone_alone(tmp_path: Path, avatar: Path) -> None:
    whole = avatar.read_bytes()
    with pytest.raises(AvatarError, match="no matting network"):
        add_matte(avatar, network(tmp_path / "four.onnx", channels=4))
    with pytest.raises(AvatarError):
        add_matte(avatar, tmp_path / "none.onnx")
    assert avatar.read_bytes() == whole


def test_what_is_cut_out_is_noted_before_it_is_made(
    tmp_path: Path, avatar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cutout, "bake", killed)
    with pytest.raises(KeyboardInterrupt):
        add_matte(avatar, network(tmp_path / "own.onnx"))
    bundle = Bundle.open(avatar)
    signed = consents.from_record(bundle.consent, bundle.made)
    left = {made.kind: made.path for made in register.derived(signed.id)}
    assert left["work"].is_dir() and (left["work"] / "consent.id").read_text() == signed.id
    assert left["cache"] in bundle.cached(), "the body that was unpacked for it"


def test_a_clone_without_a_consent_gets_no_matte(tmp_path: Path, avatar: Path) -> None:
    with BundleWriter(tmp_path / "b.avatar", "B", {"by": "hand"}, {"who": "nobody"}) as writer:
        writer.add_parts(Bundle.open(avatar), [])
    with pytest.raises(AvatarError, match="no consent"):
        add_matte(tmp_path / "b.avatar", network(tmp_path / "own.onnx"))
    assert not (tmp_path / "b.avatar.matte").exists()
