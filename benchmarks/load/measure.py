"""CPU time per request of servers under wrk, in passes that are interleaved with those of their rivals.

A server whose answer is wrong is never timed.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count

import msgspec
import orjson

from benchmarks import results
from benchmarks.load import openloop, upstream
from benchmarks.load.contestants import Contestant
from benchmarks.load.process import CPUS, Server, ServerFailedError, started
from benchmarks.load.scenarios import Scenario
from benchmarks.load.traffic import COUNTER, Kind, varied_body, wrk_script

# A distinct block of COUNTER for every pass of this process: more than any server answers in one, and of a number that
# is an Int of GraphQL for as many passes as a run has.
BLOCKS = count(1)
BLOCK = 400_000
MAX_INT = 2**31 - 1
MAX_PASS_S = 6
IDLE_LOOKS, SETTLE_LOOKS = 4, 150  # of 20 ms: longer than the slowest backend takes; 3 s at most
RATES = (0.1, 0.5)  # of the gateway's throughput


def measure(
    scenario: Scenario,
    contestants: Sequence[Contestant],
    *,
    passes: int,
    pass_s: int,
    rates: Sequence[float] = RATES,
) -> results.Scenario:
    """Measure all contestants in turn, `passes` times over, each pinned to the same core."""
    measured = results.Scenario(
        name=scenario.name, title=scenario.title, query=scenario.query, connections=scenario.connections
    )  # fmt: skip
    with ExitStack() as stack:
        port = stack.enter_context(upstream.started(scenario.upstream, CPUS.upstream))
        racing: list[tuple[Server, results.Peer]] = []
        for contestant in contestants:
            if contestant.only and scenario.name not in contestant.only:
                continue
            peer = results.Peer(name=contestant.name, family=contestant.family)
            measured.peers.append(peer)
            server = _admitted(stack, contestant, scenario, port, peer)
            if server is not None:
                racing.append((server, peer))
        lengths = {}
        for server, _ in racing:
            warm = one_pass(server, scenario, port, 1)
            lengths[server] = pass_length(warm.cpu_us / 1e6, scenario.connections, pass_s)
        for number in range(passes):
            for server, peer in racing if number % 2 else racing[::-1]:
                for kind in scenario.traffic:
                    made = one_pass(server, scenario, port, lengths[server], kind=kind)
                    peer.of(kind).append(made)
        for server, peer in racing:
            peer.rss_mb = server.rss_mb()
        if scenario.paced and rates:
            at_constant_rates(scenario, racing, rates, seconds=2 * pass_s)
    return measured


def at_constant_rates(
    scenario: Scenario,
    racing: Sequence[tuple[Server, results.Peer]],
    rates: Sequence[float],
    seconds: int,
) -> None:
    """Load each at fractions of what the gateway (or the first of them) takes in a closed loop."""
    ours = next((peer for _, peer in racing if peer.family == "ours"), racing[0][1])
    for fraction in rates:
        rate = ours.median("requests_per_s") * fraction
        for server, peer in racing:
            if server.contestant.paced:
                settle(server)
                peer.open_loop.append(paced(server, scenario, rate, seconds))


def paced(server: Server, scenario: Scenario, rate: float, seconds: int) -> results.OpenLoop:
    """One pass at a constant rate. Errors: CalledProcessError."""
    with tempfile.NamedTemporaryFile(prefix="bench-body-") as body:
        body.write(scenario.body)
        body.flush()
        run = subprocess.run(
            ["taskset", "-c", str(CPUS.load), sys.executable, "-m", "benchmarks.load.openloop",
             server.url, body.name, str(rate), str(seconds)],
            capture_output=True, check=True, timeout=seconds + 60,
        )  # fmt: skip
    answer = msgspec.json.decode(run.stdout, type=openloop.Answer)
    return results.OpenLoop(
        rate=rate,
        seconds=seconds,
        answered=answer.answered,
        unanswered=answer.unanswered,
        latencies_ms=answer.latencies_ms,
    )


def pass_length(cpu_s: float, connections: int, least_s: int) -> int:
    """Whole seconds in which each connection gets at least two answers, up to MAX_PASS_S."""
    return min(max(least_s, math.ceil(2 * cpu_s * connections)), MAX_PASS_S)


def settle(server: Server) -> None:
    """Wait until the server has done with the requests that were left behind: a while without CPU time."""
    idle, used = 0, server.cpu_s()
    for _ in range(SETTLE_LOOKS):
        time.sleep(0.02)
        now = server.cpu_s()
        idle = idle + 1 if now - used < 0.001 else 0
        used = now
        if idle == IDLE_LOOKS:
            return


def _admitted(
    stack: ExitStack, contestant: Contestant, scenario: Scenario, port: int, peer: results.Peer
) -> Server | None:
    """The started server when it may be timed; else `peer` says why not."""
    if contestant.unavailable:
        peer.status, peer.detail = "unavailable", contestant.unavailable
        return None
    try:
        server = stack.enter_context(started(contestant, scenario.name, port, CPUS.server))
    except ServerFailedError as exc:
        peer.status, peer.detail = "failed", str(exc)
        return None
    for number in (1, 2) if COUNTER in scenario.query else (1,):
        wrong = check_answer(server, scenario, number)
        if wrong:
            peer.status, peer.detail = "wrong answer", wrong
            return None
    return server


def check_answer(server: Server, scenario: Scenario, number: int = 1) -> str:
    """What is wrong with the server's answer, or ""."""
    try:
        answer = ask(server, scenario, number)
    except (OSError, ValueError) as exc:
        return f"{type(exc).__name__}: {exc}"
    if answer == scenario.answer(number) or server.contestant.family == "floor":
        return ""
    return orjson.dumps(answer).decode(errors="replace")[:300]


def ask(server: Server, scenario: Scenario, number: int = 1) -> object:
    """One request, decoded. Errors: OSError, ValueError."""
    request = urllib.request.Request(
        server.url,
        data=varied_body(scenario.body).replace(COUNTER.encode(), b"%d" % number),
        headers={"content-type": "application/json", "accept": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            decoded: object = orjson.loads(answer.read())
    except urllib.error.HTTPError as exc:
        raise ValueError(f"status {exc.code}: {exc.read(300)!r}") from exc
    return decoded


def one_pass(
    server: Server,
    scenario: Scenario,
    upstream_port: int,
    seconds: int,
    turns: int = 0,
    kind: Kind = "varied",
) -> results.Pass:
    """Load one server with wrk; with `turns`, COUNTER goes round below it.

    Errors: RuntimeError when wrk is missing, CalledProcessError when it fails.
    """
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("wrk is not installed (sh scripts/system-packages.sh wrk)")
    first = next(BLOCKS) * BLOCK
    if first + BLOCK > MAX_INT:
        raise RuntimeError("too many passes: the numbers of requests would be no Int any more")
    script = wrk_script(
        scenario.body, server.contestant.path, kind, first=first, turns=turns, pages=scenario.pages
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua", prefix="bench-wrk-") as file:
        file.write(script)
        file.flush()
        calls, used = upstream.requests_served(upstream_port), server.cpu_s()
        run = subprocess.run(
            ["taskset", "-c", str(CPUS.load), program, "-t1", f"-c{scenario.connections}",
             f"-d{seconds}s", "--timeout", "30s", "-s", file.name, server.url],
            capture_output=True, text=True, check=True, timeout=seconds + 60,
        )  # fmt: skip
        settle(server)
        used = server.cpu_s() - used
        calls = upstream.requests_served(upstream_port) - calls - 1  # the counter counts its reader
    line = run.stdout.rpartition("RESULT ")[2].split()
    requests, microseconds, errors = int(line[0]), int(line[1]), int(line[5])
    # A closed loop ends with a request open on each connection. Servers finish those for nobody, so they
    # count; one that drops them is shown as cheaper than it is, by connections / requests at most.
    served = requests + scenario.connections
    p50, p99, p999 = (float(part) / 1000 for part in line[2:5])
    return results.Pass(
        cpu_us=used / served * 1e6,
        requests_per_s=requests / microseconds * 1e6,
        p50_ms=p50,
        p99_ms=p99,
        p999_ms=p999,
        upstream_calls=calls / served,
        requests=requests,
        errors=errors,
    )
