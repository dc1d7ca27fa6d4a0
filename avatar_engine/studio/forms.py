"""The studio's forms: what is done from a page. Each answers with a line for the page, or sends it elsewhere.

A form that is refused keeps what was typed, for only that line is put into the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from avatar_engine.contracts import Controls
from avatar_engine.errors import AvatarError
from avatar_engine.studio import deeds, past
from avatar_engine.studio.clones import Agreed
from avatar_engine.studio.factors import Rules
from avatar_engine.studio.gate import (
    Admin,
    Caller,
    Presenter,
    Technician,
    Viewer,
    forget,
    house_of,
    remember,
    slow_down,
)
from avatar_engine.studio.people import Person
from avatar_engine.studio.refusals import Refusal
from avatar_engine.studio.render import anew, language_of, page, told, went
from avatar_engine.studio.scripts import NEW
from avatar_engine.studio.shows import Wish
from avatar_engine.studio.spoken import marked
from avatar_engine.studio.words import LANGUAGES, translator

forms = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=2000)]
Long = Annotated[str, Form(max_length=400_000)]
Box = Annotated[bool, Form()]
Listed = Annotated[Sequence[str], Form(max_length=60)]
Numbers = Annotated[Sequence[int], Form(max_length=30)]


def _say(request: Request, caller: Caller, said: str, **values: object) -> Response:
    """A line in the reader's language."""
    return told(request, caller, translator(language_of(request, caller))(said, **values), own=True)


@forms.post("/sign-in")
def sign_in(request: Request, name: Text = "", password: Text = "") -> Response:
    """Let somebody in."""
    house = house_of(request)
    try:
        slow_down(request, name)
        person = house.people.check_password(name, password)
    except Refusal as error:
        house.note(name[:60], "sign-in refused", why=error.what)
        return page(
            request,
            None,
            "sign_in.html.j2",
            error.status,
            name=name[:60],
            error=error.what,
            advice=error.advice,
        )
    return _let_in(request, person)


@forms.post("/sign-in/code")
def sign_in_with_code(request: Request, half: Text = "", code: Text = "") -> Response:
    """Let somebody in whose password was right, and who has the second factor, too."""
    house = house_of(request)
    who = "somebody"
    try:
        person = house.people.person(house.factors.half(half))
        who = person.name  # whose password somebody knows
        house.factors.check(person, code)
    except AvatarError as error:
        house.note(who, "code refused", why=error.what)
        status = int(getattr(error, "status", 400))
        return page(request, None, "code.html.j2", status, half=half, error=error.what, advice=error.advice)
    house.factors.whole(half)
    return _let_in(request, person, confirmed=True)


def _let_in(request: Request, person: Person, confirmed: bool = False) -> Response:
    """A session, or, of somebody with a second factor, its code first."""
    house = house_of(request)
    if person.factor and not confirmed:
        return page(request, None, "code.html.j2", half=house.factors.halfway(person), error="", advice="")
    secret, session = house.people.begin(person)
    if confirmed:
        house.factors.confirm(session.hash)
    house.note(person.name, "signed in", second_factor=confirmed)
    answer = RedirectResponse("/", 303)
    remember(answer, request, secret)
    return answer


@forms.post("/welcome/{secret}")
def welcome(
    request: Request, secret: str, name: Text = "", password: Text = "", again: Text = ""
) -> Response:
    """Make somebody new, who is let in at once."""
    house = house_of(request)
    found = house.people.invitation(secret)
    try:
        slow_down(request, f"link {secret[:8]}")
        if password != again:
            raise Refusal("The two passwords are not the same.", "Type it twice the same way.")
        person = house.people.accept(secret, name, password)
    except Refusal as error:
        return page(
            request, None, "welcome.html.j2", error.status, secret=secret, role=found["role"],
            known=found["name"] or "", name=name[:60], error=error.what, advice=error.advice,
        )  # fmt: skip
    house.note(person.name, "link used", role=person.role)
    return _let_in(request, person)


@forms.post("/sign-out")
def sign_out(request: Request, caller: Viewer) -> Response:
    """Let somebody out."""
    if caller.session:
        caller.house.people.end(caller.session)
    caller.house.note(caller.person.name, "signed out")
    answer = RedirectResponse("/sign-in", 303)
    forget(answer, request)
    return answer


@forms.post("/do/clones")
def add_clone(request: Request, caller: Presenter, upload: Text, name: Text = "") -> Response:
    """Take a clip that was uploaded."""
    return went(f"/clones/{deeds.add_clone(caller, name, upload)}")


@forms.post("/do/clones/{ident}/check")
def check(request: Request, caller: Presenter, ident: int) -> Response:
    """Look again."""
    deeds.check(caller, ident)
    return went(f"/clones/{ident}")


@forms.post("/do/clones/{ident}/consent")
def agree(
    request: Request, caller: Presenter, ident: int, presenter: Text, technician: Text, until: Text,
    uses: Listed = (), languages: Listed = (), platforms: Listed = (), hosts: Text = "", code: Text = "",
    permit: Box = False, read: Box = False,
) -> Response:  # fmt: skip
    """Sign the consent."""
    if not read:
        raise Refusal("The presenter has not said that they read it.", "Let them read it, and tick the box.")
    try:
        day = date.fromisoformat(until)
    except ValueError:
        raise Refusal(f"{until[:20]!r} is no day.", "Write it as 2027-12-31.") from None
    where = [*platforms, *(host.strip() for host in hosts.split(",") if host.strip())]
    agreed = Agreed(presenter, uses, languages, day, technician, where, code, permit)
    deeds.agree(caller, ident, agreed)
    return went(f"/clones/{ident}")


@forms.post("/do/clones/{ident}/code")
def new_code(request: Request, caller: Presenter, ident: int) -> Response:
    """A code for the presenter, shown once; nothing of it is kept."""
    import segno

    from avatar_engine.trust import presenter

    caller.house.clones.one(ident)
    code = presenter.new_code()
    picture = segno.make(code, micro=False).svg_data_uri(scale=4, border=2)
    return page(request, caller, "parts/code.html.j2", code=code, picture=picture)


@forms.post("/do/clones/{ident}/permits")
def make_permit(
    request: Request, caller: Presenter, ident: int, code: Text = "", begins: Text = "",
    hours: Annotated[float, Form()] = 4.0, platforms: Listed = (), hosts: Text = "",
) -> Response:  # fmt: skip
    """Sign a permit."""
    try:
        moment = datetime.fromisoformat(begins).astimezone() if begins else datetime.now(UTC)
    except ValueError:
        raise Refusal(f"{begins[:20]!r} is no moment.", "Write it as 2027-12-31T20:00.") from None
    where = [*platforms, *(host.strip() for host in hosts.split(",") if host.strip())]
    deeds.make_permit(caller, ident, code, moment, hours, where)
    return went(f"/clones/{ident}")


@forms.post("/do/clones/{ident}/withdraw")
def withdraw(
    request: Request, caller: Presenter, ident: int, confirm: Text = "", reason: Text = "", code: Text = ""
) -> Response:
    """Withdraw the consent."""
    deeds.withdraw(caller, ident, confirm, reason, code)
    return went(f"/clones/{ident}")


@forms.post("/do/clones/{ident}/fit")
def fit(
    request: Request,
    caller: Technician,
    ident: int,
    budget: Annotated[float, Form()] = 1200,
    language: Text = "auto",
) -> Response:
    """Begin the fit."""
    deeds.fit(caller, ident, budget, language)
    return went(f"/clones/{ident}")


@forms.post("/do/clones/{ident}/matte")
def matte(request: Request, caller: Technician, ident: int) -> Response:
    """Cut the presenter out."""
    deeds.matte(caller, ident)
    return went(f"/clones/{ident}")


@forms.post("/do/clones/{ident}/looks")
def add_look(
    request: Request, caller: Technician, ident: int, upload: Text, name: Text = "",
    painter: Annotated[float, Form()] = 480.0, code: Text = "", read: Box = False,
) -> Response:  # fmt: skip
    """Have a look made of another clip."""
    if not read:
        raise Refusal("The presenter has not said that they read it.", "Let them read it, and tick the box.")
    deeds.add_look(caller, ident, name, upload, painter, code)
    return went(f"/clones/{ident}")


@forms.post("/do/clones/{ident}/looks/drop")
def drop_look(request: Request, caller: Technician, ident: int, name: Text) -> Response:
    """Take a look out of a clone."""
    deeds.drop_look(caller, ident, name)
    return went(f"/clones/{ident}")


@forms.post("/do/clones/{ident}/decision")
def decide(request: Request, caller: Technician, ident: int, decision: Text, reason: Text = "") -> Response:
    """Accept it, or send it back."""
    deeds.decide(caller, ident, decision, reason)
    return went(f"/clones/{ident}")


@forms.post("/do/jobs/{ident}/stop")
def stop_job(request: Request, caller: Technician, ident: int) -> Response:
    """Let a job be."""
    deeds.stop_job(caller, ident)
    return _say(request, caller, "The job is stopped; what it made so far stays.")


@forms.post("/do/jobs/{ident}/again")
def again(request: Request, caller: Technician, ident: int) -> Response:
    """Go on with a job."""
    deeds.again(caller, ident)
    return _say(request, caller, "The job goes on where it was.")


@forms.post("/do/scripts")
def add_script(request: Request, caller: Technician, name: Text = "") -> Response:
    """A new script."""
    return went(f"/scripts/{deeds.add_script(caller, name, NEW)}")


@forms.post("/do/scripts/{ident}")
def save_script(
    request: Request,
    caller: Technician,
    ident: int,
    text: Long,
    version: Annotated[int, Form()],
    only: Text = "",
) -> Response:
    """Keep a script, and tell its mistakes; or only tell them."""
    if not only:
        version = deeds.save_script(caller, ident, text, version)
    found = deeds.judge(caller, ident, text)
    return page(request, caller, "parts/judged.html.j2", found=found, saved=not only, version=version)


@forms.post("/do/scripts/{ident}/drop")
def drop_script(request: Request, caller: Technician, ident: int) -> Response:
    """Remove a script."""
    deeds.drop_script(caller, ident)
    return went("/scripts")


@forms.post("/do/scripts/{ident}/attach")
def attach(request: Request, caller: Technician, ident: int, upload: Text) -> Response:
    """Put a file beside a script."""
    deeds.attach(caller, ident, upload)
    return went(f"/scripts/{ident}")


@forms.post("/do/scripts/{ident}/detach")
def detach(request: Request, caller: Technician, ident: int, name: Text) -> Response:
    """Remove it."""
    caller.house.scripts.detach(ident, name)
    return went(f"/scripts/{ident}")


@forms.post("/do/shows")
def start(
    request: Request, caller: Technician, clone: Annotated[int, Form()], script: Annotated[int, Form()],
    outputs: Numbers = (), record: Box = False, loop: Box = False, layout: Text = "", background: Text = "",
    colour: Text = "", minutes: Annotated[float, Form(ge=0, le=6000)] = 0.0, permit: Long = "", look: Text = "",
) -> Response:  # fmt: skip
    """Go live."""
    chosen = colour if background == "colour" else background
    wish = Wish(tuple(outputs), record, loop, layout, chosen, look, "", minutes, permit)
    return went(f"/on-air/{deeds.start(caller, clone, script, wish)}")


@forms.post("/do/rooms")
def room(
    request: Request, caller: Technician, clone: Annotated[int, Form()], language: Text = "", layout: Text = "",
    background: Text = "",
) -> Response:  # fmt: skip
    """Open a rehearsal room."""
    return went(
        f"/on-air/{deeds.open_room(caller, clone, language, Wish(layout=layout, background=background))}"
    )


@forms.post("/do/shows/{ident}/say")
def say(
    request: Request, caller: Technician, ident: int, text: Text, order: Text = "say", emotion: Text = "",
    speed: Annotated[float, Form(ge=0.5, le=2)] = 1.0, pitch: Annotated[float, Form(ge=-4, le=4)] = 0.0,
    language: Text = "",
) -> Response:  # fmt: skip
    """Have something said, in the manner that the page's controls ask for."""
    if order not in ("say", "after"):
        raise Refusal("Something is said at once, or after this line.", "Choose one of the two.")
    return told(
        request, caller, deeds.order(caller, ident, order, marked(text, emotion, speed, pitch, language))
    )


@forms.post("/do/shows/{ident}/order")
def order(
    request: Request, caller: Technician, ident: int, order: Text, text: Text = "", colour: Text = ""
) -> Response:
    """Give another order."""
    return told(request, caller, deeds.order(caller, ident, order, colour if text == "colour" else text))


@forms.post("/do/shows/{ident}/stop")
def stop(request: Request, caller: Presenter, ident: int) -> Response:
    """End a show."""
    deeds.stop(caller, ident)
    return _say(request, caller, "The show ends: what was made is sent, and files are finished.")


@forms.post("/do/shows/{ident}/resume")
def resume(request: Request, caller: Technician, ident: int, force: Box = False) -> Response:
    """Go on with a show."""
    deeds.resume(caller, ident, force=force)
    return went(f"/on-air/{ident}")


@forms.post("/do/says")
def render_line(
    request: Request, caller: Technician, clone: Annotated[int, Form()], text: Text, emotion: Text = "neutral",
    speed: Annotated[float, Form(ge=0.5, le=2)] = 1.0, pitch: Annotated[float, Form(ge=-4, le=4)] = 0.0,
    language: Text = "", layout: Text = "", background: Text = "", look: Text = "",
) -> Response:  # fmt: skip
    """A line as a video."""
    if not text.strip():
        raise Refusal("There is nothing to say.", "Type a line.")
    controls = Controls(speed=speed, pitch=pitch, emotion=emotion)
    deeds.say(caller, clone, text, language, controls, layout, background, look)
    return _say(request, caller, "The video is being made; it comes below.")


@forms.post("/do/rehearsals")
def rehearse(
    request: Request, caller: Technician, clone: Annotated[int, Form()], script: Annotated[int, Form()],
    minutes: Annotated[float, Form(ge=0, le=600)] = 0.0, layout: Text = "",
) -> Response:  # fmt: skip
    """A whole show as a video."""
    deeds.rehearse(caller, clone, script, minutes, layout, 0)
    return _say(request, caller, "The video is being made; it comes below.")


@forms.post("/do/verifications")
def verify(request: Request, caller: Viewer, upload: Text) -> Response:
    """What made a file."""
    deeds.verify(caller, upload)
    return _say(request, caller, "The file is being looked at; what is found comes below.")


@forms.post("/do/outputs")
def add_output(
    request: Request, caller: Technician, name: Text = "", address: Text = "", key: Text = ""
) -> Response:
    """Keep an endpoint."""
    deeds.add_output(caller, name, address, key)
    return anew()


@forms.post("/do/outputs/{ident}/test")
def test_output(request: Request, caller: Technician, ident: int) -> Response:
    """Whether it answers."""
    found = caller.house.outputs.test(ident)
    return told(
        request, caller, found.said, f"({found.milliseconds:.0f} ms)" if found.good else "", good=found.good
    )


@forms.post("/do/outputs/{ident}/drop")
def drop_output(request: Request, caller: Technician, ident: int) -> Response:
    """Forget it."""
    deeds.drop_output(caller, ident)
    return anew()


@forms.post("/do/hosts")
def allow(request: Request, caller: Admin, hosts: Text = "") -> Response:
    """Allow hosts."""
    deeds.allow(caller, hosts.replace(",", " ").split())
    return anew()


@forms.post("/do/backgrounds")
def add_background(request: Request, caller: Technician, upload: Text) -> Response:
    """Keep a background."""
    deeds.add_background(caller, upload)
    return anew()


@forms.post("/do/backgrounds/drop")
def drop_background(request: Request, caller: Technician, name: Text) -> Response:
    """Remove it."""
    caller.house.backgrounds.drop(name)
    return anew()


@forms.post("/do/me")
def prefer(request: Request, caller: Viewer, language: Text = "", theme: Text = "") -> Response:
    """One's own language and theme."""
    kept = language if language in LANGUAGES else ""
    caller.house.people.prefer(caller.person, kept, theme if theme in ("light", "dark") else "")
    return anew()


@forms.post("/do/me/password")
def repassword(
    request: Request, caller: Viewer, old: Text = "", new: Text = "", again: Text = ""
) -> Response:
    """One's own password."""
    slow_down(request, caller.person.name)
    if new != again:
        raise Refusal("The two passwords are not the same.", "Type it twice the same way.")
    caller.house.people.repassword(caller.person, old, new)
    caller.house.note(caller.person.name, "password changed")
    return went("/sign-in")


@forms.post("/do/me/factor")
def begin_factor(request: Request, caller: Viewer, password: Text = "") -> Response:
    """A second factor to be set up."""
    import segno

    slow_down(request, caller.person.name)
    begun = deeds.begin_factor(caller, password)
    picture = segno.make(begun.address, micro=False).svg_data_uri(scale=4, border=2)
    return page(request, caller, "parts/factor.html.j2", begun=begun, picture=picture)


@forms.post("/do/me/factor/enrol")
def enrol(request: Request, caller: Viewer, sealed: Text = "", code: Text = "") -> Response:
    """Take it over, and show the spare codes once."""
    return page(request, caller, "parts/spare.html.j2", spare=deeds.enrol(caller, sealed, code))


@forms.post("/do/me/factor/spare")
def renew_spare(request: Request, caller: Viewer, code: Text = "") -> Response:
    """New spare codes, shown once."""
    return page(request, caller, "parts/spare.html.j2", spare=deeds.renew_spare(caller, code))


@forms.post("/do/me/factor/drop")
def drop_factor(request: Request, caller: Viewer, password: Text = "", code: Text = "") -> Response:
    """Do without it."""
    slow_down(request, caller.person.name)
    deeds.drop_factor(caller, password, code)
    return anew()


@forms.post("/do/me/confirm")
def confirm(request: Request, caller: Viewer, code: Text = "") -> Response:
    """Type a code, so that one may go on air for a while."""
    deeds.confirm(caller, code)
    return anew()


@forms.post("/do/factors")
def rule(request: Request, caller: Admin, sign_in: Box = False, publish: Box = False) -> Response:
    """Ask for second factors."""
    deeds.rule(caller, Rules(sign_in, publish))
    return anew()


@forms.post("/do/people/{ident}/factor")
def take_factor(request: Request, caller: Admin, ident: int) -> Response:
    """Take somebody's second factor away."""
    deeds.take_factor(caller, ident)
    return anew()


@forms.post("/do/tokens")
def new_token(request: Request, caller: Viewer, name: Text = "") -> Response:
    """A token, shown once."""
    token = deeds.new_token(caller, name)
    return page(request, caller, "parts/secret.html.j2", secret=token, what="token")


@forms.post("/do/tokens/{ident}/drop")
def drop_token(request: Request, caller: Viewer, ident: int) -> Response:
    """Let it hold no more."""
    deeds.drop_token(caller, ident)
    return anew()


@forms.post("/do/people")
def invite(request: Request, caller: Admin, role: Text) -> Response:
    """A link for somebody new, shown once."""
    link = deeds.invite(caller, role, str(request.base_url))
    return page(request, caller, "parts/secret.html.j2", secret=link, what="link")


@forms.post("/do/people/{ident}")
def change(request: Request, caller: Admin, ident: int, role: Text, active: Box = False) -> Response:
    """Somebody's role."""
    deeds.change(caller, ident, role, active)
    return anew()


@forms.post("/do/people/{ident}/link")
def renew(request: Request, caller: Admin, ident: int) -> Response:
    """A new password for somebody."""
    link = deeds.renew(caller, ident, str(request.base_url))
    return page(request, caller, "parts/secret.html.j2", secret=link, what="link")


@forms.post("/do/erasures/plan")
def erasable(request: Request, caller: Admin, name: Text = "", sources: Box = False) -> Response:
    """What would be removed."""
    if not name.strip():
        raise Refusal("No presenter is named.", "Type the presenter's full name.")
    plan = deeds.planned(past.erasable(name.strip(), caller.house.folder / "clones", sources))
    return page(
        request, caller, "parts/erasure.html.j2", plan=plan, name=name.strip(), sources=sources, done=False
    )


@forms.post("/do/erasures")
def erase(request: Request, caller: Admin, name: Text, confirm: Text = "", sources: Box = False) -> Response:
    """Remove it."""
    plan = deeds.erase(caller, name, confirm, sources)
    return page(request, caller, "parts/erasure.html.j2", plan=plan, name=name, sources=sources, done=True)


@forms.post("/do/copies")
def copy(request: Request, caller: Admin, name: Text = "") -> Response:
    """The presenter's copy of all that was said in their name."""
    data = past.copied(name.strip(), caller.house.folder / "clones")
    caller.house.note(caller.person.name, "copy taken", name=name.strip())
    return Response(
        data, media_type="application/zip", headers={"content-disposition": 'attachment; filename="copy.zip"'}
    )


__all__ = ["AvatarError", "forms"]
