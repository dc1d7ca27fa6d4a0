"""What this machine carries, which shows run on it, and whether one more has room.

The whole of it for who places shows::

    capacity = kept()                                   # None: never measured here
    cost = cost_of(capacity, Demand(size=(1280, 720)))
    verdict = room(capacity, taken(), cost)             # .fits, .stage, .needs, .left, .why
    hosts(capacity, Demand(size=(1280, 720)))           # how many on an empty machine

`avatar_engine.gauge` measures it; `avatar_engine.live` takes the seats.
"""

from avatar_engine.capacity.admission import Verdict, cost_of, hosts, room
from avatar_engine.capacity.encoders import Choice, choose
from avatar_engine.capacity.model import Capacity, Cost, Demand, Limits, Machine, Measured, Trial
from avatar_engine.capacity.record import Kept, keep, kept, look
from avatar_engine.capacity.seats import Hold, Seat, join, take, taken

__all__ = [
    "Capacity",
    "Choice",
    "Cost",
    "Demand",
    "Hold",
    "Kept",
    "Limits",
    "Machine",
    "Measured",
    "Seat",
    "Trial",
    "Verdict",
    "choose",
    "cost_of",
    "hosts",
    "join",
    "keep",
    "kept",
    "look",
    "room",
    "take",
    "taken",
]
