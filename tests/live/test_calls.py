"""Actions that a technician calls for are told with their place, and come again there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avatar_engine.contracts import SAMPLES_PER_FRAME
from avatar_engine.live.calls import CALLED, Calls, Wearing
from avatar_engine.live.programme import Piece, Silence, SoundTrack, Spoken
from avatar_engine.live.retold import Retold
from tests.live.fakes import ListedSource


def spoken(utterance: int, frames: int, action: str = "") -> Spoken:
    sound = np.full(frames * SAMPLES_PER_FRAME, utterance / 10, np.float32)
    return Spoken(sound, last=True, sentence=utterance, utterance=utterance, action=action)


def heard(track: SoundTrack, asks: dict[int, str]) -> list[tuple[int, str]]:
    """Of each frame whose sound it is (0 for silence), and what is called for in it; ``asks`` says before which."""
    frames = []
    for frame in range(400):
        if frame in asks:
            track.act(asks[frame])
        sound, _, _ = track.next()
        frames.append((round(10 * float(sound.max())), track.outlook.action))
        if track.ended and not track.outlook.action:
            break
    return frames


def place(frames: Sequence[tuple[int, str]], action: str) -> tuple[int, int]:
    """The utterance that was heard last when an action began, and the frames since it began."""
    at = next(n for n, (_, called) in enumerate(frames) if called == action)
    utterance = next(said for said, _ in reversed(frames[: at + 1]) if said)
    return utterance, at - next(n for n, (said, _) in enumerate(frames) if said == utterance)


def test_what_is_called_for_comes_again_at_the_same_frame_of_the_same_sentence() -> None:
    told: list[tuple[str, int, int]] = []
    pause = Silence(7 * SAMPLES_PER_FRAME)
    said = [spoken(1, 40), pause, spoken(2, 40, action="nod"), pause, spoken(3, 40)]
    # On air: silence before the first words, and the voice was late for the third sentence.
    late: list[Piece | None] = [None] * 30 + said[:4] + [None] * 12 + said[4:]  # type: ignore[operator]
    on_air = heard(
        SoundTrack(ListedSource(late), calls=Calls(lambda *call: told.append(call))),
        {43: "wave", 110: "point", 163: "bow"},
    )
    assert told == [("wave", 1, 13), ("point", 2, 33), ("bow", 3, 27)], (
        "and not the nod, which its text calls for"
    )
    again = heard(SoundTrack(ListedSource(said), calls=Calls(planned=told)), {})
    for action, utterance, frame in told:
        assert place(on_air, action) == place(again, action) == (utterance, frame)
    assert [called for _, called in again].count("wave") == CALLED
    assert place(again, "nod") == (2, 0)


def test_a_call_whose_frame_does_not_come_comes_with_the_next_sentence_or_at_the_beginning() -> None:
    planned = [("wave", 0, 20), ("point", 1, 99)]
    track = SoundTrack(ListedSource([spoken(1, 40), spoken(2, 40)]), calls=Calls(planned=planned))
    frames = heard(track, {})
    assert (place(frames, "wave"), place(frames, "point")) == ((1, 0), (2, 0))


def test_a_fault_neither_loses_a_call_nor_its_place() -> None:
    told: list[tuple[str, int, int]] = []
    retold = Retold(
        ListedSource([spoken(1, 20), spoken(2, 60)]), "repeat", calls=Calls(lambda *call: told.append(call))
    )
    for _ in range(30):
        retold.next()
    retold.act("wave")
    retold.next()
    retold.cut(28)
    retold.next()
    assert retold.outlook.action == "wave"
    retold.act("point")
    retold.next()
    assert told == [("wave", 2, 10), ("point", 2, 12)]


def worn(track: SoundTrack, asks: dict[int, str], wearing: Wearing) -> list[str]:
    """The look that is asked for in each frame; ``asks`` says before which a technician asks for one."""
    looks = []
    for frame in range(400):
        if frame in asks:
            wearing.ask(asks[frame])
        track.next()
        looks.append(track.scene.look)
        if track.ended:
            break
    return looks


def in_looks(*looks: str) -> list[Piece | None]:
    """Sentences of twenty frames, each in a look, with ten frames of silence between."""
    pieces: list[Piece | None] = []
    for number, look in enumerate(looks, 1):
        pieces += [replace(spoken(number, 20), look=look), Silence(10 * SAMPLES_PER_FRAME)]
    return pieces


def changes(looks: Sequence[str]) -> list[tuple[int, str]]:
    return [(at, looks[at]) for at in range(1, len(looks)) if looks[at] != looks[at - 1]]


def test_a_look_is_worn_until_another_is_asked_for_that_was_not_asked_for_before() -> None:
    wearing = Wearing("a")
    said = ListedSource(in_looks("a", "b", "b", "", "b", "a"))
    looks = worn(SoundTrack(said, wearing=wearing), {75: "red"}, wearing)
    assert changes(looks) == [(30, "b"), (75, "red"), (150, "a")]


def test_a_technicians_look_comes_again_at_the_same_frame_of_the_same_sentence() -> None:
    told: list[tuple[str, int, int]] = []
    on_air = Wearing("a", lambda *order: told.append(order))
    late: list[Piece | None] = [*[None] * 17, *in_looks("a", "a", "b")]
    looks = worn(SoundTrack(ListedSource(late), wearing=on_air), {60: "red", 66: "a"}, on_air)
    assert changes(looks) == [(60, "red"), (66, "a"), (77, "b")]
    assert told == [("red", 2, 13), ("a", 2, 19)]
    again = Wearing("a", planned=told)
    assert changes(worn(SoundTrack(ListedSource(in_looks("a", "a", "b")), wearing=again), {}, again)) == [
        (43, "red"), (49, "a"), (60, "b")
    ]  # fmt: skip


def test_a_cut_sentence_is_told_again_in_the_look_that_was_asked_for() -> None:
    wearing = Wearing("a")
    retold = Retold(ListedSource(in_looks("b", "b")), "repeat", wearing=wearing)
    for _ in range(30):
        retold.next()
    wearing.ask("red")
    for _ in range(6):
        retold.next()
    retold.cut(33)
    looks = []
    for _ in range(20):
        retold.next()
        looks.append(retold.scene.look)
    assert set(looks) == {"red"}
