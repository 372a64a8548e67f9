"""Runs an operation and collects the timings that the gateway gives with each answer.

In this process over the configuration's own backends, or at a gateway's URL: both are asked over HTTP with
`x-gateway-trace`. It measures; how that looks is `terminal`'s and `page`'s.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.errors import GatewayError
from gateway.pipeline.explain import TRACE_HEADER, signed
from gateway.profile.sample import Sampler, Stack
from gateway.settings.urls import without_credentials

SAMPLED_CPU_S = 1.0
"""CPU seconds of the gateway that are looked at, about one look a millisecond: as many on a busy machine."""
SAMPLED_S = 20.0
"""Seconds after which looking ends, whatever the backends take."""


class ProfileError(GatewayError):
    """The operation could not be profiled; the text says why and what to do.

    Attributes:
        exit_code: 1 where the operation is at fault, 2 where it could not be asked.
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfiledOperation:
    """What is asked.

    Attributes:
        body: The request's JSON.
        headers: Sent with it.
    """

    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What was seen.

    Attributes:
        query: The document.
        first: Timings of the first run, which may have made the plan.
        runs: Timings of the others; of the first where there are none.
        tree, source: The plan and its generated Python; "" where they are not told.
        stacks: Samples of the gateway's own work, in this process only.
        errors: Of the last answer.
    """

    query: str
    first: dict[str, Any]
    runs: Sequence[dict[str, Any]]
    tree: str
    source: str
    stacks: Counter[Stack]
    errors: Sequence[dict[str, Any]]

    @property
    def median(self) -> dict[str, Any]:
        """The run in the middle."""
        return sorted(self.runs, key=lambda run: int(run["duration"]))[len(self.runs) // 2]


async def measure(
    http: httpx.AsyncClient,
    url: str,
    operation: ProfiledOperation,
    *,
    runs: int,
    samples: bool,
    secret: str = "",
) -> Profile:
    """Ask an operation and keep what its answers tell.

    Args:
        http: Reaches the gateway.
        url: The endpoint's.
        operation: What is asked.
        runs: How often, beside the first time; 0 for an operation that must not be repeated.
        samples: The gateway is in this process: see which code runs, in requests that are not timed.
        secret: Signs the header where the gateway wants that.

    Errors: ProfileError.
    """

    async def ask(**headers: str) -> dict[str, Any]:
        value = signed(secret, int(time.time())) if secret else "true"
        return await answer_of(http, url, operation, {TRACE_HEADER: value, **headers})

    answer = first = await ask(**{"x-gateway-plan": "true"})
    plan = first["extensions"].get("plan", {})
    timed = []
    for _ in range(runs):
        answer = await ask()
        timed.append(answer["extensions"]["trace"])
    stacks: Counter[Stack] = Counter()
    if samples and runs:
        with Sampler() as sampler:
            worked, until = time.thread_time() + SAMPLED_CPU_S, time.monotonic() + SAMPLED_S
            while time.thread_time() < worked and time.monotonic() < until:
                await post(http, url, operation, {})
        stacks = sampler.stacks
    shown = first["extensions"]["trace"]
    return Profile(
        query=str(operation.body.get("query", "")),
        first=shown,
        runs=timed or [shown],
        tree=plan.get("tree") or shown["plan"].get("text") or "",
        source=plan.get("source") or "",
        stacks=stacks,
        errors=answer.get("errors") or [],
    )


async def answer_of(
    http: httpx.AsyncClient, url: str, operation: ProfiledOperation, headers: Mapping[str, str]
) -> dict[str, Any]:
    """An answer with its timings. Errors: ProfileError."""
    response = await post(http, url, operation, headers)
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ProfileError(
            f"{without_credentials(url)} answered {response.status_code} and no JSON: is it a gateway?"
        )
    if "data" not in answer:
        messages = "; ".join(error.get("message", "") for error in answer.get("errors", ()))
        if not messages:
            status = response.status_code
            raise ProfileError(f"{without_credentials(url)} answers {status} and no GraphQL")
        raise ProfileError(f"the operation was refused: {messages}", 1)
    if "trace" not in answer.get("extensions", {}):
        raise ProfileError(
            f'{without_credentials(url)} tells no timings: set explain.trace_header to "always", or to "signed" and give'
            " its secret in GATEWAY_TRACE_SECRET"
        )
    return answer


async def post(
    http: httpx.AsyncClient, url: str, operation: ProfiledOperation, headers: Mapping[str, str]
) -> httpx.Response:
    """Errors: ProfileError."""
    accept = {"accept": "application/graphql-response+json, application/json"}
    try:
        return await http.post(
            url, json=operation.body, headers={**accept, **operation.headers, **headers}
        )
    except httpx.HTTPError as exc:
        raise ProfileError(
            f"{without_credentials(url)} cannot be asked: {exc or type(exc).__name__}"
        ) from exc
