"""What all three backends have: counts and a latency; and what the handle on them does."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from demo.backends import NAMES, Backends, start_backends
from demo.instrument import endpoint_of, parse_latency_ms
from demo.store import ROOT

ONE = {"catalog": "/topics", "monolith": "/video_stats?ids[]=v1", "search": "/search?q=music"}
ENDPOINT = {"catalog": "GET /topics", "monolith": "GET /video_stats?ids", "search": "GET /search"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_counts(backends: Backends, name: str, method: str) -> None:
    url = backends.urls[name]
    httpx.request(method, f"{url}/__stats")
    assert httpx.get(f"{url}/__stats").json() == {"requests": {}, "total": 0}
    # PHP's workers are processes: all of them count.
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: httpx.get(url + ONE[name]), range(24)))
    assert httpx.get(f"{url}/__stats").json() == {"requests": {ENDPOINT[name]: 24}, "total": 24}
    backends.reset_stats()
    assert backends.stats(name) == {}


@pytest.mark.parametrize("name", NAMES)
def test_latency_by_query_and_header(backends: Backends, name: str) -> None:
    url = backends.urls[name] + ONE[name]
    slow = httpx.get(url + ("&" if "?" in url else "?") + "latency_ms=60")
    assert slow.elapsed.total_seconds() >= 0.06
    slow = httpx.get(url, headers={"x-demo-latency-ms": "60"})
    assert slow.elapsed.total_seconds() >= 0.06


def test_latency_by_environment_and_restart() -> None:
    slow = {"DEMO_CATALOG_LATENCY_MS": "50", "DEMO_LATENCY_MS": "20"}
    with start_backends(names=("catalog", "monolith"), env=slow) as backends:
        url = backends.urls["catalog"]
        assert httpx.get(f"{url}/topics").elapsed.total_seconds() >= 0.05
        answer = httpx.get(backends.urls["monolith"] + ONE["monolith"])
        assert answer.elapsed.total_seconds() >= 0.02
        for name in ("catalog", "monolith"):
            before = backends.urls[name]
            backends.stop(name)
            with pytest.raises(httpx.ConnectError):
                httpx.get(before + ONE[name])
            backends.start(name)
            assert backends.urls[name] == before
            assert httpx.get(before + ONE[name]).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_environment_for_the_gateway(backends: Backends) -> None:
    assert backends.environment["GATEWAY_SOURCES__CATALOG__URL"] == backends.urls["catalog"]


@pytest.mark.parametrize(
    ("method", "path", "query", "name"),
    [
        ("GET", "/videos", {}, "GET /videos"),
        ("GET", "/videos", {"ids": "v1"}, "GET /videos?ids"),
        ("GET", "/videos/v1", {}, "GET /videos/{id}"),
        ("GET", "/comments", {"video_ids": "v1"}, "GET /comments?video_ids"),
        ("POST", "/comments", {}, "POST /comments"),
    ],
)
def test_endpoint_names(method: str, path: str, query: dict[str, str], name: str) -> None:
    assert endpoint_of(method, path, query) == name


@pytest.mark.parametrize(
    ("text", "ms"), [("5", 5), ("-1", 0), ("x", 0), ("999999", 60_000), ("²", 0)]
)
def test_latency_texts(text: str, ms: int) -> None:
    assert parse_latency_ms(text) == ms


def test_php_is_valid() -> None:
    for file in (Path(ROOT) / "demo" / "monolith").glob("*.php"):
        checked = subprocess.run(
            ["php", "-l", str(file)], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout


def test_one_backend_at_a_port(backends: Backends) -> None:
    # A port that is taken ends the start with one line.
    port = backends.urls["search"].rpartition(":")[2]
    command = [sys.executable, "-m", "demo", "--only", "catalog", "--port", port]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("demo: catalog ended with code 1")
    assert json.dumps(ended.stderr).count("\\n") == 1
