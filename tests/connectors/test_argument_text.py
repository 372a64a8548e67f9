"""Arguments that are no text in Python, dates and UUIDs, are the text that JSON has for them wherever they stand."""

from __future__ import annotations

import decimal
import enum
import uuid
from pathlib import Path

import pytest

from gateway.connectors.mapping.values import scalar_text
from tests.connectors.scenario import SOURCE, Scenario, execute

ID = "12345678-1234-1234-1234-123456789abc"
WHEN = "2026-11-29T10:00:00+00:00"
SENT = WHEN.replace(":", "%3A").replace("+", "%2B")
SDL = (
    SOURCE
    + """scalar DateTime scalar UUID
  type Query { a(at: DateTime, id: UUID): Int @connect(source: "b", selection: "$", http: {
    GET: "/{$args.id}?at={$args.at}" queryParams: "id: $args.id" headers: [{ name: "x-at", value: "at {$args.at}" }] }) }
  type Mutation { a(at: DateTime, id: UUID): Int @connect(source: "b", selection: "$", http: { POST: "/f" body: "at: $args.at id: $args.id"
    headers: [{ name: "content-type", value: "application/x-www-form-urlencoded" }] }) }"""
)


@pytest.mark.parametrize("dialect", ["json", "php"])
async def test_dates_and_uuids(dialect: str, tmp_path: Path) -> None:
    call = f'{{ a(at: "{WHEN}", id: "{ID}") }}'
    tables = {"sources": {"b": {"dialect": dialect}}}
    lines = []
    for query in (call, f"mutation {call}"):
        scenario = Scenario(SDL, query, lambda _: 1, None, (), tables=tables)
        result, asked = await execute(scenario, tmp_path)
        assert result.errors == []
        lines += [request.line for request in asked]
        if query == call:
            assert ("x-at", f"at {WHEN}") in asked[0].headers
    assert lines == [f"GET /{ID}?at={SENT}&id={ID}", f"POST /f at={SENT}&id={ID}"]


def test_what_has_no_text_has_none() -> None:
    class Size(enum.Enum):
        SMALL = "s"

    assert scalar_text(decimal.Decimal("1.5")) is None
    assert scalar_text(object()) is None
    assert scalar_text(Size.SMALL) == "s"
    assert scalar_text(uuid.UUID(ID)) == ID
    assert [scalar_text(value) for value in (True, 1, 1.5, 2**70)] == [
        "true",
        "1",
        "1.5",
        str(2**70),
    ]
