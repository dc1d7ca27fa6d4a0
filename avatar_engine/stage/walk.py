"""The way through a body at show time: which picture comes next, chosen a few pictures ahead of need.

A walk goes forwards and takes a join now and then. Of the ways that can be gone in the next seconds it takes the one
that costs least: pictures that were not shown lately, joins that were not taken lately, a talking body where there is
speech and a quiet one where there is none, a nod or a gesture on a stressed word where one can be had, and an action
when the words are said that call for it. What it chooses depends on its seed, on what it chose before and on what was
known at each picture, and on nothing else.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import FORESIGHT, FRAME_RATE, NOTHING_KNOWN, Outlook
from avatar_engine.stage.action import Action
from avatar_engine.stage.graph import Graph, Places

HORIZON = FORESIGHT
"""Pictures that a way is judged by: as far as speech is known, and a gesture is planned."""

REACH = 3 * FRAME_RATE
"""Pictures within which a join may begin that is thought about."""

STEP = 8
"""Pictures that are settled at once where no join is taken."""

CALM = 2 * FRAME_RATE
"""Pictures at least between two joins: more often looks hectic."""

WEARY = 4 * FRAME_RATE
"""Pictures that follow one another as they were filmed, from which on it is time for a join."""

TOUCH = 3
"""Pictures by which a beat may miss the stressed word (120 ms)."""

FADING = 60.0
"""Seconds in which the memory of a picture that was shown falls to a third."""

SPENT, RECALLED = 100.0, 900.0
"""The same of a join that was taken, and of two that were taken one after the other."""

RECENT, STATE, BEAT, STRAY, JUMP, TIRED = 1.0, 1.0, 0.6, 0.06, 0.15, 0.6
AGAIN, ALIKE, ASTRAY = 1.2, 1.5, 0.15
"""What counts how much: pictures shown lately; a body that talks where nobody speaks, or the other way round; a
beat on a stressed word; a beat elsewhere; a join and its jump; pictures past `WEARY`, a second; a join that was taken
lately; two that were taken one after the other; and to get where no join is for longer than `WEARY`, a second."""

BELATED = 2.0
"""And an action, a second that it begins after its words."""

LUCK = 0.2
"""By how much chance moves a cost, so that equals do not come in order."""


@dataclass(frozen=True, slots=True)
class _Way:
    """Forwards to place ``leave`` and through a join, or no join (-1); what it costs."""

    join: int
    forward: int
    cost: float


class _Memory:
    """How often something was done, as far as it is remembered: each time counts a third after ``fading`` seconds."""

    def __init__(self, fading: float) -> None:
        self._fading, self._level, self._last = fading, 0.0, 0.0

    def at(self, now: float) -> float:
        return self._level * math.exp((self._last - now) / self._fading)

    def add(self, now: float) -> None:
        self._level, self._last = self.at(now) + 1, now


class Walk:
    """Places for pictures, one after the other, for ever.

    Args:
        graph: Where one may go.
        place: The place of the round to begin at.
        at: The picture that this is.
        seed: Another one goes other ways.
        free: Whether joins are taken; otherwise it goes round and round.
        actions: Those that may be called for, by their names, each with the place of its film's first picture.

    Attributes:
        end: One more than the last picture that is settled.
    """

    def __init__(
        self,
        graph: Graph,
        place: int = 0,
        at: int = 0,
        seed: int = 0,
        free: bool = True,
        actions: Mapping[str, tuple[Action, int]] = MappingProxyType({}),
    ) -> None:
        self._graph, self._first, self._seed = graph, graph.first, seed
        self._shown = np.full(
            graph.round, -1e9
        )  # seconds at which each picture of the round was settled last
        self._taken = [_Memory(SPENT) for _ in graph.leave]
        self._pairs: defaultdict[tuple[int, int], _Memory] = defaultdict(lambda: _Memory(RECALLED))
        self._before = -1  # the join that was taken last
        self._beats = np.zeros(graph.round, np.bool_)
        self._beats[graph.beats] = True
        self._free = free and len(graph.leave) > 0
        self._far = _until(graph.leave, graph.round)
        self._known: tuple[int, Outlook] = (at, NOTHING_KNOWN)
        self._actions = actions
        self._until = {name: _until(action.leave, graph.round) for name, (action, _) in actions.items()}
        self._wanted = ""  # the action that was called for
        self._early = ("", -FRAME_RATE)  # one that was begun before its words, and their first picture
        self.begin(place, at)

    def begin(self, place: int, at: int) -> None:
        """Picture ``at`` is ``place`` of the round; what was shown before is remembered."""
        self._settled: deque[int] = deque()
        self._place = place % self._graph.round  # what comes after the last that is settled
        self._run = 0  # pictures since the last join
        self.end = at

    def shift(self, pictures: int) -> None:
        """What is settled, and what follows, comes so many pictures later than it was said to."""
        self.end += pictures

    def foresee(self, at: int, outlook: Outlook) -> None:
        """What is known of the pictures from ``at`` on; counts for what is not settled yet.

        An action that is called for is done from the next moment on from which one can go into it, once for each call;
        one that this body does not have is left out. Where a call is known before, the way leads to such a moment, so
        that the blend into the action is over when its words begin.
        """
        called = outlook.action if outlook.action != self._known[1].action else ""
        if called in self._actions and not self._met(called, at):
            self._wanted = called
        self._known = at, outlook

    def take(self, until: int) -> list[int]:
        """The places of the pictures from `end` to ``until`` (exclusive)."""
        while self.end + len(self._settled) < until:
            self._settle()
        wanted = [self._settled.popleft() for _ in range(max(0, until - self.end))]
        self.end += len(wanted)
        return wanted

    def _settle(self) -> None:
        """A few more pictures."""
        self._call(self.end + len(self._settled))
        if self._wanted:
            self._act()
            return
        if not self._free:
            self._go(STEP)
            return
        at = self.end + len(self._settled)
        ways = [_Way(-1, HORIZON, self._cost(at, -1, HORIZON)), *self._joins(at)]
        chance = random.Random(f"{self._seed} {at}")
        best = min(ways, key=lambda way: way.cost + LUCK * chance.random())
        name, words = self._next(at)
        # an entry must not be passed unseen; and whatever else, a show goes on
        step = max(1, min(STEP, self._due(name, words) - at)) if name else STEP
        self._go(min(best.forward, step))
        if best.join >= 0 and best.forward <= step:
            self._through(best.join)

    def _call(self, at: int) -> None:
        """Want an action already whose words begin when the blend into it is over, or nearly."""
        name, words = self._next(at)
        if name and not self._wanted and at >= self._due(name, words):
            self._wanted, self._early = name, (name, words)

    def _next(self, at: int) -> tuple[str, int]:
        """The action that will be called for next, "" for none, and the picture in which its words begin."""
        begins, outlook = self._known
        for frame, name in outlook.calls:
            if name in self._actions and begins + frame >= at and not self._met(name, begins + frame):
                return name, begins + frame
        return "", at

    def _due(self, name: str, words: int) -> int:
        """The first picture in which the blend into an action may begin."""
        return words - self._actions[name][0].blend - STEP

    def _met(self, name: str, words: int) -> bool:
        """Whether an action was begun before these words, for them."""
        return self._early[0] == name and abs(self._early[1] - words) <= FRAME_RATE

    def _joins(self, at: int) -> list[_Way]:
        graph = self._graph
        forward = np.mod(graph.leave - self._place, graph.round)
        near = np.flatnonzero((forward < REACH) & (self._run + forward >= CALM))
        return [
            _Way(int(join), int(forward[join]), self._cost(at, int(join), int(forward[join])))
            for join in near
        ]

    def _cost(self, at: int, join: int, forward: int) -> float:
        """Of going ``forward`` so many pictures from picture ``at`` on and then through a join, over `HORIZON`."""
        graph, now = self._graph, at / FRAME_RATE
        places = self._ahead(join, forward)
        age = now - self._shown[places]
        run = self._run + np.arange(HORIZON)
        last = (
            self._run + REACH + self._far[(self._place + REACH) % graph.round]
        )  # of this run, or of the next one
        cost = 0.0
        if join >= 0:
            run[forward:] = np.arange(HORIZON - forward)
            last = CALM + self._far[(graph.into[join] + CALM) % graph.round]
            cost = JUMP * (0.5 + float(graph.jump[join])) + AGAIN * self._taken[join].at(now)
            if (self._before, join) in self._pairs:
                cost += ALIKE * self._pairs[self._before, join].at(now)
        cost += RECENT * float(np.exp(-age / FADING).mean())
        cost += TIRED * float((run > WEARY).sum()) / FRAME_RATE
        cost += ASTRAY * max(0.0, float(last - WEARY)) / FRAME_RATE
        name, words = self._next(at)
        if name and (due := max(0, self._due(name, words) - at)) < HORIZON:
            cost += BELATED * float(self._until[name][places[due]]) / FRAME_RATE
        return cost + self._in_step(at, places)

    def _ahead(self, join: int, forward: int) -> npt.NDArray[np.intp]:
        """The places of the round at, or for, each picture of the way."""
        steps = np.arange(HORIZON)
        places = self._place + steps
        if join >= 0:
            entered = self._graph.into[join] - self._graph.length[join]
            places = np.where(steps < forward, places, entered + steps - forward)
        return np.mod(places, self._graph.round)

    def _in_step(self, at: int, places: npt.NDArray[np.intp]) -> float:
        """What it costs where the body is not in step with what will be said."""
        begins, outlook = self._known
        ahead = max(0, at - begins)
        speech = np.frombuffer(outlook.speech, np.uint8)[ahead : ahead + HORIZON].astype(np.float64)
        talk = self._graph.talk[places[: len(speech)]]
        cost = STATE * float(np.abs(talk - speech).sum()) / HORIZON
        beats = np.flatnonzero(self._beats[places[: len(speech)]])
        stresses = np.array([stress - ahead for stress in outlook.stresses if stress >= ahead - TOUCH])
        for beat in beats:
            met = len(stresses) > 0 and np.abs(stresses - beat).min() <= TOUCH
            cost += -BEAT if met else STRAY
        return cost

    def _go(self, pictures: int) -> None:
        round_, now = self._graph.round, (self.end + len(self._settled)) / FRAME_RATE
        places = np.mod(self._place + np.arange(pictures), round_)
        self._shown[places] = now
        self._settled.extend(places.tolist())
        self._place = (self._place + pictures) % round_
        self._run += pictures

    def _act(self) -> None:
        """Go on to where the action that is wanted can be entered, by a join where that is sooner, and do it."""
        action, first = self._actions[self._wanted]
        forward, join = self._soonest(self._until[self._wanted])
        place = (self._place + forward) % self._graph.round
        self._go(min(STEP, forward))
        if forward > STEP:
            return
        if join >= 0:
            self._through(join)
            return
        entry = int(np.flatnonzero(action.leave == place)[0])
        ahead = np.mod(action.into[:, None] + np.arange(HORIZON), self._graph.round)
        leaving = int(np.argmin(self._shown[ahead].mean(1)))  # to what was shown longest ago
        self._settled.extend(first + picture for picture in action.way(entry, leaving))
        self._place, self._run, self._before, self._wanted = int(action.into[leaving]), 0, -1, ""

    def _soonest(self, until: npt.NDArray[np.intp]) -> tuple[int, int]:
        """Pictures forward to an entry, or to the join by which one is there sooner, and that join or -1."""
        graph, forward = self._graph, int(until[self._place])
        if not self._free:
            return forward, -1
        away = np.mod(graph.leave - self._place, graph.round)
        whole = away + graph.length + until[graph.into % graph.round]
        whole = np.where(self._run + away >= FRAME_RATE, whole, graph.round)
        best = int(np.argmin(whole))
        return (int(away[best]), best) if whole[best] < forward else (forward, -1)

    def _through(self, join: int) -> None:
        graph, now = self._graph, (self.end + len(self._settled)) / FRAME_RATE
        length, into = int(graph.length[join]), int(graph.into[join])
        self._shown[into - length : into] = now
        self._taken[join].add(now)
        self._settled.extend(range(int(self._first[join]), int(self._first[join]) + length))
        self._pairs[self._before, join].add(now)
        self._before = join
        self._place, self._run = into, 0


def _until(leave: Places, pictures: int) -> npt.NDArray[np.intp]:
    """From every place of a round the pictures to the next one of ``leave``; the whole round where there is none."""
    if not len(leave):
        return np.full(pictures, pictures)
    ends = np.sort(leave)
    at = np.arange(pictures)
    following = ends[np.searchsorted(ends, at) % len(ends)]
    return np.asarray(np.mod(following - at, pictures), np.intp)
