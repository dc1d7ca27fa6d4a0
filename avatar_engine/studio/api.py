"""The studio's API, version 1: everything that its pages do, for programs with a token.

Errors are ``{"error": ..., "advice": ...}`` with a status of 400 and more. Long answers come as server-sent events.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from avatar_engine.contracts import CONTROL_LIMITS, EMOTIONS, Controls
from avatar_engine.stage.layout import BUILT_IN
from avatar_engine.studio import chat, deeds, looks, past, permits, views
from avatar_engine.studio.clones import BUDGETS, LEAST_BUDGET, MOST_BUDGET, Agreed
from avatar_engine.studio.events import stream
from avatar_engine.studio.gate import Admin, Presenter, Technician, Viewer
from avatar_engine.studio.guard import SANDBOX
from avatar_engine.studio.refusals import Missing
from avatar_engine.studio.scripts import LONGEST
from avatar_engine.studio.shows import ORDERS, Wish
from avatar_engine.studio.uploads import PURPOSES
from avatar_engine.studio.views import Json

Number = Annotated[int, Field(ge=0, le=2**53)]
Short = Annotated[str, Field(max_length=200)]
Name = Annotated[str, Field(min_length=1, max_length=60)]
Code = Annotated[str, Header(max_length=60)]
_SAID: dict[int | str, dict[str, Any]] = {
    status: {"description": said}
    for status, said in {
        400: "It can't be done as it was asked.", 401: "Nobody has signed in.", 403: "Your role may not do this.",
        404: "There is no such thing.", 409: "It does not go together with what is there.", 413: "It is too large.",
        422: "It is not written as it should be.", 429: "Too often.",
    }.items()
}  # fmt: skip

api = APIRouter(prefix="/api/v1", responses=_SAID)


class Body(BaseModel):
    """What a request says; nothing that is not known is taken."""

    model_config = ConfigDict(extra="forbid")


class NewUpload(Body):
    """A file that is announced."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    size: Number
    purpose: Literal["clip", "verify", "background", "attachment"]


class NewClone(Body):
    """A clone is begun with an upload of purpose ``clip``."""

    name: Name
    upload: Short


class Consent(Body):
    """What a presenter agrees to. ``code`` is the presenter's own; it is used, and kept nowhere."""

    presenter: Short
    uses: Annotated[list[Short], Field(min_length=1, max_length=20)]
    languages: Annotated[list[Short], Field(min_length=1, max_length=20)]
    platforms: Annotated[list[Short], Field(min_length=1, max_length=50)] = ["any"]
    valid_until: date
    technician: Short
    code: Short = ""
    permit: bool = False


class NewPermit(Body):
    """The presenter's leave to go on air. ``code`` is the presenter's own; it is used, and kept nowhere."""

    code: Short
    begins: AwareDatetime | None = None
    hours: Annotated[float, Field(gt=0, le=permits.MOST_HOURS)]
    platforms: Annotated[list[Short], Field(min_length=1, max_length=50)] = ["any"]


class Withdrawal(Body):
    """A consent is withdrawn. ``confirm`` is the presenter's name; ``code`` theirs, where it is them."""

    confirm: Short
    reason: Annotated[str, Field(max_length=300)] = ""
    code: Short = ""


class Fit(Body):
    """Seconds for the whole clone, and what the presenter speaks."""

    budget: Annotated[float, Field(ge=LEAST_BUDGET, le=MOST_BUDGET)] = BUDGETS[1]
    language: Short = "auto"


class NewLook(Body):
    """Other footage of a clone's presenter, an upload of purpose ``clip``, for which they agree to the same consent.

    ``painter`` is seconds for a painter of its own, 0 for the clone's; ``code`` the presenter's, where they have one.
    """

    name: Name
    upload: Short
    painter: Annotated[float, Field(ge=0, le=looks.MOST_PAINTER)] = 480.0
    code: Short = ""


class Decision(Body):
    """What becomes of a clone."""

    decision: Literal["accepted", "returned"]
    reason: Annotated[str, Field(max_length=1000)] = ""


class NewOutput(Body):
    """An endpoint. Its key is sealed, and never shown again."""

    name: Name
    address: Annotated[str, Field(min_length=1, max_length=2000)]
    key: Annotated[str, Field(max_length=1000)] = ""


class Hosts(Body):
    """Platforms and hosts that may be sent to."""

    hosts: Annotated[list[Short], Field(max_length=200)]


class NewScript(Body):
    """A script."""

    name: Name
    text: Annotated[str, Field(max_length=LONGEST)]


class Text(Body):
    """A script's new text, and the version that it comes from."""

    text: Annotated[str, Field(max_length=LONGEST)]
    version: Number


class Draft(Body):
    """A text to be checked in place of the script's; None for the script's own."""

    text: Annotated[str, Field(max_length=LONGEST)] | None = None


class Attachment(Body):
    """An upload of purpose ``attachment``, or ``background``."""

    upload: Short


class NewShow(Body):
    """A show that goes live at once."""

    clone: Number
    script: Number
    outputs: Annotated[list[Number], Field(max_length=20)] = []
    record: bool = True
    loop: bool = False
    layout: Short = ""
    background: Short = ""
    look: Short = ""
    size: Annotated[str, Field(pattern=r"^(\d{3,4}x\d{3,4})?$")] = ""
    minutes: Annotated[float, Field(ge=0, le=6000)] = 0.0
    permit: Annotated[str, Field(max_length=10_000)] = ""
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    force: bool = False


class NewRoom(Body):
    """A rehearsal room."""

    clone: Number
    language: Annotated[str, Field(pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*|auto)?$")] = ""
    layout: Short = ""
    background: Short = ""


class Order(Body):
    """An order to a show's desk."""

    order: Literal[
        "say", "after", "skip", "pause", "resume", "jump", "product", "card", "layout", "background", "look", "mute",
        "unmute", "do", "mic",
    ]  # fmt: skip
    text: Annotated[str, Field(max_length=2000)] = ""


class Line(Body):
    """A line, and how it is said; the video is a job."""

    clone: Number
    text: Annotated[str, Field(min_length=1, max_length=5000)]
    language: Annotated[str, Field(pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*|auto)?$")] = ""
    speed: Annotated[float, Field(ge=CONTROL_LIMITS["speed"][0], le=CONTROL_LIMITS["speed"][1])] = 1.0
    pitch: Annotated[float, Field(ge=CONTROL_LIMITS["pitch"][0], le=CONTROL_LIMITS["pitch"][1])] = 0.0
    energy: Annotated[float, Field(ge=CONTROL_LIMITS["energy"][0], le=CONTROL_LIMITS["energy"][1])] = 0.0
    emotion: Literal["neutral", "warm", "excited", "calm", "serious"] = "neutral"
    layout: Short = ""
    background: Short = ""
    look: Short = ""


class Rehearsal(Body):
    """A whole show as a video, faster than real time; a job."""

    clone: Number
    script: Number
    minutes: Annotated[float, Field(ge=0, le=600)] = 0.0
    layout: Short = ""
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0


class Verification(Body):
    """An upload of purpose ``verify``; what made it is told by a job, and the file is not kept."""

    upload: Short


class Erasure(Body):
    """Everything of a presenter is removed. ``confirm`` is their name once more."""

    name: Short
    confirm: Short
    sources: bool = False


class Invitation(Body):
    """A one-time link for somebody new."""

    role: Literal["viewer", "presenter", "technician", "admin"]


class Change(Body):
    """Somebody's role, and whether they may come in."""

    role: Literal["viewer", "presenter", "technician", "admin"]
    active: bool = True


class NewToken(Body):
    """A token of one's own."""

    name: Name


@api.get("/me", tags=["people"])
def me(caller: Viewer) -> Json:
    """Who you are."""
    return views.person(caller.person)


@api.get("/studio", tags=["fleet"])
def studio(caller: Viewer) -> Json:
    """What runs where, and what is left of the machine."""
    return deeds.fleet(caller)


@api.post("/uploads", status_code=201, tags=["uploads"])
def begin_upload(caller: Viewer, body: NewUpload) -> Json:
    """Announce a file; then send its pieces, of 16 MB at most, with PATCH."""
    ident = caller.house.uploads.begin(caller.person, body.purpose, body.name, body.size)
    return {"id": ident, "at": 0, "size": body.size, "most": PURPOSES[body.purpose].most}


@api.get("/uploads/{ident}", tags=["uploads"])
def upload_stands(caller: Viewer, ident: str) -> Json:
    """How much of a file is here."""
    at, size = caller.house.uploads.at(caller.person, ident)
    return {"id": ident, "at": at, "size": size}


@api.patch(
    "/uploads/{ident}",
    tags=["uploads"],
    openapi_extra={
        "requestBody": {
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        }
    },
)
async def upload_piece(
    caller: Viewer, ident: str, request: Request, upload_offset: Annotated[int, Header(ge=0, le=2**53)]
) -> Json:
    """The next piece, which begins at ``Upload-Offset``; 409 tells that another one is awaited."""
    at = await caller.house.uploads.take(caller.person, ident, upload_offset, request.stream())
    return {"id": ident, "at": at}


@api.delete("/uploads/{ident}", status_code=204, tags=["uploads"])
def drop_upload(caller: Viewer, ident: str) -> None:
    """Give an upload up."""
    caller.house.uploads.drop(caller.person, ident)


@api.get("/clones", tags=["clones"])
def clones(caller: Viewer) -> list[Json]:
    """All clones, the newest first."""
    return [views.clone(one) for one in caller.house.clones.listed()]


@api.post("/clones", status_code=201, tags=["clones"])
def add_clone(caller: Presenter, body: NewClone) -> Json:
    """Take an uploaded clip, and have it checked."""
    return views.clone(caller.house.clones.one(deeds.add_clone(caller, body.name, body.upload)))


@api.get("/clones/{ident}", tags=["clones"])
def clone(caller: Viewer, ident: Number) -> Json:
    """A clone."""
    return views.clone(caller.house.clones.one(ident))


@api.post("/clones/{ident}/check", status_code=202, tags=["clones"])
def check_clone(caller: Presenter, ident: Number) -> Json:
    """Look at the clip again."""
    return views.job(caller.house.jobs.one(deeds.check(caller, ident)))


@api.post("/clones/{ident}/consent", tags=["clones"])
def agree(caller: Presenter, ident: Number, body: Consent) -> Json:
    """Sign the consent."""
    deeds.agree(caller, ident, Agreed(**body.model_dump()))
    return views.clone(caller.house.clones.one(ident))


@api.get("/clones/{ident}/permits", tags=["clones"])
def listed_permits(caller: Viewer, ident: Number) -> list[Json]:
    """What the presenter permits, the newest first."""
    return [asdict(kept) for kept in permits.listed(caller.house.clones.one(ident))]


@api.post("/clones/{ident}/permits", status_code=201, tags=["clones"])
def make_permit(caller: Presenter, ident: Number, body: NewPermit) -> Json:
    """Sign a permit; shows that want one use it while it holds."""
    begins = body.begins or datetime.now(UTC)
    return asdict(deeds.make_permit(caller, ident, body.code, begins, body.hours, body.platforms))


@api.get("/clones/{ident}/permits/{name}", tags=["clones"], response_class=FileResponse)
def permit_file(caller: Presenter, ident: Number, name: str) -> Response:
    """A permit's file."""
    return deeds.permit_file(caller, ident, name)


@api.post("/clones/{ident}/withdrawal", tags=["clones"])
def withdraw(caller: Presenter, ident: Number, body: Withdrawal) -> Json:
    """Withdraw the consent: shows with it end within a minute, and nothing more can be made of the clone."""
    return deeds.withdraw(caller, ident, body.confirm, body.reason, body.code)


@api.post("/clones/{ident}/fit", status_code=202, tags=["clones"])
def fit(caller: Technician, ident: Number, body: Fit) -> Json:
    """Begin the fit, or go on with it."""
    return views.job(caller.house.jobs.one(deeds.fit(caller, ident, body.budget, body.language)))


@api.post("/clones/{ident}/matte", status_code=202, tags=["clones"])
def matte(caller: Technician, ident: Number) -> Json:
    """Cut the presenter out, so that the background can be changed."""
    return views.job(caller.house.jobs.one(deeds.matte(caller, ident)))


@api.get("/clones/{ident}/looks", tags=["clones"])
def listed_looks(caller: Viewer, ident: Number) -> list[str]:
    """A clone's looks, the one that it was made with first."""
    return list(looks.names(caller.house.clones.one(ident)))


@api.post("/clones/{ident}/looks", status_code=202, tags=["clones"])
def add_look(caller: Technician, ident: Number, body: NewLook) -> Json:
    """Have a look made of another clip of the same presenter."""
    return views.job(
        caller.house.jobs.one(deeds.add_look(caller, ident, body.name, body.upload, body.painter, body.code))
    )


@api.delete("/clones/{ident}/looks/{name}", status_code=204, tags=["clones"])
def drop_look(caller: Technician, ident: Number, name: str) -> None:
    """Take a look out of a clone."""
    deeds.drop_look(caller, ident, name)


@api.post("/clones/{ident}/decision", tags=["clones"])
def decide(caller: Technician, ident: Number, body: Decision) -> Json:
    """Accept a clone, or send it back."""
    deeds.decide(caller, ident, body.decision, body.reason)
    return views.clone(caller.house.clones.one(ident))


@api.get("/clones/{ident}/{file}", tags=["clones"], response_class=FileResponse)
def clone_file(
    caller: Viewer,
    ident: Number,
    file: Literal["poster.jpg", "growing.jpg", "clip", "avatar", "check.html", "report.html", "consent"],
) -> Response:
    """A file of a clone."""
    return deeds.clone_file(caller, ident, file)


@api.get("/jobs", tags=["jobs"])
def jobs(caller: Viewer) -> list[Json]:
    """The newest jobs, those that are open first."""
    return [views.job(one) for one in caller.house.jobs.listed()]


@api.get("/jobs/{ident}", tags=["jobs"])
def job(caller: Viewer, ident: Number) -> Json:
    """A job."""
    return views.job(caller.house.jobs.one(ident))


@api.post("/jobs/{ident}/stop", tags=["jobs"])
def stop_job(caller: Technician, ident: Number) -> Json:
    """Let a job be; what it made so far stays for the next try."""
    deeds.stop_job(caller, ident)
    return views.job(caller.house.jobs.one(ident))


@api.post("/jobs/{ident}/again", status_code=202, tags=["jobs"])
def again(caller: Technician, ident: Number) -> Json:
    """Ask for the same once more; it goes on where it was."""
    return views.job(caller.house.jobs.one(deeds.again(caller, ident)))


@api.get("/jobs/{ident}/file", tags=["jobs"], response_class=FileResponse)
def job_file(caller: Viewer, ident: Number) -> Response:
    """What a job made."""
    return deeds.job_file(caller, ident)


@api.get("/jobs/{ident}/events", tags=["jobs"], response_class=StreamingResponse)
async def job_events(caller: Viewer, request: Request, ident: Number) -> Response:
    """A job, again whenever something has changed, until it is over."""
    jobs_ = caller.house.jobs
    await run_in_threadpool(jobs_.one, ident)
    return stream(
        request,
        lambda: views.job(jobs_.one(ident)),
        over=lambda told: told["state"] not in ("queued", "running"),
    )


@api.get("/outputs", tags=["outputs"])
def outputs(caller: Viewer) -> list[Json]:
    """All outputs, without their keys."""
    return [views.output(one) for one in caller.house.outputs.listed()]


@api.post("/outputs", status_code=201, tags=["outputs"])
def add_output(caller: Technician, body: NewOutput) -> Json:
    """Keep an endpoint."""
    return views.output(deeds.add_output(caller, body.name, body.address, body.key))


@api.post("/outputs/{ident}/test", tags=["outputs"])
def test_output(caller: Technician, ident: Number) -> Json:
    """Whether the endpoint answers; no key is said."""
    found = caller.house.outputs.test(ident)
    return {"good": found.good, "milliseconds": round(found.milliseconds, 1), "said": found.said}


@api.delete("/outputs/{ident}", status_code=204, tags=["outputs"])
def drop_output(caller: Technician, ident: Number) -> None:
    """Forget an endpoint and its key."""
    deeds.drop_output(caller, ident)


@api.get("/hosts", tags=["outputs"])
def hosts(caller: Viewer) -> Json:
    """What may be sent to."""
    return {"hosts": list(caller.house.outputs.hosts())}


@api.put("/hosts", tags=["outputs"])
def allow(caller: Admin, body: Hosts) -> Json:
    """Allow these platforms and hosts, and no other."""
    return {"hosts": list(deeds.allow(caller, body.hosts))}


@api.get("/scripts", tags=["scripts"])
def scripts(caller: Viewer) -> list[Json]:
    """All scripts, the newest change first."""
    return [views.script(one) for one in caller.house.scripts.listed()]


@api.post("/scripts", status_code=201, tags=["scripts"])
def add_script(caller: Technician, body: NewScript) -> Json:
    """A new script."""
    return views.script(caller.house.scripts.one(deeds.add_script(caller, body.name, body.text)), text=True)


@api.get("/scripts/{ident}", tags=["scripts"])
def script(caller: Viewer, ident: Number) -> Json:
    """A script with its text."""
    return views.script(caller.house.scripts.one(ident), text=True)


@api.put("/scripts/{ident}", tags=["scripts"])
def save_script(caller: Technician, ident: Number, body: Text) -> Json:
    """Change a script; 409 where somebody else has changed it meanwhile."""
    deeds.save_script(caller, ident, body.text, body.version)
    return views.script(caller.house.scripts.one(ident), text=True)


@api.delete("/scripts/{ident}", status_code=204, tags=["scripts"])
def drop_script(caller: Technician, ident: Number) -> None:
    """Remove a script and what lies beside it."""
    deeds.drop_script(caller, ident)


@api.post("/scripts/{ident}/check", tags=["scripts"])
def check_script(caller: Technician, ident: Number, body: Draft) -> Json:
    """Every mistake with its line; nothing is said, and nothing kept."""
    found = deeds.judge(caller, ident, body.text)
    return {
        "good": found.good,
        "mistakes": [{"line": one.line, "said": one.said} for one in found.mistakes],
        "told": list(found.told),
    }


@api.post("/scripts/{ident}/files", status_code=201, tags=["scripts"])
def attach(caller: Technician, ident: Number, body: Attachment) -> Json:
    """Put an uploaded file beside a script."""
    deeds.attach(caller, ident, body.upload)
    return views.script(caller.house.scripts.one(ident))


@api.delete("/scripts/{ident}/files/{name}", status_code=204, tags=["scripts"])
def detach(caller: Technician, ident: Number, name: str) -> None:
    """Remove a file beside a script."""
    caller.house.scripts.detach(ident, name)


@api.get("/layouts", tags=["shows"])
def layouts(caller: Viewer) -> list[str]:
    """The layouts that a show may have."""
    return list(BUILT_IN)


@api.get("/emotions", tags=["shows"])
def emotions(caller: Viewer) -> list[str]:
    """How something may be said."""
    return list(EMOTIONS)


@api.get("/orders", tags=["shows"])
def orders(caller: Viewer) -> list[str]:
    """What may be asked of a show."""
    return list(ORDERS)


@api.get("/backgrounds", tags=["shows"])
def backgrounds(caller: Viewer) -> list[str]:
    """The backgrounds that were brought."""
    return caller.house.backgrounds.listed()


@api.post("/backgrounds", status_code=201, tags=["shows"])
def add_background(caller: Technician, body: Attachment) -> Json:
    """Keep an uploaded picture or video."""
    return {"name": deeds.add_background(caller, body.upload)}


@api.delete("/backgrounds/{name}", status_code=204, tags=["shows"])
def drop_background(caller: Technician, name: str) -> None:
    """Remove one."""
    caller.house.backgrounds.drop(name)


@api.get("/shows", tags=["shows"])
def shows(caller: Viewer) -> list[Json]:
    """The newest shows and rooms, those that run first."""
    return [views.show(one) for one in caller.house.shows.listed()]


@api.post("/shows", status_code=202, tags=["shows"])
def start_show(caller: Technician, body: NewShow, x_code: Code = "") -> Json:
    """Go live. Whether it came on air is seen in its state. ``X-Code`` is of your second factor, where one is asked."""
    wish = body.model_dump(exclude={"clone", "script"}) | {"outputs": tuple(body.outputs)}
    return views.show(
        caller.house.shows.one(deeds.start(caller, body.clone, body.script, Wish(**wish), x_code))
    )


@api.post("/rooms", status_code=202, tags=["shows"])
def open_room(caller: Technician, body: NewRoom) -> Json:
    """Open a rehearsal room: a show that only the preview sees."""
    wish = Wish(layout=body.layout, background=body.background)
    return views.show(caller.house.shows.one(deeds.open_room(caller, body.clone, body.language, wish)))


@api.get("/shows/{ident}", tags=["shows"])
def show(caller: Viewer, ident: Number) -> Json:
    """A show."""
    return views.show(caller.house.shows.one(ident))


@api.post("/shows/{ident}/orders", tags=["shows"])
def give_order(caller: Technician, ident: Number, body: Order) -> Json:
    """Give an order to a hosted show; it takes effect within a second."""
    return {"done": deeds.order(caller, ident, body.order, body.text)}


@api.post("/shows/{ident}/stop", status_code=202, tags=["shows"])
def stop_show(caller: Presenter, ident: Number) -> Json:
    """End a show: what was made is sent, and files are finished."""
    deeds.stop(caller, ident)
    return views.show(caller.house.shows.one(ident))


@api.post("/shows/{ident}/resume", status_code=202, tags=["shows"])
def resume_show(caller: Technician, ident: Number, x_code: Code = "", force: bool = False) -> Json:
    """Go on with a show that was cut off; ``force`` lets one in that this machine has no measured room for."""
    deeds.resume(caller, ident, x_code, force)
    return views.show(caller.house.shows.one(ident))


@api.get("/shows/{ident}/chat", tags=["shows"])
def show_chat(caller: Viewer, ident: Number) -> Json:
    """What viewers asked, what was answered and why not, and what was said."""
    house = caller.house
    journal = house.shows.journal(house.shows.one(ident))
    asked, said = chat.read(journal) if journal else ([], [])
    plain = [{name: getattr(one, name) for name in chat.Asked.__dataclass_fields__} for one in asked]
    return {"asked": plain, "said": [{"at": one.at, "text": one.text, "source": one.source} for one in said]}


@api.get("/shows/{ident}/events", tags=["shows"], response_class=StreamingResponse)
async def show_events(caller: Viewer, request: Request, ident: Number) -> Response:
    """A show, again every second, until it is over. Its picture is at the WebSocket ``/shows/{ident}/live.ws``,
    and its microphone at ``/shows/{ident}/mic.ws`` (16-bit samples, mono, 48000 a second)."""
    shows_ = caller.house.shows
    await run_in_threadpool(shows_.one, ident)
    over = ("ended", "failed", "cut off")
    return stream(request, lambda: views.show(shows_.one(ident)), over=lambda told: told["state"] in over)


@api.post("/says", status_code=202, tags=["jobs"])
def say(caller: Technician, body: Line) -> Json:
    """Render a line to a video."""
    controls = Controls(speed=body.speed, pitch=body.pitch, energy=body.energy, emotion=body.emotion)
    stands = body.layout, body.background, body.look
    ident = deeds.say(caller, body.clone, body.text, body.language, controls, *stands)
    return views.job(caller.house.jobs.one(ident))


@api.post("/rehearsals", status_code=202, tags=["jobs"])
def rehearse(caller: Technician, body: Rehearsal) -> Json:
    """Play a whole show into a video."""
    ident = deeds.rehearse(caller, body.clone, body.script, body.minutes, body.layout, body.seed)
    return views.job(caller.house.jobs.one(ident))


@api.post("/verifications", status_code=202, tags=["figures"])
def verify(caller: Viewer, body: Verification) -> Json:
    """What made a file."""
    return views.job(caller.house.jobs.one(deeds.verify(caller, body.upload)))


@api.get("/past", tags=["figures"])
def past_shows(caller: Viewer) -> list[Json]:
    """The shows that were on this machine, the newest first."""
    return [{name: getattr(one, name) for name in past.Past.__dataclass_fields__} for one in past.listed()]


@api.get("/past/{show_id}/report", tags=["figures"], response_class=HTMLResponse)
def report(caller: Viewer, show_id: str) -> Response:
    """The page about a show."""
    return HTMLResponse(past.report_page(show_id), headers={"content-security-policy": SANDBOX})


@api.get("/past/{show_id}/audit", tags=["figures"])
def show_audit(caller: Viewer, show_id: str) -> Json:
    """Whether a show's audit log is whole."""
    file = past.one(show_id).audit
    if not file.is_file():
        raise Missing(f"The show {show_id} has left no audit log.", "Only a hosted show does.")
    whole, told = past.audited(file)
    return {"whole": whole, "told": told}


@api.get("/kpis", tags=["figures"], response_class=HTMLResponse)
def kpis(caller: Viewer, show: Annotated[list[str], Query(min_length=1, max_length=50)]) -> Response:
    """The key figures of one or several hosted shows, with wordings compared."""
    return HTMLResponse(past.kpis_page(show), headers={"content-security-policy": SANDBOX})


@api.get("/audit", tags=["figures"])
def audit(caller: Admin) -> Json:
    """What was done in the studio, the newest first, and whether the log's chain is whole."""
    whole, told = past.audited(caller.house.audit_log)
    return {"whole": whole, "told": told, "entries": past.entries(caller.house.audit_log)}


@api.get("/erasures", tags=["people"])
def erasable(
    caller: Admin, name: Annotated[str, Query(min_length=1, max_length=200)], sources: bool = False
) -> Json:
    """What would be removed of a presenter; nothing is."""
    return deeds.planned(past.erasable(name, caller.house.folder / "clones", sources))


@api.post("/erasures", tags=["people"])
def erase(caller: Admin, body: Erasure) -> Json:
    """Remove everything that was derived from a presenter, and keep a record without a name."""
    return deeds.erase(caller, body.name, body.confirm, body.sources)


@api.get("/people", tags=["people"])
def people(caller: Admin) -> list[Json]:
    """Everybody."""
    return [dict(one) for one in caller.house.people.everybody()]


@api.post("/invitations", status_code=201, tags=["people"])
def invite(caller: Admin, body: Invitation, request: Request) -> Json:
    """A one-time link for somebody new; it is told once."""
    return {"link": deeds.invite(caller, body.role, str(request.base_url))}


@api.put("/people/{ident}", tags=["people"])
def change(caller: Admin, ident: Number, body: Change) -> Json:
    """Somebody's role, and whether they may come in."""
    return views.person(deeds.change(caller, ident, body.role, body.active))


@api.get("/tokens", tags=["people"])
def tokens(caller: Viewer) -> list[Json]:
    """Your tokens, without their secrets."""
    return [dict(one) for one in caller.house.people.tokens(caller.person)]


@api.post("/tokens", status_code=201, tags=["people"])
def new_token(caller: Viewer, body: NewToken) -> Json:
    """A token with your role; it is told once."""
    return {"token": deeds.new_token(caller, body.name)}


@api.delete("/tokens/{ident}", status_code=204, tags=["people"])
def drop_token(caller: Viewer, ident: Number) -> None:
    """Let a token hold no more."""
    deeds.drop_token(caller, ident)
