"""Several `Cookie` headers are one: on every way to a resolver, and on the way to a backend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.auth.cookies import find_cookie
from gateway.client.request import ClientRequest
from gateway.transport.http.asgi import read_headers
from gateway.transport.server.protocols import HttpProtocol
from tests.support.backend import Asked, backend
from tests.transport.served import served

SCHEMA = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.2", import: ["@source", "@connect"])
  @source(name: "b", http: { baseURL: "http://b.invalid" })
type Query {
  own: String
  backend: String @connect(source: "b", http: { GET: "/q" }, selection: "$.cookie")
}
type Mutation {
  own: String
  backend: String @connect(source: "b", http: { POST: "/m", body: "$({})" }, selection: "$.cookie")
}
type Subscription { own: String }
"""
RESOLVERS = """
from gateway import resolver, subscription


@resolver("Query.own", vary=["cookie"])
async def own(parent, context):
    return context.headers["cookie"]


@resolver("Mutation.own")
async def own_of_mutation(parent, context):
    assert context.header_values["cookie"] == [context.headers["cookie"]]
    return context.headers["cookie"]


@subscription("Subscription.own")
async def events(root, context):
    yield context.headers["cookie"]
"""
CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "cookie_resolvers"
[logs]
access = "off"
[sources.b]
session_cookie = "SID"
"""
COOKIES = [("cookie", "theme=dark; lang=de"), ("cookie", "SID=s1"), ("cookie", "last=1")]
WHOLE = "theme=dark; lang=de; SID=s1; last=1"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "cookie_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(CONFIG)
    return tmp_path / "gateway.toml"


def told(asked: Asked) -> Any:
    return {"cookie": "; ".join(value for name, value in asked.headers if name == "cookie")}


@pytest.mark.parametrize("http", [HttpProtocol, "h11"], ids=["protocol", "asgi"])
@pytest.mark.parametrize("operation", ["query", "mutation"])
async def test_the_session_is_the_same_on_every_way(
    project: Path, http: Any, operation: str
) -> None:
    async with backend(told) as server:
        config = project.read_text() + f'url = "{server.url}"\n'
        project.write_text(config)
        async with served(project, http) as running, httpx.AsyncClient() as client:
            body = {"query": f"{operation} {{ own backend }}"}
            answer = await client.post(running.url, json=body, headers=COOKIES)
    assert answer.json() == {"data": {"own": WHOLE, "backend": "SID=s1"}}


async def test_a_subscription_sees_the_same(project: Path) -> None:
    async with served(project) as running, httpx.AsyncClient() as client:
        accept = [("accept", "text/event-stream"), *COOKIES]
        body = {"query": "subscription { own }"}
        answer = await client.post(running.url, json=body, headers=accept)
    assert json.dumps({"data": {"own": WHOLE}}, separators=(",", ":")) in answer.text


def test_cookies_are_joined_as_pairs_and_other_headers_as_lists() -> None:
    sent = [(b"cookie", b"a=1"), (b"x", b"1"), (b"cookie", b"b=2"), (b"x", b"2")]
    headers, repeated = read_headers(sent)
    assert headers == {"cookie": "a=1; b=2", "x": "1, 2"}
    assert repeated == {"x": ["1", "2"]}
    assert ClientRequest(headers, repeated).values == {"cookie": ["a=1; b=2"], "x": ["1", "2"]}
    assert find_cookie(headers["cookie"], "b") == "2"
