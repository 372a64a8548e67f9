"""A login at the demo's PHP monolith through the gateway: its session is kept, and another user's is never seen."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from demo.backends import Backends, start_backends
from gateway.app.config import Config, load_config
from gateway.app.gateway import create_app
from gateway.connectors.header_rule_settings import PropagateResponseHeader as Propagate
from gateway.connectors.header_rule_settings import ResponseHeaderRule
from gateway.connectors.settings import HeaderRules, HeaderSettings
from gateway.testing import GatewayClient
from tests.e2e.conftest import ROOT
from tests.transport.browser import Page, browser_page, chromium
from tests.transport.served import served

LOG_IN = "mutation LogIn($input: LogInInput!) { logIn(input: $input) { account { id name } } }"
LOG_OUT = "mutation { logOut { loggedOut } }"
ACCOUNT = "query Account { account { id name } }"
# 1,000 requests take minutes of PHP's built-in server: `LOGIN_REQUESTS=1000` runs them.
USERS, REQUESTS = 50, int(os.environ.get("LOGIN_REQUESTS", "200"))


@pytest.fixture(scope="module")
def slow() -> Iterator[Backends]:
    """A monolith that takes its time, so that requests meet."""
    with start_backends(names=["monolith"], env={"DEMO_MONOLITH_LATENCY_MS": "4"}) as started:
        yield started


def config(backends: Backends, **more: str) -> Config:
    return load_config(ROOT / "gateway.toml", {**backends.environment, **more})


async def in_page(page: Page, query: str, variables: Any = None) -> Any:
    """What a script of the page gets for an operation: the browser keeps and sends the cookies."""
    body = json.dumps(json.dumps({"query": query, "variables": variables}))
    return await page.evaluate(
        f"""fetch('/graphql', {{method: 'POST', headers: {{'content-type': 'application/json'}}, body: {body}}})
        .then(answer => answer.json())"""
    )


@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
async def test_a_login_in_a_browser_is_kept(slow: Backends) -> None:
    app = create_app(config(slow), base=ROOT)
    async with served(app) as gateway, browser_page() as page, httpx.AsyncClient() as other:
        await page.open(gateway.url)
        await page.until("document.readyState === 'complete'")
        assert (await in_page(page, ACCOUNT))["data"] == {"account": None}
        given = {"input": {"userId": "u7", "password": "demo"}}
        logged_in = (await in_page(page, LOG_IN, given))["data"]["logIn"]["account"]
        assert logged_in["id"] == "u7"
        await page.call("Page.reload")
        await page.until("document.readyState === 'complete'")
        assert (await in_page(page, ACCOUNT))["data"] == {"account": logged_in}
        # The cookie is the browser's to send, and no script's to read.
        assert await page.evaluate("document.cookie") == ""
        kept = (await page.call("Network.getCookies", urls=[gateway.url]))["cookies"]
        assert [(cookie["name"], cookie["httpOnly"]) for cookie in kept] == [("DEMOSESSION", True)]
        answer = await other.post(gateway.url, json={"query": ACCOUNT})
        assert answer.json()["data"] == {"account": None}
        assert (await in_page(page, LOG_OUT))["data"] == {"logOut": {"loggedOut": True}}
        assert (await in_page(page, ACCOUNT))["data"] == {"account": None}


def with_rule_for_reads(settings: Config) -> Config:
    """Reads may set cookies too: their operations are one client's each."""
    rule = ResponseHeaderRule(propagate=Propagate(named="set-cookie"))
    return replace(
        settings, headers=HeaderSettings(sources={"monolith": HeaderRules(response=(rule,))})
    )


@pytest.mark.parametrize("reads_set_cookies", [False, True])
async def test_no_user_sees_another_ones_session(slow: Backends, reads_set_cookies: bool) -> None:
    settings = config(slow)
    if reads_set_cookies:
        settings = with_rule_for_reads(settings)
    order = [f"u{number % USERS + 1}" for number in range(REQUESTS)]
    random.Random(7).shuffle(order)
    app = create_app(settings, base=ROOT)
    limits = httpx.Limits(max_connections=40)
    async with served(app) as gateway, httpx.AsyncClient(timeout=60, limits=limits) as http:
        cookies: dict[str, str] = {}

        async def ask(query: str, user: str, variables: Any = None) -> httpx.Response:
            headers = {"cookie": cookies[user]} if user in cookies else {}
            answer = await http.post(
                gateway.url, json={"query": query, "variables": variables}, headers=headers
            )
            http.cookies.clear()  # one client object for all of them has no jar
            return answer

        async def log_in(user: str) -> None:
            answer = await ask(LOG_IN, user, {"input": {"userId": user, "password": "demo"}})
            assert answer.json()["data"]["logIn"]["account"]["id"] == user
            assert answer.headers.get_list("set-cookie") == [answer.headers["set-cookie"]]
            cookies[user] = answer.headers["set-cookie"].partition(";")[0]

        async def check(user: str) -> None:
            answer = await ask(ACCOUNT, user)
            assert answer.json()["data"]["account"]["id"] == user
            assert "set-cookie" not in answer.headers

        await asyncio.gather(*(log_in(user) for user in dict.fromkeys(order)))
        assert len(set(cookies.values())) == USERS
        await asyncio.gather(*(check(user) for user in order))
        sharing = app.worker.serving().pipeline.sharing
        assert (sharing.shared > 0) == (not reads_set_cookies)
        assert (sharing.led > 0) == (not reads_set_cookies)


async def test_a_refused_login_gives_no_session(slow: Backends) -> None:
    async with GatewayClient(config(slow), base=ROOT) as client:
        wrong = await client.execute(LOG_IN, {"input": {"userId": "u1", "password": "x"}})
        assert [error["extensions"]["code"] for error in wrong.errors] == ["WRONG_PASSWORD"]
        assert "set-cookie" not in wrong.headers
