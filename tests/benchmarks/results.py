"""Results with made-up figures."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Curve, OpenLoop, Pass, Peer, Result, Scenario


def one_pass(cpu_us: float) -> Pass:
    return Pass(
        cpu_us=cpu_us,
        requests_per_s=1e6 / cpu_us,
        p50_ms=1.0,
        p99_ms=2.0,
        p999_ms=3.0,
        upstream_calls=2.0,
        requests=1000,
    )


def peer(name: str, family: str, *cpu_us: float) -> Peer:
    return Peer(name=name, family=family, passes=[one_pass(value) for value in cpu_us], rss_mb=70)


def scenario(*peers: Peer, name: str = "posts-and-users") -> Scenario:
    return Scenario(
        name=name,
        title="100 posts <with> users",
        query="{ posts { id } }",
        connections=32,
        peers=list(peers),
    )


def result(*scenarios: Scenario, commit: str = "abc1234", curves: Sequence[Curve] = ()) -> Result:
    return Result(
        made="2026-11-23 12:00",
        command="python -m benchmarks run",
        commit=commit,
        machine={
            "cpu": "A CPU",
            "cores": "2",
            "memory": "8 GB",
            "kernel": "Linux 6",
            "python": "3.11.7",
            "build": "optimized",
        },
        versions={"aiohttp": "3.14.5"},
        scenarios=list(scenarios),
        curves=list(curves),
    )


def usual() -> Result:
    """The gateway in the middle, one peer that was left out, a constant rate, two curves."""
    ours = peer("gateway", "ours", 200, 210, 190)
    ours.open_loop = [
        OpenLoop(
            rate=100,
            seconds=2,
            answered=200,
            unanswered=0,
            latencies_ms=[1, 2, 3, 4, 5, 6, 7, 8, 9],
        )
    ]
    lost = peer("graphql-core + aiohttp", "python", 8000, 8400, 7600)
    lost.open_loop = [
        OpenLoop(rate=100, seconds=2, answered=10, unanswered=190, latencies_ms=[900.0] * 9)
    ]
    absent = Peer(name="Tailcall", family="native", status="unavailable", detail="needs <glibc>")
    curves = [
        Curve(name="memory of a list", who=who, x_label="objects", y_label="bytes an object", points=points)
        for who, points in (
            ("gateway", [(1_000.0, 900.0), (10_000.0, 1200.0)]),
            ("by hand: bare", [(1_000.0, 800.0), (10_000.0, 1000.0)]),
        )
    ]  # fmt: skip
    return result(
        scenario(ours, peer("by hand: bare", "hand", 100, 105, 95), lost, absent), curves=curves
    )
