"""Consents on the command line: made, signed, shown, permitted and revoked."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from avatar_engine.cli.words import seconds
from avatar_engine.errors import AvatarError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from rich.console import RenderableType

    from avatar_engine.rights.erasure import Plan
    from avatar_engine.trust.consent import SignedConsent

out = Console()

consent_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="The presenter's consent: no consent, no clone."
)

TRIES = 3
"""Codes that may be typed before the command ends; the next one waits longer each time."""

File = Annotated[
    Path, typer.Argument(metavar="NAME.avatar|consent.toml", help="An avatar, or a signed consent.")
]
Name = Annotated[
    str,
    typer.Argument(help="The presenter's name, the avatar's name or file, or the start of the consent's id."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")]


@consent_app.command(
    "new",
    epilog="**Examples**\n\n"
    "`avatar-engine consent new minute.mp4 -o consent.toml`\n\n"
    '`avatar-engine consent new minute.mp4 -o consent.toml --presenter "Marie Dupont" --use live-shopping '
    '--language fr --language en --until 2027-12-31 --technician "A. Martin"`\n\n'
    "`avatar-engine consent new minute.mp4 -o consent.toml --platform twitch --platform live.example.com --permit "
    "--list https://example.com/revocations.json`",
)
def new(
    video: Annotated[
        Path, typer.Argument(help="The presenter's clip; the consent is bound to this very file.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the signed consent goes (.toml).")],
    presenter: Annotated[str, typer.Option(help="The presenter's full name; asked for if left out.")] = "",
    use: Annotated[
        list[str] | None, typer.Option(help="What the clone may be used for; give several.")
    ] = None,
    language: Annotated[list[str] | None, typer.Option(help="Languages it may speak; give several.")] = None,
    platform: Annotated[
        list[str] | None,
        typer.Option(help="Where shows may go: twitch, youtube, … or a host; give several. Any by default."),
    ] = None,
    until: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Last day on which it holds.")] = "",
    since: Annotated[
        str, typer.Option("--from", metavar="YYYY-MM-DD", help="First day; today by default.")
    ] = "",
    technician: Annotated[str, typer.Option(help="Who witnesses and signs; asked for if left out.")] = "",
    sign: Annotated[
        bool, typer.Option("--sign", help="The presenter is here and signs, too: their code is shown, once.")
    ] = False,
    presenter_key: Annotated[
        str,
        typer.Option(
            metavar="KEY",
            help="The presenter's public key (`consent key`): they sign on a machine of their own.",
        ),
    ] = "",
    permit: Annotated[
        bool,
        typer.Option(
            "--permit", help="Shows go on air only with a permit that the presenter signs each time."
        ),
    ] = False,
    revocations: Annotated[
        str, typer.Option("--list", metavar="URL", help="https:// address at which revocations are told.")
    ] = "",
    grace: Annotated[
        int, typer.Option(min=0, metavar="HOURS", help="For how long a copy of that list will do.")
    ] = 24,
    force: Force = False,
) -> None:
    """Ask who agrees to what, where, until when, and sign it with this technician's key, bound to the clip.

    With `--sign` the presenter signs, too: without that, the consent is as true as the technician's word.
    """
    from avatar_engine.trust import consent as room
    from avatar_engine.trust.statement import USES

    if not platform and not (use or language):
        platform = _ask_list(
            "Where may shows go", ["any"], "any, or such as twitch, youtube, live.example.com"
        )
    uses = use or _ask_list("Which uses", ["live-shopping"], f"known: {', '.join(USES)}")
    languages = language or _ask_list("Which languages", ["en"], "such as en, fr")
    fields: dict[str, Any] = {
        "presenter": presenter or typer.prompt("The presenter's full name"),
        "uses": uses,
        "languages": languages,
        "platforms": platform or ["any"],
        "valid_until": _day(until or typer.prompt("Until when (YYYY-MM-DD)")),
        "valid_from": _day(since) if since else None,
        "technician": technician or typer.prompt("Your name (technician)"),
    }
    signs = _shown_code() if (sign or permit) and not presenter_key else None
    signed = room.new(
        video,
        **fields,
        revocation_list=revocations,
        grace_hours=grace,
        presenter_key=presenter_key,
        presenter_signs=signs,
        publish_with="permit" if permit else "",
        output=output,
        overwrite=force,
    )
    waits = "" if signed.presenter_signature or not presenter_key else " It waits for `consent sign`."
    by = " and by the presenter" if signed.presenter_signature else ""
    out.print(
        f"{output}: signed with key {signed.key_id}{by}, valid until {signed.consent.valid_until}.{waits}",
        highlight=False,
        markup=False,
    )


@consent_app.command("show", epilog="**Examples**\n\n`avatar-engine consent show consent.toml`")
def show(file: File) -> None:
    """Check the signatures and print what was agreed, and whether it was revoked as far as this machine knows."""
    from avatar_engine.trust import revocation

    signed = signed_of(file, unsigned=True)
    out.print(signed.describe())
    try:
        revocation.check(signed)
    except AvatarError as error:
        out.print(f"\n{error.what}", style="bold red", highlight=False, markup=False)
        raise typer.Exit(1) from None


@consent_app.command("key", epilog="**Examples**\n\n`avatar-engine consent key`")
def key() -> None:
    """Make a presenter's key, on a machine of the presenter's own: a code to be kept, and its public half to be given.

    The technician makes the consent with the public key (`consent new --presenter-key KEY`); the presenter then signs
    it (`consent sign`). So the code is never seen on a machine of the technician's.
    """
    from avatar_engine.trust import keys

    made = _shown_code()
    out.print(f"Public key, for the technician: {keys.public_text(made)}", highlight=False, soft_wrap=True)


@consent_app.command("sign", epilog="**Examples**\n\n`avatar-engine consent sign consent.toml`")
def sign(file: Annotated[Path, typer.Argument(help="A consent that waits for the presenter.")]) -> None:
    """Add the presenter's own signature to a consent: they read it, and type their code."""
    from avatar_engine.trust import consent as room

    waiting = room.load(file, unsigned=True)
    out.print(waiting.describe())
    room.sign(file, _typed_key(waiting.consent.presenter_key))
    out.print(f"{file}: signed by the presenter.", highlight=False, markup=False)


@consent_app.command(
    "permit",
    epilog="**Examples**\n\n`avatar-engine consent permit marie.avatar -o permit.toml --for 6h`\n\n"
    "`avatar-engine consent permit consent.toml -o friday.toml --from 2027-05-07T19:00 --for 4h --platform twitch`",
)
def permit(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the permit goes (.toml).")],
    duration: Annotated[
        Any, typer.Option("--for", parser=seconds, metavar="TIME", help="How long it holds; 31 days at most.")
    ] = "12h",
    since: Annotated[
        str,
        typer.Option("--from", metavar="YYYY-MM-DDTHH:MM", help="From when on, local time; now by default."),
    ] = "",
    platform: Annotated[
        list[str] | None, typer.Option(help="Only there, within the consent's platforms; give several.")
    ] = None,
    force: Force = False,
) -> None:
    """Let shows go on air for some hours: the presenter types their code, here or on a machine of their own.

    A code that changes every minute would be no second factor, for the technician's machine would have to hold what
    makes it. A permit is a signature: everybody can check it, and only the presenter can make it.
    """
    from avatar_engine.trust import permit as room

    signed = signed_of(file)
    room.refuse_keyless(signed)
    made = room.new(
        signed, _typed_key(signed.consent.presenter_key), output, begins=_moment(since), seconds=duration,
        where=tuple(platform or ["any"]), overwrite=force,
    )  # fmt: skip
    begins, ends = made.begins.astimezone(), made.ends.astimezone()
    out.print(
        f"{output}: from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}.", highlight=False, markup=False
    )


@consent_app.command(
    "revoke",
    epilog='**Examples**\n\n`avatar-engine consent revoke marie.avatar --reason "The contract ended"`\n\n'
    "`avatar-engine consent revoke consent.toml --presenter --list revocations.json`",
)
def revoke(
    consent: Annotated[
        str,
        typer.Argument(
            metavar="NAME.avatar|consent.toml|ID", help="An avatar, a consent, or a consent's id."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why, in a line that whoever is refused will read.")] = "",
    presenter: Annotated[
        bool, typer.Option("--presenter", help="The presenter revokes, with their code; else the technician.")
    ] = False,
    into: Annotated[
        Path | None,
        typer.Option(
            "--list", metavar="FILE", help="Add it to this list, too (.json), to be put where others ask."
        ),
    ] = None,
) -> None:
    """Withdraw a consent: it is refused from now on, and a show that runs with it ends within a minute.

    That holds on this machine at once. On others it holds when their consent names a list (`consent new --list URL`)
    and the list at that address has this line: put the file of `--list` there.
    """
    from avatar_engine.trust import keys
    from avatar_engine.trust import revocation as room

    named = re.fullmatch(r"[0-9a-f]{32}", consent)
    signed = None if named else signed_of(Path(consent), unsigned=True)
    own = signed.consent.presenter_key if signed else ""
    made = room.revoke(
        signed.id if signed else consent, _typed_key(own) if presenter else keys.technician_key(), reason
    )
    out.print(f"Consent {made.consent} is revoked on this machine.", highlight=False)
    if signed and made.public_key not in (own, signed.consent.technician_key):
        whose = keys.key_id(made.public_key)
        out.print(f"Others count it only where they know this key ({whose}).", highlight=False)
    if into:
        count = room.enlist(made, into)
        out.print(
            f"{into}: {count} revocations. Put it where the consent's list is.", highlight=False, markup=False
        )
    elif signed and signed.consent.revocation_list:
        address = signed.consent.revocation_list
        out.print(f"Other machines ask {address}: use --list FILE, too.", highlight=False, markup=False)


@consent_app.command(
    "copy",
    epilog='**Examples**\n\n`avatar-engine consent copy "Marie Dupont" -o marie.zip`\n\n'
    "`avatar-engine consent copy marie.avatar -o said/`",
)
def copy(
    name: Name,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A .zip to write, or a folder that is not there.")
    ],
    force: Force = False,
) -> None:
    """The presenter's copy of all that was said in their name: every show and video, every text, when and where.

    A page to read, the same as JSON, and the signed records that it is made from. Ends with status 1 when one of them
    was changed after it was written.
    """
    from avatar_engine.rights import copy as room
    from avatar_engine.rights import whose
    from avatar_engine.trust import register

    ids = whose.meant(name)
    told = room.write(ids, output, force)
    for consent in ids:
        if register.about(consent):
            register.note(consent, "copy", output, whole=True)
    for line in room.rows(told):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    out.print(f"{output}: {len(told)} shows and videos.", highlight=False, markup=False)
    if any(one.broken for one in told):
        raise typer.Exit(1)


FORGET_EXAMPLES = (
    '**Examples**\n\n`avatar-engine forget "Marie Dupont"`\n\n`avatar-engine forget marie.avatar --search /srv/shows '
    "--yes`"
)


def forget(
    name: Name,
    search: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER", help="Look for avatars in this folder and all in it, too; give several."
        ),
    ] = None,
    sources: Annotated[
        bool, typer.Option("--sources", help="Remove the presenter's clip and the signed consent, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove what is shown; without it nothing is.")] = False,
) -> None:
    """Find everything that was derived from a presenter, and remove it: the right of erasure.

    Avatars, working folders, reports, videos, recordings, folders of shows, journals, unpacked parts, idle pictures and
    copies that this machine knows of are shown with their sizes. With `--yes` the consent is revoked here, they are
    removed, and a signed record without any name says so. A stop loses nothing: run the same command again.
    """
    from avatar_engine.cli.progress import Bars
    from avatar_engine.rights import erasure, whose

    folders = search or []
    plan = erasure.find(whose.meant(name, folders), folders, sources)
    out.print(_table(plan))
    for line in _out_of_reach(plan):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if not yes:
        out.print(
            "\nNothing was removed. The presenter's copy first: avatar-engine consent copy; then add --yes."
        )
        return
    erasure.refuse_running(plan)
    with Bars(Console(stderr=True)) as progress:
        record = erasure.erase(plan, progress)
    out.print(
        f"Removed. The record of it, without a name: {record}", highlight=False, markup=False, soft_wrap=True
    )


def _table(plan: Plan) -> RenderableType:
    """What was found, in rows."""
    from rich.table import Table
    from rich.text import Text

    from avatar_engine.trust.register import KINDS

    table = Table("what", "where", "MB", "", box=None, title_justify="left")
    for thing in plan.things:
        fate = Text(f"stays: {thing.left}", style="yellow") if thing.left else Text("goes")
        table.add_row(
            KINDS[thing.kind], Text(str(thing.path), overflow="fold"), f"{thing.size / 1e6:,.1f}", fate
        )
    total = sum(thing.size for thing in plan.removed)
    table.add_row("[bold]together[/]", f"{len(plan.removed)} things go", f"{total / 1e6:,.1f}", "")
    return table


def _out_of_reach(plan: Plan) -> Iterator[str]:
    """What nobody can remove from here."""
    yield (
        "\nOut of reach of this command: copies on other machines, disks and in backups, files that were moved "
        "or changed after they were made, and what was sent or published."
    )
    if plan.went:
        yield f"Shows went to: {', '.join(plan.went)}. Ask these platforms to remove what they keep."


def signed_of(file: Path, unsigned: bool = False) -> SignedConsent:
    """The consent in a file, or in an avatar.

    Raises:
        AvatarError: There is none, or it does not verify.
    """
    from avatar_engine.bundle import Bundle
    from avatar_engine.trust import consent as room

    if file.suffix != ".avatar":
        return room.load(file, unsigned)
    bundle = Bundle.open(file, verify=False)
    return room.from_record(bundle.consent, bundle.made)


def _shown_code() -> Ed25519PrivateKey:
    """Make a presenter's code and show it, until they have it."""
    import segno

    from avatar_engine.trust import presenter

    code = presenter.new_code()
    out.print(
        "\nThe presenter's code. Only the presenter keeps it: on paper, or as a picture of the square.\n"
    )
    segno.make(code, micro=False).terminal(out=sys.stdout, compact=True)
    out.print(f"\n    {code}\n", style="bold", highlight=False)
    out.print("It signs this consent, permits and revocations. It is shown once and stored nowhere.\n")
    while typer.prompt("Once it is written down: its last four letters").strip().upper() != code[-4:]:
        out.print("Those are others.")
    if out.is_terminal:
        out.clear()
    return presenter.key_of(code)


def _typed_key(public_key: str) -> Ed25519PrivateKey:
    """The presenter's key, from the code that they type.

    Raises:
        AvatarError: It is not the one of ``public_key`` ("" asks for none).
    """
    from avatar_engine.trust import keys, presenter

    for tried in range(1, TRIES + 1):
        try:
            key = presenter.key_of(typer.prompt("The presenter's code", hide_input=True))
        except AvatarError as error:
            what = error.what
        else:
            if not public_key or keys.public_text(key) == public_key:
                return key
            what = "That is another code than the one of this consent."
        out.print(what, highlight=False)
        time.sleep(2.0**tried)
    raise AvatarError(
        f"{TRIES} codes were wrong.", "Look at what the presenter wrote down: 24 letters and digits."
    )


def _ask_list(question: str, default: list[str], hint: str) -> list[str]:
    answer = typer.prompt(f"{question} ({hint}; separate with commas)", default=",".join(default))
    return [item.strip() for item in answer.split(",") if item.strip()]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise AvatarError(f"{text!r} is not a date.", "Write it as YYYY-MM-DD, such as 2027-12-31.") from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone() if text else datetime.now(UTC)
    except ValueError:
        raise AvatarError(f"{text!r} is no time.", "Write it as 2027-05-07T19:00.") from None


__all__ = ["FORGET_EXAMPLES", "consent_app", "forget", "signed_of"]
