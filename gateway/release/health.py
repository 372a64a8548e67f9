"""Is a region healthy? Samples, the judgement of a sample, and the wait between two regions.

Judging is pure; time and what is measured are passed in.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from gateway.release.model import Gate, Live, ReleaseError, Target
from gateway.settings.urls import without_credentials


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a region.

    Attributes:
        live: The Deployment; None when it is gone.
        seen: Pods that Prometheus scrapes; None where there is no Prometheus.
        requests: Requests in the last two minutes; NaN or 0 when there were none.
        error_ratio, p99_s: Over those; NaN without requests.
        failed_ratio: Operations whose answer has an error that is no client's fault; NaN where unknown.
        refused_ratio: Operations that only the client is to blame for, as far as one can tell.
        smoke: None when the smoke queries were answered, otherwise what came instead.
    """

    live: Live | None
    seen: float | None
    requests: float
    error_ratio: float
    p99_s: float
    smoke: str | None
    failed_ratio: float = 0.0
    refused_ratio: float = 0.0


class Clock(Protocol):
    """Time, so that tests need none."""

    def now(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class RealClock:
    """The machine's."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def is_ready(live: Live | None) -> bool:
    return live is not None and live.observed and live.replicas > 0 and live.ready >= live.replicas


def judge(sample: Sample, gate: Gate) -> list[str]:
    """What is wrong with a sample; empty when it is good."""
    found = []
    if sample.live is None:
        found.append("there is no Deployment")
    elif not is_ready(sample.live):
        found.append(f"{sample.live.ready} of {sample.live.replicas} pods are ready")
    if sample.smoke is not None:
        found.append(f"a smoke query failed: {sample.smoke}")
    if sample.seen is None:
        return found
    if not sample.seen > 0:
        found.append("Prometheus sees no pod of the gateway")
    if not sample.requests >= gate.min_requests:
        return found
    if not sample.error_ratio <= gate.max_error_ratio:
        found.append(
            f"{sample.error_ratio:.2%} of requests fail (at most {gate.max_error_ratio:.2%})"
        )
    if not sample.failed_ratio <= gate.max_failed_ratio:
        found.append(
            f"{sample.failed_ratio:.2%} of operations are answered with errors that no client made "
            f"(at most {gate.max_failed_ratio:.2%})"
        )
    if not sample.p99_s <= gate.max_p99_s:
        found.append(f"p99 is {sample.p99_s:.2f} s (at most {gate.max_p99_s:.2f} s)")
    return found


def compare(canary: Sample, stable: Sample, gate: Gate) -> list[str]:
    """What speaks against a canary: its own faults, and being clearly worse than stable beside it."""
    found = judge(canary, gate)
    if not (canary.requests >= gate.min_requests and stable.requests >= gate.min_requests):
        return found
    if canary.error_ratio > 2 * stable.error_ratio + gate.max_error_ratio / 2:
        found.append(f"errors {canary.error_ratio:.2%} against {stable.error_ratio:.2%} of stable")
    if canary.failed_ratio > 2 * stable.failed_ratio + gate.max_failed_ratio / 2:
        found.append(
            f"operations with errors {canary.failed_ratio:.2%} against {stable.failed_ratio:.2%} of stable"
        )
    # What a canary's schema no longer has is a client's error: told by the same traffic beside it only.
    if canary.refused_ratio > 2 * stable.refused_ratio + gate.max_failed_ratio:
        found.append(
            f"operations refused {canary.refused_ratio:.2%} against {stable.refused_ratio:.2%} of stable"
        )
    if canary.p99_s > 1.5 * stable.p99_s + 0.05:
        found.append(f"p99 {canary.p99_s:.2f} s against {stable.p99_s:.2f} s of stable")
    return found


def wait_ready(live: Callable[[], Live | None], gate: Gate, clock: Clock) -> str | None:
    """Wait until every pod of the newest template is ready. None when they are, else how far it came."""

    def look() -> tuple[bool, str]:
        found = live()
        if is_ready(found):
            return True, ""
        return False, f"{found.ready} of {found.replicas} pods ready" if found else "no Deployment"

    return wait_for(look, gate.ready_timeout_s, gate, clock)


def wait_for(
    look: Callable[[], tuple[bool, str]], timeout_s: float, gate: Gate, clock: Clock
) -> str | None:
    """Wait until something is over. None where it is and nothing is wrong, else what is, or how far it came.

    A source of facts that does not answer for a moment is waited for too.

    Args:
        look: Says whether it is over, and what is wrong or how far it is.
        timeout_s: The longest.
    """
    deadline = clock.now() + timeout_s
    while True:
        try:
            is_over, state = look()
        except ReleaseError as exc:
            is_over, state = False, str(exc)
        if is_over:
            return state or None
        if clock.now() >= deadline:
            return f"{state} after {timeout_s:.0f} s"
        clock.sleep(min(gate.interval_s, 5))


def watch(
    problems: Callable[[], list[str]], gate: Gate, clock: Clock, say: Callable[[str], None]
) -> str | None:
    """Take samples for the bake time. None when healthy at its end, else what was wrong.

    Args:
        problems: Takes one sample and says what is wrong with it.
    """
    until, bad_in_a_row = clock.now() + gate.bake_s, 0
    while True:
        found = problems()
        bad_in_a_row = bad_in_a_row + 1 if found else 0
        if found:
            say("bad sample: " + "; ".join(found))
        if bad_in_a_row > gate.bad_samples_allowed:
            return "; ".join(found)
        if clock.now() >= until and not found:
            return None
        clock.sleep(gate.interval_s)


class Monitor:
    """Takes samples: Prometheus' instant queries and the smoke query, over HTTP."""

    def __init__(self, client: httpx.Client | None = None) -> None:
        # A connection for each look: one that stays open asks a pod that is on its way out.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = client or httpx.Client(timeout=10, limits=limits)

    def sample(self, target: Target, live: Live | None, track: str | None = None) -> Sample:
        """One sample of a target; of one track of its pods where `track` is given."""
        smoke = self._smoke(target)
        if target.prometheus is None:
            return Sample(live, None, math.nan, math.nan, math.nan, smoke)
        labels = 'job="gateway"' + (f', track="{track}"' if track else "")
        count = "http_server_request_duration_seconds_count"
        total = f"sum(increase({count}{{{labels}}}[2m]))"
        failed = f'sum(increase({count}{{{labels}, http_response_status_code=~"5.."}}[2m]))'
        done = f"sum(increase(graphql_server_operation_duration_seconds_count{{{labels}}}[2m]))"
        done = f"({done} or vector(0))"
        ended = "sum(increase(gateway_operations_failed_total{{{}, fault{}}}[2m]))"
        ours, theirs = (ended.format(labels, of) for of in ('!="client"', '="client"'))
        p99 = (
            "histogram_quantile(0.99, sum by (le) "
            f"(rate(http_server_request_duration_seconds_bucket{{{labels}}}[2m])))"
        )
        return Sample(
            live=live,
            seen=self.value(target.prometheus, f"count(up{{{labels}}} == 1)", empty=0),
            requests=self.value(target.prometheus, total, empty=0),
            error_ratio=self.value(target.prometheus, f"({failed} or vector(0)) / {total}"),
            p99_s=self.value(target.prometheus, p99),
            smoke=smoke,
            # An operation may be counted a scrape before its duration is: never above 1.
            failed_ratio=self.value(
                target.prometheus, f"clamp_max({ours} / clamp_min({done}, 1), 1)"
            ),
            # A document that is refused has no duration.
            refused_ratio=self.value(
                target.prometheus, f"{theirs} / clamp_min({done} + {theirs}, 1)"
            ),
        )

    def value(self, prometheus: str, query: str, empty: float = math.nan) -> float:
        """The value of an instant query. Errors: ReleaseError; no answer is not a zero."""
        try:
            answer = self._client.get(f"{prometheus}/api/v1/query", params={"query": query})
            found: Any = answer.json()
        except (httpx.HTTPError, ValueError) as exc:
            raise ReleaseError(f"Prometheus at {prometheus} does not answer: {exc}") from exc
        if answer.status_code != 200 or found.get("status") != "success":
            raise ReleaseError(
                f"Prometheus at {prometheus}: {found.get('error', answer.status_code)}"
            )
        vector = found["data"]["result"]
        return float(vector[0]["value"][1]) if vector else empty

    def _smoke(self, target: Target) -> str | None:
        """What came in place of an answer to the first smoke query that failed."""
        if target.smoke is None:
            return None
        for query in target.gate.smoke_queries:
            problem = self._ask(target.smoke, query)
            if problem is not None:
                return f"{problem}, asked {' '.join(query.split()):.120}"
        return None

    def _ask(self, url: str, query: str) -> str | None:
        try:
            answer = self._client.post(url, json={"query": query})
            found: Any = answer.json()
        except (httpx.HTTPError, ValueError) as exc:
            return f"{without_credentials(url)}: {exc}"
        found = found if isinstance(found, dict) else {}
        data = found.get("data")
        if answer.status_code != 200 or found.get("errors") or not isinstance(data, dict):
            return f"{answer.status_code} {answer.text[:200]}"
        # A source whose answer makes no sense may be configured to give null without an error.
        missing = [name for name, value in data.items() if value is None]
        return f"{', '.join(missing)} is null" if missing or not data else None

    def smoke(self, target: Target, query: str) -> str | None:
        """What is wrong with the answer to one query; None when nothing is."""
        return None if target.smoke is None else self._ask(target.smoke, query)
