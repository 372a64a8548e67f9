"""`python -m demo`: data, backends and gateway in one command, ended together by Ctrl-C or SIGTERM.

With `--backends-only` it starts the backends and prints their URLs as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from demo.backends import HOST, NAMES, Backends, php, start_backends
from demo.processes import ChildError, end, spawn, wait_until
from demo.store import DEFAULT_FOLDER, ROOT

QUERY = (
    "{ videos(first: 2) { edges { node { id title channel { name verified }"
    " stats { views } topic { name } } } } }"
)

# On this machine whoever asks may see plans and timings; GraphiQL's panel does.
EXPLAIN = {"GATEWAY_EXPLAIN__PLAN_HEADER": "true", "GATEWAY_EXPLAIN__TRACE_HEADER": "always"}


def main() -> int:
    """Run what the command line asks for; the exit code."""
    options = read_options()
    stop_on_signals()
    names: Sequence[str] = options.only or NAMES
    if "monolith" in names and php() is None:
        print(
            "demo: php is missing (apt-get install php-cli): the monolith is not started",
            flush=True,
        )
        names = [name for name in names if name != "monolith"]
    ports = {names[0]: options.port} if options.only and options.port else {}
    try:
        with start_backends(options.data, names, ports=ports) as backends:
            if options.backends_only or options.only:
                print(json.dumps(backends.urls), flush=True)
                return watch(backends, None)
            return run_gateway(backends, options.port or int(os.environ.get("PORT", "8000")))
    except ChildError as exc:
        print(f"demo: {exc}", file=sys.stderr)
        return 1
    except Stopped:
        return 0


class Stopped(BaseException):
    """A signal came."""


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument(
        "--backends-only", action="store_true", help="no gateway; print URLs as JSON"
    )
    parser.add_argument("--only", action="append", choices=NAMES, help="no gateway; this backend")
    parser.add_argument(
        "--port", type=int, help="the gateway's, or the port of the one with --only"
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="folder of the data")
    return parser.parse_args()


def stop_on_signals() -> None:
    """Have Ctrl-C, SIGTERM and a closed terminal raise `Stopped` in the main thread, once.

    A second one must not leave processes behind: the end is under way. `make` sends one more to its child, at the same
    time, so that a handler may take no lock.
    """
    stopped: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)
        if len(stopped) == 1:
            raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)


def run_gateway(backends: Backends, port: int) -> int:
    """Start the gateway in front of the backends, say where it is, and wait."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            raise ChildError(f"port {port}: {exc.strerror}; PORT=9000 takes another one") from exc
    command = (sys.executable, "-m", "gateway", "serve", "--config", str(ROOT / "gateway.toml"))
    gateway = spawn(
        (*command, "--host", HOST, "--port", str(port)),
        env={**EXPLAIN, **os.environ, **backends.environment},
    )
    try:
        wait_until(lambda: is_ready(port), gateway, "the gateway", limit_s=60)
        announce(backends, port)
        return watch(backends, gateway)
    finally:
        end(gateway)


def is_ready(port: int) -> bool:
    """Whether the gateway takes requests."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def announce(backends: Backends, port: int) -> None:
    """Print the addresses, and a request to paste."""
    url = f"http://{HOST}:{port}/graphql"
    for name, address in backends.urls.items():
        print(f"{name:9} {address}  ({address}/__stats counts its requests)")
    print(f"GraphQL   {url}")
    print(f"GraphiQL  {url}  (in a browser)")
    body = json.dumps({"query": QUERY})
    print(f"\ncurl -s {url} -H 'content-type: application/json' -d '{body}'\n", flush=True)


def watch(backends: Backends, gateway: subprocess.Popen[bytes] | None) -> int:
    """Wait for a signal, or for the gateway to end. A backend that ends is told, not replaced."""
    try:
        while True:
            time.sleep(0.2)
            if gateway is not None and gateway.poll() is not None:
                print(f"demo: the gateway ended with code {gateway.returncode}", file=sys.stderr)
                return gateway.returncode or 1
            for name in backends.stop_ended():
                port = backends.urls[name].rpartition(":")[2]
                again = f"{sys.executable} -m demo --only {name} --port {port}"
                print(f"demo: {name} ended; to start it again: {again}", flush=True)
            if gateway is None and not backends.processes:
                return 1
    except Stopped:
        return 0


if __name__ == "__main__":
    sys.exit(main())
