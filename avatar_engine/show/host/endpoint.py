"""A language model behind an OpenAI-compatible endpoint: its sentences are on air while it still writes.

Streamed chat completions (https://platform.openai.com/docs/api-reference/chat-streaming, also Ollama's and vLLM's).
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2

from avatar_engine.show.host.reply import Request
from avatar_engine.show.host.sentences import Sentences
from avatar_engine.show.host.settings import HostSettings

log = logging.getLogger(__name__)

MOST_BYTES = 200_000
"""Of an answer; more is no answer."""

Brief = Callable[[Request], list[dict[str, str]]]
"""Makes the messages for a request (`avatar_engine.show.host.prompt.messages`)."""


class EndpointError(Exception):
    """The endpoint did not answer, or not as it should; the text has no key in it."""


@dataclass(slots=True)
class Spent:
    """What a show's endpoint did and cost.

    Attributes:
        requests: Asked.
        failed: Those that brought no sentence.
        asked, told: Tokens in and out, as the endpoint counts them, else about four letters each.
        cost: In the settings' currency.
        first_sentence: Seconds to the first sentence of each of the last answers.
    """

    requests: int
    failed: int
    asked: int
    told: int
    cost: float
    first_sentence: deque[float]


class Endpoint:
    """A host that asks a language model.

    Args:
        settings: Which one.
        brief: What it is told.
        clock: Seconds that go on, for limits.

    Raises:
        AvatarError: The key's variable is not set.
    """

    def __init__(
        self, settings: HostSettings, brief: Brief, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self.spent = Spent(0, 0, 0, 0, 0.0, deque(maxlen=1000))
        self._brief, self._clock = brief, clock
        self._recent: deque[float] = deque(maxlen=settings.per_minute)
        key = settings.key
        self._secrets = (key,) if key else ()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx2.Timeout(settings.longest, connect=min(3.0, settings.first_sentence))
        self._client = httpx2.Client(timeout=limits, headers=headers, follow_redirects=False)

    @property
    def may_ask(self) -> bool:
        """Whether rate and budget leave room for a request."""
        full = len(self._recent) == self._recent.maxlen and self._clock() - self._recent[0] < 60.0
        return not full and not (self.settings.budget and self.spent.cost >= self.settings.budget)

    def reply(self, request: Request) -> Streamed | None:
        """Its sentences as they come; None where rate or budget forbid it."""
        if not self.may_ask:
            return None
        self._recent.append(self._clock())
        self.spent.requests += 1
        return Streamed(self, request)

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def words(self, request: Request, wanted: Callable[[], bool]) -> Iterator[str]:
        """The pieces of one answer, while they are ``wanted``.

        Raises:
            EndpointError: See there.
        """
        settings = self.settings
        brief = self._brief(request)
        order = {
            "model": settings.model, "messages": brief, "stream": True, "temperature": settings.temperature,
            "max_tokens": settings.tokens, "stream_options": {"include_usage": True},
        }  # fmt: skip
        told, usage = 0, None
        try:
            with self._client.stream("POST", f"{settings.url}/chat/completions", json=order) as answer:
                if answer.status_code != 200:
                    raise EndpointError(f"{settings.url} answers {answer.status_code}")
                for event in _events(answer, self._clock() + settings.longest, self._clock):
                    usage = event.get("usage") or usage
                    if piece := _content(event):
                        told += len(piece)
                        yield piece
                    if not wanted():
                        return
        except httpx2.HTTPError as error:
            raise EndpointError(f"{settings.url}: {type(error).__name__}") from None
        finally:
            self._count(sum(len(one["content"]) for one in brief), told, usage)

    def _count(self, letters_in: int, letters_out: int, usage: Any) -> None:
        asked, told = letters_in // 4, letters_out // 4
        if isinstance(usage, dict):
            counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
            asked, told = (
                count if isinstance(count, int) and count >= 0 else guess
                for count, guess in zip(counts, (asked, told), strict=True)
            )
        self.spent.asked += asked
        self.spent.told += told
        self.spent.cost += self.settings.cost(asked, told)


class Streamed:
    """A `Reply` of an endpoint, written in a thread of its own.

    Attributes:
        failed: Whether it brought no sentence.
    """

    def __init__(self, endpoint: Endpoint, request: Request) -> None:
        self.by = endpoint.settings.model
        self.failed = False
        self._endpoint, self._request = endpoint, request
        self._sentences: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._over = self._dropped = False
        threading.Thread(target=self._write, name="host", daemon=True).start()

    @property
    def ended(self) -> bool:
        """See `avatar_engine.show.host.reply.Reply`."""
        return self._over

    def poll(self) -> str | None:
        """See `avatar_engine.show.host.reply.Reply`."""
        try:
            sentence = None if self._over else self._sentences.get_nowait()
        except queue.Empty:
            return None
        self._over = self._over or sentence is None
        return sentence

    def drop(self) -> None:
        """See `avatar_engine.show.host.reply.Reply`."""
        self._over = self._dropped = True

    def _write(self) -> None:
        endpoint, cut, count = self._endpoint, Sentences(), 0
        began = time.monotonic()
        try:
            for piece in endpoint.words(self._request, lambda: not self._dropped):
                for sentence in cut.push(piece):
                    if not count:
                        endpoint.spent.first_sentence.append(time.monotonic() - began)
                    count += 1
                    self._sentences.put(sentence)
            for sentence in cut.flush():
                count += 1
                self._sentences.put(sentence)
        except EndpointError as error:
            log.warning("the host's language model failed: %s", error)
        except Exception:
            log.exception("the host's language model failed")
        self.failed = not count and not self._dropped
        endpoint.spent.failed += self.failed
        self._sentences.put(None)


def _events(answer: httpx2.Response, deadline: float, clock: Callable[[], float]) -> Iterator[dict[str, Any]]:
    """The events of a stream, or the one answer of an endpoint that does not stream."""
    size = 0
    for line in answer.iter_lines():
        size += len(line)
        if size > MOST_BYTES:
            raise EndpointError("the answer does not end")
        if clock() > deadline:
            raise EndpointError("the answer takes too long")
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        if not data or line.startswith((":", "event:", "id:", "retry:")):
            continue
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            raise EndpointError("the answer is no JSON") from None
        if not isinstance(event, dict) or "error" in event:
            raise EndpointError("the answer is an error")
        yield event


def _content(event: dict[str, Any]) -> str:
    """The words of an event; "" for one without."""
    choices = event.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return ""
    for part in ("delta", "message"):
        held = choice.get(part)
        if isinstance(held, dict) and isinstance(held.get("content"), str):
            return str(held["content"])
    return ""
