"""Hosted shows on the command line: check a script, rehearse it, play it again, and give orders to one on air."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from avatar_engine.cli import shows
from avatar_engine.cli.words import Layout, RenderEngine, Size, seconds, wanted

console = Console(stderr=True)
out = Console()

show_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Scripts of shows: check them and rehearse them."
)

Script = Annotated[Path, typer.Argument(help="The show, in Markdown; see the README.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The video to write (.mp4).")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


@show_app.command("check", epilog="**Examples**\n\n`avatar-engine show check evening.md`")
def check(script: Script) -> None:
    """Read a script and all that it names, and tell every mistake with its line; nothing is said.

    The catalogue is read, every slot is filled, and every sentence is put before the guard with today's prices.
    """
    from avatar_engine.live import studio

    found = studio.checked(script)
    for line in found.told:
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if not found.good:
        raise typer.Exit(1)


@show_app.command(
    "rehearse",
    epilog="**Examples**\n\n`avatar-engine show rehearse evening.md --avatar marie.avatar -o evening.mp4`\n\n"
    "`avatar-engine show rehearse evening.md --avatar marie.avatar -o evening.mp4 --for 10m --seed 7 --journal "
    "evening.jsonl`",
)
def rehearse(
    script: Script,
    avatar: Annotated[Path, typer.Option(metavar="NAME.avatar", help="The clone's file.")],
    output: Output,
    duration: Annotated[
        Any, typer.Option("--for", parser=seconds, metavar="TIME", help="End after this time of the show.")
    ] = "0s",
    loop: Annotated[bool, typer.Option("--loop", help="Start again at the end, until --for.")] = False,
    seed: Annotated[
        int, typer.Option(help="Which wordings are taken; the same seed gives the same show.")
    ] = 0,
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write down here what is decided and said.")
    ] = None,
    size: Size = None,
    layout: Layout = "",
    device: Device = "auto",
    engine: RenderEngine = "auto",
) -> None:
    """Play a show into a video, faster than real time, as it will be on air.

    Chat comes from `replay:` sources alone, in the show's own time, and no language model is asked: so that the same
    script, catalogue and seed give the same video.
    """
    from avatar_engine.cli.progress import Bars
    from avatar_engine.live import rehearsal, studio
    from avatar_engine.live.hosted import Hosting

    if loop and not duration:
        raise typer.BadParameter("a show that starts again has no end: give --for, too.")
    hosting = Hosting(studio.rehearsed, seed, notes=journal)
    with Bars(console) as progress:
        made = rehearsal.rehearse(
            avatar, script, output, hosting, seconds=duration or None, loop=loop, size=size, layout=layout,
            device=device, render_engine=wanted(engine), progress=progress,
        )  # fmt: skip
    out.print(made.summary())


@show_app.command(
    "replay",
    epilog="**Examples**\n\n`avatar-engine show replay evening.jsonl --avatar marie.avatar -o again.mp4`",
)
def replay(
    journal: Annotated[Path, typer.Argument(help="What a show or a rehearsal wrote down: journal.jsonl.")],
    avatar: Annotated[Path, typer.Option(metavar="NAME.avatar", help="The clone's file.")],
    output: Output,
    size: Size = None,
    device: Device = "auto",
    engine: RenderEngine = "auto",
) -> None:
    """Play a show again, word for word and pause for pause, into a video."""
    from avatar_engine.cli.progress import Bars
    from avatar_engine.live import rehearsal

    with Bars(console) as progress:
        made = rehearsal.replay(
            avatar, journal, output, size=size, device=device, render_engine=wanted(engine), progress=progress
        )
    out.print(made.summary())


@show_app.command(
    "kpis",
    epilog="**Examples**\n\n`avatar-engine show kpis marie`\n\n"
    "`avatar-engine show kpis monday/journal.jsonl tuesday/journal.jsonl --html kpis.html --csv kpis.csv`\n\n"
    "`avatar-engine show kpis evening.jsonl --window 2m --delay 8s --json kpis.json`",
)
def kpis(
    shows_: Annotated[
        list[str],
        typer.Argument(
            metavar="SHOW|JOURNAL...", help="A show's name or id, or a journal; several are pooled."
        ),
    ],
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a row for everything counted.")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all figures.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with plots.")] = None,
    window: Annotated[
        Any,
        typer.Option(
            parser=seconds, metavar="TIME", help="How long after it was said something may have sold."
        ),
    ] = "60s",
    delay: Annotated[
        Any, typer.Option(parser=seconds, metavar="TIME", help="How much later viewers see what goes out.")
    ] = "0s",
) -> None:
    """What shows achieved: viewers, chat, questions, response times, clicks and sales, by segment, product and wording.

    Wordings of a line are compared over all its rounds and nights: what each brought for a thousand viewer-minutes,
    whether a difference can be told, and if not, about how many more loops it would take.
    """
    from avatar_engine.kpis import gathered
    from avatar_engine.kpis import page as pages
    from avatar_engine.kpis.count import Window

    found = gathered.gather([shows.journal_of(show) for show in shows_], Window(window, delay))
    pages.write(found, csv=csv, json=json, html=html)
    for line in gathered.summary(found):
        out.print(line, highlight=False, markup=False, soft_wrap=True)


@show_app.command(
    "audit",
    epilog="**Examples**\n\n`avatar-engine show audit marie`\n\n`avatar-engine show audit audit.jsonl`",
)
def audit(
    show: Annotated[str, typer.Argument(metavar="SHOW|FILE", help="A show's name or id, or an audit log.")],
) -> None:
    """Verify the audit log of a show: whether anything was cut out, changed, put in or moved, and at which line.

    Ends with status 1 when the chain is broken.
    """
    from avatar_engine.trust import audit as room

    found = room.verify(shows.audit_of(show))
    for line in room.told(found):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if found.broken:
        raise typer.Exit(1)


@show_app.command(
    "layout",
    epilog="**Examples**\n\n`avatar-engine show layout news -o news.png`\n\n"
    "`avatar-engine show layout mine.toml -o mine.png --avatar marie.avatar --language fr`",
)
def layout(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME|FILE", help="plain, shopping, vertical, square, news, or a .toml file."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The picture to write (.png, .jpg, .webp).")
    ] = None,
    avatar: Annotated[
        Path | None, typer.Option(metavar="NAME.avatar", help="The clone's file; a drawn figure by default.")
    ] = None,
    size: Size = None,
    language: Annotated[str, typer.Option(help="Language of the label and of the samples.")] = "en",
) -> None:
    """Check a layout, and render a picture of it with a sample of everything that it may show.

    A layout is a small TOML file beside its pictures and SVG templates: how large the picture is, where the presenter
    is, and a list of elements (logo, lower-third, text, qr, countdown, chat, card, video). Every mistake is told with
    its line. `--layout` of live, say and rehearse, `layout:` in a script and `control SHOW layout` take the same names.
    """
    from avatar_engine.live.layout_preview import preview
    from avatar_engine.stage import layout_file

    plan = layout_file.load(name)
    if output:
        width, height = preview(plan, output, avatar=avatar, size=size, language=language)
        out.print(f"{output}: {width}x{height}", highlight=False, markup=False, soft_wrap=True)
        return
    width, height = plan.picture_size(size)
    kinds = ", ".join(one.kind for one in plan.element) or "nothing"
    out.print(f"{plan.name}: {width}x{height}, with {kinds}.", highlight=False, markup=False, soft_wrap=True)


def control(
    show: Annotated[str, typer.Argument(help="A show's name or id (see `avatar-engine status`).")],
    order: Annotated[
        str,
        typer.Argument(
            help="say, after, skip, pause, resume, jump, product, card, layout, background, look, mute, unmute, "
            "mic, do, or status."
        ),
    ],
    text: Annotated[
        str,
        typer.Argument(
            help="What is said (say, after), a segment (jump), a product's id, or where the technician's voice comes "
            "from (mic): - for standard input, a file, an address, a device, or off; on and off (card); a layout's "
            "name or file (layout); keep, blur, a colour, a picture's or video's file (background); a look's name "
            "(look); an action (do)."
        ),
    ] = "",
    raw: Annotated[
        int, typer.Option(metavar="RATE", help="mic -: 16-bit samples without a header, so many a second.")
    ] = 0,
    channels: Annotated[int, typer.Option(min=1, help="Of raw samples.")] = 1,
) -> None:
    """Give an order to a hosted show that is on air; it takes effect within a second.

    `say` breaks off softly what is being said, and the line that was cut comes again from its start; `after` waits for
    its end. `skip` leaves out the rest of an answer, of a gap or of a segment. `pause` falls silent until `resume`.
    `layout` changes what is on the picture, softly and without a late frame; `background` what the presenter stands
    before, where the clone has a matte; `look` what the presenter wears, at the next pause (`look list` names them).
    `mic` puts the technician's own voice into the presenter's mouth, where the script allows it (`microphone: on`).
    """
    from avatar_engine.live.desk import send

    ident = shows.one_of(show)
    if order == "mic" and text not in ("", "off"):
        from avatar_engine.cli import microphone

        source = microphone.source_of(text, raw, channels)
        microphone.speak(
            ident, source, lambda stands: out.print(stands, highlight=False, markup=False, soft_wrap=True)
        )
        return
    if order == "layout" and text.endswith(".toml"):
        text = str(Path(text).absolute())
    if order == "background":
        from avatar_engine.stage.background import chosen

        text = chosen(text, Path())
    out.print(send(ident, order, text), highlight=False, markup=False, soft_wrap=True)


CONTROL_EXAMPLES = (
    "**Examples**\n\n`avatar-engine control marie say 'One moment please.'`\n\n`avatar-engine control marie skip`\n\n"
    "`avatar-engine control marie layout news`\n\n"
    "`avatar-engine control marie jump flash_offer`\n\n"
    "`avatar-engine control marie background beach.mp4`\n\n"
    "`avatar-engine control marie look blue-dress`\n\n"
    "`arecord -f S16_LE -r 48000 | avatar-engine control marie mic -`"
)

__all__ = ["CONTROL_EXAMPLES", "control", "show_app"]
