"""The command line: one function a verb, which parses, calls one room and prints."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

from avatar_engine import __version__
from avatar_engine.cli import actions, capacity, engine, hosting, looks, takeover, verify
from avatar_engine.cli import consent as consents
from avatar_engine.cli import fleet as fleets
from avatar_engine.cli import studio as studios
from avatar_engine.cli.words import (
    Avatar,
    Background,
    Layout,
    Relight,
    RenderEngine,
    Size,
    Worn,
    seconds,
    wanted,
)  # fmt: skip
from avatar_engine.contracts import EMOTIONS, RELIGHT, Controls
from avatar_engine.errors import AvatarError

console = Console(stderr=True)
out = Console()

app = typer.Typer(
    name="avatar-engine",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="One minute of video in, a live show out: clone a presenter who agreed, and go on air.",
)
models_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="The weights that the engine uses."
)
app.add_typer(models_app, name="models")
app.add_typer(consents.consent_app, name="consent")
app.add_typer(hosting.show_app, name="show")
app.add_typer(actions.action_app, name="action")
app.add_typer(studios.studio_app, name="studio")
app.add_typer(fleets.fleet_app, name="fleet")
app.add_typer(looks.look_app, name="look")
app.add_typer(engine.engine_app, name="engine")
app.command(epilog=hosting.CONTROL_EXAMPLES)(hosting.control)
app.command(epilog=verify.EXAMPLES)(verify.verify)
app.command(epilog=capacity.EXAMPLES)(capacity.capacity)
app.command(epilog=consents.FORGET_EXAMPLES)(consents.forget)

Engine = Annotated[
    Path | None,
    typer.Option(
        "--voice-engine",
        metavar="FILE",
        help="Engine that speaks in place of the clone's own voice (.toml): protocol (openai, xtts, cosyvoice, "
        "gpt-sovits, pocket-tts), url, voice, …; see the README.",
    ),
]
Pronunciations = Annotated[
    Path | None,
    typer.Option("--lexicon", metavar="FILE", help="How names are spoken (.toml); see the README."),
]
Duration = Annotated[float, typer.Option(parser=seconds, metavar="TIME")]


@app.callback()
def _root(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what the rooms do.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    level = logging.INFO if verbose else logging.WARNING
    # the handler has the level, too: a show's log file asks the engine for more than the terminal shows
    handler = RichHandler(level, console=console, show_path=False, markup=False)
    logging.basicConfig(level=level, format="%(name)s: %(message)s", handlers=[handler], force=True)
    if version:
        out.print(f"avatar-engine {__version__}", highlight=False)
        raise typer.Exit


@app.command(
    epilog="**Examples**\n\n"
    "`avatar-engine clone minute.mp4 -o marie.avatar --consent consent.toml`\n\n"
    "`avatar-engine clone minute.mov -o marie.avatar --consent consent.toml --budget 45m --language fr`"
)
def clone(
    video: Annotated[Path, typer.Argument(help="About a minute of one person who speaks to the camera.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="NAME.avatar", help="Where the clone goes.")
    ],
    consent: Annotated[Path, typer.Option(help="The signed consent for this very clip (see `consent new`).")],
    budget: Annotated[
        Any, typer.Option(parser=seconds, metavar="TIME", help="Time for the whole clone; more is better.")
    ] = "20m",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    language: Annotated[str, typer.Option(help="What the presenter speaks: en, fr, … or auto.")] = "auto",
    keep_work: Annotated[bool, typer.Option(help="Keep the working folder NAME.avatar.work.")] = False,
    matte: Annotated[
        bool | None,
        typer.Option(
            help="Cut the presenter out, so that shows can change the background. By default where the budget has room."
        ),
    ] = None,
) -> None:
    """Build a talking, speaking clone from one minute of video.

    The clip is checked first (one face, near the camera, at least 20 s of speech, sound in step with the lips), then
    lips and voice are fitted to the person at the same time. The last fifth of the clip is held out to measure the
    result. A stop loses nothing: the same command goes on where it was. At the end there is a report beside the
    clone, `NAME.report.html` and `NAME.report.json`.
    """
    from avatar_engine.cli.progress import Bars
    from avatar_engine.clone.pipeline import CloneOptions, clone_presenter

    options = CloneOptions(budget=budget, device=device, language=language, keep_work=keep_work, matte=matte)
    with Bars(console) as progress:
        result = clone_presenter(video, output, consent, options, progress)
    out.print(result.summary())


@app.command(
    epilog="**Examples**\n\n`avatar-engine matte marie.avatar`\n\n"
    "`avatar-engine matte marie.avatar --look blue-dress`\n\n"
    "`avatar-engine matte marie.avatar --model rvm_mobilenetv3.onnx`"
)
def matte(
    avatar: Avatar,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.onnx",
            help="A matting network of your own in place of the engine's matte: float32 1x3xHxW, RGB from 0 to 1, to "
            "1x1xHxW; Robust Video Matting's export fits.",
        ),
    ] = None,
    look: Worn = "",
) -> None:
    """Cut the presenter of a clone out of the footage, so that `--background` can change what is behind.

    The clone's own pictures are taken: no clip is needed. A minute takes a few minutes; a stop loses nothing, the same
    command goes on where it was. The clone is replaced at the end, in one step. Every look has a matte of its own.
    """
    from avatar_engine.bundle import ORIGINAL
    from avatar_engine.cli.progress import Bars
    from avatar_engine.clone.matting import add_matte

    with Bars(console) as progress:
        told = add_matte(avatar, model, progress, look or ORIGINAL)
    out.print(told, highlight=False)


@app.command(
    epilog="**Examples**\n\n"
    "`avatar-engine check minute.mp4`\n\n"
    "`avatar-engine check minute.mp4 --html check.html --json check.json --language fr`"
)
def check(
    video: Annotated[Path, typer.Argument(help="About a minute of one person who speaks to the camera.")],
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all figures to this file.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with pictures of the worst moments.")
    ] = None,
    language: Annotated[str, typer.Option(help="What is spoken: en, fr, … or auto.")] = "auto",
) -> None:
    """Is this a good minute? Half a minute's look at a clip, before anybody waits for a clone.

    Looks at the face (size, sharpness, light, pose, blinks, things before the mouth), listens to the sound (noise,
    echo, overdrive, which phones are said) and measures whether they are in step. Every line says what was found,
    when, and what to do. Ends with status 1 when a clone would be refused.
    """
    from avatar_engine.cli.progress import Bars
    from avatar_engine.clone.check import run, show
    from avatar_engine.clone.check.finding import Verdict

    for file in filter(None, (json, html)):
        _refuse_early(file)
    with Bars(console) as progress:
        checked = run.check(video, language, progress)
    out.print(show.table(checked))
    if json:
        _write(json, show.as_json(checked))
    if html:
        _write(html, show.as_html(checked))
    if checked.verdict is Verdict.WILL_FAIL:
        raise typer.Exit(1)


@app.command(
    epilog="**Examples**\n\n"
    '`avatar-engine say marie.avatar "Welcome to the show." -o welcome.mp4`\n\n'
    '`avatar-engine say marie.avatar "Bienvenue !" --language fr --speed 0.95 -o bienvenue.mp4`\n\n'
    '`avatar-engine say marie.avatar "Good evening! Bonsoir à tous !" --language auto --emotion warm -o hello.mp4`\n\n'
    '`avatar-engine say marie.avatar "And we have a winner!" --expression happy -o winner.mp4`\n\n'
    '`avatar-engine say marie.avatar "Good evening." --look blue-dress -o evening.mp4`\n\n'
    '`avatar-engine say marie.avatar "Good evening." --background transparent -o overlay.webm`\n\n'
    "`avatar-engine say marie.avatar --audio welcome.wav -o welcome.mp4`"
)
def say(
    avatar: Avatar,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The video to write: .mp4, or before a transparent background .webm or .mov.",
        ),
    ],
    text: Annotated[str, typer.Argument(help="What the clone says; - reads it from standard input.")] = "",
    audio: Annotated[
        str,
        typer.Option(metavar="FILE", help="Recorded sound instead of a text; a video's sound counts, too."),
    ] = "",
    language: Annotated[
        str,
        typer.Option(
            help="Language of what is said; auto finds each sentence's. The clone's own by default."
        ),
    ] = "",
    voice_engine: Engine = None,
    lexicon: Pronunciations = None,
    speed: Annotated[
        float, typer.Option(min=0.5, max=2.0, help="Rate of speech; 1 is the person's own.")
    ] = 1.0,
    pitch: Annotated[float, typer.Option(min=-4, max=4, help="Semitones up or down.")] = 0.0,
    melody: Annotated[
        float,
        typer.Option("--range", min=0.4, max=1.6, help="How wide the melody is; 1 is the person's own."),
    ] = 1.0,
    energy: Annotated[float, typer.Option(min=-12, max=6, help="Loudness of the voice, in dB.")] = 0.0,
    emotion: Annotated[
        str, typer.Option(help=f"How it is said: {', '.join(EMOTIONS)}; a text's [excited] goes before.")
    ] = EMOTIONS[0],
    expression: Annotated[str, typer.Option(help="neutral, happy or serious.")] = "neutral",
    nods: Annotated[bool, typer.Option(help="Let the head dip on stressed words.")] = True,
    use: Annotated[
        str, typer.Option(help="What the video is for, as the consent names it; refused where it does not.")
    ] = "",
    size: Size = None,
    layout: Layout = "",
    background: Background = "",
    relight: Relight = RELIGHT,
    look: Worn = "",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    engine: RenderEngine = "auto",
) -> None:
    """Render a text, or recorded sound, to a video file, as fast as the machine can.

    Marks in the text say how it is said: `[excited]`, `[pause 500ms]`, `*emphasis*` and SSML's common tags.
    """
    from avatar_engine.cli.progress import Bars
    from avatar_engine.live.say import render

    spoken = sys.stdin.read() if text == "-" else text
    with Bars(console) as progress:
        made = render(
            avatar,
            spoken,
            output,
            audio=audio,
            language=language,
            engine=voice_engine,
            lexicon=lexicon,
            controls=Controls(speed, pitch, melody, energy, emotion),
            expression=expression,
            nods=nods,
            use=use,
            size=size,
            layout=layout,
            background=background,
            relight=relight,
            look=look,
            device=device,
            render_engine=wanted(engine),
            progress=progress,
        )
    out.print(made.summary())


@app.command(
    epilog="**Examples**\n\n"
    "`avatar-engine live marie.avatar --script show.md --to rtmp://localhost/live/marie`\n\n"
    "`avatar-engine live marie.avatar --script show.md --to rtmp://a.example/live/KEY --to rtmps://b.example/app/KEY "
    "--record show.mp4 --loop`\n\n"
    "`avatar-engine live marie.avatar --script show.md --to rtmp://localhost/live/marie --resume`\n\n"
    "`avatar-engine live marie.avatar --audio alsa:default --to rtmp://localhost/live/marie`\n\n"
    "`avatar-engine live marie.avatar --script show.md --to rtmp://localhost/live/marie --metrics 9400 "
    "--price-kwh 0.25`\n\n"
    "`avatar-engine live marie.avatar --script show.md --to @youtube.txt --record show.mp4 --cut 30m --preview 8081`"
)
def live(
    avatar: Avatar,
    script: Annotated[
        Path | None, typer.Option(help="Markdown: a paragraph is said, a heading names a segment.")
    ] = None,
    audio: Annotated[
        str,
        typer.Option(
            metavar="SOUND",
            help="Sound instead of a script: a file, an address (http, rtmp …) or a device (alsa:default).",
        ),
    ] = "",
    language: Annotated[
        str, typer.Option(help="Language of --audio, and of the label; the clone's own by default.")
    ] = "",
    use: Annotated[
        str,
        typer.Option(
            help="What the show is for, in place of what its script says; the consent must name it."
        ),
    ] = "",
    permit: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The presenter's permit (`consent permit`), where the consent asks for one."
        ),
    ] = None,
    voice_engine: Engine = None,
    lexicon: Pronunciations = None,
    read_back: Annotated[
        bool, typer.Option(help="Let a recogniser hear sentences before they go on air, where there is time.")
    ] = True,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL|@FILE",
            help="RTMP(S) or SRT endpoint; give several for more. @FILE reads it from a file's first line, so that "
            "the stream key is in no command line.",
        ),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Also record the programme to this .mp4 or .flv; it survives a crash.")
    ] = None,
    cut: Annotated[
        Any,
        typer.Option(
            parser=seconds,
            metavar="TIME",
            help="Cut the recording: show-001.mp4, show-002.mp4, … of this length.",
        ),
    ] = "0s",
    preview: Annotated[
        str,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Show the programme at http://127.0.0.1:PORT/ in a browser or player; to this machine alone, "
            "unless HOST (such as 0.0.0.0) says more.",
        ),
    ] = "",
    codec: Annotated[
        str,
        typer.Option(
            help="h264, hevc or av1, for all outputs. RTMP carries the last two as enhanced RTMP (YouTube takes it; "
            "nginx-rtmp does not); without a GPU hevc costs four times as much as h264."
        ),
    ] = "h264",
    encoder: Annotated[
        str,
        typer.Option(
            help="auto takes the card's where it has room, else the processor's; or FFmpeg's name, such as libx264."
        ),
    ] = "auto",
    seat: Annotated[
        str,
        typer.Option(
            help="auto refuses a show that this machine has no room for (see `capacity`); force lets it in."
        ),
    ] = "auto",
    give_up_after: Annotated[
        float,
        typer.Option(
            min=0, metavar="MINUTES", help="Give an endpoint up that is away for so long; 0 never does."
        ),
    ] = 0.0,
    size: Size = None,
    layout: Layout = "",
    background: Background = "",
    relight: Relight = RELIGHT,
    look: Worn = "",
    loop: Annotated[bool, typer.Option("--loop", help="Start again at the end, for ever.")] = False,
    duration: Annotated[
        Any, typer.Option("--for", parser=seconds, metavar="TIME", help="End after this time on air.")
    ] = "0s",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the script's last show broke off, if it did.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Which wordings of the script come first.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    engine: RenderEngine = "auto",
    status: Annotated[Path | None, typer.Option(help="Write the final figures to this JSON file.")] = None,
    name: Annotated[
        str, typer.Option(help="The show's name in status, log and report; the clone's by default.")
    ] = "",
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the log here (JSON lines); the show's folder by default."),
    ] = None,
    metrics: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="PORT", help="Serve Prometheus metrics on 127.0.0.1:PORT."),
    ] = None,
    price_kwh: Annotated[
        float | None,
        typer.Option(min=0, envvar="AVATAR_ENGINE_PRICE_KWH", help="Price of a kilowatt hour, for the cost."),
    ] = None,
    price_hour: Annotated[
        float | None,
        typer.Option(min=0, envvar="AVATAR_ENGINE_PRICE_HOUR", help="Price of the machine an hour."),
    ] = None,
    core_watts: Annotated[
        float,
        typer.Option(
            min=0,
            envvar="AVATAR_ENGINE_CORE_WATTS",
            help="Watts of a busy core, where the machine's own counters can't be read.",
        ),
    ] = 10.0,
) -> None:
    """Go live: say the script in the presenter's voice, lips in step, to every endpoint at once.

    With `--audio` the presenter's lips follow recorded or live sound instead. A live sound that stops is tried again
    for as long as the show runs; the presenter idles until it is back.

    An endpoint that is lost is tried again after 2 s, then ever more seldom, and at once when it is back; no other
    output notices. While every upload is too slow, the picture gets fewer bits; the sound is always sent.

    Ctrl-C ends cleanly: the file is finished and the endpoints are told. When a part of the show crashes or hangs, the
    idle presenter stays on air until it is back, and the sentence that was cut is said again. A show that was killed
    as a whole goes on with `--resume` where its script broke off. Every picture carries the words that say that it is
    AI-generated.

    A show that this machine has no room for is refused (see `avatar-engine capacity`); those on air never get less.

    Where a server is no platform of the consent's, it was revoked, or a permit is missing, the show is refused;
    where that happens while it is on air, it ends with the sentence. Files and this machine itself are rehearsals.

    While it runs, `avatar-engine status` shows its figures; when it is over, or was cut off, `avatar-engine report`
    makes a page of them.
    """
    from avatar_engine.cli.outputs import asked_for, hide_addresses
    from avatar_engine.cli.status import on_air
    from avatar_engine.figures.cost import Prices

    hide_addresses()
    on_air(
        console,
        avatar=avatar,
        script=script,
        audio=audio,
        language=language,
        engine=voice_engine,
        lexicon=lexicon,
        read_back=read_back,
        outputs=asked_for(to or [], record, cut, preview, give_up_after),
        codec=codec,
        encoder=encoder,
        seat=seat,
        size=size,
        layout=layout,
        background=background,
        relight=relight,
        look=look,
        loop=loop,
        seconds=duration or None,
        resume=resume,
        device=device,
        render_engine=wanted(engine),
        status_file=status,
        name=name,
        log_file=log,
        metrics=metrics,
        seed=seed,
        prices=Prices(price_kwh, price_hour, core_watts),
        use=use,
        permit=permit,
    )


@app.command(
    epilog="**Examples**\n\n`avatar-engine status`\n\n`avatar-engine status marie --follow`\n\n"
    "`avatar-engine status marie-20270105-200000 --json`"
)
def status(
    show: Annotated[str, typer.Argument(help="A show's name or id; lists all that run when left out.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Again every two seconds, until Ctrl-C.")
    ] = False,
    health: Annotated[
        bool, typer.Option("--health", help="Say only whether this container does what it was started for.")
    ] = False,
) -> None:
    """What runs now: all shows of this user in a row each, or everything about one.

    Ends with status 1 when the show does not run, or none does; with --health, when a show that runs sends no pictures
    or reaches no output, or when the container's first process is a show, an engine or a studio that does not answer.
    """
    from avatar_engine.cli.shows import print_status

    if health:
        from avatar_engine.cli import health as room

        wrong = room.faults(room.first_process())
        out.print("\n".join(wrong) or "well", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(bool(wrong))
    if not print_status(out, show, as_json=json, follow=follow):
        raise typer.Exit(1)


@app.command(epilog="**Examples**\n\n`avatar-engine stop`\n\n`avatar-engine stop marie`")
def stop(
    show: Annotated[
        str, typer.Argument(help="A show's name or id; may be left out when only one runs.")
    ] = "",
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for its end.")] = 90.0,
) -> None:
    """End a show that runs, wherever it was started: what was made is sent, and files are finished."""
    from avatar_engine.cli import shows

    out.print(f"{shows.stop(show, wait=wait)} has ended.", highlight=False)


@app.command(epilog="**Examples**\n\n`avatar-engine report`\n\n`avatar-engine report marie -o show.html`")
def report(
    show: Annotated[str, typer.Argument(help="A show's name or id; the latest when left out.")] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where the page goes (.html); the show's folder by default."),
    ] = None,
) -> None:
    """Make the page about a show: figures over time, faults, what was said, cost.

    Every show leaves one when it ends; this makes it anew, also of a show that was cut off or still runs.
    """
    from avatar_engine.cli.shows import write_report

    if output:
        _refuse_early(output)
    out.print(str(write_report(show, output)), soft_wrap=True, highlight=False)


@app.command(
    epilog="**Examples**\n\n`avatar-engine inspect marie.avatar`\n\n`avatar-engine inspect marie.avatar --json`"
)
def inspect(
    avatar: Avatar,
    json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """What is in a clone: its parts, how it was made, what its report says, and whose consent it carries."""
    from avatar_engine.clone.inspect import describe, manifest_json

    out.print_json(manifest_json(avatar)) if json else out.print(describe(avatar))


@app.command(epilog="**Examples**\n\n`avatar-engine doctor`\n\n`avatar-engine doctor --json`")
def doctor(json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """What this machine can do: cores, AMX and AVX, GPU, ONNX Runtime, encoders, weights, ports."""
    from avatar_engine import doctor as room

    report = room.probe()
    out.print_json(room.to_json(report)) if json else out.print(room.render(report))
    if report.state == "missing":
        raise typer.Exit(1)


@models_app.command("list", epilog="**Examples**\n\n`avatar-engine models list`")
def models_list() -> None:
    """Every weight with its purpose, licence and whether it is on this machine."""
    from avatar_engine import models

    out.print(models.render())


@models_app.command(
    "fetch", epilog="**Examples**\n\n`avatar-engine models fetch`\n\n`avatar-engine models fetch kokoro`"
)
def models_fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all by default.")] = None,
) -> None:
    """Fetch the weights that are not here yet, and check each against its sha256."""
    from avatar_engine import models
    from avatar_engine.cli.progress import Bars

    with Bars(console) as progress:
        fetched = models.fetch(names or (), progress)
    out.print(f"Fetched {', '.join(fetched)}." if fetched else "All weights are here.")


def _refuse_early(file: Path) -> None:
    """What can be known of a file to be written before the work for it is done."""
    if file.is_dir():
        raise AvatarError(f"{file} is a folder.", "Name a file in it.")
    if not file.absolute().parent.is_dir():
        raise AvatarError(f"There is no folder {file.absolute().parent}.", "Make it first.")
    if not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise AvatarError(f"{file} can't be written.", "Choose a file or folder that is yours.")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AvatarError(
            f"{file} can't be written: {error.strerror}.", "Choose a folder that is yours and has room."
        ) from error


def main() -> None:
    """Run the command line; an `AvatarError` is printed with its advice and ends with status 2."""
    takeover.remember(sys.argv[1:])
    try:
        app()
    except AvatarError as error:
        console.print(f"[bold red]Error:[/] {escape(error.what)}", highlight=False)
        if error.advice:
            console.print(f"       {error.advice}", highlight=False, markup=False)
        sys.exit(2)
