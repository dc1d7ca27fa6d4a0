"""Write constraints.txt: the exact version of everything that pyproject.toml needs.

Run it in an environment where the tests pass: ``python scripts/pin.py > constraints.txt``. What nothing needs is
left out. Build tags such as ``+cpu`` are dropped, so that each machine takes its own build of the same release.
"""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEADING = "# Exact versions with which the tests pass, written by scripts/pin.py."


def reachable(wanted: list[Requirement]) -> dict[str, str]:
    """Version by name of every distribution that ``wanted`` leads to on this system."""
    pins: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while wanted:
        need = wanted.pop()
        mark = (canonicalize_name(need.name), frozenset(need.extras))
        extras = need.extras or {""}
        if mark in seen:
            continue
        seen.add(mark)
        try:
            found = distribution(need.name)
        except PackageNotFoundError:
            sys.stderr.write(f"{need.name} is needed and not installed\n")
            raise SystemExit(1) from None
        pins[mark[0]] = found.version.partition("+")[0]
        for text in found.requires or ():
            next_need = Requirement(text)
            if next_need.marker is None or any(
                next_need.marker.evaluate({"extra": extra}) for extra in extras
            ):
                wanted.append(next_need)
    return pins


def main() -> None:
    """Print the constraints."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    lines = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    pins = reachable([Requirement(line) for line in lines])
    print(HEADING)
    for name in sorted(pins):
        print(f"{name}=={pins[name]}")


if __name__ == "__main__":
    main()
