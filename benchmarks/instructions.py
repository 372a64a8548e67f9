"""Instructions of one request, by valgrind's callgrind: the same figure whatever else the machine does.

Every instruction of the gateway's process counts, none of the kernel's. Requests go over one connection, one after
the other, and are varied as the suite's are. A figure says what was executed, not how long it took: misses of caches
and branches are not in it.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.client import HTTPResponse
from itertools import islice
from pathlib import Path

from benchmarks.load import upstream
from benchmarks.load.contestants import NOTHING_SHARED, Contestant, contestants, gateway
from benchmarks.load.measure import check_answer
from benchmarks.load.process import CPUS, Server, started
from benchmarks.load.scenarios import SCENARIOS, Scenario
from benchmarks.load.traffic import varied_requests
from benchmarks.revisions import HERE, checked_out

WARM_REQUESTS = 200
ANSWER_TIMEOUT_S = 60.0
# The same hashes each time, so the same collisions.
FIXED = {"PYTHONHASHSEED": "0"}


class NotCountedError(Exception):
    """The server's answer was wrong or valgrind failed; the text says how."""


def counts(
    names: Sequence[str], against: str | None, peer: str | None, requests: int
) -> Iterator[tuple[str, str, float]]:
    """Scenario, who, and instructions a request.

    Args:
        names: Of scenarios.
        against: A revision whose gateway is counted too.
        peer: The name of a contestant that is counted in place of the gateway.
        requests: How many are counted.

    Errors: NotCountedError, ServerFailedError, RevisionError, KeyError for an unknown name.
    """
    with ExitStack() as stack:
        if peer is not None:
            sides = [{one.name: one for one in contestants()}[peer]]
        else:
            revisions = [HERE] if against is None else [against, HERE]
            sides = [
                replace(
                    gateway(revision, **NOTHING_SHARED),
                    cwd=stack.enter_context(checked_out(revision)),
                )
                for revision in revisions
            ]
        for name in names:
            for side in sides:
                yield name, side.name, count(side, SCENARIOS[name], requests)


def count(contestant: Contestant, scenario: Scenario, requests: int) -> float:
    """Instructions a request of a contestant that is one process. Errors: NotCountedError, ServerFailedError."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-count-")))
        port = stack.enter_context(upstream.started(scenario.upstream, CPUS.upstream))
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no",
                   f"--callgrind-out-file={folder}/out", *contestant.command]  # fmt: skip
        under = replace(contestant, command=command, env={**contestant.env, **FIXED})
        server = stack.enter_context(started(under, scenario.name, port, CPUS.server))
        if wrong := check_answer(server, scenario):
            raise NotCountedError(f"wrong answer: {wrong}")
        ask = stack.enter_context(one_connection(server, scenario))
        for _ in range(WARM_REQUESTS):
            ask()
        _control(server, "--instr=on")
        for _ in range(requests):
            ask()
        _control(server, "--dump")
        return total("".join(file.read_text() for file in folder.glob("out*.1"))) / requests


def total(dump: str) -> int:
    """Instructions in callgrind's dump. Errors: NotCountedError."""
    found = re.search(r"^totals: (\d+)", dump, re.MULTILINE)
    if found is None:
        raise NotCountedError("callgrind wrote no total")
    return int(found[1])


def _control(server: Server, option: str) -> None:
    """Errors: NotCountedError."""
    ran = subprocess.run(
        ["callgrind_control", option, str(server.pid)],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    if ran.returncode != 0 or "Error" in ran.stdout:
        raise NotCountedError(f"callgrind_control {option}: {(ran.stdout + ran.stderr).strip()}")


@contextmanager
def one_connection(server: Server, scenario: Scenario) -> Iterator[Callable[[], None]]:
    """What sends the scenario's next varied request and reads the whole answer.

    Errors, of what is yielded: NotCountedError for a status other than 200, OSError.
    """
    path = server.contestant.path
    requests = islice(varied_requests(scenario.body, path, "127.0.0.1"), 1, None)
    with socket.create_connection(("127.0.0.1", server.port), ANSWER_TIMEOUT_S) as sock:

        def ask() -> None:
            sock.sendall(next(requests))
            response = HTTPResponse(sock)
            response.begin()
            body = response.read()
            if response.status != 200:
                raise NotCountedError(f"status {response.status}: {body[:300]!r}")

        yield ask
