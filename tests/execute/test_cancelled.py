"""A resolver that raises CancelledError though nobody has cancelled it: its field fails, and the client is answered."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.telemetry.records import line_of
from gateway.testing import GatewayClient
from tests.response.test_error_bounds import MANY, USED

SDL = "type Query { row: Row one: Int two: Int } type Row { id: ID child: Int other: Int }"
RESOLVERS = """
import asyncio
from gateway import batch_resolver, resolver


@resolver("Query.row")
def row(parent, context):
    return {"id": 1}


@resolver("Query.one")
async def one(parent, context):
    raise asyncio.CancelledError


@resolver("Query.two")
async def two(parent, context):
    await asyncio.sleep(0.001)
    return 2


@batch_resolver("Row.child")
async def child(rows, context):
    inner = asyncio.ensure_future(asyncio.sleep(9))
    inner.cancel()
    await inner


@resolver("Row.other")
async def other(parent, context):
    await asyncio.sleep(0)
    raise asyncio.CancelledError
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "s.graphql").write_text(SDL)
    (tmp_path / "cancelled_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(
        '[graph]\nschema = ["s.graphql"]\nresolvers = "cancelled_resolvers"\n'
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("cancelled_resolvers", None)


@pytest.mark.parametrize(
    ("query", "data", "paths"),
    [
        ("{ one }", {"one": None}, [["one"]]),
        ("{ one two }", {"one": None, "two": 2}, [["one"]]),
        ("{ row { id child } }", {"row": {"id": "1", "child": None}}, [["row", "child"]]),
        (
            "{ two row { child other } }",
            {"two": 2, "row": {"child": None, "other": None}},
            [["row", "child"], ["row", "other"]],
        ),
    ],
)
async def test_it_is_the_error_of_its_field(
    project: Path, query: str, data: object, paths: list[object]
) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute(query)
    assert result.data == data
    assert [error["path"] for error in result.errors] == paths
    codes = {error["extensions"]["code"] for error in result.errors}
    assert codes == {"INTERNAL_SERVER_ERROR"}


async def test_on_graphql_core_it_is_the_error_of_the_request(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = f"query ({MANY}) {{ one row {{ {USED} }} }}"
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute(text)
    assert result.status == 500
    (error,) = result.errors
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["extensions"]["errorId"] in [
        line_of(item).get("error_id") for item in caplog.records
    ]


async def test_a_client_that_leaves_as_loads_begin_leaves_none_that_was_never_awaited(
    project: Path,
) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        await client.execute("{ two again: two }")
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for turns in range(40):  # in one of them the loads begin
                asking = asyncio.create_task(client.execute("{ two again: two }"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking.cancel()
                await asyncio.wait([asking])
            gc.collect()
    assert [str(one.message) for one in told] == []
