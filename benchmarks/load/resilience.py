"""What the policies promise under faults and overload: `python -m benchmarks resilience`.

The gateway is a process of its own, as it is shipped; clients come at a constant rate, whatever it does, and
a latency counts from when its request was due. Faults are made by the tests' own proxy and backend, in
front of one of its sources. Passes are interleaved, and what is compared are their ratios.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.load import data, openloop, upstream
from benchmarks.load.contestants import MAIN, NOTHING_SHARED, gateway
from benchmarks.load.process import CPUS, Server, started
from benchmarks.load.scenarios import SCENARIOS
from benchmarks.micro import telemetry
from benchmarks.stats import Interval, median_of_ratios
from tests.support.backend import Answer, Asked, backend
from tests.support.fault_proxy import Faults, fault_proxy

USUAL = SCENARIOS[MAIN].body
# Of one row: a failed batch makes an error of each leaf of each row, and their cost is no matter of this.
NEEDS_THE_THIRD = orjson.dumps({"query": "{ post(id: 1) { id stats { views } } }"})
TITLES = SCENARIOS["titles"].body
CLOSED_CONNECTIONS = 32
OPEN_CONNECTIONS = 1500
# An answer that comes later than this is of no use to who asked: goodput leaves it out.
USEFUL_S = 1.0
# Of the third source, while it hangs: more of its requests wait than it has places.
HANGING_TIMEOUT_S = 1.0
HANGING_RATE = 80.0
HANGING = {
    "GATEWAY_SOURCES__NUMBERS__TIMEOUT_S": str(HANGING_TIMEOUT_S),
    "GATEWAY_SOURCES__NUMBERS__CIRCUIT_BREAKER__SLEEP_WINDOW_S": "0.5",
}
NO_BREAKER = {"GATEWAY_SOURCES__NUMBERS__CIRCUIT_BREAKER__ENABLED": "false"}
RETRY_RATE = 200.0


@dataclass(frozen=True, slots=True)
class Row:
    """One target, and what was found.

    Attributes:
        case: What was done.
        target: In words.
        found: The figure with its interval.
        verdict: met, missed, not distinguishable.
        note: What else was seen.
    """

    case: str
    target: str
    found: str
    verdict: str
    note: str


class Closed(openloop.Load):
    """A closed loop: who has an answer asks again at once."""

    is_over = False

    def free(self, connection: openloop.Connection) -> None:
        if not self.is_over:
            connection.send(openloop.now())


async def peak(server: Server, seconds: float) -> float:
    """Good answers a second in a closed loop."""
    made = openloop.made(server.url, USUAL)
    load = Closed(made.host, made.port, made.requests, max_connections=CLOSED_CONNECTIONS)
    await load.open_all()
    await asyncio.sleep(0.3)
    before, begin = len(load.latencies_s), openloop.now()
    await asyncio.sleep(seconds)
    found = (len(load.latencies_s) - before) / (openloop.now() - begin)
    load.is_over = True
    await hang_up(load)
    return found


async def hang_up(load: openloop.Load) -> None:
    """Close a load's connections."""
    for connection in list(load.open):
        connection.transport.abort()
    await asyncio.sleep(0.1)


async def overload(server: Server, passes: int, seconds: float) -> Row:
    """Twice of what it can do: good answers a second, against its peak of the moment before and after."""
    expected_bytes = len(ask(server.url, USUAL))
    peaks, goods, refusals, latencies = [], [], [], []
    before = await peak(server, seconds / 2)
    for _ in range(passes):
        load = openloop.made(server.url, USUAL, OPEN_CONNECTIONS)
        load.expected_bytes = expected_bytes
        await load.open_all()
        await openloop.drive(load, 2 * before, seconds)
        await hang_up(load)
        goods.append(sum(latency <= USEFUL_S for latency in load.latencies_s) / seconds)
        refusals += load.refusals_s
        latencies += load.latencies_s
        await asyncio.sleep(1.2)  # the overload is forgotten
        after = await peak(server, seconds / 2)
        peaks.append((before + after) / 2)
        before = after
    ratio = median_of_ratios(goods, peaks)
    note = f"peak {statistics.median(peaks):,.0f}/s; good answers p50 {ms(latencies, 50)}, p99 {ms(latencies, 99)}"
    if refusals:
        note += f"; refusals p50 {ms(refusals, 50)}, p99 {ms(refusals, 99)}"
    return Row("2 × overload: goodput / peak", "≥ 0.90", str(ratio), at_least(ratio, 0.9), note)


async def hanging(port: int, settings: Mapping[str, str], passes: int, seconds: float) -> Row:
    """The third source says nothing: how late are the queries that do not need it?"""
    usual: list[float] = []
    meanwhile: list[float] = []
    async with fault_proxy(f"http://127.0.0.1:{port}") as proxy:
        more = {**HANGING, **settings, "GATEWAY_SOURCES__NUMBERS__URL": proxy.url}
        with gateway_process(port, more) as server:
            rate = 0.15 * await peak(server, seconds / 2)
            for number in range(passes):
                order = (False, True) if number % 2 else (True, False)
                for is_hanging in order:
                    if is_hanging:
                        await proxy.fail(Faults(blackhole=True))
                    into = meanwhile if is_hanging else usual
                    into.append(await p99_beside(server, rate, seconds))
                    await proxy.heal()
                    await until_well(server)
    ratio = median_of_ratios(meanwhile, usual)
    name = "without its breaker" if settings else "as shipped"
    median_ms = statistics.median(usual) * 1000
    note = f"usual p99 {median_ms:.1f} ms at {rate:,.0f}/s; {HANGING_RATE:.0f}/s need what hangs"
    return Row(
        f"1 backend of 3 hanging, {name}: p99 of the others' queries",
        "≤ 1.2 ×",
        str(ratio),
        ratio.verdict(1.2),
        note,
    )


async def p99_beside(server: Server, rate: float, seconds: float) -> float:
    """Of queries that need two sources, beside others that need the third; what is not answered is late."""
    others = openloop.made(server.url, NEEDS_THE_THIRD)
    load = openloop.made(server.url, USUAL)
    beside = asyncio.create_task(openloop.drive(others, HANGING_RATE, seconds + 0.5))
    await asyncio.sleep(0.5)  # as many as can wait do so
    total = await openloop.drive(load, rate, seconds)
    await beside
    for each in (load, others):
        await hang_up(each)
    missing = [openloop.GRACE_S] * (total - len(load.latencies_s))  # shed, or lost
    return openloop.percentile(sorted([*load.latencies_s, *missing]), 99)


async def until_well(server: Server) -> None:
    """Until the third source's breaker is closed again."""
    for _ in range(100):
        if b"errors" not in await asyncio.to_thread(ask, server.url, NEEDS_THE_THIRD):
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the third source did not come back")


async def retries(port: int, passes: int, seconds: float) -> Row:
    """Every second call fails with 503: how many calls does one request become?"""
    body = await asyncio.to_thread(fetched, port, "/posts")
    calls = 0

    def answer(_asked: Asked) -> Answer:
        nonlocal calls
        calls += 1
        return Answer(body) if calls % 2 else Answer({}, status=503)

    amplifications: list[float] = []
    good = total = 0
    async with backend(answer) as behind:
        # The breaker would open, and then there would be nothing to be seen.
        settings = {
            "GATEWAY_SOURCES__API__URL": behind.url,
            "GATEWAY_SOURCES__API__CIRCUIT_BREAKER__ENABLED": "false",
        }
        with gateway_process(port, settings) as server:
            expected_bytes = len(await asyncio.to_thread(ask, server.url, TITLES))
            for _ in range(passes):
                before = calls
                load = openloop.made(server.url, TITLES)
                load.expected_bytes = expected_bytes
                asked = await openloop.drive(load, RETRY_RATE, seconds)
                await hang_up(load)
                amplifications.append((calls - before) / asked)
                good, total = good + len(load.latencies_s), total + asked
    found = median_of_ratios(amplifications, [1.0] * passes)
    note = f"{good / total:.0%} of the requests were whole, without retries 50 %"
    return Row(
        "backend at 50 % errors: calls a request", "≤ 1.2 ×", str(found), found.verdict(1.2), note
    )


def policies(port: int, pairs: int) -> Row:
    """CPU time of one request, all of the policies on against all off."""
    pair = (telemetry.QUIET, telemetry.NO_POLICIES)
    found = uvloop.run(telemetry.measure(port, MAIN, pair, pairs))
    ratio = median_of_ratios(*found)
    with_us, without_us = (statistics.median(series) * 1e6 for series in found)
    note = f"CPU µs {with_us:,.0f} against {without_us:,.0f}"
    return Row("all policies on / off, CPU time", "≤ 1.08 ×", str(ratio), ratio.verdict(1.08), note)


@contextmanager
def gateway_process(port: int, settings: Mapping[str, str]) -> Iterator[Server]:
    """The gateway as shipped over an upstream's port, with nothing shared, and warm."""
    with started(gateway(**{**NOTHING_SHARED, **settings}), MAIN, port, CPUS.server) as server:
        yield server


def ask(url: str, body: bytes) -> bytes:
    """One question's answer. Errors: OSError."""
    headers = {"content-type": "application/json", "accept": "application/json"}
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: bytes = answer.read()
        return found


def fetched(port: int, path: str) -> bytes:
    """What the upstream itself says. Errors: OSError."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        found: bytes = answer.read()
        return found


def ms(latencies_s: Sequence[float], at: float) -> str:
    """A percentile in words."""
    return f"{openloop.percentile(sorted(latencies_s), at) * 1000:.1f} ms" if latencies_s else "–"


def at_least(ratio: Interval, target: float) -> str:
    """As `Interval.verdict`, the other way round."""
    if ratio.low >= target:
        return "met"
    return "missed" if ratio.high < target else "not distinguishable"


def measure(passes: int, seconds: float, pairs: int, only: str = "") -> Iterator[Row]:
    """Every case whose name has `only` in it, one after the other. Errors: ServerFailedError."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {CPUS.load})
    with upstream.nginx(data.files(), CPUS.upstream) as port:
        if only in "overload":
            with gateway_process(port, {}) as server:
                yield uvloop.run(overload(server, passes, seconds))
        if only in "hanging":
            for settings in ({}, NO_BREAKER):
                yield uvloop.run(hanging(port, settings, passes, seconds))
        if only in "retries":
            yield uvloop.run(retries(port, passes, seconds))
        if only in "policies":
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(0, {CPUS.server})
            yield policies(port, pairs)


def run(passes: int, seconds: float, pairs: int, only: str = "") -> int:
    """Measure and print; 1 when a target is missed."""
    table = Table(title="Under faults and overload", title_justify="left")
    for column in ("case", "target", "found [95 %]", "", "beside"):
        table.add_column(column)
    verdicts = []
    for row in measure(passes, seconds, pairs, only):
        table.add_row(row.case, row.target, row.found, row.verdict, row.note)
        verdicts.append(row.verdict)
    Console(width=180).print(table)
    return int("missed" in verdicts)
