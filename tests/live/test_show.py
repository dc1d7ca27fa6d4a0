import threading
from dataclasses import asdict

import numpy as np
import pytest

from avatar_engine import __version__
from avatar_engine.broadcast.status import BroadcastStatus, OutputStatus
from avatar_engine.cli.consent import signed_of
from avatar_engine.contracts import FRAME_RATE
from avatar_engine.engine import wire
from avatar_engine.errors import AvatarError
from avatar_engine.live import renderer_process, show, standing, voice_process
from avatar_engine.live.position import Position
from avatar_engine.live.programme import TAIL
from avatar_engine.live.show import refuse_dead, run
from avatar_engine.media.read import frame_count, sound
from avatar_engine.media.write import WaveWriter
from avatar_engine.trust import audit, keys, manifest, register, revocation, said
from avatar_engine.trust.marks.sound import PERIOD, SoundSearch
from tests.live import fakes, voices
from tests.trust.signing import CODE

SIZE = (320, 180)


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "show.md"
    path.write_text("# Start\n\nabc\n\n<!-- pause 200ms -->\n\nde\n")
    return path


def test_a_show_runs_to_its_end_and_is_recorded_whole(avatar, script, tmp_path):
    seen = []
    last = run(avatar(), script, [str(tmp_path / "record.mp4")], size=SIZE, on_status=seen.append)
    assert last.frames == frame_count(tmp_path / "record.mp4")
    assert last.frames - last.filled >= TAIL and last.longest_gap < 1.0
    assert last.said == 2 and last.left_out == 0
    spoken = np.abs(sound(tmp_path / "record.mp4")) > 0.05
    assert spoken.sum() > 0.3 * 24_000
    assert not spoken[-(TAIL - 3) * 960 :].any()
    assert last.text_to_first_sound > 0
    assert [status.frames for status in seen] == sorted(status.frames for status in seen)
    assert last.stage_times["frame"]["p99"] > 0 and last.broadcast.stage_times["encode"]["p50"] > 0
    assert seen[0].segment in ("", "Start") and last.segment == "Start"
    assert last.broadcast is not None and asdict(last)["broadcast"]["outputs"][0]["state"] == "ended"


def test_a_loop_ends_at_its_time(avatar, script, tmp_path):
    last = run(avatar(), script, [str(tmp_path / "r.mp4")], size=SIZE, loop=True, seconds=2.0)
    assert last.frames == 2 * FRAME_RATE
    assert frame_count(tmp_path / "r.mp4") == 2 * FRAME_RATE


def test_stop_ends_it_cleanly_with_a_whole_file(avatar, script, tmp_path):
    stop = threading.Event()

    def watch(status):
        if status.frames >= FRAME_RATE:
            stop.set()

    last = run(avatar(), script, [str(tmp_path / "r.mp4")], size=SIZE, loop=True, on_status=watch, stop=stop)
    assert FRAME_RATE <= last.frames <= 2 * FRAME_RATE, "it ends soon, however busy the machine is"
    assert frame_count(tmp_path / "r.mp4") == last.frames
    assert not any(thread.name in ("voice", "body") for thread in threading.enumerate())


def test_a_mark_in_a_language_without_consent_never_starts(avatar, tmp_path):
    (tmp_path / "show.md").write_text('She says <lang xml:lang="fr">bonjour</lang>.\n')
    with pytest.raises(AvatarError, match="language 'fr'"):
        run(avatar(), tmp_path / "show.md", [str(tmp_path / "r.mp4")], size=SIZE)
    assert not (tmp_path / "r.mp4").exists()


def test_the_voice_is_given_the_lexicon_and_told_whether_to_read_back(avatar, script, tmp_path, monkeypatch):
    given = []

    def voice(director, make, rehearsal, niceness, read_back, on_fault):
        given.append((make.args[3 if make.func is voice_process.load_engine else 2], read_back))
        raise AvatarError("Enough.", "")

    monkeypatch.setattr(voice_process, "VoiceProcess", voice)
    (tmp_path / "server.toml").write_text(
        'protocol = "openai"\nurl = "http://localhost:1"\nvoice = "marie"\n'
    )
    bundle, lexicon = avatar(), tmp_path / "lexicon.toml"
    server = {"lexicon": lexicon, "engine": tmp_path / "server.toml", "read_back": False}
    for more in ({}, {"lexicon": lexicon}, server):
        with pytest.raises(AvatarError, match="Enough"):
            run(bundle, script, [str(tmp_path / "r.mp4")], size=SIZE, **more)
    assert given == [(None, True), (lexicon, True), (lexicon, False)]


def test_whether_the_engine_paints_is_settled_once_for_all_renderers(avatar, script, tmp_path, monkeypatch):
    told, bundle = [], avatar()

    def renderers(make, ring, feed):
        told.append(make.keywords["engine"])
        raise AvatarError("Enough.", "")

    monkeypatch.setattr(show, "Renderers", renderers)
    for wanted in ("auto", "off"):
        with pytest.raises(AvatarError, match="Enough"):
            run(bundle, script, [str(tmp_path / "r.mp4")], size=SIZE, device="cpu", render_engine=wanted)
    with pytest.raises(AvatarError, match="No render engine runs"):
        run(bundle, script, [str(tmp_path / "r.mp4")], size=SIZE, render_engine="on")
    monkeypatch.setattr(wire, "runs", lambda: True)
    monkeypatch.setattr(wire, "status", lambda: {"version": __version__})
    for wanted in ("auto", "on"):
        with pytest.raises(AvatarError, match="Enough"):
            run(bundle, script, [str(tmp_path / "r.mp4")], size=SIZE, render_engine=wanted)
    assert told == ["off", "off", "on", "on"]


def test_a_voice_that_says_nothing_is_no_dead_show(avatar, script, tmp_path, monkeypatch):
    monkeypatch.setattr(voice_process, "load_voice", voices.mute_voice)
    last = run(avatar(), script, [str(tmp_path / "r.mp4")], size=SIZE)
    assert last.left_out == 2 and last.said == 0
    assert last.frames >= TAIL


@pytest.mark.parametrize(
    ("front", "words"),
    [("language: fr", "language 'fr'"), ("use: education", "use 'education'"), ("spead: 2", "line 2")],
)
def test_a_show_outside_the_consent_or_with_a_bad_script_never_starts(avatar, tmp_path, front, words):
    (tmp_path / "show.md").write_text(f"---\n{front}\n---\nabc\n")
    with pytest.raises(AvatarError, match=words):
        run(avatar(), tmp_path / "show.md", [str(tmp_path / "r.mp4")], size=SIZE)
    assert not (tmp_path / "r.mp4").exists()


def test_a_script_says_whether_the_presenter_nods(avatar, tmp_path, monkeypatch):
    made = avatar()
    monkeypatch.setattr(renderer_process, "load_performer", fakes.load_stiff)
    (tmp_path / "show.md").write_text("---\nnods: off\n---\nabc\n")
    assert run(made, tmp_path / "show.md", [str(tmp_path / "r.mp4")], size=SIZE).frames >= TAIL
    (tmp_path / "show.md").write_text("abc\n")
    with pytest.raises(AvatarError, match="She may not nod"):
        run(made, tmp_path / "show.md", [str(tmp_path / "other.mp4")], size=SIZE)


def test_a_show_plays_a_recording_to_its_end_and_says_so(avatar, tmp_path):
    with WaveWriter(tmp_path / "said.wav") as file:
        file.write(np.random.default_rng(0).normal(0, 0.1, 3 * 24_000).astype(np.float32))
    last = run(avatar(), None, [str(tmp_path / "r.mp4")], audio=str(tmp_path / "said.wav"), size=SIZE)
    assert last.said == 1 and last.left_out == 0
    assert 3 * FRAME_RATE <= last.frames - TAIL <= 5 * FRAME_RATE
    heard = sound(tmp_path / "r.mp4")
    assert (np.abs(heard) > 0.05).sum() > 24_000
    search = SoundSearch()
    search.push(heard)
    signed = manifest.read(tmp_path / "r.mp4")
    assert signed.whole and keys.key_id(signed.signer) in keys.known_keys()
    (shift,) = search.found().shift  # found in halves of a sample
    assert search.found().there and min(shift, PERIOD - shift) <= 1, "its mark keeps the programme's time"
    assert not any(thread.name in ("sound", "body") for thread in threading.enumerate())


def test_a_show_whose_live_sound_never_comes_goes_on_with_the_idle_face(avatar, tmp_path):
    last = run(avatar(), None, [str(tmp_path / "r.mp4")], audio="http://127.0.0.1:9/a", size=SIZE, seconds=2)
    assert last.frames == 2 * FRAME_RATE and last.said == 0
    assert frame_count(tmp_path / "r.mp4") == 2 * FRAME_RATE


def test_a_show_says_a_script_or_a_sound(avatar, script, tmp_path):
    bundle = avatar()
    for words in ({"script": None}, {"script": script, "audio": str(script)}):
        with pytest.raises(AvatarError, match="a script or a sound"):
            run(bundle, outputs=[str(tmp_path / "r.mp4")], size=SIZE, **words)
    with pytest.raises(AvatarError, match="language 'fr'"):
        run(bundle, None, [str(tmp_path / "r.mp4")], audio=str(script), language="fr", size=SIZE)


def test_a_show_without_outputs_is_refused(avatar, script):
    with pytest.raises(AvatarError, match="goes nowhere"):
        run(avatar(), script, [], size=SIZE)


def test_a_show_ends_only_when_every_output_has_failed_for_good():
    dead = OutputStatus("record.mp4", "failed", error="disk full")
    refuse_dead(None)
    refuse_dead(BroadcastStatus((dead, OutputStatus("rtmp://host/live/****", "reconnecting"))))
    with pytest.raises(AvatarError, match=r"record\.mp4: disk full"):
        refuse_dead(BroadcastStatus((dead,)))


def test_a_show_that_broke_off_is_resumed_where_it_was_and_one_that_ended_from_the_top(avatar, tmp_path):
    bundle, script = avatar(), tmp_path / "show.md"
    script.write_text("---\npause: 100ms\n---\nabcdefgh\n\nabab\n\nbcdefghijklmnopqrst\n")
    stop = threading.Event()

    def watch(status):
        if status.place == 2:  # the first two are heard
            stop.set()

    first = run(bundle, script, [str(tmp_path / "a.mp4")], size=SIZE, on_status=watch, stop=stop)
    assert stop.is_set() and first.place == 2
    second = run(bundle, script, [str(tmp_path / "b.mp4")], size=SIZE, resume=True)
    assert second.said == 1
    assert Position(script).load() == 0
    Position(script).save(1)
    script.write_text("something else\n")
    with pytest.raises(AvatarError, match="was changed"):
        run(bundle, script, [str(tmp_path / "d.mp4")], size=SIZE, resume=True)
    with pytest.raises(AvatarError, match="can't be resumed"):
        run(bundle, None, [str(tmp_path / "d.mp4")], audio=str(script), size=SIZE, resume=True)
    assert not (tmp_path / "d.mp4").exists()


def entries_of(path):
    told = []
    assert audit.verify(path, lambda entry: told.append(dict(entry))).broken is None
    return told


def test_what_a_show_says_is_written_down_for_the_presenter(avatar, script, tmp_path):
    bundle = avatar()
    run(bundle, script, [str(tmp_path / "record.mp4")], size=SIZE)
    (ident,) = register.consents()
    told = entries_of(said.records(ident)[0])
    assert told[0] | {"use": "live-shopping", "outputs": ["record.mp4"], "says": "show.md"} == told[0]
    assert [(one["text"], one["language"]) for one in told if one["event"] == "say"] == [
        ("abc", "en"),
        ("de", "en"),
    ]
    heard = [one for one in told if one["event"] == "heard"]
    assert heard and heard[0]["number"] == 1 and 0 <= heard[0]["at"] < heard[0]["until"]
    noted = {one.kind: one for one in register.derived(ident)}
    assert noted["recording"].size == (tmp_path / "record.mp4").stat().st_size
    assert noted["avatar"].path == bundle and "idle" in noted


@pytest.mark.parametrize(
    ("more", "outputs", "words"),
    [
        (
            {"platforms": ["twitch"]},
            ["rtmp://a.rtmp.youtube.com/live2/key"],
            r"platform a\.rtmp\.youtube\.com",
        ),
        ({"code": CODE, "publish_with": "permit"}, ["rtmp://live.twitch.tv/app/key"], "asks for a permit"),
        ({}, ["rtmp://127.0.0.1:9/live/key"], "revoked by the technician"),
    ],
)
def test_a_show_that_the_consent_does_not_allow_never_starts(avatar, script, tmp_path, more, outputs, words):
    bundle = avatar(**more)
    if not more:
        revocation.revoke(signed_of(bundle).id, keys.technician_key())
    with pytest.raises(AvatarError, match=words):
        run(bundle, script, [*outputs, str(tmp_path / "r.mp4")], size=SIZE)
    assert not (tmp_path / "r.mp4").exists() and not register.consents(), "nothing was begun"


def test_a_show_whose_consent_is_revoked_ends_with_its_sentence_and_says_why(avatar, tmp_path, monkeypatch):
    monkeypatch.setattr(standing.Standing.__init__, "__defaults__", (0.2,))
    bundle, script = avatar(), tmp_path / "show.md"
    script.write_text("---\npause: 100ms\n---\n" + "abcdefghijklmnop\n\n" * 9)
    seen = []

    def watch(status):
        if status.speaking and not seen:
            seen.append(status.frames)
            revocation.revoke(signed_of(bundle).id, keys.technician_key(), "Enough")

    last = run(bundle, script, [str(tmp_path / "r.mp4")], size=SIZE, loop=True, seconds=30.0, on_status=watch)
    assert "revoked by the technician" in last.ending and "Enough" in last.ending
    assert last.frames < seen[0] + 8 * FRAME_RATE, "long before its time"
    assert frame_count(tmp_path / "r.mp4") == last.frames
    spoken = np.abs(sound(tmp_path / "r.mp4")[: last.frames * 960]) > 0.05
    frames = int(spoken.reshape(-1, 960).any(1).sum())
    sentences = round(frames / 40)
    assert sentences and abs(frames - 40 * sentences) <= 2 * sentences, (
        "all that was begun was said to its end"
    )
    (ident,) = register.consents()
    assert entries_of(said.records(ident)[0])[-1]["event"] == "ended"
