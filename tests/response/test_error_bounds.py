"""Errors of an answer: each exception is logged once, there are so many and no more, and none shows a value."""

from __future__ import annotations

import gc
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import value_of
from gateway.context import Context
from gateway.pipeline.feed import Stream
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.telemetry.records import line_of
from gateway.testing import GatewayClient

SDL = """
scalar Money
enum Color { RED }
interface Thing { id: ID }
type Book implements Thing { id: ID }
union Any = Book | Row
type Query { rows(n: Int!): [Row!] own(n: Int!): [Int] value: Row }
type Subscription { events: Row }
type Row {
  id: ID child: Int must: Int! text: String int: Int float: Float flag: Boolean ids: [ID!] color: Color
  money: Money thing: Thing any: [Any!] book: Book texts: [String!]! grid: [[Int]] list: [Int]
  self: Row
}
"""
RESOLVERS = """
from gateway import ClientError, batch_resolver, resolver, scalar, subscription

calls = []
FIELDS = "text int float flag color money thing list".split()


@scalar("Money")
class Money:
    @staticmethod
    def serialize(value):
        raise ValueError(f"no money: {value}")


@resolver("Query.rows")
def rows(parent, context, n):
    return [{"id": i, "must": None} for i in range(n)]


@batch_resolver("Row.child")
async def child(rows, context):
    calls.append(len(rows))
    raise RuntimeError("the secret tok_51f")


@resolver("Query.own")
def own(parent, context, n):
    return [RuntimeError(f"tok_51f {i}") for i in range(n)]


def secret_row():
    secret = {"session_token": "tok_51f"}
    row = dict.fromkeys(FIELDS, secret)
    row |= {"ids": [secret], "texts": ["fine", secret], "grid": [[1], [secret]], "list": "tok_51f"}
    row |= {"thing": {"__typename": "tok_51f"}, "any": [{"__typename": "tok_51f"}]}
    row["book"] = {"id": secret}
    return row


@resolver("Query.value")
def value(parent, context):
    return secret_row()


@resolver("Row.self")
def self_(parent, context):
    return secret_row()


@subscription("Subscription.events")
async def events(root, context):
    yield secret_row()
"""
FIELDS = "text int float flag ids color money thing { id } any { ... on Book { id } } book { id } grid list"
MANY = ", ".join(f"$v{i}: Boolean = true" for i in range(9))
USED = " ".join(f"id @include(if: $v{i})" for i in range(9))
WAYS = {
    "compiled": "{ value { FIELDS } }",
    "below a resolver": "{ value { self { FIELDS } } }",
    "fallback": f"query ({MANY}) {{ value {{ {USED} FIELDS }} }}",
}


def asking(way: str, fields: str) -> str:
    return WAYS[way].replace("FIELDS", fields)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "s.graphql").write_text(SDL)
    (tmp_path / "bounds_resolvers.py").write_text(RESOLVERS)
    write(tmp_path, "")
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("bounds_resolvers", None)


def write(project: Path, more: str) -> None:
    text = (
        '[graph]\nschema = ["s.graphql"]\nresolvers = "bounds_resolvers"\n[logs]\naccess = "off"\n'
    )
    (project / "gateway.toml").write_text(text + more)


def entries(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "gateway.errors"]


async def test_one_exception_is_one_entry_and_one_id(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute("{ rows(n: 1000) { id child } }")
    assert result.data == {"rows": [{"id": str(i), "child": None} for i in range(1000)]}
    *shown, last = result.errors
    assert [error["path"] for error in shown] == [["rows", i, "child"] for i in range(100)]
    assert len({error["extensions"]["errorId"] for error in shown}) == 1
    assert last == {
        "message": "900 more errors are not shown: errors.max_errors is 100.",
        "extensions": {"code": "TOO_MANY_ERRORS", "count": 900},
    }
    (entry,) = entries(caplog)
    assert line_of(entry)["error_id"] == shown[0]["extensions"]["errorId"]


async def test_as_many_errors_as_there_may_be_are_all_shown(project: Path) -> None:
    write(project, "[errors]\nmax_errors = 3\n")
    async with GatewayClient(project / "gateway.toml") as client:
        three = await client.execute("{ rows(n: 3) { child } }")
        four = await client.execute("{ rows(n: 4) { child } }")
        nulled = await client.execute("{ rows(n: 9) { a: child must } }")
    assert [error["path"][1] for error in three.errors] == [0, 1, 2]
    assert [error["extensions"]["code"] for error in four.errors][2:] == [
        "INTERNAL_SERVER_ERROR",
        "TOO_MANY_ERRORS",
    ]
    assert nulled.data == {"rows": None}
    assert (
        len(nulled.errors) == 2
    )  # what comes after the null that reached the list is not looked at


async def test_what_is_beyond_the_bound_is_neither_logged_nor_named(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(project, "[errors]\nmax_errors = 5\n")
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute("{ own(n: 2000) }")
    assert result.data == {"own": [None] * 2000}
    assert result.errors[-1]["extensions"]["count"] == 1995
    assert len(entries(caplog)) == 5


async def test_the_fallback_has_the_same_bound(
    project: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "gateway.runtime.pauses.KEPT_S", 60.0
    )  # one batch, however slow the machine is
    text = asking("fallback", "child").replace("value", "rows(n: 200)")
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute(text)
    assert len(result.errors) == 101
    assert result.errors[-1]["extensions"]["count"] == 100
    assert len(entries(caplog)) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_no_value_stands_in_an_error(
    project: Path, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute(asking(way, FIELDS))
    assert "tok_51f" not in json.dumps([result.data, result.errors])
    messages = sorted(error["message"] for error in result.errors)
    assert messages == sorted(
        [
            "String cannot represent the value of field 'text'.",
            "Int cannot represent the value of field 'int'.",
            "Float cannot represent the value of field 'float'.",
            "Boolean cannot represent the value of field 'flag'.",
            "ID cannot represent the value of field 'ids'.",
            "Color cannot represent the value of field 'color'.",
            "Money cannot represent the value of field 'money'.",
            "Thing cannot represent the value of field 'thing'.",
            "Any cannot represent the value of field 'any'.",
            "ID cannot represent the value of field 'id'.",
            "Int cannot represent the value of field 'grid'.",
            "Expected Iterable, but did not find one for field 'Row.list'.",
        ]
    )
    assert {e["extensions"]["code"] for e in result.errors} == {"RESULT_COERCION_FAILED"}
    coded = [error for error in result.errors if "errorId" in error["extensions"]]
    assert len(coded) == len(result.errors) - 1  # a list's error says no value
    logged = "\n".join(json.dumps(line_of(record)) for record in entries(caplog))
    assert logged.count("tok_51f") >= len(coded)
    assert all(error["extensions"]["errorId"] in logged for error in coded)


async def test_without_a_mask_the_words_are_the_references(project: Path) -> None:
    write(project, "[errors]\nmask = false\n")
    async with GatewayClient(project / "gateway.toml") as client:
        for way in WAYS:
            result = await client.execute(asking(way, "text color money"))
            assert {error["message"] for error in result.errors} == {
                "String cannot represent value: {'session_token': 'tok_51f'}",
                "Enum 'Color' cannot represent value: {'session_token': 'tok_51f'}",
                "no money: {'session_token': 'tok_51f'}",
            }


async def payloads(client: GatewayClient, text: str) -> list[Any]:
    """The answers of an operation that has several."""
    request = ClientRequest({}, request_id="r")

    async def new_context() -> Context:
        return await value_of(client.app.worker.serving().new_context(request))

    serving = client.app.worker.serving()
    operation = Operation(GraphQLParams(text), request, serving)
    stream = await serving.subscriptions.answer(operation, new_context)
    assert isinstance(stream, Stream)
    return [orjson.loads(answer.body) async for answer in stream]


async def test_no_value_stands_in_an_event_or_a_deferred_payload(project: Path) -> None:
    write(project, "[incremental]\nenabled = true\n")
    async with GatewayClient(project / "gateway.toml") as client:
        (event,) = await payloads(client, f"subscription {{ events {{ {FIELDS} }} }}")
        parts = await payloads(client, f"{{ value {{ ... @defer {{ {FIELDS} }} }} }}")
        split = await payloads(client, "{ value { ids @stream ... @defer { book { id } } } }")
    assert len(event["errors"]) == 12
    assert "cannot represent the value" in json.dumps(parts)
    assert "cannot represent the value" in json.dumps(split)
    assert "tok_51f" not in json.dumps([event, parts, split])


async def test_errors_of_all_payloads_count_together(project: Path) -> None:
    write(project, "[incremental]\nenabled = true\n[errors]\nmax_errors = 5\n")
    text = "{ rows(n: 9) { id ... @defer { child } } }"
    async with GatewayClient(project / "gateway.toml") as client:
        _, *later = await payloads(client, text)
    errors = [
        error for payload in later for part in payload["incremental"] for error in part["errors"]
    ]
    codes = [error["extensions"]["code"] for error in errors]
    assert codes == ["INTERNAL_SERVER_ERROR"] * 5 + ["TOO_MANY_ERRORS"] * 4


LETS_GO = """
from weakref import ref
from gateway import UpstreamError, resolver, scalar

held = []


class Sent:
    pass


@scalar("Money")
class Money:
    @staticmethod
    def parse_value(value):
        sent = Sent()
        held.append(ref(sent))
        raise ValueError("no money")


@resolver("Query.raises")
def raises(parent, context):
    sent = Sent()
    held.append(ref(sent))
    raise RuntimeError("not today")


@resolver("Query.waits")
async def waits(parent, context):
    raises(parent, context)


@resolver("Query.paid")
def paid(parent, context, **arguments):
    return 1


@resolver("Query.fails")
def fails(parent, context):
    sent = Sent()
    held.append(ref(sent))
    raise UpstreamError("HTTP_CLIENT_ERROR", source="shop", detail="gone")
"""


@pytest.mark.parametrize(
    ("query", "is_traced"),
    [
        ("{ raises waits again: raises }", True),
        ("{ fails }", False),
        ("query ($m: Money) { paid(with: $m) }", False),
    ],
)
async def test_an_error_lets_go_what_was_sent_when_it_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, query: str, is_traced: bool
) -> None:
    module = f"lets_go_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(LETS_GO)
    (tmp_path / "schema.graphql").write_text(
        "scalar Money type Query { raises: Int waits: Int fails: Int paid(with: Money): Int }"
    )
    config = tmp_path / "gateway.toml"
    config.write_text(f'graph = {{ schema = ["schema.graphql"], resolvers = "{module}" }}')
    async with GatewayClient(config) as client:
        gc.disable()
        try:
            result = await client.execute(query, {"m": 1})
            assert result.errors
            tracebacks = [line_of(record).get("traceback", "") for record in caplog.records]
            for record in caplog.records:  # which pytest keeps
                record.exc_info = None
            held = sys.modules[module].held
            assert held
            assert [one() for one in held] == [None] * len(held)
        finally:
            gc.enable()
    assert any("in raises" in text for text in tracebacks) is is_traced
