"""The studio's things as plain JSON: what the API gives, and what no secret is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from avatar_engine.studio.clones import Clone
from avatar_engine.studio.jobs import Job
from avatar_engine.studio.outputs import Output
from avatar_engine.studio.people import Person
from avatar_engine.studio.scripts import Script
from avatar_engine.studio.shows import Show

Json = dict[str, Any]

FIGURES = (
    "on_air", "fps", "frames", "late", "dropped", "av_offset_ms", "queue", "speech_lead", "bitrate_kbps", "reconnects",
    "segment", "speaking", "said", "left_out", "filled", "renderer_restarts", "voice_restarts", "broadcast_restarts",
    "show_restarts", "microphone", "look", "audience", "chats", "ending",
)  # fmt: skip
"""Of a show's status, what a desk looks at."""


def person(one: Person) -> Json:
    """Somebody."""
    return {"id": one.id, "name": one.name, "role": one.role, "language": one.language, "theme": one.theme}


def job(one: Job) -> Json:
    """A job with its stages."""
    return asdict(one) | {"result": dict(one.result)}


def clone(one: Clone) -> Json:
    """A clone: what is there, and what comes next."""
    agreed = one.signed.consent if one.signed else None
    return {
        "id": one.id, "name": one.name, "clip": one.clip_name, "info": dict(one.info), "by": one.by,
        "created": one.created, "step": one.step, "presenter": one.presenter, "fitted": one.fitted, "ready": one.ready,
        "decision": one.decision, "reason": one.reason, "refused": one.refused,
        "check": {name: one.checked[name] for name in ("verdict", "summary", "findings") if name in one.checked},
        "consent": {
            "id": one.signed.id, "presenter": agreed.presenter, "uses": list(agreed.uses),
            "languages": list(agreed.languages), "platforms": list(agreed.platforms),
            "valid_until": agreed.valid_until.isoformat(), "signed_by_presenter": bool(one.signed.presenter_signature),
        } if agreed and one.signed else None,
        "jobs": {kind: job(found) for kind, found in one.jobs.items()},
    }  # fmt: skip


def output(one: Output) -> Json:
    """An output, never with its key."""
    return asdict(one)


def script(one: Script, text: bool = False) -> Json:
    """A script; with its ``text`` where that is wanted."""
    told: Json = {
        "id": one.id, "name": one.name, "version": one.version, "by": one.by, "updated": one.updated,
        "attached": list(one.attached),
    }  # fmt: skip
    return told | ({"text": one.text} if text else {})


def show(one: Show) -> Json:
    """A show, with the figures and alarms of its programme while it runs."""
    status = one.status
    broadcast = status.get("broadcast") or {}
    return {
        "id": one.id, "kind": one.kind, "name": one.name, "clone": one.clone, "clone_name": one.clone_name,
        "script": one.script, "outputs": list(one.outputs), "state": one.state, "show": one.show, "by": one.by,
        "created": one.created, "ended": one.ended, "error": one.error,
        "figures": {name: status[name] for name in FIGURES if name in status},
        "places": [
            {name: place.get(name) for name in ("name", "state", "error", "bitrate_kbps", "reconnects", "lag")}
            for place in broadcast.get("outputs", ())
        ],
        "alarms": alarms(one.snapshot),
    }  # fmt: skip


def alarms(snapshot: Mapping[str, Any]) -> list[str]:
    """What of a show needs somebody's eye now, in sentences."""
    status: Mapping[str, Any] = snapshot.get("status") or {}
    if not status:
        return []
    told = []
    if abs(float(status.get("av_offset_ms", 0))) > 40:
        told.append(f"Picture and sound are {status['av_offset_ms']:+.0f} ms apart.")
    if status.get("on_air", 0) > 10 and status.get("fps", 25) < 24:
        told.append(f"Only {status['fps']:.1f} pictures a second go out.")
    for place in (status.get("broadcast") or {}).get("outputs", ()):
        if place.get("state") in ("reconnecting", "failed"):
            why = f": {place['error']}" if place.get("error") else ""
            told.append(f"{place['name']} is {place['state']}{why}.")
    for part, count in (snapshot.get("restarts") or {}).items():
        if count:
            told.append(f"The {part} was started anew {count} times.")
    if status.get("left_out"):
        told.append(f"{status['left_out']} sentences could not be said.")
    told += [
        f"The chat {one['source']} is {one['state']}."
        for one in status.get("chats", ())
        if one.get("state") == "away"
    ]
    if status.get("ending"):
        told.append(f"It ends: {status['ending']}")
    return told
