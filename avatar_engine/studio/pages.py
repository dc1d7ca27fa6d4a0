"""The studio's pages: what is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from avatar_engine.contracts import CONTROL_LIMITS, EMOTIONS
from avatar_engine.errors import AvatarError
from avatar_engine.fleet import door as fleets
from avatar_engine.show import script as room_scripts
from avatar_engine.stage.action import names as action_names
from avatar_engine.stage.layout import BUILT_IN
from avatar_engine.studio import chat, deeds, looks, past, permits, views
from avatar_engine.studio.clones import BUDGETS, STEPS, Clone
from avatar_engine.studio.events import stream
from avatar_engine.studio.gate import Admin, Caller, Viewer, known, lacks_factor
from avatar_engine.studio.people import ROLES
from avatar_engine.studio.render import page, text
from avatar_engine.studio.scripts import NEW
from avatar_engine.studio.shows import Show
from avatar_engine.studio.uploads import PURPOSES
from avatar_engine.trust.platforms import PLATFORMS
from avatar_engine.trust.statement import USES
from avatar_engine.voice.languages import LANGUAGES as VOICE_LANGUAGES

pages = APIRouter(include_in_schema=False)

CLIP_ENDS = ",".join(PURPOSES["clip"].ends)
FLEET = 1.0
"""Seconds that a page waits for a fleet that runs on this machine to tell how it stands."""

USUAL_DAYS = 365
"""For how long a consent is asked for unless somebody says otherwise."""


@pages.get("/sign-in")
def sign_in(request: Request) -> Response:
    """The way in."""
    if known(request):
        return RedirectResponse("/", 303)
    return page(request, None, "sign_in.html.j2", name="", error="", advice="")


@pages.get("/welcome/{secret}")
def welcome(request: Request, secret: str) -> Response:
    """The way in for somebody new."""
    from avatar_engine.studio.gate import house_of

    found = house_of(request).people.invitation(secret)
    return page(
        request, None, "welcome.html.j2", secret=secret, role=found["role"], known=found["name"] or "", name="",
        error="", advice="",
    )  # fmt: skip


@pages.get("/")
def home(request: Request, caller: Viewer) -> Response:
    """All shows and jobs of the studio, what runs where, and what is left of the machine."""
    return page(request, caller, "home.html.j2", here="home", **_fleet(caller))


@pages.get("/live/home")
async def home_live(request: Request, caller: Viewer) -> Response:
    """The same, again whenever it has changed."""
    return stream(request, lambda: text(request, caller, "parts/fleet.html.j2", **_fleet(caller)))


def _fleet(caller: Caller) -> dict[str, Any]:
    shows = caller.house.shows.listed(30)
    told = deeds.fleet(caller)
    return {
        "machine": told | {"busy": round(told["busy"], 1)},
        "running": [(one, views.alarms(one.snapshot)) for one in shows if one.open],
        "lost": [one for one in shows if one.state == "cut off"][:5],
        "jobs": caller.house.jobs.listed(12),
        "clones": caller.house.clones.listed(),
        "fleet": fleets.told(FLEET),
    }


@pages.get("/clones")
def clones(request: Request, caller: Viewer) -> Response:
    """All clones, and the way to a new one."""
    listed = caller.house.clones.listed()
    return page(request, caller, "clones.html.j2", here="clones", clones=listed, ends=CLIP_ENDS)


@pages.get("/clones/{ident}")
def clone(request: Request, caller: Viewer, ident: int) -> Response:
    """A clone: its steps, and what is to be done next."""
    one = caller.house.clones.one(ident)
    return page(request, caller, "clone.html.j2", here="clones", **_clone(one))


@pages.get("/live/clones/{ident}")
async def clone_live(request: Request, caller: Viewer, ident: int) -> Response:
    """How far a clone's jobs are."""
    found = caller.house.clones
    await run_in_threadpool(found.one, ident)
    return stream(
        request, lambda: text(request, caller, "parts/clone_jobs.html.j2", **_working(found.one(ident)))
    )


def _working(one: Clone) -> dict[str, Any]:
    """What is said every second of a clone's jobs."""
    return {"one": one, "grown": _when(one.growing)}


def _clone(one: Clone) -> dict[str, Any]:
    lips, voice = one.report.get("lips", {}), one.report.get("voice", {})
    cards = [
        ("Mouth opening", f"{lips['opening_correlation']:.2f}", lips["opening_correlation"] >= 0.78),
        ("Mouth pictures", f"{lips['psnr_sound']:.1f} dB", lips["psnr_sound"] >= 30),
        ("Voice, on the way to the person's own", f"{voice['share_of_way']:.0%}", voice["share_of_way"] >= 0.6),
        ("Words misheard", f"{voice['word_error_rate']:.1%}", voice["word_error_rate"] <= 0.1),
    ] if lips and voice else []  # fmt: skip
    job = next(
        (one.jobs[kind] for kind in ("fit", "check") if kind in one.jobs and one.jobs[kind].open), None
    )
    return _working(one) | {
        "steps": STEPS, "at": STEPS.index(one.step) if one.step else len(STEPS), "cards": cards,
        "findings": sorted(one.checked.get("findings", ()), key=_worst), "job": job, "budgets": BUDGETS, "uses": USES,
        "voice_languages": [*VOICE_LANGUAGES], "platforms": [*PLATFORMS], "today": date.today(),
        "until": date.today() + timedelta(days=USUAL_DAYS), "matte": one.has_matte,
        "permits": permits.listed(one), "now": datetime.now(), "looks": looks.names(one), "ends": CLIP_ENDS,
    }  # fmt: skip


def _when(file: Path) -> float:
    """When a file was written; 0.0 where there is none."""
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0


def _worst(finding: dict[str, Any]) -> int:
    order = ("will fail", "could be better", "good")
    return order.index(finding["verdict"]) if finding["verdict"] in order else 0


@pages.get("/record")
def record(request: Request, caller: Viewer) -> Response:
    """Record a presenter's minute in the browser."""
    return page(request, caller, "record.html.j2", here="clones")


@pages.get("/rehearse")
def rehearse(request: Request, caller: Viewer) -> Response:
    """Rehearsal rooms, videos of lines and shows."""
    house = caller.house
    jobs = [one for one in house.jobs.listed(60) if one.kind in ("say", "rehearse")][:12]
    fitted = [one for one in house.clones.listed() if one.fitted]
    rooms = [one for one in house.shows.listed() if one.kind == "rehearsal" and one.open]
    return page(
        request, caller, "rehearse.html.j2", here="rehearse", jobs=jobs, rooms=rooms, scripts=house.scripts.listed(),
        fitted=fitted, looks=_looks(fitted), layouts=BUILT_IN, emotions=EMOTIONS,
        limits=CONTROL_LIMITS, backgrounds=house.backgrounds.listed(),
    )  # fmt: skip


@pages.get("/live/rehearse")
async def rehearse_live(request: Request, caller: Viewer) -> Response:
    """How far the videos are."""
    house = caller.house

    def look() -> str:
        jobs = [one for one in house.jobs.listed(60) if one.kind in ("say", "rehearse")][:12]
        return text(request, caller, "parts/videos.html.j2", jobs=jobs)

    return stream(request, look)


@pages.get("/scripts")
def scripts(request: Request, caller: Viewer) -> Response:
    """All scripts."""
    return page(
        request, caller, "scripts.html.j2", here="scripts", scripts=caller.house.scripts.listed(), new=NEW
    )


@pages.get("/scripts/{ident}")
def script(request: Request, caller: Viewer, ident: int) -> Response:
    """The rundown, with its mistakes in place."""
    one = caller.house.scripts.one(ident)
    ends = ",".join(PURPOSES["attachment"].ends)
    return page(request, caller, "script.html.j2", here="scripts", one=one, text=one.text, ends=ends)


@pages.get("/on-air")
def on_air(request: Request, caller: Viewer) -> Response:
    """Start a show; and those that were."""
    house = caller.house
    ready = [one for one in house.clones.listed() if one.ready]
    return page(
        request, caller, "on_air.html.j2", here="on-air", shows=house.shows.listed(), scripts=house.scripts.listed(),
        ready=ready, looks=_looks(ready), outputs=house.outputs.listed(), layouts=BUILT_IN,
        backgrounds=house.backgrounds.listed(), hosts=house.outputs.hosts(), confirmed=deeds.confirmed(caller),
    )  # fmt: skip


def _looks(clones: Sequence[Clone]) -> list[str]:
    """The names of looks that were added to any of some clones."""
    return list(dict.fromkeys(name for one in clones for name in looks.names(one)[1:]))


@pages.get("/on-air/{ident}")
def show(request: Request, caller: Viewer, ident: int) -> Response:
    """The desk of a show, or of a rehearsal room."""
    one = caller.house.shows.one(ident)
    here = "rehearse" if one.kind == "rehearsal" else "on-air"
    return page(request, caller, "show.html.j2", here=here, **_show(caller, one), **_tools(caller, one))


@pages.get("/live/on-air/{ident}")
async def show_live(request: Request, caller: Viewer, ident: int) -> Response:
    """How a show stands, again every second."""
    house = caller.house
    await run_in_threadpool(house.shows.one, ident)
    return stream(
        request, lambda: text(request, caller, "parts/show.html.j2", **_show(caller, house.shows.one(ident)))
    )


def _show(caller: Caller, one: Show) -> dict[str, Any]:
    journal = caller.house.shows.journal(one)
    asked, said = chat.read(journal) if journal else ([], [])
    told = views.show(one)
    return {"one": one, "figures": told["figures"], "places": told["places"], "alarms": told["alarms"],
            "asked": asked[:20], "said": said[:12], "hosted": journal is not None}  # fmt: skip


def _tools(caller: Caller, one: Show) -> dict[str, Any]:
    """What the desk offers: segments, products, actions, layouts, backgrounds."""
    segments: list[str] = []
    products: list[str] = []
    actions: list[str] = []
    looks: tuple[str, ...] = ()
    matte = microphone = sells = False
    try:
        planned = room_scripts.load(one.folder / "script" / "script.md")
        microphone, sells = planned.microphone, bool(planned.catalogue)
        segments = [segment.ident or segment.name for segment in planned.segments if one.kind == "show"]
        products = list(dict.fromkeys(segment.product for segment in planned.segments if segment.product))
    except AvatarError:
        pass
    try:
        from avatar_engine.bundle import Bundle

        who = caller.house.clones.one(one.clone)
        bundle = Bundle.open(who.avatar, verify=False)
        actions, looks, matte = action_names(bundle), bundle.looks, who.has_matte
    except AvatarError:
        who = None
    return {
        "segments": segments, "products": products, "actions": actions, "matte": matte, "layouts": BUILT_IN,
        "looks": looks, "microphone": microphone, "sells": sells,
        "backgrounds": caller.house.backgrounds.listed(), "emotions": EMOTIONS, "limits": CONTROL_LIMITS,
        "agreed": who.signed.consent.languages if who and who.signed else ("en",),
    }  # fmt: skip


@pages.get("/figures")
def figures(request: Request, caller: Viewer) -> Response:
    """Past shows, and the proof of what was made here."""
    ends = ",".join(PURPOSES["verify"].ends)
    verified = [one for one in caller.house.jobs.listed(60) if one.kind == "verify"][:8]
    return page(
        request, caller, "figures.html.j2", here="figures", shows=past.listed(), verified=verified, ends=ends
    )


@pages.get("/live/figures")
async def figures_live(request: Request, caller: Viewer) -> Response:
    """What came of the files that were looked at."""
    house = caller.house

    def look() -> str:
        verified = [one for one in house.jobs.listed(60) if one.kind == "verify"][:8]
        return text(request, caller, "parts/verified.html.j2", verified=verified)

    return stream(request, look)


@pages.get("/figures/{show_id}")
def past_show(request: Request, caller: Viewer, show_id: str) -> Response:
    """A show that was: report, key figures, audit."""
    found = past.one(show_id)
    whole, told = past.audited(found.audit) if found.audit.is_file() else (True, [])
    one = next((one for one in past.listed() if one.show == show_id), None)
    return page(
        request, caller, "past.html.j2", here="figures", show=show_id, one=one, whole=whole, told=told
    )


@pages.get("/settings")
def settings(request: Request, caller: Viewer) -> Response:
    """One's own settings; outputs, hosts and people for those who may."""
    house = caller.house
    return page(
        request, caller, "settings.html.j2", here="settings", outputs=house.outputs.listed(),
        hosts=house.outputs.hosts(), tokens=house.people.tokens(caller.person), roles=ROLES,
        people=house.people.everybody() if caller.person.may("admin") else [], backgrounds=house.backgrounds.listed(),
        ends=",".join(PURPOSES["background"].ends), rules=house.factors.rules(),
        spare=house.factors.spare(caller.person), lacks=lacks_factor(caller),
    )  # fmt: skip


@pages.get("/audit")
def audit(request: Request, caller: Admin) -> Response:
    """What was done in the studio, and erasure."""
    whole, told = past.audited(caller.house.audit_log)
    entries = past.entries(caller.house.audit_log)
    people = sorted({one.presenter for one in caller.house.clones.listed() if one.presenter})
    return page(
        request,
        caller,
        "audit.html.j2",
        here="settings",
        whole=whole,
        told=told,
        entries=entries,
        people=people,
    )
