"""GraphiQL: the page, its files and its policy; and in a real browser without a network."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from gateway.testing import GatewayClient
from gateway.transport.http import graphiql
from tests.transport.browser import browser_page, chromium
from tests.transport.served import served
from tests.transport.stream_project import stream_project

ROOT = Path(__file__).resolve().parent.parent.parent
HTML = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
SCHEMA = 'type Query { greeting(name: String! = "you"): String }\n'
RESOLVERS = """
from gateway import resolver


@resolver("Query.greeting")
def greeting(parent, context, name):
    return f"Hello, {name}!"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "s.graphql").write_text(SCHEMA)
    (tmp_path / "greeting_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(
        '[graph]\nschema = ["s.graphql"]\nresolvers = "greeting_resolvers"\n'
        "[http]\ngraphiql_query = '{ greeting(name: \"<Ada>\") }'\n"
        '[logs]\naccess = "off"\n'
    )
    return tmp_path


@pytest_asyncio.fixture
async def client(project: Path) -> AsyncIterator[GatewayClient]:
    async with GatewayClient(project / "gateway.toml") as started:
        yield started


async def test_a_browser_gets_the_page_and_others_an_answer(client: GatewayClient) -> None:
    page = await client.http.get("/graphql", headers=HTML)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;Ada&gt;" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "<script>" not in page.text
    assert "http" not in page.text.replace("http-equiv", "")
    query = await client.http.get("/graphql", params={"query": "{ __typename }"}, headers=HTML)
    assert query.json() == {"data": {"__typename": "Query"}}
    assert page.headers["vary"] == "accept"
    for accept in ("*/*", "application/json, text/html;q=0.5", "text/html;q=0"):
        other = await client.http.get("/graphql", headers={"accept": accept})
        assert other.headers["content-type"] != page.headers["content-type"]
    encoded = await client.http.get("/graphql?%71uery={__typename}", headers=HTML)
    assert encoded.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("name", sorted(graphiql.FILES))
async def test_the_pages_files_are_served_from_here(client: GatewayClient, name: str) -> None:
    if not graphiql.is_installed():
        pytest.skip("GraphiQL's files are not installed: npm is missing")
    answer = await client.http.get(f"/graphql/graphiql/{name}")
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = await client.http.get(
        f"/graphql/graphiql/{name}", headers={"if-none-match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert "content-length" not in again.headers


@pytest.mark.parametrize(
    "name", ["..%2Fhttp.py", "%2e%2e/http.py", "http.py", "VERSIONS", "start.js%00", "nothing.js"]
)
async def test_nothing_else_is_served(client: GatewayClient, name: str) -> None:
    answer = await client.http.get(f"/graphql/graphiql/{name}")
    assert answer.status_code == 404
    assert "import" not in answer.text


async def test_without_its_files_the_page_says_what_to_do(
    client: GatewayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphiql, "is_installed", lambda: False)
    page = await client.http.get("/graphql", headers=HTML)
    assert "GraphiQL is not installed" in page.text
    assert "scripts/graphiql.sh" in page.text


async def test_it_can_be_switched_off(project: Path) -> None:
    text = (project / "gateway.toml").read_text().replace("[http]", "[http]\ngraphiql = false")
    (project / "gateway.toml").write_text(text)
    async with GatewayClient(project / "gateway.toml") as client:
        assert (await client.http.get("/graphql", headers=HTML)).status_code != 200
        assert (await client.http.get("/graphql/graphiql/start.js")).status_code == 404


@pytest_asyncio.fixture
async def server(project: Path) -> AsyncIterator[str]:
    """The gateway as its own process; gives the endpoint's URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "serve", "--config", "gateway.toml", "--port", str(port),
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        writer.close()
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
async def test_in_a_browser_without_a_network(server: str, tmp_path: Path) -> None:
    if not graphiql.is_installed():
        pytest.skip("GraphiQL's files are not installed: npm is missing")
    async with browser_page() as page:
        await page.open(server)
        await page.until("document.querySelector('.graphiql-execute-button') !== null")
        assert "greeting" in await page.until(
            "document.querySelector('.graphiql-query-editor').innerText"
        )
        await page.evaluate("document.querySelector('.graphiql-execute-button').click()")
        answer = await page.until(
            "(t => t.includes('Hello') && t)(document.querySelector('.result-window').innerText)"
        )
        assert "Hello, <Ada>!" in answer
        # The schema came by introspection: the editor knows the field.
        await page.until("document.querySelector('.CodeMirror-lint-mark-error') === null")
        await page.screenshot(tmp_path / "graphiql.png")
        assert page.foreign == []
        assert page.complaints == []
    assert (tmp_path / "graphiql.png").stat().st_size > 10_000


@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
async def test_a_subscription_in_a_browser(tmp_path: Path) -> None:
    first = '[http]\ngraphiql_query = "subscription { said { text } }"\n'
    with stream_project(tmp_path, first) as config:
        async with (
            served(config) as server,
            browser_page() as page,
            aiohttp.ClientSession() as http,
        ):
            await page.open(server.url)
            await page.until("document.querySelector('.graphiql-execute-button') !== null")
            await page.until(
                "document.querySelector('.graphiql-query-editor').innerText.includes('said')"
            )
            await page.evaluate("document.querySelector('.graphiql-execute-button').click()")
            async with asyncio.timeout(30):
                while not server.app.worker.serving().subscriptions.streams.feeds:
                    await asyncio.sleep(0.01)
            for text in ("first", "second"):
                say = {"query": f'mutation {{ say(text: "{text}") }}'}
                async with http.post(server.url, json=say) as answer:
                    assert answer.status == 200
                await page.until(
                    f"document.querySelector('.result-window').innerText.includes('{text}')"
                )
            assert page.complaints == []
            await page.evaluate("document.querySelector('.graphiql-execute-button').click()")
            async with asyncio.timeout(30):
                while server.app.worker.serving().subscriptions.streams.feeds:
                    await asyncio.sleep(0.01)


@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
async def test_the_page_on_a_phone(project: Path) -> None:
    if not graphiql.is_installed():
        pytest.skip("GraphiQL's files are not installed: npm is missing")
    box = "document.querySelector('.graphiql-{}').getBoundingClientRect()"
    async with served(project / "gateway.toml") as server, browser_page() as page:
        await page.open(server.url)
        await page.call(
            "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True
        )  # fmt: skip
        await page.until("document.querySelector('.graphiql-execute-button') !== null")
        await page.until("window.innerWidth <= 390")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert await page.evaluate(f"{box.format('response')}.right") <= 390
        query_ends = await page.evaluate(f"{box.format('editors')}.bottom")
        assert await page.evaluate(f"{box.format('response')}.top") >= query_ends
        assert await page.evaluate(f"{box.format('response')}.width") > 250


TRACE = '[explain]\ntrace_header = "always"\n'


@pytest.mark.parametrize(("more", "said"), [("", "false"), (TRACE, "true")])
async def test_the_page_offers_timings_where_whoever_asks_gets_them(
    project: Path, more: str, said: str
) -> None:
    config = project / "gateway.toml"
    config.write_text(config.read_text() + more)
    async with GatewayClient(config) as client:
        page = await client.http.get("/graphql", headers=HTML)
    assert f'data-timings="{said}"' in page.text


@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
async def test_the_panel_of_timings_in_a_browser(project: Path) -> None:
    if not graphiql.is_installed():
        pytest.skip("GraphiQL's files are not installed: npm is missing")
    config = project / "gateway.toml"
    config.write_text(config.read_text() + TRACE)
    run = "document.querySelector('.graphiql-execute-button').click()"
    shown = "document.querySelector('.result-window').innerText"
    rows = "[...document.querySelectorAll('.timings-name')].map(n => n.firstChild.data)"
    async with served(config) as server, browser_page() as page:
        await page.open(server.url)
        await page.until("document.querySelector('.timings-bar') !== null")
        await page.until("document.querySelector('.graphiql-query-editor').innerText.includes('g')")
        # Closed, it asks for nothing.
        await page.evaluate(run)
        await page.until(f"{shown}.includes('Hello')")
        assert await page.evaluate(rows) == []
        # Open, it draws what the next answer says, and takes it out of what is shown.
        await page.evaluate("document.querySelector('.timings-bar').click()")
        await page.until("document.querySelector('.timings-hint') !== null")
        await page.evaluate(run)
        await page.until("document.querySelectorAll('.timings-row').length > 0")
        names = await page.evaluate(rows)
        assert [name for name in names if name not in ("parse", "validate", "plan")] == [
            "graphql.query", "Query.greeting", "shape", "encode"
        ]  # fmt: skip
        assert "Hello" in (answer := await page.evaluate(shown))
        assert "extensions" not in answer
        assert "1 step" in await page.evaluate("document.querySelector('.timings').innerText")
        step = names.index("Query.greeting")
        bar = f"document.querySelectorAll('.timings-track i')[{step}]"
        assert await page.evaluate(f"{bar}.className") == "step"
        whole = await page.evaluate(
            "document.querySelector('.timings-track').getBoundingClientRect().right"
        )
        assert 0 < await page.evaluate(f"{bar}.getBoundingClientRect().width") < whole
        assert await page.evaluate(f"{bar}.getBoundingClientRect().right") <= whole + 1
        # A row shows what its span says.
        await page.evaluate(f"document.querySelectorAll('.timings-row')[{step}].click()")
        details = await page.until("document.querySelector('.timings dl')?.innerText")
        assert "graphql.field.path" in details
        # It stays open for the next visit.
        await page.call("Page.reload")
        await page.until("document.querySelector('.timings-hint') !== null")
        assert page.foreign == []
        assert page.complaints == []
