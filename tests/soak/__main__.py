"""`make soak`: minutes of mixed traffic under random faults; every answer is checked, and nothing may be left behind.

SOAK_MINUTES (10) says how long, SOAK_SEED repeats a run's faults. It prints a table, and exits with 1 when an
answer was wrong, memory grew, or descriptors, tasks or places were not given back.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import aiohttp

from demo.backends import Backends, start_backends
from demo.processes import end, spawn
from tests.e2e.test_fault_matrix import FAULTS
from tests.platform.processes import free_port
from tests.soak.traffic import Traffic
from tests.support.fault_proxy import FaultProxy, Faults, fault_proxy

CLIENTS, SUBSCRIBERS = 8, 3
SAMPLE_S = 2.0
# What may be left of an idle gateway beside what it began with: a connection or two that are just closing.
SLACK = 3
# Memory of the last quarter against the second one: noise of the allocator, measured over several runs.
GROWTH = 1.05
ALL_FAULTS = {**{name: fault.faults for name, fault in FAULTS.items()}, "flapping": Faults(reset_every=3)}  # fmt: skip
# What the demo's resolvers raise themselves when a backend answers them 5xx or garbage.
BY_HAND = {"HTTPStatusError", "JSONDecodeError", "UnicodeDecodeError"}
INTERNAL = re.compile(r'"message":"(\w+): .*"error_id":"')


class Soak:
    """One run.

    Attributes:
        samples: (seconds, what the gateway held).
        injected: Faults by name.
    """

    def __init__(self, minutes: float, seed: int) -> None:
        self.time_s = minutes * 60
        self.rng = Random(seed)
        self.samples: list[tuple[float, dict[str, Any]]] = []
        self.injected: Counter[str] = Counter()
        self.problems: list[str] = []

    async def run(self, backends: Backends, folder: Path) -> None:
        """All of it."""
        async with AsyncExitStack() as stack:
            proxies = {
                name: await stack.enter_async_context(fault_proxy(url))
                for name, url in backends.urls.items()
            }
            port, errors = free_port(), folder / "errors.log"
            process = stack.enter_context(_ending(spawn_gateway(port, proxies, errors)))
            session = await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
            )
            self.session, self.base = session, f"http://127.0.0.1:{port}"
            await self._ready(process)
            self.traffic = traffic = Traffic(f"{self.base}/graphql", session, self.rng)
            await traffic.learn()
            before = await self._quiet(None)
            await self._under_load(list(proxies.values()))
            after = await self._quiet(before)
            self.judge(before, after, errors.read_text())

    async def _under_load(self, proxies: list[FaultProxy]) -> None:
        begin = time.monotonic()
        self.ends = begin + self.time_s
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self.traffic.client())
            for _ in range(SUBSCRIBERS):
                group.create_task(self.traffic.subscriber())
            group.create_task(self._inject(proxies))
            while time.monotonic() < self.ends and len(self.traffic.wrong) < 20:
                await asyncio.sleep(SAMPLE_S)
                self.samples.append((time.monotonic() - begin, await self._held()))
            self.ends = 0.0
            self.traffic.is_over = True

    async def _inject(self, proxies: list[FaultProxy]) -> None:
        while time.monotonic() < self.ends:
            proxy, name = self.rng.choice(proxies), self.rng.choice(sorted(ALL_FAULTS))
            await proxy.fail(ALL_FAULTS[name])
            self.injected[name] += 1
            await asyncio.sleep(0.3 + self.rng.random() * 1.5)
            await proxy.heal()
            await asyncio.sleep(self.rng.random() * 1.5)

    async def _held(self) -> dict[str, Any]:
        async with self.session.get(f"{self.base}/__soak") as answer:
            held: dict[str, Any] = await answer.json()
            return held

    async def _ready(self, process: subprocess.Popen[bytes]) -> None:
        async with asyncio.timeout(60):
            while True:
                assert process.poll() is None, "the gateway ended"
                try:
                    await self._held()
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
                else:
                    return

    async def _quiet(self, before: dict[str, Any] | None) -> dict[str, Any]:
        """What is held once idle connections are closed: when nothing changes any more."""
        last: tuple[int, int] | None = None
        for _ in range(30):
            await asyncio.sleep(1)
            held = await self._held()
            if before is not None and not leaks(before, held):
                return held
            now = (held["fds"], held["tasks"])
            if before is None and now == last:
                return held
            last = now
        return held

    def judge(self, before: dict[str, Any], after: dict[str, Any], log: str) -> None:
        """Print the table; `problems` has what must not be."""
        quarter = max(1, len(self.samples) // 4)
        early = _middle([held["rss"] for _, held in self.samples[quarter : 2 * quarter]])
        late = _middle([held["rss"] for _, held in self.samples[-quarter:]])
        internal = Counter(INTERNAL.findall(log))
        self.problems += self.traffic.wrong[:20] + leaks(before, after)
        if late > early * GROWTH:
            self.problems.append(f"memory grew from {early >> 20} to {late >> 20} MiB")
        if set(internal) - BY_HAND:
            self.problems.append(f"errors of the gateway's own: {internal}")
        if "never retrieved" in log or "was never awaited" in log:
            self.problems.append("an exception or a coroutine was lost: see the log")
        slope = _slope(self.samples[quarter:])
        rows: list[tuple[str, Any]] = [
            ("minutes", round(self.samples[-1][0] / 60, 1)),
            ("answers", dict(self.traffic.seen)),
            ("wrong answers", len(self.traffic.wrong)),
            ("faults injected", sum(self.injected.values())),
            ("by kind", dict(sorted(self.injected.items()))),
            ("resident MiB: idle, 2nd quarter, last quarter", tuple(round(n / 2**20, 1) for n in (before["rss"], early, late))),
            ("slope after the 1st quarter, MiB a minute", round(slope * 60 / 2**20, 3)),
            ("descriptors: before, most, after", (before["fds"], max(h["fds"] for _, h in self.samples), after["fds"])),
            ("tasks: before, most, after", (before["tasks"], max(h["tasks"] for _, h in self.samples), after["tasks"])),
            ("places taken: after", after["in_use"]),
            ("errors by hand", dict(internal)),
            ("decisions", after["counts"]),
        ]  # fmt: skip
        for name, value in rows:
            print(f"{name:48} {value}")


def leaks(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What an idle gateway holds that it did not hold before."""
    found = [
        f"{name}: {before[name]} before, {after[name]} after"
        for name in ("fds", "tasks")
        if after[name] > before[name] + SLACK
    ]
    return found + ([f"{after['in_use']} places are taken"] if after["in_use"] else [])


def spawn_gateway(port: int, proxies: dict[str, FaultProxy], log: Path) -> subprocess.Popen[bytes]:
    """The gateway over the proxies, with short times."""
    env = {**os.environ, "GATEWAY_LOGS__ACCESS": "off", "GATEWAY_TRAFFIC_SHAPING__ROUTER__TIMEOUT_S": "6"}  # fmt: skip
    for name, proxy in proxies.items():
        key = f"GATEWAY_SOURCES__{name.upper()}__"
        env |= {
            f"{key}URL": proxy.url,
            f"{key}TIMEOUT_S": "1.5",
            f"{key}MAX_RESPONSE_SIZE_BYTES": "200000",
            f"{key}CIRCUIT_BREAKER__SLEEP_WINDOW_S": "0.5",
        }
    return spawn((sys.executable, "-m", "tests.soak.gateway", str(port)), env=env, log=log)


@contextmanager
def _ending(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        end(process)


def _middle(numbers: list[int]) -> int:
    return sorted(numbers)[len(numbers) // 2]


def _slope(samples: list[tuple[float, dict[str, Any]]]) -> float:
    """Bytes a second, by least squares."""
    times, sizes = [at for at, _ in samples], [held["rss"] for _, held in samples]
    middle_t, middle_s = fmean(times), fmean(sizes)
    spread: float = sum((t - middle_t) ** 2 for t in times)
    pairs = zip(times, sizes, strict=True)
    rise: float = sum((t - middle_t) * (s - middle_s) for t, s in pairs)
    return rise / spread if spread else 0.0


def main() -> int:
    """Run as the environment says; the exit code."""
    minutes = float(os.environ.get("SOAK_MINUTES", "10"))
    seed = int(os.environ.get("SOAK_SEED") or time.time_ns() % 1_000_000)
    print(f"soak: {minutes:g} minutes, SOAK_SEED={seed}", flush=True)
    soak = Soak(minutes, seed)
    with start_backends() as backends, tempfile.TemporaryDirectory() as folder:
        asyncio.run(soak.run(backends, Path(folder)))
    for problem in soak.problems:
        print(f"soak: {problem}", file=sys.stderr)
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())
