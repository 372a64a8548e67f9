"""What a played backend answers: JSON, or an answer with status, headers and bytes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import UpstreamError
from gateway.upstream.transport import Header


@dataclass(frozen=True, slots=True)
class FakeAnswer:
    """An answer in full: `FakeAnswer({"error": "no such user"}, status=404)`.

    Args:
        json: Its value, where there is no `body`.
        status: HTTP status.
        headers: More headers.
        body: Its bytes, in place of `json`: for what is no JSON, with its own `content-type`.
    """

    json: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(slots=True)
class InTurn:
    """Answers for one call after the other; the last one for all that follow."""

    answers: Sequence[Any]
    given: int = 0

    def take(self) -> Any:
        """The next answer."""
        answer = self.answers[min(self.given, len(self.answers) - 1)]
        self.given += 1
        return answer


def in_turn(*answers: Any) -> InTurn:
    """`{"GET /a": in_turn(FakeAnswer(status=503), {"id": 1})}`: the first call fails, the second does not."""
    if not answers:
        raise ValueError("in_turn needs an answer")
    return InTurn(answers)


class FakeResponse:
    """An answer as the port to the network gives it: `gateway.upstream.transport.UpstreamResponse`."""

    def __init__(self, answer: FakeAnswer, source: str) -> None:
        body = answer.body
        if body is None:
            body = json.dumps(answer.json, ensure_ascii=False).encode()
        named = {name.lower(): value for name, value in answer.headers.items()}
        if answer.body is None:
            named.setdefault("content-type", "application/json")
        self._body = body
        self._source = source
        self.status = answer.status
        self.headers: Sequence[Header] = list(named.items())

    @property
    def received(self) -> int:
        """The size of the body."""
        return len(self._body)

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body in one chunk."""
        yield self._body

    def ready(self, max_bytes: int) -> bytes | None:
        """The whole body, where it is not too large."""
        return self._body if len(self._body) <= max_bytes else None

    async def read_body(self, max_bytes: int) -> bytes:
        """The whole body. Errors: UpstreamError(RESPONSE_TOO_LARGE)."""
        if len(self._body) > max_bytes:
            raise UpstreamError("RESPONSE_TOO_LARGE", source=self._source)
        return self._body

    async def aclose(self) -> None:
        """There is nothing to give back."""
