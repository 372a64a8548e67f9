"""`python -m tests.soak.reloads [--minutes 3]`: reloads under load, some broken, some that remove a subscribed field.

It prints a table and exits with 1 when a request failed, an event was lost or came twice, a subscription ended that was
valid, or one did not end that was not. Figures of time are told and judge nothing: a machine may be busy.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from tests.app.reload.served import Server, server_of
from tests.soak.reload_project import Project

PER_SOCKET = 20
CODE = "SUBSCRIPTION_SCHEMA_RELOAD"


@dataclass(slots=True)
class Options:
    """How much of it."""

    seconds: float = 600.0
    rate: float = 500.0
    subscriptions: int = 1000
    reloads: int = 200
    broken: int = 40
    removing: int = 40
    workers: int = 2
    plans: int = 500
    ticks: float = 2.0
    connections: int = 32


@dataclass(slots=True)
class Figures:
    """What was seen."""

    counts: Counter[str] = field(default_factory=Counter)
    idle_s: list[float] = field(default_factory=list)
    busy_s: list[float] = field(default_factory=list)
    swaps_ms: list[float] = field(default_factory=list)
    reloads_s: list[float] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Subscriber:
    """One subscription, over and over; it counts what it hears.

    Args:
        query: Which.
        is_fragile: Whether it selects the field that goes away.
    """

    def __init__(self, query: str, is_fragile: bool, figures: Figures) -> None:
        self.query = query
        self.is_fragile = is_fragile
        self._figures = figures
        self.last: int | None = None
        self.is_open = False

    def hear(self, message: dict[str, Any]) -> None:
        """Take one message about it."""
        counts = self._figures.counts
        if message["type"] == "next":
            (event,) = message["payload"]["data"].values()
            number = event["n"]
            if self.last is not None and number != self.last + 1:
                counts["lost" if number > self.last else "doubled"] += 1
                self._figures.failures.append(f"{self.query}: {number} after {self.last}")
            self.last = number
            counts["events"] += 1
            return
        self.is_open, self.last = False, None
        errors = message["payload"] if message["type"] == "error" else []
        code = errors[0].get("extensions", {}).get("code") if errors else message["type"]
        is_right = code == CODE and self.is_fragile
        counts["ended with the reason" if is_right else "ended wrongly"] += 1
        if not is_right:
            self._figures.failures.append(f"{self.query}: {str(message)[:200]}")


class Soak:
    """One run."""

    def __init__(self, options: Options, project: Project, server: Server) -> None:
        self.options = options
        self.project = project
        self.server = server
        self.figures = Figures()
        self.is_reloading = False
        self.has_gone = True
        self._done = asyncio.Event()
        self._tick = 0
        self.sockets: list[tuple[aiohttp.ClientWebSocketResponse, list[Subscriber]]] = []

    async def go(self) -> Figures:
        """The whole of it."""
        async with aiohttp.ClientSession() as session:
            await self._open_sockets(session)
            await self._warm(session)
            listening = [asyncio.create_task(self._listen(*one)) for one in self.sockets]
            tasks = [asyncio.create_task(self._ticks(session)), asyncio.create_task(self._watch())]
            lanes = self.options.connections
            tasks += [asyncio.create_task(self._lane(session, n)) for n in range(lanes)]
            await asyncio.sleep(self.options.seconds * 0.2)
            await self._reload_all()
            self._done.set()
            await asyncio.gather(*tasks)
            await asyncio.sleep(1)
            self._check_ends()
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
            for socket, _ in self.sockets:
                await socket.close()
        return self.figures

    # Subscriptions

    async def _open_sockets(self, session: aiohttp.ClientSession) -> None:
        queries = [
            ("subscription { ticks { n } }", False),
            ("subscription { own { n } }", False),
            ("subscription { ticks { n __typename } }", False),
            ("subscription { ticks { n gone } }", True),
        ]
        for first in range(0, self.options.subscriptions, PER_SOCKET):
            socket = await session.ws_connect(
                self.server.url, protocols=["graphql-transport-ws"], max_msg_size=0
            )
            await socket.send_json({"type": "connection_init"})
            await socket.receive()
            number = min(PER_SOCKET, self.options.subscriptions - first)
            subscribers = [Subscriber(*queries[n % 4], self.figures) for n in range(number)]
            self.sockets.append((socket, subscribers))
            await self._subscribe(socket, subscribers)
            await socket.send_json({"type": "ping"})
            assert orjson.loads((await socket.receive()).data) == {"type": "pong"}

    async def _subscribe(
        self, socket: aiohttp.ClientWebSocketResponse, subscribers: Sequence[Subscriber]
    ) -> None:
        for number, one in enumerate(subscribers):
            if not one.is_open and (self.has_gone or not one.is_fragile):
                one.is_open = True
                payload = {"query": one.query}
                await socket.send_json({"id": str(number), "type": "subscribe", "payload": payload})

    async def _listen(
        self, socket: aiohttp.ClientWebSocketResponse, subscribers: Sequence[Subscriber]
    ) -> None:
        async for message in socket:
            found = orjson.loads(message.data)
            if "id" in found:
                subscribers[int(found["id"])].hear(found)
        self.figures.counts["sockets closed"] += 1

    async def _ticks(self, session: aiohttp.ClientSession) -> None:
        while not self._done.is_set():
            self._tick += 1
            await self._ask(session, f"mutation {{ tick(n: {self._tick}) }}")
            await asyncio.sleep(1 / self.options.ticks)

    def _check_ends(self) -> None:
        """Every subscription has heard the last event."""
        for _, subscribers in self.sockets:
            for one in subscribers:
                if one.is_open and one.last is not None and one.last != self._tick:
                    self.figures.counts["lost"] += 1
                    self.figures.failures.append(f"{one.query}: ends at {one.last} of {self._tick}")

    # Requests

    async def _warm(self, session: aiohttp.ClientSession) -> None:
        for _ in range(2 * self.options.workers):
            for document in self.project.documents:
                await self._ask(session, document)
        self.figures.counts.clear()

    async def _lane(self, session: aiohttp.ClientSession, number: int) -> None:
        """Requests at the lane's part of the rate; what takes long makes none of those behind it fewer."""
        gap_s = self.options.connections / self.options.rate
        chance = random.Random(number)
        due = time.perf_counter() + chance.random() * gap_s
        while not self._done.is_set():
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if chance.random() < 0.1:
                query = f"mutation {{ touch(id: {chance.randrange(1000)}) }}"
            else:
                query = chance.choice(self.project.documents)
            await self._ask(session, query, due)
            due += gap_s

    async def _ask(
        self, session: aiohttp.ClientSession, query: str, due: float | None = None
    ) -> None:
        figures = self.figures
        try:
            async with session.post(self.server.url, json={"query": query}) as answer:
                body = await answer.read()
                is_good = answer.status == 200 and b'"errors"' not in body
        except aiohttp.ClientError as exc:
            body, is_good = repr(exc).encode(), False
        figures.counts["requests"] += 1
        if not is_good:
            figures.counts["failed"] += 1
            figures.failures.append(f"{query}: {body[:200]!r}")
        if due is not None:
            kept = figures.busy_s if self.is_reloading else figures.idle_s
            kept.append(time.perf_counter() - due)

    # Reloads

    async def _reload_all(self) -> None:
        options = self.options
        kinds = ["broken"] * options.broken + ["removing"] * options.removing
        kinds += ["other"] * (options.reloads - len(kinds))
        random.Random(1).shuffle(kinds)
        gap_s = options.seconds * 0.8 / options.reloads
        self.is_reloading = True
        begin = time.perf_counter()
        for number, kind in enumerate(kinds):
            await asyncio.sleep(max(0.0, begin + number * gap_s - time.perf_counter()))
            await self._reload(number + 1, kind)

    async def _reload(self, number: int, kind: str) -> None:
        has_gone = kind != "removing"
        self.project.write(number, has_gone=has_gone, is_broken=kind == "broken")
        begin = time.perf_counter()
        status, report = await self.server.command("POST", "/admin/reload")
        took_s = time.perf_counter() - begin
        self.figures.counts[f"reload {kind}"] += 1
        if status != (422 if kind == "broken" else 200):
            self.figures.counts["reloads failed"] += 1
            self.figures.failures.append(f"reload {kind}: {status} {str(report)[:300]}")
        if kind == "broken":
            return
        self.figures.swaps_ms.append(report["swap_ms"])
        self.figures.reloads_s.append(took_s)
        self.figures.counts["told to end"] += report["ending"]
        self.has_gone = has_gone
        for socket, subscribers in self.sockets:
            await self._subscribe(socket, subscribers)

    async def _watch(self) -> None:
        """Memory of the workers, and their revisions."""
        while not self._done.is_set():
            _, told = await self.server.command("GET", "/admin/workers")
            resident = sum(resident_kb(one["pid"]) for one in told["workers"].values())
            self.figures.memory.append((time.perf_counter(), resident))
            await asyncio.sleep(1)


def resident_kb(pid: int) -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so many are below."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def table(figures: Figures) -> list[str]:
    """What was seen, for people."""
    lines = [f"{name:24} {count}" for name, count in sorted(figures.counts.items())]
    for name, values in (("idle", figures.idle_s), ("reloads", figures.busy_s)):
        shown = "  ".join(
            f"p{int(q * 1000) / 10:g} {quantile(values, q) * 1000:.1f} ms" for q in (0.5, 0.9, 0.99)
        )
        lines.append(f"{'latency, ' + name:24} {shown}")
    lines.append(
        f"{'swap':24} p50 {quantile(figures.swaps_ms, 0.5):.2f} ms  most {max(figures.swaps_ms, default=0):.2f} ms"
    )
    lines.append(
        f"{'reload':24} p50 {quantile(figures.reloads_s, 0.5):.2f} s  most {max(figures.reloads_s, default=0):.2f} s"
    )
    memory = [kb for _, kb in figures.memory]
    if memory:
        parts = [memory[int(len(memory) * part / 5)] for part in range(5)] + [memory[-1]]
        lines.append(f"{'memory, MB':24} {'  '.join(f'{kb / 1024:.0f}' for kb in parts)}")
    return [*lines, *(f"  {line}" for line in figures.failures[:20])]


def shortened(options: Options, minutes: float) -> Options:
    """The same in another time: as much at once, and as many reloads a minute."""
    share = minutes * 60 / options.seconds
    return replace(
        options,
        seconds=minutes * 60,
        reloads=round(options.reloads * share),
        broken=round(options.broken * share),
        removing=round(options.removing * share),
    )


def held_against_targets(figures: Figures, options: Options) -> list[str]:
    """What was seen beside what is wanted; times mean something on a machine that does nothing else."""
    counts = figures.counts
    memory = [kb / 1024 for _, kb in figures.memory]
    idle, busy = (quantile(v, 0.99) * 1000 for v in (figures.idle_s, figures.busy_s))
    early = memory[int(len(memory) * 0.3)] if memory else 0.0
    ended = counts["ended with the reason"]
    rows = [
        ("reloads: all, broken, removing", f"{options.reloads}, {counts['reload broken']}, {counts['reload removing']}",
         f"{options.reloads}, {options.broken}, {options.removing}"),
        ("requests that failed", counts["failed"], "0"),
        ("events lost, doubled", f"{counts['lost']}, {counts['doubled']}", "0, 0"),
        ("ended with the reason", ended, f"{counts['told to end']} (told by the reloads)"),
        ("ended wrongly", counts["ended wrongly"], "0"),
        ("p99 while reloading, ms", f"{busy:.1f}", f"{1.2 * idle:.1f} (1.2 x idle)"),
        ("longest swap, ms", f"{max(figures.swaps_ms, default=0):.2f}", "5"),
        ("longest reload, s", f"{max(figures.reloads_s, default=0):.2f}", f"2 ({options.plans} plans)"),
        ("memory, MB, at 30 % and at the end", f"{early:.0f}, {memory[-1] if memory else 0:.0f}", "the same"),
    ]  # fmt: skip
    lines = [f"{name:36} {seen!s:>16}   {wanted}" for name, seen, wanted in rows]
    return ["", f"{'':36} {'seen':>16}   wanted", *lines, ""]


BAD = ("failed", "lost", "doubled", "ended wrongly", "reloads failed", "sockets closed")


def problems(figures: Figures) -> list[str]:
    """What must not have happened."""
    return [name for name in BAD if figures.counts[name]]


async def run_soak(options: Options) -> Figures:
    """One run on a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), options.plans)
        async with server_of(project.config, workers=options.workers) as server:
            soak = Soak(options, project, server)
            return await soak.go()


def main() -> int:
    """Read the options, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    defaults = Options()
    names = Options.__dataclass_fields__
    for name in names:
        value = getattr(defaults, name)
        parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--minutes", type=float, help="all of it in so many minutes: fewer reloads")
    given = vars(parser.parse_args())
    minutes = given.pop("minutes")
    options = Options(**given)
    if minutes is not None:
        options = shortened(options, minutes)
    figures = asyncio.run(run_soak(options))
    print("\n".join([*table(figures), *held_against_targets(figures, options)]))
    found = problems(figures)
    print(f"PROBLEMS: {', '.join(found)}" if found else "nothing failed, was lost or doubled")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
