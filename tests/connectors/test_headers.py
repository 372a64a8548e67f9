"""Headers on the wire: those of the directives, those of `[headers]`, and what is never sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import parse

from gateway.app.config import build_config
from gateway.connectors.bind import bind_connectors
from gateway.connectors.request.header_rules import apply_rules
from gateway.connectors.settings import ConnectorSettings, HeaderSettings
from gateway.errors import ConfigError
from gateway.graph.schema import build_schema
from gateway.settings.headers import UNSETTABLE
from gateway.upstream.http1.request_head import FRAMING
from tests.connectors.scenario import LINK, Scenario, execute

CLIENT = {
    "authorization": ["t"], "x-a": ["1", "2"], "x-b": ["3"], "te": ["x"], "host": ["h"],
    "connection": ["keep-alive, X-Hop"], "x-hop": ["4"], "expect": ["100-continue"], "proxy-connection": ["close"],
}  # fmt: skip


def rules(*given: dict[str, Any], **sources: list[dict[str, Any]]) -> HeaderSettings:
    tables = {name: {"request": value} for name, value in sources.items()}
    return build_config({"headers": {"all": {"request": list(given)}, "sources": tables}}).headers


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], []),
        ([{"propagate": {"named": "X-A"}}], [("x-a", "1"), ("x-a", "2")]),
        ([{"propagate": {"named": "x-b", "rename": "X-C"}}], [("x-c", "3")]),
        ([{"propagate": {"named": "x-z", "default": "d"}}], [("x-z", "d")]),
        ([{"propagate": {"named": "x-z"}}], []),
        ([{"propagate": {"matching": "^x-"}}], [("x-a", "1"), ("x-a", "2"), ("x-b", "3")]),
        ([{"propagate": {"matching": "^(te|host|expect|proxy-connection)$"}}], []),
        ([{"propagate": {"named": "x-hop"}}], [("x-hop", "4")]),  # whoever names it wants it
        (
            [{"propagate": {"matching": "^x-"}}, {"remove": {"named": "X-A"}}],
            [("x-b", "3")],
        ),
        ([{"propagate": {"named": "x-b"}}, {"remove": {"matching": "b$"}}], []),
        ([{"remove": {"named": "x-b"}}, {"propagate": {"named": "x-b"}}], [("x-b", "3")]),
        (
            [{"propagate": {"named": "x-a"}}, {"insert": {"name": "X-A", "value": "9"}}],
            [("x-a", "9")],
        ),
        ([{"propagate": {"named": "x-b"}}, {"propagate": {"matching": "b"}}], [("x-b", "3")]),
    ],
)
def test_rules_in_order(given: list[dict[str, Any]], sent: list[tuple[str, str]]) -> None:
    assert apply_rules(rules(*given).rules("b"), CLIENT) == sent


def test_what_the_transport_refuses_is_never_passed_on() -> None:
    assert FRAMING <= UNSETTABLE


def test_a_sources_rules_come_after_those_for_all() -> None:
    settings = rules({"propagate": {"named": "x-b"}}, legacy=[{"remove": {"named": "x-b"}}])
    assert apply_rules(settings.rules("legacy"), CLIENT) == []
    assert apply_rules(settings.rules("other"), CLIENT) == [("x-b", "3")]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"propagate": {}},
        {"propagate": {"named": "a", "matching": "b"}},
        {"propagate": {"matching": "("}},
        {"propagate": {"matching": "a", "rename": "b"}},
        {"propagate": {"named": "Host"}},
        {"propagate": {"named": "a", "rename": "content-length"}},
        {"propagate": {"named": "a", "default": "x\r\ny: z"}},
        {"insert": {"name": "a b", "value": "x"}},
        {"insert": {"name": "TE", "value": "x"}},
        {"insert": {"name": "a", "value": "x\ny"}},
        {"insert": {"name": "a", "value": "🙂"}},
        {"insert": {"name": "a", "value": "x"}, "remove": {"named": "a"}},
        {"remove": {"named": "a", "unknown": 1}},
    ],
)
def test_a_wrong_rule_ends_the_start(rule: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="headers"):
        rules(rule)


SDL = f"""{LINK} @source(name: "b", http: {{ baseURL: "BASE" headers: [
    {{ name: "X-Both", value: "source" }} {{ name: "x-from", from: "X-Given" }} ] }})
type Query {{ a(v: String): Int @connect(source: "b", http: {{ GET: "/a" headers: [
    {{ name: "x-both", value: "own {{$args.v}}" }} {{ name: "x-list", value: "{{$request.headers.x->echo(@)}}" }} ]
  }}, selection: "$.n") }}"""


def scenario(value: str) -> Scenario:
    return Scenario(
        SDL,
        "query($v: String) { a(v: $v) }",
        {"/a": {"n": 1}},
        {"a": 1},
        (),
        variables={"v": value},
        headers={"x-given": "g", "x-secret": "s", "cookie": "c=1"},
    )


async def test_the_directives_headers_and_no_others(tmp_path: Path) -> None:
    result, (asked,) = await execute(scenario("é/1"), tmp_path)
    assert result.data == {"a": 1}
    found = [
        header
        for header in asked.headers
        if header[0] in ("x-both", "x-list", "x-from", "x-secret")
    ]
    assert found == [("x-both", "own é/1"), ("x-from", "g")]
    assert "cookie" not in dict(asked.headers)


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\x00b", "a\x7f", "🙂"])
async def test_a_value_cannot_begin_another_header(value: str, tmp_path: Path) -> None:
    result, asked = await execute(scenario(value), tmp_path)
    assert asked == []
    assert result.data == {"a": None}
    assert result.errors[0]["extensions"]["code"] == "INVALID_REQUEST_VALUE"


def test_the_directives_headers_stand_above_the_rules() -> None:
    document = parse(SDL.replace("BASE", "https://h"))
    schema, _ = build_schema(document)
    assert schema is not None
    settings = rules(
        {"propagate": {"matching": "^x-"}}, {"insert": {"name": "x-both", "value": "r"}}
    )
    bound = bind_connectors(
        schema,
        document,
        settings=ConnectorSettings(),
        sources={},
        env={},
        resolved=(),
        headers=settings,
    )
    sent = bound.loaders[0].call.builder.headers({"args": {"v": "1"}}, {"x-secret": ["s"]})
    assert sent == [("x-both", "own 1"), ("x-secret", "s")]
