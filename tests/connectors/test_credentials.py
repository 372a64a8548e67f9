"""A user name or password in a backend's URL is refused at the start, and in no line of a log."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from gateway.app.build import build_graph
from gateway.app.config import build_config
from gateway.errors import ConfigError
from gateway.settings.urls import without_credentials
from gateway.testing import GatewayClient
from gateway.upstream.http1.request_head import BadRequest, parse_origin, split_url
from tests.support.backend import Asked, backend

SDL = """extend schema @link(url: "https://specs.apollo.dev/connect/v0.2", import: ["@source", "@connect"])
  @source(name: "b", http: { baseURL: "BASE" })
type Query { a: String @connect(source: "b", http: { GET: "/a" }, selection: "$.a")
  own: String @connect(http: { GET: "OWN" }, selection: "$.a") }
"""
SECRET = "s3cret-word"
PLAIN = "http://127.0.0.1:1"


def findings(folder: Path, base: str = PLAIN, own: str = PLAIN, url: str = "") -> list[str]:
    """What check finds, or the error that ends the start."""
    (folder / "schema.graphql").write_text(SDL.replace("BASE", base).replace("OWN", own))
    tables = {
        "graph": {"schema": ["schema.graphql"]},
        "sources": {"b": {"url": url}} if url else {},
    }
    env = {"PASSWORD": SECRET, "HOST": f"http://ann:{SECRET}@127.0.0.1:1"}
    try:
        graph = build_graph(build_config(tables), folder, env)
    except ConfigError as exc:
        return [exc.render()]
    return [finding.render() for finding in graph.errors]


@pytest.mark.parametrize(
    "where",
    [
        {"base": f"http://ann:{SECRET}@127.0.0.1:1/v1"},
        {"base": f"https://{SECRET}@127.0.0.1"},
        {"base": "http://ann:{$env.PASSWORD}@127.0.0.1:1"},
        {"base": "{$env.HOST}/v1"},
        {"own": f"http://ann:{SECRET}@127.0.0.1:1/a"},
        {"url": f"http://ann:{SECRET}@127.0.0.1:1"},
    ],
)
def test_they_are_refused_at_the_start(tmp_path: Path, where: dict[str, str]) -> None:
    [found] = findings(tmp_path, **where)
    assert "user name or a password" in found
    assert "authorization" in found, "it says what to do"
    assert SECRET not in found


@pytest.mark.parametrize(
    "base", [PLAIN + "/a@b", PLAIN + "?to=ann@x", "http://127.0.0.1:1/~ann:x@y"]
)
def test_an_at_sign_behind_the_host_is_no_credential(tmp_path: Path, base: str) -> None:
    assert findings(tmp_path, base=base) == []


RESOLVERS = """
from gateway import resolver


@resolver("Query.asks")
async def asks(parent, context, url):
    answer = await context.http.get(url)
    return answer.text
"""


async def test_those_that_a_resolver_gives_are_a_header(tmp_path: Path) -> None:
    def told(asked: Asked) -> str:
        return dict(asked.headers).get("authorization", "none") + " " + asked.target

    (tmp_path / "schema.graphql").write_text("type Query { asks(url: String!): String }")
    (tmp_path / "credential_resolvers.py").write_text(RESOLVERS)
    graph = {"schema": ["schema.graphql"], "resolvers": "credential_resolvers"}
    async with (
        backend(told) as server,
        GatewayClient(build_config({"graph": graph}), base=tmp_path) as client,
    ):
        url = server.url.replace("http://", f"http://ann:{SECRET}@") + "/a?b=c@d"
        result = await client.execute("query ($url: String!) { asks(url: $url) }", {"url": url})
    basic = base64.b64encode(f"ann:{SECRET}".encode()).decode()
    assert result.data == {"asks": f'"Basic {basic} /a?b=c@d"'}


@pytest.mark.parametrize(
    "url",
    [
        "http://ann:s3cret-word@host:x",
        "ftp://ann:s3cret-word@host",
        "http://ann:s3cret-word@host:0",
    ],
)
def test_no_error_shows_them(url: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_origin(url)
    assert SECRET not in str(refused.value)
    with pytest.raises(BadRequest) as refused:
        split_url(url + "/ /")
    assert SECRET not in str(refused.value)
    assert without_credentials(url).count("***@host") == 1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://ann:s3cret-word@host/a?b=c@d", "http://***@host/a?b=c@d"),
        ("http://ann:s3cret/word@host/a", "http://***@host/a"),
        ("redis://:12/s3cret-word@host", "redis://***@host"),
        ("http://host:8080/@scope/name", "http://host:8080/@scope/name"),
        ("http://[::1]:8080/@scope", "http://[::1]:8080/@scope"),
    ],
)
def test_a_url_is_shown_without_them(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "http://ann:s3cret-word@127.0.0.1:99999",
        "http://ann:s3cret-word@",
        "http://ann:s3cret-word/+@host",
        "http://ann:s3cret-word@ho st/{$config.x}",
        "ann:s3cret-word@host",
    ],
)
def test_no_report_of_a_schema_shows_them(tmp_path: Path, url: str) -> None:
    for lines in (findings(tmp_path, base=url), findings(tmp_path, own=f"{url}/own")):
        assert lines
        assert not [line for line in lines if "s3cret" in line or "ann" in line]


def test_no_error_of_a_configured_url_shows_them() -> None:
    for table in (
        {"redis": {"url": "redis://u:s3cret/word@host"}},
        {"sources": {"a": {"url": "http://u:s3cret/word@h"}}},
    ):
        with pytest.raises(ConfigError) as refused:
            build_config(table)
        assert [
            one for one in (refused.value, *refused.value.others) if "s3cret" in one.render()
        ] == []
