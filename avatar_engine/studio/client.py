"""A small client of the studio's API: what a program needs to clone, rehearse and go on air.

studio = Client("http://127.0.0.1:8080", "avs_…")
clone = studio.upload_clip("marie", Path("minute.mp4"))
studio.wait(clone["jobs"]["check"]["id"])
show = studio.post("shows", clone=1, script=1, outputs=[1])
studio.order(show["id"], "say", "Good evening.")
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from avatar_engine.errors import AvatarError

PIECE = 8 << 20
"""Bytes of a file that are sent at once."""

TRIES = 5
"""How often a piece is sent before an upload is given up; it can be gone on with."""

Json = Any


class Client:
    """Speaks to one studio.

    Args:
        address: Where it is, such as ``http://127.0.0.1:8080``.
        token: From the page Settings.
        patience: Seconds that an answer may take.
    """

    def __init__(self, address: str, token: str, patience: float = 60.0) -> None:
        self._line = httpx2.Client(
            base_url=f"{address.rstrip('/')}/api/v1/",
            headers={"authorization": f"Bearer {token}"},
            timeout=patience,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()

    def get(self, path: str, **asked: Any) -> Json:
        """Read something, such as ``clones`` or ``shows/3``.

        Raises:
            AvatarError: The studio says no, or does not answer.
        """
        return self._said("GET", path, params=asked)

    def post(self, path: str, **body: Any) -> Json:
        """Do something, such as ``shows`` with ``clone`` and ``script``.

        Raises:
            AvatarError: The studio says no, or does not answer.
        """
        return self._said("POST", path, json=body)

    def put(self, path: str, **body: Any) -> Json:
        """Change something, such as ``scripts/1`` with ``text`` and ``version``.

        Raises:
            AvatarError: The studio says no, or does not answer.
        """
        return self._said("PUT", path, json=body)

    def delete(self, path: str) -> None:
        """Remove something.

        Raises:
            AvatarError: The studio says no, or does not answer.
        """
        self._said("DELETE", path)

    def upload(self, file: Path, purpose: str) -> str:
        """Bring a file in pieces; its upload's id, for what it is announced for.

        Raises:
            AvatarError: The studio does not take it.
        """
        size = file.stat().st_size
        begun = self.post("uploads", name=file.name, size=size, purpose=purpose)
        at, tries = 0, 0
        with file.open("rb") as opened:
            while at < size:
                opened.seek(at)
                headers = {"upload-offset": str(at), "content-type": "application/octet-stream"}
                try:
                    path = f"uploads/{begun['id']}"
                    at = self._said("PATCH", path, content=opened.read(PIECE), headers=headers)["at"]
                    tries = 0
                except Away:
                    tries += 1
                    if tries == TRIES:
                        raise
                    time.sleep(tries)
                    at = self.get(f"uploads/{begun['id']}")["at"]
        return str(begun["id"])

    def upload_clip(self, name: str, clip: Path) -> Json:
        """Bring a presenter's clip, which is checked at once; the clone.

        Raises:
            AvatarError: The studio does not take it.
        """
        return self.post("clones", name=name, upload=self.upload(clip, "clip"))

    def wait(self, job: int, every: float = 1.0) -> Json:
        """Wait for a job; what came of it.

        Raises:
            AvatarError: It failed, or was stopped.
        """
        while (now := self.get(f"jobs/{job}"))["state"] in ("queued", "running"):
            time.sleep(every)
        if now["state"] != "done":
            raise AvatarError(now["error"] or f"Job {job} was stopped.", now["advice"])
        return now

    def order(self, show: int, order: str, text: str = "") -> str:
        """Give an order to a show; what it says was done.

        Raises:
            AvatarError: It takes none, or not this one.
        """
        return str(self.post(f"shows/{show}/orders", order=order, text=text)["done"])

    def events(self, path: str) -> Iterator[Json]:
        """Follow ``jobs/N`` or ``shows/N`` until it is over.

        Raises:
            AvatarError: There is no such thing.
        """
        import json

        with self._line.stream("GET", f"{path}/events", timeout=httpx2.Timeout(60.0)) as answer:
            if answer.status_code >= 400:
                answer.read()
                raise _no(answer)
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])

    def _said(self, method: str, path: str, **what: Any) -> Json:
        try:
            answer = self._line.request(method, path, **what)
        except httpx2.TransportError as error:
            raise Away(f"The studio does not answer ({error}).", "Is it running?") from None
        if answer.status_code >= 400:
            raise _no(answer)
        return answer.json() if answer.content else None


class Away(AvatarError):  # noqa: N818 - as the refusals of the studio
    """Nobody answers."""


def _no(answer: httpx2.Response) -> AvatarError:
    try:
        told = answer.json()
        return AvatarError(str(told["error"]), str(told["advice"]))
    except (ValueError, KeyError, TypeError):
        return AvatarError(f"The studio said {answer.status_code}.", "")
