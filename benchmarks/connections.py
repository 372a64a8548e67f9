"""Honest load beside strangers: `python -m benchmarks connections`.

The gateway as shipped, in a process of its own on one core; from the other core clients come at a constant rate, and
in every second pass so do thousands that say nothing, stop in the middle of a request, or do not read their answer.
Passes are interleaved. What is asked for: no honest request fails, p99 is at most 1.2 times what it is without,
and the memory comes back.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.load import data, openloop, upstream
from benchmarks.load.contestants import REPOSITORY
from benchmarks.load.process import CPUS, Server
from benchmarks.load.resilience import USUAL, Row, ask, gateway_process, hang_up, peak
from benchmarks.load.strangers import Report
from benchmarks.stats import median_of_ratios

IDLE, HALF, UNREAD = 10_000, 1_000, 200
# Of what the server can do at most, so that a latency is no queue's.
RATE = 0.25
TARGET = 1.2
# Part of the memory that strangers took, which may stay when they have left: the allocator keeps some.
KEPT = 0.25
GROWTH = 1.05
LEAVE_S = 5.0
SETTLE_S = 1.0  # that thousands connect at once is no part of what is measured
OTHER_FILES = 2_000


class Counts(NamedTuple):
    """So many connections of each kind."""

    idle: int = IDLE
    half: int = HALF
    unread: int = UNREAD

    def part(self, of: int) -> Counts:
        """A part of them, at least one of each."""
        return Counts(*(max(count // of, 1) for count in self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass of honest load.

    Attributes:
        latencies_s: Of good answers, sorted.
        total: How many were asked for.
        cpu_us: Of the server, for each request that was asked for.
        rss_mb: Of the server, at its end.
        beside: The strangers at its end; None without.
    """

    latencies_s: list[float]
    total: int
    cpu_us: float
    rss_mb: float
    beside: Report | None = None

    @property
    def errors(self) -> int:
        return self.total - len(self.latencies_s)

    def ms(self, at: float) -> float:
        """A percentile; what is not answered is late."""
        missing = [openloop.GRACE_S] * self.errors
        return openloop.percentile([*self.latencies_s, *missing], at) * 1000


class Strangers:
    """A process of them.

    Attributes:
        there: What there was when all had come.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.there = self._read()

    def _read(self) -> Report:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the strangers did not come")
        return msgspec.json.decode(line, type=Report)

    def leave(self) -> Report:
        """End them; what there was just before."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._read()


@contextmanager
def strangers(port: int, counts: Counts) -> Iterator[Strangers]:
    """So many idle, half-sent and unread connections beside what is done in the block."""
    command = [sys.executable, "-m", "benchmarks.load.strangers", str(port), *map(str, counts)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Strangers(process)
        finally:
            process.terminate()


async def honest(server: Server, rate: float, seconds: float, size: int) -> Pass:
    """Load at a constant rate."""
    load = openloop.made(server.url, USUAL, 64)
    load.expected_bytes = size
    await load.open_all()
    await asyncio.sleep(SETTLE_S)
    before_s = server.cpu_s()
    total = await openloop.drive(load, rate, seconds)
    cpu_us = (server.cpu_s() - before_s) / total * 1e6
    await hang_up(load)
    latencies_s = sorted(load.latencies_s)
    return Pass(latencies_s=latencies_s, total=total, cpu_us=cpu_us, rss_mb=server.rss_mb())


def one_pass(server: Server, rate: float, seconds: float, size: int, counts: Counts | None) -> Pass:
    """Honest load, with strangers or without."""
    gc.collect()
    if counts is None:
        return uvloop.run(honest(server, rate, seconds, size))
    with strangers(server.port, counts) as beside:
        found = uvloop.run(honest(server, rate, seconds, size))
        return replace(found, beside=beside.leave())


def rest_mb(server: Server, before_mb: float) -> float:
    """The server's memory when the strangers have left, as soon as it is what it was, or after a while."""
    end = time.monotonic() + LEAVE_S
    while (rss := server.rss_mb()) > before_mb * 1.02 and time.monotonic() < end:
        time.sleep(0.25)
    return rss


def rows(without: list[Pass], beside: list[Pass], before_mb: float, after_mb: list[float]) -> Iterator[Row]:  # fmt: skip
    """What was found, against what is asked for."""
    failed = sum(each.errors for each in beside)
    total = sum(each.total for each in beside)
    last = beside[-1].beside
    assert last is not None
    yield Row(
        "errors of honest requests", "0", f"{failed} of {total:,}", "met" if not failed else "missed",
        f"without strangers {sum(each.errors for each in without)}; there at the end: {last.open}, cut off: {last.cut}, refused: {last.failed}",
    )  # fmt: skip
    for at in (50, 99):
        first, second = [each.ms(at) for each in beside], [each.ms(at) for each in without]
        ratio = median_of_ratios(first, second)
        note = f"{statistics.median(first):.2f} ms against {statistics.median(second):.2f} ms"
        yield Row(f"p{at} beside strangers / without", f"≤ {TARGET} ×", str(ratio), ratio.verdict(TARGET), note)  # fmt: skip
    first, second = [each.cpu_us for each in beside], [each.cpu_us for each in without]
    ratio = median_of_ratios(first, second)
    note = f"{statistics.median(first):,.0f} µs against {statistics.median(second):,.0f} µs"
    yield Row("CPU time a request beside strangers / without", f"≤ {TARGET} ×", str(ratio), ratio.verdict(TARGET), note)  # fmt: skip
    during = max(each.rss_mb for each in beside)
    kept = (after_mb[-1] - before_mb) / max(during - before_mb, 1.0)
    yield Row(
        "memory that stays / that was taken", f"≤ {KEPT}", f"{kept:.2f}", "met" if kept <= KEPT else "missed",
        f"{before_mb:,.0f} MB before, {during:,.0f} MB during, {after_mb[-1]:,.0f} MB after",
    )  # fmt: skip
    growth = after_mb[-1] / after_mb[0]
    verdict = "met" if growth <= GROWTH else "missed"
    note = ", ".join(f"{each:,.0f}" for each in after_mb) + " MB after each crowd"
    yield Row("memory after the last crowd / after the first", f"≤ {GROWTH} ×", f"{growth:.3f}", verdict, note)  # fmt: skip


def measure(passes: int, seconds: float, counts: Counts) -> Iterator[Row]:
    """Interleaved passes. Errors: ServerFailedError."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {CPUS.load})
    allow_files(sum(counts) + OTHER_FILES)
    without: list[Pass] = []
    beside: list[Pass] = []
    after_mb: list[float] = []
    with (
        upstream.nginx(data.files(), CPUS.upstream) as port,
        gateway_process(port, {}) as server,
    ):
        size = len(ask(server.url, USUAL))
        rate = RATE * uvloop.run(peak(server, seconds / 2))
        one_pass(server, rate, 1.0, size, counts.part(of=100))
        before_mb = server.rss_mb()
        for number in range(passes):
            for is_beside in (False, True) if number % 2 else (True, False):
                into = beside if is_beside else without
                into.append(one_pass(server, rate, seconds, size, counts if is_beside else None))
                if is_beside:
                    after_mb.append(rest_mb(server, before_mb))
        yield from rows(without, beside, before_mb, after_mb)


def allow_files(wanted: int) -> None:
    """Let this process and its children open so many files. Errors: ValueError where that is refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))


def run(passes: int, seconds: float, counts: Counts) -> int:
    """Measure and print; 1 when a target is missed."""
    idle, half, unread = counts
    title = (
        f"Beside {idle:,} idle connections, {half:,} half-sent requests, {unread:,} unread answers"
    )
    table = Table(title=title, title_justify="left")
    for column in ("what", "target", "found [95 %]", "", "beside"):
        table.add_column(column)
    verdicts = []
    for row in measure(passes, seconds, counts):
        table.add_row(row.case, row.target, row.found, row.verdict, row.note)
        verdicts.append(row.verdict)
    Console(width=180).print(table)
    return int("missed" in verdicts)
