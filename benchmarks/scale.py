"""How costs grow with the work: list size, depth, plans, connections, workers.

The same servers as under load; each point is the CPU time of one worker on one core, or what is named.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec
from rich.console import Console

from benchmarks.load import data, upstream
from benchmarks.load.contestants import NOTHING_SHARED, REPOSITORY, Contestant, by_hand, gateway
from benchmarks.load.measure import ask, check_answer, one_pass, pass_length, settle
from benchmarks.load.process import CPUS, Server, started
from benchmarks.load.scenarios import SCENARIOS, Scenario
from benchmarks.load.upstream import free_port
from benchmarks.results import Curve
from benchmarks.stats import fitted_exponent

SIZES = (10, 1_000, 10_000, 100_000)
DEPTHS = (1, 2, 4, 8, 12)
PLANS = (1, 100, 1_000, 10_000, 100_000)
CONNECTIONS = (1, 100, 1_000, 10_000)
SOCKETS = (100, 1_000, 10_000)
WORKERS = (1, 2, 4, 8, 16, 32, 64)
SCRAPES = 20
EVENTS = 5
FITTED_FROM = 1_000  # below it the fixed cost of a request hides the growth
LARGE = {"GATEWAY_SOURCES__API__MAX_RESPONSE_SIZE_BYTES": "200000000"}

Log = Callable[[str], None]


def measure_all(console: Console, *, quick: bool = False) -> list[Curve]:
    """Every curve; `quick` leaves out the largest points."""

    def log(text: str) -> None:
        console.print(text, style="dim")

    def points(amounts: tuple[int, ...]) -> tuple[int, ...]:
        return amounts[:-1] if quick else amounts

    return [
        *list_size(points(SIZES), log),
        depth(DEPTHS, log),
        *plans(points(PLANS), log),
        *connections(points(CONNECTIONS), log),
        *sockets(points(SOCKETS), log),
        *workers(log),
    ]


def list_size(sizes: tuple[int, ...], log: Log) -> list[Curve]:
    """CPU per request against the objects in its list, and the highest memory above that of ten objects."""
    curves = []
    for who in (gateway(**NOTHING_SHARED, **LARGE), by_hand("bare"), by_hand("typed")):
        cpu, memory, least = [], [], 0.0
        for size in sizes:
            scenario = replace(
                SCENARIOS["wide-list"],
                expected={"data": {"items": data.items(size)}},
                connections=1,
            )
            with _serving(who, scenario, {"items": data.items(size)}) as (server, port):
                for _ in range(3):
                    ask(server, scenario)
                peak = server.rss_mb("VmHWM")
                least = least or peak
                cpu.append((float(size), _cpu_us(server, scenario, port)))
                if size >= FITTED_FROM:
                    memory.append((float(size), max(peak - least, 0.01) * 2**20 / size))
            log(f"  {size:,} objects, {who.name}: {cpu[-1][1]:,.0f} µs, at most {peak:,.0f} MB")
        large = [point for point in cpu if point[0] >= FITTED_FROM]
        curves.append(_curve("list size", who, "objects", "CPU µs", cpu, large))
        curves.append(_curve("memory of a list", who, "objects", "bytes an object", memory))
    return curves


def depth(depths: tuple[int, ...], log: Log) -> Curve:
    """CPU per request against the levels of 64 chains of objects."""
    who, points = gateway(**NOTHING_SHARED), []
    for levels in depths:
        tree = data.chains(levels)
        query = f"{{ tree {{ {data.selection(levels)} }} }}"
        scenario = Scenario("depth", "", query, {"data": {"tree": tree}}, connections=1)
        with _serving(who, scenario, {"tree": tree}) as (server, port):
            points.append((float(levels), _cpu_us(server, scenario, port)))
        log(f"  {levels} levels: {points[-1][1]:,.0f} µs")
    return _curve("depth", who, "levels", "CPU µs", points, points[1:])


def plans(counts: tuple[int, ...], log: Log) -> list[Curve]:
    """CPU per request and memory against the distinct operations that clients take turns with."""
    who, cpu, memory = gateway(**NOTHING_SHARED), [], []
    base = SCENARIOS["cold-plans"]
    for count in counts:
        with _serving(who, base, {"post": data.posts()[0]}) as (server, port):
            for number in range(min(count, 1_500)):
                ask(server, base, number)
            settle(server)
            cpu.append((float(count), one_pass(server, base, port, 2, turns=count).cpu_us))
            memory.append((float(count), server.rss_mb()))
        log(f"  {count:,} operations: {cpu[-1][1]:,.0f} µs, {memory[-1][1]:,.0f} MB")
    return [
        _curve("plans", who, "distinct operations in turn", "CPU µs", cpu),
        _curve("memory of plans", who, "distinct operations in turn", "MB", memory),
    ]


def connections(counts: tuple[int, ...], log: Log) -> list[Curve]:
    """CPU per request and memory against open connections, all of them busy."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    who, cpu, memory = gateway(**NOTHING_SHARED), [], []
    with _serving(who, SCENARIOS["constant"], {}) as (server, port):
        for count in counts:
            if count * 1.1 > allowed:
                log(
                    f"  {count:,} connections: left out, {allowed:,} open files are allowed (ulimit -n)"
                )
                continue
            scenario = replace(SCENARIOS["constant"], connections=count)
            cpu.append((float(count), one_pass(server, scenario, port, 2).cpu_us))
            memory.append((float(count), server.rss_mb()))
            log(f"  {count:,} connections: {cpu[-1][1]:,.0f} µs, {memory[-1][1]:,.0f} MB")
    return [
        _curve("connections", who, "connections", "CPU µs", cpu),
        _curve("memory of connections", who, "connections", "MB", memory),
    ]


def sockets(counts: tuple[int, ...], log: Log) -> list[Curve]:
    """CPU of one event's delivery to one WebSocket, and memory, against the sockets that are subscribed to it."""
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    cpu, memory = [], []
    for count in counts:
        if count * 1.1 > allowed:
            log(f"  {count:,} sockets: left out, {allowed:,} open files are allowed (ulimit -Hn)")
            continue
        command = [
            sys.executable,
            "-m",
            "benchmarks.load.fan_out",
            str(count),
            str(max(EVENTS, 20_000 // count)),
        ]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, timeout=300)
        found = msgspec.json.decode(done.stdout, type=dict[str, float])
        cpu.append((float(count), found["cpu_of_a_delivery_us"]))
        memory.append((float(count), found["memory_of_a_socket_kb"]))
        log(f"  {count:,} sockets: {cpu[-1][1]:,.1f} µs a delivery, {memory[-1][1]:,.1f} kB each")
    return [
        _curve("subscriptions", gateway(), "sockets that hear an event", "CPU µs a delivery", cpu),
        _curve("memory of sockets", gateway(), "sockets", "kB each", memory),
    ]


def workers(log: Log) -> list[Curve]:
    """Against worker processes: requests, CPU of one, memory of all, and CPU of a look at the metrics of all.

    On few cores the requests per second show the machine; what a worker more costs the others shows in the CPU.
    """
    points: dict[str, list[tuple[float, float]]] = {}
    scenario = SCENARIOS["posts-and-users"]
    for count in (n for n in WORKERS if n <= max(CPUS.count, 8)):
        metrics = free_port()
        who = gateway(
            **NOTHING_SHARED,
            GATEWAY_SERVER__WORKERS=str(count),
            GATEWAY_TELEMETRY__METRICS__PORT=str(metrics),
        )
        with _serving(who, scenario, data.files(), pinned=False) as (server, port):
            memory = server.rss_mb()
            one_pass(server, scenario, port, 1)
            measured = one_pass(server, scenario, port, 2)
            found = {
                "requests/s": measured.requests_per_s,
                "CPU µs": measured.cpu_us,
                "MB": memory,
                "CPU ms": _scrape_ms(server, metrics),
            }
        for label, value in found.items():
            points.setdefault(label, []).append((float(count), value))
        log(f"  {count} workers: " + ", ".join(f"{v:,.1f} {label}" for label, v in found.items()))
    names = (
        "workers",
        "workers",
        "memory of workers at rest",
        "a scrape of the metrics of workers",
    )
    return [
        _curve(name, gateway(), "workers", label, points[label])
        for name, label in zip(names, points, strict=True)
    ]


def _scrape_ms(server: Server, port: int) -> float:
    """CPU of all processes for one look at the metrics page."""
    url = f"http://127.0.0.1:{port}/metrics"
    urllib.request.urlopen(url, timeout=10).read()
    used = server.cpu_s()
    for _ in range(SCRAPES):
        urllib.request.urlopen(url, timeout=10).read()
    return (server.cpu_s() - used) / SCRAPES * 1000


@contextmanager
def _serving(
    who: Contestant, scenario: Scenario, files: dict[str, object], *, pinned: bool = True
) -> Iterator[tuple[Server, int]]:
    """A started server over an upstream with just these files; its first answer was right."""
    name = scenario.name if scenario.name in SCENARIOS else "wide-list"
    cpu = CPUS.server if pinned else None
    with upstream.nginx(files, CPUS.upstream) as port, started(who, name, port, cpu) as server:
        wrong = check_answer(server, scenario, 1)
        if wrong:
            raise RuntimeError(f"{who.name} answers wrongly to {scenario.name}: {wrong}")
        yield server, port


def _cpu_us(server: Server, scenario: Scenario, port: int) -> float:
    """Of one connection's requests one after the other, after a second of warming up."""
    warm = one_pass(server, scenario, port, 1)
    return one_pass(server, scenario, port, pass_length(warm.cpu_us / 1e6, 1, 1)).cpu_us


def _curve(
    name: str,
    who: Contestant,
    x_label: str,
    y_label: str,
    points: list[tuple[float, float]],
    fitted: list[tuple[float, float]] | None = None,
) -> Curve:
    exponent = fitted_exponent(fitted) if fitted and len(fitted) > 1 else None
    return Curve(name=name, who=who.name, x_label=x_label, y_label=y_label, points=points, exponent=exponent)  # fmt: skip
