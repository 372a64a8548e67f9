"""`gateway dev`: what is saved is served; what is broken is told, and the version before goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.transport.http import graphiql
from tests.cli.command import GATEWAY, ROOT, one_line, run_gateway
from tests.transport.browser import browser_page, chromium

SCHEMA = "type Query { hello: String! }\n"
RESOLVERS = 'from gateway import resolver\n\n\n@resolver("Query.hello", vary=())\ndef hello(parent, context):\n    return "Hello"\n'


class Dev:
    """A running `gateway dev` and what it has said."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        command: Sequence[str] = ("dev",),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.url_ = ""
        self.said: list[str] = []
        self._process = subprocess.Popen(
            [*GATEWAY, *command, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, words: str) -> str:
        """Read on to the line that has these words."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said.append(line.rstrip())
            if words in line:
                return line
        raise AssertionError(f"it ended without saying {words!r}: {self.said}")

    def url(self) -> str:
        """Where it answers, when it does."""
        line = self.until("; Ctrl-C ends it")
        self.url_ = line.removeprefix("gateway: ").partition(";")[0]
        return self.url_

    def save(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self._process.stderr is not None
        self._process.send_signal(how)
        try:
            self._process.stderr.read()
            return self._process.wait(30)
        finally:
            self._process.kill()
            self._process.stderr.close()


def ask(url: str, query: str, **headers: str) -> Any:
    request = urllib.request.Request(
        url,
        json.dumps({"query": query}).encode(),
        {
            "content-type": "application/json",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as answer:
        return json.load(answer)


def status(url: str) -> Any:
    with urllib.request.urlopen(f"{url}/graphiql/dev.json", timeout=30) as answer:
        return json.load(answer)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "dev_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(
        '[graph]\nschema = "schema.graphql"\nresolvers = "dev_resolvers"\n[logs]\naccess = "off"\n'
    )
    return tmp_path


@pytest.fixture
def dev(project: Path) -> Iterator[Dev]:
    started = Dev(project, "--port", "0")
    yield started
    started.end()


def test_what_is_saved_is_served(dev: Dev) -> None:
    url = dev.url()
    assert ask(url, "{ hello }") == {"data": {"hello": "Hello"}}
    dev.save("dev_resolvers.py", RESOLVERS.replace('"Hello"', '"Hi!!!"'))
    dev.until("dev_resolvers.py served after")
    assert ask(url, "{ hello }") == {"data": {"hello": "Hi!!!"}}
    dev.save("schema.graphql", SCHEMA.replace("String!", "[String!]"))
    dev.until("schema.graphql served after")
    assert ask(url, "{ hello }")["errors"]
    assert status(url) == {"version": 3, "problems": []}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("schema.graphql", "type Query {", "schema.graphql:1:13: Syntax Error"),
        ("dev_resolvers.py", "def hello(:\n", "dev_resolvers.py:1:11: graph.resolvers: the resolvers cannot be imported: SyntaxError"),
        ("gateway.toml", "[graph]\nschema = 3\n", "gateway.toml:2: graph.schema"),
        ("dev_resolvers.py", RESOLVERS + "\n\nfrom gateway import on_startup\n@on_startup\nasync def no(state):\n    raise RuntimeError('no database')\n", "the start failed: RuntimeError: no database"),
    ],
)  # fmt: skip
def test_what_is_broken_is_told_and_the_version_before_goes_on(
    dev: Dev, name: str, text: str, words: str
) -> None:
    url = dev.url()
    before = (dev.folder / name).read_text()
    dev.save(name, text)
    dev.until(words)
    dev.until("the version before goes on")
    assert ask(url, "{ hello }") == {"data": {"hello": "Hello"}}
    told = status(url)
    assert told["version"] == 1
    assert any(words in line for line in told["problems"])
    dev.save(name, before)
    dev.until(f"{name} served after")
    assert status(url) == {"version": 2, "problems": []}


def test_a_first_version_that_is_broken_shows_why_until_it_is_mended(project: Path) -> None:
    (project / "schema.graphql").write_text("type Query { hello: Strin }\n")
    dev = Dev(project, "--port", "0")
    try:
        line = dev.until("Unknown type 'Strin'")
        assert "schema.graphql:1:21" in line
        url = dev.until("shows what is wrong").removeprefix("gateway: ").partition(" ")[0]
        (error,) = ask(url, "{ hello }")["errors"]
        assert "Unknown type 'Strin'" in error["message"]
        request = urllib.request.Request(url, headers={"accept": "text/html"})
        with pytest.raises(urllib.error.HTTPError) as page:
            urllib.request.urlopen(request, timeout=30)
        assert page.value.code == 503
        assert b"Unknown type &#x27;Strin&#x27;" in page.value.read()
        page.value.close()
        dev.save("schema.graphql", SCHEMA)
        dev.until("schema.graphql served after")
        assert ask(url, "{ hello }") == {"data": {"hello": "Hello"}}
    finally:
        dev.end()


def test_a_developer_sees_errors_timings_and_plans(dev: Dev) -> None:
    url = dev.url()
    dev.save("dev_resolvers.py", RESOLVERS.replace('return "Hello"', "return 1 / 0"))
    dev.until("served after")
    answer = ask(url, "{ hello }", x_gateway_trace="true", x_gateway_plan="true")
    assert answer["errors"][0]["message"] == "division by zero"
    assert answer["extensions"].keys() >= {"trace", "plan"}


def test_its_log_is_for_people(project: Path) -> None:
    (project / "gateway.toml").write_text(
        (project / "gateway.toml").read_text().replace('access = "off"', 'access = "log.txt"')
    )
    dev = Dev(project, "--port", "0")
    try:
        ask(dev.url(), "query Hi { hello }")
        ask(dev.url_, "{ nope }")
    finally:
        dev.end()
    first, second = (project / "log.txt").read_text().splitlines()
    assert re.fullmatch(r"[\d:]{8}\.\d{3} 200 query Hi [\d.]+ ms", first)
    assert re.fullmatch(r"[\d:]{8}\.\d{3} \d+ request [\d.]+ ms, GRAPHQL_VALIDATION_FAILED", second)


def test_init_serves_at_once(tmp_path: Path) -> None:
    dev = Dev(tmp_path, command=("init", "blog", "--dev"), env={"GATEWAY_SERVER__PORT": "0"})
    try:
        assert ask(dev.url(), "{ posts { id } }")["data"]["posts"]
    finally:
        dev.end()


def test_requests_of_two_versions_have_different_ids(dev: Dev) -> None:
    url = dev.url()
    ids = []
    for text in ("1", "2"):
        request = urllib.request.Request(
            f"{url}?query=%7Bhello%7D", headers={"apollo-require-preflight": "1"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            ids.append(answer.headers["x-request-id"])
        dev.save("schema.graphql", SCHEMA + f"# {text}\n")
        dev.until("served after")
    assert len(set(ids)) == 2


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_and_lets_the_port_go(project: Path, how: signal.Signals) -> None:
    dev = Dev(project, "--port", "0")
    url = dev.url()
    assert dev.end(how) == 0
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(url, timeout=30)


def test_a_configured_port_in_use_is_replaced_and_one_that_is_asked_for_is_not(
    project: Path,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (project / "gateway.toml").open("a") as config:
            config.write(f"[server]\nport = {port}\n")
        dev = Dev(project)
        try:
            dev.until(f"port {port} is in use; taking another")
            assert ask(dev.url(), "{ hello }") == {"data": {"hello": "Hello"}}
        finally:
            dev.end()
        assert "is in use" in one_line(run_gateway("dev", "--port", str(port), cwd=project))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "there is no gateway.toml here"),
        (("nowhere",), "nowhere/gateway.toml: the configuration file cannot be read"),
        (("a", "--config", "b"), "give a folder, or --config and --schema"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in one_line(run_gateway("dev", *arguments, cwd=tmp_path))


@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
async def test_the_page_tells_what_is_wrong_and_comes_anew_with_a_new_version(dev: Dev) -> None:
    if not graphiql.is_installed():
        pytest.skip("GraphiQL's files are not installed: npm is missing")
    url = dev.url()
    panel = "document.querySelector('.dev-problems')"
    async with browser_page() as page:
        await page.open(url)
        await page.until("document.querySelector('.graphiql-execute-button') !== null")
        assert await page.evaluate(f"{panel}.hidden")
        dev.save("schema.graphql", "type Query {")
        await page.until(f"{panel}.innerText.includes('schema.graphql:1:13')")
        await page.evaluate("window.isOld = true")
        dev.save("schema.graphql", SCHEMA + "# mended\n")
        await page.until("window.isOld === undefined")
        await page.until(f"{panel}?.hidden")
        assert page.foreign == []
