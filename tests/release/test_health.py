"""Samples judged by a table, and the wait between regions with time passed in."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from gateway.release.cluster import parse_live
from gateway.release.health import Monitor, Sample, compare, judge, wait_ready, watch
from gateway.release.model import Gate, Live, ReleaseError, Target

GATE = Gate(ready_timeout_s=60, bake_s=30, interval_s=10, bad_samples_allowed=1)
GOOD = Sample(Live(3, 3), seen=3, requests=1000, error_ratio=0.001, p99_s=0.2, smoke=None)


class FakeClock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.time += seconds


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"live": None}, "there is no Deployment"),
        ({"live": Live(3, 2)}, "2 of 3 pods"),
        ({"live": Live(0, 0)}, "0 of 0 pods"),
        ({"live": Live(3, 3, observed=False)}, "pods are ready"),
        ({"smoke": "502"}, "a smoke query failed: 502"),
        ({"seen": 0.0}, "sees no pod"),
        ({"seen": math.nan}, "sees no pod"),
        ({"error_ratio": 0.02}, "2.00% of requests fail"),
        ({"error_ratio": math.nan}, "nan% of requests fail"),
        ({"failed_ratio": 1.0}, "100.00% of operations are answered with errors"),
        ({"failed_ratio": math.nan}, "nan% of operations are answered with errors"),
        ({"refused_ratio": 1.0}, None),
        ({"requests": 10.0, "failed_ratio": 1.0}, None),
        ({"p99_s": 1.5}, "p99 is 1.50 s"),
        ({"p99_s": math.inf}, "p99 is inf s"),
        ({"requests": 10.0, "error_ratio": 1.0}, None),
        ({"requests": math.nan, "error_ratio": math.nan, "p99_s": math.nan}, None),
        ({"seen": None, "requests": math.nan}, None),
    ],
)
def test_judge(change: dict[str, Any], words: str | None) -> None:
    found = judge(replace(GOOD, **change), GATE)
    assert bool(found) is (words is not None), found
    assert words is None or words in found[0]


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ({}, False),
        ({"error_ratio": 0.009}, True),
        ({"failed_ratio": 0.04}, True),
        ({"failed_ratio": 0.02}, False),
        ({"refused_ratio": 0.1}, True),
        ({"refused_ratio": 0.04}, False),
        ({"p99_s": 0.4}, True),
        ({"p99_s": 0.3}, False),
        ({"requests": 10.0, "error_ratio": 0.009}, False),
    ],
)
def test_a_canary_is_compared_with_what_runs_beside_it(change: dict[str, Any], bad: bool) -> None:
    assert bool(compare(replace(GOOD, **change), GOOD, GATE)) is bad


def asked_of(answer: httpx.Response, *queries: str) -> str | None:
    """What a sample says of a gateway that gives this answer to each smoke query."""
    transport = httpx.MockTransport(lambda request: answer)
    target = Target(
        "dev", "eu-west", "dev", smoke="http://gateway", gate=Gate(smoke_queries=queries)
    )
    with httpx.Client(transport=transport) as client:
        return Monitor(client).sample(target, Live(1, 1)).smoke


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, {"data": {"a": {"id": "1"}, "b": []}}, None),
        (200, {"data": {"a": {"id": "1"}, "b": None}}, "b is null, asked { a { id } b }"),
        (200, {"data": {"a": 1}, "errors": [{"message": "x"}]}, '200 {"data"'),
        (200, {"data": None}, '200 {"data":null}'),
        (200, {"data": {}}, " is null"),
        (200, [], "200 []"),
        (502, {"data": {"a": 1}}, "502 "),
    ],
)
def test_a_smoke_query_has_to_be_answered_whole(status: int, body: Any, words: str | None) -> None:
    found = asked_of(httpx.Response(status, json=body), "{ a { id }\n  b }")
    assert found is None if words is None else words in str(found)


def test_every_smoke_query_is_asked() -> None:
    texts = []

    def answer(request: httpx.Request) -> httpx.Response:
        texts.append(json.loads(request.content)["query"])
        return httpx.Response(200, json={"data": {"a": 1 if texts[-1] == "{ a }" else None}})

    gate = Gate(smoke_queries=("{ a }", "{ b }", "{ c }"))
    target = Target("dev", "eu-west", "dev", smoke="http://gateway", gate=gate)
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        assert Monitor(client).sample(target, None).smoke == "a is null, asked { b }"
    assert texts == ["{ a }", "{ b }"]


def test_an_endpoint_that_is_not_there_is_named() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Name or service not known")

    target = Target("dev", "eu-west", "dev", smoke="http://gateway.example/graphql")
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        said = Monitor(client).smoke(target, "{ a }")
    assert said == "http://gateway.example/graphql: Name or service not known"


def test_pods_become_ready_in_time() -> None:
    looks = iter([None, Live(3, 0), Live(3, 2), Live(3, 3)])
    clock = FakeClock()
    assert wait_ready(lambda: next(looks), GATE, clock) is None
    assert clock.time == 15


def test_pods_do_not_become_ready() -> None:
    clock = FakeClock()
    assert wait_ready(lambda: Live(3, 2), GATE, clock) == "2 of 3 pods ready after 60 s"
    assert clock.time == 60


def test_an_api_server_that_is_away_is_waited_for() -> None:
    looks: Iterator[ReleaseError | Live] = iter([ReleaseError("refused"), Live(3, 3)])

    def live() -> Live:
        found = next(looks)
        if isinstance(found, ReleaseError):
            raise found
        return found

    assert wait_ready(live, GATE, FakeClock()) is None


def test_an_api_server_that_stays_away_is_named() -> None:
    def live() -> Live:
        raise ReleaseError("connection refused")

    assert wait_ready(live, GATE, FakeClock()) == "connection refused after 60 s"


def samples(text: str) -> Iterator[list[str]]:
    """`.` a good sample, `x` a bad one; then good ones for ever."""
    for sign in text:
        yield ["bad"] if sign == "x" else []
    while True:
        yield []


@pytest.mark.parametrize(
    ("text", "result", "time"),
    [
        ("....", None, 30),
        ("x.x.", None, 30),
        ("xx", "bad", 10),
        ("..xx", "bad", 30),
        ("...x", None, 40),
    ],
)
def test_watch(text: str, result: str | None, time: float) -> None:
    """One bad sample is forgiven, two in a row are not, and the last one is never a bad one."""
    clock, taken = FakeClock(), samples(text)
    said: list[str] = []
    assert watch(lambda: next(taken), GATE, clock, said.append) == result
    assert clock.time == time
    assert len(said) == text.count("x")


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ({"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}, 3),
        ({"replicas": 4, "updatedReplicas": 3, "readyReplicas": 3}, 2),
        ({"replicas": 4, "updatedReplicas": 1, "readyReplicas": 3}, 0),
        ({}, 0),
    ],
)
def test_pods_of_the_old_template_are_not_ready_ones(status: dict[str, int], ready: int) -> None:
    item = {
        "kind": "Deployment",
        "metadata": {"generation": 1},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [{"image": "gateway:1"}]}}},
        "status": {**status, "observedGeneration": 1},
    }
    assert parse_live(item) == Live(3, ready, True, images=("gateway:1",))


def test_a_status_of_before_the_change_says_nothing() -> None:
    item = {
        "kind": "Deployment",
        "metadata": {"generation": 2},
        "spec": {"template": {"spec": {}}},
        "status": {"observedGeneration": 1},
    }
    assert parse_live(item).observed is False
