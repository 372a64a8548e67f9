"""A backend that a test plays: it takes the place of a source's way to the network, and records what it is asked.

Everything above the network is real: connectors, batching, retries, the breaker, sharing.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.errors import UpstreamError
from gateway.testing.answers import FakeAnswer, FakeResponse, InTurn
from gateway.testing.calls import FakeCall
from gateway.upstream.transport import UpstreamRequest, UpstreamResponse

_RULE = re.compile(r"(?:([A-Z]+)\s+)?((?:https?://[^/?\s]+)?/\S*|https?://\S+)")
_HOLE = re.compile(r"\\\{(\w+)\\\}")


class UnexpectedCallError(AssertionError):
    """A played backend was asked what its test does not answer."""


@dataclass(frozen=True, slots=True)
class FakeRule:
    """Which calls an answer is for.

    Attributes:
        text: As it was written.
        method: Upper case.
        path: Matches the path, or the whole URL where the rule has one.
        query: The parameters that it has to have, all of them; None for any.
        is_url: Whether it has a host.
    """

    text: str
    method: str
    path: re.Pattern[str]
    query: tuple[tuple[str, str], ...] | None
    is_url: bool

    @property
    def rank(self) -> tuple[bool, int]:
        """The higher, the closer it says which calls it is for."""
        return self.query is not None, -self.path.groups

    def match(self, call: FakeCall) -> Mapping[str, str] | None:
        """What stands at its `{names}`; None when the call is another."""
        parts = urlsplit(call.url)
        path = f"{parts.scheme}://{parts.netloc}{parts.path}" if self.is_url else parts.path
        found = self.path.fullmatch(path) if call.method == self.method else None
        if found is None:
            return None
        if self.query is not None and self.query != _query(parts.query):
            return None
        return {name: unquote(value) for name, value in found.groupdict().items()}


def parse_rule(text: str) -> FakeRule:
    """`GET /users/{id}?full=1`. Errors: ValueError."""
    found = _RULE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no rule of a fake source: write 'GET /path'")
    path, mark, query = found[2].partition("?")
    pattern = _HOLE.sub(r"(?P<\1>[^/]+)", re.escape(path))
    asked = _query(query) if mark else None
    return FakeRule(text, found[1] or "GET", re.compile(pattern), asked, path.startswith("http"))


def _query(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(parse_qsl(text, keep_blank_values=True)))


class FakeSource:
    """A backend by what it answers: `FakeSource({"GET /users/{id}": lambda call: {"id": call.params["id"]}})`.

    A rule without a query answers every query; of several that fit, the one that says most counts. An answer is a
    JSON value, a `FakeAnswer`, `in_turn(…)`, a function of the call that gives one of these, or an exception:
    ConnectionError for a backend that cannot be reached, TimeoutError for one that does not answer in time.

    Attributes:
        calls: What it was asked, in order.
        unexpected: What it was asked and has no answer for; `GatewayClient` raises for it.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._rules = sorted(
            ((parse_rule(text), answer) for text, answer in answers.items()),
            key=lambda item: item[0].rank,
            reverse=True,
        )
        self.calls: list[FakeCall] = []
        self.unexpected: list[FakeCall] = []
        self._broken: Exception | None = None

    @property
    def paths(self) -> list[str]:
        """The calls as `GET /users?ids=1,2`."""
        return [str(call) for call in self.calls]

    def forget(self) -> None:
        """Forget the calls."""
        self.calls.clear()
        self.unexpected.clear()

    def raise_unexpected(self, name: str) -> None:
        """Errors: UnexpectedCallError for a call that it has no answer for, or what a function of the test raised."""
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken
        if self.unexpected:
            known = "; ".join(rule.text for rule, _ in self._rules) or "nothing"
            asked = ", ".join(dict.fromkeys(map(str, self.unexpected)))
            self.unexpected.clear()
            raise UnexpectedCallError(f"the source {name!r} was asked {asked}, and answers {known}")

    async def send(self, request: UpstreamRequest, deadline: float) -> UpstreamResponse:  # noqa: ARG002 - nothing is waited for
        """Answer a request: `gateway.upstream.transport.Transport`."""
        if request.on_send is not None:
            request.on_send()
        call = await _recorded(request)
        for rule, answer in self._rules:
            params = rule.match(call)
            if params is not None:
                call = replace(call, params=params)
                self.calls.append(call)
                try:
                    return await _answer(answer, call, request.source)
                except _BrokenAnswerError as exc:
                    self._broken = exc.reason
                    raise
        self.calls.append(call)
        self.unexpected.append(call)
        raise UpstreamError(
            "HTTP_CLIENT_ERROR", source=request.source, detail=f"no answer is given for {call}"
        )

    async def aclose(self) -> None:
        """Nothing is open."""


async def _recorded(request: UpstreamRequest) -> FakeCall:
    headers: dict[str, str] = {}
    for name, value in request.headers:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    body = request.body or b""
    if isinstance(body, AsyncIterator):
        body = b"".join([part async for part in body])
    parts = urlsplit(request.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return FakeCall(request.method, request.url, path, headers, body)


class _BrokenAnswerError(Exception):
    """The test's own function failed, or gave what is no answer: the test is wrong, and no field."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


async def _answer(answer: Any, call: FakeCall, source: str) -> UpstreamResponse:
    while True:
        if isinstance(answer, InTurn):
            answer = answer.take()
        elif callable(answer) and not isinstance(answer, type):
            answer = await _given(answer, call)
        else:
            break
    error = answer() if isinstance(answer, type) and issubclass(answer, Exception) else answer
    if isinstance(error, TimeoutError):
        raise UpstreamError("GATEWAY_TIMEOUT", source=source, detail="as the test says") from error
    if isinstance(error, OSError):
        detail = f"as the test says: {error!r}"
        raise UpstreamError("HTTP_CLIENT_ERROR", source=source, detail=detail) from error
    if isinstance(error, Exception):
        raise error
    whole = answer if isinstance(answer, FakeAnswer) else FakeAnswer(answer)
    try:
        return FakeResponse(whole, source)
    except Exception as exc:
        raise _BrokenAnswerError(exc) from exc


async def _given(function: Any, call: FakeCall) -> Any:
    """What a function of the test's gives, or what of a backend's faults it raises."""
    try:
        answer = function(call)
        return await answer if inspect.isawaitable(answer) else answer
    except OSError as exc:  # TimeoutError and ConnectionError too
        return exc
    except Exception as exc:
        raise _BrokenAnswerError(exc) from exc
