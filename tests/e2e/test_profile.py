"""`gateway profile` over the demo's real backends, in the terminal and as a page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.backends import Backends
from gateway.profile.figures import time_text
from tests.cli.command import run_gateway
from tests.platform.processes import free_port, wait_until
from tests.transport.browser import browser_page, chromium

ROOT = Path(__file__).resolve().parent.parent.parent
QUERY = """query ($count: Int) { videos(first: $count) { edges { node {
  title url channel { name } stats { views } topic { name }
} } } }"""
ADD = 'mutation { addComment(input: {videoId: "v1", authorId: "u1", text: "once"}) { comment { text } } }'
SECRET = "a secret of this test only"


def profile(backends: Backends, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    environment = {**backends.environment, "COLUMNS": "150", **env}
    return run_gateway("profile", *arguments, env=environment)


def test_it_shows_each_step_and_each_call(backends: Backends, tmp_path: Path) -> None:
    backends.reset_stats()
    done = profile(backends, QUERY, "--variables", '{"count": 7}', "-n", "5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the median of 5 runs" in done.stdout
    assert "its plan a miss" in done.stdout
    assert re.search(r"^  Query\.videos +[\d.]+ .s +━+ +1 parent", done.stdout, re.MULTILINE)
    assert re.search(r"^    GET /videos +.*catalog · 200 · [\d.]+ kB", done.stdout, re.MULTILINE)
    assert re.search(r"^  Video\.url +.*7 parents · 7 calls, slowest", done.stdout, re.MULTILINE)
    assert re.search(r"^  Channel\.name +.*7 parents · \d keys", done.stdout, re.MULTILINE)
    assert re.search(r"^GET /channels +1 ", done.stdout, re.MULTILINE)
    assert backends.stats("catalog")["GET /videos"] == 6


def test_a_mutation_is_run_no_more_than_is_said(backends: Backends, tmp_path: Path) -> None:
    backends.reset_stats()
    done = profile(backends, ADD)
    assert (done.returncode, done.stderr) == (0, "")
    assert "first run" in done.stdout
    assert posts_of(backends) == [1]
    html = str(tmp_path / "p.html")
    done = profile(backends, ADD, "-n", "1", "--html", html)
    assert (done.returncode, done.stderr) == (0, "")
    assert posts_of(backends) == [3], "the first run, and the one that was asked for"


def posts_of(backends: Backends) -> list[int]:
    """How often each endpoint was written to."""
    posts = {k: n for name in ("catalog", "monolith") for k, n in backends.stats(name).items() if k.startswith("POST")}  # fmt: skip
    return list(posts.values())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{ nope }"], "the operation was refused: Cannot query field 'nope' on type 'Query'."),
        (["{ __typename }", "-H", "bad"], "--header bad: write it as `name: value`"),
        (["{ __typename }", "--variables", "{"], "--variables is not JSON"),
        (["{ __typename }", "--url", "http://127.0.0.1:9/graphql"], "http://127.0.0.1:9/graphql cannot be asked"),
        (["{ __typename }", "--html", "/nowhere/p.html", "-n", "0"], "--html /nowhere/p.html: cannot be written: there is no folder /nowhere"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(backends: Backends, arguments: list[str], said: str) -> None:
    done = profile(backends, *arguments)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith(f"gateway: {said}")
    assert done.stderr.count("\n") == 1


@contextmanager
def served(backends: Backends) -> Iterator[str]:
    """A gateway that shows timings to those who know its secret; the endpoint's URL."""
    port = free_port()
    env = {
        **os.environ,
        **backends.environment,
        "GATEWAY_EXPLAIN__TRACE_HEADER": "signed",
        "GATEWAY_TRACE_SECRET": SECRET,
    }
    command = [sys.executable, "-m", "gateway", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)

    def is_ready() -> bool:
        try:
            url = f"http://127.0.0.1:{port}/health/ready"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    try:
        wait_until(is_ready, "the gateway", 60)
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        process.terminate()
        process.wait(30)


def test_a_gateway_elsewhere_tells_who_knows_its_secret(backends: Backends) -> None:
    with served(backends) as url:
        done = profile(backends, QUERY, "-n", "3", "--url", url, GATEWAY_TRACE_SECRET=SECRET)
        assert (done.returncode, done.stderr) == (0, "")
        assert "the median of 3 runs" in done.stdout
        assert "GET /channels" in done.stdout
        for secret in ("", "another secret altogether"):
            done = profile(backends, QUERY, "--url", url, GATEWAY_TRACE_SECRET=secret)
            assert done.returncode == 2
            assert "tells no timings: set explain.trace_header" in done.stderr


async def test_the_page_needs_nothing_else(backends: Backends, tmp_path: Path) -> None:
    if chromium() is None:
        pytest.skip("Chromium is not installed")
    file = tmp_path / "profile.html"
    done = profile(backends, QUERY, "-n", "5", "--html", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    async with browser_page() as page:
        await page.open(file.as_uri())
        await page.until("document.querySelectorAll('.waterfall').length == 2")
        names = await page.evaluate(
            "[...document.querySelectorAll('.waterfall')[0].querySelectorAll('.name')].map(e => e.textContent)"
        )
        assert names[:3] == ["graphql.query", "Query.videos", "GET /videos"]
        widths = await page.evaluate(
            "[...document.querySelectorAll('.lane i')].map(e => e.getBoundingClientRect().width)"
        )
        assert min(widths) >= 2
        assert widths[0] == max(widths)
        assert await page.evaluate("document.querySelectorAll('svg.flame rect').length") > 5
        code = await page.evaluate("document.querySelector('pre.code').textContent")
        assert "def part_0(run):" in code
        heavy = await page.evaluate("[...document.querySelectorAll('td')].map(e => e.textContent)")
        assert not [text for text in heavy if "select (selectors.py)" in text], "waiting is no work"
        assert re.search(r"^\d+\.\d%", code, re.MULTILINE), "no line of the code was seen at work"
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
            "it scrolls sideways"
        )
        await page.call(
            "Emulation.setDeviceMetricsOverride",
            width=390,
            height=844,
            deviceScaleFactor=1,
            mobile=True,
        )
        await page.until("window.innerWidth <= 390")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        title = await page.evaluate("document.title")
        assert re.fullmatch(r".+, [\d.]+ .?s: \S+, \d{4}-\d\d-\d\d \d\d:\d\d UTC", title), title
        assert (page.foreign, page.complaints) == ([], [])


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (640, "640 ns"),
        (12_345, "12.3 µs"),
        (999_400, "999 µs"),
        (999_600, "1.00 ms"),
        (9_996_000, "10.0 ms"),
        (99_960_000, "100 ms"),
        (999_600_000, "1.00 s"),
        (1_200_000_000, "1.20 s"),
    ],
)
def test_a_time_has_three_digits(nanoseconds: float, text: str) -> None:
    assert time_text(nanoseconds) == text
