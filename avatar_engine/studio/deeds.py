"""What somebody does in the studio, whether by a page or by the API: done by the rooms, and written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from fastapi.responses import FileResponse
from starlette.responses import Response

from avatar_engine import device
from avatar_engine.contracts import Controls
from avatar_engine.rights.erasure import Plan
from avatar_engine.studio import looks, past, permits, room
from avatar_engine.studio.clones import Agreed, Clone
from avatar_engine.studio.confine import confine
from avatar_engine.studio.factors import Begun, Rules
from avatar_engine.studio.gate import Caller
from avatar_engine.studio.guard import SANDBOX
from avatar_engine.studio.outputs import Output
from avatar_engine.studio.people import Person
from avatar_engine.studio.refusals import Conflict, Forbidden, Missing, Refusal, TooMany
from avatar_engine.studio.scripts import Judged
from avatar_engine.studio.shows import Wish

Json = dict[str, Any]

_FILES = {
    "poster.jpg": ("poster.jpg", "image/jpeg"),
    "check.html": ("check.html", "text/html"),
    "consent": ("consent.toml", "application/toml"),
}


def fleet(caller: Caller) -> Json:
    """What runs where, and what is left of the machine."""
    house = caller.house
    disk = psutil.disk_usage(str(house.folder))
    memory = psutil.virtual_memory()
    running = [one for one in house.shows.listed() if one.open]
    jobs = [one for one in house.jobs.listed() if one.open]
    strangers = [
        {"show": str(one.get("show")), "state": str(one.get("state"))} for one in house.shows.strangers()
    ]
    return {
        "cores": device.usable_cores(),
        "busy": psutil.cpu_percent(None) / 100,
        "memory": memory.total,
        "memory_free": memory.available,
        "disk": disk.total,
        "disk_free": disk.free,
        "heavy_jobs_at_once": house.jobs.room,
        "capacity": room.left(),
        "shows": [{"id": one.id, "name": one.name, "kind": one.kind, "state": one.state} for one in running],
        "jobs": [{"id": one.id, "kind": one.kind, "title": one.title, "state": one.state} for one in jobs],
        "other_shows": strangers,
    }


def add_clone(caller: Caller, name: str, upload: str) -> int:
    """Take a clip."""
    house = caller.house
    file, clip = house.uploads.finish(caller.person, upload, "clip")
    ident = house.clones.add(name, file, clip, caller.person.name)
    house.note(caller.person.name, "clip brought", clone=ident, name=name, clip=clip)
    return ident


def check(caller: Caller, ident: int) -> int:
    """Look at a clip again."""
    job = caller.house.clones.check(ident, caller.person.name)
    caller.house.note(caller.person.name, "clip checked", clone=ident, job=job)
    return job


def agree(caller: Caller, ident: int, agreed: Agreed) -> None:
    """Sign a consent."""
    signed = caller.house.clones.agree(ident, agreed)
    own = bool(signed.presenter_signature)
    caller.house.note(caller.person.name, "consent signed", clone=ident, consent=signed.id, by_presenter=own)


def make_permit(
    caller: Caller, ident: int, code: str, begins: datetime, hours: float, where: Sequence[str]
) -> permits.Kept:
    """Sign a permit with the presenter's code."""
    made = permits.make(caller.house.clones.one(ident), code, begins, hours, where)
    caller.house.note(
        caller.person.name, "permit signed", clone=ident, permit=made.name, platforms=list(made.platforms)
    )
    return made


def permit_file(caller: Caller, ident: int, name: str) -> Response:
    """A permit as a file, for shows that are started elsewhere."""
    one = caller.house.clones.one(ident)
    text = permits.text_of(one, name)
    caller.house.note(caller.person.name, "file taken", clone=ident, file=name)
    headers = {"content-disposition": 'attachment; filename="permit.toml"'}  # headers hold no other alphabets
    return Response(text, media_type="application/toml", headers=headers)


def withdraw(caller: Caller, ident: int, confirm: str, reason: str, code: str) -> Json:
    """Withdraw a consent."""
    one = caller.house.clones.one(ident)
    if not one.presenter or confirm.strip().casefold() != one.presenter.casefold():
        raise Refusal("The presenter's name was not typed as it stands in the consent.", "Type it once more.")
    made = permits.withdraw(one, reason, code)
    caller.house.note(
        caller.person.name, "consent withdrawn", clone=ident, consent=made.consent, by_presenter=bool(code)
    )
    return {"consent": made.consent, "at": made.at.timestamp(), "reason": made.reason}


def fit(caller: Caller, ident: int, budget: float, language: str) -> int:
    """Begin a fit."""
    job = caller.house.clones.fit(ident, budget, language, caller.person.name)
    caller.house.note(caller.person.name, "fit begun", clone=ident, job=job, budget=budget)
    return job


def matte(caller: Caller, ident: int) -> int:
    """Cut a presenter out."""
    job = caller.house.clones.matte(ident, caller.person.name)
    caller.house.note(caller.person.name, "matte begun", clone=ident, job=job)
    return job


def add_look(caller: Caller, ident: int, name: str, upload: str, painter: float, code: str) -> int:
    """Have a look made of another clip of the same presenter."""
    house = caller.house
    one = house.clones.one(ident)
    file, clip = house.uploads.finish(caller.person, upload, "clip")
    job = looks.add(house.jobs, one, name.strip(), file, clip, painter, code, caller.person.name)
    house.note(caller.person.name, "look begun", clone=ident, look=name, clip=clip, job=job)
    return job


def drop_look(caller: Caller, ident: int, name: str) -> None:
    """Take a look out of a clone."""
    looks.drop(caller.house.jobs, caller.house.clones.one(ident), name)
    caller.house.note(caller.person.name, "look removed", clone=ident, look=name)


def decide(caller: Caller, ident: int, decision: str, reason: str) -> None:
    """Accept a clone, or send it back."""
    caller.house.clones.decide(ident, decision, reason)
    caller.house.note(caller.person.name, f"clone {decision}", clone=ident, reason=reason)


def clone_file(caller: Caller, ident: int, name: str) -> Response:
    """A file of a clone; clip and avatar only for who works with them."""
    one = caller.house.clones.one(ident)
    if name in ("clip", "avatar", "consent") and not caller.person.may("presenter"):
        raise Forbidden("A viewer may not take this.", "It takes a presenter.")
    file, kind = _file_of(one, name)
    if not file.is_file():
        raise Missing(f"{one.name} has no {name} yet.", "Look at what is to be done next.")
    headers = {"content-security-policy": SANDBOX} if kind == "text/html" else {}
    as_file = file.name if name in ("avatar", "consent") else None
    if as_file:
        caller.house.note(caller.person.name, "file taken", clone=ident, file=name)
    return FileResponse(file, media_type=kind, filename=as_file, headers=headers)


def _file_of(one: Clone, name: str) -> tuple[Path, str]:
    if name == "clip":
        kinds = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime"}
        return one.clip, kinds.get(one.clip.suffix, "application/octet-stream")
    if name == "avatar":
        return one.avatar, "application/octet-stream"
    if name == "growing.jpg":
        return one.growing, "image/jpeg"
    if name == "report.html":
        return one.folder / f"{one.name}.report.html", "text/html"
    file, kind = _FILES[name]
    return one.folder / file, kind


def stop_job(caller: Caller, ident: int) -> None:
    """Let a job be."""
    caller.house.jobs.stop(ident)
    caller.house.note(caller.person.name, "job stopped", job=ident)


def again(caller: Caller, ident: int) -> int:
    """Ask for a job once more."""
    job = caller.house.jobs.again(ident, caller.person.name)
    caller.house.note(caller.person.name, "job begun again", job=job, before=ident)
    return job


def job_file(caller: Caller, ident: int) -> Response:
    """What a job made."""
    one = caller.house.jobs.one(ident)
    file = caller.house.jobs.folder(ident) / str(one.result.get("file", "nothing"))
    if one.state != "done" or not file.is_file():
        raise Missing(f"Job {ident} has made no file.", "Look at its progress.")
    return FileResponse(file, media_type="video/webm" if file.suffix == ".webm" else "video/mp4")


def add_output(caller: Caller, name: str, address: str, key: str) -> Output:
    """Keep an endpoint."""
    one = caller.house.outputs.add(name, address, caller.person.name, key)
    caller.house.note(caller.person.name, "output added", output=one.id, name=one.name, address=one.shown)
    return one


def drop_output(caller: Caller, ident: int) -> None:
    """Forget an endpoint."""
    caller.house.outputs.drop(ident)
    caller.house.note(caller.person.name, "output removed", output=ident)


def allow(caller: Caller, hosts: Sequence[str]) -> tuple[str, ...]:
    """Allow hosts."""
    allowed = caller.house.outputs.allow(list(hosts))
    caller.house.note(caller.person.name, "hosts allowed", hosts=list(allowed))
    return allowed


def add_script(caller: Caller, name: str, text: str) -> int:
    """A new script."""
    ident = caller.house.scripts.add(name, text, caller.person.name)
    caller.house.note(caller.person.name, "script added", script=ident, name=name)
    return ident


def save_script(caller: Caller, ident: int, text: str, version: int) -> int:
    """Change a script."""
    fresh = caller.house.scripts.save(ident, text, version, caller.person.name)
    caller.house.note(caller.person.name, "script changed", script=ident, version=fresh)
    return fresh


def drop_script(caller: Caller, ident: int) -> None:
    """Remove a script."""
    caller.house.scripts.drop(ident)
    caller.house.note(caller.person.name, "script removed", script=ident)


def judge(caller: Caller, ident: int, text: str | None) -> Judged:
    """Check a script, or a draft of it, within what it may name."""
    return caller.house.scripts.judge(ident, text, caller.house.outputs.hosts())


def attach(caller: Caller, ident: int, upload: str) -> str:
    """Put a file beside a script."""
    caller.house.scripts.one(ident)
    file, name = caller.house.uploads.finish(caller.person, upload, "attachment")
    plain = caller.house.scripts.attach(ident, file, name)
    caller.house.note(caller.person.name, "file attached", script=ident, file=plain)
    return plain


def add_background(caller: Caller, upload: str) -> str:
    """Keep a background."""
    file, name = caller.house.uploads.finish(caller.person, upload, "background")
    kept = caller.house.backgrounds.add(file, name)
    caller.house.note(caller.person.name, "background added", name=kept)
    return kept


def confirm(caller: Caller, code: str) -> None:
    """Type a code of one's second factor, so that one may go on air for a while."""
    try:
        caller.house.factors.check(caller.person, code)
    except Refusal as error:
        caller.house.note(caller.person.name, "code refused", why=error.what)
        if isinstance(error, TooMany):
            raise
        raise Forbidden(error.what, error.advice) from None
    if caller.session:
        caller.house.factors.confirm(caller.session.hash)
    caller.house.note(caller.person.name, "code typed")


def confirmed(caller: Caller) -> bool:
    """Whether somebody may send a show out of this machine without typing a code first."""
    factors = caller.house.factors
    return not factors.rules().publish or bool(caller.session and factors.fresh(caller.session.hash))


def _see_confirmed(caller: Caller, code: str) -> None:
    if code:
        confirm(caller, code)
    elif not confirmed(caller):
        raise Forbidden(
            "A show that leaves this machine wants a code of your second factor.",
            "Type it on the page On air; programs send it as X-Code.",
        )


def start(caller: Caller, clone: int, script: int, wish: Wish, code: str = "") -> int:
    """Go live."""
    house = caller.house
    if wish.outputs:
        _see_confirmed(caller, code)
    wish = _with_background(caller, wish)
    ident = house.shows.start(clone, script, wish, caller.person.name)
    one = house.shows.one(ident)
    house.note(
        caller.person.name, "show started", show=one.name, outputs=list(one.outputs), record=wish.record
    )
    return ident


def open_room(caller: Caller, clone: int, language: str, wish: Wish) -> int:
    """Open a rehearsal room."""
    ident = caller.house.shows.rehearse(clone, language, _with_background(caller, wish), caller.person.name)
    caller.house.note(caller.person.name, "room opened", show=caller.house.shows.one(ident).name)
    return ident


def _with_background(caller: Caller, wish: Wish) -> Wish:
    return replace(wish, background=caller.house.backgrounds.meant(wish.background))


def order(caller: Caller, ident: int, what: str, text: str) -> str:
    """Give an order to a show."""
    if what == "background":
        text = caller.house.backgrounds.meant(text)
        if not text:
            raise Refusal("No background is named.", "Choose keep, blur, a colour or one that was uploaded.")
    done = caller.house.shows.order(ident, what, text)
    caller.house.note(caller.person.name, "order", show=ident, order=what, text=text[:500])
    return done


def stop(caller: Caller, ident: int) -> None:
    """End a show."""
    caller.house.note(caller.person.name, "show ended", show=caller.house.shows.one(ident).name)
    caller.house.shows.stop(ident)


def resume(caller: Caller, ident: int, code: str = "", force: bool = False) -> None:
    """Go on with a show; ``force`` where the measured machine has no room for it."""
    if caller.house.shows.one(ident).outputs:
        _see_confirmed(caller, code)
    caller.house.shows.resume(ident, caller.person.name, force)
    caller.house.note(
        caller.person.name, "show resumed", show=caller.house.shows.one(ident).name, by_force=force
    )


def say(
    caller: Caller, clone: int, text: str, language: str, controls: Controls, layout: str, background: str,
    look: str = "",
) -> int:  # fmt: skip
    """Render a line."""
    house, one = caller.house, _usable(caller, clone)
    looks.see(one, look)
    asked = {
        "avatar": str(one.avatar), "text": text, "language": language, "controls": asdict(controls), "layout": layout,
        "background": house.backgrounds.meant(background), "look": look,
    }  # fmt: skip
    job = house.jobs.ask("say", f"{one.name}: {text[:60]}", asked, caller.person.name, clone)
    house.note(caller.person.name, "line rendered", clone=clone, job=job, text=text[:500])
    return job


def rehearse(caller: Caller, clone: int, script: int, minutes: float, layout: str, seed: int) -> int:
    """Play a show into a video."""
    house, one = caller.house, _usable(caller, clone)
    what = house.scripts.one(script)
    confine(what.file, house.outputs.hosts())
    asked = {
        "avatar": str(one.avatar), "script": str(what.file), "seconds": minutes * 60, "layout": layout, "seed": seed,
    }  # fmt: skip
    job = house.jobs.ask("rehearse", f"{what.name}, {one.name}", asked, caller.person.name, clone)
    house.note(caller.person.name, "rehearsal begun", clone=clone, script=script, job=job)
    return job


def _usable(caller: Caller, clone: int) -> Clone:
    one = caller.house.clones.one(clone)
    if not one.fitted:
        raise Conflict(f"There is no clone of {one.name} yet.", "Fit it first.")
    return one


def verify(caller: Caller, upload: str) -> int:
    """What made a file."""
    house = caller.house
    file, name = house.uploads.finish(caller.person, upload, "verify")
    kept = file.with_name(f"{file.stem}{Path(name).suffix.lower()}")
    file.rename(kept)
    job = house.jobs.ask("verify", name, {"file": str(kept), "name": name}, caller.person.name)
    house.note(caller.person.name, "file verified", job=job, name=name)
    return job


def planned(plan: Plan) -> Json:
    """What an erasure does, for people."""
    things = [
        {"kind": one.kind, "name": one.path.name, "size": one.size, "stays": one.left} for one in plan.things
    ]
    return {"things": things, "size": sum(one.size for one in plan.removed), "went": list(plan.went)}


def erase(caller: Caller, name: str, confirm: str, sources: bool) -> Json:
    """Remove everything of a presenter."""
    if confirm.strip().casefold() != name.strip().casefold() or not name.strip():
        raise Refusal("The name was not typed the same way twice.", "Type the presenter's name once more.")
    house = caller.house
    clones = [one for one in house.clones.listed() if one.presenter.casefold() == name.strip().casefold()]
    plan, record = past.erase(name.strip(), house.folder / "clones", sources)
    for one in clones:
        if not one.avatar.exists() and (sources or not one.clip.exists()):
            house.clones.gone(one.id)
    house.note(caller.person.name, "person erased", things=len(plan.removed), record=record.name)
    return planned(plan) | {"record": record.name}


def invite(caller: Caller, role: str, base: str) -> str:
    """A link for somebody new."""
    secret = caller.house.people.invite(role, caller.person.name)
    caller.house.note(caller.person.name, "link made", role=role)
    return f"{base.rstrip('/')}/welcome/{secret}"


def renew(caller: Caller, ident: int, base: str) -> str:
    """A link for somebody who needs a new password."""
    person = caller.house.people.person(ident)
    secret = caller.house.people.invite(person.role, caller.person.name, ident)
    caller.house.note(caller.person.name, "link made", person=person.name)
    return f"{base.rstrip('/')}/welcome/{secret}"


def change(caller: Caller, ident: int, role: str, active: bool) -> Person:
    """Somebody's role."""
    person = caller.house.people.change(ident, role, active)
    caller.house.note(caller.person.name, "person changed", person=person.name, role=role, active=active)
    return person


def begin_factor(caller: Caller, password: str) -> Begun:
    """Set up a second factor of one's own; who has a session alone can't."""
    caller.house.people.check_own(caller.person, password)
    if caller.person.factor:
        raise Conflict("You have a second factor already.", "Remove it with a code of it first.")
    return caller.house.factors.begin(caller.person)


def enrol(caller: Caller, sealed: str, code: str) -> list[str]:
    """Take it over; the spare codes."""
    spare = caller.house.factors.enrol(caller.person, sealed, code)
    if caller.session:
        caller.house.factors.confirm(caller.session.hash)
    caller.house.note(caller.person.name, "second factor set up")
    return spare


def renew_spare(caller: Caller, code: str) -> list[str]:
    """New spare codes."""
    confirm(caller, code)
    caller.house.note(caller.person.name, "spare codes renewed")
    return caller.house.factors.renew(caller.person)


def drop_factor(caller: Caller, password: str, code: str) -> None:
    """Do without a second factor again."""
    if caller.house.factors.rules().sign_in:
        raise Forbidden("Everybody here signs in with a second factor.", "An admin may change that rule.")
    caller.house.people.check_own(caller.person, password)
    confirm(caller, code)
    caller.house.factors.drop(caller.person.id)
    caller.house.note(caller.person.name, "second factor removed")


def take_factor(caller: Caller, ident: int) -> None:
    """Take somebody's second factor away, whose phone and spare codes are lost."""
    person = caller.house.people.person(ident)
    caller.house.factors.drop(ident)
    caller.house.note(caller.person.name, "second factor taken away", person=person.name)


def rule(caller: Caller, rules: Rules) -> None:
    """Ask for second factors."""
    if (rules.sign_in or rules.publish) and not caller.person.factor:
        raise Conflict("You have no second factor yourself.", "Set yours up first, or you lock yourself out.")
    caller.house.factors.rule(rules)
    caller.house.note(caller.person.name, "second factors ruled", **asdict(rules))


def new_token(caller: Caller, name: str) -> str:
    """A token of one's own; a program can't make another."""
    if caller.session is None:
        raise Forbidden("A token makes no token.", "Sign in with a browser.")
    token = caller.house.people.new_token(caller.person, name)
    caller.house.note(caller.person.name, "token made", name=name)
    return token


def drop_token(caller: Caller, ident: int) -> None:
    """Let a token hold no more."""
    caller.house.people.drop_token(caller.person, ident)
    caller.house.note(caller.person.name, "token removed", token=ident)
