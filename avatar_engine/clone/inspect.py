"""What a clone's file says of itself, for people and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from avatar_engine.bundle import LOOK_PART, ORIGINAL, Bundle
from avatar_engine.contracts import FRAME_RATE
from avatar_engine.stage.action import names
from avatar_engine.stage.body import TRACK_PART, matted
from avatar_engine.trust import consent as consents

REPORT = "report/report.json"


def manifest_json(avatar: Path) -> str:
    """The whole manifest and the report's figures as JSON; every part is checked against its sha256 first."""
    bundle = Bundle.open(avatar)
    report = bundle.json(REPORT) if REPORT in bundle.parts else None
    return json.dumps({**bundle.manifest.model_dump(), "report": report})


def describe(avatar: Path) -> RenderableType:
    """A clone's origin, figures, consent and parts as Rich tables.

    Raises:
        AvatarError: The file is damaged, foreign or newer, or its consent does not verify.
    """
    bundle = Bundle.open(avatar)
    signed = consents.from_record(bundle.consent, bundle.made)
    title = Text(f"{bundle.name}  ({avatar})")  # as text, like all that people named: a bracket is no markup
    facts = Table(show_header=False, box=None, title=title, title_justify="left")
    for what, value in _facts(bundle):
        facts.add_row(f"[dim]{what}[/]", Text(value))
    parts = Table("part", "kind", "kB", "sha256", title="Parts, all sound", title_justify="left")
    for name, part in sorted(bundle.parts.items()):
        parts.add_row(Text(name), part.kind, f"{part.bytes / 1e3:,.0f}", part.sha256[:16])
    return Group(facts, "", "[bold]Consent[/]", signed.describe(), "", parts)


def _facts(bundle: Bundle) -> list[tuple[str, str]]:
    made: dict[str, Any] = bundle.made
    rows = [
        ("made", f"{bundle.manifest.created} by engine {bundle.manifest.engine}"),
        ("from", f"{made.get('source_name', '?')} (sha256 {str(made.get('source_sha256', '?'))[:16]}…)"),
        ("on", str(made.get("device", {}).get("name", "?"))),
        ("sealed by", bundle.origin),
        *(("look", line(bundle.wearing(look))) for look in bundle.looks[1:]),
    ]
    if REPORT in bundle.parts:
        report = bundle.json(REPORT)
        lips, voice = report["lips"], report["voice"]
        rows += [
            (
                "lips",
                f"opening correlation {lips['opening_correlation']:.2f}, spread {lips['spread_ratio']:.2f}",
            ),
            (
                "voice",
                f"{voice['share_of_way']:.0%} of the way to the person, word errors {voice['word_error_rate']:.1%}",
            ),
            ("language", str(voice["language"])),
        ]
    return rows


def line(bundle: Bundle) -> str:
    """What the look has that a bundle wears, in a line."""
    told = [f"{len(bundle.tensors(TRACK_PART)['transforms']) / FRAME_RATE:.0f} s"]
    if bundle.look != ORIGINAL:
        facts = bundle.json(LOOK_PART)
        painter = "own painter" if facts["own_painter"] else "the clone's painter"
        told += [f"from {facts['source_name']}", painter, f"{facts['lips']['painted_psnr']:.1f} dB"]
    told += ["matte"] if matted(bundle) else []
    told += [f"can {', '.join(names(bundle))}"] if names(bundle) else []
    size = sum(bundle.manifest.parts[place].bytes for place in bundle.own.values())
    return f"{bundle.look}: {', '.join(told)}, {size / 1e6:.1f} MB"
