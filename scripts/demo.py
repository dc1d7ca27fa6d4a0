"""The main job on this machine: a presenter's minute, its clone, and thirty seconds live into a local receiver.

Every step is the command that a user would type; this script only strings them together and shows where
the results are. Steps that are already done are not done again.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel

console = Console(stderr=True)
here = Path(__file__).parent

SCRIPT = """---
language: {language}
---

# Opening

{lines}
"""

LINES = {
    "en": """Hello and welcome to our live show! I am a digital presenter, made from one minute of video.

Today we have a lovely steel bottle for you. It keeps tea hot for 12 hours, and it costs only $19.90.

<!-- pause 1s -->

Take your time and look at the colours: blue, red, and a warm yellow.

Do you have a question? Write it in the chat, and I will be happy to answer. See you in a moment!
""",
    "fr": """Bonjour et bienvenue dans notre direct ! Je suis une présentatrice numérique, née d'une minute de vidéo.

Aujourd'hui, nous avons une belle bouteille en acier. Elle garde le thé chaud pendant 12 heures, pour 19,90 € seulement.

<!-- pause 1s -->

Prenez le temps de regarder les couleurs : le bleu, le rouge, et un jaune chaleureux.

Vous avez une question ? Écrivez-la dans le chat. À tout de suite !
""",
}


def run(*command: str | Path) -> None:
    """Run one step in the foreground; its failure ends the demo with its own message."""
    words = [str(word) for word in command]
    console.print(f"[dim]$ {' '.join(words)}[/]", highlight=False, soft_wrap=True)
    status = subprocess.run(words, check=False).returncode
    if status:
        console.print(
            f"[red]This step ended with status {status}.[/] Run make demo again to go on from here."
        )
        raise typer.Exit(status)


def engine(*arguments: str | Path) -> None:
    run(Path(sys.executable).parent / "avatar-engine", *arguments)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def go_live(avatar: Path, script: Path, received: Path, figures: Path) -> None:
    """Start the receiver, wait until it listens, go live to it for thirty seconds, and wait for its recording."""
    url = f"rtmp://127.0.0.1:{free_port()}/live/demo"
    receiver = subprocess.Popen(
        [sys.executable, str(here / "receive_rtmp.py"), url, "-o", str(received)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert receiver.stdout is not None
        if "listening" not in receiver.stdout.readline():
            raise typer.Exit(1)
        engine("live", avatar, "--script", script, "--to", url, "--for", "30s", "--status", figures)
        console.print(receiver.communicate(timeout=30)[0].strip(), highlight=False)
    finally:
        if receiver.poll() is None:
            receiver.terminate()


def main(
    out: Annotated[Path, typer.Option(help="Folder for everything that is made.")] = Path("out/demo"),
    video: Annotated[
        Path | None, typer.Option(help="A real presenter's minute instead of the drawn one.")
    ] = None,
    consent: Annotated[Path | None, typer.Option(help="The consent signed for that video.")] = None,
    budget: Annotated[str, typer.Option(help="Time for the clone.")] = "8m",
    language: Annotated[str, typer.Option(help="Language of the show: en or fr.")] = "en",
) -> None:
    """Run the main job and print where its results are."""
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    if video and not consent:
        console.print(
            f"[red]{video} needs the presenter's consent.[/] Make it with: "
            f"avatar-engine consent new {video} -o consent.toml, then: make demo VIDEO={video} CONSENT=consent.toml"
        )
        raise typer.Exit(2)
    clip, agreed = video or out / "presenter.mp4", consent or out / "consent.toml"
    if not video and not clip.exists():
        run(sys.executable, here / "synthetic_presenter.py", "-o", clip, "--seconds", "60")
        agreed.unlink(missing_ok=True)
    if not consent and not agreed.exists():
        until = str(date.today() + timedelta(days=365))
        who = ("--presenter", "Synthetic Presenter", "--technician", "avatar-engine demo", "--until", until)
        scope = ("--use", "live-shopping", "--language", "en", "--language", "fr")
        engine("consent", "new", clip, "-o", agreed, *who, *scope)
    avatar = out / f"{clip.stem}.avatar"
    if not avatar.exists():
        engine("clone", clip, "-o", avatar, "--consent", agreed, "--budget", budget)
    script, received, sheet = out / "show.md", out / "received.mp4", out / "contact-sheet.png"
    script.write_text(SCRIPT.format(language=language, lines=LINES[language]), encoding="utf-8")
    go_live(avatar, script, received, out / "live.json")
    run(sys.executable, here / "contact_sheet.py", received, "-o", sheet)
    minutes = (time.monotonic() - started) / 60
    lines = [
        f"Received video:  {received}",
        f"Contact sheet:   {sheet}",
        f"Clone's report:  {avatar.with_suffix('.report.html')}",
        f"Live figures:    {out / 'live.json'}",
        f"In {minutes:.1f} minutes.",
    ]
    console.print(Panel("\n".join(lines), title="avatar-engine demo", expand=False), highlight=False)


if __name__ == "__main__":
    typer.run(main)
